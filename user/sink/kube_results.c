/* SPDX-License-Identifier: Apache-2.0 */
/* One Event at a time: who it is about is looked up, then it is written. */
#include "user/sink/kube_results.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "user/source/kube/kube_api.h"
#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_said.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/percent.h"

#define TURN_MS 1000
#define NAME_LEN 253
#define OBJECT_MAX (1U << 20)

struct ds_kube_results {
	struct ds_kube_api *api;
	struct ds_kube_events *events;
	uv_timer_t timer;
	/* the one at hand */
	bool busy;
	char kind[16], resource[16], namespace_[NAME_LEN + 1], name[NAME_LEN + 1];
	bool said_get, said_create, said_left_out;
};

static int64_t wall_clock(void)
{
	return ds_clock_ns(CLOCK_REALTIME);
}

static struct ds_kube_event_subject subject_of(const struct ds_kube_results *r)
{
	return (struct ds_kube_event_subject){ .kind = r->kind, .resource = r->resource,
					       .namespace_ = r->namespace_, .name = r->name };
}

static void finish(struct ds_kube_results *r, bool ok)
{
	struct ds_kube_event_subject subject = subject_of(r);

	r->busy = false;
	ds_kube_events_written(r->events, &subject, ok, wall_clock());
}

static void on_written(void *ctx, const struct ds_kube_reply *reply)
{
	struct ds_kube_results *r = ctx;
	bool ok = reply->status / 100 == 2;
	char said[256];

	ds_kube_said(reply->body, reply->body ? reply->len : 0, said, sizeof(said));
	if (!ok && !r->said_create)
		ds_log_warn("Events on workloads cannot be written: %s%s",
			    reply->status == 403 ? "the right to create events is missing: " : "",
			    said[0] ? said : reply->fault ? reply->fault : "the API server refuses");
	r->said_create = !ok;
	finish(r, ok);
}

static int call(struct ds_kube_results *r, const char *method, const char *target,
		const struct ds_buf *body, void (*done)(void *, const struct ds_kube_reply *))
{
	struct ds_kube_call c = {
		.method = method, .target = target, .max = OBJECT_MAX, .done = done, .ctx = r,
		.content_type = body ? "application/json" : NULL,
		.body = body ? body->data : NULL, .len = body ? body->len : 0,
	};

	return ds_kube_call(r->api, &c);
}

static void encode(char dst[3 * NAME_LEN + 1], const char *text)
{
	*ds_percent_encode(dst, text, strlen(text)) = '\0';
}

static void write_event(struct ds_kube_results *r, const char *uid)
{
	ds_cleanup(ds_buf_free) struct ds_buf body = { 0 };
	struct ds_kube_event_subject subject = subject_of(r);
	char target[4 * NAME_LEN], namespace_[3 * NAME_LEN + 1];

	encode(namespace_, r->namespace_);
	(void)snprintf(target, sizeof(target), "/api/v1/namespaces/%s/events", namespace_);
	ds_kube_events_body(r->events, &subject, uid, wall_clock(), &body);
	if (body.failed || call(r, "POST", target, &body, on_written))
		finish(r, false);
}

static void on_subject(void *ctx, const struct ds_kube_reply *reply)
{
	struct ds_kube_results *r = ctx;
	json_tokener *tokener = reply->status == 200 && reply->body ? json_tokener_new() : NULL;
	json_object *json = tokener ? json_tokener_parse_ex(tokener, reply->body, (int)reply->len) :
				      NULL;
	char uid[64] = "";

	(void)ds_kube_copy(uid, sizeof(uid), ds_kube_text(ds_kube_child(json, "metadata"), "uid"));
	json_object_put(json);
	if (tokener)
		json_tokener_free(tokener);
	if (reply->status == 403 && !r->said_get)
		ds_log_warn("the right to get %s is missing: Events name them, and `kubectl describe` does not "
			    "show them", r->resource);
	r->said_get = r->said_get || reply->status == 403;
	write_event(r, uid);
}

static void ask_subject(struct ds_kube_results *r)
{
	char target[8 * NAME_LEN], namespace_[3 * NAME_LEN + 1], name[3 * NAME_LEN + 1];

	encode(namespace_, r->namespace_);
	encode(name, r->name);
	(void)snprintf(target, sizeof(target), "/apis/apps/v1/namespaces/%s/%s/%s", namespace_,
		       r->resource, name);
	if (call(r, "GET", target, NULL, on_subject))
		finish(r, false);
}

static void on_timer(uv_timer_t *timer)
{
	struct ds_kube_results *r = timer->data;
	struct ds_kube_event_subject s;

	if (r->busy || !ds_kube_events_due(r->events, wall_clock(), &s))
		return;
	r->busy = true;
	(void)snprintf(r->kind, sizeof(r->kind), "%s", s.kind);
	(void)snprintf(r->resource, sizeof(r->resource), "%s", s.resource);
	(void)snprintf(r->namespace_, sizeof(r->namespace_), "%s", s.namespace_);
	(void)snprintf(r->name, sizeof(r->name), "%s", s.name);
	ask_subject(r);
}

void ds_kube_results_take(struct ds_kube_results *r, const struct ds_event *ev)
{
	ds_kube_events_take(r->events, ev);
	if (!r->said_left_out && ds_kube_events_left_out(r->events)) {
		r->said_left_out = true;
		ds_log_warn("more than %d workloads lost connections before an Event on each could be written: some "
			    "get none; the lines and metrics have all", DS_KUBE_EVENT_WORKLOADS_MAX);
	}
}

int ds_kube_results_new(struct ds_kube_results **ret_results, struct ds_kube_api *api,
			const struct ds_kube_event_options *options)
{
	struct ds_kube_results *r = calloc(1, sizeof(*r));

	if (!r || ds_kube_events_new(&r->events, options)) {
		free(r);
		return ds_log_err(ENOMEM, "write Events on workloads");
	}
	r->api = api;
	(void)uv_timer_init(ds_kube_api_loop(api), &r->timer);	/* cannot fail */
	r->timer.data = r;
	(void)uv_timer_start(&r->timer, on_timer, TURN_MS, TURN_MS);
	*ret_results = r;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void ds_kube_results_free(struct ds_kube_results **results)
{
	struct ds_kube_results *r = results ? *results : NULL;

	if (!r)
		return;
	*results = NULL;
	ds_kube_cancel(r->api, r);
	ds_kube_events_free(&r->events);
	uv_close((uv_handle_t *)&r->timer, on_closed);
}
