// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

/* Pod 1 with a target; it goes at 1 s, drains from 2 s, and is gone at 6 s. */
static void gone(struct fixture *f)
{
	fx_start_with(f, 60 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1 * S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_released(f, 5 * S, 1);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
}

static void a_drain_is_its_pods_alone(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_pod_at(f, 10 * S, 2, "10.0.3.1");
	assert_true(ds_pod_drain(f->core, pod_of(f, 1), FX_PORT).began);
	assert_true(ds_pod_is_draining(f->core, pod_of(f, 1)));
	assert_false(ds_pod_drain(f->core, pod_of(f, 2), FX_PORT).known);
	assert_false(ds_pod_drain(f->core, pod_of(f, 2), 0).known);
	assert_false(ds_pod_is_draining(f->core, pod_of(f, 2)));
}

/* The address is a target again, for another pod, before the first has its verdict. */
static void a_new_registration_takes_no_drain_away(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *verdict;

	gone(f);
	fx_pod_at(f, 10 * S, 2, "10.0.3.1");
	fx_target(f, 11 * S, 1, DS_TARGET_STATE_INITIAL);
	fx_target(f, 12 * S, 1, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(ds_pod_drain(f->core, pod_of(f, 1), FX_PORT).hi_ns, fx_at(2 * S));
	assert_false(ds_pod_is_draining(f->core, pod_of(f, 1)));	/* not any more */
	assert_true(ds_pod_drain(f->core, pod_of(f, 2), FX_PORT).known);
	assert_false(ds_pod_drain(f->core, pod_of(f, 2), FX_PORT).began);
	/* The second one's own drain, while the first still waits. */
	fx_terminating(f, 20 * S, 2);
	fx_target(f, 21 * S, 1, DS_TARGET_STATE_DRAINING);
	assert_int_equal(ds_pod_drain(f->core, pod_of(f, 2), FX_PORT).hi_ns, fx_at(21 * S));
	assert_int_equal(ds_pod_drain(f->core, pod_of(f, 1), FX_PORT).hi_ns, fx_at(2 * S));
	fx_ticks(f, 22 * S, 67 * S);
	verdict = fx_only(f, DS_EVENT_VERDICT);
	assert_string_equal(verdict->pod_name, "web-1");
	assert_int_equal(verdict->drain_not_after, fx_at(2 * S));
	assert_int_equal(verdict->tg_delay_s, 30);
	assert_false(ds_event_has(verdict, DS_KEY_VERDICT_REASON));
}

static void more_news_of_a_registration_is_no_new_one(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_target(f, 7 * S, 1, DS_TARGET_STATE_UNUSED);
	assert_false(pod_of(f, 1)->drain_kept);
	fx_target(f, 8 * S, 1, DS_TARGET_STATE_DRAINING);	/* a late source */
	assert_false(pod_of(f, 1)->drain_kept);
	/* Registered again for the same pod, as somebody may do by hand: it is kept too. */
	fx_target(f, 9 * S, 1, DS_TARGET_STATE_HEALTHY);
	assert_true(pod_of(f, 1)->drain_kept);
	fx_target(f, 10 * S, 1, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(pod_of(f, 1)->drain.hi_ns, fx_at(2 * S));
}

static void a_pod_that_does_not_go_keeps_nothing(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 60 * S, 900 * S, "auto", 0);
	fx_pod(f, 0, 1);
	fx_target(f, 1 * S, 1, DS_TARGET_STATE_DRAINING);	/* readiness lost, say */
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_HEALTHY);
	assert_false(pod_of(f, 1)->drain_kept);
	fx_terminating(f, 3 * S, 1);
	assert_false(ds_pod_drain(f->core, pod_of(f, 1), FX_PORT).began);
}

/* What the balancer sends to a target that was registered for the earlier pod is that one's. */
static void the_earlier_pod_is_meant_until_the_target_is_registered_anew(void **state)
{
	struct fixture *f = *state;
	const struct ds_target *t;
	struct ds_addr a = fx_pod_addr(1);

	gone(f);
	fx_pod_at(f, 10 * S, 2, "10.0.3.1");
	t = ds_targets_of(f->core->targets, &a);
	assert_ptr_equal(ds_target_earlier_pod(f->core, t, pod_of(f, 2)), pod_of(f, 1));
	assert_null(ds_target_earlier_pod(f->core, t, pod_of(f, 1)));
	fx_target(f, 11 * S, 1, DS_TARGET_STATE_INITIAL);
	assert_null(ds_target_earlier_pod(f->core, t, pod_of(f, 2)));
}

/* Pod 1 finished, pod 2 took its address and was registered, all while nobody looked. */
static void a_registration_in_a_gap_is_the_present_pods(void **state)
{
	(void)state;
	for (int looked = 0; looked < 2; looked++) {
		struct fixture *f = fx_new_bounded(0, 0);
		struct ds_addr a = fx_pod_addr(1);
		struct ds_event ev;

		fx_start(f);
		fx_pod(f, 0, 1);
		ds_event_init(&ev, DS_EVENT_LOSS, fx_at(30 * S));
		DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RESTART);
		DS_SET(&ev, NOT_BEFORE, not_before, fx_at(looked ? 21 * S : 10 * S));
		DS_SET(&ev, NOT_AFTER, not_after, fx_at(30 * S));
		ds_core_feed(f->core, &ev);
		/* Told late, with its time. */
		fx_target(f, 20 * S, 1, DS_TARGET_STATE_HEALTHY);
		fx_pod_at(f, 30 * S, 2, "10.0.3.1");
		assert_ptr_equal(ds_target_earlier_pod(f->core, ds_targets_of(f->core->targets, &a),
						       pod_of(f, 2)),
				 looked ? pod_of(f, 1) : NULL);
		fx_free(f);
	}
}

static void tell(struct fixture *f, int64_t ms, const char *group, int port,
		 enum ds_target_state s)
{
	struct ds_event ev = fx_target_event(ms, 1, s);

	DS_SET_STR(&ev, TG_NAME, tg_name, group);
	DS_SET(&ev, TARGET_PORT, target_port, port);
	ds_core_feed(f->core, &ev);
}

/* Which load balancer sent is not known: of a port its groups count, of the pod all that drain. */
static void several_groups_and_ports_of_one_pod(void **state)
{
	struct fixture *f = *state;
	const struct ds_pod *pod;
	struct ds_drain d;

	fx_start_with(f, 60 * S, 900 * S, "auto", 0);
	fx_pod(f, 0, 1);
	pod = pod_of(f, 1);
	tell(f, 100, "web", FX_PORT, DS_TARGET_STATE_HEALTHY);
	tell(f, 200, "api", FX_PORT, DS_TARGET_STATE_HEALTHY);
	tell(f, 300, "web", FX_PORT + 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1 * S, 1);
	tell(f, 2 * S, "web", FX_PORT, DS_TARGET_STATE_DRAINING);
	/* the other group may have sent still */
	assert_false(ds_pod_drain(f->core, pod, FX_PORT).began);
	assert_false(ds_pod_drain(f->core, pod, FX_PORT + 1).began);
	assert_true(ds_pod_drain(f->core, pod, 0).began);
	tell(f, 4 * S, "api", FX_PORT, DS_TARGET_STATE_DRAINING);
	d = ds_pod_drain(f->core, pod, FX_PORT);
	assert_true(d.began);
	assert_int_equal(d.lo_ns, fx_at(950));	/* T0 by a clock that may be 50 ms off */
	assert_int_equal(d.hi_ns, fx_at(4 * S));
	assert_false(ds_pod_drain(f->core, pod, FX_PORT + 1).began);
	tell(f, 6 * S, "web", FX_PORT + 1, DS_TARGET_STATE_DRAINING);
	assert_int_equal(ds_pod_drain(f->core, pod, FX_PORT).hi_ns, fx_at(4 * S));
	assert_int_equal(ds_pod_drain(f->core, pod, FX_PORT + 1).hi_ns, fx_at(6 * S));
	assert_int_equal(ds_pod_drain(f->core, pod, 0).hi_ns, fx_at(6 * S));
	/* one of them is registered again, and drains again */
	tell(f, 30 * S, "api", FX_PORT, DS_TARGET_STATE_INITIAL);
	tell(f, 40 * S, "api", FX_PORT, DS_TARGET_STATE_DRAINING);
	assert_int_equal(ds_pod_drain(f->core, pod, FX_PORT).hi_ns, fx_at(40 * S));
	assert_int_equal(ds_pod_drain(f->core, pod, FX_PORT + 1).hi_ns, fx_at(6 * S));
}

/* The node is a target of the same group, by its instance or its address: no pod's drain. */
static void an_instance_that_drains_is_no_pods_drain(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_start_with(f, 60 * S, 900 * S, "auto", 0);
	fx_pod(f, 0, 1);
	tell(f, 100, "web", FX_PORT, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1 * S, 1);
	ev = fx_target_event(2 * S, 1, DS_TARGET_STATE_DRAINING);
	DS_SET(&ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	ds_core_feed(f->core, &ev);
	ev = fx_target_event(2 * S, 1, DS_TARGET_STATE_DRAINING);
	DS_SET_STR(&ev, TARGET_ID, target_id, "i-0123456789abcdef0");
	ds_core_feed(f->core, &ev);
	assert_true(ds_pod_drain(f->core, pod_of(f, 1), FX_PORT).known);
	assert_false(ds_pod_drain(f->core, pod_of(f, 1), FX_PORT).began);
	assert_false(ds_pod_is_draining(f->core, pod_of(f, 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_drain_is_its_pods_alone),
		FX_TEST(a_new_registration_takes_no_drain_away),
		FX_TEST(more_news_of_a_registration_is_no_new_one),
		FX_TEST(a_pod_that_does_not_go_keeps_nothing),
		FX_TEST(the_earlier_pod_is_meant_until_the_target_is_registered_anew),
		FX_TEST(a_registration_in_a_gap_is_the_present_pods),
		FX_TEST(several_groups_and_ports_of_one_pod),
		FX_TEST(an_instance_that_drains_is_no_pods_drain),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
