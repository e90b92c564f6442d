// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the line splitter and the event reader. What is taken must be written, read and
 * written again to the same bytes, and be a line of ours. Where a line had no room for all of it,
 * strings were cut, and the message, made of what is left of them, may take the room of others: the
 * line stays like that after as many rounds as the writer knows limits, at most.
 *
 * Built from: user/source/events/events_lines.c
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/utf8_valid.h"
#include "user/core/event_json.h"
#include "user/source/events/events_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(what) \
	do { \
		if (!(what)) \
			abort(); \
	} while (0)

static void write_line(struct ds_buf *line, const struct ds_event *ev)
{
	ds_event_write(line, ev, ev->source_seq);
	CHECK(!line->failed && line->len > 2 && line->len <= DS_EVENT_LINE_MAX);
	CHECK(line->data[line->len - 1] == '\n' && !memchr(line->data, '\n', line->len - 1));
	CHECK(utf8_valid(line->data, line->len));
}

static bool is_same(const struct ds_buf *a, const struct ds_buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

#define ROUNDS_MAX 7

static void go_round(const char *line, size_t len)
{
	struct ds_buf a = { 0 }, b = { 0 };
	struct ds_perr perr = { 0 };
	struct ds_event ev;
	bool same = false;

	if (ds_event_read(line, len, 1, &ev, &perr) < 0) {
		CHECK(perr.offset <= len);
		CHECK(perr.what[0]);
		CHECK(memchr(perr.what, '\0', sizeof(perr.what)));
		return;
	}
	write_line(&a, &ev);
	ds_event_clear(&ev);
	for (int i = 0; i < ROUNDS_MAX && !same; i++) {
		CHECK(ds_event_read(a.data, a.len - 1, 0, &ev, &perr) == 0);
		write_line(&b, &ev);
		ds_event_clear(&ev);
		same = is_same(&a, &b);
		CHECK(same || memmem(a.data, a.len, "...", 3));
		ds_buf_clear(&a);
		ds_buf_put(&a, b.data, b.len);
	}
	CHECK(same);
	ds_buf_free(&a);
	ds_buf_free(&b);
}

static void on_line(void *ctx, uint64_t number, const char *line, size_t len, bool ended)
{
	(void)ctx;
	(void)ended;
	CHECK(number > 0);
	if (line)
		go_round(line, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct ds_lines lines = { 0 };
	size_t half = size ? data[0] % (size + 1) : 0;

	go_round(text, size);
	/* In two pieces, cut anywhere. */
	(void)ds_lines_feed(&lines, text, half, on_line, NULL);
	(void)ds_lines_feed(&lines, text + half, size - half, on_line, NULL);
	ds_lines_finish(&lines, on_line, NULL);
	ds_lines_free(&lines);
	return 0;
}
