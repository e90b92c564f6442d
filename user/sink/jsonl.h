/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: events as JSON lines, to standard output or to a file (--record). Standard output, pipes
 * and terminals get one write() a line, so that a reader never sees half of one; files are
 * buffered until 64 KiB, ds_jsonl_flush or ds_jsonl_free. Main must ignore SIGPIPE.
 */
#ifndef DS_SINK_JSONL_H
#define DS_SINK_JSONL_H

#include <stdint.h>

#include "user/core/event.h"

struct ds_jsonl;

struct ds_jsonl_stats {
	uint64_t lines;		/* written, or waiting in the buffer */
	uint64_t bytes;		/* written */
	uint64_t lost;		/* lines that could not be written and never will be */
};

/*
 * Opens path for writing, what was in it is gone; NULL means standard output, which stays open.
 * 0, or -errno with one line logged.
 */
int ds_jsonl_new(struct ds_jsonl **ret_sink, const char *path);

/*
 * Writes the event as one line with that number. 0, or -errno (-ENOSPC: the disk is full; -EPIPE:
 * the reader has gone), and then one line is logged, once (but for -EPIPE on standard output,
 * which is silent). After -EPIPE all later lines are lost. After other errors a file keeps what
 * is in its buffer, the next call tries again, and lines are lost while the buffer is full.
 * A file never ends in a part of a line: what a full disk took of one is cut off again.
 */
int ds_jsonl_event(struct ds_jsonl *sink, const struct ds_event *ev, uint64_t seq);

/*
 * The file may have been renamed: writes what waits and goes on in the file that now has its path,
 * at its end; that file is made where there is none. 0, or -errno with one line logged: the old
 * file is written on. Nothing happens to standard output, or where the path still leads to it.
 */
int ds_jsonl_reopen(struct ds_jsonl *sink);

/* Writes what waits in the buffer. 0 or -errno, as above. */
int ds_jsonl_flush(struct ds_jsonl *sink);

/* The last flush of a run: what cannot be written now is counted as lost. 0 or -errno. */
int ds_jsonl_finish(struct ds_jsonl *sink);

struct ds_jsonl_stats ds_jsonl_stats(const struct ds_jsonl *sink);

/* Flushes as far as possible (ask ds_jsonl_flush for its result) and closes. NULL is fine. */
void ds_jsonl_free(struct ds_jsonl **sink);

#endif
