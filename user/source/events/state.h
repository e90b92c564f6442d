/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: the state file that an earlier run left (--state). Read once, before everything else. A
 * file that cannot be used never stops the start: it is set aside as FILE.damaged-N, said in one
 * line, and the run begins without it.
 */
#ifndef DS_SOURCE_STATE_H
#define DS_SOURCE_STATE_H

#include "user/core/state_file.h"

/* The id of this boot of the machine; "" where the kernel does not tell it. */
void ds_state_boot_id(char id[DS_BOOT_ID_LEN + 1]);

/*
 * Appends what is in the file: a regular one of at most 1 GiB. 0 or -errno (-EISDIR, -EINVAL: no
 * regular file; -EFBIG).
 */
int ds_state_read(const char *path, struct ds_buf *buf);

/*
 * Gives every event of the file at path to fn, freed after the call. 1 with *ret_header; 0 where
 * there is no state: no file, or one that cannot be used, which is logged.
 */
int ds_state_load(const char *path, struct ds_state_header *ret_header,
		  void (*fn)(void *ctx, struct ds_event *ev), void *ctx);

#endif
