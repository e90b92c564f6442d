// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The life of sockets: listeners opened and closed (and those found at start), connections
 * accepted, leaving ESTABLISHED with what was open between the ends, destroyed. Counts what is
 * accepted and arrives per pod address, port and peer; makes records only of what matters.
 */
#include "evidence.bpf.h"
#include "nested.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline struct ds_rec_socket *socket_reserve(const struct sock *sk, __u8 change,
							    __u8 scope, __u32 netns)
{
	struct ds_rec_socket *r = ds_reserve(DS_REC_SOCKET, sizeof(*r), DS_LOST_SOCKET);

	if (!r)
		return NULL;
	__builtin_memset((char *)r + sizeof(r->h), 0,
			 __builtin_offsetof(struct ds_rec_socket, cgroup) - sizeof(r->h));
	r->change = change;
	r->scope = scope;
	r->netns = netns;
	r->family = ds_sk_family(sk);
	ds_cgroup_names(&r->cgroup, ds_cgroup_node(ds_sock_cgroup(sk)));
	return r;
}

/* Adds to the listeners of a port; returns how many there are now. */
static __always_inline __s32 port_add(const struct ds_port_key *key, __s32 by)
{
	__s32 *count = bpf_map_lookup_elem(&ds_ports, key), first = by > 0 ? by : 0;

	if (!count) {
		if (!bpf_map_update_elem(&ds_ports, key, &first, BPF_NOEXIST))
			return first;
		count = bpf_map_lookup_elem(&ds_ports, key);	/* another CPU was faster */
		if (!count)
			return first;
	}
	if (by)
		__sync_fetch_and_add(count, by);
	if (*count < 0)
		*count = 0;
	return *count;
}

/*
 * The same for the listeners that count for one owner. A pod's namespace is its own; in the routing
 * one, where pods share the host's, each cgroup counts for itself.
 */
static __always_inline __s32 owner_add(const struct sock *sk, const struct ds_port_key *key,
				       __u32 scope, __s32 by)
{
	struct ds_port_key own = *key;
	struct kernfs_node *kn;
	__s32 all = port_add(key, by);

	if (scope != DS_REC_SCOPE_ROUTING)
		return all;
	kn = ds_cgroup_node(ds_sock_cgroup(sk));
	own.cgroup = kn ? BPF_CORE_READ(kn, id) : 0;
	return own.cgroup ? port_add(&own, by) : all;
}

static __always_inline int tell_listener(const struct sock *sk, const struct ds_port_key *key,
					 __u32 scope, __u8 change, __u8 from, __u8 to)
{
	struct ds_rec_socket *r = socket_reserve(sk, change, scope, key->netns);

	if (!r)
		return 0;
	/* The wildcard address, whatever it was bound to, where the kernel has cleared it. */
	ds_sk_local(sk, key->family, (struct ds_end *)r->laddr);
	r->lport = key->port;
	r->old_state = from;
	r->new_state = to;
	r->backlog = BPF_CORE_READ(sk, sk_ack_backlog);
	r->backlog_max = BPF_CORE_READ(sk, sk_max_ack_backlog);
	ds_submit(r);
	return 0;
}

static __always_inline int on_listening(const struct sock *sk)
{
	struct ds_port_key key = {};
	__u64 id = (__u64)sk;
	__u32 scope;

	key.family = ds_sk_family(sk);
	/* By skc_num: inet_sport is set only after this for a listen() without bind(). */
	key.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (!key.family || !key.port || !ds_sk_is_tcp(sk))
		return 0;
	scope = ds_scope(ds_sk_net(sk), &key.netns);
	if (!ds_scope_counts(scope, sk))
		return 0;
	/* The same socket may be met twice at start: by its tracepoint and by the search. */
	if (bpf_map_update_elem(&ds_listeners, &id, &key, BPF_NOEXIST))
		return 0;
	owner_add(sk, &key, scope, 1);
	bpf_map_update_elem(&ds_port_listener, &key, &id, BPF_ANY);
	return tell_listener(sk, &key, scope, DS_REC_SOCKET_LISTENING, TCP_CLOSE, TCP_LISTEN);
}

static __always_inline int on_listener_closed(const struct sock *sk)
{
	struct ds_port_key key = {}, *known;
	__u64 id = (__u64)sk, *last;
	__u32 scope;

	known = bpf_map_lookup_elem(&ds_listeners, &id);
	if (known) {
		key = *known;
		bpf_map_delete_elem(&ds_listeners, &id);
	} else {
		key.family = ds_sk_family(sk);
		key.port = ds_sk_lport(sk, TCP_CLOSE);
		if (!key.family || !key.port || !ds_sk_is_tcp(sk))
			return 0;
	}
	scope = ds_scope(ds_sk_net(sk), &key.netns);
	if (!ds_scope_counts(scope, sk))
		return 0;
	last = bpf_map_lookup_elem(&ds_port_listener, &key);
	if (last && *last == id)
		bpf_map_delete_elem(&ds_port_listener, &key);
	/* SO_REUSEPORT: closed is the port, when its last listener is. */
	if (owner_add(sk, &key, scope, known ? -1 : 0) > 0)
		return 0;
	return tell_listener(sk, &key, scope, DS_REC_SOCKET_LISTENER_CLOSED, TCP_LISTEN, TCP_CLOSE);
}

/* A connection whose local address is watched: what all of its changes need to know first. */
struct conn {
	struct ds_traffic_key key;	/* local and remote address, local port, namespace */
	__u32 scope;
	__u32 watch;			/* DS_WATCH_* */
	__u8 family;
};

static __always_inline bool conn_of(const struct sock *sk, struct conn *c, __u8 state)
{
	struct ds_watch *watch;

	c->family = ds_sk_family(sk);
	if (!c->family)
		return false;
	ds_sk_local(sk, c->family, (struct ds_end *)c->key.laddr);
	watch = ds_watch_of(c->key.laddr);
	if (!watch || !ds_sk_is_tcp(sk))
		return false;
	c->watch = watch->flags;
	c->scope = ds_scope(ds_sk_net(sk), &c->key.netns);
	if (!ds_scope_counts(c->scope, sk))
		return false;
	ds_sk_remote(sk, c->family, (struct ds_end *)c->key.raddr);
	c->key.lport = ds_sk_lport(sk, state);
	c->key.pad = 0;
	return true;
}

static __always_inline void conn_fill(struct ds_rec_socket *r, const struct sock *sk,
				      const struct conn *c, __u8 old_state, __u8 new_state)
{
	__builtin_memcpy(r->laddr, c->key.laddr, sizeof(r->laddr));
	__builtin_memcpy(r->raddr, c->key.raddr, sizeof(r->raddr));
	r->lport = c->key.lport;
	r->rport = ds_sk_rport(sk);
	r->old_state = old_state;
	r->new_state = new_state;
	r->err = BPF_CORE_READ(sk, sk_err);
	r->hop_limit = ds_sk_hop_limit(sk, c->family);
}

static __always_inline struct ds_traffic *traffic_of(const struct ds_traffic_key *key)
{
	struct ds_traffic zero = {}, *t = bpf_map_lookup_elem(&ds_traffic, key);

	if (t)
		return t;
	bpf_map_update_elem(&ds_traffic, key, &zero, BPF_NOEXIST);
	t = bpf_map_lookup_elem(&ds_traffic, key);
	if (!t)
		ds_count_lost(DS_LOST_TRAFFIC);
	return t;
}

static __always_inline void traffic_changed(struct ds_traffic *t, __u64 *stamp, __u64 ns, __u64 now)
{
	if (*stamp < ns)	/* two CPUs may race: by less than they are apart */
		*stamp = ns;
	t->changed_ns = now;
	ds_traffic_changes++;
}

/* A packet of this very connection died before it was accepted; ports are used again. */
static __always_inline bool was_dead(const struct sock *sk, const struct conn *c)
{
	__u32 isn = BPF_CORE_READ((const struct tcp_sock *)sk, copied_seq) - 1, *dead;
	struct ds_syn_key key = {};

	__builtin_memcpy(key.saddr, c->key.raddr, sizeof(key.saddr));
	__builtin_memcpy(key.daddr, c->key.laddr, sizeof(key.daddr));
	key.sport = ds_sk_rport(sk);
	key.dport = c->key.lport;
	dead = bpf_map_lookup_elem(&ds_dead, &key);
	if (!dead || *dead != isn)
		return false;
	bpf_map_delete_elem(&ds_dead, &key);
	return true;
}

static __always_inline int on_accepted(const struct sock *sk)
{
	struct ds_port_key port = {};
	__u64 id = (__u64)sk, now;
	struct ds_rec_socket *r;
	struct ds_traffic *t;
	struct conn c;

	if (!conn_of(sk, &c, TCP_ESTABLISHED))
		return 0;
	now = bpf_ktime_get_boot_ns();
	bpf_map_update_elem(&ds_accepted, &id, &now, BPF_ANY);
	/* Remember the port as one that accepts, also where its listener was never found. */
	port.netns = c.key.netns;
	port.port = c.key.lport;
	port.family = c.family;
	port_add(&port, 0);
	t = traffic_of(&c.key);
	if (t) {
		__sync_fetch_and_add(&t->accepted, 1);
		traffic_changed(t, &t->last_accepted_ns, now, now);
	}
	if (!(c.watch & (DS_WATCH_GOING | DS_WATCH_REUSED)) && !was_dead(sk, &c))
		return 0;
	r = socket_reserve(sk, DS_REC_SOCKET_ACCEPTED, c.scope, c.key.netns);
	if (!r)
		return 0;
	conn_fill(r, sk, &c, TCP_SYN_RECV, TCP_ESTABLISHED);
	ds_submit(r);
	return 0;
}

/* What came on a connection that ends: payload segments, none at all, or silence for how long. */
static __always_inline void count_ended(const struct tcp_sock *tp, const struct conn *c,
					const __u64 *accepted, __u64 last_payload, __u64 now,
					bool closed_idle)
{
	__u32 segments = BPF_CORE_READ(tp, data_segs_in);
	struct ds_traffic *t;
	__u64 age_ms, more;

	if (!segments && !accepted)
		return;
	t = traffic_of(&c->key);
	if (!t)
		return;
	if (!segments) {
		__sync_fetch_and_add(&t->empty, 1);
		traffic_changed(t, &t->last_payload_ns, 0, now);
		return;
	}
	more = accepted ? segments - 1 : 1;
	age_ms = accepted ? (now - *accepted) / 1000000 : 0;
	if (age_ms > DS_TRAFFIC_SHARE_MS)
		more = more * DS_TRAFFIC_SHARE_MS / age_ms;
	__sync_fetch_and_add(&t->segments, more);
	/* A jiffy may lie ahead of the clock. */
	if (closed_idle && now > last_payload && now - last_payload > t->idle_close_ns)
		t->idle_close_ns = now - last_payload;
	traffic_changed(t, &t->last_payload_ns, last_payload, now);
}

static __always_inline int on_closing(const struct sock *sk, __u8 new_state)
{
	const struct tcp_sock *tp = (const struct tcp_sock *)sk;
	__u64 id = (__u64)sk, now, last_payload, *accepted;
	struct ds_port_key port = {};
	bool peer_fin = new_state == TCP_CLOSE_WAIT, peer_first, abort, unanswered;
	struct ds_rec_socket *r;
	struct conn c;
	__u32 jiffies;

	if (!conn_of(sk, &c, new_state))
		return 0;
	now = bpf_ktime_get_boot_ns();
	jiffies = bpf_jiffies64();
	accepted = bpf_map_lookup_elem(&ds_accepted, &id);
	last_payload = ds_jiffies_ns(BPF_CORE_READ(tp, inet_conn.icsk_ack.lrcvtime), jiffies, now);
	port.netns = c.key.netns;
	port.port = c.key.lport;
	port.family = c.family;
	abort = new_state == TCP_CLOSE;
	/* ECONNRESET: tcp_reset() has set it before it changes the state. */
	peer_first = peer_fin || (abort && BPF_CORE_READ(sk, sk_err) == DS_ECONNRESET);
	unanswered = ds_sk_is_unanswered(tp, peer_fin ? DS_CLOSE_PEER_FIN :
					     !abort ? DS_CLOSE_FIN :
					     peer_first ? DS_CLOSE_PEER_RST : DS_CLOSE_RST);
	/* What arrives on the pod's own outbound connections is not traffic to it. */
	if ((accepted || bpf_map_lookup_elem(&ds_ports, &port)) && last_payload)
		count_ended(tp, &c, accepted, last_payload, now,
			    !abort && !peer_fin && !unanswered && !(c.watch & DS_WATCH_GOING));
	if (!(c.watch & DS_WATCH_GOING) && (!unanswered || peer_fin))
		goto out;
	r = socket_reserve(sk, DS_REC_SOCKET_CLOSING, c.scope, c.key.netns);
	if (!r)
		goto out;
	conn_fill(r, sk, &c, TCP_ESTABLISHED, new_state);
	if (peer_first)
		r->flags |= DS_REC_F_PEER_CLOSED;
	if (unanswered)
		r->flags |= DS_REC_F_OUTSTANDING;
	if (ds_sk_is_unaccepted(sk))
		r->flags |= DS_REC_F_UNACCEPTED;
	if (accepted) {
		r->flags |= DS_REC_F_AGE;
		r->age_ns = now - *accepted;
	}
	r->unsent_bytes = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_nxt);
	r->unacked_bytes = BPF_CORE_READ(tp, write_seq) - BPF_CORE_READ(tp, snd_una);
	r->unread_bytes = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, copied_seq) - peer_fin;
	/* The last segment in order moved the send window (ds_sk_is_unanswered tells how). */
	r->last_segment_bytes = BPF_CORE_READ(tp, rcv_nxt) - BPF_CORE_READ(tp, snd_wl1) - peer_fin;
	r->data_segments_in = BPF_CORE_READ(tp, data_segs_in);
	r->received_bytes = BPF_CORE_READ(tp, bytes_received) - peer_fin; /* it counts a FIN */
	/* Both stamps are set when the connection is made: without bytes they say nothing. */
	if (r->received_bytes)
		r->last_payload_ns = last_payload;
	if (BPF_CORE_READ(tp, bytes_sent))
		r->last_sent_ns = ds_jiffies_ns(BPF_CORE_READ(tp, lsndtime), jiffies, now);
	ds_submit(r);
out:
	if (accepted)
		bpf_map_delete_elem(&ds_accepted, &id);
	return 0;
}

/* The cheap cut: ten changes a connection, two of which matter. */
static __always_inline bool matters(int old_state, int new_state)
{
	return old_state == TCP_ESTABLISHED || new_state == TCP_LISTEN ||
	       (old_state == TCP_SYN_RECV && new_state == TCP_ESTABLISHED) ||
	       (old_state == TCP_LISTEN && new_state == TCP_CLOSE);
}

static __always_inline int on_change(const struct sock *sk, int old_state, int new_state)
{
	if (old_state == TCP_ESTABLISHED)
		return on_closing(sk, new_state);
	if (old_state == TCP_SYN_RECV)
		return on_accepted(sk);
	if (new_state == TCP_LISTEN)
		return on_listening(sk);
	return on_listener_closed(sk);
}

static __always_inline __u64 change_name(const struct sock *sk, __u8 old_state, __u8 new_state)
{
	return (__u64)sk << 8 ^ (old_state << 4 | new_state);
}

SEC("?raw_tp/inet_sock_set_state")
int set_state(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sock *sk = (const struct sock *)ctx->args[0];
	int old_state = (int)ctx->args[1], new_state = (int)ctx->args[2];

	if (!matters(old_state, new_state))
		return 0;
	ds_nested_begin(DS_NESTED_SET_STATE, change_name(sk, old_state, new_state));
	return on_change(sk, old_state, new_state);
}

/* Does what set_state was left out of (nested.bpf.h). */
SEC("?raw_tp/inet_sock_set_state")
int set_state_twin(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sock *sk = (const struct sock *)ctx->args[0];
	int old_state = (int)ctx->args[1], new_state = (int)ctx->args[2];

	if (!matters(old_state, new_state) ||
	    ds_nested_is_done(DS_NESTED_SET_STATE, change_name(sk, old_state, new_state)))
		return 0;
	return on_change(sk, old_state, new_state);
}

SEC("?raw_tp/tcp_destroy_sock")
int destroy_sock(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sock *sk = (const struct sock *)ctx->args[0];
	struct ds_rec_socket *r;
	struct conn c;

	if (!(ds_gate & DS_WATCH_GOING) || !conn_of(sk, &c, TCP_CLOSE) ||
	    !(c.watch & DS_WATCH_GOING))
		return 0;
	if (!ds_sk_rport(sk))	/* cleared by tcp_disconnect(): `closing` has said it */
		return 0;
	r = socket_reserve(sk, DS_REC_SOCKET_CLOSED, c.scope, c.key.netns);
	if (!r)
		return 0;
	conn_fill(r, sk, &c, TCP_CLOSE, TCP_CLOSE);
	r->unsent_bytes = BPF_CORE_READ((const struct tcp_sock *)sk, write_seq) -
			  BPF_CORE_READ((const struct tcp_sock *)sk, snd_nxt);
	r->unacked_bytes = BPF_CORE_READ((const struct tcp_sock *)sk, write_seq) -
			   BPF_CORE_READ((const struct tcp_sock *)sk, snd_una);
	ds_submit(r);
	return 0;
}

/* The listeners that exist at start, of the namespace in which the iterator was made. */
SEC("?iter/tcp")
int find_listeners(struct bpf_iter__tcp *ctx)
{
	const struct sock *sk = (const struct sock *)ctx->sk_common;

	if (sk && ds_sk_state(sk) == TCP_LISTEN)
		on_listening(sk);
	return 0;
}
