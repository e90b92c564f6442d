/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The capabilities of the calling thread, by the raw system calls: no library is needed for two
 * bits.
 */
#ifndef DS_SOURCE_KERNEL_CAPS_H
#define DS_SOURCE_KERNEL_CAPS_H

#include <stdbool.h>
#include <stdint.h>

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
