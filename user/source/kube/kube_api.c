/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call waits for credentials, then it is made. Credentials are made ready for all that wait at
 * once: a plugin is not run once for each.
 */
#include "user/source/kube/kube_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "user/source/kube/kube_clock.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define QUIET_NS (150 * DS_NS_PER_S) /* bookmarks come about once a minute */

struct call {
	struct ds_kube_api *api;
	struct call *prev, *next;
	struct ds_kube_call what;	/* texts and body are its own copies */
	struct ds_http_call *http;	/* while it is made */
	uint64_t turn;			/* in which it came: see on_ready() */
	uint64_t generation;		/* of the credentials that it was made with; 0 = none yet */
	int64_t asked_ns;
	bool waits;			/* for credentials */
	bool renewed;			/* they were not accepted, and it is made once more */
};

struct ds_kube_api {
	struct ds_kube_access *access;
	struct ds_http *http;
	struct call *first, *last;	/* in the order in which they came */
	uv_timer_t begin;		/* calls wait: from the loop, never from within */
	bool preparing;
	uint64_t turn;
	uint64_t generation;		/* of the credentials: how often they were renewed, and 1 */
	int64_t quiet_ns;
	struct ds_kube_clock clock;
	bool said_clock;
};

static void call_free(struct call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->api->first = c->next;
	if (c->next)
		c->next->prev = c->prev;
	else
		c->api->last = c->prev;
	ds_http_cancel(c->http);
	free((void *)(uintptr_t)c->what.method);
	free((void *)(uintptr_t)c->what.target);
	free((void *)(uintptr_t)c->what.content_type);
	free((void *)(uintptr_t)c->what.body);
	free(c);
}

static void append(struct ds_kube_api *api, struct call *c)
{
	c->api = api;
	c->prev = api->last;
	if (api->last)
		api->last->next = c;
	else
		api->first = c;
	api->last = c;
}

/* ---- what comes back ---- */

static void begin_soon(struct ds_kube_api *api);

/* The call is over: done may begin others, or end some. */
static void finish(struct call *c, const struct ds_kube_reply *reply)
{
	struct ds_kube_call what = c->what;

	call_free(c);
	what.done(what.ctx, reply);
}

static void fail(struct call *c, const char *fault)
{
	struct ds_kube_reply reply = { .fault = fault, .retry_after_ns = -1 };

	finish(c, &reply);
}

static int64_t middle(int64_t lo_ns, int64_t hi_ns)
{
	return lo_ns + (hi_ns - lo_ns) / 2;
}

/* A reply is dated as it is made; what dates a stream is its beginning. */
static void look_at_clock(struct call *c, const struct ds_http_reply *reply)
{
	struct ds_kube_api *api = c->api;
	int64_t lo_ns, hi_ns;
	double ahead_s;

	if (c->what.timeout_ns < 0 || !reply->status || !reply->server_ns)
		return;
	ds_kube_clock_take(&api->clock, c->asked_ns, ds_clock_ns(CLOCK_REALTIME), reply->server_ns);
	if (!ds_kube_api_clock(api, &lo_ns, &hi_ns) || api->said_clock)
		return;
	ahead_s = (double)middle(lo_ns, hi_ns) / 1e9;
	ds_log_warn("the API server's clock is about %.1f s %s this node's; its times are corrected "
		    "by that",
		    ahead_s < 0 ? -ahead_s : ahead_s, ahead_s < 0 ? "behind" : "ahead of");
	api->said_clock = true;
}

static void on_done(void *ctx, const struct ds_http_reply *reply)
{
	struct call *c = ctx;
	struct ds_kube_reply said = { .status = reply->status,
				      .fault = reply->fault,
				      .body = reply->body,
				      .len = reply->len,
				      .retry_after_ns = reply->retry_after_ns };
	int64_t lo_ns, hi_ns;

	c->http = NULL;
	look_at_clock(c, reply);
	if (reply->status == 401 && !c->renewed) { /* it may only have expired */
		c->renewed = c->waits = true;
		c->turn = c->api->turn + c->api->preparing; /* that one does not renew them */
		begin_soon(c->api);
		return;
	}
	if (ds_kube_api_clock(c->api, &lo_ns, &hi_ns))
		said.clock_offset_ns = middle(lo_ns, hi_ns);
	finish(c, &said);
}

/* ---- what is asked ---- */

static bool on_stream(void *ctx, const char *data, size_t len)
{
	struct call *c = ctx;

	return c->what.stream(c->what.ctx, data, len);
}

/* Makes the request. 0 or -errno. */
static int make(struct call *c)
{
	const struct ds_kube_access *access = c->api->access;
	ds_autofree char *url = NULL, *type = NULL;
	const char *headers[4] = { "Accept: application/json" };
	struct ds_http_request request = {
		.method = c->what.method,
		.headers = headers,
		.body = c->what.body,
		.body_len = c->what.len,
		.tls = ds_kube_access_tls(access),
		.timeout_ns = c->what.timeout_ns,
		.quiet_ns = c->what.quiet_ns,
		.body_max = c->what.max,
		.stream = c->what.stream ? on_stream : NULL,
		.done = on_done,
		.ctx = c,
	};
	int cnt = 1;

	if (asprintf(&url, "%s%s", ds_kube_access_server(access), c->what.target) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	if (c->what.content_type && asprintf(&type, "Content-Type: %s", c->what.content_type) < 0) {
		type = NULL;
		return -ENOMEM;
	}
	if (type)
		headers[cnt++] = type;
	headers[cnt] = ds_kube_access_header(access);
	request.url = url;
	c->waits = false;
	c->generation = c->api->generation;
	c->asked_ns = ds_clock_ns(CLOCK_REALTIME);
	return ds_http_start(c->api->http, &request, &c->http);
}

static struct call *waiting_before(struct ds_kube_api *api, uint64_t turn)
{
	struct call *c = api->first;

	while (c && (!c->waits || c->turn >= turn))
		c = c->next;
	return c;
}

/* Those that came before this turn: what they begin in turn waits for the next. */
static void on_ready(void *ctx, const char *fault)
{
	struct ds_kube_api *api = ctx;
	uint64_t turn = ++api->turn;
	struct call *c;

	api->preparing = false;
	while ((c = waiting_before(api, turn))) {
		int r = fault ? -ECANCELED : make(c);

		if (r)
			fail(c, fault ? fault :
				r == -EBUSY ? "too many requests are under way" :
					      strerror(-r));
	}
	begin_soon(api);
}

/* Not where others have renewed them since. */
static bool must_renew(const struct ds_kube_api *api)
{
	for (const struct call *c = api->first; c; c = c->next)
		if (c->waits && c->renewed && c->generation == api->generation)
			return true;
	return false;
}

static void on_begin(uv_timer_t *timer)
{
	struct ds_kube_api *api = timer->data;
	bool renew = must_renew(api);

	api->preparing = true;
	api->generation += renew;
	ds_kube_access_prepare(api->access, renew, on_ready, api);
}

static void begin_soon(struct ds_kube_api *api)
{
	if (!api->preparing && waiting_before(api, UINT64_MAX))
		(void)uv_timer_start(&api->begin, on_begin, 0, 0);
}

static char *copy(const char *text, size_t len)
{
	char *made = text ? malloc(len + 1) : NULL;

	if (made) {
		memcpy(made, text, len);
		made[len] = '\0';
	}
	return made;
}

int ds_kube_call(struct ds_kube_api *api, const struct ds_kube_call *call)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->what = *call;
	c->what.method = copy(call->method, strlen(call->method));
	c->what.target = copy(call->target, strlen(call->target));
	c->what.content_type =
		copy(call->content_type, call->content_type ? strlen(call->content_type) : 0);
	c->what.body = copy(call->body, call->len);
	c->turn = api->turn;
	c->waits = true;
	append(api, c);
	if (!c->what.method || !c->what.target || (call->content_type && !c->what.content_type) ||
	    (call->body && !c->what.body)) {
		call_free(c);
		return -ENOMEM;
	}
	begin_soon(api);
	return 0;
}

void ds_kube_cancel(struct ds_kube_api *api, const void *ctx)
{
	struct call *next;

	for (struct call *c = api->first; c; c = next) {
		next = c->next;
		if (c->what.ctx == ctx)
			call_free(c);
	}
}

/* ---- the server ---- */

uv_loop_t *ds_kube_api_loop(const struct ds_kube_api *api)
{
	return api->begin.loop;
}

int64_t ds_kube_api_quiet_ns(const struct ds_kube_api *api)
{
	return api->quiet_ns;
}

const char *ds_kube_api_server(const struct ds_kube_api *api)
{
	return ds_kube_access_server(api->access);
}

bool ds_kube_api_clock(const struct ds_kube_api *api, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	return ds_kube_clock_differs(&api->clock, ret_lo_ns, ret_hi_ns);
}

int ds_kube_api_new(struct ds_kube_api **ret_api, struct uv_loop_s *loop,
		    const struct ds_kube_access_options *access)
{
	struct ds_kube_api *api = calloc(1, sizeof(*api));
	int r;

	if (!api)
		return ds_log_err(ENOMEM, "ask the API server");
	(void)uv_timer_init(loop, &api->begin); /* cannot fail */
	api->begin.data = api;
	api->generation = 1;
	api->quiet_ns = access->quiet_ns ? access->quiet_ns : QUIET_NS;
	r = ds_http_new(&api->http, loop);
	r = r ? r : ds_kube_access_new(&api->access, loop, access);
	if (r) {
		ds_kube_api_free(&api);
		return r;
	}
	*ret_api = api;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void ds_kube_api_free(struct ds_kube_api **ptr)
{
	struct ds_kube_api *api = ptr ? *ptr : NULL;

	if (!api)
		return;
	*ptr = NULL;
	while (api->first)
		call_free(api->first);
	ds_http_free(&api->http);
	ds_kube_access_free(&api->access);
	uv_close((uv_handle_t *)&api->begin, on_closed);
}
