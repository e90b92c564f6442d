/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_group.h"

#include <string.h>

#include "user/source/cluster/cluster_event.h"
#include "user/source/cluster/cluster_table.h"
#include "user/source/cluster/cluster_touch.h"
#include "user/source/kube/kube_json.h"

/* Its pods' targets are told anew. */
static void touch_group(struct ds_cluster *c, const struct ds_cluster_group *g)
{
	for (struct ds_cluster_pod_entry *pod = g->refs ? c->pods : NULL; pod; pod = pod->hh.next)
		for (int i = 0; i < pod->members_cnt; i++)
			if (pod->members[i].group == g)
				ds_cluster_pod_touch(c, pod);
}

static void tell_addresses(struct ds_cluster *c, const struct ds_cluster_balancer *b,
			   const char *node)
{
	for (int i = 0; i < b->addresses_cnt; i++)
		ds_cluster_address_tell(c, node, &b->addresses[i], b->key, b->type);
}

/* The nodes that have a pod in a group of that load balancer ("": of any), each once. */
static void each_node_of(struct ds_cluster *c, const char *lb_name,
			 void (*each)(struct ds_cluster *c, const char *node, const void *what),
			 const void *what)
{
	c->mark++;
	for (struct ds_cluster_pod_entry *pod = c->pods; pod; pod = pod->hh.next)
		for (int i = 0; pod->node && i < pod->members_cnt; i++) {
			if (pod->node->mark == c->mark ||
			    (lb_name[0] && strcmp(pod->members[i].group->lb_name, lb_name) != 0))
				continue;
			pod->node->mark = c->mark;
			each(c, pod->node->key, what);
		}
}

static void tell_all(struct ds_cluster *c, const char *node, const void *what)
{
	tell_addresses(c, what, node);
}

struct one {
	const struct ds_cluster_balancer *balancer;	/* NULL = its name is not known */
	const struct ds_addr *addr;
	int type;
};

static void tell_one(struct ds_cluster *c, const char *node, const void *what)
{
	const struct one *one = what;

	ds_cluster_address_tell(c, node, one->addr, one->balancer ? one->balancer->key : "",
				one->type);
}

/* ---- groups ---- */

/* What is not told stays as it is known. */
static bool learn_int(int *known, int value, bool is_told)
{
	if (!is_told || *known == value)
		return false;
	*known = value;
	return true;
}

static bool learn_s(int64_t *known, int64_t value, bool is_told)
{
	if (!is_told || *known == value)
		return false;
	*known = value;
	return true;
}

static void learn_balancer(struct ds_cluster *c, struct ds_cluster_group *g, const char *name)
{
	struct ds_cluster_balancer *b;

	if (!ds_kube_copy(g->lb_name, sizeof(g->lb_name), name))
		return;
	b = ds_cluster_balancer_of(c, name);
	if (!b)
		return;
	if (g->facts.lb_type >= 0)
		b->type = g->facts.lb_type;
	each_node_of(c, name, tell_all, b);
}

static void group_is(struct ds_cluster *c, struct ds_cluster_group *g,
		     const struct ds_cluster_group_facts *f)
{
	struct ds_cluster_group_facts *known = &g->facts;
	const char *name = f->lb_name ? f->lb_name : "";
	bool news = learn_s(&known->delay_s, f->delay_s, f->delay_s >= 0);

	news |= learn_int(&known->preserve_client_ip, f->preserve_client_ip,
			  f->preserve_client_ip >= 0);
	news |= learn_int(&known->type, f->type, f->type >= 0);
	news |= learn_int(&known->check_port, f->check_port, f->check_port != 0);
	news |= learn_s(&known->check_interval_s, f->check_interval_s, f->check_interval_s > 0);
	news |= learn_int(&known->lb_type, f->lb_type, f->lb_type >= 0);
	if (name[0] && strcmp(name, g->lb_name) != 0) {
		learn_balancer(c, g, name);
		news = true;
	}
	if (news)
		touch_group(c, g);
}

void ds_cluster_group_learn(struct ds_cluster *c, const char *arn,
			    const struct ds_cluster_group_facts *facts)
{
	struct ds_cluster_group *g = ds_cluster_group_of(c, arn);

	if (g)
		group_is(c, g, facts);
}

void ds_cluster_group_meet(struct ds_cluster *c, struct ds_cluster_group *g, const char *node)
{
	struct ds_cluster_balancer *b = NULL;

	if (!g->announced) {
		g->announced = true;
		c->options.group(c->options.ctx, g->key);
	}
	if (g->lb_name[0])
		b = ds_cluster_balancer_of(c, g->lb_name);
	if (b)
		tell_addresses(c, b, node);
}

/*
 * The controller empties its checkpoint before it changes targets, and fills it when all is done. A
 * target whose pod began to go while it was full is not deregistered before it is empty. Where it
 * was empty already, as in a rollout with readiness gates, it says nothing.
 */
void ds_cluster_group_checkpoint(struct ds_cluster *c, const struct ds_read_binding *b)
{
	struct ds_cluster_group *g = ds_cluster_group_of(c, b->arn);
	bool begins = g && g->is_settled && b->is_checkpoint_empty && b->checkpoint_ns;

	if (g)
		g->is_settled = b->has_checkpoint && !b->is_checkpoint_empty;
	for (const struct ds_tie *t = begins ? c->going.first : NULL; t; t = t->next) {
		struct ds_cluster_pod_entry *pod = t->of;

		for (int i = 0; pod->node && i < pod->members_cnt; i++) {
			struct ds_cluster_member *m = &pod->members[i];

			if (m->group != g || !m->was_settled)
				continue;
			m->was_settled = false;	/* the next time says nothing of this target */
			ds_cluster_bound_tell(c, pod, m, b->checkpoint_ns);
		}
	}
}

/* ---- events of the poller ---- */

static struct ds_cluster_group_facts facts_of(const struct ds_event *ev)
{
	struct ds_cluster_group_facts f = {
		.delay_s = -1, .preserve_client_ip = -1, .type = -1, .lb_type = -1,
	};

	if (ds_event_has(ev, DS_KEY_TG_DELAY))
		f.delay_s = ev->tg_delay_s;
	if (ds_event_has(ev, DS_KEY_TG_PRESERVE))
		f.preserve_client_ip = ev->tg_preserve_client_ip;
	if (ds_event_has(ev, DS_KEY_TG_TYPE))
		f.type = ev->tg_type;
	if (ds_event_has(ev, DS_KEY_TG_HC_PORT))
		f.check_port = ds_event_has(ev, DS_KEY_TARGET_PORT) &&
					       ev->target_port == ev->tg_health_check_port ?
				       -1 :
				       (int)ev->tg_health_check_port;
	if (ds_event_has(ev, DS_KEY_TG_HC_INTERVAL))
		f.check_interval_s = ev->tg_health_check_interval_s;
	if (ds_event_has(ev, DS_KEY_LB_TYPE))
		f.lb_type = ev->lb_type;
	if (ds_event_has(ev, DS_KEY_LB_NAME))
		f.lb_name = ev->lb_name;
	return f;
}

static bool is_target_of(const struct ds_cluster_pod_entry *pod, const struct ds_cluster_group *g,
			 const struct ds_addr *addr, int64_t port)
{
	for (int i = 0; i < pod->members_cnt; i++)
		if (pod->members[i].group == g && ds_addr_equal(&pod->members[i].addr, addr) &&
		    (!port || pod->members[i].port == port))
			return true;
	return false;
}

/* The address may have gone from one pod to another: both want to know. */
static void pass_reading(struct ds_cluster *c, const struct ds_event *ev)
{
	int64_t port = ds_event_has(ev, DS_KEY_TARGET_PORT) ? ev->target_port : 0;
	const struct ds_cluster_address *a;
	struct ds_cluster_group_facts facts;
	struct ds_cluster_group *g;
	struct ds_addr addr;

	if (!ds_event_has(ev, DS_KEY_TG_ARN) || !ds_event_has(ev, DS_KEY_TARGET_ID) ||
	    ds_addr_parse(ev->target_id, strlen(ev->target_id), &addr))
		return;
	g = ds_cluster_group_of(c, ev->tg_arn);
	if (!g)
		return;
	facts = facts_of(ev);
	group_is(c, g, &facts);
	a = ds_cluster_address_find(c, &addr);
	for (const struct ds_tie *t = a ? a->pods.first : NULL; t; t = t->next) {
		const struct ds_cluster_pod_entry *pod = t->of;

		if (pod->node && is_target_of(pod, g, &addr, port))
			ds_cluster_reading_tell(c, pod, ev);
	}
}

static bool add_address(struct ds_cluster *c, struct ds_cluster_balancer *b,
			const struct ds_addr *addr)
{
	for (int i = 0; i < b->addresses_cnt; i++)
		if (ds_addr_equal(&b->addresses[i], addr))
			return false;
	if (b->addresses_cnt == DS_CLUSTER_BALANCER_ADDRESSES_MAX) {
		c->stats.over++;
		return false;
	}
	b->addresses[b->addresses_cnt++] = *addr;
	return true;
}

static void pass_address(struct ds_cluster *c, const struct ds_event *ev)
{
	const char *name = ds_event_has(ev, DS_KEY_LB_NAME) ? ev->lb_name : "";
	struct ds_addr addr;
	struct one one = { .addr = &addr, .type = -1 };
	struct ds_cluster_balancer *b = NULL;

	if (!ds_event_has(ev, DS_KEY_ADDRESS) ||
	    ds_addr_parse(ev->address, strlen(ev->address), &addr))
		return;
	if (ds_event_has(ev, DS_KEY_LB_TYPE))
		one.type = ev->lb_type;
	if (name[0])
		b = ds_cluster_balancer_of(c, name);
	if (b && one.type >= 0)
		b->type = one.type;
	if (b && !add_address(c, b, &addr))
		return;
	one.balancer = b;
	each_node_of(c, name, tell_one, &one);
}

void ds_cluster_group_pass(struct ds_cluster *c, const struct ds_event *ev)
{
	if (ev->kind == DS_EVENT_TARGET)
		pass_reading(c, ev);
	else if (ev->kind == DS_EVENT_LB_ADDRESS)
		pass_address(c, ev);
}
