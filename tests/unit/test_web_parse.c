// SPDX-License-Identifier: Apache-2.0
#include "user/sink/web_parse.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct ds_web_address parse(const char *text)
{
	struct ds_web_address a;

	memset(&a, 0xa5, sizeof(a));
	assert_int_equal(ds_web_address_parse(text, strlen(text), &a), 0);
	return a;
}

static void assert_address(const char *text, const char *host, uint16_t port)
{
	struct ds_web_address a = parse(text);
	char buf[DS_ADDR_STRLEN];

	assert_false(a.any_v4 || a.any_v6);
	assert_int_equal(a.port, port);
	(void)ds_addr_format(&a.addr, buf);
	assert_string_equal(buf, host);
}

static void addresses_have_a_port(void **state)
{
	(void)state;
	assert_address("127.0.0.1:9973", "127.0.0.1", 9973);
	assert_address("10.0.0.7:0", "10.0.0.7", 0);
	assert_address("10.0.0.7:65535", "10.0.0.7", 65535);
	assert_address("[::1]:9973", "::1", 9973);
	assert_address("[fd00::a:1]:80", "fd00::a:1", 80);
}

static void all_addresses_are_of_one_family_or_of_both(void **state)
{
	struct ds_web_address a = parse(":9973");

	(void)state;
	assert_false(ds_addr_is_set(&a.addr) || a.any_v4 || a.any_v6);
	assert_int_equal(a.port, 9973);
	a = parse("0.0.0.0:1");
	assert_true(a.any_v4 && !a.any_v6 && !ds_addr_is_set(&a.addr));
	a = parse("[::]:1");
	assert_true(a.any_v6 && !a.any_v4 && !ds_addr_is_set(&a.addr));
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"", ":", "9973", "127.0.0.1", "127.0.0.1:", ":65536", ":999999", ":-1", ":+1", ": 1",
		":1 ", ":0x50", "localhost:9973", "::1:9973", "[::1]", "[::1]:", "[::1]9973",
		"[127.0.0.1]:9973", "[]:1", "[:1", "::1]:1", "[fe80::1%eth0]:1", "1.2.3:1",
		"1.2.3.4.5:1", "*:9973", ":0000001", "[::ffff:10.0.0.1]:1", "::ffff:10.0.0.1:1",
		"[::ffff:0.0.0.0]:1",
	};
	struct ds_web_address a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ds_web_address_parse(bad[i], strlen(bad[i]), &a), -EINVAL);
	/* Its length counts, not its NUL. */
	assert_int_equal(ds_web_address_parse(":80:x", 3, &a), 0);
	assert_int_equal(a.port, 80);
}

static bool wants(const char *accept)
{
	return ds_web_wants_openmetrics(accept, strlen(accept));
}

static void prometheus_wants_openmetrics(void **state)
{
	(void)state;
	/* 2.42 */
	assert_true(wants("application/openmetrics-text;version=1.0.0,"
			  "application/openmetrics-text;version=0.0.1;q=0.75,"
			  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
	/* 3.x, with native histograms first */
	assert_true(wants("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
			  "encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;"
			  "escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"));
	assert_true(wants("application/openmetrics-text"));
	assert_true(wants("APPLICATION/OpenMetrics-Text ; Version=\"1.0.0\" ; charset=utf-8"));
	assert_true(wants("text/plain, application/openmetrics-text"));
}

static void others_get_the_text_format(void **state)
{
	static const char *const others[] = {
		"", "*/*", "text/plain", "text/html,*/*;q=0.8", "application/json",
		"application/openmetrics-text;q=0", "application/openmetrics-text;q=0.000",
		"application/openmetrics-text;q=0.4,text/plain;q=0.5",
		"application/openmetrics-text;version=2.0.0",
		"application/openmetrics-textual", "application/openmetrics-text;q=x",
		"application/openmetrics-text;q=", "application/openmetrics-text;q=2",
		"application/openmetrics-text;q=1.001", "application/openmetrics-text;q=-1",
		"application/openmetrics-text;q=0.9999", ";;;,,,===", "q=1", "\xff\xfe",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(wants(others[i]));
}

static void the_highest_quality_of_a_type_counts(void **state)
{
	(void)state;
	assert_true(wants("application/openmetrics-text;q=0.1,"
			  "application/openmetrics-text;q=0.6,text/plain;q=0.5"));
	assert_false(wants("application/openmetrics-text;q=0.6,text/plain;q=0.1,"
			   "text/plain;q=0.601"));
	/* A version of text/plain that is not spoken here is no wish for it. */
	assert_true(wants("application/openmetrics-text;q=0.1,text/plain;version=1.0.0"));
	assert_true(wants("application/openmetrics-text;q=1.,text/plain;q=0.999"));
	assert_true(wants("application/openmetrics-text;q=0.05,text/plain;q=0.049"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_a_port),
		cmocka_unit_test(all_addresses_are_of_one_family_or_of_both),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(prometheus_wants_openmetrics),
		cmocka_unit_test(others_get_the_text_format),
		cmocka_unit_test(the_highest_quality_of_a_type_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
