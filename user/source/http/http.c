// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl's sockets and its one timer on the uv loop. libcurl is not to be called from within its
 * own callbacks: what a stream's reader asks for meanwhile is done when libcurl has returned.
 */
#include "user/source/http/http.h"

#include <errno.h>
#include <stdlib.h>

#include "user/source/http/http_call.h"
#include "user/util/wipe.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

struct ds_http {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	struct ds_http_call *calls;	/* all that are neither done nor freed */
	unsigned int call_cnt;
	unsigned int handle_cnt;	/* of uv, that are open */
	bool within;			/* libcurl */
	bool closing;
};

/* A socket of libcurl's. */
struct watch {
	struct ds_http *http;
	uv_poll_t poll;
	curl_socket_t fd;
};

static void settle(struct ds_http *http);

static void release(struct ds_http *http)
{
	if (--http->handle_cnt > 0 || !http->closing)
		return;
	curl_global_cleanup();
	free(http);
}

static void on_timer_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *w = handle->data;
	struct ds_http *http = w->http;

	free(w);
	release(http);
}

static void on_call_closed(uv_handle_t *handle)
{
	struct ds_http_call *call = handle->data;
	struct ds_http *http = call->http;

	free(call);
	release(http);
}

/* What curl_multi_socket_action() returns speaks of its arguments only. */
static void act(struct ds_http *http, curl_socket_t fd, int events)
{
	int running;

	http->within = true;
	(void)curl_multi_socket_action(http->multi, fd, events, &running);
	http->within = false;
	settle(http);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	int mask = 0;

	if (status < 0)
		mask = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		mask |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		mask |= CURL_CSELECT_OUT;
	act(w->http, w->fd, mask);
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static struct watch *watch_new(struct ds_http *http, curl_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w || uv_poll_init(http->loop, &w->poll, fd)) {
		free(w);
		return NULL;
	}
	w->http = http;
	w->fd = fd;
	w->poll.data = w;
	http->handle_cnt++;
	(void)curl_multi_assign(http->multi, fd, w);	/* a socket that libcurl just named */
	return w;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
	struct ds_http *http = ctx;
	struct watch *w = socket_ctx;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			uv_close((uv_handle_t *)&w->poll, on_watch_closed);
		return 0;
	}
	if (!w)
		w = watch_new(http, fd);
	if (!w)
		return -1;
	if (what & CURL_POLL_IN)
		events |= UV_READABLE;
	if (what & CURL_POLL_OUT)
		events |= UV_WRITABLE;
	return uv_poll_start(&w->poll, events, on_ready) ? -1 : 0;
}

static int on_wait(CURLM *multi, long wait_ms, void *ctx)
{
	struct ds_http *http = ctx;

	(void)multi;
	if (wait_ms < 0)
		(void)uv_timer_stop(&http->timer);	/* cannot fail */
	else if (!http->closing)
		(void)uv_timer_start(&http->timer, on_timer, (uint64_t)wait_ms, 0);
	return 0;
}

static void unlink_call(struct ds_http_call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		call->http->calls = call->next;
	if (call->next)
		call->next->prev = call->prev;
	call->http->call_cnt--;
}

/* Takes it from libcurl, which must not be within. */
static void detach(struct ds_http_call *call)
{
	unlink_call(call);
	if (call->added)
		(void)curl_multi_remove_handle(call->http->multi, call->easy);
	call->added = false;
}

static void call_free(struct ds_http_call *call)
{
	ds_http_call_clear(call);
	if (call->quiet_ns)
		uv_close((uv_handle_t *)&call->quiet, on_call_closed);
	else
		free(call);
}

static void finish(struct ds_http_call *call, CURLcode code)
{
	struct ds_http_reply reply;

	/* Before it leaves libcurl, which forgets then what it measured. */
	ds_http_call_reply(call, code, &reply);
	detach(call);
	call->cancelled = true;		/* done may say so, too */
	call->done(call->ctx, &reply);
	call_free(call);
}

/* Its connection is not used again: half an answer may be on it. */
static void on_quiet(uv_timer_t *timer)
{
	struct ds_http_call *call = timer->data;
	uint64_t limit_ms = (uint64_t)(call->quiet_ns / DS_NS_PER_MS) + 1;
	uint64_t since_ms = uv_now(timer->loop) - call->heard_ms;

	if (since_ms < limit_ms) {
		(void)uv_timer_start(timer, on_quiet, limit_ms - since_ms, 0);
		return;
	}
	call->end = DS_HTTP_END_QUIET;
	finish(call, CURLE_OK);
}

static int add(struct ds_http_call *call)
{
	if (curl_multi_add_handle(call->http->multi, call->easy) != CURLM_OK)
		return -ENOMEM;
	call->added = true;
	return 0;
}

/* What a reader asked for from within libcurl. */
static void do_asked(struct ds_http *http)
{
	struct ds_http_call *call = http->calls;

	while (call) {
		struct ds_http_call *next = call->next;

		if (call->cancelled) {
			detach(call);
			call_free(call);
		} else if (!call->added && add(call)) {
			call->end = DS_HTTP_END_MEMORY;
			finish(call, CURLE_OK);
			next = http->calls;	/* done may have changed the list */
		}
		call = next;
	}
}

static void settle(struct ds_http *http)
{
	CURLMsg *message;
	int left;

	do_asked(http);
	while (!http->closing && (message = curl_multi_info_read(http->multi, &left))) {
		struct ds_http_call *call = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
		finish(call, code);
	}
}

int ds_http_start(struct ds_http *http, const struct ds_http_request *request,
		  struct ds_http_call **ret_call)
{
	struct ds_http_call *call = NULL;
	int r;

	if (http->closing || http->call_cnt >= DS_HTTP_CALLS_MAX)
		return -EBUSY;
	r = ds_http_call_new(&call, request);
	if (r)
		return r;
	call->http = http;
	if (!http->within && add(call)) {
		ds_http_call_clear(call);
		free(call);
		return -ENOMEM;
	}
	call->next = http->calls;
	if (call->next)
		call->next->prev = call;
	http->calls = call;
	http->call_cnt++;
	if (call->quiet_ns) {
		(void)uv_timer_init(http->loop, &call->quiet);	/* cannot fail */
		http->handle_cnt++;
		call->quiet.data = call;
		call->heard_ms = uv_now(http->loop);
		on_quiet(&call->quiet);
	}
	if (ret_call)
		*ret_call = call;
	return 0;
}

void ds_http_cancel(struct ds_http_call *call)
{
	if (!call || call->cancelled)
		return;
	call->cancelled = true;
	if (call->http->within)
		return;		/* settle() does it */
	detach(call);
	call_free(call);
}

/* Names are looked up by threads of libcurl's, or the loop would wait for each. */
static bool libcurl_can(void)
{
	const long wanted = CURL_VERSION_SSL | CURL_VERSION_ASYNCHDNS;

	return (curl_version_info(CURLVERSION_NOW)->features & wanted) == wanted;
}

int ds_http_new(struct ds_http **ret_http, struct uv_loop_s *loop)
{
	ds_autofree struct ds_http *http = calloc(1, sizeof(*http));
	CURLM *multi;

	if (!http)
		return ds_log_err(ENOMEM, "HTTP");
	if (!libcurl_can())
		return ds_log_err(EOPNOTSUPP, "HTTP: this libcurl has no TLS or blocks on names");
	/* Counted by libcurl: the first one's allocator stays. */
	if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, ds_wipe_malloc, ds_wipe_free, ds_wipe_realloc,
				 ds_wipe_strdup, ds_wipe_calloc))
		return ds_log_err(EIO, "HTTP: libcurl cannot be set up");
	multi = curl_multi_init();
	if (!multi) {
		curl_global_cleanup();
		return ds_log_err(ENOMEM, "HTTP");
	}
	http->loop = loop;
	http->multi = multi;
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);	/* all known */
	(void)curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, http);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_wait);
	(void)curl_multi_setopt(multi, CURLMOPT_TIMERDATA, http);
	(void)uv_timer_init(loop, &http->timer);	/* cannot fail */
	http->timer.data = http;
	http->handle_cnt = 1;
	*ret_http = DS_TAKE(http);
	return 0;
}

void ds_http_free(struct ds_http **ptr)
{
	struct ds_http *http = *ptr;

	*ptr = NULL;
	if (!http)
		return;
	http->closing = true;
	while (http->calls)
		ds_http_cancel(http->calls);
	(void)curl_multi_cleanup(http->multi);	/* has no calls left */
	http->multi = NULL;
	uv_close((uv_handle_t *)&http->timer, on_timer_closed);
}
