// SPDX-License-Identifier: Apache-2.0
/* How the plan waits: when it is throttled, and when a question fails. */
#include "user/source/elb/elb_plan.h"

#include "tests/unit/elb_story.h"

static void throttling_stops_the_account(void **state)
{
	static const char other_account[] =
		"arn:aws:elasticloadbalancing:eu-central-1:210987654321:targetgroup/x/1";
	static const char other_region[] =
		"arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/x/1";
	struct story *s = *state;
	struct ds_elb_request r, first, second;
	struct ds_addr a = addr(5);
	int64_t until_ns;
	int others = 0;

	watch(s, 1, 1, 80);
	watch(s, 2, 2, 80);
	watch(s, 3, 3, 80);
	next_health(s, &first);
	next_health(s, &second);
	done(s, &first, DS_ELB_THROTTLED);
	until_ns = ds_elb_plan_due(s->plan);
	assert_in_range(until_ns - s->now_ns, S / 2, S);
	/* The other one was on its way: the account is not struck twice. */
	s->now_ns += 10 * MS;
	done(s, &second, DS_ELB_THROTTLED);
	assert_in_range(ds_elb_plan_due(s->plan) - s->now_ns, S / 2 - 10 * MS, S);
	assert_int_equal(ds_elb_plan_counters(s->plan).throttled, 2);
	assert_int_equal(ds_elb_plan_counters(s->plan).failed, 0);
	until_ns = ds_elb_plan_due(s->plan);
	/* Neither another account nor another region. */
	assert_int_equal(ds_elb_plan_watch(s->plan, other_account, &a, 80, s->now_ns), 0);
	assert_int_equal(ds_elb_plan_watch(s->plan, other_region, &a, 80, s->now_ns), 0);
	while (ds_elb_plan_due(s->plan) < until_ns) {
		assert_true(next(s, &r));
		assert_true(!strcmp(r.arn, other_account) || !strcmp(r.arn, other_region));
		others += r.ask == DS_ELB_ASK_HEALTH;
		done(s, &r, DS_ELB_ANSWERED);
	}
	assert_true(others >= 2);
}

/* EC2 counts its requests by itself. */
static void what_ec2_throttles_does_not_stop_the_rest(void **state)
{
	struct story *s = new_story(1000, true);
	struct ds_elb_request r;
	int64_t at_ns;

	(void)state;
	watch(s, 1, 1, 80);
	ds_elb_plan_balancer(s->plan, group_arn(1), balancer_arn(1), s->now_ns);
	do {
		assert_true(next(s, &r));
		if (r.ask != DS_ELB_ASK_ADDRESSES)
			done(s, &r, DS_ELB_ANSWERED);
	} while (r.ask != DS_ELB_ASK_ADDRESSES);
	at_ns = s->now_ns;
	ds_elb_plan_done(s->plan, &r, DS_ELB_THROTTLED, 60 * S, s->now_ns);
	for (int i = 0; i < 4; i++) {
		next_health(s, &r);
		done(s, &r, DS_ELB_ANSWERED);
	}
	assert_true(s->now_ns < at_ns + 6 * S);
	end_story(s);
}

/* Nodes that were throttled together do not come back together. */
static void waits_differ_by_chance(void **state)
{
	int64_t first_ns = 0;
	bool differ = false;

	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		struct ds_elb_plan_options o = { .rate = 1000, .seed = seed };
		struct ds_elb_plan *plan;
		struct ds_elb_request r;
		struct ds_addr a = addr(1);

		assert_int_equal(ds_elb_plan_new(&plan, &o), 0);
		assert_int_equal(ds_elb_plan_watch(plan, group_arn(1), &a, 80, BEGIN), 0);
		assert_true(ds_elb_plan_take(plan, BEGIN + S, &r));
		ds_elb_plan_done(plan, &r, DS_ELB_THROTTLED, -1, BEGIN + S);
		differ = differ || (seed && ds_elb_plan_due(plan) != first_ns);
		first_ns = ds_elb_plan_due(plan);
		ds_elb_plan_free(&plan);
	}
	assert_true(differ);
}

/* What one reply asked for is not undone by another that was on its way. */
static void the_longer_wait_counts(void **state)
{
	struct story *s = *state;
	struct ds_elb_request first, second;

	watch(s, 1, 1, 80);
	watch(s, 2, 2, 80);
	next_health(s, &first);
	next_health(s, &second);
	ds_elb_plan_done(s->plan, &first, DS_ELB_THROTTLED, 30 * S, s->now_ns);
	s->now_ns += MS;
	done(s, &second, DS_ELB_THROTTLED);
	assert_true(ds_elb_plan_due(s->plan) >= s->now_ns + 29 * S);
}

static void throttling_again_waits_longer(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	for (int i = 0; i < 12; i++) {
		int64_t most_ns = i < 6 ? (S << i) : 60 * S;
		int64_t waits_ns;

		assert_true(next(s, &r));
		done(s, &r, DS_ELB_THROTTLED);
		waits_ns = ds_elb_plan_due(s->plan) - s->now_ns;
		assert_in_range(waits_ns, most_ns / 2, most_ns);
	}
	/* Each answer makes it better by one step. */
	for (int i = 0; i < 10; i++) {
		assert_true(next(s, &r));
		done(s, &r, DS_ELB_ANSWERED);
	}
	assert_true(next(s, &r));
	done(s, &r, DS_ELB_THROTTLED);
	assert_in_range(ds_elb_plan_due(s->plan) - s->now_ns, 2 * S, 4 * S);
}

/* Requests come at half the pace afterwards, and faster again as they are answered. */
static void after_throttling_the_pace_is_slower(void **state)
{
	struct story *s = new_story(10, false);
	int64_t before_ns, gap_ns;
	struct ds_elb_request r;

	(void)state;
	for (int n = 0; n < 100; n++)
		watch(s, n, n, 80);
	assert_true(next(s, &r));
	done(s, &r, DS_ELB_ANSWERED);
	s->now_ns += S;
	assert_true(next(s, &r));
	s->now_ns += MS;
	done(s, &r, DS_ELB_THROTTLED);
	assert_true(next(s, &r));
	before_ns = s->now_ns;
	s->now_ns += MS;
	done(s, &r, DS_ELB_ANSWERED);
	assert_true(next(s, &r));
	gap_ns = s->now_ns - before_ns;
	assert_in_range(gap_ns, 190 * MS, 201 * MS);
	for (int i = 0; i < 60; i++) {
		before_ns = s->now_ns;
		s->now_ns += MS;
		done(s, &r, DS_ELB_ANSWERED);
		assert_true(next(s, &r));
		assert_true(s->now_ns - before_ns <= gap_ns);
		gap_ns = s->now_ns - before_ns;
	}
	assert_in_range(gap_ns, 100 * MS, 101 * MS);
	end_story(s);
}

static void retry_after_is_honoured(void **state)
{
	static const enum ds_elb_outcome outcomes[] = {
		DS_ELB_THROTTLED, DS_ELB_FAILED, DS_ELB_UNREACHABLE,
	};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct story *s = new_story(1000, false);
		struct ds_elb_request r;
		int64_t asked_ns;

		watch(s, 1, 1, 80);
		next_health(s, &r);
		asked_ns = s->now_ns;
		ds_elb_plan_done(s->plan, &r, outcomes[i], 20 * S, s->now_ns);
		/* What the group is may be asked meanwhile where only this one question failed. */
		assert_true(next(s, &r));
		assert_int_equal(s->now_ns < asked_ns + 19 * S, outcomes[i] == DS_ELB_FAILED);
		done(s, &r, DS_ELB_ANSWERED);
		if (r.ask != DS_ELB_ASK_HEALTH)
			next_health(s, &r);
		assert_in_range(s->now_ns - asked_ns, 20 * S, 23 * S);
		/* Not for ever, whatever it says. */
		asked_ns = s->now_ns;
		ds_elb_plan_done(s->plan, &r, outcomes[i], INT64_MAX, s->now_ns);
		next_health(s, &r);
		assert_in_range(s->now_ns - asked_ns, 299 * S, 331 * S);
		done(s, &r, DS_ELB_ANSWERED);
		end_story(s);
	}
}

static void a_failure_waits_for_its_own_question_only(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;
	int64_t failed_ns;

	watch(s, 1, 1, 80);
	watch(s, 2, 2, 80);
	next_health(s, &r);
	failed_ns = s->now_ns;
	done(s, &r, DS_ELB_FAILED);
	next_health(s, &r);
	assert_true(s->now_ns < failed_ns + S / 2);	/* the other group's */
	done(s, &r, DS_ELB_ANSWERED);
	for (int i = 0; i < 2; i++) {
		next_health(s, &r);
		failed_ns = s->now_ns;
		done(s, &r, DS_ELB_DENIED);
	}
	/* What is not permitted is asked half a minute later at the earliest. */
	next_health(s, &r);
	assert_true(s->now_ns >= failed_ns + 14 * S);
	done(s, &r, DS_ELB_ANSWERED);
}

static void a_failure_is_not_hurried_and_is_forgotten(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;
	int64_t failed_ns = 0;

	watch(s, 1, 1, 80);
	for (int i = 0; i < 4; i++) {
		next_health(s, &r);
		if (i)
			assert_true(s->now_ns - failed_ns >= (S / 2) << (i - 1));
		failed_ns = s->now_ns;
		done(s, &r, DS_ELB_FAILED);
		watch(s, 1, 10 + i, 80);	/* another pod goes: it waits too */
	}
	next_health(s, &r);
	done(s, &r, DS_ELB_ANSWERED);
	next_health(s, &r);
	failed_ns = s->now_ns;
	done(s, &r, DS_ELB_FAILED);
	next_health(s, &r);
	assert_in_range(s->now_ns - failed_ns, S / 2, S);
	done(s, &r, DS_ELB_ANSWERED);
}

static void old_credentials_are_tried_again_once(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;
	int64_t at_ns;

	watch(s, 1, 1, 80);
	next_health(s, &r);
	at_ns = s->now_ns;
	done(s, &r, DS_ELB_EXPIRED);
	next_health(s, &r);
	assert_true(s->now_ns - at_ns < 10 * MS);
	done(s, &r, DS_ELB_EXPIRED);
	assert_true(ds_elb_plan_due(s->plan) >= s->now_ns + S / 2);
	next_health(s, &r);
	done(s, &r, DS_ELB_ANSWERED);
	next_health(s, &r);
	at_ns = s->now_ns;
	done(s, &r, DS_ELB_EXPIRED);	/* hours later */
	next_health(s, &r);
	assert_true(s->now_ns - at_ns < 10 * MS);
	done(s, &r, DS_ELB_ANSWERED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(throttling_stops_the_account),
		T(what_ec2_throttles_does_not_stop_the_rest),
		T(waits_differ_by_chance),
		T(the_longer_wait_counts),
		T(throttling_again_waits_longer),
		T(after_throttling_the_pace_is_slower),
		T(retry_after_is_honoured),
		T(a_failure_waits_for_its_own_question_only),
		T(a_failure_is_not_hurried_and_is_forgotten),
		T(old_credentials_are_tried_again_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
