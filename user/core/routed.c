/* SPDX-License-Identifier: Apache-2.0 */
/* One table: the holdings that have, or had while they were held, a route of their own. */
#include "user/core/routed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/pod.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"

#define MAX_HOLDINGS 131072	/* more than the ledger has pods for, with all their addresses */

struct key {
	struct ds_addr addr;
	int64_t from_ns;
};

struct holding {
	struct key key;
	uint64_t netns;
	unsigned int generation;	/* of the snapshot that had it last */
	char link[DS_POD_LINK_LEN + 1];
	UT_hash_handle hh;
};

struct ds_routed {
	struct holding *holdings;
	struct holding *latest;		/* of the event before: a release may follow */
	unsigned int generation;
};

int ds_routed_new(struct ds_routed **ret_routed)
{
	*ret_routed = calloc(1, sizeof(**ret_routed));
	return *ret_routed ? 0 : -ENOMEM;
}

static void drop(struct ds_routed *r, struct holding *h)
{
	HASH_DEL(r->holdings, h);
	free(h);
}

void ds_routed_free(struct ds_routed **routed)
{
	struct ds_routed *r = *routed;
	struct holding *h, *next;

	if (!r)
		return;
	HASH_ITER(hh, r->holdings, h, next)
		drop(r, h);
	free(DS_TAKE(*routed));
}

/* Of an event that assigns an address. False where it is none. */
static bool key_of(const struct ds_event *ev, struct key *key)
{
	memset(key, 0, sizeof(*key));
	key->from_ns = ev->time_ns;
	return ev->kind == DS_EVENT_ROUTE && ev->route_change == DS_ROUTE_CHANGE_ASSIGNED &&
	       !ds_addr_parse(ev->address, strlen(ev->address), &key->addr);
}

static struct holding *find(const struct ds_routed *r, const struct key *key)
{
	struct holding *h;

	HASH_FIND(hh, r->holdings, key, sizeof(*key), h);
	return h;
}

/* The holding of that key, made when new. 0, -ENOBUFS or -ENOMEM. */
static int put(struct ds_routed *r, const struct key *key, struct holding **ret_holding)
{
	struct holding *h = find(r, key);

	*ret_holding = h;
	if (h)
		return 0;
	if (HASH_COUNT(r->holdings) >= MAX_HOLDINGS)
		return -ENOBUFS;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->key = *key;
	HASH_ADD(hh, r->holdings, key, sizeof(h->key), h);
	if (!DS_HASH_ADDED(h)) {
		free(h);
		return -ENOMEM;
	}
	*ret_holding = h;
	return 0;
}

static void set_route(struct holding *h, const char *link, uint64_t netns)
{
	size_t len = strnlen(link, DS_POD_LINK_LEN);

	memcpy(h->link, link, len);
	h->link[len] = '\0';
	h->netns = netns;
}

/* The holding told last is over. */
static bool ends_latest(struct ds_routed *r, const struct ds_event *ev)
{
	struct holding *h = r->latest;
	struct ds_addr a;

	r->latest = NULL;
	if (ev->kind != DS_EVENT_ROUTE || ev->route_change != DS_ROUTE_CHANGE_RELEASED)
		return false;
	if (h && !ds_addr_parse(ev->address, strlen(ev->address), &a) &&
	    ds_addr_equal(&a, &h->key.addr))
		drop(r, h);
	return true;
}

int ds_routed_take(struct ds_routed *r, const struct ds_event *ev)
{
	struct holding *h;
	struct key key;
	int err;

	if (ends_latest(r, ev) || !key_of(ev, &key) || !ds_event_has(ev, DS_KEY_ROUTE_BY) ||
	    ev->route_by != DS_ROUTE_BY_ROUTE || !ds_event_has(ev, DS_KEY_NETNS))
		return 0;
	err = put(r, &key, &h);
	if (err)
		return err;
	set_route(h, ds_event_has(ev, DS_KEY_IFACE_NAME) ? ev->iface_name : "", ev->netns);
	r->latest = h;
	return 0;
}

void ds_routed_missing(const struct ds_routed *r, uint64_t netns,
		       const char *(*link_of)(const void *ctx, const struct ds_addr *a),
		       void (*gone)(void *ctx, const struct ds_addr *a, const char *link),
		       void *ctx)
{
	for (const struct holding *h = r->holdings; h; h = h->hh.next)
		if (h->netns == netns && !link_of(ctx, &h->key.addr))
			gone(ctx, &h->key.addr, h->link);
}

void ds_routed_begin(struct ds_routed *r)
{
	r->generation++;
	r->latest = NULL;
}

void ds_routed_end(struct ds_routed *r)
{
	struct holding *h, *next;

	r->latest = NULL;
	HASH_ITER(hh, r->holdings, h, next)
		if (h->generation != r->generation)
			drop(r, h);	/* its pod is forgotten */
}

int ds_routed_mark(struct ds_routed *r, struct ds_event *ev, const char *link, uint64_t netns)
{
	struct holding *h;
	struct key key;
	int err;

	if (ends_latest(r, ev) || !key_of(ev, &key))
		return 0;
	h = find(r, &key);
	if (!h && !link)
		return 0;
	err = h ? 0 : put(r, &key, &h);
	if (err)
		return err;
	if (link)
		set_route(h, link, netns);
	h->generation = r->generation;
	r->latest = h;
	DS_SET(ev, ROUTE_BY, route_by, DS_ROUTE_BY_ROUTE);
	DS_SET(ev, NETNS, netns, h->netns);
	DS_SET_STR(ev, IFACE_NAME, iface_name, h->link);
	return 0;
}
