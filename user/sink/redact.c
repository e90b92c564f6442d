/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/peer.h"
#include "user/util/hash.h"
#include "user/util/wipe.h"

#define PODS_MAX 65536		/* addresses; those above it are taken for clients' */

struct pod_address {
	struct ds_addr addr;
	UT_hash_handle hh;
};

struct ds_redact {
	uint64_t key[2];
	struct ds_peers peers;		/* the load balancer's and the nodes' addresses */
	struct pod_address *pods;
};

int ds_redact_new(struct ds_redact **ret_redact, const void *secret, size_t len)
{
	struct ds_redact *r;

	if (len < DS_REDACT_SECRET_MIN)
		return -EINVAL;
	r = ds_wipe_calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	/* All of the secret counts, whatever its length and form. */
	r->key[0] = ds_siphash13(0, 1, secret, len);
	r->key[1] = ds_siphash13(r->key[0], 2, secret, len);
	*ret_redact = r;
	return 0;
}

void ds_redact_free(struct ds_redact **redact)
{
	struct ds_redact *r = redact ? *redact : NULL;
	struct pod_address *p, *next;

	if (!r)
		return;
	*redact = NULL;
	HASH_ITER(hh, r->pods, p, next) {
		HASH_DEL(r->pods, p);
		free(p);
	}
	ds_wipe_free(r);
}

static bool is_pod(const struct ds_redact *r, const struct ds_addr *a)
{
	struct pod_address *p;

	HASH_FIND(hh, r->pods, a, sizeof(*a), p);
	return p;
}

static void learn_pod(struct ds_redact *r, const char *text, size_t len)
{
	struct pod_address *p;
	struct ds_addr a;

	if (ds_addr_parse(text, len, &a) || is_pod(r, &a) || HASH_COUNT(r->pods) >= PODS_MAX)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;		/* replaced: that hides too much, never too little */
	p->addr = a;
	HASH_ADD(hh, r->pods, addr, sizeof(p->addr), p);
	if (!DS_HASH_ADDED(p))
		free(p);
}

static void learn_list(struct ds_redact *r, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ",");

		learn_pod(r, list, len);
		list += len + (list[len] == ',');
	}
}

void ds_redact_learn(struct ds_redact *r, const struct ds_event *ev)
{
	switch (ev->kind) {
	case DS_EVENT_LB_ADDRESS:
	case DS_EVENT_NODE_ADDRESS:
		ds_peers_update(&r->peers, ev);
		break;
	case DS_EVENT_ROUTE:
		if (ds_event_has(ev, DS_KEY_ADDRESS))
			learn_list(r, ev->address);
		break;
	case DS_EVENT_TARGET:
		if (ds_event_has(ev, DS_KEY_TARGET_ID))
			learn_list(r, ev->target_id);
		break;
	default:
		break;
	}
	if (ds_event_has(ev, DS_KEY_POD_ADDRESSES))
		learn_list(r, ev->pod_addresses);
}

static bool is_shown(const struct ds_redact *r, const struct ds_addr *a)
{
	return ds_addr_is_loopback(a) || ds_peers_is_load_balancer(&r->peers, a) ||
	       ds_peers_is_node(&r->peers, a) || ds_peers_is_other_node(&r->peers, a) ||
	       is_pod(r, a);
}

struct ds_addr ds_redact_address(const struct ds_redact *r, const struct ds_addr *a)
{
	struct ds_addr other = { { 0x01 } };	/* 100::/64 */
	uint64_t h;

	if (!ds_addr_is_set(a) || is_shown(r, a))
		return *a;
	h = ds_siphash13(r->key[0], r->key[1], a->bytes, sizeof(a->bytes));
	if (ds_addr_is_v4(a)) {
		const uint8_t b[4] = { (uint8_t)(0xf0 | (h >> 24 & 0x0f)), (uint8_t)(h >> 16),
				       (uint8_t)(h >> 8), (uint8_t)h };

		return ds_addr_from_v4(b);
	}
	for (int i = 0; i < 8; i++)
		other.bytes[8 + i] = (uint8_t)(h >> (56 - 8 * i));
	return other;
}

void ds_redact_event(const struct ds_redact *r, struct ds_event *ev)
{
	static const enum ds_key ends[] = { DS_KEY_SOURCE_ADDRESS, DS_KEY_DESTINATION_ADDRESS };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct ds_addr *a = (void *)((char *)ev + ds_keys[ends[i]].offset);

		if (ds_event_has(ev, ends[i]))
			*a = ds_redact_address(r, a);
	}
}
