/* SPDX-License-Identifier: Apache-2.0 */
/* What the web sink reads: the address that it listens on, and a client's Accept header. Pure. */
#ifndef DS_SINK_WEB_PARSE_H
#define DS_SINK_WEB_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/addr.h"

struct ds_web_address {
	struct ds_addr addr;	/* not set: every address, of both families */
	bool any_v4;		/* 0.0.0.0: every address, of IPv4 alone */
	bool any_v6;		/* [::]: the same of IPv6 */
	uint16_t port;		/* 0 = the kernel chooses */
};

/*
 * "ADDR:PORT", "[V6]:PORT" or ":PORT" of len bytes. 0, or -EINVAL: names are not looked up, and an
 * IPv6 address without brackets could mean two things.
 */
int ds_web_address_parse(const char *text, size_t len, struct ds_web_address *ret_address);

/*
 * Whether a client would rather have OpenMetrics than the text format 0.0.4, by the value of its
 * Accept header (RFC 9110, 12.5.1). What cannot be understood counts for nothing; in doubt no.
 */
bool ds_web_wants_openmetrics(const char *accept, size_t len);

#endif
