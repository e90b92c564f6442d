/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods: whatever is told touches some; each of them is then looked at once, and what has become of
 * it is told. A pod that goes keeps its targets: they drain for longer than anything names it.
 * Pure.
 */
#ifndef DS_SOURCE_CLUSTER_POD_H
#define DS_SOURCE_CLUSTER_POD_H

#include "user/source/cluster/cluster_state.h"

/* Looks at the touched ones anew, and tells what has become of them. */
void ds_cluster_settle(struct ds_cluster *c);
/* Its Pod object is gone, for ever. */
void ds_cluster_pod_gone(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* Time passes for those that go. */
void ds_cluster_pods_tick(struct ds_cluster *c);
/* Frees whatever is left, once there are no objects. */
void ds_cluster_pods_clear(struct ds_cluster *c);

#endif
