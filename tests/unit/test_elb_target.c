// SPDX-License-Identifier: Apache-2.0
/* What the plan makes of answers: readings with their bounds, and when asking ends. */
#include "user/source/elb/elb_target.h"

#include "tests/unit/elb_story.h"

/* Nothing more of health comes; of what the group is only once in an hour, if that. */
static void assert_quiet(struct story *s)
{
	for (int64_t until_ns = s->now_ns + 3000 * S; s->now_ns < until_ns;) {
		struct ds_elb_request r;

		if (!next(s, &r))
			return;
		if (s->now_ns >= until_ns)
			done(s, &r, DS_ELB_ANSWERED);
		else
			assert_int_not_equal(r.ask, DS_ELB_ASK_HEALTH);
		done(s, &r, DS_ELB_ANSWERED);
	}
}

/* ---- what is read ---- */

static void a_drain_lies_between_two_answers(void **state)
{
	struct story *s = *state;
	int64_t sent_ns, at_ns;

	watch(s, 1, 1, 80);
	(void)answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	sent_ns = answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "Target.DeregistrationInProgress");
	at_ns = s->now_ns;
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "Target.DeregistrationInProgress");
	assert_int_equal(s->told_cnt, 2);	/* only what is news */
	assert_int_equal(s->told[0].state, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(s->told[0].previous, -1);
	assert_int_equal(s->told[1].state, DS_TARGET_STATE_DRAINING);
	assert_int_equal(s->told[1].previous, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(s->told[1].lo_ns, sent_ns - DS_ELB_LAG_NS);
	assert_int_equal(s->told[1].hi_ns, at_ns);
	assert_string_equal(s->reasons[1], "Target.DeregistrationInProgress");
}

static void a_drain_that_was_there_already_has_no_lower_bound(void **state)
{
	struct story *s = *state;

	watch(s, 1, 1, 80);
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_int_equal(s->told_cnt, 1);
	assert_int_equal(s->told[0].lo_ns, 0);
	assert_int_equal(s->told[0].hi_ns, s->now_ns);
}

/* A failure between the two answers widens it, and no more than that. */
static void a_failed_request_widens_the_interval(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;
	int64_t sent_ns;

	watch(s, 1, 1, 80);
	sent_ns = answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	next_health(s, &r);
	done(s, &r, DS_ELB_FAILED);
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_int_equal(s->told[1].lo_ns, sent_ns - DS_ELB_LAG_NS);
	assert_int_equal(ds_elb_plan_counters(s->plan).failed, 1);
}

/* Readers meet replicas in turn: an answer may be older than the one before it. */
static void an_answer_from_before_the_drain_does_not_undo_it(void **state)
{
	static const struct {
		int before, then;
		int64_t after_ns;
		bool news;
	} answers[] = {
		{ DS_TARGET_STATE_HEALTHY, DS_TARGET_STATE_HEALTHY, 0, false },
		{ DS_TARGET_STATE_HEALTHY, DS_TARGET_STATE_UNHEALTHY, 0, false },
		{ DS_TARGET_STATE_INITIAL, DS_TARGET_STATE_INITIAL, 0, false },
		{ DS_TARGET_STATE_HEALTHY, DS_TARGET_STATE_INITIAL, 0, true },
		{ DS_TARGET_STATE_HEALTHY, DS_TARGET_STATE_HEALTHY, 15 * S, true },
		{ DS_TARGET_STATE_HEALTHY, DS_TARGET_STATE_UNUSED, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct story *s = new_story(1000, false);
		struct ds_elb_reading drain;
		int64_t sent_ns;

		watch(s, 1, 1, 80);
		(void)answer(s, 1, answers[i].before, "");
		(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
		drain = s->told[1];
		s->now_ns += answers[i].after_ns;
		sent_ns = answer(s, 1, answers[i].then, "");
		assert_int_equal(s->told_cnt, answers[i].news ? 3 : 2);
		(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
		assert_int_equal(s->told_cnt, answers[i].news ? 4 : 2);
		/* Where it was one, the drain keeps its bounds; else it is another drain. */
		assert_true(drain.lo_ns < drain.hi_ns && drain.hi_ns < sent_ns);
		if (answers[i].news)
			assert_int_equal(s->told[3].lo_ns, sent_ns - DS_ELB_LAG_NS);
		end_story(s);
	}
}

/* Registered again, and drained again: the old answers of the second drain are known too. */
static void each_drain_has_its_own_old_answers(void **state)
{
	struct story *s = *state;

	watch(s, 1, 1, 80);
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	s->now_ns += 16 * S;
	(void)answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_int_equal(s->told_cnt, 3);
	(void)answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	assert_int_equal(s->told_cnt, 3);
}

static void another_reason_is_news(void **state)
{
	struct story *s = *state;

	watch(s, 1, 1, 80);
	(void)answer(s, 1, DS_TARGET_STATE_UNHEALTHY, "Target.Timeout");
	(void)answer(s, 1, DS_TARGET_STATE_UNHEALTHY, "Target.Timeout");
	(void)answer(s, 1, DS_TARGET_STATE_UNHEALTHY, "Target.FailedHealthChecks");
	assert_int_equal(s->told_cnt, 2);
	assert_string_equal(s->reasons[1], "Target.FailedHealthChecks");
}

/* What came while the request was on its way was not asked for, whatever the answer says of it. */
static void only_what_was_asked_is_read(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	next_health(s, &r);
	watch(s, 1, 2, 80);
	read_one(s, &r, 2, 80, DS_TARGET_STATE_HEALTHY, "", 0);
	done(s, &r, DS_ELB_ANSWERED);
	assert_int_equal(s->told_cnt, 0);
}

static void it_stops_when_the_target_is_gone(void **state)
{
	static const struct {
		int state;
		const char *reason;
		bool stops;
	} ends[] = {
		{ DS_TARGET_STATE_UNUSED, "Target.NotRegistered", true },
		{ DS_TARGET_STATE_UNUSED, "Target.NotInUse", false },
		{ DS_TARGET_STATE_UNUSED, "", false },
		{ DS_TARGET_STATE_INITIAL, "Elb.RegistrationInProgress", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct story *s = new_story(1000, false);
		int64_t sent_ns;

		watch(s, 1, 1, 80);
		(void)answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
		sent_ns = answer(s, 1, DS_TARGET_STATE_DRAINING, "");
		(void)answer(s, 1, ends[i].state, ends[i].reason);
		assert_int_equal(s->told_cnt, 3);
		assert_int_equal(s->told[2].state, ends[i].state);
		if (ends[i].stops)
			assert_int_equal(s->told[2].lo_ns, sent_ns - DS_ELB_LAG_NS);
		if (ends[i].stops)
			assert_quiet(s);
		else
			(void)answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
		end_story(s);
	}
}

/* A deregistration delay of 0: registered, and then gone. */
static void a_target_that_goes_at_once_has_both_bounds(void **state)
{
	struct story *s = *state;
	int64_t sent_ns;

	watch(s, 1, 1, 80);
	sent_ns = answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	(void)answer(s, 1, DS_TARGET_STATE_UNUSED, "Target.NotRegistered");
	assert_int_equal(s->told[1].lo_ns, sent_ns - DS_ELB_LAG_NS);
	assert_int_equal(s->told[1].hi_ns, s->now_ns);
	assert_quiet(s);
}

static void nobody_watches_it_any_more(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	watch(s, 1, 1, 81);
	watch(s, 1, 2, 80);
	next_health(s, &r);
	unwatch(s, 1);		/* while it is asked for */
	read_one(s, &r, 1, 80, DS_TARGET_STATE_DRAINING, "", 0);
	read_one(s, &r, 2, 80, DS_TARGET_STATE_HEALTHY, "", 0);
	done(s, &r, DS_ELB_ANSWERED);
	assert_int_equal(s->told_cnt, 1);
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 1);
	done(s, &r, DS_ELB_ANSWERED);
	unwatch(s, 2);
	assert_quiet(s);
}

static void it_gives_up_after_a_bound(void **state)
{
	struct story *s = *state;
	int64_t last_ns = 0;
	int asked = 0;

	watch(s, 1, 1, 80);
	while (ds_elb_plan_due(s->plan) < BEGIN + 1500 * S) {
		last_ns = answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
		asked++;
		if (last_ns > BEGIN + 880 * S)
			break;
	}
	assert_in_range(asked, 60 + 130, 60 + 220);	/* each second, then each five */
	while (ds_elb_plan_due(s->plan) < BEGIN + 1500 * S) {
		struct ds_elb_request r;

		if (!next(s, &r))
			break;		/* the bound has passed meanwhile */
		if (r.ask == DS_ELB_ASK_HEALTH)
			last_ns = s->now_ns;
		done(s, &r, DS_ELB_ANSWERED);
	}
	assert_true(last_ns <= BEGIN + 901 * S);
}

/* Twice its delay and a minute; an hour's where the delay is not known. */
static void a_drain_without_an_end_is_given_up(void **state)
{
	(void)state;
	for (int known = 0; known < 2; known++) {
		struct story *s = new_story(1000, false);
		int64_t last_ns = 0, most_ns = known ? 120 * S + 60 * S : 7260 * S;
		struct ds_elb_request r;

		watch(s, 1, 1, 80);
		if (known)
			ds_elb_plan_delay(s->plan, group_arn(1), 60);
		while (next(s, &r) && s->now_ns < BEGIN + 20000 * S) {
			if (r.ask == DS_ELB_ASK_HEALTH) {
				last_ns = s->now_ns;
				read_one(s, &r, 1, 80, DS_TARGET_STATE_DRAINING, "", 0);
			}
			done(s, &r, DS_ELB_ANSWERED);
		}
		assert_in_range(last_ns - BEGIN, most_ns - 10 * S, most_ns + S);
		end_story(s);
	}
}

/* ---- groups in which addresses are looked for ---- */

static void an_address_is_looked_for_in_the_groups_that_were_added(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(1), s->now_ns), 0);
	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(2), s->now_ns), 0);
	watch(s, 3, 7, 80);	/* another pod, of a group that is known: nothing of it is listed */
	watch(s, -1, 1, 0);
	for (int i = 0; i < 3; i++) {
		int n;

		next_health(s, &r);
		n = r.arn[strlen(r.arn) - 1] - '0';
		assert_int_equal(r.targets_cnt, n == 3 ? 1 : 0);
		if (n == 1) {
			read_one(s, &r, 9, 80, DS_TARGET_STATE_HEALTHY, "", 0);	/* a stranger's */
			read_one(s, &r, 1, 80, DS_TARGET_STATE_HEALTHY, "", 0);
			read_one(s, &r, 1, 81, DS_TARGET_STATE_INITIAL, "", 0);
		} else if (n == 2) {
			read_one(s, &r, 9, 80, DS_TARGET_STATE_HEALTHY, "", 0);
		}
		done(s, &r, DS_ELB_ANSWERED);
	}
	assert_int_equal(s->told_cnt, 2);
	unwatch(s, 7);
	/* From now on by name, and only where it is a target. */
	for (int i = 0; i < 3; i++) {
		next_health(s, &r);
		assert_string_equal(r.arn, group_arn(1));
		assert_int_equal(r.targets_cnt, 2);
		done(s, &r, DS_ELB_ANSWERED);
	}
	watch(s, -1, 1, 0);	/* it was looked for already */
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 2);
	done(s, &r, DS_ELB_ANSWERED);
	unwatch(s, 1);
	watch(s, -1, 1, 0);	/* another pod, later */
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 0);
	done(s, &r, DS_ELB_ANSWERED);
}

static void a_listing_that_failed_is_asked_again(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(1), s->now_ns), 0);
	watch(s, -1, 1, 0);
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 0);
	done(s, &r, DS_ELB_FAILED);
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 0);
	read_one(s, &r, 1, 80, DS_TARGET_STATE_HEALTHY, "", 0);
	done(s, &r, DS_ELB_ANSWERED);
	assert_int_equal(s->told_cnt, 1);
}

/* AWS refuses a whole request for one target that it does not know. */
static void a_group_is_listed_where_a_target_is_not_known(void **state)
{
	struct story *s = *state;
	int64_t sent_ns;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	watch(s, 1, 2, 80);
	next_health(s, &r);
	sent_ns = s->now_ns;
	done(s, &r, DS_ELB_NOT_TARGETS);
	next_health(s, &r);
	assert_true(s->now_ns - sent_ns < 10 * MS);	/* at once */
	assert_int_equal(r.targets_cnt, 0);
	read_one(s, &r, 1, 80, DS_TARGET_STATE_HEALTHY, "", 0);
	read_one(s, &r, 3, 80, DS_TARGET_STATE_HEALTHY, "", 0);
	done(s, &r, DS_ELB_ANSWERED);
	assert_int_equal(s->told_cnt, 2);
	assert_int_equal(s->told[1].state, DS_TARGET_STATE_ABSENT);	/* what is not in it */
	assert_int_equal(s->told[1].addr.bytes[15], 2);
	assert_int_equal(s->told[1].lo_ns, 0);
	next_health(s, &r);
	assert_int_equal(r.targets_cnt, 0);
	done(s, &r, DS_ELB_NOT_TARGETS);	/* of a listing it makes no sense */
	assert_true(ds_elb_plan_due(s->plan) >= s->now_ns + S / 2);
}

static void a_group_that_is_gone_is_never_asked_again(void **state)
{
	struct story *s = *state;
	int64_t sent_ns;
	struct ds_elb_request r;

	watch(s, 1, 1, 80);
	sent_ns = answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	next_health(s, &r);
	done(s, &r, DS_ELB_GONE);
	assert_int_equal(s->told_cnt, 2);
	assert_int_equal(s->told[1].state, DS_TARGET_STATE_ABSENT);
	assert_int_equal(s->told[1].lo_ns, sent_ns - DS_ELB_LAG_NS);
	assert_int_equal(s->told[1].hi_ns, s->now_ns);
	assert_int_equal(ds_elb_plan_due(s->plan), NEVER);
	watch(s, 1, 2, 80);
	assert_int_equal(ds_elb_plan_due(s->plan), NEVER);
}

static void of_instances_no_address_is_asked(void **state)
{
	struct story *s = *state;
	struct ds_elb_request r;

	assert_int_equal(ds_elb_plan_add_group(s->plan, group_arn(1), s->now_ns), 0);
	watch(s, -1, 1, 0);
	ds_elb_plan_no_addresses(s->plan, group_arn(1));
	watch(s, -1, 2, 0);
	while (next(s, &r) && s->now_ns < BEGIN + 10 * S) {
		assert_int_not_equal(r.ask, DS_ELB_ASK_HEALTH);
		done(s, &r, DS_ELB_ANSWERED);
	}
}

static void new_facts_are_told_with_the_next_answer(void **state)
{
	struct story *s = *state;
	int64_t lo_ns, hi_ns;

	watch(s, 1, 1, 80);
	(void)answer(s, 1, DS_TARGET_STATE_HEALTHY, "");
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	lo_ns = s->told[1].lo_ns;
	hi_ns = s->told[1].hi_ns;
	ds_elb_plan_again(s->plan, group_arn(1));
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_int_equal(s->told_cnt, 3);
	assert_int_equal(s->told[2].lo_ns, lo_ns);	/* the same drain */
	assert_int_equal(s->told[2].hi_ns, hi_ns);
	(void)answer(s, 1, DS_TARGET_STATE_DRAINING, "");
	assert_int_equal(s->told_cnt, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(a_drain_lies_between_two_answers),
		T(a_drain_that_was_there_already_has_no_lower_bound),
		T(a_failed_request_widens_the_interval),
		T(an_answer_from_before_the_drain_does_not_undo_it),
		T(each_drain_has_its_own_old_answers),
		T(another_reason_is_news),
		T(only_what_was_asked_is_read),
		T(it_stops_when_the_target_is_gone),
		T(a_target_that_goes_at_once_has_both_bounds),
		T(nobody_watches_it_any_more),
		T(it_gives_up_after_a_bound),
		T(a_drain_without_an_end_is_given_up),
		T(an_address_is_looked_for_in_the_groups_that_were_added),
		T(a_listing_that_failed_is_asked_again),
		T(a_group_is_listed_where_a_target_is_not_known),
		T(a_group_that_is_gone_is_never_asked_again),
		T(of_instances_no_address_is_asked),
		T(new_facts_are_told_with_the_next_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
