/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: what `drainsnoop targets` counts, for Prometheus: its requests to AWS, the targets that it
 * reads, and whether it leads. Pure: moments and what only the process knows come in as arguments.
 */
#ifndef DS_SINK_WATCHER_METRICS_H
#define DS_SINK_WATCHER_METRICS_H

#include "user/core/event.h"
#include "user/sink/process_usage.h"
#include "user/util/buf.h"

#define DS_WATCHER_METRICS_GROUPS_MAX 256
#define DS_WATCHER_METRICS_TARGETS_MAX 8192

struct ds_watcher_metrics;

/* What is true at the moment of rendering. */
struct ds_watcher_metrics_now {
	const char *revision;		/* the commit of the build; NULL or "" = not known */
	bool leads;
	uint64_t writes, failed;	/* of ConfigMaps, since this instance leads */
	uint64_t lost_messages;		/* that standard error did not take */
	uint64_t lost_output;		/* lines that could not be written */
	struct ds_process_usage usage;
	/* A pod of that group goes: of others the series end. */
	bool (*goes)(void *ctx, const char *arn);
	void *ctx;
};

/* 0 or -ENOMEM. */
int ds_watcher_metrics_new(struct ds_watcher_metrics **ret_metrics);
void ds_watcher_metrics_free(struct ds_watcher_metrics **metrics);

/* A target.state event of the poller; others are left out. */
void ds_watcher_metrics_event(struct ds_watcher_metrics *m, const struct ds_event *ev);

/*
 * A request to AWS is over, with that code ("ok", "throttled", ...). Words are static; above the
 * bound on their number such requests are not told.
 */
void ds_watcher_metrics_asked(struct ds_watcher_metrics *m, const char *service,
			      const char *operation, const char *code, int64_t took_ns);

/* The states of that group's targets were read. */
void ds_watcher_metrics_refreshed(struct ds_watcher_metrics *m, const char *arn, int64_t now_ns);

/* A line was put out. */
void ds_watcher_metrics_emitted(struct ds_watcher_metrics *m, enum ds_event_kind kind);

/* This instance leads no more: it knows of no targets. */
void ds_watcher_metrics_forget(struct ds_watcher_metrics *m);

/* Appends the exposition. Whoever sends it asks out->failed. */
void ds_watcher_metrics_render(struct ds_watcher_metrics *m,
			       const struct ds_watcher_metrics_now *now, bool openmetrics,
			       struct ds_buf *out);

#endif
