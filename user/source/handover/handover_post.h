/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends what the store (handover_store.h) wants written to the API server, on the loop. Whatever
 * goes wrong is logged once of each kind, with the right that is missing, and tried again.
 */
#ifndef DS_SOURCE_HANDOVER_POST_H
#define DS_SOURCE_HANDOVER_POST_H

#include "user/source/handover/handover_store.h"

struct ds_kube_api;
struct ds_handover_post;

struct ds_handover_post_options {
	/* As handover_store.h has it, but for seed, trouble, and ctx of the functions. */
	const char *namespace_;
	struct ds_handover_text *text;
	void (*ready)(void *ctx);
	void *ctx;
};

/* 0, or -ENOMEM with one line logged. API and text must outlive it. */
int ds_handover_post_new(struct ds_handover_post **ret_post, struct ds_kube_api *api,
			 const struct ds_handover_post_options *options);

struct ds_handover_store_stats ds_handover_post_stats(const struct ds_handover_post *p);

/* Writes nothing any more; the loop must run once more. NULL is fine. */
void ds_handover_post_free(struct ds_handover_post **post);

#endif
