/* SPDX-License-Identifier: Apache-2.0 */
/* What is held before it counts as an arrival, and what becomes of checks on the traffic's port. */
#include "tests/unit/correlate_story.h"

#define CHECKER "10.0.0.11"
#define INTERVAL_MS 5000

/* Pod 1, checked on its port by FX_LB and CHECKER, both known as the balancer's. */
static void checked_pod(struct fixture *f)
{
	struct ds_event ev = fx_target_event(20, 1, DS_TARGET_STATE_HEALTHY);

	fx_start(f);
	fx_lb(f);
	fx_address(f, DS_EVENT_LB_ADDRESS, CHECKER);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, FX_PORT);
	DS_SET(&ev, TG_HC_INTERVAL, tg_health_check_interval_s, INTERVAL_MS / 1000);
	DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, false);
	ds_core_feed(f->core, &ev);
}

static void sample(struct fixture *f, int64_t ms, const char *peer, int64_t accepted,
		   int64_t payload_ms)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(ms + 300));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(peer));
	DS_SET(&ev, TRAFFIC_PORT, traffic_port, FX_PORT);
	DS_SET(&ev, TRAFFIC_ACCEPTED, traffic_accepted, accepted);
	DS_SET(&ev, LAST_ACCEPTED_AT, last_accepted_at, fx_at(ms));
	if (payload_ms)
		DS_SET(&ev, LAST_TRAFFIC_PAYLOAD_AT, last_traffic_payload_at, fx_at(payload_ms));
	ds_core_feed(f->core, &ev);
}

/* Four checks of that address; the pod goes at 20 s, its listener closes at 21 s. */
static void checked_until_it_goes(struct fixture *f, const char *peer, int64_t payload_ms)
{
	checked_pod(f);
	for (int i = 1; i <= 4; i++)
		sample(f, i * INTERVAL_MS - 1000, peer, i, i == 4 ? payload_ms : 0);
	fx_terminating(f, 20000, 1);
	fx_listener(f, 21000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
}

static void refused(struct fixture *f, int64_t ms, const char *peer, int port)
{
	FX_PACKET(f, ms, .n = 1, .peer = peer, .peer_port = port, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "SYN", .seq = port, .reset_reason = "NO_SOCKET");
	fx_tick(f, ms + 300);
}

static int64_t last_arrival_ms(struct fixture *f)
{
	int64_t at = pod_of(f, 1)->last_arrival_ns;

	return at ? (at - FX_BEGIN) / DS_NS_PER_MS : -1;
}

static void refused_checks_are_counted_apart_and_move_no_tail(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, CHECKER, 0);
	refused(f, 23000, FX_LB, 40000);	/* a request, of the address that has the traffic */
	refused(f, 24000, CHECKER, 40001);
	refused(f, 29000, CHECKER, 40002);
	assert_int_equal(apart(f, DS_NOT_DROP_HEALTH_CHECK), 2);
	assert_int_equal(drops(f), 1);
	assert_int_equal(last_arrival_ms(f), 23000);
}

/* Seen by the tap first, then dead on the node: decided when its window closes. */
static void lost_checks_in_silence(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, CHECKER, 0);
	fx_released(f, 22000, 1);
	for (int i = 0; i < 3; i++) {
		FX_PACKET(f, 24000 + i * INTERVAL_MS, .n = 1, .peer = CHECKER, .peer_port = 50 + i,
			  .hook = DS_HOOK_TAP_RX, .flags = "SYN", .seq = i);
		FX_PACKET(f, 24001 + i * INTERVAL_MS, .n = 1, .peer = CHECKER, .peer_port = 50 + i,
			  .hook = DS_HOOK_KFREE_SKB, .flags = "SYN", .seq = i,
			  .drop_reason = "NEIGH_FAILED");
	}
	fx_ticks(f, 35000, 50000);
	assert_int_equal(apart(f, DS_NOT_DROP_HEALTH_CHECK), 3);
	assert_int_equal(drops(f), 0);
	assert_int_equal(last_arrival_ms(f), -1);
}

/* The same address brings requests too: nothing is swallowed, and the line says how sure it is. */
static void an_address_with_traffic_stays_a_drop_of_low_confidence(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, CHECKER, 18000);
	refused(f, 24000, CHECKER, 40001);
	assert_int_equal(apart(f, DS_NOT_DROP_HEALTH_CHECK), 0);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_LOW);
	assert_int_equal(last_arrival_ms(f), 24000);
}

/* A pooled connection whose payload is known only when the pod's end closes it. */
static void payload_known_at_the_close_counts_too(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, CHECKER, 0);
	FX_CLOSING(f, 21001, .n = 1, .peer = CHECKER, .peer_port = 700, .received = 300,
		   .last_payload_ms = 12000);
	refused(f, 24000, CHECKER, 40001);
	assert_int_equal(drops(f), 1);
}

static void a_request_beside_the_cadence_is_a_drop(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, CHECKER, 0);
	refused(f, 26500, CHECKER, 40001);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
}

/* Payload that met nobody is a request, whenever it comes. */
static void payload_at_the_moment_of_a_check_is_a_drop(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, CHECKER, 0);
	FX_PACKET(f, 24000, .n = 1, .peer = CHECKER, .peer_port = 9, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "PSH|ACK", .seq = 1, .payload = 90,
		  .reset_reason = "NO_SOCKET");
	fx_tick(f, 24300);
	assert_int_equal(drops(f), 1);
}

static void an_address_that_is_not_the_balancers_has_no_cadence(void **state)
{
	struct fixture *f = *state;

	checked_until_it_goes(f, "10.0.7.7", 0);
	refused(f, 24000, "10.0.7.7", 40001);
	assert_int_equal(apart(f, DS_NOT_DROP_OTHER_PEER), 1);
	assert_int_equal(apart(f, DS_NOT_DROP_HEALTH_CHECK), 0);
}

/* ---- what is held ---- */

static void syn_and_accepted(struct fixture *f, int64_t ms, int port)
{
	fx_syn_seen(f, ms, 1, port, port);
	fx_accepted(f, ms + 1, 1, port);
}

static void a_connection_counts_once_it_brought_payload(void **state)
{
	struct fixture *f = *state;

	checked_pod(f);
	fx_terminating(f, 1000, 1);
	syn_and_accepted(f, 2000, 1);
	assert_int_equal(last_arrival_ms(f), -1);
	FX_CLOSING(f, 2500, .n = 1, .peer_port = 1, .by_peer = true, .received = 10,
		   .last_payload_ms = 2100, .age_ms = 499);
	assert_int_equal(last_arrival_ms(f), 2100);
}

static void one_that_the_peer_closed_without_a_byte_does_not(void **state)
{
	struct fixture *f = *state;

	checked_pod(f);
	fx_terminating(f, 1000, 1);
	syn_and_accepted(f, 2000, 1);
	FX_CLOSING(f, 2500, .n = 1, .peer_port = 1, .by_peer = true, .age_ms = 499);
	assert_int_equal(last_arrival_ms(f), -1);
	fx_ticks(f, 3000, 130000);	/* nor when the flow is forgotten */
	assert_int_equal(last_arrival_ms(f), -1);
}

static void one_that_the_pod_closed_without_a_byte_does(void **state)
{
	struct fixture *f = *state;

	checked_pod(f);
	fx_terminating(f, 1000, 1);
	syn_and_accepted(f, 2000, 1);
	FX_CLOSING(f, 2500, .n = 1, .peer_port = 1, .age_ms = 499);
	assert_int_equal(last_arrival_ms(f), 2000);
}

static void what_is_held_at_the_end_counts(void **state)
{
	struct fixture *f = *state;

	checked_pod(f);
	fx_terminating(f, 1000, 1);
	syn_and_accepted(f, 2000, 1);
	fx_final(f, 5000);
	assert_true(fx_only(f, DS_EVENT_VERDICT)->tail == DS_NS_PER_S);
}

static void a_new_connection_on_the_same_ports_settles_the_one_before(void **state)
{
	struct fixture *f = *state;

	checked_pod(f);
	fx_terminating(f, 1000, 1);
	syn_and_accepted(f, 2000, 1);
	fx_syn_seen(f, 4000, 1, 1, 99);
	assert_int_equal(last_arrival_ms(f), 2000);
}

static void the_same_events_give_the_same_bytes(void **state)
{
	struct fixture *f[2] = { *state, fx_new_bounded(0, 0) };

	for (int i = 0; i < 2; i++) {
		lost_checks_in_silence((void **)&f[i]);
		fx_final(f[i], 90000);
	}
	assert_int_equal(f[0]->bytes.len, f[1]->bytes.len);
	assert_memory_equal(f[0]->bytes.data, f[1]->bytes.data, f[0]->bytes.len);
	fx_free(f[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(refused_checks_are_counted_apart_and_move_no_tail),
		FX_TEST(lost_checks_in_silence),
		FX_TEST(an_address_with_traffic_stays_a_drop_of_low_confidence),
		FX_TEST(payload_known_at_the_close_counts_too),
		FX_TEST(a_request_beside_the_cadence_is_a_drop),
		FX_TEST(payload_at_the_moment_of_a_check_is_a_drop),
		FX_TEST(an_address_that_is_not_the_balancers_has_no_cadence),
		FX_TEST(a_connection_counts_once_it_brought_payload),
		FX_TEST(one_that_the_peer_closed_without_a_byte_does_not),
		FX_TEST(one_that_the_pod_closed_without_a_byte_does),
		FX_TEST(what_is_held_at_the_end_counts),
		FX_TEST(a_new_connection_on_the_same_ports_settles_the_one_before),
		FX_TEST(the_same_events_give_the_same_bytes),
	};

	return cmocka_run_group_tests_name("arrival", tests, NULL, NULL);
}
