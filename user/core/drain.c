/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drain of a pod: that of the targets which have its address (DESIGN section 7), as long as
 * they are this pod's: an address may be given to another pod, and registered for that one, before
 * the first has its verdict. One pod may stand in several target groups, and which of their load
 * balancers sent a packet is not known: the interval of several targets is what encloses those of
 * each. Pure.
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

/* On the node's address: of another pod there, or of the node itself. */
static bool is_anothers(const struct ds_pod *pod, const struct ds_target *target)
{
	return pod->host_network && !ds_pod_has_port(pod, target->port);
}

/* Registered for the pod, or at least for no other. */
bool ds_target_is_of(const struct ds_core *core, const struct ds_target *target,
		     const struct ds_pod *pod)
{
	if (pod->reused_ns && target->assigned_ns >= pod->reused_ns)
		return false;
	if (is_anothers(pod, target))
		return false;
	return !ds_target_earlier_pod(core, target, pod);
}

/* The latest phase that Kubernetes told from before T0: T0 is a floor, so at T0 is not before. */
static bool was_ready(const struct ds_pod *pod)
{
	for (int i = pod->phases_cnt - 1; i >= 0; i--)
		if (pod->phases[i].phase <= DS_PHASE_DELETED && pod->phases[i].at_ns < pod->t0_ns)
			return pod->phases[i].phase == DS_PHASE_READY;
	return true;
}

static struct ds_drain_span span_of(const struct ds_core *core, const struct ds_pod *pod,
				    const struct ds_addr *a)
{
	struct ds_drain_span span = {
		.until_ns = pod->reused_ns, .t0_ns = pod->t0_ns, .t0_source = pod->t0_source,
	};

	/* What was told before this run of a pod that runs already may well be of that pod. */
	if (ds_ledger_previous(core->ledger, a, pod))
		span.from_ns = pod->seen_ns;
	if (pod->t0_ns)
		span.t0_holds = was_ready(pod);
	return span;
}

static void enclose(struct ds_drain *sum, const struct ds_drain *d)
{
	if (d->lo_ns < sum->lo_ns) {
		sum->lo_ns = d->lo_ns;
		sum->lo_source = d->lo_source;
	}
	if (d->hi_ns > sum->hi_ns) {
		sum->hi_ns = d->hi_ns;
		sum->hi_source = d->hi_source;
	}
	if (d->delay_ns > sum->delay_ns)
		sum->delay_ns = d->delay_ns;
	sum->conflict = sum->conflict || d->conflict;
}

/*
 * One more target. A target that does not drain leaves the drain of that port open, since its load
 * balancer may have sent; of the pod as a whole those count that drain.
 */
static void add(struct ds_drain *sum, const struct ds_drain *d, bool of_port)
{
	if (!sum->known || (d->began && !sum->began && !of_port)) {
		*sum = *d;
	} else if (d->began == sum->began) {
		enclose(sum, d);
	} else if (of_port) {
		sum->began = false;
		sum->hi_ns = 0;
		if (d->lo_ns < sum->lo_ns) {
			sum->lo_ns = d->lo_ns;
			sum->lo_source = d->lo_source;
		}
	}
}

bool ds_pod_serves_port(const struct ds_core *core, const struct ds_pod *pod, uint16_t port)
{
	bool any = false;

	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address) {
			if (!ds_target_is_of(core, t, pod))
				continue;
			if (t->port == port)
				return true;
			any = any || t->port;
		}
	return !any;
}

struct ds_drain ds_pod_drain(const struct ds_core *core, const struct ds_pod *pod, uint16_t port)
{
	struct ds_drain sum = { .delay_ns = -1 };
	bool of_port = false;

	for (int i = 0; i < pod->addresses_cnt && port && !of_port; i++)
		of_port = ds_targets_find(core->targets, &pod->addresses[i], port) != NULL;
	for (int i = 0; i < pod->addresses_cnt; i++) {
		const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		struct ds_drain_span span;

		if (!t)
			continue;
		span = span_of(core, pod, &pod->addresses[i]);
		for (; t; t = t->same_address) {
			struct ds_drain d;

			if ((of_port && t->port != port) || is_anothers(pod, t) ||
			    ds_target_earlier_pod(core, t, pod))
				continue;
			d = ds_target_drain(t, &span);
			if (!d.began && !ds_target_is_of(core, t, pod))
				continue;
			add(&sum, &d, of_port);
		}
	}
	/* What was kept speaks of one target: it stands in where the facts are gone by now. */
	return pod->drain_kept && !sum.began ? pod->drain : sum;
}

bool ds_pod_is_draining(const struct ds_core *core, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address)
			if (ds_target_is_draining(t) && ds_target_is_of(core, t, pod))
				return true;
	return false;
}

bool ds_pod_keeps_connections(const struct ds_core *core, const struct ds_pod *pod)
{
	const struct ds_instance_group *only = ds_instances_only(&core->instances);
	bool any = false;

	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address) {
			if (!ds_target_is_of(core, t, pod))
				continue;
			if (t->lb_type != DS_LB_TYPE_NETWORK && !t->preserve_client_ip)
				return false;
			any = true;
		}
	return any || (only && (only->lb_type == DS_LB_TYPE_NETWORK || only->preserve_client_ip));
}

void ds_drain_keep(struct ds_core *core, const struct ds_event *ev)
{
	const struct ds_target *target = ds_targets_named(core->targets, ev);
	struct ds_drain_span span;
	enum ds_holding holding;
	struct ds_pod *pod;

	if (!target || !target->drained || !ds_target_registers(target, ev))
		return;
	/* Who had the address last may still wait for its verdict. */
	pod = ds_ledger_lookup(core->ledger, &target->addr, ev->time_ns, &holding);
	if (pod && !ds_target_is_of(core, target, pod))
		pod = ds_ledger_previous(core->ledger, &target->addr, pod);
	if (!pod || !ds_pod_is_going(pod) || pod->verdict_written || pod->drain_kept)
		return;
	span = span_of(core, pod, &target->addr);
	pod->drain = ds_target_drain(target, &span);
	pod->drain_kept = true;
}
