/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of a state file, as snapshot.c makes them: each sets what it tells and nothing else. No
 * line is written for them, since the run before wrote it, and time does not pass. Pure.
 */
#include <string.h>

#include "user/core/state.h"
#include "user/core/workload.h"

void ds_restore_gap(struct ds_core *core, const struct ds_event *ev)
{
	bool again = ds_event_has(ev, DS_KEY_RESTORED) && ev->restored;
	struct ds_gap gap = {
		.from_ns = ds_event_has(ev, DS_KEY_NOT_BEFORE) ? ev->not_before : 0,
		.until_ns = ds_event_has(ev, DS_KEY_NOT_AFTER) ? ev->not_after : ev->time_ns,
	};

	if (!again && core->gaps_cnt) {
		core->gaps[0] = gap; /* before this run, the one before it watched */
		return;
	}
	if (core->gaps_cnt == DS_GAPS_MAX) { /* the oldest one goes, not that before this run */
		memmove(&core->gaps[1], &core->gaps[2], sizeof(gap) * (DS_GAPS_MAX - 2));
		core->gaps_cnt--;
	}
	core->gaps[core->gaps_cnt++] = gap;
}

static void restore_loss(struct ds_core *core, const struct ds_event *ev)
{
	if (ev->loss_stage == DS_LOSS_STAGE_RESTART)
		ds_restore_gap(core, ev);
	else if (ds_event_has(ev, DS_KEY_NOT_AFTER))
		core->lost_at_ns = ev->not_after;
}

/* ---- one pod ---- */

static void restore_addresses(struct ds_pod *pod, const char *list)
{
	struct ds_addr a;

	while (*list && pod->addresses_cnt < DS_POD_ADDRESSES_MAX) {
		size_t len = strcspn(list, ",");

		while (len && *list == ' ') {
			list++;
			len--;
		}
		if (!ds_addr_parse(list, len, &a) && !ds_pod_has_address(pod, &a))
			pod->addresses[pod->addresses_cnt++] = a;
		list += len;
		list += *list == ',';
	}
}

static void restore_pod(struct ds_core *core, const struct ds_event *ev)
{
	bool is_new;
	struct ds_pod *pod = ds_identity_announce(core, ev, &is_new);

	if (!pod)
		return;
	pod->restored = true;
	if (ds_event_has(ev, DS_KEY_POD_ADDRESSES))
		restore_addresses(pod, ev->pod_addresses);
	if (pod->host_network)
		ds_ledger_share(core->ledger, pod);
	if (ds_event_has(ev, DS_KEY_NETNS))
		pod->netns = ev->netns;
	if (ds_event_has(ev, DS_KEY_PHASE)) {
		pod->by_kubernetes = true;
		pod->phase_kubernetes = ev->phase;
	}
	if (ds_event_has(ev, DS_KEY_T0)) {
		pod->t0_ns = ev->t0;
		pod->t0_error_ns =
			ds_event_has(ev, DS_KEY_T0_ERROR) && ev->t0_error > 0 ? ev->t0_error : 0;
		pod->t0_source = ds_event_has(ev, DS_KEY_T0_SOURCE) ?
					 ev->t0_source :
					 DS_T0_SOURCE_DELETION_TIMESTAMP;
	}
	if (ds_event_has(ev, DS_KEY_ENDED_BY))
		pod->ended_by = ev->ended_by;
}

/* One entry of its timeline. */
static void restore_phase(struct ds_pod *pod, const struct ds_event *ev)
{
	int64_t at_ns = ev->time_ns;

	if (!ds_event_has(ev, DS_KEY_PHASE))
		return;
	ds_phase_remember(pod, ev->phase, at_ns,
			     ds_event_has(ev, DS_KEY_PHASE_PORT) ? (uint16_t)ev->phase_port : 0);
	if (ev->phase_lane == DS_LANE_KERNEL)
		pod->phase_kernel = ev->phase;
	if (ev->phase == DS_PHASE_ADDRESS_RELEASED && !pod->released_ns)
		pod->released_ns = at_ns;
	if (ev->phase == DS_PHASE_ADDRESS_REUSED && !pod->reused_ns)
		pod->reused_ns = at_ns;
	if (ev->phase == DS_PHASE_DELETED && !pod->deleted_ns)
		pod->deleted_ns = at_ns;
}

static void restore_drain(struct ds_pod *pod, const struct ds_event *ev)
{
	struct ds_drain d = {
		.known = true, .began = true, .delay_ns = -1, .hi_ns = ev->drain_not_after,
		.lo_source = DS_TARGET_SOURCE_FILE, .hi_source = DS_TARGET_SOURCE_FILE,
	};

	if (ds_event_has(ev, DS_KEY_TG_DELAY))
		d.delay_ns = ev->tg_delay_s * DS_NS_PER_S;
	if (ds_event_has(ev, DS_KEY_DRAIN_NOT_BEFORE))
		d.lo_ns = ev->drain_not_before;
	if (ds_event_has(ev, DS_KEY_DRAIN_NOT_BEFORE_SOURCE))
		d.lo_source = ev->drain_not_before_source;
	if (ds_event_has(ev, DS_KEY_DRAIN_NOT_AFTER_SOURCE))
		d.hi_source = ev->drain_not_after_source;
	pod->drain = d;
	pod->drain_kept = true;
}

/* What it has cost so far: the last of its events. */
static void restore_sums(struct ds_pod *pod, const struct ds_event *ev)
{
	pod->rollout_drops = (uint32_t)ev->verdict_drops;
	if (ds_event_has(ev, DS_KEY_DROPS_BY))
		memcpy(pod->drops_by, ev->drops_by, sizeof(pod->drops_by));
	if (ds_event_has(ev, DS_KEY_NOT_DROPS))
		memcpy(pod->not_drops, ev->not_drops, sizeof(pod->not_drops));
	if (ds_event_has(ev, DS_KEY_TRAFFIC_ACCEPTED))
		pod->arrivals_cnt = (uint32_t)ev->traffic_accepted;
	if (ds_event_has(ev, DS_KEY_LAST_TRAFFIC_PAYLOAD_AT))
		pod->last_arrival_ns = ev->last_traffic_payload_at;
	if (ds_event_has(ev, DS_KEY_LAST_ACCEPTED_AT))
		pod->last_begun_ns = ev->last_accepted_at;
	if (ds_event_has(ev, DS_KEY_TAIL_ERROR) && ev->tail_error > 0)
		pod->last_arrival_error_ns =
			ev->tail_error < DS_EVENT_NS_MAX ? ev->tail_error : DS_EVENT_NS_MAX;
	if (ds_event_has(ev, DS_KEY_VERDICT_REASON)) {
		pod->lost_evidence = ev->verdict_reason == DS_VERDICT_REASON_LOSS;
		pod->late_evidence = ev->verdict_reason == DS_VERDICT_REASON_LATE;
	}
	if (ds_event_has(ev, DS_KEY_DRAIN_NOT_AFTER))
		restore_drain(pod, ev);
	if (!ds_event_has(ev, DS_KEY_VERDICT))
		return;
	pod->verdict_written = true;
	pod->verdict = ev->verdict;
	pod->tap_done = true;
	pod->tail_known = pod->t0_ns && pod->last_arrival_ns >= pod->t0_ns;
	pod->tail_ns = pod->tail_known ? pod->last_arrival_ns - pod->t0_ns : 0;
}

static void restore_listener(struct ds_pod *pod, const struct ds_event *ev)
{
	uint8_t family =
		ds_event_has(ev, DS_KEY_NETWORK_TYPE) && !strcmp(ev->network_type, "ipv6") ? 6 : 4;
	struct ds_pod_listener *l = ds_timeline_listener(pod, (uint16_t)ev->source_port, family);

	if (!l)
		return;
	l->open = ev->socket_change == DS_SOCKET_CHANGE_LISTENING;
	if (l->open)
		l->opened_ns = ev->time_ns;
	else
		l->closed_ns = ev->time_ns;
}

static void restore_container(struct ds_pod *pod, const struct ds_event *ev)
{
	struct ds_pod_container *c = NULL;
	size_t len = strnlen(ev->container, DS_POD_ID_LEN);

	for (int i = 0; i < pod->containers_cnt && !c; i++)
		if (!strcmp(pod->containers[i].id, ev->container))
			c = &pod->containers[i];
	if (!c) {
		c = DS_POD_ADD(pod->containers, pod->containers_cnt, DS_POD_CONTAINERS_MAX);
		if (!c)
			return;
		memcpy(c->id, ev->container, len);
	}
	switch (ev->process_change) {
	case DS_PROCESS_CHANGE_SIGKILL:
		c->killed_ns = ev->time_ns;
		c->killed_by = ds_event_has(ev, DS_KEY_KILLED_BY) ? ev->killed_by : -1;
		break;
	case DS_PROCESS_CHANGE_OOM_KILLED:
		c->oom_ns = ev->time_ns;
		break;
	case DS_PROCESS_CHANGE_EXITED:
		c->exited_ns = ev->time_ns;
		c->exit_code = ds_event_has(ev, DS_KEY_EXIT_CODE) ? (int)ev->exit_code : 0;
		break;
	default:
		c->sigterm_ns = ev->time_ns;
		break;
	}
}

/* Without a container it is the pod's: its first SIGTERM and SIGKILL, its last exit. */
static void restore_process(struct ds_pod *pod, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_CONTAINER)) {
		restore_container(pod, ev);
		return;
	}
	switch (ev->process_change) {
	case DS_PROCESS_CHANGE_SIGTERM_IGNORED:
		pod->sigterm_ignored = true;
		pod->sigterm_ns = ev->time_ns;
		break;
	case DS_PROCESS_CHANGE_SIGTERM:
		pod->sigterm_ns = ev->time_ns;
		break;
	case DS_PROCESS_CHANGE_SIGKILL:
		pod->sigkill_ns = ev->time_ns;
		break;
	case DS_PROCESS_CHANGE_EXITED:
		pod->exited_ns = ev->time_ns;
		break;
	default:
		break;
	}
}

static void restore_holding(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev)
{
	struct ds_addr a;

	if (ds_addr_parse(ev->address, strlen(ev->address), &a))
		return;
	if (ev->route_change == DS_ROUTE_CHANGE_RELEASED) {
		if (ds_event_has(ev, DS_KEY_ROUTE_BY))
			ds_address_note_sign(pod, &a, ev);
		else
			(void)ds_ledger_release(core->ledger, &a, ev->time_ns);
		return;
	}
	/* remove_pod looks only at the addresses that a pod has. */
	if (!ds_pod_has_address(pod, &a))
		return;
	(void)ds_ledger_hold(core->ledger, pod, &a, ev->time_ns);
	pod->watch_flags = 0;
	ds_tap_pod_changed(core, pod);
}

void ds_restore(struct ds_core *core, const struct ds_event *ev)
{
	char key[DS_POD_KEY_LEN + 1];
	struct ds_pod *pod = ds_ledger_find(core->ledger, ds_identity_key(ev, key, sizeof(key)));

	switch (ev->kind) {
	case DS_EVENT_LB_ADDRESS:
	case DS_EVENT_NODE_ADDRESS:
		ds_peers_update(&core->peers, ev);
		break;
	case DS_EVENT_LOSS:
		restore_loss(core, ev);
		break;
	case DS_EVENT_WORKLOAD:
		ds_workloads_restore(core->workloads, ev);
		break;
	case DS_EVENT_TARGET:
		ds_instances_update(&core->instances, ev);
		ds_targets_restore(core->targets, ev);
		break;
	case DS_EVENT_POD_STATE:
		if (pod && ds_event_has(ev, DS_KEY_PHASE_LANE))
			restore_phase(pod, ev);
		else if (pod && ds_event_has(ev, DS_KEY_VERDICT_DROPS))
			restore_sums(pod, ev);
		else if (!pod)
			restore_pod(core, ev);
		break;
	case DS_EVENT_SOCKET:
		if (pod)
			restore_listener(pod, ev);
		break;
	case DS_EVENT_PROCESS:
		if (pod)
			restore_process(pod, ev);
		break;
	case DS_EVENT_ROUTE:
		if (pod)
			restore_holding(core, pod, ev);
		break;
	default:
		break; /* no other kind is in a state file */
	}
}
