// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_lifetime.h"

#include "user/util/timefmt.h"

#define RENEW_MIN_NS (300 * DS_NS_PER_S)
#define RENEW_MAX_NS (900 * DS_NS_PER_S)
#define WAIT_NS (60 * DS_NS_PER_S)
#define BACKOFF_MAX_NS (300 * DS_NS_PER_S)

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void ds_aws_lifetime_begin(struct ds_aws_lifetime *life, int64_t now_ns, int64_t expires_ns,
			   uint64_t random)
{
	int64_t left_ns = expires_ns - now_ns;
	int64_t lead_ns = RENEW_MIN_NS +
			  (int64_t)(random % (uint64_t)(RENEW_MAX_NS - RENEW_MIN_NS + 1));

	if (!expires_ns) {
		*life = (struct ds_aws_lifetime){ INT64_MAX, INT64_MAX, INT64_MAX };
		return;
	}
	life->renew_ns = expires_ns - least(lead_ns, left_ns / 2);
	life->wait_ns = expires_ns - least(WAIT_NS, left_ns / 4);
	life->end_ns = expires_ns;
}

enum ds_aws_age ds_aws_lifetime_age(const struct ds_aws_lifetime *life, int64_t now_ns)
{
	if (now_ns >= life->end_ns)
		return DS_AWS_AGE_ENDED;
	if (now_ns >= life->wait_ns)
		return DS_AWS_AGE_WAIT;
	return now_ns >= life->renew_ns ? DS_AWS_AGE_RENEW : DS_AWS_AGE_GOOD;
}

int64_t ds_aws_backoff_ns(unsigned int failures, uint64_t random)
{
	int64_t whole_ns = BACKOFF_MAX_NS;

	if (failures < 10)
		whole_ns = least(DS_NS_PER_S << (failures - !!failures), BACKOFF_MAX_NS);

	/* Half of it for sure, the other half as it falls. */
	return whole_ns / 2 + (int64_t)(random % (uint64_t)(whole_ns / 2 + 1));
}
