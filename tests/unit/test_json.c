// SPDX-License-Identifier: Apache-2.0
#include "user/util/json.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "tests/unit/utf8_valid.h"

static void escapes(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "\"\"" },
		{ "plain text, 12345678", "\"plain text, 12345678\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\t\r", "\"\\n\\t\\r\"" },
		{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
		{ "12345678\x1b[31m", "\"12345678\\u001b[31m\"" },
		{ "\xc2\x85x", "\"\\u0085x\"" },
		{ "\xc2\xa0", "\"\xc2\xa0\"" },
		{ "bad\xff"
		  "byte",
		  "\"bad\xef\xbf\xbd"
		  "byte\"" },
		{ "cut\xe2\x82", "\"cut\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"" },
	};
	struct ds_buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ds_buf_clear(&b);
		ds_json_string(&b, cases[i].in, strlen(cases[i].in));
		assert_string_equal(b.data, cases[i].out);
	}
	ds_buf_free(&b);
}

/* Any bytes: json-c reads it back, and gets what went in where that was UTF-8. */
static void any_bytes_are_read_by_a_library(void **state)
{
	struct ds_buf b = { 0 };
	char in[700];

	(void)state;
	srand(11);
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)rand() % sizeof(in);
		struct json_object *o;

		for (size_t k = 0; k < len; k++)
			in[k] = (char)(rand() % 8 ? 'a' + rand() % 26 : rand());
		ds_buf_clear(&b);
		ds_json_string(&b, in, len);
		assert_true(utf8_valid(b.data, b.len));
		o = json_tokener_parse(b.data);
		assert_non_null(o);
		if (utf8_valid(in, len)) {
			assert_int_equal(json_object_get_string_len(o), len);
			assert_memory_equal(json_object_get_string(o), in, len);
		}
		json_object_put(o);
	}
	ds_buf_free(&b);
}

static void never_passes_its_room(void **state)
{
	const char in[] = "ab\"\x01\xe2\x82\xac\xffzz12345678901234567890";
	size_t len = sizeof(in) - 1, used;

	(void)state;
	for (size_t room = 0; room < 60; room++) {
		char *out = malloc(room + 1);	/* so that a sanitizer sees one byte too many */
		size_t n = ds_json_escape(out, room, in, len, &used);

		assert_true(n <= room);
		assert_true(used <= len);
		if (room >= 2 + 2 + 6 + 3 + 3 + 22)
			assert_int_equal(used, len);
		free(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(any_bytes_are_read_by_a_library),
		cmocka_unit_test(never_passes_its_room),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
