// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the line splitter and the event reader. What is taken must be written, read and
 * written again to the same bytes, and be a line of ours.
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

static void go_round(const char *line, size_t len)
{
	struct ds_buf a = { 0 }, b = { 0 };
	struct ds_event first, second;
	struct ds_perr perr = { 0 };

	if (ds_event_read(line, len, 1, &first, &perr) < 0) {
		CHECK(perr.offset <= len);
		CHECK(perr.what[0]);
		CHECK(memchr(perr.what, '\0', sizeof(perr.what)));
		return;
	}
	ds_event_write(&a, &first, first.source_seq);
	CHECK(!a.failed && a.len > 2 && a.len <= DS_EVENT_LINE_MAX);
	CHECK(a.data[a.len - 1] == '\n' && !memchr(a.data, '\n', a.len - 1));
	CHECK(utf8_valid(a.data, a.len));
	CHECK(ds_event_read(a.data, a.len - 1, 0, &second, &perr) == 0);
	ds_event_write(&b, &second, second.source_seq);
	CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
	ds_event_clear(&first);
	ds_event_clear(&second);
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
