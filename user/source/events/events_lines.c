// SPDX-License-Identifier: Apache-2.0
/*
 * The splitter. Whole lines are handed out where they stand; only the rest at the end is copied.
 */
#include "user/source/events/events_lines.h"

#include <errno.h>
#include <string.h>

#include "user/core/event.h"

/* The line at hand will not be kept: says so once and skips to its end. */
static void give_up(struct ds_lines *l, ds_line_fn fn, void *ctx)
{
	ds_buf_clear(&l->rest);
	if (!l->skipping)
		fn(ctx, l->number, NULL, 0, false);
	l->skipping = true;
}

/* The part of a line that has no end yet. */
static int keep(struct ds_lines *l, const char *data, size_t len, ds_line_fn fn, void *ctx)
{
	if (len == 0 || l->skipping)
		return 0;
	if (l->rest.len + len > DS_EVENT_READ_MAX) {
		give_up(l, fn, ctx);
		return 0;
	}
	ds_buf_put(&l->rest, data, len);
	if (!l->rest.failed)
		return 0;
	give_up(l, fn, ctx);
	return -ENOMEM;
}

/* Its end: len bytes at data, after what was kept. */
static int complete(struct ds_lines *l, const char *data, size_t len, ds_line_fn fn, void *ctx)
{
	int r = 0;

	if (l->rest.len == 0 && !l->skipping) {
		if (len > DS_EVENT_READ_MAX)
			give_up(l, fn, ctx);
		else
			fn(ctx, l->number, data, len, true);
	} else {
		r = keep(l, data, len, fn, ctx);
		if (!l->skipping)
			fn(ctx, l->number, l->rest.data, l->rest.len, true);
	}
	ds_buf_clear(&l->rest);
	l->skipping = false;
	return r;
}

int ds_lines_feed(struct ds_lines *l, const char *data, size_t len, ds_line_fn fn, void *ctx)
{
	int err = 0, r;

	while (len > 0) {
		const char *newline = memchr(data, '\n', len);
		size_t n = newline ? (size_t)(newline - data) : len;

		if (l->rest.len == 0 && !l->skipping)
			l->number++;
		r = newline ? complete(l, data, n, fn, ctx) : keep(l, data, n, fn, ctx);
		if (r < 0)
			err = r;
		n += newline != NULL;
		data += n;
		len -= n;
	}
	return err;
}

void ds_lines_finish(struct ds_lines *l, ds_line_fn fn, void *ctx)
{
	if (l->rest.len > 0)
		fn(ctx, l->number, l->rest.data, l->rest.len, false);
	ds_buf_clear(&l->rest);
	l->skipping = false;
}

void ds_lines_free(struct ds_lines *l)
{
	ds_buf_free(&l->rest);
	*l = (struct ds_lines){ 0 };
}
