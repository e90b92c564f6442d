// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Packets for a watched address that die on this machine: kfree_skb with reason and location, and
 * icmp_send. They count by their destination, in the routing namespace or where that address is
 * local; elsewhere the same packet belongs to a client, a load balancer or another node.
 */
#include "evidence.bpf.h"
#include "nested.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline const void *route_of(const struct sk_buff *skb)
{
	/* Bit 0: no reference is held (SKB_DST_NOREF). */
	return (const void *)(BPF_CORE_READ(skb, _skb_refdst) & ~1UL);
}

/* What the route of the packet answers: the errno of unreachable, blackhole, none; else 0. */
static __always_inline __u32 route_error(const struct sk_buff *skb)
{
	const void *dst = route_of(skb);
	int error = dst ? BPF_CORE_READ((const struct dst_entry *)dst, error) : 0;

	return error < 0 ? -error : error;	/* IPv6 keeps it negative */
}

/* The destination is an address of the namespace that routed the packet. */
static __always_inline bool is_local(const struct sk_buff *skb, bool v4)
{
	const void *dst = route_of(skb);

	if (!dst)
		return false;
	if (v4)
		return BPF_CORE_READ((const struct rtable *)dst, rt_type) == RTN_LOCAL;
	return BPF_CORE_READ((const struct rt6_info *)dst, rt6i_flags) & RTF_LOCAL;
}

static __always_inline bool is_v4(const struct ds_pkt *p)
{
	return !p->daddr32[0] && !p->daddr32[1] && p->daddr32[2] == bpf_htonl(0xffff);
}

/*
 * Whether a packet for a watched address counts in its namespace. Outside the routing namespace it
 * must have come in and be for an address of the place: a load balancer's own SYN that dies at its
 * uplink, or what a router behind the node drops, is not ours.
 */
static __always_inline bool counts(const struct sk_buff *skb, const struct ds_pkt *p, __u32 scope,
				   const struct sock *sk)
{
	if (scope == DS_REC_SCOPE_ROUTING)
		return true;
	if (scope != DS_REC_SCOPE_POD)
		return false;
	return BPF_CORE_READ(skb, skb_iif) && (sk || is_local(skb, is_v4(p)));
}

/*
 * The number of a location, told to user space by name once. Random, not the address: no kernel
 * pointer leaves. 0 when the table is full.
 */
static __always_inline __u32 location_of(__u64 address)
{
	__u32 *known = bpf_map_lookup_elem(&ds_locations, &address), id;
	struct ds_rec_location *r;

	if (known)
		return *known;
	id = bpf_get_prandom_u32() | 1;
	if (bpf_map_update_elem(&ds_locations, &address, &id, BPF_NOEXIST)) {
		known = bpf_map_lookup_elem(&ds_locations, &address);	/* another CPU was faster */
		return known ? *known : 0;
	}
	r = ds_reserve(DS_REC_LOCATION, sizeof(*r), DS_LOST_LOCATION);
	if (!r) {
		bpf_map_delete_elem(&ds_locations, &address);	/* told with the next packet */
		return 0;
	}
	r->id = id;
	r->pad = 0;
	__builtin_memset(r->name, 0, sizeof(r->name));
	/*
	 * bpf_snprintf came with 5.13 (7b15523a989b). Where the kernel has not got it, CO-RE makes
	 * this branch dead, and the verifier never sees the call.
	 */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_snprintf)) {
		static const char format[] = "%ps";
		__u64 args[1] = { address };

		bpf_snprintf(r->name, sizeof(r->name), format, args, sizeof(args));
	}
	ds_submit(r);
	return id;
}

/* The first segment after a SYN has the number that follows its own. */
static __always_inline void remember_dead(const struct ds_pkt *p)
{
	bool syn = ds_pkt_flags(p) & DS_TCP_SYN;
	__u32 isn = ds_be32(p->tcp + 4) - !syn;
	struct ds_syn_key key = {};

	__builtin_memcpy(key.saddr, p->saddr, sizeof(key.saddr));
	__builtin_memcpy(key.daddr, p->daddr, sizeof(key.daddr));
	key.sport = ds_be16(p->tcp);
	key.dport = ds_be16(p->tcp + 2);
	bpf_map_update_elem(&ds_dead, &key, &isn, syn ? BPF_ANY : BPF_NOEXIST);
}

/* Of a SYN that was translated on this node: when it came in. */
static __always_inline __u64 came_ns(const struct ds_pkt *p, __u32 scope, __u32 watch)
{
	__u32 isn = ds_be32(p->tcp + 4);
	__u64 *at;

	if (scope != DS_REC_SCOPE_ROUTING || !(watch & DS_WATCH_RELEASED) ||
	    !(ds_pkt_flags(p) & DS_TCP_SYN))
		return 0;
	at = bpf_map_lookup_elem(&ds_came, &isn);
	return at ? *at : 0;
}

static __always_inline int on_drop(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx->args[0];
	bool has_reason = ds_kfree_skb_args > 2;
	const struct sock *sk = NULL;
	struct ds_rec_packet *r;
	struct ds_watch *watch;
	struct net_device *dev;
	__u32 reason = 0, scope, netns, location;
	struct ds_pkt p;

	/* Arguments that are not there may not be read: cut off by the verifier. */
	if (has_reason)
		reason = ctx->args[2];
	if (ds_kfree_skb_args > 3)
		sk = (const struct sock *)ctx->args[3];
	/*
	 * What lies unread in the queue of a socket that closes: the RST or the state tells it. A
	 * packet that waited for a neighbour has no socket here; the rest of such a queue is purged
	 * when a new one starts the resolution again while the first of it is being given up.
	 */
	if (has_reason && ds_queue_purge && reason == ds_queue_purge && BPF_CORE_READ(skb, sk))
		return 0;
	/* tcp_send_reset told it; with a listener it is a full accept queue (pitfall 5). */
	if (ds_no_socket && reason == ds_no_socket && !sk)
		return 0;
	if (!ds_pkt_read(&p, ds_skb_l3(skb)) || (ds_pkt_flags(&p) & DS_TCP_RST))
		return 0;
	watch = ds_watch_of(p.daddr);
	if (!watch)
		return 0;
	/* Every orderly close frees a FIN here, of TIME_WAIT or in the queue (pitfall 8). */
	if (!watch->flags && (ds_pkt_flags(&p) & DS_TCP_FIN) && !p.payload_bytes)
		return 0;
	/* Copies that a bridge floods to every port die with the wrong MAC address. */
	if (BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) == PACKET_OTHERHOST)
		return 0;
	dev = BPF_CORE_READ(skb, dev);
	if (!sk)
		sk = BPF_CORE_READ(skb, sk);
	scope = ds_scope(dev ? ds_dev_net(dev) : sk ? ds_sk_net(sk) : NULL, &netns);
	if (!counts(skb, &p, scope, sk))
		return 0;
	remember_dead(&p);
	location = location_of(ctx->args[1]);
	r = ds_packet_reserve(DS_REC_HOOK_KFREE_SKB, scope, netns);
	if (!r)
		return 0;
	ds_packet_fill(r, &p, skb);
	ds_packet_device(r, dev);
	ds_packet_came_by(r, skb);
	r->came_ns = came_ns(&p, scope, watch->flags);
	ds_packet_socket(r, sk);
	if (has_reason) {
		r->flags |= DS_REC_F_DROP_REASON;
		r->drop_reason = reason;
	}
	r->location = location;
	if (scope == DS_REC_SCOPE_ROUTING)
		r->route_error = route_error(skb);
	ds_submit(r);
	return 0;
}

SEC("?raw_tp/kfree_skb")
int kfree_skb(struct bpf_raw_tracepoint_args *ctx)
{
	ds_nested_begin(DS_NESTED_KFREE_SKB, ctx->args[0]);
	return on_drop(ctx);
}

/* Does what kfree_skb was left out of (nested.bpf.h). */
SEC("?raw_tp/kfree_skb")
int kfree_skb_twin(struct bpf_raw_tracepoint_args *ctx)
{
	return ds_nested_is_done(DS_NESTED_KFREE_SKB, ctx->args[0]) ? 0 : on_drop(ctx);
}

/* IPv4 only; for IPv6 the tap sees what leaves. The packet is the one that it answers. */
SEC("?raw_tp/icmp_send")
int icmp_send(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sk_buff *skb = (const struct sk_buff *)ctx->args[0];
	int type = (int)ctx->args[1], code = (int)ctx->args[2];
	struct ds_rec_packet *r;
	struct net_device *dev;
	struct ds_watch *watch;
	struct ds_pkt p;
	__u32 scope, netns;

	if (type != 3)		/* ICMP_DEST_UNREACH */
		return 0;
	if (!ds_pkt_read(&p, ds_skb_l3(skb)))
		return 0;
	watch = ds_watch_of(p.daddr);
	if (!watch)
		return 0;
	dev = BPF_CORE_READ(skb, dev);
	scope = ds_scope(ds_dev_net(dev), &netns);
	if (!counts(skb, &p, scope, NULL))
		return 0;
	r = ds_packet_reserve(DS_REC_HOOK_ICMP_SEND, scope, netns);
	if (!r)
		return 0;
	ds_packet_fill(r, &p, skb);
	ds_packet_device(r, dev);
	r->came_ns = came_ns(&p, scope, watch->flags);
	r->flags |= DS_REC_F_TRANSMIT;
	r->icmp_type = type;
	r->icmp_code = code;
	ds_submit(r);
	return 0;
}
