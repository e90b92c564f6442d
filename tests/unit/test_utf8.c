// SPDX-License-Identifier: Apache-2.0
#include "user/util/utf8.h"

#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/utf8_valid.h"

/* Every code point goes round; nothing else of up to four bytes is taken for one. */
static void every_code_point(void **state)
{
	char out[4];

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		size_t n = ds_utf8_encode(c, out);
		size_t want = c >= 0xd800 && c < 0xe000 ? 0 : n;

		assert_int_equal(ds_utf8_sequence(out, n), want);
		if (n > 1)
			assert_int_equal(ds_utf8_sequence(out, n - 1), 0);
	}
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xff",
		"\xc3(",
		"\xe2\x82(",
		"\xf0\x9f\x90(",
		"\xc3",
		"\xe2\x82",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(ds_utf8_sequence(bad[i], strlen(bad[i])), 0);
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	}
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x8b", 11));
}

static void cuts_between_characters(void **state)
{
	const char *whale = "ab\xf0\x9f\x90\x8b";

	(void)state;
	assert_int_equal(ds_utf8_cut(whale, 6, 6), 6);
	assert_int_equal(ds_utf8_cut(whale, 6, 9), 6);
	assert_int_equal(ds_utf8_cut(whale, 6, 5), 2);
	assert_int_equal(ds_utf8_cut(whale, 6, 3), 2);
	assert_int_equal(ds_utf8_cut(whale, 6, 2), 2);
	assert_int_equal(ds_utf8_cut(whale, 6, 0), 0);
	/* No UTF-8 at all: anywhere. */
	assert_int_equal(ds_utf8_cut("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_point),
		cmocka_unit_test(malformed),
		cmocka_unit_test(cuts_between_characters),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
