/* SPDX-License-Identifier: Apache-2.0 */
/* What metrics.c counts and metrics_render.c writes. */
#ifndef DS_SINK_METRICS_STATE_H
#define DS_SINK_METRICS_STATE_H

#include "user/sink/metrics.h"
#include "user/sink/metrics_series.h"

#define DS_LAG_BOUNDS 7

struct ds_metrics {
	char revision[64], libbpf[32];
	struct ds_series_table table;
	uint64_t emitted[DS_EVENT_MAX];
	int64_t lost[DS_LOSS_STAGE_MAX];
	uint64_t suppressed;			/* lines folded into another */
	uint64_t lags[DS_LAG_BOUNDS + 1];	/* of deregistration: by bucket */
	int64_t lag_sum_ns;
	bool ticked;			/* a tick told of the following */
	int64_t probes_attached, probes_missing;
	int64_t tap_on_ns;
	bool watched;
	int64_t watch_restarts, watch_until_ns;
	bool polled;
	int64_t polls, polls_throttled, polls_failed;
	int64_t expired_ns;		/* when it was last looked for what is over */
};

extern const int64_t ds_metrics_lag_bounds[DS_LAG_BOUNDS];

/* An event of that kind can be put out by the core. */
bool ds_metrics_is_put_out(enum ds_event_kind kind);

#endif
