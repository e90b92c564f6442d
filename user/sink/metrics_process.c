/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/metrics_process.h"

#include <stddef.h>

DS_FAMILY(build, "drainsnoop_build", INFO, NULL, "The running program.");
DS_FAMILY(messages, "drainsnoop_lost_messages", COUNTER, NULL,
	  "Messages of the program about itself that standard error did not take.");
DS_FAMILY(cpu, "process_cpu_seconds", COUNTER, "seconds", "User and system CPU time spent.");
DS_FAMILY(resident, "process_resident_memory_bytes", GAUGE, "bytes", "Resident memory.");
DS_FAMILY(virtual, "process_virtual_memory_bytes", GAUGE, "bytes", "Virtual memory.");
DS_FAMILY(open_fds, "process_open_fds", GAUGE, NULL, "Open file descriptors.");
DS_FAMILY(max_fds, "process_max_fds", GAUGE, NULL, "How many file descriptors may be open.");
DS_FAMILY(start, "process_start_time_seconds", GAUGE, "seconds",
	  "When the process began, Unix time.");

void ds_metrics_build(struct ds_metrics_text *t, const char *revision, const char *libbpf)
{
	const struct ds_metric_label labels[] = { { "version", DS_VERSION },
						  { "revision", revision },
						  { "libbpf", libbpf } };

	ds_metrics_text_family(t, &build);
	ds_metrics_text_sample(t, labels, 3, DS_METRIC_COUNT(1));
}

void ds_metrics_process(struct ds_metrics_text *t, const struct ds_process_usage *usage,
			uint64_t lost_messages)
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
		if (rows[i].value.n >= 0)
			ds_metrics_text_single(t, rows[i].family, rows[i].value);
	ds_metrics_text_single(t, &messages, DS_METRIC_COUNT(lost_messages));
}
