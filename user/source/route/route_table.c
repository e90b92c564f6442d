// SPDX-License-Identifier: Apache-2.0
/*
 * The tables behind the route source.
 *
 * A pod's address shows as a host route (/32, /128) to a device, without a gateway, in any table,
 * and with some CNIs as rules "to ADDRESS" and "from ADDRESS". When a link goes down or away its
 * IPv4 routes go without a message, so routes are found by their link.
 */
#include "user/source/route/route_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/hash.h"

#define MAX_LINKS 16384
#define MAX_ROUTES 65536	/* host routes and default routes */
#define MAX_RULES 65536
#define MAX_ADDRESSES 4096
#define TABLE_MAIN 254		/* RT_TABLE_MAIN */

struct link {
	uint32_t ifindex;	/* key */
	char name[DS_RT_NAME_LEN];
	bool up;
	bool loopback;
	bool was_pod;		/* a host route led to it: it stays a pod's */
	int told;		/* enum ds_iface, or -1 */
	unsigned int addresses;
	unsigned int defaults;
	unsigned int generation;
	UT_hash_handle hh;
};

struct route_key {
	struct ds_addr addr;	/* zero for default routes */
	uint32_t table;
	uint32_t priority;
	uint32_t ifindex;	/* default routes only: they have several next hops */
	uint32_t v6;
};

struct route {
	struct route_key key;
	uint32_t ifindex;
	unsigned int generation;
	UT_hash_handle hh;
};

/* An address with host routes: in how many tables, and where the one made last leads. */
struct routed {
	struct ds_addr addr;	/* key */
	uint32_t ifindex;
	unsigned int routes;
	UT_hash_handle hh;
};

struct rule_key {
	struct ds_addr addr;
	uint32_t table;
	uint32_t priority;
	uint32_t from;		/* 1: "from", 0: "to" */
};

struct rule {
	struct rule_key key;
	unsigned int generation;
	UT_hash_handle hh;
};

struct address_key {
	struct ds_addr addr;
	uint32_t ifindex;
};

struct address {
	struct address_key key;
	bool told;
	unsigned int generation;
	UT_hash_handle hh;
};

struct ds_route_table {
	struct ds_route_hooks hooks;
	struct link *links;
	struct route *routes;
	struct routed *routed;
	struct rule *rules;
	struct address *addresses;
	unsigned int generation;	/* of the dump going on, or the last */
	bool ready;			/* the first dump is complete */
};

int ds_route_table_new(struct ds_route_table **ret_table, const struct ds_route_hooks *hooks)
{
	struct ds_route_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->hooks = *hooks;
	*ret_table = t;
	return 0;
}

#define FREE_ALL(head) \
	do { \
		__typeof__(head) at_, next_; \
		HASH_ITER(hh, head, at_, next_) { \
			HASH_DEL(head, at_); \
			free(at_); \
		} \
	} while (0)

void ds_route_table_free(struct ds_route_table **table)
{
	struct ds_route_table *t = *table;

	if (!t)
		return;
	FREE_ALL(t->links);
	FREE_ALL(t->routes);
	FREE_ALL(t->routed);
	FREE_ALL(t->rules);
	FREE_ALL(t->addresses);
	free(t);
	*table = NULL;
}

static struct link *find_link(const struct ds_route_table *t, uint32_t ifindex)
{
	struct link *l;

	HASH_FIND(hh, t->links, &ifindex, sizeof(ifindex), l);
	return l;
}

/* Whether something is known of the link that tells where it leads. */
static int kind_of(const struct link *l)
{
	if (l->loopback)
		return DS_IFACE_LOCAL;
	if (l->defaults)
		return DS_IFACE_UPLINK;
	if (l->was_pod)
		return DS_IFACE_POD;
	return l->addresses ? DS_IFACE_UPLINK : -1;
}

/* Tells the link's kind if it is new. */
static void classify(struct ds_route_table *t, struct link *l)
{
	int kind;

	if (!l || !t->ready)
		return;
	kind = kind_of(l);
	if (kind < 0 || kind == l->told)
		return;
	l->told = kind;
	t->hooks.on_iface(t->hooks.ctx, l->ifindex, l->name, (enum ds_iface)kind);
}

static void tell_change(struct ds_route_table *t, enum ds_route_change what,
			enum ds_route_by by, const struct ds_addr *addr, uint32_t ifindex)
{
	const struct link *l = find_link(t, ifindex);
	struct ds_rt_change change = {
		.what = what,
		.by = by,
		.addr = *addr,
		.ifindex = ifindex,
		.name = l ? l->name : "",
	};

	if (t->ready)
		t->hooks.on_change(t->hooks.ctx, &change);
}

/* fe80::: every link has one, a pod's too, and no peer talks from it. */
static bool is_link_local(const struct ds_addr *a)
{
	static const struct ds_prefix link_local = { { { 0xfe, 0x80 } }, 10 };

	return ds_prefix_contains(&link_local, a);
}

static void tell_address(struct ds_route_table *t, struct address *a)
{
	const struct link *l = find_link(t, a->key.ifindex);
	int kind = l ? kind_of(l) : -1;

	if (!t->ready || a->told)
		return;
	a->told = true;
	if (is_link_local(&a->key.addr))
		return;
	t->hooks.on_address(t->hooks.ctx, &a->key.addr, l ? l->name : "",
			    kind < 0 ? DS_IFACE_UPLINK : (enum ds_iface)kind);
}

static bool is_default(const struct route *r)
{
	return !ds_addr_is_set(&r->key.addr);
}

static struct routed *find_routed(const struct ds_route_table *t, const struct ds_addr *a)
{
	struct routed *x;

	HASH_FIND(hh, t->routed, a, sizeof(*a), x);
	return x;
}

const char *ds_route_table_link_of(const struct ds_route_table *t, const struct ds_addr *a)
{
	const struct routed *x = find_routed(t, a);
	const struct link *l = x ? find_link(t, x->ifindex) : NULL;

	return l ? l->name : x ? "" : NULL;
}

static int count_routed(struct ds_route_table *t, const struct ds_addr *a, uint32_t ifindex)
{
	struct routed *x = find_routed(t, a);

	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return -ENOMEM;
		x->addr = *a;
		HASH_ADD(hh, t->routed, addr, sizeof(x->addr), x);
		if (!DS_HASH_ADDED(x)) {
			free(x);
			return -ENOMEM;
		}
	}
	x->ifindex = ifindex;
	x->routes++;
	return 0;
}

static void uncount_routed(struct ds_route_table *t, const struct ds_addr *a)
{
	struct routed *x = find_routed(t, a);

	if (!x || --x->routes)
		return;
	HASH_DEL(t->routed, x);
	free(x);
}

static void drop_route(struct ds_route_table *t, struct route *r, enum ds_route_by by)
{
	struct link *l = find_link(t, r->ifindex);

	if (is_default(r)) {
		if (l && l->defaults)
			l->defaults--;
	} else {
		uncount_routed(t, &r->key.addr);
		tell_change(t, DS_ROUTE_CHANGE_RELEASED, by, &r->key.addr, r->ifindex);
	}
	HASH_DEL(t->routes, r);
	free(r);
	classify(t, l);
}

static void drop_routes_of(struct ds_route_table *t, uint32_t ifindex)
{
	struct route *r, *next;

	HASH_ITER(hh, t->routes, r, next)
		if (r->ifindex == ifindex)
			drop_route(t, r, DS_ROUTE_BY_LINK);
}

static void drop_address(struct ds_route_table *t, struct address *a)
{
	struct link *l = find_link(t, a->key.ifindex);

	if (l && l->addresses && !is_link_local(&a->key.addr))
		l->addresses--;
	HASH_DEL(t->addresses, a);
	free(a);
}

static void drop_link(struct ds_route_table *t, struct link *l)
{
	struct address *a, *next;

	drop_routes_of(t, l->ifindex);
	HASH_ITER(hh, t->addresses, a, next)
		if (a->key.ifindex == l->ifindex)
			drop_address(t, a);
	HASH_DEL(t->links, l);
	free(l);
}

static int apply_link(struct ds_route_table *t, const struct ds_rt *rt)
{
	struct link *l = find_link(t, rt->ifindex);

	if (rt->del) {
		if (l)
			drop_link(t, l);
		return 0;
	}
	if (!l) {
		if (HASH_COUNT(t->links) >= MAX_LINKS)
			return -ENOBUFS;
		l = calloc(1, sizeof(*l));
		if (!l)
			return -ENOMEM;
		l->ifindex = rt->ifindex;
		l->told = -1;
		HASH_ADD(hh, t->links, ifindex, sizeof(l->ifindex), l);
		if (!DS_HASH_ADDED(l)) {
			free(l);
			return -ENOMEM;
		}
	}
	if (strcmp(l->name, rt->name) != 0) {
		memcpy(l->name, rt->name, sizeof(l->name));
		l->told = -1;	/* tell it under its new name */
	}
	l->loopback = rt->loopback;
	l->generation = t->generation;
	if (l->up && !rt->up)
		drop_routes_of(t, l->ifindex);	/* the kernel flushes them and says nothing */
	l->up = rt->up;
	classify(t, l);
	return 0;
}

static int apply_addr(struct ds_route_table *t, const struct ds_rt *rt)
{
	struct address_key key = { .addr = rt->addr, .ifindex = rt->ifindex };
	struct address *a;
	struct link *l;

	HASH_FIND(hh, t->addresses, &key, sizeof(key), a);
	if (rt->del) {
		if (a)
			drop_address(t, a);
		return 0;
	}
	if (a) {	/* IPv6 lifetimes are refreshed all the time */
		a->generation = t->generation;
		return 0;
	}
	if (HASH_COUNT(t->addresses) >= MAX_ADDRESSES)
		return -ENOBUFS;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->key = key;
	a->generation = t->generation;
	HASH_ADD(hh, t->addresses, key, sizeof(a->key), a);
	if (!DS_HASH_ADDED(a)) {
		free(a);
		return -ENOMEM;
	}
	l = find_link(t, rt->ifindex);
	if (l && !is_link_local(&a->key.addr))
		l->addresses++;
	classify(t, l);
	tell_address(t, a);
	return 0;
}

static int put_route(struct ds_route_table *t, const struct route_key *key, uint32_t ifindex)
{
	struct link *l = find_link(t, ifindex);
	struct route *r;

	if (HASH_COUNT(t->routes) >= MAX_ROUTES)
		return -ENOBUFS;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->key = *key;
	r->ifindex = ifindex;
	r->generation = t->generation;
	if (!is_default(r) && count_routed(t, &key->addr, ifindex)) {
		free(r);
		return -ENOMEM;
	}
	HASH_ADD(hh, t->routes, key, sizeof(r->key), r);
	if (!DS_HASH_ADDED(r)) {
		if (!is_default(r))
			uncount_routed(t, &key->addr);
		free(r);
		return -ENOMEM;
	}
	if (l && is_default(r))
		l->defaults++;
	else if (l)
		l->was_pod = true;
	classify(t, l);
	if (!is_default(r))
		tell_change(t, DS_ROUTE_CHANGE_ASSIGNED, DS_ROUTE_BY_ROUTE, &r->key.addr,
			    r->ifindex);
	return 0;
}

static struct route *find_route(struct ds_route_table *t, const struct route_key *key)
{
	struct route *r;

	HASH_FIND(hh, t->routes, key, sizeof(*key), r);
	return r;
}

/* One entry a next hop: only the links matter. */
static int apply_default(struct ds_route_table *t, const struct ds_rt *rt)
{
	int err = 0;

	for (int i = 0; i < rt->hop_cnt; i++) {
		struct route_key key = {
			.table = rt->table,
			.priority = rt->priority,
			.ifindex = rt->hops[i],
			.v6 = rt->v6,
		};
		struct route *r = find_route(t, &key);
		int e = 0;

		if (rt->del && r)
			drop_route(t, r, DS_ROUTE_BY_ROUTE);
		else if (!rt->del && r)
			r->generation = t->generation;
		else if (!rt->del)
			e = put_route(t, &key, rt->hops[i]);
		err = err ? err : e;
	}
	return err;
}

static int apply_host_route(struct ds_route_table *t, const struct ds_rt *rt)
{
	struct route_key key = {
		.addr = rt->dst.addr,
		.table = rt->table,
		.priority = rt->priority,
		.v6 = rt->v6,
	};
	struct route *r = find_route(t, &key);
	/*
	 * To one device, and not by way of a gateway; the kernel's own are those of the node's
	 * IPv6 addresses. Anything else (a blackhole) assigns nothing to a pod.
	 */
	bool to_device = rt->unicast && rt->hop_cnt == 1 && !rt->gateway && !(rt->kernel && rt->v6);

	if (rt->del) {
		if (r && to_device && r->ifindex == rt->hops[0])
			drop_route(t, r, DS_ROUTE_BY_ROUTE);
		return 0;
	}
	if (r && to_device && r->ifindex == rt->hops[0]) {
		r->generation = t->generation;
		return 0;
	}
	if (r && (rt->replace || to_device))
		drop_route(t, r, DS_ROUTE_BY_ROUTE);
	return to_device ? put_route(t, &key, rt->hops[0]) : 0;
}

static int apply_route(struct ds_route_table *t, const struct ds_rt *rt)
{
	if (ds_rt_is_default(rt))
		return rt->unicast ? apply_default(t, rt) : 0;
	return rt->dst.bits == 128 ? apply_host_route(t, rt) : 0;
}

static void drop_rule(struct ds_route_table *t, struct rule *r)
{
	tell_change(t, DS_ROUTE_CHANGE_RELEASED, DS_ROUTE_BY_RULE, &r->key.addr, 0);
	HASH_DEL(t->rules, r);
	free(r);
}

static int apply_rule_side(struct ds_route_table *t, const struct ds_rt *rt, bool from)
{
	struct rule_key key = {
		.addr = from ? rt->src.addr : rt->dst.addr,
		.table = rt->table,
		.priority = rt->priority,
		.from = from,
	};
	struct rule *r;

	HASH_FIND(hh, t->rules, &key, sizeof(key), r);
	if (rt->del) {
		if (r)
			drop_rule(t, r);
		return 0;
	}
	if (r) {
		r->generation = t->generation;
		return 0;
	}
	if (HASH_COUNT(t->rules) >= MAX_RULES)
		return -ENOBUFS;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->key = key;
	r->generation = t->generation;
	HASH_ADD(hh, t->rules, key, sizeof(r->key), r);
	if (!DS_HASH_ADDED(r)) {
		free(r);
		return -ENOMEM;
	}
	tell_change(t, DS_ROUTE_CHANGE_ASSIGNED, DS_ROUTE_BY_RULE, &key.addr, 0);
	return 0;
}

static int apply_rule(struct ds_route_table *t, const struct ds_rt *rt)
{
	int err = 0, e = 0;

	if (!rt->unicast)
		return 0;
	/* The main table is looked up anyway: a rule to it may go, and nothing changes. */
	if (rt->dst.bits == 128 && rt->table != TABLE_MAIN)
		err = apply_rule_side(t, rt, false);
	if (rt->src.bits == 128)
		e = apply_rule_side(t, rt, true);
	return err ? err : e;
}

void ds_route_table_begin_dump(struct ds_route_table *t)
{
	t->generation++;
}

/* What the dump did not have is gone. */
static void drop_stale(struct ds_route_table *t)
{
	struct address *a, *next_a;
	struct route *r, *next_r;
	struct rule *u, *next_u;
	struct link *l, *next_l;

	HASH_ITER(hh, t->routes, r, next_r)
		if (r->generation != t->generation)
			drop_route(t, r, DS_ROUTE_BY_ROUTE);
	HASH_ITER(hh, t->rules, u, next_u)
		if (u->generation != t->generation)
			drop_rule(t, u);
	HASH_ITER(hh, t->addresses, a, next_a)
		if (a->generation != t->generation)
			drop_address(t, a);
	HASH_ITER(hh, t->links, l, next_l)
		if (l->generation != t->generation)
			drop_link(t, l);
}

void ds_route_table_end_dump(struct ds_route_table *t)
{
	struct address *a, *next_a;
	struct link *l, *next_l;

	drop_stale(t);
	t->ready = true;
	HASH_ITER(hh, t->links, l, next_l)
		classify(t, l);
	HASH_ITER(hh, t->addresses, a, next_a)
		tell_address(t, a);
}

int ds_route_table_apply(struct ds_route_table *t, const struct ds_rt *rt)
{
	switch (rt->kind) {
	case DS_RT_LINK:
		return apply_link(t, rt);
	case DS_RT_ADDR:
		return apply_addr(t, rt);
	case DS_RT_ROUTE:
		return apply_route(t, rt);
	case DS_RT_RULE:
		return apply_rule(t, rt);
	default:
		return 0;
	}
}
