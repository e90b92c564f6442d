/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose traffic is it? Who the peer of a flow is, and whether what it sends is the load balancer's,
 * as far as that can be told (DESIGN section 2, docs/how-it-works.md). Only files of user/core
 * include this. Pure.
 */
#ifndef DS_CORE_BALANCE_H
#define DS_CORE_BALANCE_H

#include "user/core/flow.h"
#include "user/core/state.h"

struct ds_balance {
	int peer;		/* enum ds_peer */
	bool other_node;	/* DS_PEER_NODE: another node of the cluster */
	bool balanced;		/* the load balancer's */
	bool unsure;		/* balanced, or a probe by this node */
	bool forwarded;		/* balanced, and the peer is a node that forwards */
};

/* target: the one of the flow's pod address and port, or NULL. */
struct ds_balance ds_balance_of(const struct ds_core *core, const struct ds_flow *flow,
				const struct ds_target *target);

/* The load balancer's traffic, as far as that can be told (DESIGN section 2): no health check. */
bool ds_balance_is_traffic(const struct ds_core *core, const struct ds_flow *flow);

/* A health check by its port or its peer. any: the targets of the flow's pod address. */
bool ds_balance_is_check(const struct ds_flow *flow, const struct ds_target *any, int peer);

/* The pod serves on the flow's port: what comes there is inbound. */
bool ds_balance_is_served(const struct ds_core *core, const struct ds_flow *flow);

#endif
