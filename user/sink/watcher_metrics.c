/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/watcher_metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/sink/metrics_process.h"
#include "user/sink/metrics_text.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

#define REQUESTS_MAX 64		/* of operations and codes there are fewer */
#define ARN_LEN 255
#define BOUNDS 9

static const int64_t bounds_ns[BOUNDS] = {
	50 * DS_NS_PER_MS, 100 * DS_NS_PER_MS, 250 * DS_NS_PER_MS, 500 * DS_NS_PER_MS,
	DS_NS_PER_S, 2 * DS_NS_PER_S + 500 * DS_NS_PER_MS, 5 * DS_NS_PER_S, 10 * DS_NS_PER_S,
	30 * DS_NS_PER_S,
};

/* Requests of one operation that ended in one way. */
struct request {
	const char *service, *operation, *code;
	uint64_t cnt;
};

/* How long the requests of one operation took. */
struct duration {
	const char *service, *operation;
	uint64_t counts[BOUNDS + 1];
	int64_t sum_ns;
};

struct group {
	char arn[ARN_LEN + 1];
	char name[64];
	int64_t refreshed_ns;	/* 0 = not yet */
	UT_hash_handle hh;
};

struct target {
	char name[ARN_LEN + 1 + DS_ADDR_STRLEN + 8];	/* group, address and port */
	struct group *group;
	int state;
	UT_hash_handle hh;
};

struct ds_watcher_metrics {
	struct request requests[REQUESTS_MAX];
	struct duration durations[REQUESTS_MAX];
	int requests_cnt, durations_cnt;
	struct group *groups;
	struct target *targets;
	uint64_t emitted[DS_EVENT_MAX];
};

/* ---- what is counted ---- */

static bool is_operation(const char *service, const char *operation, const char *a, const char *b)
{
	return !strcmp(service, a) && !strcmp(operation, b);
}

static struct duration *duration_of(struct ds_watcher_metrics *m, const char *service,
				    const char *operation)
{
	struct duration *d = m->durations;

	for (; d < m->durations + m->durations_cnt; d++)
		if (is_operation(d->service, d->operation, service, operation))
			return d;
	if (m->durations_cnt == REQUESTS_MAX)
		return NULL;
	m->durations_cnt++;
	*d = (struct duration){ .service = service, .operation = operation };
	return d;
}

static struct request *request_of(struct ds_watcher_metrics *m, const char *service,
				  const char *operation, const char *code)
{
	struct request *r = m->requests;

	for (; r < m->requests + m->requests_cnt; r++)
		if (is_operation(r->service, r->operation, service, operation) &&
		    !strcmp(r->code, code))
			return r;
	if (m->requests_cnt == REQUESTS_MAX)
		return NULL;
	m->requests_cnt++;
	*r = (struct request){ .service = service, .operation = operation, .code = code };
	return r;
}

void ds_watcher_metrics_asked(struct ds_watcher_metrics *m, const char *service,
			      const char *operation, const char *code, int64_t took_ns)
{
	struct request *r = request_of(m, service, operation, code);
	struct duration *d = duration_of(m, service, operation);
	int bucket = 0;

	if (r)
		r->cnt++;
	if (!d)
		return;
	while (bucket < BOUNDS && took_ns > bounds_ns[bucket])
		bucket++;
	d->counts[bucket]++;
	d->sum_ns += took_ns;
}

static struct group *group_of(struct ds_watcher_metrics *m, const char *arn)
{
	struct group *g;

	HASH_FIND_STR(m->groups, arn, g);
	if (g || strlen(arn) > ARN_LEN || HASH_COUNT(m->groups) >= DS_WATCHER_METRICS_GROUPS_MAX)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	memcpy(g->arn, arn, strlen(arn) + 1);
	HASH_ADD_STR(m->groups, arn, g);
	if (DS_HASH_ADDED(g))
		return g;
	free(g);
	return NULL;
}

void ds_watcher_metrics_refreshed(struct ds_watcher_metrics *m, const char *arn, int64_t now_ns)
{
	struct group *g = group_of(m, arn);

	if (g)
		g->refreshed_ns = now_ns;
}

static void forget_target(struct ds_watcher_metrics *m, struct target *t)
{
	HASH_DELETE(hh, m->targets, t);
	free(t);
}

static struct target *target_of(struct ds_watcher_metrics *m, const char *name)
{
	struct target *t;

	HASH_FIND_STR(m->targets, name, t);
	if (t || HASH_COUNT(m->targets) >= DS_WATCHER_METRICS_TARGETS_MAX)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	memcpy(t->name, name, strlen(name) + 1);
	HASH_ADD_STR(m->targets, name, t);
	if (DS_HASH_ADDED(t))
		return t;
	free(t);
	return NULL;
}

void ds_watcher_metrics_event(struct ds_watcher_metrics *m, const struct ds_event *ev)
{
	struct ds_buf name = { 0 };
	struct group *g;
	struct target *t;

	if (ev->kind != DS_EVENT_TARGET || !ds_event_has(ev, DS_KEY_TG_ARN))
		return;
	g = group_of(m, ev->tg_arn);
	ds_buf_printf(&name, "%s %s %lld", ev->tg_arn, ev->target_id, (long long)ev->target_port);
	t = g && !name.failed && name.len < sizeof(t->name) ? target_of(m, name.data) : NULL;
	ds_buf_free(&name);
	if (!t)
		return;
	if (ds_event_has(ev, DS_KEY_TG_NAME) && strlen(ev->tg_name) < sizeof(g->name))
		memcpy(g->name, ev->tg_name, strlen(ev->tg_name) + 1);
	t->group = g;
	t->state = ev->target_state;
	if (t->state == DS_TARGET_STATE_ABSENT || t->state == DS_TARGET_STATE_UNUSED)
		forget_target(m, t);	/* it is none of the group's any more */
}

void ds_watcher_metrics_emitted(struct ds_watcher_metrics *m, enum ds_event_kind kind)
{
	m->emitted[kind]++;
}

static void forget_group(struct ds_watcher_metrics *m, struct group *g)
{
	struct target *t, *next;

	HASH_ITER(hh, m->targets, t, next)
		if (t->group == g)
			forget_target(m, t);
	HASH_DELETE(hh, m->groups, g);
	free(g);
}

void ds_watcher_metrics_forget(struct ds_watcher_metrics *m)
{
	while (m->groups)
		forget_group(m, m->groups);
}

/* ---- the exposition ---- */

DS_FAMILY(leader, "drainsnoop_leader", GAUGE, NULL,
	  "1 where this instance leads: it alone asks AWS and writes for the agents.");
DS_FAMILY(targets, "drainsnoop_targets", GAUGE, NULL,
	  "Targets of pods that go away, by state, as read last.");
DS_FAMILY(refreshed, "drainsnoop_target_refresh_timestamp_seconds", GAUGE, "seconds",
	  "When the states of a group's targets were read last, Unix time; only while a pod of it goes.");
DS_FAMILY(requests, "drainsnoop_aws_requests", COUNTER, NULL,
	  "Requests to AWS, by how they ended.");
DS_FAMILY(took, "drainsnoop_aws_request_duration_seconds", HISTOGRAM, "seconds",
	  "How long requests to AWS took.");
DS_FAMILY(writes, "drainsnoop_handover_writes", COUNTER, NULL,
	  "Writes of ConfigMaps for the agents, by result; since this instance leads.");
DS_FAMILY(emitted, "drainsnoop_emitted_events", COUNTER, NULL, "Events put out, by name.");
DS_FAMILY(lost, "drainsnoop_lost_events", COUNTER, NULL, "Events lost, by stage.");

static void put_groups(struct ds_metrics_text *t, const struct ds_watcher_metrics *m)
{
	ds_metrics_text_family(t, &targets);
	for (const struct group *g = m->groups; g; g = g->hh.next) {
		uint64_t counts[DS_TARGET_STATE_MAX] = { 0 };
		struct ds_metric_label labels[2] = { { "target_group", g->name }, { "state", NULL } };

		for (const struct target *x = m->targets; x; x = x->hh.next)
			if (x->group == g)
				counts[x->state]++;
		for (int state = 0; state < DS_TARGET_STATE_MAX && g->name[0]; state++) {
			labels[1].value = ds_name(DS_NAMES_TARGET_STATE, state);
			if (counts[state])
				ds_metrics_text_sample(t, labels, 2,
						       DS_METRIC_COUNT(counts[state]));
		}
	}
	ds_metrics_text_family(t, &refreshed);
	for (const struct group *g = m->groups; g; g = g->hh.next) {
		const struct ds_metric_label label = { "target_group", g->name };

		if (g->refreshed_ns && g->name[0])
			ds_metrics_text_sample(t, &label, 1, DS_METRIC_NS(g->refreshed_ns));
	}
}

static void put_requests(struct ds_metrics_text *t, const struct ds_watcher_metrics *m)
{
	ds_metrics_text_family(t, &requests);
	for (int i = 0; i < m->requests_cnt; i++) {
		const struct request *r = &m->requests[i];
		const struct ds_metric_label labels[] = { { "service", r->service },
							  { "operation", r->operation },
							  { "code", r->code } };

		ds_metrics_text_sample(t, labels, 3, DS_METRIC_COUNT(r->cnt));
	}
	ds_metrics_text_family(t, &took);
	for (int i = 0; i < m->durations_cnt; i++) {
		const struct duration *d = &m->durations[i];
		const struct ds_metric_label labels[] = { { "service", d->service },
							  { "operation", d->operation } };
		const struct ds_metric_histogram h = { .bounds_ns = bounds_ns,
						       .bounds_cnt = BOUNDS, .counts = d->counts,
						       .sum_ns = d->sum_ns };

		ds_metrics_text_histogram(t, labels, 2, &h);
	}
}

static void put_own(struct ds_metrics_text *t, const struct ds_watcher_metrics *m,
		    const struct ds_watcher_metrics_now *now)
{
	ds_metrics_build(t, now->revision, NULL);
	ds_metrics_text_single(t, &leader, DS_METRIC_COUNT(now->leads));
	ds_metrics_text_family(t, &writes);
	ds_metrics_text_labelled(t, "result", "ok", now->writes);
	ds_metrics_text_labelled(t, "result", "failed", now->failed);
	ds_metrics_text_family(t, &emitted);
	for (int kind = 0; kind < DS_EVENT_MAX; kind++)
		if (m->emitted[kind])
			ds_metrics_text_labelled(t, "event", ds_kinds[kind].name, m->emitted[kind]);
	ds_metrics_text_family(t, &lost);
	ds_metrics_text_labelled(t, "stage", "output", now->lost_output);
}

void ds_watcher_metrics_render(struct ds_watcher_metrics *m,
			       const struct ds_watcher_metrics_now *now, bool openmetrics,
			       struct ds_buf *out)
{
	struct ds_metrics_text t = { .out = out, .openmetrics = openmetrics };
	struct group *g, *next;

	HASH_ITER(hh, m->groups, g, next)
		if (!now->goes || !now->goes(now->ctx, g->arn))
			forget_group(m, g);
	put_own(&t, m, now);
	put_groups(&t, m);
	put_requests(&t, m);
	ds_metrics_process(&t, &now->usage, now->lost_messages);
	ds_metrics_text_end(&t);
}

/* ---- life ---- */

int ds_watcher_metrics_new(struct ds_watcher_metrics **ret_metrics)
{
	*ret_metrics = calloc(1, sizeof(**ret_metrics));
	return *ret_metrics ? 0 : -ENOMEM;
}

void ds_watcher_metrics_free(struct ds_watcher_metrics **metrics)
{
	if (!metrics || !*metrics)
		return;
	ds_watcher_metrics_forget(*metrics);
	free(DS_TAKE(*metrics));
}
