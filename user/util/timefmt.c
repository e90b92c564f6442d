// SPDX-License-Identifier: Apache-2.0
/*
 * Times and durations. The calendar is the proleptic Gregorian one; days are counted by the
 * 400-year cycle, so that neither libc's time zone nor its locale is asked.
 */
#include "user/util/timefmt.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/util/text.h"

#define S_PER_DAY INT64_C(86400)
#define MAX_DURATION_NS (INT64_C(3653) * S_PER_DAY * DS_NS_PER_S)	/* ten years */

/* Year, month and day of a count of days since 1970-01-01 (years 1-9999). */
static void civil_from_days(int64_t days, uint32_t *ret_year, uint32_t *ret_month,
			    uint32_t *ret_day)
{
	/* Days since 0000-03-01; years are counted from March, so that leap days come last. */
	uint64_t z = (uint64_t)(days + 719468);
	uint32_t era = (uint32_t)(z / 146097), day_of_era = (uint32_t)(z % 146097);
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
				day_of_era / 146096) / 365;
	uint32_t day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t mp = (5 * day_of_year + 2) / 153;

	*ret_day = day_of_year - (153 * mp + 2) / 5 + 1;
	*ret_month = mp < 10 ? mp + 3 : mp - 9;
	*ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static int64_t days_from_civil(uint32_t year, uint32_t month, uint32_t day)
{
	uint32_t y = month <= 2 ? year - 1 : year;
	uint32_t era = y / 400, year_of_era = y % 400;
	uint32_t mp = month > 2 ? month - 3 : month + 9;
	uint32_t day_of_year = (153 * mp + 2) / 5 + day - 1;
	uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return (int64_t)era * 146097 + day_of_era - 719468;
}

void ds_time_rfc3339(int64_t ns, char buf[DS_RFC3339_LEN + 1])
{
	int64_t s = ns / DS_NS_PER_S, fraction = ns % DS_NS_PER_S, days;
	uint32_t year, month, day, second;

	if (fraction < 0) {
		fraction += DS_NS_PER_S;
		s--;
	}
	days = s / S_PER_DAY;
	if (s % S_PER_DAY < 0)
		days--;
	second = (uint32_t)(s - days * S_PER_DAY);
	/* 64 bits of ns reach from 1677 to 2262: every value is a year of four digits. */
	civil_from_days(days, &year, &month, &day);
	memcpy(buf, "0000-00-00T00:00:00.000000000Z", DS_RFC3339_LEN + 1);
	ds_digits_fixed(buf, year, 4);
	ds_digits_fixed(buf + 5, month, 2);
	ds_digits_fixed(buf + 8, day, 2);
	ds_digits_fixed(buf + 11, second / 3600, 2);
	ds_digits_fixed(buf + 14, second / 60 % 60, 2);
	ds_digits_fixed(buf + 17, second % 60, 2);
	ds_digits_fixed(buf + 20, (uint32_t)fraction, 9);
}

/* A cursor over text of a known length. */
struct cursor {
	const char *at;
	const char *end;
};

static bool take_char(struct cursor *c, char want)
{
	if (c->at == c->end || *c->at != want)
		return false;
	c->at++;
	return true;
}

/* Exactly `width` digits, at most max. */
static bool take_digits(struct cursor *c, int width, uint32_t max, uint32_t *ret_v)
{
	uint32_t v = 0;

	if (c->end - c->at < width)
		return false;
	for (int i = 0; i < width; i++, c->at++) {
		if (*c->at < '0' || *c->at > '9')
			return false;
		v = v * 10 + (uint32_t)(*c->at - '0');
	}
	*ret_v = v;
	return v <= max;
}

/* ".5" and so on, if it is there; digits beyond the ninth are dropped. */
static bool take_fraction(struct cursor *c, int64_t *ret_ns)
{
	int64_t unit = DS_NS_PER_S / 10, ns = 0;
	const char *first;

	*ret_ns = 0;
	if (!take_char(c, '.'))
		return true;
	first = c->at;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++, unit /= 10)
		ns += (*c->at - '0') * unit;
	*ret_ns = ns;
	return c->at > first;
}

/* "Z" or "+hh:mm". */
static bool take_zone(struct cursor *c, int64_t *ret_s)
{
	uint32_t hours, minutes;
	bool minus;

	*ret_s = 0;
	if (take_char(c, 'Z') || take_char(c, 'z'))
		return true;
	minus = take_char(c, '-');
	if (!minus && !take_char(c, '+'))
		return false;
	if (!take_digits(c, 2, 23, &hours) || !take_char(c, ':') ||
	    !take_digits(c, 2, 59, &minutes))
		return false;
	*ret_s = (int64_t)(hours * 3600 + minutes * 60) * (minus ? -1 : 1);
	return true;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
	static const uint8_t days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

int ds_time_parse(const char *text, size_t len, int64_t *ret_ns)
{
	struct cursor c = { text, text + len };
	uint32_t year, month, day, hour, minute, second;
	int64_t fraction, zone, s, ns;

	if (!take_digits(&c, 4, 9999, &year) || !take_char(&c, '-') ||
	    !take_digits(&c, 2, 12, &month) || !take_char(&c, '-') ||
	    !take_digits(&c, 2, 31, &day))
		return -EINVAL;
	if (year == 0 || month == 0 || day == 0 || day > days_of_month(year, month))
		return -EINVAL;
	if (!take_char(&c, 'T') && !take_char(&c, 't') && !take_char(&c, ' '))
		return -EINVAL;
	if (!take_digits(&c, 2, 23, &hour) || !take_char(&c, ':') ||
	    !take_digits(&c, 2, 59, &minute) || !take_char(&c, ':') ||
	    !take_digits(&c, 2, 60, &second) ||		/* 60: a leap second */
	    !take_fraction(&c, &fraction) || !take_zone(&c, &zone) || c.at != c.end)
		return -EINVAL;
	s = days_from_civil(year, month, day) * S_PER_DAY + hour * 3600 + minute * 60 + second -
	    zone;
	if (__builtin_mul_overflow(s, DS_NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, fraction, &ns))
		return -EINVAL;		/* before 1677 or after 2262 */
	*ret_ns = ns;
	return 0;
}

/* The unit at the cursor; 0 when there is none. */
static int64_t take_unit(struct cursor *c)
{
	static const struct {
		char name[3];
		int64_t ns;
	} units[] = {
		{ "ms", DS_NS_PER_MS },		/* before "m" */
		{ "s", DS_NS_PER_S },
		{ "m", 60 * DS_NS_PER_S },
		{ "h", 3600 * DS_NS_PER_S },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if ((size_t)(c->end - c->at) >= n && memcmp(c->at, units[i].name, n) == 0) {
			c->at += n;
			return units[i].ns;
		}
	}
	return 0;
}

/* Digits, at least one, at most max. */
static bool take_number(struct cursor *c, int64_t max, int64_t *ret_v)
{
	const char *first = c->at;
	int64_t v = 0;

	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
		v = v * 10 + (*c->at - '0');
		if (v > max)
			return false;
	}
	*ret_v = v;
	return c->at > first;
}

int ds_duration_parse(const char *text, int64_t *ret_ns)
{
	struct cursor c = { text, text + strlen(text) };
	int64_t total = 0;
	bool first = true;

	do {
		int64_t whole, fraction, unit, ns;

		if (!take_number(&c, MAX_DURATION_NS / DS_NS_PER_MS, &whole) ||
		    !take_fraction(&c, &fraction))
			return -EINVAL;
		unit = take_unit(&c);
		if (unit == 0) {
			if (!first || c.at != c.end)
				return -EINVAL;
			unit = DS_NS_PER_S;
		}
		/* The fraction is in billionths: of an hour that is 3600 ns, exact. */
		if (__builtin_mul_overflow(whole, unit, &ns) ||
		    __builtin_add_overflow(ns, fraction * (unit / DS_NS_PER_MS) / 1000, &ns) ||
		    __builtin_add_overflow(total, ns, &total) || total > MAX_DURATION_NS)
			return -EINVAL;
		first = false;
	} while (c.at != c.end);
	*ret_ns = total;
	return 0;
}
