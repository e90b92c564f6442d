/* SPDX-License-Identifier: Apache-2.0 */
/* What this process uses, as Linux tells it in /proc/self: for the standard process_* metrics. */
#ifndef DS_SINK_PROCESS_USAGE_H
#define DS_SINK_PROCESS_USAGE_H

#include <stdint.h>

/* -1 = not known. */
struct ds_process_usage {
	int64_t cpu_ns;		/* user and system */
	int64_t start_ns;	/* Unix time */
	int64_t resident_bytes, virtual_bytes;
	int64_t open_fds, max_fds;
};

/*
 * Zeroed, or what was read before: its start is read once, since it is told by two clocks and must
 * not move with them (a start that changes is taken for a restart). Cannot fail: what /proc does
 * not tell is -1.
 */
void ds_process_usage_read(struct ds_process_usage *usage);

#endif
