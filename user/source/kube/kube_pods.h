/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods that a watch follows, told as events: a pod.state where something that drainsnoop knows
 * of has changed, a loss for a pod that vanished unseen. Pure.
 */
#ifndef DS_SOURCE_KUBE_PODS_H
#define DS_SOURCE_KUBE_PODS_H

#include "user/core/event.h"
#include "user/source/kube/kube_watch.h"

struct ds_kube_pods {
	/* An event; rank and source_seq are the caller's. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
	const char *node;	/* whose pods they are; borrowed */
	int64_t now_ns;		/* set before each call of the watch */
	/*
	 * The API server's clock less this node's lies within these; both 0 = the same, as far as
	 * is known. Times of deletion, which are that clock's, are told by this node's.
	 */
	int64_t clock_lo_ns, clock_hi_ns;
	/*
	 * By how much the latest news came late, by the stamps in it: the largest since it was last
	 * set to 0. Stamps are whole seconds, and of another clock.
	 */
	int64_t late_ns;
};

/*
 * A pod that an earlier run knew, from a restored pod.state event: the object to be known by the
 * watch (ds_kube_watch_know) under the event's UID. NULL for one that had ended, for an event that
 * does not tell who and how it is, and for a static pod, which the API knows by another UID.
 */
void *ds_kube_pods_restored(const struct ds_event *ev);

/* The hooks of a watch, whose ctx is a struct ds_kube_pods. */
void *ds_kube_pods_take(void *ctx, void *object, json_object *json);
void ds_kube_pods_tell(void *ctx, void *object, enum ds_kube_told told);
void ds_kube_pods_drop(void *ctx, void *object);

#endif
