/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file of a live run: what an earlier run left goes into the core first, with the gap
 * between the two; from then on the file follows the core. Every 2 s while a pod goes away, every
 * 10 s otherwise, where something changed; once a minute in any case; and at the end.
 */
#ifndef DS_KEEP_STATE_H
#define DS_KEEP_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/core.h"
#include "user/options.h"

struct uv_loop_s;
struct ds_route;
struct ds_keep_state;

/* Everything is borrowed. 0, or -errno with one line logged. */
int ds_keep_state_new(struct ds_keep_state **ret_keep, const struct ds_options *options,
		      const struct ds_core *core, const char *run_id);

/*
 * Gives what the file holds, and the gap from its time until now, to `release`: after the start
 * event, and once everything is attached.
 */
void ds_keep_state_load(struct ds_keep_state *keep,
			void (*release)(void *ctx, const struct ds_event *ev), void *ctx);

/*
 * The routes have been read: for each address that the file says was held by a route of its own,
 * and that has none now, gives a release to `release`, with the gap as its interval. From here on
 * what is saved tells which addresses have one. route is borrowed until ds_keep_state_free.
 */
void ds_keep_state_routes(struct ds_keep_state *keep, const struct ds_route *route,
			  void (*release)(void *ctx, const struct ds_event *ev), void *ctx);

/* The end may come at any moment: while that is so every change is written in a quarter second. */
void ds_keep_state_hurry(struct ds_keep_state *keep, bool on);

/* Writes when it is time. */
void ds_keep_state_review(struct ds_keep_state *keep, struct uv_loop_s *loop, int64_t now_ns);

/* The last time. 0, or -errno with one line logged. */
int ds_keep_state_finish(struct ds_keep_state *keep);

/* After the loop has closed, or before it was used. NULL is fine. */
void ds_keep_state_free(struct ds_keep_state **keep);

#endif
