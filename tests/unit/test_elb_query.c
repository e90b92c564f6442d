// SPDX-License-Identifier: Apache-2.0
/* The forms are those that botocore makes of the same calls. */
#include "user/source/elb/elb_query.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

#define ARN "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
#define ARN_ENCODED \
	"arn%3Aaws%3Aelasticloadbalancing%3Aeu-west-1%3A123456789012%3Atargetgroup%2Fweb%2F" \
	"0123456789abcdef"

static struct ds_buf form;

static int teardown(void **state)
{
	(void)state;
	ds_buf_free(&form);
	return 0;
}

static void assert_form(const char *wanted)
{
	assert_false(form.failed);
	assert_int_equal(form.len, strlen(form.data));
	assert_string_equal(form.data, wanted);
	ds_buf_clear(&form);
}

static void health_of_targets(void **state)
{
	const struct ds_elb_query_target targets[] = { { "10.0.1.5", 8080 }, { "fd00::1", 0 } };

	(void)state;
	ds_elb_query_health(&form, ARN, targets, 2);
	assert_form("Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=" ARN_ENCODED
		    "&Targets.member.1.Id=10.0.1.5&Targets.member.1.Port=8080"
		    "&Targets.member.2.Id=fd00%3A%3A1");
	ds_elb_query_health(&form, ARN, NULL, 0);
	assert_form("Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=" ARN_ENCODED);
}

static void groups_by_name_and_by_page(void **state)
{
	const char *const arns[] = { ARN, "a b" };

	(void)state;
	ds_elb_query_groups(&form, arns, 2, NULL);
	assert_form("Action=DescribeTargetGroups&Version=2015-12-01&TargetGroupArns.member.1="
		    ARN_ENCODED "&TargetGroupArns.member.2=a%20b");
	ds_elb_query_groups(&form, NULL, 0, "x+/=");
	assert_form("Action=DescribeTargetGroups&Version=2015-12-01&PageSize=400&Marker=x%2B%2F%3D");
}

static void attributes_of_a_group(void **state)
{
	(void)state;
	ds_elb_query_attributes(&form, ARN);
	assert_form("Action=DescribeTargetGroupAttributes&Version=2015-12-01&TargetGroupArn="
		    ARN_ENCODED);
}

static void balancers_by_name_and_by_page(void **state)
{
	const char *const arns[] = { ARN };

	(void)state;
	ds_elb_query_balancers(&form, arns, 1, NULL);
	assert_form("Action=DescribeLoadBalancers&Version=2015-12-01&LoadBalancerArns.member.1="
		    ARN_ENCODED);
	ds_elb_query_balancers(&form, NULL, 0, NULL);
	assert_form("Action=DescribeLoadBalancers&Version=2015-12-01&PageSize=400");
}

static void interfaces_by_description(void **state)
{
	const char *const descriptions[] = { "ELB app/web/0123", "ELB net/n/4567" };

	(void)state;
	ds_elb_query_interfaces(&form, descriptions, 2, NULL);
	assert_form("Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=description"
		    "&Filter.1.Value.1=ELB%20app%2Fweb%2F0123&Filter.1.Value.2=ELB%20net%2Fn%2F4567"
		    "&MaxResults=1000");
	ds_elb_query_interfaces(&form, descriptions, 1, "next");
	assert_form("Action=DescribeNetworkInterfaces&Version=2016-11-15&Filter.1.Name=description"
		    "&Filter.1.Value.1=ELB%20app%2Fweb%2F0123&MaxResults=1000&NextToken=next");
}

static void values_cannot_become_fields(void **state)
{
	(void)state;
	ds_elb_query_attributes(&form, "x&Action=DeleteTargetGroup\r\n%");
	assert_form("Action=DescribeTargetGroupAttributes&Version=2015-12-01&TargetGroupArn="
		    "x%26Action%3DDeleteTargetGroup%0D%0A%25");
}

static void urls_of_regions(void **state)
{
	char url[128], small[20];

	(void)state;
	assert_int_equal(ds_elb_query_url(DS_ELB_QUERY_SERVICE, "eu-west-1", "amazonaws.com", NULL,
					  url, sizeof(url)), 0);
	assert_string_equal(url, "https://elasticloadbalancing.eu-west-1.amazonaws.com/");
	assert_int_equal(ds_elb_query_url("ec2", "cn-north-1", "amazonaws.com.cn", "", url,
					  sizeof(url)), 0);
	assert_string_equal(url, "https://" "ec2.cn-north-1.amazonaws.com.cn/");
	assert_int_equal(ds_elb_query_url("ec2", "", "amazonaws.com", NULL, url, sizeof(url)), -EINVAL);
	assert_int_equal(ds_elb_query_url("ec2", NULL, "x", NULL, url, sizeof(url)), -EINVAL);
	assert_int_equal(ds_elb_query_url("ec2", "r", NULL, NULL, url, sizeof(url)), -EINVAL);
	assert_int_equal(ds_elb_query_url("ec2", "r", "", NULL, url, sizeof(url)), -EINVAL);
	assert_int_equal(ds_elb_query_url("ec2", "eu-west-1", "amazonaws.com", NULL, small,
					  sizeof(small)), -ENOBUFS);
}

static void urls_that_are_given(void **state)
{
	static const char *const bad[] = {
		"localhost:80", "ftp://localhost/", "http://", "http:///x", "http://" "user:x@localhost/",
		"http://" "user@localhost", "http://localhost/a b", "http://localhost/\r\nX: y",
		"http://localhost/\xc3\xa9", "http://localhost?x", "http://localhost/#x", "xhttp://localhost/",
	};
	char url[64];

	(void)state;
	assert_int_equal(ds_elb_query_url("ec2", NULL, NULL, "http://127.0.0.1:5000", url,
					  sizeof(url)), 0);
	assert_string_equal(url, "http://127.0.0.1:5000/");
	assert_int_equal(ds_elb_query_url("ec2", "r", "s", "HTTPS://localhost/base@x", url,
					  sizeof(url)), 0);
	assert_string_equal(url, "HTTPS://localhost/base@x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ds_elb_query_url("ec2", "r", "s", bad[i], url, sizeof(url)), -EINVAL);
	/* The longest that fits has its '/' and its NUL. */
	assert_int_equal(ds_elb_query_url("ec2", "r", "s", "http://" "a", url, 10), 0);
	assert_int_equal(ds_elb_query_url("ec2", "r", "s", "http://" "a", url, 9), -ENOBUFS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_teardown(f, teardown)
	const struct CMUnitTest tests[] = {
		TEST(health_of_targets),
		TEST(groups_by_name_and_by_page),
		TEST(attributes_of_a_group),
		TEST(balancers_by_name_and_by_page),
		TEST(interfaces_by_description),
		TEST(values_cannot_become_fields),
		TEST(urls_of_regions),
		TEST(urls_that_are_given),
	};

	return cmocka_run_group_tests_name("elb_query", tests, NULL, NULL);
}
