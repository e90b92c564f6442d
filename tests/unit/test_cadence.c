/* SPDX-License-Identifier: Apache-2.0 */
/* What is a check by its cadence, and above all what is not. Moments are ms since the beginning. */
#include "tests/unit/unit.h"

#include <string.h>

#include "user/core/cadence.h"
#include "user/util/timefmt.h"

#define PERIOD 10000	/* ms; tolerance 500 */
#define BEGIN (INT64_C(1795342500) * DS_NS_PER_S)

static struct ds_cadences *c;
static struct ds_periods periods;
static uint16_t next_port;

static int setup(void **state)
{
	(void)state;
	periods = (struct ds_periods){ .ns = { PERIOD * DS_NS_PER_MS }, .cnt = 1 };
	next_port = 30000;
	return ds_cadences_new(&c, 64);
}

static int teardown(void **state)
{
	(void)state;
	ds_cadences_free(&c);
	assert_null(c);
	return 0;
}

static int64_t at(int64_t ms)
{
	return BEGIN + ms * DS_NS_PER_MS;
}

/* Address n of the balancer at pod m. */
static struct ds_cadence_key key(int n, int m)
{
	return (struct ds_cadence_key){
		.source = ds_addr_from_v4((const uint8_t[4]){ 10, 0, 0, (uint8_t)n }),
		.pod = ds_addr_from_v4((const uint8_t[4]){ 10, 0, 3, (uint8_t)m }),
		.port = 8080,
	};
}

static void accepted(int n, int m, int64_t ms)
{
	struct ds_cadence_key k = key(n, m);

	ds_cadence_began(c, &k, at(ms), next_port++, true, &periods);
}

/* Its SYN is lost at once; whether it is recognised. */
static bool lost(int n, int m, int64_t ms)
{
	struct ds_cadence_key k = key(n, m);
	uint16_t port = next_port++;

	ds_cadence_began(c, &k, at(ms), port, false, &periods);
	return ds_cadence_is_check(c, &k, at(ms), port, &periods);
}

static void checked(int n, int m, int64_t from_ms, int cnt)
{
	for (int i = 0; i < cnt; i++)
		accepted(n, m, from_ms + i * (int64_t)PERIOD);
}

static void payload(int n, int64_t ms)
{
	struct ds_cadence_key k = key(n, 1);

	ds_cadence_payload(c, &k.source, k.port, at(ms));
}

static void a_regular_address_without_payload_checks(void **state)
{
	(void)state;
	checked(1, 1, 0, 3);
	assert_true(lost(1, 1, 30000));
	assert_true(lost(1, 1, 40000));
	for (int i = 5; i < 80; i++)	/* longer than the ring */
		assert_true(lost(1, 1, i * PERIOD));
}

/* Counters come once a second: the second check of a new pod may be known after the decision. */
static void a_young_check_has_time_to_find_its_next(void **state)
{
	(void)state;
	checked(1, 1, 0, 4);
	accepted(1, 2, 28000);	/* the next, at 38000, is not known yet */
	assert_true(lost(1, 1, 40000));
	accepted(1, 2, 38000);
	assert_true(lost(1, 1, 50000));
	/* Without its next it is a stray, once that should be known. */
	accepted(1, 3, 47400);
	assert_true(lost(1, 1, 59900));
	assert_false(lost(1, 1, 69900));
}

static void two_are_too_few(void **state)
{
	(void)state;
	checked(1, 1, 0, 2);
	assert_false(lost(1, 1, 20000));
	/* Neither do lost ones that were not recognised make it regular. */
	assert_false(lost(1, 1, 30000));
	assert_false(lost(1, 1, 40000));
	assert_false(lost(1, 1, 50000));
}

static void jitter_up_to_the_tolerance_and_no_further(void **state)
{
	static const int beside[] = { -500, 500, -501, 501 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		checked(i, 1, 0, 4);
		assert_int_equal(lost(i, 1, 40000 + beside[i]), i < 2);
	}
}

/* An eighth of the interval, where that is less. */
static void the_tolerance_of_a_short_interval(void **state)
{
	static const int beside[] = { 250, 251 };

	(void)state;
	periods.ns[0] = 2 * DS_NS_PER_S;
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 4; k++)
			accepted(i, 1, k * 2000);
		assert_int_equal(lost(i, 1, 8000 + beside[i]), i == 0);
	}
}

/* Each a little later than the one before: followed, though the sum is far beyond the tolerance. */
static void a_drifting_schedule_is_followed(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++)
		accepted(1, 1, i * (PERIOD + 400));
	assert_true(lost(1, 1, 6 * (PERIOD + 400)));
	assert_true(lost(1, 1, 7 * (PERIOD + 400)));
}

static void one_may_be_missing_and_not_two(void **state)
{
	(void)state;
	checked(1, 1, 0, 3);
	assert_true(lost(1, 1, 40000));		/* none at 30 s */
	assert_true(lost(1, 1, 50000));
	checked(2, 1, 0, 3);
	assert_false(lost(2, 1, 50000));	/* none at 30 and 40 s */
}

/* A client that comes once in an interval, to the moment: its requests carry something. */
static void a_steady_client_is_no_checker(void **state)
{
	(void)state;
	checked(1, 1, 0, 6);
	payload(1, 50001);
	assert_false(lost(1, 1, 60000));
	assert_false(lost(1, 1, 70000));
	/* Not on another pod either, nor from before it was known. */
	checked(1, 2, 1000, 6);
	assert_false(lost(1, 2, 61000));
	payload(2, 100);	/* before anything else is known of it */
	checked(2, 1, 2000, 6);
	assert_false(lost(2, 1, 62000));
	/* Another port, another address: not concerned. */
	checked(3, 1, 3000, 6);
	assert_true(lost(3, 1, 63000));
}

static void payload_is_forgotten_after_an_hour(void **state)
{
	int64_t hour = DS_CADENCE_MEMORY_NS / DS_NS_PER_MS;

	(void)state;
	payload(1, 5);
	checked(1, 1, hour - 2 * (int64_t)PERIOD, 3);
	assert_true(lost(1, 1, hour + PERIOD));
	payload(2, 5);
	checked(2, 1, hour - 3 * (int64_t)PERIOD, 3);
	assert_false(lost(2, 1, hour));
	/* What it lost meanwhile may have been requests: the hour begins again. */
	checked(2, 1, hour + PERIOD, 4);
	assert_false(lost(2, 1, hour + 5 * (int64_t)PERIOD));
	checked(2, 1, 3 * hour, 3);
	assert_true(lost(2, 1, 3 * hour + 3 * (int64_t)PERIOD));
}

/* Its samples hold more than is known, as long as the traffic lasts. */
static void samples_of_an_address_with_traffic(void **state)
{
	int64_t hour = DS_CADENCE_MEMORY_NS / DS_NS_PER_MS;
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	payload(1, 0);
	for (int i = 1; i <= 9; i++)
		ds_cadence_sample(c, &k, 100 * i, at(hour / 10 * i), &periods);
	for (int i = 1; i <= 3; i++)
		ds_cadence_sample(c, &k, 900 + i, at(hour + i * PERIOD), &periods);
	assert_false(lost(1, 1, hour + 4 * (int64_t)PERIOD));
	for (int i = 1; i <= 3; i++)
		ds_cadence_sample(c, &k, 903 + i, at(3 * hour + i * PERIOD), &periods);
	assert_true(lost(1, 1, 3 * hour + 4 * (int64_t)PERIOD));
}

/* Its connection stays open, so its payload is not known yet: it did not come at an interval. */
static void a_pooled_connection_is_a_stray(void **state)
{
	(void)state;
	checked(1, 1, 0, 2);
	accepted(1, 1, 13000);
	accepted(1, 1, 20000);
	accepted(1, 1, 30000);
	assert_false(lost(1, 1, 40000));
	/* And stays one when the ring has forgotten it, for an hour. */
	for (int i = 4; i < 60; i++)
		accepted(1, 1, i * PERIOD);
	assert_false(lost(1, 1, 60 * PERIOD));
	/* On any pod. */
	checked(1, 2, 60 * PERIOD, 4);
	assert_false(lost(1, 2, 64 * PERIOD));
}

/* Lost and not an interval from anything: a source that only checked before sends a request. */
static void a_request_beside_the_checks_is_never_swallowed(void **state)
{
	(void)state;
	checked(1, 1, 0, 4);
	assert_false(lost(1, 1, 33000));
	assert_true(lost(1, 1, 40000));		/* the check itself, alone in its place */
	assert_false(lost(1, 1, 47000));
	assert_false(lost(1, 1, 50000));	/* by now it may be anything */
	assert_false(lost(1, 1, 60000));
}

/* Of two in the place of one, the first may have been decided; the other one is not swallowed. */
static void two_in_one_place_are_not_both_checks(void **state)
{
	struct ds_cadence_key k = key(2, 1);

	(void)state;
	checked(1, 1, 0, 4);
	assert_true(lost(1, 1, 40000));
	assert_false(lost(1, 1, 40200));
	/* Known before either is decided: neither. */
	checked(2, 1, 0, 4);
	ds_cadence_began(c, &k, at(40000), 1, false, &periods);
	ds_cadence_began(c, &k, at(40100), 2, false, &periods);
	assert_false(ds_cadence_is_check(c, &k, at(40000), 1, &periods));
	assert_false(ds_cadence_is_check(c, &k, at(40100), 2, &periods));
	/* Where the one before is missing, there is nothing to compare with. */
	checked(3, 1, 0, 4);
	k = key(3, 1);
	ds_cadence_began(c, &k, at(50000), 3, false, &periods);
	ds_cadence_began(c, &k, at(50100), 4, false, &periods);
	assert_false(ds_cadence_is_check(c, &k, at(50000), 3, &periods));
}

/* Two target groups check the same port from one address. */
static void two_checkers_of_one_address(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		accepted(1, 1, i * PERIOD);
		accepted(1, 1, i * PERIOD + 4000);
	}
	assert_true(lost(1, 1, 50000));
	assert_true(lost(1, 1, 54000));
	assert_true(lost(1, 1, 60000));
	assert_false(lost(1, 1, 62000));
}

static void two_checkers_at_the_same_moment(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		accepted(1, 1, i * PERIOD);
		accepted(1, 1, i * PERIOD + 100);
	}
	assert_true(lost(1, 1, 50000));
	assert_true(lost(1, 1, 50100));
	assert_false(lost(1, 1, 50200));
}

static void two_checkers_of_different_intervals(void **state)
{
	(void)state;
	periods.ns[1] = 15 * DS_NS_PER_S;
	periods.cnt = 2;
	for (int i = 0; i < 12; i++) {
		if (i % 2 == 0)
			accepted(1, 1, i * 5000);
		if (i % 3 == 0)
			accepted(1, 1, i * 5000 + 2000);
	}
	assert_true(lost(1, 1, 60000));
	assert_true(lost(1, 1, 62000));
}

/* Until the new interval is told, and was seen three times, nothing is recognised. */
static void a_changed_interval_has_to_be_learned(void **state)
{
	(void)state;
	checked(1, 1, 0, 6);
	periods.ns[0] = 30 * DS_NS_PER_S;
	assert_false(lost(2, 1, 0));
	accepted(1, 1, 55000);
	accepted(1, 1, 85000);
	accepted(1, 1, 115000);
	accepted(1, 1, 145000);
	assert_true(lost(1, 1, 175000));
	assert_false(lost(1, 1, 185000));	/* the old interval */
}

static void a_changed_interval_that_nobody_tells(void **state)
{
	(void)state;
	checked(1, 1, 0, 6);
	for (int i = 0; i < 6; i++)
		accepted(1, 1, 55000 + i * 7000);
	assert_false(lost(1, 1, 97000));
}

static void without_an_interval_nothing_is_recognised(void **state)
{
	(void)state;
	periods.cnt = 0;
	checked(1, 1, 0, 6);
	assert_false(lost(1, 1, 60000));
}

/* A pod that never accepted: two others have to be checked alike. */
static void a_young_pod_by_its_neighbours(void **state)
{
	(void)state;
	checked(1, 1, 0, 5);
	checked(1, 2, 3000, 5);
	assert_false(lost(1, 3, 46000));
	assert_false(lost(1, 3, 56000));
	assert_true(lost(1, 3, 66000));
	/* Nor is a neighbour that was not seen often enough. */
	checked(4, 1, 0, 5);
	checked(4, 2, 3000, 3);
	for (int i = 0; i < 4; i++)
		assert_false(lost(4, 3, 46000 + i * PERIOD));
	/* One neighbour is not enough. */
	checked(2, 1, 0, 5);
	for (int i = 0; i < 4; i++)
		assert_false(lost(2, 3, 46000 + i * PERIOD));
}

static void a_handshake_is_one_connection(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	for (int i = 0; i < 4; i++) {	/* the SYN, the acceptance, then the sample */
		ds_cadence_began(c, &k, at(i * PERIOD), (uint16_t)(100 + i), false, &periods);
		ds_cadence_began(c, &k, at(i * PERIOD + 10), (uint16_t)(100 + i), true, &periods);
		ds_cadence_sample(c, &k, i + 1, at(i * PERIOD + 10), &periods);
	}
	assert_true(lost(1, 1, 40000));
	assert_false(lost(1, 1, 40300));	/* so the place before held one */
}

/* A port that is used again is another connection, also if the one before was a check. */
static void a_reused_port_is_another_connection(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	checked(1, 1, 0, 4);
	ds_cadence_began(c, &k, at(40000), 777, true, &periods);
	ds_cadence_began(c, &k, at(43000), 777, false, &periods);
	assert_false(ds_cadence_is_check(c, &k, at(43000), 777, &periods));
	assert_false(ds_cadence_is_check(c, &k, at(40000), 777, &periods));	/* was accepted */
	assert_false(ds_cadence_is_check(c, &k, at(44000), 778, &periods));	/* never noted */
}

static void samples_alone_are_enough(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	for (int i = 0; i < 4; i++)
		ds_cadence_sample(c, &k, i + 1, at(i * PERIOD), &periods);
	ds_cadence_sample(c, &k, 4, at(30000), &periods);	/* nothing new */
	assert_true(lost(1, 1, 40000));
}

/* Of two in a sample one has no moment: it may have been anything. */
static void a_sample_that_holds_more_than_is_known(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	for (int i = 0; i < 4; i++)
		ds_cadence_sample(c, &k, i + 1 + (i == 2), at(i * PERIOD), &periods);
	assert_false(lost(1, 1, 40000));
	/* A counter that starts again, of the address's next owner. */
	k = key(2, 1);
	for (int i = 0; i < 3; i++)
		ds_cadence_sample(c, &k, 1 + i, at(i * PERIOD), &periods);
	for (int i = 3; i < 5; i++)
		ds_cadence_sample(c, &k, i - 2, at(i * PERIOD), &periods);
	assert_true(lost(2, 1, 50000));
	ds_cadence_sample(c, &k, 4, at(60000), &periods);
	assert_false(lost(2, 1, 70000));
}

/* What an event told is not known twice when the sample tells it too. */
static void a_sample_counts_what_events_told(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	for (int i = 0; i < 4; i++) {
		accepted(1, 1, i * PERIOD);
		ds_cadence_sample(c, &k, i + 1, at(i * PERIOD), &periods);
	}
	accepted(1, 1, 40000);
	ds_cadence_sample(c, &k, 6, at(40000), &periods);	/* one more than is known */
	assert_false(lost(1, 1, 50000));
}

static void what_is_told_late_is_put_in_its_place(void **state)
{
	(void)state;
	accepted(1, 1, 20000);
	accepted(1, 1, 30000);
	accepted(1, 1, 10000);	/* pairs with one that is later */
	accepted(1, 1, 0);
	assert_true(lost(1, 1, 40000));
	accepted(2, 1, 20000);
	accepted(2, 1, 10000);
	for (int i = 3; i < 60; i++)
		accepted(2, 1, i * PERIOD);
	assert_true(lost(2, 1, 60 * PERIOD));	/* no stray when they leave the ring */
}

static void asked_again_it_says_the_same(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	checked(1, 1, 0, 4);
	ds_cadence_began(c, &k, at(40000), 9, false, &periods);
	assert_true(ds_cadence_is_check(c, &k, at(40000), 9, &periods));
	payload(1, 41000);
	assert_true(ds_cadence_is_check(c, &k, at(40000), 9, &periods));
}

/* Silent losses are decided twelve seconds later, refused ones at once: in any order. */
static void decided_in_any_order(void **state)
{
	struct ds_cadence_key k = key(1, 1);

	(void)state;
	checked(1, 1, 0, 4);
	for (int i = 4; i < 8; i++)
		ds_cadence_began(c, &k, at(i * PERIOD), (uint16_t)i, false, &periods);
	for (int i = 7; i >= 4; i--)
		assert_true(ds_cadence_is_check(c, &k, at(i * PERIOD), (uint16_t)i, &periods));
}

static void memory_is_bounded(void **state)
{
	(void)state;
	for (int n = 0; n < 100; n++)
		checked(n, 1, n, 3);
	assert_true(ds_cadences_evictions(c) >= 36);
	assert_true(lost(99, 1, 30099));
	assert_false(lost(0, 1, 30000));	/* has to be learned again */
}

static void pods_of_one_address_are_bounded(void **state)
{
	(void)state;
	for (int m = 0; m < 100; m++)
		checked(1, m, m, 3);
	assert_int_equal(ds_cadences_evictions(c), 36);
	assert_true(lost(1, 99, 30099));
}

static void addresses_with_payload_are_bounded(void **state)
{
	(void)state;
	for (int n = 0; n < 100; n++)
		payload(n, n);
	assert_int_equal(ds_cadences_evictions(c), 36);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_regular_address_without_payload_checks),
		TEST(a_young_check_has_time_to_find_its_next),
		TEST(two_are_too_few),
		TEST(jitter_up_to_the_tolerance_and_no_further),
		TEST(the_tolerance_of_a_short_interval),
		TEST(a_drifting_schedule_is_followed),
		TEST(one_may_be_missing_and_not_two),
		TEST(a_steady_client_is_no_checker),
		TEST(payload_is_forgotten_after_an_hour),
		TEST(samples_of_an_address_with_traffic),
		TEST(a_pooled_connection_is_a_stray),
		TEST(a_request_beside_the_checks_is_never_swallowed),
		TEST(two_in_one_place_are_not_both_checks),
		TEST(two_checkers_of_one_address),
		TEST(two_checkers_at_the_same_moment),
		TEST(two_checkers_of_different_intervals),
		TEST(a_changed_interval_has_to_be_learned),
		TEST(a_changed_interval_that_nobody_tells),
		TEST(without_an_interval_nothing_is_recognised),
		TEST(a_young_pod_by_its_neighbours),
		TEST(a_handshake_is_one_connection),
		TEST(a_reused_port_is_another_connection),
		TEST(samples_alone_are_enough),
		TEST(a_sample_that_holds_more_than_is_known),
		TEST(a_sample_counts_what_events_told),
		TEST(what_is_told_late_is_put_in_its_place),
		TEST(asked_again_it_says_the_same),
		TEST(decided_in_any_order),
		TEST(memory_is_bounded),
		TEST(pods_of_one_address_are_bounded),
		TEST(addresses_with_payload_are_bounded),
	};

	return cmocka_run_group_tests_name("cadence", tests, NULL, NULL);
}
