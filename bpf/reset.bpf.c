// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Resets sent and received by the sockets of this machine.
 *
 * tcp_send_reset with a packet answers that packet (no socket, TIME_WAIT, a listener); without one
 * a socket aborts (unread data, linger 0, connections never accepted, keep-alive). Before 6.10 the
 * tracepoint is silent where there is no full socket, so there fentry or kprobe on its callers
 * report the answers, with the same body.
 */
#include "evidence.bpf.h"
#include "nested.bpf.h"

#include <asm/ptrace.h>
#include <bpf/bpf_tracing.h>

/* A RST that answers a packet: the 4-tuple is the packet's, the peer first. */
static __always_inline int on_answer(const struct sock *sk, const struct sk_buff *skb, __u8 hook,
				     bool has_reason, __u32 reason)
{
	struct net_device *dev;
	struct ds_rec_packet *r;
	struct ds_pkt p;
	struct net *net;
	__u32 scope, netns;
	bool full;

	if (!ds_pkt_read(&p, ds_skb_l3(skb)))
		return 0;
	/* The functions are entered for RSTs too, and then return without sending (pitfall 4). */
	if ((ds_pkt_flags(&p) & DS_TCP_RST) || !ds_watch_of(p.daddr))
		return 0;
	/* dev is NULL below tcp_v4_do_rcv; there the socket is given (pitfall 6). */
	dev = BPF_CORE_READ(skb, dev);
	net = dev ? ds_dev_net(dev) : sk ? ds_sk_net(sk) : NULL;
	scope = ds_scope(net, &netns);
	full = sk && ds_sk_is_full(ds_sk_state(sk));
	if (!ds_scope_counts(scope, full ? sk : NULL))
		return 0;
	r = ds_packet_reserve(hook, scope, netns);
	if (!r)
		return 0;
	ds_packet_fill(r, &p, skb);
	ds_packet_device(r, dev);
	ds_packet_socket(r, sk);
	r->flags |= DS_REC_F_TRANSMIT;
	if (has_reason) {
		r->flags |= DS_REC_F_RESET_REASON;
		r->reset_reason = reason;
	}
	ds_submit(r);
	return 0;
}

/* A RST of a connection's own: the 4-tuple is the socket's, the local end first. */
static __always_inline int on_connection(const struct sock *sk, __u8 hook, __u16 flags,
					 __u32 reason)
{
	struct ds_rec_packet *r;
	struct ds_end local;
	__u32 scope, netns;
	__u8 state, family;

	family = ds_sk_family(sk);
	if (!family)
		return 0;
	ds_sk_local(sk, family, &local);
	if (!ds_watch_of(&local))
		return 0;
	state = ds_sk_state(sk);
	if (!ds_sk_is_full(state) || !ds_sk_is_tcp(sk))
		return 0;
	scope = ds_scope(ds_sk_net(sk), &netns);
	if (!ds_scope_counts(scope, sk))
		return 0;
	r = ds_packet_reserve(hook, scope, netns);
	if (!r)
		return 0;
	__builtin_memcpy(r->saddr, local.bytes, sizeof(r->saddr));
	ds_sk_remote(sk, family, (struct ds_end *)r->daddr);
	r->sport = ds_sk_lport(sk, state);
	r->dport = ds_sk_rport(sk);
	ds_packet_socket(r, sk);
	r->flags |= flags | DS_REC_F_FROM_SOCKET;
	r->reset_reason = reason;
	if (ds_sk_is_unaccepted(sk))
		r->flags |= DS_REC_F_UNACCEPTED;
	if (ds_sk_is_unanswered((const struct tcp_sock *)sk,
				hook == DS_REC_HOOK_RECEIVE_RESET ? DS_CLOSE_PEER_RST :
								    DS_CLOSE_RST))
		r->flags |= DS_REC_F_OUTSTANDING;
	ds_submit(r);
	return 0;
}

static __always_inline int on_send_reset(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sock *sk = (const struct sock *)ctx->args[0];
	const struct sk_buff *skb = (const struct sk_buff *)ctx->args[1];
	bool has_reason = ds_send_reset_args > 2;
	__u32 reason = 0;

	/* Reading an argument that is not there would fail at attach: cut off by the verifier. */
	if (has_reason)
		reason = ctx->args[2];
	if (skb)
		return ds_answers_elsewhere ? 0 :
			on_answer(sk, skb, DS_REC_HOOK_SEND_RESET, has_reason, reason);
	if (!sk)
		return 0;
	return on_connection(sk, DS_REC_HOOK_SEND_RESET,
			     DS_REC_F_TRANSMIT | (has_reason ? DS_REC_F_RESET_REASON : 0), reason);
}

/* The packet that is answered, else the socket: what a reset is called in the notes of twins. */
static __always_inline __u64 reset_name(const struct bpf_raw_tracepoint_args *ctx)
{
	return ctx->args[1] ? ctx->args[1] : ctx->args[0];
}

SEC("?raw_tp/tcp_send_reset")
int send_reset(struct bpf_raw_tracepoint_args *ctx)
{
	ds_nested_begin(DS_NESTED_SEND_RESET, reset_name(ctx));
	return on_send_reset(ctx);
}

/* Does what send_reset was left out of (nested.bpf.h). */
SEC("?raw_tp/tcp_send_reset")
int send_reset_twin(struct bpf_raw_tracepoint_args *ctx)
{
	return ds_nested_is_done(DS_NESTED_SEND_RESET, reset_name(ctx)) ? 0 : on_send_reset(ctx);
}

static __always_inline int on_receive_reset(const struct sock *sk)
{
	return on_connection(sk, DS_REC_HOOK_RECEIVE_RESET, 0, 0);
}

SEC("?raw_tp/tcp_receive_reset")
int receive_reset(struct bpf_raw_tracepoint_args *ctx)
{
	ds_nested_begin(DS_NESTED_RECEIVE_RESET, ctx->args[0]);
	return on_receive_reset((const struct sock *)ctx->args[0]);
}

/* Does what receive_reset was left out of (nested.bpf.h). */
SEC("?raw_tp/tcp_receive_reset")
int receive_reset_twin(struct bpf_raw_tracepoint_args *ctx)
{
	if (ds_nested_is_done(DS_NESTED_RECEIVE_RESET, ctx->args[0]))
		return 0;
	return on_receive_reset((const struct sock *)ctx->args[0]);
}

SEC("?fentry/tcp_v4_send_reset")
int BPF_PROG(v4_reset_fe, const struct sock *sk, const struct sk_buff *skb)
{
	return on_answer(sk, skb, DS_REC_HOOK_V4_SEND_RESET, false, 0);
}

SEC("?fentry/tcp_v6_send_reset")
int BPF_PROG(v6_reset_fe, const struct sock *sk, const struct sk_buff *skb)
{
	return on_answer(sk, skb, DS_REC_HOOK_V6_SEND_RESET, false, 0);
}

SEC("?kprobe/tcp_v4_send_reset")
int BPF_KPROBE(v4_reset_kp, const struct sock *sk, const struct sk_buff *skb)
{
	return on_answer(sk, skb, DS_REC_HOOK_V4_SEND_RESET, false, 0);
}

SEC("?kprobe/tcp_v6_send_reset")
int BPF_KPROBE(v6_reset_kp, const struct sock *sk, const struct sk_buff *skb)
{
	return on_answer(sk, skb, DS_REC_HOOK_V6_SEND_RESET, false, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
