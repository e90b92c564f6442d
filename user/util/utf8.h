/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 (RFC 3629): what is well-formed. Pure.
 */
#ifndef DS_UTIL_UTF8_H
#define DS_UTIL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Length (1-4) of the well-formed sequence at text[0], of which len > 0 bytes may be read; 0 when
 * there is none (overlong, surrogate, above U+10FFFF, cut off, stray byte).
 */
size_t ds_utf8_sequence(const char *text, size_t len);

/* The longest prefix of at most max bytes that does not split a sequence. */
size_t ds_utf8_cut(const char *text, size_t len, size_t max);

/* Writes a code point (at most U+10FFFF, no surrogate) as 1-4 bytes; returns how many. */
size_t ds_utf8_encode(uint32_t code, char out[4]);

#endif
