/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads sockets: the 4-tuple of full sockets and minisocks, and what a connection leaves open.
 */
#ifndef DS_SOCKET_BPF_H
#define DS_SOCKET_BPF_H

#include "compat.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"

#define DS_ECONNRESET 104	/* asm-generic/errno.h: on all that is built for */

struct ds_end {
	union {
		__u8 bytes[16];
		__u32 words[4];
	};
};

/* TIME_WAIT and NEW_SYN_RECV are minisocks: only sock_common can be read (kernel.md, pitfall 1). */
static __always_inline bool ds_sk_is_full(__u8 state)
{
	return state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV;
}

static __always_inline __u8 ds_sk_state(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_state);
}

/* 4, 6, or 0 for what is not TCP over IP. */
static __always_inline __u8 ds_sk_family(const struct sock *sk)
{
	unsigned short family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return family == AF_INET ? 4 : family == AF_INET6 ? 6 : 0;
}

static __always_inline void ds_sk_local(const struct sock *sk, __u8 family, struct ds_end *end)
{
	if (family == 4)
		ds_map_v4(end->words, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else
		BPF_CORE_READ_INTO(&end->bytes, sk, __sk_common.skc_v6_rcv_saddr);
}

static __always_inline void ds_sk_remote(const struct sock *sk, __u8 family, struct ds_end *end)
{
	if (family == 4)
		ds_map_v4(end->words, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	else
		BPF_CORE_READ_INTO(&end->bytes, sk, __sk_common.skc_v6_daddr);
}

/* skc_num is 0 once a full socket has given its port back: before the tracepoint of CLOSE. */
static __always_inline __u16 ds_sk_lport(const struct sock *sk, __u8 state)
{
	if (ds_sk_is_full(state))
		return bpf_ntohs(BPF_CORE_READ((const struct inet_sock *)sk, inet_sport));
	return BPF_CORE_READ(sk, __sk_common.skc_num);
}

static __always_inline __u16 ds_sk_rport(const struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline struct net *ds_sk_net(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net);
}

static __always_inline bool ds_sk_is_tcp(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

/*
 * A connection that waits to be accepted belongs to no struct socket yet. An orphan has none any
 * more, but it has SOCK_DEAD, the first of enum sock_flags (sock_orphan(), include/net/sock.h).
 */
static __always_inline bool ds_sk_is_unaccepted(const struct sock *sk)
{
	return !BPF_CORE_READ(sk, sk_socket) && !(BPF_CORE_READ(sk, __sk_common.skc_flags) & 1);
}

/*
 * The hop limit of the packet that made a connection from outside an ESTABLISHED one, 0 where
 * that is not known. TCP keeps it where a datagram socket has its own for multicast
 * (tcp_v4_syn_recv_sock(), tcp_v6_syn_recv_sock()); in a socket that connected by itself 1 stands.
 */
static __always_inline __u8 ds_sk_hop_limit(const struct sock *sk, __u8 family)
{
	const struct inet_sock *inet = (const struct inet_sock *)sk;
	const struct ipv6_pinfo *np = NULL;
	int hops = 0;

	if (family == 4)
		hops = BPF_CORE_READ(inet, mc_ttl);
	else if (bpf_core_field_exists(inet->pinet6))
		np = BPF_CORE_READ(inet, pinet6);
	if (np)
		hops = BPF_CORE_READ_BITFIELD_PROBED(np, mcast_hops);
	return hops > 1 && hops < 256 ? hops : 0;
}

/* How a connection leaves ESTABLISHED. */
enum ds_close { DS_CLOSE_FIN, DS_CLOSE_RST, DS_CLOSE_PEER_FIN, DS_CLOSE_PEER_RST };

#define DS_DELACK_MAX_NS 200000000ULL	/* TCP_DELACK_MAX */

/* 0 where the length of a jiffy is not known. */
static __always_inline __u64 ds_sk_sent_ago_ns(const struct tcp_sock *tp)
{
	__u32 now = bpf_jiffies64();

	return (__u64)(now - BPF_CORE_READ(tp, lsndtime)) * ds_jiffy_ns;
}

/*
 * Whether the peer waits for an answer. Stamps of jiffies cannot tell what came within one jiffy;
 * sequence numbers can: snd_wl1 is the sequence number of the last segment that moved the send
 * window (RFC 9293, SND.WL1; tcp_update_wl()). If that was a segment with payload, it is below
 * rcv_nxt, and nothing that was sent after that payload is acknowledged; with nothing underway then
 * nothing was sent at all. Once an answer is acknowledged, by a bare ACK, it equals rcv_nxt.
 * (01770a166165, 5.10, keeps it true in the fast path.)
 *
 * Bytes sent and not acknowledged alone do not say so: a delayed ACK takes 40 ms, and what is
 * underway still arrives when a process dies. With our RST it does not. The peer's RST acknowledges
 * what it has got, but nobody reads that of a RST: only what was sent longer ago than an ACK can be
 * delayed did not arrive.
 */
static __always_inline bool ds_sk_is_unanswered(const struct tcp_sock *tp, enum ds_close close)
{
	/* A FIN received takes a number of its own, without being payload. */
	__u32 rcv_nxt = BPF_CORE_READ(tp, rcv_nxt) - (close == DS_CLOSE_PEER_FIN);
	__u32 write_seq = BPF_CORE_READ(tp, write_seq);
	bool underway = write_seq != BPF_CORE_READ(tp, snd_una);

	if (write_seq != BPF_CORE_READ(tp, snd_nxt))
		return true;
	if (underway && (close == DS_CLOSE_RST ||
			 (close == DS_CLOSE_PEER_RST && ds_sk_sent_ago_ns(tp) > DS_DELACK_MAX_NS)))
		return true;
	if (!BPF_CORE_READ(tp, data_segs_in))
		return false;
	if ((__s32)(BPF_CORE_READ(tp, inet_conn.icsk_ack.lrcvtime) - BPF_CORE_READ(tp, lsndtime)) >
	    0)
		return true;
	return !underway && (!BPF_CORE_READ(tp, bytes_sent) ||
			     BPF_CORE_READ(tp, snd_wl1) != rcv_nxt);
}

/* A stamp of tcp_jiffies32 as boot time, by how long ago it was. */
static __always_inline __u64 ds_jiffies_ns(__u32 stamp, __u32 now_jiffies, __u64 now_ns)
{
	__u64 ago = (__u64)(now_jiffies - stamp) * ds_jiffy_ns;

	return ds_jiffy_ns && ago < now_ns ? now_ns - ago : 0;
}

#endif
