/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Percent-encoding (RFC 3986, 2.1), as AWS's Query APIs and its signatures want it: everything but
 * letters, digits and "-._~" is encoded, a space as %20. Pure.
 */
#ifndef DS_UTIL_PERCENT_H
#define DS_UTIL_PERCENT_H

#include <stddef.h>

/*
 * Writes text to dst, which holds three times its length, without a NUL; returns the end of that.
 */
char *ds_percent_encode(char *dst, const char *text, size_t len);

#endif
