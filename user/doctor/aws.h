/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check `aws`: with --elb, whether the credentials are there and allow what the poller asks. Each
 * question is put once; none of them changes anything.
 */
#ifndef DS_DOCTOR_AWS_H
#define DS_DOCTOR_AWS_H

#include "user/doctor/finding.h"
#include "user/source/elb/elb_ask.h"

#define DS_DOCTOR_ASKS_MAX 32

struct ds_doctor_ask {
	enum ds_elb_ask ask;
	char arn[DS_ELB_ARN_LEN + 1];
	bool made_up;		/* there is no such thing: it shows whether asking is permitted */
	bool answered;
	enum ds_elb_fault fault;
	char detail[256];
};

struct ds_doctor_aws {
	bool wanted;		/* --elb */
	bool addresses;		/* --elb-addresses */
	bool no_region;		/* no target group is given, and no region to ask in */
	struct ds_doctor_ask asks[DS_DOCTOR_ASKS_MAX];
	int asks_cnt;
	int left_out;		/* target groups above the bound */
};

/*
 * Pure. Which questions there are: of each group (ARNs, borrowed), or of one that does not exist in
 * the region (NULL = not known); of a load balancer that does not exist there. addresses is set.
 */
void ds_doctor_aws_plan(struct ds_doctor_aws *a, const char *const *groups, int groups_cnt,
			const char *region);

void ds_doctor_judge_aws(const struct ds_doctor_aws *a, struct ds_finding *f);

#endif
