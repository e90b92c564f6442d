/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_object.h"

#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/cluster_budget.h"
#include "user/source/cluster/cluster_group.h"
#include "user/source/cluster/cluster_table.h"
#include "user/source/cluster/cluster_touch.h"
#include "user/source/cluster/cluster_trigger.h"

static enum ds_kube_owner owner_of(enum ds_cluster_kind kind)
{
	switch (kind) {
	case DS_CLUSTER_REPLICASET:
		return DS_KUBE_OWNER_REPLICASET;
	case DS_CLUSTER_DEPLOYMENT:
		return DS_KUBE_OWNER_DEPLOYMENT;
	case DS_CLUSTER_STATEFULSET:
		return DS_KUBE_OWNER_STATEFULSET;
	case DS_CLUSTER_DAEMONSET:
		return DS_KUBE_OWNER_DAEMONSET;
	default:
		return DS_KUBE_OWNER_NONE;
	}
}

/* What the readers gave, or NULL. */
#define READ(what, ...) \
	({ struct ds_read_##what *facts_ = NULL; \
	   ds_read_##what(__VA_ARGS__, &facts_) ? NULL : (void *)facts_; })

void *ds_cluster_object_read(struct ds_cluster *c, enum ds_cluster_kind kind, json_object *json)
{
	void *facts = NULL;

	switch (kind) {
	case DS_CLUSTER_BINDING:
	case DS_CLUSTER_BINDING_EKS:
		facts = READ(binding, json);
		break;
	case DS_CLUSTER_SERVICE:
		facts = READ(service, json);
		break;
	case DS_CLUSTER_SLICE:
		facts = READ(slice, json);
		break;
	case DS_CLUSTER_PDB:
		facts = READ(pdb, json);
		break;
	case DS_CLUSTER_POD:
		facts = READ(pod, json);
		break;
	default:
		facts = READ(workload, json, owner_of(kind));
		break;
	}
	c->stats.bad += !facts;
	return facts;
}

void ds_cluster_object_free(enum ds_cluster_kind kind, void *facts)
{
	switch (kind) {
	case DS_CLUSTER_BINDING:
	case DS_CLUSTER_BINDING_EKS:
		ds_read_binding_free(facts);
		break;
	case DS_CLUSTER_SERVICE:
		ds_read_service_free(facts);
		break;
	case DS_CLUSTER_SLICE:
		ds_read_slice_free(facts);
		break;
	case DS_CLUSTER_PDB:
		ds_read_pdb_free(facts);
		break;
	case DS_CLUSTER_POD:
		ds_read_pod_free(facts);
		break;
	default:
		ds_read_workload_free(facts);
		break;
	}
}

static bool same_name(const struct ds_read_name *a, const struct ds_read_name *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->namespace_, b->namespace_);
}

static bool same_port(const struct ds_read_port *a, const struct ds_read_port *b)
{
	return a->number == b->number && !strcmp(a->name, b->name);
}

/* ---- bindings ---- */

/* Pods whose readiness gates may name it are those of its namespace. */
static void touch_binding(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (o->service)
		ds_cluster_service_touch(c, o->service);
	for (struct ds_tie *t = o->space ? o->space->pods.first : NULL; t; t = t->next) {
		struct ds_cluster_pod_entry *pod = t->of;

		if (pod->facts->gates_cnt)
			ds_cluster_pod_touch(c, pod);
	}
}

static void tie_binding(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_binding *b = o->facts;

	o->space = ds_cluster_namespace_of(c, b->id.namespace_);
	if (!o->space)
		return;
	o->service = ds_cluster_service_of(c, b->id.namespace_, b->service);
	if (!o->service) {
		ds_cluster_namespace_release(c, o->space);
		o->space = NULL;
		return;
	}
	if (!o->service->bindings.first)
		ds_tie_add(&o->space->services, &o->service->with_bindings, o->service);
	ds_tie_add(&o->service->bindings, &o->in_service, o);
	ds_tie_add(&o->space->bindings, &o->in_space, o);
	c->stats.bindings++;
	ds_cluster_group_checkpoint(c, b);
	touch_binding(c, o);
}

static void untie_binding(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (!o->service)
		return;
	c->stats.bindings--;
	touch_binding(c, o);
	ds_tie_remove(&o->space->bindings, &o->in_space);
	ds_tie_remove(&o->service->bindings, &o->in_service);
	if (!o->service->bindings.first)
		ds_tie_remove(&o->space->services, &o->service->with_bindings);
	ds_cluster_service_release(c, o->service);
	ds_cluster_namespace_release(c, o->space);
	o->service = NULL;
	o->space = NULL;
}

/* But for the controller's checkpoint, which changes with every registration. */
static bool same_binding(const struct ds_read_binding *a, const struct ds_read_binding *b)
{
	return same_name(&a->id, &b->id) && !strcmp(a->arn, b->arn) && a->type == b->type &&
	       a->family == b->family && !strcmp(a->service, b->service) &&
	       same_port(&a->port, &b->port);
}

/* ---- services ---- */

static void tie_service(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_service *s = o->facts;

	o->service = ds_cluster_service_of(c, s->id.namespace_, s->id.name);
	if (!o->service)
		return;
	o->service->facts = s;
	o->service->refs++;
	c->stats.services++;
	ds_cluster_service_touch(c, o->service);
}

static void untie_service(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (!o->service)
		return;
	c->stats.services--;
	if (o->service->facts == o->facts) {
		ds_cluster_service_touch(c, o->service);
		o->service->facts = NULL;
	}
	o->service->refs--;
	ds_cluster_service_release(c, o->service);
	o->service = NULL;
}

/* ---- slices ---- */

static bool same_endpoint(const struct ds_read_endpoint *a, const struct ds_read_endpoint *b)
{
	return ds_addr_equal(&a->addr, &b->addr) && a->ready == b->ready &&
	       a->terminating == b->terminating && !strcmp(a->node, b->node);
}

/* What all its endpoints have in common. */
static bool same_slice(const struct ds_read_slice *a, const struct ds_read_slice *b)
{
	if (!same_name(&a->id, &b->id) || strcmp(a->service, b->service) != 0 ||
	    a->family != b->family || a->ports_cnt != b->ports_cnt)
		return false;
	for (int i = 0; i < a->ports_cnt; i++)
		if (a->ports[i].port != b->ports[i].port ||
		    strcmp(a->ports[i].name, b->ports[i].name) != 0)
			return false;
	return true;
}

static void tie_endpoints(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_slice *s = o->facts;

	if (s->endpoints_cnt)
		o->refs = calloc((size_t)s->endpoints_cnt, sizeof(o->refs[0]));
	for (int i = 0; o->refs && i < s->endpoints_cnt; i++) {
		struct ds_cluster_ref *ref = &o->refs[i];
		const struct ds_read_endpoint *e = &s->endpoints[i];

		ref->pod = ds_cluster_pod_of(c, e->uid, s->id.namespace_, e->name);
		if (!ref->pod)
			continue;
		ref->slice = o;
		ref->endpoint = e;
		ds_tie_add(&ref->pod->refs, &ref->tie, ref);
		c->stats.endpoints++;
	}
}

static void untie_endpoints(struct ds_cluster *c, struct ds_cluster_ref *refs,
			    const struct ds_read_slice *s)
{
	for (int i = 0; refs && i < s->endpoints_cnt; i++)
		if (refs[i].pod) {
			ds_tie_remove(&refs[i].pod->refs, &refs[i].tie);
			c->stats.endpoints--;
		}
}

static void touch_endpoints(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_slice *s = o->facts;

	for (int i = 0; o->refs && i < s->endpoints_cnt; i++)
		if (o->refs[i].pod)
			ds_cluster_pod_touch(c, o->refs[i].pod);
}

static void tie_slice(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_slice *s = o->facts;

	o->service = ds_cluster_service_of(c, s->id.namespace_, s->service);
	if (!o->service)
		return;
	/* With the first one, which pods the selector means is known better. */
	if (!o->service->slices.first)
		ds_cluster_service_touch(c, o->service);
	ds_tie_add(&o->service->slices, &o->in_service, o);
	c->stats.slices++;
	tie_endpoints(c, o);
	touch_endpoints(c, o);
}

static void untie_slice(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (!o->service)
		return;
	touch_endpoints(c, o);
	untie_endpoints(c, o->refs, o->facts);
	free(o->refs);
	o->refs = NULL;
	ds_tie_remove(&o->service->slices, &o->in_service);
	c->stats.slices--;
	if (!o->service->slices.first)
		ds_cluster_service_touch(c, o->service);
	ds_cluster_service_release(c, o->service);
	o->service = NULL;
}

/*
 * Other endpoints of the same slice. Only pods whose endpoint is another one are looked at: a
 * slice has a hundred, and one changes. Pods live until all is settled, whoever refers to them.
 */
static void update_endpoints(struct ds_cluster *c, struct ds_cluster_object *o)
{
	struct ds_read_slice *before = o->facts;
	const struct ds_read_slice *now = o->news;
	struct ds_cluster_ref *refs = o->refs;

	for (int i = 0; refs && i < before->endpoints_cnt; i++)
		if (refs[i].pod)
			refs[i].pod->before = &before->endpoints[i];
	untie_endpoints(c, refs, before);
	o->refs = NULL;
	o->facts = o->news;
	o->news = NULL;
	tie_endpoints(c, o);
	for (int i = 0; o->refs && i < now->endpoints_cnt; i++) {
		struct ds_cluster_pod_entry *pod = o->refs[i].pod;

		if (pod && (!pod->before || !same_endpoint(pod->before, o->refs[i].endpoint)))
			ds_cluster_pod_touch(c, pod);
		if (pod)
			pod->before = NULL;
	}
	for (int i = 0; refs && i < before->endpoints_cnt; i++)
		if (refs[i].pod && refs[i].pod->before) {
			ds_cluster_pod_touch(c, refs[i].pod);
			refs[i].pod->before = NULL;
		}
	free(refs);
	ds_read_slice_free(before);
}

/* ---- workloads ---- */

static void tie_workload(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_workload *facts = o->facts;
	struct ds_cluster_workload *w =
		ds_cluster_workload_of(c, facts->id.namespace_, facts->id.name);

	o->workload = w;
	if (!w)
		return;
	w->of[facts->kind].facts = facts;
	w->refs++;
	c->stats.workloads++;
	if (facts->kind == DS_KUBE_OWNER_REPLICASET)
		ds_cluster_workload_is_of(c, w, facts->id.namespace_, facts->owner);
}

static void untie_workload(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_workload *facts = o->facts;
	struct ds_cluster_workload *w = o->workload;

	if (!w)
		return;
	o->workload = NULL;
	c->stats.workloads--;
	if (w->of[facts->kind].facts == facts)
		w->of[facts->kind].facts = NULL;
	w->refs--;
	ds_cluster_workload_release(c, w);
}

/* Its entry stays: it remembers when the count changed. */
static void update_workload(struct ds_cluster *c, struct ds_cluster_object *o)
{
	struct ds_read_workload *before = o->facts, *now = o->news;

	o->news = NULL;
	if (before && o->workload && same_name(&before->id, &now->id) &&
	    !strcmp(before->owner, now->owner)) {
		o->workload->of[now->kind].facts = o->facts = now;
	} else {
		if (before)
			untie_workload(c, o);
		o->facts = now;
		tie_workload(c, o);
	}
	if (o->workload)
		ds_cluster_workload_changed(c, o->workload, before, now);
	ds_read_workload_free(before);
}

/* ---- PDBs, pods ---- */

static void tie_pdb(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_pdb *p = o->facts;

	o->space = ds_cluster_namespace_of(c, p->id.namespace_);
	if (o->space)
		ds_tie_add(&o->space->pdbs, &o->in_space, o);
	ds_cluster_budget_is(c, o);
}

static void untie_pdb(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (!o->space)
		return;
	ds_tie_remove(&o->space->pdbs, &o->in_space);
	ds_cluster_namespace_release(c, o->space);
	o->space = NULL;
}

static void tie_pod(struct ds_cluster *c, struct ds_cluster_object *o)
{
	const struct ds_read_pod *facts = o->facts;
	struct ds_cluster_pod_entry *pod =
		ds_cluster_pod_of(c, facts->uid, facts->id.namespace_, facts->id.name);

	o->pod = pod;
	if (!pod)
		return;
	o->space = ds_cluster_namespace_of(c, facts->id.namespace_);
	if (o->space)
		ds_tie_add(&o->space->pods, &pod->in_namespace, pod);
	pod->facts = facts;
	ds_cluster_pod_touch(c, pod);
}

static void untie_pod(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (!o->pod)
		return;
	if (o->space) {
		ds_tie_remove(&o->space->pods, &o->pod->in_namespace);
		ds_cluster_namespace_release(c, o->space);
		o->space = NULL;
	}
	o->pod->facts = NULL;
	ds_cluster_pod_touch(c, o->pod);
	o->pod = NULL;
}

/* ---- all kinds ---- */

static bool is_binding(enum ds_cluster_kind kind)
{
	return kind == DS_CLUSTER_BINDING || kind == DS_CLUSTER_BINDING_EKS;
}

static void tie(struct ds_cluster *c, struct ds_cluster_object *o)
{
	switch (o->kind) {
	case DS_CLUSTER_BINDING:
	case DS_CLUSTER_BINDING_EKS:
		tie_binding(c, o);
		break;
	case DS_CLUSTER_SERVICE:
		tie_service(c, o);
		break;
	case DS_CLUSTER_SLICE:
		tie_slice(c, o);
		break;
	case DS_CLUSTER_PDB:
		tie_pdb(c, o);
		break;
	case DS_CLUSTER_POD:
		tie_pod(c, o);
		break;
	default:
		break;
	}
}

static void untie(struct ds_cluster *c, struct ds_cluster_object *o)
{
	switch (o->kind) {
	case DS_CLUSTER_BINDING:
	case DS_CLUSTER_BINDING_EKS:
		untie_binding(c, o);
		break;
	case DS_CLUSTER_SERVICE:
		untie_service(c, o);
		break;
	case DS_CLUSTER_SLICE:
		untie_slice(c, o);
		break;
	case DS_CLUSTER_PDB:
		untie_pdb(c, o);
		break;
	case DS_CLUSTER_POD:
		untie_pod(c, o);
		break;
	default:
		untie_workload(c, o);
		break;
	}
}

void ds_cluster_object_update(struct ds_cluster *c, struct ds_cluster_object *o)
{
	void *before = o->facts;

	if (!o->news)
		return;
	if (o->kind == DS_CLUSTER_SLICE && before && o->service && same_slice(before, o->news)) {
		update_endpoints(c, o);
		return;
	}
	if (owner_of(o->kind) != DS_KUBE_OWNER_NONE) {
		update_workload(c, o);
		return;
	}
	if (before && is_binding(o->kind) && same_binding(before, o->news)) {
		ds_cluster_group_checkpoint(c, o->news);
		ds_cluster_object_free(o->kind, o->news);
		o->news = NULL;
		return;
	}
	if (before)
		untie(c, o);
	o->facts = o->news;
	o->news = NULL;
	tie(c, o);
	ds_cluster_object_free(o->kind, before);
}

void ds_cluster_object_remove(struct ds_cluster *c, struct ds_cluster_object *o)
{
	if (o->facts)
		untie(c, o);
	ds_cluster_object_free(o->kind, o->facts);
	o->facts = NULL;
}
