// SPDX-License-Identifier: Apache-2.0
#include "user/core/scan.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/event_json.h"

static struct ds_perr perr;

static struct ds_scan scan(const char *text)
{
	return (struct ds_scan){ text, text, text + strlen(text), &perr };
}

static void strings(void **state)
{
	static const struct {
		const char *in, *out;
	} good[] = {
		{ "\"\"", "" },
		{ "  \"abc\"", "abc" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00fc\\u20AC\"", "A\xc3\xbc\xe2\x82\xac" },
		{ "\"\\ud83d\\udc0b!\"", "\xf0\x9f\x90\x8b!" },
		{ "\"\xc3\xbc\\n\xc3\xbc\"", "\xc3\xbc\n\xc3\xbc" },
	};
	static const char *const bad[] = {
		"\"",
		"\"abc",
		"\"a\nb\"",
		"\"a\x01\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u123g\"",
		"\"\\u0000\"",
		"\"\\ud83d\"",
		"\"\\udc0b\"",
		"\"\\ud83d\\u0041\"",
		"\"\\ud83dx\"",
		"\"\xff\"",
		"\"\xc3\"",
		"\"\\",
		"\"\\u",
		"abc",
		"",
	};
	struct ds_scan_text t;
	char room[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ds_scan s = scan(good[i].in);

		assert_int_equal(ds_scan_string(&s, room, sizeof(room), &t), 0);
		assert_false(t.cut);
		assert_int_equal(t.len, strlen(good[i].out));
		assert_memory_equal(t.text, good[i].out, t.len);
		assert_ptr_equal(s.at, s.end);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ds_scan s = scan(bad[i]);

		if (ds_scan_string(&s, room, sizeof(room), &t) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

static void a_small_room_cuts_and_goes_on(void **state)
{
	struct ds_scan s = scan("\"\\n0123456789\\t\" 7");
	struct ds_scan_text t;
	char room[4];

	(void)state;
	assert_int_equal(ds_scan_string(&s, room, sizeof(room), &t), 0);
	assert_true(t.cut);
	assert_true(t.len <= sizeof(room));
	assert_int_equal(ds_scan_peek(&s), '7');
	s = scan("\"\\n\"");
	assert_int_equal(ds_scan_string(&s, NULL, 0, &t), 0);
	assert_true(t.cut);
}

static void numbers(void **state)
{
	static const struct {
		const char *in;
		int scale;
		int64_t v;
	} good[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "17", 0, 17 },
		{ "-17", 0, -17 },
		{ "80.0", 0, 80 },
		{ "8e1", 0, 80 },
		{ "1.5E+3", 0, 1500 },
		{ "3071.204", 6, 3071204000 },
		{ "0.000001", 6, 1 },
		{ "1e-6", 6, 1 },
		{ "-271.5", 6, -271500000 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "0e999999999999", 0, 0 },
		{ "0.00000000000000000000000000", 0, 0 },
		{ "9007199254740993", 0, INT64_C(9007199254740993) },
		{ "1000e-3", 0, 1 },
	};
	static const char *const out[] = {
		"9223372036854775808", "-9223372036854775809",           "1e19",
		"1e999999999",         "123456789012345678901234567890", "18446744073709551616"
	};
	static const char *const bad[] = { "",   "-",   "01", "-01",  "1.", ".5",
					   "1e", "1e+", "+1", "1.e3", "x",  "--1" };
	struct ds_decimal d;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ds_scan s = scan(good[i].in);

		assert_int_equal(ds_scan_number(&s, &d), 0);
		assert_ptr_equal(s.at, s.end);
		if (ds_decimal_scaled(&d, good[i].scale, true, &v) < 0 || v != good[i].v)
			fail_msg("%s", good[i].in);
	}
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		struct ds_scan s = scan(out[i]);

		assert_int_equal(ds_scan_number(&s, &d), 0);
		assert_int_equal(ds_decimal_scaled(&d, 0, true, &v), -ERANGE);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ds_scan s = scan(bad[i]);

		if (ds_scan_number(&s, &d) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

static void fractions_are_cut_off_or_refused(void **state)
{
	struct ds_scan s = scan("1.9999999");
	struct ds_decimal d;
	int64_t v = 42;

	(void)state;
	assert_int_equal(ds_scan_number(&s, &d), 0);
	assert_int_equal(ds_decimal_scaled(&d, 0, true, &v), -EINVAL);
	assert_int_equal(v, 42);
	assert_int_equal(ds_decimal_scaled(&d, 0, false, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(ds_decimal_scaled(&d, 6, false, &v), 0);
	assert_int_equal(v, 1999999);
}

static void skips_values_of_any_kind(void **state)
{
	static const char *const good[] = {
		"null",
		"true",
		"false",
		"1.5e3",
		"\"a\\n\"",
		"[]",
		"{}",
		"[ ]",
		"{ }",
		"[1,2]",
		"[[],{}]",
		"{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":[]}",
		"[[[[[[[[]]]]]]]]",
		"[[1],[2],[[3]]]",
		"{\"a\":[{\"b\":1},{\"b\":2}],\"c\":\"}\"}",
	};
	static const char *const bad[] = {
		"",
		"nul",
		"tru",
		"[",
		"{",
		"[1",
		"[1,",
		"[1,]",
		"[,]",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{1:2}",
		"[1 2]",
		"[1}",
		"{\"a\":1]",
		"[[[[[[[[[]]]]]]]]]",
		"{a:1}",
		"]",
		"[\"\xff\"]",
		"undefined",
		"NaN",
		"{\"a\":1 \"b\":2}",
		"{\"a\" 1}",
		"[01]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ds_scan s = scan(good[i]);

		if (ds_scan_skip(&s) != 0 || s.at != s.end)
			fail_msg("%s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ds_scan s = scan(bad[i]);

		if (ds_scan_skip(&s) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
}

/* Random JSON-like text: what we take, json-c (strict) takes too, and the other way round. */
static void agrees_with_a_library(void **state)
{
	static const char *const pieces[] = { "{",    "}",           "[", "]",      ",",
					      ":",    "\"a\"",       "1", "-2.5e3", "true",
					      "null", "\"\\u00e4\"", " ", "\"b\":", "\"c\":1",
					      "[]",   "{}" };
	int taken = 0;

	(void)state;
	srand(5);
	for (int i = 0; i < 300000; i++) {
		struct json_tokener *tok = json_tokener_new_ex(9);
		char text[128] = "";
		struct ds_scan s;
		struct json_object *o;
		bool ours, theirs;

		for (int n = rand() % 10; n >= 0; n--)
			strcat(text, pieces[rand() % (int)(sizeof(pieces) / sizeof(pieces[0]))]);
		s = scan(text);
		ours = ds_scan_skip(&s) == 0 && (ds_scan_peek(&s), s.at == s.end);
		json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
		o = json_tokener_parse_ex(tok, text, (int)strlen(text) + 1);
		theirs = json_tokener_get_error(tok) == json_tokener_success;
		if (ours != theirs && strlen(text) > 0)
			fail_msg("%s: ours %d, theirs %d", text, ours, theirs);
		taken += ours;
		json_object_put(o);
		json_tokener_free(tok);
	}
	assert_true(taken > 1000);
}

static void messages_are_printable(void **state)
{
	struct ds_scan s = scan("abc");

	(void)state;
	assert_int_equal(ds_scan_fail(&s, s.line + 2, "found \"%s\"", "x\x1b\xff"), -EINVAL);
	assert_int_equal(perr.offset, 2);
	assert_string_equal(perr.what, "found \"x??\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(a_small_room_cuts_and_goes_on),
		cmocka_unit_test(numbers),
		cmocka_unit_test(fractions_are_cut_off_or_refused),
		cmocka_unit_test(skips_values_of_any_kind),
		cmocka_unit_test(agrees_with_a_library),
		cmocka_unit_test(messages_are_printable),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
