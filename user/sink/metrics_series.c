/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of series by the names of workloads and pods, with bounds. */
#include "user/sink/metrics_series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/core.h"
#include "user/util/timefmt.h"
#include "user/util/utf8.h"

/* As long as the core remembers a pod: a drop may be decided so late. */
#define KEPT_NS (3600 * DS_NS_PER_S)
/* A pod's own series after its verdict: for longer than anybody waits between two scrapes. */
#define POD_KEPT_NS (600 * DS_NS_PER_S)
#define CRON_DIGITS 8	/* a CronJob's Jobs end in the minute of their time, since 1970 */

/* ---- names ---- */

static void copy_name(char *dst, size_t size, const char *name, size_t len)
{
	len = ds_utf8_cut(name, len, size - 1);
	memcpy(dst, name, len);
	dst[len] = '\0';
}

/* The Jobs of a CronJob are one workload: each of them has a name of its own. */
static size_t job_name_len(const char *job)
{
	size_t len = strlen(job), digits = 0;

	while (digits < len && job[len - digits - 1] >= '0' && job[len - digits - 1] <= '9')
		digits++;
	return digits == CRON_DIGITS && len > CRON_DIGITS + 1 && job[len - CRON_DIGITS - 1] == '-' ?
	       len - CRON_DIGITS - 1 : len;
}

/*
 * Its owner's name. A pod that no known kind owns has none: the pods of, say, a workflow engine
 * have names that never come again, and each would be a set of series.
 */
static void name_workload(const struct ds_event *ev, char workload[DS_SERIES_NAME_LEN + 1])
{
	const char *name = ds_event_has(ev, DS_KEY_DEPLOYMENT) ? ev->deployment :
			   ds_event_has(ev, DS_KEY_STATEFULSET) ? ev->statefulset :
			   ds_event_has(ev, DS_KEY_DAEMONSET) ? ev->daemonset :
			   ds_event_has(ev, DS_KEY_REPLICASET) ? ev->replicaset : NULL;
	size_t len = name ? strlen(name) : 0;

	if (!name && ds_event_has(ev, DS_KEY_JOB)) {
		name = ev->job;
		len = job_name_len(name);
	}
	copy_name(workload, DS_SERIES_NAME_LEN + 1, name ? name : "", len);
}

static void name_set(struct ds_series *s, const char *pod)
{
	copy_name(s->pod, sizeof(s->pod), pod, strlen(pod));
	(void)snprintf(s->key, sizeof(s->key), "%s/%s/%s", s->namespace_, s->workload, s->pod);
}

/* ---- counters ---- */

static bool is_born(int counter)
{
	if (counter < DS_SERIES_DROPS)
		return ds_cause_is_rollout(counter);
	return counter >= DS_SERIES_VERDICT(0) && counter < DS_SERIES_VERDICT(DS_VERDICT_MAX);
}

bool ds_series_is_shown(const struct ds_series *s, int counter)
{
	return s->counts[counter] || is_born(counter);
}

static size_t born_cnt(void)
{
	size_t cnt = 0;

	for (int counter = 0; counter < DS_SERIES_COUNTERS; counter++)
		cnt += is_born(counter);
	return cnt;
}

static struct ds_series *common(struct ds_series_table *table)
{
	struct ds_series *other = &table->other;

	if (!other->key[0]) {
		(void)snprintf(other->namespace_, sizeof(other->namespace_), "%s",
			       DS_SERIES_OTHER);
		if (table->by_workload)
			(void)snprintf(other->workload, sizeof(other->workload), "%s",
				       DS_SERIES_OTHER);
		name_set(other, table->by_pod ? DS_SERIES_OTHER : "");
	}
	table->refused++;
	return other;
}

struct ds_series *ds_series_count(struct ds_series_table *table, struct ds_series *s, int counter,
				  uint64_t n)
{
	if (n && s != &table->other && !ds_series_is_shown(s, counter)) {
		if (table->shown >= table->max_series) {
			s = common(table);
		} else {
			s->shown++;
			table->shown++;
		}
	}
	s->counts[counter] += n;
	return s;
}

/* ---- sets ---- */

static void remove_series(struct ds_series_table *table, struct ds_series *s)
{
	if (s->of)
		s->of->pods--;
	table->shown -= s->shown;
	HASH_DEL(table->series, s);
	free(s);
}

/*
 * Makes room by the set without pods that was quiet for longest. What counted of late is not given
 * up: nobody may have read it yet. False where there is none.
 */
static bool make_room(struct ds_series_table *table)
{
	struct ds_series *quietest = NULL;

	for (struct ds_series *s = table->series; s; s = s->hh.next)
		if (!s->pods && table->now_ns - s->touched_ns > POD_KEPT_NS &&
		    (!quietest || s->touched_ns < quietest->touched_ns))
			quietest = s;
	if (!quietest)
		return false;
	remove_series(table, quietest);
	return true;
}

/* NULL where there is no room, or no memory. */
static struct ds_series *add_series(struct ds_series_table *table, const struct ds_series *like,
				    struct ds_series *of)
{
	size_t born = born_cnt();
	struct ds_series *s;

	/* Each set has those series at least: the place of one is enough for another. */
	if (table->shown + born > table->max_series && !make_room(table))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->key, like->key, sizeof(s->key));
	memcpy(s->namespace_, like->namespace_, sizeof(s->namespace_));
	memcpy(s->workload, like->workload, sizeof(s->workload));
	memcpy(s->pod, like->pod, sizeof(s->pod));
	HASH_ADD_STR(table->series, key, s);
	if (!DS_HASH_ADDED(s)) {
		free(s);
		return NULL;
	}
	s->shown = born;
	table->shown += born;
	s->of = of;
	if (of)
		of->pods++;
	return s;
}

/* Events tell of what was before: what they count is new at the time of the tick. */
static int64_t moment(const struct ds_series_table *table, const struct ds_event *ev)
{
	return ev->time_ns > table->now_ns ? ev->time_ns : table->now_ns;
}

static void touch(struct ds_series *s, int64_t at_ns)
{
	if (at_ns > s->touched_ns)
		s->touched_ns = at_ns;
}

/* Leaves its name, for that of its pod. */
static struct ds_series *workload_set(struct ds_series_table *table, const struct ds_event *ev,
				      struct ds_series *name)
{
	const char *ns = ds_event_has(ev, DS_KEY_POD_NAMESPACE) ? ev->pod_namespace : "";
	struct ds_series *s = NULL;

	copy_name(name->namespace_, sizeof(name->namespace_), ns, strlen(ns));
	if (table->by_workload)
		name_workload(ev, name->workload);
	name_set(name, table->by_pod ? DS_SERIES_OTHER : "");
	HASH_FIND_STR(table->series, name->key, s);
	s = s ? s : add_series(table, name, NULL);
	s = s ? s : common(table);
	touch(s, moment(table, ev));	/* it is not what makes room for its pod's */
	return s;
}

/* The pod's own set, made when new where asked; else its workload's. */
static struct ds_series *find_set(struct ds_series_table *table, const struct ds_event *ev,
				  bool make)
{
	struct ds_series name = { 0 }, *own = NULL, *s = workload_set(table, ev, &name);

	if (table->by_pod && s != &table->other && ds_event_has(ev, DS_KEY_POD_NAME)) {
		name_set(&name, ev->pod_name);
		HASH_FIND_STR(table->series, name.key, own);
		if (!own && make) {
			own = add_series(table, &name, s);
			table->refused += !own;
		}
	}
	if (!own)
		return s;
	touch(own, moment(table, ev));
	return own;
}

struct ds_series *ds_series_of(struct ds_series_table *table, const struct ds_event *ev)
{
	return find_set(table, ev, false);
}

/* ---- pods ---- */

static void forget_pod(struct ds_series_table *table, struct ds_series_pod *pod)
{
	pod->series->pods--;
	HASH_DEL(table->pods, pod);
	free(pod);
}

static struct ds_series_pod *add_pod(struct ds_series_table *table, const char *key,
				     struct ds_series *series)
{
	struct ds_series_pod *pod;

	if (HASH_COUNT(table->pods) >= table->max_pods)
		return NULL;
	pod = calloc(1, sizeof(*pod));
	if (!pod)
		return NULL;
	memcpy(pod->key, key, sizeof(pod->key));
	HASH_ADD_STR(table->pods, key, pod);
	if (!DS_HASH_ADDED(pod)) {
		free(pod);
		return NULL;
	}
	pod->series = series;
	series->pods++;
	return pod;
}

static bool is_over(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_PHASE) && ev->phase == DS_PHASE_DELETED;
}

/* A milestone of the kernel may be that of a container which only starts again. */
static bool is_going(const struct ds_event *ev)
{
	return (ev->kind == DS_EVENT_POD_STATE && ds_event_has(ev, DS_KEY_T0)) ||
	       (ds_event_has(ev, DS_KEY_PHASE) && ev->phase == DS_PHASE_TERMINATING);
}

static void count_in(struct ds_series_pod *pod, struct ds_series *series)
{
	if (pod->series == series)
		return;
	series->pods++;
	pod->series->pods--;
	pod->series = series;
}

void ds_series_pod_told(struct ds_series_table *table, const struct ds_event *ev)
{
	struct ds_series_pod *pod = NULL;
	char key[DS_SERIES_NAME_LEN + 1] = "";
	struct ds_series *series;

	if (!ds_event_has(ev, DS_KEY_POD_UID))
		return;		/* a pod that has none is of no workload */
	copy_name(key, sizeof(key), ev->pod_uid, strlen(ev->pod_uid));
	HASH_FIND_STR(table->pods, key, pod);
	/* One that is over, as a finished one in a listing, or whose address is reused, say. */
	if (!pod && (is_over(ev) || ev->kind != DS_EVENT_POD_STATE))
		return;
	series = find_set(table, ev, !pod || !pod->judged);
	if (!pod)
		pod = add_pod(table, key, series);
	if (!pod)
		return;
	count_in(pod, series);	/* another one where its owner is told only now */
	pod->touched_ns = ev->time_ns;
	if (ev->kind == DS_EVENT_VERDICT && !pod->judged) {
		pod->judged = true;
		pod->judged_ns = moment(table, ev);
	}
	pod->ended = pod->ended || is_over(ev);
	pod->going = !pod->judged && (pod->going || is_going(ev));
	if (pod->judged && pod->ended)
		forget_pod(table, pod);
}

static void expire_pod(struct ds_series_table *table, struct ds_series_pod *pod, int64_t now_ns)
{
	if ((pod->judged || pod->ended) && now_ns - pod->touched_ns > KEPT_NS)
		forget_pod(table, pod);
	else if (pod->judged && pod->series->of && now_ns - pod->judged_ns > POD_KEPT_NS)
		count_in(pod, pod->series->of);
}

void ds_series_expire(struct ds_series_table *table, int64_t now_ns)
{
	struct ds_series_pod *pod, *next_pod;
	struct ds_series *s, *next;

	HASH_ITER (hh, table->pods, pod, next_pod)
		expire_pod(table, pod, now_ns);
	HASH_ITER (hh, table->series, s, next)
		if (!s->pods && now_ns - s->touched_ns > (s->of ? POD_KEPT_NS : KEPT_NS))
			remove_series(table, s);
}

unsigned int ds_series_going(const struct ds_series_table *table)
{
	unsigned int cnt = 0;

	for (const struct ds_series_pod *pod = table->pods; pod; pod = pod->hh.next)
		cnt += pod->going;
	return cnt;
}

void ds_series_clear(struct ds_series_table *table)
{
	struct ds_series_pod *pod, *next_pod;
	struct ds_series *s, *next;

	HASH_ITER (hh, table->pods, pod, next_pod)
		forget_pod(table, pod);
	/* Not by remove_series: a workload's goes before those of its pods. */
	HASH_ITER (hh, table->series, s, next) {
		HASH_DEL(table->series, s);
		free(s);
	}
	table->shown = 0;
}
