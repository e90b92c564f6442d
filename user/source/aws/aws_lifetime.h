/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When credentials are renewed, and how long a failed renewal is left alone. Pure: times and random
 * numbers come from the caller.
 */
#ifndef DS_SOURCE_AWS_LIFETIME_H
#define DS_SOURCE_AWS_LIFETIME_H

#include <stdint.h>

struct ds_aws_lifetime {
	int64_t renew_ns, wait_ns, end_ns;	/* Unix time */
};

enum ds_aws_age {
	DS_AWS_AGE_GOOD,
	DS_AWS_AGE_RENEW,	/* still used, new ones are asked for beside it */
	DS_AWS_AGE_WAIT,	/* new ones are waited for; the old ones only if there are none */
	DS_AWS_AGE_ENDED
};

/*
 * Begins the life of credentials that were got now and expire at expires_ns (0: never). They are
 * renewed 5 to 15 minutes before that, so that not all nodes ask at one moment, and those that are
 * short-lived in the second half of their time.
 */
void ds_aws_lifetime_begin(struct ds_aws_lifetime *life, int64_t now_ns, int64_t expires_ns,
			   uint64_t random);

enum ds_aws_age ds_aws_lifetime_age(const struct ds_aws_lifetime *life, int64_t now_ns);

/* After so many failures in a row (from 1): about 1 s, twice as much each time, 5 min at most. */
int64_t ds_aws_backoff_ns(unsigned int failures, uint64_t random);

#endif
