// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws_sts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/source/aws_keys.h"
#include "user/source/aws_region.h"
#include "user/source/wipe.h"

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

/* What stands behind "http://" or "https://", or NULL. A password in it would come into messages. */
static const char *host_of(const char *url)
{
	const char *host = strstr(url, "://");

	if (!host || !ds_aws_is_visible(url, strlen(url)) ||
	    (strncasecmp(url, "http://", 7) != 0 && strncasecmp(url, "https://", 8) != 0))
		return NULL;
	host += 3;
	return *host && !memchr(host, '@', strcspn(host, "/?#")) ? host : NULL;
}

int ds_aws_sts_url(const char *endpoint, const char *region, bool legacy, char *url, size_t size)
{
	const char *host = endpoint ? host_of(endpoint) : NULL;
	int n;

	if (endpoint && !host)
		return -EINVAL;
	if (endpoint)
		n = snprintf(url, size, "%s%s", endpoint, strchr(host, '/') ? "" : "/");
	else if (!region || (legacy && is_legacy_region(region)))
		n = snprintf(url, size, "https://%s.amazonaws.com/", "sts");
	else
		n = snprintf(url, size, "https://%s.%s.%s/", "sts", region,
			     ds_aws_dns_suffix(region));
	return n < (int)size ? 0 : -ENOBUFS;
}

/* Percent-encodes into to, which holds three times the text. Returns the end. */
static char *put_encoded(char *to, const char *text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		    strchr("-_.~", c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
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
		at = put_encoded(stpcpy(at, names[i]), values[i]);
	if (body)
		*at = '\0';
	return body;
}
