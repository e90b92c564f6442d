/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_table.h"

#include <stdlib.h>
#include <string.h>

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

#define UNBOUNDED UINT32_MAX	/* the watches have bounds */

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

/*
 * Finds or makes the entry whose member `field` is those len bytes; a text is kept with its end.
 * NULL, counted, without memory or where there are max of them.
 */
#define FIND_OR_MAKE(c, table, entry, field, data, len, max) \
	do { \
		HASH_FIND(hh, (table), (data), (len), (entry)); \
		if (!(entry) && HASH_COUNT(table) != (max)) \
			(entry) = calloc(1, sizeof(*(entry)) + (len) + 1); \
		if ((entry) && !DS_HASH_ADDED(entry)) { \
			memcpy(&(entry)->field, (data), (len)); \
			HASH_ADD_KEYPTR(hh, (table), &(entry)->field, (len), (entry)); \
			if (!DS_HASH_ADDED(entry)) { \
				free(entry); \
				(entry) = NULL; \
			} \
		} \
		(c)->stats.over += !(entry); \
	} while (0)

/* ---- services ---- */

struct ds_cluster_service *ds_cluster_service_of(struct ds_cluster *c, const char *namespace_,
						 const char *name)
{
	struct key key = key_of(namespace_, name);
	struct ds_cluster_service *s;

	FIND_OR_MAKE(c, c->services, s, key, key.text, key.len, UNBOUNDED);
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

	FIND_OR_MAKE(c, c->namespaces, n, key, name, strlen(name), UNBOUNDED);
	return n;
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

	FIND_OR_MAKE(c, c->workloads, w, key, key.text, key.len, UNBOUNDED);
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

	FIND_OR_MAKE(c, c->nodes, n, key, name, strlen(name), UNBOUNDED);
	return n;
}

void ds_cluster_node_release(struct ds_cluster *c, struct ds_cluster_node_entry *n)
{
	if (n->refs)
		return;
	HASH_DEL(c->nodes, n);
	free(n);
}

/* ---- groups and load balancers ---- */

struct ds_cluster_group *ds_cluster_group_of(struct ds_cluster *c, const char *arn)
{
	unsigned cnt = HASH_COUNT(c->groups);
	struct ds_cluster_group *g;

	FIND_OR_MAKE(c, c->groups, g, key, arn, strlen(arn), DS_CLUSTER_GROUPS_MAX);
	if (HASH_COUNT(c->groups) > cnt)
		g->facts = (struct ds_cluster_group_facts){
			.delay_s = -1, .preserve_client_ip = -1, .type = -1, .lb_type = -1,
		};
	return g;
}

/* What AWS said of it is worth keeping until its place is wanted: it is asked for once. */
void ds_cluster_group_release(struct ds_cluster *c, struct ds_cluster_group *g)
{
	if (g->refs || HASH_COUNT(c->groups) < DS_CLUSTER_GROUPS_MAX / 2)
		return;
	HASH_DEL(c->groups, g);
	free(g);
}

/* No group has it any more; it may come again, and then its addresses are read anew. */
static void forget_a_balancer(struct ds_cluster *c)
{
	struct ds_cluster_balancer *b, *next;

	HASH_ITER(hh, c->balancers, b, next) {
		const struct ds_cluster_group *g = c->groups;

		while (g && strcmp(g->lb_name, b->key) != 0)
			g = g->hh.next;
		if (g)
			continue;
		HASH_DEL(c->balancers, b);
		free(b);
		return;
	}
}

struct ds_cluster_balancer *ds_cluster_balancer_of(struct ds_cluster *c, const char *name)
{
	unsigned cnt;
	struct ds_cluster_balancer *b;

	if (HASH_COUNT(c->balancers) >= DS_CLUSTER_BALANCERS_MAX)
		forget_a_balancer(c);
	cnt = HASH_COUNT(c->balancers);
	FIND_OR_MAKE(c, c->balancers, b, key, name, strlen(name), DS_CLUSTER_BALANCERS_MAX);
	if (HASH_COUNT(c->balancers) > cnt)
		b->type = -1;
	return b;
}

/* ---- pods and their addresses ---- */

struct ds_cluster_pod_entry *ds_cluster_pod_of(struct ds_cluster *c, const char *uid,
					       const char *namespace_, const char *name)
{
	unsigned cnt = HASH_COUNT(c->pods);
	struct ds_cluster_pod_entry *p;

	FIND_OR_MAKE(c, c->pods, p, key, uid, strlen(uid), c->options.pods_max);
	if (HASH_COUNT(c->pods) == cnt)
		return p;
	p->trigger = -1;
	p->namespace_ = strdup(namespace_);
	p->name = strdup(name);
	if (p->namespace_ && p->name)
		return p;
	c->stats.over++;
	ds_cluster_pod_remove(c, p);
	return NULL;
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
	struct ds_cluster_holding *h = &pod->holdings[pod->holdings_cnt];
	struct ds_cluster_address *a;

	FIND_OR_MAKE(c, c->addresses, a, addr, addr, sizeof(*addr), UNBOUNDED);
	if (!a)
		return;
	h->address = a;
	ds_tie_add(&a->pods, &h->tie, pod);
	pod->holdings_cnt++;
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
	free(pod->holdings);
	pod->holdings_cnt = 0;
	pod->holdings = cnt ? calloc((size_t)cnt, sizeof(pod->holdings[0])) : NULL;
	c->stats.over += cnt && !pod->holdings;
	for (int i = 0; pod->holdings && i < cnt; i++)
		hold(c, pod, &addresses[i]);
}

void ds_cluster_pod_remove(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	ds_cluster_pod_hold(c, pod, NULL, 0);
	HASH_DEL(c->pods, pod);
	free(pod->namespace_);
	free(pod->name);
	free(pod->members);
	free(pod);
}

void ds_cluster_table_clear(struct ds_cluster *c)
{
	struct ds_cluster_group *g, *next_group;
	struct ds_cluster_balancer *b, *next_balancer;

	HASH_ITER(hh, c->groups, g, next_group) {
		HASH_DEL(c->groups, g);
		free(g);
	}
	HASH_ITER(hh, c->balancers, b, next_balancer) {
		HASH_DEL(c->balancers, b);
		free(b);
	}
}
