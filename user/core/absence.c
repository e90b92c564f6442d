/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Absence as a finding (M9): a target group of which no target can be sent to. The load balancer
 * answers 503 by itself then, and no packet says so on any node: only the targets' states do, and
 * that nothing arrives. Told as far as the targets of the group were told. Pure.
 */
#include <string.h>

#include "user/core/state.h"
#include "user/core/target_group.h"

#define TELL_AFTER_NS DS_NS_PER_S	/* one answer of the API comes as several events */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The pod of a target, as far as it is known. */
static struct ds_pod *pod_of(const struct ds_core *core, const struct ds_target *target)
{
	enum ds_holding holding;
	struct ds_pod *pod =
		ds_ledger_lookup(core->ledger, &target->addr, core->now_ns, &holding);

	return holding == DS_HOLDING_HELD ? pod : NULL;
}

/* Ready for Kubernetes, and the load balancer does not know it yet: the rollout went on. */
static bool is_ready_too_early(const struct ds_core *core, const struct ds_target *target)
{
	const struct ds_pod *pod =
		target->state == DS_TARGET_STATE_INITIAL ? pod_of(core, target) : NULL;

	return pod && !ds_pod_is_going(pod) && pod->phase_kubernetes == DS_PHASE_READY;
}

/*
 * The line: that there is none (both 0), how long it was so (until a moment between the two), or
 * how long it is so when the run ends (until_hi_ns = 0).
 */
static void tell(struct ds_core *core, const struct ds_target_group *g, int64_t until_lo_ns,
		 int64_t until_hi_ns)
{
	const struct ds_target *target = g->first;
	int64_t ready = 0;
	struct ds_event ev;

	for (const struct ds_target *t = target; t; t = t->same_group)
		ready += is_ready_too_early(core, t);
	ds_core_start_event(core, &ev, DS_EVENT_NO_TARGET,
			    until_lo_ns ? later(until_lo_ns, until_hi_ns) : g->gap.hi_ns);
	if (strcmp(g->id, target->group_name) != 0)
		DS_SET_STR(&ev, TG_ARN, tg_arn, g->id);
	DS_SET_STR(&ev, TG_NAME, tg_name, target->group_name);
	if (target->lb_type >= 0)
		DS_SET(&ev, LB_TYPE, lb_type, target->lb_type);
	DS_SET(&ev, NOT_BEFORE, not_before, g->gap.lo_ns);
	if (until_hi_ns)
		DS_SET(&ev, NOT_AFTER, not_after, until_hi_ns);
	if (until_lo_ns)
		DS_SET(&ev, TG_NO_TARGET, tg_no_target, later(until_lo_ns - g->gap.hi_ns, 0));
	DS_SET(&ev, TG_TARGETS, tg_targets, ds_target_group_size(g));
	if (ready)
		DS_SET(&ev, TG_READY, tg_ready, ready);
	if (g->gap.last_arrival_ns)
		DS_SET(&ev, TG_LAST_ARRIVAL, tg_last_arrival, g->gap.last_arrival_ns);
	ds_core_emit(core, &ev);
}

/* Pods that were ready then: their readiness did not wait for their targets. -1 = not proven. */
static void advise_gate(struct ds_core *core, const struct ds_target_group *g, int64_t lasted_ns)
{
	for (const struct ds_target *t = g->first; t; t = t->same_group) {
		struct ds_pod *pod = pod_of(core, t);

		if (!pod || !pod->ready_without_target)
			continue;
		pod->ready_without_target = false;
		if (lasted_ns < 0)
			continue;
		ds_advise_no_healthy_target(core, pod, g->gap.hi_ns, lasted_ns);
	}
}

void ds_absence_target(struct ds_core *core, const struct ds_target *target,
		       const struct ds_event *ev)
{
	struct ds_target_group *g = target->in_group;
	int64_t hi = ds_event_has(ev, DS_KEY_NOT_AFTER) ? ev->not_after : ev->time_ns;
	int64_t lo = ds_event_has(ev, DS_KEY_NOT_BEFORE) ? ev->not_before : hi;
	bool serves = ds_target_group_serves(g);
	bool partial = ds_event_has(ev, DS_KEY_TG_PARTIAL) && ev->tg_partial;

	if (lo > hi)
		lo = hi;
	if (!serves && g->has_served && !g->gap.hi_ns) {
		g->gap = (struct ds_target_gap){ .lo_ns = lo, .hi_ns = hi };
	} else if (serves && g->gap.hi_ns) {
		/* Bounds that meet prove no moment without a target. */
		bool proven = g->gap.told || lo > g->gap.hi_ns;

		if (proven)
			tell(core, g, lo, hi);
		advise_gate(core, g, proven ? later(lo - g->gap.hi_ns, 0) : -1);
		g->gap = (struct ds_target_gap){ 0 };
	}
	/* Of a group that is told in part, others may serve: absence is not known of it. */
	g->has_served = g->has_served || (serves && !partial);
}

void ds_absence_arrival(struct ds_core *core, const struct ds_addr *a, uint16_t port,
			int64_t at_ns)
{
	const struct ds_target *target = ds_targets_find(core->targets, a, port);
	struct ds_target_gap *gap = target ? &target->in_group->gap : NULL;

	if (gap && gap->hi_ns && at_ns > gap->hi_ns)
		gap->last_arrival_ns = later(gap->last_arrival_ns, at_ns);
}

void ds_absence_review(struct ds_core *core)
{
	for (struct ds_target_group *g = ds_targets_groups(core->targets); g; g = g->hh.next) {
		if (!g->gap.hi_ns)
			continue;
		for (const struct ds_target *t = g->first; t; t = t->same_group)
			if (is_ready_too_early(core, t))
				pod_of(core, t)->ready_without_target = true;
		if (core->final) {
			tell(core, g, core->now_ns, 0);
			advise_gate(core, g, core->now_ns - g->gap.hi_ns);
		} else if (!g->gap.told && core->now_ns - g->gap.hi_ns >= TELL_AFTER_NS) {
			g->gap.told = true;
			tell(core, g, 0, 0);
		}
	}
}
