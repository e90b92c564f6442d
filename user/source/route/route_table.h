/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the node's routing says about pods: links, addresses, host routes and single-address rules,
 * kept from decoded rtnetlink messages, and what a message changes about an address or a link.
 * Pure: the time of a change is its reader's business.
 */
#ifndef DS_SOURCE_ROUTE_TABLE_H
#define DS_SOURCE_ROUTE_TABLE_H

#include "user/core/names.h"
#include "user/source/route/route_parse.h"

struct ds_route_table;

struct ds_rt_change {
	enum ds_route_change what;
	enum ds_route_by by;
	struct ds_addr addr;
	uint32_t ifindex;	/* 0 where it has none: rules */
	const char *name;	/* of that interface; "" */
};

/* What the table tells; called from within ds_route_table_apply and _end_dump. */
struct ds_route_hooks {
	/* The node routes an address to a device, or no longer. */
	void (*on_change)(void *ctx, const struct ds_rt_change *change);
	/* The kind or the name of a link became known, or changed. */
	void (*on_iface)(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind);
	/* The node has an address: once for each (link-local ones are not told). */
	void (*on_address)(void *ctx, const struct ds_addr *addr, const char *name,
			   enum ds_iface kind);
	void *ctx;
};

/* 0 or -ENOMEM. */
int ds_route_table_new(struct ds_route_table **ret_table, const struct ds_route_hooks *hooks);
void ds_route_table_free(struct ds_route_table **table);

/*
 * A dump of everything begins; what neither it nor a notification has named by its end is gone.
 * The first one says how things are: changes are told from its end on.
 */
void ds_route_table_begin_dump(struct ds_route_table *t);
void ds_route_table_end_dump(struct ds_route_table *t);

/* 0; -ENOBUFS when a table is full and the message was left out; -ENOMEM. */
int ds_route_table_apply(struct ds_route_table *t, const struct ds_rt *rt);

/*
 * The name of the link to which the address has a host route ("" where the link is not known), or
 * NULL: it has none. Borrowed until the next message.
 */
const char *ds_route_table_link_of(const struct ds_route_table *t, const struct ds_addr *a);

#endif
