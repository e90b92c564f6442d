// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_sts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/source/aws/aws_region.h"
#include "user/source/elb/elb_query.h"
#include "user/util/wipe.h"
#include "user/util/percent.h"

/* Those that "legacy" sends to the one for all regions (the SDKs' reference guide). */
static bool is_legacy_region(const char *region)
{
	static const char *const regions[] = {
		"ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
		"eu-central-1",	  "eu-north-1", "eu-west-1",	  "eu-west-2",	    "eu-west-3",
		"sa-east-1",	  "us-east-1",	"us-east-2",	  "us-west-1",	    "us-west-2",
	};

	for (size_t i = 0; i < sizeof(regions) / sizeof(regions[0]); i++)
		if (!strcmp(region, regions[i]))
			return true;
	return false;
}

int ds_aws_sts_url(const char *endpoint, const char *region, bool legacy, char *url, size_t size)
{
	int n;

	if (endpoint || (region && !(legacy && is_legacy_region(region))))
		return ds_elb_query_url("sts", region, region ? ds_aws_dns_suffix(region) : NULL,
					endpoint, url, size);
	n = snprintf(url, size, "https://sts.amazonaws.com/");
	return n < (int)size ? 0 : -ENOBUFS;
}

char *ds_aws_sts_body(const char *role_arn, const char *session_name, const char *token)
{
	static const char *const names[] = {
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=",
		"&RoleSessionName=", "&WebIdentityToken=",
	};
	const char *const values[] = { role_arn, session_name, token };
	size_t size = 1;
	char *body, *at;

	for (int i = 0; i < 3; i++)
		size += strlen(names[i]) + 3 * strlen(values[i]);
	body = at = ds_wipe_malloc(size);
	for (int i = 0; body && i < 3; i++)
		at = ds_percent_encode(stpcpy(at, names[i]), values[i], strlen(values[i]));
	if (body)
		*at = '\0';
	return body;
}
