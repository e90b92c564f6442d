/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline of each pod: what Kubernetes, its sockets and its routes say of it makes its phases
 * (DESIGN section 1). Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "user/core/state.h"

/* ---- finding the pod of a kernel event ---- */

static struct ds_pod *pod_of_netns(const struct ds_core *core, uint64_t netns)
{
	struct ds_pod *found = NULL;

	for (struct ds_pod *pod = ds_ledger_first(core->ledger); pod && netns; pod = pod->next)
		if (pod->netns == netns)
			found = pod;	/* the youngest: inode numbers are used again */
	return found;
}

struct ds_pod *ds_timeline_pod_of(const struct ds_core *core, const struct ds_event *ev,
				  int *ret_attribution)
{
	char uid[DS_POD_UID_LEN + 1];
	struct ds_pod *pod;

	*ret_attribution = DS_ATTRIBUTION_NETNS;
	if (ds_event_has(ev, DS_KEY_CGROUP_PATH) && ds_cgroup_pod_uid(ev->cgroup_path, uid)) {
		/* A pod that this node does not know is somebody else's: never guess on. */
		*ret_attribution = DS_ATTRIBUTION_CGROUP;
		return ds_ledger_find(core->ledger, uid);
	}
	if (ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_ROUTING)
		return NULL;	/* the node's own: which pod on the host's network is not known */
	pod = ds_event_has(ev, DS_KEY_NETNS) ? pod_of_netns(core, ev->netns) : NULL;
	return pod;
}

/* ---- listeners ---- */

struct ds_pod_listener *ds_timeline_listener(struct ds_pod *pod, uint16_t port, uint8_t family)
{
	struct ds_pod_listener *l;

	for (int i = 0; i < pod->listeners_cnt; i++) {
		l = &pod->listeners[i];
		if (l->port == port && l->family == family)
			return l;
	}
	if (pod->listeners_cnt == DS_POD_PORTS_MAX)
		return NULL;	/* ports beyond the bound are not told apart */
	l = &pod->listeners[pod->listeners_cnt++];
	*l = (struct ds_pod_listener){ .port = port, .family = family };
	return l;
}

static void listener_opened(struct ds_pod *pod, uint16_t port, uint8_t family, int64_t at_ns)
{
	struct ds_pod_listener *l = ds_timeline_listener(pod, port, family);

	if (l && !l->open) {
		l->open = true;
		l->opened_ns = at_ns;
		l->taken_ns = 0;
	}
}

static void keep_pending(struct ds_core *core, const struct ds_event *ev, uint8_t family)
{
	struct ds_pending_listener *p =
		&core->pending[core->pending_next++ % DS_PENDING_LISTENERS_MAX];

	core->pending_evictions += p->port != 0;
	*p = (struct ds_pending_listener){
		.netns = ds_event_has(ev, DS_KEY_NETNS) ? ev->netns : 0,
		.port = (uint16_t)ev->source_port, .family = family, .at_ns = ev->time_ns,
	};
	if (ds_event_has(ev, DS_KEY_CGROUP_PATH) && !ds_cgroup_pod_uid(ev->cgroup_path, p->uid))
		p->uid[0] = '\0';
}

/* The listener closed before its pod was known. */
static void drop_pending(struct ds_core *core, const struct ds_event *ev, uint8_t family)
{
	char uid[DS_POD_UID_LEN + 1] = "";
	uint64_t netns = ds_event_has(ev, DS_KEY_NETNS) ? ev->netns : 0;

	if (ds_event_has(ev, DS_KEY_CGROUP_PATH) && !ds_cgroup_pod_uid(ev->cgroup_path, uid))
		uid[0] = '\0';
	for (int i = 0; i < DS_PENDING_LISTENERS_MAX; i++) {
		struct ds_pending_listener *p = &core->pending[i];

		if (p->port && p->port == ev->source_port && p->family == family &&
		    (uid[0] && p->uid[0] ? !strcmp(p->uid, uid) : netns && p->netns == netns))
			p->port = 0;
	}
}

static void resolve_pending(struct ds_core *core, struct ds_pod *pod)
{
	for (int i = 0; i < DS_PENDING_LISTENERS_MAX; i++) {
		struct ds_pending_listener *p = &core->pending[i];

		if (!p->port || !(p->uid[0] ? !strcmp(p->uid, pod->uid) :
				  pod->netns && p->netns == pod->netns))
			continue;
		listener_opened(pod, p->port, p->family, p->at_ns);
		if (!pod->netns && !pod->host_network)
			pod->netns = p->netns;
		p->port = 0;
	}
}

void ds_timeline_learn_netns(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev)
{
	if (pod->netns || pod->host_network || !ds_event_has(ev, DS_KEY_NETNS) ||
	    (ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_ROUTING))
		return;
	pod->netns = ev->netns;
	resolve_pending(core, pod);
}

void ds_timeline_socket(struct ds_core *core, const struct ds_event *ev)
{
	uint8_t family = ds_event_has(ev, DS_KEY_NETWORK_TYPE) && !strcmp(ev->network_type, "ipv6") ? 6 : 4;
	struct ds_pod_listener *l;
	struct ds_pod *pod;
	int attribution;

	pod = ds_timeline_pod_of(core, ev, &attribution);
	if (pod)
		ds_timeline_learn_netns(core, pod, ev);
	if (ev->socket_change == DS_SOCKET_CHANGE_LISTENING) {
		if (!pod) {
			if (ds_event_has(ev, DS_KEY_SCOPE) && ev->scope == DS_SCOPE_ROUTING &&
			    attribution != DS_ATTRIBUTION_CGROUP)
				ds_host_port_taken(core, (uint16_t)ev->source_port, ev->time_ns);
			keep_pending(core, ev, family);
			return;
		}
		listener_opened(pod, (uint16_t)ev->source_port, family, ev->time_ns);
		ds_tap_pod_changed(core, pod);
	} else if (ev->socket_change == DS_SOCKET_CHANGE_LISTENER_CLOSED && !pod) {
		drop_pending(core, ev, family);
	} else if (ev->socket_change == DS_SOCKET_CHANGE_LISTENER_CLOSED) {
		l = ds_timeline_listener(pod, (uint16_t)ev->source_port, family);
		if (!l)
			return;
		l->open = false;
		l->closed_ns = ev->time_ns;
		/* A dual-stack port is closed when both of its listeners are. */
		if (ds_pod_listener_of(pod, l->port)->open)
			return;
		ds_phase_enter(core, pod, DS_PHASE_LISTENER_CLOSED, ev->time_ns, l->port, NULL);
		ds_tap_pod_changed(core, pod);
	}
}

/* ---- what Kubernetes says ---- */

/* A status that tells that the kubelet ended the pod by itself comes with the end. */
static bool tells_end(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_T0_SOURCE) && ev->t0_source == DS_T0_SOURCE_STATUS_REASON;
}

bool ds_timeline_is_hearsay(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_T0_SOURCE) && ev->t0_source == DS_T0_SOURCE_ENDPOINT_SLICE;
}

bool ds_timeline_is_stale(const struct ds_core *core, const struct ds_event *ev)
{
	char key[DS_POD_KEY_LEN + 1];
	const struct ds_pod *pod =
		ds_timeline_is_hearsay(ev) ?
			ds_ledger_find(core->ledger, ds_identity_key(ev, key, sizeof(key))) :
			NULL;

	return pod && pod->by_kubernetes &&
	       (!ds_event_has(ev, DS_KEY_TRIGGER) || ev->trigger == pod->trigger);
}

void ds_timeline_pod_state(struct ds_core *core, const struct ds_event *ev)
{
	struct ds_pod *pod;
	bool is_new;

	pod = ds_identity_announce(core, ev, &is_new);
	if (!pod || (ds_timeline_is_hearsay(ev) && pod->by_kubernetes))
		return;
	pod->restored = false;
	ds_address_told(core, pod, ev);
	if (is_new)
		resolve_pending(core, pod);
	if (ds_event_has(ev, DS_KEY_T0) &&
	    !(tells_end(ev) && ds_ending_begin(core, pod, ev->t0)))
		ds_pod_set_t0(pod, ev->t0, ds_event_has(ev, DS_KEY_T0_ERROR) ? ev->t0_error : 0,
			      ds_event_has(ev, DS_KEY_T0_SOURCE) ?
				      ev->t0_source : DS_T0_SOURCE_DELETION_TIMESTAMP);
	if (ds_event_has(ev, DS_KEY_PHASE) && ds_phase_lane(ev->phase) == DS_LANE_KUBERNETES) {
		pod->by_kubernetes = true;
		if (ev->phase == DS_PHASE_TERMINATING)
			ds_pod_set_t0(pod, ev->time_ns, 0, DS_T0_SOURCE_DELETION_TIMESTAMP);
		if (ev->phase != pod->phase_kubernetes)
			ds_phase_enter(core, pod, ev->phase, ev->time_ns, 0, NULL);
		if (ev->phase == DS_PHASE_DELETED && !pod->deleted_ns) {
			pod->deleted_ns = ev->time_ns;
			(void)ds_ending_begin(core, pod, pod->exited_ns);
			ds_address_end(core, pod, ev->time_ns);
		}
		if (!ds_pod_is_going(pod) && !pod->deleted_ns)
			pod->stayed_ns = ev->time_ns;
	}
	ds_tap_pod_changed(core, pod);
}
