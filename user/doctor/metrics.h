/* SPDX-License-Identifier: Apache-2.0 */
/* Check `metrics`: whether /metrics can be served where it is to be. */
#ifndef DS_DOCTOR_METRICS_H
#define DS_DOCTOR_METRICS_H

#include "user/doctor/finding.h"

struct ds_doctor_metrics {
	const char *listen;	/* "ADDR:PORT"; "" = none */
	char fault[128];	/* why it cannot be listened at; "" = it can */
	bool taken;		/* the fault is that somebody listens there */
	bool agent;		/* who listens there answers as a drainsnoop agent does */
};

/* I/O. Listens at the address and gives it up again; agent is the caller's. */
void ds_doctor_look_metrics(struct ds_doctor_metrics *m);

void ds_doctor_judge_metrics(const struct ds_doctor_metrics *m, struct ds_finding *f);

#endif
