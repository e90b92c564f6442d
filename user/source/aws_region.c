// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws_region.h"

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

const char *ds_aws_dns_suffix(const char *region)
{
	/* partitions.json of the SDKs, 2026; the others end in amazonaws.com, GovCloud's too. */
	static const struct {
		const char *prefix, *suffix;
	} partitions[] = {
		{ "cn-", "amazonaws.com.cn" },	  { "eusc-", "amazonaws.eu" },
		{ "us-iso-", "c2s.ic.gov" },	  { "us-isob-", "sc2s.sgov.gov" },
		{ "eu-isoe-", "cloud.adc-e.uk" }, { "us-isof-", "csp.hci.ic.gov" },
	};

	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++)
		if (!strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)))
			return partitions[i].suffix;
	return "amazonaws.com";
}
