/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP on the uv loop, by libcurl's multi interface: whoever talks to AWS or to Kubernetes asks
 * here. Never blocks the loop, follows no redirect (credentials would go with it), bounds each body
 * and each wait. Says nothing itself: faults are in the reply, without secrets.
 */
#ifndef DS_SOURCE_HTTP_H
#define DS_SOURCE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DS_HTTP_CALLS_MAX 128

struct uv_loop_s;
struct ds_http;
struct ds_http_call;

/* How the server is known and how we are. Files and strings may be NULL: not given. */
struct ds_http_tls {
	const char *ca_file;			/* instead of the system's */
	const char *ca_pem;			/* the same, in memory */
	const char *cert_file, *key_file;	/* of a client certificate */
	const char *cert_pem, *key_pem;
	const char *server_name;		/* in place of the URL's host */
	bool insecure;				/* no verification: only if the user wrote so */
};

/* AWS Signature Version 4 (by libcurl; header x-amz-security-token is added and signed). */
struct ds_http_sigv4 {
	const char *region, *service;
	const char *key_id, *secret, *token;	/* token: NULL with long-lived keys */
};

struct ds_http_reply {
	/*
	 * NULL when the server answered, whatever its status, else one sentence without a full stop
	 * that says what was wrong. It names the host and no secret.
	 */
	const char *fault;
	int err;			/* -errno that is nearest to the fault, or 0 */
	int status;			/* of HTTP; 0 without an answer */
	int64_t retry_after_ns;		/* of Retry-After, seconds or date; -1 = not said */
	int64_t server_ns;		/* header Date, Unix time; 0 = not said */
	const char *body;		/* NUL-terminated; NULL: streamed, or a fault */
	size_t len;
};

struct ds_http_request {
	const char *method;		/* NULL: POST with a body, GET without */
	const char *url;
	const char *const *headers;	/* "Name: value", NULL-terminated; NULL = none */
	const char *body;		/* copied */
	size_t body_len;
	const struct ds_http_tls *tls;
	const struct ds_http_sigv4 *sigv4;
	int64_t connect_ns;		/* for name, connection and TLS; 0 = 5 s */
	int64_t timeout_ns;		/* for all of it; 0 = 15 s; -1 = no limit (a watch) */
	int64_t quiet_ns;		/* ends a stream that sent nothing for so long; 0 = never */
	size_t body_max;		/* 0 = 1 MiB; more is a fault; not for what is streamed */
	/*
	 * A piece of a 2xx body, as it comes; false ends the call (done is told -ECANCELED). NULL:
	 * the reply has the body. It may start and cancel calls, but not free the ds_http.
	 */
	bool (*stream)(void *ctx, const char *data, size_t len);
	/* Once for each call, from the loop, never from within ds_http_start; reply borrowed. */
	void (*done)(void *ctx, const struct ds_http_reply *reply);
	void *ctx;
};

/* 0, or -errno with one line logged. */
int ds_http_new(struct ds_http **ret_http, struct uv_loop_s *loop);

/*
 * Begins a call; whatever the request points to is copied. *ret_call (ret_call may be NULL) is good
 * until done was called. 0 or -errno (nothing is called then): -EINVAL for a URL that is no HTTP
 * one or holds a password, or for a line break in a header; -EBUSY beyond DS_HTTP_CALLS_MAX calls.
 */
int ds_http_start(struct ds_http *http, const struct ds_http_request *request,
		  struct ds_http_call **ret_call);

/* Ends a call without calling done; from within its done it does nothing. call may be NULL. */
void ds_http_cancel(struct ds_http_call *call);

/* Cancels all calls and closes, and sets *http to NULL; the loop must run once more. */
void ds_http_free(struct ds_http **http);

#endif
