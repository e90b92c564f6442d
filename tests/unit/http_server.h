/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server on the loop of the test, at a free port of 127.0.0.1: keeps the last request and answers
 * each one with the same bytes.
 */
#ifndef DS_TESTS_UNIT_HTTP_SERVER_H
#define DS_TESTS_UNIT_HTTP_SERVER_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"

#define HTTP_SERVER_PEERS 8

struct http_server {
	uv_loop_t *loop;
	uv_tcp_t listener;
	int port;
	const char *reply;	/* NULL: no answer */
	size_t reply_len;	/* 0 = strlen(reply) */
	bool close_after;	/* the reply, or instead of one */
	bool asker_only;	/* the reply goes to who asked; else to all that are connected */
	void (*choose)(struct http_server *s);	/* sets `reply` by `request`; NULL: it stays */
	struct ds_buf request;	/* the last one, head and body */
	unsigned int requests, connections;
	uv_tcp_t *peers[HTTP_SERVER_PEERS];
};

static inline void http_server_closed(uv_handle_t *handle)
{
	free(handle);
}

static inline void http_server_drop(struct http_server *s, uv_tcp_t *peer)
{
	for (int i = 0; i < HTTP_SERVER_PEERS; i++)
		if (s->peers[i] == peer)
			s->peers[i] = NULL;
	if (!uv_is_closing((uv_handle_t *)peer))
		uv_close((uv_handle_t *)peer, http_server_closed);
}

static inline void http_server_written(uv_write_t *write, int status)
{
	(void)status;	/* the client may have gone */
	free(write);
}

/* Sends bytes, which stay where they are until they are sent. */
static inline void http_server_send_to(uv_tcp_t *peer, const char *data, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned int)len);
	uv_write_t *write = malloc(sizeof(*write));

	assert_non_null(write);
	assert_int_equal(uv_write(write, (uv_stream_t *)peer, &buf, 1, http_server_written), 0);
}

/* To all that are connected. */
static inline void http_server_send(struct http_server *s, const char *data, size_t len)
{
	for (int i = 0; i < HTTP_SERVER_PEERS; i++)
		if (s->peers[i])
			http_server_send_to(s->peers[i], data, len);
}

/* Whether the request is whole: its head, and a body as long as Content-Length says. */
static inline bool http_server_whole(const struct ds_buf *request)
{
	const char *head_end = strstr(request->data, "\r\n\r\n");
	const char *length = strstr(request->data, "Content-Length: ");
	size_t body = 0;

	if (!head_end)
		return false;
	if (length && length < head_end)
		body = strtoul(length + strlen("Content-Length: "), NULL, 10);
	return request->len >= (size_t)(head_end - request->data) + 4 + body;
}

static inline void http_server_answer(struct http_server *s, uv_stream_t *stream)
{
	s->requests++;
	if (s->choose)
		s->choose(s);
	if (s->reply && s->asker_only)
		http_server_send_to((uv_tcp_t *)stream, s->reply,
				    s->reply_len ? s->reply_len : strlen(s->reply));
	else if (s->reply)
		http_server_send(s, s->reply, s->reply_len ? s->reply_len : strlen(s->reply));
	if (s->close_after)
		http_server_drop(s, (uv_tcp_t *)stream);	/* uv_write() has sent it */
}

static inline void http_server_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(size), (unsigned int)size);
}

static inline void http_server_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct http_server *s = stream->data;

	if (len > 0) {
		if (s->request.len && http_server_whole(&s->request))
			ds_buf_clear(&s->request);
		ds_buf_put(&s->request, buf->base, (size_t)len);
		if (http_server_whole(&s->request))
			http_server_answer(s, stream);
	} else if (len < 0) {
		http_server_drop(s, (uv_tcp_t *)stream);
	}
	free(buf->base);
}

static inline void http_server_accept(uv_stream_t *listener, int status)
{
	struct http_server *s = listener->data;
	uv_tcp_t *peer = calloc(1, sizeof(*peer));
	int i = 0;

	assert_int_equal(status, 0);
	assert_non_null(peer);
	assert_int_equal(uv_tcp_init(s->loop, peer), 0);
	peer->data = s;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)peer), 0);
	s->connections++;
	while (i < HTTP_SERVER_PEERS && s->peers[i])
		i++;
	assert_true(i < HTTP_SERVER_PEERS);
	s->peers[i] = peer;
	(void)uv_read_start((uv_stream_t *)peer, http_server_alloc, http_server_read);
}

static inline void http_server_start(struct http_server *s, uv_loop_t *loop)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int len = sizeof(addr);

	memset(s, 0, sizeof(*s));
	s->loop = loop;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(uv_tcp_init(loop, &s->listener), 0);
	s->listener.data = s;
	assert_int_equal(uv_tcp_bind(&s->listener, (struct sockaddr *)&addr, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&s->listener, 16, http_server_accept), 0);
	assert_int_equal(uv_tcp_getsockname(&s->listener, (struct sockaddr *)&addr, &len), 0);
	s->port = ntohs(addr.sin_port);
}

/* The loop must run once more. */
static inline void http_server_stop(struct http_server *s)
{
	for (int i = 0; i < HTTP_SERVER_PEERS; i++)
		if (s->peers[i])
			http_server_drop(s, s->peers[i]);
	uv_close((uv_handle_t *)&s->listener, NULL);
	ds_buf_free(&s->request);
}

#endif
