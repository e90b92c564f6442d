/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told to a pod's node. Of each thing a hash of what was told last is kept: what says the
 * same is not told again, and its time stays that of the first telling. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_EVENT_H
#define DS_SOURCE_CLUSTER_EVENT_H

#include "user/source/cluster/cluster_state.h"

/* What has changed of the pod since it was told last. */
void ds_cluster_pod_tell(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
void ds_cluster_address_tell(struct ds_cluster *c, const char *node, const struct ds_addr *addr,
			     const char *name, int type);
/* The controller did not deregister the pod's target before that moment. */
void ds_cluster_bound_tell(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			   const struct ds_cluster_member *m, int64_t not_before_ns);
/* A reading of the pod's target, with the pod's identity. */
void ds_cluster_reading_tell(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			     const struct ds_event *ev);

#endif
