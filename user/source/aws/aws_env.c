// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/source/aws/aws_region.h"

const char *ds_aws_env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

bool ds_aws_env_is_true(const char *name)
{
	const char *value = ds_aws_env(name);

	return value && !strcasecmp(value, "true");
}

const char *ds_aws_env_region(void)
{
	static const char *const names[] = { "AWS_REGION", "AWS_DEFAULT_REGION" };

	for (int i = 0; i < 2; i++) {
		const char *region = ds_aws_env(names[i]);

		if (region && ds_aws_is_region(region, strlen(region)))
			return region;
	}
	return NULL;
}

const char *ds_aws_env_endpoint(const char *name)
{
	char variable[80];
	const char *url;

	if (ds_aws_env_is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"))
		return NULL;
	(void)snprintf(variable, sizeof(variable), "AWS_ENDPOINT_URL_%s", name);
	url = ds_aws_env(variable);
	return url ? url : ds_aws_env("AWS_ENDPOINT_URL");
}
