// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/correlate_story.h"

/* ---- windows ---- */

static void a_refused_syn_is_written_200_ms_later(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *drop;

	refusing(f);
	fx_refused(f, 3000, 1, 40000, 7);
	fx_tick(f, 3199);
	assert_int_equal(drops(f), 0);
	fx_tick(f, 3200);
	drop = fx_only(f, DS_EVENT_DROP);
	assert_int_equal(drop->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_true(drop->time_ns == fx_at(3000));
	assert_int_equal(drop->level, DS_LEVEL_ERROR);
	assert_int_equal(drop->source_port, 40000); /* as of the lost packet: the peer's SYN */
	assert_int_equal(drop->destination_port, FX_PORT);
	assert_int_equal(drop->direction, DS_DIRECTION_RECEIVE);
	assert_string_equal(drop->evidence, "tcp_send_reset");
	assert_int_equal(drop->phase, DS_PHASE_LISTENER_CLOSED);
	assert_true(drop->phase_age == 1000 * DS_NS_PER_MS);
	assert_true(drop->since_t0 == 2000 * DS_NS_PER_MS);
}

static void a_syn_without_an_answer_is_written_12_s_later(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_tick(f, 14999);
	assert_int_equal(drops(f), 0);
	fx_tick(f, 15000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_RELEASED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->outcome, DS_OUTCOME_NEIGH_FAILED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->attribution, DS_ATTRIBUTION_RELEASED_ADDRESS);
}

/* The first packet opens the window; what follows does not push its end away. */
static void the_silent_window_begins_with_the_first_packet(void **state)
{
	struct fixture *f = *state;

	released(f);
	for (int i = 0; i < 11; i++)
		fx_syn_died(f, 3000 + i * 1000, 1, 40000, 7);
	fx_tick(f, 15000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_packets, 11);
}

static void an_icmp_of_ours_shortens_the_window(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	FX_PACKET(f, 4000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_ICMP_SEND, .flags = "SYN",
		  .seq = 7);
	fx_tick(f, 4200);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_packets, 2);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->evidence, "icmp_send,kfree_skb");
	assert_true(fx_only(f, DS_EVENT_DROP)->time_ns == fx_at(3000));
}

static void a_blackhole_that_answers_is_unreachable(void **state)
{
	struct fixture *f = *state;

	released(f);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
		  .seq = 7, .location = "dst_discard");
	FX_PACKET(f, 3000, .n = 1, .peer_port = 2, .hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
		  .seq = 8, .location = "dst_discard");
	FX_PACKET(f, 3001, .n = 1, .peer_port = 2, .hook = DS_HOOK_ICMP_SEND, .flags = "SYN",
		  .seq = 8);
	fx_tick(f, 20000);
	assert_int_equal(drops(f), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->outcome, DS_OUTCOME_ICMP_UNREACHABLE);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->outcome, DS_OUTCOME_BLACKHOLE);
}

static void a_drop_says_how_many_of_its_packets_were_syns(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_seen(f, 3000, 1, 40000, 7);
	fx_syn_died(f, 3001, 1, 40000, 7);
	FX_PACKET(f, 3002, .n = 1, .peer_port = 40001, .hook = DS_HOOK_KFREE_SKB,
		  .flags = "PSH|ACK", .seq = 100, .payload = 50, .drop_reason = "NEIGH_FAILED");
	fx_tick(f, 20000);
	assert_int_equal(drops(f), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->drop_syns, 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->drop_packets, 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->drop_syns, 0);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->drop_packets, 1);
}

/* Pod 9 was never told of. */
static void packets_of_nobody_are_counted_by_kind(void **state)
{
	struct fixture *f = *state;
	struct ds_event folded;
	struct ds_core_counts counts;

	refusing(f);
	fx_syn_seen(f, 3000, 9, 40000, 7);
	fx_refused(f, 3001, 9, 40000, 7);
	FX_PACKET(f, 3002, .n = 9, .peer_port = 40000, .hook = DS_HOOK_RECEIVE_RESET,
		  .from_pod = true);
	folded = fx_packet_event(3003, &(const struct fx_packet){ .n = 9, .peer_port = 40001,
				 .hook = DS_HOOK_KFREE_SKB, .flags = "PSH|ACK", .payload = 5,
				 .drop_reason = "NEIGH_FAILED" });
	DS_SET(&folded, REPEAT, repeat, 4);
	ds_core_feed(f->core, &folded);
	fx_accepted(f, 3004, 9, 40002);		/* no packet */
	fx_refused(f, 3005, 1, 40000, 7);	/* somebody's */
	counts = ds_core_counts(f->core);
	assert_int_equal(counts.unattributed[DS_UNATTRIBUTED_SYN], 1);
	assert_int_equal(counts.unattributed[DS_UNATTRIBUTED_RESET], 2);
	assert_int_equal(counts.unattributed[DS_UNATTRIBUTED_OTHER], 4);
	assert_int_equal(counts.pods, 1);
	assert_int_equal(counts.pods_ended, 0);
	fx_final(f, 60000);
	assert_int_equal(drops(f), 1);
}

static void all_evidence_of_one_connection_is_one_line(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_seen(f, 3000, 1, 40000, 7);
	fx_syn_died(f, 3001, 1, 40000, 7);
	fx_syn_seen(f, 4000, 1, 40000, 7);
	fx_syn_died(f, 4001, 1, 40000, 7);
	fx_tick(f, 16000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_packets, 4);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->evidence, "kfree_skb,netif_receive_skb");
}

static void a_retransmission_after_the_line_is_not_reported_again(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_refused(f, 3000, 1, 40000, 7);
	fx_tick(f, 3500);
	fx_refused(f, 4000, 1, 40000, 7);
	fx_refused(f, 60000, 1, 40000, 7);
	fx_final(f, 200000);
	assert_int_equal(drops(f), 1);
}

static void another_initial_sequence_number_is_another_connection(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_refused(f, 3000, 1, 40000, 7);
	fx_refused(f, 3050, 1, 40000, 8);	/* within the first one's window */
	fx_tick(f, 3500);
	fx_refused(f, 4000, 1, 40000, 9);
	fx_tick(f, 4500);
	assert_int_equal(drops(f), 3);
}

/*
 * A neighbour's queue gives up three seconds later, and the load balancer's host has used the port
 * again by then: seen in the laboratory (tests/e2e/kubernetes, token_expired).
 */
static void a_queue_gives_up_two_connections_of_one_port(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_seen(f, 3000, 1, 40000, 7);
	fx_syn_died(f, 6000, 1, 40000, 7);
	fx_syn_seen(f, 6001, 1, 40000, 7);
	fx_syn_seen(f, 6200, 1, 40000, 8);
	fx_syn_died(f, 9100, 1, 40000, 7);
	fx_syn_died(f, 9100, 1, 40000, 8);
	fx_syn_died(f, 12200, 1, 40000, 8);
	fx_final(f, 60000);
	assert_int_equal(drops(f), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->drop_packets, 3);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->drop_packets, 3);
}

static void after_two_minutes_of_silence_it_is_another_connection(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_refused(f, 3000, 1, 40000, 7);
	fx_tick(f, 4000);
	fx_refused(f, 123000, 1, 40000, 7);	/* 120 s: still the same */
	fx_tick(f, 124000);
	assert_int_equal(drops(f), 1);
	fx_refused(f, 243001, 1, 40000, 7);
	fx_tick(f, 244000);
	assert_int_equal(drops(f), 2);
}

/* ---- answered after all ---- */

static void an_accepted_connection_is_nothing(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_syn_seen(f, 3000, 1, 40000, 7);
	fx_accepted(f, 3001, 1, 40000);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 0);
	assert_int_equal(pod_of(f, 1)->arrivals_cnt, 1);
}

static void lost_once_then_accepted_is_delayed(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_accepted(f, 4000, 1, 40000);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
}

static void a_delayed_connection_can_still_be_lost_later(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_accepted(f, 4000, 1, 40000);
	FX_CLOSING(f, 6000, .n = 1, .peer_port = 40000, .outstanding = true, .received = 100,
		   .last_payload_ms = 4100, .age_ms = 2000);
	fx_tick(f, 6200);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	assert_true(fx_only(f, DS_EVENT_DROP)->time_ns == fx_at(6000));
}

/* A FIN on its way to a living pod is the ordinary end of a connection. */
static void a_fin_that_the_tap_sees_on_a_living_pod_is_nothing(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_accepted(f, 3000, 1, 40000);
	FX_PACKET(f, 4000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_TAP_RX, .flags = "FIN|ACK",
		  .seq = 9);
	assert_int_equal(pod_of(f, 1)->open_windows, 0);
	FX_CLOSING(f, 4000, .n = 1, .peer_port = 40000, .by_peer = true, .received = 10,
		   .last_payload_ms = 3500, .age_ms = 1000);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 0);
	for (int i = 0; i < DS_NOT_DROP_MAX; i++)
		assert_int_equal(apart(f, i), 0);
}

/* ---- causes that need more than one event ---- */

static void the_end_of_a_handshake_that_meets_a_reset_was_refused(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_syn_seen(f, 3000, 1, 40000, 7);
	FX_PACKET(f, 3001, .n = 1, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "ACK", .seq = 8);
	fx_tick(f, 3300);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
}

static void a_never_accepted_connection_was_refused(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .from_pod = true, .unaccepted = true);
	fx_tick(f, 3200);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->direction, DS_DIRECTION_TRANSMIT);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->source_port, FX_PORT);
}

static void unread_data_at_close_is_an_abort(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_accepted(f, 1500, 1, 40000);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .from_pod = true, .reset_reason = "TCP_ABORT_ON_CLOSE");
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 40000, .outstanding = true, .received = 500,
		   .last_payload_ms = 2900, .age_ms = 1500);
	fx_tick(f, 3200);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_HIGH);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->evidence,
			    "inet_sock_set_state,tcp_send_reset");
}

static void a_fin_with_a_request_outstanding_is_an_abort(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 40000, .outstanding = true, .received = 500,
		   .last_payload_ms = 2900, .age_ms = 1500);
	fx_tick(f, 3200);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_MEDIUM);
}

static void a_socket_event_without_its_hook_names_no_hook(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_socket_event(3000, 1, NULL, 40000, DS_SOCKET_CHANGE_CLOSING);

	refusing(f);
	memset(ev.present, 0, sizeof(ev.present));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_pod_addr(1));
	DS_SET(&ev, SOURCE_PORT, source_port, FX_PORT);
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_addr(FX_LB));
	DS_SET(&ev, DESTINATION_PORT, destination_port, 40000);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, DS_SOCKET_CHANGE_CLOSING);
	DS_SET(&ev, REQUEST_OUTSTANDING, request_outstanding, true);
	ev.hook = 0;
	ds_core_feed(f->core, &ev);
	fx_tick(f, 3200);
	assert_false(ds_event_has(fx_only(f, DS_EVENT_DROP), DS_KEY_EVIDENCE));
}

static void payload_after_the_pod_closed_is_late(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_CLOSING(f, 2500, .n = 1, .peer_port = 40000, .received = 10, .last_payload_ms = 900,
		   .age_ms = 2000);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "PSH|ACK", .seq = 11, .payload = 100);
	fx_tick(f, 3200);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LATE_REQUEST);
}

static void payload_after_a_close_before_t0_is_a_keepalive_race(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	FX_CLOSING(f, 500, .n = 1, .peer_port = 40000, .received = 10, .last_payload_ms = 400,
		   .age_ms = 400);
	FX_PACKET(f, 600, .n = 1, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "PSH|ACK", .seq = 11, .payload = 100);
	fx_tick(f, 900);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_KEEPALIVE_RACE);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->level, DS_LEVEL_INFO);
	assert_int_equal(ds_core_rollout_drops(f->core), 0);
}

static void a_reset_received_with_and_without_a_request_outstanding(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_RECEIVE_RESET,
		  .scope = DS_SCOPE_POD, .from_pod = true);
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 1, .by_peer = true, .outstanding = true,
		   .received = 10, .last_payload_ms = 2900, .age_ms = 2000);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 2, .hook = DS_HOOK_RECEIVE_RESET,
		  .scope = DS_SCOPE_POD, .from_pod = true);
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 2, .by_peer = true, .received = 10,
		   .last_payload_ms = 2900, .age_ms = 2000);
	fx_tick(f, 3300);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_CLOSED_BY_PEER);
	assert_int_equal(apart(f, DS_NOT_DROP_CLOSED_IDLE), 1);
}

static void a_reset_that_leaves_proves_a_netfilter_rule(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
		  .seq = 7, .drop_reason = "NETFILTER_DROP");
	FX_PACKET(f, 3001, .n = 1, .peer_port = 40000, .hook = DS_HOOK_TAP_TX, .flags = "RST|ACK",
		  .from_pod = true);
	fx_tick(f, 3300);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_REJECTED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->symptom, DS_SYMPTOM_RESET);
}

/* A neighbour's queue gives a SYN up after 3 s, while its repetition was accepted after 1 s. */
static void a_death_told_after_the_repetition_was_accepted_is_a_delay(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_seen(f, 2500, 1, 40000, 7);
	fx_accepted(f, 2501, 1, 40000);
	fx_syn_died(f, 4500, 1, 40000, 7);
	fx_syn_died(f, 4501, 1, 40000, 7);
	fx_ticks(f, 5000, 20000);
	assert_int_equal(drops(f), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
	/* Another connection on the same ports is lost for itself. */
	fx_syn_died(f, 21000, 1, 40000, 8);
	fx_ticks(f, 22000, 40000);
	assert_int_equal(drops(f), 1);
	assert_int_equal(apart(f, DS_NOT_DROP_DELAYED), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_refused_syn_is_written_200_ms_later),
		FX_TEST(a_syn_without_an_answer_is_written_12_s_later),
		FX_TEST(the_silent_window_begins_with_the_first_packet),
		FX_TEST(an_icmp_of_ours_shortens_the_window),
		FX_TEST(a_blackhole_that_answers_is_unreachable),
		FX_TEST(all_evidence_of_one_connection_is_one_line),
		FX_TEST(a_retransmission_after_the_line_is_not_reported_again),
		FX_TEST(another_initial_sequence_number_is_another_connection),
		FX_TEST(a_queue_gives_up_two_connections_of_one_port),
		FX_TEST(after_two_minutes_of_silence_it_is_another_connection),
		FX_TEST(an_accepted_connection_is_nothing),
		FX_TEST(lost_once_then_accepted_is_delayed),
		FX_TEST(a_delayed_connection_can_still_be_lost_later),
		FX_TEST(a_fin_that_the_tap_sees_on_a_living_pod_is_nothing),
		FX_TEST(the_end_of_a_handshake_that_meets_a_reset_was_refused),
		FX_TEST(a_never_accepted_connection_was_refused),
		FX_TEST(unread_data_at_close_is_an_abort),
		FX_TEST(a_fin_with_a_request_outstanding_is_an_abort),
		FX_TEST(a_socket_event_without_its_hook_names_no_hook),
		FX_TEST(payload_after_the_pod_closed_is_late),
		FX_TEST(payload_after_a_close_before_t0_is_a_keepalive_race),
		FX_TEST(a_reset_received_with_and_without_a_request_outstanding),
		FX_TEST(a_reset_that_leaves_proves_a_netfilter_rule),
		FX_TEST(a_drop_says_how_many_of_its_packets_were_syns),
		FX_TEST(packets_of_nobody_are_counted_by_kind),
		FX_TEST(a_death_told_after_the_repetition_was_accepted_is_a_delay),
	};

	return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}
