// SPDX-License-Identifier: Apache-2.0
#include "include/ds_record.h"
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

/* Settle 10 s, tap at most 100 s; pod 1 listens. */
static void serving(struct fixture *f, const char *tap)
{
	fx_start_with(f, 10 * S, 100 * S, tap, 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
}

static void at_rest_it_is_off_and_the_address_watched(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_ticks(f, S, 50 * S);
	assert_int_equal(fx_tap(f), -1);
	assert_int_equal(fx_watch(f, 1), 0);
}

static void it_comes_with_the_first_sign_that_a_pod_goes(void **state)
{
	(void)state;
	for (int sign = 0; sign < 4; sign++) {
		struct fixture *f = fx_new_bounded(0, 0);

		serving(f, "auto");
		switch (sign) {
		case 0:
			fx_terminating(f, S, 1);
			break;
		case 1:
			fx_process(f, S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
			break;
		case 2:
			fx_listener(f, S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
			break;
		default:
			fx_released(f, S, 1);
			break;
		}
		assert_int_equal(fx_tap(f), 1);
		assert_true(fx_watch(f, 1) & DS_WATCH_GOING);
		assert_int_equal(!!(fx_watch(f, 1) & DS_WATCH_RELEASED), sign == 3);
		fx_free(f);
	}
}

static void a_pod_that_serves_nothing_does_not_bring_it(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 1);

	fx_start_with(f, 10 * S, 100 * S, "auto", 0);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET(&ev, PHASE, phase,
	       DS_PHASE_READY); /* a Job's pod: no port, no listener, no target */
	ds_core_feed(f->core, &ev);
	fx_terminating(f, S, 1);
	assert_int_equal(fx_tap(f), -1);
	/* A target makes it matter, also one that is told late. */
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_tick(f, 3 * S);
	assert_int_equal(fx_tap(f), 1);
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING);
}

/* Pod 1 is a Job's, with a port for whoever scrapes it. */
static void listening_job(struct fixture *f)
{
	struct ds_event ev;

	fx_start_with(f, 10 * S, 100 * S, "auto", 0);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_UID, pod_uid, fx_uid(1));
	DS_SET_STR(&ev, JOB, job, "report");
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	ds_core_feed(f->core, &ev);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
}

static void a_jobs_port_does_not_bring_it(void **state)
{
	struct fixture *f = *state;

	listening_job(f);
	fx_lb(f);
	FX_TRAFFIC(f, S, .n = 1, .peer = "10.0.9.9", .accepted = 5);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_released(f, 3 * S, 1);
	fx_tick(f, 4 * S);
	assert_int_equal(fx_tap(f), -1);
}

static void a_job_that_the_load_balancer_sends_to_brings_it(void **state)
{
	struct fixture *f = *state;

	listening_job(f);
	fx_lb(f);
	FX_TRAFFIC(f, S, .n = 1, .accepted = 1);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(fx_tap(f), 1);
}

static void a_job_that_is_a_target_brings_it(void **state)
{
	struct fixture *f = *state;

	listening_job(f);
	fx_lb(f);
	fx_target(f, S, 1, DS_TARGET_STATE_HEALTHY);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(fx_tap(f), 1);
}

/* Whoever sends may be it then. */
static void without_a_known_load_balancer_a_jobs_port_brings_it(void **state)
{
	struct fixture *f = *state;

	listening_job(f);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(fx_tap(f), 1);
}

static void it_goes_when_everything_has_settled(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	fx_phase(f, 5 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 14999);
	assert_int_equal(fx_tap(f), 1);
	fx_tick(f, 15 * S);
	assert_int_equal(fx_tap(f), 0);
	fx_ticks(f, 16 * S, 60 * S);
	assert_int_equal(fx_tap(f), 0);
}

static void arrivals_keep_it(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	fx_phase(f, 5 * S, 1, DS_PHASE_DELETED);
	fx_refused(f, 12 * S, 1, 1, 1);
	fx_tick(f, 21 * S);
	assert_int_equal(fx_tap(f), 1);
	fx_tick(f, 22 * S);
	assert_int_equal(fx_tap(f), 0);
}

static void a_draining_target_keeps_it_for_twice_its_delay(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_phase(f, 5 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 61 * S);
	assert_int_equal(fx_tap(f), 1);
	fx_tick(f, 62 * S);
	assert_int_equal(fx_tap(f), 0);
}

/* --tap-max: whatever happens. */
static void it_goes_at_the_latest_after_its_maximum(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	for (int i = 2; i < 101; i++)
		fx_refused(f, i * S, 1, i, i);
	assert_int_equal(fx_tap(f), 1);
	fx_tick(f, 101 * S);
	assert_int_equal(fx_tap(f), 0);
	fx_refused(f, 102 * S, 1, 1, 900);
	fx_tick(f, 103 * S);
	assert_int_equal(fx_tap(f), 0);
}

static void another_pod_that_goes_keeps_it(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_pod(f, 0, 2);
	fx_terminating(f, S, 1);
	fx_phase(f, 2 * S, 1, DS_PHASE_DELETED);
	fx_terminating(f, 10 * S, 2);
	fx_tick(f, 20 * S);
	assert_int_equal(fx_tap(f), 1);
	fx_phase(f, 21 * S, 2, DS_PHASE_DELETED);
	fx_tick(f, 31 * S);
	assert_int_equal(fx_tap(f), 0);
}

static void a_listener_that_comes_back_ends_it(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_listener(f, S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(fx_tap(f), 1);
	fx_listener(f, 3 * S, 1, DS_SOCKET_CHANGE_LISTENING);
	assert_int_equal(fx_tap(f), 0);
	assert_int_equal(fx_watch(f, 1), 0);
}

/* A restart that tapped for its maximum must not leave the pod's real end untapped. */
static void the_pods_end_brings_it_again_after_a_restart(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_process(f, S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_tick(f, 101 * S);
	assert_int_equal(fx_tap(f), 0);
	fx_terminating(f, 500 * S, 1);
	assert_int_equal(fx_tap(f), 1);
	fx_tick(f, 600 * S);
	assert_int_equal(fx_tap(f), 0);
	fx_terminating(f, 700 * S, 1);	/* told again */
	assert_int_equal(fx_tap(f), 0);
}

static void always_is_always(void **state)
{
	struct fixture *f = *state;

	serving(f, "always");
	assert_int_equal(fx_tap(f), 1);
	fx_terminating(f, S, 1);
	fx_phase(f, 2 * S, 1, DS_PHASE_DELETED);
	fx_ticks(f, 3 * S, 200 * S);
	assert_int_equal(fx_tap(f), 1);
}

static void each_wish_is_said_once(void **state)
{
	struct fixture *f = *state;
	int wishes;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	fx_tick(f, S);
	wishes = f->wishes_cnt;
	fx_pod(f, 2 * S, 1);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_ticks(f, 3 * S, 9 * S);
	assert_int_equal(f->wishes_cnt, wishes);
}

/* The address is the new pod's to watch; the old one's end must not take the watch away. */
static void a_reused_address_is_watched_for_its_new_pod(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	fx_released(f, 2 * S, 1);
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING | DS_WATCH_RELEASED);
	fx_pod_at(f, 3 * S, 2, "10.0.3.1");
	assert_int_equal(fx_watch(f, 1), DS_WATCH_REUSED);
	fx_phase(f, 4 * S, 1, DS_PHASE_DELETED);
	assert_int_equal(fx_watch(f, 1), DS_WATCH_REUSED);
	fx_ticks(f, 5 * S, 60 * S);
	fx_tick(f, 3700 * S);			/* the old pod leaves the ledger */
	assert_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
	assert_int_equal(fx_watch(f, 1), DS_WATCH_REUSED);
}

/* Force-deleted: the address is dead when the containers are, not when the object is. */
static void a_pod_that_outlives_its_object_is_not_released(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_process(f, 100, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_phase(f, S, 1, DS_PHASE_TERMINATING);
	fx_phase(f, S, 1, DS_PHASE_DELETED);
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING);
	fx_process(f, 3 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING | DS_WATCH_RELEASED);
}

static void an_address_nobody_holds_is_unwatched_with_its_pod(void **state)
{
	struct fixture *f = *state;

	serving(f, "auto");
	fx_terminating(f, S, 1);
	fx_phase(f, 2 * S, 1, DS_PHASE_DELETED);
	fx_ticks(f, 5 * S, 60 * S);
	fx_tick(f, 3700 * S);
	assert_int_equal(fx_watch(f, 1), -2);
}

static void an_address_added_later_is_watched_too(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(100, 1);

	serving(f, "auto");
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1,10.0.3.77");
	ds_core_feed(f->core, &ev);
	assert_int_equal(fx_watch(f, 77), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(at_rest_it_is_off_and_the_address_watched),
		cmocka_unit_test(it_comes_with_the_first_sign_that_a_pod_goes),
		FX_TEST(a_pod_that_serves_nothing_does_not_bring_it),
		FX_TEST(a_jobs_port_does_not_bring_it),
		FX_TEST(a_job_that_the_load_balancer_sends_to_brings_it),
		FX_TEST(a_job_that_is_a_target_brings_it),
		FX_TEST(without_a_known_load_balancer_a_jobs_port_brings_it),
		FX_TEST(it_goes_when_everything_has_settled),
		FX_TEST(arrivals_keep_it),
		FX_TEST(a_draining_target_keeps_it_for_twice_its_delay),
		FX_TEST(it_goes_at_the_latest_after_its_maximum),
		FX_TEST(another_pod_that_goes_keeps_it),
		FX_TEST(a_listener_that_comes_back_ends_it),
		FX_TEST(the_pods_end_brings_it_again_after_a_restart),
		FX_TEST(always_is_always),
		FX_TEST(each_wish_is_said_once),
		FX_TEST(a_reused_address_is_watched_for_its_new_pod),
		FX_TEST(a_pod_that_outlives_its_object_is_not_released),
		FX_TEST(an_address_nobody_holds_is_unwatched_with_its_pod),
		FX_TEST(an_address_added_later_is_watched_too),
	};

	return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
