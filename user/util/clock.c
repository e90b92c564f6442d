// SPDX-License-Identifier: Apache-2.0
#include "user/util/clock.h"

#include "user/util/timefmt.h"

int64_t ds_clock_ns(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * DS_NS_PER_S + ts.tv_nsec;
}
