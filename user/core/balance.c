/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer of a flow. Behind a node port under policy Cluster a pod sees a node's address: that of
 * the node which the balancer chose, its own or another one. From its own node the kubelet's probes
 * come as well. What tells them apart is where the packet began: made on the node, or forwarded.
 */
#include "user/core/balance.h"

static int peer_of(const struct ds_core *core, const struct ds_flow *flow, bool *ret_other_node)
{
	enum ds_holding holding;

	*ret_other_node = false;
	if (ds_peers_is_load_balancer(&core->peers, &flow->key.peer))
		return DS_PEER_LOAD_BALANCER;
	if (ds_peers_is_node(&core->peers, &flow->key.peer))
		return DS_PEER_NODE;
	if (ds_ledger_lookup(core->ledger, &flow->key.peer, core->now_ns, &holding))
		return DS_PEER_POD;
	*ret_other_node = ds_peers_is_other_node(&core->peers, &flow->key.peer);
	return *ret_other_node ? DS_PEER_NODE : DS_PEER_OTHER;
}

/* The pod has a target of its own. With client addresses kept it is anybody's on that port. */
static bool is_of_target(const struct ds_core *core, const struct ds_target *target, int peer)
{
	if (target && target->preserve_client_ip)
		return peer == DS_PEER_OTHER;
	if (ds_peers_know_load_balancer(&core->peers))
		return peer == DS_PEER_LOAD_BALANCER;
	return peer == DS_PEER_OTHER;
}

/* Targets are nodes: under policy Local the balancer's address or the client's, else a node's. */
static bool is_of_node_port(const struct ds_core *core, const struct ds_flow *flow,
			    const struct ds_balance *b)
{
	switch (b->peer) {
	case DS_PEER_LOAD_BALANCER:
		return true;
	case DS_PEER_NODE:
		return b->other_node || flow->origin != DS_FLOW_ORIGIN_INSIDE;
	case DS_PEER_OTHER:
		return ds_instances_preserve(&core->instances) ||
		       !ds_peers_know_load_balancer(&core->peers);
	default:
		return false;
	}
}

struct ds_balance ds_balance_of(const struct ds_core *core, const struct ds_flow *flow,
				const struct ds_target *target)
{
	struct ds_balance b = { 0 };

	b.peer = peer_of(core, flow, &b.other_node);
	if (flow->origin == DS_FLOW_ORIGIN_INSIDE && b.peer != DS_PEER_LOAD_BALANCER)
		return b;	/* somebody on this very node */
	if (!target && core->instances.cnt)
		b.balanced = is_of_node_port(core, flow, &b);
	else
		b.balanced = is_of_target(core, target, b.peer) ||
			     /* Forwarded by this node for somebody who is not known, as all are. */
			     (!target && !ds_peers_know_load_balancer(&core->peers) &&
			      b.peer == DS_PEER_NODE && !b.other_node &&
			      flow->origin == DS_FLOW_ORIGIN_OUTSIDE);
	b.forwarded = b.balanced && b.peer == DS_PEER_NODE;
	b.unsure = b.forwarded && !b.other_node && flow->origin == DS_FLOW_ORIGIN_UNKNOWN;
	return b;
}

bool ds_balance_is_check(const struct ds_flow *flow, const struct ds_target *any, int peer)
{
	if (peer != DS_PEER_LOAD_BALANCER)
		return false;
	for (const struct ds_target *t = any; t; t = t->same_address) {
		if (t->port == flow->key.pod_port && !t->preserve_client_ip)
			return false;
		if (t->health_check_port == flow->key.pod_port || t->preserve_client_ip)
			return true;
	}
	return false;
}

bool ds_balance_is_traffic(const struct ds_core *core, const struct ds_flow *flow)
{
	const struct ds_target *any = ds_targets_of(core->targets, &flow->key.pod);
	const struct ds_target *target =
		ds_targets_find(core->targets, &flow->key.pod, flow->key.pod_port);
	struct ds_balance balance = ds_balance_of(core, flow, target);

	return balance.balanced && !balance.unsure && !ds_balance_is_check(flow, any, balance.peer);
}

bool ds_balance_is_served(const struct ds_core *core, const struct ds_flow *flow)
{
	const struct ds_pod *pod = flow->pod;

	if (flow->came_in)
		return true;
	if (ds_pod_has_port(pod, flow->key.pod_port) ||
	    ds_targets_find(core->targets, &flow->key.pod, flow->key.pod_port))
		return true;
	/* Where nothing at all is known of its ports, inbound is the better guess. */
	return !pod->ports_cnt && !pod->listeners_cnt &&
	       !ds_targets_of(core->targets, &flow->key.pod);
}
