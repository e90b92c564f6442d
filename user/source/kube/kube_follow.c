/* SPDX-License-Identifier: Apache-2.0 */
/* One request at a time: what the machine asks for, when it asks for it. */
#include "user/source/kube/kube_follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define LIST_NS (60 * DS_NS_PER_S)

struct ds_kube_follow {
	struct ds_kube_api *api;
	struct ds_kube_watch *watch;
	struct ds_kube_follow_options options; /* what is borrowed in it is not used */
	struct ds_kube_request request;
	char *what, *target;
	uv_timer_t next, settled;
	int handles;
	bool said_over, said_bad, said_absent, was_synced;
};

static void log_trouble(void *ctx, const char *what)
{
	(void)ctx;
	if (what)
		ds_log_warn("%s; trying again", what);
	else
		ds_log_warn("the API server answers again");
}

static void say_what_is_left_out(struct ds_kube_follow *f)
{
	struct ds_kube_watch_stats stats = ds_kube_watch_stats(f->watch);

	if (stats.over && !f->said_over)
		ds_log_warn("the API server has more than %zu %s; those above that are not followed",
			    f->options.watch.max, f->what);
	if (stats.bad && !f->said_bad)
		ds_log_warn("the API server tells something of %s that cannot be read; it is left out",
			    f->what);
	if (stats.absent != f->said_absent)
		ds_log_info("the API server knows %s %s%s", stats.absent ? "no" : "now of", f->what,
			    stats.absent ? "; looking again each minute" : "");
	f->said_over = f->said_over || stats.over;
	f->said_bad = f->said_bad || stats.bad;
	f->said_absent = stats.absent;
	if (stats.synced && !f->was_synced && f->options.synced)
		f->options.synced(f->options.watch.ctx);
	f->was_synced = stats.synced;
}

/* ---- requests ---- */

static void ask_next(struct ds_kube_follow *f);

static void end_request(struct ds_kube_follow *f, const struct ds_kube_end *end)
{
	(void)uv_timer_stop(&f->settled); /* cannot fail */
	ds_kube_watch_done(f->watch, end, ds_clock_ns(CLOCK_REALTIME));
	say_what_is_left_out(f);
	ask_next(f);
}

static bool on_stream(void *ctx, const char *data, size_t len)
{
	struct ds_kube_follow *f = ctx;

	return ds_kube_watch_feed(f->watch, data, len, ds_clock_ns(CLOCK_REALTIME));
}

static void on_done(void *ctx, const struct ds_kube_reply *reply)
{
	struct ds_kube_end end = { .status = reply->status,
				   .fault = reply->fault,
				   .retry_after_ns = reply->retry_after_ns,
				   .body = reply->body,
				   .len = reply->len };

	end_request(ctx, &end);
}

static void on_settled(uv_timer_t *timer)
{
	struct ds_kube_follow *f = timer->data;

	ds_kube_watch_settled(f->watch);
}

static void on_next(uv_timer_t *timer)
{
	struct ds_kube_follow *f = timer->data;
	bool watches = f->request.step == DS_KUBE_WATCH;
	struct ds_kube_call call = {
		.method = "GET",
		.target = f->target,
		.timeout_ns = watches ? -1 : LIST_NS,
		.quiet_ns = watches ? ds_kube_api_quiet_ns(f->api) : 0,
		.stream = on_stream,
		.done = on_done,
		.ctx = f,
	};
	struct ds_kube_end end = { .retry_after_ns = -1 };
	int r = ds_kube_call(f->api, &call);

	if (r) {
		end.fault = strerror(-r);
		end_request(f, &end);
	} else if (watches) {
		(void)uv_timer_start(&f->settled, on_settled, DS_KUBE_SETTLED_NS / DS_NS_PER_MS, 0);
	}
}

static void ask_next(struct ds_kube_follow *f)
{
	int64_t now_ns = ds_clock_ns(CLOCK_REALTIME), wait_ns;
	int r = ds_kube_watch_next(f->watch, now_ns, &f->request);

	free(f->target);
	f->target = r ? NULL : strdup(f->request.target);
	if (!f->target) {
		ds_log_warn("no memory to ask the API server for %s, continuing without them",
			    f->what);
		return;
	}
	wait_ns = f->request.at_ns > now_ns ? f->request.at_ns - now_ns : 0;
	/* Rounded up: a request that is made too early would be made twice. */
	(void)uv_timer_start(&f->next, on_next,
			     (uint64_t)((wait_ns + DS_NS_PER_MS - 1) / DS_NS_PER_MS), 0);
}

/* ---- the user's side ---- */

void ds_kube_follow_know(struct ds_kube_follow *f, const char *uid, void *object)
{
	ds_kube_watch_know(f->watch, uid, object);
}

struct ds_kube_watch_stats ds_kube_follow_stats(const struct ds_kube_follow *f)
{
	return ds_kube_watch_stats(f->watch);
}

int64_t ds_kube_follow_blind_ns(const struct ds_kube_follow *f)
{
	return ds_kube_watch_blind_ns(f->watch, ds_clock_ns(CLOCK_REALTIME));
}

static int make_watch(struct ds_kube_follow *f)
{
	struct ds_kube_watch_options *wo = &f->options.watch;

	wo->trouble = wo->trouble ? wo->trouble : log_trouble;
	if (getrandom(&wo->seed, sizeof(wo->seed), 0) < 0)
		wo->seed = (uint64_t)ds_clock_ns(CLOCK_REALTIME); /* no entropy: by the clock */
	f->what = strdup(wo->what);
	return f->what ? ds_kube_watch_new(&f->watch, wo) : -ENOMEM;
}

int ds_kube_follow_new(struct ds_kube_follow **ret_follow, struct ds_kube_api *api,
		       const struct ds_kube_follow_options *options)
{
	struct ds_kube_follow *f = calloc(1, sizeof(*f));
	uv_loop_t *loop = ds_kube_api_loop(api);
	int r;

	if (!f)
		return ds_log_err(ENOMEM, "follow %s", options->watch.what);
	f->api = api;
	f->options = *options;
	(void)uv_timer_init(loop, &f->next); /* cannot fail */
	(void)uv_timer_init(loop, &f->settled);
	f->next.data = f->settled.data = f;
	f->handles = 2;
	r = make_watch(f);
	if (r) {
		r = ds_log_err(r, "follow %s", options->watch.what);
		ds_kube_follow_free(&f);
		return r;
	}
	ask_next(f);
	*ret_follow = f;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct ds_kube_follow *f = handle->data;

	if (--f->handles == 0)
		free(f);
}

void ds_kube_follow_free(struct ds_kube_follow **follow)
{
	struct ds_kube_follow *f = follow ? *follow : NULL;

	if (!f)
		return;
	*follow = NULL;
	ds_kube_cancel(f->api, f);
	ds_kube_watch_free(&f->watch);
	free(f->target);
	free(f->what);
	uv_close((uv_handle_t *)&f->next, on_closed);
	uv_close((uv_handle_t *)&f->settled, on_closed);
}
