/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS says: of groups, of their load balancers, of the targets that are asked for; and what
 * the controller notes at a binding. Touches the pods whom it concerns. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_GROUP_H
#define DS_SOURCE_CLUSTER_GROUP_H

#include "user/source/cluster/cluster_state.h"

/* A pod of that node is in the group (again): what it is is asked, its balancer is told. */
void ds_cluster_group_meet(struct ds_cluster *c, struct ds_cluster_group *g, const char *node);
/* What a binding says of the controller's work at its group. */
void ds_cluster_group_checkpoint(struct ds_cluster *c, const struct ds_read_binding *b);
/* As ds_cluster_group_is and ds_cluster_pass, but that nothing is looked at yet. */
void ds_cluster_group_learn(struct ds_cluster *c, const char *arn,
			    const struct ds_cluster_group_facts *facts);
void ds_cluster_group_pass(struct ds_cluster *c, const struct ds_event *ev);

#endif
