// SPDX-License-Identifier: Apache-2.0
#include "user/core/target_group.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/target_story.h"

/* A source that says when the drain began; INT64_MIN = that bound is not told. */
static struct ds_target *tell_drain(int64_t lo_ms, int64_t hi_ms, enum ds_target_source source)
{
	struct ds_event ev = fx_target_event(hi_ms, 1, DS_TARGET_STATE_DRAINING);

	if (lo_ms != INT64_MIN)
		DS_SET(&ev, NOT_BEFORE, not_before, fx_at(lo_ms));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(hi_ms));
	DS_SET(&ev, TARGET_SOURCE, target_source, source);
	return update(&ev);
}

static struct ds_target *target_1(void)
{
	struct ds_addr a = fx_pod_addr(1);

	return ds_targets_of(targets, &a);
}

static struct ds_drain drain_of(const struct ds_target *target, int64_t t0_ms, int t0_source)
{
	struct ds_drain_span span = {
		.t0_ns = t0_ms < 0 ? 0 : fx_at(t0_ms), .t0_source = t0_source, .t0_holds = true,
	};

	return ds_target_drain(target, &span);
}

static void assert_drain(int64_t t0_ms, int64_t lo_ms, int lo_source, int64_t hi_ms, int hi_source)
{
	struct ds_addr a = fx_pod_addr(1);
	struct ds_drain d = drain_of(ds_targets_find(targets, &a, FX_PORT), t0_ms,
				     DS_T0_SOURCE_DELETION_TIMESTAMP);

	assert_true(d.known && d.began);
	assert_true(d.lo_ns == fx_at(lo_ms));
	assert_int_equal(d.lo_source, lo_source);
	assert_true(d.hi_ns == fx_at(hi_ms));
	assert_int_equal(d.hi_source, hi_source);
}

static void a_target_is_group_address_and_port(void **state)
{
	struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);
	struct ds_addr a = fx_pod_addr(1), other = fx_pod_addr(2);
	struct ds_target *first = update(&ev), *second;
	int previous = -2;

	(void)state;
	assert_int_equal(first->delay_s, 30);
	assert_string_equal(first->group, "web");
	assert_ptr_equal(ds_targets_update(targets, &ev, &previous), first);
	assert_int_equal(previous, DS_TARGET_STATE_HEALTHY);
	DS_SET(&ev, TARGET_PORT, target_port, 9090);
	second = ds_targets_update(targets, &ev, &previous);
	assert_int_equal(previous, -1);
	assert_ptr_not_equal(second, first);
	DS_SET_STR(&ev, TG_ARN, tg_arn,
		   "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/api/1");
	DS_SET_STR(&ev, TG_NAME, tg_name, "api");
	assert_ptr_not_equal(update(&ev), second);	/* another group with the same port */
	assert_ptr_equal(ds_targets_find(targets, &a, FX_PORT), first);
	assert_int_equal(ds_targets_find(targets, &a, 9090)->port, 9090);
	assert_non_null(ds_targets_find(targets, &a, 0));
	assert_null(ds_targets_find(targets, &a, 1));
	assert_null(ds_targets_of(targets, &other));
}

#define ARN(region) "arn:aws:elasticloadbalancing:" region ":1:targetgroup/web/1"

static struct ds_target *tell_arn(int n, const char *arn, const char *name, int64_t port)
{
	struct ds_event ev = fx_target_event(1, n, DS_TARGET_STATE_HEALTHY);

	DS_SET_STR(&ev, TG_ARN, tg_arn, arn);
	DS_SET_STR(&ev, TG_NAME, tg_name, name);
	DS_SET(&ev, TARGET_PORT, target_port, port);
	return update(&ev);
}

/* A CSV tells the name, the controller's log tells the ARN later: one target, one group. */
static void a_group_known_by_name_is_the_one_with_that_arn(void **state)
{
	struct ds_target *first = tell(0, 1, DS_TARGET_STATE_HEALTHY);
	struct ds_target *second = tell(0, 2, DS_TARGET_STATE_HEALTHY);

	(void)state;
	first->in_group->has_served = true;
	first->in_group->gap.lo_ns = 7;
	assert_ptr_equal(tell_arn(1, ARN("eu-central-1"), "web", FX_PORT), first);
	assert_string_equal(first->group, ARN("eu-central-1"));
	assert_string_equal(first->group_name, "web");
	assert_string_equal(first->in_group->id, ARN("eu-central-1"));
	/* the others of the group move with it, and what was known of it */
	assert_ptr_equal(second->in_group, first->in_group);
	assert_string_equal(second->group, ARN("eu-central-1"));
	assert_true(first->in_group->has_served);
	assert_true(first->in_group->gap.lo_ns == 7);
	assert_ptr_equal(ds_targets_groups(targets), first->in_group);
	assert_null(first->in_group->hh.next);
	/* the name still means it */
	assert_ptr_equal(tell(2, 1, DS_TARGET_STATE_DRAINING), first);
	assert_ptr_equal(tell(2, 2, DS_TARGET_STATE_DRAINING), second);
	assert_string_equal(first->group, ARN("eu-central-1"));
}

static void a_name_and_an_arn_are_not_one_where_anything_differs(void **state)
{
	struct ds_target *first = tell(0, 1, DS_TARGET_STATE_HEALTHY);
	struct ds_target *arn;

	(void)state;
	assert_ptr_not_equal(tell_arn(1, ARN("eu-central-1"), "api", FX_PORT), first);
	assert_ptr_not_equal(tell_arn(1, ARN("eu-central-1"), "web", FX_PORT + 1), first);
	assert_string_equal(first->group, "web");
	assert_string_equal(first->in_group->id, "web");
	/* two groups of one name, in two regions: the first to be told is that of the name */
	arn = tell_arn(1, ARN("eu-west-1"), "web", FX_PORT);
	assert_ptr_equal(arn, first);
	assert_ptr_not_equal(tell_arn(1, ARN("eu-central-1"), "web", FX_PORT), first);
	assert_string_equal(first->group, ARN("eu-west-1"));
}

static void an_instance_is_no_target_of_ours(void **state)
{
	struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);

	(void)state;
	DS_SET_STR(&ev, TARGET_ID, target_id, "i-0123456789abcdef0");
	assert_null(update(&ev));
	ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);	/* an address, and yet a node's */
	DS_SET(&ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	assert_null(update(&ev));
}

static void every_source_narrows_the_drain_interval(void **state)
{
	(void)state;
	tell_drain(1000, 9000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_drain(-1, 1000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	tell_drain(3000, 7000, DS_TARGET_SOURCE_CLOUDTRAIL);
	assert_drain(-1, 3000, DS_TARGET_SOURCE_CLOUDTRAIL, 7000, DS_TARGET_SOURCE_CLOUDTRAIL);
	tell_drain(2000, 5000, DS_TARGET_SOURCE_CONTROLLER_LOG);
	assert_drain(-1, 3000, DS_TARGET_SOURCE_CLOUDTRAIL, 5000, DS_TARGET_SOURCE_CONTROLLER_LOG);
	tell_drain(INT64_MIN, 8000, DS_TARGET_SOURCE_FILE);	/* says nothing new */
	assert_drain(-1, 3000, DS_TARGET_SOURCE_CLOUDTRAIL, 5000, DS_TARGET_SOURCE_CONTROLLER_LOG);
}

static void sources_that_contradict_each_other_widen_it(void **state)
{
	(void)state;
	tell_drain(4000, 5000, DS_TARGET_SOURCE_CLOUDTRAIL);
	tell_drain(1000, 2000, DS_TARGET_SOURCE_CONTROLLER_LOG);
	assert_drain(-1, 1000, DS_TARGET_SOURCE_CONTROLLER_LOG, 5000, DS_TARGET_SOURCE_CLOUDTRAIL);
	tell_drain(7000, 8000, DS_TARGET_SOURCE_FILE);
	assert_drain(-1, 1000, DS_TARGET_SOURCE_CONTROLLER_LOG, 8000, DS_TARGET_SOURCE_FILE);
}

static void bounds_that_cross_within_one_source_are_one_moment(void **state)
{
	(void)state;
	tell_drain(4000, 2000, DS_TARGET_SOURCE_FILE);
	assert_drain(-1, 2000, DS_TARGET_SOURCE_FILE, 2000, DS_TARGET_SOURCE_FILE);
}

static void without_bounds_the_events_time_is_the_upper_one(void **state)
{
	struct ds_addr a = fx_pod_addr(1);
	struct ds_drain d;

	(void)state;
	tell(3000, 1, DS_TARGET_STATE_DRAINING);
	d = drain_of(ds_targets_of(targets, &a), -1, 0);
	assert_true(d.began);
	assert_true(d.lo_ns == 0);
	assert_true(d.hi_ns == fx_at(3000));
	assert_int_equal(d.hi_source, DS_TARGET_SOURCE_FILE);
	assert_true(d.delay_ns == 30 * DS_NS_PER_S);
}

/* Nobody saw the drain from below: the pod was ready and registered until T0, so it began after. */
static void t0_is_a_lower_bound_where_there_is_no_better_one(void **state)
{
	(void)state;
	tell_drain(INT64_MIN, 9000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	/* The API server's clock may be 50 ms off. */
	assert_drain(4000, 3950, DS_TARGET_SOURCE_DELETION_TIMESTAMP, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_drain(9050, 9000, DS_TARGET_SOURCE_DELETION_TIMESTAMP, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	/* The drain began before the deletion (readiness lost): T0 says nothing of it. */
	assert_true(drain_of(target_1(), 9051, DS_T0_SOURCE_DELETION_TIMESTAMP).lo_ns == 0);
}

/* Registered at 1 s, draining at 9 s: it may have been deregistered by hand before T0. */
static void t0_is_no_bound_where_a_source_saw_both_sides(void **state)
{
	(void)state;
	tell_drain(1000, 9000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_drain(4000, 1000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_drain(500, 1000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_drain(10000, 1000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
}

static void t0_is_no_bound_of_a_pod_that_was_not_ready(void **state)
{
	struct ds_drain_span span = { .t0_ns = fx_at(2000) };

	(void)state;
	tell(500, 1, DS_TARGET_STATE_HEALTHY);
	tell(3000, 1, DS_TARGET_STATE_DRAINING);
	assert_true(ds_target_drain(target_1(), &span).lo_ns == fx_at(500));
	span.t0_holds = true;
	assert_true(ds_target_drain(target_1(), &span).lo_ns == fx_at(1950));
}

/* SIGTERM comes after the preStop hook, the deregistration may have come before it. */
static void sigterm_is_no_bound(void **state)
{
	(void)state;
	tell(500, 1, DS_TARGET_STATE_HEALTHY);
	tell(3000, 1, DS_TARGET_STATE_DRAINING);
	assert_true(drain_of(target_1(), 2000, DS_T0_SOURCE_SIGTERM).lo_ns == fx_at(500));
}

static void the_drain_that_began_before_t0_is_bounded_by_the_last_registration(void **state)
{
	(void)state;
	tell(500, 1, DS_TARGET_STATE_HEALTHY);
	tell(3000, 1, DS_TARGET_STATE_DRAINING);
	assert_drain(10000, 500, DS_TARGET_SOURCE_LAST_REGISTERED, 3000, DS_TARGET_SOURCE_FILE);
	assert_drain(2000, 1950, DS_TARGET_SOURCE_DELETION_TIMESTAMP, 3000, DS_TARGET_SOURCE_FILE);
}

/* A late controller: still registered after T0, which is no bound then. */
static void registered_after_t0_bounds_the_drain(void **state)
{
	struct ds_addr a = fx_pod_addr(1);
	struct ds_drain d;

	(void)state;
	tell(500, 1, DS_TARGET_STATE_HEALTHY);
	tell(5000, 1, DS_TARGET_STATE_HEALTHY);
	d = drain_of(ds_targets_of(targets, &a), 1000, DS_T0_SOURCE_DELETION_TIMESTAMP);
	assert_false(d.began);
	assert_true(d.lo_ns == fx_at(5000));
	tell(9000, 1, DS_TARGET_STATE_DRAINING);
	assert_drain(1000, 5000, DS_TARGET_SOURCE_LAST_REGISTERED, 9000, DS_TARGET_SOURCE_FILE);
}

static void every_t0_source_has_its_name_in_the_interval(void **state)
{
	(void)state;
	tell(3000, 1, DS_TARGET_STATE_DRAINING);
	assert_int_equal(drain_of(target_1(), 1, DS_T0_SOURCE_DELETION_TIMESTAMP).lo_source,
			 DS_TARGET_SOURCE_DELETION_TIMESTAMP);
	assert_int_equal(drain_of(target_1(), 1, DS_T0_SOURCE_STATUS_REASON).lo_source,
			 DS_TARGET_SOURCE_STATUS_REASON);
}

/* Told by a clock that may be off: the interval grows by that much on either side. */
static void a_foreign_clock_widens_the_interval(void **state)
{
	struct ds_event ev = fx_target_event(9000, 1, DS_TARGET_STATE_DRAINING);

	(void)state;
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(4000));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(5000));
	DS_SET(&ev, CLOCK_ERROR, clock_error, 50 * DS_NS_PER_MS);
	update(&ev);
	assert_drain(-1, 3950, DS_TARGET_SOURCE_FILE, 5050, DS_TARGET_SOURCE_FILE);
}

/* Told after the drain, read before it: the target goes on draining. */
static void an_older_healthy_does_not_end_the_drain(void **state)
{
	(void)state;
	tell_drain(4000, 5000, DS_TARGET_SOURCE_CONTROLLER_LOG);
	tell(4900, 1, DS_TARGET_STATE_HEALTHY);
	assert_true(ds_target_is_draining(target_1()));
	assert_true(drain_of(target_1(), -1, 0).began);
	tell(9000, 1, DS_TARGET_STATE_HEALTHY);
	assert_false(ds_target_is_draining(target_1()));
}

/* With a deregistration delay of 0 the target is gone without ever having drained. */
static void gone_without_draining_is_a_drain(void **state)
{
	struct ds_event ev = fx_target_event(5000, 1, DS_TARGET_STATE_UNUSED);

	(void)state;
	tell(1000, 1, DS_TARGET_STATE_HEALTHY);
	DS_SET_STR(&ev, TARGET_STATE_REASON, target_state_reason, "Target.NotInUse");
	update(&ev);
	assert_false(drain_of(target_1(), -1, 0).began);
	tell(6000, 1, DS_TARGET_STATE_HEALTHY);
	ev.time_ns = fx_at(9000);
	DS_SET_STR(&ev, TARGET_STATE_REASON, target_state_reason, "Target.NotRegistered");
	update(&ev);
	assert_drain(-1, 6000, DS_TARGET_SOURCE_LAST_REGISTERED, 9000, DS_TARGET_SOURCE_FILE);
}

/* Why the controller will deregister, not that it has. */
static void a_flip_of_the_endpoint_is_no_drain_yet(void **state)
{
	struct ds_event ev = fx_target_event(5000, 1, DS_TARGET_STATE_DRAINING);

	(void)state;
	tell(1000, 1, DS_TARGET_STATE_HEALTHY);
	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_ENDPOINT_SLICE);
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(4000));
	update(&ev);
	assert_false(ds_target_is_draining(target_1()));
	assert_false(drain_of(target_1(), -1, 0).began);
	tell(9000, 1, DS_TARGET_STATE_DRAINING);
	assert_drain(-1, 4000, DS_TARGET_SOURCE_ENDPOINT_SLICE, 9000, DS_TARGET_SOURCE_FILE);
	/* Not selected any more before T0: T0 is no reason of anything. */
	assert_drain(6000, 4000, DS_TARGET_SOURCE_ENDPOINT_SLICE, 9000, DS_TARGET_SOURCE_FILE);
}

/* It ought to be registered by now; of when it was, or still is, that says nothing. */
static void a_ready_endpoint_is_no_registration_yet(void **state)
{
	struct ds_event ev = fx_target_event(5000, 1, DS_TARGET_STATE_HEALTHY);

	(void)state;
	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_ENDPOINT_SLICE);
	DS_SET(&ev, TG_DELAY, tg_delay_s, 30);
	update(&ev);
	assert_int_equal(target_1()->state, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(target_1()->delay_s, 30);
	assert_int_equal(target_1()->registered_ns, 0);
	assert_int_equal(target_1()->assigned_ns, 0);
	tell(9000, 1, DS_TARGET_STATE_DRAINING);
	assert_true(drain_of(target_1(), -1, 0).began);
	assert_true(drain_of(target_1(), -1, 0).lo_ns == 0);
	/* Told once more: what was looked at is known better. */
	ev.time_ns = fx_at(9500);
	update(&ev);
	assert_true(ds_target_is_draining(target_1()));
	tell(9600, 1, DS_TARGET_STATE_UNHEALTHY);
	ev.time_ns = fx_at(9700);
	update(&ev);
	assert_int_equal(target_1()->state, DS_TARGET_STATE_UNHEALTHY);
	/* The next pod of that address. */
	tell(9800, 1, DS_TARGET_STATE_ABSENT);
	update(&ev);
	assert_int_equal(target_1()->state, DS_TARGET_STATE_ABSENT);
	ev.time_ns = fx_at(9900);
	update(&ev);
	assert_int_equal(target_1()->state, DS_TARGET_STATE_HEALTHY);
}

static void registered_again_forgets_the_drain(void **state)
{
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	tell_drain(1000, 2000, DS_TARGET_SOURCE_FILE);
	assert_true(ds_target_is_draining(ds_targets_of(targets, &a)));
	tell(5000, 1, DS_TARGET_STATE_INITIAL);
	assert_false(drain_of(ds_targets_of(targets, &a), -1, 0).began);
	tell_drain(8000, 9000, DS_TARGET_SOURCE_CLOUDTRAIL);
	assert_drain(-1, 8000, DS_TARGET_SOURCE_CLOUDTRAIL, 9000, DS_TARGET_SOURCE_CLOUDTRAIL);
}

static void tell_polled(int64_t ms, enum ds_target_state s)
{
	struct ds_event ev = fx_target_event(ms, 1, s);

	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	update(&ev);
}

/* DescribeTargetHealth is eventually consistent: shortly after the call it may not know of it. */
static void an_old_answer_does_not_end_the_drain(void **state)
{
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	tell_polled(500, DS_TARGET_STATE_HEALTHY);
	tell_drain(1000, 1001, DS_TARGET_SOURCE_CONTROLLER_LOG);
	tell_polled(1001, DS_TARGET_STATE_HEALTHY);
	tell_polled(3000, DS_TARGET_STATE_HEALTHY);
	tell_polled(16001, DS_TARGET_STATE_UNHEALTHY);
	assert_true(ds_target_is_draining(ds_targets_of(targets, &a)));
	assert_drain(-1, 1000, DS_TARGET_SOURCE_CONTROLLER_LOG, 1001,
		     DS_TARGET_SOURCE_CONTROLLER_LOG);
	tell_polled(16002, DS_TARGET_STATE_HEALTHY);	/* too long after it to be from before */
	assert_false(drain_of(ds_targets_of(targets, &a), -1, 0).began);
	assert_int_equal(ds_targets_of(targets, &a)->state, DS_TARGET_STATE_HEALTHY);
}

static void a_served_target_that_is_initial_is_registered_again(void **state)
{
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	tell_polled(100, DS_TARGET_STATE_INITIAL);
	tell_drain(1000, 1001, DS_TARGET_SOURCE_CLOUDTRAIL);
	tell_polled(3000, DS_TARGET_STATE_INITIAL);	/* it had never been anything else */
	assert_true(ds_target_is_draining(ds_targets_of(targets, &a)));
	tell(30000, 1, DS_TARGET_STATE_HEALTHY);
	tell_drain(31000, 31001, DS_TARGET_SOURCE_CLOUDTRAIL);
	tell_polled(32000, DS_TARGET_STATE_INITIAL);
	assert_false(drain_of(ds_targets_of(targets, &a), -1, 0).began);
	tell_drain(33000, 33001, DS_TARGET_SOURCE_CLOUDTRAIL);	/* again, before it ever served */
	tell_polled(34000, DS_TARGET_STATE_INITIAL);
	assert_true(ds_target_is_draining(ds_targets_of(targets, &a)));
}

/* An EndpointSlice says when the drain may have begun; the target group knows whether it has. */
static void a_look_at_the_target_group_overrides_a_mere_bound(void **state)
{
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	tell_drain(1000, 1001, DS_TARGET_SOURCE_ENDPOINT_SLICE);
	tell_polled(3000, DS_TARGET_STATE_HEALTHY);
	assert_false(drain_of(ds_targets_of(targets, &a), -1, 0).began);
	tell_drain(2000, 9000, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	assert_drain(-1, 3000, DS_TARGET_SOURCE_LAST_REGISTERED, 9000,
		     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
}

static void registered_by_the_controller_ends_the_drain_at_once(void **state)
{
	struct ds_event ev = fx_target_event(1500, 1, DS_TARGET_STATE_HEALTHY);
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	tell_drain(1000, 1001, DS_TARGET_SOURCE_CONTROLLER_LOG);
	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_CONTROLLER_LOG);
	update(&ev);
	assert_false(drain_of(ds_targets_of(targets, &a), -1, 0).began);
}

static void the_end_of_a_drain_keeps_its_interval(void **state)
{
	(void)state;
	tell_drain(1000, 2000, DS_TARGET_SOURCE_FILE);
	tell(40000, 1, DS_TARGET_STATE_UNUSED);
	assert_drain(-1, 1000, DS_TARGET_SOURCE_FILE, 2000, DS_TARGET_SOURCE_FILE);
}

static void both_words_of_draining_count(void **state)
{
	struct ds_target t = { 0 };

	(void)state;
	for (int s = 0; s < DS_TARGET_STATE_MAX; s++) {
		t.state = s;
		assert_int_equal(ds_target_is_draining(&t), s == DS_TARGET_STATE_DRAINING ||
				 s == DS_TARGET_STATE_UNHEALTHY_DRAINING);
	}
}

static void no_target_is_an_unknown_drain(void **state)
{
	struct ds_drain d = drain_of(NULL, 0, 0);

	(void)state;
	assert_false(d.known);
	assert_false(d.began);
	assert_true(d.delay_ns == -1);
}

static void the_longest_delay_is_remembered(void **state)
{
	struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);

	(void)state;
	assert_int_equal(ds_targets_longest_delay_s(targets), 0);
	DS_SET(&ev, TG_DELAY, tg_delay_s, 3600);
	update(&ev);
	tell(1, 2, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(ds_targets_longest_delay_s(targets), 3600);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, targets_setup, targets_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_target_is_group_address_and_port),
		T(a_group_known_by_name_is_the_one_with_that_arn),
		T(a_name_and_an_arn_are_not_one_where_anything_differs),
		T(an_instance_is_no_target_of_ours),
		T(every_source_narrows_the_drain_interval),
		T(sources_that_contradict_each_other_widen_it),
		T(bounds_that_cross_within_one_source_are_one_moment),
		T(without_bounds_the_events_time_is_the_upper_one),
		T(t0_is_a_lower_bound_where_there_is_no_better_one),
		T(t0_is_no_bound_where_a_source_saw_both_sides),
		T(t0_is_no_bound_of_a_pod_that_was_not_ready),
		T(sigterm_is_no_bound),
		T(the_drain_that_began_before_t0_is_bounded_by_the_last_registration),
		T(registered_after_t0_bounds_the_drain),
		T(every_t0_source_has_its_name_in_the_interval),
		T(a_foreign_clock_widens_the_interval),
		T(an_older_healthy_does_not_end_the_drain),
		T(gone_without_draining_is_a_drain),
		T(a_flip_of_the_endpoint_is_no_drain_yet),
		T(a_ready_endpoint_is_no_registration_yet),
		T(registered_again_forgets_the_drain),
		T(an_old_answer_does_not_end_the_drain),
		T(a_served_target_that_is_initial_is_registered_again),
		T(a_look_at_the_target_group_overrides_a_mere_bound),
		T(registered_by_the_controller_ends_the_drain_at_once),
		T(the_end_of_a_drain_keeps_its_interval),
		T(both_words_of_draining_count),
		T(no_target_is_an_unknown_drain),
		T(the_longest_delay_is_remembered),
	};

	return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
