/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: what the program says on standard error, by a queue: a container's standard error may stall
 * as its standard output may, and a loop that has something to say must not wait for it. One at a
 * time in a process. What has no room is lost, counted, and said once there is room again.
 */
#ifndef DS_SINK_LOG_QUEUE_H
#define DS_SINK_LOG_QUEUE_H

#include <stdint.h>

struct ds_log_queue;

/* From here on all that is logged goes through it. 0, or -errno with one line logged. */
int ds_log_queue_new(struct ds_log_queue **ret_queue);

/* Once a second: says what was lost. */
void ds_log_queue_review(struct ds_log_queue *q);

/* Messages lost since it began, as of the last review. */
uint64_t ds_log_queue_lost(const struct ds_log_queue *q);

/*
 * Waits for at most a second. Afterwards messages go to standard error again or, where that still
 * stalls, nowhere: the process is about to end. NULL is fine.
 */
void ds_log_queue_free(struct ds_log_queue **queue);

#endif
