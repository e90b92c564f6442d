/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries that objects are tied to: found or made; NULL without memory, or where a table is
 * full, which is counted. Each is made by whoever refers to it first, and goes with the last that
 * does, who calls its release. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_TABLE_H
#define DS_SOURCE_CLUSTER_TABLE_H

#include "user/source/cluster/cluster_state.h"

void ds_tie_add(struct ds_ties *ties, struct ds_tie *tie, void *of);
void ds_tie_remove(struct ds_ties *ties, struct ds_tie *tie);

struct ds_cluster_service *ds_cluster_service_of(struct ds_cluster *c, const char *namespace_,
						 const char *name);
void ds_cluster_service_release(struct ds_cluster *c, struct ds_cluster_service *s);
struct ds_cluster_namespace *ds_cluster_namespace_of(struct ds_cluster *c, const char *name);
void ds_cluster_namespace_release(struct ds_cluster *c, struct ds_cluster_namespace *n);
struct ds_cluster_workload *ds_cluster_workload_of(struct ds_cluster *c, const char *namespace_,
						   const char *name);
void ds_cluster_workload_release(struct ds_cluster *c, struct ds_cluster_workload *w);
/* A ReplicaSet is of that Deployment; "" = of none. */
void ds_cluster_workload_is_of(struct ds_cluster *c, struct ds_cluster_workload *w,
			       const char *namespace_, const char *deployment);
struct ds_cluster_node_entry *ds_cluster_node_of(struct ds_cluster *c, const char *name);
void ds_cluster_node_release(struct ds_cluster *c, struct ds_cluster_node_entry *n);
struct ds_cluster_group *ds_cluster_group_of(struct ds_cluster *c, const char *arn);
void ds_cluster_group_release(struct ds_cluster *c, struct ds_cluster_group *g);
struct ds_cluster_balancer *ds_cluster_balancer_of(struct ds_cluster *c, const char *name);
struct ds_cluster_pod_entry *ds_cluster_pod_of(struct ds_cluster *c, const char *uid,
					       const char *namespace_, const char *name);
/* Only looks. NULL = there is none. */
struct ds_cluster_namespace *ds_cluster_namespace_find(const struct ds_cluster *c,
						       const char *name);
struct ds_cluster_address *ds_cluster_address_find(const struct ds_cluster *c,
						   const struct ds_addr *addr);
/* The pod has these addresses, and no others. */
void ds_cluster_pod_hold(struct ds_cluster *c, struct ds_cluster_pod_entry *pod,
			 const struct ds_addr *addresses, int cnt);
/* Frees the pod, whom nothing may refer to any more. */
void ds_cluster_pod_remove(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* Frees groups and load balancers, once there are no pods. */
void ds_cluster_table_clear(struct ds_cluster *c);

#endif
