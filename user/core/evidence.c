/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a kernel event to facts about a flow: which end is the pod, which pod that is, and what the
 * event says about the connection. Decides nothing. Pure.
 */
#include "user/core/evidence.h"

#include <string.h>

#include "user/util/timefmt.h"

/* Record header 5, alert 2, and: inner type 1 and tag 16; or nonce 8 and tag 16; or tag 16. */
#define TLS13_ALERT 24
#define TLS12_GCM_ALERT 31
#define TLS12_CHACHA_ALERT 23
#define TLS_HANDSHAKE_MIN 160	/* the shortest ClientHello with what a client finishes with */

/* Three probes of a second each (mcast_solicit, retrans_time_ms), rounded up to jiffies. */
#define NEIGH_GIVES_UP_NS (3100 * DS_NS_PER_MS)

static bool has_flag(const struct ds_event *ev, const char *flag)
{
	const char *p = ds_event_has(ev, DS_KEY_TCP_FLAGS) ? strstr(ev->tcp_flags, flag) : NULL;

	return p && (p == ev->tcp_flags || p[-1] == '|') && (!p[3] || p[3] == '|');
}

static bool is_reason(const struct ds_event *ev, const char *const *names)
{
	if (!ds_event_has(ev, DS_KEY_DROP_REASON))
		return false;
	for (; *names; names++)
		if (!strcmp(ev->drop_reason, *names))
			return true;
	return false;
}

static bool is_location(const struct ds_event *ev, const char *const *names)
{
	if (!ds_event_has(ev, DS_KEY_LOCATION))
		return false;
	for (; *names; names++)
		if (!strcmp(ev->location, *names))
			return true;
	return false;
}

/*
 * A TLS alert asks for nothing: a record of content type 21, or, from TLS 1.3 on, one that says 23
 * (RFC 8446, 5.2) and is too short for anything else: header 5, alert 2, inner type 1, tag 16.
 */
static bool is_tls_alert(int64_t first_byte, int64_t payload)
{
	return (first_byte == 0x15 && payload <= 64) || (first_byte == 0x17 && payload <= 24);
}

bool ds_evidence_is_goodbye(const struct ds_event *ev)
{
	int64_t last = ds_event_has(ev, DS_KEY_LAST_SEGMENT) ? ev->last_segment_bytes : 0;
	int64_t unread = ds_event_has(ev, DS_KEY_UNREAD_BYTES) ? ev->unread_bytes : 0;
	int64_t received = ds_event_has(ev, DS_KEY_RECEIVED_BYTES) ? ev->received_bytes : 0;

	/*
	 * The bytes themselves are gone, their number is left. A close_notify has one of three
	 * lengths (RFC 8446, RFC 5288, RFC 7905), it comes alone, and a handshake came before it.
	 */
	return (last == TLS13_ALERT || last == TLS12_GCM_ALERT || last == TLS12_CHACHA_ALERT) &&
	       (unread == 0 || unread == last) && received - last >= TLS_HANDSHAKE_MIN &&
	       !(ds_event_has(ev, DS_KEY_UNSENT_BYTES) && ev->unsent_bytes);
}

enum ds_packet_kind ds_evidence_packet_kind(const struct ds_event *ev)
{
	int64_t payload = ds_event_has(ev, DS_KEY_TCP_PAYLOAD) ? ev->tcp_payload_bytes : 0;

	if (!ds_event_has(ev, DS_KEY_TCP_FLAGS))
		return DS_PACKET_NONE;
	if (has_flag(ev, "RST"))
		return DS_PACKET_RST;
	if (has_flag(ev, "SYN"))
		return has_flag(ev, "ACK") ? DS_PACKET_SYN_ACK : DS_PACKET_SYN;
	if (payload > 0 && ds_event_has(ev, DS_KEY_TCP_FIRST_BYTE) &&
	    is_tls_alert(ev->tcp_first_byte, payload))
		return DS_PACKET_NO_REQUEST;
	if (payload > 1)
		return DS_PACKET_PAYLOAD;
	/* A keep-alive probe may carry one byte that was sent before (RFC 9293, 3.8.4). */
	if (payload == 1)
		return DS_PACKET_NO_REQUEST;
	return has_flag(ev, "FIN") ? DS_PACKET_NO_REQUEST : DS_PACKET_ACK;
}

bool ds_evidence_source_is_pod(const struct ds_event *ev)
{
	switch (ev->hook) {
	case DS_HOOK_SEND_RESET:
	case DS_HOOK_V4_SEND_RESET:
	case DS_HOOK_V6_SEND_RESET:
		return !ds_event_has(ev, DS_KEY_TCP_FLAGS);	/* an abort: there was no packet */
	case DS_HOOK_RECEIVE_RESET:
		return true;
	default:
		return false;
	}
}

/*
 * Several kinds of route end in one function, with one reason: the error of the packet's own route
 * tells which it was. Linux's numbers (asm-generic/errno.h): a recording is read on any machine.
 */
static int outcome_of_route(const struct ds_event *ev, int otherwise)
{
	switch (ds_event_has(ev, DS_KEY_ROUTE_ERROR) ? ev->route_error : 0) {
	case 101:	/* ENETUNREACH */
		return DS_OUTCOME_NO_ROUTE;
	case 113:	/* EHOSTUNREACH: an unreachable route */
	case 13:	/* EACCES: a prohibiting one */
		return DS_OUTCOME_ICMP_UNREACHABLE;
	case 22:	/* EINVAL */
		return DS_OUTCOME_BLACKHOLE;
	default:
		return otherwise;
	}
}

enum ds_unattributed ds_evidence_unattributed(const struct ds_event *ev)
{
	enum ds_packet_kind kind = ds_evidence_packet_kind(ev);

	switch (ev->hook) {
	case DS_HOOK_SEND_RESET:
	case DS_HOOK_V4_SEND_RESET:
	case DS_HOOK_V6_SEND_RESET:
	case DS_HOOK_RECEIVE_RESET:
		return DS_UNATTRIBUTED_RESET;
	default:
		return kind == DS_PACKET_RST ? DS_UNATTRIBUTED_RESET :
		       kind == DS_PACKET_SYN ? DS_UNATTRIBUTED_SYN : DS_UNATTRIBUTED_OTHER;
	}
}

/* What became of a packet that died in the routing namespace; -1: that is no death of ours. */
static int outcome_of_drop(const struct ds_event *ev)
{
	static const char *const neigh[] = { "NEIGH_FAILED", "NEIGH_CREATEFAIL", "NEIGH_QUEUEFULL",
					     "NEIGH_DEAD", "NEIGH_HH_FILLFAIL", NULL };
	static const char *const no_route[] = { "IP_INNOROUTES", "IP_OUTNOROUTES", "IP_INADDRERRORS",
						NULL };
	static const char *const rp_filter[] = { "IP_RPFILTER", NULL };
	static const char *const cni[] = { "TC_INGRESS", "TC_EGRESS", "XDP", NULL };
	/* QUEUE_PURGE: of any queue. Those of sockets are no record (bpf/drops.bpf.c). */
	static const char *const unspecified[] = { "NOT_SPECIFIED", "QUEUE_PURGE", NULL };
	/* Names as facts/kernel.md section 3 measured them on 5.10 to 7.2. */
	static const char *const at_neigh[] = { "neigh_invalidate", "neigh_timer_handler",
						"neigh_flush_dev", "neigh_destroy", NULL };
	static const char *const at_xdp[] = { "do_xdp_generic", "netif_receive_generic_xdp", NULL };
	static const char *const at_route[] = { "ip_error", "dst_discard", "dst_discard_out", NULL };
	static const char *const at_route6[] = { "ip6_pkt_drop", "ip6_pkt_discard", NULL };

	if (is_reason(ev, neigh))
		return DS_OUTCOME_NEIGH_FAILED;
	if (is_reason(ev, no_route))
		return outcome_of_route(ev, DS_OUTCOME_NO_ROUTE);
	if (is_reason(ev, rp_filter))
		return DS_OUTCOME_RP_FILTER;
	if (is_reason(ev, cni))
		return DS_OUTCOME_DROPPED_BY_CNI;
	if (ds_event_has(ev, DS_KEY_DROP_REASON) && !is_reason(ev, unspecified))
		return -1;
	if (is_location(ev, at_neigh))
		return DS_OUTCOME_NEIGH_FAILED;
	/* Only a failed redirect has the reason XDP: a drop is without one (6.18). */
	if (is_location(ev, at_xdp))
		return DS_OUTCOME_DROPPED_BY_CNI;
	if (is_location(ev, at_route))	/* an ICMP besides makes it icmp_unreachable */
		return outcome_of_route(ev, DS_OUTCOME_BLACKHOLE);
	return is_location(ev, at_route6) ? outcome_of_route(ev, DS_OUTCOME_NO_ROUTE) : -1;
}

static uint32_t facts_of_drop(const struct ds_event *ev, int *ret_outcome)
{
	static const char *const netfilter[] = { "NETFILTER_DROP", NULL };
	static const char *const overflow[] = { "TCP_LISTEN_OVERFLOW", NULL };
	static const char *const no_socket[] = { "NO_SOCKET", NULL };
	static const char *const cookie[] = { "cookie_v4_check", "cookie_v6_check", NULL };
	int outcome;

	if (is_reason(ev, netfilter))
		return DS_FLOW_NETFILTER;
	if (is_reason(ev, overflow) || (is_reason(ev, no_socket) && is_location(ev, cookie)))
		return DS_FLOW_OVERFLOW;
	outcome = outcome_of_drop(ev);
	/* In a pod's namespace only these die for a reason that is not told better elsewhere. */
	if (outcome < 0 || ev->scope != DS_SCOPE_ROUTING)
		return 0;
	*ret_outcome = outcome;
	return DS_FLOW_DIED;
}

static uint32_t facts_of_reset(const struct ds_event *ev, enum ds_packet_kind kind)
{
	const char *reason = ds_event_has(ev, DS_KEY_RESET_REASON) ? ev->reset_reason : "";

	if (kind == DS_PACKET_NONE) {
		if (ds_event_has(ev, DS_KEY_SOCKET_UNACCEPTED) && ev->socket_unaccepted)
			return DS_FLOW_UNACCEPTED;
		return DS_FLOW_ABORTED | (strcmp(reason, "TCP_ABORT_ON_CLOSE") == 0 ? DS_FLOW_UNREAD : 0u);
	}
	if (!strcmp(reason, "INVALID_SYN"))	/* tcp_abort_on_overflow */
		return DS_FLOW_OVERFLOW | DS_FLOW_RST_TO_SYN;
	switch (kind) {
	case DS_PACKET_SYN:
		return DS_FLOW_RST_TO_SYN;
	case DS_PACKET_PAYLOAD:
		return DS_FLOW_RST_TO_PAYLOAD;
	default:
		return DS_FLOW_NO_REQUEST;
	}
}

/* How it came in: a released address may live on another node, and local clients may use it. */
static bool came_by_pod_or_node(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_IFACE_IN_KIND) && ev->iface_in_kind != DS_IFACE_UPLINK;
}

static uint32_t facts_of_leaving(const struct ds_event *ev, enum ds_packet_kind kind, uint32_t lost)
{
	if (ev->scope != DS_SCOPE_ROUTING || !ds_event_has(ev, DS_KEY_IFACE_KIND) ||
	    came_by_pod_or_node(ev))
		return 0;
	if (ev->iface_kind == DS_IFACE_UPLINK)
		return DS_FLOW_LEFT_NODE | lost;
	/* A SYN for a node port: only here, on its way to the pod, it has the pod's address. */
	return kind == DS_PACKET_SYN && ds_event_has(ev, DS_KEY_IFACE_IN_KIND) ? lost : 0;
}

/* A packet that nobody has forwarded still has the number of hops that some system begins with. */
static bool is_first_hop(int64_t hop_limit)
{
	return hop_limit == 64 || hop_limit == 255 || hop_limit == 128 || hop_limit == 32;
}

enum ds_flow_origin ds_evidence_origin(const struct ds_event *ev, bool from_own_node)
{
	if (ds_event_has(ev, DS_KEY_IFACE_IN_KIND))
		return came_by_pod_or_node(ev) ? DS_FLOW_ORIGIN_INSIDE : DS_FLOW_ORIGIN_OUTSIDE;
	if (ev->hook == DS_HOOK_TAP_RX && ev->scope == DS_SCOPE_ROUTING &&
	    ds_event_has(ev, DS_KEY_IFACE_KIND)) {
		if (ev->iface_kind == DS_IFACE_UPLINK)
			return DS_FLOW_ORIGIN_OUTSIDE;
		return DS_FLOW_ORIGIN_INSIDE;
	}
	if (from_own_node && ds_event_has(ev, DS_KEY_HOP_LIMIT))
		return is_first_hop(ev->hop_limit) ? DS_FLOW_ORIGIN_INSIDE : DS_FLOW_ORIGIN_OUTSIDE;
	return DS_FLOW_ORIGIN_UNKNOWN;
}

int64_t ds_evidence_came_ns(const struct ds_event *ev, int outcome, int64_t *ret_earlier_ns)
{
	*ret_earlier_ns = 0;
	if (ds_event_has(ev, DS_KEY_CAME_AT) && ev->came_at <= ev->time_ns)
		return ev->came_at;
	/* The ICMP that answers the death, host unreachable, is sent just before it. */
	if ((ev->hook == DS_HOOK_KFREE_SKB && outcome == DS_OUTCOME_NEIGH_FAILED) ||
	    ev->hook == DS_HOOK_ICMP_SEND)
		*ret_earlier_ns = NEIGH_GIVES_UP_NS;
	return ev->time_ns;
}

uint32_t ds_evidence_facts(const struct ds_event *ev, enum ds_packet_kind kind, int *ret_outcome)
{
	uint32_t lost = kind == DS_PACKET_SYN ? DS_FLOW_SYN :
			kind == DS_PACKET_PAYLOAD ? DS_FLOW_PAYLOAD : DS_FLOW_NO_REQUEST;
	uint32_t facts;

	*ret_outcome = -1;
	switch (ev->hook) {
	case DS_HOOK_SEND_RESET:
	case DS_HOOK_V4_SEND_RESET:
	case DS_HOOK_V6_SEND_RESET:
		return facts_of_reset(ev, kind);
	case DS_HOOK_RECEIVE_RESET:
		return DS_FLOW_RST_RECEIVED;
	case DS_HOOK_KFREE_SKB:
		facts = facts_of_drop(ev, ret_outcome);
		/* A full queue takes the handshake's last ACK, also one that brings payload. */
		return facts & DS_FLOW_OVERFLOW ? facts | DS_FLOW_SYN : facts ? facts | lost : 0;
	case DS_HOOK_ICMP_SEND:
		return DS_FLOW_ICMP | lost;
	case DS_HOOK_TAP_TX:
		return facts_of_leaving(ev, kind, lost);
	case DS_HOOK_TAP_RX:
		if (ev->scope ==
		    DS_SCOPE_POD) /* only a SYN that met a full listener is told there */
			return ds_event_has(ev, DS_KEY_SOCKET_PRESENT) && ev->socket_present ?
				       DS_FLOW_OVERFLOW | DS_FLOW_SYN : 0;
		return lost;
	default:
		return 0;
	}
}
