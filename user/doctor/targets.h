/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check `targets`: for the agent the ConfigMap in which `drainsnoop targets` hands this node what
 * it knows, for that command the Lease by which one of its instances leads.
 */
#ifndef DS_DOCTOR_TARGETS_H
#define DS_DOCTOR_TARGETS_H

#include "user/doctor/finding.h"

struct ds_doctor_targets {
	bool asked;
	const char *skip;	/* why it is not asked for */
	bool of_lease;		/* it is the Lease that is asked for */
	char name[254];
	const char *namespace_;
	int status;		/* of HTTP, 0 = no answer */
	char fault[256];
	bool dated;		/* when it was written, or renewed, could be read */
	int64_t age_ns;
	int64_t lines;		/* of events */
	char holder[254];	/* of the Lease; "" = nobody */
	int64_t duration_s;	/* of the Lease; -1 = not told */
};

/* Pure. Reads the object (JSON), a ConfigMap or a Lease; now_ns is Unix time. */
void ds_doctor_targets_read(struct ds_doctor_targets *t, const char *json, size_t len,
			    int64_t now_ns);

void ds_doctor_judge_targets(const struct ds_doctor_targets *t, struct ds_finding *f);

#endif
