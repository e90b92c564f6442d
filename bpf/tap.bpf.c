// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tap: packets of addresses that go away, as they enter and leave the devices of the routing
 * namespace, and the RSTs that leave a pod's. Attached only while it is needed.
 *
 * Of an address that goes: SYN, FIN and RST to it, and RST from it. Of a released one: every TCP
 * segment to it. What comes in says it, and once is enough; but a SYN for a node port has the pod's
 * address only when it goes out again, on its way to the pod. Packets *to* an address are taken in
 * the routing namespace only: elsewhere the same packet is a client's that sends it, or a router's
 * behind the node.
 */
#include "evidence.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ICMP_DEST_UNREACH 3
#define ICMPV6_DEST_UNREACH 1

static __always_inline int tap_record(const struct ds_pkt *p, const struct sk_buff *skb,
				      const struct net_device *dev, __u8 hook, __u32 scope,
				      __u32 netns, const __u8 *icmp)
{
	struct ds_rec_packet *r = ds_packet_reserve(hook, scope, netns);

	if (!r)
		return 0;
	ds_packet_fill(r, p, skb);
	ds_packet_device(r, dev);
	if (hook != DS_REC_HOOK_TAP_RX) {
		r->flags |= DS_REC_F_TRANSMIT;
		ds_packet_came_by(r, skb);
	}
	if (icmp) {
		r->icmp_type = icmp[0];
		r->icmp_code = icmp[1];
	}
	ds_submit(r);
	return 0;
}

/* Whether this SYN, or a sending of it before, came in by a device of the namespace. */
static __always_inline bool syn_seen(const struct ds_pkt *p, __u32 netns,
				     struct ds_syn_key *ret_key)
{
	__u32 *seen;

	__builtin_memset(ret_key, 0, sizeof(*ret_key));
	__builtin_memcpy(ret_key->saddr, p->saddr, sizeof(ret_key->saddr));
	__builtin_memcpy(ret_key->daddr, p->daddr, sizeof(ret_key->daddr));
	ret_key->sport = ds_be16(p->tcp);
	ret_key->dport = ds_be16(p->tcp + 2);
	ret_key->netns = netns;
	seen = bpf_map_lookup_elem(&ds_syns, ret_key);
	return seen && *seen == ds_be32(p->tcp + 4);
}

/* The first SYN of a connection moves last_syn; its retransmissions do not. */
static __always_inline void count_syn(const struct ds_pkt *p, __u32 netns)
{
	struct ds_traffic zero = {}, *t;
	struct ds_traffic_key key = {};
	__u32 isn = ds_be32(p->tcp + 4);
	struct ds_syn_key syn;

	if (syn_seen(p, netns, &syn))
		return;
	bpf_map_update_elem(&ds_syns, &syn, &isn, BPF_ANY);
	__builtin_memcpy(key.laddr, p->daddr, sizeof(key.laddr));
	__builtin_memcpy(key.raddr, p->saddr, sizeof(key.raddr));
	key.lport = syn.dport;
	key.netns = netns;
	t = bpf_map_lookup_elem(&ds_traffic, &key);
	if (!t) {
		bpf_map_update_elem(&ds_traffic, &key, &zero, BPF_NOEXIST);
		t = bpf_map_lookup_elem(&ds_traffic, &key);
		if (!t) {
			ds_count_lost(DS_LOST_TRAFFIC);
			return;
		}
	}
	t->last_syn_ns = t->changed_ns = bpf_ktime_get_boot_ns();
	ds_traffic_changes++;
}

/* The one listener of that port and family has no room. Of several (SO_REUSEPORT) none is told. */
static __always_inline bool is_full(const struct ds_port_key *key)
{
	__u64 *id = bpf_map_lookup_elem(&ds_port_listener, key);
	__s32 *count = bpf_map_lookup_elem(&ds_ports, key);
	const struct sock *sk;

	if (!id || !count || *count != 1)
		return false;
	sk = (const struct sock *)*id;
	return BPF_CORE_READ(sk, sk_ack_backlog) > BPF_CORE_READ(sk, sk_max_ack_backlog);
}

/*
 * A SYN that comes into a pod whose accept queue is full: the kernel drops it without a word
 * (tcp_conn_request()). Told as a packet that met a socket in LISTEN; one that finds room is not.
 */
static __always_inline int syn_in_pod(const struct ds_pkt *p, const struct sk_buff *skb,
				      const struct net_device *dev, __u32 netns)
{
	struct ds_port_key key = { .netns = netns, .port = ds_be16(p->tcp + 2), .family = 6 };
	bool v4 = !p->daddr32[0] && !p->daddr32[1] && p->daddr32[2] == bpf_htonl(0xffff);
	struct ds_rec_packet *r;

	/* A socket of IPv6 may take IPv4 as well. */
	if (!is_full(&key)) {
		key.family = 4;
		if (!v4 || !is_full(&key))
			return 0;
	}
	r = ds_packet_reserve(DS_REC_HOOK_TAP_RX, DS_REC_SCOPE_POD, netns);
	if (!r)
		return 0;
	ds_packet_fill(r, p, skb);
	ds_packet_device(r, dev);
	r->flags |= DS_REC_F_SOCKET;
	r->tcp_state = TCP_LISTEN;
	ds_submit(r);
	return 0;
}

/*
 * It may be for a node port, and be translated to an address that is released, or about to be: the
 * tap is attached while one is. Its first sending counts.
 */
static __always_inline int remember_syn(const struct ds_pkt *p, const struct sk_buff *skb)
{
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 isn = ds_be32(p->tcp + 4), netns;

	if (ds_scope(ds_dev_net(BPF_CORE_READ(skb, dev)), &netns) == DS_REC_SCOPE_ROUTING)
		bpf_map_update_elem(&ds_came, &isn, &now, BPF_NOEXIST);
	return 0;
}

static __always_inline int to_watched(const struct ds_pkt *p, const struct sk_buff *skb, __u8 hook,
				      __u32 watch)
{
	__u8 flags = ds_pkt_flags(p);
	struct net_device *dev;
	struct ds_syn_key seen;
	__u32 netns, scope;

	if (!(watch & DS_WATCH_RELEASED)) {
		/* On its way to a pod that is there: only where it came for another address. */
		if (hook == DS_REC_HOOK_TAP_TX &&
		    ((flags & (DS_TCP_SYN | DS_TCP_ACK)) != DS_TCP_SYN ||
		     !BPF_CORE_READ(skb, skb_iif)))
			return 0;
		if (!(watch & DS_WATCH_GOING) || !(flags & (DS_TCP_SYN | DS_TCP_FIN | DS_TCP_RST)))
			return 0;
		/* The answer to a connection that the pod itself opens. */
		if ((flags & DS_TCP_SYN) && (flags & DS_TCP_ACK))
			return 0;
	}
	dev = BPF_CORE_READ(skb, dev);
	scope = ds_scope(ds_dev_net(dev), &netns);
	if (scope == DS_REC_SCOPE_POD && hook == DS_REC_HOOK_TAP_RX &&
	    (flags & (DS_TCP_SYN | DS_TCP_ACK)) == DS_TCP_SYN)
		return syn_in_pod(p, skb, dev, netns);
	if (scope != DS_REC_SCOPE_ROUTING)
		return 0;
	if (hook == DS_REC_HOOK_TAP_TX && !(watch & DS_WATCH_RELEASED) &&
	    syn_seen(p, netns, &seen))
		return 0;
	if (hook == DS_REC_HOOK_TAP_RX && (flags & (DS_TCP_SYN | DS_TCP_ACK)) == DS_TCP_SYN)
		count_syn(p, netns);
	return tap_record(p, skb, dev, hook, scope, netns, NULL);
}

/* A RST from a watched address as it leaves: the pod's, or one that netfilter made in its name. */
static __always_inline int reset_from_watched(const struct ds_pkt *p, const struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 netns, scope = ds_scope(ds_dev_net(dev), &netns);

	/* In a pod's namespace only what is made there, not what a router behind forwards. */
	if (scope == DS_REC_SCOPE_POD ? BPF_CORE_READ(skb, skb_iif) != 0 :
					scope != DS_REC_SCOPE_ROUTING)
		return 0;
	/* TCP's own (netfilter's has no socket), or passing through: tcp_send_reset told it. */
	if (ds_resets_told && (BPF_CORE_READ(skb, sk) || BPF_CORE_READ(skb, skb_iif)))
		return 0;
	return tap_record(p, skb, dev, DS_REC_HOOK_TAP_TX, scope, netns, NULL);
}

/*
 * ICMP unreachable leaving: the packet that it quotes was for a watched address.
 * Told as icmp_send, which IPv6 (and IPv4 before 6.1) has not got: it proves the same.
 */
static __always_inline int on_icmp(struct ds_pkt *p, const struct sk_buff *skb,
				   const unsigned char *l4)
{
	bool v6 = p->proto == IPPROTO_ICMPV6;
	struct net_device *dev;
	__u32 netns, scope;
	__u8 icmp[2];

	if (bpf_probe_read_kernel(icmp, sizeof(icmp), l4) ||
	    icmp[0] != (v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH))
		return 0;
	if (!ds_pkt_read(p, l4 + 8) || !ds_watch_of(p->daddr))
		return 0;
	p->payload_bytes = 0;	/* quoted in part */
	dev = BPF_CORE_READ(skb, dev);
	scope = ds_scope(ds_dev_net(dev), &netns);
	if (scope != DS_REC_SCOPE_ROUTING)
		return 0;
	return tap_record(p, skb, dev, DS_REC_HOOK_ICMP_SEND, scope, netns, icmp);
}

static __always_inline int on_packet(const struct sk_buff *skb, const unsigned char *l3, __u8 hook)
{
	__u32 gate = ds_gate, buf[10], bytes;
	const unsigned char *l4;
	struct ds_watch *watch;
	struct ds_pkt p;
	__u8 flags;

	if (!ds_pkt_ip(&p, l3, buf, &l4, &bytes))
		return 0;
	if (p.proto != IPPROTO_TCP) {
		if (hook == DS_REC_HOOK_TAP_TX &&
		    (p.proto == IPPROTO_ICMPV6 || (ds_tap_icmp && p.proto == IPPROTO_ICMP)))
			return on_icmp(&p, skb, l4);
		return 0;
	}
	if (!ds_pkt_l4(&p, l4, bytes))
		return 0;
	/* Flags before the lookup, while no address asks for every segment. */
	flags = ds_pkt_flags(&p);
	if (!(gate & DS_WATCH_RELEASED) && !(flags & (DS_TCP_SYN | DS_TCP_FIN | DS_TCP_RST)))
		return 0;
	watch = ds_watch_of(p.daddr);
	if (watch)
		return to_watched(&p, skb, hook, watch->flags);
	if (hook == DS_REC_HOOK_TAP_RX && (flags & (DS_TCP_SYN | DS_TCP_ACK)) == DS_TCP_SYN)
		return remember_syn(&p, skb);
	if (hook != DS_REC_HOOK_TAP_TX || !(flags & DS_TCP_RST))
		return 0;
	watch = ds_watch_of(p.saddr);
	if (watch && watch->flags)
		return reset_from_watched(&p, skb);
	return 0;
}

SEC("?raw_tp/netif_receive_skb")
int tap_rx(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx->args[0];

	if (!ds_gate)
		return 0;
	/* From data: network_header is not set here with GRO off, up to 6.12 (pitfall 11). */
	return on_packet(skb, BPF_CORE_READ(skb, data), DS_REC_HOOK_TAP_RX);
}

SEC("?raw_tp/net_dev_queue")
int tap_tx(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx->args[0];

	if (!ds_gate)
		return 0;
	return on_packet(skb, ds_skb_l3(skb), DS_REC_HOOK_TAP_TX);
}
