/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of pods over time: who takes one, by what it is released, who gets it next. The
 * ledger keeps it; this decides what an event means for it (DESIGN section 6). Pure.
 */
#include <string.h>

#include "user/core/state.h"

static void released(struct ds_core *core, struct ds_pod *pod, int64_t at_ns)
{
	if (pod->released_ns)
		return;
	pod->released_ns = at_ns;
	ds_timeline_enter(core, pod, DS_PHASE_ADDRESS_RELEASED, at_ns, 0, NULL);
}

void ds_address_route(struct ds_core *core, const struct ds_event *ev)
{
	int64_t at_ns = ds_event_has(ev, DS_KEY_NOT_AFTER) ? ev->not_after : ev->time_ns;
	enum ds_holding holding;
	struct ds_pod *pod;
	struct ds_addr a;

	if (ds_addr_parse(ev->address, strlen(ev->address), &a))
		return;
	pod = ds_ledger_lookup(core->ledger, &a, at_ns, &holding);
	if (!pod || pod->host_network || ev->route_change != DS_ROUTE_CHANGE_RELEASED ||
	    holding != DS_HOLDING_HELD)
		return;
	(void)ds_ledger_release(core->ledger, &a, at_ns);
	released(core, pod, at_ns);
	ds_tap_pod_changed(core, pod);
}

static void take_address(struct ds_core *core, struct ds_pod *pod, const struct ds_addr *a,
			 int64_t at_ns)
{
	struct ds_pod *before;

	if (!ds_pod_has_address(pod, a)) {
		if (pod->addresses_cnt == DS_POD_ADDRESSES_MAX)
			return;		/* Kubernetes gives two at most */
		pod->addresses[pod->addresses_cnt++] = *a;
		pod->watch_flags = 0;	/* what was wished did not speak of this one */
	}
	before = ds_ledger_hold(core->ledger, pod, a, at_ns);
	if (before && !before->host_network && !before->reused_ns) {
		before->reused_ns = at_ns;
		ds_timeline_enter(core, before, DS_PHASE_ADDRESS_REUSED, at_ns, 0, NULL);
		ds_tap_pod_changed(core, before);
	}
}

struct taking {
	struct ds_core *core;
	struct ds_pod *pod;
	int64_t at_ns;
	bool ended;	/* the event says that the pod has ended */
};

static void take_address_item(void *ctx, const char *item, size_t len)
{
	const struct taking *t = ctx;
	struct ds_addr a;

	enum ds_holding holding;

	if (ds_addr_parse(item, len, &a))
		return;
	/* A finished pod keeps its status.podIP: whoever has the address by now keeps it too. */
	if (t->ended && ds_ledger_lookup(t->core->ledger, &a, t->at_ns, &holding) != t->pod &&
	    holding != DS_HOLDING_NONE)
		return;
	take_address(t->core, t->pod, &a, t->at_ns);
}

void ds_address_told(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev)
{
	struct taking taking = {
		.core = core, .pod = pod, .at_ns = ev->time_ns,
		.ended = ds_event_has(ev, DS_KEY_PHASE) && ev->phase == DS_PHASE_DELETED,
	};

	if (ds_event_has(ev, DS_KEY_POD_ADDRESSES) && !ds_pod_ended_ns(pod) && !pod->released_ns &&
	    !pod->reused_ns)
		ds_identity_each_item(ev->pod_addresses, DS_POD_ADDRESSES_MAX, take_address_item,
				      &taking);
}

void ds_address_end(struct ds_core *core, struct ds_pod *pod, int64_t at_ns)
{
	enum ds_holding holding;

	for (int i = 0; i < pod->addresses_cnt; i++)
		if (ds_ledger_lookup(core->ledger, &pod->addresses[i], at_ns, &holding) == pod)
			(void)ds_ledger_release(core->ledger, &pod->addresses[i], at_ns);
}
