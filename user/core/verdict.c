/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict of each pod that went away: what was lost, how long the load balancer went on, when
 * the drain began (DESIGN section 8). Written once, when it is due. Pure.
 */
#include <string.h>

#include "user/core/state.h"

#define DELAY_DEFAULT_NS (300 * DS_NS_PER_S)
#define FOUND_LATE_NS (30 * DS_NS_PER_S)	/* from a start to the first list of the pods */

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * Twice the deregistration delay after the drain began. Where nobody told the delay the default of
 * a target group (300 s) stands in: a target that drains for ever must not hold the verdict back.
 */
static int64_t drained_ns(const struct ds_drain *drain)
{
	return drain->hi_ns + 2 * (drain->delay_ns >= 0 ? drain->delay_ns : DELAY_DEFAULT_NS);
}

/* Due once it ended and its target settled, or after twice the delay, whatever comes first. */
static bool is_due(const struct ds_core *core, const struct ds_pod *pod,
		   const struct ds_drain *drain)
{
	int64_t ended = ds_pod_ended_ns(pod);
	int64_t quiet_since = latest(ended, pod->last_arrival_ns);

	if (!ended || pod->open_windows)
		return false;
	if (drain->began && core->now_ns >= latest(ended, drained_ns(drain)))
		return true;
	return !ds_pod_is_draining(core, pod) && core->now_ns - quiet_since >= core->settle_ns;
}

/* A port that is no target, as that of the health checks, may close at any time. */
static int64_t exposed_from(const struct ds_core *core, const struct ds_pod *pod)
{
	int64_t from = 0;

	for (int i = 0; i < pod->phases_cnt; i++) {
		const struct ds_pod_phase *p = &pod->phases[i];

		if (((p->phase == DS_PHASE_LISTENER_CLOSED &&
		      ds_pod_serves_port(core, pod, p->port)) ||
		     p->phase == DS_PHASE_ADDRESS_RELEASED) &&
		    p->at_ns >= pod->t0_ns && (!from || p->at_ns < from))
			from = p->at_ns;
	}
	return from;
}

/* When its end began: T0, or where it has none the first sign that it ended by itself. */
static int64_t end_began_ns(const struct ds_pod *pod)
{
	const int64_t signs[] = { pod->exited_ns, pod->released_ns, pod->deleted_ns };
	int64_t first = 0;

	if (ds_pod_is_going(pod))
		return pod->t0_ns;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (signs[i] && (!first || signs[i] < first))
			first = signs[i];
	return first;
}

/*
 * Of a pod that was there before a gap and not after it the end is found by the first list of the
 * next run; it may have begun as long ago as the gap.
 */
static bool ended_in(const struct ds_pod *pod, const struct ds_gap *g)
{
	int64_t found_ns = end_began_ns(pod);

	return !pod->t0_ns && !pod->sigterm_ns && !pod->exited_ns && g->from_ns &&
	       found_ns >= g->until_ns && found_ns - g->until_ns < FOUND_LATE_NS;
}

/* The same for gaps: T0 is a floor, and a pod that was told to stay after it began to go later. */
static int64_t end_not_before_ns(const struct ds_pod *pod)
{
	int64_t began_ns = end_began_ns(pod);

	if (!ds_pod_is_going(pod) || pod->stayed_ns <= began_ns)
		return began_ns;
	return pod->stayed_ns - began_ns < pod->t0_error_ns ? pod->stayed_ns :
							      began_ns + pod->t0_error_ns;
}

/* How much of the time since then nobody watched. */
static int64_t not_observed(const struct ds_core *core, const struct ds_pod *pod)
{
	int64_t sum = 0;

	for (int i = 0; i < core->gaps_cnt; i++) {
		const struct ds_gap *g = &core->gaps[i];
		int64_t until_ns = g->until_ns < core->now_ns ? g->until_ns : core->now_ns;

		int64_t from_ns = ended_in(pod, g) ? g->from_ns :
						     latest(g->from_ns, end_not_before_ns(pod));

		if (until_ns > from_ns)
			sum += until_ns - from_ns;
		if (sum > DS_EVENT_TIME_MAX)
			return DS_EVENT_TIME_MAX;	/* gaps that lie one over the other */
	}
	return sum;
}

static void judge(const struct ds_core *core, const struct ds_pod *pod,
		  const struct ds_drain *drain, bool cut, struct ds_event *ev)
{
	int verdict = DS_VERDICT_CLEAN, confidence = DS_CONFIDENCE_HIGH, reason = -1;

	if (pod->lost_evidence || (core->lost_at_ns && core->lost_at_ns >= end_began_ns(pod)))
		reason = DS_VERDICT_REASON_LOSS;
	else if (not_observed(core, pod))
		reason = DS_VERDICT_REASON_RESTART_GAP;
	else if (pod->late_evidence)
		reason = DS_VERDICT_REASON_LATE;
	else if (cut)
		reason = DS_VERDICT_REASON_OBSERVATION_CUT;
	if (reason >= 0) {
		verdict = DS_VERDICT_INCONCLUSIVE;
		confidence = DS_CONFIDENCE_LOW;
	} else if (!drain->known) {
		reason =
			DS_VERDICT_REASON_NO_TARGET; /* still clean: nothing was lost, to anybody */
		confidence = DS_CONFIDENCE_MEDIUM;
	}
	if (!ds_peers_know_load_balancer(&core->peers))
		confidence = DS_CONFIDENCE_LOW;
	if (pod->rollout_drops)
		verdict = DS_VERDICT_DROPPED;
	ev->level = verdict == DS_VERDICT_DROPPED ? DS_LEVEL_ERROR :
		    verdict == DS_VERDICT_CLEAN ? DS_LEVEL_INFO : DS_LEVEL_WARN;
	DS_SET(ev, VERDICT, verdict, verdict);
	if (reason >= 0)
		DS_SET(ev, VERDICT_REASON, verdict_reason, reason);
	DS_SET(ev, VERDICT_CONFIDENCE, verdict_confidence, confidence);
}

/* What ended by itself (a finished Job's pod) has no T0, and no trigger but one that was told. */
static void describe_end(struct ds_pod *pod, struct ds_event *ev)
{
	int64_t slowest = ds_pod_slowest_exit(pod);
	int trigger = ds_pod_trigger(pod);

	if (ds_pod_is_going(pod)) {
		DS_SET(ev, T0, t0, pod->t0_ns);
		DS_SET(ev, T0_ERROR, t0_error, pod->t0_error_ns);
		DS_SET(ev, T0_SOURCE, t0_source, pod->t0_source);
	}
	if (trigger >= 0)
		DS_SET(ev, TRIGGER, trigger, trigger);
	DS_SET_STR(ev, PRESTOP, prestop, pod->prestop);
	if (pod->grace_s >= 0)
		DS_SET(ev, GRACE_PERIOD, grace_period_s, pod->grace_s);
	if (slowest >= 0)
		DS_SET(ev, SIGTERM_TO_EXIT, sigterm_to_exit, slowest);
	if (pod->ended_by >= 0)
		DS_SET(ev, ENDED_BY, ended_by, pod->ended_by);
}

/*
 * T0's own error, and that of the last arrival; where checks share the traffic's port, it may be
 * one of them.
 */
static int64_t tail_error(const struct ds_core *core, const struct ds_pod *pod)
{
	int64_t interval_s = 0;
	bool own = false;

	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address) {
			if (!ds_target_is_of(core, t, pod))
				continue;
			own = true;
			if (t->health_check_port == t->port && !t->preserve_client_ip)
				interval_s = latest(interval_s, t->health_check_interval_s);
		}
	if (!own)
		interval_s = ds_instances_check_interval_s(&core->instances);
	return pod->t0_error_ns + interval_s * DS_NS_PER_S + pod->last_arrival_error_ns;
}

static void describe_tail(const struct ds_core *core, struct ds_pod *pod, struct ds_event *ev)
{
	int64_t from = exposed_from(core, pod);

	pod->tail_known = ds_pod_is_going(pod) && pod->last_arrival_ns >= pod->t0_ns;
	if (pod->tail_known) {
		pod->tail_ns = pod->last_arrival_ns - pod->t0_ns;
		DS_SET(ev, TAIL, tail, pod->tail_ns);
		pod->tail_error_ns = tail_error(core, pod);
		DS_SET(ev, TAIL_ERROR, tail_error, pod->tail_error_ns);
	}
	if (from && pod->last_arrival_ns > from) {
		DS_SET(ev, EXPOSED_FROM, exposed_from, from);
		DS_SET(ev, EXPOSED_UNTIL, exposed_until, pod->last_arrival_ns);
	}
}

/* By the workload's pods so far, this one among them. */
static void describe_oversleep(struct ds_core *core, struct ds_pod *pod, struct ds_event *ev)
{
	bool withheld;
	int64_t oversleep_ns = ds_advise_oversleep(core, pod, &withheld);

	if (oversleep_ns)
		DS_SET(ev, OVERSLEEP, oversleep, oversleep_ns);
	if (withheld)
		DS_SET(ev, ADVICE_WITHHELD, advice_withheld, DS_WITHHELD_INSUFFICIENT_TRAFFIC);
}

static void describe_drain(const struct ds_drain *d, struct ds_event *ev)
{
	if (d->delay_ns >= 0)
		DS_SET(ev, TG_DELAY, tg_delay_s, d->delay_ns / DS_NS_PER_S);
	if (!d->began)
		return;
	if (d->lo_ns) {
		DS_SET(ev, DRAIN_NOT_BEFORE, drain_not_before, d->lo_ns);
		DS_SET(ev, DRAIN_NOT_BEFORE_SOURCE, drain_not_before_source, d->lo_source);
	}
	DS_SET(ev, DRAIN_NOT_AFTER, drain_not_after, d->hi_ns);
	DS_SET(ev, DRAIN_NOT_AFTER_SOURCE, drain_not_after_source, d->hi_source);
	if (d->conflict)
		DS_SET(ev, DRAIN_CONFLICT, drain_conflict, true);
}

static void write_verdict(struct ds_core *core, struct ds_pod *pod, const struct ds_drain *drain,
			  bool cut)
{
	struct ds_event ev;

	ds_core_start_event(core, &ev, DS_EVENT_VERDICT, core->now_ns);
	ds_pod_describe(pod, &ev);
	judge(core, pod, drain, cut, &ev);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, pod->rollout_drops);
	memcpy(ev.drops_by, pod->drops_by, sizeof(pod->drops_by));
	ds_event_mark(&ev, DS_KEY_DROPS_BY);
	memcpy(ev.not_drops, pod->not_drops, sizeof(pod->not_drops));
	ds_event_mark(&ev, DS_KEY_NOT_DROPS);
	describe_end(pod, &ev);
	describe_tail(core, pod, &ev);
	describe_drain(drain, &ev);
	if (not_observed(core, pod))
		DS_SET(&ev, NOT_OBSERVED, not_observed, not_observed(core, pod));
	DS_SET(&ev, LOST_EVENTS, lost_events, core->lost_events);
	pod->verdict_written = true;
	pod->verdict_cut = cut;
	pod->verdict = ev.verdict;
	/* What ends by itself, or for all that is known by its node's doing, asks for nothing. */
	if (ds_pod_is_going(pod) && ds_pod_trigger(pod) >= 0 &&
	    !ds_trigger_is_imposed(pod->trigger)) {
		ds_advise_judged(core, pod);
		describe_oversleep(core, pod, &ev);
	}
	ds_core_emit(core, &ev);
}

/*
 * Told of only after its end, as a finished pod in a listing is, or one that went while no agent
 * was there: nothing of its end was observed. Whoever watched it then has judged it, or `targets`
 * says that nobody did.
 */
static bool was_never_seen(const struct ds_pod *pod)
{
	if (ds_pod_is_going(pod))
		return pod->t0_source == DS_T0_SOURCE_ENDPOINT_SLICE;
	return pod->phases_cnt == 1 && pod->phases[0].phase == DS_PHASE_DELETED;
}

static bool wants_verdict(struct ds_pod *pod)
{
	if (pod->verdict_written || !(ds_pod_is_going(pod) || ds_pod_ended_ns(pod)))
		return false;
	if (!was_never_seen(pod))
		return true;
	pod->verdict_written = true;	/* none to be written: it is not waited for */
	pod->verdict = DS_VERDICT_INCONCLUSIVE;
	return false;
}

void ds_verdict_review(struct ds_core *core)
{
	for (struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next) {
		struct ds_drain drain;

		if (!wants_verdict(pod))
			continue;
		drain = ds_pod_drain(core, pod, 0);
		if (is_due(core, pod, &drain))
			write_verdict(core, pod, &drain, false);
		else if (core->final)
			write_verdict(core, pod, &drain, true);
	}
}

void ds_verdict_forget(struct ds_core *core, struct ds_pod *pod)
{
	struct ds_drain drain;

	if (!wants_verdict(pod))
		return;
	drain = ds_pod_drain(core, pod, 0);
	write_verdict(core, pod, &drain, true);
}
