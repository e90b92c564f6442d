/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a pod goes: its status where that says so, else what its controller wants. Watches are not in
 * step: a pod may be seen to go before its ReplicaSet wants fewer, or before there is a newer one.
 * So the question is put again whenever a controller changes, for some seconds; that it was deleted
 * by hand is said at their end. A DaemonSet's controller deletes pods for the nodes' sake too.
 * Pure.
 */
#ifndef DS_SOURCE_CLUSTER_TRIGGER_H
#define DS_SOURCE_CLUSTER_TRIGGER_H

#include "user/source/cluster/cluster_state.h"

/* Why the pod goes, by what is known now: enum ds_trigger; -1 = that is not known (yet). */
int ds_cluster_trigger(const struct ds_cluster_pod_entry *pod);
/* The workload's kind and name that own the pod; *ret_name borrowed. */
enum ds_kube_owner ds_cluster_owner_of(const struct ds_cluster_pod_entry *pod,
				       const char **ret_name);
/* The name that its workload has, by its own name: WORKLOAD-HASH, WORKLOAD-ORDINAL. */
bool ds_cluster_owner_name(const char *pod, char ret_name[DS_KUBE_NAME_LEN + 1]);
/* The object of a workload has changed from before (NULL: it is new). Touches pods. */
void ds_cluster_workload_changed(struct ds_cluster *c, struct ds_cluster_workload *w,
				 const struct ds_read_workload *before,
				 const struct ds_read_workload *after);

#endif
