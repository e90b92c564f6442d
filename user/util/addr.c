// SPDX-License-Identifier: Apache-2.0
/*
 * Addresses and prefixes. Parsing is inet_pton's (pure, strict); writing is our own, because
 * glibc's goes through sprintf.
 */
#include "user/util/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "user/util/text.h"

static const uint8_t v4_head[12] = { [10] = 0xff, 0xff };

bool ds_addr_is_set(const struct ds_addr *a)
{
	static const struct ds_addr none;

	return memcmp(a, &none, sizeof(none)) != 0;
}

bool ds_addr_is_v4(const struct ds_addr *a)
{
	return memcmp(a->bytes, v4_head, sizeof(v4_head)) == 0;
}

bool ds_addr_equal(const struct ds_addr *a, const struct ds_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool ds_addr_is_loopback(const struct ds_addr *a)
{
	static const struct ds_addr v6 = { { [15] = 1 } };

	return ds_addr_is_v4(a) ? a->bytes[12] == 127 : ds_addr_equal(a, &v6);
}

/* *ret_v4 tells the family of the text: that of a mapped address written as IPv6 is IPv6. */
static int parse(const char *text, size_t len, struct ds_addr *ret_addr, bool *ret_v4)
{
	char copy[DS_ADDR_STRLEN];
	struct ds_addr a = { { [10] = 0xff, 0xff } };
	bool v4;

	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	v4 = !memchr(copy, ':', len);
	if (inet_pton(v4 ? AF_INET : AF_INET6, copy, v4 ? a.bytes + 12 : a.bytes) != 1)
		return -EINVAL;
	*ret_addr = a;
	*ret_v4 = v4;
	return 0;
}

int ds_addr_parse(const char *text, size_t len, struct ds_addr *ret_addr)
{
	bool v4;

	return parse(text, len, ret_addr, &v4);
}

int ds_prefix_parse(const char *text, size_t len, struct ds_prefix *ret_prefix)
{
	const char *slash = len ? memchr(text, '/', len) : NULL;
	size_t head = slash ? (size_t)(slash - text) : len;
	struct ds_prefix p = { .bits = 128 };
	unsigned int bits = 0;
	bool v4;
	int r;

	r = parse(text, head, &p.addr, &v4);
	if (r < 0)
		return r;
	if (slash) {
		size_t n = len - head - 1;

		if (n == 0 || n > 3)
			return -EINVAL;
		for (size_t i = 0; i < n; i++) {
			if (slash[1 + i] < '0' || slash[1 + i] > '9')
				return -EINVAL;
			bits = bits * 10 + (unsigned int)(slash[1 + i] - '0');
		}
		if (bits > (v4 ? 32 : 128))
			return -EINVAL;
		p.bits = (uint8_t)(v4 ? bits + 96 : bits);
	}
	for (unsigned int i = p.bits; i < 128; i++)
		p.addr.bytes[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	*ret_prefix = p;
	return 0;
}

static size_t format_v4(const uint8_t b[4], char *out)
{
	size_t len = 0;

	for (int i = 0; i < 4; i++) {
		if (i)
			out[len++] = '.';
		len += ds_digits(out + len, b[i]);
	}
	return len;
}

static size_t format_hex(unsigned int v, char *out)
{
	static const char hex[] = "0123456789abcdef";
	size_t len = 0;

	for (int shift = 12; shift >= 0; shift -= 4)
		if (v >> shift || shift == 0)
			out[len++] = hex[v >> shift & 15];
	return len;
}

/* RFC 5952: lower case; the longest run of two or more zero groups, the first of equals, is "::". */
static size_t format_v6(const uint8_t b[16], char *out)
{
	unsigned int groups[8];
	int best = -1, best_len = 1, run = 0;
	size_t len = 0;

	for (int i = 0; i < 8; i++) {
		groups[i] = (unsigned int)b[i * 2] << 8 | b[i * 2 + 1];
		run = groups[i] ? 0 : run + 1;
		if (run > best_len) {
			best_len = run;
			best = i + 1 - run;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			out[len++] = ':';
			out[len++] = ':';
			i += best_len - 1;
			continue;
		}
		if (i && (best < 0 || i != best + best_len))
			out[len++] = ':';
		len += format_hex(groups[i], out + len);
	}
	return len;
}

size_t ds_addr_format(const struct ds_addr *a, char buf[DS_ADDR_STRLEN])
{
	/* ds_digits copies only the digits it has, so that the buffer is long enough. */
	size_t len = ds_addr_is_v4(a) ? format_v4(a->bytes + 12, buf) : format_v6(a->bytes, buf);

	buf[len] = '\0';
	return len;
}

size_t ds_prefix_format(const struct ds_prefix *p, char buf[DS_PREFIX_STRLEN])
{
	bool v4 = ds_addr_is_v4(&p->addr) && p->bits >= 96;
	size_t len = v4 ? format_v4(p->addr.bytes + 12, buf) : format_v6(p->addr.bytes, buf);

	if (p->bits < 128) {
		buf[len++] = '/';
		len += ds_digits(buf + len, v4 ? p->bits - 96u : p->bits);
	}
	buf[len] = '\0';
	return len;
}

bool ds_prefix_contains(const struct ds_prefix *p, const struct ds_addr *a)
{
	size_t whole = p->bits / 8;
	unsigned int rest = p->bits % 8;

	if (p->bits < 96 && ds_addr_is_v4(a))
		return false;
	if (memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || (p->addr.bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}
