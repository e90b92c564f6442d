// SPDX-License-Identifier: Apache-2.0
/*
 * A validator of as much JSON Schema as the schema uses, on json-c: every line that the writer can
 * make must pass, and wrong ones must not.
 */
#include <json-c/json.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/unit.h"
#include "user/core/event_json.h"

static bool valid(struct json_object *schema, struct json_object *v);

static bool type_fits(const char *type, struct json_object *v)
{
	if (strcmp(type, "object") == 0)
		return json_object_is_type(v, json_type_object);
	if (strcmp(type, "string") == 0)
		return json_object_is_type(v, json_type_string);
	if (strcmp(type, "boolean") == 0)
		return json_object_is_type(v, json_type_boolean);
	if (strcmp(type, "integer") == 0)
		return json_object_is_type(v, json_type_int);
	assert_string_equal(type, "number");
	return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

static bool format_fits(const char *format, const char *text)
{
	struct ds_addr a;

	if (strcmp(format, "date-time") == 0)
		return strlen(text) == 30;
	if (ds_addr_parse(text, strlen(text), &a) < 0)
		return false;
	return ds_addr_is_v4(&a) == (strcmp(format, "ipv4") == 0);
}

static bool pattern_fits(const char *pattern, const char *text)
{
	regex_t regex;
	bool fits;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	fits = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return fits;
}

static bool any(struct json_object *schemas, struct json_object *v)
{
	for (size_t i = 0; i < json_object_array_length(schemas); i++)
		if (valid(json_object_array_get_idx(schemas, i), v))
			return true;
	return false;
}

static bool all(struct json_object *schemas, struct json_object *v)
{
	for (size_t i = 0; i < json_object_array_length(schemas); i++)
		if (!valid(json_object_array_get_idx(schemas, i), v))
			return false;
	return true;
}

static bool one_of_words(struct json_object *words, struct json_object *v)
{
	for (size_t i = 0; i < json_object_array_length(words); i++)
		if (json_object_equal(json_object_array_get_idx(words, i), v))
			return true;
	return false;
}

static bool properties_fit(struct json_object *properties, struct json_object *v)
{
	json_object_object_foreach(v, key, value) {
		struct json_object *schema;

		if (json_object_object_get_ex(properties, key, &schema) && !valid(schema, value))
			return false;
	}
	return true;
}

static bool has_all(struct json_object *keys, struct json_object *v)
{
	for (size_t i = 0; i < json_object_array_length(keys); i++)
		if (!json_object_object_get_ex(
			    v, json_object_get_string(json_object_array_get_idx(keys, i)), NULL))
			return false;
	return true;
}

static bool keyword_fits(struct json_object *schema, const char *word, struct json_object *arg,
			 struct json_object *v)
{
	if (strcmp(word, "type") == 0)
		return type_fits(json_object_get_string(arg), v);
	if (strcmp(word, "enum") == 0)
		return one_of_words(arg, v);
	if (strcmp(word, "const") == 0)
		return json_object_equal(arg, v);
	if (strcmp(word, "pattern") == 0)
		return pattern_fits(json_object_get_string(arg), json_object_get_string(v));
	if (strcmp(word, "format") == 0)
		return format_fits(json_object_get_string(arg), json_object_get_string(v));
	if (strcmp(word, "minLength") == 0)
		return json_object_get_string_len(v) >= json_object_get_int(arg);
	if (strcmp(word, "minimum") == 0)
		return json_object_get_int64(v) >= json_object_get_int64(arg);
	if (strcmp(word, "maximum") == 0)
		return json_object_get_int64(v) <= json_object_get_int64(arg);
	if (strcmp(word, "required") == 0)
		return has_all(arg, v);
	if (strcmp(word, "properties") == 0)
		return properties_fit(arg, v);
	if (strcmp(word, "anyOf") == 0)
		return any(arg, v);
	if (strcmp(word, "allOf") == 0)
		return all(arg, v);
	if (strcmp(word, "if") == 0)
		return !valid(arg, v) || valid(json_object_object_get(schema, "then"), v);
	if (word[0] != '$' && strcmp(word, "then") != 0 && strcmp(word, "title") != 0 &&
	    strcmp(word, "description") != 0 && strcmp(word, "additionalProperties") != 0)
		fail_msg("the schema uses %s", word);
	return true;
}

static bool valid(struct json_object *schema, struct json_object *v)
{
	json_object_object_foreach(schema, word, arg)
		if (!keyword_fits(schema, word, arg, v))
			return false;
	return true;
}

static struct json_object *the_schema(void)
{
	struct ds_buf b = { 0 };
	struct json_object *o;

	ds_event_schema(&b);
	assert_false(b.failed);
	o = json_tokener_parse(b.data);
	assert_non_null(o);
	ds_buf_free(&b);
	return o;
}

static bool line_is_valid(struct json_object *schema, const char *line)
{
	struct json_object *o = json_tokener_parse(line);
	bool ok = o && valid(schema, o);

	json_object_put(o);
	return ok;
}

static void every_line_is_valid(void **state)
{
	struct json_object *schema = the_schema();
	struct ds_buf b = { 0 };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev;

		sample_fill(&ev, (enum ds_event_kind)kind);
		ds_event_write(&b, &ev, 3);
		if (!line_is_valid(schema, b.data))
			fail_msg("%s", b.data);
		ev.late = true;
		/* What is required is enough. */
		memset(ev.present, 0, sizeof(ev.present));
		for (const enum ds_key *k = ds_kinds[kind].required; *k != DS_KEY_MAX; k++)
			ds_event_mark(&ev, *k);
		if (*ds_kinds[kind].any_of != DS_KEY_MAX)
			ds_event_mark(&ev, ds_kinds[kind].any_of[1]);
		ds_event_write(&b, &ev, 3);
		if (!line_is_valid(schema, b.data))
			fail_msg("%s", b.data);
		/* Without it the line is not valid. */
		memset(ev.present, 0, sizeof(ev.present));
		ds_event_write(&b, &ev, 3);
		if (line_is_valid(schema, b.data) != (*ds_kinds[kind].required == DS_KEY_MAX &&
						      *ds_kinds[kind].any_of == DS_KEY_MAX))
			fail_msg("%s", b.data);
	}
	ds_buf_free(&b);
	json_object_put(schema);
}

#define HEAD \
	"{\"time\":\"2026-11-22T10:15:31.660018113Z\",\"level\":\"info\",\"message\":\"m\"," \
	"\"drainsnoop.schema\":1,\"drainsnoop.run.id\":\"8f3a61c2\",\"drainsnoop.seq\":1,"

static void wrong_lines_are_not_valid(void **state)
{
	static const char *const lines[] = {
		"{}",
		HEAD "\"event.name\":\"drainsnoop.nothing\"}",
		HEAD "\"event.name\":\"drainsnoop.loss\"}",
		HEAD "\"event.name\":\"drainsnoop.tick\",\"process.pid\":\"1\"}",
		HEAD "\"event.name\":\"drainsnoop.tick\",\"process.pid\":-1}",
		HEAD "\"event.name\":\"drainsnoop.tick\",\"source.port\":65536}",
		HEAD "\"event.name\":\"drainsnoop.tick\",\"source.address\":\"nobody\"}",
		HEAD "\"event.name\":\"drainsnoop.tick\",\"cloud.region\":\"\"}",
		HEAD
		"\"event.name\":\"drainsnoop.tick\",\"drainsnoop.t0\":null,\"drainsnoop.pod.t0\":\"now\"}",
		HEAD
		"\"event.name\":\"drainsnoop.tick\",\"drainsnoop.verdict.drops_by.unknown\":0}",
	};
	struct json_object *schema = the_schema();

	(void)state;
	assert_true(
		line_is_valid(schema, HEAD "\"event.name\":\"drainsnoop.tick\",\"new.key\":[1]}"));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (line_is_valid(schema, lines[i]))
			fail_msg("%s", lines[i]);
	json_object_put(schema);
}

static void docs_name_every_key_kind_and_word(void **state)
{
	struct ds_buf b = { 0 };
	char text[128];

	(void)state;
	ds_event_docs(&b);
	assert_false(b.failed);
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		snprintf(text, sizeof(text), "| `%s%s` | ", ds_keys[k].key,
			 ds_keys[k].type == DS_TYPE_COUNTS ? ".WORD" : "");
		if (!strstr(b.data, text))
			fail_msg("%s", text);
	}
	for (int i = 0; i < DS_EVENT_MAX; i++) {
		snprintf(text, sizeof(text), "\n### `%s`\n", ds_kinds[i].name);
		assert_non_null(strstr(b.data, text));
	}
	for (int i = 0; i < DS_NAMES_MAX; i++) {
		snprintf(text, sizeof(text), "\n### %s\n", ds_names[i].list);
		assert_non_null(strstr(b.data, text));
	}
	assert_int_equal(b.data[b.len - 1], '\n');
	assert_int_not_equal(b.data[b.len - 2], '\n');
	ds_buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_line_is_valid),
		cmocka_unit_test(wrong_lines_are_not_valid),
		cmocka_unit_test(docs_name_every_key_kind_and_word),
	};

	return cmocka_run_group_tests_name("event_schema", tests, NULL, NULL);
}
