/* SPDX-License-Identifier: Apache-2.0 */
/* Check `kernel` and check `probes`: what this kernel is, and what of drainsnoop's it takes. */
#ifndef DS_DOCTOR_KERNEL_H
#define DS_DOCTOR_KERNEL_H

#include "user/doctor/finding.h"

struct ds_doctor_kernel {
	char system[65], release[65], machine[65];
	bool btf;		/* /sys/kernel/btf/vmlinux can be read */
	/* probes: only where privileges allow it */
	bool tried;
	int result;		/* of loading and attaching: 0 or -errno */
	char said[512];		/* what the source said when it failed; "" = nothing */
	char tier[16];
	char attached[512], missing[512];	/* names joined by commas */
	bool needs_tap;
};

/* I/O. Reads the release, and looks for BTF. */
void ds_doctor_look_kernel(struct ds_doctor_kernel *k);

/* I/O. Loads and attaches every program, and detaches them again: a tenth of a second or so. */
void ds_doctor_look_probes(struct ds_doctor_kernel *k);

void ds_doctor_judge_kernel(const struct ds_doctor_kernel *k, struct ds_finding *f);
void ds_doctor_judge_probes(const struct ds_doctor_kernel *k, struct ds_finding *f);

#endif
