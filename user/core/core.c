/* SPDX-License-Identifier: Apache-2.0 */
/* The core's front door: takes each event to its module, in one order, and lets time pass. */
#include "user/core/core.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/cadence.h"
#include "user/core/drop.h"
#include "user/core/flow.h"
#include "user/core/state.h"
#include "user/core/workload.h"
#include "user/util/cleanup.h"

#define MAX_PODS_DEFAULT 16384
#define MAX_FLOWS_DEFAULT 131072
#define MAX_TARGETS 65536
#define MAX_CADENCES 8192
#define SETTLE_DEFAULT_NS (60 * DS_NS_PER_S)
#define TAP_MAX_DEFAULT_NS (900 * DS_NS_PER_S)
#define RATE_LIMIT_DEFAULT 100
#define RETENTION_NS (3600 * DS_NS_PER_S)
#define HEALTH_EVERY_NS (60 * DS_NS_PER_S)
#define WATCH_LAG_NS (5 * DS_NS_PER_S)	/* the news are this late: that is not well */

int ds_core_new(struct ds_core **ret_core, const struct ds_core_options *options)
{
	ds_cleanup(ds_core_free) struct ds_core *core = calloc(1, sizeof(*core));
	int r;

	if (!core)
		return -ENOMEM;
	core->options = *options;
	core->settle_ns = SETTLE_DEFAULT_NS;
	core->tap_max_ns = TAP_MAX_DEFAULT_NS;
	core->rate_limit = RATE_LIMIT_DEFAULT;
	r = ds_ledger_new(&core->ledger, options->max_pods ? options->max_pods : MAX_PODS_DEFAULT);
	r = r ? r : ds_targets_new(&core->targets, MAX_TARGETS);
	r = r ? r :
		ds_flows_new(&core->flows,
			     options->max_flows ? options->max_flows : MAX_FLOWS_DEFAULT);
	r = r ? r : ds_cadences_new(&core->cadences, MAX_CADENCES);
	r = r ? r : ds_workloads_new(&core->workloads);
	if (r)
		return r;
	*ret_core = DS_TAKE(core);
	return 0;
}

void ds_core_free(struct ds_core **core)
{
	struct ds_core *c = core ? *core : NULL;

	if (!c)
		return;
	ds_flows_free(&c->flows);	/* before the pods that they borrow */
	ds_cadences_free(&c->cadences);
	ds_workloads_free(&c->workloads);
	ds_targets_free(&c->targets);
	ds_ledger_free(&c->ledger);
	free(DS_TAKE(*core));
}

void ds_core_forget(void *ctx, struct ds_pod *pod)
{
	ds_correlate_forget(ctx, pod);
	ds_drop_unfold(ctx, pod);
	ds_verdict_forget(ctx, pod);
	ds_tap_forget(ctx, pod);
	ds_poll_forget(ctx, pod);
}

/* DESIGN section 6: at least an hour, and twice the deregistration delay. */
int64_t ds_core_retention_ns(const struct ds_core *core)
{
	int64_t twice_ns = 2 * ds_targets_longest_delay_s(core->targets) * DS_NS_PER_S;

	return twice_ns > RETENTION_NS ? twice_ns : RETENTION_NS;
}

static void start(struct ds_core *core, const struct ds_event *ev)
{
	memcpy(core->run_id, ev->run_id, sizeof(core->run_id));
	if (ds_event_has(ev, DS_KEY_CLUSTER))
		(void)snprintf(core->cluster, sizeof(core->cluster), "%s", ev->cluster);
	if (ds_event_has(ev, DS_KEY_NODE))
		(void)snprintf(core->node, sizeof(core->node), "%s", ev->node);
	core->started_ns = core->health_at_ns = ev->time_ns;
	core->gaps[0] = (struct ds_gap){ .until_ns = ev->time_ns };
	core->gaps_cnt = 1;
	if (ds_event_has(ev, DS_KEY_OPT_SETTLE))
		core->settle_ns = ev->opt_settle;
	if (ds_event_has(ev, DS_KEY_OPT_TAP_MAX))
		core->tap_max_ns = ev->opt_tap_max;
	if (ds_event_has(ev, DS_KEY_OPT_TAP))
		core->tap_always = !strcmp(ev->opt_tap, "always");
	if (ds_event_has(ev, DS_KEY_OPT_RATE_LIMIT))
		core->rate_limit = ev->opt_rate_limit;
	ds_core_emit(core, ev);
	ds_tap_review(core);
}

/* Passes on what the cluster and the target group said, under this run's name. */
static void pass_on(struct ds_core *core, const struct ds_event *ev)
{
	struct ds_event out = *ev;

	ds_core_sign(core, &out);
	ds_core_emit(core, &out);
}

static int64_t all_evictions(const struct ds_core *core, const struct ds_ledger_stats *ledger)
{
	return ledger->evictions + ds_targets_evictions(core->targets) +
	       ds_flows_evictions(core->flows) + ds_cadences_evictions(core->cadences) +
	       core->pending_evictions + core->peers.refused + core->instances.refused;
}

/* Something known was given up since the last line, because a table was full. */
static bool gave_up_something(const struct ds_core *core)
{
	struct ds_ledger_stats ledger = { .evictions = ds_ledger_evictions(core->ledger) };

	return all_evictions(core, &ledger) > core->evictions_at_health;
}

static void describe_polls(const struct ds_core *core, struct ds_event *ev)
{
	if (!core->poll_requests)
		return;
	DS_SET(ev, POLL_REQUESTS, poll_requests, core->poll_requests);
	DS_SET(ev, POLL_THROTTLED, poll_throttled, core->poll_throttled);
	DS_SET(ev, POLL_FAILED, poll_failed, core->poll_failed);
}

static void health(struct ds_core *core)
{
	struct ds_core_counts counts = ds_core_counts(core);
	bool degraded = core->lost_events > core->lost_at_health ||
			counts.evictions > core->evictions_at_health ||
			core->poll_failed > core->poll_failed_at_health ||
			core->watch_lag_ns >= WATCH_LAG_NS;
	int64_t run_ns = core->now_ns - core->started_ns;
	struct ds_event ev;

	ds_core_start_event(core, &ev, DS_EVENT_HEALTH, core->now_ns);
	if (degraded)
		ev.level = DS_LEVEL_WARN;
	DS_SET(&ev, HEALTH, health, degraded ? DS_HEALTH_DEGRADED : DS_HEALTH_OK);
	DS_SET(&ev, WINDOW, window_s, (core->now_ns - core->health_at_ns) / DS_NS_PER_S);
	DS_SET(&ev, LOST_EVENTS, lost_events, core->lost_events);
	DS_SET(&ev, LOST_RINGBUF, lost_ringbuf, core->lost_ringbuf);
	DS_SET(&ev, LOST_USERSPACE, lost_userspace, core->lost_events - core->lost_ringbuf);
	DS_SET(&ev, SUPPRESSED, suppressed_events, core->suppressed);
	DS_SET(&ev, EMITTED, emitted_events, core->emitted);
	if (core->watched) {
		DS_SET(&ev, WATCH_RESTARTS, watch_restarts, core->watch_restarts);
		DS_SET(&ev, WATCH_LAG, watch_lag, core->watch_lag_ns);
	}
	core->watch_was_behind = core->watch_lag_ns >= WATCH_LAG_NS;
	core->watch_lag_ns = 0;
	DS_SET(&ev, PROBES_ATTACHED_COUNT, probes_attached_count, core->probes_attached);
	DS_SET(&ev, PROBES_MISSING_COUNT, probes_missing_count, core->probes_missing);
	DS_SET(&ev, TAP_SHARE, tap_share,
	       run_ns > 0 ? (double)core->tap_on_ms / (double)run_ns : 0.0);
	DS_SET(&ev, CACHE_PODS, cache_pods, counts.pods);
	DS_SET(&ev, CACHE_PODS_DELETED, cache_pods_deleted, counts.pods_ended);
	DS_SET(&ev, CACHE_EVICTIONS, cache_evictions, counts.evictions);
	describe_polls(core, &ev);
	core->poll_failed_at_health = core->poll_failed;
	core->health_at_ns = core->now_ns;
	core->lost_at_health = core->lost_events;
	core->evictions_at_health = counts.evictions;
	ds_core_emit(core, &ev);
}

static void loss(struct ds_core *core, const struct ds_event *ev)
{
	int64_t cnt = ds_event_has(ev, DS_KEY_LOSS_COUNT) ? ev->loss_count : 1;
	int64_t until_ns = ds_event_has(ev, DS_KEY_NOT_AFTER) ? ev->not_after : ev->time_ns;

	if (ev->loss_stage == DS_LOSS_STAGE_RESTART) {
		ds_restore_gap(core, ev);	/* a time, not a number of events */
		return;
	}
	ds_core_count_lost(core, cnt);
	if (ev->loss_stage == DS_LOSS_STAGE_RINGBUF &&
	    __builtin_add_overflow(core->lost_ringbuf, cnt, &core->lost_ringbuf))
		core->lost_ringbuf = INT64_MAX;
	/*
	 * Which pod's evidence it was is not known: every pod that goes away may have lost some,
	 * also one of which Kubernetes tells only later that it had begun to go. Lines that could
	 * not be written are no evidence.
	 */
	if (ev->loss_stage != DS_LOSS_STAGE_OUTPUT && until_ns > core->lost_at_ns)
		core->lost_at_ns = until_ns;
	if (core->now_ns - core->health_at_ns >= DS_NS_PER_S)
		health(core);
}

static void stop(struct ds_core *core)
{
	struct ds_event ev;

	ds_core_start_event(core, &ev, DS_EVENT_STOP, core->now_ns);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, (int64_t)core->rollout_drops);
	memcpy(ev.drops_by, core->drops_by, sizeof(core->drops_by));
	ds_event_mark(&ev, DS_KEY_DROPS_BY);
	memcpy(ev.not_drops, core->not_drops, sizeof(core->not_drops));
	ds_event_mark(&ev, DS_KEY_NOT_DROPS);
	DS_SET(&ev, LOST_EVENTS, lost_events, core->lost_events);
	describe_polls(core, &ev);
	ds_core_emit(core, &ev);
}

/* What a tick tells of the watch of the cluster: between two lines its worst counts. */
static void watch(struct ds_core *core, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_WATCH_RESTARTS))
		core->watch_restarts = ev->watch_restarts;
	if (!ds_event_has(ev, DS_KEY_WATCH_LAG))
		return;
	core->watched = true;
	core->watch_is_blind = ev->watch_lag >= WATCH_LAG_NS;
	if (ev->watch_lag > core->watch_lag_ns)
		core->watch_lag_ns = ev->watch_lag;
}

/* It fell behind since the last line; a line already says so where that one did. */
static bool fell_behind(const struct ds_core *core)
{
	return core->watch_lag_ns >= WATCH_LAG_NS && !core->watch_was_behind;
}

static void tick(struct ds_core *core, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_TAP_ON_MS))
		core->tap_on_ms = ev->tap_on_ms;
	if (ds_event_has(ev, DS_KEY_PROBES_ATTACHED_COUNT))
		core->probes_attached = ev->probes_attached_count;
	if (ds_event_has(ev, DS_KEY_PROBES_MISSING_COUNT))
		core->probes_missing = ev->probes_missing_count;
	if (ds_event_has(ev, DS_KEY_POLL_REQUESTS))
		core->poll_requests = ev->poll_requests;
	if (ds_event_has(ev, DS_KEY_POLL_THROTTLED))
		core->poll_throttled = ev->poll_throttled;
	if (ds_event_has(ev, DS_KEY_POLL_FAILED))
		core->poll_failed = ev->poll_failed;
	watch(core, ev);
	core->final = ds_event_has(ev, DS_KEY_FINAL) && ev->final;
	ds_ending_review(core);
	if (core->final) {
		ds_correlate_finish(core);
		ds_drop_flush_folded(core, core->now_ns + DS_NS_PER_S);
	}
	ds_absence_review(core);
	ds_verdict_review(core);
	ds_advise_review(core);
	ds_tap_review(core);
	ds_poll_review(core);
	if (core->now_ns - core->health_at_ns >=
	    (gave_up_something(core) || fell_behind(core) ? DS_NS_PER_S : HEALTH_EVERY_NS))
		health(core);
	if (core->final)
		stop(core);
	else
		ds_ledger_expire(core->ledger, core->now_ns, ds_core_retention_ns(core),
				 ds_core_forget, core);
}

void ds_core_feed(struct ds_core *core, const struct ds_event *ev)
{
	const struct ds_target *target;
	int previous;

	if (ds_event_has(ev, DS_KEY_RESTORED) && ev->restored) {
		if (ev->kind == DS_EVENT_POD_STATE && !ds_event_has(ev, DS_KEY_PHASE_LANE) &&
		    !ds_event_has(ev, DS_KEY_VERDICT_DROPS))
			pass_on(core, ev); /* once a pod: the rest was told by the run before */
		ds_restore(core, ev);
		return;
	}
	if (ev->time_ns > core->now_ns)
		core->now_ns = ev->time_ns;
	ds_correlate_advance(core, core->now_ns);
	ds_drop_flush_folded(core, core->now_ns);
	switch (ev->kind) {
	case DS_EVENT_START:
		start(core, ev);
		break;
	case DS_EVENT_PACKET:
		ds_correlate_packet(core, ev);
		break;
	case DS_EVENT_SOCKET:
		ds_timeline_socket(core, ev);
		ds_correlate_socket(core, ev);
		break;
	case DS_EVENT_PROCESS:
		ds_process_event(core, ev);
		break;
	case DS_EVENT_TRAFFIC:
		ds_correlate_traffic(core, ev);
		break;
	case DS_EVENT_ROUTE:
		ds_address_route(core, ev);
		break;
	case DS_EVENT_POD_STATE:
		if (ds_identity_is_known(core, ev) || ds_timeline_is_stale(core, ev))
			break;
		pass_on(core, ev);
		ds_timeline_pod_state(core, ev);
		break;
	case DS_EVENT_TARGET:
		if (!ds_targets_is_known(core->targets, ev))
			pass_on(core, ev);
		ds_drain_keep(core, ev);
		ds_instances_update(&core->instances, ev);
		target = ds_targets_update(core->targets, ev, &previous);
		if (target)
			ds_absence_target(core, target, ev);
		break;
	case DS_EVENT_LB_ADDRESS:
	case DS_EVENT_NODE_ADDRESS:
		ds_peers_update(&core->peers, ev);
		break;
	case DS_EVENT_TAP:
		core->tap_on = ev->tap_change == DS_TAP_CHANGE_ATTACHED;
		break;
	case DS_EVENT_TICK:
		tick(core, ev);
		break;
	case DS_EVENT_LOSS:
		loss(core, ev);
		break;
	default:
		break;		/* output of another run: it is computed again */
	}
}

uint64_t ds_core_rollout_drops(const struct ds_core *core)
{
	return core->rollout_drops;
}

struct ds_core_counts ds_core_counts(const struct ds_core *core)
{
	struct ds_ledger_stats stats = ds_ledger_stats(core->ledger);
	struct ds_core_counts counts = { .pods = stats.pods, .pods_ended = stats.ended,
					 .evictions = all_evictions(core, &stats) };

	memcpy(counts.unattributed, core->unattributed, sizeof(counts.unattributed));
	return counts;
}

int64_t ds_core_lost(const struct ds_core *core)
{
	return core->lost_events;
}
