// SPDX-License-Identifier: Apache-2.0
/*
 * docs/events.md, made from the tables.
 */
#include "user/core/event_json.h"

#include <string.h>

static const char intro[] =
	"<!-- Made by `make docs` from user/core/event.h and names.h. Do not edit. -->\n"
	"# Events, schema version 1\n"
	"\n"
	"One JSON object a line, flat dotted keys, UTF-8, at most 4096 bytes. An unknown value is an\n"
	"absent key: there is no null and no empty string. A string that makes a line too long is cut\n"
	"and ends in `...`. New keys may come at any time; a rename or a change of meaning raises\n"
	"`drainsnoop.schema`. `drainsnoop schema` prints the JSON Schema.\n"
	"\n"
	"**Input** events are what drainsnoop observes, or is told with `--events`; a recording\n"
	"(`--record`) holds them. **Output** events are what it concludes from them; `-o json` prints\n"
	"them. A file for `--events` may leave out every common key but `event.name`; an event without\n"
	"`time` gets the time at which it is read.\n"
	"\n"
	"## Common keys\n"
	"\n"
	"| key | type | meaning |\n"
	"|---|---|---|\n"
	"| `time` | time | when it happened |\n"
	"| `level` | [level](#level) | how much it matters |\n"
	"| `event.name` | string | which event it is: below |\n"
	"| `message` | string | one sentence for people |\n"
	"| `drainsnoop.schema` | integer | 1 |\n"
	"| `drainsnoop.run.id` | string | eight hexadecimal digits, random, one per run |\n"
	"| `drainsnoop.seq` | integer | one more with every line: a gap is a lost line |\n"
	"| `drainsnoop.late` | boolean | `true` on an input event that came after later ones had been used; absent otherwise |\n"
	"\n"
	"## Types\n"
	"\n"
	"| type | in JSON |\n"
	"|---|---|\n"
	"| string | string, not empty |\n"
	"| integer | number without a fraction, 0 or more |\n"
	"| 64-bit | string of digits: it may pass 2^53 |\n"
	"| boolean | true or false |\n"
	"| time | string, RFC 3339, UTC, nine digits: `2026-11-22T10:15:31.660018113Z` |\n"
	"| ms | number of milliseconds with three digits |\n"
	"| number | number with three digits |\n"
	"| address | string, IPv4 or IPv6 |\n"
	"| a list's name | one of its [words](#words) |\n"
	"| count by a list | one key KEY.WORD a word, integer, absent when 0 |\n"
	"\n";

static void put_type(struct ds_buf *b, enum ds_key key)
{
	static const char *const types[DS_TYPE_MAX] = {
		[DS_TYPE_STR] = "string", [DS_TYPE_INT] = "integer", [DS_TYPE_U64] = "64-bit",
		[DS_TYPE_BOOL] = "boolean", [DS_TYPE_TIME] = "time", [DS_TYPE_MS] = "ms",
		[DS_TYPE_REAL] = "number", [DS_TYPE_ADDR] = "address",
	};
	const struct ds_key_info *info = &ds_keys[key];

	if (info->type == DS_TYPE_ENUM || info->type == DS_TYPE_COUNTS) {
		const char *list = ds_names[info->names].list;

		ds_buf_printf(b, "%s[%s](#%s)", info->type == DS_TYPE_COUNTS ? "count by " : "",
			      list, list);
		return;
	}
	ds_buf_puts(b, types[info->type]);
}

static bool contains(const enum ds_key *keys, enum ds_key key)
{
	for (; *keys != DS_KEY_MAX; keys++)
		if (*keys == key)
			return true;
	return false;
}

/* Text in a cell of a table. */
static void put_cell(struct ds_buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			ds_buf_putc(b, '\\');
		ds_buf_putc(b, *text);
	}
}

static void put_kind(struct ds_buf *b, const struct ds_kind_info *kind)
{
	ds_buf_printf(b, "### `%s`\n\n", kind->name);
	put_cell(b, kind->doc);
	ds_buf_printf(b, ". Level %s by default.\n\n| key | type | meaning |\n|---|---|---|\n",
		      ds_name(DS_NAMES_LEVEL, kind->level));
	for (const enum ds_key *k = kind->keys; *k != DS_KEY_MAX; k++) {
		ds_buf_printf(b, "| `%s%s` | ", ds_keys[*k].key,
			      ds_keys[*k].type == DS_TYPE_COUNTS ? ".WORD" : "");
		put_type(b, *k);
		ds_buf_puts(b, " | ");
		put_cell(b, ds_keys[*k].doc);
		if (contains(kind->required, *k))
			ds_buf_puts(b, " (**always there**)");
		if (contains(kind->any_of, *k))
			ds_buf_puts(b, " (**one of these is always there**)");
		ds_buf_puts(b, " |\n");
	}
	ds_buf_puts(b, "\n");
}

static void put_list(struct ds_buf *b, const struct ds_names *names)
{
	ds_buf_printf(b, "### %s\n\n| word | meaning |\n|---|---|\n", names->list);
	for (int i = 0; i < names->count; i++) {
		ds_buf_printf(b, "| `%s` | ", names->words[i]);
		put_cell(b, names->docs[i]);
		ds_buf_puts(b, " |\n");
	}
	ds_buf_puts(b, "\n");
}

void ds_event_docs(struct ds_buf *buf)
{
	ds_buf_clear(buf);
	ds_buf_puts(buf, intro);
	ds_buf_puts(buf, "## Input\n\n");
	for (int i = 0; i < DS_EVENT_MAX; i++)
		if (ds_kinds[i].input)
			put_kind(buf, &ds_kinds[i]);
	ds_buf_puts(buf,
		    "## Output\n\n"
		    "`drainsnoop.start`, `drainsnoop.pod.state` and `drainsnoop.target.state` are "
		    "printed too, as above.\n\n");
	for (int i = 0; i < DS_EVENT_MAX; i++)
		if (!ds_kinds[i].input)
			put_kind(buf, &ds_kinds[i]);
	ds_buf_puts(buf, "## Words\n\n");
	for (int i = 0; i < DS_NAMES_MAX; i++)
		put_list(buf, &ds_names[i]);
	/* One newline at the end. */
	if (buf->len > 1 && buf->data[buf->len - 2] == '\n')
		buf->data[--buf->len] = '\0';
}
