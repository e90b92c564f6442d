/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows one collection of the API server: list, watch, and after whatever goes wrong what makes
 * the knowledge whole again (kube_watch.h decides that; here is its I/O). Whatever goes wrong is
 * logged once, in one line, and tried again.
 */
#ifndef DS_SOURCE_KUBE_FOLLOW_H
#define DS_SOURCE_KUBE_FOLLOW_H

#include "user/source/kube/kube_api.h"
#include "user/source/kube/kube_watch.h"

struct ds_kube_follow;

struct ds_kube_follow_options {
	/* As kube_watch.h has it; the seed is made here. trouble NULL: it is logged. */
	struct ds_kube_watch_options watch;
	/* All that there is has been told, for the first time. NULL: nobody waits for it. */
	void (*synced)(void *ctx);	/* ctx of watch */
};

/* Begins. 0, or -ENOMEM with one line logged. */
int ds_kube_follow_new(struct ds_kube_follow **ret_follow, struct ds_kube_api *api,
		       const struct ds_kube_follow_options *options);

/* As the functions of the same names in kube_watch.h. */
void ds_kube_follow_know(struct ds_kube_follow *f, const char *uid, void *object);
struct ds_kube_watch_stats ds_kube_follow_stats(const struct ds_kube_follow *f);
int64_t ds_kube_follow_blind_ns(const struct ds_kube_follow *f);

/* Drops every object; the loop must run once more. Not from within a hook. NULL is fine. */
void ds_kube_follow_free(struct ds_kube_follow **follow);

#endif
