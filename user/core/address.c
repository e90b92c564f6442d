/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of pods over time: who takes one, by what it is released, who gets it next. The
 * ledger keeps it; this decides what an event means for it (DESIGN section 6). Pure.
 */
#include <string.h>

#include "user/core/state.h"

static int index_of(const struct ds_pod *pod, const struct ds_addr *a)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		if (ds_addr_equal(&pod->addresses[i], a))
			return i;
	return -1;
}

static enum ds_route_by told_by(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_ROUTE_BY) ? (enum ds_route_by)ev->route_by :
						   DS_ROUTE_BY_ROUTE;
}

static const char *link_of(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_IFACE_NAME) ? ev->iface_name : "";
}

/* ---- released ---- */

unsigned ds_address_signs(const struct ds_pod *pod, const struct ds_addr *a)
{
	int i = index_of(pod, a);

	return i >= 0 ? pod->gone_by[i] : 0;
}

void ds_address_note_sign(struct ds_pod *pod, const struct ds_addr *a, const struct ds_event *ev)
{
	int i = index_of(pod, a);

	if (i >= 0)
		pod->gone_by[i] |= (uint8_t)(1U << told_by(ev));
	if (told_by(ev) == DS_ROUTE_BY_RULE)
		return;
	memset(pod->gone_link, 0, sizeof(pod->gone_link));
	memcpy(pod->gone_link, link_of(ev), strnlen(link_of(ev), DS_POD_LINK_LEN));
}

/* Routes have no clock: it went at some time in the event's interval, whose end counts. */
static void released(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev,
		     int64_t at_ns)
{
	struct ds_phase_change c = { .phase = DS_PHASE_ADDRESS_RELEASED, .at_ns = at_ns,
				     .killed_by = -1 };

	if (pod->released_ns)
		return;
	pod->released_ns = at_ns;
	if (ds_event_has(ev, DS_KEY_NOT_BEFORE) && ev->not_before <= at_ns)
		c.not_before_ns = ev->not_before;
	ds_phase_tell(core, pod, &c);
}

/* ---- and not released after all ---- */

/*
 * A route that comes back to the same link, of a pod that did not end, was only made anew. A link
 * that comes back under its name is another one, unless Kubernetes tells which pod it is.
 */
static bool comes_back(struct ds_pod *pod, const struct ds_addr *a, const struct ds_event *ev)
{
	const unsigned way = 1U << DS_ROUTE_BY_ROUTE | 1U << DS_ROUTE_BY_LINK;
	int i = index_of(pod, a);

	if (i < 0 || !pod->gone_by[i] || pod->deleted_ns || pod->reused_ns ||
	    (pod->exited_ns && ds_pod_is_going(pod)))
		return false;
	if (told_by(ev) == DS_ROUTE_BY_RULE) {
		pod->gone_by[i] &= (uint8_t)~(1U << DS_ROUTE_BY_RULE);
	} else {
		if (strncmp(pod->gone_link, link_of(ev), DS_POD_LINK_LEN) != 0 ||
		    (pod->gone_by[i] & 1U << DS_ROUTE_BY_LINK && !pod->by_kubernetes))
			return false;
		pod->gone_by[i] &= (uint8_t)~way;
	}
	return !pod->gone_by[i];
}

/* Every address that it gave up is its own again. */
static bool has_all(const struct ds_core *core, const struct ds_pod *pod, int64_t at_ns)
{
	enum ds_holding holding;

	for (int i = 0; i < pod->addresses_cnt; i++)
		if (ds_ledger_lookup(core->ledger, &pod->addresses[i], at_ns, &holding) == pod &&
		    holding != DS_HOLDING_HELD)
			return false;
	return true;
}

static void taken_back(struct ds_core *core, struct ds_pod *pod, const struct ds_addr *a,
		       int64_t at_ns)
{
	if (!ds_ledger_reopen(core->ledger, pod, a) || !has_all(core, pod, at_ns))
		return;
	pod->released_ns = 0;
	pod->taken_back_ns = at_ns;
	ds_phase_leave(core, pod, DS_PHASE_ADDRESS_RELEASED, at_ns);
}

/* ---- taken ---- */

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
	if (pod->host_network) {
		ds_ledger_share(core->ledger, pod);
		return;
	}
	before = ds_ledger_hold(core->ledger, pod, a, at_ns);
	if (before && !before->reused_ns) {
		before->reused_ns = at_ns;
		ds_phase_enter(core, before, DS_PHASE_ADDRESS_REUSED, at_ns, 0, NULL);
		ds_tap_pod_changed(core, before);
	}
}

/*
 * The address of a pod that nobody but its address names is given out again: that is another pod,
 * and nobody will tell which.
 */
static void new_holder(struct ds_core *core, const struct ds_addr *a, int64_t at_ns)
{
	char address[DS_ADDR_STRLEN];
	struct ds_pod *pod;
	struct ds_event ev;
	bool is_new;

	(void)ds_addr_format(a, address);
	ds_event_init(&ev, DS_EVENT_POD_STATE, at_ns);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	pod = ds_identity_announce(core, &ev, &is_new);
	if (!pod)
		return;
	take_address(core, pod, a, at_ns);
	ds_tap_pod_changed(core, pod);
}

/*
 * Kubernetes tells of a pod seconds after the node has given it an address. Of a pod that is no
 * more the route is another's, from the earlier bound of the interval on.
 */
static void given_away(struct ds_pod *pod, const struct ds_event *ev)
{
	if (pod->given_ns || !(pod->deleted_ns || (pod->exited_ns && ds_pod_is_going(pod))))
		return;
	pod->given_ns = ds_event_has(ev, DS_KEY_NOT_BEFORE) ? ev->not_before : ev->time_ns;
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
	if (!pod)
		return;
	if (ev->route_change == DS_ROUTE_CHANGE_RELEASED) {
		ds_address_note_sign(pod, &a, ev);
		if (holding != DS_HOLDING_HELD)
			return;
		(void)ds_ledger_release(core->ledger, &a, at_ns);
		released(core, pod, ev, at_ns);
	} else if (holding != DS_HOLDING_RELEASED) {
		return;
	} else if (comes_back(pod, &a, ev)) {
		taken_back(core, pod, &a, at_ns);
	} else if (!pod->by_kubernetes && told_by(ev) == DS_ROUTE_BY_ROUTE) {
		new_holder(core, &a, at_ns);
		return;
	} else {
		given_away(pod, ev);
	}
	ds_tap_pod_changed(core, pod);
}

struct taking {
	struct ds_core *core;
	struct ds_pod *pod;
	int64_t at_ns;	/* it had the address then */
	bool ended;	/* the event says that the pod has ended */
	bool went;	/* and when it began to go */
};

/*
 * A finished pod keeps its status.podIP: whoever has the address by now keeps it too. Where it is
 * known when the pod went it follows on whoever had given the address up by then. The node's own
 * address is no pod's: one that was on the host's network may be told of without that.
 */
static bool is_anothers(const struct taking *t, const struct ds_addr *a)
{
	const struct ds_ledger *ledger = t->core->ledger;
	enum ds_holding then, now;
	const struct ds_pod *last = ds_ledger_lookup(ledger, a, INT64_MAX, &now);
	bool given_up = t->went && ds_ledger_lookup(ledger, a, t->at_ns, &then) == last &&
			then == DS_HOLDING_RELEASED;

	if (!t->pod->host_network && ds_peers_is_node(&t->core->peers, a))
		return true;
	return last && last != t->pod && !given_up;
}

static void take_address_item(void *ctx, const char *item, size_t len)
{
	const struct taking *t = ctx;
	struct ds_addr a;

	if (ds_addr_parse(item, len, &a) || (t->ended && is_anothers(t, &a)))
		return;
	take_address(t->core, t->pod, &a, t->at_ns);
}

void ds_address_told(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev)
{
	struct taking taking = {
		.core = core, .pod = pod, .at_ns = ev->time_ns,
		.ended = ds_event_has(ev, DS_KEY_PHASE) && ev->phase == DS_PHASE_DELETED,
		.went = ds_event_has(ev, DS_KEY_T0) && ev->t0 <= ev->time_ns,
	};

	if (taking.ended && taking.went)
		taking.at_ns = ev->t0;
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
