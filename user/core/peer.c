/* SPDX-License-Identifier: Apache-2.0 */
/* Two short lists; a load balancer has some dozens of addresses at most. */
#include "user/core/peer.h"

#include <string.h>

void ds_peers_update(struct ds_peers *p, const struct ds_event *ev)
{
	struct ds_prefix prefix;

	if (ds_prefix_parse(ev->address, strlen(ev->address), &prefix)) {
		p->refused++;
		return;
	}
	if (ev->kind == DS_EVENT_LB_ADDRESS) {
		for (int i = 0; i < p->load_balancers_cnt; i++)
			if (p->load_balancers[i].bits == prefix.bits &&
			    ds_addr_equal(&p->load_balancers[i].addr, &prefix.addr))
				return;
		if (p->load_balancers_cnt < DS_PEER_PREFIXES_MAX)
			p->load_balancers[p->load_balancers_cnt++] = prefix;
		else
			p->refused++;
		return;
	}
	if (ds_peers_is_node(p, &prefix.addr))
		return;
	if (p->nodes_cnt < DS_PEER_PREFIXES_MAX)
		p->nodes[p->nodes_cnt++] = prefix.addr;
	else
		p->refused++;
}

bool ds_peers_is_load_balancer(const struct ds_peers *p, const struct ds_addr *a)
{
	for (int i = 0; i < p->load_balancers_cnt; i++)
		if (ds_prefix_contains(&p->load_balancers[i], a))
			return true;
	return false;
}

bool ds_peers_is_node(const struct ds_peers *p, const struct ds_addr *a)
{
	for (int i = 0; i < p->nodes_cnt; i++)
		if (ds_addr_equal(&p->nodes[i], a))
			return true;
	return false;
}

bool ds_peers_know_load_balancer(const struct ds_peers *p)
{
	return p->load_balancers_cnt > 0;
}
