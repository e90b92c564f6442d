// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_region.h"

#include <string.h>

bool ds_aws_is_region(const char *text, size_t len)
{
	if (!len || len > DS_AWS_REGION_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= '0' && text[i] <= '9') &&
		    text[i] != '-')
			return false;
	return text[0] != '-' && text[len - 1] != '-';
}

/* partitions.json of the SDKs, 2026. The first has the regions that no other has. */
static const struct {
	const char *name, *prefix, *suffix;
} partitions[] = {
	{ "aws", NULL, "amazonaws.com" },
	{ "aws-cn", "cn-", "amazonaws.com.cn" },
	{ "aws-us-gov", "us-gov-", "amazonaws.com" },
	{ "aws-iso", "us-iso-", "c2s.ic.gov" },
	{ "aws-iso-b", "us-isob-", "sc2s.sgov.gov" },
	{ "aws-iso-e", "eu-isoe-", "cloud.adc-e.uk" },
	{ "aws-iso-f", "us-isof-", "csp.hci.ic.gov" },
	{ "aws-eusc", "eusc-", "amazonaws.eu" },
};
#define PARTITIONS (sizeof(partitions) / sizeof(partitions[0]))

const char *ds_aws_dns_suffix(const char *region)
{
	for (size_t i = 1; i < PARTITIONS; i++)
		if (!strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)))
			return partitions[i].suffix;
	return partitions[0].suffix;
}

const char *ds_aws_partition_suffix(const char *partition)
{
	for (size_t i = 0; i < PARTITIONS; i++)
		if (!strcmp(partitions[i].name, partition))
			return partitions[i].suffix;
	return NULL;
}
