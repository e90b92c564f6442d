/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ds_http and a server for it on one loop, made anew for each test, and what calls were told.
 */
#ifndef DS_TESTS_UNIT_HTTP_FIXTURE_H
#define DS_TESTS_UNIT_HTTP_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "tests/unit/http_server.h"
#include "user/source/http/http.h"
#include "user/util/timefmt.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define WAIT_MS 20000

static uv_loop_t loop;
static struct http_server server;
static struct ds_http *http;
static uv_timer_t guard;
static char url[128];

/* What a call was told. */
static struct {
	int times;
	struct ds_http_reply reply;	/* its texts are the buffers below */
	struct ds_buf body, fault, stream;
	unsigned int pieces, pieces_max;	/* stop after so many; 0 = no */
} got;

static inline void on_guard(uv_timer_t *timer)
{
	(void)timer;
	fail_msg("no answer within %d ms", WAIT_MS);
}

static inline int setup(void **state)
{
	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	http_server_start(&server, &loop);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
	assert_int_equal(ds_http_new(&http, &loop), 0);
	assert_int_equal(uv_timer_init(&loop, &guard), 0);
	assert_int_equal(uv_timer_start(&guard, on_guard, WAIT_MS, 0), 0);
	memset(&got, 0, sizeof(got));
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	ds_http_free(&http);
	assert_null(http);
	ds_http_free(&http);
	http_server_stop(&server);
	uv_close((uv_handle_t *)&guard, NULL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	ds_buf_free(&got.body);
	ds_buf_free(&got.fault);
	ds_buf_free(&got.stream);
	return 0;
}

static inline void done(void *ctx, const struct ds_http_reply *reply)
{
	assert_ptr_equal(ctx, &got);
	got.times++;
	got.reply = *reply;
	ds_buf_clear(&got.body);
	ds_buf_clear(&got.fault);
	ds_buf_put(&got.body, reply->body ? reply->body : "", reply->len);
	ds_buf_puts(&got.fault, reply->fault ? reply->fault : "");
	if (reply->body)
		assert_int_equal(reply->body[reply->len], '\0');
	uv_stop(&loop);		/* a timer may have called: the loop would then wait for more */
}

static inline void run_until(int times)
{
	while (got.times < times)
		assert_true(uv_run(&loop, UV_RUN_DEFAULT));
	assert_int_equal(got.times, times);
}

static inline void call(struct ds_http_request *request)
{
	request->url = request->url ? request->url : url;
	request->done = done;
	request->ctx = &got;
	assert_int_equal(ds_http_start(http, request, NULL), 0);
	assert_int_equal(got.times, 0);		/* never from within */
	run_until(1);
}

static inline void get(void)
{
	struct ds_http_request request = { 0 };

	call(&request);
}

static inline void assert_fault(int err, const char *part)
{
	char host[32];

	snprintf(host, sizeof(host), "127.0.0.1:%d: ", server.port);
	assert_int_equal(got.reply.err, err);
	assert_non_null(got.reply.fault);
	assert_memory_equal(got.fault.data, host, strlen(host));
	if (!strstr(got.fault.data, part))
		fail_msg("'%s' does not say '%s'", got.fault.data, part);
	assert_null(got.reply.body);
}

static inline void assert_sent(const char *part)
{
	if (!strstr(server.request.data, part))
		fail_msg("'%s' is not in the request:\n%s", part, server.request.data);
}

static inline void assert_not_sent(const char *part)
{
	assert_null(strstr(server.request.data, part));
}

#endif
