/* SPDX-License-Identifier: Apache-2.0 */
/* Check `clock`: drain times come from other hosts, and are compared with this node's clock. */
#ifndef DS_DOCTOR_CLOCK_H
#define DS_DOCTOR_CLOCK_H

#include "user/doctor/finding.h"

struct ds_doctor_clock {
	int result;		/* of asking the kernel: 0 or -errno */
	bool synchronised;
	int64_t offset_ns;	/* that is still to be corrected */
	int64_t error_ns;	/* at most, as the kernel estimates it */
	/* the API server's clock less this node's lies within these; its are whole seconds */
	bool api_told;
	int64_t api_lo_ns, api_hi_ns;
};

/* I/O. The kernel's part; that of the API server is the caller's. */
void ds_doctor_look_clock(struct ds_doctor_clock *c);

void ds_doctor_judge_clock(const struct ds_doctor_clock *c, struct ds_finding *f);

#endif
