// SPDX-License-Identifier: Apache-2.0
/* Puts all questions at once and waits for the answers, for a while. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "user/doctor/online.h"
#include "user/source/http/http.h"
#include "user/source/kube/kube_api.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define DEADLINE_MS 20000
#define NEAR_NS (2 * DS_NS_PER_S)	/* for an answer of this host itself */
#define PROXY_MODE "http://127.0.0.1:10249/proxyMode"
#define AGENT_METRIC "drainsnoop_build_info"
#define REVIEWS "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
#define WHO_AM_I "/apis/authentication.k8s.io/v1/selfsubjectreviews"

struct look;

/* One question whose answer belongs to a row. */
struct row {
	struct look *look;
	int index;
};

struct look {
	const struct ds_doctor_online *asked;
	uv_loop_t loop;
	uv_timer_t deadline;
	struct ds_http *http;
	struct ds_kube_api *api;
	struct ds_elb_asker *asker;
	int open;		/* questions */
	bool late, api_answered;
	struct row rights[DS_DOCTOR_RIGHTS_MAX], asks[DS_DOCTOR_ASKS_MAX];
	struct ds_elb_request requests[DS_DOCTOR_ASKS_MAX];
	char heard[512];	/* of sources, last */
	char metrics_tail[sizeof(AGENT_METRIC)];	/* end of the piece before */
};

static void answered(struct look *look)
{
	look->open--;
}

static void on_deadline(uv_timer_t *timer)
{
	struct look *look = timer->data;

	look->late = true;
}

static void listen_to(void *ctx, const char *line)
{
	struct look *look = ctx;

	(void)snprintf(look->heard, sizeof(look->heard), "%s", line);
}

/* ---- the API server ---- */

/* What is wrong with an answer of any kind; "" = nothing. */
static void fault_of(char *buf, size_t size, const struct ds_kube_reply *reply)
{
	buf[0] = '\0';
	if (reply->fault)
		(void)snprintf(buf, size, "%s", reply->fault);
	else if (reply->status == 401)
		(void)snprintf(buf, size, "the API server does not accept the credentials (401)");
	else if (reply->status < 200 || reply->status >= 300)
		(void)snprintf(buf, size, "status %d", reply->status);
}

static void on_user(void *ctx, const struct ds_kube_reply *reply)
{
	struct look *look = ctx;
	struct ds_doctor_cluster *c = look->asked->cluster;

	look->api_answered = look->api_answered || reply->status;
	if (reply->status == 0 || reply->status == 401)
		fault_of(c->fault, sizeof(c->fault), reply);
	else if (reply->body)	/* 404 before Kubernetes 1.28 */
		ds_doctor_cluster_user(c->user, sizeof(c->user), reply->body, reply->len);
	answered(look);
}

static void on_review(void *ctx, const struct ds_kube_reply *reply)
{
	struct row *row = ctx;
	struct ds_doctor_cluster *c = row->look->asked->cluster;
	enum ds_review review = ds_doctor_cluster_answer(reply->status, reply->body, reply->len);

	c->reviews[row->index] = review;
	if (review == DS_REVIEW_FAILED)
		fault_of(c->review_fault, sizeof(c->review_fault), reply);
	answered(row->look);
}

static void on_targets(void *ctx, const struct ds_kube_reply *reply)
{
	struct look *look = ctx;
	struct ds_doctor_targets *t = look->asked->targets;

	t->status = reply->status;
	fault_of(t->fault, sizeof(t->fault), reply);
	if (reply->status == 200 && reply->body)
		ds_doctor_targets_read(t, reply->body, reply->len, ds_clock_ns(CLOCK_REALTIME));
	answered(look);
}

static void call(struct look *look, const struct ds_kube_call *call)
{
	if (!ds_kube_call(look->api, call))
		look->open++;	/* else no memory: it stays open for the reader */
}

static void post(struct look *look, const char *target, const struct ds_buf *body,
		 void (*done)(void *ctx, const struct ds_kube_reply *reply), void *ctx)
{
	const struct ds_kube_call c = { .method = "POST", .target = target,
					.content_type = "application/json", .body = body->data,
					.len = body->len, .done = done, .ctx = ctx };

	if (!body->failed)
		call(look, &c);
}

static void ask_rights(struct look *look)
{
	const struct ds_doctor_cluster *c = look->asked->cluster;
	struct ds_buf body = { 0 };

	ds_buf_puts(&body, "{\"apiVersion\":\"authentication.k8s.io/v1\","
			   "\"kind\":\"SelfSubjectReview\"}");
	post(look, WHO_AM_I, &body, on_user, look);
	for (int i = 0; i < ds_right_cnt; i++) {
		if (!ds_doctor_cluster_wants(c, &ds_rights[i]))
			continue;
		look->rights[i] = (struct row){ look, i };
		ds_buf_clear(&body);
		ds_doctor_cluster_ask(&body, c, &ds_rights[i]);
		post(look, REVIEWS, &body, on_review, &look->rights[i]);
	}
	ds_buf_free(&body);
}

static void ask_targets(struct look *look)
{
	const struct ds_doctor_targets *t = look->asked->targets;
	char target[1024];

	if (!t->asked)
		return;
	(void)snprintf(target, sizeof(target), "%s/namespaces/%s/%s/%s",
		       t->of_lease ? "/apis/coordination.k8s.io/v1" : "/api/v1", t->namespace_,
		       t->of_lease ? "leases" : "configmaps", t->name);
	call(look, &(struct ds_kube_call){ .method = "GET", .target = target, .max = 4U << 20,
					   .done = on_targets, .ctx = look });
}

static void ask_cluster(struct look *look)
{
	struct ds_doctor_cluster *c = look->asked->cluster;
	struct ds_doctor_targets *t = look->asked->targets;

	if (!c->asked)
		return;
	if (ds_kube_api_new(&look->api, &look->loop, look->asked->access)) {
		(void)snprintf(c->fault, sizeof(c->fault), "%s", look->heard);
		t->asked = false;
		t->skip = "needs the API server";
		return;
	}
	(void)snprintf(c->server, sizeof(c->server), "%s", ds_kube_api_server(look->api));
	ask_rights(look);
	ask_targets(look);
}

/* ---- AWS ---- */

static void on_answer(void *ctx, const struct ds_elb_answer *answer)
{
	struct row *row = ctx;
	struct ds_doctor_ask *ask = &row->look->asked->aws->asks[row->index];

	ask->answered = true;
	ask->fault = answer->fault;
	(void)snprintf(ask->detail, sizeof(ask->detail), "%s", answer->detail ? answer->detail : "");
	answered(row->look);
}

static void ask_aws(struct look *look)
{
	struct ds_doctor_aws *a = look->asked->aws;

	if (!a->asks_cnt || ds_elb_asker_new(&look->asker, &look->loop))
		return;
	for (int i = 0; i < a->asks_cnt; i++) {
		look->asks[i] = (struct row){ look, i };
		look->requests[i] = (struct ds_elb_request){ .ask = a->asks[i].ask,
							     .arn = a->asks[i].arn };
		look->open++;	/* it may be answered from within */
		if (ds_elb_asker_ask(look->asker, &look->requests[i], on_answer, &look->asks[i]))
			look->open--;
	}
}

/* ---- this host ---- */

static void on_mode(void *ctx, const struct ds_http_reply *reply)
{
	struct look *look = ctx;
	struct ds_doctor_kube_proxy *k = look->asked->kube_proxy;

	if (!reply->fault && reply->status == 200 && reply->body)
		(void)snprintf(k->mode, sizeof(k->mode), "%.*s", (int)strcspn(reply->body, "\r\n"),
			       reply->body);
	answered(look);
}

/* The name may lie across two pieces. */
static bool on_metrics(void *ctx, const char *data, size_t len)
{
	struct look *look = ctx;
	struct ds_doctor_metrics *m = look->asked->metrics;
	char seam[2 * sizeof(AGENT_METRIC)] = "";
	size_t tail = strlen(look->metrics_tail), keep = sizeof(AGENT_METRIC) - 1;

	memcpy(seam, look->metrics_tail, tail);
	memcpy(seam + tail, data, len < keep ? len : keep);
	m->agent = memmem(data, len, AGENT_METRIC, keep) || strstr(seam, AGENT_METRIC);
	if (len > keep)
		(void)snprintf(look->metrics_tail, sizeof(look->metrics_tail), "%.*s", (int)keep,
			       data + len - keep);
	return !m->agent;
}

static void on_metrics_done(void *ctx, const struct ds_http_reply *reply)
{
	(void)reply;	/* ended by ourselves, or no drainsnoop */
	answered(ctx);
}

static void get(struct look *look, const char *url, bool (*stream)(void *, const char *, size_t),
		void (*done)(void *, const struct ds_http_reply *))
{
	const struct ds_http_request request = { .url = url, .connect_ns = NEAR_NS,
						 .timeout_ns = NEAR_NS, .body_max = 4096,
						 .stream = stream, .done = done, .ctx = look };

	if (look->http && !ds_http_start(look->http, &request, NULL))
		look->open++;
}

static void ask_host(struct look *look)
{
	const struct ds_doctor_metrics *m = look->asked->metrics;
	const char *port = m->taken ? strrchr(m->listen, ':') : NULL;
	char url[128];

	if (look->asked->kube_proxy)
		get(look, PROXY_MODE, NULL, on_mode);
	if (!port)
		return;
	(void)snprintf(url, sizeof(url), "http://%.*s%s/metrics",
		       port == m->listen ? 9 : (int)(port - m->listen),
		       port == m->listen ? "127.0.0.1" : m->listen, port);
	get(look, url, on_metrics, on_metrics_done);
}

/* ---- all of it ---- */

static void tell_clock(struct look *look)
{
	struct ds_doctor_clock *c = look->asked->clock;

	if (!look->api_answered)
		return;
	c->api_told = true;
	if (!ds_kube_api_clock(look->api, &c->api_lo_ns, &c->api_hi_ns))
		c->api_lo_ns = c->api_hi_ns = 0;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void put_questions(struct look *look)
{
	ask_cluster(look);
	ask_aws(look);
	ask_host(look);
	(void)uv_timer_start(&look->deadline, on_deadline, DEADLINE_MS, 0);
	while (look->open && !look->late)
		(void)uv_run(&look->loop, UV_RUN_ONCE);
	tell_clock(look);
}

int ds_doctor_look_online(const struct ds_doctor_online *asked)
{
	struct look *look = calloc(1, sizeof(*look));
	int r = look ? uv_loop_init(&look->loop) : UV_ENOMEM;

	if (r) {
		free(look);
		return ds_log_err(r, "set up the event loop");
	}
	look->asked = asked;
	(void)uv_timer_init(&look->loop, &look->deadline);
	look->deadline.data = look;
	r = ds_http_new(&look->http, &look->loop);
	ds_log_divert(listen_to, look);
	put_questions(look);
	ds_log_divert(NULL, NULL);
	ds_kube_api_free(&look->api);
	ds_elb_asker_free(&look->asker);
	ds_http_free(&look->http);
	uv_walk(&look->loop, close_handle, NULL);
	(void)uv_run(&look->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&look->loop);
	free(look);
	return r;
}
