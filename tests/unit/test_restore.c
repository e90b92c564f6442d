// SPDX-License-Identifier: Apache-2.0
/* What a run must know of the one before it, lest it judge otherwise. */
#include "tests/unit/restart_story.h"
#include "user/core/target_group.h"
#include "user/core/workload.h"

#define OTHER_NODE "10.0.0.2"
#define LINK "eni1"

static struct fixture *begin(void)
{
	struct fixture *f = fx_new_bounded(0, 0);

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_address(f, DS_EVENT_NODE_ADDRESS, FX_NODE);
	return f;
}

static void route(struct fixture *f, int64_t ms, enum ds_route_change change, enum ds_route_by by)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(ms));
	DS_SET(&ev, ROUTE_CHANGE, route_change, change);
	DS_SET(&ev, ROUTE_BY, route_by, by);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.3.1");
	if (by != DS_ROUTE_BY_RULE)
		DS_SET_STR(&ev, IFACE_NAME, iface_name, LINK);
	ds_core_feed(f->core, &ev);
}

static struct ds_pod *pod_1(const struct fixture *f)
{
	return ds_ledger_find(f->core->ledger, fx_uid(1));
}

/* A CNI that makes a route anew, and a restart before it has: the pod has not gone. */
static void a_route_that_comes_back_after_the_restart_undoes_the_release(void **state)
{
	struct fixture *f = begin(), *g;

	(void)state;
	fx_pod(f, 0, 1);
	route(f, 1 * S, DS_ROUTE_CHANGE_RELEASED, DS_ROUTE_BY_RULE);
	route(f, 1010, DS_ROUTE_CHANGE_RELEASED, DS_ROUTE_BY_ROUTE);
	assert_true(pod_1(f)->released_ns != 0);
	assert_round(f);
	g = restarted(f, 2 * S);
	assert_true(pod_1(g)->released_ns != 0);
	route(g, 2100, DS_ROUTE_CHANGE_ASSIGNED, DS_ROUTE_BY_ROUTE);
	assert_true(pod_1(g)->released_ns != 0);	/* the rule is still missing */
	route(g, 2200, DS_ROUTE_CHANGE_ASSIGNED, DS_ROUTE_BY_RULE);
	assert_true(pod_1(g)->released_ns == 0);
	fx_ticks(g, 3 * S, 30 * S);
	assert_int_equal(fx_count(g, DS_EVENT_VERDICT), 0);
	fx_free(g);
	fx_free(f);
}

static void instance_target(struct fixture *f, bool named)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, fx_at(5));
	DS_SET_STR(&ev, TARGET_ID, target_id, "i-0abc");
	DS_SET(&ev, TARGET_PORT, target_port, 30080);
	DS_SET(&ev, TARGET_STATE, target_state, DS_TARGET_STATE_HEALTHY);
	DS_SET_STR(&ev, TG_NAME, tg_name, "shop-np");
	if (!named)
		DS_SET_STR(&ev, TG_ARN, tg_arn, "arn:shop-np");
	DS_SET(&ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, 30080);
	DS_SET(&ev, TG_HC_INTERVAL, tg_health_check_interval_s, 15);
	DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, named);
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_NETWORK);
	ds_core_feed(f->core, &ev);
}

static void groups_of_nodes_come_back(void **state)
{
	struct fixture *f = begin(), *g;
	const struct ds_instance_group *group;

	(void)state;
	instance_target(f, true);
	instance_target(f, false);
	assert_round(f);
	g = restarted(f, 2 * S);
	assert_int_equal(g->core->instances.cnt, 2);
	group = &g->core->instances.groups[0];
	assert_string_equal(group->group, "shop-np");
	assert_string_equal(group->name, "shop-np");
	assert_true(group->preserve_client_ip);
	assert_int_equal(group->lb_type, DS_LB_TYPE_NETWORK);
	assert_string_equal(g->core->instances.groups[1].group, "arn:shop-np");
	assert_false(g->core->instances.groups[1].preserve_client_ip);
	assert_int_equal(ds_instances_check_interval_s(&g->core->instances), 15);
	assert_null(ds_targets_first(g->core->targets));
	fx_free(g);
	fx_free(f);
}

/* Another node forwards for the load balancer: what it loses is a drop, before and after. */
static void what_another_node_forwards_is_still_the_load_balancers(void **state)
{
	struct fixture *f = begin(), *g;
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_NODE_ADDRESS, fx_at(1));
	DS_SET_STR(&ev, ADDRESS, address, OTHER_NODE);
	DS_SET(&ev, NODE_OTHER, node_other, true);
	ds_core_feed(f->core, &ev);
	instance_target(f, false);
	fx_pod(f, 10, 1);
	fx_listener(f, 20, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, 1000, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_round(f);
	g = restarted(f, 3 * S);
	FX_PACKET(g, 4 * S, .n = 1, .peer = OTHER_NODE, .peer_port = 40000,
		  .hook = DS_HOOK_SEND_RESET, .scope = DS_SCOPE_POD, .flags = "SYN", .seq = 7);
	fx_tick(g, 5 * S);
	assert_int_equal(fx_only(g, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
	fx_free(g);
	fx_free(f);
}

/* That no target is left is a finding only where one was: also one that the run before saw. */
static void a_group_that_served_before_the_restart_can_lose_its_last_target(void **state)
{
	struct fixture *f = begin(), *g;

	(void)state;
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	g = restarted(f, 2 * S);
	fx_target(g, 3 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_final(g, 10 * S);
	assert_int_equal(fx_count(g, DS_EVENT_NO_TARGET), 1);
	fx_free(g);
	fx_free(f);

	f = begin();
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_INITIAL);
	g = restarted(f, 2 * S);
	fx_target(g, 3 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_final(g, 10 * S);
	assert_int_equal(fx_count(g, DS_EVENT_NO_TARGET), 0);
	fx_free(g);
	fx_free(f);
}

/* How long an NLB's new connections came, of a pod that goes and of those before it. */
static void the_last_new_connection_comes_back(void **state)
{
	struct ds_event ev = fx_target_event(20, 1, DS_TARGET_STATE_HEALTHY);
	struct fixture *f = begin(), *g;

	(void)state;
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_NETWORK);
	fx_pod(f, 0, 1);
	ds_core_feed(f->core, &ev);
	fx_terminating(f, 60 * S, 1);
	fx_refused(f, 63 * S, 1, 2, 7);
	fx_ticks(f, 63 * S, 64 * S);
	assert_true(pod_1(f)->last_begun_ns == fx_at(63 * S));
	assert_round(f);
	fx_process(f, 80 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_phase(f, 82 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 200 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
	assert_round(f);
	g = restarted(f, 210 * S);
	assert_true(pod_1(g)->last_begun_ns == fx_at(63 * S));
	assert_true(ds_workloads_first(g->core->workloads)->m.begun_ns == 3 * DS_NS_PER_S);
	fx_free(g);
	fx_free(f);
}

/* Its verdict of a pod with that T0 that was told to stay at told_ms; the run begins at 0. */
static int reason_with(int64_t told_ms, int64_t t0_ms, int64_t error_ms)
{
	struct fixture *f = begin();
	struct ds_event ev = fx_pod_event(600, 1);
	int reason = -1;

	if (told_ms >= 0)
		fx_pod(f, told_ms, 1);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(t0_ms));
	DS_SET(&ev, T0_ERROR, t0_error, error_ms * DS_NS_PER_MS);
	ds_core_feed(f->core, &ev);
	fx_phase(f, 2 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 60 * S);
	if (ds_event_has(fx_only(f, DS_EVENT_VERDICT), DS_KEY_VERDICT_REASON))
		reason = fx_only(f, DS_EVENT_VERDICT)->verdict_reason;
	fx_free(f);
	return reason;
}

/* T0 is a floor to the second, and may lie before a run that saw the pod stay after that. */
static void what_was_seen_to_stay_went_later(void **state)
{
	(void)state;
	assert_int_equal(reason_with(100, -300, 1000), DS_VERDICT_REASON_NO_TARGET);
	assert_int_equal(reason_with(-1, -300, 1000), DS_VERDICT_REASON_RESTART_GAP);
	/* Kubernetes tells late: an error that does not reach so far leaves a gap. */
	assert_int_equal(reason_with(100, -300, 0), DS_VERDICT_REASON_RESTART_GAP);
	assert_int_equal(reason_with(100, -300, 299), DS_VERDICT_REASON_RESTART_GAP);
	assert_int_equal(reason_with(100, -300, 300), DS_VERDICT_REASON_NO_TARGET);
	assert_int_equal(reason_with(100, 300, 1000), DS_VERDICT_REASON_NO_TARGET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_that_comes_back_after_the_restart_undoes_the_release),
		cmocka_unit_test(groups_of_nodes_come_back),
		cmocka_unit_test(what_another_node_forwards_is_still_the_load_balancers),
		cmocka_unit_test(a_group_that_served_before_the_restart_can_lose_its_last_target),
		cmocka_unit_test(the_last_new_connection_comes_back),
		cmocka_unit_test(what_was_seen_to_stay_went_later),
	};

	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
