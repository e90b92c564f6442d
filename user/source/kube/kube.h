/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: the pods of one node, from the Kubernetes API server. Following them is kube_follow.c's
 * business, what a pod says kube_pod.c's. Whatever goes wrong is logged once, in one line, and
 * tried again; events catch up.
 */
#ifndef DS_SOURCE_KUBE_H
#define DS_SOURCE_KUBE_H

#include "user/core/event.h"
#include "user/source/kube/kube_api.h"

struct ds_kube;

struct ds_kube_options {
	struct ds_kube_api *api;	/* borrowed, for the life of the source */
	const char *node;	/* whose pods; copied */
	/* An event; rank (DS_RANK_EVENTS) and source_seq are set. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
};

/*
 * Begins to ask. 0, or -errno with one line logged; a server that does not answer is waited for.
 */
int ds_kube_new(struct ds_kube **ret_kube, const struct ds_kube_options *options);

/* An event of the state that an earlier run left: before the loop turns. */
void ds_kube_restored(struct ds_kube *k, const struct ds_event *ev);

/* Whether the first list was read whole. */
bool ds_kube_is_synced(const struct ds_kube *k);

/*
 * Sets a tick's counters: requests that failed or asked for all of it anew, and how late the news
 * are, or for how long there are none: the largest since it was last asked.
 */
void ds_kube_count(struct ds_kube *k, struct ds_event *tick);

/* Ends what is under way; the loop must run once more. NULL is fine. */
void ds_kube_free(struct ds_kube **kube);

#endif
