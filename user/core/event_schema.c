// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON Schema (2020-12) of the lines that drainsnoop writes, made from the tables. New keys
 * are allowed by it: an old validator accepts newer lines.
 */
#include "user/core/event_json.h"

#include <inttypes.h>
#include <string.h>

#include "user/util/json.h"

#define TIME_PATTERN "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\\\.[0-9]{9}Z$"

static void put_json(struct ds_buf *b, const char *text)
{
	ds_json_string(b, text, strlen(text));
}

static void put_words(struct ds_buf *b, enum ds_names_id list)
{
	ds_buf_puts(b, "\"enum\": [");
	for (int i = 0; i < ds_names[list].count; i++) {
		if (i)
			ds_buf_puts(b, ", ");
		put_json(b, ds_names[list].words[i]);
	}
	ds_buf_puts(b, "]");
}

/* What the value of a key must look like, without the braces. */
static void put_type(struct ds_buf *b, enum ds_key key)
{
	switch (ds_keys[key].type) {
	case DS_TYPE_STR:
		ds_buf_puts(b, "\"type\": \"string\", \"minLength\": 1");
		break;
	case DS_TYPE_INT:
		ds_buf_puts(b, "\"type\": \"integer\", \"minimum\": 0");
		if (ds_key_max(key) < INT64_MAX)
			ds_buf_printf(b, ", \"maximum\": %" PRId64, ds_key_max(key));
		break;
	case DS_TYPE_U64:
		ds_buf_puts(b, "\"type\": \"string\", \"pattern\": \"^[0-9]{1,20}$\"");
		break;
	case DS_TYPE_BOOL:
		ds_buf_puts(b, "\"type\": \"boolean\"");
		break;
	case DS_TYPE_TIME:
		ds_buf_puts(b, "\"type\": \"string\", \"format\": \"date-time\", "
			       "\"pattern\": \"" TIME_PATTERN "\"");
		break;
	case DS_TYPE_MS:
	case DS_TYPE_REAL:
		ds_buf_puts(b, "\"type\": \"number\"");
		break;
	case DS_TYPE_ENUM:
		put_words(b, ds_keys[key].names);
		break;
	case DS_TYPE_ADDR:
		ds_buf_puts(b, "\"type\": \"string\", "
			       "\"anyOf\": [{\"format\": \"ipv4\"}, {\"format\": \"ipv6\"}]");
		break;
	default:
		ds_buf_puts(b, "\"type\": \"integer\", \"minimum\": 1");
		break;
	}
}

static void put_property(struct ds_buf *b, enum ds_key key, const char *word, const char *word_doc)
{
	ds_buf_puts(b, ",\n    \"");
	ds_buf_puts(b, ds_keys[key].key);
	if (word)
		ds_buf_printf(b, ".%s", word);
	ds_buf_puts(b, "\": {");
	put_type(b, key);
	ds_buf_puts(b, ", \"description\": ");
	if (word) {
		struct ds_buf text = { 0 };

		ds_buf_printf(&text, "%s: %s", ds_keys[key].doc, word_doc);
		ds_json_string(b, text.data ? text.data : "", text.len);
		b->failed |= text.failed;
		ds_buf_free(&text);
	} else {
		put_json(b, ds_keys[key].doc);
	}
	ds_buf_puts(b, "}");
}

static void put_common(struct ds_buf *b)
{
	ds_buf_puts(b, "    \"time\": {\"type\": \"string\", \"format\": \"date-time\", "
		       "\"pattern\": \"" TIME_PATTERN "\", "
		       "\"description\": \"when it happened: UTC\"},\n    \"level\": {");
	put_words(b, DS_NAMES_LEVEL);
	ds_buf_puts(b, "},\n    \"event.name\": {\"enum\": [");
	for (int i = 0; i < DS_EVENT_MAX; i++) {
		ds_buf_puts(b, i ? ", " : "");
		put_json(b, ds_kinds[i].name);
	}
	ds_buf_printf(
		b,
		"]},\n"
		"    \"message\": {\"type\": \"string\", \"description\": \"one sentence for people\"},\n"
		"    \"drainsnoop.schema\": {\"const\": %d},\n"
		"    \"drainsnoop.run.id\": {\"type\": \"string\", \"pattern\": \"^[0-9a-f]{8}$\", "
		"\"description\": \"random, one per run\"},\n"
		"    \"drainsnoop.seq\": {\"type\": \"integer\", \"minimum\": 0, "
		"\"description\": \"one more with every line: a gap is a lost line\"},\n"
		"    \"drainsnoop.late\": {\"const\": true, "
		"\"description\": \"came after events that are later than it\"}",
		DS_EVENT_SCHEMA);
}

static void put_key_list(struct ds_buf *b, const enum ds_key *keys)
{
	ds_buf_puts(b, "[");
	for (const enum ds_key *k = keys; *k != DS_KEY_MAX; k++) {
		ds_buf_puts(b, k == keys ? "" : ", ");
		put_json(b, ds_keys[*k].key);
	}
	ds_buf_puts(b, "]");
}

/* If event.name is this one, then these keys are there. */
static void put_kind(struct ds_buf *b, const struct ds_kind_info *kind)
{
	ds_buf_puts(b, "    {\n      \"if\": {\"required\": [\"event.name\"], "
		       "\"properties\": {\"event.name\": {\"const\": ");
	put_json(b, kind->name);
	ds_buf_puts(b, "}}},\n      \"then\": {\"description\": ");
	put_json(b, kind->doc);
	ds_buf_puts(b, ", \"required\": ");
	put_key_list(b, kind->required);
	for (const enum ds_key *k = kind->any_of; *k != DS_KEY_MAX; k++) {
		ds_buf_puts(b, k == kind->any_of ? ", \"anyOf\": [" : ", ");
		ds_buf_puts(b, "{\"required\": [");
		put_json(b, ds_keys[*k].key);
		ds_buf_puts(b, k[1] == DS_KEY_MAX ? "]}]" : "]}");
	}
	ds_buf_puts(b, "}\n    }");
}

void ds_event_schema(struct ds_buf *buf)
{
	ds_buf_clear(buf);
	ds_buf_puts(
		buf,
		"{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
		"  \"$id\": \"" DS_SCHEMA_URL "\",\n"
		"  \"title\": \"drainsnoop event, version 1\",\n"
		"  \"description\": \"One line of drainsnoop's JSON output or of a recording.\",\n"
		"  \"type\": \"object\",\n"
		"  \"required\": [\"time\", \"level\", \"event.name\", \"message\", "
		"\"drainsnoop.schema\", \"drainsnoop.run.id\", \"drainsnoop.seq\"],\n"
		"  \"additionalProperties\": true,\n"
		"  \"properties\": {\n");
	put_common(buf);
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		const struct ds_names *names;

		if (ds_keys[k].type != DS_TYPE_COUNTS) {
			put_property(buf, k, NULL, NULL);
			continue;
		}
		names = &ds_names[ds_keys[k].names];
		for (int i = 0; i < names->count; i++)
			put_property(buf, k, names->words[i], names->docs[i]);
	}
	ds_buf_puts(buf, "\n  },\n  \"allOf\": [\n");
	for (int i = 0; i < DS_EVENT_MAX; i++) {
		put_kind(buf, &ds_kinds[i]);
		ds_buf_puts(buf, i + 1 < DS_EVENT_MAX ? ",\n" : "\n");
	}
	ds_buf_puts(buf, "  ]\n}\n");
}
