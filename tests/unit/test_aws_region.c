// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_region.h"

#include <string.h>

#include "tests/unit/unit.h"

static bool is_region(const char *text)
{
	return ds_aws_is_region(text, strlen(text));
}

static void what_may_be_a_region(void **state)
{
	(void)state;
	assert_true(is_region("eu-west-1"));
	assert_true(is_region("us-gov-east-1"));
	assert_true(is_region("x"));
	assert_true(is_region("12345678901234567890123456789012"));
	assert_false(is_region("123456789012345678901234567890123"));
	assert_false(is_region(""));
	assert_false(is_region("-eu"));
	assert_false(is_region("eu-"));
	assert_false(is_region("EU-WEST-1"));
	assert_false(is_region("eu.west"));
	assert_false(is_region("eu/west"));
	assert_false(is_region("eu-west-1\n"));
	assert_false(ds_aws_is_region("eu\0x", 4));
}

static void what_hosts_of_its_partition_end_in(void **state)
{
	(void)state;
	assert_string_equal(ds_aws_dns_suffix("eu-west-1"), "amazonaws.com");
	assert_string_equal(ds_aws_dns_suffix("us-gov-west-1"), "amazonaws.com");
	assert_string_equal(ds_aws_dns_suffix("cn-northwest-1"), "amazonaws.com.cn");
	assert_string_equal(ds_aws_dns_suffix("cnx-1"), "amazonaws.com");
	assert_string_equal(ds_aws_dns_suffix("eusc-de-east-1"), "amazonaws.eu");
	assert_string_equal(ds_aws_dns_suffix("us-iso-east-1"), "c2s.ic.gov");
	assert_string_equal(ds_aws_dns_suffix("us-isob-east-1"), "sc2s.sgov.gov");
	assert_string_equal(ds_aws_dns_suffix("eu-isoe-west-1"), "cloud.adc-e.uk");
	assert_string_equal(ds_aws_dns_suffix("us-isof-south-1"), "csp.hci.ic.gov");
}

static void each_partition_has_its_suffix(void **state)
{
	(void)state;
	assert_string_equal(ds_aws_partition_suffix("aws"), "amazonaws.com");
	assert_string_equal(ds_aws_partition_suffix("aws-cn"), "amazonaws.com.cn");
	assert_string_equal(ds_aws_partition_suffix("aws-us-gov"), "amazonaws.com");
	assert_string_equal(ds_aws_partition_suffix("aws-eusc"), "amazonaws.eu");
	assert_null(ds_aws_partition_suffix("aws-"));
	assert_null(ds_aws_partition_suffix(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_a_region),
		cmocka_unit_test(what_hosts_of_its_partition_end_in),
		cmocka_unit_test(each_partition_has_its_suffix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
