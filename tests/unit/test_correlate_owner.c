// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/correlate_story.h"

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
	fx_target(f, 31000, 1, DS_TARGET_STATE_HEALTHY); /* registered again: the new pod's */
	accepted_by_another(f, 32000, 40002);
	fx_final(f, 60000);
	assert_int_equal(drops(f), 2);
}

/* A namespace that is not pod 1's answers at its released address: that pod is not told yet. */
static void a_connection_that_an_unknown_pod_takes_is_the_old_targets(void **state)
{
	struct fixture *f = *state;

	released(f);
	accepted_by_another(f, 3000, 40000);
	fx_final(f, 30000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_REUSED);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->pod_name, "web-1");
}

/* The next pod's namespace has the number of the old one's, and nobody has told of that pod yet. */
static void a_namespaces_number_is_given_out_again_with_the_address(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_refused(f, 2500, 1, 40000, 7);	/* the old namespace lives a little longer */
	fx_phase(f, 2600, 1, DS_PHASE_DELETED);
	fx_route(f, 2990, 3000, 1, DS_ROUTE_CHANGE_ASSIGNED);
	fx_refused(f, 3010, 1, 40001, 7);
	fx_accepted(f, 3020, 1, 40002);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fx_nth(f, DS_EVENT_DROP, i)->cause,
				 i ? DS_CAUSE_ADDRESS_REUSED : DS_CAUSE_LISTENER_CLOSED);
		assert_string_equal(fx_nth(f, DS_EVENT_DROP, i)->pod_name, "web-1");
	}
}

/* A route is read after what it leads to: between its bounds the packets come before its event. */
static void a_route_read_late_explains_what_was_refused_before(void **state)
{
	struct fixture *f = *state;

	released(f);
	fx_phase(f, 2100, 1, DS_PHASE_DELETED);
	fx_refused(f, 2989, 1, 40000, 7);
	fx_refused(f, 2990, 1, 40001, 7);
	fx_refused(f, 2999, 1, 40002, 7);
	fx_route(f, 2990, 3000, 1, DS_ROUTE_CHANGE_ASSIGNED);
	fx_final(f, 30000);
	assert_int_equal(drops(f), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fx_nth(f, DS_EVENT_DROP, i)->cause,
				 i ? DS_CAUSE_ADDRESS_REUSED : DS_CAUSE_LISTENER_CLOSED);
}

/* A route that is made anew while the pod's container lives is no other pod's. */
static void a_route_made_anew_gives_no_address_away(void **state)
{
	struct fixture *f = *state;

	refusing(f);
	fx_process(f, 2100, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_released(f, 2200, 1);
	fx_route(f, 2290, 2300, 1, DS_ROUTE_CHANGE_ASSIGNED);
	fx_refused(f, 3000, 1, 40000, 7);
	fx_final(f, 30000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
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
	fx_syn_seen(f, 4000, 1, 40000, 7);	/* its retransmission */
	assert_int_equal(last_arrival_ms(f), -1);	/* it may be a check yet */
	fx_tick(f, 15001);
	assert_int_equal(last_arrival_ms(f), 3000);
	fx_syn_seen(f, 16000, 1, 40000, 8);
	fx_tick(f, 28001);
	assert_int_equal(last_arrival_ms(f), 16000);
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
		  .seq = 94, .payload = 2);
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
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1));
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
		FX_TEST(a_packet_to_an_unknown_address_is_nobodys),
		FX_TEST(a_connection_ends_with_its_addresss_owner),
		FX_TEST(a_connection_that_another_pod_takes_is_the_old_targets),
		FX_TEST(a_connection_that_an_unknown_pod_takes_is_the_old_targets),
		FX_TEST(a_namespaces_number_is_given_out_again_with_the_address),
		FX_TEST(a_route_read_late_explains_what_was_refused_before),
		FX_TEST(a_route_made_anew_gives_no_address_away),
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

	return cmocka_run_group_tests_name("correlate: whose it is, and the tail", tests, NULL, NULL);
}
