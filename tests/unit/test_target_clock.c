// SPDX-License-Identifier: Apache-2.0
#include "user/core/target_clock.h"
#include "user/core/target_clock_learn.h"
#include "user/core/target_facts.h"

#include <string.h>

#include "tests/unit/unit.h"

#define S(seconds) ((int64_t)((seconds) * 1000 + ((seconds) < 0 ? -0.5 : 0.5)) * 1000000)
#define LOG DS_TARGET_SOURCE_CONTROLLER_LOG
#define TRAIL DS_TARGET_SOURCE_CLOUDTRAIL
#define POLL DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH
#define ERROR 0.05	/* of the clocks of LOG and TRAIL, by their own word */
#define BEGIN 100000.0

static struct ds_target_clocks clocks;
static struct ds_facts facts;
static uint64_t target;

/* Another target. */
static void next(void)
{
	memset(&facts, 0, sizeof(facts));
	target++;
}

static int fresh(void **state)
{
	(void)state;
	memset(&clocks, 0, sizeof(clocks));
	next();
	return 0;
}

/* Bounds as told, at a moment after them; lo < 0 = none. */
static void say_at(double at, enum ds_fact_kind kind, int source, double lo, double hi)
{
	double error = source == POLL ? 0 : ERROR;
	struct ds_fact f = { .kind = kind, .source = source, .error_ns = S(error),
			     .lo_ns = lo < 0 ? 0 : S(BEGIN + lo - error),
			     .hi_ns = S(BEGIN + hi + error) };

	ds_facts_add(&facts, &f);
	ds_target_clocks_compare(&clocks, target, &facts, S(BEGIN + at));
}

static void drains(int source, double lo, double hi)
{
	say_at(hi, DS_FACT_DRAIN, source, lo, hi);
}

static void assert_drain(double lo, double hi, bool conflict)
{
	struct ds_facts_drain d = ds_facts_drain(&facts, 0, 0, &clocks);

	assert_true(d.began);
	assert_true(d.lo_ns == S(BEGIN + lo));
	assert_true(d.hi_ns == S(BEGIN + hi));
	assert_int_equal(d.conflict, conflict);
}

static void clocks_that_agree_change_nothing(void **state)
{
	(void)state;
	drains(TRAIL, 9, 11);
	drains(LOG, 10, 10.2);
	drains(POLL, 9, 10.5);
	assert_drain(9.95, 10.25, false);
	next();
	drains(LOG, 30, 30.2);
	assert_drain(29.95, 30.25, false);
}

/* Draining was seen here before the controller says that it began: its clock is ahead. */
static void a_clock_that_is_ahead_is_known_by_our_own(void **state)
{
	(void)state;
	drains(LOG, 13, 13.2);
	drains(POLL, 9, 10.5);
	/* by 2.5 s at least; 15 s before, the API may not have known: by 19.2 s at most */
	assert_int_equal(clocks.of[LOG].ahead_ns, S(19.2));
	assert_int_equal(clocks.of[LOG].behind_ns, 0);
	assert_drain(9, 10.5, true);
	next();
	drains(LOG, 33, 33.2);		/* nobody else told it */
	assert_drain(33 - 19.2, 33.25, true);
	/* it may have been registered before what it says, too */
	next();
	say_at(40, DS_FACT_REGISTERING, LOG, 40, 40.1);
	drains(POLL, -1, 70);
	assert_drain(40 - 19.2, 70, false);
}

/* Each drain says more of it. */
static void what_most_agree_on_counts(void **state)
{
	(void)state;
	drains(LOG, 13.0, 13.2);
	drains(TRAIL, 9, 11);
	assert_int_equal(clocks.of[LOG].ahead_ns, S(13.2) - S(9 - ERROR));
	assert_int_equal(clocks.of[TRAIL].behind_ns, S(13.2 + ERROR) - S(9));
	next();
	drains(LOG, 23.9, 24.1);
	drains(TRAIL, 21, 23);
	assert_int_equal(clocks.of[LOG].ahead_ns, S(24.1) - S(21 - ERROR));
	next();
	/* these two do not contradict each other, and are as far off all the same */
	drains(LOG, 33.0, 33.1);
	drains(TRAIL, 31.0, 33.0);
	assert_drain(30.95, 33.15, true);
	next();
	drains(LOG, 43, 43.2);
	assert_drain(43 - 2.15, 43.25, true);
}

/* Deregistered by hand, and again by the controller, without effect: no clock is off. */
static void another_call_is_no_clock(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++, next()) {
		drains(TRAIL, i * 100 + 9, i * 100 + 11);
		drains(LOG, i * 100 + 10, i * 100 + 10.2);
	}
	drains(TRAIL, 509, 511);
	drains(LOG, 530, 530.2);
	assert_drain(508.95, 530.25, true);
	assert_int_equal(clocks.of[LOG].ahead_ns, 0);
	next();
	drains(LOG, 610, 610.2);
	assert_drain(609.95, 610.25, false);
	/* where CloudTrail has told both calls there is nothing to ask */
	fresh(NULL);
	drains(TRAIL, 9, 11);
	drains(TRAIL, 29, 31);
	drains(LOG, 30, 30.2);
	assert_drain(8.95, 30.25, true);
	assert_int_equal(clocks.of[LOG].cnt, 0);
}

static void one_against_one_holds_both(void **state)
{
	(void)state;
	drains(TRAIL, 9, 11);
	drains(LOG, 10, 10.2);
	next();
	drains(TRAIL, 109, 111);
	drains(LOG, 115, 115.2);
	next();
	drains(LOG, 210, 210.2);
	assert_drain(210 - (115.2 - 109 + ERROR), 210.25, true);
	next();
	/* with more that agree it was another call */
	for (int i = 0; i < 3; i++, next()) {
		drains(TRAIL, 300 + i * 10, 302 + i * 10);
		drains(LOG, 301 + i * 10, 301.2 + i * 10);
	}
	drains(LOG, 410, 410.2);
	assert_drain(409.95, 410.25, false);
}

static void no_clock_is_off_by_minutes(void **state)
{
	(void)state;
	drains(TRAIL, 9, 11);
	drains(LOG, 400, 400.2);
	assert_int_equal(clocks.of[LOG].cnt, 0);
	assert_int_equal(clocks.of[TRAIL].cnt, 0);
	assert_drain(8.95, 400.25, true);
}

/* Healthy, read after the controller deregistered it: that is the API's delay, not a clock. */
static void a_reading_that_is_out_of_date_is_no_clock(void **state)
{
	(void)state;
	drains(LOG, 10, 10.2);
	drains(POLL, 12, 13);
	assert_int_equal(clocks.of[LOG].behind_ns, 0);
	assert_int_equal(clocks.of[LOG].ahead_ns, 0);
	assert_drain(9.95, 13, true);
	next();
	drains(LOG, 110, 110.2);
	drains(POLL, 130, 131);		/* too long after it for that */
	assert_int_equal(clocks.of[LOG].behind_ns, S(131) - S(110));
}

static void what_was_learned_is_forgotten_after_an_hour(void **state)
{
	(void)state;
	drains(LOG, 13, 13.2);
	drains(TRAIL, 9, 11);
	assert_true(clocks.of[LOG].ahead_ns > 0);
	next();
	drains(LOG, 3500, 3500.2);
	drains(TRAIL, 3499, 3501);
	assert_true(clocks.of[LOG].ahead_ns > 0);
	next();
	drains(LOG, 3620, 3620.2);
	drains(TRAIL, 3619, 3621);
	assert_int_equal(clocks.of[LOG].ahead_ns, 0);
	assert_int_equal(clocks.of[LOG].cnt, 2);
}

static void the_oldest_drain_makes_room(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * DS_CLOCK_DRAINS_MAX; i++, next()) {
		drains(TRAIL, i * 20 + 9, i * 20 + 11);
		drains(LOG, i * 20 + 10, i * 20 + 10.2);
		drains(LOG, i * 20 + 10, i * 20 + 10.2);	/* the same again */
	}
	assert_int_equal(clocks.of[LOG].cnt, DS_CLOCK_DRAINS_MAX);
	assert_int_equal(clocks.of[TRAIL].cnt, DS_CLOCK_DRAINS_MAX);
	assert_int_equal(clocks.of[LOG].ahead_ns, 0);
}

static void a_fact_without_a_word_of_its_clock_stays(void **state)
{
	struct ds_fact f = { .source = LOG, .lo_ns = 10, .hi_ns = 20, .error_ns = -1 };

	(void)state;
	clocks.of[LOG].ahead_ns = clocks.of[LOG].behind_ns = 100;
	assert_false(ds_target_clocks_widen(&clocks, &f));
	f.error_ns = 0;
	assert_false(ds_target_clocks_widen(&clocks, &f));
	f.error_ns = 95;
	assert_false(ds_target_clocks_widen(NULL, &f));
	assert_true(ds_target_clocks_widen(&clocks, &f));
	assert_int_equal(f.lo_ns, 5);
	assert_int_equal(f.hi_ns, 25);
	assert_true(ds_target_clocks_widen(&clocks, &f));
	assert_int_equal(f.lo_ns, 0);	/* no bound */
	assert_true(ds_target_clocks_widen(&clocks, &f));
	assert_int_equal(f.lo_ns, 0);
	f.error_ns = 100;
	assert_false(ds_target_clocks_widen(&clocks, &f));
}

#define T(fn) cmocka_unit_test_setup(fn, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(clocks_that_agree_change_nothing),
		T(a_clock_that_is_ahead_is_known_by_our_own),
		T(what_most_agree_on_counts),
		T(another_call_is_no_clock),
		T(one_against_one_holds_both),
		T(no_clock_is_off_by_minutes),
		T(a_reading_that_is_out_of_date_is_no_clock),
		T(what_was_learned_is_forgotten_after_an_hour),
		T(the_oldest_drain_makes_room),
		T(a_fact_without_a_word_of_its_clock_stays),
	};

	return cmocka_run_group_tests_name("target_clock", tests, NULL, NULL);
}
