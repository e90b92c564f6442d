/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a hand-over as events. Every version of the object holds what was told before too:
 * each line is delivered once. What is no event, or one that a hand-over does not tell of, is
 * counted, and told once. Pure.
 */
#ifndef DS_SOURCE_HANDOVER_READ_H
#define DS_SOURCE_HANDOVER_READ_H

#include <json-c/json.h>

#include "user/core/event.h"

struct ds_handover_reader;

struct ds_handover_read_options {
	/* An event; rank (DS_RANK_EVENTS) and source_seq are set. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	/* What is wrong with that line of the text (from 1); ASCII, without a full stop. */
	void (*fault)(void *ctx, size_t line, const char *what);
	void *ctx;
	uint64_t seed;		/* of what is remembered of lines: random */
};

struct ds_handover_read_stats {
	uint64_t events;	/* delivered: lines */
	uint64_t bad;		/* lines that are no such events */
	uint64_t over;		/* texts that were too long, or had too many lines: read in part */
};

/* 0 or -ENOMEM. */
int ds_handover_reader_new(struct ds_handover_reader **ret_reader,
			   const struct ds_handover_read_options *options);

/*
 * A version of the text, told at now_ns: delivers the lines that the version before it did not
 * hold. An event of the future is told as of now: clocks differ.
 */
void ds_handover_reader_text(struct ds_handover_reader *r, const char *text, size_t len,
			     int64_t now_ns);

/* The same for the ConfigMap object; one without the text is an empty one. */
void ds_handover_reader_object(struct ds_handover_reader *r, json_object *object, int64_t now_ns);

/*
 * The object can be read again at now_ns, after so long a time without: a loss, where lines may
 * have come and gone meanwhile. What was told before it stands all the time.
 */
void ds_handover_reader_blind(struct ds_handover_reader *r, int64_t blind_ns, int64_t now_ns);

struct ds_handover_read_stats ds_handover_reader_stats(const struct ds_handover_reader *r);

void ds_handover_reader_free(struct ds_handover_reader **reader);

#endif
