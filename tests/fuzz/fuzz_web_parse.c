// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the address to listen on and the Accept header. What is accepted as an address
 * means the same when it is written again, and a preference for OpenMetrics stands in the header.
 *
 * Built from: user/sink/web_parse.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/sink/web_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_address(const char *text, size_t len)
{
	struct ds_web_address a, again;
	char host[DS_ADDR_STRLEN] = "", line[DS_ADDR_STRLEN + 16];
	bool bare;

	if (ds_web_address_parse(text, len, &a))
		return;
	check(!(a.any_v4 && a.any_v6));
	check(!(ds_addr_is_set(&a.addr) && (a.any_v4 || a.any_v6)));
	bare = a.any_v4 || (ds_addr_is_set(&a.addr) && ds_addr_is_v4(&a.addr));
	if (ds_addr_is_set(&a.addr))
		(void)ds_addr_format(&a.addr, host);
	else if (a.any_v4 || a.any_v6)
		(void)snprintf(host, sizeof(host), "%s", a.any_v4 ? "0.0.0.0" : "::");
	(void)snprintf(line, sizeof(line), host[0] && !bare ? "[%s]:%u" : "%s:%u", host, a.port);
	check(ds_web_address_parse(line, strlen(line), &again) == 0);
	check(!memcmp(&a.addr, &again.addr, sizeof(a.addr)) && a.port == again.port &&
	      a.any_v4 == again.any_v4 && a.any_v6 == again.any_v6);
}

static void check_accept(const char *text, size_t len)
{
	static const char type[] = "application/openmetrics-text";
	bool stands = false;

	if (!ds_web_wants_openmetrics(text, len))
		return;
	for (size_t i = 0; i + sizeof(type) - 1 <= len && !stands; i++)
		stands = !strncasecmp(text + i, type, sizeof(type) - 1);
	check(stands);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own length: what reads beyond it is found. */
	char *text = malloc(size ? size : 1);

	check(text != NULL);
	if (size)
		memcpy(text, data, size);
	check_address(text, size);
	check_accept(text, size);
	free(text);
	return 0;
}
