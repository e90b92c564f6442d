// SPDX-License-Identifier: Apache-2.0
#include "user/util/wipe.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static void blocks_behave_as_those_of_libc(void **state)
{
	char *a = ds_wipe_malloc(10), *b, *c = ds_wipe_calloc(3, 5);

	(void)state;
	assert_int_equal((uintptr_t)a % alignof(max_align_t), 0);
	for (int i = 0; i < 15; i++)
		assert_int_equal(c[i], 0);
	memcpy(a, "0123456789", 10);
	b = ds_wipe_realloc(a, 4000);
	assert_memory_equal(b, "0123456789", 10);
	b = ds_wipe_realloc(b, 4);
	assert_memory_equal(b, "0123", 4);
	ds_wipe_free(b);
	ds_wipe_free(c);
	ds_wipe_free(NULL);
	b = ds_wipe_realloc(NULL, 3);
	assert_non_null(b);
	ds_wipe_free(b);
	b = ds_wipe_strdup("text");
	assert_string_equal(b, "text");
	ds_wipe_free(b);
}

static void sizes_that_overflow_are_refused(void **state)
{
	(void)state;
	assert_null(ds_wipe_malloc(SIZE_MAX));
	assert_null(ds_wipe_calloc(SIZE_MAX / 2, 3));
}

static void strings_are_wiped_and_set_to_null(void **state)
{
	char *text = strdup("secret");

	(void)state;
	ds_wipe_string(&text);
	assert_null(text);
	ds_wipe_string(&text);
	assert_null(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_behave_as_those_of_libc),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(strings_are_wiped_and_set_to_null),
	};

	return cmocka_run_group_tests_name("wipe", tests, NULL, NULL);
}
