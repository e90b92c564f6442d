/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request for credentials by web identity (STS, AssumeRoleWithWebIdentity), which is not
 * signed: the token proves who asks. Pure.
 */
#ifndef DS_SOURCE_AWS_STS_H
#define DS_SOURCE_AWS_STS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes the URL of STS. endpoint (of AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL; NULL: not set) goes
 * before all; else it is the region's, or the one for all of them where region is NULL, or where
 * legacy is set (AWS_STS_REGIONAL_ENDPOINTS) and the region is older than regional ones.
 * 0; -EINVAL: endpoint is no http:// or https:// URL; -ENOBUFS: too long.
 */
int ds_aws_sts_url(const char *endpoint, const char *region, bool legacy, char *url, size_t size);

/*
 * The body, application/x-www-form-urlencoded. NULL without memory; ds_wipe_free frees it, for it
 * holds the token.
 */
char *ds_aws_sts_body(const char *role_arn, const char *session_name, const char *token);

#endif
