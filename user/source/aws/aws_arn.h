/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amazon resource names, arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, and where the API of a
 * region is. An ARN may come from a file: what would become a part of a host name is checked. Pure.
 */
#ifndef DS_SOURCE_AWS_ARN_H
#define DS_SOURCE_AWS_ARN_H

#include <stddef.h>

#define DS_ARN_LEN 255		/* of those that are taken */

struct ds_arn {
	char partition[16];
	char service[32];
	char region[32];
	char account[16];
	const char *resource;		/* in the text that was parsed */
};

/*
 * 0, or -EINVAL: no ARN, of a partition that is not known, or without a region that can be one.
 */
int ds_arn_parse(const char *text, struct ds_arn *ret_arn);

/* The same, of a target group ("targetgroup/NAME/ID") or a load balancer ("loadbalancer/..."). */
int ds_arn_parse_elb(const char *text, const char *type, struct ds_arn *ret_arn);

/* The NAME of "targetgroup/NAME/ID" into buf, cut to its size; "" where there is none. */
void ds_arn_group_name(const struct ds_arn *arn, char *buf, size_t size);

#endif
