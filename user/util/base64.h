/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, section 4). Pure. */
#ifndef DS_UTIL_BASE64_H
#define DS_UTIL_BASE64_H

#include <stddef.h>

/* What len characters decode to at most, without a NUL. */
#define DS_BASE64_ROOM(len) ((len) / 4 * 3 + 3)

/*
 * Decodes len characters to at most DS_BASE64_ROOM(len) bytes at dst; white space between them is
 * skipped, padding may be missing. 0 with *ret_len, or -EINVAL: then dst holds anything.
 */
int ds_base64_decode(const char *text, size_t len, char *dst, size_t *ret_len);

#endif
