// SPDX-License-Identifier: Apache-2.0
/*
 * The growing byte buffer.
 */
#include "user/util/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP 256

void ds_buf_free(struct ds_buf *b)
{
	free(b->data);
	*b = (struct ds_buf){ 0 };
}

void ds_buf_clear(struct ds_buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

bool ds_buf_reserve(struct ds_buf *b, size_t len)
{
	size_t need, cap;
	char *data;

	if (__builtin_add_overflow(b->len, len, &need) || need > SIZE_MAX / 2 - MIN_CAP) {
		b->failed = true;
		return false;
	}
	need++;		/* the NUL */
	if (need <= b->cap)
		return true;
	cap = b->cap < MIN_CAP ? MIN_CAP : b->cap * 2;
	if (cap < need)
		cap = need;
	data = realloc(b->data, cap);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return true;
}

void ds_buf_put(struct ds_buf *b, const void *data, size_t len)
{
	if (len == 0 || !ds_buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void ds_buf_puts(struct ds_buf *b, const char *text)
{
	ds_buf_put(b, text, strlen(text));
}

void ds_buf_putc(struct ds_buf *b, char c)
{
	ds_buf_put(b, &c, 1);
}

void ds_buf_printf(struct ds_buf *b, const char *format, ...)
{
	size_t room;
	va_list args;
	int n;

	if (!ds_buf_reserve(b, 128))
		return;
	room = b->cap - b->len;
	va_start(args, format);
	n = vsnprintf(b->data + b->len, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n >= room) {
		b->data[b->len] = '\0';
		if (!ds_buf_reserve(b, (size_t)n))
			return;
		va_start(args, format);
		n = vsnprintf(b->data + b->len, b->cap - b->len, format, args);
		va_end(args);
	}
	if (n > 0)
		b->len += (size_t)n;
	else
		b->data[b->len] = '\0';
}
