/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal table: pure renderers, one line an event, and the summary. Text from outside is
 * escaped here: it never reaches a terminal raw.
 */
#ifndef DS_SINK_TABLE_RENDER_H
#define DS_SINK_TABLE_RENDER_H

#include "user/core/event.h"
#include "user/util/buf.h"

enum ds_table_time { DS_TABLE_TIME_CLOCK, DS_TABLE_TIME_RELATIVE, DS_TABLE_TIME_NONE };

struct ds_table_style {
	bool wide;
	bool color;
	enum ds_table_time time;
	int64_t utc_offset_s;	/* of the clock that is shown */
	int64_t start_ns;	/* of the run: for relative times */
};

void ds_table_header(struct ds_buf *buf, const struct ds_table_style *style);

/* One line, or nothing for an event that a table does not show. */
void ds_table_row(struct ds_buf *buf, const struct ds_event *ev,
		  const struct ds_table_style *style);

/* What the summary at the end is made of. Zeroed to begin with. */
struct ds_table_sums {
	int64_t verdicts[DS_VERDICT_MAX];
	int64_t drops;		/* by rollout causes */
	int64_t lost;
	int64_t gaps, gaps_ns;	/* without a healthy target in some target group */
	uint32_t drops_by[DS_CAUSE_MAX];
	uint32_t not_drops[DS_NOT_DROP_MAX];
	int64_t start_ns, stop_ns;
	struct ds_buf advice;	/* owned: lines of advice, in order */
};

void ds_table_sums_add(struct ds_table_sums *sums, const struct ds_event *ev);
void ds_table_sums_free(struct ds_table_sums *sums);
void ds_table_summary(struct ds_buf *buf, const struct ds_table_sums *sums,
		      const struct ds_table_style *style);

#endif
