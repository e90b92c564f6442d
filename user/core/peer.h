/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: who is on the other end of a connection (DESIGN section 1). Known are the load balancer's
 * addresses and the node's own; those of pods are the ledger's. Pure.
 */
#ifndef DS_CORE_PEER_H
#define DS_CORE_PEER_H

#include "user/core/event.h"

#define DS_PEER_PREFIXES_MAX 1024

struct ds_peers {
	struct ds_prefix load_balancers[DS_PEER_PREFIXES_MAX];
	int load_balancers_cnt;
	struct ds_addr nodes[DS_PEER_PREFIXES_MAX];
	int nodes_cnt;
	struct ds_prefix others[DS_PEER_PREFIXES_MAX];	/* of the cluster's other nodes */
	int others_cnt;
	int64_t refused;	/* told and not kept: the table was full, or no address */
};

/* Takes a load_balancer.address or node.address event. */
void ds_peers_update(struct ds_peers *p, const struct ds_event *ev);

bool ds_peers_is_load_balancer(const struct ds_peers *p, const struct ds_addr *a);
bool ds_peers_is_node(const struct ds_peers *p, const struct ds_addr *a);
/* Of another node: a load balancer's connection that one forwards has its address as the source. */
bool ds_peers_is_other_node(const struct ds_peers *p, const struct ds_addr *a);

/* False: nobody told the load balancer's addresses; every `other` peer stands in for it. */
bool ds_peers_know_load_balancer(const struct ds_peers *p);

#endif
