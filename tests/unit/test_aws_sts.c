// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_sts.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/wipe.h"

#define PLAIN "http://"
#define TLS "https://"

static char url[128];

static const char *of_region(const char *region, bool legacy)
{
	assert_int_equal(ds_aws_sts_url(NULL, region, legacy, url, sizeof(url)), 0);
	return url;
}

static int given(const char *endpoint)
{
	return ds_aws_sts_url(endpoint, "eu-west-1", false, url, sizeof(url));
}

static void a_region_has_its_own(void **state)
{
	(void)state;
	assert_string_equal(of_region("eu-west-1", false), TLS "sts.eu-west-1.amazonaws.com/");
	assert_string_equal(of_region("cn-north-1", false), TLS "sts.cn-north-1.amazonaws.com.cn/");
	assert_string_equal(of_region("us-gov-west-1", false), TLS "sts.us-gov-west-1.amazonaws.com/");
	assert_string_equal(of_region(NULL, false), TLS "sts.amazonaws.com/");
}

static void legacy_is_for_old_regions_only(void **state)
{
	(void)state;
	assert_string_equal(of_region("eu-west-1", true), TLS "sts.amazonaws.com/");
	assert_string_equal(of_region("us-west-2", true), TLS "sts.amazonaws.com/");
	assert_string_equal(of_region("eu-south-1", true), TLS "sts.eu-south-1.amazonaws.com/");
	assert_string_equal(of_region("cn-north-1", true), TLS "sts.cn-north-1.amazonaws.com.cn/");
}

static void one_that_is_given_goes_before_all(void **state)
{
	(void)state;
	assert_int_equal(given(PLAIN "127.0.0.1:8080"), 0);
	assert_string_equal(url, PLAIN "127.0.0.1:8080/");
	assert_int_equal(given(TLS "sts.example.com/a/b"), 0);
	assert_string_equal(url, TLS "sts.example.com/a/b");
	assert_int_equal(given("HTTPS://x"), 0);
	assert_string_equal(url, "HTTPS://x/");
}

static void what_is_no_url_is_refused(void **state)
{
	(void)state;
	assert_int_equal(given("sts.example.com"), -EINVAL);
	assert_int_equal(given(PLAIN), -EINVAL);
	assert_int_equal(given("ftp://x"), -EINVAL);
	assert_int_equal(given("x" PLAIN "y"), -EINVAL);
	assert_int_equal(given(PLAIN "x y"), -EINVAL);
	assert_int_equal(given(PLAIN "user:password@x/"), -EINVAL);
	assert_int_equal(given(PLAIN "x/@"), 0);
	assert_int_equal(ds_aws_sts_url(PLAIN "127.0.0.1", NULL, false, url, 17), -ENOBUFS);
	assert_int_equal(ds_aws_sts_url(PLAIN "127.0.0.1", NULL, false, url, 18), 0);
}

static void the_body_is_a_form(void **state)
{
	char *body = ds_aws_sts_body("arn:aws:iam::1:role/a b", "me+you@x", "e.y-_~%\xc3\xa4&=");

	(void)state;
	assert_string_equal(body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
			    "&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b"
			    "&RoleSessionName=me%2Byou%40x&WebIdentityToken=e.y-_~%25%C3%A4%26%3D");
	ds_wipe_free(body);
	body = ds_aws_sts_body("", "", "");
	assert_string_equal(body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn="
			    "&RoleSessionName=&WebIdentityToken=");
	ds_wipe_free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_region_has_its_own),
		cmocka_unit_test(legacy_is_for_old_regions_only),
		cmocka_unit_test(one_that_is_given_goes_before_all),
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(the_body_is_a_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
