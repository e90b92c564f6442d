/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods that have to be looked at anew, once all of a telling is known: ds_cluster_settle takes them
 * one by one. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_TOUCH_H
#define DS_SOURCE_CLUSTER_TOUCH_H

#include "user/source/cluster/cluster_state.h"

void ds_cluster_pod_touch(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* All pods that a slice of the service names, and those whom its selector may mean. */
void ds_cluster_service_touch(struct ds_cluster *c, struct ds_cluster_service *s);
/* The next one, which counts as looked at; NULL = none. */
struct ds_cluster_pod_entry *ds_cluster_next_touched(struct ds_cluster *c);

#endif
