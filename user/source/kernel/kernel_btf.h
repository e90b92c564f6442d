/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the running kernel's BTF says: how many arguments a raw tracepoint has, and the names of
 * enumerations. Never by version number. Reads /sys/kernel/btf/vmlinux; loads nothing.
 */
#ifndef DS_SOURCE_KERNEL_BTF_H
#define DS_SOURCE_KERNEL_BTF_H

#include <stdint.h>

struct btf;

/* Arguments of a raw tracepoint, or -ENOENT where the kernel has not got it. */
int ds_btf_raw_tp_args(const struct btf *btf, const char *tracepoint);

/* Calls fn for each value of an enum. 0, or -ENOENT where the kernel has not got it. */
int ds_btf_each_value(const struct btf *btf, const char *enum_name,
		      void (*fn)(void *ctx, const char *name, int64_t value), void *ctx);

#endif
