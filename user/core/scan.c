// SPDX-License-Identifier: Apache-2.0
/*
 * The scanner of flat JSON lines (RFC 8259, held to its letter).
 */
#include "user/core/scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/util/json.h"
#include "user/util/utf8.h"

#define MAX_DEPTH 8
#define MAX_EXPONENT 1000

int ds_scan_fail(const struct ds_scan *s, const char *at, const char *format, ...)
{
	struct ds_perr *perr = s->perr;
	va_list args;

	perr->offset = (size_t)(at - s->line);
	va_start(args, format);
	(void)vsnprintf(perr->what, sizeof(perr->what), format, args);
	va_end(args);
	for (char *c = perr->what; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
	return -EINVAL;
}

static bool starts_with(const struct ds_scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->at) >= n && memcmp(s->at, word, n) == 0;
}

const char *ds_scan_what(struct ds_scan *s)
{
	char c = ds_scan_peek(s);

	if (s->at == s->end)
		return "the end of the line";
	if (c == '"')
		return "a string";
	if (c == '-' || (c >= '0' && c <= '9'))
		return "a number";
	if (starts_with(s, "true") || starts_with(s, "false"))
		return "a truth value";
	if (starts_with(s, "null"))
		return "null";
	if (c == '{')
		return "an object";
	if (c == '[')
		return "an array";
	return "something that is not JSON";
}

int ds_scan_take(struct ds_scan *s, char c)
{
	if (ds_scan_peek(s) != c || s->at == s->end)
		return ds_scan_fail(s, s->at, "expected '%c', found %s", c, ds_scan_what(s));
	s->at++;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The four hex digits at s->at + 2, after "\u"; -1 when they are not there. */
static int32_t peek_unit(const struct ds_scan *s)
{
	int32_t unit = 0;

	if (s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++) {
		int digit = hex_digit(s->at[i]);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

/* "\uXXXX", or a pair of them for a code point above U+FFFF. */
static int scan_unicode_escape(struct ds_scan *s, char out[4], size_t *ret_n)
{
	const char *first = s->at;
	int32_t unit = peek_unit(s), low;
	uint32_t code;

	if (unit < 0)
		return ds_scan_fail(s, first, "a bad \\u escape");
	if (unit == 0)
		return ds_scan_fail(s, first, "a NUL character in a string");
	code = (uint32_t)unit;
	s->at += 6;
	if (code >= 0xd800 && code < 0xe000) {
		low = peek_unit(s);
		if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
			return ds_scan_fail(s, first, "half a surrogate pair");
		code = 0x10000 + ((code - 0xd800) << 10 | ((uint32_t)low - 0xdc00));
		s->at += 6;
	}
	*ret_n = ds_utf8_encode(code, out);
	return 0;
}

static int scan_escape(struct ds_scan *s, char out[4], size_t *ret_n)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;

	if (s->end - s->at < 2)
		return ds_scan_fail(s, s->at, "the line ends within a string");
	if (s->at[1] == 'u')
		return scan_unicode_escape(s, out, ret_n);
	hit = memchr(from, s->at[1], sizeof(from) - 1);
	if (!hit)
		return ds_scan_fail(s, s->at, "an unknown escape in a string");
	out[0] = to[hit - from];
	*ret_n = 1;
	s->at += 2;
	return 0;
}

/* Steps over plain characters, up to a quote, a backslash or the end. */
static int scan_plain(struct ds_scan *s)
{
	for (;;) {
		unsigned char c;
		size_t n = 1;

		s->at += ds_json_plain(s->at, (size_t)(s->end - s->at));
		if (s->at == s->end || *s->at == '"' || *s->at == '\\')
			break;
		c = (unsigned char)*s->at;
		if (c < 0x20)
			return ds_scan_fail(s, s->at, "a raw control character in a string");
		if (c >= 0x80) {
			n = ds_utf8_sequence(s->at, (size_t)(s->end - s->at));
			if (n == 0)
				return ds_scan_fail(s, s->at, "not UTF-8");
		}
		s->at += n;
	}
	if (s->at == s->end)
		return ds_scan_fail(s, s->at, "the line ends within a string");
	return 0;
}

static void append(char *room, size_t cap, struct ds_scan_text *t, const char *data, size_t n)
{
	if (n > cap - t->len)
		t->cut = true;
	if (t->cut || n == 0)
		return;
	memcpy(room + t->len, data, n);
	t->len += n;
}

int ds_scan_string(struct ds_scan *s, char *room, size_t cap, struct ds_scan_text *ret_text)
{
	struct ds_scan_text t = { 0 };
	const char *from;
	int r;

	r = ds_scan_take(s, '"');
	if (r < 0)
		return r;
	from = s->at;
	r = scan_plain(s);
	if (r < 0)
		return r;
	if (*s->at == '"') {	/* no escapes: nearly always */
		t.text = from;
		t.len = (size_t)(s->at - from);
		s->at++;
		*ret_text = t;
		return 0;
	}
	t.text = room;
	for (;;) {
		char out[4];
		size_t n = 0;

		append(room, cap, &t, from, (size_t)(s->at - from));
		if (*s->at == '"')
			break;
		r = scan_escape(s, out, &n);
		if (r < 0)
			return r;
		append(room, cap, &t, out, n);
		from = s->at;
		r = scan_plain(s);
		if (r < 0)
			return r;
	}
	s->at++;
	*ret_text = t;
	return 0;
}

static bool is_digit(const struct ds_scan *s)
{
	return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

/* A run of digits: of the integer part, or of the fraction. At least one. */
static int scan_digits(struct ds_scan *s, bool fraction, struct ds_decimal *d)
{
	const char *first = s->at;

	for (; is_digit(s); s->at++) {
		if (d->digits < UINT64_MAX / 10 - 1) {
			d->digits = d->digits * 10 + (uint64_t)(*s->at - '0');
			d->exponent -= fraction;
		} else {
			d->exponent += !fraction;
		}
	}
	if (s->at == first)
		return ds_scan_fail(s, s->at, "a bad number");
	return 0;
}

static int scan_exponent(struct ds_scan *s, struct ds_decimal *d)
{
	bool negative = false;
	int exponent = 0;

	s->at++;
	if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
		negative = *s->at++ == '-';
	if (!is_digit(s))
		return ds_scan_fail(s, s->at, "a bad number");
	for (; is_digit(s); s->at++)
		if (exponent < MAX_EXPONENT)
			exponent = exponent * 10 + (*s->at - '0');
	d->exponent += negative ? -exponent : exponent;
	return 0;
}

int ds_scan_number(struct ds_scan *s, struct ds_decimal *ret_number)
{
	struct ds_decimal d = { 0 };
	const char *first;
	int r;

	(void)ds_scan_peek(s);
	first = s->at;
	if (s->at < s->end && *s->at == '-') {
		d.negative = true;
		s->at++;
	}
	if (is_digit(s) && *s->at == '0' && s->end - s->at > 1 && s->at[1] >= '0' &&
	    s->at[1] <= '9')
		return ds_scan_fail(s, first, "a number with a leading zero");
	r = scan_digits(s, false, &d);
	if (r == 0 && s->at < s->end && *s->at == '.') {
		s->at++;
		r = scan_digits(s, true, &d);
	}
	if (r == 0 && s->at < s->end && (*s->at == 'e' || *s->at == 'E'))
		r = scan_exponent(s, &d);
	if (r < 0)
		return r;
	*ret_number = d;
	return 0;
}

static bool take_word(struct ds_scan *s, const char *word)
{
	if (!starts_with(s, word))
		return false;
	s->at += strlen(word);
	return true;
}

int ds_scan_bool(struct ds_scan *s, bool *ret_value)
{
	(void)ds_scan_peek(s);
	if (take_word(s, "true"))
		*ret_value = true;
	else if (take_word(s, "false"))
		*ret_value = false;
	else
		return ds_scan_fail(s, s->at, "expected true or false");
	return 0;
}

/* A value that is neither object nor array. */
static int skip_scalar(struct ds_scan *s)
{
	struct ds_scan_text text;
	struct ds_decimal number;
	bool value;
	char c = ds_scan_peek(s);

	if (c == '"')
		return ds_scan_string(s, NULL, 0, &text);
	if (c == '-' || (c >= '0' && c <= '9'))
		return ds_scan_number(s, &number);
	if (c == 't' || c == 'f')
		return ds_scan_bool(s, &value);
	if (c == 'n' && take_word(s, "null"))
		return 0;
	return ds_scan_fail(s, s->at, "expected a value, found %s", ds_scan_what(s));
}

/* Up to a value that follows an opening bracket or a comma: in an object, past the key. */
static int skip_key(struct ds_scan *s, bool object)
{
	struct ds_scan_text text;
	int r;

	if (!object)
		return 0;
	r = ds_scan_string(s, NULL, 0, &text);
	return r < 0 ? r : ds_scan_take(s, ':');
}

/* Without recursion: the depth is that of the open brackets, one bit of `objects` each. */
int ds_scan_skip(struct ds_scan *s)
{
	unsigned int objects = 0;
	int depth = 0, r;

	do {
		char c = ds_scan_peek(s);

		if (c == '{' || c == '[') {
			if (depth == MAX_DEPTH)
				return ds_scan_fail(s, s->at, "nested deeper than %d", MAX_DEPTH);
			s->at++;
			depth++;
			objects = objects << 1 | (c == '{');
			if (ds_scan_peek(s) != (c == '{' ? '}' : ']')) {
				r = skip_key(s, c == '{');
				if (r < 0)
					return r;
				continue;
			}
		} else {
			r = skip_scalar(s);
			if (r < 0)
				return r;
		}
		/* A value has ended: close what closes, or go on after a comma. */
		while (depth > 0 && ds_scan_peek(s) == ((objects & 1) ? '}' : ']')) {
			s->at++;
			depth--;
			objects >>= 1;
		}
		if (depth > 0) {
			r = ds_scan_take(s, ',');
			if (r == 0)
				r = skip_key(s, objects & 1);
			if (r < 0)
				return r;
		}
	} while (depth > 0);
	return 0;
}

int ds_decimal_scaled(const struct ds_decimal *d, int scale, bool exact, int64_t *ret_v)
{
	uint64_t v = d->digits;
	int exponent = d->exponent + scale;

	for (; exponent > 0 && v; exponent--)
		if (__builtin_mul_overflow(v, UINT64_C(10), &v))
			return -ERANGE;
	for (; exponent < 0 && v; exponent++) {
		if (exact && v % 10)
			return -EINVAL;
		v /= 10;
	}
	if (v > (uint64_t)INT64_MAX + d->negative)
		return -ERANGE;
	*ret_v = d->negative ? (int64_t)(0 - v) : (int64_t)v;
	return 0;
}
