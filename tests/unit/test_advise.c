// SPDX-License-Identifier: Apache-2.0
/* The formulas of DESIGN section 8, when a line is written, and over-sleep. */
#include "tests/unit/advise_story.h"

/* preStop = ⌈tail + error + max(1 s, 10 % of the tail)⌉ s */
static void prestop_covers_tail_error_and_margin(void **state)
{
	static const struct { int64_t tail_ms, error_ms; const char *want; } cases[] = {
		{ 3000, 0, "4" },		/* 3 + 1 */
		{ 3001, 0, "5" },		/* 4.001, up */
		{ 3000, 1000, "5" },
		{ 3500, 500, "5" },		/* exact: 3.5 + 0.5 + 1 */
		{ 10000, 0, "11" },		/* both margins are 1 s */
		{ 20000, 0, "22" },		/* 10 % */
		{ 25000, 1000, "29" },		/* 25 + 1 + 2.5 = 28.5, up */
		{ 0, 0, "1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		LIVE(f, .n = 1, .tail_ms = cases[i].tail_ms, .t0_error_ms = cases[i].error_ms,
		     .lost = 1, .stop_ms = 100, .grace_s = 600);
		assert_int_equal(advices(f), 1);
		assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_PRESTOP);
		assert_string_equal(advice(f, 0)->advice_suggested, cases[i].want);
		assert_string_equal(advice(f, 0)->advice_current, "none");
		assert_string_equal(advice(f, 0)->advice_object, "Deployment/shop/web");
		fx_free(f);
	}
}

/* grace = preStop + ⌈slowest SIGTERM-to-exit + max(2 s, 20 %)⌉ s */
static void grace_covers_prestop_and_the_slowest_stop(void **state)
{
	static const struct { int64_t stop_ms; const char *want; } cases[] = {
		{ 1000, "7" },			/* 4 + ⌈1 + 2⌉ */
		{ 10000, "16" },		/* both margins are 2 s */
		{ 20000, "28" },		/* 4 + ⌈20 + 4⌉ */
		{ 20001, "29" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = cases[i].stop_ms,
		     .grace_s = 5);
		assert_int_equal(advices(f), 2);
		assert_int_equal(advice(f, 1)->advice, DS_ADVICE_RAISE_GRACE);
		assert_string_equal(advice(f, 1)->advice_suggested, cases[i].want);
		assert_string_equal(advice(f, 1)->advice_current, "5");
		fx_free(f);
	}
}

static void nothing_lost_is_no_reason_for_a_longer_prestop(void **state)
{
	struct fixture *f = *state;

	start(f);
	LIVE(f, .n = 1, .tail_ms = 3000, .stop_ms = 100);
	assert_int_equal(advices(f), 0);
}

/* Neither what it lost nor how long it took says anything of its workload. */
static void what_its_node_does_is_not_the_workloads(void **state)
{
	static const enum ds_trigger imposed[] = { DS_TRIGGER_EVICTION, DS_TRIGGER_NODE_SHUTDOWN,
						   DS_TRIGGER_PREEMPTION };

	(void)state;
	for (size_t i = 0; i < sizeof(imposed) / sizeof(imposed[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		int64_t next;

		start(f);
		next = LIVE(f, .n = 1, .tail_ms = 9000, .lost = 5, .stop_ms = 9000, .grace_s = 5,
			    .ignores_sigterm = true, .trigger = imposed[i]);
		assert_int_equal(fx_only(f, DS_EVENT_VERDICT)->verdict, DS_VERDICT_DROPPED);
		assert_false(ds_event_has(fx_only(f, DS_EVENT_VERDICT), DS_KEY_OVERSLEEP));
		assert_int_equal(advices(f), 0);
		/* A rollout afterwards is measured by its own pods. */
		LIVE(f, .n = 2, .begin_ms = next, .tail_ms = 3000, .lost = 1, .stop_ms = 100,
		     .trigger = DS_TRIGGER_MANUAL);
		assert_int_equal(advices(f), 1);
		assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_PRESTOP);
		assert_string_equal(advice(f, 0)->advice_suggested, "4");
		assert_true(advice(f, 0)->advice_pods == 1);
		assert_true(advice(f, 0)->advice_rollouts == 1);
		fx_free(f);
	}
}

/* The hook is long enough for what was measured: another cause needs another cure. */
static void a_prestop_that_suffices_is_not_raised(void **state)
{
	struct fixture *f = *state;

	start(f);
	LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 100, .prestop = "sleep:4");
	assert_int_equal(advices(f), 0);
}

static void an_unknown_prestop_has_no_current_value(void **state)
{
	struct fixture *f = *state;

	start(f);
	LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 100, .prestop = "exec");
	assert_string_equal(advice(f, 0)->advice_suggested, "4");
	assert_false(ds_event_has(advice(f, 0), DS_KEY_ADVICE_CURRENT));
}

/* An exit by SIGKILL says that the time was too short, not how long it must be. */
static void sigkill_censors_the_grace_period(void **state)
{
	struct fixture *f = *state;
	int64_t next;

	start(f);
	next = LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 30000, .exit_code = 137,
		    .grace_s = 6);
	assert_int_equal(advices(f), 1);
	assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_PRESTOP);
	LIVE(f, .n = 2, .begin_ms = next, .tail_ms = 3000, .lost = 1, .stop_ms = 9000,
	     .grace_s = 6);
	assert_int_equal(advices(f), 1);	/* one killed pod is enough */
}

/* A hook as long as the grace period would be cut: both are raised, measured or not. */
static void a_hook_is_never_advised_beyond_the_grace_period(void **state)
{
	struct fixture *f = *state;

	start(f);
	LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 30000, .exit_code = 137,
	     .grace_s = 5);
	assert_int_equal(advices(f), 2);
	assert_int_equal(advice(f, 1)->advice, DS_ADVICE_RAISE_GRACE);
	assert_string_equal(advice(f, 1)->advice_suggested, "6");
	assert_non_null(strstr(advice(f, 1)->advice_evidence, "not measured"));
}

static void a_new_suggestion_is_one_line_an_old_one_none(void **state)
{
	struct fixture *f = *state;
	int64_t next;

	start(f);
	next = LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 100, .grace_s = 600);
	next = LIVE(f, .n = 2, .begin_ms = next, .tail_ms = 3000, .lost = 1, .stop_ms = 100,
		    .grace_s = 600);
	assert_int_equal(advices(f), 1);
	next = LIVE(f, .n = 3, .begin_ms = next, .tail_ms = 2000, .lost = 1, .stop_ms = 100,
		    .grace_s = 600);
	assert_int_equal(advices(f), 1);	/* the largest tail stands */
	LIVE(f, .n = 4, .begin_ms = next, .tail_ms = 7000, .lost = 1, .stop_ms = 100,
	     .grace_s = 600);
	assert_int_equal(advices(f), 2);
	assert_string_equal(advice(f, 1)->advice_suggested, "8");
	assert_int_equal(advice(f, 1)->advice_pods, 4);
	assert_int_equal(advice(f, 1)->advice_rollouts, 4);
	assert_int_equal(advice(f, 1)->advice_confidence, DS_CONFIDENCE_HIGH);
	assert_int_equal(advice(f, 0)->advice_confidence, DS_CONFIDENCE_MEDIUM);
}

static void the_largest_tail_is_that_with_its_error(void **state)
{
	struct fixture *f = *state;
	int64_t next;

	start(f);
	next = LIVE(f, .n = 1, .tail_ms = 3000, .t0_error_ms = 5000, .lost = 1, .stop_ms = 100,
		    .grace_s = 600);
	LIVE(f, .n = 2, .begin_ms = next, .tail_ms = 7000, .lost = 1, .stop_ms = 100,
	     .grace_s = 600);
	assert_int_equal(advices(f), 1);
	assert_string_equal(advice(f, 0)->advice_suggested, "9");	/* 3 + 5 + 1 */
}

/* The rollout is over when the last of its pods has its verdict. */
static void a_rollout_is_advised_upon_once(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int n = 1; n <= 2; n++) {
		fx_pod(f, 0, n);
		fx_terminating(f, n * S, n);
		fx_refused(f, n * S + 500, n, 1, 1);
	}
	fx_phase(f, 3 * S, 1, DS_PHASE_DELETED);
	fx_ticks(f, 4 * S, 30 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
	assert_int_equal(advices(f), 0);
	fx_phase(f, 31 * S, 2, DS_PHASE_DELETED);
	fx_ticks(f, 32 * S, 50 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 2);
	assert_int_equal(advices(f), 1);
	assert_int_equal(advice(f, 0)->advice_pods, 2);
	assert_int_equal(advice(f, 0)->advice_rollouts, 1);
}

static void workloads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 9);

	start(f);
	LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 100, .grace_s = 600);
	/* The same name in another namespace, and no loss. */
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "other");
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.9");
	DS_SET_STR(&ev, PRESTOP, prestop, "none");
	ev.time_ns = fx_at(200 * S);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	ds_core_feed(f->core, &ev);
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	ev.time_ns = fx_at(201 * S);
	ds_core_feed(f->core, &ev);
	fx_tick(f, 220 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 2);
	assert_int_equal(advices(f), 1);
}

static void without_a_known_balancer_confidence_is_low(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	LIVE(f, .n = 1, .tail_ms = 3000, .lost = 1, .stop_ms = 100, .grace_s = 600);
	assert_int_equal(advice(f, 0)->advice_confidence, DS_CONFIDENCE_LOW);
}

static void a_pod_without_an_owner_is_its_own_workload(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	start(f);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	ds_core_feed(f->core, &ev);
	DS_SET(&ev, T0, t0, fx_at(S));
	ev.time_ns = fx_at(S);
	ds_core_feed(f->core, &ev);
	FX_PACKET(f, 2 * S, .n = 1, .peer_port = 1, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_ROUTING, .flags = "SYN", .seq = 1);
	fx_released(f, 3 * S, 1);
	fx_tick(f, 20 * S);
	assert_string_equal(fx_only(f, DS_EVENT_ADVICE)->advice_object, "Pod//10.0.3.1");
}

/* ---- over-sleep ---- */

static const struct ds_event *last_verdict(struct fixture *f)
{
	return fx_nth(f, DS_EVENT_VERDICT, fx_count(f, DS_EVENT_VERDICT) - 1);
}

/* Over-sleep of the last verdict in s, negative where advice is withheld besides; 0 = none. */
static int64_t oversleep(struct fixture *f)
{
	const struct ds_event *ev = last_verdict(f);
	int64_t s = ds_event_has(ev, DS_KEY_OVERSLEEP) ? ev->oversleep / DS_NS_PER_S : 0;

	return ds_event_has(ev, DS_KEY_ADVICE_WITHHELD) ? -s : s;
}

/* From a file of a stranger: with it as told, the sleep that is needed would be 0 s. */
static void an_error_below_zero_is_none(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, .stop_ms = 100, .prestop = "sleep:10", .target = true, .tail_ms = 0,
	     .t0_error_ms = -1000);
	assert_int_equal(last_verdict(f)->tail_error, 0);
	assert_int_equal(oversleep(f), -9);
}

static void feed_restored(void *ctx, const struct ds_event *ev)
{
	ds_core_feed(((struct fixture *)ctx)->core, ev);
}

#define BUSY .stop_ms = 100, .prestop = "sleep:10", .target = true, .tail_ms = 3000, .arrivals = 20

/* 20 arrivals within the 4 s that its tail of 3 s asks for: exactly enough. */
static void a_shorter_prestop_takes_three_busy_rollouts(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, BUSY);
	assert_int_equal(oversleep(f), -6);
	ROLL(f, BUSY);
	assert_int_equal(oversleep(f), -6);
	assert_int_equal(advices(f), 0);
	ROLL(f, BUSY);
	assert_int_equal(oversleep(f), 6);
	assert_int_equal(advices(f), 1);
	assert_int_equal(advice(f, 0)->advice, DS_ADVICE_LOWER_PRESTOP);
	assert_string_equal(advice(f, 0)->advice_current, "10");
	assert_string_equal(advice(f, 0)->advice_suggested, "4");
	assert_int_equal(advice(f, 0)->advice_rollouts, 3);
	assert_int_equal(advice(f, 0)->advice_confidence, DS_CONFIDENCE_HIGH);
	assert_non_null(strstr(advice(f, 0)->advice_evidence, "20 times"));
	ROLL(f, BUSY);
	assert_int_equal(advices(f), 1);	/* it is said */
}

/* One more arrival than the tail of 2 s needs makes the difference. */
static void twenty_must_be_expected_within_the_shorter_one(void **state)
{
	static const struct { int64_t arrivals; int advices; } cases[] = { { 20, 0 }, { 21, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		for (int k = 0; k < 3; k++)
			ROLL(f, BUSY, .tail_ms = 2001, .arrivals = cases[i].arrivals * 3 / 4);
		assert_int_equal(advices(f), 0);
		fx_free(f);
		f = fx_new_bounded(0, 0);
		start(f);
		for (int k = 0; k < 3; k++)
			ROLL(f, BUSY, .tail_ms = 2000, .arrivals = cases[i].arrivals);
		assert_int_equal(advices(f), cases[i].advices);
		assert_int_equal(oversleep(f), cases[i].advices ? 7 : -7);
		fx_free(f);
	}
}

static void rollouts_that_say_nothing_do_not_count(void **state)
{
	static const struct life poor[] = {
		{ BUSY, .arrivals = 19 },		/* too few */
		{ BUSY, .target = false },		/* no target: nobody knows what checks it */
		{ BUSY, .by_sigterm = true },		/* when it was deleted is not known */
		{ BUSY, .lost = 1 },			/* it was not clean */
		{ BUSY, .tail_ms = -1 },		/* nothing came after T0 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(poor) / sizeof(poor[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		ROLL(f, BUSY);
		ROLL(f, BUSY);
		for (int k = 0; k < 3; k++)
			roll(f, poor[i]);
		assert_int_equal(advices(f), 0);
		ROLL(f, BUSY);
		assert_int_equal(advices(f), 1);
		assert_int_equal(advice(f, 0)->advice, DS_ADVICE_LOWER_PRESTOP);
		fx_free(f);
	}
}

/* The largest tail ever, of whatever rollout. */
static void a_long_tail_is_never_forgotten(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, BUSY, .tail_ms = 8000, .arrivals = 5);
	assert_int_equal(oversleep(f), -1);
	ROLL(f, BUSY, .tail_ms = 9000);
	for (int k = 0; k < 4; k++) {
		ROLL(f, BUSY);
		assert_int_equal(oversleep(f), 0);
	}
	assert_int_equal(advices(f), 0);
}

static void an_idle_pod_says_only_that_it_says_nothing(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, BUSY, .tail_ms = -1, .arrivals = 0);
	assert_false(ds_event_has(last_verdict(f), DS_KEY_OVERSLEEP));
	assert_true(ds_event_has(last_verdict(f), DS_KEY_ADVICE_WITHHELD));
}

static void no_oversleep_without_a_hook_that_sleeps(void **state)
{
	static const struct life lives[] = {
		{ BUSY, .prestop = "none" },
		{ BUSY, .prestop = "exec" },
		{ BUSY, .prestop = "sleep:4" },			/* just enough */
		{ BUSY, .prestop = "sleep:30" },		/* as long as the grace period */
		{ BUSY, .by_sigterm = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		for (int k = 0; k < 3; k++) {
			roll(f, lives[i]);
			assert_false(ds_event_has(last_verdict(f), DS_KEY_OVERSLEEP));
			assert_false(ds_event_has(last_verdict(f), DS_KEY_ADVICE_WITHHELD));
		}
		for (int k = 0; k < advices(f); k++)
			assert_int_not_equal(advice(f, k)->advice, DS_ADVICE_LOWER_PRESTOP);
		fx_free(f);
	}
}

static void what_was_not_wholly_seen_tells_no_oversleep(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int k = 0; k < 3; k++) {
		fx_loss(f, INT64_C(1000) * S, DS_LOSS_STAGE_RINGBUF, 1);
		ROLL(f, BUSY);
		assert_int_equal(last_verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
		assert_int_equal(oversleep(f), 0);
	}
	assert_int_equal(advices(f), 0);
}

/* The poorer of two pods of one rollout decides for it. */
static void every_pod_of_a_rollout_must_have_been_busy(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, BUSY);
	ROLL(f, BUSY);
	for (int n = 10; n <= 11; n++) {
		struct ds_event ev;

		fx_pod(f, 400 * S, n);
		ev = fx_pod_event(400 * S, n);
		DS_SET_STR(&ev, PRESTOP, prestop, "sleep:10");
		ds_core_feed(f->core, &ev);
		fx_target(f, 400 * S, n, DS_TARGET_STATE_HEALTHY);
		FX_TRAFFIC(f, 401 * S, .n = n, .accepted = n == 10 ? 400 : 4);
		fx_terminating(f, 401 * S, n);
		FX_CLOSING(f, 404 * S, .n = n, .peer_port = 1, .by_peer = true, .received = 9,
			   .last_payload_ms = 404 * S, .age_ms = 500);
		fx_phase(f, 410 * S, n, DS_PHASE_DELETED);
	}
	fx_ticks(f, 411 * S, 430 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 4);
	assert_int_equal(last_verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_int_equal(advices(f), 0);
}

/* Two rollouts before the restart, one after it. */
static void what_two_rollouts_showed_outlives_a_restart(void **state)
{
	struct fixture *f = *state, *g = fx_new_bounded(0, 0);
	const struct ds_event *ev;

	start(f);
	start(g);
	ROLL(f, BUSY);
	ROLL(f, BUSY);
	ds_core_snapshot(f->core, feed_restored, g);
	LIVE(g, BUSY, .n = 9, .begin_ms = 600 * S);
	ev = fx_only(g, DS_EVENT_ADVICE);
	assert_int_equal(ev->advice, DS_ADVICE_LOWER_PRESTOP);
	assert_int_equal(ev->advice_pods, 3);
	assert_int_equal(ev->advice_rollouts, 3);
	fx_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prestop_covers_tail_error_and_margin),
		cmocka_unit_test(grace_covers_prestop_and_the_slowest_stop),
		FX_TEST(nothing_lost_is_no_reason_for_a_longer_prestop),
		cmocka_unit_test(what_its_node_does_is_not_the_workloads),
		FX_TEST(a_prestop_that_suffices_is_not_raised),
		FX_TEST(an_unknown_prestop_has_no_current_value),
		FX_TEST(sigkill_censors_the_grace_period),
		FX_TEST(a_hook_is_never_advised_beyond_the_grace_period),
		FX_TEST(a_new_suggestion_is_one_line_an_old_one_none),
		FX_TEST(the_largest_tail_is_that_with_its_error),
		FX_TEST(a_rollout_is_advised_upon_once),
		FX_TEST(workloads_do_not_mix),
		FX_TEST(without_a_known_balancer_confidence_is_low),
		FX_TEST(a_pod_without_an_owner_is_its_own_workload),
		FX_TEST(a_shorter_prestop_takes_three_busy_rollouts),
		cmocka_unit_test(twenty_must_be_expected_within_the_shorter_one),
		cmocka_unit_test(rollouts_that_say_nothing_do_not_count),
		FX_TEST(a_long_tail_is_never_forgotten),
		FX_TEST(an_idle_pod_says_only_that_it_says_nothing),
		cmocka_unit_test(no_oversleep_without_a_hook_that_sleeps),
		FX_TEST(what_was_not_wholly_seen_tells_no_oversleep),
		FX_TEST(an_error_below_zero_is_none),
		FX_TEST(every_pod_of_a_rollout_must_have_been_busy),
		FX_TEST(what_two_rollouts_showed_outlives_a_restart),
	};

	return cmocka_run_group_tests_name("advise", tests, NULL, NULL);
}
