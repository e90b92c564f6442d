/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drainsnoop targets`: takes part in the election, watches while it leads (watcher.h), writes what
 * it learns to standard output, and serves its metrics. SIGTERM gives the lease back first.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <uv.h>

#include "user/commands.h"
#include "user/own_pod.h"
#include "user/watcher.h"
#include "user/core/event_json.h"
#include "user/sink/line_queue.h"
#include "user/sink/log_queue.h"
#include "user/sink/process_usage.h"
#include "user/sink/watcher_metrics.h"
#include "user/sink/web.h"
#include "user/source/handover/leader.h"
#include "user/source/kube/kube_api.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define QUEUE_BYTES 1048576		/* a thousand lines or more */
#define FINISH_NS (3 * DS_NS_PER_S)	/* for a reader that is slow, at the end */

struct targets {
	const struct ds_options *options;
	uv_loop_t loop;
	uv_signal_t signals[2];
	uv_timer_t tick;
	struct ds_kube_api *api;
	struct ds_leader *leader;
	struct ds_watcher *watcher;	/* while this instance leads */
	struct ds_watcher_metrics *metrics;
	struct ds_process_usage usage;
	struct ds_log_queue *said;
	struct ds_line_queue *queue;
	struct ds_buf line;
	uint64_t lost;			/* lines that were not written */
	struct ds_web *web;
	char namespace_[256], identity[300];
	char run_id[DS_RUN_ID_LEN + 1];
	uint64_t seq;
	int64_t turned_ns;		/* when the loop last turned */
	bool loop_ready, ending;
	int status;			/* enum ds_exit */
};

static void end(struct targets *t)
{
	if (t->ending)
		return;
	t->ending = true;
	ds_watcher_free(&t->watcher);
	if (t->leader)
		ds_leader_resign(t->leader);
	else
		uv_stop(&t->loop);
}

/* ---- lines ---- */

static void emit(void *ctx, struct ds_event *ev)
{
	struct targets *t = ctx;

	if (t->options->cluster)
		DS_SET_STR(ev, CLUSTER, cluster, t->options->cluster);
	memcpy(ev->run_id, t->run_id, sizeof(ev->run_id));
	ds_event_canonical(ev);
	ds_event_write(&t->line, ev, t->seq++);
	/* Without memory it is lost as well: the empty line is not taken. */
	(void)ds_line_queue_put(t->queue, t->line.data, t->line.failed ? 0 : t->line.len);
	ds_watcher_metrics_emitted(t->metrics, ev->kind);
}

static void announce(struct targets *t)
{
	struct utsname uts;
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_START, ds_clock_ns(CLOCK_REALTIME));
	DS_SET_STR(&ev, VERSION, version, DS_VERSION);
	DS_SET_STR(&ev, SCHEMA_URL, schema_url, DS_SCHEMA_URL);
	if (!uname(&uts))
		DS_SET_STR(&ev, KERNEL_RELEASE, kernel_release, uts.release);
	emit(t, &ev);
}

/* ---- leading ---- */

static void on_leads(void *ctx, bool leads)
{
	struct targets *t = ctx;
	struct ds_watcher_options wo = { .api = t->api, .options = t->options,
					 .namespace_ = t->namespace_, .metrics = t->metrics,
					 .emit = emit, .ctx = t };

	ds_watcher_free(&t->watcher);
	ds_watcher_metrics_forget(t->metrics);
	if (!leads || t->ending || !ds_watcher_new(&t->watcher, &wo))
		return;
	t->status = DS_EXIT_ERROR;	/* said where it failed; another may do better */
	end(t);
}

static void on_over(void *ctx)
{
	struct targets *t = ctx;

	uv_stop(&t->loop);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct targets *t = handle->data;

	(void)signum;
	if (t->ending)
		_exit(DS_EXIT_INTERRUPTED);
	end(t);
}

static void on_tick(uv_timer_t *timer)
{
	struct targets *t = timer->data;

	t->turned_ns = ds_clock_ns(CLOCK_MONOTONIC);
	t->lost += ds_line_queue_take_lost(t->queue);
	ds_log_queue_review(t->said);
	if (!ds_line_queue_is_gone(t->queue) || t->ending)
		return;
	ds_log_warn("nobody reads standard output any more; ending");
	t->status = DS_EXIT_ERROR;
	end(t);
}

/* ---- what is served ---- */

static bool goes(void *ctx, const char *arn)
{
	struct targets *t = ctx;

	return t->watcher && ds_watcher_group_goes(t->watcher, arn);
}

static void show_metrics(void *ctx, bool openmetrics, struct ds_buf *out)
{
	struct targets *t = ctx;
	struct ds_watcher_metrics_now now = { .revision = t->options->revision,
					      .leads = t->watcher != NULL, .goes = goes, .ctx = t,
					      .lost_output = t->lost,
					      .lost_messages = ds_log_queue_lost(t->said) };

	if (t->watcher)
		ds_watcher_writes(t->watcher, &now.writes, &now.failed);
	ds_process_usage_read(&t->usage);
	now.usage = t->usage;
	ds_watcher_metrics_render(t->metrics, &now, openmetrics, out);
}

static bool is_healthy(void *ctx, struct ds_buf *why)
{
	struct targets *t = ctx;

	return ds_web_loop_turns(t->turned_ns, ds_clock_ns(CLOCK_MONOTONIC), why);
}

/* One that waits for the lease is as ready as it can be. */
static bool is_ready(void *ctx, struct ds_buf *why)
{
	struct targets *t = ctx;

	return !t->watcher || ds_watcher_is_ready(t->watcher, why);
}

/* ---- setting up ---- */

static uint32_t random_number(void)
{
	uint32_t random = (uint32_t)ds_clock_ns(CLOCK_REALTIME);

	if (getrandom(&random, sizeof(random), 0) < 0)
		random ^= (uint32_t)getpid();	/* no entropy: the clock must do */
	return random;
}

/* The pod's name, or the host's, and chance: one that comes again is another. */
static void make_identity(struct targets *t)
{
	const char *pod = getenv("POD_NAME");
	char host[200] = "";

	if (gethostname(host, sizeof(host) - 1))
		host[0] = '\0';
	(void)snprintf(t->run_id, sizeof(t->run_id), "%08" PRIx32, random_number());
	(void)snprintf(t->identity, sizeof(t->identity), "%.200s_%s", pod && *pod ? pod : host,
		       t->run_id);
}

static int open_loop(struct targets *t)
{
	static const int signals[] = { SIGINT, SIGTERM };
	int r = uv_loop_init(&t->loop);

	if (r)
		return ds_log_err(r, "set up the event loop");
	t->loop_ready = true;
	for (int i = 0; i < 2; i++) {
		(void)uv_signal_init(&t->loop, &t->signals[i]);
		t->signals[i].data = t;
		(void)uv_signal_start(&t->signals[i], on_signal, signals[i]);
	}
	(void)uv_timer_init(&t->loop, &t->tick);
	t->tick.data = t;
	t->turned_ns = ds_clock_ns(CLOCK_MONOTONIC);
	(void)uv_timer_start(&t->tick, on_tick, 1000, 1000);
	return 0;
}

static int open_web(struct targets *t)
{
	struct ds_web_pages pages = { .metrics = show_metrics, .healthy = is_healthy,
				      .ready = is_ready, .ctx = t };

	return t->options->metrics_listen[0] ?
		       ds_web_new(&t->web, &t->loop, t->options->metrics_listen, &pages) : 0;
}

static int open_leader(struct targets *t)
{
	const struct ds_options *o = t->options;
	struct ds_leader_options lo = {
		.election = { .namespace_ = t->namespace_, .name = o->lease,
			      .identity = t->identity,
			      .duration_s = o->lease_duration_ns / DS_NS_PER_S,
			      .renew_ns = o->lease_renew_ns, .retry_ns = o->lease_retry_ns },
		.leads = on_leads, .over = on_over, .ctx = t,
	};

	return ds_leader_new(&t->leader, t->api, &lo);
}

static int set_up(struct targets *t)
{
	struct ds_kube_access_options access = { .quiet_ns = t->options->kube_quiet_ns,
						 .api = t->options->kube_api,
						 .kubeconfig = t->options->kubeconfig,
						 .context = t->options->context };
	int r;

	ds_own_namespace(t->options->config_namespace, t->namespace_, sizeof(t->namespace_));
	make_identity(t);
	r = ds_log_queue_new(&t->said);
	if (r)
		return r;
	r = ds_watcher_metrics_new(&t->metrics);
	if (r)
		return ds_log_err(r, "set up");
	r = ds_line_queue_new(&t->queue, STDOUT_FILENO, "standard output", QUEUE_BYTES);
	r = r ? r : open_loop(t);
	r = r ? r : ds_kube_api_new(&t->api, &t->loop, &access);
	r = r ? r : open_web(t);
	if (r)
		return r;
	announce(t);
	return open_leader(t);
}

/* ---- ending ---- */

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void announce_end(struct targets *t)
{
	struct ds_event ev;
	uint64_t left;

	ds_event_init(&ev, DS_EVENT_STOP, ds_clock_ns(CLOCK_REALTIME));
	emit(t, &ev);
	left = ds_line_queue_finish(t->queue, FINISH_NS) + ds_line_queue_take_lost(t->queue);
	if (left && t->status == DS_EXIT_OK)
		ds_log_warn("standard output did not take the last %" PRIu64 " lines", left);
}

static void tear_down(struct targets *t)
{
	ds_watcher_free(&t->watcher);
	ds_leader_free(&t->leader);
	ds_web_free(&t->web);
	ds_kube_api_free(&t->api);
	if (t->loop_ready) {
		uv_walk(&t->loop, close_handle, NULL);
		(void)uv_run(&t->loop, UV_RUN_DEFAULT);
		(void)uv_loop_close(&t->loop);
	}
	ds_line_queue_free(&t->queue);
	ds_buf_free(&t->line);
	ds_watcher_metrics_free(&t->metrics);
	ds_log_queue_free(&t->said);
}

int ds_command_targets(const struct ds_options *options)
{
	static struct targets targets;
	struct targets *t = &targets;

	t->options = options;
	if (set_up(t)) {
		tear_down(t);
		return DS_EXIT_ERROR;
	}
	(void)uv_run(&t->loop, UV_RUN_DEFAULT);
	announce_end(t);
	tear_down(t);
	return t->status;
}
