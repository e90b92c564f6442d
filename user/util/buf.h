/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer for text. Appending never fails loudly: once memory is out the buffer
 * keeps what it has, `failed` is set, and the user asks once at the end. Pure.
 */
#ifndef DS_UTIL_BUF_H
#define DS_UTIL_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_buf {
	char *data;	/* owned; NUL-terminated whenever it is not NULL */
	size_t len;	/* without the NUL */
	size_t cap;
	bool failed;	/* an append found no memory */
};

void ds_buf_free(struct ds_buf *b);	/* zeroes it: usable again */
void ds_buf_clear(struct ds_buf *b);	/* keeps the memory */

/* Makes room for len more bytes and a NUL; false (and failed) when there is no memory. */
bool ds_buf_reserve(struct ds_buf *b, size_t len);
void ds_buf_put(struct ds_buf *b, const void *data, size_t len);
void ds_buf_puts(struct ds_buf *b, const char *text);
void ds_buf_putc(struct ds_buf *b, char c);
void ds_buf_printf(struct ds_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
