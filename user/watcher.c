/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What there is already (ConfigMaps of an earlier leader) is read first; then the cluster is
 * followed. What the cluster wants of the poller waits for the loop's next turn: it may say so
 * while the poller's own tables are walked.
 */
#include "user/watcher.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "user/options.h"
#include "user/sink/watcher_metrics.h"
#include "user/source/cluster/cluster.h"
#include "user/source/cluster/handover_text.h"
#include "user/source/elb/elb.h"
#include "user/source/handover/handover_post.h"
#include "user/source/handover/vanished.h"
#include "user/source/kube/kube_api.h"
#include "user/source/kube/kube_follow.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/percent.h"
#include "user/util/timefmt.h"

#define TICK_MS 1000
#define TICKS_UNKNOWN 300	/* then it goes on without: a right may be missing */
/* Groups that are asked what they are before a pod goes: the poller must have room for others. */
#define GROUPS_AHEAD_MAX (DS_ELB_GROUPS_MAX / 2)
#define AGENTS_MAX 16384
#define AGENTS_SELECTOR \
	"labelSelector=app.kubernetes.io%2Fname%3Ddrainsnoop%2Capp.kubernetes.io%2Fcomponent%3Dagent"
#define CLOCK_ERROR_NS (50 * DS_NS_PER_MS)	/* of two hosts that keep time by NTP */

/* What the cluster wants of the poller. */
struct wish {
	struct wish *next;
	char *arn;		/* NULL: nobody wants to know of the address any more */
	struct ds_addr addr;
	uint16_t port;
};

/* One collection that is followed: what the hooks of its machine get. */
struct followed {
	struct ds_watcher *watcher;
	const struct ds_cluster_source *source;
	void *feed;
	struct ds_kube_follow *follow;
};

struct ds_watcher {
	struct ds_watcher_options options;
	struct ds_handover_text *text;
	struct ds_handover_post *post;
	struct ds_cluster *cluster;
	struct ds_elb *elb;
	struct ds_vanished *vanished;
	struct ds_kube_follow *agents;
	struct followed followed[DS_CLUSTER_KIND_MAX];
	struct wish *first, **last;
	uv_timer_t tick, turn;
	int handles;
	int groups_ahead;
	int ticks_unknown;	/* in which not all was known */
	uint64_t seq;		/* of the poller's events: nobody merges them */
	bool follows;
};

static int64_t wall_clock(void)
{
	return ds_clock_ns(CLOCK_REALTIME);
}

static int64_t now(void *ctx)
{
	(void)ctx;
	return wall_clock();
}

/* ---- what the cluster says ---- */

/*
 * What is written to standard output: pods that go and readings of their targets. That a pod is a
 * target is no event: thousands of lines at every start. Addresses are said once, by the poller.
 */
static bool is_news(const struct ds_event *ev)
{
	if (ev->kind == DS_EVENT_POD_STATE)
		return ds_event_has(ev, DS_KEY_TRIGGER);
	return ev->kind == DS_EVENT_TARGET && ds_event_has(ev, DS_KEY_TARGET_SOURCE) &&
	       ev->target_source == DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH;
}

static void tell(void *ctx, const char *node, const struct ds_event *ev)
{
	struct ds_watcher *w = ctx;
	struct ds_event own = *ev;

	DS_SET_STR(&own, NODE, node, node);
	if (own.kind == DS_EVENT_TARGET && !ds_event_has(&own, DS_KEY_CLOCK_ERROR))
		DS_SET(&own, CLOCK_ERROR, clock_error, CLOCK_ERROR_NS);
	ds_handover_text_put(w->text, node, &own);
	if (is_news(&own))
		w->options.emit(w->options.ctx, &own);
}

static void ended(void *ctx, const char *node, const char *uid, int64_t at_ns)
{
	struct ds_watcher *w = ctx;
	struct ds_cluster_pod_facts pod = { 0 };

	(void)ds_cluster_pod(w->cluster, uid, &pod);	/* who is told of is known */
	ds_handover_text_ended(w->text, node, uid, at_ns);
	ds_vanished_ended(w->vanished, node, uid, pod.going_ns, at_ns);
}

static void group(void *ctx, const char *arn)
{
	struct ds_watcher *w = ctx;

	if (!w->elb)
		return;	/* it ends */
	if (w->groups_ahead == GROUPS_AHEAD_MAX)
		ds_log_info("more than %d target groups: what the others are is asked when a pod goes",
			    GROUPS_AHEAD_MAX);
	if (w->groups_ahead++ >= GROUPS_AHEAD_MAX)
		return;
	if (ds_elb_add_group(w->elb, arn) == -EINVAL)
		ds_log_info("%s is no target group that can be asked", arn);
}

static void budget(void *ctx, const struct ds_cluster_budget *b)
{
	(void)ctx;
	if (b->other)
		ds_log_warn("PodDisruptionBudgets %s and %s of namespace %s both select pod %s: Kubernetes "
			    "evicts no such pod, and its node cannot be drained", b->other, b->name,
			    b->namespace_, b->pod);
	else
		ds_log_warn("PodDisruptionBudget %s of namespace %s lets no pod be evicted (%" PRId64
			    " of %" PRId64 " must be healthy): a node that runs one, as pod %s, cannot "
			    "be drained", b->name, b->namespace_, b->wanted, b->expected, b->pod);
}

/* ---- what it wants of the poller ---- */

static void on_turn(uv_timer_t *timer)
{
	struct ds_watcher *w = timer->data;
	struct wish *wish;

	while ((wish = w->first)) {
		w->first = wish->next;
		if (!w->first)
			w->last = &w->first;
		if (wish->arn)
			ds_elb_watch(w->elb, wish->arn, &wish->addr, wish->port);
		else
			ds_elb_unwatch(w->elb, &wish->addr);
		free(wish->arn);
		free(wish);
	}
}

static void add_wish(struct ds_watcher *w, const char *arn, const struct ds_addr *addr,
		     uint16_t port)
{
	struct wish *wish = calloc(1, sizeof(*wish));

	if (wish && arn)
		wish->arn = strdup(arn);
	if (!wish || (arn && !wish->arn)) {
		free(wish);
		ds_log_warn("no memory to ask for a target, continuing without it");
		return;
	}
	wish->addr = *addr;
	wish->port = port;
	*w->last = wish;
	w->last = &wish->next;
	(void)uv_timer_start(&w->turn, on_turn, 0, 0);
}

static void poll_target(void *ctx, const char *arn, const struct ds_addr *addr, uint16_t port)
{
	add_wish(ctx, arn, addr, port);
}

static void unpoll(void *ctx, const struct ds_addr *addr)
{
	add_wish(ctx, NULL, addr, 0);
}

/* ---- what AWS says ---- */

static void on_elb_event(void *ctx, struct ds_event *ev)
{
	struct ds_watcher *w = ctx;

	ds_watcher_metrics_event(w->options.metrics, ev);
	if (ev->kind == DS_EVENT_LB_ADDRESS)
		w->options.emit(w->options.ctx, ev);
	ds_cluster_pass(w->cluster, ev);
}

static void on_facts(void *ctx, const char *arn, const struct ds_elb_group_facts *g,
		     const struct ds_elb_balancer_facts *b)
{
	struct ds_watcher *w = ctx;
	struct ds_cluster_group_facts facts = {
		.delay_s = g->delay_s, .preserve_client_ip = g->preserve_client_ip,
		.type = g->type, .check_port = g->check_port,
		.check_interval_s = g->check_interval_s,
		.lb_type = b ? b->type : -1, .lb_name = b ? b->name : NULL,
	};

	ds_cluster_group_is(w->cluster, arn, &facts);
}

static void on_answered(void *ctx, enum ds_elb_ask ask, const char *arn,
			enum ds_elb_outcome outcome, int64_t took_ns)
{
	static const char *const codes[DS_ELB_OUTCOME_MAX] = {
		[DS_ELB_ANSWERED] = "ok", [DS_ELB_THROTTLED] = "throttled",
		[DS_ELB_UNREACHABLE] = "unreachable", [DS_ELB_FAILED] = "failed",
		[DS_ELB_DENIED] = "denied", [DS_ELB_EXPIRED] = "expired",
		[DS_ELB_NOT_TARGETS] = "invalid_target", [DS_ELB_GONE] = "not_found",
	};
	struct ds_watcher *w = ctx;

	ds_watcher_metrics_asked(w->options.metrics,
				 ask == DS_ELB_ASK_ADDRESSES ? "ec2" : "elasticloadbalancing",
				 ds_elb_ask_name(ask), codes[outcome], took_ns);
	if (ask == DS_ELB_ASK_HEALTH && outcome == DS_ELB_ANSWERED)
		ds_watcher_metrics_refreshed(w->options.metrics, arn, wall_clock());
}

static int open_elb(struct ds_watcher *w)
{
	const struct ds_options *o = w->options.options;
	struct ds_elb_options eo = {
		.deliver = on_elb_event, .ctx = w, .seq = &w->seq,
		.interval_ns = o->elb_interval_ns, .rate = o->elb_rate,
		.addresses = o->elb_addresses, .facts = on_facts, .answered = on_answered,
	};

	return ds_elb_new(&w->elb, ds_kube_api_loop(w->options.api), &eo);
}

/* ---- following ---- */

static void *take(void *ctx, void *object, json_object *json)
{
	return ds_cluster_take(((struct followed *)ctx)->feed, object, json);
}

static void tell_object(void *ctx, void *object, enum ds_kube_told told)
{
	ds_cluster_tell(((struct followed *)ctx)->feed, object, told);
}

static void drop(void *ctx, void *object)
{
	ds_cluster_drop(((struct followed *)ctx)->feed, object);
}

/* What the rest works without is no reason to warn anybody. */
static void trouble(void *ctx, const char *what)
{
	const struct followed *f = ctx;

	if (!what)
		ds_log_info("the API server answers again (%s)", f->source->what);
	else if (f->source->is_extra)
		ds_log_info("%s; trying again, and going on without", what);
	else
		ds_log_warn("%s; trying again", what);
}

/*
 * What pods tell besides EndpointSlices (readiness gates, owners by more than names) is not worth
 * the right to read all of them, unless somebody says that it is.
 */
static bool is_followed(const struct ds_watcher *w, enum ds_cluster_kind kind)
{
	return kind != DS_CLUSTER_POD || w->options.options->watch_pods;
}

static int follow(struct ds_watcher *w, enum ds_cluster_kind kind)
{
	const struct ds_cluster_source *source = ds_cluster_source(kind);
	struct followed *f = &w->followed[kind];
	struct ds_kube_follow_options o = {
		.watch = { .path = source->path, .selector = "", .what = source->what,
			   .right = source->right, .optional = source->is_crd,
			   .keep = source->keep, .max = source->max,
			   .kept_max = source->kept_max, .take = take,
			   .tell = tell_object, .drop = drop, .trouble = trouble, .ctx = f },
	};

	*f = (struct followed){ .watcher = w, .source = source,
				.feed = ds_cluster_feed(w->cluster, kind) };
	return ds_kube_follow_new(&f->follow, w->options.api, &o);
}

static void agents_trouble(void *ctx, const char *what)
{
	(void)ctx;
	if (what)
		ds_log_warn("%s; trying again. Vanished agents are not told until then", what);
	else
		ds_log_info("the API server answers again (agents' pods)");
}

static int follow_agents(struct ds_watcher *w)
{
	size_t len = strlen(w->options.namespace_);
	ds_autofree char *path = NULL, *right = NULL;
	char encoded[3 * DS_HANDOVER_NAME_MAX + 1];
	struct ds_kube_follow_options o = {
		.watch = { .selector = AGENTS_SELECTOR, .what = "agents' pods",
			   .keep = ds_vanished_keep, .max = AGENTS_MAX,
			   .take = ds_vanished_take, .tell = ds_vanished_tell,
			   .drop = ds_vanished_drop, .trouble = agents_trouble,
			   .ctx = w->vanished },
	};

	*ds_percent_encode(encoded, w->options.namespace_, len) = '\0';
	if (asprintf(&path, "/api/v1/namespaces/%s/pods", encoded) < 0)
		path = NULL;
	if (asprintf(&right, "list and watch pods in namespace %s", w->options.namespace_) < 0)
		right = NULL;
	if (!path || !right)
		return ds_log_err(ENOMEM, "follow the agents");
	o.watch.path = path;
	o.watch.right = right;
	return ds_kube_follow_new(&w->agents, w->options.api, &o);
}

/* What there is has been read: from now on the cluster may speak. */
static void on_ready(void *ctx)
{
	struct ds_watcher *w = ctx;
	int r = follow_agents(w);	/* first: one that is there must be known before it goes */

	for (int kind = 0; !r && kind < DS_CLUSTER_KIND_MAX; kind++)
		if (is_followed(w, (enum ds_cluster_kind)kind))
			r = follow(w, (enum ds_cluster_kind)kind);
	if (r)
		ds_log_warn("the cluster is not followed as a whole: no memory");
	w->follows = true;
}

/* ---- pods whose agent vanished ---- */

static void judge(void *ctx, const char *node, const char *uid)
{
	struct ds_watcher *w = ctx;
	struct ds_cluster_pod_facts pod;
	struct ds_event ev;

	if (!ds_cluster_pod(w->cluster, uid, &pod))
		return;
	ds_vanished_verdict(&pod, node, wall_clock(), &ev);
	w->options.emit(w->options.ctx, &ev);
}

/* ---- life ---- */

/* What is not known as a whole yet; NULL = all is, but for what the rest works without. */
static const char *unknown(const struct ds_watcher *w)
{
	for (int kind = 0; kind < DS_CLUSTER_KIND_MAX; kind++) {
		const struct ds_cluster_source *source =
			ds_cluster_source((enum ds_cluster_kind)kind);
		const struct ds_kube_follow *f = w->followed[kind].follow;

		if (is_followed(w, (enum ds_cluster_kind)kind) && !source->is_extra &&
		    (!f || !ds_kube_follow_stats(f).synced))
			return source->what;
	}
	return NULL;
}

static void on_tick(uv_timer_t *timer)
{
	struct ds_watcher *w = timer->data;
	int64_t now_ns = wall_clock();

	ds_cluster_tick(w->cluster);
	/* What an earlier leader said of pods that are still there is not a thing of the past. */
	if (!unknown(w) || ++w->ticks_unknown > TICKS_UNKNOWN)
		ds_handover_text_tick(w->text, now_ns);
	ds_vanished_tick(w->vanished, now_ns);
}

static int open_cluster(struct ds_watcher *w)
{
	struct ds_cluster_options co = { .now = now, .tell = tell, .ended = ended, .group = group,
					 .poll = poll_target, .unpoll = unpoll, .budget = budget,
					 .ctx = w };
	struct ds_vanished_options vo = { .judge = judge, .ctx = w };
	int r = ds_cluster_new(&w->cluster, &co);

	r = r ? r : ds_handover_text_new(&w->text);
	r = r ? r : ds_vanished_new(&w->vanished, &vo);
	return r ? ds_log_err(r, "watch the cluster") : 0;
}

int ds_watcher_new(struct ds_watcher **ret_watcher, const struct ds_watcher_options *options)
{
	struct ds_watcher *w = calloc(1, sizeof(*w));
	struct ds_handover_post_options po = { .namespace_ = options->namespace_,
					       .ready = on_ready, .ctx = w };
	int r;

	if (!w)
		return ds_log_err(ENOMEM, "watch the cluster");
	w->options = *options;
	w->last = &w->first;
	(void)uv_timer_init(ds_kube_api_loop(options->api), &w->tick);	/* cannot fail */
	(void)uv_timer_init(ds_kube_api_loop(options->api), &w->turn);
	w->tick.data = w->turn.data = w;
	w->handles = 2;
	r = open_cluster(w);
	r = r ? r : open_elb(w);
	po.text = w->text;
	r = r ? r : ds_handover_post_new(&w->post, options->api, &po);
	if (r) {
		ds_watcher_free(&w);
		return r;
	}
	(void)uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
	*ret_watcher = w;
	return 0;
}

bool ds_watcher_is_ready(const struct ds_watcher *w, struct ds_buf *why)
{
	const char *what = unknown(w);

	if (!w->follows)
		ds_buf_puts(why, "what was handed over before is not read yet");
	else if (what)
		ds_buf_printf(why, "the %s are not known yet", what);
	return w->follows && !what;
}

bool ds_watcher_group_goes(const struct ds_watcher *w, const char *arn)
{
	return ds_cluster_group_goes(w->cluster, arn);
}

void ds_watcher_writes(const struct ds_watcher *w, uint64_t *ret_writes, uint64_t *ret_failed)
{
	struct ds_handover_store_stats stats = ds_handover_post_stats(w->post);

	*ret_writes = stats.writes;
	*ret_failed = stats.failed;
}

static void on_closed(uv_handle_t *handle)
{
	struct ds_watcher *w = handle->data;

	if (--w->handles == 0)
		free(w);
}

void ds_watcher_free(struct ds_watcher **watcher)
{
	struct ds_watcher *w = watcher ? *watcher : NULL;
	struct wish *wish;

	if (!w)
		return;
	*watcher = NULL;
	/* First those who speak, then those who listen. */
	ds_handover_post_free(&w->post);
	ds_elb_free(&w->elb);
	ds_kube_follow_free(&w->agents);
	for (int kind = 0; kind < DS_CLUSTER_KIND_MAX; kind++)
		ds_kube_follow_free(&w->followed[kind].follow);
	while ((wish = w->first)) {
		w->first = wish->next;
		free(wish->arn);
		free(wish);
	}
	ds_vanished_free(&w->vanished);
	ds_cluster_free(&w->cluster);
	ds_handover_text_free(&w->text);
	uv_close((uv_handle_t *)&w->tick, on_closed);
	uv_close((uv_handle_t *)&w->turn, on_closed);
}
