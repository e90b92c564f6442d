/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a later run must know, as events that restore.c takes. The order matters: who the load
 * balancer is, or stands for it, what was not observed, workloads, targets, each pod with its past,
 * and last who had which address. Connections that are not decided yet are not among it. Pure.
 */
#include <string.h>

#include "user/core/flow.h"
#include "user/core/state.h"
#include "user/core/workload.h"
#include "user/util/text.h"

struct snapshot {
	const struct ds_core *core;
	void (*emit)(void *ctx, const struct ds_event *ev);
	void *ctx;
	char *key;	/* DS_POD_KEY_LEN + 1 bytes, for the event that is being made */
};

static void give(const struct snapshot *s, struct ds_event *ev)
{
	DS_SET(ev, RESTORED, restored, true);
	s->emit(s->ctx, ev);
}

static void give_prefix(const struct snapshot *s, enum ds_event_kind kind,
			const struct ds_prefix *prefix)
{
	char text[DS_PREFIX_STRLEN];
	struct ds_event ev;

	ds_event_init(&ev, kind, 0); /* of no moment */
	(void)ds_prefix_format(prefix, text);
	DS_SET_STR(&ev, ADDRESS, address, text);
	if (kind == DS_EVENT_NODE_ADDRESS)
		DS_SET(&ev, NODE_OTHER, node_other, true);
	give(s, &ev);
}

/* Who may stand for the load balancer. This node's own addresses the routes tell anew. */
static void give_peers(const struct snapshot *s)
{
	const struct ds_instances *instances = &s->core->instances;
	const struct ds_peers *p = &s->core->peers;
	struct ds_event ev;

	for (int i = 0; i < p->load_balancers_cnt; i++)
		give_prefix(s, DS_EVENT_LB_ADDRESS, &p->load_balancers[i]);
	for (int i = 0; i < p->others_cnt; i++)
		give_prefix(s, DS_EVENT_NODE_ADDRESS, &p->others[i]);
	for (int i = 0; i < instances->cnt; i++) {
		ds_instance_write(&instances->groups[i], &ev);
		give(s, &ev);
	}
}

static void give_losses(const struct snapshot *s)
{
	const struct ds_core *core = s->core;
	struct ds_event ev;

	for (int i = 0; i < core->gaps_cnt; i++) {
		ds_event_init(&ev, DS_EVENT_LOSS, core->gaps[i].until_ns);
		DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RESTART);
		if (core->gaps[i].from_ns)
			DS_SET(&ev, NOT_BEFORE, not_before, core->gaps[i].from_ns);
		DS_SET(&ev, NOT_AFTER, not_after, core->gaps[i].until_ns);
		give(s, &ev);
	}
	if (!core->lost_at_ns)
		return;
	ds_event_init(&ev, DS_EVENT_LOSS, core->lost_at_ns);
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_QUEUE);
	DS_SET(&ev, NOT_AFTER, not_after, core->lost_at_ns);
	give(s, &ev);
}

/* Also of workloads whose pods are forgotten: three rollouts may be weeks apart. */
static void give_workloads(const struct snapshot *s)
{
	char rates[DS_WORKLOAD_RATES_LEN];
	struct ds_event ev;

	for (const struct ds_workload *w = ds_workloads_first(s->core->workloads); w; w = w->next) {
		if (!ds_workload_returns(w))
			continue;
		ds_workload_write(w, &ev, rates);
		give(s, &ev);
	}
}

/* ---- targets ---- */

/* One of a pod that is known, or told lately: others, of pods long gone, are of no use. */
static bool is_worth_keeping(const struct ds_core *core, const struct ds_target *t)
{
	return ds_ledger_knows(core->ledger, &t->addr) ||
	       t->state_ns + ds_core_retention_ns(core) > core->now_ns;
}

static void give_target(const struct snapshot *s, const struct ds_target *t)
{
	char address[DS_ADDR_STRLEN];
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, t->state_ns);
	(void)ds_addr_format(&t->addr, address);
	DS_SET_STR(&ev, TARGET_ID, target_id, address);
	DS_SET_STR(&ev, TG_NAME, tg_name, t->group_name);
	if (strcmp(t->group, t->group_name) != 0)
		DS_SET_STR(&ev, TG_ARN, tg_arn, t->group);
	if (t->port)
		DS_SET(&ev, TARGET_PORT, target_port, t->port);
	DS_SET(&ev, TARGET_STATE, target_state, t->state);
	if (t->delay_s >= 0)
		DS_SET(&ev, TG_DELAY, tg_delay_s, t->delay_s);
	if (t->preserve_client_ip)
		DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, true);
	if (t->health_check_port)
		DS_SET(&ev, TG_HC_PORT, tg_health_check_port, t->health_check_port);
	if (t->health_check_interval_s)
		DS_SET(&ev, TG_HC_INTERVAL, tg_health_check_interval_s, t->health_check_interval_s);
	if (t->lb_type >= 0)
		DS_SET(&ev, LB_TYPE, lb_type, t->lb_type);
	if (t->assigned_ns)
		DS_SET(&ev, TARGET_REGISTERED_AT, target_registered_at, t->assigned_ns);
	if (t->registered_ns)
		DS_SET(&ev, NOT_BEFORE, not_before, t->registered_ns);
	if (t->drained) {
		if (t->drain_lo_ns)
			DS_SET(&ev, DRAIN_NOT_BEFORE, drain_not_before, t->drain_lo_ns);
		DS_SET(&ev, DRAIN_NOT_BEFORE_SOURCE, drain_not_before_source, t->drain_lo_source);
		DS_SET(&ev, DRAIN_NOT_AFTER, drain_not_after, t->drain_hi_ns);
		DS_SET(&ev, DRAIN_NOT_AFTER_SOURCE, drain_not_after_source, t->drain_hi_source);
	}
	give(s, &ev);
}

/* ---- pods ---- */

/* By its addresses; one whose addresses another has by now also by when it was first heard of. */
static void nameless(const struct snapshot *s, struct ds_event *ev, const struct ds_pod *pod)
{
	const char *key = ds_ledger_key(pod), *since = strrchr(key, DS_IDENTITY_SINCE);
	size_t len = since ? (size_t)(since - key) : strlen(key);
	int64_t since_ns = 0;

	for (const char *p = since ? since + 1 : ""; *p && since; p++)
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(since_ns, 10, &since_ns) ||
		    __builtin_add_overflow(since_ns, *p - '0', &since_ns))
			since = NULL;	/* no birth: the key was told so */
	if (!since)
		len = strlen(key);
	memcpy(s->key, key, len);
	s->key[len] = '\0';
	DS_SET_STR(ev, POD_ADDRESSES, pod_addresses, s->key);
	if (since)
		DS_SET(ev, NOT_BEFORE, not_before, since_ns);
}

/* An event of that pod, by the key under which the ledger has it. */
static void of_pod(const struct snapshot *s, struct ds_event *ev, enum ds_event_kind kind,
		   const struct ds_pod *pod, int64_t at_ns)
{
	ds_event_init(ev, kind, at_ns);
	if (pod->uid[0]) {
		DS_SET_STR(ev, POD_UID, pod_uid, pod->uid);
	} else if (pod->name[0]) {
		DS_SET_STR(ev, POD_NAMESPACE, pod_namespace, pod->namespace_);
		DS_SET_STR(ev, POD_NAME, pod_name, pod->name);
	} else {
		nameless(s, ev, pod);
	}
}

static void describe(const struct ds_pod *pod, struct ds_event *ev)
{
	ds_pod_describe(pod, ev);
	if (pod->netns)
		DS_SET(ev, NETNS, netns, pod->netns);
	if (pod->phase_kubernetes >= 0)
		DS_SET(ev, PHASE, phase, pod->phase_kubernetes);
	if (pod->host_network)
		DS_SET(ev, HOST_NETWORK, host_network, true);
	if (pod->grace_s >= 0)
		DS_SET(ev, GRACE_PERIOD, grace_period_s, pod->grace_s);
	DS_SET_STR(ev, PRESTOP, prestop, pod->prestop);
	DS_SET_STR(ev, POD_PROBES, pod_probes, pod->probes);
	DS_SET_STR(ev, POD_GATES, pod_gates, pod->gates);
	DS_SET_STR(ev, POD_CONTAINERS, pod_containers, pod->containers_named);
	if (pod->trigger >= 0)
		DS_SET(ev, TRIGGER, trigger, pod->trigger);
	if (pod->ended_by >= 0)
		DS_SET(ev, ENDED_BY, ended_by, pod->ended_by);
	if (pod->t0_ns) {
		DS_SET(ev, T0, t0, pod->t0_ns);
		DS_SET(ev, T0_ERROR, t0_error, pod->t0_error_ns);
		DS_SET(ev, T0_SOURCE, t0_source, pod->t0_source);
	}
}

static void give_identity(const struct snapshot *s, const struct ds_pod *pod)
{
	char addresses[DS_POD_ADDRESSES_MAX * (DS_ADDR_STRLEN + 1)] = "";
	char ports[DS_POD_PORTS_MAX * 6] = "";
	size_t len = 0;
	struct ds_event ev;

	of_pod(s, &ev, DS_EVENT_POD_STATE, pod, pod->told_ns);
	describe(pod, &ev);
	for (int i = 0; i < pod->addresses_cnt; i++) {
		if (i)
			addresses[len++] = ',';
		len += ds_addr_format(&pod->addresses[i], addresses + len);
	}
	if (!ds_event_has(&ev, DS_KEY_POD_ADDRESSES))
		DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, addresses);
	len = 0;
	for (int i = 0; i < pod->ports_cnt; i++) {
		struct ds_text t = { .data = ports, .len = len, .cap = sizeof(ports) - 1 };

		if (i)
			ds_text_putc(&t, ',');
		ds_text_uint(&t, pod->ports[i]);
		len = t.len;
	}
	DS_SET_STR(&ev, POD_PORTS, pod_ports, ports);
	give(s, &ev);
}

static void give_phases(const struct snapshot *s, const struct ds_pod *pod)
{
	struct ds_event ev;

	for (int i = 0; i < pod->phases_cnt; i++) {
		const struct ds_pod_phase *p = &pod->phases[i];

		of_pod(s, &ev, DS_EVENT_POD_STATE, pod, p->at_ns);
		DS_SET(&ev, PHASE, phase, p->phase);
		DS_SET(&ev, PHASE_LANE, phase_lane,
		       p->phase <= DS_PHASE_DELETED ? DS_LANE_KUBERNETES : DS_LANE_KERNEL);
		if (p->port)
			DS_SET(&ev, PHASE_PORT, phase_port, p->port);
		give(s, &ev);
	}
}

static void give_listener(const struct snapshot *s, const struct ds_pod *pod,
			  const struct ds_pod_listener *l, enum ds_socket_change change,
			  int64_t at_ns)
{
	struct ds_event ev;

	if (!at_ns)
		return;
	of_pod(s, &ev, DS_EVENT_SOCKET, pod, at_ns);
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, l->family == 6 ? "ipv6" : "ipv4");
	DS_SET(&ev, SOURCE_PORT, source_port, l->port);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, change);
	give(s, &ev);
}

/* What came last comes last: that is how it stands. */
static void give_listeners(const struct snapshot *s, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->listeners_cnt; i++) {
		const struct ds_pod_listener *l = &pod->listeners[i];

		if (!l->open)
			give_listener(s, pod, l, DS_SOCKET_CHANGE_LISTENING, l->opened_ns);
		give_listener(s, pod, l, DS_SOCKET_CHANGE_LISTENER_CLOSED, l->closed_ns);
		if (l->open)
			give_listener(s, pod, l, DS_SOCKET_CHANGE_LISTENING, l->opened_ns);
	}
}

/* value: the exit status, or of SIGKILL enum ds_killed_by; below 0 = not known. */
static void give_process(const struct snapshot *s, const struct ds_pod *pod, const char *container,
			 enum ds_process_change change, int64_t at_ns, int value)
{
	struct ds_event ev;

	if (!at_ns)
		return;
	of_pod(s, &ev, DS_EVENT_PROCESS, pod, at_ns);
	DS_SET_STR(&ev, CONTAINER, container, container);
	DS_SET(&ev, PROCESS_CHANGE, process_change, change);
	if (container && change == DS_PROCESS_CHANGE_EXITED && value >= 0)
		DS_SET(&ev, EXIT_CODE, exit_code, value);
	if (container && change == DS_PROCESS_CHANGE_SIGKILL && value >= 0)
		DS_SET(&ev, KILLED_BY, killed_by, value);
	give(s, &ev);
}

static void give_processes(const struct snapshot *s, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->containers_cnt; i++) {
		const struct ds_pod_container *c = &pod->containers[i];

		give_process(s, pod, c->id, DS_PROCESS_CHANGE_SIGTERM, c->sigterm_ns, 0);
		give_process(s, pod, c->id, DS_PROCESS_CHANGE_SIGKILL, c->killed_ns, c->killed_by);
		give_process(s, pod, c->id, DS_PROCESS_CHANGE_OOM_KILLED, c->oom_ns, 0);
		give_process(s, pod, c->id, DS_PROCESS_CHANGE_EXITED, c->exited_ns, c->exit_code);
	}
	give_process(s, pod, NULL,
		     pod->sigterm_ignored ? DS_PROCESS_CHANGE_SIGTERM_IGNORED :
					    DS_PROCESS_CHANGE_SIGTERM,
		     pod->sigterm_ns, 0);
	give_process(s, pod, NULL, DS_PROCESS_CHANGE_SIGKILL, pod->sigkill_ns, 0);
	give_process(s, pod, NULL, DS_PROCESS_CHANGE_EXITED, pod->exited_ns, 0);
}

static bool any(const uint32_t *counts, size_t cnt)
{
	while (cnt && !counts[cnt - 1])
		cnt--;
	return cnt > 0;
}

/* Of a target that was registered for another pod meanwhile. */
static void describe_drain(const struct ds_drain *d, struct ds_event *ev)
{
	if (d->delay_ns >= 0)
		DS_SET(ev, TG_DELAY, tg_delay_s, d->delay_ns / DS_NS_PER_S);
	if (d->lo_ns) {
		DS_SET(ev, DRAIN_NOT_BEFORE, drain_not_before, d->lo_ns);
		DS_SET(ev, DRAIN_NOT_BEFORE_SOURCE, drain_not_before_source, d->lo_source);
	}
	DS_SET(ev, DRAIN_NOT_AFTER, drain_not_after, d->hi_ns);
	DS_SET(ev, DRAIN_NOT_AFTER_SOURCE, drain_not_after_source, d->hi_source);
}

static void give_sums(const struct snapshot *s, const struct ds_pod *pod)
{
	bool judged = pod->verdict_written && !pod->verdict_cut;
	struct ds_event ev;

	of_pod(s, &ev, DS_EVENT_POD_STATE, pod, pod->told_ns);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, pod->rollout_drops);
	if (any(pod->drops_by, DS_CAUSE_MAX)) {
		memcpy(ev.drops_by, pod->drops_by, sizeof(pod->drops_by));
		ds_event_mark(&ev, DS_KEY_DROPS_BY);
	}
	if (any(pod->not_drops, DS_NOT_DROP_MAX)) {
		memcpy(ev.not_drops, pod->not_drops, sizeof(pod->not_drops));
		ds_event_mark(&ev, DS_KEY_NOT_DROPS);
	}
	if (pod->arrivals_cnt)
		DS_SET(&ev, TRAFFIC_ACCEPTED, traffic_accepted, pod->arrivals_cnt);
	if (pod->last_arrival_ns)
		DS_SET(&ev, LAST_TRAFFIC_PAYLOAD_AT, last_traffic_payload_at, pod->last_arrival_ns);
	if (pod->last_begun_ns)
		DS_SET(&ev, LAST_ACCEPTED_AT, last_accepted_at, pod->last_begun_ns);
	if (pod->last_arrival_error_ns)
		DS_SET(&ev, TAIL_ERROR, tail_error, pod->last_arrival_error_ns);
	if (pod->lost_evidence || pod->late_evidence)
		DS_SET(&ev, VERDICT_REASON, verdict_reason,
		       pod->lost_evidence ? DS_VERDICT_REASON_LOSS : DS_VERDICT_REASON_LATE);
	if (judged)
		DS_SET(&ev, VERDICT, verdict, pod->verdict);
	if (pod->drain_kept)
		describe_drain(&pod->drain, &ev);
	give(s, &ev);
}

/* By what it was released, once for each: only all of them together take it back. */
static void give_signs(const struct snapshot *s, struct ds_event *released,
		       const struct ds_pod *pod, const struct ds_addr *a)
{
	unsigned signs = ds_address_signs(pod, a);

	for (int by = 0; by < DS_ROUTE_BY_MAX; by++) {
		if (!(signs & 1U << by))
			continue;
		DS_SET(released, ROUTE_BY, route_by, by);
		if (by != DS_ROUTE_BY_RULE)
			DS_SET_STR(released, IFACE_NAME, iface_name, pod->gone_link);
		give(s, released);
	}
}

static void give_holding(void *ctx, const struct ds_addr *a, const struct ds_pod *pod,
			 int64_t from_ns, int64_t until_ns)
{
	const struct snapshot *s = ctx;
	char address[DS_ADDR_STRLEN];
	struct ds_event ev;

	(void)ds_addr_format(a, address);
	of_pod(s, &ev, DS_EVENT_ROUTE, pod, from_ns);
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_ASSIGNED);
	DS_SET_STR(&ev, ADDRESS, address, address);
	give(s, &ev);
	if (!until_ns)
		return;
	of_pod(s, &ev, DS_EVENT_ROUTE, pod, until_ns);
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET_STR(&ev, ADDRESS, address, address);
	give(s, &ev);
	give_signs(s, &ev, pod, a);
}

void ds_core_snapshot(const struct ds_core *core,
		      void (*emit)(void *ctx, const struct ds_event *ev), void *ctx)
{
	char key[DS_POD_KEY_LEN + 1];
	struct snapshot s = { .core = core, .emit = emit, .ctx = ctx, .key = key };

	give_peers(&s);
	give_losses(&s);
	give_workloads(&s);
	for (const struct ds_target *t = ds_targets_first(core->targets); t; t = t->next)
		if (is_worth_keeping(core, t))
			give_target(&s, t);
	for (const struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next) {
		give_identity(&s, pod);
		give_phases(&s, pod);
		give_listeners(&s, pod);
		give_processes(&s, pod);
		give_sums(&s, pod);
	}
	ds_ledger_each_holding(core->ledger, give_holding, &s);
}

int64_t ds_core_known_until(const struct ds_core *core)
{
	int64_t until_ns = core->now_ns;

	for (const struct ds_flow *f = ds_flows_first(core->flows); f; f = f->next)
		if (f->window != DS_FLOW_WINDOW_NONE && f->balanced && f->lost_ns &&
		    f->lost_ns < until_ns)
			until_ns = f->lost_ns;
	return until_ns;
}

bool ds_core_pod_goes(const struct ds_core *core)
{
	const struct ds_pod *pod = ds_ledger_first(core->ledger);

	while (pod && (!ds_pod_is_going(pod) || pod->verdict_written))
		pod = pod->next;
	return pod != NULL;
}
