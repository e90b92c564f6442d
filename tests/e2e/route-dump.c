// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what the route source delivers, one event line each, for tests of that source alone. The
 * end of standard input ends it; the last line tells its counters.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "user/core/event_json.h"
#include "user/source/route/route.h"
#include "user/util/buf.h"

static void print(void *ctx, struct ds_event *ev)
{
	struct ds_buf *line = ctx;

	ds_event_write(line, ev, ev->source_seq);
	(void)fwrite(line->data, 1, line->len, stdout);
	(void)fflush(stdout);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
	char data[256];

	(void)events;
	if (status < 0 || read(STDIN_FILENO, data, sizeof(data)) <= 0)
		(void)uv_poll_stop(poll);
	uv_stop(poll->loop);
}

int main(void)
{
	struct ds_buf line = { 0 };
	const struct ds_route_options options = { .netns_fd = -1, .deliver = print, .ctx = &line };
	struct ds_route_stats stats;
	struct ds_route *route;
	uv_poll_t input;
	uv_loop_t loop;

	if (uv_loop_init(&loop) || ds_route_new(&route, &loop, &options) ||
	    uv_poll_init(&loop, &input, STDIN_FILENO) ||
	    uv_poll_start(&input, UV_READABLE, on_input))
		return 1;
	puts("ready");
	(void)fflush(stdout);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	ds_route_finish(route);
	stats = ds_route_stats(route);
	printf("{\"losses\":%" PRIu64 ",\"left_out\":%" PRIu64 ",\"errors\":%" PRIu64 "}\n",
	       stats.losses, stats.left_out, stats.errors);
	ds_route_free(&route);
	uv_close((uv_handle_t *)&input, NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	ds_buf_free(&line);
	return uv_loop_close(&loop) ? 1 : 0;
}
