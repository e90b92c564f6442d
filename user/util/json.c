// SPDX-License-Identifier: Apache-2.0
/*
 * Escaping for JSON: eight plain bytes at a time, the rest by hand.
 */
#include "user/util/json.h"

#include "user/util/utf8.h"

static size_t hex_escape(unsigned char c, char out[6])
{
	static const char hex[] = "0123456789abcdef";

	memcpy(out, "\\u00", 4);
	out[4] = hex[c >> 4];
	out[5] = hex[c & 15];
	return 6;
}

/* The escaped form of the character at s; *ret_used bytes of it were used. At most 6 bytes. */
static size_t escape_one(const char *s, size_t len, char out[6], size_t *ret_used)
{
	unsigned char c = (unsigned char)s[0];
	size_t n;

	*ret_used = 1;
	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (c == '\n' || c == '\t' || c == '\r') {
		out[0] = '\\';
		out[1] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
		return 2;
	}
	if (c < 0x20 || c == 0x7f)
		return hex_escape(c, out);
	n = ds_utf8_sequence(s, len);
	if (n == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);	/* U+FFFD */
		return 3;
	}
	*ret_used = n;
	if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
		return hex_escape((unsigned char)s[1], out);
	memcpy(out, s, n);
	return n;
}

size_t ds_json_escape(char *dst, size_t room, const char *text, size_t len, size_t *ret_used)
{
	size_t from = 0, to = 0;

	for (;;) {
		size_t left = len - from < room - to ? len - from : room - to;
		size_t n = ds_json_plain(text + from, left), used;
		char out[6];

		memcpy(dst + to, text + from, n);
		from += n;
		to += n;
		if (from == len || to == room)
			break;
		n = escape_one(text + from, len - from, out, &used);
		if (n > room - to)
			break;
		memcpy(dst + to, out, n);
		to += n;
		from += used;
	}
	*ret_used = from;
	return to;
}

void ds_json_string(struct ds_buf *b, const char *text, size_t len)
{
	char block[256];

	ds_buf_putc(b, '"');
	while (len > 0) {
		size_t used, n = ds_json_escape(block, sizeof(block), text, len, &used);

		ds_buf_put(b, block, n);
		text += used;
		len -= used;
	}
	ds_buf_putc(b, '"');
}
