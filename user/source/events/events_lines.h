/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a stream of bytes into lines: bounded, with line numbers. Pure.
 */
#ifndef DS_SOURCE_EVENTS_LINES_H
#define DS_SOURCE_EVENTS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

/* Zeroed at first; ds_lines_free at last. */
struct ds_lines {
	struct ds_buf rest;	/* of a line whose end has not come */
	uint64_t number;	/* of lines begun so far: the first is 1 */
	bool skipping;		/* the line at hand is too long and was told already */
};

/*
 * Takes one line without its newline, borrowed for the call. line is NULL for one that is longer
 * than DS_EVENT_READ_MAX bytes: told once, its bytes are skipped. `ended` is false for a rest
 * without a newline.
 */
typedef void (*ds_line_fn)(void *ctx, uint64_t number, const char *line, size_t len, bool ended);

/* 0, or -ENOMEM: then the line at hand is lost, and told as too long. */
int ds_lines_feed(struct ds_lines *l, const char *data, size_t len, ds_line_fn fn, void *ctx);

/* The end of the stream: gives the rest, if there is one. Ready for another stream then. */
void ds_lines_finish(struct ds_lines *l, ds_line_fn fn, void *ctx);

void ds_lines_free(struct ds_lines *l);

#endif
