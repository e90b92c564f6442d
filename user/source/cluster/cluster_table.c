/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entries that objects are tied to. Each is made by whoever refers to it first and freed with
 * the last that does: an object, or another object that names it.
 */
#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/cluster_state.h"
#include "user/util/text.h"

void ds_tie_add(struct ds_ties *ties, struct ds_tie *tie, void *of)
{
	*tie = (struct ds_tie){ .next = ties->first, .of = of };
	if (tie->next)
		tie->next->prev = tie;
	ties->first = tie;
}

void ds_tie_remove(struct ds_ties *ties, struct ds_tie *tie)
{
	if (tie->prev)
		tie->prev->next = tie->next;
	else
		ties->first = tie->next;
	if (tie->next)
		tie->next->prev = tie->prev;
	*tie = (struct ds_tie){ 0 };
}

struct key {
	char text[DS_CLUSTER_KEY_LEN + 1];
	size_t len;
};

/* NAMESPACE/NAME: neither can hold a slash. */
static struct key key_of(const char *namespace_, const char *name)
{
	struct key key;
	struct ds_text t = { .data = key.text, .cap = DS_CLUSTER_KEY_LEN };

	ds_text_puts(&t, namespace_);
	ds_text_putc(&t, '/');
	ds_text_puts(&t, name);
	key.text[t.len] = '\0';
	key.len = t.len;
	return key;
}

/* Finds or makes an entry with a key of len bytes at its end; `entry` is NULL without memory. */
#define FIND_OR_MAKE(table, entry, text, len) \
	do { \
		HASH_FIND(hh, (table), (text), (len), (entry)); \
		if (entry) \
			break; \
		(entry) = calloc(1, sizeof(*(entry)) + (len) + 1); \
		if (!(entry)) \
			break; \
		memcpy((entry)->key, (text), (len)); \
		HASH_ADD_KEYPTR(hh, (table), (entry)->key, (len), (entry)); \
		if (!DS_HASH_ADDED(entry)) { \
			free(entry); \
			(entry) = NULL; \
		} \
	} while (0)

static void *counted(struct ds_cluster *c, void *entry)
{
	c->stats.over += !entry;
	return entry;
}

/* ---- services ---- */

struct ds_cluster_service *ds_cluster_service_of(struct ds_cluster *c, const char *namespace_,
						 const char *name)
{
	struct key key = key_of(namespace_, name);
	struct ds_cluster_service *s;

	FIND_OR_MAKE(c->services, s, key.text, key.len);
	return counted(c, s);
}

struct ds_cluster_service *ds_cluster_service_find(const struct ds_cluster *c,
						   const char *namespace_, const char *name)
{
	struct key key = key_of(namespace_, name);
	struct ds_cluster_service *s;

	HASH_FIND(hh, c->services, key.text, key.len, s);
	return s;
}

void ds_cluster_service_release(struct ds_cluster *c, struct ds_cluster_service *s)
{
	if (s->refs || s->slices.first || s->bindings.first)
		return;
	HASH_DEL(c->services, s);
	free(s);
}

/* ---- namespaces ---- */

struct ds_cluster_namespace *ds_cluster_namespace_of(struct ds_cluster *c, const char *name)
{
	struct ds_cluster_namespace *n;

	FIND_OR_MAKE(c->namespaces, n, name, strlen(name));
	return counted(c, n);
}

struct ds_cluster_namespace *ds_cluster_namespace_find(const struct ds_cluster *c,
						       const char *name)
{
	struct ds_cluster_namespace *n;

	HASH_FIND(hh, c->namespaces, name, strlen(name), n);
	return n;
}

void ds_cluster_namespace_release(struct ds_cluster *c, struct ds_cluster_namespace *n)
{
	if (n->services.first || n->pods.first || n->pdbs.first || n->bindings.first)
		return;
	HASH_DEL(c->namespaces, n);
	free(n);
}

/* ---- workloads ---- */

struct ds_cluster_workload *ds_cluster_workload_of(struct ds_cluster *c, const char *namespace_,
						   const char *name)
{
	struct key key = key_of(namespace_, name);
	struct ds_cluster_workload *w;

	FIND_OR_MAKE(c->workloads, w, key.text, key.len);
	return counted(c, w);
}

struct ds_cluster_workload *ds_cluster_workload_find(const struct ds_cluster *c,
						     const char *namespace_, const char *name)
{
	struct key key = key_of(namespace_, name);
	struct ds_cluster_workload *w;

	HASH_FIND(hh, c->workloads, key.text, key.len, w);
	return w;
}

void ds_cluster_workload_is_of(struct ds_cluster *c, struct ds_cluster_workload *w,
			       const char *namespace_, const char *deployment)
{
	struct ds_cluster_workload *before = w->deployment;

	if (before && !strcmp(strchr(before->key, '/') + 1, deployment))
		return;
	if (before)
		ds_tie_remove(&before->replica_sets, &w->in_deployment);
	w->deployment =
		deployment[0] ? ds_cluster_workload_of(c, namespace_, deployment) : NULL;
	if (w->deployment)
		ds_tie_add(&w->deployment->replica_sets, &w->in_deployment, w);
	if (before)
		ds_cluster_workload_release(c, before);
}

/* Its pods may outlive a ReplicaSet: whose it was is known as long as they are. */
void ds_cluster_workload_release(struct ds_cluster *c, struct ds_cluster_workload *w)
{
	if (w->is_released || w->refs || w->pods.first)
		return;
	/* Names of owners are others' words: they may go round in a circle. */
	w->is_released = true;
	ds_cluster_workload_is_of(c, w, "", "");
	w->is_released = false;
	if (w->replica_sets.first)
		return;
	HASH_DEL(c->workloads, w);
	free(w);
}

/* ---- nodes ---- */

struct ds_cluster_node_entry *ds_cluster_node_of(struct ds_cluster *c, const char *name)
{
	struct ds_cluster_node_entry *n;

	FIND_OR_MAKE(c->nodes, n, name, strlen(name));
	return counted(c, n);
}

void ds_cluster_node_release(struct ds_cluster *c, struct ds_cluster_node_entry *n)
{
	if (n->refs || n->pods_cnt)
		return;
	HASH_DEL(c->nodes, n);
	free(n);
}

/* ---- groups and load balancers ---- */

struct ds_cluster_group *ds_cluster_group_of(struct ds_cluster *c, const char *arn)
{
	struct ds_cluster_group *g;

	HASH_FIND(hh, c->groups, arn, strlen(arn), g);
	if (g || HASH_COUNT(c->groups) >= DS_CLUSTER_GROUPS_MAX)
		return counted(c, g);
	FIND_OR_MAKE(c->groups, g, arn, strlen(arn));
	if (g)
		g->facts = (struct ds_cluster_group_facts){
			.delay_s = -1, .preserve_client_ip = -1, .type = -1, .lb_type = -1,
		};
	return counted(c, g);
}

/* What AWS said of it is worth keeping until its place is wanted: it is asked for once. */
void ds_cluster_group_release(struct ds_cluster *c, struct ds_cluster_group *g)
{
	if (g->refs || HASH_COUNT(c->groups) < DS_CLUSTER_GROUPS_MAX / 2)
		return;
	HASH_DEL(c->groups, g);
	free(g);
}

struct ds_cluster_balancer *ds_cluster_balancer_of(struct ds_cluster *c, const char *name)
{
	struct ds_cluster_balancer *b;
	bool is_full = HASH_COUNT(c->balancers) >= DS_CLUSTER_BALANCERS_MAX;

	HASH_FIND(hh, c->balancers, name, strlen(name), b);
	if (b || is_full)
		return counted(c, b);
	FIND_OR_MAKE(c->balancers, b, name, strlen(name));
	if (b)
		b->type = -1;
	return counted(c, b);
}

/* ---- pods and their addresses ---- */

struct ds_cluster_pod_entry *ds_cluster_pod_of(struct ds_cluster *c, const char *uid,
					       const char *namespace_, const char *name)
{
	struct ds_cluster_pod_entry *p;
	size_t len = strlen(uid);

	HASH_FIND(hh, c->pods, uid, len, p);
	if (p || HASH_COUNT(c->pods) >= c->options.pods_max)
		return counted(c, p);
	p = calloc(1, sizeof(*p));
	if (!p)
		return counted(c, NULL);
	memcpy(p->uid, uid, len);
	p->namespace_ = strdup(namespace_);
	p->name = strdup(name);
	p->trigger = -1;
	if (p->namespace_ && p->name)
		HASH_ADD(hh, c->pods, uid, len, p);
	if (p->namespace_ && p->name && DS_HASH_ADDED(p))
		return p;
	free(p->namespace_);
	free(p->name);
	free(p);
	return counted(c, NULL);
}

struct ds_cluster_address *ds_cluster_address_find(const struct ds_cluster *c,
						   const struct ds_addr *addr)
{
	struct ds_cluster_address *a;

	HASH_FIND(hh, c->addresses, addr, sizeof(*addr), a);
	return a;
}

static void let_go(struct ds_cluster *c, struct ds_cluster_holding *h)
{
	ds_tie_remove(&h->address->pods, &h->tie);
	if (h->address->pods.first)
		return;
	HASH_DEL(c->addresses, h->address);
	free(h->address);
}

static void hold(struct ds_cluster *c, struct ds_cluster_pod_entry *pod, const struct ds_addr *addr)
{
	struct ds_cluster_address *a = ds_cluster_address_find(c, addr);
	struct ds_cluster_holding *h;

	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!counted(c, a))
			return;
		a->addr = *addr;
		HASH_ADD(hh, c->addresses, addr, sizeof(a->addr), a);
		if (!DS_HASH_ADDED(a)) {
			free(a);
			c->stats.over++;
			return;
		}
	}
	h = &pod->holdings[pod->holdings_cnt++];
	h->address = a;
	ds_tie_add(&a->pods, &h->tie, pod);
}

static bool holds_just(const struct ds_cluster_pod_entry *pod, const struct ds_addr *addresses,
		       int cnt)
{
	if (pod->holdings_cnt != cnt)
		return false;
	for (int i = 0; i < cnt; i++)
		if (!ds_addr_equal(&pod->holdings[i].address->addr, &addresses[i]))
			return false;
	return true;
}

void ds_cluster_pod_hold(struct ds_cluster *c, struct ds_cluster_pod_entry *pod,
			 const struct ds_addr *addresses, int cnt)
{
	if (holds_just(pod, addresses, cnt))
		return;
	for (int i = 0; i < pod->holdings_cnt; i++)
		let_go(c, &pod->holdings[i]);
	pod->holdings_cnt = 0;
	for (int i = 0; i < cnt; i++)
		hold(c, pod, &addresses[i]);
}

void ds_cluster_pod_remove(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	ds_cluster_pod_hold(c, pod, NULL, 0);
	HASH_DEL(c->pods, pod);
	free(pod->namespace_);
	free(pod->name);
	free(pod);
}

void ds_cluster_clear(struct ds_cluster *c)
{
	struct ds_cluster_pod_entry *pod, *next_pod;
	struct ds_cluster_group *g, *next_group;
	struct ds_cluster_balancer *b, *next_balancer;

	HASH_ITER(hh, c->pods, pod, next_pod)
		ds_cluster_pod_forget(c, pod);
	HASH_ITER(hh, c->groups, g, next_group) {
		HASH_DEL(c->groups, g);
		free(g);
	}
	HASH_ITER(hh, c->balancers, b, next_balancer) {
		HASH_DEL(c->balancers, b);
		free(b);
	}
}
