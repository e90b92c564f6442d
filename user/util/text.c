// SPDX-License-Identifier: Apache-2.0
/*
 * Numbers as text, by hand: printf costs ten times as much and these stand on every line.
 */
#include "user/util/text.h"

#include <math.h>

static const char pairs[200] =
	"00010203040506070809" "10111213141516171819" "20212223242526272829"
	"30313233343536373839" "40414243444546474849" "50515253545556575859"
	"60616263646566676869" "70717273747576777879" "80818283848586878889"
	"90919293949596979899";

static size_t count_digits(uint64_t v)
{
	size_t n = 1;

	for (; v >= 10000; v /= 10000)
		n += 4;
	return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

size_t ds_digits(char out[DS_DIGITS_MAX], uint64_t v)
{
	size_t len = count_digits(v), at = len;

	while (v >= 100) {
		at -= 2;
		memcpy(out + at, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(out, pairs + v * 2, 2);
	else
		out[0] = (char)('0' + v);
	return len;
}

void ds_digits_fixed(char *out, uint32_t v, int width)
{
	while (width > 1) {
		width -= 2;
		memcpy(out + width, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (width == 1)
		out[0] = (char)('0' + v % 10);
}

void ds_text_uint(struct ds_text *t, uint64_t v)
{
	char digits[DS_DIGITS_MAX];

	ds_text_put(t, digits, ds_digits(digits, v));
}

void ds_text_int(struct ds_text *t, int64_t v)
{
	if (v < 0)
		ds_text_putc(t, '-');
	ds_text_uint(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* A number of thousandths. */
static void put_thousandths(struct ds_text *t, bool negative, uint64_t v)
{
	char fraction[4] = ".";

	if (negative && v)
		ds_text_putc(t, '-');
	ds_text_uint(t, v / 1000);
	ds_digits_fixed(fraction + 1, (uint32_t)(v % 1000), 3);
	ds_text_put(t, fraction, sizeof(fraction));
}

void ds_text_ms(struct ds_text *t, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	put_thousandths(t, ns < 0, (v + 500) / 1000);
}

void ds_text_seconds(struct ds_text *t, int64_t ns)
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

	put_thousandths(t, ns < 0, (v + 500000) / 1000000);
}

void ds_text_real(struct ds_text *t, double v)
{
	double a = fabs(v) * 1000.0 + 0.5;

	if (!isfinite(v))
		a = 0;
	if (a > (double)DS_REAL_MAX_THOUSANDTHS)
		a = (double)DS_REAL_MAX_THOUSANDTHS;
	put_thousandths(t, v < 0, (uint64_t)a);
}
