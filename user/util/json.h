/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings in JSON text. Whatever bytes come in, well-formed JSON in UTF-8 goes out: control
 * characters (C0, DEL, C1), quotes and backslashes are escaped, bytes that are not UTF-8 become
 * U+FFFD. Pure.
 */
#ifndef DS_UTIL_JSON_H
#define DS_UTIL_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "user/util/buf.h"

/*
 * Of eight bytes: the high bit of each control character, quote, backslash and byte that is not
 * ASCII; bits above the lowest one that is set may be wrong (a borrow: Mycroft's trick).
 */
static inline uint64_t ds_json_special(uint64_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
	const uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\', del = v ^ ones * 0x7f;

	return ((v - ones * 0x20) | (quote - ones) | (backslash - ones) | (del - ones) | v) & highs;
}

/* How many bytes at the beginning stand in JSON as they are. */
static inline size_t ds_json_plain(const char *text, size_t len)
{
	size_t n = 0;

	for (; len - n >= 8; n += 8) {
		uint64_t v;

		memcpy(&v, text + n, 8);
		v = ds_json_special(v);
		if (!v)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		return n + (size_t)__builtin_ctzll(v) / 8;
#else
		break;
#endif
	}
	for (; n < len; n++) {
		unsigned char c = (unsigned char)text[n];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			break;
	}
	return n;
}

/*
 * Writes text as the inside of a JSON string to dst, at most room bytes, and stops before the
 * first character that does not fit. Returns the bytes written, *ret_used those consumed of text.
 */
size_t ds_json_escape(char *dst, size_t room, const char *text, size_t len, size_t *ret_used);

/* Appends text as a JSON string, quotes included. */
void ds_json_string(struct ds_buf *b, const char *text, size_t len);

#endif
