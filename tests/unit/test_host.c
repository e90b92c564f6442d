// SPDX-License-Identifier: Apache-2.0
#include "include/ds_record.h"
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define NODE "10.0.0.5"
#define OTHER_PORT 9090

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

/* A pod on the host's network, with one port; phase < 0: none told. */
static void host_pod(struct fixture *f, int64_t ms, int n, const char *ports, int phase)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, NODE);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, ports);
	DS_SET(&ev, HOST_NETWORK, host_network, true);
	if (phase >= 0)
		DS_SET(&ev, PHASE, phase, phase);
	ds_core_feed(f->core, &ev);
}

/* n 0: a process of no pod. */
static void host_listener(struct fixture *f, int64_t ms, int n, int port,
			  enum ds_socket_change change)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(ms));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SET_STATE);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_ROUTING);
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv6");
	DS_SET(&ev, SOURCE_PORT, source_port, port);
	DS_SET(&ev, NETNS, netns, 4026531840);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, n ? fx_cgroup(n, 1) : "system.slice/x.service");
	DS_SET(&ev, SOCKET_CHANGE, socket_change, change);
	ds_core_feed(f->core, &ev);
}

/* The load balancer's SYN to that port of the node, answered by RST; and its window's end. */
static void refused(struct fixture *f, int64_t ms, int port, int peer_port)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PACKET, fx_at(ms));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SEND_RESET);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_ROUTING);
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(FX_LB));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_addr(NODE));
	DS_SET(&ev, SOURCE_PORT, source_port, peer_port);
	DS_SET(&ev, DESTINATION_PORT, destination_port, port);
	DS_SET_STR(&ev, TCP_FLAGS, tcp_flags, "SYN");
	DS_SET(&ev, TCP_SEQ, tcp_seq, 1);
	DS_SET_STR(&ev, RESET_REASON, reset_reason, "NO_SOCKET");
	ds_core_feed(f->core, &ev);
	fx_tick(f, ms + 300);
}

static const struct ds_event *last_drop(struct fixture *f)
{
	return fx_nth(f, DS_EVENT_DROP, fx_count(f, DS_EVENT_DROP) - 1);
}

static uint32_t watched(const struct fixture *f)
{
	struct ds_addr node = fx_addr(NODE);
	uint32_t flags = 0xffffffff;

	for (int i = 0; i < f->wishes_cnt; i++)
		if (f->wishes[i].kind == DS_WISH_WATCH && ds_addr_equal(&f->wishes[i].addr, &node))
			flags = f->wishes[i].watch_flags;
		else if (f->wishes[i].kind == DS_WISH_UNWATCH &&
			 ds_addr_equal(&f->wishes[i].addr, &node))
			flags = 0xffffffff;
	return flags;
}

static void two_pods_of_one_address_are_told_apart_by_port(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_pod(f, 0, 2, "9090", DS_PHASE_READY);
	host_listener(f, 100, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_listener(f, 100, 2, OTHER_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	host_pod(f, 1000, 2, "9090", DS_PHASE_TERMINATING);
	host_listener(f, 2000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	host_listener(f, 2000, 2, OTHER_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused(f, 3000, FX_PORT, 40001);
	refused(f, 4000, OTHER_PORT, 40001);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 0)->pod_uid, fx_uid(1));
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->attribution, DS_ATTRIBUTION_PORT);
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 1)->pod_uid, fx_uid(2));
}

static void a_port_of_no_pod_is_nobodys(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_TERMINATING);
	refused(f, 3000, 22, 40001);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	assert_int_equal(f->core->not_drops[DS_NOT_DROP_OUTBOUND], 0);
}

static void the_port_stays_its_after_the_end_of_the_pod(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_listener(f, 100, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	host_listener(f, 2000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	host_pod(f, 3000, 1, "8080", DS_PHASE_DELETED);
	refused(f, 60000, FX_PORT, 40001);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 1);
	assert_int_equal(last_drop(f)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_string_equal(last_drop(f)->pod_uid, fx_uid(1));
}

/* The next pod of the DaemonSet has the port once it listens, not before. */
static void the_next_pod_takes_the_port_over(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_listener(f, 100, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	host_listener(f, 2000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	host_pod(f, 3000, 1, "8080", DS_PHASE_DELETED);
	host_pod(f, 4000, 2, "8080", DS_PHASE_PENDING);
	refused(f, 5000, FX_PORT, 40001);
	assert_string_equal(last_drop(f)->pod_uid, fx_uid(1));
	host_listener(f, 6000, 2, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_pod(f, 7000, 2, "8080", DS_PHASE_TERMINATING);
	host_listener(f, 8000, 2, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused(f, 9000, FX_PORT, 40002);
	assert_string_equal(last_drop(f)->pod_uid, fx_uid(2));
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	/* The address is nobody's to give up or to get. */
	assert_true(pod_of(f, 1)->reused_ns == 0 && pod_of(f, 1)->released_ns == 0);
}

static void a_process_of_the_host_takes_the_port(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_listener(f, 100, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	host_listener(f, 2000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused(f, 2500, FX_PORT, 40000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 1);
	host_listener(f, 3000, 0, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_listener(f, 4000, 0, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused(f, 5000, FX_PORT, 40001);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 1);
	/* Until a pod listens there again. */
	host_listener(f, 6000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_listener(f, 7000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused(f, 8000, FX_PORT, 40002);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
}

/* A listener of the host on a port that a pod listens on too (another address) changes nothing. */
static void an_open_port_is_not_taken(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_listener(f, 100, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_listener(f, 200, 0, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	host_listener(f, 2000, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused(f, 3000, FX_PORT, 40001);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 1);
}

static struct ds_pod *of_socket(struct fixture *f, const char *path, int port, int *attribution)
{
	struct ds_addr node = fx_addr(NODE);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(5000));
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_ROUTING);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, path);
	return ds_host_pod(f->core, &ev, &node, (uint16_t)port, attribution);
}

static void a_sockets_cgroup_goes_before_its_port(void **state)
{
	struct fixture *f = *state;
	int how;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_pod(f, 0, 2, "9090", DS_PHASE_READY);
	fx_pod(f, 0, 3);
	host_listener(f, 100, 1, FX_PORT, DS_SOCKET_CHANGE_LISTENING);
	assert_ptr_equal(of_socket(f, fx_cgroup(2, 1), FX_PORT, &how), pod_of(f, 2));
	assert_int_equal(how, DS_ATTRIBUTION_CGROUP);
	assert_ptr_equal(of_socket(f, NULL, FX_PORT, &how), pod_of(f, 1));
	assert_int_equal(how, DS_ATTRIBUTION_PORT);
	/* A process of the host; a pod that is unknown; one that is not on the host's network. */
	assert_null(of_socket(f, "system.slice/sshd.service", FX_PORT, &how));
	assert_null(of_socket(f, fx_cgroup(7, 1), FX_PORT, &how));
	assert_null(of_socket(f, fx_cgroup(3, 1), FX_PORT, &how));
	/* Where sockets carry no pod's cgroup at all (v1), a declared port is all that is known. */
	assert_ptr_equal(of_socket(f, "system.slice/containerd.service", OTHER_PORT, &how),
			 pod_of(f, 2));
}

static void what_happens_in_a_pods_namespace_is_not_the_hosts(void **state)
{
	struct ds_addr node = fx_addr(NODE);
	struct fixture *f = *state;
	struct ds_event ev;
	int how;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	ds_event_init(&ev, DS_EVENT_PACKET, fx_at(1000));
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	assert_null(ds_host_pod(f->core, &ev, &node, FX_PORT, &how));
	ev.scope = DS_SCOPE_ROUTING;
	assert_ptr_equal(ds_host_pod(f->core, &ev, &node, FX_PORT, &how), pod_of(f, 1));
}

static void the_nodes_address_is_watched_for_as_long_as_a_pod_needs_it(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_pod(f, 0, 2, "9090", DS_PHASE_READY);
	assert_int_equal(watched(f), 0);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	assert_int_equal(watched(f), DS_WATCH_GOING);
	host_pod(f, 1500, 2, "9090", DS_PHASE_TERMINATING);
	host_pod(f, 2000, 1, "8080", DS_PHASE_DELETED);
	assert_int_equal(watched(f), DS_WATCH_GOING);	/* never RELEASED: it is the node's */
	fx_tick(f, 400000);
	assert_int_equal(watched(f), DS_WATCH_GOING);	/* the other one has not ended */
	host_pod(f, 400000, 2, "9090", DS_PHASE_DELETED);
	fx_tick(f, 700000);
	fx_tick(f, 800000);
	assert_int_equal(watched(f), 0);
}

static void forgotten_pods_leave_the_address_to_the_others(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_pod(f, 0, 2, "9090", DS_PHASE_READY);
	host_pod(f, 1000, 1, "8080", DS_PHASE_DELETED);
	fx_tick(f, 2000 * 1000);
	fx_tick(f, 8000 * 1000);
	assert_null(pod_of(f, 1));
	assert_int_equal(watched(f), 0);
	host_pod(f, 8001 * 1000, 2, "9090", DS_PHASE_DELETED);
	fx_tick(f, 10000 * 1000);
	fx_tick(f, 16000 * 1000);
	assert_null(pod_of(f, 2));
	assert_int_equal(watched(f), 0xffffffff);
	assert_null(ds_ledger_first_host(f->core->ledger));
}

/* The drain of another pod's target on the same address is not this pod's. */
static void each_pod_has_the_target_of_its_port(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_pod(f, 0, 2, "9090", DS_PHASE_READY);
	for (int port = FX_PORT; port <= OTHER_PORT; port += OTHER_PORT - FX_PORT) {
		ds_event_init(&ev, DS_EVENT_TARGET, fx_at(100));
		DS_SET_STR(&ev, TG_NAME, tg_name, port == FX_PORT ? "a" : "b");
		DS_SET_STR(&ev, TARGET_ID, target_id, NODE);
		DS_SET(&ev, TARGET_PORT, target_port, port);
		DS_SET(&ev, TG_DELAY, tg_delay_s, port == FX_PORT ? 30 : 300);
		DS_SET(&ev, TARGET_STATE, target_state, DS_TARGET_STATE_HEALTHY);
		ds_core_feed(f->core, &ev);
	}
	ev.time_ns = fx_at(2000);
	ev.target_state = DS_TARGET_STATE_DRAINING;
	ds_core_feed(f->core, &ev);
	assert_false(ds_pod_is_draining(f->core, pod_of(f, 1)));
	assert_true(ds_pod_is_draining(f->core, pod_of(f, 2)));
	assert_true(ds_pod_drain(f->core, pod_of(f, 1), 0).delay_ns == 30 * DS_NS_PER_S);
	assert_true(ds_pod_drain(f->core, pod_of(f, 2), 0).delay_ns == 300 * DS_NS_PER_S);
	assert_false(ds_pod_serves_port(f->core, pod_of(f, 1), OTHER_PORT));
	assert_true(ds_pod_serves_port(f->core, pod_of(f, 1), FX_PORT));
}

/* The kubelet probes from the node's address, which is the pod's as well. */
static void the_kubelets_probe_is_no_traffic_inside_the_pod(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_NODE_ADDRESS, fx_at(0));
	DS_SET_STR(&ev, ADDRESS, address, NODE);
	ds_core_feed(f->core, &ev);
	host_pod(f, 0, 1, "8080", DS_PHASE_TERMINATING);
	ds_event_init(&ev, DS_EVENT_PACKET, fx_at(1000));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SEND_RESET);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_ROUTING);
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(NODE));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_addr(NODE));
	DS_SET(&ev, SOURCE_PORT, source_port, 50000);
	DS_SET(&ev, DESTINATION_PORT, destination_port, FX_PORT);
	DS_SET_STR(&ev, TCP_FLAGS, tcp_flags, "SYN");
	ds_core_feed(f->core, &ev);
	fx_tick(f, 2000);
	assert_int_equal(pod_of(f, 1)->not_drops[DS_NOT_DROP_PROBE], 1);
	assert_int_equal(pod_of(f, 1)->not_drops[DS_NOT_DROP_INSIDE_POD], 0);
}

static void the_verdict_is_due_when_the_pod_is_deleted(void **state)
{
	struct fixture *f = *state;

	host_pod(f, 0, 1, "8080", DS_PHASE_READY);
	host_pod(f, 1000, 1, "8080", DS_PHASE_TERMINATING);
	fx_tick(f, 200000);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 0);
	host_pod(f, 200000, 1, "8080", DS_PHASE_DELETED);
	fx_tick(f, 300000);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
}

/* The answer is used also where no pod is found. */
static void an_attribution_is_always_told(void **state)
{
	struct fixture *f = *state;
	int attribution = DS_ATTRIBUTION_CGROUP;
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(0));
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_ROUTING);
	assert_null(ds_timeline_pod_of(f->core, &ev, &attribution));
	assert_int_not_equal(attribution, DS_ATTRIBUTION_CGROUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(two_pods_of_one_address_are_told_apart_by_port),
		FX_TEST(a_port_of_no_pod_is_nobodys),
		FX_TEST(the_port_stays_its_after_the_end_of_the_pod),
		FX_TEST(the_next_pod_takes_the_port_over),
		FX_TEST(a_process_of_the_host_takes_the_port),
		FX_TEST(an_open_port_is_not_taken),
		FX_TEST(a_sockets_cgroup_goes_before_its_port),
		FX_TEST(what_happens_in_a_pods_namespace_is_not_the_hosts),
		FX_TEST(the_nodes_address_is_watched_for_as_long_as_a_pod_needs_it),
		FX_TEST(forgotten_pods_leave_the_address_to_the_others),
		FX_TEST(each_pod_has_the_target_of_its_port),
		FX_TEST(the_kubelets_probe_is_no_traffic_inside_the_pod),
		FX_TEST(the_verdict_is_due_when_the_pod_is_deleted),
		FX_TEST(an_attribution_is_always_told),
	};

	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
