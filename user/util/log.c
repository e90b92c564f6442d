// SPDX-License-Identifier: Apache-2.0
/*
 * Talk on standard error. One write a line, so that lines of several processes do not mix.
 */
#include "user/util/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/util/utf8.h"

#define TEXT_MAX_BYTES 2048
#define ESCAPE_LEN 4	/* as \xNN, and as the longest character */
#define PREFIX "drainsnoop: "

static bool verbose;
static void (*listener)(void *ctx, const char *line);
static void *listener_ctx;
static pthread_mutex_t writer_lock = PTHREAD_MUTEX_INITIALIZER;
static bool (*writer)(void *ctx, const char *line, size_t len);
static void *writer_ctx;

void ds_log_verbose(bool on)
{
	verbose = on;
}

bool ds_log_is_verbose(void)
{
	return verbose;
}

void ds_log_divert(void (*fn)(void *ctx, const char *line), void *ctx)
{
	listener = fn;
	listener_ctx = ctx;
}

void ds_log_write_by(bool (*fn)(void *ctx, const char *line, size_t len), void *ctx)
{
	(void)pthread_mutex_lock(&writer_lock);
	writer = fn;
	writer_ctx = ctx;
	(void)pthread_mutex_unlock(&writer_lock);
}

/* False: nobody but standard error itself is there to take it. */
static bool write_by(const char *line, size_t len)
{
	bool there;

	(void)pthread_mutex_lock(&writer_lock);
	there = writer;
	if (there)
		(void)writer(writer_ctx, line, len);	/* what it cannot take it counts */
	(void)pthread_mutex_unlock(&writer_lock);
	return there;
}

/* Whether the sequence of n bytes at s may go to a terminal: no C0, DEL or C1 control character. */
static bool printable(const char *s, size_t n)
{
	unsigned char c = (unsigned char)s[0];

	if (n == 1)
		return c >= 0x20 && c != 0x7f;
	return !(c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

/* Writes the line, or tells it: what is not printable is written as \xNN. */
static void put_line(const char *text, bool tell)
{
	static const char hex[] = "0123456789abcdef";
	char line[DS_LOG_LINE_MAX];
	size_t len = sizeof(PREFIX) - 1, left = strlen(text);

	memcpy(line, PREFIX, len);
	while (left > 0 && len + ESCAPE_LEN < sizeof(line)) {
		size_t n = ds_utf8_sequence(text, left);

		if (n > 0 && printable(text, n)) {
			memcpy(line + len, text, n);
			len += n;
		} else {
			n = 1;
			line[len++] = '\\';
			line[len++] = 'x';
			line[len++] = hex[(unsigned char)*text >> 4];
			line[len++] = hex[*text & 15];
		}
		text += n;
		left -= n;
	}
	if (tell && listener) {
		line[len] = '\0';
		listener(listener_ctx, line + sizeof(PREFIX) - 1);
		return;
	}
	line[len++] = '\n';
	if (write_by(line, len))
		return;
	/* Nothing can be done about a standard error that does not take it. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

static void log_va(const char *format, va_list args, int err, bool tell)
{
	char text[TEXT_MAX_BYTES];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n < 0)
		return;
	if (err && (size_t)n < sizeof(text))
		(void)snprintf(text + n, sizeof(text) - (size_t)n, ": %s", strerror(err));
	put_line(text, tell);
}

int ds_log_err(int err, const char *format, ...)
{
	va_list args;

	if (err < 0)
		err = -err;
	va_start(args, format);
	log_va(format, args, err, true);
	va_end(args);
	return -err;
}

void ds_log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_va(format, args, 0, true);
	va_end(args);
}

void ds_log_info(const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	log_va(format, args, 0, false);
	va_end(args);
}
