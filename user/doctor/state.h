/* SPDX-License-Identifier: Apache-2.0 */
/* Check `state`: whether the state file can be read and replaced. */
#ifndef DS_DOCTOR_STATE_H
#define DS_DOCTOR_STATE_H

#include "user/doctor/finding.h"

struct ds_doctor_state {
	const char *path;	/* NULL: none is asked for */
	bool exists;
	char fault[256];	/* why it cannot be read; "" = it can, or there is none */
	char damage[256];	/* why what was read cannot be used; "" = it can */
	char folder_fault[128];	/* why a file cannot be made beside it; "" = it can */
	uint64_t events;
	char run_id[9];
	int64_t age_ns;		/* how long ago it was written */
	bool same_boot;
};

/* I/O. path is set; reads the file and makes nothing. */
void ds_doctor_look_state(struct ds_doctor_state *s);

void ds_doctor_judge_state(const struct ds_doctor_state *s, struct ds_finding *f);

#endif
