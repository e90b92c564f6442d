/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a kernel event to facts about a flow. Pure; one row of facts/kernel.md section 3 is one
 * branch here.
 */
#ifndef DS_CORE_EVIDENCE_H
#define DS_CORE_EVIDENCE_H

#include "user/core/core.h"
#include "user/core/flow.h"

enum ds_packet_kind {
	DS_PACKET_NONE,		/* the event is about a socket, not a packet */
	DS_PACKET_SYN,
	DS_PACKET_SYN_ACK,
	DS_PACKET_PAYLOAD,
	DS_PACKET_ACK,		/* no payload: also the last one of a handshake */
	DS_PACKET_NO_REQUEST,	/* FIN, a TLS alert, a keep-alive probe with its one byte */
	DS_PACKET_RST,
};

enum ds_packet_kind ds_evidence_packet_kind(const struct ds_event *ev);

/* The event's source is the pod's end (else its destination is). */
bool ds_evidence_source_is_pod(const struct ds_event *ev);

/* The last that the peer sent on the connection that closes was a TLS close_notify. */
bool ds_evidence_is_goodbye(const struct ds_event *ev);

/*
 * Where the packet of a kernel event began, as far as it tells. from_own_node: its source is an
 * address of this node; then the hops that are left say whether it was forwarded.
 */
enum ds_flow_origin ds_evidence_origin(const struct ds_event *ev, bool from_own_node);

/* What a packet event is counted as where it is of no pod. */
enum ds_unattributed ds_evidence_unattributed(const struct ds_event *ev);

/* Facts (enum ds_flow_fact) that the packet event proves, 0 = none; *ret_outcome -1 = none. */
uint32_t ds_evidence_facts(const struct ds_event *ev, enum ds_packet_kind kind, int *ret_outcome);

/*
 * When a packet that was not seen before came to the node, at the latest, and by how much earlier
 * it may have been: one that waits for its neighbour dies seconds later. outcome: enum ds_outcome.
 */
int64_t ds_evidence_came_ns(const struct ds_event *ev, int outcome, int64_t *ret_earlier_ns);

#endif
