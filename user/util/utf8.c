// SPDX-License-Identifier: Apache-2.0
/*
 * UTF-8, table 3-7 of the Unicode standard.
 */
#include "user/util/utf8.h"

#include <stdbool.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t ds_utf8_sequence(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned char low = 0x80, high = 0xbf;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4 || len < 2)
		return 0;
	if (s[0] < 0xe0)
		return is_tail(s[1]) ? 2 : 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;	/* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high || len < 3 || !is_tail(s[2]))
		return 0;
	if (s[0] < 0xf0)
		return 3;
	return len >= 4 && is_tail(s[3]) ? 4 : 0;
}

size_t ds_utf8_cut(const char *text, size_t len, size_t max)
{
	size_t at = max;

	if (len <= max)
		return len;
	/* Back over at most three tail bytes; anything longer is not UTF-8 and is cut anywhere. */
	for (int i = 0; i < 3 && at > 0 && is_tail((unsigned char)text[at]); i++)
		at--;
	return is_tail((unsigned char)text[at]) ? max : at;
}

size_t ds_utf8_encode(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}
