// SPDX-License-Identifier: Apache-2.0
/* Stories of target groups without a target; in all of them pods 1 and 2 are web's. */
#include "tests/unit/core_fixture.h"

#define GAP DS_EVENT_NO_TARGET

static void two_healthy(struct fixture *f)
{
	fx_start(f);
	fx_lb(f);
	for (int n = 1; n <= 2; n++) {
		fx_pod(f, 10, n);
		fx_target(f, 20, n, DS_TARGET_STATE_HEALTHY);
	}
}

static void none_is_told_while_one_serves(void **state)
{
	struct fixture *f = *state;

	two_healthy(f);
	fx_target(f, 1000, 1, DS_TARGET_STATE_DRAINING);
	fx_ticks(f, 2000, 9000);
	fx_target(f, 9500, 2, DS_TARGET_STATE_UNHEALTHY);	/* the balancer fails open */
	fx_ticks(f, 10000, 20000);
	fx_target(f, 20500, 2, DS_TARGET_STATE_UNAVAILABLE);
	fx_final(f, 30000);
	assert_int_equal(fx_count(f, GAP), 0);
}

static void a_group_that_never_served_has_lost_nothing(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_target(f, 20, 1, DS_TARGET_STATE_INITIAL);
	fx_target(f, 30, 2, DS_TARGET_STATE_DRAINING);
	fx_ticks(f, 1000, 9000);
	fx_final(f, 9500);
	assert_int_equal(fx_count(f, GAP), 0);
}

static void it_is_told_as_it_begins_and_as_it_ends(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	two_healthy(f);
	fx_pod(f, 900, 3);
	fx_target(f, 1000, 3, DS_TARGET_STATE_INITIAL);
	fx_target(f, 2000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 2500, 2, DS_TARGET_STATE_DRAINING);
	fx_tick(f, 3000);
	assert_int_equal(fx_count(f, GAP), 0);
	fx_ticks(f, 4000, 6000);
	ev = fx_only(f, GAP);
	assert_int_equal(ev->level, DS_LEVEL_WARN);
	assert_true(ev->time_ns == fx_at(2500));
	assert_true(ev->not_before == fx_at(2500));
	assert_false(ds_event_has(ev, DS_KEY_NOT_AFTER));
	assert_false(ds_event_has(ev, DS_KEY_TG_NO_TARGET));
	assert_false(ds_event_has(ev, DS_KEY_TG_LAST_ARRIVAL));
	assert_string_equal(ev->tg_name, "web");
	assert_false(ds_event_has(ev, DS_KEY_TG_ARN));
	assert_int_equal(ev->tg_targets, 3);
	assert_int_equal(ev->tg_ready, 1);
	fx_target(f, 6500, 3, DS_TARGET_STATE_HEALTHY);
	ev = fx_nth(f, GAP, 1);
	assert_true(ev->time_ns == fx_at(6500));
	assert_true(ev->not_after == fx_at(6500));
	assert_true(ev->tg_no_target == 4000 * DS_NS_PER_MS);
	assert_false(ds_event_has(ev, DS_KEY_TG_READY));
	fx_final(f, 9000);
	assert_int_equal(fx_count(f, GAP), 2);
}

/* One answer of the API comes as several events of one moment, in any order. */
static void states_of_one_moment_are_no_gap(void **state)
{
	struct fixture *f = *state;

	two_healthy(f);
	fx_target(f, 1000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 2000, 2, DS_TARGET_STATE_DRAINING);
	fx_target(f, 2000, 3, DS_TARGET_STATE_HEALTHY);
	fx_ticks(f, 3000, 9000);
	assert_int_equal(fx_count(f, GAP), 0);
}

static void bounds_that_meet_prove_nothing(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	two_healthy(f);
	fx_target(f, 1000, 1, DS_TARGET_STATE_UNUSED);
	fx_target(f, 2000, 2, DS_TARGET_STATE_DRAINING);
	ev = fx_target_event(2900, 1, DS_TARGET_STATE_HEALTHY);
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(1900));
	ds_core_feed(f->core, &ev);
	assert_int_equal(fx_count(f, GAP), 0);
	fx_target(f, 4000, 1, DS_TARGET_STATE_INITIAL);
	ev = fx_target_event(4900, 1, DS_TARGET_STATE_HEALTHY);
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(4001));
	ds_core_feed(f->core, &ev);
	assert_true(fx_only(f, GAP)->tg_no_target == DS_NS_PER_MS);
	assert_true(fx_only(f, GAP)->not_before == fx_at(4000));
	assert_true(fx_only(f, GAP)->not_after == fx_at(4900));
}

static int gates(struct fixture *f)
{
	int cnt = 0;

	for (int i = 0; i < f->out_cnt; i++)
		cnt += f->out[i].kind == DS_EVENT_ADVICE &&
		       f->out[i].advice == DS_ADVICE_ADD_READINESS_GATE;
	return cnt;
}

/* A pod that was ready too early gives advice, but not in a gap that nothing proves. */
static void only_a_proven_gap_advises_a_readiness_gate(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	two_healthy(f);
	fx_pod(f, 900, 3);
	fx_target(f, 1000, 3, DS_TARGET_STATE_INITIAL);
	fx_target(f, 2000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 2100, 2, DS_TARGET_STATE_DRAINING);
	fx_tick(f, 2500);
	ev = fx_target_event(3000, 3, DS_TARGET_STATE_HEALTHY);
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(2050));
	ds_core_feed(f->core, &ev);
	fx_target(f, 3500, 3, DS_TARGET_STATE_DRAINING);
	fx_target(f, 9000, 2, DS_TARGET_STATE_HEALTHY);
	fx_ticks(f, 10000, 90000);
	fx_final(f, 91000);
	assert_int_equal(fx_count(f, GAP), 1);
	assert_int_equal(gates(f), 0);
}

static void a_pod_that_is_ready_too_early_advises_one(void **state)
{
	struct fixture *f = *state;

	two_healthy(f);
	fx_pod(f, 900, 3);
	fx_target(f, 1000, 3, DS_TARGET_STATE_INITIAL);
	fx_target(f, 2000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 2100, 2, DS_TARGET_STATE_DRAINING);
	fx_ticks(f, 3000, 6000);
	fx_target(f, 6500, 3, DS_TARGET_STATE_HEALTHY);
	fx_ticks(f, 7000, 90000);
	fx_final(f, 91000);
	assert_int_equal(gates(f), 1);
}

static void a_gap_at_the_end_of_the_run_has_its_length_so_far(void **state)
{
	struct fixture *f = *state;

	two_healthy(f);
	fx_target(f, 1000, 1, DS_TARGET_STATE_ABSENT);
	fx_target(f, 2000, 2, DS_TARGET_STATE_DRAINING);
	fx_final(f, 2400);
	assert_true(fx_only(f, GAP)->tg_no_target == 400 * DS_NS_PER_MS);
	assert_false(ds_event_has(fx_only(f, GAP), DS_KEY_NOT_AFTER));
	assert_int_equal(fx_only(f, GAP)->tg_targets, 1);	/* an absent one is none */
}

/* The data plane hears of the drain later, or fails open: what arrives meanwhile is said. */
static void arrivals_from_the_load_balancer_are_said(void **state)
{
	struct fixture *f = *state;

	two_healthy(f);
	fx_terminating(f, 900, 1);
	fx_target(f, 1000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 1001, 2, DS_TARGET_STATE_DRAINING);
	fx_syn_seen(f, 1400, 1, 4001, 17);
	FX_PACKET(f, 1600, .n = 1, .peer = "10.0.9.9", .peer_port = 4002, .hook = DS_HOOK_TAP_RX,
		  .flags = "SYN", .seq = 1);
	fx_ticks(f, 2000, 4000);
	assert_true(fx_only(f, GAP)->tg_last_arrival == fx_at(1400));
}

static void sample(struct fixture *f, int64_t ms, const char *peer, int64_t accepted_ms)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(ms));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(peer));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(2));
	DS_SET(&ev, TRAFFIC_PORT, traffic_port, FX_PORT);
	DS_SET(&ev, LAST_ACCEPTED_AT, last_accepted_at, fx_at(accepted_ms));
	ds_core_feed(f->core, &ev);
}

/* At a pod that does not go away the counters alone tell. */
static void so_is_what_only_the_counters_tell(void **state)
{
	struct fixture *f = *state;

	two_healthy(f);
	fx_target(f, 1000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 1001, 2, DS_TARGET_STATE_DRAINING);
	sample(f, 1500, FX_LB, 1300);
	sample(f, 1501, FX_LB, 900);		/* before it began */
	sample(f, 1502, "10.0.9.9", 1400);	/* not the balancer's */
	fx_ticks(f, 2000, 4000);
	assert_true(fx_only(f, GAP)->tg_last_arrival == fx_at(1300));
	fx_target(f, 5000, 2, DS_TARGET_STATE_HEALTHY);
	fx_target(f, 7000, 2, DS_TARGET_STATE_DRAINING);	/* another gap: nothing yet */
	sample(f, 7100, FX_LB, 6900);
	fx_ticks(f, 8000, 9000);
	assert_false(ds_event_has(fx_nth(f, GAP, 2), DS_KEY_TG_LAST_ARRIVAL));
}

static void groups_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(30, 2, DS_TARGET_STATE_HEALTHY);

	two_healthy(f);
	DS_SET_STR(&ev, TG_ARN, tg_arn, "arn:other");
	DS_SET_STR(&ev, TG_NAME, tg_name, "other");
	ds_core_feed(f->core, &ev);	/* the same target of another group */
	fx_target(f, 1000, 1, DS_TARGET_STATE_DRAINING);
	fx_target(f, 1001, 2, DS_TARGET_STATE_DRAINING);
	fx_ticks(f, 2000, 4000);
	assert_false(ds_event_has(fx_only(f, GAP), DS_KEY_TG_ARN));
	ev = fx_target_event(5000, 2, DS_TARGET_STATE_DRAINING);
	DS_SET_STR(&ev, TG_ARN, tg_arn, "arn:other");
	DS_SET_STR(&ev, TG_NAME, tg_name, "other");
	ds_core_feed(f->core, &ev);
	fx_ticks(f, 6000, 8000);
	assert_string_equal(fx_nth(f, GAP, 1)->tg_arn, "arn:other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(none_is_told_while_one_serves),
		FX_TEST(a_group_that_never_served_has_lost_nothing),
		FX_TEST(it_is_told_as_it_begins_and_as_it_ends),
		FX_TEST(states_of_one_moment_are_no_gap),
		FX_TEST(bounds_that_meet_prove_nothing),
		FX_TEST(only_a_proven_gap_advises_a_readiness_gate),
		FX_TEST(a_pod_that_is_ready_too_early_advises_one),
		FX_TEST(a_gap_at_the_end_of_the_run_has_its_length_so_far),
		FX_TEST(arrivals_from_the_load_balancer_are_said),
		FX_TEST(so_is_what_only_the_counters_tell),
		FX_TEST(groups_are_told_apart),
	};

	return cmocka_run_group_tests_name("absence", tests, NULL, NULL);
}
