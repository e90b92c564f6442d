// SPDX-License-Identifier: Apache-2.0
/* Asks the kernel what its NTP discipline knows; changes nothing. */
#include <errno.h>
#include <sys/timex.h>

#include "user/doctor/clock.h"

void ds_doctor_look_clock(struct ds_doctor_clock *c)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	if (state < 0) {
		c->result = -errno;
		return;
	}
	c->synchronised = state != TIME_ERROR && !(t.status & STA_UNSYNC);
	c->offset_ns = (int64_t)t.offset * (t.status & STA_NANO ? 1 : 1000);
	c->error_ns = (int64_t)t.maxerror * 1000;
}
