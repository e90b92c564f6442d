/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: lines to a file descriptor that may stall, as the standard output of a container does while
 * its runtime is busy. A bounded queue and a thread that does nothing but write: one write() a
 * line, so that a reader never sees half of one. Who puts lines in never waits; what has no room is
 * lost, and counted. The process must ignore SIGPIPE.
 */
#ifndef DS_SINK_LINE_QUEUE_H
#define DS_SINK_LINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_line_queue;

/*
 * At most `bytes` wait; fd is borrowed, `name` too (for messages). The thread gives up the
 * capabilities that it has. 0, or -errno with one line logged.
 */
int ds_line_queue_new(struct ds_line_queue **ret_queue, int fd, const char *name, size_t bytes);

/* A line with its newline, at most DS_EVENT_LINE_MAX bytes. False: it is lost, and counted. */
bool ds_line_queue_put(struct ds_line_queue *q, const char *line, size_t len);

/* Lines lost since this was last asked: there was no room, or they could not be written. */
uint64_t ds_line_queue_take_lost(struct ds_line_queue *q);

/* Whether the reader has gone for good (EPIPE): every later line is lost. */
bool ds_line_queue_is_gone(struct ds_line_queue *q);

/* Waits until all is written, at most so long. The number of lines that still wait. */
uint64_t ds_line_queue_wait(struct ds_line_queue *q, int64_t at_most_ns);

/*
 * The end: waits until all is written, at most so long. The number of lines that still wait; they
 * are lost. Nothing may be put in afterwards.
 */
uint64_t ds_line_queue_finish(struct ds_line_queue *q, int64_t at_most_ns);

/*
 * After ds_line_queue_finish, which it does for a second where that was left out. A thread that is
 * stuck in a write is left behind with what it needs: the process is about to end. NULL is fine.
 */
void ds_line_queue_free(struct ds_line_queue **queue);

#endif
