// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/aws.h"

#include "tests/unit/doctor_story.h"

#define GROUP "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"

#define assert_aws(a, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_AWS }; \
		ds_doctor_judge_aws((a), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static struct ds_doctor_aws asked(const char *group)
{
	struct ds_doctor_aws a = { 0 };

	ds_doctor_aws_plan(&a, &group, group != NULL, "eu-west-1");
	for (int i = 0; i < a.asks_cnt; i++)
		a.asks[i].answered = true;
	return a;
}

static void one_faults(enum ds_elb_fault fault, enum ds_found found, const char *sentence,
		       const char *mend)
{
	struct ds_doctor_aws a = asked(GROUP);

	a.asks[1].fault = fault;
	strcpy(a.asks[1].detail, "so it is");
	assert_aws(&a, found, sentence, mend);
}

static void all_is_permitted(void **state)
{
	struct ds_doctor_aws a = asked(GROUP);

	(void)state;
	assert_int_equal(a.asks_cnt, 4);
	assert_string_equal(a.asks[2].arn, GROUP);
	assert_int_equal(a.asks[3].ask, DS_ELB_ASK_BALANCER);
	assert_string_equal(a.asks[3].arn, "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"
			    "loadbalancer/app/drainsnoop-doctor/0000000000000000");
	a.asks[3].fault = DS_ELB_FAULT_GONE;	/* as it must be */
	assert_aws(&a, DS_FOUND_OK, "DescribeTargetGroupAttributes and DescribeLoadBalancers are permitted", "");
}

static void a_group_that_does_not_exist_shows_the_rights_too(void **state)
{
	struct ds_doctor_aws a = asked(NULL);

	(void)state;
	assert_string_equal(a.asks[0].arn, "arn:aws:elasticloadbalancing:eu-west-1:000000000000:"
			    "targetgroup/drainsnoop-doctor/0000000000000000");
	for (int i = 0; i < a.asks_cnt; i++)
		a.asks[i].fault = DS_ELB_FAULT_GONE;
	assert_aws(&a, DS_FOUND_OK, "are permitted", "");
	a.asks[0].fault = DS_ELB_FAULT_DENIED;
	assert_aws(&a, DS_FOUND_FAIL, "DescribeTargetHealth is not permitted",
		   "Allow the role elasticloadbalancing:DescribeTargetHealth");
}

static void addresses_of_load_balancers_are_ec2s(void **state)
{
	struct ds_doctor_aws a = { .addresses = true };

	(void)state;
	ds_doctor_aws_plan(&a, NULL, 0, "eu-west-1");
	assert_int_equal(a.asks_cnt, 5);
	assert_int_equal(a.asks[4].ask, DS_ELB_ASK_ADDRESSES);
	for (int i = 0; i < a.asks_cnt; i++)
		a.asks[i].answered = true;
	assert_aws(&a, DS_FOUND_OK, "DescribeLoadBalancers and DescribeNetworkInterfaces are", "");
	a.asks[4].fault = DS_ELB_FAULT_DENIED;
	assert_aws(&a, DS_FOUND_FAIL, "DescribeNetworkInterfaces is not permitted",
		   "Allow the role ec2:DescribeNetworkInterfaces");
	a.asks[4].fault = DS_ELB_FAULT_UNREACHABLE;
	assert_aws(&a, DS_FOUND_FAIL, "does not answer", "endpoint of EC2 (NAT, or a VPC endpoint `ec2`)");
}

static void each_partition_has_its_own_arns(void **state)
{
	struct ds_doctor_aws a = { 0 };

	(void)state;
	ds_doctor_aws_plan(&a, NULL, 0, "cn-north-1");
	assert_memory_equal(a.asks[0].arn, "arn:aws-cn:", 11);
	memset(&a, 0, sizeof(a));
	ds_doctor_aws_plan(&a, NULL, 0, "us-gov-east-1");
	assert_memory_equal(a.asks[0].arn, "arn:aws-us-gov:", 15);
	memset(&a, 0, sizeof(a));
	ds_doctor_aws_plan(&a, NULL, 0, NULL);
	assert_aws(&a, DS_FOUND_WARN, "no region", "AWS_REGION");
	memset(&a, 0, sizeof(a));
	assert_aws(&a, DS_FOUND_SKIP, "without --elb", "");
}

static void each_fault_has_its_advice(void **state)
{
	(void)state;
	one_faults(DS_ELB_FAULT_CREDENTIALS, DS_FOUND_FAIL, "no credentials: so it is", "IRSA");
	one_faults(DS_ELB_FAULT_ENDPOINT, DS_FOUND_FAIL, "AWS_ENDPOINT_URL", "unset it");
	one_faults(DS_ELB_FAULT_UNREACHABLE, DS_FOUND_FAIL, "does not answer: so", "VPC endpoint");
	one_faults(DS_ELB_FAULT_UNREADABLE, DS_FOUND_WARN, "DescribeTargetGroups: so", "Try again");
	one_faults(DS_ELB_FAULT_THROTTLED, DS_FOUND_WARN, "throttles", "--elb-rate");
	one_faults(DS_ELB_FAULT_REFUSED, DS_FOUND_FAIL, "refuses the credentials", "trust policy");
	one_faults(DS_ELB_FAULT_SIGNATURE, DS_FOUND_FAIL, "refuses the signature", "NTP");
	one_faults(DS_ELB_FAULT_DENIED, DS_FOUND_FAIL, "DescribeTargetGroups is not permitted",
		   "elasticloadbalancing:DescribeTargetGroups");
	one_faults(DS_ELB_FAULT_GONE, DS_FOUND_FAIL, "there is no " GROUP, "--target-group");
	one_faults(DS_ELB_FAULT_SERVER, DS_FOUND_WARN, "so it is", "Try again");
	one_faults(DS_ELB_FAULT_OTHER, DS_FOUND_WARN, "so it is", "Try again");
}

static void three_questions_with_one_fault_are_one_sentence(void **state)
{
	struct ds_doctor_aws a = asked(GROUP);
	struct ds_finding f = { .check = DS_CHECK_AWS };

	(void)state;
	for (int i = 0; i < a.asks_cnt; i++)
		a.asks[i].fault = DS_ELB_FAULT_CREDENTIALS;
	ds_doctor_judge_aws(&a, &f);
	assert_string_equal(text_of(&f.text), "no credentials: no reason given");
	ds_finding_free(&f);
}

static void no_answer_is_a_fault(void **state)
{
	struct ds_doctor_aws a = asked(GROUP);

	(void)state;
	a.asks[2].answered = false;
	assert_aws(&a, DS_FOUND_FAIL, "1 of 4 questions were not answered in time", "endpoint");
}

static void so_many_groups_are_asked_for(void **state)
{
	const char *groups[20];
	struct ds_doctor_aws a = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++)
		groups[i] = GROUP;
	ds_doctor_aws_plan(&a, groups, 20, NULL);
	assert_int_equal(a.asks_cnt, 31);	/* and the load balancer */
	assert_int_equal(a.left_out, 10);
	for (int i = 0; i < a.asks_cnt; i++)
		a.asks[i].answered = true;
	assert_aws(&a, DS_FOUND_OK, "10 target groups were not asked for", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_permitted),
		cmocka_unit_test(a_group_that_does_not_exist_shows_the_rights_too),
		cmocka_unit_test(addresses_of_load_balancers_are_ec2s),
		cmocka_unit_test(each_partition_has_its_own_arns),
		cmocka_unit_test(each_fault_has_its_advice),
		cmocka_unit_test(three_questions_with_one_fault_are_one_sentence),
		cmocka_unit_test(no_answer_is_a_fault),
		cmocka_unit_test(so_many_groups_are_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
