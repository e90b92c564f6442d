// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd's epoll descriptor in the loop: it runs when that is ready, or when it wants to be
 * run again. Answers are made at once and sent as the client takes them; what an exposition costs
 * is bounded too: one is good for a moment, and few are in memory at a time.
 */
#include "user/sink/web.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

#include "user/sink/web_listen.h"
#include "user/sink/web_parse.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define REQUEST_BYTES 16384	/* memory of a connection: its request's head must fit in */
#define FIRST_REQUEST_MS 10000	/* from the connection to the end of its first request's head */
#define IDLE_MS 75000		/* the same for each later one: longer than a scrape interval */
#define ANSWER_MS 10000		/* for a client to take an answer */
#define SWEEP_MS 1000
#define STUCK_NS (10 * DS_NS_PER_S)	/* a loop that has not turned for so long */
#define RENDER_FRESH_MS 100	/* an exposition this young is given again */
#define RENDERS_MAX 8		/* in memory; then the latest is given, whatever its age */
#define CROWDED (DS_WEB_CONNECTIONS_MAX - 8)	/* from here on the slowest has to go */

enum page { PAGE_INDEX, PAGE_NOT_FOUND, PAGE_METHOD, PAGE_BODY, PAGE_MAX };

/* A connection. */
struct peer {
	struct ds_web *web;
	struct peer *prev, *next;	/* in order of arrival */
	int fd;				/* libmicrohttpd's */
	uint64_t since_ms;		/* the connection, or the end of the last answer */
	uint64_t asked_ms;		/* a request is being answered since, 0 = none is */
	bool served;			/* a request of it was answered */
	bool cut;
};

struct ds_web {
	uv_loop_t *loop;
	struct MHD_Daemon *daemon;
	uv_poll_t poll;
	uv_timer_t again;		/* libmicrohttpd has more to do */
	uv_timer_t sweep;		/* runs while there are connections */
	unsigned int handle_cnt;	/* of uv, that are open */
	uint16_t port;
	struct ds_web_pages pages;
	struct MHD_Response *fixed[PAGE_MAX];
	struct MHD_Response *rendered[2];	/* the latest one, by format */
	uint64_t rendered_ms[2];
	unsigned int renders;		/* in memory */
	struct peer *first, *last;
	unsigned int peer_cnt;		/* without those that were cut */
	bool left;			/* one ended since libmicrohttpd was run */
	struct ds_web_stats stats;
};

/* An exposition, for as long as an answer needs it. */
struct render {
	struct ds_web *web;
	struct ds_buf text;
};

/* ---- answers ---- */

static const char index_page[] =
	"<!doctype html>\n<html lang=\"en\"><head><title>drainsnoop</title></head><body>\n"
	"<h1>drainsnoop</h1>\n<ul>\n"
	"<li><a href=\"/metrics\">/metrics</a> for Prometheus</li>\n"
	"<li><a href=\"/healthz\">/healthz</a> whether it runs</li>\n"
	"<li><a href=\"/readyz\">/readyz</a> whether it observes</li>\n"
	"</ul>\n</body></html>\n";

static const struct {
	const char *text, *type;
} fixed_pages[PAGE_MAX] = {
	[PAGE_INDEX] = { index_page, "text/html; charset=utf-8" },
	[PAGE_NOT_FOUND] = { "there is /metrics, /healthz and /readyz\n", "text/plain; charset=utf-8" },
	[PAGE_METHOD] = { "only GET and HEAD\n", "text/plain; charset=utf-8" },
	[PAGE_BODY] = { "a request must have no body\n", "text/plain; charset=utf-8" },
};

/* Headers cannot fail but for memory, and then the answer is good without. */
static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
	(void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const char *type)
{
	add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	add_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	add_header(response, "X-Content-Type-Options", "nosniff");
}

static int make_fixed(struct ds_web *web)
{
	for (int page = 0; page < PAGE_MAX; page++) {
		const char *text = fixed_pages[page].text;
		struct MHD_Response *response = MHD_create_response_from_buffer(
			strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);

		if (!response)
			return -ENOMEM;
		web->fixed[page] = response;
		add_headers(response, fixed_pages[page].type);
	}
	add_header(web->fixed[PAGE_METHOD], MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return 0;
}

static void render_free(void *ctx)
{
	struct render *r = ctx;

	r->web->renders--;
	ds_buf_free(&r->text);
	free(r);
}

static struct MHD_Response *render(struct ds_web *web, bool openmetrics)
{
	struct MHD_Response *response;
	struct render *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->web = web;
	web->renders++;
	web->pages.metrics(web->pages.ctx, openmetrics, &r->text);
	response = r->text.failed || !r->text.data ? NULL :
		   MHD_create_response_from_buffer_with_free_callback_cls(
			   r->text.len, r->text.data, render_free, r);
	if (!response) {
		render_free(r);
		return NULL;
	}
	add_headers(response, openmetrics ?
			      "application/openmetrics-text; version=1.0.0; charset=utf-8" :
			      "text/plain; version=0.0.4; charset=utf-8");
	add_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT);
	return response;
}

/* Borrowed of the web sink. NULL without memory. */
static struct MHD_Response *metrics(struct ds_web *web, struct MHD_Connection *connection)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_ACCEPT);
	bool openmetrics = accept && ds_web_wants_openmetrics(accept, strlen(accept));
	struct MHD_Response **latest = &web->rendered[openmetrics];
	uint64_t now_ms = uv_now(web->loop);
	struct MHD_Response *fresh;

	if (*latest && (now_ms - web->rendered_ms[openmetrics] < RENDER_FRESH_MS ||
			web->renders >= RENDERS_MAX))
		return *latest;
	fresh = render(web, openmetrics);
	if (!fresh)
		return *latest;
	if (*latest)
		MHD_destroy_response(*latest);	/* those who still read it keep it */
	*latest = fresh;
	web->rendered_ms[openmetrics] = now_ms;
	return fresh;
}

static enum MHD_Result answer_state(struct ds_web *web, struct MHD_Connection *connection,
				    bool (*ask)(void *ctx, struct ds_buf *why))
{
	struct ds_buf why = { 0 };
	bool well = !ask || ask(web->pages.ctx, &why);
	struct MHD_Response *response;
	enum MHD_Result r;

	ds_buf_puts(&why, well ? "ok\n" : "\n");
	response = MHD_create_response_from_buffer(why.data ? why.len : 0,
						   why.data ? why.data : (void *)(uintptr_t)"",
						   MHD_RESPMEM_MUST_COPY);
	ds_buf_free(&why);
	if (!response)
		return MHD_NO;
	add_headers(response, "text/plain; charset=utf-8");
	r = MHD_queue_response(connection, well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
			       response);
	MHD_destroy_response(response);
	return r;
}

bool ds_web_loop_turns(int64_t turned_ns, int64_t now_ns, struct ds_buf *why)
{
	if (now_ns - turned_ns < STUCK_NS)
		return true;
	ds_buf_printf(why, "the event loop did not turn for %lld s",
		      (long long)((now_ns - turned_ns) / DS_NS_PER_S));
	return false;
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return (length && strcmp(length, "0") != 0) ||
	       MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
					   MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/* Requests that are refused by their head: what else is in them is not read. */
static struct MHD_Response *refusal(struct ds_web *web, struct MHD_Connection *connection,
				    const char *method, unsigned int *ret_status)
{
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
		*ret_status = MHD_HTTP_METHOD_NOT_ALLOWED;
		return web->fixed[PAGE_METHOD];
	}
	*ret_status = MHD_HTTP_BAD_REQUEST;
	return has_body(connection) ? web->fixed[PAGE_BODY] : NULL;
}

static enum MHD_Result answer(struct ds_web *web, struct MHD_Connection *connection,
			      const char *path)
{
	struct MHD_Response *response;

	if (!strcmp(path, "/healthz"))
		return answer_state(web, connection, web->pages.healthy);
	if (!strcmp(path, "/readyz"))
		return answer_state(web, connection, web->pages.ready);
	if (!strcmp(path, "/"))
		return MHD_queue_response(connection, MHD_HTTP_OK, web->fixed[PAGE_INDEX]);
	if (strcmp(path, "/metrics") != 0)
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND,
					  web->fixed[PAGE_NOT_FOUND]);
	response = metrics(web, connection);
	return response ? MHD_queue_response(connection, MHD_HTTP_OK, response) : MHD_NO;
}

/* ---- connections ---- */

static struct peer *peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* libmicrohttpd finds it closed, and cleans up. */
static void hang_up(struct peer *peer)
{
	if (peer->cut)
		return;
	peer->cut = true;
	peer->web->peer_cnt--;
	(void)shutdown(peer->fd, SHUT_RDWR);	/* it may be closed already */
}

static void cut(struct peer *peer)
{
	peer->web->stats.cut += !peer->cut;
	hang_up(peer);
}

static uint64_t waiting_since(const struct peer *peer)
{
	return peer->asked_ms ? peer->asked_ms : peer->since_ms;
}

static void cut_slowest(struct ds_web *web)
{
	struct peer *slowest = NULL;

	for (struct peer *p = web->first; p; p = p->next)
		if (!p->cut && (!slowest || waiting_since(p) < waiting_since(slowest)))
			slowest = p;
	if (slowest)
		cut(slowest);
}

static bool is_too_slow(const struct peer *peer, uint64_t now_ms)
{
	uint64_t limit_ms = peer->asked_ms ? ANSWER_MS :
			    peer->served ? IDLE_MS : FIRST_REQUEST_MS;

	return now_ms - waiting_since(peer) > limit_ms;
}

/*
 * The client has said its last word and waits for no answer. libmicrohttpd does not hear of that
 * where the end came together with the request.
 */
static bool is_over(const struct peer *peer)
{
	char c;

	return !peer->asked_ms && recv(peer->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void run(struct ds_web *web);

static void on_sweep(uv_timer_t *timer)
{
	struct ds_web *web = timer->data;
	uint64_t now_ms = uv_now(web->loop);

	for (struct peer *p = web->first; p; p = p->next) {
		if (is_over(p))
			hang_up(p);
		else if (is_too_slow(p, now_ms))
			cut(p);
	}
	run(web);
}

static void peer_begins(struct ds_web *web, struct MHD_Connection *connection, void **ret_peer)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct peer *peer = info ? calloc(1, sizeof(*peer)) : NULL;

	*ret_peer = peer;
	if (!peer) {
		if (info)	/* nobody would watch over it */
			(void)shutdown(info->connect_fd, SHUT_RDWR);
		return;
	}
	if (web->peer_cnt >= CROWDED)
		cut_slowest(web);
	peer->web = web;
	peer->fd = info->connect_fd;
	peer->since_ms = uv_now(web->loop);
	peer->prev = web->last;
	if (web->last)
		web->last->next = peer;
	else
		web->first = peer;
	web->last = peer;
	web->peer_cnt++;
	if (!uv_is_active((uv_handle_t *)&web->sweep))
		(void)uv_timer_start(&web->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void peer_ends(struct peer *peer)
{
	struct ds_web *web = peer->web;

	if (peer->prev)
		peer->prev->next = peer->next;
	else
		web->first = peer->next;
	if (peer->next)
		peer->next->prev = peer->prev;
	else
		web->last = peer->prev;
	web->peer_cnt -= !peer->cut;
	web->left = true;
	free(peer);
	if (!web->first && !uv_is_closing((uv_handle_t *)&web->sweep))
		(void)uv_timer_stop(&web->sweep);
}

static void on_connection(void *ctx, struct MHD_Connection *connection, void **socket_ctx,
			  enum MHD_ConnectionNotificationCode code)
{
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		peer_begins(ctx, connection, socket_ctx);
	else if (*socket_ctx)
		peer_ends(*socket_ctx);
}

/*
 * libmicrohttpd asks twice: once the head is there, and at the request's end. What is answered at
 * once is the connection's last.
 */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *body,
				  size_t *body_len, void **request_ctx)
{
	struct ds_web *web = ctx;
	struct peer *peer = peer_of(connection);
	struct MHD_Response *response;
	unsigned int status;

	(void)version;
	(void)body;
	(void)body_len;
	if (!peer || peer->cut)
		return MHD_NO;
	if (*request_ctx)
		return answer(web, connection, path);
	*request_ctx = peer;
	peer->asked_ms = uv_now(web->loop);
	response = refusal(web, connection, method, &status);
	return response ? MHD_queue_response(connection, status, response) : MHD_YES;
}

static void on_answered(void *ctx, struct MHD_Connection *connection, void **request_ctx,
			enum MHD_RequestTerminationCode code)
{
	struct ds_web *web = ctx;
	struct peer *peer = peer_of(connection);

	(void)request_ctx;
	if (!peer)
		return;
	peer->asked_ms = 0;
	peer->since_ms = uv_now(web->loop);
	if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
		return;
	peer->served = true;
	web->stats.requests++;
}

/* ---- the loop ---- */

static void on_again(uv_timer_t *timer)
{
	run(timer->data);
}

/* It does what can be done without waiting, a bounded part of it, and says if there is more. */
static void run(struct ds_web *web)
{
	MHD_UNSIGNED_LONG_LONG wait_ms;

	web->left = false;
	(void)MHD_run(web->daemon);
	/* One that could not listen for want of room sees that there is some when it begins. */
	if (web->left)
		(void)uv_timer_start(&web->again, on_again, 0, 0);
	else if (MHD_get_timeout(web->daemon, &wait_ms) == MHD_YES)
		(void)uv_timer_start(&web->again, on_again, wait_ms, 0);
	else
		(void)uv_timer_stop(&web->again);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static int start_daemon(struct ds_web *web, int fd)
{
	web->daemon = MHD_start_daemon(
		MHD_USE_EPOLL, 0, NULL, NULL, on_request, web,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)DS_WEB_CONNECTIONS_MAX,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)DS_WEB_CONNECTIONS_OF_ADDRESS_MAX,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, web,
		MHD_OPTION_NOTIFY_COMPLETED, on_answered, web,
		MHD_OPTION_END);
	return web->daemon ? 0 : ds_log_err(ENOMEM, "serve metrics: libmicrohttpd");
}

static int open_handles(struct ds_web *web)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	int r = info ? uv_poll_init(web->loop, &web->poll, info->epoll_fd) : UV_EINVAL;

	if (r)
		return ds_log_err(r, "serve metrics: libmicrohttpd in the event loop");
	web->poll.data = web->again.data = web->sweep.data = web;
	(void)uv_timer_init(web->loop, &web->again);	/* cannot fail */
	(void)uv_timer_init(web->loop, &web->sweep);
	web->handle_cnt = 3;
	return 0;
}

static void destroy(struct ds_web *web)
{
	if (web->daemon)
		MHD_stop_daemon(web->daemon);	/* and ends the connections */
	for (int page = 0; page < PAGE_MAX; page++)
		if (web->fixed[page])
			MHD_destroy_response(web->fixed[page]);
	for (int format = 0; format < 2; format++)
		if (web->rendered[format])
			MHD_destroy_response(web->rendered[format]);
}

int ds_web_new(struct ds_web **ret_web, struct uv_loop_s *loop, const char *listen,
	       const struct ds_web_pages *pages)
{
	struct ds_web *web = calloc(1, sizeof(*web));
	ds_autoclose int fd = -1;
	int r;

	if (!web)
		return ds_log_err(ENOMEM, "serve metrics");
	web->loop = loop;
	web->pages = *pages;
	r = ds_web_listen(listen, &fd, &web->port);
	r = r ? r : make_fixed(web);
	r = r ? r : start_daemon(web, fd);
	if (!r)
		fd = -1;	/* the daemon's now */
	r = r ? r : open_handles(web);
	if (r) {
		destroy(web);
		free(web);
		return r;
	}
	(void)uv_poll_start(&web->poll, UV_READABLE, on_ready);
	*ret_web = web;
	return 0;
}

uint16_t ds_web_port(const struct ds_web *web)
{
	return web->port;
}

struct ds_web_stats ds_web_stats(const struct ds_web *web)
{
	return web->stats;
}

static void on_closed(uv_handle_t *handle)
{
	struct ds_web *web = handle->data;

	if (--web->handle_cnt == 0)
		free(web);
}

void ds_web_free(struct ds_web **ptr)
{
	struct ds_web *web = *ptr;

	*ptr = NULL;
	if (!web)
		return;
	/* First out of the loop's own epoll: the daemon closes the descriptor. */
	uv_close((uv_handle_t *)&web->poll, on_closed);
	uv_close((uv_handle_t *)&web->again, on_closed);
	uv_close((uv_handle_t *)&web->sweep, on_closed);
	destroy(web);
}
