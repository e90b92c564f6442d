/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: when targets began to drain, from files that others wrote (--targets): CloudTrail, the
 * load balancer controller's log, describe-target-health, CSV, drainsnoop's own lines; gzip too.
 * On the uv loop or at one go, by follow.h, whose bounds and promises hold here; the parsers are
 * targets_*.c.
 *
 * What cannot be read is logged as "PATH:LINE: fault" (the first ten, the others are counted)
 * and never stops the run. Any other source of target states (a poller) delivers the same events:
 * state, source, not_before, not_after and clock.error_ms; the core needs to know no more of it.
 */
#ifndef DS_SOURCE_TARGETS_H
#define DS_SOURCE_TARGETS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/event.h"

struct uv_loop_s;
struct ds_targets_source;

struct ds_targets_options {
	/* An event; rank (DS_RANK_EVENTS) and source_seq are set. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
	uint64_t *seq;		/* the next source_seq: of all files that are merged together */
	bool follow;		/* go on reading as the file grows */
	int64_t clock_error_ns;	/* how far off the clocks of who wrote it may be */
};

/*
 * Opens path ("-" is standard input) and reads it on the loop (ds_follow_new): to its end, or with
 * follow for ever. Events get the time at which they are read: what happened when is in their
 * bounds. 0, or -errno with one line logged.
 */
int ds_targets_source_new(struct ds_targets_source **ret_source, struct uv_loop_s *loop,
			  const char *path, const struct ds_targets_options *options);

/* The end of the run: reads what is there by now, says how many faults were not shown. */
void ds_targets_source_finish(struct ds_targets_source *s);

/* Closes; the loop must run once more. NULL is fine. */
void ds_targets_source_free(struct ds_targets_source **s);

/*
 * Reads path to its end; events have the upper bound of what they tell as their time. 0, or -errno
 * with one line logged; *ret_bad is how many items could not be read.
 */
int ds_targets_source_read(const char *path, const struct ds_targets_options *options,
			   uint64_t *ret_bad);

#endif
