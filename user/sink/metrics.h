/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: what the agent counts, for Prometheus. Counts events, not lines: neither --rate-limit nor
 * a filter takes anything from a counter (a folded line stands for drainsnoop.repeat drops). Pure:
 * what only the process knows comes in when it is rendered.
 */
#ifndef DS_SINK_METRICS_H
#define DS_SINK_METRICS_H

#include "user/core/core.h"
#include "user/sink/process_usage.h"
#include "user/util/buf.h"

#define DS_METRICS_LABELS_DEFAULT "namespace,workload"
#define DS_METRICS_SERIES_DEFAULT 16384
#define DS_METRICS_SERIES_MAX 65536	/* some 400 bytes of memory each, 150 in an answer */

/* What tells a metric's subject, beside its namespace. */
struct ds_metrics_labels {
	bool workload, pod;
};

struct ds_metrics_options {
	struct ds_metrics_labels labels;
	size_t max_series;		/* of subjects; 0 = default */
	/* For the build info; NULL or "" = not told. */
	const char *revision, *libbpf;
};

/* Of the run and its process, at the moment of rendering. */
struct ds_metrics_now {
	uint64_t late;			/* events that the merge stage marked late */
	uint64_t lost_messages;		/* that standard error did not take */
	struct ds_core_counts core;
	struct ds_process_usage usage;
};

struct ds_metrics;

/* "namespace", and with it "workload", "pod" or both, in any order: 0 or -EINVAL. */
int ds_metrics_parse_labels(const char *list, struct ds_metrics_labels *ret_labels);

/* 0 or -ENOMEM. The options are needed during the call only. */
int ds_metrics_new(struct ds_metrics **ret_metrics, const struct ds_metrics_options *options);
void ds_metrics_free(struct ds_metrics **metrics);

/*
 * An event that left the merge stage, when the core is fed with it: its losses and ticks count.
 * Not those that a state file gave back.
 */
void ds_metrics_input(struct ds_metrics *m, const struct ds_event *ev);

/* An event that the core put out, each of them: before filters and limits. */
void ds_metrics_output(struct ds_metrics *m, const struct ds_event *ev);

/* Appends the exposition. Whoever sends it asks out->failed. */
void ds_metrics_render(const struct ds_metrics *m, const struct ds_metrics_now *now,
		       bool openmetrics, struct ds_buf *out);

#endif
