/* SPDX-License-Identifier: Apache-2.0 */
/* Four characters at a time become three bytes. */
#include "user/util/base64.h"

#include <errno.h>
#include <stdint.h>

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int ds_base64_decode(const char *text, size_t len, char *dst, size_t *ret_len)
{
	uint32_t bits = 0;
	size_t cnt = 0, out = 0, padding = 0;

	for (size_t i = 0; i < len; i++) {
		int value = value_of(text[i]);

		if (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t')
			continue;
		if (text[i] == '=' && ++padding <= 2)
			continue;
		if (value < 0 || padding)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (++cnt % 4 == 0) {
			dst[out++] = (char)(bits >> 16);
			dst[out++] = (char)(bits >> 8);
			dst[out++] = (char)bits;
		}
	}
	if (cnt % 4 == 1 || (padding && (cnt + padding) % 4 != 0))
		return -EINVAL;
	if (cnt % 4 == 2)
		dst[out++] = (char)(bits >> 4);
	if (cnt % 4 == 3) {
		dst[out++] = (char)(bits >> 10);
		dst[out++] = (char)(bits >> 2);
	}
	*ret_len = out;
	return 0;
}
