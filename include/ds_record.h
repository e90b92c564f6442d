/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records that pass from the kernel side to user space through the ring buffer, and the values
 * of the maps that both sides touch. Fixed width, explicit padding, every size asserted. A change
 * of layout or meaning raises DS_ABI_VERSION, which the loader compares with the object's .rodata.
 *
 * Times are CLOCK_BOOTTIME ns. Addresses are 16 bytes in network order, IPv4 mapped. Ports are in
 * host order. No kernel pointer ever stands in a record.
 */
#ifndef DS_RECORD_H
#define DS_RECORD_H

#include <linux/types.h>

#define DS_ABI_VERSION 2

#define DS_ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " must be " #size " bytes")

enum ds_rec_kind {
	DS_REC_PACKET = 1,
	DS_REC_SOCKET,
	DS_REC_PROCESS,
	DS_REC_LOCATION,	/* names a drop location, once */
	DS_REC_MAX
};

/* Values of enum ds_hook, ds_scope, ... in user/core/names.h: asserted by the decoder. */
enum ds_rec_hook {
	DS_REC_HOOK_SEND_RESET,
	DS_REC_HOOK_V4_SEND_RESET,
	DS_REC_HOOK_V6_SEND_RESET,
	DS_REC_HOOK_RECEIVE_RESET,
	DS_REC_HOOK_KFREE_SKB,
	DS_REC_HOOK_ICMP_SEND,
	DS_REC_HOOK_TAP_RX,
	DS_REC_HOOK_TAP_TX,
	DS_REC_HOOK_SET_STATE,
	DS_REC_HOOK_DESTROY_SOCK,
	DS_REC_HOOK_SIGNAL_GENERATE,
	DS_REC_HOOK_PROCESS_EXIT,
	DS_REC_HOOK_MARK_VICTIM,
	DS_REC_HOOK_MAX
};

enum ds_rec_scope {
	DS_REC_SCOPE_ROUTING,
	DS_REC_SCOPE_POD,
	DS_REC_SCOPE_UNKNOWN,
	DS_REC_SCOPE_MAX
};
enum ds_rec_socket_change {
	DS_REC_SOCKET_LISTENING, DS_REC_SOCKET_LISTENER_CLOSED, DS_REC_SOCKET_ACCEPTED,
	DS_REC_SOCKET_CLOSING, DS_REC_SOCKET_CLOSED, DS_REC_SOCKET_CHANGE_MAX
};
enum ds_rec_process_change {
	DS_REC_PROCESS_SIGTERM, DS_REC_PROCESS_SIGTERM_IGNORED, DS_REC_PROCESS_SIGKILL,
	DS_REC_PROCESS_OOM_KILLED, DS_REC_PROCESS_EXITED, DS_REC_PROCESS_CHANGE_MAX
};

/* Where a signal came from. */
enum ds_rec_signal_source {
	DS_REC_SIGNAL_PROCESS,		/* a process outside the container: the runtime, mostly */
	DS_REC_SIGNAL_CONTAINER,	/* a process of the same container */
	DS_REC_SIGNAL_CGROUP_KILL,	/* a write to cgroup.kill */
	DS_REC_SIGNAL_NAMESPACE_END,	/* the first process of its pid namespace ended */
	DS_REC_SIGNAL_KERNEL, DS_REC_SIGNAL_SOURCE_MAX
};

struct ds_rec_hdr {
	__u64 ts_ns;		/* CLOCK_BOOTTIME */
	__u32 kind;		/* enum ds_rec_kind */
	__u32 size;		/* of the whole record */
};
DS_ABI_SIZE(struct ds_rec_hdr, 16);

#define DS_REC_F_SOCKET		0x0001	/* packet: it met a socket; tcp_state is valid */
#define DS_REC_F_UNACCEPTED	0x0002	/* the connection was never accepted by a process */
#define DS_REC_F_PAYLOAD_BYTE	0x0004	/* first_byte is valid */
#define DS_REC_F_DROP_REASON	0x0008	/* drop_reason is valid */
#define DS_REC_F_RESET_REASON	0x0010	/* reset_reason is valid */
#define DS_REC_F_SEQ 0x0020 /* flags, seq, ack and payload_bytes are those of a packet */
#define DS_REC_F_PEER_CLOSED	0x0040	/* socket: the peer's FIN or RST came first */
#define DS_REC_F_AGE		0x0080	/* socket: age_ns is valid (accepted during this run) */
#define DS_REC_F_INIT 0x0100 /* process: PID 1 of its pid namespace, or leader of its cgroup */
#define DS_REC_F_TRANSMIT 0x0200 /* packet: leaves (tap at net_dev_queue, RST or ICMP sent) */
#define DS_REC_F_FROM_SOCKET	0x0400	/* packet: 4-tuple is of the socket, local end first */
#define DS_REC_F_OUTSTANDING 0x0800 /* the peer waits for an answer (bpf/socket.bpf.h tells how) */
#define DS_REC_F_CAME_BY 0x1000 /* packet: in_ifindex is told */

/*
 * Evidence about one packet. The 4-tuple is that of the packet which met its end (the one that was
 * dropped, or to which the RST or ICMP answers): source is the peer, destination the pod. With
 * DS_REC_F_FROM_SOCKET (a RST without a packet: an abort; or a RST received) source is the local
 * end, the pod, and destination the remote one. Of the tap it is the packet's own, both ways: a RST
 * that leaves has the pod as its source. ICMP errors seen by the tap have the hook of icmp_send.
 */
struct ds_rec_packet {
	struct ds_rec_hdr h;
	__u8 saddr[16];
	__u8 daddr[16];
	__u16 sport;
	__u16 dport;
	__u16 flags;		/* DS_REC_F_* */
	__u8 hook;		/* enum ds_rec_hook */
	__u8 scope;		/* enum ds_rec_scope */
	__u8 tcp_flags;		/* byte 13 of the TCP header */
	__u8 tcp_state;		/* kernel's TCP_ESTABLISHED = 1 ... TCP_NEW_SYN_RECV = 12 */
	__u8 first_byte;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 hop_limit;		/* TTL or hop limit, of a packet (DS_REC_F_SEQ) */
	__u8 pad[2];
	__u32 seq;
	__u32 ack;
	__u32 payload_bytes;
	__u32 drop_reason;
	__u32 reset_reason;
	__u32 location;		/* id of a DS_REC_LOCATION record, 0 = none */
	__u32 netns;		/* inode number */
	__u32 ifindex;		/* of the packet's device in that namespace, 0 = none */
	__u32 route_error;	/* errno of the route that it had, 0 = none: kfree_skb only */
	__u32 in_ifindex;	/* by which it came into that namespace, 0 = made there */
	__u64 cgroup_id;	/* of the socket, 0 = unknown */
	__u64 came_ns;		/* when it came to the node, for another address; 0 = it did not */
};
DS_ABI_SIZE(struct ds_rec_packet, 120);

#define DS_CGROUP_NAMES 6	/* innermost first: container, pod, QoS class, kubepods, ... */
#define DS_CGROUP_NAME_LEN 96

/* The names of a cgroup and its parents, empty from the first one that is not there. */
struct ds_rec_cgroup {
	__u64 id;
	char names[DS_CGROUP_NAMES][DS_CGROUP_NAME_LEN];
};
DS_ABI_SIZE(struct ds_rec_cgroup, 584);

/* local is the pod's end. last_*_ns are CLOCK_BOOTTIME, made from jiffies; 0 = never. */
struct ds_rec_socket {
	struct ds_rec_hdr h;
	__u8 laddr[16];		/* wildcard (all zero but the mapped prefix) for listeners */
	__u8 raddr[16];
	__u16 lport;
	__u16 rport;
	__u16 flags;
	__u8 change;		/* enum ds_rec_socket_change */
	__u8 scope;
	__u8 old_state;
	__u8 new_state;
	__u8 family;		/* 4 or 6: of the socket, for listeners */
	__u8 hop_limit;		/* with which the peer's packets came, 0 = not known */
	__u32 netns;
	__u32 unsent_bytes;
	__u32 unacked_bytes;
	__u32 data_segments_in;
	__u32 backlog;
	__u32 backlog_max;
	__u32 err;		/* sk_err */
	__u32 unread_bytes;	/* received, and never read by the process */
	__u32 last_segment_bytes; /* payload of the last segment received in order */
	__u64 received_bytes;
	__u64 last_payload_ns;
	__u64 last_sent_ns;
	__u64 age_ns;
	struct ds_rec_cgroup cgroup;
};
DS_ABI_SIZE(struct ds_rec_socket, 712);

struct ds_rec_process {
	struct ds_rec_hdr h;
	__u32 pid;		/* tgid in the initial pid namespace */
	__u32 exit_code;	/* raw: status << 8 | signal */
	__u32 netns;
	__u16 flags;
	__u8 change;		/* enum ds_rec_process_change */
	__u8 source;		/* enum ds_rec_signal_source, of a signal */
	char comm[16];		/* "pause" is the sandbox's process, no container */
	struct ds_rec_cgroup cgroup;
};
DS_ABI_SIZE(struct ds_rec_process, 632);

struct ds_rec_location {
	struct ds_rec_hdr h;
	__u32 id;
	__u32 pad;
	char name[64];		/* "ip_error", or "" where the kernel does not tell */
};
DS_ABI_SIZE(struct ds_rec_location, 88);

/* Map ds_watch: address (16 bytes) -> what is wanted of it. */
#define DS_WATCH_GOING		0x1	/* the pod goes away: accepted and closing records, tap */
#define DS_WATCH_RELEASED	0x2	/* no pod holds it: every TCP segment to it */
#define DS_WATCH_REUSED		0x4	/* another pod had it before: accepted records */
struct ds_watch {
	__u32 flags;
	__u32 pad;
};
DS_ABI_SIZE(struct ds_watch, 8);

/*
 * Map ds_traffic: counters of one (pod address, port, peer), read by user space. The namespace is
 * the socket's, so that an address given out again begins anew; for last_syn_ns, which the tap
 * sees, it is the routing one's, and the entry one of its own.
 */
struct ds_traffic_key {
	__u8 laddr[16];
	__u8 raddr[16];
	__u16 lport;
	__u16 pad;
	__u32 netns;
};
DS_ABI_SIZE(struct ds_traffic_key, 40);

struct ds_traffic {
	__u64 accepted;
	__u64 last_accepted_ns;
	__u64 last_syn_ns;
	__u64 last_payload_ns;
	__u64 changed_ns;	/* when one of these last moved: what user space has not read yet */
	/* of connections that left ESTABLISHED */
	__u64 segments;		/* with payload, beyond the first of each: DS_TRAFFIC_SHARE_MS */
	__u64 empty;		/* accepted, and no payload came (a check by TCP) */
	__u64 idle_close_ns;	/* longest idle time after which the pod itself closed one */
};
DS_ABI_SIZE(struct ds_traffic, 64);

/*
 * Of a connection older than this only the last part's segments count, as if they had come evenly:
 * how many there are lately is the question. Of one older than the run one segment counts.
 */
#define DS_TRAFFIC_SHARE_MS 300000

/* Classes of loss: indexes of the array of failed reserves. */
enum ds_lost_class {
	DS_LOST_PACKET, DS_LOST_SOCKET, DS_LOST_PROCESS, DS_LOST_LOCATION, DS_LOST_TRAFFIC,
	DS_LOST_MAX
};

#endif
