/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/handover/leader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "user/source/kube/kube_api.h"
#include "user/source/kube/kube_said.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define RESIGN_MS 2000
#define TIMEOUT_MAX_NS (5 * DS_NS_PER_S)

struct ds_leader {
	struct ds_leader_options options;
	struct ds_kube_api *api;
	struct ds_election *election;
	char *name, *namespace_;
	uv_timer_t timer, end;
	int handles;
	bool leads;
	bool resigning, is_over;
	bool looks;	/* the request under way is a GET */
	int said;	/* status of the trouble that was told; -1 = none */
};

/* It goes on while the machine sleeps: then the lease may be another's. */
static int64_t monotonic(void)
{
	return ds_clock_ns(CLOCK_BOOTTIME);
}

/* ---- words ---- */

static void say_trouble(struct ds_leader *l, const struct ds_kube_reply *reply)
{
	int status = reply->status / 100 == 2 ? 0 : reply->status;
	char said[256];

	if (l->said == status)
		return;
	l->said = status;
	ds_kube_said(reply->body, reply->len, said, sizeof(said));
	if (status == 403)
		ds_log_warn("the right to get, create and update leases in namespace %s is missing: %s; "
			    "without it nothing is polled and handed over",
			    l->namespace_, said[0] ? said : "403");
	else if (!status)
		ds_log_warn("the lease %s: the API server cannot be asked: %s; trying again", l->name,
			    reply->fault ? reply->fault : "its answer is cut off");
	else
		ds_log_warn("the lease %s: the API server answers %d%s%s; trying again", l->name,
			    status, said[0] ? ": " : "", said);
}

static void look_at_leading(struct ds_leader *l)
{
	bool leads = ds_election_leads(l->election, monotonic());

	if (leads == l->leads)
		return;
	l->leads = leads;
	if (leads)
		ds_log_info("this instance leads (lease %s)", l->name);
	else if (!l->resigning)
		ds_log_warn("this instance does not lead any more: the lease %s could not be renewed",
			    l->name);
	l->options.leads(l->options.ctx, leads);
}

static void finish(struct ds_leader *l)
{
	if (l->is_over)
		return;
	l->is_over = true;
	l->options.over(l->options.ctx);
}

/* ---- requests ---- */

static void go_on(struct ds_leader *l);

static void on_done(void *ctx, const struct ds_kube_reply *reply)
{
	struct ds_leader *l = ctx;
	bool conflict = reply->status == 409;	/* another was faster: no trouble */
	bool none = reply->status == 404 && l->looks;

	if (reply->status / 100 == 2)
		l->said = -1;
	else if (!conflict && !none)
		say_trouble(l, reply);
	ds_election_answer(l->election, reply->status, reply->body, reply->body ? reply->len : 0,
			   reply->retry_after_ns, monotonic());
	go_on(l);
}

static void ask(struct ds_leader *l, const struct ds_election_request *request)
{
	int64_t timeout_ns = l->options.election.renew_ns / 2;
	struct ds_kube_call call = {
		.method = request->method,
		.target = request->target,
		.content_type = request->body ? "application/json" : NULL,
		.body = request->body,
		.len = request->len,
		.timeout_ns = timeout_ns < TIMEOUT_MAX_NS ? timeout_ns : TIMEOUT_MAX_NS,
		.done = on_done,
		.ctx = l,
	};

	l->looks = !request->body;
	if (ds_kube_call(l->api, &call))
		ds_election_answer(l->election, 0, NULL, 0, -1, monotonic());
}

static void on_timer(uv_timer_t *timer)
{
	struct ds_leader *l = timer->data;
	struct ds_election_request request;

	if (ds_election_next(l->election, monotonic(), ds_clock_ns(CLOCK_REALTIME), &request))
		ask(l, &request);
	go_on(l);
}

static void go_on(struct ds_leader *l)
{
	int64_t due_ns, now_ns = monotonic();

	look_at_leading(l);
	if (ds_election_is_over(l->election)) {
		finish(l);
		return;
	}
	due_ns = ds_election_due(l->election);
	if (due_ns == INT64_MAX)
		return;		/* the answer that is waited for goes on */
	uv_update_time(l->timer.loop);
	(void)uv_timer_start(&l->timer, on_timer,
			     due_ns <= now_ns ? 0 :
				     (uint64_t)((due_ns - now_ns) / DS_NS_PER_MS + 1), 0);
}

static void on_end(uv_timer_t *timer)
{
	finish(timer->data);
}

void ds_leader_resign(struct ds_leader *l)
{
	if (l->resigning)
		return;
	l->resigning = true;
	ds_election_release(l->election);
	(void)uv_timer_start(&l->end, on_end, RESIGN_MS, 0);
	go_on(l);
}

/* ---- life ---- */

int ds_leader_new(struct ds_leader **ret_leader, struct ds_kube_api *api,
		  const struct ds_leader_options *options)
{
	struct ds_election_options eo = options->election;
	struct ds_leader *l = calloc(1, sizeof(*l));

	if (!l)
		return ds_log_err(ENOMEM, "take part in the election");
	l->options = *options;
	l->api = api;
	l->said = -1;
	(void)uv_timer_init(ds_kube_api_loop(api), &l->timer);	/* cannot fail */
	(void)uv_timer_init(ds_kube_api_loop(api), &l->end);
	l->timer.data = l->end.data = l;
	l->handles = 2;
	if (getrandom(&eo.seed, sizeof(eo.seed), 0) < 0)
		eo.seed = (uint64_t)monotonic();	/* no entropy: the clock must do */
	l->name = strdup(eo.name);
	l->namespace_ = strdup(eo.namespace_);
	if (!l->name || !l->namespace_ || ds_election_new(&l->election, &eo)) {
		ds_leader_free(&l);
		return ds_log_err(ENOMEM, "take part in the election");
	}
	go_on(l);
	*ret_leader = l;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct ds_leader *l = handle->data;

	if (--l->handles == 0)
		free(l);
}

void ds_leader_free(struct ds_leader **leader)
{
	struct ds_leader *l = leader ? *leader : NULL;

	if (!l)
		return;
	*leader = NULL;
	ds_kube_cancel(l->api, l);
	ds_election_free(&l->election);
	free(l->name);
	free(l->namespace_);
	uv_close((uv_handle_t *)&l->timer, on_closed);
	uv_close((uv_handle_t *)&l->end, on_closed);
}
