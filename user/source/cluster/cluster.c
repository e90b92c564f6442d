/* SPDX-License-Identifier: Apache-2.0 */
/* Objects come, change and go; who asks is answered. */
#include "user/source/cluster/cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/cluster_group.h"
#include "user/source/cluster/cluster_object.h"
#include "user/source/cluster/cluster_pod.h"
#include "user/source/cluster/cluster_table.h"
#include "user/source/cluster/cluster_trigger.h"

#define SOURCE(at, name, keeps, bound, ...) \
	{ .path = (at), .what = (name), .right = "list and watch " name, .keep = (keeps), \
	  .max = (bound), __VA_ARGS__ }

static const struct ds_cluster_source sources[DS_CLUSTER_KIND_MAX] = {
	[DS_CLUSTER_BINDING] = SOURCE("/apis/elbv2.k8s.aws/v1beta1/targetgroupbindings",
				      "targetgroupbindings.elbv2.k8s.aws", ds_read_binding_keep,
				      4096, .is_crd = true),
	[DS_CLUSTER_BINDING_EKS] = SOURCE("/apis/eks.amazonaws.com/v1/targetgroupbindings",
					  "targetgroupbindings.eks.amazonaws.com",
					  ds_read_binding_keep, 4096, .is_crd = true),
	[DS_CLUSTER_SERVICE] = SOURCE("/api/v1/services", "services", ds_read_service_keep, 16384),
	[DS_CLUSTER_SLICE] = SOURCE("/apis/discovery.k8s.io/v1/endpointslices",
				    "endpointslices.discovery.k8s.io", ds_read_slice_keep, 32768,
				    .kept_max = 1048576),	/* 1,000 endpoints at most */
	[DS_CLUSTER_REPLICASET] = SOURCE("/apis/apps/v1/replicasets", "replicasets.apps",
					 ds_read_workload_keep, 65536),
	[DS_CLUSTER_DEPLOYMENT] = SOURCE("/apis/apps/v1/deployments", "deployments.apps",
					 ds_read_workload_keep, 16384),
	[DS_CLUSTER_STATEFULSET] = SOURCE("/apis/apps/v1/statefulsets", "statefulsets.apps",
					  ds_read_workload_keep, 8192),
	[DS_CLUSTER_DAEMONSET] = SOURCE("/apis/apps/v1/daemonsets", "daemonsets.apps",
					ds_read_workload_keep, 4096),
	[DS_CLUSTER_PDB] = SOURCE("/apis/policy/v1/poddisruptionbudgets",
				  "poddisruptionbudgets.policy", ds_read_pdb_keep, 8192,
				  .is_extra = true),
	[DS_CLUSTER_POD] = SOURCE("/api/v1/pods", "pods", ds_read_pod_keep, DS_CLUSTER_PODS_MAX,
				  .is_extra = true),
};

const struct ds_cluster_source *ds_cluster_source(enum ds_cluster_kind kind)
{
	return &sources[kind];
}

int ds_cluster_new(struct ds_cluster **ret_cluster, const struct ds_cluster_options *options)
{
	struct ds_cluster *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->options = *options;
	if (!c->options.pods_max)
		c->options.pods_max = DS_CLUSTER_PODS_MAX;
	for (int kind = 0; kind < DS_CLUSTER_KIND_MAX; kind++)
		c->feeds[kind] = (struct ds_cluster_feed){ c, (enum ds_cluster_kind)kind };
	*ret_cluster = c;
	return 0;
}

void ds_cluster_free(struct ds_cluster **cluster)
{
	struct ds_cluster *c = *cluster;

	if (c) {
		ds_cluster_pods_clear(c);
		ds_cluster_table_clear(c);
	}
	free(c);
	*cluster = NULL;
}

/* ---- the hooks of the watches ---- */

void *ds_cluster_feed(struct ds_cluster *c, enum ds_cluster_kind kind)
{
	return &c->feeds[kind];
}

void *ds_cluster_take(void *feed, void *object, json_object *json)
{
	const struct ds_cluster_feed *f = feed;
	void *news = ds_cluster_object_read(f->cluster, f->kind, json);
	struct ds_cluster_object *o = object;

	if (!news)
		return NULL;
	if (!o)
		o = calloc(1, sizeof(*o));
	if (!o) {
		ds_cluster_object_free(f->kind, news);
		return NULL;
	}
	o->kind = f->kind;
	ds_cluster_object_free(o->kind, o->news);
	o->news = news;
	return o;
}

void ds_cluster_tell(void *feed, void *object, enum ds_kube_told told)
{
	struct ds_cluster *c = ((struct ds_cluster_feed *)feed)->cluster;
	struct ds_cluster_object *o = object;
	struct ds_cluster_pod_entry *pod;

	c->now_ns = c->options.now(c->options.ctx);
	ds_cluster_object_update(c, o); /* also of one that is gone: its last word */
	pod = o->pod;
	if (told != DS_KUBE_IS)
		ds_cluster_object_remove(c, o);
	if (told != DS_KUBE_IS && pod)
		ds_cluster_pod_gone(c, pod);
	ds_cluster_settle(c);
}

void ds_cluster_drop(void *feed, void *object)
{
	struct ds_cluster *c = ((struct ds_cluster_feed *)feed)->cluster;
	struct ds_cluster_object *o = object;

	/* It is not gone: nobody watches it any more. */
	c->is_closing = c->is_closing || o->facts;
	ds_cluster_object_remove(c, o);
	ds_cluster_object_free(o->kind, o->news);
	free(o);
	ds_cluster_settle(c);
}

void ds_cluster_group_is(struct ds_cluster *c, const char *arn,
			 const struct ds_cluster_group_facts *facts)
{
	c->now_ns = c->options.now(c->options.ctx);
	ds_cluster_group_learn(c, arn, facts);
	ds_cluster_settle(c);
}

void ds_cluster_pass(struct ds_cluster *c, const struct ds_event *ev)
{
	c->now_ns = c->options.now(c->options.ctx);
	ds_cluster_group_pass(c, ev);
	ds_cluster_settle(c);
}

void ds_cluster_tick(struct ds_cluster *c)
{
	c->now_ns = c->options.now(c->options.ctx);
	ds_cluster_pods_tick(c);
}

/* ---- questions ---- */

bool ds_cluster_group_goes(const struct ds_cluster *c, const char *arn)
{
	int64_t now_ns = c->options.now(c->options.ctx);

	for (const struct ds_tie *t = c->going.first; t; t = t->next) {
		const struct ds_cluster_pod_entry *pod = t->of;

		for (int i = 0; pod->going_ns && i < pod->members_cnt; i++) {
			const struct ds_cluster_group *g = pod->members[i].group;
			int64_t delay_s = g->facts.delay_s > 0 ? g->facts.delay_s : 0;

			if (!strcmp(g->key, arn) &&
			    (!pod->ended_ns || now_ns - pod->ended_ns <= delay_s * DS_NS_PER_S))
				return true;
		}
	}
	return false;
}

bool ds_cluster_pod(const struct ds_cluster *c, const char *uid,
		    struct ds_cluster_pod_facts *ret_facts)
{
	const struct ds_cluster_pod_entry *pod;
	struct ds_cluster_pod_facts f = { 0 };

	HASH_FIND(hh, c->pods, uid, strlen(uid), pod);
	if (!pod)
		return false;
	f.uid = pod->key;
	f.namespace_ = pod->namespace_;
	f.name = pod->name;
	f.node = pod->node ? pod->node->key : "";
	f.owner_kind = ds_cluster_owner_of(pod, &f.owner);
	for (; f.addresses_cnt < pod->holdings_cnt; f.addresses_cnt++)
		f.addresses[f.addresses_cnt] = pod->holdings[f.addresses_cnt].address->addr;
	for (; f.targets_cnt < pod->members_cnt; f.targets_cnt++) {
		const struct ds_cluster_member *m = &pod->members[f.targets_cnt];

		f.targets[f.targets_cnt] = (struct ds_cluster_target){
			.arn = m->group->key, .type = m->type, .port = m->port,
			.pod_port = m->pod_port, .ready = m->ready,
		};
	}
	f.trigger = pod->trigger;
	f.going_ns = pod->going_ns;
	f.ended_ns = pod->ended_ns;
	*ret_facts = f;
	return true;
}

struct ds_cluster_stats ds_cluster_stats(const struct ds_cluster *c)
{
	struct ds_cluster_stats s = c->stats;

	s.pods = HASH_COUNT(c->pods);
	s.groups = HASH_COUNT(c->groups);
	for (const struct ds_tie *t = c->going.first; t; t = t->next)
		s.going++;
	return s;
}
