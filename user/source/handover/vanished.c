/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/handover/vanished.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_pod.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

/* For so long a pod of which was spoken is remembered: longer than the cluster knows of one. */
#define SPOKEN_NS (3 * 3600 * DS_NS_PER_S)

const struct ds_kube_keep ds_vanished_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "metadata", "uid" }, { "metadata", "creationTimestamp" },
	{ "metadata", "deletionTimestamp" }, { "metadata", "deletionGracePeriodSeconds" },
	{ "object", "spec" }, { "spec", "nodeName" }, { "spec", "volumes" },
	{ "volumes", "name" }, { "volumes", "hostPath" },
	{ "object", "status" }, { "status", "conditions" }, { "status", "startTime" },
	{ "status", "reason" },
	{ "conditions", "type" }, { "conditions", "status" }, { "conditions", "reason" },
	{ "conditions", "message" },
	{ NULL, NULL },
};

struct agent {
	char node[DS_KUBE_NAME_LEN + 1];
	int64_t since_ns;	/* its pod began */
	int64_t leaves_ns;	/* it was told to end, and has time to; 0 = not */
	bool ready;
	bool keeps;		/* its state outlives it */
	bool speaks;		/* it was ready as it was told to end */
};

/* The agent of a node, as it was told last. */
struct node {
	char name[DS_KUBE_NAME_LEN + 1];
	const struct agent *agent;	/* NULL = none now; there was one */
	/*
	 * The last that ended in order has written a verdict for every pod that it knew to go: for
	 * those that were still there at `from`, and went by `until` (0 = there was none).
	 */
	int64_t from_ns, until_ns;
	UT_hash_handle hh;
};

struct pod {
	char uid[DS_KUBE_UID_LEN + 1];
	char node[DS_KUBE_NAME_LEN + 1];
	int64_t going_ns, ended_ns;
	bool spoken;	/* its verdict was said */
	UT_hash_handle hh;
};

struct ds_vanished {
	struct ds_vanished_options options;
	int64_t now_ns;		/* of the last tick */
	struct node *nodes;
	struct pod *pods;
};

/* ---- agents ---- */

/* The volume of that name is a folder of the node. */
static bool keeps_state(json_object *spec)
{
	json_object *volumes = ds_kube_list(spec, "volumes");

	for (size_t i = 0; i < ds_kube_items(volumes); i++) {
		json_object *v = json_object_array_get_idx(volumes, i);

		if (!strcmp(ds_kube_text(v, "name"), "state"))
			return json_object_object_get_ex(v, "hostPath", NULL);
	}
	return false;
}

/*
 * When it was told to end, if it has time to: an agent then writes what it knows. What is taken
 * away by force has none. The kubelet's shutdown of a node is told without a time.
 */
static int64_t leaves_ns(const struct ds_vanished *v, json_object *metadata, json_object *status)
{
	int64_t deletion_ns = ds_kube_stamp(metadata, "deletionTimestamp");
	json_object *grace = ds_kube_member(metadata, "deletionGracePeriodSeconds", json_type_int);
	int64_t grace_s = grace ? json_object_get_int64(grace) : 0;

	if (deletion_ns && grace_s > 0 && grace_s < deletion_ns / DS_NS_PER_S)
		return deletion_ns - grace_s * DS_NS_PER_S;
	return ds_kube_pod_trigger(status) == DS_TRIGGER_NODE_SHUTDOWN ? v->now_ns : 0;
}

/* Whoever was told that this is the agent of its node forgets it. */
static void unplace(struct ds_vanished *v, const struct agent *a)
{
	struct node *n = NULL;

	HASH_FIND_STR(v->nodes, a->node, n);
	if (n && n->agent == a)
		n->agent = NULL;
}

void *ds_vanished_take(void *ctx, void *object, json_object *json)
{
	json_object *metadata = ds_kube_child(json, "metadata"), *spec = ds_kube_child(json, "spec");
	json_object *status = ds_kube_child(json, "status");
	const char *node = ds_kube_text(spec, "nodeName");
	bool ready = ds_kube_condition(status, "Ready") != NULL;
	struct agent *a = object;

	if (strlen(node) > DS_KUBE_NAME_LEN)
		return NULL;
	if (!a)
		a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	if (strcmp(a->node, node) != 0)	/* Kubernetes moves no pod, but who knows what answers */
		unplace(ctx, a);
	memcpy(a->node, node, strlen(node) + 1);	/* "": not yet on one */
	a->since_ns = ds_kube_stamp(status, "startTime");
	if (!a->since_ns)
		a->since_ns = ds_kube_stamp(metadata, "creationTimestamp");
	if (!a->leaves_ns) {	/* told anew as it ends, with less grace */
		a->leaves_ns = leaves_ns(ctx, metadata, status);
		a->speaks = a->leaves_ns && (ready || a->ready);
	}
	a->ready = ready;
	a->keeps = keeps_state(spec);
	return a;
}

/* One of which no agent is known any more makes room. */
static bool forget_a_node(struct ds_vanished *v)
{
	struct node *n, *next;

	HASH_ITER(hh, v->nodes, n, next) {
		if (n->agent)
			continue;
		HASH_DELETE(hh, v->nodes, n);
		free(n);
		return true;
	}
	return false;
}

static struct node *node_of(struct ds_vanished *v, const char *name)
{
	struct node *n;

	HASH_FIND_STR(v->nodes, name, n);
	if (n || (HASH_COUNT(v->nodes) >= DS_VANISHED_NODES_MAX && !forget_a_node(v)))
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	memcpy(n->name, name, strlen(name) + 1);
	HASH_ADD_STR(v->nodes, name, n);
	if (DS_HASH_ADDED(n))
		return n;
	free(n);
	return NULL;
}

/* Of two (an update in which the new one comes first) the younger one is the node's. */
void ds_vanished_tell(void *ctx, void *object, enum ds_kube_told told)
{
	struct ds_vanished *v = ctx;
	const struct agent *a = object;
	struct node *n = a->node[0] ? node_of(v, a->node) : NULL;

	if (!n)
		return;
	if (a->speaks && a->leaves_ns > n->until_ns) {
		n->from_ns = a->keeps ? 0 : a->since_ns;
		n->until_ns = a->leaves_ns;
	}
	if (told == DS_KUBE_IS && (!n->agent || n->agent->since_ns <= a->since_ns))
		n->agent = a;
	else if (told != DS_KUBE_IS && n->agent == a)
		n->agent = NULL;
}

void ds_vanished_drop(void *ctx, void *object)
{
	unplace(ctx, object);
	free(object);
}

/* ---- pods ---- */

static void forget(struct ds_vanished *v, struct pod *p)
{
	HASH_DELETE(hh, v->pods, p);
	free(p);
}

void ds_vanished_ended(struct ds_vanished *v, const char *node, const char *uid, int64_t going_ns,
		       int64_t at_ns)
{
	struct pod *p = NULL;

	if (strlen(uid) > DS_KUBE_UID_LEN || strlen(node) > DS_KUBE_NAME_LEN || !uid[0] || !node[0])
		return;
	HASH_FIND_STR(v->pods, uid, p);
	if (p && !at_ns && !p->spoken)
		forget(v, p);
	if (p || !at_ns)
		return;
	if (HASH_COUNT(v->pods) >= DS_VANISHED_PODS_MAX)
		forget(v, v->pods);	/* the one that ended first */
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	memcpy(p->uid, uid, strlen(uid) + 1);
	memcpy(p->node, node, strlen(node) + 1);
	p->going_ns = going_ns ? going_ns : at_ns;
	p->ended_ns = at_ns;
	HASH_ADD_STR(v->pods, uid, p);
	if (!DS_HASH_ADDED(p))
		free(p);
}

/* JUDGED: an agent does it, or has. */
enum judge { JUDGED, UNJUDGED, OPEN };

static enum judge judge_of(const struct ds_vanished *v, const struct pod *p, int64_t now_ns)
{
	const struct node *n = NULL;

	HASH_FIND_STR(v->nodes, p->node, n);
	if (!n || (p->going_ns <= n->until_ns && p->ended_ns >= n->from_ns))
		return JUDGED;	/* none was ever there; or it said so as it ended */
	if (!n->agent)
		return UNJUDGED;
	if (!n->agent->ready)	/* its container may be restarted, and its state is there */
		return now_ns - p->ended_ns < DS_VANISHED_PATIENCE_NS ? OPEN : UNJUDGED;
	return n->agent->since_ns > p->ended_ns && !n->agent->keeps ? UNJUDGED : JUDGED;
}

void ds_vanished_tick(struct ds_vanished *v, int64_t now_ns)
{
	struct pod *p, *next;
	enum judge judge;

	v->now_ns = now_ns;
	/* In the order in which they ended, almost: each waits for as long as the others. */
	HASH_ITER(hh, v->pods, p, next) {
		if (now_ns - p->ended_ns < (p->spoken ? SPOKEN_NS : DS_VANISHED_DUE_NS))
			continue;
		judge = p->spoken ? JUDGED : judge_of(v, p, now_ns);
		if (judge == JUDGED)
			forget(v, p);
		if (judge != UNJUDGED)
			continue;
		p->spoken = true;
		v->options.judge(v->options.ctx, p->node, p->uid);
	}
}

void ds_vanished_verdict(const struct ds_cluster_pod_facts *pod, const char *node, int64_t now_ns,
			 struct ds_event *ret_ev)
{
	struct ds_event *ev = ret_ev;

	ds_event_init(ev, DS_EVENT_VERDICT, now_ns);
	ev->level = DS_LEVEL_WARN;
	DS_SET_STR(ev, NODE, node, node);
	DS_SET_STR(ev, POD_NAMESPACE, pod_namespace, pod->namespace_);
	DS_SET_STR(ev, POD_NAME, pod_name, pod->name);
	DS_SET_STR(ev, POD_UID, pod_uid, pod->uid);
	if (pod->addresses_cnt)
		DS_SET_ADDR(ev, POD_IP, pod_ip, pod->addresses[0]);
	ds_kube_owner_set(pod->owner_kind, pod->owner, ev);
	/* Its status, which nobody watched for, may have said more. */
	if (pod->trigger >= 0)
		DS_SET(ev, TRIGGER, trigger, pod->trigger == DS_TRIGGER_MANUAL ?
						     DS_TRIGGER_DELETION : pod->trigger);
	DS_SET(ev, VERDICT, verdict, DS_VERDICT_INCONCLUSIVE);
	DS_SET(ev, VERDICT_REASON, verdict_reason, DS_VERDICT_REASON_OBSERVATION_CUT);
	DS_SET(ev, VERDICT_CONFIDENCE, verdict_confidence, DS_CONFIDENCE_LOW);
}

/* ---- life ---- */

int ds_vanished_new(struct ds_vanished **ret_vanished, const struct ds_vanished_options *options)
{
	struct ds_vanished *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->options = *options;
	*ret_vanished = v;
	return 0;
}

void ds_vanished_free(struct ds_vanished **vanished)
{
	struct ds_vanished *v = vanished ? *vanished : NULL;
	struct node *n, *next;

	if (!v)
		return;
	while (v->pods)
		forget(v, v->pods);
	HASH_ITER(hh, v->nodes, n, next) {
		HASH_DELETE(hh, v->nodes, n);
		free(n);
	}
	free(DS_TAKE(*vanished));
}
