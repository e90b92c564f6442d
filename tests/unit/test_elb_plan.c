// SPDX-License-Identifier: Apache-2.0
#include "user/source/elb/elb_plan.h"

#include <errno.h>

#include "tests/unit/elb_story.h"

/* ---- who is asked ---- */

static void nobody_watches_nothing_is_asked(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	assert_int_equal(ds_elb_plan_due(s->plan), NEVER);
	assert_false(ds_elb_plan_take(s->plan, s->now_ns, &r));
	watch(s, -1, 1, 0);	/* no group is known in which to look */
	assert_int_equal(ds_elb_plan_due(s->plan), NEVER);
	assert_int_equal(ds_elb_plan_counters(s->plan).requests, 0);
}

static void one_request_asks_for_all_targets_of_a_group(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	watch(s, 1, 2, 80);
	watch(s, 1, 1, 8080);
	watch(s, 1, 1, 80);	/* once more */
	next_health(s, &r);
	assert_string_equal(r.arn, group_arn(1));
	assert_int_equal(r.targets_cnt, 3);
	assert_true(s->now_ns <= BEGIN + S / 4 + 1 * MS * 10);	/* soon */
	/* Another is not put while this one is on its way. */
	for (int i = 0; i < 2; i++) {
		struct ds_elb_request other;

		assert_true(next(s, &other));
		assert_int_not_equal(other.ask, DS_ELB_ASK_HEALTH);
		done(s, &other, DS_ELB_ANSWERED);
	}
	assert_true(ds_elb_plan_due(s->plan) > s->now_ns + 1000 * S);
	done(s, &r, DS_ELB_ANSWERED);
	assert_true(ds_elb_plan_due(s->plan) <= BEGIN + 2 * S);
}

static void what_the_group_is_is_asked_once_an_hour(void **state)
{
	struct story *s = *state;
	int asked[DS_ELB_ASK_MAX] = { 0 };
	struct ds_elb_request r;

	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(1), s->now_ns), 0);
	ds_elb_plan_balancer(s->plan, group_arn(1), balancer_arn(1), s->now_ns);
	while (next(s, &r) && s->now_ns < BEGIN + 3 * 3600 * S) {
		asked[r.ask]++;
		done(s, &r, DS_ELB_ANSWERED);
	}
	for (int i = DS_ELB_ASK_GROUP; i <= DS_ELB_ASK_BALANCER; i++)
		assert_in_range(asked[i], 3, 4);
	assert_int_equal(asked[DS_ELB_ASK_HEALTH], 0);
	assert_int_equal(asked[DS_ELB_ASK_ADDRESSES], 0);	/* not wanted */
}

static void addresses_are_asked_where_they_are_wanted(void **state)
{
	struct story *s = new_story(1000, true);
	struct ds_elb_request r;
	int asked = 0;

	(void)state;
	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(1), s->now_ns), 0);
	ds_elb_plan_balancer(s->plan, group_arn(1), balancer_arn(1), s->now_ns);
	while (next(s, &r) && s->now_ns < BEGIN + 3600 * S) {
		if (r.ask == DS_ELB_ASK_ADDRESSES)
			assert_string_equal(r.arn, balancer_arn(1));
		asked += r.ask == DS_ELB_ASK_ADDRESSES;
		done(s, &r, DS_ELB_ANSWERED);
	}
	assert_in_range(asked, 11, 14);
	end_story(s);
}

static void a_large_group_is_asked_in_batches(void **state)
{
	struct story *s = *state;
	int asked[256] = { 0 };
	struct ds_elb_request r;

	for (int n = 0; n < 250; n++)
		watch(s, 1, n, 80);
	for (int i = 0; i < 6; i++) {
		next_health(s, &r);
		assert_int_equal(r.targets_cnt, i % 3 < 2 ? DS_ELB_BATCH : 50);
		for (int k = 0; k < r.targets_cnt; k++) {
			asked[r.targets[k].addr.bytes[15]]++;
			ds_elb_plan_read(s->plan, &r, &r.targets[k], DS_TARGET_STATE_HEALTHY, "",
					 s->now_ns, s->now_ns);
		}
		done(s, &r, DS_ELB_ANSWERED);
	}
	for (int n = 0; n < 250; n++)
		assert_int_equal(asked[n], 2);
	assert_in_range(s->now_ns - BEGIN, S * 9 / 10, S * 14 / 10);	/* two rounds */
	assert_int_equal(s->told_cnt, 250);
}

/* A pod that goes later is asked for together with those that went before. */
static void all_are_asked_together(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	next_health(s, &r);
	done(s, &r, DS_ELB_ANSWERED);
	watch(s, 1, 2, 80);
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 2);
	done(s, &r, DS_ELB_ANSWERED);
}

static void groups_that_are_needed_make_no_room(void **state)
{
	struct story *s = *state;
	struct ds_elb_request busy;
	struct ds_addr a = addr(1);

	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(0), s->now_ns), 0);
	for (int i = 1; i < DS_ELB_GROUPS_MAX; i++)
		watch(s, i, 1, 80);
	do {
		assert_true(next(s, &busy));
		if (!strcmp(busy.arn, group_arn(0)))
			done(s, &busy, DS_ELB_ANSWERED);
	} while (!strcmp(busy.arn, group_arn(0)));
	for (int i = 0; i < DS_ELB_GROUPS_MAX - 2; i++) {
		unwatch(s, 1);
		watch(s, 1000 + i, 1, 80);
	}
	/* Left are the one that was named by hand and the one with a request on its way. */
	for (int i = 0; i < DS_ELB_GROUPS_MAX - 2; i++)
		watch(s, 1000 + i, 1, 80);
	assert_int_equal(ds_elb_plan_watch(s->plan, group_arn(9999), &a, 80, s->now_ns), -ENOBUFS);
	done(s, &busy, DS_ELB_ANSWERED);
	assert_int_equal(ds_elb_plan_watch(s->plan, group_arn(9999), &a, 80, s->now_ns), 0);
}

static void what_is_no_target_group_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "web", "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/web/1",
		"arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/",
		"arn:aws:elasticloadbalancing::1:targetgroup/web/1",
		"arn:aws:elasticloadbalancing:evil.example/:1:targetgroup/web/1",
		"arn:aws:elasticloadbalancing:-x:1:targetgroup/web/1",
		"arn:other:elasticloadbalancing:eu-central-1:1:targetgroup/web/1",
		"arn:aws:ec2:eu-central-1:1:targetgroup/web/1",
		"arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/web&x=1/1",
	};
	struct story *s = *state;
	struct ds_addr a = addr(1);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ds_elb_plan_watch(s->plan, bad[i], &a, 80, s->now_ns), -EINVAL);
		assert_int_equal(ds_elb_plan_add_group(s->plan, bad[i], s->now_ns), -EINVAL);
	}
	assert_int_equal(ds_elb_plan_due(s->plan), NEVER);
}

static void tables_have_their_bounds(void **state)
{
	struct story *s = *state;
	struct ds_addr a = addr(1);
	int r;

	for (int i = 0; i < DS_ELB_GROUPS_MAX; i++)
		watch(s, i, 1, 80);
	r = ds_elb_plan_watch(s->plan, group_arn(9999), &a, 80, s->now_ns);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(ds_elb_plan_counters(s->plan).refused, 1);
	/* Groups that nobody wants to know of any more make room. */
	unwatch(s, 1);
	assert_int_equal(ds_elb_plan_watch(s->plan, group_arn(9999), &a, 80, s->now_ns), 0);
	for (int n = 2; n <= DS_ELB_TARGETS_MAX; n++)
		watch(s, 9999, n, 80);
	a = addr(DS_ELB_TARGETS_MAX + 1);
	r = ds_elb_plan_watch(s->plan, group_arn(9999), &a, 80, s->now_ns);
	assert_int_equal(r, -ENOBUFS);
	assert_int_equal(ds_elb_plan_counters(s->plan).refused, 2);
}

/* ---- how often ---- */

static void a_group_that_drains_is_asked_less_often(void **state)
{
	struct story *s = *state;
	int64_t a_ns, b_ns;

	watch(s, 1, 1, 80);
	a_ns = answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	b_ns = answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_in_range(b_ns - a_ns, S * 9 / 10, S * 11 / 10);
	a_ns = answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_in_range(a_ns - b_ns, 5 * S * 9 / 10, 5 * S * 11 / 10);
	/* Another pod of the group goes: what it does is worth to be known at once. */
	watch(s, 1, 2, 80);
	assert_true(ds_elb_plan_due(s->plan) <= s->now_ns + S / 4);
}

static void a_slow_answer_is_waited_for(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r, other;

	watch(s, 1, 1, 80);
	next_health(s, &r);
	s->now_ns += 10 * S;
	while (ds_elb_plan_take(s->plan, s->now_ns, &other)) {
		assert_int_not_equal(other.ask, DS_ELB_ASK_HEALTH);
		done(s, &other, DS_ELB_ANSWERED);
		s->now_ns += 10 * MS;
	}
	done(s, &r, DS_ELB_ANSWERED);
	assert_true(ds_elb_plan_due(s->plan) <= s->now_ns + MS);	/* its time has passed */
}

/* As many as fit into any second, and not one more: also where a third of it is no whole number. */
static void no_second_holds_more_than_the_rate(void **state)
{
	static const double rates[] = { 0.5, 1, 3, 7, 10 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct story *s = new_story(rates[i], false);
		int64_t at_ns[64];
		struct ds_elb_request r;
		int most = rates[i] < 1 ? 1 : (int)rates[i];

		for (int n = 0; n < 50; n++)
			watch(s, n, n, 80);
		for (int k = 0; k < 64; k++) {
			assert_true(next(s, &r));
			at_ns[k] = s->now_ns;
			done(s, &r, DS_ELB_ANSWERED);
			if (k >= most)
				assert_true(at_ns[k] - at_ns[k - most] >= S);
		}
		/* And they come as fast as that. */
		assert_true(at_ns[63] - at_ns[0] < (int64_t)((double)(64 * S) / rates[i]) + S);
		end_story(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(nobody_watches_nothing_is_asked),
		T(one_request_asks_for_all_targets_of_a_group),
		T(what_the_group_is_is_asked_once_an_hour),
		T(addresses_are_asked_where_they_are_wanted),
		T(a_large_group_is_asked_in_batches),
		T(all_are_asked_together),
		T(groups_that_are_needed_make_no_room),
		T(what_is_no_target_group_is_refused),
		T(tables_have_their_bounds),
		T(a_group_that_drains_is_asked_less_often),
		T(a_slow_answer_is_waited_for),
		T(no_second_holds_more_than_the_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
