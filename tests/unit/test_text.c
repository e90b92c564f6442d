// SPDX-License-Identifier: Apache-2.0
#include "user/util/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

#define TEXT(name) \
	char name##_data[64]; \
	struct ds_text name = { .data = name##_data, .cap = sizeof(name##_data) - 1 }

static const char *text(struct ds_text *t)
{
	t->data[t->len] = '\0';
	return t->data;
}

static void digits_are_those_of_printf(void **state)
{
	char mine[DS_DIGITS_MAX + 1], libc[32];
	uint64_t v = 1;

	(void)state;
	srand(4);
	for (int i = 0; i < 100000; i++) {
		v = v * UINT64_C(6364136223846793005) + (uint64_t)rand();
		v >>= rand() % 8;
		mine[ds_digits(mine, v)] = '\0';
		snprintf(libc, sizeof(libc), "%" PRIu64, v);
		assert_string_equal(mine, libc);
	}
	for (v = 1;; v *= 10) {
		mine[ds_digits(mine, v)] = '\0';
		snprintf(libc, sizeof(libc), "%" PRIu64, v);
		assert_string_equal(mine, libc);
		mine[ds_digits(mine, v - 1)] = '\0';
		snprintf(libc, sizeof(libc), "%" PRIu64, v - 1);
		assert_string_equal(mine, libc);
		if (v > UINT64_MAX / 10)
			break;
	}
	assert_int_equal(ds_digits(mine, UINT64_MAX), 20);
}

static void fixed_digits_keep_their_width(void **state)
{
	char buf[10] = "";

	(void)state;
	ds_digits_fixed(buf, 7, 3);
	assert_string_equal(buf, "007");
	ds_digits_fixed(buf, 1234, 4);
	assert_string_equal(buf, "1234");
	ds_digits_fixed(buf, 123456789, 9);
	assert_string_equal(buf, "123456789");
	buf[2] = '\0';
	ds_digits_fixed(buf, 1234, 2);
	assert_string_equal(buf, "34");
}

static void cut_at_the_end_and_remembered(void **state)
{
	char data[4];
	struct ds_text t = { .data = data, .cap = sizeof(data) };

	(void)state;
	ds_text_puts(&t, "abc");
	assert_false(t.cut);
	ds_text_puts(&t, "de");
	assert_true(t.cut);
	assert_int_equal(t.len, 4);
	assert_memory_equal(data, "abcd", 4);
	ds_text_putc(&t, 'x');
	assert_int_equal(t.len, 4);
}

static void milliseconds(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0.000" },
		{ 3071204499, "3071.204" },
		{ 3071204500, "3071.205" },
		{ -271204499, "-271.204" },
		{ -400, "0.000" },
		{ -500, "-0.001" },
		{ 999, "0.001" },
		{ 1000, "0.001" },
		{ INT64_MAX, "9223372036854.776" },
		{ INT64_MIN, "-9223372036854.776" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		TEXT(t);

		ds_text_ms(&t, cases[i].ns);
		assert_string_equal(text(&t), cases[i].text);
	}
}

static void seconds(void **state)
{
	TEXT(t);

	(void)state;
	ds_text_seconds(&t, INT64_C(-3071499999));
	ds_text_putc(&t, ' ');
	ds_text_seconds(&t, 500000);
	assert_string_equal(text(&t), "-3.071 0.001");
}

static void reals(void **state)
{
	TEXT(t);

	(void)state;
	ds_text_real(&t, 0.1234);
	ds_text_putc(&t, ' ');
	ds_text_real(&t, -2.5);
	ds_text_putc(&t, ' ');
	ds_text_real(&t, NAN);
	ds_text_putc(&t, ' ');
	ds_text_real(&t, -INFINITY);
	ds_text_putc(&t, ' ');
	ds_text_real(&t, 1e300);
	assert_string_equal(text(&t), "0.123 -2.500 0.000 0.000 1000000000000.000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_those_of_printf),
		cmocka_unit_test(fixed_digits_keep_their_width),
		cmocka_unit_test(cut_at_the_end_and_remembered),
		cmocka_unit_test(milliseconds),
		cmocka_unit_test(seconds),
		cmocka_unit_test(reals),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
