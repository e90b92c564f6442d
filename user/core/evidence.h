/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a kernel event to facts about a flow. Pure; one row of facts/kernel.md section 3 is one
 * branch here.
 */
#ifndef DS_CORE_EVIDENCE_H
#define DS_CORE_EVIDENCE_H

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

/* Facts (enum ds_flow_fact) that the packet event proves, 0 = none; *ret_outcome -1 = none. */
uint32_t ds_evidence_facts(const struct ds_event *ev, enum ds_packet_kind kind, int *ret_outcome);

#endif
