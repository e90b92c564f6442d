/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/handover/handover_post.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <uv.h>

#include "user/source/kube/kube_api.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define TURN_MS 250
#define REPLY_MAX (4U << 20)	/* an object, and as much again of who wrote what in it */

/* A request that is under way. */
struct flight {
	struct ds_handover_post *post;
	struct ds_handover_ask ask;
	bool used;
};

struct ds_handover_post {
	struct ds_handover_post_options options;
	struct ds_kube_api *api;
	struct ds_handover_store *store;
	struct flight flights[DS_HANDOVER_ASKS_MAX];
	uv_timer_t timer;
};

static int64_t wall_clock(void)
{
	return ds_clock_ns(CLOCK_REALTIME);
}

static void ready(void *ctx)
{
	struct ds_handover_post *p = ctx;

	p->options.ready(p->options.ctx);
}

static void trouble(void *ctx, const char *what)
{
	(void)ctx;
	if (what)
		ds_log_warn("%s", what);
	else
		ds_log_warn("what is handed over to the agents can be written again");
}

static void answer(struct flight *f, const struct ds_handover_came *came)
{
	f->used = false;
	ds_handover_store_answer(f->post->store, &f->ask, came, wall_clock());
}

static void go_on(struct ds_handover_post *p);

static void on_done(void *ctx, const struct ds_kube_reply *reply)
{
	struct flight *f = ctx;
	struct ds_handover_came came = { .status = reply->status, .fault = reply->fault,
					 .body = reply->body, .len = reply->body ? reply->len : 0,
					 .retry_after_ns = reply->retry_after_ns };

	answer(f, &came);
	go_on(f->post);
}

static void send_ask(struct flight *f)
{
	struct ds_kube_call call = {
		.method = f->ask.method,
		.target = f->ask.target,
		.content_type = f->ask.body ? "application/json" : NULL,
		.body = f->ask.body,
		.len = f->ask.len,
		.max = REPLY_MAX,
		.done = on_done,
		.ctx = f,
	};
	struct ds_handover_came none = { .fault = "out of memory", .retry_after_ns = -1 };

	f->used = true;
	if (ds_kube_call(f->post->api, &call))
		answer(f, &none);
}

static struct flight *unused(struct ds_handover_post *p)
{
	for (int i = 0; i < DS_HANDOVER_ASKS_MAX; i++)
		if (!p->flights[i].used)
			return &p->flights[i];
	return NULL;
}

static void go_on(struct ds_handover_post *p)
{
	struct flight *f;

	while ((f = unused(p)) && ds_handover_store_next(p->store, wall_clock(), &f->ask))
		send_ask(f);
}

static void on_timer(uv_timer_t *timer)
{
	go_on(timer->data);
}

int ds_handover_post_new(struct ds_handover_post **ret_post, struct ds_kube_api *api,
			 const struct ds_handover_post_options *options)
{
	struct ds_handover_post *p = calloc(1, sizeof(*p));
	struct ds_handover_store_options so = {
		.namespace_ = options->namespace_, .text = options->text,
		.ready = ready, .trouble = trouble, .ctx = p,
	};

	if (getrandom(&so.seed, sizeof(so.seed), 0) < 0)
		so.seed = (uint64_t)wall_clock();	/* no entropy: the clock must do */
	if (!p || ds_handover_store_new(&p->store, &so)) {
		free(p);
		return ds_log_err(ENOMEM, "hand over to the agents");
	}
	p->options = *options;
	p->api = api;
	for (int i = 0; i < DS_HANDOVER_ASKS_MAX; i++)
		p->flights[i].post = p;
	(void)uv_timer_init(ds_kube_api_loop(api), &p->timer);	/* cannot fail */
	p->timer.data = p;
	(void)uv_timer_start(&p->timer, on_timer, 0, TURN_MS);
	*ret_post = p;
	return 0;
}

struct ds_handover_store_stats ds_handover_post_stats(const struct ds_handover_post *p)
{
	return ds_handover_store_stats(p->store);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void ds_handover_post_free(struct ds_handover_post **post)
{
	struct ds_handover_post *p = post ? *post : NULL;

	if (!p)
		return;
	*post = NULL;
	for (int i = 0; i < DS_HANDOVER_ASKS_MAX; i++)
		ds_kube_cancel(p->api, &p->flights[i]);
	ds_handover_store_free(&p->store);
	uv_close((uv_handle_t *)&p->timer, on_closed);
}
