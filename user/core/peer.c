/* SPDX-License-Identifier: Apache-2.0 */
/* Short lists; a load balancer has some dozens of addresses at most. */
#include "user/core/peer.h"

#include <string.h>

static void keep_prefix(struct ds_peers *p, struct ds_prefix *list, int *cnt,
			const struct ds_prefix *prefix)
{
	for (int i = 0; i < *cnt; i++)
		if (list[i].bits == prefix->bits && ds_addr_equal(&list[i].addr, &prefix->addr))
			return;
	if (*cnt < DS_PEER_PREFIXES_MAX)
		list[(*cnt)++] = *prefix;
	else
		p->refused++;
}

static bool contains(const struct ds_prefix *list, int cnt, const struct ds_addr *a)
{
	for (int i = 0; i < cnt; i++)
		if (ds_prefix_contains(&list[i], a))
			return true;
	return false;
}

void ds_peers_update(struct ds_peers *p, const struct ds_event *ev)
{
	struct ds_prefix prefix;

	if (ds_prefix_parse(ev->address, strlen(ev->address), &prefix)) {
		p->refused++;
		return;
	}
	if (ev->kind == DS_EVENT_LB_ADDRESS) {
		keep_prefix(p, p->load_balancers, &p->load_balancers_cnt, &prefix);
		return;
	}
	if (ds_event_has(ev, DS_KEY_NODE_OTHER) && ev->node_other) {
		keep_prefix(p, p->others, &p->others_cnt, &prefix);
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
	return contains(p->load_balancers, p->load_balancers_cnt, a);
}

bool ds_peers_is_other_node(const struct ds_peers *p, const struct ds_addr *a)
{
	/* A prefix of the nodes' subnet holds this one's addresses too. */
	return contains(p->others, p->others_cnt, a) && !ds_peers_is_node(p, a);
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
