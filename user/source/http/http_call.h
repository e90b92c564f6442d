/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of http.c: its easy handle, what came so far, and what went wrong. No loop here.
 */
#ifndef DS_SOURCE_HTTP_CALL_H
#define DS_SOURCE_HTTP_CALL_H

#include <curl/curl.h>
#include <uv.h>

#include "user/source/http/http.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or later is needed: signatures cover all headers, and names do not block"
#endif

#define DS_HTTP_HOST_MAX 300

enum ds_http_end {
	DS_HTTP_END_NONE,	/* as libcurl says */
	DS_HTTP_END_LONG,	/* a body beyond its bound */
	DS_HTTP_END_LONG_HEAD,
	DS_HTTP_END_MEMORY,
	DS_HTTP_END_READER,	/* stream() said so */
	DS_HTTP_END_QUIET,
};

struct ds_http_call {
	struct ds_http *http;
	struct ds_http_call *prev, *next;
	bool cancelled;		/* from within libcurl: to be freed when that has returned */
	bool added;		/* to the multi handle */
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char host[DS_HTTP_HOST_MAX];	/* "name" or "name:port", for messages */
	int64_t connect_ns, timeout_ns, quiet_ns;
	uv_timer_t quiet;	/* used if quiet_ns */
	uint64_t heard_ms;	/* uv_now() of the last piece */
	bool (*stream)(void *ctx, const char *data, size_t len);
	void (*done)(void *ctx, const struct ds_http_reply *reply);
	void *ctx;
	char *body;		/* of ds_wipe_malloc */
	size_t len, cap, body_max, head_len;
	char retry_after[64], date[64];
	enum ds_http_end end;
	char error[CURL_ERROR_SIZE], fault[DS_HTTP_HOST_MAX + CURL_ERROR_SIZE + 64];
};

/* A call that is ready to be added to a multi handle. 0, -EINVAL, -ENOMEM or -EIO. */
int ds_http_call_new(struct ds_http_call **ret_call, const struct ds_http_request *request);

/* What came of it; reply borrows from the call. */
void ds_http_call_reply(struct ds_http_call *call, CURLcode code, struct ds_http_reply *ret_reply);

/* Frees it but for its memory, which the timer may still be in. */
void ds_http_call_clear(struct ds_http_call *call);

#endif
