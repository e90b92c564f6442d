/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: /metrics, /healthz, /readyz and an index over HTTP, by libmicrohttpd on the uv loop,
 * without a thread. Clients are strangers: requests are bounded in size and in time, connections in
 * number, of one address and in all, and when there are too many the one that has kept us waiting
 * for longest goes. Nothing here waits for a client. Main must ignore SIGPIPE.
 */
#ifndef DS_SINK_WEB_H
#define DS_SINK_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_WEB_CONNECTIONS_MAX 64
#define DS_WEB_CONNECTIONS_OF_ADDRESS_MAX 24

struct uv_loop_s;
struct ds_web;

/* Called from the loop. Each appends to *out; none may free the web sink. */
struct ds_web_pages {
	/* The exposition, in one format or the other. */
	void (*metrics)(void *ctx, bool openmetrics, struct ds_buf *out);
	/* Whether it is so; if not, *why is a sentence or more for people. NULL: it is. */
	bool (*healthy)(void *ctx, struct ds_buf *why);
	bool (*ready)(void *ctx, struct ds_buf *why);
	void *ctx;
};

/*
 * The rule of /healthz, for `healthy`: the loop turned within the last ten seconds; both moments by
 * the monotonic clock. Nothing of others: an API server that is away must not restart every agent
 * at once.
 */
bool ds_web_loop_turns(int64_t turned_ns, int64_t now_ns, struct ds_buf *why);

struct ds_web_stats {
	uint64_t requests;	/* answered */
	uint64_t cut;		/* connections that were ended: too slow, or too many */
};

/*
 * Listens on "ADDR:PORT", "[V6]:PORT" or ":PORT" (all addresses, IPv6 and IPv4). 0, or -errno with
 * one line logged: -EINVAL for what is no address, -EADDRINUSE, -EACCES, ... pages is copied.
 */
int ds_web_new(struct ds_web **ret_web, struct uv_loop_s *loop, const char *listen,
	       const struct ds_web_pages *pages);

/* The port that it listens on: of use where the kernel chose it. */
uint16_t ds_web_port(const struct ds_web *web);

struct ds_web_stats ds_web_stats(const struct ds_web *web);

/* Ends all connections; the loop must run once more. NULL is fine. */
void ds_web_free(struct ds_web **web);

#endif
