/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rules. Each row has a name, a test in tests/unit/test_cause.c, and a reason. */
#include "user/core/cause.h"

#include "user/core/core.h"
#include "user/util/timefmt.h"

struct rule {
	const char *name;
	bool (*applies)(const struct ds_case *c);
	enum ds_decision_kind kind;
	int value;		/* enum ds_not_drop or enum ds_cause */
	int confidence;		/* enum ds_confidence, of a drop */
};

static bool has(const struct ds_case *c, uint32_t facts)
{
	return (c->flow->facts & facts) != 0;
}

/* ---- nothing happened, or nothing that concerns us ---- */

static bool nothing_lost(const struct ds_case *c)
{
	const uint32_t loss = DS_FLOW_SYN | DS_FLOW_PAYLOAD | DS_FLOW_NO_REQUEST |
			      DS_FLOW_RST_TO_SYN | DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_ABORTED |
			      DS_FLOW_UNACCEPTED | DS_FLOW_FIN_OUTSTANDING | DS_FLOW_RST_RECEIVED |
			      DS_FLOW_OVERFLOW | DS_FLOW_NETFILTER | DS_FLOW_ICMP | DS_FLOW_DIED |
			      DS_FLOW_LEFT_NODE | DS_FLOW_REUSED;

	return !has(c, loss);
}

/* A SYN was lost, its retransmission was accepted, and nothing else went wrong since. */
static bool delayed(const struct ds_case *c)
{
	return has(c, DS_FLOW_ESTABLISHED) &&
	       !has(c, DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_ABORTED | DS_FLOW_UNACCEPTED |
		    DS_FLOW_FIN_OUTSTANDING | DS_FLOW_RST_RECEIVED | DS_FLOW_PAYLOAD |
		    DS_FLOW_NO_REQUEST | DS_FLOW_RST_TO_SYN);
}

/* Payload of a connection that lives died on the way, and a retransmission of it did not. */
static bool got_through(const struct ds_case *c)
{
	return c->got_through && has(c, DS_FLOW_PAYLOAD) &&
	       !has(c, DS_FLOW_SYN | DS_FLOW_RST_TO_SYN | DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_ABORTED |
		    DS_FLOW_UNACCEPTED | DS_FLOW_FIN_OUTSTANDING | DS_FLOW_RST_RECEIVED |
		    DS_FLOW_RST_LEFT | DS_FLOW_ICMP | DS_FLOW_OVERFLOW | DS_FLOW_LEFT_NODE);
}

static bool inside_pod(const struct ds_case *c)
{
	return c->inside_pod;
}

static bool outbound(const struct ds_case *c)
{
	return !c->inbound;
}

static bool probe(const struct ds_case *c)
{
	return c->peer == DS_PEER_NODE && !c->other_node && !c->counts_as_load_balancer;
}

static bool health_check(const struct ds_case *c)
{
	return c->health_check;
}

/*
 * No request was lost: only FIN, RST, a bare ACK or a TLS close_notify met nobody, or the
 * connection ended with no request outstanding.
 */
static bool closed_idle(const struct ds_case *c)
{
	if (has(c, DS_FLOW_SYN | DS_FLOW_PAYLOAD | DS_FLOW_RST_TO_SYN | DS_FLOW_RST_TO_PAYLOAD |
		DS_FLOW_UNACCEPTED | DS_FLOW_FIN_OUTSTANDING | DS_FLOW_OVERFLOW))
		return false;
	if (has(c, DS_FLOW_GOODBYE))
		return true;
	if (has(c, DS_FLOW_ABORTED | DS_FLOW_RST_RECEIVED))
		return !has(c, DS_FLOW_OUTSTANDING | DS_FLOW_UNREAD);
	return has(c, DS_FLOW_NO_REQUEST);
}

static bool other_peer(const struct ds_case *c)
{
	return !c->counts_as_load_balancer;
}

/*
 * Older than the grace period, and the outstanding exchange too: a WebSocket or a stream that no
 * grace period can outlast. The age of a connection older than the run is not known.
 */
static bool quiet_beyond_grace(const struct ds_case *c)
{
	const struct ds_flow *f = c->flow;

	return has(c, DS_FLOW_ABORTED | DS_FLOW_FIN_OUTSTANDING) && c->going &&
	       c->pod->grace_s > 0 && f->last_payload_ns &&
	       f->closed_ns - f->last_payload_ns > c->pod->grace_s * DS_NS_PER_S;
}

static bool long_lived(const struct ds_case *c)
{
	return quiet_beyond_grace(c) && c->flow->age_ns > c->pod->grace_s * DS_NS_PER_S;
}

/* ---- causes ---- */

/* Meant for the pod that had the address before, taken or refused by the one that has it. */
static bool reached_another(const struct ds_case *c)
{
	return has(c, DS_FLOW_REUSED);
}

static bool overflow(const struct ds_case *c)
{
	return has(c, DS_FLOW_OVERFLOW);
}

static bool rejected(const struct ds_case *c)
{
	return has(c, DS_FLOW_NETFILTER);
}

/* The node itself could not bring it to a pod. */
static bool died_on_node(const struct ds_case *c)
{
	return has(c, DS_FLOW_DIED | DS_FLOW_ICMP | DS_FLOW_LEFT_NODE) &&
	       has(c, DS_FLOW_SYN | DS_FLOW_PAYLOAD);
}

static bool address_released(const struct ds_case *c)
{
	return died_on_node(c) && (c->released || c->going);
}

/* No answer within the window, nothing that says why, and nobody there to answer. */
static bool address_released_silent(const struct ds_case *c)
{
	return has(c, DS_FLOW_SYN | DS_FLOW_PAYLOAD) && c->released &&
	       !has(c, DS_FLOW_ESTABLISHED | DS_FLOW_RST_TO_SYN | DS_FLOW_RST_TO_PAYLOAD);
}

/* A SYN (or a last ACK) found no listener, or the listener closed before accept. */
static bool refused(const struct ds_case *c)
{
	return has(c, DS_FLOW_RST_TO_SYN | DS_FLOW_UNACCEPTED);
}

static bool listener_closed(const struct ds_case *c)
{
	return refused(c) && c->going;
}

static bool not_listening_yet(const struct ds_case *c)
{
	return refused(c) && c->never_listened && c->registered;
}

static bool refused_while_restarting(const struct ds_case *c)
{
	return refused(c) && c->restarting;
}

static bool cut(const struct ds_case *c)
{
	return has(c, DS_FLOW_FIN_OUTSTANDING) ||
	       (has(c, DS_FLOW_ABORTED) && has(c, DS_FLOW_OUTSTANDING | DS_FLOW_UNREAD));
}

static bool cut_while_restarting(const struct ds_case *c)
{
	return cut(c) && !c->going && c->restarting;
}

/* The connection ended with its container: no keep-alive timeout is to blame. */
static bool late_while_restarting(const struct ds_case *c)
{
	return has(c, DS_FLOW_RST_TO_PAYLOAD) && !c->going && c->restarting;
}

/* A reset leaves no doubt: unread data, or linger 0 with a request outstanding. */
static bool aborted_by_reset(const struct ds_case *c)
{
	return cut(c) && has(c, DS_FLOW_ABORTED);
}

/* A FIN says less: payload came later than the last payload went (DESIGN: probable). */
static bool aborted_by_fin(const struct ds_case *c)
{
	return cut(c);
}

static bool late_request(const struct ds_case *c)
{
	return has(c, DS_FLOW_RST_TO_PAYLOAD) && c->closed_while_going;
}

static bool keepalive_race(const struct ds_case *c)
{
	return has(c, DS_FLOW_RST_TO_PAYLOAD);
}

static bool closed_by_load_balancer(const struct ds_case *c)
{
	return has(c, DS_FLOW_RST_RECEIVED) && c->peer == DS_PEER_LOAD_BALANCER && c->delay_elapsed;
}

static bool closed_by_peer(const struct ds_case *c)
{
	return has(c, DS_FLOW_RST_RECEIVED);
}

static bool anything(const struct ds_case *c)
{
	(void)c;
	return true;
}

#define APART(name, fn, value) { name, fn, DS_DECISION_NOT_DROP, DS_NOT_DROP_##value, 0 }
#define DROP(name, fn, value, confidence) \
	{ name, fn, DS_DECISION_DROP, DS_CAUSE_##value, DS_CONFIDENCE_##confidence }

static const struct rule rules[] = {
	{ "nothing lost", nothing_lost, DS_DECISION_NOTHING, 0, 0 },
	APART("between the pod's own addresses", inside_pod, INSIDE_POD),
	APART("the pod is the client", outbound, OUTBOUND),
	APART("kubelet probe", probe, PROBE),
	APART("health check", health_check, HEALTH_CHECK),
	DROP("reached another pod", reached_another, ADDRESS_REUSED, HIGH),
	APART("no request outstanding", closed_idle, CLOSED_IDLE),
	APART("not the load balancer's", other_peer, OTHER_PEER),
	APART("accepted later", delayed, DELAYED),
	APART("got through later", got_through, DELAYED),
	DROP("accept queue full", overflow, BACKLOG_OVERFLOW, HIGH),
	DROP("netfilter", rejected, REJECTED, HIGH),
	DROP("died on the node", address_released, ADDRESS_RELEASED, HIGH),
	APART("outlives every grace period", long_lived, LONG_LIVED),
	DROP("refused, terminating", listener_closed, LISTENER_CLOSED, HIGH),
	DROP("refused, container restarting", refused_while_restarting, CONTAINER_RESTARTED, HIGH),
	DROP("refused, not listening yet", not_listening_yet, NOT_LISTENING_YET, HIGH),
	DROP("cut, container restarting", cut_while_restarting, CONTAINER_RESTARTED, HIGH),
	DROP("aborted by reset", aborted_by_reset, ABORTED_IN_FLIGHT, HIGH),
	DROP("aborted by FIN", aborted_by_fin, ABORTED_IN_FLIGHT, MEDIUM),
	DROP("payload after our close, restarting", late_while_restarting, CONTAINER_RESTARTED,
	     MEDIUM),
	DROP("payload after our close, terminating", late_request, LATE_REQUEST, HIGH),
	DROP("payload after our close", keepalive_race, KEEPALIVE_RACE, HIGH),
	DROP("reset by the load balancer", closed_by_load_balancer, CLOSED_BY_LOAD_BALANCER, HIGH),
	DROP("reset by the peer", closed_by_peer, CLOSED_BY_PEER, HIGH),
	DROP("no answer at a released address", address_released_silent, ADDRESS_RELEASED, MEDIUM),
	DROP("unknown", anything, UNKNOWN, LOW),
};

/* ---- the prediction ---- */

static int symptom_of(const struct ds_case *c, int cause, int outcome)
{
	bool alb = c->lb_type != DS_LB_TYPE_NETWORK;

	switch (cause) {
	case DS_CAUSE_LISTENER_CLOSED:
	case DS_CAUSE_NOT_LISTENING_YET:
	case DS_CAUSE_CONTAINER_RESTARTED:
		return alb ? DS_SYMPTOM_ALB_502 : DS_SYMPTOM_NLB_REFUSED;
	case DS_CAUSE_ADDRESS_RELEASED:
		if (!alb)
			return DS_SYMPTOM_TIMEOUT;
		/*
		 * RFC 4861 and IPv4 ARP give up after three probes; AWS documents 502 for IPv4. On
		 * an established connection that is a soft error, and it is sent again until the
		 * balancer's own timeout.
		 */
		return has(c, DS_FLOW_SYN) && outcome == DS_OUTCOME_NEIGH_FAILED &&
				       ds_addr_is_v4(&c->flow->key.pod) ?
		       DS_SYMPTOM_ALB_502_AFTER_3S : DS_SYMPTOM_ALB_504;
	case DS_CAUSE_ADDRESS_REUSED:
		if (!has(c, DS_FLOW_RST_TO_SYN))
			return DS_SYMPTOM_WRONG_ANSWER;
		return alb ? DS_SYMPTOM_ALB_502 : DS_SYMPTOM_NLB_REFUSED;
	case DS_CAUSE_ABORTED_IN_FLIGHT:
	case DS_CAUSE_LATE_REQUEST:
	case DS_CAUSE_KEEPALIVE_RACE:
	case DS_CAUSE_CLOSED_BY_LOAD_BALANCER:
		return alb ? DS_SYMPTOM_ALB_502 : DS_SYMPTOM_RESET;
	case DS_CAUSE_BACKLOG_OVERFLOW:
		return DS_SYMPTOM_TIMEOUT;
	case DS_CAUSE_REJECTED:
		return has(c, DS_FLOW_RST_LEFT | DS_FLOW_ICMP) ? DS_SYMPTOM_RESET :
								 DS_SYMPTOM_TIMEOUT;
	default:
		return -1;
	}
}

static int outcome_of(const struct ds_case *c)
{
	if (c->flow->outcome >= 0)
		return c->flow->outcome;
	if (has(c, DS_FLOW_LEFT_NODE))
		return DS_OUTCOME_FORWARDED_OUT;
	return has(c, DS_FLOW_ICMP) ? DS_OUTCOME_ICMP_UNREACHABLE : DS_OUTCOME_SILENT;
}

/* No payload was seen of it: where checks share the port it may have been one of them. */
static bool looks_like_check(const struct ds_case *c)
{
	return c->may_be_check &&
	       !has(c, DS_FLOW_PAYLOAD | DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_OUTSTANDING |
			       DS_FLOW_UNREAD | DS_FLOW_FIN_OUTSTANDING);
}

struct ds_decision ds_cause_decide(const struct ds_case *c)
{
	const struct rule *r = rules;
	struct ds_decision d = { .outcome = -1, .symptom = -1 };

	while (!r->applies(c))
		r++;		/* the last row always applies */
	d.kind = r->kind;
	d.rule = r->name;
	if (r->kind == DS_DECISION_NOT_DROP)
		d.not_drop = r->value;
	if (r->kind != DS_DECISION_DROP)
		return d;
	d.cause = r->value;
	d.confidence = r->confidence;
	if (d.cause == DS_CAUSE_ADDRESS_RELEASED)
		d.outcome = outcome_of(c);
	d.symptom = symptom_of(c, d.cause, d.outcome);
	/* Where nobody said who the load balancer is, any peer stands in for it. */
	if (!c->load_balancer_known || c->final || looks_like_check(c) || c->may_be_probe ||
	    (d.cause == DS_CAUSE_CONTAINER_RESTARTED && c->unclear) ||
	    (quiet_beyond_grace(c) && c->flow->age_ns < 0))
		d.confidence = DS_CONFIDENCE_LOW;
	/* For whom a node forwards is hidden behind its address: most of it is the balancer's. */
	else if (c->forwarded && d.confidence == DS_CONFIDENCE_HIGH)
		d.confidence = DS_CONFIDENCE_MEDIUM;
	return d;
}

bool ds_cause_is_rollout(int cause)
{
	return cause == DS_CAUSE_LISTENER_CLOSED || cause == DS_CAUSE_ADDRESS_RELEASED ||
	       cause == DS_CAUSE_ADDRESS_REUSED || cause == DS_CAUSE_ABORTED_IN_FLIGHT ||
	       cause == DS_CAUSE_LATE_REQUEST || cause == DS_CAUSE_CLOSED_BY_LOAD_BALANCER;
}
