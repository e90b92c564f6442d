/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/aws/aws_arn.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/source/aws/aws_region.h"

/* The next part, up to its colon, of these characters only; NULL where it is not such. */
static const char *take(const char *at, const char *of, char *part, size_t size)
{
	size_t len = strspn(at, of);

	if (len >= size || at[len] != ':')
		return NULL;
	memcpy(part, at, len);
	part[len] = '\0';
	return at + len + 1;
}

int ds_arn_parse(const char *text, struct ds_arn *ret_arn)
{
	static const char words[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct ds_arn arn;
	const char *at;

	if (strnlen(text, DS_ARN_LEN + 1) > DS_ARN_LEN || strncmp(text, "arn:", 4) != 0)
		return -EINVAL;
	at = take(text + 4, words, arn.partition, sizeof(arn.partition));
	at = at ? take(at, words, arn.service, sizeof(arn.service)) : NULL;
	at = at ? take(at, words, arn.region, sizeof(arn.region)) : NULL;
	at = at ? take(at, "0123456789", arn.account, sizeof(arn.account)) : NULL;
	if (!at || !*at || !ds_aws_partition_suffix(arn.partition) || !arn.region[0] ||
	    arn.region[0] == '-')
		return -EINVAL;
	arn.resource = at;
	*ret_arn = arn;
	return 0;
}

int ds_arn_parse_elb(const char *text, const char *type, struct ds_arn *ret_arn)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/";
	size_t len = strlen(type);
	struct ds_arn arn;

	if (ds_arn_parse(text, &arn) || strcmp(arn.service, "elasticloadbalancing") != 0 ||
	    strncmp(arn.resource, type, len) != 0 || arn.resource[len] != '/' ||
	    !arn.resource[len + 1] || arn.resource[strspn(arn.resource, names)])
		return -EINVAL;
	*ret_arn = arn;
	return 0;
}

void ds_arn_group_name(const struct ds_arn *arn, char *buf, size_t size)
{
	const char *name = strchr(arn->resource, '/');
	size_t len = name ? strcspn(name + 1, "/") : 0;

	if (len >= size)
		len = size - 1;
	if (len)
		memcpy(buf, name + 1, len);
	buf[len] = '\0';
}
