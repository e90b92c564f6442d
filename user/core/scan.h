/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scanner of flat JSON lines: hands out one token after the other, checks form and UTF-8 as it
 * goes, keeps no tree. Pure; input may be anything; every function that returns int gives 0 or
 * -EINVAL with the fault in *perr.
 */
#ifndef DS_CORE_SCAN_H
#define DS_CORE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ds_perr;

struct ds_scan {
	const char *line;
	const char *at;
	const char *end;
	struct ds_perr *perr;
};

/* Text of a string: in the line itself, or in the room given where it had escapes. No NUL. */
struct ds_scan_text {
	const char *text;
	size_t len;
	bool cut;	/* the room was too small: text holds its beginning */
};

/* digits * 10^exponent; digits beyond the nineteenth have gone into the exponent. */
struct ds_decimal {
	uint64_t digits;
	int exponent;
	bool negative;
};

/* Fills *perr with the offset of `at` and a sentence, made printable; returns -EINVAL. */
int ds_scan_fail(const struct ds_scan *s, const char *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Skips white space; the character after it, or '\0' at the end. */
static inline char ds_scan_peek(struct ds_scan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\r' || *s->at == '\n'))
		s->at++;
	return s->at < s->end ? *s->at : '\0';
}

/* Takes that character after white space, or fails with "expected ...". */
int ds_scan_take(struct ds_scan *s, char c);

/* "a string", "a number", ... : what begins at the next character. */
const char *ds_scan_what(struct ds_scan *s);

int ds_scan_string(struct ds_scan *s, char *room, size_t cap, struct ds_scan_text *ret_text);
int ds_scan_number(struct ds_scan *s, struct ds_decimal *ret_number);
int ds_scan_bool(struct ds_scan *s, bool *ret_value);

/* Skips a value of any kind; objects and arrays nest at most eight deep. */
int ds_scan_skip(struct ds_scan *s);

/*
 * The number times 10^scale, the fraction cut off; with `exact`, a fraction that is not 0 is an
 * error. 0, -EINVAL (a fraction) or -ERANGE; *ret_v untouched then.
 */
int ds_decimal_scaled(const struct ds_decimal *d, int scale, bool exact, int64_t *ret_v);

#endif
