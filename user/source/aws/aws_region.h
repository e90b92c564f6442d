/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions of AWS and the host names that follow from them. Pure.
 */
#ifndef DS_SOURCE_AWS_REGION_H
#define DS_SOURCE_AWS_REGION_H

#include <stdbool.h>
#include <stddef.h>

#define DS_AWS_REGION_MAX 32

/* Whether text may be a region: it becomes a part of host names. */
bool ds_aws_is_region(const char *text, size_t len);

/* What host names of its partition end in: "amazonaws.com", "amazonaws.com.cn", ... Static. */
const char *ds_aws_dns_suffix(const char *region);

/* The same of a partition by its name ("aws", "aws-cn", ...). NULL: it is not known. */
const char *ds_aws_partition_suffix(const char *partition);

#endif
