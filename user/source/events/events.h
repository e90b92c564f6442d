/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: events as JSON lines from a file, a FIFO or standard input ("-"). Followed as they grow
 * (ds_events_new), or read once to the end (ds_events_read_file: recordings), by follow.h, whose
 * bounds and promises hold here.
 *
 * A line that is not an event is logged as "PATH:LINE: byte OFFSET: fault" (the first ten, the
 * others are counted), counted, and never stops the run. Events that are output (drops, verdicts,
 * ...) are skipped and counted: they are computed again.
 */
#ifndef DS_SOURCE_EVENTS_H
#define DS_SOURCE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/event.h"

struct uv_loop_s;
struct ds_events;

struct ds_events_options {
	/*
	 * Takes an event: rank (DS_RANK_EVENTS) and source_seq (its number) are set. Freed after
	 * the call; whoever keeps it moves it away and zeroes *ev, or copies it.
	 */
	void (*deliver)(void *ctx, struct ds_event *ev);
	/* Asked after every block that was read; true ends ds_events_read_file. May be NULL. */
	bool (*stopped)(void *ctx);
	void *ctx;
	bool with_output;	/* deliver output events too */
};

struct ds_events_stats {
	uint64_t lines;		/* that were not blank */
	uint64_t events;	/* delivered */
	uint64_t bad;		/* not an event, too long, or cut off at the end */
	uint64_t skipped;	/* output events */
	bool ended;		/* nothing more will come */
};

/*
 * Opens path and follows it (ds_follow_new). Events without "time" get the time at which they are
 * read. Lines are numbered anew where another file, or a FIFO's next writer, begins; a rest without
 * a newline ends there. 0, or -errno with one line logged.
 */
int ds_events_new(struct ds_events **ret_events, struct uv_loop_s *loop, const char *path,
		  const struct ds_events_options *options);

/*
 * The end of the run: reads what is there by now (ds_follow_finish), then a rest without a newline
 * (delivered if it is an event, counted as bad otherwise), and logs how many faults were not
 * shown. Nothing is delivered afterwards.
 */
void ds_events_finish(struct ds_events *e);

struct ds_events_stats ds_events_stats(const struct ds_events *e);

/* Closes; the loop must run once more, so that its handles are closed too. NULL is fine. */
void ds_events_free(struct ds_events **e);

/*
 * Reads path, or standard input ("-"), to its end. Events without "time" are bad. 0, or -errno
 * with one line logged; *ret_stats is set in any case and may be NULL.
 */
int ds_events_read_file(const char *path, const struct ds_events_options *options,
			struct ds_events_stats *ret_stats);

#endif
