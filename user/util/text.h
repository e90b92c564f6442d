/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text into a fixed block of memory: appends never pass its end, what does not fit is left out and
 * `cut` is set. For hot paths that may not allocate. Pure.
 */
#ifndef DS_UTIL_TEXT_H
#define DS_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ds_text {
	char *data;	/* borrowed */
	size_t len;
	size_t cap;
	bool cut;	/* an append did not fit */
};

static inline void ds_text_put(struct ds_text *t, const char *data, size_t len)
{
	if (len > t->cap - t->len) {
		len = t->cap - t->len;
		t->cut = true;
	}
	memcpy(t->data + t->len, data, len);
	t->len += len;
}

static inline void ds_text_puts(struct ds_text *t, const char *text)
{
	ds_text_put(t, text, strlen(text));
}

static inline void ds_text_putc(struct ds_text *t, char c)
{
	ds_text_put(t, &c, 1);
}

#define DS_DIGITS_MAX 20	/* of UINT64_MAX */

/* Writes the decimal digits of v without a NUL; returns how many. */
size_t ds_digits(char out[DS_DIGITS_MAX], uint64_t v);

/* Writes v with exactly `width` digits (at most 9): leading zeros, the highest digits dropped. */
void ds_digits_fixed(char *out, uint32_t v, int width);

void ds_text_uint(struct ds_text *t, uint64_t v);
void ds_text_int(struct ds_text *t, int64_t v);

/* ns as milliseconds with three digits, rounded half away from zero: 3071204499 is "3071.204". */
void ds_text_ms(struct ds_text *t, int64_t ns);

/* ns as seconds with three digits, rounded alike, without a unit: "3.071". */
void ds_text_seconds(struct ds_text *t, int64_t ns);

/*
 * v with three digits, rounded; not finite: 0.000; beyond 10^12: clamped. What is written within
 * that is the same number when it is read and written again.
 */
#define DS_REAL_MAX_THOUSANDTHS INT64_C(1000000000000000)
void ds_text_real(struct ds_text *t, double v);

#endif
