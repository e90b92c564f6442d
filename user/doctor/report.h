/* SPDX-License-Identifier: Apache-2.0 */
/* What `drainsnoop doctor` prints: a table for people, one JSON document for machines. Pure. */
#ifndef DS_DOCTOR_REPORT_H
#define DS_DOCTOR_REPORT_H

#include "user/doctor/finding.h"

struct ds_doctor_report {
	const struct ds_finding *findings;	/* by enum ds_check, DS_CHECK_MAX of them */
	uint32_t checks;		/* one bit each: those that are printed */
	const char *version, *node;	/* node "" = not known */
	const char *command;		/* for which it was asked: "agent", "targets" */
	int64_t time_ns;
	bool color;
	int width;			/* columns of the terminal; sentences are broken there */
};

/* How many findings say that something must be mended. */
int ds_doctor_failures(const struct ds_doctor_report *r);

void ds_doctor_table(struct ds_buf *buf, const struct ds_doctor_report *r);

/* docs/doctor.schema.json says what it is. */
void ds_doctor_json(struct ds_buf *buf, const struct ds_doctor_report *r);

#endif
