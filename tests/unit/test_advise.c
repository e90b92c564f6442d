// SPDX-License-Identifier: Apache-2.0
/* The formulas of DESIGN section 8, and when a line is written. */
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

struct life {
	int n;
	int64_t begin_ms;
	int64_t tail_ms;		/* last arrival after T0; -1 = none */
	int64_t t0_error_ms;
	int64_t stop_ms;		/* from SIGTERM to exit */
	int exit_code;
	int lost;			/* connections lost, the last of them at the tail */
	const char *prestop;		/* NULL = none */
	int64_t grace_s;		/* 0 = 30 */
};

static void start(struct fixture *f)
{
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
}

/* A pod is ready at begin, T0 comes a second later, and so on until it is gone. */
static int64_t live(struct fixture *f, const struct life *l)
{
	int64_t t0 = l->begin_ms + S, end = t0 + 100 * S;
	struct ds_event ev = fx_pod_event(l->begin_ms, l->n);
	char address[DS_ADDR_STRLEN];
	struct ds_addr a = fx_pod_addr(l->n);

	(void)ds_addr_format(&a, address);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, l->grace_s ? l->grace_s : 30);
	DS_SET_STR(&ev, PRESTOP, prestop, l->prestop ? l->prestop : "none");
	ds_core_feed(f->core, &ev);
	ev = fx_pod_event(t0, l->n);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(t0));
	DS_SET(&ev, T0_ERROR, t0_error, l->t0_error_ms * DS_NS_PER_MS);
	ds_core_feed(f->core, &ev);
	fx_process(f, t0, l->n, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	for (int i = 0; i < l->lost; i++)
		fx_refused(f, t0 + l->tail_ms, l->n, 1000 + i, i);
	if (l->tail_ms >= 0 && !l->lost)
		FX_CLOSING(f, t0 + l->tail_ms, .n = l->n, .peer_port = 1, .by_peer = true,
			   .received = 9, .last_payload_ms = t0 + l->tail_ms, .age_ms = 500);
	fx_process(f, t0 + l->stop_ms, l->n, 1, DS_PROCESS_CHANGE_EXITED, l->exit_code);
	fx_phase(f, end, l->n, DS_PHASE_DELETED);
	fx_tick(f, end + 10 * S);
	return end + 11 * S;
}

#define LIVE(f, ...) live((f), &(const struct life){ __VA_ARGS__ })

static int advices(struct fixture *f)
{
	return fx_count(f, DS_EVENT_ADVICE);
}

static const struct ds_event *advice(struct fixture *f, int i)
{
	return fx_nth(f, DS_EVENT_ADVICE, i);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prestop_covers_tail_error_and_margin),
		cmocka_unit_test(grace_covers_prestop_and_the_slowest_stop),
		FX_TEST(nothing_lost_is_no_reason_for_a_longer_prestop),
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
	};

	return cmocka_run_group_tests_name("advise", tests, NULL, NULL);
}
