// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static const struct ds_event *phase(struct fixture *f, int i)
{
	return fx_nth(f, DS_EVENT_PHASE, i);
}

/* ---- T0 ---- */

static void t0_is_the_deletion_with_its_error(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(1700, 1);

	fx_pod(f, 0, 1);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(1000));
	DS_SET(&ev, T0_ERROR, t0_error, DS_NS_PER_S);
	ds_core_feed(f->core, &ev);
	assert_true(pod_of(f, 1)->t0_ns == fx_at(1000));
	assert_true(pod_of(f, 1)->t0_error_ns == DS_NS_PER_S);
	assert_int_equal(pod_of(f, 1)->t0_source, DS_T0_SOURCE_DELETION_TIMESTAMP);
	assert_true(phase(f, 1)->since_t0 == 700 * DS_NS_PER_MS);
}

static void terminating_alone_is_a_t0(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_phase(f, 1000, 1, DS_PHASE_TERMINATING);
	assert_true(pod_of(f, 1)->t0_ns == fx_at(1000));
}

static void a_status_reason_is_a_t0(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(1000, 1);

	fx_pod(f, 0, 1);
	DS_SET(&ev, T0, t0, fx_at(900));
	DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_STATUS_REASON);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_EVICTION);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->t0_source, DS_T0_SOURCE_STATUS_REASON);
	assert_int_equal(pod_of(f, 1)->trigger, DS_TRIGGER_EVICTION);
}

static void status_at(struct fixture *f, int64_t ms)
{
	struct ds_event ev = fx_pod_event(ms, 1);

	DS_SET(&ev, T0, t0, fx_at(ms));
	DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_STATUS_REASON);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, 30);
	DS_SET_STR(&ev, PRESTOP, prestop, "sleep:4");
	ds_core_feed(f->core, &ev);
}

/* A kubelet says so once the containers have ended; that it began with SIGTERM the kernel tells. */
static void a_status_that_comes_with_the_end(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 10000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 12000, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	status_at(f, 13000);
	assert_true(pod_of(f, 1)->t0_ns == fx_at(10000));
	assert_int_equal(pod_of(f, 1)->t0_source, DS_T0_SOURCE_SIGTERM);
	assert_true(pod_of(f, 1)->t0_error_ns == 4 * DS_NS_PER_S);	/* the hook ran before */
	assert_true(pod_of(f, 1)->exited_ns == fx_at(12000));
}

static void a_status_long_after_a_restart(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 10000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	status_at(f, 50001);	/* 30 s of grace, and 10 s for the status to come */
	assert_true(pod_of(f, 1)->t0_ns == fx_at(50001));
	assert_int_equal(pod_of(f, 1)->t0_source, DS_T0_SOURCE_STATUS_REASON);
}

/* Who watches the cluster says why in one line, the pod's own watch says "deletion" in the next. */
static void the_trigger_that_says_most_stands(void **state)
{
	static const struct {
		int said, stands;
	} steps[] = {
		{ DS_TRIGGER_DELETION, DS_TRIGGER_DELETION },
		{ DS_TRIGGER_SCALE_IN, DS_TRIGGER_SCALE_IN },
		{ DS_TRIGGER_DELETION, DS_TRIGGER_SCALE_IN },
		{ DS_TRIGGER_ROLLOUT, DS_TRIGGER_ROLLOUT },	/* known better by now */
		{ DS_TRIGGER_PREEMPTION, DS_TRIGGER_PREEMPTION },
		{ DS_TRIGGER_ROLLOUT, DS_TRIGGER_PREEMPTION },
		{ DS_TRIGGER_DELETION, DS_TRIGGER_PREEMPTION },
		{ DS_TRIGGER_EVICTION, DS_TRIGGER_EVICTION },
	};
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ds_event ev = fx_pod_event(1000 + (int)i, 1);

		DS_SET(&ev, TRIGGER, trigger, steps[i].said);
		ds_core_feed(f->core, &ev);
		assert_int_equal(pod_of(f, 1)->trigger, steps[i].stands);
	}
}

static void the_earliest_t0_stands(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_terminating(f, 2000, 1);
	fx_terminating(f, 3000, 1);
	assert_true(pod_of(f, 1)->t0_ns == fx_at(2000));
}

/* Without Kubernetes the runtime's SIGTERM is the earliest sign. */
static void sigterm_is_a_t0_only_where_kubernetes_says_nothing(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 2);

	fx_pod(f, 0, 1);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.2");
	ds_core_feed(f->core, &ev);	/* announced without a phase */
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 1000, 2, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_true(pod_of(f, 1)->t0_ns == 0); /* a liveness probe's restart, as far as is known */
	assert_true(pod_of(f, 2)->t0_ns == fx_at(1000));
	assert_int_equal(pod_of(f, 2)->t0_source, DS_T0_SOURCE_SIGTERM);
}

static void a_restart_before_t0_is_not_the_pods_end(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_OOM_KILLED, 0);
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_OOM_KILLED);
	fx_terminating(f, 60000, 1);
	assert_int_equal(pod_of(f, 1)->ended_by, -1);
	fx_process(f, 61000, 1, 2, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 62000, 1, 2, DS_PROCESS_CHANGE_EXITED, 0);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_EXIT);
}

/* The kernel is faster than the API server: the exit after T0 is told before T0 is. */
static void an_exit_after_t0_told_before_it_stays(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(2000, 1);

	fx_pod(f, 0, 1);
	fx_process(f, 1500, 1, 1, DS_PROCESS_CHANGE_EXITED, 143);
	DS_SET(&ev, T0, t0, fx_at(1000));
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_SIGTERM);
}

/* ---- phases and milestones ---- */

static void each_change_of_phase_is_one_line(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_pod(f, 100, 1);		/* nothing new */
	fx_phase(f, 200, 1, DS_PHASE_NOT_READY);
	fx_terminating(f, 300, 1);
	fx_phase(f, 400, 1, DS_PHASE_DELETED);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 4);
	assert_false(ds_event_has(phase(f, 0), DS_KEY_PHASE_PREVIOUS));
	assert_int_equal(phase(f, 1)->phase_previous, DS_PHASE_READY);
	assert_int_equal(phase(f, 2)->grace_period_s, 30);
	assert_int_equal(phase(f, 3)->phase, DS_PHASE_DELETED);
	assert_int_equal(phase(f, 3)->phase_lane, DS_LANE_KUBERNETES);
	assert_string_equal(phase(f, 3)->deployment, "web");
}

static void the_kernels_milestones_have_their_own_lane(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, 1000, 1);
	fx_process(f, 2000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_listener(f, 2100, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_process(f, 2200, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(f, 2300, 1);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 6);
	assert_int_equal(phase(f, 2)->phase, DS_PHASE_SIGTERM);
	assert_false(ds_event_has(phase(f, 2), DS_KEY_PHASE_PREVIOUS));
	assert_int_equal(strlen(phase(f, 2)->container), 64);
	assert_int_equal(phase(f, 3)->phase, DS_PHASE_LISTENER_CLOSED);
	assert_int_equal(phase(f, 3)->phase_port, FX_PORT);
	assert_int_equal(phase(f, 3)->phase_previous, DS_PHASE_SIGTERM);
	assert_int_equal(phase(f, 4)->phase, DS_PHASE_EXITED);
	assert_int_equal(phase(f, 5)->phase, DS_PHASE_ADDRESS_RELEASED);
	assert_true(phase(f, 5)->since_t0 == 1300 * DS_NS_PER_MS);
}

static void the_phase_at_a_moment_is_the_latest_of_both_lanes(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_terminating(f, 1000, 1);
	fx_process(f, 2000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_null(ds_pod_phase_at(pod_of(f, 1), fx_at(-1)));
	assert_int_equal(ds_pod_phase_at(pod_of(f, 1), fx_at(0))->phase, DS_PHASE_READY);
	assert_int_equal(ds_pod_phase_at(pod_of(f, 1), fx_at(1999))->phase,
			 DS_PHASE_TERMINATING);
	assert_int_equal(ds_pod_phase_at(pod_of(f, 1), fx_at(9000))->phase, DS_PHASE_SIGTERM);
}

/* A line that came late takes its place by its time. */
static void a_late_milestone_is_put_where_it_belongs(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 3000, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_process(f, 2000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_int_equal(ds_pod_phase_at(pod_of(f, 1), fx_at(2500))->phase, DS_PHASE_SIGTERM);
	assert_int_equal(ds_pod_phase_at(pod_of(f, 1), fx_at(3500))->phase, DS_PHASE_EXITED);
}

static void many_phases_forget_the_oldest(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	for (int i = 1; i < 200; i++)
		fx_phase(f, i, 1, i % 2 ? DS_PHASE_NOT_READY : DS_PHASE_READY);
	assert_int_equal(pod_of(f, 1)->phases_cnt, DS_POD_PHASES_MAX);
	assert_true(ds_pod_phase_at(pod_of(f, 1), fx_at(500))->at_ns == fx_at(199));
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 200);
}

/* ---- listeners ---- */

static void a_listener_told_before_its_pod_waits_for_it(void **state)
{
	struct fixture *f = *state;

	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_pod(f, 100, 1);
	assert_true(ds_pod_listener_of(pod_of(f, 1), FX_PORT)->open);
	assert_true(ds_pod_listener_of(pod_of(f, 1), FX_PORT)->opened_ns == fx_at(0));
	assert_true(pod_of(f, 1)->netns == fx_netns(1));
}

static void a_listener_that_closed_before_its_pod_was_told_is_not_open(void **state)
{
	struct fixture *f = *state;

	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_listener(f, 50, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_pod(f, 100, 1);
	assert_null(ds_pod_listener_of(pod_of(f, 1), FX_PORT));
}

static void a_dual_stack_port_is_closed_when_both_listeners_are(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(11));
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv6");
	DS_SET(&ev, SOURCE_PORT, source_port, FX_PORT);
	DS_SET(&ev, NETNS, netns, fx_netns(1));
	DS_SET(&ev, SOCKET_CHANGE, socket_change, DS_SOCKET_CHANGE_LISTENING);
	ds_core_feed(f->core, &ev); /* no cgroup: by the namespace that the first one taught */
	fx_listener(f, 1000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 1);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	ev.time_ns = fx_at(2000);
	ds_core_feed(f->core, &ev);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 2);
	assert_true(phase(f, 1)->time_ns == fx_at(2000));
}

/* Where no cgroup names the pod (v1), the counters of what it accepts tell its namespace. */
static void a_listener_is_found_by_the_namespace_that_accepts(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_pod(f, 0, 1);
	for (int i = 0; i < 3; i++) {
		ds_event_init(&ev, i == 1 ? DS_EVENT_TRAFFIC : DS_EVENT_SOCKET, fx_at(1000 + i));
		DS_SET(&ev, NETNS, netns, fx_netns(1));
		if (i == 1) {
			DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(FX_LB));
			DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1));
			DS_SET(&ev, TRAFFIC_PORT, traffic_port, FX_PORT);
			DS_SET(&ev, TRAFFIC_ACCEPTED, traffic_accepted, 1);
			DS_SET(&ev, LAST_ACCEPTED_AT, last_accepted_at, fx_at(1000));
		} else {
			DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
			DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
			DS_SET(&ev, SOURCE_PORT, source_port, FX_PORT);
			DS_SET(&ev, SOCKET_CHANGE, socket_change,
			       i ? DS_SOCKET_CHANGE_LISTENER_CLOSED :
				   DS_SOCKET_CHANGE_LISTENING);
		}
		ds_core_feed(f->core, &ev);
		assert_int_equal(pod_of(f, 1)->listeners_cnt, i > 0);
	}
	assert_int_equal(phase(f, 1)->phase, DS_PHASE_LISTENER_CLOSED);
	assert_int_equal(phase(f, 1)->phase_port, FX_PORT);
}

static void the_routing_namespaces_sockets_are_no_pods(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(20));
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_ROUTING);
	DS_SET(&ev, SOURCE_PORT, source_port, 22);
	DS_SET(&ev, NETNS, netns, fx_netns(1)); /* even if the number were the same */
	DS_SET(&ev, SOCKET_CHANGE, socket_change, DS_SOCKET_CHANGE_LISTENING);
	ds_core_feed(f->core, &ev);
	assert_null(ds_pod_listener_of(pod_of(f, 1), 22));
}

/* ---- addresses ---- */

static enum ds_holding holding_at(struct fixture *f, int n, int64_t ms, struct ds_pod **ret_pod)
{
	struct ds_addr a = fx_pod_addr(n);
	enum ds_holding holding;

	*ret_pod = ds_ledger_lookup(f->core->ledger, &a, fx_at(ms), &holding);
	return holding;
}

static void a_route_that_goes_releases_at_its_upper_bound(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;
	struct ds_pod *pod;

	fx_pod(f, 0, 1);
	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(5000));
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.3.1");
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(4800));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(4900));
	ds_core_feed(f->core, &ev);
	assert_true(pod_of(f, 1)->released_ns == fx_at(4900));
	assert_int_equal(holding_at(f, 1, 4899, &pod), DS_HOLDING_HELD);
	assert_int_equal(holding_at(f, 1, 4900, &pod), DS_HOLDING_RELEASED);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 2);
	ds_core_feed(f->core, &ev);	/* the rule goes after the route: once is enough */
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 2);
}

static void a_host_network_pod_releases_nothing(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 1);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET(&ev, HOST_NETWORK, host_network, true);
	ds_core_feed(f->core, &ev);
	fx_released(f, 1000, 1);
	assert_true(pod_of(f, 1)->released_ns == 0);
}

static void reuse_is_a_milestone_of_who_had_it(void **state)
{
	struct fixture *f = *state;
	struct ds_pod *pod;

	fx_pod(f, 0, 1);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2000, 1);
	fx_pod_at(f, 3000, 2, "10.0.3.1");
	assert_true(pod_of(f, 1)->reused_ns == fx_at(3000));
	assert_int_equal(holding_at(f, 1, 2500, &pod), DS_HOLDING_RELEASED);
	assert_ptr_equal(pod, pod_of(f, 1));
	assert_int_equal(holding_at(f, 1, 3000, &pod), DS_HOLDING_HELD);
	assert_ptr_equal(pod, pod_of(f, 2));
}

/* An update of the old pod repeats its status.podIP: the address stays with the new one. */
static void a_pod_that_lost_its_address_does_not_take_it_back(void **state)
{
	struct fixture *f = *state;
	struct ds_pod *pod;

	fx_pod(f, 0, 1);
	fx_process(f, 500, 1, 1, DS_PROCESS_CHANGE_SIGTERM,
		   0); /* its exit is not seen: not ended */
	fx_released(f, 1000, 1);
	fx_pod_at(f, 2000, 2, "10.0.3.1");
	fx_pod(f, 3000, 1);
	assert_int_equal(holding_at(f, 1, 4000, &pod), DS_HOLDING_HELD);
	assert_ptr_equal(pod, pod_of(f, 2));
}

/* DESIGN section 6: the order of a listing never decides. */
static void a_finished_pod_takes_no_address_whatever_the_order_of_the_listing(void **state)
{
	struct fixture *f = *state;

	for (int order = 0; order < 2; order++) {
		int finished = 10 * order + 1, living = 10 * order + 2;
		char address[DS_ADDR_STRLEN];
		struct ds_addr a = fx_pod_addr(finished);
		struct ds_event ev = fx_pod_event(100, finished);
		struct ds_pod *pod;

		(void)ds_addr_format(&a, address);
		DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
		DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
		if (order == 0)
			ds_core_feed(f->core, &ev);
		fx_pod_at(f, 100, living, address);
		if (order == 1)
			ds_core_feed(f->core, &ev);
		assert_int_equal(holding_at(f, finished, 200, &pod), DS_HOLDING_HELD);
		assert_ptr_equal(pod, pod_of(f, living));
		assert_true(pod_of(f, living)->reused_ns == 0);
	}
}

static void deletion_releases_every_address(void **state)
{
	struct fixture *f = *state;
	struct ds_addr v6 = fx_addr("fd00::1");
	enum ds_holding holding;
	struct ds_pod *pod;

	fx_pod_at(f, 0, 1, "10.0.3.1, fd00::1,not an address,");
	assert_int_equal(pod_of(f, 1)->addresses_cnt, 2);
	fx_terminating(f, 1000, 1);
	fx_phase(f, 2000, 1, DS_PHASE_DELETED);
	assert_int_equal(holding_at(f, 1, 2000, &pod), DS_HOLDING_RELEASED);
	assert_ptr_equal(ds_ledger_lookup(f->core->ledger, &v6, fx_at(2000), &holding), pod);
	assert_int_equal(holding, DS_HOLDING_RELEASED);
}

static void lists_are_bounded_and_ports_are_ports(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 1);
	char addresses[512] = "", ports[512] = "0,65536,99999999999,8080,8080,x,65535";

	for (int i = 1; i <= 20; i++)
		(void)sprintf(addresses + strlen(addresses), "10.9.0.%d,", i);
	for (int i = 1; i <= 60; i++)
		(void)sprintf(ports + strlen(ports), ",%d", i);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, addresses);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, ports);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->addresses_cnt, DS_POD_ADDRESSES_MAX);
	assert_true(pod_of(f, 1)->ports_cnt <= DS_POD_PORTS_MAX);
	assert_int_equal(pod_of(f, 1)->ports[0], 8080);
	assert_int_equal(pod_of(f, 1)->ports[1], 65535);
	assert_false(ds_pod_has_port(pod_of(f, 1), 0));
}

/* ---- who it is ---- */

static void a_pod_without_a_uid_is_known_by_its_name_or_its_address(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "db-0");
	ds_core_feed(f->core, &ev);
	assert_non_null(ds_ledger_find(f->core->ledger, "shop/db-0"));
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.9");
	ds_core_feed(f->core, &ev);
	assert_non_null(ds_ledger_find(f->core->ledger, "10.0.3.9"));
}

static void the_deployment_owns_before_its_replica_set(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 1);

	DS_SET_STR(&ev, REPLICASET, replicaset, "web-5d8f");
	ds_core_feed(f->core, &ev);
	assert_string_equal(pod_of(f, 1)->owner, "web");
	assert_int_equal(pod_of(f, 1)->owner_kind, DS_OWNER_DEPLOYMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(t0_is_the_deletion_with_its_error),
		FX_TEST(terminating_alone_is_a_t0),
		FX_TEST(a_status_reason_is_a_t0),
		FX_TEST(a_status_that_comes_with_the_end),
		FX_TEST(a_status_long_after_a_restart),
		FX_TEST(the_trigger_that_says_most_stands),
		FX_TEST(the_earliest_t0_stands),
		FX_TEST(sigterm_is_a_t0_only_where_kubernetes_says_nothing),
		FX_TEST(a_restart_before_t0_is_not_the_pods_end),
		FX_TEST(an_exit_after_t0_told_before_it_stays),
		FX_TEST(each_change_of_phase_is_one_line),
		FX_TEST(the_kernels_milestones_have_their_own_lane),
		FX_TEST(the_phase_at_a_moment_is_the_latest_of_both_lanes),
		FX_TEST(a_late_milestone_is_put_where_it_belongs),
		FX_TEST(many_phases_forget_the_oldest),
		FX_TEST(a_listener_told_before_its_pod_waits_for_it),
		FX_TEST(a_listener_that_closed_before_its_pod_was_told_is_not_open),
		FX_TEST(a_dual_stack_port_is_closed_when_both_listeners_are),
		FX_TEST(a_listener_is_found_by_the_namespace_that_accepts),
		FX_TEST(the_routing_namespaces_sockets_are_no_pods),
		FX_TEST(a_route_that_goes_releases_at_its_upper_bound),
		FX_TEST(a_host_network_pod_releases_nothing),
		FX_TEST(reuse_is_a_milestone_of_who_had_it),
		FX_TEST(a_pod_that_lost_its_address_does_not_take_it_back),
		FX_TEST(a_finished_pod_takes_no_address_whatever_the_order_of_the_listing),
		FX_TEST(deletion_releases_every_address),
		FX_TEST(lists_are_bounded_and_ports_are_ports),
		FX_TEST(a_pod_without_a_uid_is_known_by_its_name_or_its_address),
		FX_TEST(the_deployment_owns_before_its_replica_set),
	};

	return cmocka_run_group_tests_name("timeline", tests, NULL, NULL);
}
