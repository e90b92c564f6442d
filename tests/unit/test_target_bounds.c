// SPDX-License-Identifier: Apache-2.0
/* Targets from strangers: the table, a group and an address hold so many and no more. */
#include "user/core/target_group.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/target_story.h"

static void long_names_are_one_target_each_time(void **state)
{
	struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);
	char name[400];
	struct ds_target *first;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	DS_SET_STR(&ev, TG_NAME, tg_name, name);
	first = update(&ev);
	assert_ptr_equal(update(&ev), first);
	assert_int_equal(strlen(first->group_name), DS_TARGET_TEXT_LEN);
}

static void the_least_recently_told_target_makes_room(void **state)
{
	struct ds_addr a = fx_pod_addr(1), b = fx_pod_addr(2);

	(void)state;
	for (int n = 1; n <= 4; n++)
		tell(0, n, DS_TARGET_STATE_HEALTHY);
	tell(1, 1, DS_TARGET_STATE_HEALTHY);
	tell(2, 5, DS_TARGET_STATE_HEALTHY);
	assert_non_null(ds_targets_of(targets, &a));
	assert_null(ds_targets_of(targets, &b));
	assert_int_equal(ds_targets_evictions(targets), 1);
}

/* All targets of one address, the bound reached: the victim is one of the very list it joins. */
static void room_is_made_within_one_address(void **state)
{
	struct ds_addr a = fx_pod_addr(1);
	int cnt = 0;

	(void)state;
	for (int port = 1; port <= 9; port++) {
		struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);

		DS_SET(&ev, TARGET_PORT, target_port, port);
		assert_non_null(update(&ev));
	}
	for (struct ds_target *t = ds_targets_of(targets, &a); t; t = t->same_address)
		cnt++;
	assert_int_equal(cnt, 4);
	assert_null(ds_targets_find(targets, &a, 5));
	assert_non_null(ds_targets_find(targets, &a, 6));
}

/* What each event has to look at stays short, whatever a file says. */
static void a_group_and_an_address_are_bounded(void **state)
{
	struct ds_addr first = ds_addr_from_v4((const uint8_t[4]){ 10, 1, 0, 0 });
	struct ds_targets *many;
	char id[DS_ADDR_STRLEN];
	struct ds_event ev;
	int previous;

	(void)state;
	assert_int_equal(ds_targets_new(&many, 65536), 0);
	for (int i = 0; i < 2049; i++) {
		(void)snprintf(id, sizeof(id), "10.1.%d.%d", i / 256, i % 256);
		ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);
		DS_SET_STR(&ev, TARGET_ID, target_id, id);
		assert_int_equal(ds_targets_evictions(many), 0);
		assert_non_null(ds_targets_update(many, &ev, &previous));
	}
	assert_int_equal(ds_targets_evictions(many), 1);
	assert_null(ds_targets_of(many, &first));
	assert_int_equal(ds_targets_groups(many)->cnt, 2048);
	ds_targets_free(&many);

	assert_int_equal(ds_targets_new(&many, 65536), 0);
	for (int port = 1; port <= 257; port++) {
		ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);
		DS_SET(&ev, TARGET_PORT, target_port, port);
		assert_int_equal(ds_targets_evictions(many), 0);
		assert_non_null(ds_targets_update(many, &ev, &previous));
	}
	first = fx_pod_addr(1);
	assert_int_equal(ds_targets_evictions(many), 1);
	assert_null(ds_targets_find(many, &first, 1));
	assert_non_null(ds_targets_find(many, &first, 2));
	assert_non_null(ds_targets_find(many, &first, 257));
	ds_targets_free(&many);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, targets_setup, targets_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(long_names_are_one_target_each_time),
		T(the_least_recently_told_target_makes_room),
		T(room_is_made_within_one_address),
		T(a_group_and_an_address_are_bounded),
	};

	return cmocka_run_group_tests_name("target_bounds", tests, NULL, NULL);
}
