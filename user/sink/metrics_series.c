/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads and pods by name, with bounds. */
#include "user/sink/metrics_series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/timefmt.h"
#include "user/util/utf8.h"

/* As long as the core remembers a pod: a drop may be decided so late. */
#define KEPT_NS (3600 * DS_NS_PER_S)
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

/* ---- workloads ---- */

static struct ds_series *common(struct ds_series_table *table)
{
	struct ds_series *other = &table->other;

	if (!other->key[0]) {
		(void)snprintf(other->key, sizeof(other->key), "%s", DS_SERIES_OTHER);
		(void)snprintf(other->namespace_, sizeof(other->namespace_), "%s",
			       DS_SERIES_OTHER);
		if (table->by_workload)
			(void)snprintf(other->workload, sizeof(other->workload), "%s",
				       DS_SERIES_OTHER);
	}
	table->refused++;
	return other;
}

static void remove_series(struct ds_series_table *table, struct ds_series *s)
{
	HASH_DEL(table->series, s);
	free(s);
}

/* Makes room by the one without pods that was quiet for longest; false where all have pods. */
static bool make_room(struct ds_series_table *table)
{
	struct ds_series *quietest = NULL;

	for (struct ds_series *s = table->series; s; s = s->hh.next)
		if (!s->pods && (!quietest || s->touched_ns < quietest->touched_ns))
			quietest = s;
	if (!quietest)
		return false;
	remove_series(table, quietest);
	return true;
}

static struct ds_series *add_series(struct ds_series_table *table, const struct ds_series *like)
{
	struct ds_series *s;

	if (HASH_COUNT(table->series) >= table->max_series && !make_room(table))
		return common(table);
	s = calloc(1, sizeof(*s));
	if (!s)
		return common(table);
	memcpy(s->key, like->key, sizeof(s->key));
	memcpy(s->namespace_, like->namespace_, sizeof(s->namespace_));
	memcpy(s->workload, like->workload, sizeof(s->workload));
	HASH_ADD_STR(table->series, key, s);
	if (!DS_HASH_ADDED(s)) {
		free(s);
		return common(table);
	}
	return s;
}

struct ds_series *ds_series_of(struct ds_series_table *table, const struct ds_event *ev)
{
	struct ds_series name = { 0 }, *s = NULL;
	const char *ns = ds_event_has(ev, DS_KEY_POD_NAMESPACE) ? ev->pod_namespace : "";

	copy_name(name.namespace_, sizeof(name.namespace_), ns, strlen(ns));
	if (table->by_workload)
		name_workload(ev, name.workload);
	(void)snprintf(name.key, sizeof(name.key), "%s/%s", name.namespace_, name.workload);
	HASH_FIND_STR(table->series, name.key, s);
	if (!s)
		s = add_series(table, &name);
	if (ev->time_ns > s->touched_ns)
		s->touched_ns = ev->time_ns;
	return s;
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

void ds_series_pod_told(struct ds_series_table *table, const struct ds_event *ev)
{
	struct ds_series_pod *pod = NULL;
	char key[DS_SERIES_NAME_LEN + 1] = "";
	struct ds_series *series;

	if (!ds_event_has(ev, DS_KEY_POD_UID))
		return;		/* a pod that has none is of no workload */
	copy_name(key, sizeof(key), ev->pod_uid, strlen(ev->pod_uid));
	HASH_FIND_STR(table->pods, key, pod);
	if (!pod && (is_over(ev) || ev->kind == DS_EVENT_VERDICT))
		return;		/* as a finished one is in a listing */
	series = ds_series_of(table, ev);
	if (!pod)
		pod = add_pod(table, key, series);
	if (!pod)
		return;
	if (pod->series != series) {	/* its owner is told only now */
		pod->series->pods--;
		pod->series = series;
		series->pods++;
	}
	pod->touched_ns = ev->time_ns;
	pod->judged = pod->judged || ev->kind == DS_EVENT_VERDICT;
	pod->ended = pod->ended || is_over(ev);
	pod->going = !pod->judged && (pod->going || is_going(ev));
	if (pod->judged && pod->ended)
		forget_pod(table, pod);
}

void ds_series_expire(struct ds_series_table *table, int64_t now_ns)
{
	struct ds_series_pod *pod, *next_pod;
	struct ds_series *s, *next;

	HASH_ITER (hh, table->pods, pod, next_pod)
		if ((pod->judged || pod->ended) && now_ns - pod->touched_ns > KEPT_NS)
			forget_pod(table, pod);
	HASH_ITER (hh, table->series, s, next)
		if (!s->pods && now_ns - s->touched_ns > KEPT_NS)
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
	HASH_ITER (hh, table->series, s, next)
		remove_series(table, s);
}
