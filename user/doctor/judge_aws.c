// SPDX-License-Identifier: Apache-2.0
/* What AWS' answers say of credentials and rights. Pure. */
#include "user/doctor/aws.h"

#include <stdio.h>
#include <string.h>

static const enum ds_elb_ask questions[] = { DS_ELB_ASK_HEALTH, DS_ELB_ASK_GROUP,
					     DS_ELB_ASK_ATTRIBUTES };
#define QUESTIONS (int)(sizeof(questions) / sizeof(questions[0]))
#define OF_BALANCER 2	/* questions, at most */
#define GROUP "targetgroup/"

#define NAME(id, action) action,
static const char *const actions[DS_ELB_ASK_MAX] = { DS_ELB_ASK_LIST(NAME) };

static void plan(struct ds_doctor_aws *a, enum ds_elb_ask what, const char *arn, bool made_up)
{
	struct ds_doctor_ask *ask = &a->asks[a->asks_cnt++];

	ask->ask = what;
	ask->made_up = made_up;
	memcpy(ask->arn, arn, strlen(arn) + 1);
}

static void plan_group(struct ds_doctor_aws *a, const char *arn, bool made_up)
{
	if (a->asks_cnt + QUESTIONS + OF_BALANCER > DS_DOCTOR_ASKS_MAX ||
	    strlen(arn) > DS_ELB_ARN_LEN) {
		a->left_out++;
		return;
	}
	for (int i = 0; i < QUESTIONS; i++)
		plan(a, questions[i], arn, made_up);
}

/* Of the first group's account and region. */
static void plan_balancer(struct ds_doctor_aws *a)
{
	const char *group = a->asks_cnt ? strstr(a->asks[0].arn, GROUP) : NULL;
	char arn[DS_ELB_ARN_LEN + 1];
	int n;

	if (!group)
		return;
	n = snprintf(arn, sizeof(arn), "%.*sloadbalancer/app/drainsnoop-doctor/0000000000000000",
		     (int)(group - a->asks[0].arn), a->asks[0].arn);
	if (n < 0 || (size_t)n >= sizeof(arn))
		return;
	plan(a, DS_ELB_ASK_BALANCER, arn, true);
	if (a->addresses)
		plan(a, DS_ELB_ASK_ADDRESSES, arn, true);
}

static const char *partition_of(const char *region)
{
	if (!strncmp(region, "cn-", 3))
		return "aws-cn";
	return strncmp(region, "us-gov-", 7) ? "aws" : "aws-us-gov";
}

void ds_doctor_aws_plan(struct ds_doctor_aws *a, const char *const *groups, int groups_cnt,
			const char *region)
{
	char arn[DS_ELB_ARN_LEN + 1];

	a->wanted = true;
	for (int i = 0; i < groups_cnt; i++)
		plan_group(a, groups[i], false);
	a->no_region = !groups_cnt && !region;
	if (!groups_cnt && region) {
		(void)snprintf(arn, sizeof(arn), "arn:%s:elasticloadbalancing:%.32s:000000000000:" GROUP
			       "drainsnoop-doctor/0000000000000000", partition_of(region), region);
		plan_group(a, arn, true);
	}
	plan_balancer(a);
}

static void judge_fault(const struct ds_doctor_ask *ask, struct ds_finding *f)
{
	const char *action = actions[ask->ask];
	bool ec2 = ask->ask == DS_ELB_ASK_ADDRESSES;
	const char *detail = ask->detail[0] ? ask->detail : "no reason given";

	switch (ask->fault) {
	case DS_ELB_FAULT_CREDENTIALS:
		ds_finding_say(f, DS_FOUND_FAIL, "no credentials: %s", detail);
		ds_finding_advise(f, "Give the ServiceAccount a role (IRSA or Pod Identity), or leave "
				     "--elb out");
		break;
	case DS_ELB_FAULT_ENDPOINT:
		ds_finding_say(f, DS_FOUND_FAIL, "AWS_ENDPOINT_URL is no http:// or https:// URL");
		ds_finding_advise(f, "Correct it, or unset it");
		break;
	case DS_ELB_FAULT_UNREACHABLE:
		ds_finding_say(f, DS_FOUND_FAIL, "AWS does not answer: %s", detail);
		ds_finding_advise(f, "Let this host reach the endpoint of %s (NAT, or a VPC endpoint `%s`)",
				  ec2 ? "EC2" : "Elastic Load Balancing",
				  ec2 ? "ec2" : "elasticloadbalancing");
		break;
	case DS_ELB_FAULT_REFUSED:
		ds_finding_say(f, DS_FOUND_FAIL, "AWS refuses the credentials (%s)", detail);
		ds_finding_advise(f, "Renew them; with IRSA compare the role's trust policy with the "
				     "ServiceAccount");
		break;
	case DS_ELB_FAULT_SIGNATURE:
		ds_finding_say(f, DS_FOUND_FAIL, "AWS refuses the signature (%s)", detail);
		ds_finding_advise(f, "Compare this host's clock with NTP, and the secret key");
		break;
	case DS_ELB_FAULT_DENIED:
		ds_finding_say(f, DS_FOUND_FAIL, "%s is not permitted", action);
		ds_finding_advise(f, "Allow the role %s:%s", ec2 ? "ec2" : "elasticloadbalancing", action);
		break;
	case DS_ELB_FAULT_GONE:
		if (ask->made_up)
			break;
		ds_finding_say(f, DS_FOUND_FAIL, "there is no %s", ask->arn);
		ds_finding_advise(f, "Give --target-group the ARN of one that exists");
		break;
	case DS_ELB_FAULT_THROTTLED:
		ds_finding_say(f, DS_FOUND_WARN, "AWS throttles %s", action);
		ds_finding_advise(f, "Lower --elb-rate; others of this account ask too often");
		break;
	case DS_ELB_FAULT_UNREADABLE:
	case DS_ELB_FAULT_SERVER:
	case DS_ELB_FAULT_OTHER:
		ds_finding_say(f, DS_FOUND_WARN, "%s: %s", action, detail);
		ds_finding_advise(f, "Try again in a minute; see whether AWS_ENDPOINT_URL is set");
		break;
	case DS_ELB_FAULT_NONE:
	case DS_ELB_FAULT_MAX:
		break;
	}
}

void ds_doctor_judge_aws(const struct ds_doctor_aws *a, struct ds_finding *f)
{
	int open = 0;

	if (!a->wanted) {
		ds_finding_say(f, DS_FOUND_SKIP, "not asked without --elb");
		return;
	}
	if (a->no_region) {
		ds_finding_say(f, DS_FOUND_WARN, "no region to ask in");
		ds_finding_advise(f, "Give --target-group ARN, or set AWS_REGION");
		return;
	}
	for (int i = 0; i < a->asks_cnt; i++) {
		open += !a->asks[i].answered;
		if (a->asks[i].answered)
			judge_fault(&a->asks[i], f);
	}
	if (open) {
		ds_finding_say(f, DS_FOUND_FAIL, "%d of %d questions were not answered in time", open,
			       a->asks_cnt);
		ds_finding_advise(f, "Let this host reach the endpoint of Elastic Load Balancing "
				     "(NAT, or a VPC endpoint `elasticloadbalancing`)");
	}
	if (a->left_out)
		ds_finding_say(f, DS_FOUND_OK, "%d target groups were not asked for", a->left_out);
	if (f->found <= DS_FOUND_OK)
		ds_finding_say(f, DS_FOUND_OK, "DescribeTargetHealth, DescribeTargetGroups, "
			       "DescribeTargetGroupAttributes%s are permitted", a->addresses ?
			       ", DescribeLoadBalancers and DescribeNetworkInterfaces" :
			       " and DescribeLoadBalancers");
}
