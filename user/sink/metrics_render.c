/* SPDX-License-Identifier: Apache-2.0 */
/* The families, in the order in which they are written, and where their numbers come from. */
#include <string.h>

#include "user/core/core.h"
#include "user/sink/metrics_process.h"
#include "user/sink/metrics_state.h"
#include "user/sink/metrics_text.h"

DS_FAMILY(drops, "drainsnoop_dropped_connections", COUNTER, NULL,
	  "Inbound connections lost, by cause, and whether a rollout is to blame. What it can be "
	  "blamed for is there at 0 from the workload's first pod on the node on.");
DS_FAMILY(resets, "drainsnoop_resets", COUNTER, NULL,
	  "Lost connections that a reset ended: sent by this node, or received; by the pod's phase.");
DS_FAMILY(unanswered, "drainsnoop_unanswered_connections", COUNTER, NULL,
	  "Lost connections of which nobody told the peer: a SYN or a request without any answer; "
	  "by the pod's phase.");
DS_FAMILY(unanswered_syns, "drainsnoop_unanswered_syns", COUNTER, NULL,
	  "Those of drainsnoop_unanswered_connections_total of which nothing but SYNs came: each "
	  "connection once, however often its SYN was sent.");
DS_FAMILY(unattributed, "drainsnoop_unattributed_packets", COUNTER, NULL,
	  "Packets of watched addresses for which no pod was found: SYNs, resets with what they "
	  "answered, others. They are in no other number.");
DS_FAMILY(drained, "drainsnoop_drained_pods", COUNTER, NULL,
	  "Pods that went away and were observed to their end, by verdict.");
DS_FAMILY(going, "drainsnoop_terminating_pods", GAUGE, NULL,
	  "Pods that go away and have no verdict yet.");
DS_FAMILY(lag, "drainsnoop_deregistration_lag_seconds", HISTOGRAM, "seconds",
	  "From the first sign that a pod goes to the latest moment at which its target can have "
	  "begun to drain.");
DS_FAMILY(emitted, "drainsnoop_emitted_events", COUNTER, NULL, "Events put out, by name.");
DS_FAMILY(lost, "drainsnoop_lost_events", COUNTER, NULL, "Events lost, by stage.");
DS_FAMILY(late, "drainsnoop_late_events", COUNTER, NULL,
	  "Events that came later than the merge stage waits.");
DS_FAMILY(suppressed, "drainsnoop_suppressed_events", COUNTER, NULL,
	  "Lines folded into others by the rate limit; the counters hold them.");
DS_FAMILY(probes, "drainsnoop_probes", GAUGE, NULL, "Kernel programs, by state.");
DS_FAMILY(tap, "drainsnoop_tap_attached_seconds", COUNTER, "seconds",
	  "How long the packet tap was attached.");
DS_FAMILY(cache, "drainsnoop_pod_cache_entries", GAUGE, NULL,
	  "Pods held for attribution, by state.");
DS_FAMILY(evictions, "drainsnoop_pod_cache_evictions", COUNTER, NULL,
	  "Entries given up before their time because a table was full.");
DS_FAMILY(restarts, "drainsnoop_watch_restarts", COUNTER, NULL, "Watches begun anew.");
DS_FAMILY(watched, "drainsnoop_watch_last_event_timestamp_seconds", GAUGE, "seconds",
	  "Unix time up to which the watch is known to have told everything.");
DS_FAMILY(polls, "drainsnoop_target_polls", COUNTER, NULL,
	  "Requests to AWS for the targets of pods that go away here, by result.");
DS_FAMILY(overflow, "drainsnoop_metrics_overflow_events", COUNTER, NULL,
	  "How often a workload, a pod or a counter found no place among the series that are kept, "
	  "and counted under (other).");
DS_FAMILY(kept, "drainsnoop_metrics_series", GAUGE, NULL,
	  "Series of workloads or pods that are kept, of those that may be.");

#define LABELS_MAX 5

/* ---- by workload, or by pod ---- */

/* Whose it is; returns how many labels that are. */
static int name_series(const struct ds_series *s, struct ds_metric_label labels[LABELS_MAX])
{
	labels[0] = (struct ds_metric_label){ "namespace", s->namespace_ };
	labels[1] = (struct ds_metric_label){ "workload", s->workload };
	labels[2] = (struct ds_metric_label){ "pod", s->pod };
	return 3;
}

static void put_drops(struct ds_metrics_text *t, const struct ds_series *s)
{
	struct ds_metric_label labels[LABELS_MAX];
	int cnt = name_series(s, labels);

	for (int place = 0; place < DS_SERIES_DROPS; place++) {
		int cause = place == DS_SERIES_APART ? DS_CAUSE_ABORTED_IN_FLIGHT : place;
		bool rollout = place != DS_SERIES_APART && ds_cause_is_rollout(cause);
		uint64_t n = s->counts[DS_SERIES_DROP(place)];
		const struct ds_series_exemplar *e = &s->exemplars[place];
		struct ds_metric_exemplar exemplar = {
			.label = { "pod_uid", e->uid }, .n = e->n, .time_ns = e->time_ns,
		};

		if (!ds_series_is_shown(s, DS_SERIES_DROP(place)))
			continue;
		labels[cnt] = (struct ds_metric_label){ "cause", ds_name(DS_NAMES_CAUSE, cause) };
		labels[cnt + 1] = (struct ds_metric_label){ "rollout", rollout ? "true" : "false" };
		ds_metrics_text_exemplified(t, labels, cnt + 2, DS_METRIC_COUNT(n), &exemplar);
	}
}

/* Only the phases that were met: there are twelve. */
static void put_by_phase(struct ds_metrics_text *t, const uint64_t counts[DS_PHASE_MAX + 1],
			 struct ds_metric_label labels[LABELS_MAX], int cnt)
{
	for (int phase = 0; phase <= DS_PHASE_MAX; phase++) {
		if (!counts[phase])
			continue;
		labels[cnt] = (struct ds_metric_label){
			"pod_phase",
			phase < DS_PHASE_MAX ? ds_name(DS_NAMES_PHASE, phase) : "unknown",
		};
		ds_metrics_text_sample(t, labels, cnt + 1, DS_METRIC_COUNT(counts[phase]));
	}
}

static void put_resets(struct ds_metrics_text *t, const struct ds_series *s)
{
	static const char *const words[DS_RESET_MAX] = { "sent", "received" };
	struct ds_metric_label labels[LABELS_MAX];
	int cnt = name_series(s, labels);

	for (int direction = 0; direction < DS_RESET_MAX; direction++) {
		labels[cnt] = (struct ds_metric_label){ "direction", words[direction] };
		put_by_phase(t, &s->counts[DS_SERIES_RESET(direction, 0)], labels, cnt + 1);
	}
}

static void put_unanswered(struct ds_metrics_text *t, const struct ds_series *s)
{
	struct ds_metric_label labels[LABELS_MAX];
	int cnt = name_series(s, labels);

	put_by_phase(t, &s->counts[DS_SERIES_UNANSWERED(0)], labels, cnt);
}

static void put_unanswered_syns(struct ds_metrics_text *t, const struct ds_series *s)
{
	struct ds_metric_label labels[LABELS_MAX];
	int cnt = name_series(s, labels);

	put_by_phase(t, &s->counts[DS_SERIES_UNANSWERED_SYNS(0)], labels, cnt);
}

static void put_verdicts(struct ds_metrics_text *t, const struct ds_series *s)
{
	struct ds_metric_label labels[LABELS_MAX];
	int cnt = name_series(s, labels);

	for (int verdict = 0; verdict < DS_VERDICT_MAX; verdict++) {
		labels[cnt] = (struct ds_metric_label){ "verdict",
							ds_name(DS_NAMES_VERDICT, verdict) };
		ds_metrics_text_sample(t, labels, cnt + 1,
				       DS_METRIC_COUNT(s->counts[DS_SERIES_VERDICT(verdict)]));
	}
}

static void by_workload(struct ds_metrics_text *t, const struct ds_metrics *m,
			const struct ds_metric_family *family,
			void (*put)(struct ds_metrics_text *t, const struct ds_series *s))
{
	ds_metrics_text_family(t, family);
	for (const struct ds_series *s = m->table.series; s; s = s->hh.next)
		put(t, s);
	if (m->table.refused)
		put(t, &m->table.other);
}

/* ---- of the agent ---- */

static void put_events(struct ds_metrics_text *t, const struct ds_metrics *m,
		       const struct ds_metrics_now *now)
{
	ds_metrics_text_family(t, &emitted);
	for (int kind = 0; kind < DS_EVENT_MAX; kind++)
		if (ds_metrics_is_put_out(kind))
			ds_metrics_text_labelled(t, "event", ds_kinds[kind].name, m->emitted[kind]);
	ds_metrics_text_family(t, &lost);
	for (int stage = 0; stage < DS_LOSS_STAGE_MAX; stage++)
		if (stage != DS_LOSS_STAGE_RESTART)
			ds_metrics_text_labelled(t, "stage", ds_name(DS_NAMES_LOSS_STAGE, stage),
						 (uint64_t)m->lost[stage]);
	ds_metrics_text_single(t, &late, DS_METRIC_COUNT(now->late));
	ds_metrics_text_single(t, &suppressed, DS_METRIC_COUNT(m->suppressed));
}

static void put_kernel(struct ds_metrics_text *t, const struct ds_metrics *m)
{
	if (!m->ticked)
		return;
	ds_metrics_text_family(t, &probes);
	ds_metrics_text_labelled(t, "state", "attached", (uint64_t)m->probes_attached);
	ds_metrics_text_labelled(t, "state", "missing", (uint64_t)m->probes_missing);
	ds_metrics_text_single(t, &tap, DS_METRIC_NS(m->tap_on_ns));
}

static void put_core(struct ds_metrics_text *t, const struct ds_core_counts *c)
{
	static const char *const kinds[DS_UNATTRIBUTED_MAX] = {
		[DS_UNATTRIBUTED_SYN] = "syn",
		[DS_UNATTRIBUTED_RESET] = "reset",
		[DS_UNATTRIBUTED_OTHER] = "other",
	};

	ds_metrics_text_family(t, &unattributed);
	for (int kind = 0; kind < DS_UNATTRIBUTED_MAX; kind++)
		ds_metrics_text_labelled(t, "kind", kinds[kind], c->unattributed[kind]);
	ds_metrics_text_family(t, &cache);
	ds_metrics_text_labelled(t, "state", "live", (uint64_t)(c->pods - c->pods_ended));
	ds_metrics_text_labelled(t, "state", "deleted", (uint64_t)c->pods_ended);
	ds_metrics_text_single(t, &evictions, DS_METRIC_COUNT(c->evictions));
}

static void put_watch(struct ds_metrics_text *t, const struct ds_metrics *m)
{
	const struct ds_metric_label pods = { "resource", "pods" };

	if (!m->watched)
		return;
	ds_metrics_text_family(t, &restarts);
	ds_metrics_text_sample(t, &pods, 1, DS_METRIC_COUNT(m->watch_restarts));
	ds_metrics_text_family(t, &watched);
	ds_metrics_text_sample(t, &pods, 1, DS_METRIC_NS(m->watch_until_ns));
}

static void put_polls(struct ds_metrics_text *t, const struct ds_metrics *m)
{
	if (!m->polled)
		return;
	ds_metrics_text_family(t, &polls);
	ds_metrics_text_labelled(t, "result", "ok",
				 (uint64_t)(m->polls - m->polls_throttled - m->polls_failed));
	ds_metrics_text_labelled(t, "result", "throttled", (uint64_t)m->polls_throttled);
	ds_metrics_text_labelled(t, "result", "failed", (uint64_t)m->polls_failed);
}

void ds_metrics_render(const struct ds_metrics *m, const struct ds_metrics_now *now,
		       bool openmetrics, struct ds_buf *out)
{
	struct ds_metrics_text t = { .out = out, .openmetrics = openmetrics };
	const struct ds_metric_histogram lags = {
		.bounds_ns = ds_metrics_lag_bounds, .bounds_cnt = DS_LAG_BOUNDS,
		.counts = m->lags, .sum_ns = m->lag_sum_ns,
	};

	ds_metrics_build(&t, m->revision, m->libbpf);
	ds_metrics_text_single(&t, &going, DS_METRIC_COUNT(ds_series_going(&m->table)));
	ds_metrics_text_family(&t, &lag);
	ds_metrics_text_histogram(&t, NULL, 0, &lags);
	put_events(&t, m, now);
	put_kernel(&t, m);
	put_core(&t, &now->core);
	put_watch(&t, m);
	put_polls(&t, m);
	ds_metrics_process(&t, &now->usage, now->lost_messages);
	ds_metrics_text_single(&t, &overflow, DS_METRIC_COUNT(m->table.refused));
	ds_metrics_text_single(&t, &kept, DS_METRIC_COUNT(m->table.shown));
	by_workload(&t, m, &drops, put_drops);
	by_workload(&t, m, &drained, put_verdicts);
	by_workload(&t, m, &resets, put_resets);
	by_workload(&t, m, &unanswered, put_unanswered);
	by_workload(&t, m, &unanswered_syns, put_unanswered_syns);
	ds_metrics_text_end(&t);
}
