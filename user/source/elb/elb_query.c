// SPDX-License-Identifier: Apache-2.0
/*
 * Lists are NAME.member.N in ELBv2 and NAME.N in EC2, counted from 1; the order of fields means
 * nothing.
 */
#include "user/source/elb/elb_query.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/util/percent.h"

#define PAGE 400		/* of ELBv2, at most */
#define EC2_PAGE 1000

static void put_value(struct ds_buf *form, const char *value)
{
	size_t len = strlen(value);
	char *end;

	if (len > SIZE_MAX / 3 || !ds_buf_reserve(form, 3 * len)) {
		form->failed = true;
		return;
	}
	end = ds_percent_encode(form->data + form->len, value, len);
	*end = '\0';
	form->len = (size_t)(end - form->data);
}

static void put(struct ds_buf *form, const char *name, const char *value)
{
	ds_buf_printf(form, "&%s=", name);
	put_value(form, value);
}

/* "&PREFIX1=..&PREFIX2=.." */
static void put_list(struct ds_buf *form, const char *prefix, const char *const *values, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		ds_buf_printf(form, "&%s%zu=", prefix, i + 1);
		put_value(form, values[i]);
	}
}

static void begin(struct ds_buf *form, const char *action)
{
	ds_buf_printf(form, "Action=%s&Version=2015-12-01", action);
}

/* Whether the text is http(s)://HOST... without a user in it: that would come into messages. */
static bool is_endpoint(const char *text)
{
	const char *host = strstr(text, "://");

	if (!host || (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0))
		return false;
	host += 3;
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return false;
	return *host && *host != '/' && !memchr(host, '@', strcspn(host, "/?#")) &&
	       !strpbrk(host, "?#");
}

int ds_elb_query_url(const char *service, const char *region, const char *suffix,
		     const char *override, char *url, size_t size)
{
	int n;

	if (override && override[0]) {
		if (!is_endpoint(override))
			return -EINVAL;
		n = snprintf(url, size, "%s%s", override,
			     strchr(strstr(override, "://") + 3, '/') ? "" : "/");
	} else {
		if (!region || !region[0] || !suffix || !suffix[0])
			return -EINVAL;
		n = snprintf(url, size, "https://%s.%s.%s/", service, region, suffix);
	}
	return n >= 0 && (size_t)n < size ? 0 : -ENOBUFS;
}

void ds_elb_query_health(struct ds_buf *form, const char *group_arn,
			 const struct ds_elb_query_target *targets, size_t target_cnt)
{
	begin(form, "DescribeTargetHealth");
	put(form, "TargetGroupArn", group_arn);
	for (size_t i = 0; i < target_cnt; i++) {
		ds_buf_printf(form, "&Targets.member.%zu.Id=", i + 1);
		put_value(form, targets[i].id);
		if (targets[i].port)
			ds_buf_printf(form, "&Targets.member.%zu.Port=%u", i + 1, targets[i].port);
	}
}

/* What is asked for by name fits a page; what is listed comes in the largest there are. */
static void put_page(struct ds_buf *form, size_t arn_cnt, const char *marker)
{
	if (!arn_cnt)
		ds_buf_printf(form, "&PageSize=%d", PAGE);
	if (marker)
		put(form, "Marker", marker);
}

void ds_elb_query_groups(struct ds_buf *form, const char *const *arns, size_t arn_cnt,
			 const char *marker)
{
	begin(form, "DescribeTargetGroups");
	put_list(form, "TargetGroupArns.member.", arns, arn_cnt);
	put_page(form, arn_cnt, marker);
}

void ds_elb_query_attributes(struct ds_buf *form, const char *group_arn)
{
	begin(form, "DescribeTargetGroupAttributes");
	put(form, "TargetGroupArn", group_arn);
}

void ds_elb_query_balancers(struct ds_buf *form, const char *const *arns, size_t arn_cnt,
			    const char *marker)
{
	begin(form, "DescribeLoadBalancers");
	put_list(form, "LoadBalancerArns.member.", arns, arn_cnt);
	put_page(form, arn_cnt, marker);
}

void ds_elb_query_interfaces(struct ds_buf *form, const char *const *descriptions,
			     size_t description_cnt, const char *marker)
{
	ds_buf_puts(form, "Action=DescribeNetworkInterfaces&Version=2016-11-15");
	ds_buf_puts(form, "&Filter.1.Name=description");
	put_list(form, "Filter.1.Value.", descriptions, description_cnt);
	ds_buf_printf(form, "&MaxResults=%d", EC2_PAGE);
	if (marker)
		put(form, "NextToken", marker);
}
