// SPDX-License-Identifier: Apache-2.0
#include "user/util/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static void things_are_aligned_and_apart(void **state)
{
	struct ds_arena a = { 0 };
	unsigned char *things[1000];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		things[i] = ds_arena_alloc(&a, (size_t)(i % 300 + 1));
		assert_non_null(things[i]);
		assert_int_equal((uintptr_t)things[i] % _Alignof(max_align_t), 0);
		memset(things[i], i & 0xff, (size_t)(i % 300 + 1));
	}
	for (int i = 0; i < 1000; i++) {
		for (int at = 0; at <= i % 300; at++)
			assert_int_equal(things[i][at], i & 0xff);
		ds_arena_free(&a, things[i]);
	}
	ds_arena_clear(&a);
}

/* The sanitizers see what is freed too early, twice or never. */
static void any_order_of_going(void **state)
{
	struct ds_arena a = { 0 };
	unsigned char *things[4096] = { NULL };
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint32_t n;

		random = random * 1664525 + 1013904223;
		n = random >> 20;
		if (things[n])
			assert_int_equal(things[n][0], n & 0xff);
		ds_arena_free(&a, things[n]);
		things[n] = ds_arena_alloc(&a, random % 700 + 1);
		things[n][0] = n & 0xff;
	}
	ds_arena_clear(&a);
	for (int i = 0; i < 4096; i++)
		ds_arena_free(&a, things[i]);	/* they outlive the arena's own hold */
}

static void room_is_used_again(void **state)
{
	struct ds_arena a = { 0 };
	void *first = ds_arena_alloc(&a, 100);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		ds_arena_free(&a, first);
		assert_ptr_equal(ds_arena_alloc(&a, 100), first);
	}
	ds_arena_free(&a, first);
	ds_arena_clear(&a);
}

static void large_and_impossible_things(void **state)
{
	struct ds_arena a = { 0 };
	unsigned char *large = ds_arena_alloc(&a, DS_ARENA_CHUNK_BYTES * 4), *small;

	(void)state;
	assert_non_null(large);
	large[DS_ARENA_CHUNK_BYTES * 4 - 1] = 1;
	small = ds_arena_alloc(&a, 1);
	assert_non_null(small);
	assert_null(ds_arena_alloc(&a, SIZE_MAX));
	assert_null(ds_arena_alloc(&a, SIZE_MAX - 8));
	ds_arena_free(&a, NULL);
	ds_arena_free(&a, large);
	ds_arena_free(&a, small);
	ds_arena_clear(&a);
	ds_arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(things_are_aligned_and_apart),
		cmocka_unit_test(any_order_of_going),
		cmocka_unit_test(room_is_used_again),
		cmocka_unit_test(large_and_impossible_things),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
