/* SPDX-License-Identifier: Apache-2.0 */
/* The standard process_* families, for every command that is scraped. Pure. */
#ifndef DS_SINK_METRICS_PROCESS_H
#define DS_SINK_METRICS_PROCESS_H

#include "user/sink/metrics_text.h"
#include "user/sink/process_usage.h"

/* What is not known of the process is left out. */
void ds_metrics_process(struct ds_metrics_text *t, const struct ds_process_usage *usage);

#endif
