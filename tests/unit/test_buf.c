// SPDX-License-Identifier: Apache-2.0
#include "user/util/buf.h"

#include <string.h>

#include "tests/unit/unit.h"

static void grows_and_stays_terminated(void **state)
{
	struct ds_buf b = { 0 };

	(void)state;
	for (int i = 0; i < 10000; i++) {
		ds_buf_putc(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], 0);
	}
	assert_int_equal(b.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	ds_buf_free(&b);
	assert_null(b.data);
	ds_buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
	ds_buf_free(&b);
}

static void printf_longer_than_the_room(void **state)
{
	struct ds_buf b = { 0 };
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ds_buf_printf(&b, "%d ", 7);
	ds_buf_printf(&b, "%s!", text);
	ds_buf_printf(&b, "%s", "");
	assert_int_equal(b.len, 2 + 2999 + 1);
	assert_int_equal(b.data[b.len - 1], '!');
	assert_int_equal(strlen(b.data), b.len);
	ds_buf_free(&b);
}

static void absurd_sizes_fail_and_are_remembered(void **state)
{
	struct ds_buf b = { 0 };

	(void)state;
	ds_buf_puts(&b, "kept");
	assert_false(ds_buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	assert_false(ds_buf_reserve(&b, SIZE_MAX - 2));
	assert_string_equal(b.data, "kept");
	ds_buf_clear(&b);
	assert_false(b.failed);
	assert_string_equal(b.data, "");
	ds_buf_put(&b, NULL, 0);
	assert_int_equal(b.len, 0);
	ds_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(printf_longer_than_the_room),
		cmocka_unit_test(absurd_sizes_fail_and_are_remembered),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
