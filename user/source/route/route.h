/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: rtnetlink of one network namespace. Tells when the node begins or ends to route an
 * address to a pod, which addresses the node itself has, and where each link leads. Does I/O on
 * the uv loop; never blocks there once it is made.
 *
 * rtnetlink has no time of its own: an event carries [not_before, not_after], the last moment at
 * which the socket was known to be empty and the moment of the read; its time is not_after. When
 * messages were lost (a full socket) the tables are read again, with a drainsnoop.loss event and
 * the gap as the interval.
 */
#ifndef DS_SOURCE_ROUTE_H
#define DS_SOURCE_ROUTE_H

#include <stdint.h>

#include "user/core/event.h"

struct uv_loop_s;
struct ds_route;

struct ds_route_options {
	int netns_fd;	/* namespace to listen in; -1 = the one this process runs in */
	/*
	 * Takes an event (drainsnoop.route, .node.address, .loss), borrowed for the call with its
	 * strings; rank (DS_RANK_ROUTE) and source_seq are set.
	 */
	void (*deliver)(void *ctx, struct ds_event *ev);
	/* A link's kind became known or changed. May be NULL. */
	void (*on_iface)(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind);
	void *ctx;
};

struct ds_route_stats {
	uint64_t messages;
	uint64_t events;
	uint64_t losses;	/* times that the socket was full */
	uint64_t left_out;	/* messages for which a table was full */
	uint64_t unsure;	/* dumps that may have missed something */
	uint64_t errors;
};

/*
 * Opens the socket and reads links, addresses, routes and rules: waits for that, some milliseconds
 * (5 s at most). From within, the node's addresses and the kinds of links are told; routes that
 * exist are not: they are no change. 0, or -errno with one line logged.
 */
int ds_route_new(struct ds_route **ret_route, struct uv_loop_s *loop,
		 const struct ds_route_options *options);

/*
 * The link to which the node routes the address by a route of its own, as of the last message read
 * ("" where its name is not known), or NULL. Borrowed until the loop turns.
 */
const char *ds_route_link_of(const struct ds_route *r, const struct ds_addr *a);

/* The network namespace (inode number) whose routes these are; 0 where the kernel does not say. */
uint64_t ds_route_netns(const struct ds_route *r);

/* Reads what waits in the socket now: at the end of a run. */
void ds_route_finish(struct ds_route *r);

struct ds_route_stats ds_route_stats(const struct ds_route *r);

/* Closes; the loop must run once more, so that its handles are closed too. NULL is fine. */
void ds_route_free(struct ds_route **r);

#endif
