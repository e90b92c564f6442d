/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the addresses in a state file the node had a route of its own for. Such a route that is
 * missing when the next run begins went in between: the address was released, and nobody watched.
 * An address without one (a bridge, one route for all) says nothing by having none. Pure.
 *
 * A holding is the pair of events that snapshot.c makes of it: assigned, and released where it is
 * over. The mark is in the first: drainsnoop.route.by, the link, and the namespace of the route.
 */
#ifndef DS_CORE_ROUTED_H
#define DS_CORE_ROUTED_H

#include "user/core/event.h"

struct ds_routed;

/* 0 or -ENOMEM. */
int ds_routed_new(struct ds_routed **ret_routed);
void ds_routed_free(struct ds_routed **routed);

/* ---- loading ---- */

/* An event of a state file, in its order. 0; -ENOBUFS, -ENOMEM: what it marks is not remembered. */
int ds_routed_take(struct ds_routed *r, const struct ds_event *ev);

/*
 * Calls gone() for each address that is still held and was marked in that namespace, where
 * link_of() has no route now (NULL). `link`: where its route led; borrowed for the call.
 */
void ds_routed_missing(const struct ds_routed *r, uint64_t netns,
		       const char *(*link_of)(const void *ctx, const struct ds_addr *a),
		       void (*gone)(void *ctx, const struct ds_addr *a, const char *link),
		       void *ctx);

/* ---- saving ---- */

/* A snapshot begins, and ends: between them comes an event for each holding that is known. */
void ds_routed_begin(struct ds_routed *r);
void ds_routed_end(struct ds_routed *r);

/*
 * Marks an event of the snapshot where the node routes its address to `link` (NULL: it does not),
 * or did: the core hears later than the route source that a route went, and until then the holding
 * has one. The marked event borrows a string until the next call. As ds_routed_take.
 */
int ds_routed_mark(struct ds_routed *r, struct ds_event *ev, const char *link, uint64_t netns);

#endif
