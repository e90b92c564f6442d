/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which targets a pod is. The controller takes the EndpointSlices of the binding's Service, so they
 * decide wherever they are known; before, the Service's selector does. A readiness gate names its
 * binding by itself: the pod was meant for it when it was made. Pure.
 *
 * Of an instance target group the nodes are registered, and a binding's nodeSelector says which.
 * That is not asked: whether its own node is one of them says nothing of a pod, which the others
 * reach too by the Service's node port. Where a Service keeps to the node (policy Local), a pod of
 * a node that is not registered gets nothing, and nothing is told of it: its port is only known.
 */
#ifndef DS_SOURCE_CLUSTER_MEMBER_H
#define DS_SOURCE_CLUSTER_MEMBER_H

#include "user/source/cluster/cluster_state.h"

/* The targets that a pod is by what is known now. Returns how many; members' told is 0. */
int ds_cluster_members_of(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			  struct ds_cluster_member members[DS_CLUSTER_TARGETS_MAX]);

#endif
