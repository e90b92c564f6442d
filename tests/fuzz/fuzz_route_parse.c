// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the decoder of rtnetlink datagrams, and the tables behind it.
 *
 * Built from: user/source/route/route_parse.c user/source/route/route_table.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/source/route/route_parse.h"
#include "user/source/route/route_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_change(void *ctx, const struct ds_rt_change *change)
{
	(void)ctx;
	if (!change->name || strlen(change->name) >= DS_RT_NAME_LEN)
		abort();
}

static void on_iface(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind)
{
	(void)ctx;
	(void)ifindex;
	if (strlen(name) >= DS_RT_NAME_LEN || kind < 0 || kind >= DS_IFACE_MAX)
		abort();
}

static void on_address(void *ctx, const struct ds_addr *addr, const char *name, enum ds_iface kind)
{
	(void)addr;
	on_iface(ctx, 0, name, kind);
}

static void apply(struct ds_route_table *t, const uint8_t *data, size_t size)
{
	size_t offset = 0, before = 0;
	struct ds_rt rt;

	while (ds_rt_next(data, size, &offset, &rt) > 0) {
		if (offset <= before || offset > size)
			abort();
		before = offset;
		(void)ds_route_table_apply(t, &rt);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ds_route_hooks hooks = {
		.on_change = on_change, .on_iface = on_iface, .on_address = on_address,
	};
	struct ds_route_table *t = NULL;

	if (ds_route_table_new(&t, &hooks) < 0)
		return 0;
	ds_route_table_begin_dump(t);
	apply(t, data, size);
	ds_route_table_end_dump(t);
	apply(t, data, size);
	/* A dump that has nothing: all is gone. */
	ds_route_table_begin_dump(t);
	ds_route_table_end_dump(t);
	ds_route_table_free(&t);
	return 0;
}
