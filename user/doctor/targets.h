/* SPDX-License-Identifier: Apache-2.0 */
/* Check `targets`: the ConfigMap in which `drainsnoop targets` hands this node what it knows. */
#ifndef DS_DOCTOR_TARGETS_H
#define DS_DOCTOR_TARGETS_H

#include "user/doctor/finding.h"

struct ds_doctor_targets {
	bool asked;
	const char *skip;	/* why it is not asked for; NULL: it is not for this command */
	char name[254];
	const char *namespace_;
	int status;		/* of HTTP, 0 = no answer */
	char fault[256];
	bool dated;		/* written_at could be read */
	int64_t age_ns;
	int64_t lines, bytes;	/* of events */
};

/* Pure. Reads the object (JSON); now_ns is Unix time. */
void ds_doctor_targets_read(struct ds_doctor_targets *t, const char *json, size_t len,
			    int64_t now_ns);

void ds_doctor_judge_targets(const struct ds_doctor_targets *t, struct ds_finding *f);

#endif
