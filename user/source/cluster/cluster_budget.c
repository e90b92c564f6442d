/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_budget.h"

#include <string.h>

#include "user/source/cluster/cluster_table.h"

/* A pod's own labels, or those that its controller gives to all of them; NULL = not known. */
static const struct ds_labels *labels_of(const struct ds_cluster_pod_entry *pod)
{
	const struct ds_read_workload *w = NULL;

	if (pod->facts)
		return &pod->facts->labels;
	for (int kind = 0; pod->workload && !w && kind < DS_KUBE_OWNER_JOB; kind++)
		w = pod->workload->of[kind].facts;
	return w ? &w->labels : NULL;
}

/* As many must be healthy as there are, whatever happens: not for now only. */
static bool is_closed(const struct ds_read_pdb *p)
{
	return p->allowed == 0 && p->expected > 0 && p->wanted >= p->expected;
}

/* One that asks for more than equality may mean another pod: nothing is claimed of it. */
static bool selects(const struct ds_read_pdb *p, const struct ds_labels *labels)
{
	return !p->selector.partial && ds_selector_matches(&p->selector, labels);
}

static void say(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
		struct ds_cluster_object *o, const struct ds_read_pdb *other)
{
	const struct ds_read_pdb *p = o->facts;
	const struct ds_cluster_budget b = {
		.namespace_ = pod->namespace_, .name = p->id.name, .pod = pod->name,
		.other = other ? other->id.name : NULL,
		.wanted = p->wanted, .expected = p->expected,
	};

	o->is_said = true;
	c->options.budget(c->options.ctx, &b);
}

void ds_cluster_budget_of(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod)
{
	const struct ds_labels *labels = pod->members_cnt && !pod->going_ns ? labels_of(pod) : NULL;
	const struct ds_cluster_namespace *n =
		labels ? ds_cluster_namespace_find(c, pod->namespace_) : NULL;
	struct ds_cluster_object *first = NULL;

	for (const struct ds_tie *t = n ? n->pdbs.first : NULL; t; t = t->next) {
		struct ds_cluster_object *o = t->of;

		if (!selects(o->facts, labels))
			continue;
		if (!o->is_said && (first || is_closed(o->facts)))
			say(c, pod, o, first ? first->facts : NULL);
		first = first ? first : o;
	}
}

void ds_cluster_budget_is(struct ds_cluster *c, struct ds_cluster_object *pdb)
{
	const struct ds_read_pdb *p = pdb->facts;

	/* Others are looked at when their pods are: their numbers change with every pod. */
	if (!is_closed(p))
		return;
	for (const struct ds_cluster_pod_entry *pod = c->pods; pod && !pdb->is_said;
	     pod = pod->hh.next)
		if (!strcmp(pod->namespace_, p->id.namespace_))
			ds_cluster_budget_of(c, pod);
}
