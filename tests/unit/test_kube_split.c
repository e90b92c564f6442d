// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static const struct ds_kube_keep keep[] = {
	DS_KUBE_KEEP_COMMON, { "object", "spec" }, { "metadata", "name" }, { "spec", "list" },
	{ "spec", "deep" },  { "list", "a" },      { "deep", "deep" },     { "object", "labels" },
	{ "labels", "b" },   { "labels", "*" },    { "b", "c" },	   { NULL, NULL },
};

static struct ds_buf got;

static void piece(void *ctx, enum ds_kube_piece kind, const char *json, size_t len)
{
	(void)ctx;
	assert_int_equal(strlen(json), len);
	ds_buf_printf(&got, "%s %s|", kind == DS_KUBE_PIECE_ITEM ? "item" : "object", json);
}

static void fault(void *ctx, const char *what)
{
	(void)ctx;
	ds_buf_printf(&got, "fault %s|", what);
}

static int fresh(void **state)
{
	(void)state;
	ds_buf_clear(&got);
	ds_buf_putc(&got, '|');
	return 0;
}

static int last(void **state)
{
	(void)state;
	ds_buf_free(&got);
	return 0;
}

/* In blocks of several lengths: where one ends must not matter. Whether the stream ended well. */
static bool feed(const char *text, size_t len)
{
	static const size_t blocks[] = { 1, 2, 7, 65536 };
	struct ds_buf first = { 0 };
	bool ended = false;

	for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++) {
		struct ds_kube_split s = { .keep = keep, .piece = piece, .fault = fault };

		(void)fresh(NULL);
		for (size_t at = 0; at < len; at += blocks[b])
			(void)ds_kube_split_feed(&s, text + at,
						 len - at < blocks[b] ? len - at : blocks[b]);
		ended = ds_kube_split_end(&s);
		ds_kube_split_free(&s);
		if (b)
			assert_string_equal(got.data, first.data);
		else
			ds_buf_puts(&first, got.data);
	}
	ds_buf_free(&first);
	return ended;
}

static void assert_cut(const char *text, bool ends_well, const char *pieces)
{
	assert_int_equal(feed(text, strlen(text)), ends_well);
	assert_string_equal(got.data + 1, pieces);
}

static void events_of_a_watch_come_one_by_one(void **state)
{
	(void)state;
	assert_cut("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}\n"
		   "{\"type\":\"DELETED\",\"object\":{}}\n",
		   true,
		   "object {\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}|"
		   "object {\"type\":\"DELETED\",\"object\":{}}|");
	assert_cut(" { \"type\" : \"X\" , \"object\" : null }{\"type\":1.5e+3}", true,
		   "object {\"type\":\"X\",\"object\":null}|object {\"type\":1.5e+3}|");
	assert_cut("\n\n", true, "");
}

static void any_member_is_kept_under_its_own_key(void **state)
{
	char text[512], want[600], key[DS_KUBE_KEY_MAX + 2];

	(void)state;
	assert_cut("{\"object\":{\"labels\":{\"app\":\"a\",\"x.y/z\\u0041\":\"\",\"b\":{\"c\":1,\"d\":2},"
		   "\"o\":{\"c\":1},\"l\":[1,{\"c\":2}]},\"app\":1},\"app\":1}",
		   true,
		   "object {\"object\":{\"labels\":{\"app\":\"a\",\"x.y/z\\u0041\":\"\",\"b\":{\"c\":1},"
		   "\"o\":{},\"l\":[1,{}]}}}|");
	for (size_t len = DS_KUBE_KEY_MAX; len <= DS_KUBE_KEY_MAX + 1; len++) {
		memset(key, 'k', len);
		key[len] = '\0';
		snprintf(text, sizeof(text), "{\"object\":{\"labels\":{\"%s\":1}}}", key);
		snprintf(want, sizeof(want), "object %s|",
			 len > DS_KUBE_KEY_MAX ? "{\"object\":{\"labels\":{}}}" : text);
		assert_cut(text, true, want);
	}
}

static void items_of_a_list_come_before_what_stands_around_them(void **state)
{
	(void)state;
	assert_cut(
		"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"t\"},"
		"\"items\":[{\"metadata\":{\"name\":\"a\"}}, {\"metadata\":{\"name\":\"b\"}}]}",
		true,
		"item {\"metadata\":{\"name\":\"a\"}}|item {\"metadata\":{\"name\":\"b\"}}|"
		"object {\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"7\","
		"\"continue\":\"t\"},\"items\":[]}|");
	assert_cut("{\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}", true,
		   "object {\"items\":[],\"metadata\":{\"resourceVersion\":\"7\"}}|");
	/* Only at the top. */
	assert_cut(
		"{\"object\":{\"spec\":{\"items\":[{}],\"list\":[1,\"two\",[3],{\"a\":4,\"b\":5}]}}}",
		true, "object {\"object\":{\"spec\":{\"list\":[1,\"two\",[3],{\"a\":4}]}}}|");
}

static void what_nobody_reads_is_left_out(void **state)
{
	(void)state;
	assert_cut(
		"{\"object\":{\"x\":{\"metadata\":{\"name\":\"no\"}},\"metadata\":{\"y\":[{\"a\":[]}],"
		"\"name\":\"yes\",\"z\":\"]}\\\"\\\\\",\"w\":-1.5,\"v\":null},\"u\":true}}",
		true, "object {\"object\":{\"metadata\":{\"name\":\"yes\"}}}|");
	/* A key that is none of the table's: too long, escaped, or the beginning of one. */
	assert_cut(
		"{\"object\":{\"metadata\":{\"nam\":1,\"names\":2,\"n\\u0061me\":3,\"na\\\"me\":4,"
		"\"0123456789012345678901234567890123456789012345678901234567890123456789\":5}}}",
		true, "object {\"object\":{\"metadata\":{}}}|");
}

/* A key may hold any byte, also those that end a string in C. */
static void a_key_with_a_nul_is_none_of_the_table(void **state)
{
	static const char text[] = "{\"type\0\":1,\"kin\0d\":2,\"\":3,\"kind\":4}";
	static const char any[] = "{\"object\":{\"labels\":{\"a\0\":1,\"\n\":2,\"\":3,\"c\":4}}}";

	(void)state;
	assert_true(feed(text, sizeof(text) - 1));
	assert_string_equal(got.data + 1, "object {\"kind\":4}|");
	assert_true(feed(any, sizeof(any) - 1));
	assert_string_equal(got.data + 1, "object {\"object\":{\"labels\":{\"c\":4}}}|");
}

static void strings_stay_as_they_are(void **state)
{
	(void)state;
	assert_cut("{\"type\":\"a\\\"}\\\\\",\"kind\":\"\\u00e9\xc3\xa9{[\"}", true,
		   "object {\"type\":\"a\\\"}\\\\\",\"kind\":\"\\u00e9\xc3\xa9{[\"}|");
}

static void what_is_no_json_ends_the_stream(void **state)
{
	static const char *const texts[] = {
		"x",
		"[]",
		"{\"type\":}",
		"{\"type\" \"a\"}",
		"{\"type\":1]",
		"{type:1}",
		"{,}",
		"{\"type\":1,}",
		"{\"items\":[1 2]}",
		"\"text\"",
		"}",
		"{\"items\":[}",
		"HTTP/1.1 200 OK",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (feed(texts[i], strlen(texts[i])))
			fail_msg("taken for JSON: %s", texts[i]);
	assert_cut("{\"type\":1}x{\"type\":2}", false, "object {\"type\":1}|");
}

static void a_stream_that_is_cut_off_is_told_and_forgotten(void **state)
{
	struct ds_kube_split s = { .keep = keep, .piece = piece, .fault = fault };
	const char *half = "{\"items\":[{\"metadata\":{\"name\":\"lo";
	const char *whole = "{\"type\":\"a\"}";

	(void)state;
	assert_cut("{\"type\":1}{\"type\":", false, "object {\"type\":1}|");
	(void)fresh(NULL);
	assert_true(ds_kube_split_feed(&s, half, strlen(half)));
	assert_false(ds_kube_split_end(&s));
	assert_true(ds_kube_split_feed(&s, whole, strlen(whole)));
	assert_true(ds_kube_split_end(&s));
	assert_string_equal(got.data + 1, "object {\"type\":\"a\"}|");
	ds_kube_split_free(&s);
}

static void an_object_of_megabytes_costs_what_is_kept_of_it(void **state)
{
	struct ds_kube_split s = { .keep = keep, .piece = piece, .fault = fault };
	const char *begin = "{\"object\":{\"metadata\":{\"x\":[\"", *end = "\"],\"name\":\"a\"}}}";
	char block[65536];

	(void)state;
	memset(block, 'y', sizeof(block));
	assert_true(ds_kube_split_feed(&s, begin, strlen(begin)));
	for (int i = 0; i < 64; i++) {
		assert_true(ds_kube_split_feed(&s, block, sizeof(block)));
		assert_true(s.buf.cap <= 4096);
	}
	assert_true(ds_kube_split_feed(&s, end, strlen(end)));
	assert_string_equal(got.data + 1, "object {\"object\":{\"metadata\":{\"name\":\"a\"}}}|");
	ds_kube_split_free(&s);
}

static void an_item_that_is_too_large_is_left_out_alone(void **state)
{
	struct ds_kube_split s = { .keep = keep, .piece = piece, .fault = fault };
	const char *begin =
		"{\"items\":[{\"metadata\":{\"name\":\"a\"}},{\"metadata\":{\"name\":\"";
	const char *end = "\"}},{\"metadata\":{\"name\":\"c\"}}]}";
	char block[4096];

	(void)state;
	memset(block, 'y', sizeof(block));
	assert_true(ds_kube_split_feed(&s, begin, strlen(begin)));
	for (size_t i = 0; i < DS_KUBE_KEPT_MAX / sizeof(block) + 1; i++)
		assert_true(ds_kube_split_feed(&s, block, sizeof(block)));
	assert_true(s.buf.len <= DS_KUBE_KEPT_MAX + 64);
	assert_true(ds_kube_split_feed(&s, end, strlen(end)));
	assert_true(ds_kube_split_end(&s));
	assert_string_equal(got.data + 1,
			    "item {\"metadata\":{\"name\":\"a\"}}|fault an object is too large|"
			    "item {\"metadata\":{\"name\":\"c\"}}|object {\"items\":[]}|");
	ds_kube_split_free(&s);
}

static void what_is_too_deep_becomes_null(void **state)
{
	char text[512] = "{\"object\":{\"spec\":";
	struct ds_buf want = { 0 };
	const int levels = DS_KUBE_DEPTH_MAX - 2;

	(void)state;
	ds_buf_puts(&want, "object {\"object\":{\"spec\":");
	for (int i = 0; i < levels + 10; i++)
		strcat(text, "{\"deep\":");
	for (int i = 0; i < levels; i++)
		ds_buf_puts(&want, "{\"deep\":");
	strcat(text, "1");
	ds_buf_puts(&want, "null");
	for (int i = 0; i < levels + 12; i++)
		strcat(text, "}");
	for (int i = 0; i < levels + 2; i++)
		ds_buf_putc(&want, '}');
	ds_buf_putc(&want, '|');
	assert_cut(text, true, want.data);
	ds_buf_free(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(events_of_a_watch_come_one_by_one, fresh),
		cmocka_unit_test_setup(any_member_is_kept_under_its_own_key, fresh),
		cmocka_unit_test_setup(items_of_a_list_come_before_what_stands_around_them, fresh),
		cmocka_unit_test_setup(what_nobody_reads_is_left_out, fresh),
		cmocka_unit_test_setup(a_key_with_a_nul_is_none_of_the_table, fresh),
		cmocka_unit_test_setup(strings_stay_as_they_are, fresh),
		cmocka_unit_test_setup(what_is_no_json_ends_the_stream, fresh),
		cmocka_unit_test_setup(a_stream_that_is_cut_off_is_told_and_forgotten, fresh),
		cmocka_unit_test_setup(an_object_of_megabytes_costs_what_is_kept_of_it, fresh),
		cmocka_unit_test_setup(an_item_that_is_too_large_is_left_out_alone, fresh),
		cmocka_unit_test_setup(what_is_too_deep_becomes_null, fresh),
	};

	return cmocka_run_group_tests(tests, NULL, last);
}
