/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants how many pods of which revision; how many of them may be taken away. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/cluster_read.h"
#include "user/source/kube/kube_json.h"

#define REVISION "deployment.kubernetes.io/revision"
#define GENERATION "deprecated.daemonset.template.generation"

/* ---- ReplicaSet, Deployment, StatefulSet, DaemonSet ---- */

const struct ds_kube_keep ds_read_workload_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "spec" },
	{ "object", "status" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "metadata", "deletionTimestamp" },
	{ "metadata", "annotations" },
	{ "metadata", "labels" },	/* of the template */
	{ "labels", "*" },
	{ "annotations", REVISION },
	{ "annotations", GENERATION },
	{ "metadata", "ownerReferences" },
	{ "ownerReferences", "kind" },
	{ "ownerReferences", "name" },
	{ "ownerReferences", "controller" },
	{ "spec", "replicas" },
	{ "spec", "strategy" },
	{ "strategy", "type" },
	{ "spec", "updateStrategy" },
	{ "updateStrategy", "rollingUpdate" },
	{ "rollingUpdate", "partition" },
	{ "spec", "ordinals" },
	{ "ordinals", "start" },
	{ "spec", "template" },
	{ "template", "metadata" },
	{ "status", "replicas" },
	{ "status", "updateRevision" },
	{ "status", "currentRevision" },
	{ "status", "desiredNumberScheduled" },
	{ "status", "currentNumberScheduled" },
	{ "status", "updatedNumberScheduled" },
	{ NULL, NULL },
};

static void read_stateful_set(json_object *spec, json_object *status, struct ds_read_workload *w)
{
	json_object *rolling =
		ds_kube_child(ds_kube_child(spec, "updateStrategy"), "rollingUpdate");
	int64_t partition = ds_read_number(rolling, "partition", INT32_MAX);
	int64_t start = ds_read_number(ds_kube_child(spec, "ordinals"), "start", INT32_MAX);

	(void)ds_kube_copy(w->update_revision, sizeof(w->update_revision),
			   ds_kube_text(status, "updateRevision"));
	(void)ds_kube_copy(w->current_revision, sizeof(w->current_revision),
			   ds_kube_text(status, "currentRevision"));
	w->partition = partition > 0 ? partition : 0;
	w->first_ordinal = start > 0 ? start : 0;
}

static void read_daemon_set(json_object *metadata, json_object *status,
			    struct ds_read_workload *w)
{
	json_object *annotations = ds_kube_child(metadata, "annotations");

	w->template_generation = ds_read_digits(ds_kube_text(annotations, GENERATION), INT32_MAX);
	w->desired = ds_read_number(status, "desiredNumberScheduled", INT32_MAX);
	w->present = ds_read_number(status, "currentNumberScheduled", INT32_MAX);
	/* Left out where it is 0. */
	w->updated = ds_read_number(status, "updatedNumberScheduled", INT32_MAX);
	if (w->updated < 0)
		w->updated = 0;
}

static int fill_workload(json_object *object, enum ds_kube_owner kind,
			 struct ds_read_workload *w)
{
	json_object *metadata = ds_kube_child(object, "metadata"),
		    *spec = ds_kube_child(object, "spec"),
		    *status = ds_kube_child(object, "status"),
		    *template = ds_kube_child(ds_kube_child(spec, "template"), "metadata"),
		    *annotations = ds_kube_child(metadata, "annotations");
	enum ds_kube_owner owner;

	if (!ds_read_name(object, &w->id))
		return -EINVAL;
	w->kind = kind;
	w->updated = w->template_generation = -1;
	w->desired = ds_read_number(spec, "replicas", INT32_MAX);
	w->present = ds_read_number(status, "replicas", INT32_MAX);
	w->revision = ds_read_digits(ds_kube_text(annotations, REVISION), INT64_MAX / 16);
	owner = ds_kube_owner_read(metadata, w->owner);
	if (owner != DS_KUBE_OWNER_DEPLOYMENT || kind != DS_KUBE_OWNER_REPLICASET)
		w->owner[0] = '\0';
	w->going = ds_kube_text(metadata, "deletionTimestamp")[0] != '\0';
	w->recreates = !strcmp(ds_kube_text(ds_kube_child(spec, "strategy"), "type"), "Recreate");
	if (kind == DS_KUBE_OWNER_STATEFULSET)
		read_stateful_set(spec, status, w);
	if (kind == DS_KUBE_OWNER_DAEMONSET)
		read_daemon_set(metadata, status, w);
	return ds_labels_read(ds_kube_child(template, "labels"), &w->labels);
}

int ds_read_workload(json_object *object, enum ds_kube_owner kind,
		     struct ds_read_workload **ret_workload)
{
	struct ds_read_workload *w = calloc(1, sizeof(*w));
	int r = w ? fill_workload(object, kind, w) : -ENOMEM;

	if (r) {
		ds_read_workload_free(w);
		return r;
	}
	*ret_workload = w;
	return 0;
}

void ds_read_workload_free(struct ds_read_workload *workload)
{
	if (workload)
		ds_labels_free(&workload->labels);
	free(workload);
}

/* ---- PodDisruptionBudget ---- */

const struct ds_kube_keep ds_read_pdb_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "spec" },
	{ "object", "status" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "spec", "selector" },
	{ "selector", "matchLabels" },
	{ "selector", "matchExpressions" },
	{ "matchLabels", "*" },
	{ "matchExpressions", "key" },
	{ "status", "disruptionsAllowed" },
	{ "status", "currentHealthy" },
	{ "status", "desiredHealthy" },
	{ "status", "expectedPods" },
	{ NULL, NULL },
};

int ds_read_pdb(json_object *object, struct ds_read_pdb **ret_pdb)
{
	json_object *status = ds_kube_child(object, "status");
	struct ds_read_pdb *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	r = ds_read_name(object, &p->id) ? 0 : -EINVAL;
	if (!r)
		r = ds_selector_read(ds_kube_child(ds_kube_child(object, "spec"), "selector"),
				     &p->selector);
	if (r) {
		ds_read_pdb_free(p);
		return r;
	}
	p->allowed = ds_read_number(status, "disruptionsAllowed", INT32_MAX);
	p->healthy = ds_read_number(status, "currentHealthy", INT32_MAX);
	p->wanted = ds_read_number(status, "desiredHealthy", INT32_MAX);
	p->expected = ds_read_number(status, "expectedPods", INT32_MAX);
	*ret_pdb = p;
	return 0;
}

void ds_read_pdb_free(struct ds_read_pdb *pdb)
{
	if (pdb)
		ds_selector_free(&pdb->selector);
	free(pdb);
}
