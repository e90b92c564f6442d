/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment as the SDKs of AWS read it.
 */
#ifndef DS_SOURCE_AWS_ENV_H
#define DS_SOURCE_AWS_ENV_H

#include <stdbool.h>

/* A variable, or NULL where it is not set or empty. Borrowed from the environment. */
const char *ds_aws_env(const char *name);

/* Whether a variable is "true", in any case. */
bool ds_aws_env_is_true(const char *name);

/* The region that AWS_REGION or AWS_DEFAULT_REGION names, or NULL. */
const char *ds_aws_env_region(void);

/*
 * Where a service is asked instead of AWS: AWS_ENDPOINT_URL_NAME, else AWS_ENDPOINT_URL, or NULL;
 * neither counts with AWS_IGNORE_CONFIGURED_ENDPOINT_URLS. name: as it stands in the variable's
 * ("STS", "ELASTIC_LOAD_BALANCING_V2").
 */
const char *ds_aws_env_endpoint(const char *name);

#endif
