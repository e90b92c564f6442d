/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds of a clock. Only sources, sinks and main ask for the time; the core gets it with
 * events.
 */
#ifndef DS_UTIL_CLOCK_H
#define DS_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* One that every kernel has (CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME): cannot fail. */
int64_t ds_clock_ns(clockid_t clock);

#endif
