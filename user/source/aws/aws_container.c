// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_container.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/source/aws/aws_keys.h"
#include "user/util/addr.h"

#define ECS_HOST "169.254.170.2"

static bool is_allowed_address(const char *text, size_t len)
{
	static const char *const allowed[] = { ECS_HOST, "169.254.170.23", "fd00:ec2::23" };
	struct ds_addr addr, other;

	if (ds_addr_parse(text, len, &addr))
		return false;
	if (ds_addr_is_loopback(&addr))
		return true;
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		if (!ds_addr_parse(allowed[i], strlen(allowed[i]), &other) &&
		    ds_addr_equal(&addr, &other))
			return true;
	return false;
}

/* Whether the rest of the URL begins with a host that may be asked without TLS. */
static bool is_allowed(const char *rest)
{
	size_t len = strcspn(rest, "/?#\\");
	const char *colon;

	if (rest[0] == '[') {
		const char *close = memchr(rest, ']', len);

		return close && memchr(rest, ':', (size_t)(close - rest)) &&
		       (close + 1 == rest + len || close[1] == ':') &&
		       is_allowed_address(rest + 1, (size_t)(close - rest) - 1);
	}
	colon = memchr(rest, ':', len);
	if (colon)
		len = (size_t)(colon - rest);
	return (len == strlen("localhost") && !strncasecmp(rest, "localhost", len)) ||
	       is_allowed_address(rest, len);
}

static int check_full(const char *full, const char **ret_fault)
{
	static const char plain[] = "http://", tls[] = "https://";
	const char *rest = strstr(full, "://");
	bool is_plain = !strncasecmp(full, plain, sizeof(plain) - 1);

	*ret_fault = "AWS_CONTAINER_CREDENTIALS_FULL_URI is no http:// or https:// URL";
	if (!is_plain && strncasecmp(full, tls, sizeof(tls) - 1) != 0)
		return -EINVAL;
	rest += 3;
	/* It would come into messages; and what stands before it is no host. */
	*ret_fault = "AWS_CONTAINER_CREDENTIALS_FULL_URI names a user, or has an @ in its host";
	if (memchr(rest, '@', strcspn(rest, "/?#")))
		return -EINVAL;
	*ret_fault = "AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not asked without "
		     "TLS (only loopback, " ECS_HOST ", 169.254.170.23 and fd00:ec2::23 are)";
	return !is_plain || is_allowed(rest) ? 0 : -EINVAL;
}

int ds_aws_container_url(const char *relative, const char *full, char url[DS_AWS_URL_MAX],
			 const char **ret_fault)
{
	const char *given = relative ? relative : full;
	int n;

	if (!given)
		return -ENOENT;
	if (!ds_aws_is_visible(given, strlen(given))) {
		*ret_fault = "the URI of the container credentials has characters that none may have";
		return -EINVAL;
	}
	if (relative && relative[0] != '/') {
		*ret_fault = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not begin with a slash";
		return -EINVAL;
	}
	if (!relative && check_full(full, ret_fault))
		return -EINVAL;
	n = snprintf(url, DS_AWS_URL_MAX, "%s%s", relative ? "http://" ECS_HOST : "", given);
	if (n < DS_AWS_URL_MAX)
		return 0;
	*ret_fault = "the URI of the container credentials is too long";
	return -EINVAL;
}
