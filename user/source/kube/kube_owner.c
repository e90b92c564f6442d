/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/kube/kube_owner.h"

#include <string.h>

enum ds_kube_owner ds_kube_owner_read(json_object *metadata, char ret_name[DS_KUBE_NAME_LEN + 1])
{
	static const struct {
		const char *word;
		enum ds_kube_owner kind;
	} kinds[] = {
		{ "ReplicaSet", DS_KUBE_OWNER_REPLICASET },
		{ "Deployment", DS_KUBE_OWNER_DEPLOYMENT },
		{ "StatefulSet", DS_KUBE_OWNER_STATEFULSET },
		{ "DaemonSet", DS_KUBE_OWNER_DAEMONSET },
		{ "Job", DS_KUBE_OWNER_JOB },
	};
	json_object *owner = ds_kube_controller(metadata);
	const char *word = ds_kube_text(owner, "kind"), *name = ds_kube_text(owner, "name");

	for (size_t k = 0; name[0] && k < sizeof(kinds) / sizeof(kinds[0]); k++)
		if (!strcmp(word, kinds[k].word) &&
		    ds_kube_copy(ret_name, DS_KUBE_NAME_LEN + 1, name))
			return kinds[k].kind;
	return DS_KUBE_OWNER_NONE;
}

void ds_kube_owner_set(enum ds_kube_owner kind, const char *name, struct ds_event *ev)
{
	switch (kind) {
	case DS_KUBE_OWNER_REPLICASET:
		DS_SET_STR(ev, REPLICASET, replicaset, name);
		break;
	case DS_KUBE_OWNER_DEPLOYMENT:
		DS_SET_STR(ev, DEPLOYMENT, deployment, name);
		break;
	case DS_KUBE_OWNER_STATEFULSET:
		DS_SET_STR(ev, STATEFULSET, statefulset, name);
		break;
	case DS_KUBE_OWNER_DAEMONSET:
		DS_SET_STR(ev, DAEMONSET, daemonset, name);
		break;
	case DS_KUBE_OWNER_JOB:
		DS_SET_STR(ev, JOB, job, name);
		break;
	case DS_KUBE_OWNER_NONE:
		break;
	}
}
