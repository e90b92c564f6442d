/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which programs this kernel takes: opens the object, sets it up from BTF, loads and attaches each
 * program on its own. What fails is remembered as missing and never fatal, but for the object as a
 * whole.
 */
#ifndef DS_SOURCE_KERNEL_ATTACH_H
#define DS_SOURCE_KERNEL_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include "user/source/kernel/kernel_decode.h"

struct drainsnoop_bpf;
struct ds_attach;

/*
 * Loads and attaches all but the tap. Names the reasons to the decoder. Returns 0, or -errno with
 * one line logged.
 */
int ds_attach_new(struct ds_attach **ret_a, uint32_t routing_netns, uint32_t ring_bytes,
		  struct ds_decoder *decoder);
void ds_attach_free(struct ds_attach **a);	/* detaches all; NULL is fine */

struct drainsnoop_bpf *ds_attach_skeleton(const struct ds_attach *a);	/* owned by a */

/* Attaches or detaches the tap's programs. 0 or -errno (then none of them is attached). */
int ds_attach_tap(struct ds_attach *a, bool on);

/* A descriptor of the attached iterator over sockets, or -ENOENT. */
int ds_attach_iter_fd(const struct ds_attach *a);

/* Sorted names joined by commas; live as long as a. */
const char *ds_attach_names(const struct ds_attach *a, bool attached);
int ds_attach_count(const struct ds_attach *a, bool attached);
const char *ds_attach_tier(const struct ds_attach *a);

#endif
