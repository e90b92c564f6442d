/* SPDX-License-Identifier: Apache-2.0 */
/* The workload that an object belongs to: whose ownerReferences name it as controller. Pure. */
#ifndef DS_SOURCE_KUBE_OWNER_H
#define DS_SOURCE_KUBE_OWNER_H

#include "user/core/event.h"
#include "user/source/kube/kube_json.h"

enum ds_kube_owner { DS_KUBE_OWNER_NONE, DS_KUBE_OWNER_REPLICASET, DS_KUBE_OWNER_DEPLOYMENT,
	DS_KUBE_OWNER_STATEFULSET, DS_KUBE_OWNER_DAEMONSET, DS_KUBE_OWNER_JOB };

/*
 * Its kind and name; NONE where there is none of these kinds with a name that fits, and *ret_name
 * is untouched then.
 */
enum ds_kube_owner ds_kube_owner_read(json_object *metadata, char ret_name[DS_KUBE_NAME_LEN + 1]);

/* Puts it into an event of its pod; the name is borrowed. */
void ds_kube_owner_set(enum ds_kube_owner kind, const char *name, struct ds_event *ev);

#endif
