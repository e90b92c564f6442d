/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: what `drainsnoop targets` hands over to the agent of this node, by one ConfigMap that the
 * agent follows by its name and by nothing else. That there is none is normal: no pod goes, or
 * nobody watches the cluster. Whatever goes wrong is logged once and tried again; a line stays in
 * the object for ten minutes and more, so that only a longer silence is a loss (stage watch).
 */
#ifndef DS_SOURCE_HANDOVER_H
#define DS_SOURCE_HANDOVER_H

#include "user/core/event.h"

struct uv_loop_s;
struct ds_kube_api;
struct ds_handover;

struct ds_handover_options {
	const char *namespace_;	/* of the object; copied */
	const char *node;	/* whose; copied */
	/* An event; rank (DS_RANK_EVENTS) and source_seq are set. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
};

/* 0, or -errno with one line logged. The API must outlive it. */
int ds_handover_new(struct ds_handover **ret_handover, struct ds_kube_api *api,
		    const struct ds_handover_options *options);

/* NULL is fine. */
void ds_handover_free(struct ds_handover **handover);

#endif
