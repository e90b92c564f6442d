/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects and what they are tied to. An object that says the same as before, which most do (a
 * status, a checkpoint, an annotation), touches nobody. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_OBJECT_H
#define DS_SOURCE_CLUSTER_OBJECT_H

#include "user/source/cluster/cluster_state.h"

/* Reads; NULL where it makes no sense. */
void *ds_cluster_object_read(struct ds_cluster *c, enum ds_cluster_kind kind, json_object *json);
void ds_cluster_object_free(enum ds_cluster_kind kind, void *facts);
/* Its news become what is known of it; it is gone. Pods that are concerned are touched. */
void ds_cluster_object_update(struct ds_cluster *c, struct ds_cluster_object *o);
void ds_cluster_object_remove(struct ds_cluster *c, struct ds_cluster_object *o);

#endif
