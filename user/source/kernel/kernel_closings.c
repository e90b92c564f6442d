/* SPDX-License-Identifier: Apache-2.0 */
/* One table of packed events, by namespace, family and port; on the host also by cgroup. */
#include "user/source/kernel/kernel_closings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_pack.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"

#define MAX_HELD 16384

struct held {
	UT_hash_handle hh;
	char *key;
	void *packed;
};

struct ds_closings {
	struct held *held;
};

int ds_closings_new(struct ds_closings **ret_closings)
{
	*ret_closings = calloc(1, sizeof(**ret_closings));
	return *ret_closings ? 0 : -ENOMEM;
}

static void drop(struct ds_closings *c, struct held *h)
{
	HASH_DEL(c->held, h);
	free(h->key);
	free(h->packed);
	free(h);
}

void ds_closings_free(struct ds_closings **closings)
{
	struct ds_closings *c = *closings;

	if (!c)
		return;
	while (c->held)
		drop(c, c->held);
	free(DS_TAKE(*closings));
}

/* As the kernel side counts: pods share the host's namespace, each cgroup is for itself there. */
static char *key_of(const struct ds_event *ev)
{
	bool of_host = ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_ROUTING &&
		       ds_event_has(ev, DS_KEY_CGROUP_PATH);
	char *key = NULL;

	if (asprintf(&key, "%" PRIu64 " %s %" PRId64 " %s",
		     ds_event_has(ev, DS_KEY_NETNS) ? (uint64_t)ev->netns : 0,
		     ds_event_has(ev, DS_KEY_NETWORK_TYPE) ? ev->network_type : "",
		     (int64_t)ev->source_port, of_host ? ev->cgroup_path : "") < 0)
		return NULL;
	return key;
}

/* Takes the key over. False without memory. */
static bool put(struct ds_closings *c, char *key, const struct ds_event *ev)
{
	struct held *h = calloc(1, sizeof(*h));

	if (!h) {
		free(key);
		return false;
	}
	h->key = key;
	h->packed = malloc(ds_event_packed_size(ev));
	if (h->packed) {
		ds_event_pack(ev, false, h->packed);
		HASH_ADD_KEYPTR(hh, c->held, h->key, strlen(h->key), h);
	}
	if (h->packed && DS_HASH_ADDED(h))
		return true;
	free(h->packed);
	free(h->key);
	free(h);
	return false;
}

bool ds_closings_hold(struct ds_closings *c, const struct ds_event *ev)
{
	bool closes;
	struct held *before;
	char *key;

	if (ev->kind != DS_EVENT_SOCKET || (ev->socket_change != DS_SOCKET_CHANGE_LISTENING &&
					    ev->socket_change != DS_SOCKET_CHANGE_LISTENER_CLOSED))
		return false;
	closes = ev->socket_change == DS_SOCKET_CHANGE_LISTENER_CLOSED;
	if (!closes && !c->held)
		return false;
	key = key_of(ev);
	if (!key)
		return false;
	HASH_FIND(hh, c->held, key, strlen(key), before);
	if (before)
		drop(c, before);
	if (closes && HASH_COUNT(c->held) < MAX_HELD)
		return put(c, key, ev);
	free(key);
	return false;
}

void ds_closings_release(struct ds_closings *c, void (*deliver)(void *ctx, struct ds_event *ev),
			 void *ctx)
{
	struct ds_event ev;

	while (c->held) {	/* in the order in which they came */
		ds_event_unpack(c->held->packed, &ev);
		deliver(ctx, &ev);
		drop(c, c->held);
	}
}
