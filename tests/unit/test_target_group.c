// SPDX-License-Identifier: Apache-2.0
#include "user/core/target_group.h"

#include <string.h>

#include "tests/unit/unit.h"

static void which_states_serve(void **state)
{
	(void)state;
	for (int s = 0; s < DS_TARGET_STATE_MAX; s++)
		assert_int_equal(ds_target_state_serves(s), s == DS_TARGET_STATE_HEALTHY ||
				 s == DS_TARGET_STATE_UNHEALTHY ||
				 s == DS_TARGET_STATE_UNAVAILABLE);
}

static void targets_join_and_leave(void **state)
{
	struct ds_target a = { .group = "web", .state = DS_TARGET_STATE_DRAINING };
	struct ds_target b = { .group = "web", .state = DS_TARGET_STATE_HEALTHY };
	struct ds_target c = { .group = "api", .state = DS_TARGET_STATE_ABSENT };
	struct ds_target_group *groups = NULL, *web;

	(void)state;
	assert_int_equal(ds_target_group_join(&groups, &a), 0);
	assert_int_equal(ds_target_group_join(&groups, &b), 0);
	assert_int_equal(ds_target_group_join(&groups, &c), 0);
	web = a.in_group;
	assert_string_equal(web->id, "web");
	assert_ptr_equal(b.in_group, web);
	assert_ptr_not_equal(c.in_group, web);
	assert_ptr_equal(groups, web);		/* in the order in which they were told */
	assert_ptr_equal(groups->hh.next, c.in_group);
	assert_int_equal(ds_target_group_size(web), 2);
	assert_int_equal(ds_target_group_size(c.in_group), 0);
	assert_true(ds_target_group_serves(web));
	assert_false(ds_target_group_serves(c.in_group));
	ds_target_group_leave(&groups, &a);	/* not the first of the list */
	assert_null(a.in_group);
	assert_int_equal(ds_target_group_size(web), 1);
	ds_target_group_leave(&groups, &b);	/* the last: the group is gone */
	assert_ptr_equal(groups, c.in_group);
	ds_target_group_leave(&groups, &c);
	assert_null(groups);
}

static void a_group_is_renamed_into_a_new_one_or_one_that_is_there(void **state)
{
	struct ds_target a = { .group = "web" }, b = { .group = "web" }, c = { .group = "arn" };
	struct ds_target_group *groups = NULL;

	(void)state;
	assert_int_equal(ds_target_group_join(&groups, &a), 0);
	assert_int_equal(ds_target_group_rename(&groups, a.in_group, "web"), 0);	/* itself */
	assert_string_equal(a.in_group->id, "web");
	assert_int_equal(ds_target_group_join(&groups, &b), 0);
	assert_int_equal(ds_target_group_join(&groups, &c), 0);
	a.in_group->has_served = true;
	a.in_group->gap.lo_ns = 5;
	c.in_group->gap.lo_ns = 9;
	assert_int_equal(ds_target_group_rename(&groups, a.in_group, "arn"), 0);
	assert_ptr_equal(a.in_group, c.in_group);
	assert_ptr_equal(b.in_group, c.in_group);
	assert_string_equal(b.group, "arn");
	assert_true(c.in_group->has_served);
	assert_true(c.in_group->gap.lo_ns == 9);	/* of the one that was there */
	assert_ptr_equal(groups, c.in_group);
	assert_null(groups->hh.next);
	ds_target_group_leave(&groups, &a);
	ds_target_group_leave(&groups, &b);
	ds_target_group_leave(&groups, &c);
	assert_null(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_states_serve),
		cmocka_unit_test(targets_join_and_leave),
		cmocka_unit_test(a_group_is_renamed_into_a_new_one_or_one_that_is_there),
	};

	return cmocka_run_group_tests_name("target_group", tests, NULL, NULL);
}
