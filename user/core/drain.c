/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drain of a pod: that of the target which has its address (DESIGN section 7), as long as the
 * target is this pod's. An address may be given to another pod, and registered for that one,
 * before the first has its verdict. Pure.
 */
#include "user/core/state.h"

static bool in_gap(const struct ds_core *core, int64_t at_ns)
{
	for (int i = 0; i < core->gaps_cnt; i++)
		if (core->gaps[i].from_ns && at_ns >= core->gaps[i].from_ns &&
		    at_ns <= core->gaps[i].until_ns)
			return true;
	return false;
}

struct ds_pod *ds_target_earlier_pod(const struct ds_core *core, const struct ds_target *target,
				     const struct ds_pod *pod)
{
	struct ds_pod *before = ds_ledger_previous(core->ledger, &target->addr, pod);

	/* While nobody looked it may have been either: then it is that of the pod that is there. */
	if (!before || !target->assigned_ns || in_gap(core, target->assigned_ns))
		return NULL;
	return target->assigned_ns < before->reused_ns ? before : NULL;
}

/* Registered for the pod, or at least for no other. */
static bool is_of(const struct ds_core *core, const struct ds_target *target,
		  const struct ds_pod *pod)
{
	if (pod->reused_ns && target->assigned_ns >= pod->reused_ns)
		return false;
	return !ds_target_earlier_pod(core, target, pod);
}

/* Its target of that port, else any of its targets. */
static const struct ds_target *target_of(const struct ds_core *core, const struct ds_pod *pod,
					 uint16_t port)
{
	const struct ds_target *any = NULL;

	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address) {
			if (!is_of(core, t, pod))
				continue;
			if (!port || t->port == port)
				return t;
			any = any ? any : t;
		}
	return any;
}

struct ds_drain ds_pod_drain(const struct ds_core *core, const struct ds_pod *pod, uint16_t port)
{
	if (pod->drain_kept)
		return pod->drain;
	return ds_target_drain(target_of(core, pod, port), pod->t0_ns, pod->t0_source);
}

bool ds_pod_is_draining(const struct ds_core *core, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address)
			if (ds_target_is_draining(t) && is_of(core, t, pod))
				return true;
	return false;
}

void ds_drain_keep(struct ds_core *core, const struct ds_event *ev)
{
	const struct ds_target *target = ds_targets_named(core->targets, ev);
	enum ds_holding holding;
	struct ds_pod *pod;

	if (!target || !target->drained || !ds_target_registers(target, ev))
		return;
	/* Who had the address last may still wait for its verdict. */
	pod = ds_ledger_lookup(core->ledger, &target->addr, ev->time_ns, &holding);
	if (pod && !is_of(core, target, pod))
		pod = ds_ledger_previous(core->ledger, &target->addr, pod);
	if (!pod || !ds_pod_is_going(pod) || pod->verdict_written || pod->drain_kept)
		return;
	pod->drain = ds_target_drain(target, pod->t0_ns, pod->t0_source);
	pod->drain_kept = true;
}
