/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a stream into what the parsers of target group times take: lines of text, and JSON objects
 * wherever they begin on a line, on one line or many. The objects of a long list ("Records" of
 * CloudTrail, "Events" of lookup-events, a bare list) are given one by one, so that a file of any
 * size costs the memory of one. Pure.
 */
#ifndef DS_SOURCE_TARGETS_SPLIT_H
#define DS_SOURCE_TARGETS_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_TARGETS_ITEM_MAX 1048576	/* bytes of one line or object */
#define DS_TARGETS_DEPTH_MAX 64

enum ds_targets_item { DS_TARGETS_LINE, DS_TARGETS_OBJECT };

struct ds_targets_split {
	/* One item, borrowed for the call; line is where it begins, from 1. */
	void (*item)(void *ctx, enum ds_targets_item kind, uint64_t line, const char *data,
		     size_t len);
	/* What could not be cut, as a sentence without its end; the stream goes on behind it. */
	void (*fault)(void *ctx, uint64_t line, const char *what);
	void *ctx;
	/* the rest is its own: zero at first */
	struct ds_buf buf;
	int mode;
	uint64_t line, item_line;
	int depth, list_depth;		/* of the list whose objects are given, 0 = none */
	uint64_t objects;		/* a bit a depth: 1 = object, 0 = list */
	bool in_string, escaped, skipping, line_start;
	char before;			/* the last character that is no space */
	char key[16];			/* the last string of depth 1 */
	size_t key_len;
};

void ds_targets_split_feed(struct ds_targets_split *s, const char *data, size_t len);

/* The end of the stream: gives the last line, or tells what was cut off. Usable again. */
void ds_targets_split_end(struct ds_targets_split *s);

void ds_targets_split_free(struct ds_targets_split *s);

#endif
