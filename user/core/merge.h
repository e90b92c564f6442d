/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merge: sources are late by different amounts; here their events wait for a fixed lateness and
 * leave in the order of (event time, source rank, source sequence) (DESIGN section 3). What comes
 * later than that is marked `late` and counted. Pure: the moment comes in as an argument.
 */
#ifndef DS_CORE_MERGE_H
#define DS_CORE_MERGE_H

#include "user/core/event.h"

#define DS_MERGE_LATENESS_NS INT64_C(200000000)

/* Ranks: within one instant, who the pods are comes before what happened to them, time last. */
enum ds_rank {
	DS_RANK_START, DS_RANK_EVENTS, DS_RANK_ROUTE, DS_RANK_KERNEL, DS_RANK_TICK, DS_RANK_MAX
};

struct ds_merge;

/* At most max events wait. 0 or -ENOMEM. */
int ds_merge_new(struct ds_merge **ret_merge, int64_t lateness_ns, size_t max);
void ds_merge_free(struct ds_merge **merge);

/*
 * Takes a copy, made canonical (ds_event_canonical). ev->rank and ev->source_seq must be set. 0;
 * -ENOBUFS when max events wait (the caller counts the loss); -ENOMEM.
 */
int ds_merge_push(struct ds_merge *m, const struct ds_event *ev);

/* Gives what is due at now_ns to `release`, in order; each event is freed after the call. */
void ds_merge_release(struct ds_merge *m, int64_t now_ns,
		      void (*release)(void *ctx, const struct ds_event *ev), void *ctx);

/* Gives everything that waits: the end of a run. */
void ds_merge_flush(struct ds_merge *m, void (*release)(void *ctx, const struct ds_event *ev),
		    void *ctx);

/* Events marked late so far. */
uint64_t ds_merge_late(const struct ds_merge *m);

#endif
