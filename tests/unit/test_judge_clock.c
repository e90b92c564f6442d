// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/clock.h"

#include <errno.h>

#include "tests/unit/doctor_story.h"
#include "user/util/timefmt.h"

static const struct ds_doctor_clock good = {
	.synchronised = true, .offset_ns = 200000, .error_ns = 12 * DS_NS_PER_MS,
};

#define assert_clock(c, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_CLOCK }; \
		ds_doctor_judge_clock((c), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void what_the_kernel_says(void **state)
{
	struct ds_doctor_clock c = good;

	(void)state;
	assert_clock(&c, DS_FOUND_OK, "synchronised, offset 0.200 ms, error at most 12.0 ms", "");
	c.error_ns = 500 * DS_NS_PER_MS;
	assert_clock(&c, DS_FOUND_OK, "error at most 500.0 ms", "");
	c.error_ns++;
	assert_clock(&c, DS_FOUND_WARN, "it may be off by 500 ms", "--clock-error");
	c.synchronised = false;
	assert_clock(&c, DS_FOUND_WARN, "not synchronised", "chrony");
	c.result = -EPERM;
	assert_clock(&c, DS_FOUND_SKIP, "does not tell its state (errno 1)", "chronyc tracking");
}

static void the_api_server_has_a_clock_too(void **state)
{
	struct ds_doctor_clock c = good;

	(void)state;
	c.api_told = true;
	c.api_lo_ns = -DS_NS_PER_S;
	c.api_hi_ns = DS_NS_PER_MS;
	assert_clock(&c, DS_FOUND_OK, "; the API server's clock agrees", "");
	c.api_lo_ns = 2 * DS_NS_PER_S;
	c.api_hi_ns = 4 * DS_NS_PER_S;
	assert_clock(&c, DS_FOUND_WARN, "clock is about 3.0 s ahead", "which of the two");
	c.api_lo_ns = -4 * DS_NS_PER_S;
	c.api_hi_ns = -2 * DS_NS_PER_S;
	assert_clock(&c, DS_FOUND_WARN, "clock is about 3.0 s behind", "which of the two");
	c.result = -EPERM;	/* the one that knows is asked */
	assert_clock(&c, DS_FOUND_WARN, "3.0 s behind", "which of the two");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_says),
		cmocka_unit_test(the_api_server_has_a_clock_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
