/* SPDX-License-Identifier: Apache-2.0 */
/* Check `privileges`: whether this process may load and attach BPF programs, and if not, why. */
#ifndef DS_DOCTOR_PRIVILEGES_H
#define DS_DOCTOR_PRIVILEGES_H

#include "user/doctor/finding.h"

enum ds_lockdown { DS_LOCKDOWN_UNKNOWN, DS_LOCKDOWN_NONE, DS_LOCKDOWN_INTEGRITY,
	DS_LOCKDOWN_CONFIDENTIALITY };

struct ds_doctor_privileges {
	bool root;		/* user 0, in whatever user namespace */
	bool container;		/* within Kubernetes: what to mend is the pod's security context */
	uint64_t effective, permitted, bounding;	/* capabilities, one bit each */
	bool first_userns;	/* that of the machine; capabilities of others are void */
	int seccomp;		/* of /proc/self/status: 0 none, 1 strict, 2 filter, -1 not known */
	/*
	 * errno of bpf() with a command that no kernel has: EINVAL where the call was looked at;
	 * EPERM, or ENOSYS, where something stands before it.
	 */
	int bpf_errno;
	int map_errno;		/* of a map of the size that drainsnoop needs; 0 = made */
	uint64_t memlock_bytes;	/* soft limit of locked memory; UINT64_MAX = none */
	enum ds_lockdown lockdown;
};

/* I/O. */
void ds_doctor_look_privileges(struct ds_doctor_privileges *p);

/* True where programs can be loaded, as far as privileges go. */
bool ds_doctor_judge_privileges(const struct ds_doctor_privileges *p, struct ds_finding *f);

#endif
