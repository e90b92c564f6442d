/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/metrics_process.h"

#include <stddef.h>

#define FAMILY(id, name_, type_, unit_, help_) \
	static const struct ds_metric_family id = { \
		.name = name_, .type = DS_METRIC_##type_, .unit = unit_, .help = help_ \
	}

FAMILY(cpu, "process_cpu_seconds", COUNTER, "seconds", "User and system CPU time spent.");
FAMILY(resident, "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory.");
FAMILY(virtual, "process_virtual_memory_bytes", GAUGE, "bytes", "Virtual memory.");
FAMILY(open_fds, "process_open_fds", GAUGE, NULL, "Open file descriptors.");
FAMILY(max_fds, "process_max_fds", GAUGE, NULL, "How many file descriptors may be open.");
FAMILY(start, "process_start_time_seconds", GAUGE, "seconds",
       "When the process began, Unix time.");

void ds_metrics_process(struct ds_metrics_text *t, const struct ds_process_usage *usage)
{
	const struct {
		const struct ds_metric_family *family;
		struct ds_metric_value value;
	} rows[] = {
		{ &cpu, DS_METRIC_NS(usage->cpu_ns) },
		{ &resident, DS_METRIC_COUNT(usage->resident_bytes) },
		{ &virtual, DS_METRIC_COUNT(usage->virtual_bytes) },
		{ &open_fds, DS_METRIC_COUNT(usage->open_fds) },
		{ &max_fds, DS_METRIC_COUNT(usage->max_fds) },
		{ &start, DS_METRIC_NS(usage->start_ns) },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value.n >= 0) {
			ds_metrics_text_family(t, rows[i].family);
			ds_metrics_text_sample(t, NULL, 0, rows[i].value);
		}
}
