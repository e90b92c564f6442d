/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Builds packet records, from a packet or from a socket.
 */
#ifndef DS_EVIDENCE_BPF_H
#define DS_EVIDENCE_BPF_H

#include "cgroup.bpf.h"
#include "packet.bpf.h"
#include "record.bpf.h"
#include "scope.bpf.h"
#include "socket.bpf.h"

/* A packet record with everything zero but its header, hook, scope and namespace. */
static __always_inline struct ds_rec_packet *ds_packet_reserve(__u8 hook, __u8 scope, __u32 netns)
{
	struct ds_rec_packet *r = ds_reserve(DS_REC_PACKET, sizeof(*r), DS_LOST_PACKET);

	if (!r)
		return NULL;
	__builtin_memset((char *)r + sizeof(r->h), 0, sizeof(*r) - sizeof(r->h));
	r->hook = hook;
	r->scope = scope;
	r->netns = netns;
	return r;
}

/* What the packet itself says. */
static __always_inline void ds_packet_fill(struct ds_rec_packet *r, const struct ds_pkt *p,
					   const struct sk_buff *skb)
{
	__builtin_memcpy(r->saddr, p->saddr, sizeof(r->saddr));
	__builtin_memcpy(r->daddr, p->daddr, sizeof(r->daddr));
	r->sport = ds_be16(p->tcp);
	r->dport = ds_be16(p->tcp + 2);
	r->seq = ds_be32(p->tcp + 4);
	r->ack = ds_be32(p->tcp + 8);
	r->tcp_flags = p->tcp[13];
	r->hop_limit = p->hop_limit;
	r->payload_bytes = p->payload_bytes;
	r->flags |= DS_REC_F_SEQ;
	if (ds_pkt_first_byte(p, skb, &r->first_byte))
		r->flags |= DS_REC_F_PAYLOAD_BYTE;
}

static __always_inline void ds_packet_device(struct ds_rec_packet *r, const struct net_device *dev)
{
	if (dev)
		r->ifindex = BPF_CORE_READ(dev, ifindex);
}

/* By which device it came into the namespace; of a packet that was received here or made here. */
static __always_inline void ds_packet_came_by(struct ds_rec_packet *r, const struct sk_buff *skb)
{
	r->in_ifindex = BPF_CORE_READ(skb, skb_iif);
	r->flags |= DS_REC_F_CAME_BY;
}

/* The socket that the packet met, if any: state and cgroup. */
static __always_inline void ds_packet_socket(struct ds_rec_packet *r, const struct sock *sk)
{
	if (!sk)
		return;
	r->flags |= DS_REC_F_SOCKET;
	r->tcp_state = ds_sk_state(sk);
	if (ds_sk_is_full(r->tcp_state)) {
		struct kernfs_node *kn = ds_cgroup_node(ds_sock_cgroup(sk));

		r->cgroup_id = kn ? BPF_CORE_READ(kn, id) : 0;
	}
}

/*
 * A namespace that could not be placed counts only where the socket's cgroup is a pod's: the core
 * then knows the pod by the UID in its name.
 */
static __always_inline bool ds_scope_counts(__u32 scope, const struct sock *full_sk)
{
	if (scope == DS_REC_SCOPE_ROUTING || scope == DS_REC_SCOPE_POD)
		return true;
	return scope == DS_REC_SCOPE_UNKNOWN && full_sk &&
	       ds_in_kubepods(ds_cgroup_node(ds_sock_cgroup(full_sk)));
}

#endif
