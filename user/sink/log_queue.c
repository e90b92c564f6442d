/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/log_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/core/event.h"
#include "user/sink/line_queue.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define QUEUE_BYTES 65536
#define END_NS DS_NS_PER_S

_Static_assert(DS_LOG_LINE_MAX <= DS_EVENT_LINE_MAX, "the queue takes every message");

struct ds_log_queue {
	struct ds_line_queue *lines;
	uint64_t lost;
	uint64_t said;		/* of them */
};

static bool put(void *ctx, const char *line, size_t len)
{
	return ds_line_queue_put(ctx, line, len);
}

static bool swallow(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	(void)line;
	(void)len;
	return false;
}

int ds_log_queue_new(struct ds_log_queue **ret_queue)
{
	struct ds_log_queue *q = calloc(1, sizeof(*q));
	int r = q ? ds_line_queue_new(&q->lines, STDERR_FILENO, "standard error", QUEUE_BYTES) :
		    ds_log_err(ENOMEM, "write to standard error");

	if (r) {
		free(q);
		return r;
	}
	ds_log_write_by(put, q->lines);
	*ret_queue = q;
	return 0;
}

void ds_log_queue_review(struct ds_log_queue *q)
{
	uint64_t untold;

	q->lost += ds_line_queue_take_lost(q->lines);
	untold = q->lost - q->said;
	if (!untold || ds_line_queue_is_gone(q->lines) || ds_line_queue_wait(q->lines, 0))
		return;
	q->said = q->lost;
	ds_log_warn("standard error stalled: %" PRIu64 " messages before this one are lost",
		    untold);
}

uint64_t ds_log_queue_lost(const struct ds_log_queue *q)
{
	return q->lost;
}

void ds_log_queue_free(struct ds_log_queue **queue)
{
	struct ds_log_queue *q = queue ? *queue : NULL;
	uint64_t left;

	if (!q)
		return;
	*queue = NULL;
	left = ds_line_queue_wait(q->lines, END_NS);
	ds_log_write_by(left ? swallow : NULL, NULL);
	(void)ds_line_queue_finish(q->lines, left ? 0 : END_NS);
	ds_line_queue_free(&q->lines);
	free(q);
}
