/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /metrics says, written: the Prometheus text format 0.0.4 and OpenMetrics 1.0.0. One family
 * at a time, each once, its samples after it; the end last. Text from outside stands in label
 * values only, and is escaped here. Whoever writes bounds the series. Pure.
 */
#ifndef DS_SINK_METRICS_TEXT_H
#define DS_SINK_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_METRIC_EXEMPLAR_MAX 128	/* characters of its label, by OpenMetrics */

enum ds_metric_type { DS_METRIC_COUNTER, DS_METRIC_GAUGE, DS_METRIC_HISTOGRAM, DS_METRIC_INFO };

struct ds_metric_family {
	const char *name;	/* without _total, _info, _bucket */
	const char *help;
	const char *unit;	/* "seconds": the name's last part; NULL = none */
	enum ds_metric_type type;
};

/* DS_FAMILY(id, name, COUNTER, NULL, help); as a static constant. */
#define DS_FAMILY(id, name_, type_, unit_, help_) \
	static const struct ds_metric_family id = { \
		.name = name_, .type = DS_METRIC_##type_, .unit = unit_, .help = help_ \
	}

struct ds_metric_label {
	const char *name, *value;	/* no value, or an empty one: the label is left out */
};

#define DS_METRIC_LABELS_MAX 8	/* of a histogram */

/* A number, or nanoseconds that are written as seconds. */
struct ds_metric_value {
	int64_t n;
	bool is_ns;
};

#define DS_METRIC_COUNT(v) ((struct ds_metric_value){ .n = (int64_t)(v) })
#define DS_METRIC_NS(v) ((struct ds_metric_value){ .n = (v), .is_ns = true })

/* One of the events that a counter counted. OpenMetrics only. */
struct ds_metric_exemplar {
	struct ds_metric_label label;
	int64_t n;		/* by how much it counted */
	int64_t time_ns;	/* 0 = not said */
};

/* Upper bounds in ns, rising; counts[bounds_cnt] are those above the last one. */
struct ds_metric_histogram {
	const int64_t *bounds_ns;
	const uint64_t *counts;		/* of each bucket alone */
	int bounds_cnt;
	int64_t sum_ns;
};

struct ds_metrics_text {
	struct ds_buf *out;		/* borrowed */
	bool openmetrics;
	const struct ds_metric_family *family;	/* the present one; borrowed */
};

/* Begins a family. It may have no samples. */
void ds_metrics_text_family(struct ds_metrics_text *t, const struct ds_metric_family *family);

/* A sample of it: of a counter, a gauge, an information (whose value is 1). */
void ds_metrics_text_sample(struct ds_metrics_text *t, const struct ds_metric_label *labels,
			    int labels_cnt, struct ds_metric_value value);

/* The same with one label, and a family of one sample without any. */
void ds_metrics_text_labelled(struct ds_metrics_text *t, const char *label, const char *value,
			      uint64_t n);
void ds_metrics_text_single(struct ds_metrics_text *t, const struct ds_metric_family *family,
			    struct ds_metric_value value);

/* The same, of a counter. One whose label is longer than OpenMetrics allows is left out. */
void ds_metrics_text_exemplified(struct ds_metrics_text *t, const struct ds_metric_label *labels,
				 int labels_cnt, struct ds_metric_value value,
				 const struct ds_metric_exemplar *exemplar);

/* All samples of a histogram. */
void ds_metrics_text_histogram(struct ds_metrics_text *t, const struct ds_metric_label *labels,
			       int labels_cnt, const struct ds_metric_histogram *h);

void ds_metrics_text_end(struct ds_metrics_text *t);

#endif
