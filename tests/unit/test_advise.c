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
	int64_t arrivals;		/* of the load balancer, until T0 */
	bool target;			/* it is a target */
	bool ignores_sigterm, by_sigterm;	/* by_sigterm: only that tells T0 */
	int64_t sigterm_ms;		/* after T0 */
	int64_t sigkill_ms;		/* after T0, 0 = none */
	int64_t listens_ms;		/* until then after T0, 0 = no listener is told */
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
	if (l->target)
		fx_target(f, l->begin_ms, l->n, DS_TARGET_STATE_HEALTHY);
	if (l->listens_ms)
		fx_listener(f, l->begin_ms, l->n, DS_SOCKET_CHANGE_LISTENING);
	if (l->arrivals)
		FX_TRAFFIC(f, t0, .n = l->n, .accepted = l->arrivals);
	ev = fx_pod_event(t0, l->n);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(t0));
	DS_SET(&ev, T0_ERROR, t0_error, l->t0_error_ms * DS_NS_PER_MS);
	if (l->by_sigterm)
		DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_SIGTERM);
	ds_core_feed(f->core, &ev);
	fx_process(f, t0 + l->sigterm_ms, l->n, 1,
		   l->ignores_sigterm ? DS_PROCESS_CHANGE_SIGTERM_IGNORED : DS_PROCESS_CHANGE_SIGTERM,
		   0);
	for (int i = 0; i < l->lost; i++)
		fx_refused(f, t0 + l->tail_ms, l->n, 1000 + i, i);
	if (l->tail_ms >= 0 && !l->lost)
		FX_CLOSING(f, t0 + l->tail_ms, .n = l->n, .peer_port = 1, .by_peer = true,
			   .received = 9, .last_payload_ms = t0 + l->tail_ms, .age_ms = 500);
	if (l->sigkill_ms)
		fx_process(f, t0 + l->sigkill_ms, l->n, 1, DS_PROCESS_CHANGE_SIGKILL, 0);
	if (l->listens_ms)
		fx_listener(f, t0 + l->listens_ms, l->n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_process(f, t0 + l->sigterm_ms + l->stop_ms, l->n, 1, DS_PROCESS_CHANGE_EXITED,
		   l->exit_code);
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

static void feed_restored(void *ctx, const struct ds_event *ev)
{
	ds_core_feed(((struct fixture *)ctx)->core, ev);
}

/* A rollout of one pod; pods 1, 2, 3 ... in turn. */
static void roll(struct fixture *f, struct life l)
{
	static int64_t begin;

	l.n = fx_count(f, DS_EVENT_VERDICT) + 1;
	l.begin_ms = begin = l.n == 1 ? 0 : begin;
	begin = live(f, &l);
}

/* BUSY and KILLED are lives of which a case says what is different. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define BUSY .stop_ms = 100, .prestop = "sleep:10", .target = true, .tail_ms = 3000, .arrivals = 20
#define ROLL(f, ...) roll((f), (struct life){ __VA_ARGS__ })

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

/* ---- the hook that is cut ---- */

static void a_hook_as_long_as_the_grace_period_is_cut(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, .tail_ms = 7000, .lost = 1, .prestop = "sleep:12", .grace_s = 4, .sigterm_ms = 6000,
	     .stop_ms = 1000);
	assert_int_equal(advices(f), 1);
	assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_GRACE);
	assert_string_equal(advice(f, 0)->advice_suggested, "15");	/* 12 + 1 + 2 */
	assert_non_null(strstr(advice(f, 0)->advice_evidence, "was cut"));
	assert_non_null(strstr(advice(f, 0)->advice_evidence, "6.000 s after"));
}

/* Killed besides: how long it takes to stop is not known, that the hook is cut is. */
static void a_cut_hook_is_told_also_where_sigkill_came(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, .tail_ms = 7000, .lost = 1, .prestop = "sleep:12", .grace_s = 4, .sigterm_ms = 6000,
	     .stop_ms = 2000, .exit_code = 137);
	assert_int_equal(advices(f), 1);
	assert_string_equal(advice(f, 0)->advice_suggested, "14");
}

static void a_hook_that_was_not_cut_is_not_said_to_be(void **state)
{
	static const struct { int64_t grace_s, sigterm_ms; } cases[] = {
		{ 4, 12000 },		/* it ended in time after all */
		{ 13, 6000 },		/* SIGTERM came early for another reason */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		ROLL(f, .tail_ms = 7000, .lost = 1, .prestop = "sleep:12", .grace_s = cases[i].grace_s,
		     .sigterm_ms = cases[i].sigterm_ms, .stop_ms = 1000);
		assert_int_equal(advices(f), 1);
		assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_GRACE);
		assert_null(strstr(advice(f, 0)->advice_evidence, "cut"));
		fx_free(f);
	}
}

/* ---- SIGTERM ---- */

static int codes(struct fixture *f, enum ds_advice code)
{
	int cnt = 0;

	for (int i = 0; i < advices(f); i++)
		cnt += advice(f, i)->advice == (int)code;
	return cnt;
}

static const struct ds_event *of_code(struct fixture *f, enum ds_advice code)
{
	for (int i = 0; i < advices(f); i++)
		if (advice(f, i)->advice == (int)code)
			return advice(f, i);
	fail_msg("no advice %s", ds_name(DS_NAMES_ADVICE, code));
	return NULL;
}

#define KILLED .tail_ms = -1, .stop_ms = 30000, .sigkill_ms = 30000, .exit_code = 137

static void a_pid_1_that_ignores_sigterm(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	start(f);
	ROLL(f, KILLED, .ignores_sigterm = true);
	ev = of_code(f, DS_ADVICE_FIX_SIGTERM);
	assert_string_equal(ev->advice_object, "Deployment/shop/web");
	assert_string_equal(ev->advice_current, "SIGTERM is ignored");
	assert_int_equal(ev->advice_confidence, DS_CONFIDENCE_HIGH);
	assert_non_null(strstr(ev->advice_evidence, "1 of 1 pods"));
	assert_non_null(strstr(ev->advice_evidence, "30.000 s later"));
	ROLL(f, KILLED, .ignores_sigterm = true);
	assert_int_equal(codes(f, DS_ADVICE_FIX_SIGTERM), 1);
}

static void one_that_does_nothing_until_sigkill(void **state)
{
	static const struct { struct life l; int advices; } cases[] = {
		{ { KILLED, .listens_ms = 30001 }, 1 },
		{ { KILLED, .listens_ms = 29000 }, 0 },		/* it closed its port */
		{ { KILLED }, 0 },				/* no listener is known */
		{ { KILLED, .listens_ms = 30001, .exit_code = 0 }, 0 },
		/* After a cut hook the kubelet gives two seconds, and so little says nothing. */
		{ { KILLED, .listens_ms = 30001, .sigterm_ms = 28500, .stop_ms = 1500 }, 0 },
		{ { KILLED, .listens_ms = 30001, .sigterm_ms = 28000, .stop_ms = 2000 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		roll(f, cases[i].l);
		assert_int_equal(codes(f, DS_ADVICE_FIX_SIGTERM), cases[i].advices);
		if (cases[i].advices)
			assert_int_equal(of_code(f, DS_ADVICE_FIX_SIGTERM)->advice_confidence,
					 DS_CONFIDENCE_LOW);
		fx_free(f);
	}
}

/* ---- what connections show ---- */

/* A pod that goes at 1 s and is gone at 50 s; between, the test's own story. */
static void going(struct fixture *f, int64_t grace_s)
{
	struct ds_event ev = fx_pod_event(0, 1);

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, grace_s);
	ds_core_feed(f->core, &ev);
	fx_terminating(f, 1 * S, 1);
}

static void gone(struct fixture *f)
{
	fx_phase(f, 50 * S, 1, DS_PHASE_DELETED);
	fx_ticks(f, 51 * S, 70 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
}

static void a_request_cut_at_the_end_of_the_delay(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	going(f, 60);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);	/* delay 30 s */
	for (int i = 0; i < 2; i++) {
		FX_PACKET(f, 32 * S, .n = 1, .peer_port = 1 + i, .hook = DS_HOOK_RECEIVE_RESET,
			  .scope = DS_SCOPE_POD, .from_pod = true);
		FX_CLOSING(f, 32 * S, .n = 1, .peer_port = 1 + i, .outstanding = true,
			   .by_peer = true, .received = 9, .last_payload_ms = (20 + i) * S,
			   .age_ms = 30 * S);
	}
	fx_tick(f, 34 * S);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->cause, DS_CAUSE_CLOSED_BY_LOAD_BALANCER);
	fx_target(f, 40 * S, 1, DS_TARGET_STATE_UNUSED);
	gone(f);
	ev = of_code(f, DS_ADVICE_RAISE_DELAY);
	assert_string_equal(ev->advice_object, "TargetGroup/web");
	assert_string_equal(ev->advice_current, "30");
	assert_string_equal(ev->advice_suggested, "more than 30");
	assert_non_null(strstr(ev->advice_evidence, "reset 2 connections"));
	assert_non_null(strstr(ev->advice_evidence, "up to 12.000 s"));
}

static void connections_that_no_grace_period_outlasts(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	going(f, 5);
	fx_process(f, 2 * S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	FX_CLOSING(f, 6 * S, .n = 1, .peer_port = 1, .outstanding = true, .received = 9,
		   .last_payload_ms = 500, .age_ms = 90 * S);
	fx_tick(f, 7 * S);
	fx_process(f, 6800, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	gone(f);
	assert_int_equal(advices(f), 1);	/* a grace period that held them is none */
	ev = of_code(f, DS_ADVICE_LIMIT_CONNECTION_AGE);
	assert_string_equal(ev->advice_current, "connections 90.0 s old");
	assert_non_null(strstr(ev->advice_evidence, "1 connections"));
}

static void race(struct fixture *f, int64_t ms, int peer_port)
{
	FX_PACKET(f, ms, .n = 1, .peer_port = peer_port, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "PSH|ACK", .seq = 1, .payload = 100);
}

/* The pod stays: no rollout ever tells it. */
static void a_keepalive_race_is_told_once_it_has_settled(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	race(f, 1 * S, 1);
	race(f, 5 * S, 2);
	FX_TRAFFIC(f, 6 * S, .n = 1, .accepted = 9, .idle_close_ms = 5012);
	fx_ticks(f, 6 * S, 14 * S);
	assert_int_equal(advices(f), 0);
	fx_ticks(f, 15 * S, 40 * S);
	ev = fx_only(f, DS_EVENT_ADVICE);
	assert_int_equal(ev->advice, DS_ADVICE_RAISE_KEEPALIVE);
	assert_string_equal(ev->advice_current, "5.0 s");
	assert_int_equal(ev->advice_confidence, DS_CONFIDENCE_HIGH);
	assert_non_null(strstr(ev->advice_evidence, "2 requests"));
	race(f, 41 * S, 3);
	fx_ticks(f, 42 * S, 60 * S);
	assert_int_equal(advices(f), 1);
}

static void a_race_that_never_settles_is_told_anyway(void **state)
{
	struct fixture *f = *state;

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	for (int i = 0; i < 99; i++) {
		race(f, (1 + 3 * i) * S, 1 + i);
		fx_tick(f, (3 + 3 * i) * S);
	}
	assert_int_equal(advices(f), 0);
	race(f, 299 * S, 200);
	fx_tick(f, 300 * S);
	assert_int_equal(advices(f), 0);
	fx_tick(f, 301 * S);
	assert_int_equal(fx_only(f, DS_EVENT_ADVICE)->advice, DS_ADVICE_RAISE_KEEPALIVE);
	assert_false(ds_event_has(advice(f, 0), DS_KEY_ADVICE_CURRENT));
	assert_int_equal(advice(f, 0)->advice_confidence, DS_CONFIDENCE_MEDIUM);
}

static void the_end_of_the_run_tells_what_has_not_settled(void **state)
{
	struct fixture *f = *state;

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	race(f, 1 * S, 1);
	fx_tick(f, 2 * S);
	assert_int_equal(advices(f), 0);
	fx_final(f, 3 * S);
	assert_int_equal(fx_only(f, DS_EVENT_ADVICE)->advice, DS_ADVICE_RAISE_KEEPALIVE);
}

/* A race on a pod that goes is a late request: preStop, not keep-alive. */
static void a_late_request_is_no_keepalive_race(void **state)
{
	struct fixture *f = *state;

	going(f, 30);
	race(f, 3 * S, 1);
	gone(f);
	assert_int_equal(codes(f, DS_ADVICE_RAISE_KEEPALIVE), 0);
}

static void a_pod_that_is_ready_before_it_listens(void **state)
{
	static const enum ds_phase phases[] = { DS_PHASE_READY, DS_PHASE_NOT_READY };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		const struct ds_event *ev;

		start(f);
		fx_pod(f, 0, 1);
		fx_phase(f, 1 * S, 1, phases[i]);
		fx_target(f, 1 * S, 1, DS_TARGET_STATE_HEALTHY);
		fx_refused(f, 2 * S, 1, 1, 1);
		fx_refused(f, 3500, 1, 2, 2);
		fx_listener(f, 4 * S, 1, DS_SOCKET_CHANGE_LISTENING);
		fx_ticks(f, 5 * S, 20 * S);
		ev = fx_only(f, DS_EVENT_ADVICE);
		assert_int_equal(ev->advice, DS_ADVICE_ADD_READINESS_PROBE);
		assert_string_equal(ev->advice_suggested, "ready once port 8080 answers");
		assert_non_null(strstr(ev->advice_evidence, "2 connections to port 8080"));
		if (phases[i] == DS_PHASE_READY)
			assert_string_equal(ev->advice_current, "ready 3.5 s before it listens");
		else
			assert_false(ds_event_has(ev, DS_KEY_ADVICE_CURRENT));
		fx_free(f);
	}
}

/* Released at 10 s, reused at 12 s, sent to until 30 s: 20 s, and 10 %. */
static void an_address_given_away_while_it_is_sent_to(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;
	struct ds_event taken;

	going(f, 5);
	fx_target(f, 900, 1, DS_TARGET_STATE_HEALTHY);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_process(f, 9 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(f, 10 * S, 1);
	fx_pod_at(f, 12 * S, 2, "10.0.3.1");
	taken = fx_socket_event(30 * S, 1, NULL, 5, DS_SOCKET_CHANGE_ACCEPTED);
	taken.netns = fx_netns(2);
	ds_core_feed(f->core, &taken);
	fx_ticks(f, 31 * S, 40 * S);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_REUSED);
	fx_target(f, 41 * S, 1, DS_TARGET_STATE_UNUSED);
	gone(f);
	ev = of_code(f, DS_ADVICE_RAISE_ADDRESS_COOLDOWN);
	assert_string_equal(ev->advice_suggested, "22");
	assert_string_equal(ev->advice_current, "reused after 2.0 s");
	assert_string_equal(ev->advice_field, "IP_COOLDOWN_PERIOD");
}

static void pods_replaced_without_a_healthy_target(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	start(f);
	fx_pod(f, 0, 1);
	fx_tick(f, 1 * S);
	ds_advise_no_healthy_target(f->core, ds_ledger_first(f->core->ledger), fx_at(1 * S),
				    4 * DS_NS_PER_S);
	fx_tick(f, 10 * S);
	assert_int_equal(advices(f), 0);
	fx_ticks(f, 11 * S, 30 * S);
	ev = fx_only(f, DS_EVENT_ADVICE);
	assert_int_equal(ev->advice, DS_ADVICE_ADD_READINESS_GATE);
	assert_string_equal(ev->advice_field, "spec.template.spec.readinessGates");
	assert_non_null(strstr(ev->advice_evidence, "1 pods were ready while no target was healthy for 4.000 s"));
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
		FX_TEST(a_shorter_prestop_takes_three_busy_rollouts),
		cmocka_unit_test(twenty_must_be_expected_within_the_shorter_one),
		cmocka_unit_test(rollouts_that_say_nothing_do_not_count),
		FX_TEST(a_long_tail_is_never_forgotten),
		FX_TEST(an_idle_pod_says_only_that_it_says_nothing),
		cmocka_unit_test(no_oversleep_without_a_hook_that_sleeps),
		FX_TEST(what_was_not_wholly_seen_tells_no_oversleep),
		FX_TEST(every_pod_of_a_rollout_must_have_been_busy),
		FX_TEST(what_two_rollouts_showed_outlives_a_restart),
		FX_TEST(a_hook_as_long_as_the_grace_period_is_cut),
		FX_TEST(a_cut_hook_is_told_also_where_sigkill_came),
		cmocka_unit_test(a_hook_that_was_not_cut_is_not_said_to_be),
		FX_TEST(a_pid_1_that_ignores_sigterm),
		cmocka_unit_test(one_that_does_nothing_until_sigkill),
		FX_TEST(a_request_cut_at_the_end_of_the_delay),
		FX_TEST(connections_that_no_grace_period_outlasts),
		FX_TEST(a_keepalive_race_is_told_once_it_has_settled),
		FX_TEST(a_race_that_never_settles_is_told_anyway),
		FX_TEST(the_end_of_the_run_tells_what_has_not_settled),
		FX_TEST(a_late_request_is_no_keepalive_race),
		cmocka_unit_test(a_pod_that_is_ready_before_it_listens),
		FX_TEST(an_address_given_away_while_it_is_sent_to),
		FX_TEST(pods_replaced_without_a_healthy_target),
	};

	return cmocka_run_group_tests_name("advise", tests, NULL, NULL);
}
