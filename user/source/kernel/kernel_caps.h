/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capabilities of the calling thread, by the raw system calls: no library is needed for two
 * bits.
 */
#ifndef DS_SOURCE_KERNEL_CAPS_H
#define DS_SOURCE_KERNEL_CAPS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>

/* Of Linux 5.8; headers may be older. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

#define DS_CAP_BIT(cap) (UINT64_C(1) << (cap))
#define DS_CAPS_NEEDED (DS_CAP_BIT(CAP_BPF) | DS_CAP_BIT(CAP_PERFMON))

/* One bit a capability. */
struct ds_caps {
	uint64_t effective;
	uint64_t permitted;
};

/* 0 or -errno. */
int ds_caps_get(struct ds_caps *ret_caps);

/* CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, are effective. */
bool ds_caps_may_trace(void);

/* Gives up all but CAP_BPF and CAP_PERFMON, which stay permitted but not effective. 0 or -errno. */
int ds_caps_drop(void);

/* Makes the permitted ones of the two effective, or no capability at all. 0 or -errno. */
int ds_caps_raise(bool on);

#endif
