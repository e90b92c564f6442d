/* SPDX-License-Identifier: Apache-2.0 */
/* One request at a time: what the machine asks for, when it asks for it. */
#include "user/source/kube/kube.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "user/core/merge.h"
#include "user/source/http/http.h"
#include "user/source/kube/kube_pod.h"
#include "user/source/kube/kube_pods.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define PODS_MAX 4096 /* of a node; Kubernetes means 110, some allow 1000 */
#define TICK_MS 1000
#define LIST_NS (60 * DS_NS_PER_S)
#define QUIET_NS (150 * DS_NS_PER_S) /* bookmarks come about once a minute */

struct ds_kube {
	struct ds_kube_options options;
	char *node;
	struct ds_kube_access *access;
	struct ds_http *http;
	struct ds_http_call *call;
	struct ds_kube_watch *watch;
	struct ds_kube_pods pods;
	struct ds_kube_request request;
	char *url;
	uv_timer_t next, tick;
	int handles;
	uint64_t seq;
	bool said_over, said_bad, said_synced, said_clock;
	int64_t asked_ns; /* when the request at hand began */
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_kube *k = ctx;

	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = ++k->seq;
	k->options.deliver(k->options.ctx, ev);
}

static void *take(void *ctx, void *object, json_object *json)
{
	return ds_kube_pods_take(&((struct ds_kube *)ctx)->pods, object, json);
}

static void tell(void *ctx, void *object, enum ds_kube_told told)
{
	ds_kube_pods_tell(&((struct ds_kube *)ctx)->pods, object, told);
}

static void trouble(void *ctx, const char *what)
{
	(void)ctx;
	if (what)
		ds_log_warn("%s; trying again", what);
	else
		ds_log_warn("the API server answers again");
}

static void say_what_is_left_out(struct ds_kube *k)
{
	struct ds_kube_watch_stats stats = ds_kube_watch_stats(k->watch);

	if (stats.over && !k->said_over)
		ds_log_warn("the node %s has more than %d pods; those above that are not followed",
			    k->node, PODS_MAX);
	if (stats.bad && !k->said_bad)
		ds_log_warn("the API server tells of a pod that cannot be read; it is left out");
	if (stats.synced && !k->said_synced)
		ds_log_info("%zu pods of node %s, from %s", stats.objects, k->node,
			    ds_kube_access_server(k->access));
	if (stats.synced && !k->said_synced && !stats.objects)
		ds_log_warn("the API server knows no pod of node %s; is that its name? (--node)",
			    k->node);
	k->said_over = k->said_over || stats.over;
	k->said_bad = k->said_bad || stats.bad;
	k->said_synced = k->said_synced || stats.synced;
}

/* ---- requests ---- */

static void ask_next(struct ds_kube *k);

static void end_request(struct ds_kube *k, const struct ds_kube_end *end)
{
	k->pods.now_ns = ds_clock_ns(CLOCK_REALTIME);
	ds_kube_watch_done(k->watch, end, k->pods.now_ns);
	say_what_is_left_out(k);
	ask_next(k);
}

static bool on_stream(void *ctx, const char *data, size_t len)
{
	struct ds_kube *k = ctx;

	k->pods.now_ns = ds_clock_ns(CLOCK_REALTIME);
	return ds_kube_watch_feed(k->watch, data, len, k->pods.now_ns);
}

/* A list is dated as it is made; what dates a watch is its beginning. */
static void look_at_clock(struct ds_kube *k, const struct ds_http_reply *reply)
{
	double ahead_s;

	if (k->request.step != DS_KUBE_LIST || reply->status != 200 || !reply->server_ns ||
	    !ds_kube_pods_clock(&k->pods, k->asked_ns, ds_clock_ns(CLOCK_REALTIME),
				reply->server_ns))
		return;
	ahead_s = (double)(k->pods.clock_lo_ns + k->pods.clock_hi_ns) / 2e9;
	if (!k->said_clock)
		ds_log_warn("the API server's clock is about %.1f s %s this node's; its times are "
			    "corrected by that",
			    ahead_s < 0 ? -ahead_s : ahead_s, ahead_s < 0 ? "behind" : "ahead of");
	k->said_clock = true;
}

static void on_done(void *ctx, const struct ds_http_reply *reply)
{
	struct ds_kube *k = ctx;
	struct ds_kube_end end = { .status = reply->status,
				   .fault = reply->fault,
				   .retry_after_ns = reply->retry_after_ns,
				   .body = reply->body,
				   .len = reply->len };

	k->call = NULL;
	look_at_clock(k, reply);
	end_request(k, &end);
}

static void start(void *ctx, const char *fault)
{
	struct ds_kube *k = ctx;
	bool watches = k->request.step == DS_KUBE_WATCH;
	const char *headers[] = { "Accept: application/json", ds_kube_access_header(k->access),
				  NULL };
	struct ds_http_request request = {
		.url = k->url,
		.headers = headers,
		.tls = ds_kube_access_tls(k->access),
		.timeout_ns = watches ? -1 : LIST_NS,
		.quiet_ns = watches ? QUIET_NS : 0,
		.stream = on_stream,
		.done = on_done,
		.ctx = k,
	};
	struct ds_kube_end end = { .fault = fault, .retry_after_ns = -1 };
	int r;

	k->asked_ns = ds_clock_ns(CLOCK_REALTIME);
	r = fault ? -ECANCELED : ds_http_start(k->http, &request, &k->call);

	if (r && !fault)
		end.fault = strerror(-r);
	if (r)
		end_request(k, &end);
}

static void on_next(uv_timer_t *timer)
{
	struct ds_kube *k = timer->data;

	ds_kube_access_prepare(k->access, k->request.renew, start, k);
}

static void ask_next(struct ds_kube *k)
{
	int64_t now_ns = ds_clock_ns(CLOCK_REALTIME), wait_ns;
	int r = ds_kube_watch_next(k->watch, now_ns, &k->request);

	free(k->url);
	k->url = NULL;
	if (r ||
	    asprintf(&k->url, "%s%s", ds_kube_access_server(k->access), k->request.target) < 0) {
		k->url = NULL;
		ds_log_warn("no memory to ask the API server, continuing without it");
		return;
	}
	wait_ns = k->request.at_ns > now_ns ? k->request.at_ns - now_ns : 0;
	/* Rounded up: a request that is made too early would be made twice. */
	(void)uv_timer_start(&k->next, on_next,
			     (uint64_t)((wait_ns + DS_NS_PER_MS - 1) / DS_NS_PER_MS), 0);
}

static void on_tick(uv_timer_t *timer)
{
	struct ds_kube *k = timer->data;

	ds_kube_watch_tick(k->watch, ds_clock_ns(CLOCK_REALTIME));
}

void ds_kube_restored(struct ds_kube *k, const struct ds_event *ev)
{
	void *pod = ds_kube_pods_restored(ev);

	if (pod)
		ds_kube_watch_know(k->watch, ev->pod_uid, pod);
}

bool ds_kube_is_synced(const struct ds_kube *k)
{
	return ds_kube_watch_stats(k->watch).synced;
}

void ds_kube_count(struct ds_kube *k, struct ds_event *tick)
{
	int64_t blind_ns = ds_kube_watch_blind_ns(k->watch, ds_clock_ns(CLOCK_REALTIME));

	DS_SET(tick, WATCH_RESTARTS, watch_restarts,
	       (int64_t)ds_kube_watch_stats(k->watch).restarts);
	DS_SET(tick, WATCH_LAG, watch_lag, blind_ns > k->pods.late_ns ? blind_ns : k->pods.late_ns);
	k->pods.late_ns = 0;
}

/* ---- setting up ---- */

/* A node's name as Kubernetes has it: an RFC 1123 subdomain. */
static bool is_node_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > DS_KUBE_NAME_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '-' && name[i] != '.')
			return false;
	return true;
}

static int make_watch(struct ds_kube *k)
{
	char selector[DS_KUBE_NAME_LEN + 64];
	struct ds_kube_watch_options wo = {
		.path = "/api/v1/pods",
		.selector = selector,
		.what = "pods",
		.keep = ds_kube_pod_keep,
		.max = PODS_MAX,
		.take = take,
		.tell = tell,
		.drop = ds_kube_pods_drop,
		.trouble = trouble,
		.ctx = k,
	};

	(void)snprintf(selector, sizeof(selector), "fieldSelector=spec.nodeName%%3D%s", k->node);
	if (getrandom(&wo.seed, sizeof(wo.seed), 0) < 0)
		wo.seed = (uint64_t)ds_clock_ns(CLOCK_REALTIME); /* no entropy: the clock must do */
	return ds_kube_watch_new(&k->watch, &wo);
}

int ds_kube_new(struct ds_kube **ret_kube, struct uv_loop_s *loop,
		const struct ds_kube_options *options)
{
	struct ds_kube *k;
	int r;

	if (!is_node_name(options->node))
		return ds_log_err(EINVAL, "'%s' is no name of a node", options->node);
	k = calloc(1, sizeof(*k));
	if (!k)
		return ds_log_err(ENOMEM, "ask the API server");
	k->options = *options;
	(void)uv_timer_init(loop, &k->next); /* cannot fail */
	(void)uv_timer_init(loop, &k->tick);
	k->next.data = k->tick.data = k;
	k->handles = 2;
	k->node = strdup(options->node);
	k->pods = (struct ds_kube_pods){ .deliver = deliver, .ctx = k, .node = k->node };
	r = k->node ? make_watch(k) : -ENOMEM;
	r = r ? ds_log_err(r, "ask the API server") : ds_http_new(&k->http, loop);
	r = r ? r : ds_kube_access_new(&k->access, loop, &options->access);
	if (r) {
		ds_kube_free(&k);
		return r;
	}
	(void)uv_timer_start(&k->tick, on_tick, TICK_MS, TICK_MS);
	ask_next(k);
	*ret_kube = k;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct ds_kube *k = handle->data;

	if (--k->handles == 0)
		free(k);
}

void ds_kube_free(struct ds_kube **kube)
{
	struct ds_kube *k = kube ? *kube : NULL;

	if (!k)
		return;
	*kube = NULL;
	ds_http_cancel(k->call);
	ds_http_free(&k->http);
	ds_kube_access_free(&k->access);
	ds_kube_watch_free(&k->watch);
	free(k->url);
	free(k->node);
	uv_close((uv_handle_t *)&k->next, on_closed);
	uv_close((uv_handle_t *)&k->tick, on_closed);
}
