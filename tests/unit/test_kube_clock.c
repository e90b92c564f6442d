// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_clock.h"

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define BEGIN (INT64_C(1795300000) * DS_NS_PER_S)
/* To the millisecond. */
#define S(seconds) \
	((int64_t)((seconds) * 1000 + ((seconds) < 0 ? -0.5 : 0.5)) * DS_NS_PER_MS)

static int64_t lo_ns, hi_ns;

static bool take(struct ds_kube_clock *c, double asked, double came, double dated)
{
	ds_kube_clock_take(c, BEGIN + S(asked), BEGIN + S(came), BEGIN + S(dated));
	return ds_kube_clock_differs(c, &lo_ns, &hi_ns);
}

/* Asked at 10.0, there at 10.2, dated 13: its clock is ahead by 2.8 to 4 s. */
static void one_that_is_ahead(void **state)
{
	struct ds_kube_clock c = { 0 };

	(void)state;
	assert_false(ds_kube_clock_differs(&c, &lo_ns, &hi_ns));
	assert_true(take(&c, 10, 10.2, 13));
	assert_true(lo_ns == S(2.8) && hi_ns == S(4));
}

/* Each reply leaves less of what may be: one that took long takes nothing away. */
static void replies_together_say_more(void **state)
{
	struct ds_kube_clock c = { 0 };

	(void)state;
	assert_true(take(&c, 10, 10.2, 13));
	assert_true(take(&c, 20.7, 20.8, 24));
	assert_true(lo_ns == S(3.2) && hi_ns == S(4));
	assert_true(take(&c, 30, 60, 45));
	assert_true(lo_ns == S(3.2) && hi_ns == S(4));
	assert_true(take(&c, 70.9, 71, 74));
	assert_true(lo_ns == S(3.2) && hi_ns == S(4));
	assert_true(take(&c, 80.1, 80.2, 83));
	assert_true(lo_ns == S(3.2) && hi_ns == S(3.9));
}

/* A clock was set: what was known is worth nothing. */
static void replies_that_contradict_each_other(void **state)
{
	struct ds_kube_clock c = { 0 };

	(void)state;
	assert_true(take(&c, 10, 10.2, 13));
	assert_false(take(&c, 20.5, 20.6, 20));
	assert_true(lo_ns == 0 && hi_ns == 0);
	assert_true(take(&c, 30.5, 30.6, 20));
	assert_true(lo_ns == S(-10.6) && hi_ns == S(-9.5));
}

static void clocks_that_may_be_the_same_are(void **state)
{
	struct ds_kube_clock c = { 0 };

	(void)state;
	assert_false(take(&c, 0, 0.001, -1));	/* at the least: behind by all of a second */
	c = (struct ds_kube_clock){ 0 };
	assert_false(take(&c, 0, 0.001, 0.051));
	c = (struct ds_kube_clock){ 0 };
	assert_true(take(&c, 0, 0.001, 0.052));
	c = (struct ds_kube_clock){ 0 };
	assert_false(take(&c, 0, 0.001, -1.05));
	c = (struct ds_kube_clock){ 0 };
	assert_true(take(&c, 0, 0.001, -1.051));
	assert_true(lo_ns < 0 && hi_ns == -51 * DS_NS_PER_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_ahead),
		cmocka_unit_test(replies_together_say_more),
		cmocka_unit_test(replies_that_contradict_each_other),
		cmocka_unit_test(clocks_that_may_be_the_same_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
