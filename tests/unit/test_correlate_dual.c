// SPDX-License-Identifier: Apache-2.0
/* Pods with an IPv4 and an IPv6 address: one pod, one verdict, and each address for itself. */
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define V4 "10.0.3.1"
#define V6 "fd00:3::1"
#define LB6 "fd00::10"

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static void dual_pod(struct fixture *f, int64_t ms, int n, const char *addresses, int phase)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, addresses);
	DS_SET(&ev, PHASE, phase, phase);
	ds_core_feed(f->core, &ev);
}

static void target_of(struct fixture *f, int64_t ms, const char *address,
		      enum ds_target_state state)
{
	struct ds_event ev = fx_target_event(ms, 1, state);

	DS_SET_STR(&ev, TG_NAME, tg_name, strchr(address, ':') ? "six" : "four");
	DS_SET_STR(&ev, TARGET_ID, target_id, address);
	ds_core_feed(f->core, &ev);
}

static void gone(struct fixture *f, int64_t ms, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(ms));
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET_STR(&ev, ADDRESS, address, address);
	ds_core_feed(f->core, &ev);
}

/* A SYN of the load balancer that the hook tells of; NULL: without a drop reason. */
static void syn(struct fixture *f, int64_t ms, const char *address, enum ds_hook hook,
		const char *drop_reason, int peer_port)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PACKET, fx_at(ms));
	DS_SET(&ev, HOOK, hook, hook);
	DS_SET(&ev, SCOPE, scope,
	       hook == DS_HOOK_SEND_RESET ? DS_SCOPE_POD : DS_SCOPE_ROUTING);
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(strchr(address, ':') ? LB6 : FX_LB));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_addr(address));
	DS_SET(&ev, SOURCE_PORT, source_port, peer_port);
	DS_SET(&ev, DESTINATION_PORT, destination_port, FX_PORT);
	DS_SET_STR(&ev, TCP_FLAGS, tcp_flags, "SYN");
	DS_SET(&ev, TCP_SEQ, tcp_seq, peer_port);
	DS_SET_STR(&ev, DROP_REASON, drop_reason, drop_reason);
	ds_core_feed(f->core, &ev);
}

static void begin(struct fixture *f)
{
	fx_address(f, DS_EVENT_LB_ADDRESS, FX_LB);
	fx_address(f, DS_EVENT_LB_ADDRESS, LB6);
	dual_pod(f, 0, 1, V4 "," V6, DS_PHASE_READY);
	target_of(f, 10, V4, DS_TARGET_STATE_HEALTHY);
	target_of(f, 10, V6, DS_TARGET_STATE_HEALTHY);
}

static void what_is_lost_by_either_address_is_one_pods(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *verdict;

	begin(f);
	dual_pod(f, 1000, 1, V4 "," V6, DS_PHASE_TERMINATING);
	syn(f, 2000, V4, DS_HOOK_SEND_RESET, NULL, 40001);
	syn(f, 2100, V6, DS_HOOK_SEND_RESET, NULL, 40001);
	fx_tick(f, 3000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal(fx_nth(f, DS_EVENT_DROP, i)->pod_uid, fx_uid(1));
		assert_int_equal(fx_nth(f, DS_EVENT_DROP, i)->cause, DS_CAUSE_LISTENER_CLOSED);
	}
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 0)->network_type, "ipv4");
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 1)->network_type, "ipv6");
	target_of(f, 3000, V4, DS_TARGET_STATE_UNUSED);
	target_of(f, 3000, V6, DS_TARGET_STATE_UNUSED);
	dual_pod(f, 4000, 1, V4 "," V6, DS_PHASE_DELETED);
	fx_ticks(f, 5000, 200000);
	verdict = fx_only(f, DS_EVENT_VERDICT);
	assert_int_equal(verdict->verdict_drops, 2);
	assert_int_equal(verdict->tail, 1100 * DS_NS_PER_MS);	/* the later of both */
}

/* [::] without IPV6_V6ONLY takes IPv4 as well: its closing closes both. */
static void a_dual_stack_listener_serves_ipv4(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	begin(f);
	for (int i = 0; i < 2; i++) {
		ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(100 + i * 1900));
		DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
		DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv6");
		DS_SET(&ev, SOURCE_PORT, source_port, FX_PORT);
		DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(1, 1));
		DS_SET(&ev, SOCKET_CHANGE, socket_change,
		       i ? DS_SOCKET_CHANGE_LISTENER_CLOSED : DS_SOCKET_CHANGE_LISTENING);
		if (i)
			dual_pod(f, 1000, 1, V4 "," V6, DS_PHASE_TERMINATING);
		ds_core_feed(f->core, &ev);
	}
	syn(f, 2500, V4, DS_HOOK_SEND_RESET, NULL, 40001);
	fx_tick(f, 3000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->phase, DS_PHASE_LISTENER_CLOSED);
}

static void each_address_is_released_for_itself(void **state)
{
	struct fixture *f = *state;
	int lines = 0;

	begin(f);
	dual_pod(f, 1000, 1, V4 "," V6, DS_PHASE_TERMINATING);
	gone(f, 2000, V6);
	/* Refused by the pod that still has its IPv4 address; died for want of the IPv6 one. */
	syn(f, 3000, V4, DS_HOOK_SEND_RESET, NULL, 40001);
	syn(f, 3000, V6, DS_HOOK_KFREE_SKB, "NEIGH_FAILED", 40002);
	fx_tick(f, 3500);
	fx_tick(f, 20000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->cause, DS_CAUSE_ADDRESS_RELEASED);
	gone(f, 21000, V4);
	syn(f, 22000, V4, DS_HOOK_KFREE_SKB, "NEIGH_FAILED", 40003);
	fx_tick(f, 40000);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 2)->cause, DS_CAUSE_ADDRESS_RELEASED);
	for (int i = 0; i < fx_count(f, DS_EVENT_PHASE); i++)
		lines += fx_nth(f, DS_EVENT_PHASE, i)->phase == DS_PHASE_ADDRESS_RELEASED;
	assert_int_equal(lines, 1);
}

/* A SYN without an answer at an address that the pod still has is no released one. */
static void silence_at_the_address_that_is_left_is_not_its_release(void **state)
{
	struct fixture *f = *state;

	begin(f);
	dual_pod(f, 1000, 1, V4 "," V6, DS_PHASE_TERMINATING);
	gone(f, 2000, V6);
	syn(f, 3000, V4, DS_HOOK_TAP_RX, NULL, 40001);
	syn(f, 3000, V6, DS_HOOK_TAP_RX, NULL, 40002);
	fx_ticks(f, 4000, 20000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->cause, DS_CAUSE_UNKNOWN);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->cause, DS_CAUSE_ADDRESS_RELEASED);
}

static void one_address_may_go_to_another_pod(void **state)
{
	struct fixture *f = *state;

	begin(f);
	dual_pod(f, 1000, 1, V4 "," V6, DS_PHASE_TERMINATING);
	gone(f, 2000, V4);
	gone(f, 2000, V6);
	dual_pod(f, 3000, 2, "10.0.3.2," V6, DS_PHASE_READY);
	assert_true(pod_of(f, 1)->reused_ns == fx_at(3000));
	syn(f, 4000, V4, DS_HOOK_KFREE_SKB, "NEIGH_FAILED", 40001);
	fx_ticks(f, 5000, 20000);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->pod_uid, fx_uid(1));
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_RELEASED);
}

/* The other target group's target still drains: the verdict waits for both. */
static void the_verdict_waits_for_the_targets_of_both(void **state)
{
	struct fixture *f = *state;

	begin(f);
	dual_pod(f, 1000, 1, V4 "," V6, DS_PHASE_TERMINATING);
	target_of(f, 1500, V4, DS_TARGET_STATE_DRAINING);
	target_of(f, 1500, V6, DS_TARGET_STATE_DRAINING);
	dual_pod(f, 2000, 1, V4 "," V6, DS_PHASE_DELETED);
	target_of(f, 3000, V4, DS_TARGET_STATE_UNUSED);
	fx_ticks(f, 4000, 30000);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 0);
	target_of(f, 30000, V6, DS_TARGET_STATE_UNUSED);
	fx_ticks(f, 31000, 200000);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(what_is_lost_by_either_address_is_one_pods),
		FX_TEST(a_dual_stack_listener_serves_ipv4),
		FX_TEST(each_address_is_released_for_itself),
		FX_TEST(silence_at_the_address_that_is_left_is_not_its_release),
		FX_TEST(one_address_may_go_to_another_pod),
		FX_TEST(the_verdict_waits_for_the_targets_of_both),
	};

	return cmocka_run_group_tests_name("correlate_dual", tests, NULL, NULL);
}
