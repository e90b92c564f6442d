// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_arn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define WEB "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef"

static void its_parts_are_read(void **state)
{
	struct ds_arn arn;
	char name[64], small[3];

	(void)state;
	assert_int_equal(ds_arn_parse(WEB, &arn), 0);
	assert_string_equal(arn.partition, "aws");
	assert_string_equal(arn.service, "elasticloadbalancing");
	assert_string_equal(arn.region, "eu-central-1");
	assert_string_equal(arn.account, "123456789012");
	assert_string_equal(arn.resource, "targetgroup/web/0123456789abcdef");
	ds_arn_group_name(&arn, name, sizeof(name));
	assert_string_equal(name, "web");
	ds_arn_group_name(&arn, small, sizeof(small));
	assert_string_equal(small, "we");
	arn.resource = "web";
	ds_arn_group_name(&arn, name, sizeof(name));
	assert_string_equal(name, "");
}

static void what_is_no_arn_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"", "arn", "arn:", "arn:aws", "arn:aws:a:b", "arn:aws:a:b:1", "arn:aws:a:b:1:",
		"arn:aws:a::1:x", "arn:aws:a:B:1:x", "arn:aws:a:b.c:1:x", "arn:aws:a:b/:1:x",
		"arn:aws:a:-b:1:x", "arn:aws:a:b:x:x", "arn:nowhere:a:b:1:x", "Arn:aws:a:b:1:x",
		"arn:aws:a:b:1234567890123456:x", " arn:aws:a:b:1:x",
		"arn:aws:a:eu-central-1-and-much-longer-than-any:1:x",
	};
	struct ds_arn arn = { .partition = "kept" };
	char text[DS_ARN_LEN + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ds_arn_parse(bad[i], &arn), -EINVAL);
	/* One character too long, and one that is just not. */
	memset(text, 'x', sizeof(text));
	memcpy(text, WEB, strlen(WEB));
	text[DS_ARN_LEN + 1] = '\0';
	assert_int_equal(ds_arn_parse(text, &arn), -EINVAL);
	assert_string_equal(arn.partition, "kept");
	text[DS_ARN_LEN] = '\0';
	assert_int_equal(ds_arn_parse(text, &arn), 0);
}

static void of_the_load_balancers_kinds_one_is_meant(void **state)
{
	static const char balancer[] =
		"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1";
	struct ds_arn arn;

	(void)state;
	assert_int_equal(ds_arn_parse_elb(WEB, "targetgroup", &arn), 0);
	assert_int_equal(ds_arn_parse_elb(WEB, "loadbalancer", &arn), -EINVAL);
	assert_int_equal(ds_arn_parse_elb(WEB, "target", &arn), -EINVAL);
	assert_int_equal(ds_arn_parse_elb(balancer, "loadbalancer", &arn), 0);
	assert_int_equal(ds_arn_parse_elb(balancer, "targetgroup", &arn), -EINVAL);
	assert_int_equal(ds_arn_parse_elb("arn:aws:ec2:eu-central-1:1:targetgroup/web/1",
					  "targetgroup", &arn), -EINVAL);
	assert_int_equal(ds_arn_parse_elb("arn:aws:elasticloadbalancing:r:1:targetgroup/",
					  "targetgroup", &arn), -EINVAL);
	assert_int_equal(ds_arn_parse_elb("arn:aws:elasticloadbalancing:r:1:targetgroup/a&b=c/1",
					  "targetgroup", &arn), -EINVAL);
	assert_int_equal(ds_arn_parse_elb("arn:aws:elasticloadbalancing:r:1:targetgroup/a b/1",
					  "targetgroup", &arn), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_parts_are_read),
		cmocka_unit_test(what_is_no_arn_changes_nothing),
		cmocka_unit_test(of_the_load_balancers_kinds_one_is_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
