/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap's own rule (DESIGN section 5): which addresses to watch for what, and when the tap is
 * worth its price. Says wishes only; main hands them to the kernel source. Pure.
 */
#include "include/ds_record.h"
#include "user/core/state.h"

/* What the other pods want of an address that several share. */
static uint32_t flags_of_others(const struct ds_core *core, const struct ds_pod *but,
				const struct ds_addr *a)
{
	uint32_t flags = 0;

	for (const struct ds_pod *p = ds_ledger_first_host(core->ledger); p; p = p->next_host)
		if (p != but && ds_pod_has_address(p, a))
			flags |= p->watch_flags & ~DS_WATCH_WISHED;
	return flags;
}

static void watch(struct ds_core *core, struct ds_pod *pod, uint32_t flags)
{
	struct ds_wish wish = { .kind = DS_WISH_WATCH, .watch_flags = flags };
	enum ds_holding holding;

	for (int i = 0; i < pod->addresses_cnt; i++) {
		wish.addr = pod->addresses[i];
		if (pod->host_network)
			wish.watch_flags = flags | flags_of_others(core, pod, &wish.addr);
		/* An address that another pod has by now is that pod's to watch. */
		else if (ds_ledger_lookup(core->ledger, &wish.addr, core->now_ns, &holding) != pod)
			continue;
		ds_core_wish(core, &wish);
	}
	pod->watch_flags = flags | DS_WATCH_WISHED;
}

/*
 * Only a pod that has, or had, a listener or a target can lose anything. A Job's serves its metrics
 * at most, unless it is a target, or the load balancer, where that is known, has sent to it.
 */
static bool serves(const struct ds_core *core, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		if (!pod->host_network && ds_targets_of(core->targets, &pod->addresses[i]))
			return true;
	if (pod->owner_kind == DS_OWNER_JOB && ds_peers_know_load_balancer(&core->peers) &&
	    !ds_instances_preserve(&core->instances))
		return pod->balancers_cnt > 0;
	if (pod->listeners_cnt || pod->ports_cnt)
		return true;
	return !pod->by_kubernetes;	/* --pod-ip: it was named by hand, so it matters */
}

static bool goes_away(const struct ds_core *core, const struct ds_pod *pod)
{
	if (ds_pod_is_going(pod) || pod->released_ns || pod->sigterm_ns)
		return true;
	/* What died while its route was away comes again, and is told to have died only later. */
	if (pod->taken_back_ns && core->now_ns - pod->taken_back_ns < DS_WINDOW_SILENT_NS)
		return true;
	for (int i = 0; i < pod->listeners_cnt; i++)
		if (pod->listeners[i].open || !pod->listeners[i].closed_ns)
			return false;
	return pod->listeners_cnt > 0;	/* its last listener closed */
}

/* The target is still draining, and less than twice its delay ago. */
static bool still_draining(const struct ds_core *core, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->addresses_cnt; i++) {
		const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);

		for (; t; t = t->same_address) {
			int64_t delay_ns = t->delay_s > 0 ? t->delay_s * DS_NS_PER_S : 0;

			if (ds_target_is_draining(t) && ds_target_is_of(core, t, pod) &&
			    t->drain_hi_ns + 2 * delay_ns > core->now_ns)
				return true;
		}
	}
	return false;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static bool is_settled(const struct ds_core *core, const struct ds_pod *pod)
{
	int64_t quiet_since = latest(latest(pod->tap_since_ns, pod->last_arrival_ns),
				     ds_pod_ended_ns(pod));

	if (core->now_ns - pod->tap_since_ns >= core->tap_max_ns)
		return true;
	return ds_pod_ended_ns(pod) && !pod->open_windows &&
	       core->now_ns - quiet_since >= core->settle_ns && !still_draining(core, pod);
}

/* Force-deleted: the object is gone while its containers go on serving. */
static bool outlives_object(const struct ds_pod *pod)
{
	for (int i = 0; i < pod->listeners_cnt; i++)
		if (pod->listeners[i].open)
			return true;
	return pod->containers_cnt > 0 && !pod->exited_ns;
}

/* Another pod had one of its addresses before: the load balancer may still mean that one. */
static bool has_used_address(const struct ds_core *core, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		if (ds_ledger_previous(core->ledger, &pod->addresses[i], pod))
			return true;
	return false;
}

static uint32_t flags_of(const struct ds_core *core, const struct ds_pod *pod)
{
	uint32_t flags = 0;

	/* The node's address outlives every pod that shares it, and has traffic of its own. */
	if (pod->host_network)
		return core->tap_always || (pod->tap_since_ns && !pod->tap_done) ?
			       DS_WATCH_GOING : 0;
	if (pod->tap_since_ns || core->tap_always)
		flags |= DS_WATCH_GOING;
	if (pod->released_ns || (pod->deleted_ns && !outlives_object(pod)))
		flags |= DS_WATCH_RELEASED;
	if (has_used_address(core, pod))
		flags |= DS_WATCH_REUSED;
	return flags;
}

static void review_pod(struct ds_core *core, struct ds_pod *pod)
{
	/*
	 * A listener that came back, or a tap of long ago for a restart: what makes the pod go away
	 * now is a reason of its own.
	 */
	if (pod->tap_since_ns &&
	    (!goes_away(core, pod) || (pod->tap_done && pod->t0_ns > pod->tap_since_ns))) {
		pod->tap_since_ns = 0;
		pod->tap_done = false;
	}
	if (!pod->tap_since_ns && !pod->tap_done && goes_away(core, pod) && serves(core, pod))
		pod->tap_since_ns = core->now_ns;
	if (pod->tap_since_ns && !pod->tap_done && is_settled(core, pod))
		pod->tap_done = true;
}

static void wish_tap(struct ds_core *core)
{
	struct ds_wish wish = { .kind = DS_WISH_TAP, .tap_on = core->tap_always };

	for (const struct ds_pod *pod = ds_ledger_first(core->ledger); pod && !wish.tap_on;
	     pod = pod->next)
		wish.tap_on = pod->tap_since_ns && !pod->tap_done;
	if (wish.tap_on == core->tap_wished)
		return;
	core->tap_wished = wish.tap_on;
	ds_core_wish(core, &wish);
}

void ds_tap_pod_changed(struct ds_core *core, struct ds_pod *pod)
{
	review_pod(core, pod);
	if (pod->watch_flags != (flags_of(core, pod) | DS_WATCH_WISHED))
		watch(core, pod, flags_of(core, pod));
	wish_tap(core);
}

void ds_tap_review(struct ds_core *core)
{
	/* Also a pod that goes: its target may have been told after it began to. */
	for (struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next) {
		if (pod->tap_done || !(pod->tap_since_ns || ds_pod_is_going(pod)))
			continue;
		review_pod(core, pod);
		if (pod->watch_flags != (flags_of(core, pod) | DS_WATCH_WISHED))
			watch(core, pod, flags_of(core, pod));
	}
	wish_tap(core);
}

/* Another pod on the host's network needs the address to be watched. */
static bool is_shared(const struct ds_core *core, const struct ds_pod *but, const struct ds_addr *a)
{
	for (const struct ds_pod *p = ds_ledger_first_host(core->ledger); p; p = p->next_host)
		if (p != but && ds_pod_has_address(p, a))
			return true;
	return false;
}

void ds_tap_forget(struct ds_core *core, struct ds_pod *pod)
{
	struct ds_wish wish = { .kind = DS_WISH_UNWATCH };
	enum ds_holding holding;

	pod->watch_flags = 0;
	for (int i = 0; i < pod->addresses_cnt; i++) {
		wish.addr = pod->addresses[i];
		if (pod->host_network ? is_shared(core, pod, &wish.addr) :
					ds_ledger_lookup(core->ledger, &wish.addr, core->now_ns,
							 &holding) != pod)
			continue;
		ds_core_wish(core, &wish);
	}
}
