// SPDX-License-Identifier: Apache-2.0
#include "user/core/event_json.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/unit.h"

#define TIME "\"time\":\"2026-11-22T10:15:31.660018113Z\","
#define TARGET "\"event.name\":\"drainsnoop.target.state\","
#define STATE "\"drainsnoop.target.id\":\"10.0.0.1\",\"drainsnoop.target.state\":\"draining\""

static int read_line(const char *line, struct ds_event *ret_ev, struct ds_perr *perr)
{
	/* An exact copy without a NUL, so that a sanitizer sees a read beyond it. */
	size_t len = strlen(line);
	char *copy = malloc(len ? len : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, line, len);
	r = ds_event_read(copy, len, 0, ret_ev, perr);
	free(copy);
	return r;
}

static struct ds_event good(const char *line)
{
	struct ds_perr perr;
	struct ds_event ev;

	if (read_line(line, &ev, &perr) < 0)
		fail_msg("byte %zu: %s: %s", perr.offset, perr.what, line);
	return ev;
}

/* The fault is told with the offset of `at` in the line; NULL: its end. */
static void bad(const char *line, const char *at, const char *what)
{
	size_t offset = at ? (size_t)(strstr(line, at) - line) : strlen(line);
	struct ds_perr perr = { 0 };
	struct ds_event ev;

	assert_int_equal(read_line(line, &ev, &perr), -EINVAL);
	assert_string_equal(perr.what, what);
	assert_int_equal(perr.offset, offset);
}

static void every_key_of_every_kind_goes_round(void **state)
{
	struct ds_buf a = { 0 }, b = { 0 };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev, back;
		struct ds_perr perr;

		sample_fill(&ev, (enum ds_event_kind)kind);
		ev.late = kind % 2;
		ev.level = kind % DS_LEVEL_MAX;
		ds_event_write(&a, &ev, 77);
		if (ds_event_read(a.data, a.len - 1, 0, &back, &perr) < 0)
			fail_msg("%s: byte %zu: %s", a.data, perr.offset, perr.what);
		sample_assert_equal(&ev, &back);
		assert_int_equal(back.source_seq, 77);
		ds_event_write(&b, &back, 77);
		assert_string_equal(a.data, b.data);
		ds_event_clear(&back);
	}
	ds_buf_free(&a);
	ds_buf_free(&b);
}

/* What a library makes of the line, in another order and another style, reads the same. */
static void written_again_by_a_library(void **state)
{
	struct ds_buf a = { 0 };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct json_object *o, *reversed = json_object_new_object();
		struct ds_event ev, back;
		struct ds_perr perr;
		const char *keys[256], *text;
		int n = 0;

		sample_fill(&ev, (enum ds_event_kind)kind);
		ds_event_write(&a, &ev, 77);
		o = json_tokener_parse(a.data);
		json_object_object_foreach(o, key, value) {
			(void)value;
			keys[n++] = key;
		}
		while (n-- > 0)
			json_object_object_add(reversed, keys[n],
					       json_object_get(json_object_object_get(o, keys[n])));
		text = json_object_to_json_string_ext(reversed, JSON_C_TO_STRING_SPACED);
		if (ds_event_read(text, strlen(text), 0, &back, &perr) < 0)
			fail_msg("%s: byte %zu: %s", text, perr.offset, perr.what);
		sample_assert_equal(&ev, &back);
		ds_event_clear(&back);
		text = json_object_to_json_string_ext(reversed, JSON_C_TO_STRING_PRETTY);
		assert_int_equal(ds_event_read(text, strlen(text), 0, &back, &perr), 0);
		ds_event_clear(&back);
		json_object_put(reversed);
		json_object_put(o);
	}
	ds_buf_free(&a);
}

static void a_script_may_leave_out_what_it_does_not_know(void **state)
{
	struct ds_event ev = good("{" TIME TARGET STATE "}");

	(void)state;
	assert_int_equal(ev.kind, DS_EVENT_TARGET);
	assert_int_equal(ev.level, DS_LEVEL_INFO);
	assert_true(ev.time_ns == SAMPLE_TIME);
	assert_string_equal(ev.target_id, "10.0.0.1");
	assert_int_equal(ev.target_state, DS_TARGET_STATE_DRAINING);
	assert_string_equal(ev.run_id, "");
	ds_event_clear(&ev);
}

static void time_may_be_left_out_where_it_is_given(void **state)
{
	const char *line = "{" TARGET STATE "}";
	struct ds_perr perr;
	struct ds_event ev;

	(void)state;
	assert_int_equal(ds_event_read(line, strlen(line), 99, &ev, &perr), 0);
	assert_true(ev.time_ns == 99);
	ds_event_clear(&ev);
	bad(line, "{", "no time");
	line = "{" TIME TARGET STATE "}";
	assert_int_equal(ds_event_read(line, strlen(line), 99, &ev, &perr), 0);
	assert_true(ev.time_ns == SAMPLE_TIME);
	ds_event_clear(&ev);
}

static void unknown_keys_and_values_under_them_are_ignored(void **state)
{
	struct ds_event ev = good("{\"x\":{\"a\":[1,{\"b\":null}]}," TIME TARGET "\"k\":[[]]," STATE
				  ",\"drainsnoop.verdict.drops_by.no_such_cause\":[]"
				  ",\"drainsnoop.target\":1,\"\":2 }\r\n ");

	(void)state;
	assert_int_equal(ev.kind, DS_EVENT_TARGET);
	ds_event_clear(&ev);
}

static void keys_of_other_kinds_are_left_out(void **state)
{
	struct ds_event ev =
		good("{" TIME TARGET STATE ",\"process.pid\":17,\"os.kernel.release\":\"6\"}");

	(void)state;
	assert_false(ds_event_has(&ev, DS_KEY_PID));
	assert_false(ds_event_has(&ev, DS_KEY_KERNEL_RELEASE));
	ds_event_clear(&ev);
}

static void empty_means_absent(void **state)
{
	struct ds_event ev =
		good("{" TIME TARGET STATE ",\"cloud.region\":\"\",\"k8s.pod.ip\":\"::\"}");

	(void)state;
	assert_false(ds_event_has(&ev, DS_KEY_REGION));
	assert_false(ds_event_has(&ev, DS_KEY_POD_IP));
	ds_event_clear(&ev);
	ev = good("{" TIME TARGET STATE ",\"cloud.region\":\"\",\"k8s.pod.ip\":\"\"}");
	assert_false(ds_event_has(&ev, DS_KEY_POD_IP));
	ds_event_clear(&ev);
}

static void escapes_are_decoded_in_keys_and_values(void **state)
{
	struct ds_event ev = good("{" TIME "\"event\\u002ename\":\"drainsnoop\\u002etarget.state\","
				  "\"drainsnoop.target.id\":\"\\u0031\\ud83d\\udc0b\\n\","
				  "\"drainsnoop.target.state\":\"dr\\u0061ining\"}");

	(void)state;
	assert_string_equal(ev.target_id, "1\xf0\x9f\x90\x8b\n");
	ds_event_clear(&ev);
}

static void numbers_of_other_writers(void **state)
{
	struct ds_event ev =
		good("{" TIME "\"event.name\":\"drainsnoop.pod.state\",\"k8s.pod.name\":\"a\","
		     "\"drainsnoop.pod.grace_period_s\":30.0,\"drainsnoop.pod.t0_error_ms\":1e3}");

	(void)state;
	assert_int_equal(ev.grace_period_s, 30);
	assert_int_equal(ev.t0_error, 1000000000);
	ds_event_clear(&ev);
}

static void faults_of_form(void **state)
{
	(void)state;
	bad("", NULL, "expected '{', found the end of the line");
	bad("[]", "", "expected '{', found an array");
	bad("nonsense", "", "expected '{', found something that is not JSON");
	bad("{", NULL, "expected '\"', found the end of the line");
	bad("{}", "", "no event.name");
	bad("{\"a\"}", "}", "expected ':', found something that is not JSON");
	bad("{\"a\":1,}", "}", "expected '\"', found something that is not JSON");
	bad("{\"a\":1 \"b\":2}", "\"b\"", "expected ',' or '}', found a string");
	bad("{\"a\":1}]", "]", "more after the end of the object");
	bad("{" TIME TARGET STATE "} {}", "{}", "more after the end of the object");
	bad("{" TIME TARGET "\"drainsnoop.target.id\":\"10.0", NULL,
	    "the line ends within a string");
	bad("{\"a\":\"\xff\"}", "\xff", "not UTF-8");
	bad("{\"a\":\"\t\"}", "\t", "a raw control character in a string");
	bad("{\"a\":[[[[[[[[[1]]]]]]]]]}", "[1", "nested deeper than 8");
}

/* The core adds and subtracts these: a line may not say what would overflow there. */
static void times_and_durations_have_ends(void **state)
{
	(void)state;
	bad("{\"time\":\"1969-12-31T23:59:59Z\"}", "\"1969", "key \"time\": before 1970 or after 2099");
	bad("{\"time\":\"2100-01-01T00:00:00Z\"}", "\"2100", "key \"time\": before 1970 or after 2099");
	bad("{" TIME TARGET STATE ",\"drainsnoop.not_before\":\"2262-01-01T00:00:00Z\"}", "\"2262",
	    "key \"drainsnoop.not_before\": before 1970 or after 2099");
	bad("{" TIME TARGET STATE ",\"drainsnoop.target_group.deregistration_delay_s\":315619201}",
	    "315619201", "key \"drainsnoop.target_group.deregistration_delay_s\": out of range");
	bad("{" TIME "\"event.name\":\"drainsnoop.pod.state\",\"k8s.pod.uid\":\"u\","
	    "\"drainsnoop.pod.t0_error_ms\":-315619200000.001}", "-315619200000.001",
	    "key \"drainsnoop.pod.t0_error_ms\": out of range");
	bad("{" TIME "\"event.name\":\"drainsnoop.health\",\"drainsnoop.tap.share\":1000000000000.001}",
	    "1000000000000.001", "key \"drainsnoop.tap.share\": out of range");
}

static void faults_of_content(void **state)
{
	(void)state;
	bad("{" TIME "\"event.name\":\"drainsnoop.nothing\"}", "\"drainsnoop.nothing",
	    "unknown event.name \"drainsnoop.nothing\"");
	bad("{" TIME "\"event.name\":7}", "7}",
	    "key \"event.name\": expected a string, found a number");
	bad("{" TIME TARGET STATE ",\"drainsnoop.target.port\":\"80\"}", "\"80",
	    "key \"drainsnoop.target.port\": expected a number, found a string");
	bad("{" TIME TARGET STATE ",\"drainsnoop.target.port\":80.5}", "80.5",
	    "key \"drainsnoop.target.port\": expected a whole number");
	bad("{" TIME TARGET STATE ",\"drainsnoop.target.port\":65536}", "65536",
	    "key \"drainsnoop.target.port\": out of range");
	bad("{" TIME TARGET STATE ",\"drainsnoop.target.port\":-1}", "-1}",
	    "key \"drainsnoop.target.port\": out of range");
	bad("{" TIME TARGET STATE ",\"cloud.region\":null}", "null",
	    "key \"cloud.region\": expected a string, found null");
	bad("{" TIME TARGET STATE ",\"cloud.region\":{}}", "{}}",
	    "key \"cloud.region\": expected a string, found an object");
	bad("{" TIME TARGET
	    "\"drainsnoop.target.id\":\"a\",\"drainsnoop.target.state\":\"Draining\"}",
	    "\"Draining", "key \"drainsnoop.target.state\": unknown word \"Draining\"");
	bad("{" TIME TARGET STATE ",\"k8s.pod.ip\":\"10.0.0.256\"}", "\"10.0.0.256",
	    "key \"k8s.pod.ip\": \"10.0.0.256\" is not an IP address");
	bad("{\"time\":\"yesterday\"}", "\"yesterday",
	    "key \"time\": not a time as \"2026-11-22T10:15:31.66Z\" (RFC 3339)");
	bad("{\"time\":1795342531}", "1795342531", "key \"time\": expected a time, found a number");
	bad("{\"drainsnoop.schema\":2}", "\"drainsnoop.schema",
	    "key \"drainsnoop.schema\": this version of drainsnoop reads schema 1");
	bad("{\"drainsnoop.netns\":\"12a\"}", "\"12a",
	    "key \"drainsnoop.netns\": not a number of 64 bits");
	bad("{\"drainsnoop.netns\":\"18446744073709551616\"}", "\"1844",
	    "key \"drainsnoop.netns\": not a number of 64 bits");
	bad("{\"drainsnoop.netns\":12}", "12}",
	    "key \"drainsnoop.netns\": expected a string of digits, found a number");
	bad("{\"drainsnoop.socket_present\":1}", "1}",
	    "key \"drainsnoop.socket_present\": expected true or false, found a number");
	bad("{\"drainsnoop.run.id\":\"123456789\"}", "\"1234",
	    "key \"drainsnoop.run.id\": longer than 8 bytes");
	bad("{" TIME TARGET "\"drainsnoop.target.id\":\"a\"}", "{",
	    "drainsnoop.target.state needs the key \"drainsnoop.target.state\"");
	bad("{" TIME "\"event.name\":\"drainsnoop.pod.state\"}", "{",
	    "drainsnoop.pod.state needs the key \"k8s.pod.name\" or \"k8s.pod.uid\"");
}

static void known_keys_stand_once(void **state)
{
	(void)state;
	bad("{" TIME "\"time\" :\"2026-11-22T10:15:31Z\",\"event.name\":\"drainsnoop.tick\"}",
	    "\"time\" :", "key \"time\" stands twice");
	bad("{" TIME TARGET STATE ",\"drainsnoop.target.id\" :\"b\"}", "\"drainsnoop.target.id\" :",
	    "key \"drainsnoop.target.id\" stands twice");
	bad("{" TIME "\"event.name\":\"drainsnoop.stop\",\"drainsnoop.verdict.drops_by.unknown\":1,"
	    "\"drainsnoop.verdict.drops_by.unknown\" :2}",
	    "\"drainsnoop.verdict.drops_by.unknown\" :",
	    "key \"drainsnoop.verdict.drops_by\" stands twice");
}

static void limits(void **state)
{
	struct ds_buf b = { 0 };
	struct ds_perr perr;
	struct ds_event ev;

	(void)state;
	ds_buf_puts(&b, "{");
	for (int i = 0; i < 201; i++)
		ds_buf_printf(&b, "%s\"k%d\":1", i ? "," : "", i);
	ds_buf_puts(&b, "}");
	assert_int_equal(ds_event_read(b.data, b.len, 0, &ev, &perr), -EINVAL);
	assert_string_equal(perr.what, "more than 200 keys");

	ds_buf_clear(&b);
	ds_buf_puts(&b, "{" TIME TARGET STATE ",\"x\":\"");
	while (b.len < DS_EVENT_READ_MAX - 2)
		ds_buf_putc(&b, 'x');
	ds_buf_puts(&b, "\"}");
	assert_int_equal(ds_event_read(b.data, b.len, 0, &ev, &perr), 0);
	ds_event_clear(&ev);
	ds_buf_putc(&b, ' ');
	assert_int_equal(ds_event_read(b.data, b.len, 0, &ev, &perr), -EINVAL);
	assert_string_equal(perr.what, "a line of more than 65536 bytes");
	ds_buf_free(&b);
}

/* Every cut of a good line is a fault, never a crash and never an event. */
static void truncated_anywhere(void **state)
{
	struct ds_buf b = { 0 };
	struct ds_event ev;
	struct ds_perr perr;

	(void)state;
	sample_fill(&ev, DS_EVENT_PACKET);
	ds_event_write(&b, &ev, 1);
	for (size_t len = 0; len < b.len - 1; len++) {
		char *copy = malloc(len ? len : 1);

		memcpy(copy, b.data, len);
		assert_int_equal(ds_event_read(copy, len, 0, &ev, &perr), -EINVAL);
		assert_true(perr.offset <= len);
		assert_true(strlen(perr.what) > 0);
		free(copy);
	}
	ds_buf_free(&b);
}

/* Damaged lines: no crash, and what is taken can be written and read again. */
static void damaged_lines(void **state)
{
	struct ds_buf b = { 0 }, again = { 0 };

	(void)state;
	srand(23);
	for (int i = 0; i < 20000; i++) {
		struct ds_event ev, back;
		struct ds_perr perr;

		sample_fill(&ev, (enum ds_event_kind)(i % DS_EVENT_MAX));
		ds_event_write(&b, &ev, 1);
		for (int n = rand() % 3; n >= 0; n--)
			b.data[(size_t)rand() % b.len] = (char)rand();
		if (ds_event_read(b.data, b.len, 0, &ev, &perr) < 0)
			continue;
		ds_event_write(&again, &ev, 1);
		assert_int_equal(ds_event_read(again.data, again.len, 0, &back, &perr), 0);
		ds_event_clear(&back);
		ds_event_clear(&ev);
	}
	ds_buf_free(&b);
	ds_buf_free(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_every_kind_goes_round),
		cmocka_unit_test(written_again_by_a_library),
		cmocka_unit_test(a_script_may_leave_out_what_it_does_not_know),
		cmocka_unit_test(time_may_be_left_out_where_it_is_given),
		cmocka_unit_test(unknown_keys_and_values_under_them_are_ignored),
		cmocka_unit_test(keys_of_other_kinds_are_left_out),
		cmocka_unit_test(empty_means_absent),
		cmocka_unit_test(escapes_are_decoded_in_keys_and_values),
		cmocka_unit_test(numbers_of_other_writers),
		cmocka_unit_test(faults_of_form),
		cmocka_unit_test(times_and_durations_have_ends),
		cmocka_unit_test(faults_of_content),
		cmocka_unit_test(known_keys_stand_once),
		cmocka_unit_test(limits),
		cmocka_unit_test(truncated_anywhere),
		cmocka_unit_test(damaged_lines),
	};

	return cmocka_run_group_tests_name("event_read", tests, NULL, NULL);
}
