/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and durations as text, and back. UTC only, no locale, no clock, no environment: pure.
 */
#ifndef DS_UTIL_TIMEFMT_H
#define DS_UTIL_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

#define DS_NS_PER_S INT64_C(1000000000)
#define DS_NS_PER_MS INT64_C(1000000)
#define DS_RFC3339_LEN 30	/* "2026-11-22T10:15:31.660018113Z" without a NUL */

/* Writes DS_RFC3339_LEN characters and a NUL. Years 0001-9999; outside: clamped. */
void ds_time_rfc3339(int64_t ns, char buf[DS_RFC3339_LEN + 1]);

/*
 * Parses RFC 3339 ("2026-11-22T10:15:31Z", any number of fraction digits, Z or +hh:mm) of len
 * bytes. 0, or -EINVAL with *ret_ns untouched.
 */
int ds_time_parse(const char *text, size_t len, int64_t *ret_ns);

/*
 * Parses a duration: "90", "90s", "1.5s", "250ms", "5m", "2h", also joined as "1m30s"; plain
 * numbers are seconds. 0, or -EINVAL (empty, negative, unknown unit, more than 10 years).
 */
int ds_duration_parse(const char *text, int64_t *ret_ns);

#endif
