/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_pod.h"

#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/cluster_budget.h"
#include "user/source/cluster/cluster_event.h"
#include "user/source/cluster/cluster_group.h"
#include "user/source/cluster/cluster_member.h"
#include "user/source/cluster/cluster_table.h"
#include "user/source/cluster/cluster_touch.h"
#include "user/source/cluster/cluster_trigger.h"

/* ---- where it is, and whose ---- */

static void set_node(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	const struct ds_cluster_ref *ref = pod->refs.first ? pod->refs.first->of : NULL;
	const char *name = pod->facts && pod->facts->node[0] ? pod->facts->node :
			   ref ? ref->endpoint->node : "";
	struct ds_cluster_node_entry *before = pod->node;

	if (!name[0] || (before && !strcmp(before->key, name)))
		return;	/* one that is known stays */
	pod->node = ds_cluster_node_of(c, name);
	if (pod->node)
		pod->node->refs++;
	if (!before)
		return;
	before->refs--;
	ds_cluster_node_release(c, before);
}

static void unset_node(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	struct ds_cluster_node_entry *n = pod->node;

	if (!n)
		return;
	n->refs--;
	pod->node = NULL;
	ds_cluster_node_release(c, n);
}

static void set_workload(struct ds_cluster *c, struct ds_cluster_pod_entry *pod, const char *name)
{
	struct ds_cluster_workload *before = pod->workload;

	if (before && !strcmp(strchr(before->key, '/') + 1, name))
		return;
	pod->workload = name[0] ? ds_cluster_workload_of(c, pod->namespace_, name) : NULL;
	if (pod->workload)
		pod->workload->refs++;
	if (!before)
		return;
	if (pod->in_workload.of)
		ds_tie_remove(&before->pods, &pod->in_workload);
	before->refs--;
	ds_cluster_workload_release(c, before);
}

static void find_workload(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	char name[DS_KUBE_NAME_LEN + 1] = "";

	if (pod->facts)
		set_workload(c, pod, pod->facts->owner);
	else if (!pod->workload && ds_cluster_owner_name(pod->name, name))
		set_workload(c, pod, name);
}

static void add_address(struct ds_addr *all, int *cnt, const struct ds_addr *a)
{
	for (int i = 0; i < *cnt; i++)
		if (ds_addr_equal(&all[i], a))
			return;
	if (*cnt < DS_READ_ADDRESSES_MAX)
		all[(*cnt)++] = *a;
}

/* Those that it has; of one that is named no more those that it had. */
static void set_addresses(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	struct ds_addr all[DS_READ_ADDRESSES_MAX];
	int cnt = 0;

	for (int i = 0; pod->facts && i < pod->facts->addresses_cnt; i++)
		add_address(all, &cnt, &pod->facts->addresses[i]);
	for (const struct ds_tie *t = pod->refs.first; t; t = t->next)
		add_address(all, &cnt, &((const struct ds_cluster_ref *)t->of)->endpoint->addr);
	if (cnt)
		ds_cluster_pod_hold(c, pod, all, cnt);
}

/* ---- its targets ---- */

static bool same_target(const struct ds_cluster_member *a, const struct ds_cluster_member *b)
{
	return a->group == b->group && a->port == b->port && ds_addr_equal(&a->addr, &b->addr);
}

static struct ds_cluster_member *find_member(struct ds_cluster_pod_entry *pod,
					     const struct ds_cluster_member *m)
{
	for (int i = 0; i < pod->members_cnt; i++)
		if (same_target(&pod->members[i], m))
			return &pod->members[i];
	return NULL;
}

static void drop_member(struct ds_cluster *c, struct ds_cluster_pod_entry *pod, int i)
{
	struct ds_cluster_group *g = pod->members[i].group;

	pod->members[i] = pod->members[--pod->members_cnt];
	g->refs--;
	ds_cluster_group_release(c, g);
}

static void add_member(struct ds_cluster *c, struct ds_cluster_pod_entry *pod,
		       const struct ds_cluster_member *m)
{
	struct ds_cluster_member *members =
		pod->members_cnt == DS_CLUSTER_TARGETS_MAX ? NULL :
		reallocarray(pod->members, (size_t)pod->members_cnt + 1, sizeof(*members));

	if (!members) {
		c->stats.over++;
		return;
	}
	pod->members = members;
	m->group->refs++;
	pod->members[pod->members_cnt++] = *m;
}

static bool is_among(const struct ds_cluster_member *m, const struct ds_cluster_member *all,
		     int cnt)
{
	for (int i = 0; i < cnt; i++)
		if (same_target(m, &all[i]))
			return true;
	return false;
}

static void set_members(struct ds_cluster *c, struct ds_cluster_pod_entry *pod, bool stays)
{
	struct ds_cluster_member now[DS_CLUSTER_TARGETS_MAX];
	int cnt = ds_cluster_members_of(c, pod, now);

	for (int i = pod->members_cnt - 1; i >= 0; i--) {
		if (is_among(&pod->members[i], now, cnt))
			continue;
		pod->members[i].ready = false;
		if (!stays)
			drop_member(c, pod, i);
	}
	for (int i = 0; i < cnt; i++) {
		struct ds_cluster_member *have = find_member(pod, &now[i]);

		if (have) {
			have->ready = now[i].ready;
			have->pod_port = now[i].pod_port;
		} else {
			add_member(c, pod, &now[i]);
		}
	}
}

static void meet_groups(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	for (int i = 0; pod->node && i < pod->members_cnt; i++) {
		struct ds_cluster_member *m = &pod->members[i];

		if (m->met_on == pod->node)
			continue;
		m->met_on = pod->node;
		ds_cluster_group_meet(c, m->group, pod->node->key);
	}
}

/* ---- whether it goes ---- */

static bool is_terminating(const struct ds_cluster_pod_entry *pod)
{
	if (pod->facts && (pod->facts->going || pod->facts->ended))
		return true;
	for (const struct ds_tie *t = pod->refs.first; t; t = t->next)
		if (((const struct ds_cluster_ref *)t->of)->endpoint->terminating)
			return true;
	return false;
}

static void set_state(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	bool is_named = pod->facts || pod->refs.first;

	if (is_named && !pod->is_gone && pod->left_ns) { /* it is back */
		pod->left_ns = 0;
		if (!pod->was_terminating)
			pod->going_ns = pod->ended_ns = 0;
	}
	if (is_terminating(pod) || pod->is_gone) {
		pod->was_terminating = true;
		if (!pod->going_ns)
			pod->going_ns = c->now_ns;
	}
	if ((pod->facts && pod->facts->ended) || pod->is_gone ||
	    (!is_named && pod->was_terminating)) {
		if (!pod->ended_ns)
			pod->ended_ns = c->now_ns;
	}
	if (!is_named && !pod->left_ns)
		pod->left_ns = c->now_ns;
}

static void set_trigger(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	int trigger;

	if (!pod->was_terminating || c->now_ns - pod->going_ns > DS_CLUSTER_REFINE_NS)
		return;
	trigger = ds_cluster_trigger(pod);
	if (trigger == DS_TRIGGER_MANUAL)	/* what says otherwise may still be on its way */
		trigger = DS_TRIGGER_DELETION;
	/* That it was deleted and no more is no news. */
	if (trigger >= 0 && (pod->trigger < 0 || trigger != DS_TRIGGER_DELETION))
		pod->trigger = trigger;
	if (pod->workload && !pod->in_workload.of)
		ds_tie_add(&pod->workload->pods, &pod->in_workload, pod);
}

static void poll(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	for (int i = 0; i < pod->members_cnt; i++) {
		struct ds_cluster_member *m = &pod->members[i];

		if (m->polled || m->type == DS_TARGET_TYPE_INSTANCE)
			continue;
		m->polled = true;
		c->options.poll(c->options.ctx, m->group->key, &m->addr, m->port);
	}
}

/* ---- its end ---- */

/* Another pod of the same address may still be asked for. */
static bool is_polled_by_another(const struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
				 const struct ds_addr *addr)
{
	const struct ds_cluster_address *a = ds_cluster_address_find(c, addr);

	for (const struct ds_tie *t = a ? a->pods.first : NULL; t; t = t->next) {
		const struct ds_cluster_pod_entry *other = t->of;

		for (int i = 0; other != pod && i < other->members_cnt; i++)
			if (other->members[i].polled &&
			    ds_addr_equal(&other->members[i].addr, addr))
				return true;
	}
	return false;
}

static void unpoll(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	for (int i = 0; i < pod->members_cnt; i++) {
		struct ds_addr addr = pod->members[i].addr;
		bool polled = pod->members[i].polled;

		for (int k = i; k < pod->members_cnt; k++)
			if (ds_addr_equal(&pod->members[k].addr, &addr)) {
				polled = polled || pod->members[k].polled;
				pod->members[k].polled = false;
			}
		if (polled && !c->is_closing && !is_polled_by_another(c, pod, &addr))
			c->options.unpoll(c->options.ctx, &addr);
	}
}

static void forget(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	unpoll(c, pod);
	while (pod->members_cnt)
		drop_member(c, pod, pod->members_cnt - 1);
	set_workload(c, pod, "");
	unset_node(c, pod);
	if (pod->in_going.of)
		ds_tie_remove(&c->going, &pod->in_going);
	ds_cluster_pod_remove(c, pod);
}

/* What its groups were like then. */
static void begin_to_go(struct ds_cluster_pod_entry *pod)
{
	for (int i = 0; i < pod->members_cnt; i++)
		pod->members[i].was_settled = pod->members[i].group->is_settled &&
					      pod->members[i].type == DS_TARGET_TYPE_IP;
}

static void look_at(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	int64_t going_ns = pod->going_ns;

	c->stats.recomputed++;
	set_node(c, pod);
	find_workload(c, pod);
	set_addresses(c, pod);
	set_state(c, pod);
	set_members(c, pod, pod->going_ns || pod->left_ns);
	if (!pod->facts && !pod->refs.first && !pod->members_cnt) {
		forget(c, pod);
		return;
	}
	meet_groups(c, pod);
	if (pod->was_terminating && pod->going_ns && !going_ns)
		begin_to_go(pod);
	if ((pod->going_ns || pod->left_ns) && pod->members_cnt && !pod->in_going.of)
		ds_tie_add(&c->going, &pod->in_going, pod);
	if (!pod->going_ns && !pod->left_ns && pod->in_going.of) {
		ds_tie_remove(&c->going, &pod->in_going);
		unpoll(c, pod);
	}
	set_trigger(c, pod);
	ds_cluster_budget_of(c, pod);
	ds_cluster_pod_tell(c, pod);
	if (pod->going_ns)
		poll(c, pod);
}

void ds_cluster_settle(struct ds_cluster *c)
{
	struct ds_cluster_pod_entry *pod;

	while ((pod = ds_cluster_next_touched(c)))
		if (!c->is_closing)
			look_at(c, pod);
}

void ds_cluster_pod_gone(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	pod->is_gone = true;
	ds_cluster_pod_touch(c, pod);
}

/* ---- time ---- */

static int64_t keep_ns(const struct ds_cluster_pod_entry *pod)
{
	int64_t longest_s = 0;

	for (int i = 0; i < pod->members_cnt; i++)
		if (pod->members[i].group->facts.delay_s > longest_s)
			longest_s = pod->members[i].group->facts.delay_s;
	return longest_s * 2 * DS_NS_PER_S > DS_CLUSTER_KEEP_NS ? longest_s * 2 * DS_NS_PER_S :
								  DS_CLUSTER_KEEP_NS;
}

/* Its controller has been listened to for long enough. */
static void end_refining(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	ds_tie_remove(&pod->workload->pods, &pod->in_workload);
	if (pod->trigger != DS_TRIGGER_DELETION || ds_cluster_trigger(pod) != DS_TRIGGER_MANUAL)
		return;
	pod->trigger = DS_TRIGGER_MANUAL;
	ds_cluster_pod_touch(c, pod);
}

static void age(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	bool is_named = pod->facts || pod->refs.first;

	if (pod->left_ns && !pod->going_ns && c->now_ns - pod->left_ns >= DS_CLUSTER_LEAVE_NS) {
		pod->going_ns = pod->ended_ns = pod->left_ns;
		ds_cluster_pod_touch(c, pod);
		return;	/* it is told first, however long ago that was */
	}
	if (pod->in_workload.of && c->now_ns - pod->going_ns > DS_CLUSTER_REFINE_NS)
		end_refining(c, pod);
	if (!pod->ended_ns || c->now_ns - pod->ended_ns <= keep_ns(pod))
		return;
	unpoll(c, pod);
	if (!is_named)
		forget(c, pod);
}

void ds_cluster_pods_tick(struct ds_cluster *c)
{
	struct ds_tie *next;

	for (struct ds_tie *t = c->going.first; t; t = next) {
		next = t->next;
		age(c, t->of);
	}
	ds_cluster_settle(c);
}

void ds_cluster_pods_clear(struct ds_cluster *c)
{
	struct ds_cluster_pod_entry *pod, *next;

	HASH_ITER(hh, c->pods, pod, next)
		forget(c, pod);
}
