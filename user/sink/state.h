/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: the state file (--state). Replaced as a whole or not at all: written beside itself as
 * FILE.new, synced, renamed. The slow part happens on a thread of the uv loop's pool.
 */
#ifndef DS_SINK_STATE_H
#define DS_SINK_STATE_H

#include "user/core/state_file.h"

struct uv_loop_s;
struct ds_state_sink;

/* path is borrowed. 0, or -ENOMEM with one line logged. */
int ds_state_sink_new(struct ds_state_sink **ret_sink, const char *path);

/* False while one is being written. */
bool ds_state_sink_is_ready(const struct ds_state_sink *sink);

/* Where the next state is made; only while the sink is ready. Borrowed of the sink. */
struct ds_state_text *ds_state_sink_text(struct ds_state_sink *sink);

/*
 * Writes the text in the background, unless its events are those written last and `force` is
 * false. Failures are logged, once until it succeeds again.
 */
void ds_state_sink_write(struct ds_state_sink *sink, struct uv_loop_s *loop, bool force);

/* Waits for what is being written: the sink is ready then. */
void ds_state_sink_wait(struct ds_state_sink *sink);

/* As ds_state_sink_write, at once and in this thread. 0, or -errno with one line logged. */
int ds_state_sink_write_now(struct ds_state_sink *sink);

/* After the loop has closed, or before it was used. NULL is fine. */
void ds_state_sink_free(struct ds_state_sink **sink);

#endif
