// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/metrics.h"

#include "tests/unit/doctor_story.h"

#define assert_metrics(m, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_METRICS }; \
		ds_doctor_judge_metrics((m), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void who_listens_there(void **state)
{
	struct ds_doctor_metrics m = { .listen = ":9973" };

	(void)state;
	assert_metrics(&m, DS_FOUND_OK, ":9973 is free", "");
	strcpy(m.fault, "Address already in use");
	m.taken = true;
	assert_metrics(&m, DS_FOUND_FAIL, ":9973 is taken by another program", "--metrics-listen");
	m.agent = true;
	assert_metrics(&m, DS_FOUND_OK, "a drainsnoop agent serves them at :9973", "");
	m.agent = m.taken = false;
	strcpy(m.fault, "Cannot assign requested address");
	assert_metrics(&m, DS_FOUND_FAIL, "cannot be listened at: Cannot assign", "address of this host");
	m.listen = "";
	assert_metrics(&m, DS_FOUND_SKIP, "none are to be served", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(who_listens_there) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
