// SPDX-License-Identifier: Apache-2.0
/* Stories of payload: that died on the way and got through later, or was no request at all. */
#include "tests/unit/correlate_story.h"

static void payload_dies(struct fixture *f, int64_t ms, const char *reason)
{
	FX_PACKET(f, ms, .n = 1, .peer_port = 4001, .hook = DS_HOOK_KFREE_SKB, .flags = "PSH|ACK",
		  .seq = 100, .payload = 50, .drop_reason = reason);
}

static const struct ds_event *dropped(struct fixture *f)
{
	return fx_only(f, DS_EVENT_DROP);
}

/* The retransmission after 200 ms was not seen to die: it got through. */
static void payload_that_was_sent_again_is_delayed(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	payload_dies(f, 1000, "NETFILTER_DROP");
	fx_ticks(f, 2000, 20000);
	assert_int_equal(drops(f), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
}

static void so_is_payload_that_died_a_few_times(void **state)
{
	static const int64_t at[] = { 1000, 1200, 1600, 2400, 4000, 5499 };
	struct fixture *f = *state;

	fx_serving(f);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		payload_dies(f, at[i], "NETFILTER_DROP");
	fx_ticks(f, 6000, 20000);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
}

/* The last one seen was so late that the next may not have come yet. */
static void payload_that_went_on_dying_is_rejected(void **state)
{
	static const int64_t at[] = { 1000, 1200, 1600, 2400, 4000, 7200 };
	struct fixture *f = *state;

	fx_serving(f);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		payload_dies(f, at[i], "NETFILTER_DROP");
	fx_ticks(f, 8000, 20000);
	assert_int_equal(dropped(f)->cause, DS_CAUSE_REJECTED);
	assert_int_equal(dropped(f)->drop_packets, 6);
}

/* A close within the window tells when payload came last. */
static void a_close_tells_that_payload_got_through(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	fx_terminating(f, 900, 1);
	for (int64_t ms = 1000; ms <= 7200; ms += 1550)
		payload_dies(f, ms, "NETFILTER_DROP");
	FX_CLOSING(f, 8000, .n = 1, .peer_port = 4001, .received = 50, .last_payload_ms = 7900,
		   .age_ms = 7500);
	fx_ticks(f, 9000, 14000);
	assert_int_equal(drops(f), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
}

static void payload_that_was_answered_by_a_reset_is_rejected(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	payload_dies(f, 1000, "NETFILTER_DROP");
	FX_PACKET(f, 1001, .n = 1, .peer_port = 4001, .hook = DS_HOOK_TAP_TX, .flags = "RST|ACK",
		  .from_pod = true);
	fx_ticks(f, 2000, 20000);
	assert_int_equal(dropped(f)->cause, DS_CAUSE_REJECTED);
}

/* Of a released address every sending is seen to die; a quiet one has been given up. */
static void payload_for_a_released_address_does_not_get_through(void **state)
{
	struct fixture *f = *state;

	released(f);
	payload_dies(f, 3000, "IP_RPFILTER");
	fx_ticks(f, 4000, 20000);
	assert_int_equal(dropped(f)->cause, DS_CAUSE_ADDRESS_RELEASED);
	assert_int_equal(dropped(f)->outcome, DS_OUTCOME_RP_FILTER);
}

/* An established connection is retransmitted on for as long as the balancer waits: no 502. */
static void a_kept_connection_to_a_dead_neighbour_times_out(void **state)
{
	struct fixture *f = *state;

	released(f);
	payload_dies(f, 3000, "NEIGH_FAILED");
	fx_syn_died(f, 3001, 1, 4002, 9);
	fx_ticks(f, 4000, 20000);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->symptom, DS_SYMPTOM_ALB_504);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->symptom, DS_SYMPTOM_ALB_502_AFTER_3S);
}

static void closing_after(struct fixture *f, int64_t last_segment, int64_t unread)
{
	struct ds_event ev = fx_socket_event(3000, 1, NULL, 4001, DS_SOCKET_CHANGE_CLOSING);

	DS_SET(&ev, REQUEST_OUTSTANDING, request_outstanding, true);
	DS_SET(&ev, RECEIVED_BYTES, received_bytes, 700);
	DS_SET(&ev, LAST_PAYLOAD_AT, last_payload_at, fx_at(2990));
	DS_SET(&ev, LAST_SEGMENT, last_segment_bytes, last_segment);
	DS_SET(&ev, UNREAD_BYTES, unread_bytes, unread);
	ds_core_feed(f->core, &ev);
	if (unread)
		FX_PACKET(f, 3000, .n = 1, .peer_port = 4001, .hook = DS_HOOK_SEND_RESET,
			  .scope = DS_SCOPE_POD, .from_pod = true,
			  .reset_reason = "TCP_ABORT_ON_CLOSE");
	fx_tick(f, 3500);
}

static void a_close_notify_that_nobody_read_is_no_request(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	closing_after(f, 24, 24);
	assert_int_equal(drops(f), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_CLOSED_IDLE), 1);
}

static void a_close_notify_that_was_read_is_none_either(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	closing_after(f, 31, 0);
	assert_int_equal(drops(f), 0);
}

static void what_is_longer_is_a_request(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	closing_after(f, 90, 90);
	assert_int_equal(dropped(f)->cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	assert_int_equal(dropped(f)->drop_confidence, DS_CONFIDENCE_HIGH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(payload_that_was_sent_again_is_delayed),
		FX_TEST(so_is_payload_that_died_a_few_times),
		FX_TEST(payload_that_went_on_dying_is_rejected),
		FX_TEST(a_close_tells_that_payload_got_through),
		FX_TEST(payload_that_was_answered_by_a_reset_is_rejected),
		FX_TEST(payload_for_a_released_address_does_not_get_through),
		FX_TEST(a_kept_connection_to_a_dead_neighbour_times_out),
		FX_TEST(a_close_notify_that_nobody_read_is_no_request),
		FX_TEST(a_close_notify_that_was_read_is_none_either),
		FX_TEST(what_is_longer_is_a_request),
	};

	return cmocka_run_group_tests_name("correlate_payload", tests, NULL, NULL);
}
