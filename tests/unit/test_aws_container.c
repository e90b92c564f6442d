// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_container.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static char url[DS_AWS_URL_MAX];
static const char *fault;

#define PLAIN "http://"
#define TLS "https://"

static int full(const char *uri)
{
	return ds_aws_container_url(NULL, uri, url, &fault);
}

static void assert_taken(const char *uri)
{
	if (full(uri))
		fail_msg("%s: %s", uri, fault);
	assert_string_equal(url, uri);
}

static void assert_refused(const char *uri, const char *why)
{
	fault = "";
	if (full(uri) != -EINVAL || !strstr(fault, why))
		fail_msg("%s: '%s' does not say '%s'", uri, fault, why);
}

static void a_path_is_one_of_ecs(void **state)
{
	(void)state;
	assert_int_equal(ds_aws_container_url("/v2/credentials/1?a=b", NULL, url, &fault), 0);
	assert_string_equal(url, PLAIN "169.254.170.2/v2/credentials/1?a=b");
	/* and goes before a whole URI */
	assert_int_equal(ds_aws_container_url("/x", PLAIN "127.0.0.1/y", url, &fault), 0);
	assert_string_equal(url, PLAIN "169.254.170.2/x");
	/* it cannot name another host */
	assert_int_equal(ds_aws_container_url(".example.com/", NULL, url, &fault), -EINVAL);
	assert_int_equal(ds_aws_container_url("@example.com/", NULL, url, &fault), -EINVAL);
	assert_int_equal(ds_aws_container_url("", NULL, url, &fault), -EINVAL);
	assert_int_equal(ds_aws_container_url("/a\r\nHost: b", NULL, url, &fault), -EINVAL);
}

static void without_either_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(ds_aws_container_url(NULL, NULL, url, &fault), -ENOENT);
}

static void hosts_on_the_node_are_asked_without_tls(void **state)
{
	(void)state;
	assert_taken(PLAIN "169.254.170.2/x");
	assert_taken(PLAIN "169.254.170.23/v1/credentials");
	assert_taken(PLAIN "169.254.170.23:80/v1/credentials");
	assert_taken(PLAIN "[fd00:ec2::23]/v1/credentials");
	assert_taken(PLAIN "[fd00:0ec2:0::23]:80");
	assert_taken(PLAIN "127.0.0.1:1234/x");
	assert_taken(PLAIN "127.255.0.1");
	assert_taken(PLAIN "[::1]/x");
	assert_taken(PLAIN "localhost:80?x");
	assert_taken("HTTP://LocalHost/x");
}

static void other_hosts_only_with_tls(void **state)
{
	static const char *const refused[] = {
		"169.254.169.254/x", "169.254.170.22/x", "169.254.170.230/x", "10.0.0.1", "[fd00:ec2::24]/",
		"[::ffff:10.0.0.1]/", "example.com", "localhost.example.com/", "xlocalhost/", "",
		"/x", "127.0.0.1.example.com/",
		"example.com/@127.0.0.1", "example.com?127.0.0.1", "example.com#@127.0.0.1",
		"[127.0.0.1]/", "[::1", "[::1]x/", "example.com\\127.0.0.1",
		"127.1/", "0x7f000001/", "2130706433/", "0177.0.0.1/", "local%68ost/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char uri[128] = PLAIN;

		strcat(uri, refused[i]);
		assert_refused(uri, "not asked without TLS");
	}
	assert_taken(TLS "credentials.example.com/x");
	assert_taken(TLS "10.0.0.1:8443/x");
}

static void a_user_in_it_is_refused(void **state)
{
	(void)state;
	assert_refused(PLAIN "127.0.0.1@example.com/", "names a user");
	assert_refused(PLAIN "localhost:80@example.com", "names a user");
	assert_refused(PLAIN "[::1]@example.com/", "names a user");
	assert_refused(PLAIN "example.com\\@127.0.0.1", "names a user");
	assert_refused(TLS "user:password@example.com", "names a user");
	assert_taken(TLS "example.com/@");
}

static void what_is_no_url_is_refused(void **state)
{
	char uri[DS_AWS_URL_MAX + 1] = PLAIN "localhost/";
	size_t len = strlen(uri);

	(void)state;
	assert_refused("ftp://localhost/", "no http");
	assert_refused("localhost/x", "no http");
	assert_refused("http:/localhost", "no http");
	assert_refused(PLAIN "localhost/a b", "characters");
	assert_refused(PLAIN "localhost/\n", "characters");
	assert_refused(TLS "localhost/\x7f", "characters");
	memset(uri + len, 'x', sizeof(uri) - 1 - len);
	assert_refused(uri, "too long");
	uri[sizeof(uri) - 2] = '\0';
	assert_taken(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_one_of_ecs),
		cmocka_unit_test(without_either_there_is_none),
		cmocka_unit_test(hosts_on_the_node_are_asked_without_tls),
		cmocka_unit_test(other_hosts_only_with_tls),
		cmocka_unit_test(a_user_in_it_is_refused),
		cmocka_unit_test(what_is_no_url_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
