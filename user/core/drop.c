/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a closed window to a line: gathers the case (peer, phase, target, drain), asks the rules,
 * counts, and writes one drainsnoop.drop event, folded above the rate limit. Pure.
 */
#include "user/core/drop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/arrival.h"
#include "user/core/balance.h"
#include "user/core/cause.h"

#define FIRST_RTO_NS (3 * DS_NS_PER_S)		/* the longest first wait: RFC 6298, 5.7 */
#define RESTART_WINDOW_NS (60 * DS_NS_PER_S)	/* an exit this recent explains a refusal */

/* The port's own listener tells; where it has none, as behind a redirect, any that closed. */
static bool is_restarting(const struct ds_pod *pod, uint16_t port, int64_t at_ns)
{
	const struct ds_pod_listener *l = ds_pod_listener_of(pod, port);

	for (int i = 0; i < pod->listeners_cnt && !l; i++)
		if (!pod->listeners[i].open && pod->listeners[i].closed_ns)
			l = &pod->listeners[i];
	return (pod->exited_ns && at_ns + DS_NS_PER_S >= pod->exited_ns &&
		at_ns - pod->exited_ns < RESTART_WINDOW_NS) ||
	       (pod->sigkill_ns && at_ns >= pod->sigkill_ns &&
		at_ns - pod->sigkill_ns < RESTART_WINDOW_NS) ||
	       (l && !l->open && l->closed_ns && at_ns >= l->closed_ns);
}

static bool delay_elapsed(const struct ds_drain *d, int64_t at_ns)
{
	int64_t began_ns = d->lo_ns ? d->lo_ns : d->hi_ns;

	/* A second on either side: the balancer's own timer, and the API's whole seconds. */
	return d->began && d->delay_ns >= 0 && at_ns >= began_ns + d->delay_ns - DS_NS_PER_S;
}

/*
 * TCP sends what is not acknowledged again, each time after twice the time (RFC 6298), and what
 * dies on the node is seen each time: the sending that should have come and was not seen has got
 * through. A close that tells of payload received later says so too.
 */
static bool got_through(const struct ds_core *core, const struct ds_flow *flow)
{
	int64_t tried_ns = flow->died_ns - flow->lost_ns;

	if (!flow->died_ns || flow->died_ns < flow->lost_ns)
		return false;
	return flow->last_payload_ns > flow->died_ns ||
	       core->now_ns - flow->died_ns > tried_ns + FIRST_RTO_NS;
}

/* The flow's own address is: of a dual-stack pod the other one may go first. */
static bool is_released(const struct ds_core *core, const struct ds_flow *flow)
{
	const struct ds_pod *pod = flow->pod;
	int64_t until_ns = flow->lost_ns + DS_WINDOW_ANSWERED_NS;
	enum ds_holding holding;

	if (!pod->released_ns || until_ns < pod->released_ns)
		return false;
	return ds_ledger_lookup(core->ledger, &flow->key.pod, until_ns, &holding) != pod ||
	       holding != DS_HOLDING_HELD;
}

/* No target has the pod's address: nodes are the targets, and say nothing of a single pod. */
static void node_port_case(const struct ds_core *core, struct ds_case *c)
{
	const struct ds_instance_group *only = ds_instances_only(&core->instances);

	c->load_balancer_known = c->load_balancer_known || ds_instances_preserve(&core->instances);
	c->registered = true;
	c->may_be_check = c->counts_as_load_balancer &&
			  ds_instances_check_interval_s(&core->instances) > 0;
	if (!only)
		return;
	c->group_name = only->name;
	c->lb_type = only->lb_type;
}

static struct ds_case make_case(const struct ds_core *core, const struct ds_flow *flow,
				const struct ds_drain *drain)
{
	const struct ds_pod *pod = flow->pod;
	const struct ds_target *target =
		ds_targets_find(core->targets, &flow->key.pod, flow->key.pod_port);
	const struct ds_pod_listener *l = ds_pod_listener_of(pod, flow->key.pod_port);
	int64_t at_ns = flow->lost_ns;
	struct ds_case c = { .flow = flow, .pod = pod, .target = target };
	struct ds_balance balance = ds_balance_of(core, flow, target);

	c.peer = balance.peer;
	c.other_node = balance.other_node;
	c.counts_as_load_balancer = balance.balanced;
	c.may_be_probe = balance.unsure;
	c.forwarded = balance.forwarded;
	c.load_balancer_known = ds_peers_know_load_balancer(&core->peers) ||
				(target && target->preserve_client_ip);
	c.health_check = ds_balance_is_check(flow, ds_targets_of(core->targets, &flow->key.pod),
					 c.peer) || ds_arrival_is_check(core, flow);
	/* On the host's network the address is the node's: the kubelet's too. */
	c.inside_pod = ds_addr_is_loopback(&flow->key.peer) ||
		       (!pod->host_network && ds_pod_has_address(pod, &flow->key.peer));
	c.inbound = ds_balance_is_served(core, flow);
	c.going = ds_pod_was_going(pod, at_ns);
	c.closed_while_going = ds_pod_was_going(pod, flow->closed_ns ? flow->closed_ns : at_ns);
	c.released = is_released(core, flow);
	c.got_through = !c.released && got_through(core, flow);
	c.restarting = !c.going && is_restarting(pod, flow->key.pod_port, at_ns);
	c.unclear = c.restarting && ds_ending_is_unclear(core, pod, core->now_ns);
	c.never_listened = !l || (!l->closed_ns && l->opened_ns > at_ns);
	c.registered = target && !ds_target_is_draining(target) &&
		       target->state != DS_TARGET_STATE_UNUSED &&
		       target->state != DS_TARGET_STATE_ABSENT;
	c.delay_elapsed = delay_elapsed(drain, at_ns);
	c.may_be_check = c.peer == DS_PEER_LOAD_BALANCER && target && !target->preserve_client_ip &&
			 target->health_check_port == flow->key.pod_port;
	c.group_name = target ? target->group_name : NULL;
	c.final = core->final && flow->window != DS_FLOW_WINDOW_NONE;
	c.lb_type = target ? target->lb_type : -1;
	if (!target && core->instances.cnt)
		node_port_case(core, &c);
	return c;
}

/* ---- the line ---- */

static void describe_connection(const struct ds_flow *flow, struct ds_event *ev)
{
	/* As of the lost packet: an abort is the pod's own RST or FIN, all else was the peer's. */
	bool from_pod = flow->facts &
			(DS_FLOW_ABORTED | DS_FLOW_FIN_OUTSTANDING | DS_FLOW_UNACCEPTED);

	DS_SET_STR(ev, TRANSPORT, transport, "tcp");
	DS_SET_STR(ev, NETWORK_TYPE, network_type, ds_addr_is_v4(&flow->key.pod) ? "ipv4" : "ipv6");
	DS_SET(ev, DIRECTION, direction, from_pod ? DS_DIRECTION_TRANSMIT : DS_DIRECTION_RECEIVE);
	DS_SET_ADDR(ev, SOURCE_ADDRESS, source, from_pod ? flow->key.pod : flow->key.peer);
	DS_SET(ev, SOURCE_PORT, source_port, from_pod ? flow->key.pod_port : flow->key.peer_port);
	DS_SET_ADDR(ev, DESTINATION_ADDRESS, destination,
		    from_pod ? flow->key.peer : flow->key.pod);
	DS_SET(ev, DESTINATION_PORT, destination_port,
	       from_pod ? flow->key.peer_port : flow->key.pod_port);
}

/* The hooks by name, sorted: the names are few, so insertion is enough. */
static void join_hooks(uint32_t hooks, char *buf, size_t size)
{
	const char *names[DS_HOOK_MAX];
	size_t len = 0;
	int cnt = 0;

	for (int hook = 0; hook < DS_HOOK_MAX; hook++) {
		int i = cnt;

		if (!(hooks >> hook & 1))
			continue;
		for (; i > 0 && strcmp(names[i - 1], ds_name(DS_NAMES_HOOK, hook)) > 0; i--)
			names[i] = names[i - 1];
		names[i] = ds_name(DS_NAMES_HOOK, hook);
		cnt++;
	}
	buf[0] = '\0';
	for (int i = 0; i < cnt; i++) {
		int n = snprintf(buf + len, size - len, "%s%s", i ? "," : "", names[i]);

		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
}

static void describe_drain(const struct ds_drain *d, int64_t at_ns, struct ds_event *ev)
{
	int relation = DS_RELATION_UNDECIDED;

	if (!d->known)
		relation = DS_RELATION_UNKNOWN;
	else if (d->lo_ns && at_ns < d->lo_ns)
		relation = DS_RELATION_BEFORE_DRAIN;
	else if (d->began && at_ns >= d->hi_ns)
		relation = d->delay_ns >= 0 && at_ns > d->hi_ns + d->delay_ns ?
			   DS_RELATION_AFTER_DRAIN : DS_RELATION_DURING_DRAIN;
	DS_SET(ev, RELATION, relation, relation);
	if (d->began)
		DS_SET(ev, OFFSET_MIN, offset_min, at_ns - d->hi_ns);
	if (d->began && d->lo_ns)
		DS_SET(ev, OFFSET_MAX, offset_max, at_ns - d->lo_ns);
}

/* A rollout is to blame (DESIGN section 2). */
static bool is_rollout(const struct ds_case *c, int cause)
{
	return ds_cause_is_rollout(cause) && (c->going || cause != DS_CAUSE_ABORTED_IN_FLIGHT);
}

/* What it stands for: how many, and whether a rollout is to blame, as they were counted. */
struct weight {
	int64_t repeat;
	bool rollout;
};

static void write_drop(struct ds_core *core, const struct ds_flow *flow, const struct ds_case *c,
		       const struct ds_drain *drain, const struct ds_decision *d,
		       struct weight weight)
{
	const struct ds_pod_phase *phase = ds_pod_phase_at(flow->pod, flow->lost_ns);
	char id[DS_RUN_ID_LEN + 24], hooks[256];
	struct ds_event ev;

	ds_core_start_event(core, &ev, DS_EVENT_DROP, flow->lost_ns);
	ds_pod_describe(flow->pod, &ev);
	describe_connection(flow, &ev);
	(void)snprintf(id, sizeof(id), "%s-%llu", core->run_id, (unsigned long long)++core->next_drop_id);
	DS_SET_STR(&ev, DROP_ID, drop_id, id);
	DS_SET(&ev, CAUSE, cause, d->cause);
	if (d->outcome >= 0)
		DS_SET(&ev, OUTCOME, outcome, d->outcome);
	if (d->symptom >= 0)
		DS_SET(&ev, SYMPTOM, symptom, d->symptom);
	join_hooks(flow->hooks, hooks, sizeof(hooks));
	DS_SET_STR(&ev, EVIDENCE, evidence, hooks);
	DS_SET(&ev, DROP_PACKETS, drop_packets, flow->packets);
	DS_SET(&ev, DROP_SYNS, drop_syns, flow->syns);
	DS_SET(&ev, DROP_CONFIDENCE, drop_confidence, d->confidence);
	DS_SET(&ev, PEER_KIND, peer_kind, c->peer);
	DS_SET(&ev, ATTRIBUTION, attribution, flow->attribution);
	if (phase) {
		DS_SET(&ev, PHASE, phase, phase->phase);
		DS_SET(&ev, PHASE_AGE, phase_age, flow->lost_ns - phase->at_ns);
	}
	if (c->going)
		DS_SET(&ev, SINCE_T0, since_t0, flow->lost_ns - flow->pod->t0_ns);
	DS_SET_STR(&ev, TG_NAME, tg_name, c->group_name);
	if (c->target)
		DS_SET(&ev, TARGET_STATE, target_state, c->target->state);
	describe_drain(drain, flow->lost_ns, &ev);
	DS_SET(&ev, REPEAT, repeat, weight.repeat);
	if (weight.rollout)
		ev.level = DS_LEVEL_ERROR;
	core->second_lines++;
	ds_core_emit(core, &ev);
}

/* ---- folding above the rate limit ---- */

static void roll_second(struct ds_core *core, int64_t now_ns)
{
	int64_t second = now_ns / DS_NS_PER_S;

	if (second <= core->second)
		return;
	core->second = second;
	core->second_lines = 0;
}

static void write_folded(struct ds_core *core, struct ds_pod *pod, int cause)
{
	struct ds_pod_fold *f = &pod->folds[cause];
	struct ds_flow flow = {
		.key = { .pod = f->key_pod,
			 .peer = f->key_peer,
			 .pod_port = f->pod_port,
			 .peer_port = f->peer_port },
		.pod = pod,
		.lost_ns = f->lost_ns,
		.hooks = f->hooks,
		.facts = f->facts,
		.attribution = f->attribution,
		.outcome = f->outcome,
		.packets = f->cnt,
		.syns = f->syns,
		.age_ns = -1,
	};
	struct ds_decision d = {
		.kind = DS_DECISION_DROP, .cause = cause, .outcome = f->outcome,
		.symptom = f->symptom, .confidence = f->confidence,
	};
	struct ds_drain drain = ds_pod_drain(core, pod, f->pod_port);
	struct ds_case c = make_case(core, &flow, &drain);

	write_drop(core, &flow, &c, &drain, &d, (struct weight){ f->cnt, f->rollout });
	f->cnt = 0;
}

/*
 * The drop is counted, its line is not written now: one line a pod and cause stands for all. Where
 * the pod began to go in between there are two.
 */
static void fold(struct ds_core *core, const struct ds_flow *flow, const struct ds_decision *d,
		 bool rollout)
{
	struct ds_pod *pod = flow->pod;
	struct ds_pod_fold *f;

	if (!pod->folds)
		pod->folds = calloc(DS_CAUSE_MAX, sizeof(*pod->folds));
	if (!pod->folds) {	/* no memory for a line: the sums have it */
		core->suppressed++;
		return;
	}
	f = &pod->folds[d->cause];
	if (f->cnt && f->rollout != rollout)
		write_folded(core, pod, d->cause);
	if (f->cnt++ == 0) {
		f->syns = 0;
		f->rollout = rollout;
		f->key_pod = flow->key.pod;
		f->key_peer = flow->key.peer;
		f->pod_port = flow->key.pod_port;
		f->peer_port = flow->key.peer_port;
		f->lost_ns = flow->lost_ns;
		f->hooks = flow->hooks;
		f->facts = flow->facts;
		f->attribution = flow->attribution;
		f->outcome = d->outcome;
		f->symptom = d->symptom;
		f->confidence = d->confidence;
	} else {
		core->suppressed++;
	}
	f->syns += flow->syns == flow->packets;
	core->folding = true;
}

void ds_drop_unfold(struct ds_core *core, struct ds_pod *pod)
{
	for (int cause = 0; cause < DS_CAUSE_MAX; cause++)
		if (pod->folds && pod->folds[cause].cnt)
			write_folded(core, pod, cause);
}

void ds_drop_flush_folded(struct ds_core *core, int64_t now_ns)
{
	if (!core->folding || now_ns / DS_NS_PER_S <= core->second)
		return;
	roll_second(core, now_ns);
	core->folding = false;
	for (struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next)
		ds_drop_unfold(core, pod);
}

/* ---- the decision ---- */

static void count_drop(struct ds_core *core, struct ds_pod *pod, int cause, bool rollout)
{
	pod->drops_by[cause]++;
	core->drops_by[cause]++;
	if (!rollout)
		return;
	pod->rollout_drops++;
	core->rollout_drops++;
}

/* Told only now: routes have no time of their own, their events come after what they explain. */
static void look_back(struct ds_flow *flow)
{
	const struct ds_pod *pod = flow->pod;

	if (flow->balanced && pod->given_ns && flow->inside_ns >= pod->given_ns)
		flow->facts |= DS_FLOW_REUSED;
}

void ds_drop_decide(struct ds_core *core, struct ds_flow *flow)
{
	struct ds_drain drain = ds_pod_drain(core, flow->pod, flow->key.pod_port);
	struct ds_case c;
	struct ds_decision d;
	bool rollout;

	look_back(flow);
	c = make_case(core, flow, &drain);
	ds_flows_close_window(core->flows, flow);
	if (flow->decided)
		return;
	d = ds_cause_decide(&c);
	flow->decided = d.kind != DS_DECISION_NOTHING;
	if (flow->decided)
		ds_arrival_settle(core, flow, !c.health_check);
	if (d.kind == DS_DECISION_NOT_DROP) {
		flow->pod->not_drops[d.not_drop]++;
		core->not_drops[d.not_drop]++;
	}
	ds_advise_decided(core, flow, &d);
	if (d.kind != DS_DECISION_DROP)
		return;
	rollout = is_rollout(&c, d.cause);
	count_drop(core, flow->pod, d.cause, rollout);
	roll_second(core, core->now_ns);
	if (core->rate_limit && core->second_lines >= core->rate_limit)
		fold(core, flow, &d, rollout);
	else
		write_drop(core, flow, &c, &drain, &d, (struct weight){ 1, rollout });
}
