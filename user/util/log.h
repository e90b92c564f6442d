/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talk on standard error: "drainsnoop: message". Only sources, sinks and main log; core, parsers
 * and renderers return codes. Text from outside is escaped here.
 */
#ifndef DS_UTIL_LOG_H
#define DS_UTIL_LOG_H

#include <stdbool.h>
#include <stddef.h>

#define DS_LOG_LINE_MAX 4096	/* bytes of a line with its newline: one write() on a pipe */

/* Level, listener and writer are the mutable globals (style rule 5). */
void ds_log_verbose(bool on);
bool ds_log_is_verbose(void);

/*
 * Errors and warnings go to fn, one line without prefix and newline, printable; not to standard
 * error. fn NULL: to standard error again. What -v adds stays there.
 */
void ds_log_divert(void (*fn)(void *ctx, const char *line), void *ctx);

/*
 * Whole lines, of whatever thread, go to fn instead of standard error, which may stall; fn must not
 * log. fn NULL: to standard error again, and no call of the fn before is under way any more.
 */
void ds_log_write_by(bool (*fn)(void *ctx, const char *line, size_t len), void *ctx);

/*
 * Prints "drainsnoop: FORMAT" and, when err is not 0, ": strerror". Returns err as -errno, so that
 * `return ds_log_err(r, "open %s", path);` is one statement. err may be given with either sign.
 */
int ds_log_err(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same at level warning and info; info is printed only with -v. */
void ds_log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ds_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
