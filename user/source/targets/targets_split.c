/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A character at a time: of JSON only what its structure needs is looked at; the parsers behind it
 * judge the rest. What breaks the structure is told, and the stream is taken up again at the next
 * line.
 */
#include "user/source/targets/targets_split.h"

#include <string.h>

enum { BETWEEN, LINE, JSON, REST_OF_LINE };

static void put(struct ds_targets_split *s, char c)
{
	if (s->skipping)
		return;
	if (s->buf.len == DS_TARGETS_ITEM_MAX) {
		s->skipping = true;
		s->fault(s->ctx, s->item_line, "longer than 1 MiB");
		return;
	}
	ds_buf_putc(&s->buf, c);
	if (s->buf.failed) {
		s->skipping = true;
		s->fault(s->ctx, s->item_line, "out of memory");
	}
}

static void begin(struct ds_targets_split *s, int mode)
{
	s->mode = mode;
	s->item_line = s->line;
	s->skipping = false;
	ds_buf_clear(&s->buf);
	s->buf.failed = false;
	if (mode != JSON)
		return;
	s->depth = s->list_depth = 0;
	s->in_string = s->escaped = false;
	s->before = ':';
	s->key_len = 0;
}

static void give(struct ds_targets_split *s, enum ds_targets_item kind)
{
	if (!s->skipping && s->buf.len)
		s->item(s->ctx, kind, s->item_line, s->buf.data, s->buf.len);
	s->skipping = false;
	ds_buf_clear(&s->buf);
}

static void give_up(struct ds_targets_split *s, const char *why, char c)
{
	if (!s->skipping)
		s->fault(s->ctx, s->item_line, why);
	begin(s, c == '\n' ? BETWEEN : REST_OF_LINE);
}

static bool in_object(const struct ds_targets_split *s)
{
	return s->depth > 0 && s->objects >> (s->depth - 1) & 1;
}

static bool is_list_of_records(const struct ds_targets_split *s)
{
	return (s->key_len == 7 && !memcmp(s->key, "Records", 7)) ||
	       (s->key_len == 6 && !memcmp(s->key, "Events", 6));
}

static bool may_open(const struct ds_targets_split *s)
{
	return s->before == ':' || (!in_object(s) && (s->before == ',' || s->before == '['));
}

/* Outside of a list's objects nothing is kept. */
static bool is_kept(const struct ds_targets_split *s)
{
	return !s->list_depth || s->depth > s->list_depth;
}

static void open_value(struct ds_targets_split *s, char c)
{
	if (s->depth == DS_TARGETS_DEPTH_MAX) {
		give_up(s, "nested deeper than 64", c);
		return;
	}
	if (c == '[' && !s->list_depth &&
	    (s->depth == 0 || (s->depth == 1 && in_object(s) && is_list_of_records(s)))) {
		s->list_depth = s->depth + 1;
		s->skipping = false;
		ds_buf_clear(&s->buf);
	} else if (c == '{' && s->list_depth && s->depth == s->list_depth) {
		s->item_line = s->line;
		s->skipping = false;
		ds_buf_clear(&s->buf);
	}
	s->objects = (s->objects & ~(UINT64_C(1) << s->depth)) |
		     (uint64_t)(c == '{') << s->depth;
	s->depth++;
	if (is_kept(s))
		put(s, c);
}

static void close_value(struct ds_targets_split *s, char c)
{
	if (s->depth == 0 || in_object(s) != (c == '}')) {
		give_up(s, "its brackets do not match", c);
		return;
	}
	if (is_kept(s))
		put(s, c);
	s->depth--;
	if (s->list_depth && s->depth == s->list_depth && c == '}')
		give(s, DS_TARGETS_OBJECT);
	if (s->depth)
		return;
	if (!s->list_depth)
		give(s, DS_TARGETS_OBJECT);
	begin(s, BETWEEN);
}

static void take_string(struct ds_targets_split *s, char c)
{
	if ((unsigned char)c < 0x20 && !s->escaped) {
		give_up(s, "a control character, or the end of the line, within a string", c);
		return;
	}
	if (is_kept(s))
		put(s, c);
	if (s->escaped) {
		s->escaped = false;
	} else if (c == '\\') {
		s->escaped = true;
	} else if (c == '"') {
		s->in_string = false;
		s->before = c;
	} else if (s->depth == 1 && s->key_len < sizeof(s->key)) {
		s->key[s->key_len++] = c;
	}
}

static void take_json(struct ds_targets_split *s, char c)
{
	if (s->in_string) {
		take_string(s, c);
		return;
	}
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
		if (is_kept(s))
			put(s, c);
		return;
	}
	if (c == '{' || c == '[') {
		if (may_open(s)) {
			open_value(s, c);
		} else if (s->line_start) {
			s->fault(s->ctx, s->item_line, "cut off: another one begins within it");
			begin(s, JSON);
			open_value(s, c);
		} else {
			give_up(s, "a bracket where none may stand", c);
		}
	} else if (c == '}' || c == ']') {
		close_value(s, c);
	} else {
		if ((unsigned char)c < 0x20) {
			give_up(s, "a control character", c);
			return;
		}
		if (c == '"') {
			s->in_string = true;
			if (s->depth == 1)
				s->key_len = 0;
		}
		if (is_kept(s))
			put(s, c);
	}
	if (s->mode == JSON)
		s->before = c;
}

/* "[" begins a list, but in front of a word it is kubectl's --prefix. */
static void take_second(struct ds_targets_split *s, char c)
{
	if (c == '{' || c == '[' || c == ']' || c == ' ' || c == '\r' || c == '\n' || c == '\t') {
		begin(s, JSON);
		open_value(s, '[');
		s->before = '[';
		take_json(s, c);
	} else {
		put(s, c);
	}
}

static void take(struct ds_targets_split *s, char c)
{
	switch (s->mode) {
	case BETWEEN:
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			break;
		begin(s, c == '{' ? JSON : LINE);
		if (c == '{') {
			open_value(s, c);
			s->before = c;
		} else {
			put(s, c);
		}
		break;
	case LINE:
		if (s->buf.len == 1 && s->buf.data[0] == '[' && !s->skipping) {
			take_second(s, c);
		} else if (c == '\n') {
			give(s, DS_TARGETS_LINE);
			s->mode = BETWEEN;
		} else {
			put(s, c);
		}
		break;
	case JSON:
		take_json(s, c);
		break;
	default:
		if (c == '\n')
			s->mode = BETWEEN;
		break;
	}
}

void ds_targets_split_feed(struct ds_targets_split *s, const char *data, size_t len)
{
	if (!s->line)
		s->line = 1;
	for (size_t i = 0; i < len; i++) {
		take(s, data[i]);
		if (data[i] == '\n') {
			s->line++;
			s->line_start = true;
		} else if (data[i] != ' ' && data[i] != '\t') {
			s->line_start = false;
		}
	}
}

void ds_targets_split_end(struct ds_targets_split *s)
{
	if (s->mode == LINE)
		give(s, DS_TARGETS_LINE);
	else if (s->mode == JSON && !s->skipping)
		s->fault(s->ctx, s->item_line, "cut off: the end is missing");
	s->mode = BETWEEN;
	s->line = 0;
	ds_buf_clear(&s->buf);
}

void ds_targets_split_free(struct ds_targets_split *s)
{
	ds_buf_free(&s->buf);
}
