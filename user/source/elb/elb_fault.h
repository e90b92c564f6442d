/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of faults of the poller: of each kind once, with what to do about it; in words that
 * fit whatever asked for it, --elb or `drainsnoop targets`.
 */
#ifndef DS_SOURCE_ELB_FAULT_H
#define DS_SOURCE_ELB_FAULT_H

#include "user/source/elb/elb_ask.h"

struct ds_elb_faults {
	bool said[DS_ELB_FAULT_MAX][2];	/* of ELB, of EC2 */
	bool state_said, clock_said;
};

/* An answer came, or none. */
void ds_elb_faults_tell(struct ds_elb_faults *faults, const struct ds_elb_request *request,
			const struct ds_elb_answer *answer);

/* A target is in a state that is not known here. */
void ds_elb_faults_state(struct ds_elb_faults *faults, const char *state);

/* AWS answered at that time by its clock (whole seconds, 0 = not said), at now by this one's. */
void ds_elb_faults_clock(struct ds_elb_faults *faults, int64_t server_ns, int64_t now_ns);

#endif
