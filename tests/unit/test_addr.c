// SPDX-License-Identifier: Apache-2.0
#include "user/util/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct ds_addr addr(const char *text)
{
	struct ds_addr a;

	assert_int_equal(ds_addr_parse(text, strlen(text), &a), 0);
	return a;
}

static struct ds_prefix prefix(const char *text)
{
	struct ds_prefix p;

	assert_int_equal(ds_prefix_parse(text, strlen(text), &p), 0);
	return p;
}

static void ipv4_is_mapped(void **state)
{
	struct ds_addr a = addr("10.0.3.201");
	const uint8_t want[16] = { [10] = 0xff, 0xff, 10, 0, 3, 201 };

	(void)state;
	assert_memory_equal(a.bytes, want, 16);
	assert_true(ds_addr_is_v4(&a));
	a = addr("::ffff:10.0.3.201");
	assert_memory_equal(a.bytes, want, 16);
	a = addr("fd00::1");
	assert_false(ds_addr_is_v4(&a));
}

static void absent_is_all_zero(void **state)
{
	struct ds_addr none = { 0 }, v4 = addr("0.0.0.0"), v6 = addr("::");

	(void)state;
	assert_false(ds_addr_is_set(&none));
	assert_false(ds_addr_is_set(&v6));
	assert_true(ds_addr_is_set(&v4));
	assert_true(ds_addr_equal(&none, &v6));
	assert_false(ds_addr_equal(&v4, &v6));
}

static void loopback_of_both_families(void **state)
{
	static const char *const yes[] = { "127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1" };
	static const char *const no[] = { "126.0.0.1", "::2", "::", "fd00::1" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ds_addr y = addr(yes[i]), n = addr(no[i]);

		assert_true(ds_addr_is_loopback(&y));
		assert_false(ds_addr_is_loopback(&n));
	}
}

static void bad_text_is_refused_and_output_untouched(void **state)
{
	static const char *const bad[] = {
		"",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.1 ",
		" 10.0.0.1",
		"10.0.0.01",
		"1::2::3",
		"fe80::1%eth0",
		"10.0.0.1/32",
		"abc",
		":",
		"1:2:3:4:5:6:7:8:9",
		"::ffff:10.0.0.1.2.3.4.5.6.7.8.9.10.11.12.13",
	};
	struct ds_addr a = addr("10.1.1.1"), before = a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ds_addr_parse(bad[i], strlen(bad[i]), &a), -EINVAL);
	assert_int_equal(ds_addr_parse("10.0.0.1\0xx", 11, &a), -EINVAL);
	assert_memory_equal(&a, &before, sizeof(a));
	/* The length counts, not a NUL. */
	assert_int_equal(ds_addr_parse("10.0.0.12345", 9, &a), 0);
	before = addr("10.0.0.12");
	assert_memory_equal(&a, &before, sizeof(a));
}

static void format_is_that_of_libc(void **state)
{
	char mine[DS_ADDR_STRLEN], libc[DS_ADDR_STRLEN];

	(void)state;
	srand(17);
	for (int i = 0; i < 200000; i++) {
		struct ds_addr a;
		size_t len;

		for (int g = 0; g < 8; g++) {
			unsigned int v =
				rand() % 3 ? 0 : (unsigned int)rand() & (0xffffu >> rand() % 16);

			a.bytes[g * 2] = (uint8_t)(v >> 8);
			a.bytes[g * 2 + 1] = (uint8_t)v;
		}
		if (i % 4 == 0)
			a = ds_addr_from_v4(a.bytes);
		len = ds_addr_format(&a, mine);
		assert_int_equal(len, strlen(mine));
		if (ds_addr_is_v4(&a))
			assert_non_null(inet_ntop(AF_INET, a.bytes + 12, libc, sizeof(libc)));
		else
			assert_non_null(inet_ntop(AF_INET6, a.bytes, libc, sizeof(libc)));
		/* libc writes ::1.2.3.4 for "compatible" addresses, which nobody has. */
		if (strchr(libc, '.') && !ds_addr_is_v4(&a))
			continue;
		assert_string_equal(mine, libc);
	}
}

static void longest_text_fits(void **state)
{
	struct ds_addr a;
	char buf[DS_ADDR_STRLEN];
	struct ds_prefix p = { .bits = 127 };
	char pbuf[DS_PREFIX_STRLEN];

	(void)state;
	memset(&a, 0xab, sizeof(a));
	assert_int_equal(ds_addr_format(&a, buf), 39);
	p.addr = a;
	assert_int_equal(ds_prefix_format(&p, pbuf), 43);
}

static void prefixes_contain(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{ "10.0.0.0/24", "10.0.0.255", true }, { "10.0.0.0/24", "10.0.1.0", false },
		{ "10.0.0.7/24", "10.0.0.1", true }, { "10.0.0.1", "10.0.0.1", true },
		{ "10.0.0.1", "10.0.0.2", false }, { "10.0.0.0/31", "10.0.0.1", true },
		{ "10.0.0.0/31", "10.0.0.2", false }, { "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "fd00::1", false }, { "::/0", "fd00::1", true },
		{ "::/0", "1.2.3.4", false }, { "fd00::/8", "fdff::1", true },
		{ "fd00:1::/33", "fd00:1:7fff::", true }, { "fd00:1::/33", "fd00:1:8000::", false },
		{ "::ffff:10.0.0.0/104", "10.9.9.9", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_prefix p = prefix(cases[i].prefix);
		struct ds_addr a = addr(cases[i].addr);

		if (ds_prefix_contains(&p, &a) != cases[i].in)
			fail_msg("%s and %s", cases[i].prefix, cases[i].addr);
	}
}

static void prefix_text_goes_round(void **state)
{
	static const char *const texts[] = { "10.0.0.0/24", "10.0.0.1", "0.0.0.0/0", "::/0",
					     "fd00::/64", "fd00::1", "10.0.0.0/31" };
	char buf[DS_PREFIX_STRLEN];
	struct ds_prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		p = prefix(texts[i]);
		(void)ds_prefix_format(&p, buf);
		assert_string_equal(buf, texts[i]);
	}
	p = prefix("10.1.2.3/16");
	(void)ds_prefix_format(&p, buf);
	assert_string_equal(buf, "10.1.0.0/16");
}

static void bad_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",           "/",           "10.0.0.0/",    "10.0.0.0/33",
		"fd00::/129", "10.0.0.0/-1", "10.0.0.0/ 8",  "10.0.0.0/8/8",
		"10.0.0/8",   "/8",          "10.0.0.0/0008"
	};
	struct ds_prefix p = { .bits = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ds_prefix_parse(bad[i], strlen(bad[i]), &p), -EINVAL);
	assert_int_equal(p.bits, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4_is_mapped),
		cmocka_unit_test(absent_is_all_zero),
		cmocka_unit_test(loopback_of_both_families),
		cmocka_unit_test(bad_text_is_refused_and_output_untouched),
		cmocka_unit_test(format_is_that_of_libc),
		cmocka_unit_test(longest_text_fits),
		cmocka_unit_test(prefixes_contain),
		cmocka_unit_test(prefix_text_goes_round),
		cmocka_unit_test(bad_prefixes_are_refused),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
