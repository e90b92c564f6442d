/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_trigger.h"

#include <string.h>

#include "user/source/cluster/cluster_touch.h"

#define RECENT_NS (120 * DS_NS_PER_S) /* a controller of many pods takes its time */

static bool is_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

bool ds_cluster_owner_name(const char *pod, char ret_name[DS_KUBE_NAME_LEN + 1])
{
	const char *dash = strrchr(pod, '-');
	size_t len = dash ? (size_t)(dash - pod) : 0;

	if (!len || len > DS_KUBE_NAME_LEN || !dash[1])
		return false;
	memcpy(ret_name, pod, len);
	ret_name[len] = '\0';
	return true;
}

static const struct ds_read_workload *facts_of(const struct ds_cluster_workload *w,
					       enum ds_kube_owner kind)
{
	return w && kind > DS_KUBE_OWNER_NONE && kind < DS_KUBE_OWNER_JOB ?
		       w->of[kind].facts : NULL;
}

/* Of a pod that is not watched, by its name: what there is under the rest of it. */
static enum ds_kube_owner kind_by_name(const struct ds_cluster_pod_entry *pod)
{
	const char *dash = strrchr(pod->name, '-');

	if (dash && is_digits(dash + 1) && facts_of(pod->workload, DS_KUBE_OWNER_STATEFULSET))
		return DS_KUBE_OWNER_STATEFULSET;
	if (facts_of(pod->workload, DS_KUBE_OWNER_REPLICASET) || pod->workload->deployment)
		return DS_KUBE_OWNER_REPLICASET;
	if (facts_of(pod->workload, DS_KUBE_OWNER_DAEMONSET))
		return DS_KUBE_OWNER_DAEMONSET;
	return DS_KUBE_OWNER_NONE;
}

static enum ds_kube_owner kind_of(const struct ds_cluster_pod_entry *pod)
{
	if (!pod->workload)
		return DS_KUBE_OWNER_NONE;
	return pod->facts ? pod->facts->owner_kind : kind_by_name(pod);
}

enum ds_kube_owner ds_cluster_owner_of(const struct ds_cluster_pod_entry *pod,
					  const char **ret_name)
{
	const struct ds_cluster_workload *w = pod->workload;
	enum ds_kube_owner kind = kind_of(pod);
	const char *name = kind == DS_KUBE_OWNER_NONE ? "" : strchr(w->key, '/') + 1;

	if (kind == DS_KUBE_OWNER_REPLICASET && w->deployment) {
		kind = DS_KUBE_OWNER_DEPLOYMENT;
		name = strchr(w->deployment->key, '/') + 1;
	}
	*ret_name = name;
	return kind;
}

/* ---- the rules ---- */

static bool is_recent(int64_t at_ns, int64_t going_ns)
{
	return at_ns && at_ns > going_ns - RECENT_NS;
}

static const struct ds_cluster_workload *newest_of(const struct ds_cluster_workload *deployment)
{
	const struct ds_cluster_workload *newest = NULL;

	for (const struct ds_tie *t = deployment ? deployment->replica_sets.first : NULL; t;
	     t = t->next) {
		const struct ds_cluster_workload *w = t->of;
		const struct ds_read_workload *rs = w->of[DS_KUBE_OWNER_REPLICASET].facts;

		if (rs && (!newest ||
			   rs->revision > newest->of[DS_KUBE_OWNER_REPLICASET].facts->revision))
			newest = w;
	}
	return newest;
}

/* The ReplicaSet wants fewer pods than it had. */
static bool wants_fewer(const struct ds_cluster_workload *w, int64_t going_ns)
{
	const struct ds_read_workload *rs = w->of[DS_KUBE_OWNER_REPLICASET].facts;

	return is_recent(w->of[DS_KUBE_OWNER_REPLICASET].fell_ns, going_ns) ||
	       rs->desired == 0 || (rs->present >= 0 && rs->present > rs->desired);
}

/*
 * Its controller has told of itself since the pod went, and wants what it wanted before: somebody
 * else deleted the pod. Of one that was met only lately it is not known what it wanted before.
 */
static int by_another(const struct ds_cluster_workload *w, enum ds_kube_owner kind,
		      int64_t going_ns)
{
	const struct ds_read_workload *d = facts_of(w->deployment, DS_KUBE_OWNER_DEPLOYMENT);
	int64_t seen_ns = w->of[kind].seen_ns;
	bool from_its_beginning = w->of[kind].rose_ns == seen_ns;

	if (w->of[kind].heard_ns <= going_ns || is_recent(w->of[kind].fell_ns, going_ns) ||
	    (is_recent(seen_ns, going_ns) && !from_its_beginning) || w->of[kind].facts->going ||
	    (d && d->going))
		return DS_TRIGGER_DELETION;
	return DS_TRIGGER_MANUAL;
}

/* An older revision: its Deployment has another one, unless that shrinks as well. */
static int of_older(const struct ds_cluster_workload *w, const struct ds_cluster_workload *newest,
		    int64_t going_ns)
{
	const struct ds_cluster_workload *d = w->deployment;
	int64_t fell_ns = d->of[DS_KUBE_OWNER_DEPLOYMENT].fell_ns;
	int64_t rose_ns = newest->of[DS_KUBE_OWNER_REPLICASET].rose_ns;

	/* One that was met only as its pod went has no history here: nothing speaks against it. */
	if (!wants_fewer(w, going_ns) &&
	    w->of[DS_KUBE_OWNER_REPLICASET].seen_ns < going_ns - DS_CLUSTER_LEAVE_NS)
		return by_another(w, DS_KUBE_OWNER_REPLICASET, going_ns);
	if (newest->of[DS_KUBE_OWNER_REPLICASET].facts->desired == 0)
		return DS_TRIGGER_SCALE_IN;
	return is_recent(fell_ns, going_ns) && rose_ns < fell_ns ? DS_TRIGGER_SCALE_IN :
								   DS_TRIGGER_ROLLOUT;
}

static int of_replica_set(const struct ds_cluster_workload *w, int64_t going_ns)
{
	const struct ds_read_workload *rs = w->of[DS_KUBE_OWNER_REPLICASET].facts;
	const struct ds_cluster_workload *newest = newest_of(w->deployment);
	const struct ds_read_workload *d = facts_of(w->deployment, DS_KUBE_OWNER_DEPLOYMENT);

	if (!rs)
		return -1;
	if (newest && newest != w)
		return of_older(w, newest, going_ns);
	if (!wants_fewer(w, going_ns))
		return by_another(w, DS_KUBE_OWNER_REPLICASET, going_ns);
	/* Its pods go before there is a newer ReplicaSet at all. */
	if (d && d->recreates && d->desired > rs->desired &&
	    !is_recent(w->deployment->of[DS_KUBE_OWNER_DEPLOYMENT].fell_ns, going_ns))
		return DS_TRIGGER_ROLLOUT;
	return DS_TRIGGER_SCALE_IN;
}

/* The pod is of another revision than is wanted, as far as that is known. */
static bool is_outdated(const struct ds_read_workload *s, const struct ds_cluster_pod_entry *pod,
			int64_t ordinal)
{
	const char *revision = pod->facts ? pod->facts->revision : "";

	if (revision[0])
		return strcmp(revision, s->update_revision) != 0;
	return strcmp(s->current_revision, s->update_revision) != 0 && ordinal >= s->partition;
}

/* NAME-ORDINAL: the highest go first as fewer are wanted. */
static int of_stateful_set(const struct ds_cluster_workload *w,
			   const struct ds_cluster_pod_entry *pod)
{
	const struct ds_read_workload *s = w->of[DS_KUBE_OWNER_STATEFULSET].facts;
	const char *dash = strrchr(pod->name, '-');
	int64_t ordinal = dash ? ds_read_digits(dash + 1, INT32_MAX) : -1;

	if (!s)
		return -1;
	if (ordinal >= 0 && s->desired >= 0 && ordinal >= s->first_ordinal + s->desired)
		return DS_TRIGGER_SCALE_IN;
	if (!s->update_revision[0])
		return DS_TRIGGER_DELETION;
	return is_outdated(s, pod, ordinal) ?
		       DS_TRIGGER_ROLLOUT :
		       by_another(w, DS_KUBE_OWNER_STATEFULSET, pod->going_ns);
}

static int of_daemon_set(const struct ds_cluster_workload *w,
			 const struct ds_cluster_pod_entry *pod)
{
	const struct ds_read_workload *d = w->of[DS_KUBE_OWNER_DAEMONSET].facts;
	int64_t generation = pod->facts ? pod->facts->template_generation : -1;

	if (!d)
		return -1;
	if (generation >= 0 && d->template_generation >= 0 ? generation < d->template_generation :
							     d->updated < d->desired)
		return DS_TRIGGER_ROLLOUT;
	return is_recent(w->of[DS_KUBE_OWNER_DAEMONSET].fell_ns, pod->going_ns) ?
		       DS_TRIGGER_SCALE_IN :
		       DS_TRIGGER_DELETION;
}

int ds_cluster_trigger(const struct ds_cluster_pod_entry *pod)
{
	if (pod->facts && pod->facts->trigger >= 0)
		return pod->facts->trigger;
	switch (kind_of(pod)) {
	case DS_KUBE_OWNER_REPLICASET:
		return of_replica_set(pod->workload, pod->going_ns);
	case DS_KUBE_OWNER_STATEFULSET:
		return of_stateful_set(pod->workload, pod);
	case DS_KUBE_OWNER_DAEMONSET:
		return of_daemon_set(pod->workload, pod);
	default:
		return -1;
	}
}

/* ---- a controller has changed ---- */

static void touch_going(struct ds_cluster *c, const struct ds_cluster_workload *w)
{
	for (struct ds_tie *t = w->pods.first; t; t = t->next)
		ds_cluster_pod_touch(c, t->of);
}

/* Whose pods have an owner now, or another one. */
static void touch_owned(struct ds_cluster *c, const struct ds_cluster_workload *w)
{
	for (struct ds_cluster_pod_entry *pod = w->refs ? c->pods : NULL; pod; pod = pod->hh.next)
		if (pod->workload == w)
			ds_cluster_pod_touch(c, pod);
}

void ds_cluster_workload_changed(struct ds_cluster *c, struct ds_cluster_workload *w,
				 const struct ds_read_workload *before,
				 const struct ds_read_workload *after)
{
	int64_t was = before ? before->desired : -1;
	struct ds_cluster_workload *d = after->kind == DS_KUBE_OWNER_DEPLOYMENT ?
						w : w->deployment;

	if (!w->of[after->kind].seen_ns)
		w->of[after->kind].seen_ns = c->now_ns;
	w->of[after->kind].heard_ns = c->now_ns;
	if (was >= 0 && after->desired >= 0 && after->desired < was)
		w->of[after->kind].fell_ns = c->now_ns;
	/* A ReplicaSet that is new has risen: a rollout begins with one. */
	if (after->desired > was && (before || after->present <= 0))
		w->of[after->kind].rose_ns = c->now_ns;
	if (!before)
		touch_owned(c, w);
	touch_going(c, w);
	for (struct ds_tie *t = d ? d->replica_sets.first : NULL; t; t = t->next)
		touch_going(c, t->of);
}
