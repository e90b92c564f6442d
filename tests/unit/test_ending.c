// SPDX-License-Identifier: Apache-2.0
/*
 * Pods that end while nobody tells so, and containers that only restart. Pod 1 serves; its grace
 * period is 30 s, it has no hook.
 */
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

static struct ds_pod *pod_1(struct fixture *f)
{
	return ds_ledger_find(f->core->ledger, fx_uid(1));
}

static void sigterm(struct fixture *f, int64_t ms, int container)
{
	fx_process(f, ms, 1, container, DS_PROCESS_CHANGE_SIGTERM, 0);
}

static void exited(struct fixture *f, int64_t ms, int container)
{
	fx_process(f, ms, 1, container, DS_PROCESS_CHANGE_EXITED, 0);
}

/* The process that holds the sandbox, in a cgroup of its own. */
static void sandbox_of(struct fixture *f, int64_t ms, int n, enum ds_process_change change)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(ms));
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(n, 99));
	DS_SET_STR(&ev, EXECUTABLE, executable, "pause");
	DS_SET(&ev, PROCESS_CHANGE, process_change, change);
	DS_SET(&ev, IS_INIT, is_init, true);
	ds_core_feed(f->core, &ev);
}

static void sandbox(struct fixture *f, int64_t ms, enum ds_process_change change)
{
	sandbox_of(f, ms, 1, change);
}

/* SIGTERM at 2 s, the port closes, a request is refused at 2.05 s, the container ends at 2.1 s. */
static void stopped(struct fixture *f)
{
	fx_serving(f);
	sigterm(f, 2 * S, 1);
	fx_listener(f, 2 * S + 1, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_refused(f, 2 * S + 50, 1, 40000, 7);
	exited(f, 2 * S + 100, 1);
}

/* The watch of the cluster has been away for so long, as of that tick. */
static void blind_for(struct fixture *f, int64_t ms, int64_t lag_ms)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, fx_at(ms));
	DS_SET(&ev, WATCH_LAG, watch_lag, lag_ms * DS_NS_PER_MS);
	ds_core_feed(f->core, &ev);
}

static void deleted(struct fixture *f, int64_t ms)
{
	fx_phase(f, ms, 1, DS_PHASE_DELETED);
}

static const struct ds_event *drop(struct fixture *f)
{
	return fx_only(f, DS_EVENT_DROP);
}

static void ends_at_2s(struct fixture *f, int64_t error_ms)
{
	const struct ds_pod *pod = pod_1(f);

	assert_true(pod->t0_ns == fx_at(2 * S));
	assert_true(pod->sigterm_ns == pod->t0_ns);
	assert_true(pod->t0_error_ns == error_ms * DS_NS_PER_MS);
	assert_int_equal(pod->t0_source, DS_T0_SOURCE_SIGTERM);
}

/* ---- it ends ---- */

static void the_sandbox_ends_with_the_pod(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	sandbox(f, 2 * S + 200, DS_PROCESS_CHANGE_SIGKILL);
	assert_true(pod_1(f)->t0_ns == 0);	/* told to, not ended */
	sandbox(f, 2 * S + 201, DS_PROCESS_CHANGE_EXITED);
	ends_at_2s(f, 0);
	fx_tick(f, 12 * S + 100);
	assert_int_equal(drop(f)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(drop(f)->drop_confidence, DS_CONFIDENCE_HIGH);
	assert_int_equal(drop(f)->level, DS_LEVEL_ERROR);
	assert_true(drop(f)->since_t0 == 50 * DS_NS_PER_MS);
	assert_int_equal(ds_core_rollout_drops(f->core), 1);
}

/* Every pod of a rollout of which nobody tells. */
static void each_pod_by_its_own_sandbox(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_lb(f);
	for (int n = 1; n <= 3; n++) {
		fx_pod(f, 0, n);
		fx_listener(f, 10, n, DS_SOCKET_CHANGE_LISTENING);
	}
	for (int n = 1; n <= 3; n++) {
		fx_process(f, n * S, n, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
		fx_listener(f, n * S + 1, n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
		fx_refused(f, n * S + 50, n, 40000 + n, 7);
		fx_process(f, n * S + 100, n, 1, DS_PROCESS_CHANGE_EXITED, 0);
		if (n != 2)	/* that one's container restarts */
			sandbox_of(f, n * S + 200, n, DS_PROCESS_CHANGE_EXITED);
	}
	fx_ticks(f, 4 * S, 20 * S);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 3);
	for (int i = 0; i < 3; i++) {
		const struct ds_event *ev = fx_nth(f, DS_EVENT_DROP, i);
		bool restarts = !strcmp(ev->pod_name, "web-2");

		assert_int_equal(ev->cause, restarts ? DS_CAUSE_CONTAINER_RESTARTED :
						       DS_CAUSE_LISTENER_CLOSED);
	}
}

/* A runtime without a process for the sandbox: the address that goes for good tells as much. */
static void an_address_that_goes_for_good_ends_the_pod(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	fx_released(f, 2 * S + 300, 1);
	fx_tick(f, 4 * S);
	assert_true(pod_1(f)->t0_ns == 0);	/* it may be made anew */
	fx_tick(f, 4 * S + 300);
	ends_at_2s(f, 0);
	fx_tick(f, 12 * S + 100);
	assert_int_equal(drop(f)->cause, DS_CAUSE_LISTENER_CLOSED);
}

static void a_route_that_is_made_anew_ends_nothing(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	fx_released(f, 2 * S + 300, 1);
	fx_route(f, 2 * S + 800, 2 * S + 800, 1, DS_ROUTE_CHANGE_ASSIGNED);
	fx_ticks(f, 3 * S, 13 * S);
	assert_true(pod_1(f)->t0_ns == 0);
	assert_int_equal(drop(f)->cause, DS_CAUSE_CONTAINER_RESTARTED);
}

static void an_address_may_go_while_a_container_still_runs(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	sigterm(f, 2 * S, 2);
	fx_released(f, 2 * S + 300, 1);
	fx_ticks(f, 3 * S, 9 * S);
	assert_true(pod_1(f)->t0_ns == 0);
	exited(f, 9 * S + 500, 2);
	fx_tick(f, 10 * S);
	ends_at_2s(f, 0);
}

/* Where neither was seen: the list that comes later has it no more. */
static void the_next_list_without_it_tells_its_end(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	for (int s = 3; s < 60; s++)
		blind_for(f, s * S, (s - 2) * S);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	deleted(f, 60 * S);
	ends_at_2s(f, 0);
	fx_ticks(f, 61 * S, 72 * S);
	assert_int_equal(drop(f)->cause, DS_CAUSE_LISTENER_CLOSED);
}

/* The kernel tells that it ended, not whose doing it was: its node may have shut down. */
static void whose_doing_it_was_the_kernel_does_not_tell(void **state)
{
	(void)state;
	for (int told = 0; told < 2; told++) {
		struct fixture *f = fx_new_bounded(0, 0);

		stopped(f);
		sandbox(f, 2 * S + 200, DS_PROCESS_CHANGE_EXITED);
		fx_released(f, 3 * S, 1);
		if (told)
			deleted(f, 60 * S);
		fx_target(f, 61 * S, 1, DS_TARGET_STATE_UNUSED);
		fx_ticks(f, 62 * S, 130 * S);
		assert_int_equal(fx_only(f, DS_EVENT_VERDICT)->verdict, DS_VERDICT_DROPPED);
		assert_int_equal(ds_event_has(fx_only(f, DS_EVENT_VERDICT), DS_KEY_TRIGGER), told);
		assert_int_equal(fx_count(f, DS_EVENT_ADVICE) > 0, told);
		fx_free(f);
	}
}

/* The hook came before SIGTERM. */
static void the_hook_is_t0s_error(void **state)
{
	static const struct { const char *prestop; int64_t error_ms; } cases[] = {
		{ "none", 0 }, { "sleep:15", 15 * S }, { "exec", 30 * S },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		struct ds_event ev = fx_pod_event(1 * S, 1);

		fx_serving(f);
		DS_SET_STR(&ev, PRESTOP, prestop, cases[i].prestop);
		ds_core_feed(f->core, &ev);
		sigterm(f, 2 * S, 1);
		exited(f, 3 * S, 1);
		sandbox(f, 4 * S, DS_PROCESS_CHANGE_EXITED);
		ends_at_2s(f, cases[i].error_ms);
		fx_free(f);
	}
}

static void the_first_of_its_containers_was_told_first(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	sigterm(f, 2 * S + 10, 2);
	sigterm(f, 2 * S, 1);
	exited(f, 2 * S + 100, 1);
	exited(f, 32 * S, 2);
	sandbox(f, 32 * S + 100, DS_PROCESS_CHANGE_EXITED);
	ends_at_2s(f, 0);
}

/* The kubelet's own word, a floor to the second, comes with the end: SIGTERM came just before. */
static void a_status_is_stamped_in_whole_seconds(void **state)
{
	static const int64_t sigterms_ms[] = { 2 * S + 999, 3 * S };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		struct ds_event ev = fx_pod_event(4 * S, 1);

		fx_serving(f);
		sigterm(f, sigterms_ms[i], 1);
		DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
		DS_SET(&ev, T0, t0, fx_at(2 * S));
		DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_STATUS_REASON);
		ds_core_feed(f->core, &ev);
		assert_int_equal(pod_1(f)->t0_source, i ? DS_T0_SOURCE_STATUS_REASON :
							  DS_T0_SOURCE_SIGTERM);
		fx_free(f);
	}
}

/* What Kubernetes says stands: it knows when deletion was asked for. */
static void a_deletion_that_is_told_later_is_t0(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	stopped(f);
	sandbox(f, 2 * S + 200, DS_PROCESS_CHANGE_EXITED);
	ev = fx_pod_event(20 * S, 1);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(1 * S));
	DS_SET(&ev, T0_ERROR, t0_error, DS_NS_PER_S);
	ds_core_feed(f->core, &ev);
	assert_true(pod_1(f)->t0_ns == fx_at(1 * S));
	assert_int_equal(pod_1(f)->t0_source, DS_T0_SOURCE_DELETION_TIMESTAMP);
}

/* ---- it does not ---- */

static void a_restart_of_long_ago_is_not_the_end(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	sigterm(f, 2 * S, 1);
	exited(f, 2 * S + 100, 1);
	sandbox(f, 42 * S + 1, DS_PROCESS_CHANGE_EXITED);	/* grace period and 10 s later */
	assert_true(pod_1(f)->t0_ns == 0);
}

static void what_listens_again_was_restarted(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	fx_listener(f, 5 * S, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_tick(f, 12 * S + 100);
	assert_int_equal(drop(f)->cause, DS_CAUSE_CONTAINER_RESTARTED);
	assert_int_equal(drop(f)->drop_confidence, DS_CONFIDENCE_HIGH);
	sandbox(f, 13 * S, DS_PROCESS_CHANGE_EXITED);
	assert_true(pod_1(f)->t0_ns == 0);
}

/* A restart and the end after it, both within one grace period. */
static void the_sigterm_of_the_end_is_told_from_that_of_a_restart(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	fx_listener(f, 5 * S, 1, DS_SOCKET_CHANGE_LISTENING);
	sigterm(f, 7 * S, 2);
	exited(f, 8 * S, 2);
	sandbox(f, 9 * S, DS_PROCESS_CHANGE_EXITED);
	assert_true(pod_1(f)->t0_ns == fx_at(7 * S));
	assert_true(pod_1(f)->sigterm_ns == fx_at(7 * S));
}

/* A Job's work is done, and its sidecar is told so: nobody deleted the pod. */
static void a_pod_that_ends_by_itself_has_no_t0(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	exited(f, 1 * S, 2);
	sigterm(f, 2 * S, 1);
	exited(f, 2 * S + 100, 1);
	sandbox(f, 2 * S + 200, DS_PROCESS_CHANGE_EXITED);
	assert_true(pod_1(f)->t0_ns == 0);
	deleted(f, 3 * S);
	assert_true(pod_1(f)->t0_ns == 0);
}

static void an_init_container_of_long_ago_ended_nothing(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	exited(f, 1 * S, 2);
	sigterm(f, 11 * S, 1);
	exited(f, 11 * S + 100, 1);
	sandbox(f, 11 * S + 200, DS_PROCESS_CHANGE_EXITED);
	assert_true(pod_1(f)->t0_ns == fx_at(11 * S));
}

/* ---- until that is known ---- */

/* It lingers: ten seconds after its end, not after SIGTERM, the sandbox has told. */
static void what_still_runs_is_waited_for(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	sigterm(f, 2 * S, 1);
	fx_listener(f, 2 * S + 1, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_refused(f, 15 * S, 1, 40000, 7);
	fx_ticks(f, 16 * S, 28 * S);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	exited(f, 28 * S + 500, 1);
	sandbox(f, 28 * S + 600, DS_PROCESS_CHANGE_EXITED);
	fx_ticks(f, 29 * S, 46 * S);
	assert_int_equal(drop(f)->cause, DS_CAUSE_LISTENER_CLOSED);
}

/* The kubelet kills what its grace period ends: nothing waits for longer than that and some. */
static void nothing_waits_for_ever(void **state)
{
	static const int64_t graces_s[] = { 0, 30, 3600 };
	static const int64_t until_s[] = { 12, 42, 122 };	/* SIGTERM at 2 s */

	(void)state;
	for (size_t i = 0; i < sizeof(graces_s) / sizeof(graces_s[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		struct ds_event ev = fx_pod_event(1 * S, 1);
		int64_t last_ms = until_s[i] * S;

		fx_serving(f);
		DS_SET(&ev, GRACE_PERIOD, grace_period_s, graces_s[i]);
		ds_core_feed(f->core, &ev);
		sigterm(f, 2 * S, 1);
		fx_listener(f, 2 * S + 1, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
		fx_refused(f, last_ms - 1, 1, 40000, 7);	/* this one still waits */
		fx_refused(f, last_ms, 1, 40001, 8);
		fx_tick(f, last_ms + S);
		assert_int_equal(fx_count(f, DS_EVENT_DROP), 1);
		fx_tick(f, last_ms + 10 * S);
		assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
		fx_free(f);
	}
}

/* A watch that is away could not have told: what is not known is not told as if it were. */
static void while_nobody_watches_a_restart_is_only_likely(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	for (int s = 3; s <= 132; s++)
		blind_for(f, s * S, (s - 2) * S);
	assert_int_equal(drop(f)->cause, DS_CAUSE_CONTAINER_RESTARTED);
	assert_int_equal(drop(f)->drop_confidence, DS_CONFIDENCE_LOW);
	assert_int_equal(drop(f)->level, DS_LEVEL_INFO);
}

static void news_that_are_a_little_late_are_no_blindness(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	blind_for(f, 12 * S, 4999);
	fx_tick(f, 12 * S + 100);
	assert_int_equal(drop(f)->cause, DS_CAUSE_CONTAINER_RESTARTED);
	assert_int_equal(drop(f)->drop_confidence, DS_CONFIDENCE_HIGH);
}

/* It is there again and has nothing to say of the pod. */
static void a_watch_that_is_back_ends_the_waiting(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	for (int s = 3; s < 30; s++)
		blind_for(f, s * S, (s - 2) * S);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	for (int s = 30; s <= 40; s++)
		blind_for(f, s * S, 0);
	assert_int_equal(drop(f)->cause, DS_CAUSE_CONTAINER_RESTARTED);
	assert_int_equal(drop(f)->drop_confidence, DS_CONFIDENCE_HIGH);
}

/* The run ends first. */
static void the_end_of_the_run_waits_for_nothing(void **state)
{
	struct fixture *f = *state;

	stopped(f);
	fx_final(f, 3 * S);
	assert_int_equal(drop(f)->cause, DS_CAUSE_CONTAINER_RESTARTED);
	assert_int_equal(drop(f)->drop_confidence, DS_CONFIDENCE_LOW);
}

/* Who ends with the node's pods may wait for the word that tells whose doing it was. */
static void word_is_owed_of_what_only_the_kernel_ends(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	assert_false(ds_core_waits_for_word(f->core));
	sigterm(f, 2 * S, 1);
	assert_true(ds_core_waits_for_word(f->core));
	exited(f, 2 * S + 100, 1);
	sandbox(f, 2 * S + 200, DS_PROCESS_CHANGE_EXITED);
	assert_true(ds_pod_is_going(pod_1(f)));
	assert_true(ds_core_waits_for_word(f->core));
	fx_tick(f, 50 * S);		/* it will not come any more */
	assert_false(ds_core_waits_for_word(f->core));
}

static void no_word_is_owed_of_a_deletion(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	fx_terminating(f, 1 * S, 1);
	sigterm(f, 2 * S, 1);
	exited(f, 2 * S + 100, 1);
	assert_false(ds_core_waits_for_word(f->core));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		FX_TEST(the_sandbox_ends_with_the_pod),
		FX_TEST(each_pod_by_its_own_sandbox),
		FX_TEST(an_address_that_goes_for_good_ends_the_pod),
		FX_TEST(a_route_that_is_made_anew_ends_nothing),
		FX_TEST(an_address_may_go_while_a_container_still_runs),
		FX_TEST(the_next_list_without_it_tells_its_end),
		cmocka_unit_test(whose_doing_it_was_the_kernel_does_not_tell),
		cmocka_unit_test(the_hook_is_t0s_error),
		FX_TEST(the_first_of_its_containers_was_told_first),
		cmocka_unit_test(a_status_is_stamped_in_whole_seconds),
		FX_TEST(a_deletion_that_is_told_later_is_t0),
		FX_TEST(a_restart_of_long_ago_is_not_the_end),
		FX_TEST(what_listens_again_was_restarted),
		FX_TEST(the_sigterm_of_the_end_is_told_from_that_of_a_restart),
		FX_TEST(a_pod_that_ends_by_itself_has_no_t0),
		FX_TEST(an_init_container_of_long_ago_ended_nothing),
		FX_TEST(what_still_runs_is_waited_for),
		cmocka_unit_test(nothing_waits_for_ever),
		FX_TEST(while_nobody_watches_a_restart_is_only_likely),
		FX_TEST(news_that_are_a_little_late_are_no_blindness),
		FX_TEST(a_watch_that_is_back_ends_the_waiting),
		FX_TEST(the_end_of_the_run_waits_for_nothing),
		FX_TEST(word_is_owed_of_what_only_the_kernel_ends),
		FX_TEST(no_word_is_owed_of_a_deletion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
