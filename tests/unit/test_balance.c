// SPDX-License-Identifier: Apache-2.0
/* Whose a connection is, where nodes are the targets: told by what the core makes of it. */
#include "user/core/balance.h"

#include "tests/unit/core_fixture.h"
#include "user/core/evidence.h"

#define OTHER_NODE "10.0.0.2"
#define HOPS_OF_THIS_NODE 64
#define HOPS_FORWARDED 63

static struct ds_event instance_event(void)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, fx_at(5));
	DS_SET_STR(&ev, TARGET_ID, target_id, "i-0abc");
	DS_SET(&ev, TARGET_PORT, target_port, 30080);
	DS_SET(&ev, TARGET_STATE, target_state, DS_TARGET_STATE_HEALTHY);
	DS_SET_STR(&ev, TG_NAME, tg_name, "shop-np");
	DS_SET(&ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	DS_SET(&ev, TG_DELAY, tg_delay_s, 300);
	return ev;
}

static void other_node(struct fixture *f, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_NODE_ADDRESS, fx_at(1));
	DS_SET_STR(&ev, ADDRESS, address, address);
	DS_SET(&ev, NODE_OTHER, node_other, true);
	ds_core_feed(f->core, &ev);
}

/* Pod 1 goes, and nothing listens any more. */
static void going(struct fixture *f, bool instances)
{
	struct ds_event ev = instance_event();

	fx_start(f);
	fx_lb(f);
	fx_address(f, DS_EVENT_NODE_ADDRESS, FX_NODE);
	if (instances)
		ds_core_feed(f->core, &ev);
	fx_pod(f, 10, 1);
	fx_listener(f, 20, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, 1000, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
}

/* hops: 0 = not told. */
static void refused(struct fixture *f, int64_t ms, const char *peer, int port, int hops)
{
	const struct fx_packet p = { .n = 1, .peer = peer, .peer_port = port,
				     .hook = DS_HOOK_SEND_RESET, .scope = DS_SCOPE_POD,
				     .flags = "SYN", .seq = 7 };
	struct ds_event ev = fx_packet_event(ms, &p);

	if (hops)
		DS_SET(&ev, HOP_LIMIT, hop_limit, hops);
	ds_core_feed(f->core, &ev);
	fx_tick(f, ms + 500);
}

/* A SYN on its way to the pod, handed on by the node: by what it had come in. */
static void handed_on(struct fixture *f, int64_t ms, const char *peer, int port, enum ds_iface out,
		      enum ds_iface in)
{
	const struct fx_packet p = { .n = 1, .peer = peer, .peer_port = port,
				     .hook = DS_HOOK_TAP_TX, .flags = "SYN", .seq = 7 };
	struct ds_event ev = fx_packet_event(ms, &p);

	DS_SET(&ev, IFACE_KIND, iface_kind, (int)out);
	DS_SET(&ev, IFACE_IN_KIND, iface_in_kind, (int)in);
	ds_core_feed(f->core, &ev);
}

static int apart(const struct fixture *f, int not_drop)
{
	return (int)f->core->not_drops[not_drop];
}

static void forwarded_and_probe_of_one_address_are_told_by_their_hops(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	refused(f, 3000, FX_NODE, 40000, HOPS_OF_THIS_NODE);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 1);
	refused(f, 4000, FX_NODE, 40001, HOPS_FORWARDED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_MEDIUM);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->peer_kind, DS_PEER_NODE);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 1);
}

static void what_systems_begin_with_is_a_first_hop(void **state)
{
	static const struct { int hops; bool made_here;
	} cases[] = { { 64, true }, { 255, true }, { 128, true }, { 32, true }, { 63, false },
		      { 254, false }, { 65, false }, { 1, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_event ev;

		ds_event_init(&ev, DS_EVENT_PACKET, FX_BEGIN);
		DS_SET(&ev, HOOK, hook, DS_HOOK_SEND_RESET);
		DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
		DS_SET(&ev, HOP_LIMIT, hop_limit, cases[i].hops);
		assert_int_equal(ds_evidence_origin(&ev, true), cases[i].made_here ?
				 DS_FLOW_ORIGIN_INSIDE : DS_FLOW_ORIGIN_OUTSIDE);
		/* Anybody else's hops say nothing: they may have come any way. */
		assert_int_equal(ds_evidence_origin(&ev, false), DS_FLOW_ORIGIN_UNKNOWN);
	}
}

static void where_it_cannot_be_told_it_is_a_drop_of_low_confidence(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	refused(f, 3000, FX_NODE, 40000, 0);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_LOW);
	/* And no arrival: the kubelet's probes would make the tail as long as the pod lives. */
	assert_int_equal(ds_ledger_first(f->core->ledger)->last_arrival_ns, 0);
}

static void without_instance_targets_the_node_is_the_kubelet(void **state)
{
	struct fixture *f = *state;

	going(f, false);
	refused(f, 3000, FX_NODE, 40000, HOPS_OF_THIS_NODE);
	refused(f, 4000, FX_NODE, 40001, 0);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 2);
}

static void a_target_of_the_pods_own_goes_before_nodes(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	fx_target(f, 2500, 1, DS_TARGET_STATE_DRAINING);
	refused(f, 3000, FX_NODE, 40000, 0);
	refused(f, 4000, OTHER_NODE, 40001, 0);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	refused(f, 5000, NULL, 40002, 0);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_HIGH);
}

static void another_nodes_address_stands_for_the_balancer(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	refused(f, 3000, OTHER_NODE, 40000, 0);
	assert_int_equal(apart(f, DS_NOT_DROP_OTHER_PEER), 1);	/* nobody said that it is a node */
	other_node(f, "10.0.0.0/28");
	refused(f, 4000, OTHER_NODE, 40001, 0);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_MEDIUM);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->peer_kind, DS_PEER_NODE);
	/* This node's own address lies in that prefix, and stays its own. */
	refused(f, 5000, FX_NODE, 40002, HOPS_OF_THIS_NODE);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 1);
}

static void another_node_without_instance_targets_is_somebody_else(void **state)
{
	struct fixture *f = *state;

	going(f, false);
	other_node(f, OTHER_NODE);
	refused(f, 3000, OTHER_NODE, 40000, 0);
	assert_int_equal(apart(f, DS_NOT_DROP_OTHER_PEER), 1);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 0);
}

static void policy_local_shows_the_balancer_or_the_client(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = instance_event();

	going(f, true);
	refused(f, 3000, NULL, 40000, 0);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_HIGH);
	refused(f, 4000, "198.51.100.7", 40001, 0);
	assert_int_equal(apart(f, DS_NOT_DROP_OTHER_PEER), 1);
	DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, true);
	ds_core_feed(f->core, &ev);
	refused(f, 5000, "198.51.100.7", 40002, 0);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
}

static void no_drain_is_made_up_for_a_pod(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *verdict;

	going(f, true);
	refused(f, 3000, FX_NODE, 40000, HOPS_FORWARDED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->relation, DS_RELATION_UNKNOWN);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->tg_name, "shop-np");
	assert_false(ds_event_has(fx_only(f, DS_EVENT_DROP), DS_KEY_TARGET_STATE));
	fx_released(f, 5000, 1);
	fx_phase(f, 5001, 1, DS_PHASE_DELETED);
	fx_ticks(f, 5500, 80000);
	verdict = fx_only(f, DS_EVENT_VERDICT);
	assert_int_equal(verdict->verdict, DS_VERDICT_DROPPED);
	assert_false(ds_event_has(verdict, DS_KEY_DRAIN_NOT_BEFORE));
	assert_false(ds_event_has(verdict, DS_KEY_DRAIN_NOT_AFTER));
	assert_false(ds_event_has(verdict, DS_KEY_TG_DELAY));
	assert_int_equal(verdict->tail, fx_at(3000) - fx_at(1000));
}

/* A SYN that the tap saw handed on says of the connection's later packets whose they are. */
static void a_connection_handed_on_is_the_balancers_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_socket_event(3001, 1, FX_NODE, 40000, DS_SOCKET_CHANGE_ACCEPTED);

	going(f, true);
	handed_on(f, 3000, FX_NODE, 40000, DS_IFACE_POD, DS_IFACE_UPLINK);
	ds_core_feed(f->core, &ev);
	FX_CLOSING(f, 4000, .n = 1, .peer = FX_NODE, .peer_port = 40000, .outstanding = true,
		   .received = 100, .last_payload_ms = 3900, .age_ms = 999);
	fx_tick(f, 4500);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_MEDIUM);
	assert_int_equal(ds_ledger_first(f->core->ledger)->last_arrival_ns, fx_at(3900));
}

/* Of what was not accepted, or not answered, as its server ended nothing else tells it. */
static void a_probe_that_dies_with_its_server_is_told_by_its_hops(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	FX_CLOSING(f, 3000, .n = 1, .peer = FX_NODE, .peer_port = 40000, .outstanding = true,
		   .received = 84, .last_payload_ms = 2990, .age_ms = 20,
		   .hops = HOPS_OF_THIS_NODE);
	fx_tick(f, 3500);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_PROBE), 1);
	assert_int_equal(ds_ledger_first(f->core->ledger)->last_arrival_ns, 0);
	FX_CLOSING(f, 4000, .n = 1, .peer = FX_NODE, .peer_port = 40001, .outstanding = true,
		   .received = 84, .last_payload_ms = 3990, .age_ms = 20, .hops = HOPS_FORWARDED);
	fx_tick(f, 4500);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_MEDIUM);
	assert_int_equal(ds_ledger_first(f->core->ledger)->last_arrival_ns, fx_at(3990));
}

static void what_local_clients_send_to_a_moved_address_is_none(void **state)
{
	struct fixture *f = *state;

	going(f, false);
	fx_released(f, 2500, 1);
	/* From a pod that nobody has told of, and from the node itself; by the uplink both. */
	handed_on(f, 3000, "10.0.9.9", 40000, DS_IFACE_UPLINK, DS_IFACE_POD);
	handed_on(f, 3000, "10.0.0.77", 40001, DS_IFACE_UPLINK, DS_IFACE_LOCAL);
	fx_ticks(f, 3500, 20000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	/* What came by an uplink and leaves by one is lost. */
	handed_on(f, 21000, FX_LB, 40002, DS_IFACE_UPLINK, DS_IFACE_UPLINK);
	fx_ticks(f, 21500, 34000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->outcome, DS_OUTCOME_FORWARDED_OUT);
}

/* The same where the balancer is not known, and everybody stands in for it. */
static void a_local_client_does_not_stand_in_for_the_balancer(void **state)
{
	struct fixture *f = *state;
	const struct fx_packet p = { .n = 1, .peer = "10.0.9.9", .peer_port = 40000,
				     .hook = DS_HOOK_TAP_RX, .flags = "SYN", .seq = 7 };
	struct ds_event ev;

	fx_start(f);
	fx_pod(f, 10, 1);
	fx_listener(f, 20, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2500, 1);
	ev = fx_packet_event(3000, &p);
	DS_SET(&ev, IFACE_KIND, iface_kind, DS_IFACE_POD);
	ds_core_feed(f->core, &ev);
	handed_on(f, 3000, "10.0.9.9", 40000, DS_IFACE_UPLINK, DS_IFACE_POD);
	fx_ticks(f, 3500, 20000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	assert_int_equal(apart(f, DS_NOT_DROP_OTHER_PEER), 1);
}

/* The NodePort's SYN dies three seconds after it came: that moment counts. */
static void what_was_translated_here_counts_from_when_it_came(void **state)
{
	struct fixture *f = *state;
	const struct fx_packet p = { .n = 1, .peer = FX_NODE, .peer_port = 40000,
				     .hook = DS_HOOK_KFREE_SKB, .flags = "SYN", .seq = 7,
				     .drop_reason = "NEIGH_FAILED" };
	struct ds_event ev;

	going(f, true);
	fx_released(f, 2500, 1);
	ev = fx_packet_event(9072, &p);
	DS_SET(&ev, IFACE_IN_KIND, iface_in_kind, DS_IFACE_UPLINK);
	DS_SET(&ev, CAME_AT, came_at, fx_at(6000));
	ds_core_feed(f->core, &ev);
	fx_ticks(f, 9500, 24000);
	assert_int_equal(ds_ledger_first(f->core->ledger)->last_arrival_ns, fx_at(6000));
	assert_int_equal(ds_ledger_first(f->core->ledger)->last_arrival_error_ns, 0);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->time_ns, fx_at(6000));
}

/* Payload of a pinned connection tells no such moment: bounds, and the address's release is one. */
static void without_that_moment_the_arrival_has_an_error(void **state)
{
	struct fixture *f = *state;
	struct fx_packet p = { .n = 1, .peer_port = 40000, .hook = DS_HOOK_KFREE_SKB,
			       .flags = "PSH|ACK", .seq = 7, .payload = 100,
			       .drop_reason = "NEIGH_FAILED" };
	struct ds_pod *pod;

	going(f, true);
	pod = ds_ledger_first(f->core->ledger);
	fx_released(f, 2500, 1);
	fx_feed_packet(f, 4500, &p);
	assert_int_equal(pod->last_arrival_ns, fx_at(2500));
	assert_int_equal(pod->last_arrival_error_ns, 2000 * DS_NS_PER_MS);
	p.seq = 107;
	fx_feed_packet(f, 9000, &p);
	assert_int_equal(pod->last_arrival_ns, fx_at(9000 - 3100));
	assert_int_equal(pod->last_arrival_error_ns, 3100 * DS_NS_PER_MS);
	/* One that was seen to come: no error any more. */
	p.hook = DS_HOOK_TAP_RX;
	p.seq = 207;
	fx_feed_packet(f, 9500, &p);
	assert_int_equal(pod->last_arrival_error_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(forwarded_and_probe_of_one_address_are_told_by_their_hops),
		FX_TEST(what_systems_begin_with_is_a_first_hop),
		FX_TEST(where_it_cannot_be_told_it_is_a_drop_of_low_confidence),
		FX_TEST(without_instance_targets_the_node_is_the_kubelet),
		FX_TEST(a_target_of_the_pods_own_goes_before_nodes),
		FX_TEST(another_nodes_address_stands_for_the_balancer),
		FX_TEST(another_node_without_instance_targets_is_somebody_else),
		FX_TEST(policy_local_shows_the_balancer_or_the_client),
		FX_TEST(no_drain_is_made_up_for_a_pod),
		FX_TEST(a_connection_handed_on_is_the_balancers_to_its_end),
		FX_TEST(a_probe_that_dies_with_its_server_is_told_by_its_hops),
		FX_TEST(what_local_clients_send_to_a_moved_address_is_none),
		FX_TEST(a_local_client_does_not_stand_in_for_the_balancer),
		FX_TEST(what_was_translated_here_counts_from_when_it_came),
		FX_TEST(without_that_moment_the_arrival_has_an_error),
	};

	return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
