/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a network namespace stands to the routing one. Hooks are machine-wide and two laboratories,
 * or kind nodes, may hold the same addresses: what is not reached from the routing namespace is
 * foreign and never makes a record.
 *
 * A namespace is a pod's when one of its devices is a veth whose other end is in the routing
 * namespace. The answer is cached by inode number; "foreign" only for a second, for a pod's link
 * may come after its first socket.
 */
#ifndef DS_SCOPE_BPF_H
#define DS_SCOPE_BPF_H

#include "compat.bpf.h"
#include "maps.bpf.h"

#define DS_SCOPE_FOREIGN DS_REC_SCOPE_MAX	/* ours alone: never in a record */
#define DS_SCOPE_DEVICES 16		/* how many devices of a namespace are looked at */
#define DS_FOREIGN_NS 1000000000ULL

static __always_inline __u32 ds_net_inum(const struct net *net)
{
	return BPF_CORE_READ(net, ns.inum);
}

static __always_inline struct net *ds_dev_net(const struct net_device *dev)
{
	return dev ? BPF_CORE_READ(dev, nd_net.net) : NULL;
}

/* The other end of a veth; NULL for any other device, and for a veth being dismantled. */
static __always_inline struct net_device *ds_veth_peer(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = BPF_CORE_READ(dev, rtnl_link_ops);
	struct net_device *peer = NULL;
	char kind[5] = {};

	if (!ops || bpf_probe_read_kernel(kind, sizeof(kind), BPF_CORE_READ(ops, kind)))
		return NULL;
	if (kind[0] != 'v' || kind[1] != 'e' || kind[2] != 't' || kind[3] != 'h' || kind[4])
		return NULL;
	/* struct veth_priv (drivers/net/veth.c) begins with the peer, on all kernels. */
	if (bpf_probe_read_kernel(&peer, sizeof(peer), ds_netdev_priv(dev)))
		return NULL;
	return peer;
}

/* Not inlined: many hooks ask, few get here. */
static __noinline __attribute__((unused)) __u32 ds_scope_by_devices(struct net *net)
{
	__u64 list_offset = bpf_core_field_offset(struct net_device, dev_list);
	struct list_head *head = (void *)net + bpf_core_field_offset(struct net, dev_base_head);
	struct list_head *at = BPF_CORE_READ(head, next);
	__u32 scope = DS_REC_SCOPE_UNKNOWN;

	/* Without RCU: a list that changes meanwhile can end the walk early, no more. */
	for (int i = 0; i < DS_SCOPE_DEVICES; i++) {
		struct net_device *peer;

		if (!at || at == head)
			break;
		peer = ds_veth_peer((void *)at - list_offset);
		if (peer) {
			if (ds_net_inum(ds_dev_net(peer)) == ds_routing_netns)
				return DS_REC_SCOPE_POD;
			scope = DS_SCOPE_FOREIGN;
		}
		at = BPF_CORE_READ(at, next);
	}
	return scope;
}

static __noinline __attribute__((unused)) __u32 ds_scope_other(struct net *net, __u32 inum)
{
	struct ds_netns_value value = {}, *old = bpf_map_lookup_elem(&ds_netns, &inum);

	value.net = (__u64)net;
	value.cookie = ds_net_cookie(net);
	value.at_ns = bpf_ktime_get_boot_ns();
	if (old && old->net == value.net && old->cookie == value.cookie &&
	    (old->scope == DS_REC_SCOPE_POD || value.at_ns - old->at_ns < DS_FOREIGN_NS))
		return old->scope;
	value.scope = ds_scope_by_devices(net);
	if (value.scope != DS_REC_SCOPE_UNKNOWN)
		bpf_map_update_elem(&ds_netns, &inum, &value, BPF_ANY);
	return value.scope;
}

/* enum ds_rec_scope or DS_SCOPE_FOREIGN. *ret_inum is 0 where no namespace is at hand. */
static __always_inline __u32 ds_scope(struct net *net, __u32 *ret_inum)
{
	*ret_inum = net ? ds_net_inum(net) : 0;
	if (!*ret_inum)
		return DS_REC_SCOPE_UNKNOWN;
	/* The routing namespace is held open: its number cannot be given out again. */
	if (*ret_inum == ds_routing_netns)
		return DS_REC_SCOPE_ROUTING;
	return ds_scope_other(net, *ret_inum);
}

#endif
