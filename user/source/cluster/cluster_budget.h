/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PodDisruptionBudgets that let no pod of a target group be evicted, ever: as many must be healthy
 * as there are, or several select the same pod, which the eviction API refuses. A node that runs
 * one of them cannot be drained, and whoever loses patience ends the pod by force. Said once of
 * each budget. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_BUDGET_H
#define DS_SOURCE_CLUSTER_BUDGET_H

#include "user/source/cluster/cluster_state.h"

/* The pod, or what is known of it, is another: are there such budgets for it? */
void ds_cluster_budget_of(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod);
/* A budget was told, or told anew: for its namespace's pods. */
void ds_cluster_budget_is(struct ds_cluster *c, struct ds_cluster_object *pdb);

#endif
