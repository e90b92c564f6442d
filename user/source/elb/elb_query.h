/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the Query APIs of ELBv2 (2015-12-01, signed as "elasticloadbalancing") and EC2
 * (2016-11-15, signed as "ec2"): the forms that are posted, and where to. Pure. Forms are appended
 * to a buffer, percent-encoded; whether memory sufficed is asked of it at the end.
 */
#ifndef DS_SOURCE_ELB_QUERY_H
#define DS_SOURCE_ELB_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_ELB_QUERY_SERVICE "elasticloadbalancing"
#define DS_ELB_QUERY_SERVICE_EC2 "ec2"
/* The header that has to be sent with a form, and is signed. */
#define DS_ELB_QUERY_CONTENT_TYPE "Content-Type: application/x-www-form-urlencoded; charset=utf-8"

struct ds_elb_query_target {
	const char *id;		/* an address, or an instance */
	uint16_t port;		/* 0 = whichever it is registered with */
};

/*
 * The URL of a service in a region, whose host names end in suffix; or override, what
 * AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2, AWS_ENDPOINT_URL_EC2 or AWS_ENDPOINT_URL said (NULL
 * or "": not set). 0; -EINVAL: override is no http:// or https:// URL, holds a password, or there
 * is no region; -ENOBUFS.
 */
int ds_elb_query_url(const char *service, const char *region, const char *suffix,
		     const char *override, char *url, size_t size);

/* DescribeTargetHealth of a group; without targets it lists those that are registered. */
void ds_elb_query_health(struct ds_buf *form, const char *group_arn,
			 const struct ds_elb_query_target *targets, size_t target_cnt);

/* DescribeTargetGroups; marker: that of the page before, NULL = the first. */
void ds_elb_query_groups(struct ds_buf *form, const char *const *arns, size_t arn_cnt,
			 const char *marker);

/* DescribeTargetGroupAttributes. */
void ds_elb_query_attributes(struct ds_buf *form, const char *group_arn);

/* DescribeLoadBalancers. */
void ds_elb_query_balancers(struct ds_buf *form, const char *const *arns, size_t arn_cnt,
			    const char *marker);

/*
 * EC2's DescribeNetworkInterfaces, those with one of these descriptions: "ELB app/NAME/ID". The
 * reply comes in pages; marker as above.
 */
void ds_elb_query_interfaces(struct ds_buf *form, const char *const *descriptions,
			     size_t description_cnt, const char *marker);

#endif
