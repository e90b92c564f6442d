/* SPDX-License-Identifier: Apache-2.0 */
/* What every command that is scraped tells of itself. Pure. */
#ifndef DS_SINK_METRICS_PROCESS_H
#define DS_SINK_METRICS_PROCESS_H

#include "user/sink/metrics_text.h"
#include "user/sink/process_usage.h"

/* drainsnoop_build_info; what is NULL is left out. */
void ds_metrics_build(struct ds_metrics_text *t, const char *revision, const char *libbpf);

/*
 * The standard process_* families, where what is not known is left out; and messages that standard
 * error did not take.
 */
void ds_metrics_process(struct ds_metrics_text *t, const struct ds_process_usage *usage,
			uint64_t lost_messages);

#endif
