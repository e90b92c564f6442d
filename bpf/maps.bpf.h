/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Maps, settings and gates that all programs share. abi.bpf.c defines DS_MAPS_HERE and so holds
 * them; everywhere else they are extern and joined by the static linker.
 */
#ifndef DS_MAPS_BPF_H
#define DS_MAPS_BPF_H

#include "vmlinux_min.h"

#include <bpf/bpf_helpers.h>

#include "ds_record.h"

#ifdef DS_MAPS_HERE
#define DS_MAP
#else
#define DS_MAP extern
#endif

/* All records. Its size is set by the loader. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} ds_rb SEC(".maps");

/* Failed reserves, by enum ds_lost_class. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DS_LOST_MAX);
	__type(key, __u32);
	__type(value, __u64);
} ds_lost SEC(".maps");

/* Watched addresses. Preallocated: kernels before 6.1 want that of tracing programs. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u8[16]);
	__type(value, struct ds_watch);
} ds_watched SEC(".maps");

/* Where a namespace stands to the routing one (scope.bpf.h), by inode number. */
struct ds_netns_value {
	__u64 net;	/* address and cookie: inode numbers are given out again */
	__u64 cookie;
	__u64 at_ns;
	__u32 scope;
	__u32 pad;
};
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct ds_netns_value);
} ds_netns SEC(".maps");

/* SIGKILL by the kernel itself, by pid, until mark_victim tells of the OOM killer: the task. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u64);
} ds_kernel_kills SEC(".maps");

/*
 * Open listeners of a port. An entry stays when it comes down to 0: it then says that connections
 * of that local port are inbound ones.
 */
struct ds_port_key {
	__u32 netns;
	__u16 port;
	__u16 family;	/* 4 or 6, of the socket */
	__u64 cgroup;	/* 0, or its id: pods on the host's network share a namespace */
};
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ds_port_key);
	__type(value, __s32);
} ds_ports SEC(".maps");

/*
 * The sockets counted there: each once, however it was found. Keyed by address, for raw tracepoints
 * can have neither cookie nor socket storage; safe, because an entry leaves when the socket leaves
 * LISTEN, which it does not without passing inet_sock_set_state.
 */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct ds_port_key);
} ds_listeners SEC(".maps");

/* When a connection was accepted; by address again, leaves when the socket leaves ESTABLISHED. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, __u64);
} ds_accepted SEC(".maps");

DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ds_traffic_key);
	__type(value, struct ds_traffic);
} ds_traffic SEC(".maps");

/* Initial sequence number of the last SYN of a 4-tuple: a retransmission is no new arrival. */
struct ds_syn_key {
	__u8 saddr[16];
	__u8 daddr[16];
	__u16 sport;
	__u16 dport;
	__u32 netns;
};
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ds_syn_key);
	__type(value, __u32);
} ds_syns SEC(".maps");

/*
 * Connections of which a packet died before they were accepted (netns 0), and the peer's initial
 * sequence number: that they are accepted after all is told also of a pod that stays.
 */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ds_syn_key);
	__type(value, __u32);
} ds_dead SEC(".maps");

/*
 * When a SYN came in that was for no watched address, by its initial sequence number: NAT changes
 * addresses and ports, and never that. Held while an address goes away: a SYN that is translated to
 * it is seen with that address only when it dies, seconds later.
 */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u64);
} ds_came SEC(".maps");

/* The listener of a port that was opened last, by address: see ds_listeners. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct ds_port_key);
	__type(value, __u64);
} ds_port_listener SEC(".maps");

/* Addresses in the kernel that dropped a packet -> number used in records. Bounded. */
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} ds_locations SEC(".maps");

/*
 * What a program has begun on this CPU and its twin (nested.bpf.h) has not looked up yet, by
 * tracepoint; 0 = nothing.
 */
enum { DS_NESTED_SET_STATE, DS_NESTED_KFREE_SKB, DS_NESTED_SEND_RESET, DS_NESTED_RECEIVE_RESET,
	DS_NESTED_MAX };
struct ds_nested_note {
	__u64 latest;
	__u64 interrupted;
};
DS_MAP struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DS_NESTED_MAX);
	__type(key, __u32);
	__type(value, struct ds_nested_note);
} ds_nested SEC(".maps");

#ifndef DS_MAPS_HERE
/* Set by the loader before loading; the verifier cuts off what they make impossible. */
extern const volatile __u32 ds_abi_version;
extern const volatile __u32 ds_routing_netns;		/* inode number */
extern const volatile __u32 ds_wakeup_bytes;		/* watermark of the ring buffer */
extern const volatile __u32 ds_send_reset_args;		/* arguments of these tracepoints, by BTF */
extern const volatile __u32 ds_kfree_skb_args;
extern const volatile __u32 ds_process_exit_args;
extern const volatile __u32 ds_mark_victim_args;
extern const volatile __u32 ds_queue_purge;		/* SKB_DROP_REASON_QUEUE_PURGE, 0 = none */
extern const volatile __u32 ds_no_socket; /* SKB_DROP_REASON_NO_SOCKET where it is told twice */
extern const volatile __u32 ds_resets_told; /* tcp_send_reset tells every RST of TCP itself */
extern const volatile __u32 ds_tap_icmp; /* the tap reports ICMP (v4) too: no icmp_send */

/* Set by the loader while running. */
extern volatile __u32 ds_gate;		/* all DS_WATCH_* bits that any address has */
extern volatile __u32 ds_answers_elsewhere; /* fentry or kprobe report RSTs that answer packets */
extern volatile __u64 ds_jiffy_ns;	/* length of a jiffy, 0 = not known yet */

/* Written here. */
extern volatile __u32 ds_traffic_changes;	/* moves when a counter did */
extern volatile __u64 ds_clock_jiffies, ds_clock_ns;	/* ds_clock's readings */
#endif

#endif
