/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows: the evidence about one inbound connection, collected until its window closes
 * (DESIGN section 3). A flow is one generation of a 4-tuple with one owner. Pure.
 */
#ifndef DS_CORE_FLOW_H
#define DS_CORE_FLOW_H

#include "user/core/pod.h"

/* What was seen of a flow. */
enum ds_flow_fact {
	DS_FLOW_SYN = 1 << 0,		/* a SYN that nobody accepted yet */
	DS_FLOW_PAYLOAD = 1 << 1,	/* payload that met nobody */
	DS_FLOW_NO_REQUEST = 1 << 2,	/* FIN, RST, bare ACK or close_notify met nobody */
	DS_FLOW_RST_TO_SYN = 1 << 3,	/* we answered a SYN, or a handshake's last ACK, with RST */
	DS_FLOW_RST_TO_PAYLOAD = 1 << 4,
	DS_FLOW_ABORTED = 1 << 5,	/* our RST without a packet: unread data, linger 0 */
	DS_FLOW_UNACCEPTED = 1 << 6,	/* the listener closed before a process accepted it */
	DS_FLOW_FIN_OUTSTANDING = 1 << 7, /* our FIN while a request was outstanding */
	DS_FLOW_RST_RECEIVED = 1 << 8,
	DS_FLOW_OUTSTANDING = 1 << 9,	/* a request was outstanding when it left ESTABLISHED */
	DS_FLOW_ESTABLISHED = 1 << 10,
	DS_FLOW_CLOSED = 1 << 11,	/* it left ESTABLISHED */
	DS_FLOW_OVERFLOW = 1 << 12,	/* the accept queue was full */
	DS_FLOW_NETFILTER = 1 << 13,	/* a netfilter rule took it */
	DS_FLOW_ICMP = 1 << 14,		/* we sent ICMP unreachable */
	DS_FLOW_DIED = 1 << 15,		/* a packet of it died in the routing namespace */
	DS_FLOW_LEFT_NODE = 1 << 16,	/* it came by an uplink and left by one */
	DS_FLOW_RST_LEFT = 1 << 17,	/* the tap saw a RST leave for the peer */
	DS_FLOW_UNREAD = 1 << 18,	/* the abort was a close with unread data */
	DS_FLOW_GOODBYE = 1 << 20,	/* the last that came was a TLS close_notify */
	DS_FLOW_REUSED = 1 << 19,	/* the pod that has the address by now took or refused it */
};

/* Where its packets began. A node's own address can stand for either. */
enum ds_flow_origin {
	DS_FLOW_ORIGIN_UNKNOWN,
	DS_FLOW_ORIGIN_OUTSIDE,	/* came to the node by an uplink */
	DS_FLOW_ORIGIN_INSIDE,	/* made on the node, or by one of its pods */
};

enum ds_flow_window { DS_FLOW_WINDOW_NONE, DS_FLOW_WINDOW_ANSWERED, DS_FLOW_WINDOW_NEWS,
	DS_FLOW_WINDOW_SILENT, DS_FLOW_WINDOW_MAX };

struct ds_flow_key {
	struct ds_addr pod, peer;
	uint16_t pod_port, peer_port;
};

struct ds_flow {
	struct ds_flow *prev, *next;	/* by last activity, quietest first */
	struct ds_flow *window_prev, *window_next;	/* with the same window, or none */
	struct ds_flow_key key;
	struct ds_pod *pod;		/* borrowed of the ledger */
	uint32_t facts;			/* enum ds_flow_fact */
	uint32_t hooks;			/* 1 << enum ds_hook */
	int64_t packets;		/* that were evidence */
	int64_t syns;			/* of them */
	int64_t last_ns;		/* last activity */
	int64_t lost_ns;		/* first evidence of loss, 0 = none */
	int64_t died_ns;		/* last packet of it that died on the node, 0 = none */
	int64_t inside_ns;		/* latest packet of it in a pod's namespace, 0 = none */
	int64_t began_ns;		/* its first SYN, 0 = not seen */
	int64_t began_error_ns;		/* it may have been later by up to this */
	int64_t closed_ns;		/* it left ESTABLISHED */
	int64_t last_payload_ns;	/* before that */
	int64_t age_ns;			/* at that moment, -1 = older than the run */
	int attribution;		/* enum ds_attribution */
	int origin;			/* enum ds_flow_origin */
	int outcome;			/* enum ds_outcome, -1 = none */
	bool balanced;			/* the load balancer's: the verdict waits for its window */
	bool came_in;			/* seen to be inbound: its SYN, or a process accepted it */
	bool held;			/* whether it counts as an arrival is not known yet */
	bool has_isn, has_seq, has_before;
	bool delayed;			/* counted: one of its SYNs died, another was accepted */
	bool elsewhere;			/* its latest event is of the pod that has it by now */
	uint32_t isn;			/* initial sequence number: the generation */
	uint32_t isn_before;		/* of the one before, valid where has_before */
	uint32_t seq_end;		/* beyond the highest payload seen */
	enum ds_flow_window window;
	int64_t window_ends_ns;
	bool decided;			/* its line is written, or it was counted apart */
};

struct ds_flows;

int ds_flows_new(struct ds_flows **ret_flows, size_t max);
void ds_flows_free(struct ds_flows **flows);

struct ds_flow *ds_flows_find(struct ds_flows *f, const struct ds_flow_key *key);

/*
 * The flow of that key, made when new; it becomes the most recent one. Above the bound the one
 * goes that has been without an open window and quiet for longest (counted). NULL without memory,
 * or when every flow has an open window.
 */
struct ds_flow *ds_flows_get(struct ds_flows *f, const struct ds_flow_key *key, int64_t now_ns);
void ds_flows_remove(struct ds_flows *f, struct ds_flow *flow);

/* Opens a window, or replaces an open one by a shorter one. */
void ds_flows_open_window(struct ds_flows *f, struct ds_flow *flow, enum ds_flow_window window,
			  int64_t ends_ns);
/* Whether it is the load balancer's: known with its first packets, its window may be open. */
void ds_flows_set_balanced(struct ds_flow *flow, bool balanced);
void ds_flows_close_window(struct ds_flows *f, struct ds_flow *flow);

/* The next flow whose window ends at or before now (its window still open), or NULL. */
struct ds_flow *ds_flows_due(const struct ds_flows *f, int64_t now_ns);

/* Quietest first; NULL at the end. */
struct ds_flow *ds_flows_first(const struct ds_flows *f);

int64_t ds_flows_evictions(const struct ds_flows *f);

#endif
