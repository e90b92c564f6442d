/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Correlate: kernel events join flows, a flow's window closes, its evidence becomes a drop or is
 * counted apart. All evidence of one connection is one line (DESIGN section 3). Pure.
 */
#include <string.h>

#include "user/core/arrival.h"
#include "user/core/balance.h"
#include "user/core/cause.h"
#include "user/core/drop.h"
#include "user/core/evidence.h"
#include "user/core/state.h"

/* Facts after which the answer is known: 200 ms more, then the line is written. */
#define ANSWERED \
	(DS_FLOW_RST_TO_SYN | DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_ABORTED | DS_FLOW_UNACCEPTED | \
	 DS_FLOW_FIN_OUTSTANDING | DS_FLOW_RST_RECEIVED | DS_FLOW_ICMP | DS_FLOW_RST_LEFT | \
	 DS_FLOW_REUSED)

/* What can happen to a connection before it is accepted; anything else is an earlier one's. */
#define BEFORE_ACCEPT \
	((uint32_t)(DS_FLOW_SYN | DS_FLOW_NO_REQUEST | DS_FLOW_OVERFLOW | DS_FLOW_NETFILTER | \
		    DS_FLOW_ICMP | DS_FLOW_DIED | DS_FLOW_LEFT_NODE | DS_FLOW_RST_LEFT))

static bool in_our_namespace(const struct ds_event *ev, const struct ds_pod *pod)
{
	char uid[DS_POD_UID_LEN + 1];

	if (!ds_event_has(ev, DS_KEY_SCOPE))
		return true;
	switch (ev->scope) {
	case DS_SCOPE_ROUTING:
		return true;
	case DS_SCOPE_POD:
		return !ds_event_has(ev, DS_KEY_NETNS) || !pod->netns || ev->netns == pod->netns;
	default:
		/* Not placed yet: only what names this pod counts. */
		if (ds_event_has(ev, DS_KEY_CGROUP_PATH) && ds_cgroup_pod_uid(ev->cgroup_path, uid))
			return !strcmp(uid, pod->uid);
		return ds_event_has(ev, DS_KEY_NETNS) && pod->netns && ev->netns == pod->netns;
	}
}

/*
 * What came into a pod's namespace after the address was given away came to the next pod. The
 * namespace does not tell: its number is given out again as soon as the address.
 */
static bool came_to_the_next(const struct ds_event *ev, bool source_is_pod,
			     const struct ds_pod *pod)
{
	bool came_in = !source_is_pod || (ds_event_has(ev, DS_KEY_SOCKET_CHANGE) &&
					  ev->socket_change == DS_SOCKET_CHANGE_ACCEPTED);

	return came_in && pod->given_ns && ev->time_ns >= pod->given_ns &&
	       ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_POD;
}

/*
 * The pod of an address at that moment. In a pod's own namespace an earlier holder may still
 * answer after the address was given away: its namespace tells.
 */
static struct ds_pod *find_pod(const struct ds_core *core, const struct ds_event *ev,
			       const struct ds_flow_key *key, bool source_is_pod,
			       int *ret_attribution)
{
	enum ds_holding holding;
	struct ds_pod *pod = ds_ledger_lookup(core->ledger, &key->pod, ev->time_ns, &holding);

	if (holding == DS_HOLDING_NONE)
		return ds_host_pod(core, ev, &key->pod, key->pod_port, ret_attribution);

	*ret_attribution = holding == DS_HOLDING_RELEASED ? DS_ATTRIBUTION_RELEASED_ADDRESS :
							    DS_ATTRIBUTION_ADDRESS;
	while (pod && (!in_our_namespace(ev, pod) || came_to_the_next(ev, source_is_pod, pod))) {
		pod = ds_ledger_previous(core->ledger, &key->pod, pod);
		*ret_attribution = DS_ATTRIBUTION_NETNS;
	}
	if (pod && !pod->netns && ds_event_has(ev, DS_KEY_NETNS) &&
	    ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_POD &&
	    holding == DS_HOLDING_HELD)
		pod->netns = ev->netns;
	return pod;
}

/*
 * A rule inside the pod may redirect the balancer's connections to a sidecar proxy: the sockets
 * there know the proxy's port only. What was seen on the way in tells the port that was meant;
 * else the balancer can have meant only the pod's one target, where the port is not declared.
 */
static void undo_redirect(const struct ds_core *core, const struct ds_pod *pod,
			  struct ds_flow_key *key)
{
	const struct ds_target *first = ds_targets_of(core->targets, &key->pod);
	struct ds_flow_key meant = *key;
	bool single = true;

	if (!first || pod->host_network ||
	    ds_targets_find(core->targets, &key->pod, key->pod_port) ||
	    ds_pod_declares_port(pod, key->pod_port) || !ds_pod_listener_of(pod, key->pod_port))
		return;
	for (const struct ds_target *t = first; t; t = t->same_address) {
		if (t->health_check_port == key->pod_port)
			return;
		meant.pod_port = t->port;
		if (ds_flows_find(core->flows, &meant)) {
			*key = meant;
			return;
		}
		single = single && t->port == first->port;
	}
	if (single && first->port && ds_peers_is_load_balancer(&core->peers, &key->peer))
		key->pod_port = first->port;
}

/*
 * The pod that the load balancer means where another has its address by now: its target there was
 * registered while the earlier pod had it, and not again since. NULL: the pod that has it. That one
 * is NULL where nobody has told of it yet: a pod's namespace that is not the earlier pod's.
 */
static struct ds_pod *meant_before(const struct ds_core *core, const struct ds_event *ev,
				   const struct ds_flow_key *key, const struct ds_pod *pod)
{
	const struct ds_target *target = ds_targets_find(core->targets, &key->pod, key->pod_port);
	enum ds_holding holding;
	struct ds_pod *before;

	if (!target || !ds_peers_is_load_balancer(&core->peers, &key->peer))
		return NULL;
	if (!pod) {
		before = ds_ledger_lookup(core->ledger, &key->pod, ev->time_ns, &holding);
		return holding == DS_HOLDING_RELEASED && ds_event_has(ev, DS_KEY_SCOPE) &&
		       ev->scope == DS_SCOPE_POD ? before : NULL;
	}
	return ds_target_earlier_pod(core, target, pod);
}

/* Decides what is open of it, and forgets it. */
static void give_up(struct ds_core *core, struct ds_flow *flow)
{
	if (flow->window != DS_FLOW_WINDOW_NONE)
		ds_drop_decide(core, flow);
	ds_arrival_settle(core, flow, true);
	ds_flows_remove(core->flows, flow);
}

/* A packet of a watched address, of which no pod is known that had it then. */
static void count_unattributed(struct ds_core *core, const struct ds_event *ev)
{
	uint64_t n = ds_event_has(ev, DS_KEY_REPEAT) && ev->repeat > 0 ? (uint64_t)ev->repeat : 1;

	if (ev->kind == DS_EVENT_PACKET)
		core->unattributed[ds_evidence_unattributed(ev)] += n;
}

/* The flow of an event whose pod's end is (a, port); a new generation where the owner changed. */
static struct ds_flow *flow_of(struct ds_core *core, const struct ds_event *ev, bool source_is_pod,
			       int *ret_attribution)
{
	struct ds_flow_key key;
	struct ds_flow *flow;
	struct ds_pod *pod, *before;

	memset(&key, 0, sizeof(key));
	key.pod = source_is_pod ? ev->source : ev->destination;
	key.peer = source_is_pod ? ev->destination : ev->source;
	key.pod_port = (uint16_t)(source_is_pod ? ev->source_port : ev->destination_port);
	key.peer_port = (uint16_t)(source_is_pod ? ev->destination_port : ev->source_port);
	pod = find_pod(core, ev, &key, source_is_pod, ret_attribution);
	before = meant_before(core, ev, &key, pod);
	if (before) {
		pod = before;
		*ret_attribution = DS_ATTRIBUTION_RELEASED_ADDRESS;
	}
	if (!pod) {
		count_unattributed(core, ev);
		return NULL;
	}
	flow = ds_flows_find(core->flows, &key);
	if (!flow) {
		undo_redirect(core, pod, &key);
		flow = ds_flows_find(core->flows, &key);
	}
	if (flow && (flow->pod != pod || ev->time_ns - flow->last_ns > DS_SILENCE_NS))
		give_up(core, flow);
	flow = ds_flows_get(core->flows, &key, ev->time_ns);
	if (!flow) {
		ds_core_count_lost(core, 1);	/* no room: every flow has an open window */
		pod->lost_evidence = true;
		return NULL;
	}
	if (!flow->pod) {
		flow->pod = pod;
		pod->flows_cnt++;
		flow->attribution = *ret_attribution;
		flow->balanced = ds_balance_is_traffic(core, flow);
	}
	flow->elsewhere = before &&
			  !(ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_ROUTING);
	if (ev->late)
		pod->late_evidence = true;
	return flow;
}

static void forget_evidence(struct ds_flow *flow)
{
	flow->facts = flow->hooks = 0;
	flow->packets = flow->syns = 0;
	flow->lost_ns = flow->died_ns = flow->inside_ns = 0;
	flow->outcome = -1;
	flow->decided = false;
}

/* Another initial sequence number is another connection on the same 4-tuple. */
static void begin_generation(struct ds_core *core, struct ds_flow *flow)
{
	if (flow->window != DS_FLOW_WINDOW_NONE)
		ds_drop_decide(core, flow);
	ds_arrival_settle(core, flow, true);
	forget_evidence(flow);
	if (flow->has_isn) {
		flow->isn_before = flow->isn;
		flow->has_before = true;
	}
	flow->began_ns = flow->began_error_ns = flow->closed_ns = flow->last_payload_ns = 0;
	flow->age_ns = -1;
	flow->has_isn = flow->has_seq = flow->came_in = flow->delayed = false;
	flow->origin = DS_FLOW_ORIGIN_UNKNOWN;
}

/* The first packet that tells where they come from may change whose the connection is. */
static void note_origin(struct ds_core *core, struct ds_flow *flow, const struct ds_event *ev)
{
	if (flow->origin != DS_FLOW_ORIGIN_UNKNOWN)
		return;
	flow->origin = ds_evidence_origin(ev, ds_peers_is_node(&core->peers, &flow->key.peer));
	if (flow->origin != DS_FLOW_ORIGIN_UNKNOWN)
		ds_flows_set_balanced(flow, ds_balance_is_traffic(core, flow));
}

/* Only the first sending of a SYN or of payload is an arrival; repetitions move nothing. */
static bool is_first_sending(struct ds_flow *flow, const struct ds_event *ev,
			     enum ds_packet_kind kind)
{
	uint32_t end;

	if (kind == DS_PACKET_SYN) {
		bool seen = flow->has_isn;

		flow->has_isn = true;
		flow->isn = (uint32_t)ev->tcp_seq;
		return !seen;
	}
	if (kind != DS_PACKET_PAYLOAD)
		return false;
	end = (uint32_t)ev->tcp_seq + (uint32_t)ev->tcp_payload_bytes;
	if (flow->has_seq && (int32_t)(end - flow->seq_end) <= 0)
		return false;
	flow->has_seq = true;
	flow->seq_end = end;
	return true;
}

static void first_sending(struct ds_core *core, struct ds_flow *flow, const struct ds_event *ev,
			  enum ds_packet_kind kind, int outcome)
{
	int64_t earlier_ns, came_ns = ds_evidence_came_ns(ev, outcome, &earlier_ns);
	int64_t released_ns = flow->pod->released_ns;

	if (!flow->decided && !flow->lost_ns && came_ns < ev->time_ns)
		flow->lost_ns = came_ns;
	/* It was for an address that was released already. */
	if (earlier_ns && released_ns && came_ns - earlier_ns < released_ns)
		earlier_ns = came_ns > released_ns ? came_ns - released_ns : 0;
	if (kind == DS_PACKET_SYN)
		ds_arrival_began(core, flow, came_ns - earlier_ns, earlier_ns, false);
	else
		ds_arrival_payload(core, flow, came_ns - earlier_ns, earlier_ns);
}

static void open_window(struct ds_core *core, struct ds_flow *flow, uint32_t facts, int64_t at_ns)
{
	const uint32_t silent = DS_FLOW_SYN | DS_FLOW_PAYLOAD | DS_FLOW_NO_REQUEST;

	if (flow->decided)
		return;
	if (!flow->lost_ns)
		flow->lost_ns = at_ns;
	if (facts & ANSWERED && ds_ending_is_waited_for(core, flow->pod, at_ns))
		ds_flows_open_window(core->flows, flow, DS_FLOW_WINDOW_NEWS,
				     at_ns + DS_WINDOW_NEWS_NS);
	else if (facts & ANSWERED)
		ds_flows_open_window(core->flows, flow, DS_FLOW_WINDOW_ANSWERED,
				     at_ns + DS_WINDOW_ANSWERED_NS);
	else if (facts & (DS_FLOW_OVERFLOW | DS_FLOW_NETFILTER | silent))
		ds_flows_open_window(core->flows, flow, DS_FLOW_WINDOW_SILENT,
				     at_ns + DS_WINDOW_SILENT_NS);
}

static void note_facts(struct ds_core *core, struct ds_flow *flow, const struct ds_event *ev,
		       uint32_t facts)
{
	flow->facts |= facts;
	if (ds_event_has(ev, DS_KEY_HOOK))
		flow->hooks |= UINT32_C(1) << ev->hook;
	flow->packets++;
	flow->syns += ds_evidence_packet_kind(ev) == DS_PACKET_SYN;
	if (facts & (DS_FLOW_NETFILTER | DS_FLOW_DIED))
		flow->died_ns = ev->time_ns;
	open_window(core, flow, facts, ev->time_ns);
}

/* A RST that leaves for the peer: proof on tiers that are blind otherwise, and of netfilter's. */
static void rst_left(struct ds_core *core, const struct ds_event *ev)
{
	int attribution;
	struct ds_flow *flow = flow_of(core, ev, true, &attribution);

	if (!flow || !(flow->facts & (DS_FLOW_NETFILTER | DS_FLOW_SYN | DS_FLOW_PAYLOAD)))
		return;
	note_facts(core, flow, ev, DS_FLOW_RST_LEFT);
}

/*
 * A SYN of which another sending was accepted by now. A neighbour's queue gives up what waits in it
 * after three seconds, when the repetition has long found its way.
 */
static bool was_repeated(const struct ds_flow *flow, const struct ds_event *ev)
{
	return flow->has_isn && flow->isn == (uint32_t)ev->tcp_seq &&
	       flow->facts & DS_FLOW_ESTABLISHED;
}

/*
 * By the time that the queue gives up, the peer may have taken its port for another connection:
 * what became of the one before is decided.
 */
static bool is_of_the_one_before(const struct ds_flow *flow, const struct ds_event *ev)
{
	return flow->has_before && flow->isn_before == (uint32_t)ev->tcp_seq &&
	       !(flow->has_isn && flow->isn == (uint32_t)ev->tcp_seq);
}

/* Once, and not what is a drop, or counted apart, for something else. */
static void count_delayed(struct ds_core *core, struct ds_flow *flow)
{
	if (flow->delayed || flow->decided || flow->window != DS_FLOW_WINDOW_NONE)
		return;
	flow->delayed = true;
	flow->pod->not_drops[DS_NOT_DROP_DELAYED]++;
	core->not_drops[DS_NOT_DROP_DELAYED]++;
}

void ds_correlate_packet(struct ds_core *core, const struct ds_event *ev)
{
	enum ds_packet_kind kind = ds_evidence_packet_kind(ev);
	bool source_is_pod = ds_evidence_source_is_pod(ev);
	struct ds_flow *flow;
	uint32_t facts;
	int attribution, outcome;

	if (kind == DS_PACKET_SYN_ACK)
		return;		/* the pod connects to somebody */
	if (kind == DS_PACKET_RST) {
		if (ev->hook == DS_HOOK_TAP_TX && ev->direction == DS_DIRECTION_TRANSMIT)
			rst_left(core, ev);
		return;
	}
	facts = ds_evidence_facts(ev, kind, &outcome);
	if (!facts)
		return;
	flow = flow_of(core, ev, source_is_pod, &attribution);
	if (!flow)
		return;
	if (kind == DS_PACKET_SYN && is_of_the_one_before(flow, ev))
		return;
	if (kind == DS_PACKET_SYN && was_repeated(flow, ev)) {
		count_delayed(core, flow);
		return;
	}
	/* The first SYN comes before all else of its connection: the rest is of an earlier one. */
	if (kind == DS_PACKET_SYN && (flow->has_isn ? flow->isn != (uint32_t)ev->tcp_seq :
						      flow->facts != 0))
		begin_generation(core, flow);
	if (!source_is_pod)
		note_origin(core, flow, ev);
	if (kind == DS_PACKET_SYN || facts & DS_FLOW_UNACCEPTED)
		flow->came_in = true;
	/* A bare ACK that we reset, of a connection that was never accepted: its handshake. */
	if (kind == DS_PACKET_ACK && facts == DS_FLOW_NO_REQUEST && flow->facts & DS_FLOW_SYN &&
	    ev->hook != DS_HOOK_TAP_RX && !(flow->facts & DS_FLOW_ESTABLISHED))
		facts = DS_FLOW_RST_TO_SYN;
	if ((kind == DS_PACKET_ACK || kind == DS_PACKET_NO_REQUEST) && ev->hook == DS_HOOK_TAP_RX &&
	    !flow->pod->released_ns)
		return;		/* on its way to a pod that lives */
	if (flow->elsewhere)
		facts |= DS_FLOW_REUSED;
	if (!source_is_pod && ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_POD)
		flow->inside_ns = ev->time_ns;
	if (is_first_sending(flow, ev, kind))
		first_sending(core, flow, ev, kind, outcome);
	if (outcome >= 0)
		flow->outcome = outcome;
	/* A blackhole is silent: with ICMP it was an unreachable route. */
	if (flow->outcome == DS_OUTCOME_BLACKHOLE && (facts | flow->facts) & DS_FLOW_ICMP)
		flow->outcome = DS_OUTCOME_ICMP_UNREACHABLE;
	if (ev->hook == DS_HOOK_TAP_RX && flow->facts & DS_FLOW_ESTABLISHED &&
	    kind == DS_PACKET_PAYLOAD && !flow->pod->released_ns)
		return;
	note_facts(core, flow, ev, facts);
}

static void accepted(struct ds_core *core, struct ds_flow *flow, const struct ds_event *ev)
{
	if (flow->facts & ~BEFORE_ACCEPT)
		begin_generation(core, flow);
	note_origin(core, flow, ev);
	flow->came_in = true;
	flow->facts |= DS_FLOW_ESTABLISHED;
	flow->pod->arrivals_cnt += ds_pod_was_going(flow->pod, ev->time_ns);
	ds_arrival_began(core, flow, ev->time_ns, 0, true);
	if (flow->elsewhere) {
		/* What died on its way there was the same connection's; lost it is from now on. */
		ds_flows_close_window(core->flows, flow);
		forget_evidence(flow);
		flow->facts = DS_FLOW_ESTABLISHED;
		ds_arrival_settle(core, flow, true);
		ds_arrival_hold(flow, ev->time_ns);
		ds_arrival_settle(core, flow, true);
		note_facts(core, flow, ev, DS_FLOW_REUSED);
		return;
	}
	/* It was seen to arrive, now it is answered. Only what died before makes it `delayed`. */
	if (flow->facts & ~(uint32_t)(DS_FLOW_SYN | DS_FLOW_ESTABLISHED) &&
	    flow->window != DS_FLOW_WINDOW_NONE)
		ds_drop_decide(core, flow);
	ds_flows_close_window(core->flows, flow);
	/* What becomes of the connection from here on is another matter. */
	forget_evidence(flow);
	flow->facts = DS_FLOW_ESTABLISHED;
}

static void closing(struct ds_core *core, struct ds_flow *flow, const struct ds_event *ev)
{
	bool by_peer = ds_event_has(ev, DS_KEY_PEER_CLOSED_FIRST) && ev->peer_closed_first;
	bool outstanding = ds_event_has(ev, DS_KEY_REQUEST_OUTSTANDING) && ev->request_outstanding;
	int64_t received = ds_event_has(ev, DS_KEY_RECEIVED_BYTES) ? ev->received_bytes : 0;

	if (!flow->elsewhere && flow->lost_ns && ds_event_has(ev, DS_KEY_SOCKET_AGE) &&
	    flow->lost_ns < ev->time_ns - ev->socket_age)
		begin_generation(core, flow);	/* what was lost was lost before this one began */
	note_origin(core, flow, ev);
	flow->facts |= DS_FLOW_ESTABLISHED | DS_FLOW_CLOSED;
	flow->closed_ns = ev->time_ns;
	if (ds_event_has(ev, DS_KEY_SOCKET_AGE)) {
		flow->came_in = true;	/* only what was accepted has one */
		flow->age_ns = ev->socket_age;
	}
	if (ds_event_has(ev, DS_KEY_LAST_PAYLOAD_AT) && received > 0) {
		flow->last_payload_ns = ev->last_payload_at;
		ds_arrival_settle(core, flow, true);
		if (flow->age_ns >= 0)
			ds_arrival_begun(core, flow, ev->time_ns - flow->age_ns);
		ds_arrival_payload(core, flow, ev->last_payload_at, 0);
	} else if (!by_peer && flow->age_ns >= 0) {
		ds_arrival_hold(flow, ev->time_ns - flow->age_ns);
		ds_arrival_settle(core, flow, true);
	} else {
		ds_arrival_settle(core, flow, !by_peer);
	}
	if (!outstanding)
		return;
	if (ds_evidence_is_goodbye(ev)) {
		flow->facts |= DS_FLOW_GOODBYE;
		return;
	}
	flow->facts |= DS_FLOW_OUTSTANDING;
	if (!by_peer)
		note_facts(core, flow, ev, DS_FLOW_FIN_OUTSTANDING);
}

void ds_correlate_socket(struct ds_core *core, const struct ds_event *ev)
{
	struct ds_flow *flow;
	int attribution;

	if (ev->socket_change != DS_SOCKET_CHANGE_ACCEPTED &&
	    ev->socket_change != DS_SOCKET_CHANGE_CLOSING)
		return;
	flow = flow_of(core, ev, true, &attribution);
	if (!flow)
		return;
	if (ev->socket_change == DS_SOCKET_CHANGE_ACCEPTED)
		accepted(core, flow, ev);
	else
		closing(core, flow, ev);
}

/* Counters are kept per namespace, and those of a namespace that is gone are told no more. */
static bool is_of_pod(const struct ds_event *ev, const struct ds_pod *pod)
{
	return !ds_event_has(ev, DS_KEY_NETNS) || !pod->netns || ev->netns == pod->netns;
}

void ds_correlate_traffic(struct ds_core *core, const struct ds_event *ev)
{
	struct ds_flow_key key = { .pod_port = (uint16_t)ev->traffic_port, .peer = ev->source };
	struct ds_flow probe = { .key = key, .came_in = true };
	bool has_accepted = ds_event_has(ev, DS_KEY_LAST_ACCEPTED_AT);
	bool has_payload = ds_event_has(ev, DS_KEY_LAST_TRAFFIC_PAYLOAD_AT);
	enum ds_holding holding;
	int attribution;

	if (!ds_event_has(ev, DS_KEY_DESTINATION_ADDRESS) || (!has_accepted && !has_payload))
		return;
	probe.key.pod = ev->destination;
	if (has_accepted && ds_balance_is_traffic(core, &probe))
		ds_absence_arrival(core, &probe.key.pod, key.pod_port, ev->last_accepted_at);
	probe.pod = ds_ledger_lookup(core->ledger, &probe.key.pod,
				     has_payload ? ev->last_traffic_payload_at :
						   ev->last_accepted_at, &holding);
	/* Where no cgroup names the pod, its listeners are found by the namespace that accepts. */
	if (probe.pod && has_accepted && holding == DS_HOLDING_HELD)
		ds_timeline_learn_netns(core, probe.pod, ev);
	if (!probe.pod)
		probe.pod = ds_host_pod(core, ev, &probe.key.pod, probe.key.pod_port, &attribution);
	if (!probe.pod || !is_of_pod(ev, probe.pod))
		return;
	ds_arrival_sample(core, &probe, ev);
	if (ds_peers_is_load_balancer(&core->peers, &ev->source))
		ds_traffic_rate_sample(probe.pod, ev, ds_balance_is_traffic(core, &probe));
}

/* To the end of its queue: windows of one length end in the order in which they began. */
static void wait_on(struct ds_core *core, struct ds_flow *flow, int64_t now_ns)
{
	ds_flows_close_window(core->flows, flow);
	ds_flows_open_window(core->flows, flow, DS_FLOW_WINDOW_NEWS, now_ns + DS_WINDOW_NEWS_NS);
}

void ds_correlate_advance(struct ds_core *core, int64_t now_ns)
{
	struct ds_flow *flow;

	while ((flow = ds_flows_due(core->flows, now_ns)))
		if (flow->window == DS_FLOW_WINDOW_NEWS &&
		    ds_ending_is_waited_for(core, flow->pod, now_ns))
			wait_on(core, flow, now_ns);
		else
			ds_drop_decide(core, flow);
	while ((flow = ds_flows_first(core->flows)) && now_ns - flow->last_ns > DS_SILENCE_NS &&
	       flow->window == DS_FLOW_WINDOW_NONE)
		give_up(core, flow);
}

void ds_correlate_finish(struct ds_core *core)
{
	for (struct ds_flow *flow = ds_flows_first(core->flows); flow; flow = flow->next) {
		if (flow->window != DS_FLOW_WINDOW_NONE)
			ds_drop_decide(core, flow);
		ds_arrival_settle(core, flow, true);
	}
}

void ds_correlate_forget(struct ds_core *core, struct ds_pod *pod)
{
	struct ds_flow *next;

	for (struct ds_flow *flow = ds_flows_first(core->flows); flow && pod->flows_cnt;
	     flow = next) {
		next = flow->next;
		if (flow->pod == pod)
			give_up(core, flow);
	}
}
