// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/flow.h"
#include "user/core/state.h"

/* The load balancer, pod 1 with a listener, terminating since 1 s, its listener closed at 2 s. */
static void refusing(struct fixture *f)
{
	fx_start(f);
	fx_lb(f);
	fx_address(f, DS_EVENT_NODE_ADDRESS, FX_NODE);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1000, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
}

/* The same with the address released at 2 s and no listener event. */
static void released(struct fixture *f)
{
	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2000, 1);
}

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static int drops(struct fixture *f)
{
	return fx_count(f, DS_EVENT_DROP);
}

static uint32_t apart(struct fixture *f, int not_drop)
{
	return f->core->not_drops[not_drop];
}

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

/* ---- whose it is ---- */

static void a_packet_to_an_unknown_address_is_nobodys(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_syn_died(f, 3000, 9, 40000, 7);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 0);
}

/* A socket's event of another pod's namespace at the address of pod 1. */
static void accepted_by_another(struct fixture *f, int64_t ms, int peer_port)
{
	struct ds_event ev = fx_socket_event(ms, 1, NULL, peer_port, DS_SOCKET_CHANGE_ACCEPTED);

	ev.netns = fx_netns(2);
	ds_core_feed(f->core, &ev);
}

/* The load balancer means the pod that was registered, whoever has its address by now. */
static void a_connection_that_another_pod_takes_is_the_old_targets(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_pod_at(f, 4000, 2, "10.0.3.1");
	accepted_by_another(f, 4010, 40000);	/* the SYN came again */
	fx_syn_died(f, 6000, 1, 40000, 7);	/* the first one gives up waiting for a neighbour */
	accepted_by_another(f, 7000, 40001);
	fx_tick(f, 30000);
	assert_int_equal(drops(f), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fx_nth(f, DS_EVENT_DROP, i)->cause, DS_CAUSE_ADDRESS_REUSED);
		assert_string_equal(fx_nth(f, DS_EVENT_DROP, i)->pod_name, "web-1");
	}
	fx_target(f, 31000, 1, DS_TARGET_STATE_UNUSED);
	fx_target(f, 31000, 1, DS_TARGET_STATE_HEALTHY);	/* registered again: the new pod's */
	accepted_by_another(f, 32000, 40002);
	fx_final(f, 60000);
	assert_int_equal(drops(f), 2);
}

/* A pod's namespace that is not pod 1's answers at its released address: nobody has told of that pod yet. */
static void a_connection_that_an_unknown_pod_takes_is_the_old_targets(void **state)
{
	struct fixture *f = *state;

	released(f);
	accepted_by_another(f, 3000, 40000);
	fx_final(f, 30000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_REUSED);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->pod_name, "web-1");
}

/* A connection is never joined across an address's change of owner. */
static void a_connection_ends_with_its_addresss_owner(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_pod_at(f, 4000, 2, "10.0.3.1");
	fx_target(f, 4100, 1, DS_TARGET_STATE_INITIAL);		/* now it is a target itself */
	fx_terminating(f, 4500, 2);
	fx_syn_died(f, 5000, 1, 40000, 7);
	fx_tick(f, 20000);
	assert_int_equal(drops(f), 2);
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 0)->pod_name, "web-1");
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 1)->pod_name, "web-2");
}

/* The old pod may still answer in its own namespace after its address was given away. */
static void the_namespace_tells_the_old_holder_from_the_new(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_pod_at(f, 2500, 2, "10.0.3.1");
	fx_listener(f, 2600, 2, DS_SOCKET_CHANGE_LISTENING);
	fx_refused(f, 3000, 1, 40000, 7);	/* from the namespace of pod 1 */
	fx_tick(f, 3500);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->pod_name, "web-1");
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->attribution, DS_ATTRIBUTION_NETNS);
}

/* Two pods that claim one address by turns, and a packet of a third namespace: it is nobody's. */
static void pods_that_take_turns_do_not_hang_the_search(void **state)
{
	struct fixture *f = *state;
	struct ds_addr a = fx_pod_addr(1);

	fx_start(f);
	fx_lb(f);
	for (int n = 1; n <= 2; n++) {
		fx_pod_at(f, 0, n, "10.0.3.1");
		fx_listener(f, 10, n, DS_SOCKET_CHANGE_LISTENING);
	}
	for (int i = 0; i < 4; i++)
		(void)ds_ledger_hold(f->core->ledger, pod_of(f, 1 + i % 2), &a, fx_at(100 + i));
	FX_PACKET(f, 3000, .n = 1, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_UNKNOWN, .flags = "SYN", .seq = 7);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 0);
}

static void other_namespaces_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	refusing(f);
	ev = fx_packet_event(3000, &(const struct fx_packet){ .n = 1,
							      .peer_port = 1,
							      .hook = DS_HOOK_SEND_RESET,
							      .scope = DS_SCOPE_POD,
							      .flags = "SYN",
							      .seq = 7 });
	DS_SET(&ev, NETNS, netns, fx_netns(200)); /* another laboratory with the same addresses */
	ds_core_feed(f->core, &ev);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_UNKNOWN);
	ds_core_feed(f->core, &ev);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 0);
}

static void a_namespace_not_yet_placed_counts_where_its_cgroup_names_the_pod(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	refusing(f);
	ev = fx_packet_event(3000, &(const struct fx_packet){ .n = 1,
							      .peer_port = 1,
							      .hook = DS_HOOK_SEND_RESET,
							      .scope = DS_SCOPE_UNKNOWN,
							      .flags = "SYN",
							      .seq = 7 });
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(2, 1));
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->open_windows, 0);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(1, 1));
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->open_windows, 1);
}

/* ---- the tail ---- */

static int64_t last_arrival_ms(struct fixture *f)
{
	int64_t at = pod_of(f, 1)->last_arrival_ns;

	return at ? (at - FX_BEGIN) / DS_NS_PER_MS : -1;
}

static void the_first_syn_of_a_connection_is_an_arrival(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_syn_seen(f, 3000, 1, 40000, 7);
	assert_int_equal(last_arrival_ms(f), 3000);
	fx_syn_seen(f, 4000, 1, 40000, 7);	/* its retransmission */
	assert_int_equal(last_arrival_ms(f), 3000);
	fx_syn_seen(f, 5000, 1, 40000, 8);
	assert_int_equal(last_arrival_ms(f), 5000);
}

static void fin_rst_ack_and_alerts_are_no_arrivals(void **state)
{
	struct fixture *f = *state;

	released(f);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "FIN|ACK");
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "ACK");
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "RST");
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "PSH|ACK",
		  .payload = 24, .first_byte = 0x15);
	assert_int_equal(last_arrival_ms(f), -1);
}

static void only_new_payload_is_an_arrival(void **state)
{
	struct fixture *f = *state;

	released(f);
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "PSH|ACK",
		  .seq = 4294967290, .payload = 100);		/* the sequence numbers wrap */
	assert_int_equal(last_arrival_ms(f), 3000);
	FX_PACKET(f, 4000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "PSH|ACK",
		  .seq = 4294967290, .payload = 100);
	FX_PACKET(f, 4100, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "ACK",
		  .seq = 93, .payload = 1); /* a keep-alive probe: a byte sent before */
	assert_int_equal(last_arrival_ms(f), 3000);
	FX_PACKET(f, 5000, .n = 1, .peer_port = 1, .hook = DS_HOOK_TAP_RX, .flags = "PSH|ACK",
		  .seq = 94, .payload = 1);
	assert_int_equal(last_arrival_ms(f), 5000);
}

static void a_pooled_connections_payload_is_an_arrival(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_CLOSING(f, 9000, .n = 1, .peer_port = 1, .by_peer = true, .received = 100,
		   .last_payload_ms = 7000);
	assert_int_equal(last_arrival_ms(f), 7000);
}

static void a_connection_without_payload_that_the_peer_closed_is_none(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	FX_CLOSING(f, 9000, .n = 1, .peer_port = 1, .by_peer = true, .age_ms = 1000);
	assert_int_equal(last_arrival_ms(f), -1);
	/* Closed by the pod before a request came: a new connection that it did not serve. */
	FX_CLOSING(f, 9500, .n = 1, .peer_port = 2, .age_ms = 1000);
	assert_int_equal(last_arrival_ms(f), 8500);
}

static void counters_of_traffic_are_arrivals_too(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	refusing(f);
	ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(8000));
	DS_SET_ADDR(&ev, POD_IP, pod_ip, fx_pod_addr(1));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(FX_NODE));
	DS_SET(&ev, TRAFFIC_PORT, traffic_port, FX_PORT);
	DS_SET(&ev, LAST_TRAFFIC_PAYLOAD_AT, last_traffic_payload_at, fx_at(7500));
	ds_core_feed(f->core, &ev);
	assert_int_equal(last_arrival_ms(f), -1);	/* the kubelet's */
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(FX_LB));
	ds_core_feed(f->core, &ev);
	assert_int_equal(last_arrival_ms(f), 7500);
}

static void other_peers_and_health_checks_move_no_tail(void **state)
{
	static const char *const others[] = { FX_NODE, "10.0.9.9" };
	struct fixture *f = *state;

	refusing(f);
	for (int i = 0; i < 2; i++)
		FX_PACKET(f, 3000, .n = 1, .peer = others[i], .peer_port = 1,
			  .hook = DS_HOOK_SEND_RESET, .scope = DS_SCOPE_POD, .flags = "SYN",
			  .seq = 7);
	fx_tick(f, 4000);
	assert_int_equal(last_arrival_ms(f), -1);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 1);
	assert_int_equal(apart(f, DS_NOT_DROP_OTHER_PEER), 1);
	assert_int_equal(drops(f), 0);
}

/* ---- bounds ---- */

static void a_flow_that_finds_no_room_is_counted_and_spoils_the_verdict(void **state)
{
	struct fixture *f = fx_new_bounded(0, 2);

	(void)state;
	released(f);
	for (int port = 1; port <= 3; port++)
		fx_syn_died(f, 3000, 1, port, 7);
	assert_int_equal(ds_core_lost(f->core), 1);
	assert_true(pod_of(f, 1)->lost_evidence);
	fx_free(f);
}

static void quiet_flows_are_forgotten(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_accepted(f, 3000, 1, 40000);
	assert_non_null(ds_flows_first(f->core->flows));
	fx_tick(f, 123001);
	assert_null(ds_flows_first(f->core->flows));
}

static void a_pod_that_is_given_up_leaves_its_lines_and_no_flow(void **state)
{
	struct fixture *f = fx_new_bounded(2, 0);

	(void)state;
	released(f);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_phase(f, 3001, 1, DS_PHASE_DELETED);
	fx_pod(f, 3002, 2);
	fx_pod(f, 3003, 3);
	assert_null(pod_of(f, 1));
	assert_int_equal(drops(f), 1);		/* what was known when it had to go */
	assert_null(ds_flows_first(f->core->flows));
	fx_final(f, 30000);
	fx_free(f);
}

static void late_evidence_is_remembered(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	refusing(f);
	ev = fx_packet_event(3000, &(const struct fx_packet){ .n = 1,
							      .peer_port = 1,
							      .hook = DS_HOOK_SEND_RESET,
							      .scope = DS_SCOPE_POD,
							      .flags = "SYN",
							      .seq = 7 });
	ev.late = true;
	ds_core_feed(f->core, &ev);
	assert_true(pod_of(f, 1)->late_evidence);
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
		FX_TEST(a_packet_to_an_unknown_address_is_nobodys),
		FX_TEST(a_connection_ends_with_its_addresss_owner),
		FX_TEST(a_connection_that_another_pod_takes_is_the_old_targets),
		FX_TEST(a_connection_that_an_unknown_pod_takes_is_the_old_targets),
		FX_TEST(the_namespace_tells_the_old_holder_from_the_new),
		FX_TEST(pods_that_take_turns_do_not_hang_the_search),
		FX_TEST(other_namespaces_do_not_count),
		FX_TEST(a_namespace_not_yet_placed_counts_where_its_cgroup_names_the_pod),
		FX_TEST(the_first_syn_of_a_connection_is_an_arrival),
		FX_TEST(fin_rst_ack_and_alerts_are_no_arrivals),
		FX_TEST(only_new_payload_is_an_arrival),
		FX_TEST(a_pooled_connections_payload_is_an_arrival),
		FX_TEST(a_connection_without_payload_that_the_peer_closed_is_none),
		FX_TEST(counters_of_traffic_are_arrivals_too),
		FX_TEST(other_peers_and_health_checks_move_no_tail),
		FX_TEST(a_flow_that_finds_no_room_is_counted_and_spoils_the_verdict),
		FX_TEST(quiet_flows_are_forgotten),
		FX_TEST(a_pod_that_is_given_up_leaves_its_lines_and_no_flow),
		FX_TEST(late_evidence_is_remembered),
	};

	return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}
