// SPDX-License-Identifier: Apache-2.0
#include "user/util/timefmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/unit.h"

static int64_t parse(const char *text)
{
	int64_t ns;

	if (ds_time_parse(text, strlen(text), &ns) < 0)
		fail_msg("%s", text);
	return ns;
}

static void known_times(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ INT64_C(1795342531660018113), "2026-11-22T10:15:31.660018113Z" },
		{ INT64_C(951782400000000000), "2000-02-29T00:00:00.000000000Z" },
		{ INT64_C(4107542399999999999), "2100-02-28T23:59:59.999999999Z" },
		{ INT64_C(4107542400000000000), "2100-03-01T00:00:00.000000000Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};
	char buf[DS_RFC3339_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ds_time_rfc3339(cases[i].ns, buf);
		assert_string_equal(buf, cases[i].text);
		assert_int_equal(strlen(buf), DS_RFC3339_LEN);
		if (i + 1 < sizeof(cases) / sizeof(cases[0]))
			assert_true(parse(buf) == cases[i].ns);
	}
}

static void any_time_is_that_of_libc_and_goes_round(void **state)
{
	char mine[DS_RFC3339_LEN + 1], libc[64];

	(void)state;
	srand(3);
	for (int i = 0; i < 200000; i++) {
		time_t s = (time_t)(((int64_t)rand() << 22 ^ rand()) % INT64_C(9000000000));
		int64_t ns = (int64_t)s * DS_NS_PER_S + rand() % DS_NS_PER_S;
		struct tm tm;
		size_t n;

		assert_non_null(gmtime_r(&s, &tm));
		n = strftime(libc, sizeof(libc), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(libc + n, sizeof(libc) - n, ".%09dZ", (int)(ns % DS_NS_PER_S));
		ds_time_rfc3339(ns, mine);
		assert_string_equal(mine, libc);
		assert_true(parse(mine) == ns);
	}
}

static void forms_of_rfc_3339(void **state)
{
	const int64_t t = INT64_C(1795342531) * DS_NS_PER_S;

	(void)state;
	assert_true(parse("2026-11-22T10:15:31Z") == t);
	assert_true(parse("2026-11-22t10:15:31z") == t);
	assert_true(parse("2026-11-22 10:15:31Z") == t);
	assert_true(parse("2026-11-22T10:15:31.5Z") == t + 500000000);
	assert_true(parse("2026-11-22T10:15:31.66001811399999Z") == t + 660018113);
	assert_true(parse("2026-11-22T12:15:31+02:00") == t);
	assert_true(parse("2026-11-22T09:45:31.000-00:30") == t);
	assert_true(parse("2026-11-22T10:14:60Z") == t - 31 * DS_NS_PER_S);
	assert_true(parse("2024-02-29T00:00:00Z") == INT64_C(1709164800) * DS_NS_PER_S);
}

static void bad_times_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026",
		"2026-11-22",
		"2026-11-22T10:15:31",
		"2026-11-22T10:15:31.Z",
		"2026-13-22T10:15:31Z",
		"2026-00-22T10:15:31Z",
		"2026-11-00T10:15:31Z",
		"2026-02-29T10:15:31Z",
		"2100-02-29T10:15:31Z",
		"2026-11-31T10:15:31Z",
		"2026-11-22T24:15:31Z",
		"2026-11-22T10:60:31Z",
		"2026-11-22T10:15:61Z",
		"2026-11-22T10:15:31ZZ",
		"2026-11-22T10:15:31Z ",
		" 2026-11-22T10:15:31Z",
		"2026-11-22T10:15:31+0200",
		"2026-11-22T10:15:31+24:00",
		"2026-11-22T10:15:31+02:60",
		"0000-01-01T00:00:00Z",
		"1600-01-01T00:00:00Z",
		"2300-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z",
		"26-11-22T10:15:31Z",
		"2026-1-2T10:15:31Z",
		"1795342531",
		"+026-11-22T10:15:31Z",
	};
	int64_t ns = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ds_time_parse(bad[i], strlen(bad[i]), &ns) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(ns, 42);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "90", 90 * DS_NS_PER_S },
		{ "90s", 90 * DS_NS_PER_S },
		{ "1.5s", 1500000000 },
		{ "1.5", 1500000000 },
		{ "250ms", 250000000 },
		{ "5m", 300 * DS_NS_PER_S },
		{ "2h", 7200 * DS_NS_PER_S },
		{ "1m30s", 90 * DS_NS_PER_S },
		{ "1h2m3s4ms", 3723 * DS_NS_PER_S + 4000000 },
		{ "0.000001ms", 1 },
		{ "0.5h", 1800 * DS_NS_PER_S },
		{ "3650m", INT64_C(219000) * DS_NS_PER_S },
		{ "87600h", INT64_C(315360000) * DS_NS_PER_S },
	};
	static const char *const bad[] = {
		"",    "s",    "-1",  "-1s", "1x",    "1 s",     " 1",
		"1s ", "1m30", "1.s", ".5s", "1..5s", "99999h",  "9999999999999999999s",
		"1d",  "1e3",  "+1",  "1s1", "0x10",  "infinity"
	};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (ds_duration_parse(good[i].text, &ns) < 0 || ns != good[i].ns)
			fail_msg("%s", good[i].text);
	}
	ns = 42;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ds_duration_parse(bad[i], &ns) != -EINVAL)
			fail_msg("%s", bad[i]);
	assert_int_equal(ns, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_times),
		cmocka_unit_test(any_time_is_that_of_libc_and_goes_round),
		cmocka_unit_test(forms_of_rfc_3339),
		cmocka_unit_test(bad_times_are_refused),
		cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests_name("timefmt", tests, NULL, NULL);
}
