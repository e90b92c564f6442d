// SPDX-License-Identifier: Apache-2.0
#include "user/core/target_facts.h"

#include <string.h>

#include "tests/unit/unit.h"

#define S(seconds) ((int64_t)((seconds) * 1e9))
#define LOG DS_TARGET_SOURCE_CONTROLLER_LOG
#define TRAIL DS_TARGET_SOURCE_CLOUDTRAIL
#define POLL DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH

static struct ds_facts facts;

static int fresh(void **state)
{
	(void)state;
	memset(&facts, 0, sizeof(facts));
	return 0;
}

static void say(enum ds_fact_kind kind, int source, double lo, double hi)
{
	struct ds_fact f = { .kind = kind, .source = source, .lo_ns = S(lo), .hi_ns = S(hi) };

	ds_facts_add(&facts, &f);
}

static struct ds_facts_drain last(void)
{
	return ds_facts_drain(&facts, 0, 0, NULL);
}

static void assert_drain_in(double from, double until, double lo, double hi)
{
	struct ds_facts_drain d = ds_facts_drain(&facts, S(from), S(until), NULL);

	assert_true(d.began);
	assert_true(d.lo_ns == S(lo));
	assert_true(d.hi_ns == S(hi));
}

static void assert_drain(double lo, double hi)
{
	assert_drain_in(0, 0, lo, hi);
}

static void an_older_healthy_does_not_end_a_drain(void **state)
{
	(void)state;
	say(DS_FACT_DRAIN, LOG, 10, 10.1);
	say(DS_FACT_REGISTERED, POLL, 9.9, 10.3);	/* told later, read before */
	assert_drain(10, 10.1);
	say(DS_FACT_REGISTERED, POLL, 10.2, 10.5);	/* the API's old answer */
	assert_drain(10, 10.1);
	say(DS_FACT_REGISTERED, POLL, 25.2, 25.3);	/* registered again */
	assert_false(last().began);
}

static void an_initial_reading_is_a_registration_at_once(void **state)
{
	(void)state;
	say(DS_FACT_REGISTERED, POLL, 1, 1.1);
	say(DS_FACT_DRAIN, LOG, 10, 10.1);
	say(DS_FACT_REGISTERING, POLL, 10.2, 10.5);
	assert_false(last().began);
	assert_true(last().registered_ns == S(10.2));
	/* Read while it was being registered, answered from before. */
	say(DS_FACT_DRAIN, POLL, 0, 10.6);
	assert_false(last().began);
}

static void a_late_record_of_an_earlier_drain_leaves_the_later_one_alone(void **state)
{
	(void)state;
	say(DS_FACT_REGISTERING, LOG, 1, 1.1);
	say(DS_FACT_REGISTERING, LOG, 30, 30.1);
	say(DS_FACT_DRAIN, LOG, 50, 50.1);
	say(DS_FACT_DRAIN, TRAIL, 9, 11);
	assert_drain(50, 50.1);
	assert_true(last().registered_ns == S(30));
	assert_drain_in(0, 20, 9, 11);		/* of who had the address until 20 */
	assert_drain_in(20, 0, 50, 50.1);
}

static void of_two_calls_the_first_counts(void **state)
{
	(void)state;
	say(DS_FACT_DRAIN, TRAIL, 19, 21);
	say(DS_FACT_DRAIN, TRAIL, 9, 11);
	say(DS_FACT_DRAIN, TRAIL, 29, 31);
	assert_drain(9, 11);
	assert_false(last().conflict);
}

static void sources_that_contradict_each_other_are_said(void **state)
{
	(void)state;
	say(DS_FACT_DRAIN, TRAIL, 9, 11);
	say(DS_FACT_DRAIN, LOG, 11, 11.1);		/* they touch: both may be right */
	assert_false(last().conflict);
	assert_drain(11, 11);
	say(DS_FACT_DRAIN, POLL, 13, 14);
	assert_true(last().conflict);
	assert_drain(9, 14);
}

static void a_contradiction_without_a_lower_bound_has_none(void **state)
{
	(void)state;
	say(DS_FACT_DRAIN, POLL, 0, 5);
	say(DS_FACT_DRAIN, LOG, 10, 11);
	assert_true(last().conflict);
	assert_drain(0, 11);
	assert_false(last().own_lo);
}

static void a_hint_stands_only_where_nobody_saw_the_drain_from_below(void **state)
{
	(void)state;
	say(DS_FACT_REGISTERED, POLL, 1, 1.1);
	say(DS_FACT_HINT, DS_TARGET_SOURCE_ENDPOINT_SLICE, 8, 8);
	assert_false(last().began);
	assert_true(last().lo_ns == S(8));
	say(DS_FACT_DRAIN, POLL, 0, 12);
	assert_drain(8, 12);
	assert_int_equal(last().lo_source, DS_TARGET_SOURCE_ENDPOINT_SLICE);
	say(DS_FACT_DRAIN, LOG, 7, 11);
	assert_drain(7, 11);
	assert_true(last().own_lo);
}

static void a_hint_of_an_earlier_registration_is_forgotten(void **state)
{
	(void)state;
	say(DS_FACT_HINT, DS_TARGET_SOURCE_ENDPOINT_SLICE, 8, 8);
	say(DS_FACT_REGISTERED, POLL, 9, 9.1);
	say(DS_FACT_DRAIN, POLL, 0, 12);
	assert_drain(9, 12);
	assert_int_equal(last().lo_source, DS_TARGET_SOURCE_LAST_REGISTERED);
}

/* A poll a second for ten minutes must not push out what matters. */
static void readings_in_a_row_cost_no_room(void **state)
{
	(void)state;
	say(DS_FACT_REGISTERING, LOG, 1, 1.1);
	for (int i = 2; i < 600; i++) {
		say(i < 100 ? DS_FACT_INITIAL : DS_FACT_REGISTERED, POLL, i, i + 0.1);
		say(DS_FACT_REGISTERED, DS_TARGET_SOURCE_FILE, i, i + 1);
	}
	say(DS_FACT_DRAIN, LOG, 600, 600.1);
	for (int i = 601; i < 1200; i++) {
		say(DS_FACT_DRAIN, POLL, i == 601 ? 599 : 0, i + 0.1);
		say(DS_FACT_DRAIN, DS_TARGET_SOURCE_FILE, 0, i);
	}
	assert_in_range(facts.cnt, 4, 6);
	assert_drain(600, 600.1);
	assert_true(last().registered_ns == S(599));
}

static void the_oldest_makes_room(void **state)
{
	(void)state;
	for (int i = 1; i <= 40; i++) {
		say(DS_FACT_REGISTERING, LOG, i * 10, i * 10);
		say(DS_FACT_DRAIN, LOG, i * 10 + 5, i * 10 + 6);
	}
	assert_int_equal(facts.cnt, DS_FACTS_MAX);
	assert_drain(405, 406);
	say(DS_FACT_DRAIN, TRAIL, 1, 2);	/* older than all that is kept */
	assert_int_equal(facts.cnt, DS_FACTS_MAX);
	assert_true(facts.fact[0].hi_ns > S(300));
}

/* The address went to another pod at 20: a registration then is that pod's. */
static void a_registration_after_the_span_is_not_its(void **state)
{
	(void)state;
	say(DS_FACT_REGISTERING, LOG, 1, 1.1);
	say(DS_FACT_DRAIN, LOG, 10, 10.1);
	say(DS_FACT_REGISTERING, LOG, 20.5, 20.6);
	say(DS_FACT_DRAIN, LOG, 30, 30.1);
	assert_drain_in(0, 20, 10, 10.1);
	assert_drain_in(20, 0, 30, 30.1);
}

/* Never deregistered while it had the address: what drains later still is its registration. */
static void a_drain_after_the_span_may_be_its(void **state)
{
	(void)state;
	say(DS_FACT_REGISTERING, LOG, 1, 1.1);
	say(DS_FACT_REGISTERED, POLL, 25, 25.1);
	say(DS_FACT_DRAIN, LOG, 30, 30.1);
	assert_drain_in(0, 20, 30, 30.1);
}

#define T(fn) cmocka_unit_test_setup(fn, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_older_healthy_does_not_end_a_drain),
		T(an_initial_reading_is_a_registration_at_once),
		T(a_late_record_of_an_earlier_drain_leaves_the_later_one_alone),
		T(of_two_calls_the_first_counts),
		T(sources_that_contradict_each_other_are_said),
		T(a_contradiction_without_a_lower_bound_has_none),
		T(a_hint_stands_only_where_nobody_saw_the_drain_from_below),
		T(a_hint_of_an_earlier_registration_is_forgotten),
		T(readings_in_a_row_cost_no_room),
		T(the_oldest_makes_room),
		T(a_registration_after_the_span_is_not_its),
		T(a_drain_after_the_span_may_be_its),
	};

	return cmocka_run_group_tests_name("target_facts", tests, NULL, NULL);
}
