// SPDX-License-Identifier: Apache-2.0
#include "user/source/events/events_lines.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/event.h"

/* What came out, as text: "1:abc 2:... 3:TOO LONG 4:rest~". */
struct got {
	struct ds_buf text;
};

static void take(void *ctx, uint64_t number, const char *line, size_t len, bool ended)
{
	struct got *g = ctx;

	ds_buf_printf(&g->text, "%s%d:", g->text.len ? " " : "", (int)number);
	if (!line) {
		ds_buf_puts(&g->text, "TOO LONG");
	} else if (len > 100) {
		ds_buf_printf(&g->text, "%zu bytes", len);
	} else {
		ds_buf_put(&g->text, line, len);
	}
	if (!ended && line)
		ds_buf_putc(&g->text, '~');
}

/* The same bytes in pieces of every size give the same lines. */
static void assert_lines(const char *data, size_t len, const char *want)
{
	for (size_t piece = 1; piece <= len; piece += piece < 50 ? 1 : piece) {
		struct ds_lines l = { 0 };
		struct got g = { 0 };

		for (size_t at = 0; at < len; at += piece) {
			size_t n = len - at < piece ? len - at : piece;
			char *copy = malloc(n);

			memcpy(copy, data + at, n);
			assert_int_equal(ds_lines_feed(&l, copy, n, take, &g), 0);
			free(copy);
		}
		ds_lines_finish(&l, take, &g);
		assert_string_equal(g.text.data ? g.text.data : "", want);
		ds_buf_free(&g.text);
		ds_lines_free(&l);
	}
}

static void any_pieces_give_the_same_lines(void **state)
{
	(void)state;
	assert_lines("abc\n", 4, "1:abc");
	assert_lines("abc\ndef\n\n\r\ng", 12, "1:abc 2:def 3: 4:\r 5:g~");
	assert_lines("\n", 1, "1:");
	assert_lines("no end", 6, "1:no end~");
	assert_lines("", 0, "");
}

static void long_lines_are_told_once_and_skipped(void **state)
{
	size_t len = 3 * DS_EVENT_READ_MAX;
	char *data = malloc(len);

	(void)state;
	memset(data, 'x', len);
	data[10] = '\n';
	data[len - 5] = '\n';
	assert_lines(data, len, "1:xxxxxxxxxx 2:TOO LONG 3:xxxx~");
	/* At the end of the stream too. */
	assert_lines(data, len - 5, "1:xxxxxxxxxx 2:TOO LONG");
	/* The longest that is taken, and one more. */
	data[0] = '\n';
	data[10] = 'x';
	data[1 + DS_EVENT_READ_MAX] = '\n';
	assert_lines(data, DS_EVENT_READ_MAX + 2, "1: 2:65536 bytes");
	data[1 + DS_EVENT_READ_MAX] = 'x';
	data[2 + DS_EVENT_READ_MAX] = '\n';
	assert_lines(data, DS_EVENT_READ_MAX + 3, "1: 2:TOO LONG");
	free(data);
}

static void numbers_go_on_after_an_end(void **state)
{
	struct ds_lines l = { 0 };
	struct got g = { 0 };

	(void)state;
	assert_int_equal(ds_lines_feed(&l, "a\nb", 3, take, &g), 0);
	ds_lines_finish(&l, take, &g);
	ds_lines_finish(&l, take, &g);
	assert_int_equal(ds_lines_feed(&l, "c\n", 2, take, &g), 0);
	assert_string_equal(g.text.data, "1:a 2:b~ 3:c");
	ds_buf_free(&g.text);
	ds_lines_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_pieces_give_the_same_lines),
		cmocka_unit_test(long_lines_are_told_once_and_skipped),
		cmocka_unit_test(numbers_go_on_after_an_end),
	};

	return cmocka_run_group_tests_name("events_lines", tests, NULL, NULL);
}
