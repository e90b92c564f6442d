/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods that nobody judges, because the agent of their node has vanished. Two minutes after a pod of
 * a target group has ended, its node must have an agent that is ready, and that was there before:
 * one whose pod began later knows nothing of it, unless its state is kept on the node (a hostPath).
 * Else the pod's verdict is observation_cut, said here, once. Pure.
 *
 * Nothing is said of a pod that an agent speaks of by itself: where the last one was told to end in
 * order, it wrote a verdict for each pod that went by then; where one is there but not ready, its
 * container may be restarted with its state, and is waited for. Of a node on which no agent was
 * ever seen nothing is said either: none was meant to be there. What cannot be known: whether an
 * agent that was lost without a word had spoken already; pods that end within two minutes before
 * another instance begins to lead are not looked at.
 */
#ifndef DS_SOURCE_HANDOVER_VANISHED_H
#define DS_SOURCE_HANDOVER_VANISHED_H

#include <json-c/json.h>

#include "user/core/event.h"
#include "user/source/cluster/cluster.h"
#include "user/source/kube/kube_watch.h"

#define DS_VANISHED_DUE_NS INT64_C(120000000000)
#define DS_VANISHED_PATIENCE_NS INT64_C(540000000000)	/* CrashLoopBackOff waits for 5 min */
#define DS_VANISHED_PODS_MAX 65536
#define DS_VANISHED_NODES_MAX 16384

struct ds_vanished;

struct ds_vanished_options {
	/* That pod has no verdict but this one. */
	void (*judge)(void *ctx, const char *node, const char *uid);
	void *ctx;
};

/* 0 or -ENOMEM. */
int ds_vanished_new(struct ds_vanished **ret_vanished, const struct ds_vanished_options *options);
void ds_vanished_free(struct ds_vanished **vanished);

/* The hooks of a watch of the agents' pods, whose ctx is the struct ds_vanished. */
extern const struct ds_kube_keep ds_vanished_keep[];
void *ds_vanished_take(void *ctx, void *object, json_object *json);
void ds_vanished_tell(void *ctx, void *object, enum ds_kube_told told);
void ds_vanished_drop(void *ctx, void *object);

/* The pod ended at that time, and began to go at another (0 = then); at 0: it is there again. */
void ds_vanished_ended(struct ds_vanished *v, const char *node, const char *uid, int64_t going_ns,
		       int64_t at_ns);

/* Time passes: about once a second. */
void ds_vanished_tick(struct ds_vanished *v, int64_t now_ns);

/* The verdict of such a pod. Strings are borrowed of pod and node. */
void ds_vanished_verdict(const struct ds_cluster_pod_facts *pod, const char *node, int64_t now_ns,
			 struct ds_event *ret_ev);

#endif
