// SPDX-License-Identifier: Apache-2.0
#include "user/sink/web_parse.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define QUALITY_MAX 1000	/* q=1 */

/* ---- the address ---- */

static int parse_port(const char *text, size_t len, uint16_t *ret_port)
{
	uint32_t port = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		port = port * 10 + (uint32_t)(text[i] - '0');
	}
	if (port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int parse_host(const char *text, size_t len, struct ds_web_address *ret_address)
{
	bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	struct ds_addr addr;
	bool v4;

	if (bracketed) {
		text++;
		len -= 2;
	}
	if (ds_addr_parse(text, len, &addr))
		return -EINVAL;
	/* ::ffff:10.0.0.1 is an IPv4 address in disguise: only the plain form is one here. */
	v4 = ds_addr_is_v4(&addr);
	if (v4 == bracketed || (v4 && memchr(text, ':', len)))
		return -EINVAL;
	/* All zero is no address to bind to, but a word for all of the family. */
	ret_address->any_v6 = !v4 && !ds_addr_is_set(&addr);
	ret_address->any_v4 = v4 && !memcmp(addr.bytes + 12, "\0\0\0\0", 4);
	if (!ret_address->any_v4 && !ret_address->any_v6)
		ret_address->addr = addr;
	return 0;
}

int ds_web_address_parse(const char *text, size_t len, struct ds_web_address *ret_address)
{
	const char *colon = memrchr(text, ':', len);
	struct ds_web_address address = { .port = 0 };
	size_t host_len;

	if (!colon)
		return -EINVAL;
	host_len = (size_t)(colon - text);
	if (parse_port(colon + 1, len - host_len - 1, &address.port) ||
	    (host_len && parse_host(text, host_len, &address)))
		return -EINVAL;
	*ret_address = address;
	return 0;
}

/* ---- the Accept header ---- */

struct span {
	const char *text;
	size_t len;
};

static struct span trim(struct span s)
{
	while (s.len && (*s.text == ' ' || *s.text == '\t')) {
		s.text++;
		s.len--;
	}
	while (s.len && (s.text[s.len - 1] == ' ' || s.text[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* Cuts *rest at the next `separator` and returns what stands before it, trimmed. */
static struct span next_part(struct span *rest, char separator)
{
	const char *end = memchr(rest->text, separator, rest->len);
	struct span part = { rest->text, end ? (size_t)(end - rest->text) : rest->len };
	size_t used = part.len + (end != NULL);

	rest->text += used;
	rest->len -= used;
	return trim(part);
}

static bool is(struct span s, const char *word)
{
	return s.len == strlen(word) && !strncasecmp(s.text, word, s.len);
}

/* "0.75" in thousandths (RFC 9110, 12.4.2), or -1. */
static int parse_quality(struct span s)
{
	int value, unit = QUALITY_MAX / 10;

	if (s.len == 0 || s.len > 5 || s.text[0] < '0' || s.text[0] > '1' ||
	    (s.len > 1 && s.text[1] != '.'))
		return -1;
	value = (s.text[0] - '0') * QUALITY_MAX;
	for (size_t i = 2; i < s.len; i++, unit /= 10) {
		if (s.text[i] < '0' || s.text[i] > '9')
			return -1;
		value += (s.text[i] - '0') * unit;
	}
	return value <= QUALITY_MAX ? value : -1;
}

/* Its parameters: q, and whether its version is one that is spoken here. */
static int read_parameters(struct span rest, const char *const versions[2])
{
	int quality = QUALITY_MAX;

	while (rest.len) {
		struct span value = next_part(&rest, ';');
		struct span name = next_part(&value, '=');

		value = trim(value);
		if (value.len >= 2 && value.text[0] == '"' && value.text[value.len - 1] == '"')
			value = (struct span){ value.text + 1, value.len - 2 };
		if (is(name, "q"))
			quality = parse_quality(value);
		else if (is(name, "version") && !is(value, versions[0]) && !is(value, versions[1]))
			return -1;
		if (quality < 0)
			return -1;
	}
	return quality;
}

bool ds_web_wants_openmetrics(const char *accept, size_t len)
{
	static const char *const open_versions[] = { "1.0.0", "0.0.1" };
	static const char *const text_versions[] = { "0.0.4", "0.0.4" };
	struct span rest = { accept, len };
	int open = 0, text = 0;

	while (rest.len) {
		struct span range = next_part(&rest, ',');
		struct span type = next_part(&range, ';');
		int quality;

		if (is(type, "application/openmetrics-text")) {
			quality = read_parameters(range, open_versions);
			open = quality > open ? quality : open;
		} else if (is(type, "text/plain")) {
			quality = read_parameters(range, text_versions);
			text = quality > text ? quality : text;
		}
	}
	return open > 0 && open >= text;
}
