// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_lifetime.h"

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define S DS_NS_PER_S
#define MIN (60 * S)
#define NOW (INT64_C(1795387044) * S)
#define JITTER_NS (600 * S)

static struct ds_aws_lifetime life(int64_t lasts_ns, uint64_t random)
{
	struct ds_aws_lifetime l;

	ds_aws_lifetime_begin(&l, NOW, NOW + lasts_ns, random);
	return l;
}

static enum ds_aws_age age(int64_t lasts_ns, uint64_t random, int64_t after_ns)
{
	struct ds_aws_lifetime l = life(lasts_ns, random);

	return ds_aws_lifetime_age(&l, NOW + after_ns);
}

static void they_are_renewed_5_to_15_minutes_before_their_end(void **state)
{
	(void)state;
	assert_int_equal(life(60 * MIN, 0).renew_ns, NOW + 55 * MIN);
	assert_int_equal(life(60 * MIN, JITTER_NS).renew_ns, NOW + 45 * MIN);
	assert_int_equal(life(60 * MIN, JITTER_NS + 1).renew_ns, NOW + 55 * MIN);
	for (uint64_t random = 1; random < UINT64_MAX / 3; random *= 3) {
		int64_t lead_ns = NOW + 60 * MIN - life(60 * MIN, random).renew_ns;

		assert_in_range(lead_ns, 5 * MIN, 15 * MIN);
	}
}

static void their_ages_follow_one_another(void **state)
{
	(void)state;
	assert_int_equal(age(60 * MIN, 0, 0), DS_AWS_AGE_GOOD);
	assert_int_equal(age(60 * MIN, 0, 55 * MIN - 1), DS_AWS_AGE_GOOD);
	assert_int_equal(age(60 * MIN, 0, 55 * MIN), DS_AWS_AGE_RENEW);
	assert_int_equal(age(60 * MIN, 0, 59 * MIN - 1), DS_AWS_AGE_RENEW);
	assert_int_equal(age(60 * MIN, 0, 59 * MIN), DS_AWS_AGE_WAIT);
	assert_int_equal(age(60 * MIN, 0, 60 * MIN - 1), DS_AWS_AGE_WAIT);
	assert_int_equal(age(60 * MIN, 0, 60 * MIN), DS_AWS_AGE_ENDED);
}

static void short_lived_ones_are_renewed_in_the_second_half_of_their_time(void **state)
{
	(void)state;
	assert_int_equal(age(4 * S, 0, 2 * S - 1), DS_AWS_AGE_GOOD);
	assert_int_equal(age(4 * S, 0, 2 * S), DS_AWS_AGE_RENEW);
	assert_int_equal(age(4 * S, 0, 3 * S - 1), DS_AWS_AGE_RENEW);
	assert_int_equal(age(4 * S, 0, 3 * S), DS_AWS_AGE_WAIT);
	assert_int_equal(age(4 * S, 0, 4 * S), DS_AWS_AGE_ENDED);
	assert_int_equal(age(20 * MIN, JITTER_NS, 10 * MIN - 1), DS_AWS_AGE_GOOD);
	assert_int_equal(age(20 * MIN, JITTER_NS, 10 * MIN), DS_AWS_AGE_RENEW);
}

static void those_that_have_ended_are_that_at_once(void **state)
{
	(void)state;
	assert_int_equal(age(-1, 7, 0), DS_AWS_AGE_ENDED);
	assert_int_equal(age(-60 * MIN, 7, 0), DS_AWS_AGE_ENDED);
}

static void long_lived_ones_stay_good(void **state)
{
	struct ds_aws_lifetime l;

	(void)state;
	ds_aws_lifetime_begin(&l, NOW, 0, 7);
	assert_int_equal(ds_aws_lifetime_age(&l, NOW), DS_AWS_AGE_GOOD);
	assert_int_equal(ds_aws_lifetime_age(&l, INT64_MAX - 1), DS_AWS_AGE_GOOD);
}

static void failures_are_left_alone_for_longer_each_time(void **state)
{
	(void)state;
	assert_int_equal(ds_aws_backoff_ns(1, 0), S / 2);
	assert_int_equal(ds_aws_backoff_ns(1, (uint64_t)(S / 2)), S);
	assert_int_equal(ds_aws_backoff_ns(2, 0), S);
	assert_int_equal(ds_aws_backoff_ns(5, 0), 8 * S);
	assert_int_equal(ds_aws_backoff_ns(9, 0), 128 * S);
	assert_int_equal(ds_aws_backoff_ns(10, 0), 150 * S);
	assert_int_equal(ds_aws_backoff_ns(1000, 0), 150 * S);
	for (unsigned int n = 1; n < 20; n++)
		for (uint64_t random = 1; random < UINT64_MAX / 5; random *= 5)
			assert_in_range(ds_aws_backoff_ns(n, random), S / 2, 300 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_renewed_5_to_15_minutes_before_their_end),
		cmocka_unit_test(their_ages_follow_one_another),
		cmocka_unit_test(short_lived_ones_are_renewed_in_the_second_half_of_their_time),
		cmocka_unit_test(those_that_have_ended_are_that_at_once),
		cmocka_unit_test(long_lived_ones_stay_good),
		cmocka_unit_test(failures_are_left_alone_for_longer_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
