// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/state.h"

#include "tests/unit/doctor_story.h"
#include "user/util/timefmt.h"

static const struct ds_doctor_state kept = {
	.path = "/var/lib/drainsnoop/state", .exists = true, .events = 31, .run_id = "8f3a61c2",
	.age_ns = 9 * DS_NS_PER_S, .same_boot = true,
};

#define assert_state(s, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_STATE }; \
		ds_doctor_judge_state((s), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void what_an_earlier_run_left(void **state)
{
	struct ds_doctor_state s = kept;

	(void)state;
	assert_state(&s, DS_FOUND_OK, "31 events of run 8f3a61c2, written 9 s ago", "");
	s.same_boot = false;
	assert_state(&s, DS_FOUND_OK, "9 s ago, before the machine was started anew", "");
	s.exists = false;
	assert_state(&s, DS_FOUND_OK, "does not exist yet", "");
	s.path = NULL;
	assert_state(&s, DS_FOUND_SKIP, "no --state FILE", "");
}

static void what_cannot_be_used(void **state)
{
	struct ds_doctor_state s = kept;

	(void)state;
	strcpy(s.damage, "the checksum is wrong");
	assert_state(&s, DS_FOUND_WARN, "cannot be used: the checksum is wrong", "sets it aside");
	strcpy(s.fault, "Permission denied");
	assert_state(&s, DS_FOUND_FAIL, "cannot be read: Permission denied", "Make it readable");
	s = kept;
	strcpy(s.folder_fault, "Read-only file system");
	assert_state(&s, DS_FOUND_FAIL, "cannot be replaced: its folder says Read-only", "Mount a volume");
	s.exists = false;
	assert_state(&s, DS_FOUND_FAIL, "cannot be replaced", "Mount a volume");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_earlier_run_left),
		cmocka_unit_test(what_cannot_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
