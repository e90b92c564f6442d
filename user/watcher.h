/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `drainsnoop targets` does while it leads: follows the cluster, asks AWS for the targets of
 * pods that go away, hands both to the agents, and says for which pods an agent has vanished. Made
 * when this instance begins to lead, freed at once when it does no more: nothing is asked and
 * written after that.
 */
#ifndef DS_WATCHER_H
#define DS_WATCHER_H

#include "user/core/event.h"
#include "user/util/buf.h"

struct ds_kube_api;
struct ds_options;
struct ds_watcher;
struct ds_watcher_metrics;

struct ds_watcher_options {
	struct ds_kube_api *api;
	const struct ds_options *options;	/* borrowed */
	const char *namespace_;		/* of the ConfigMaps, and of the agents; borrowed */
	struct ds_watcher_metrics *metrics;	/* borrowed */
	/* A line for standard output; borrowed for the call. */
	void (*emit)(void *ctx, struct ds_event *ev);
	void *ctx;
};

/* 0, or -errno with one line logged. */
int ds_watcher_new(struct ds_watcher **ret_watcher, const struct ds_watcher_options *options);

/* Whether all is known that there is; if not, *why (a sentence) is what is waited for. */
bool ds_watcher_is_ready(const struct ds_watcher *w, struct ds_buf *why);

/* A pod of that group goes away now, or its target may still drain. */
bool ds_watcher_group_goes(const struct ds_watcher *w, const char *arn);

/* ConfigMaps that were made, replaced or taken away; requests for that which came to nothing. */
void ds_watcher_writes(const struct ds_watcher *w, uint64_t *ret_writes, uint64_t *ret_failed);

/* The loop must run once more. NULL is fine. */
void ds_watcher_free(struct ds_watcher **watcher);

#endif
