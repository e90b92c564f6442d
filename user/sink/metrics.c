/* SPDX-License-Identifier: Apache-2.0 */
/* Counting. */
#include "user/sink/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sink/metrics_state.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

#define MAX_PODS 16384
#define EXPIRE_EVERY_NS (60 * DS_NS_PER_S)

const int64_t ds_metrics_lag_bounds[DS_LAG_BOUNDS] = {
	DS_NS_PER_S / 2, DS_NS_PER_S, 2 * DS_NS_PER_S, 5 * DS_NS_PER_S,
	10 * DS_NS_PER_S, 30 * DS_NS_PER_S, 60 * DS_NS_PER_S,
};

int ds_metrics_parse_labels(const char *list, struct ds_metrics_labels *ret_labels)
{
	static const char *const words[] = { "namespace", "workload", "pod" };
	bool given[3] = { false };

	for (const char *end;; list = end + 1) {
		size_t i = 0;

		end = list + strcspn(list, ",");
		while (i < 3 && (strlen(words[i]) != (size_t)(end - list) ||
				 memcmp(words[i], list, (size_t)(end - list)) != 0))
			i++;
		if (i == 3 || given[i])
			return -EINVAL;
		given[i] = true;
		if (!*end)
			break;
	}
	if (!given[0])
		return -EINVAL;
	*ret_labels = (struct ds_metrics_labels){ .workload = given[1], .pod = given[2] };
	return 0;
}

int ds_metrics_new(struct ds_metrics **ret_metrics, const struct ds_metrics_options *options)
{
	struct ds_metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->table.by_workload = options->labels.workload;
	m->table.by_pod = options->labels.pod;
	m->table.max_series =
		options->max_series ? options->max_series : DS_METRICS_SERIES_DEFAULT;
	m->table.max_pods = MAX_PODS;
	if (options->revision)
		(void)snprintf(m->revision, sizeof(m->revision), "%s", options->revision);
	if (options->libbpf)
		(void)snprintf(m->libbpf, sizeof(m->libbpf), "%s", options->libbpf);
	*ret_metrics = m;
	return 0;
}

void ds_metrics_free(struct ds_metrics **metrics)
{
	struct ds_metrics *m = metrics ? *metrics : NULL;

	if (!m)
		return;
	ds_series_clear(&m->table);
	free(DS_TAKE(*metrics));
}

bool ds_metrics_is_put_out(enum ds_event_kind kind)
{
	return !ds_kinds[kind].input || kind == DS_EVENT_START || kind == DS_EVENT_POD_STATE ||
	       kind == DS_EVENT_TARGET;
}

/* ---- inputs ---- */

/* Losses may be told from outside, with any number. */
static void count_loss(struct ds_metrics *m, const struct ds_event *ev)
{
	int64_t *sum = &m->lost[ev->loss_stage];

	if (ev->loss_stage == DS_LOSS_STAGE_RESTART)
		return;		/* a time, not a number of events */
	if (__builtin_add_overflow(*sum, ds_event_has(ev, DS_KEY_LOSS_COUNT) ? ev->loss_count : 1,
				   sum))
		*sum = INT64_MAX;
}

static void take_tick(struct ds_metrics *m, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_PROBES_ATTACHED_COUNT)) {
		m->ticked = true;
		m->probes_attached = ev->probes_attached_count;
		m->probes_missing = ev->probes_missing_count;
	}
	if (ds_event_has(ev, DS_KEY_TAP_ON_MS))
		m->tap_on_ns = ev->tap_on_ms;
	if (ds_event_has(ev, DS_KEY_WATCH_RESTARTS)) {
		m->watched = true;
		m->watch_restarts = ev->watch_restarts;
	}
	if (ds_event_has(ev, DS_KEY_WATCH_LAG))
		m->watch_until_ns = ev->time_ns - ev->watch_lag;
	if (ds_event_has(ev, DS_KEY_POLL_REQUESTS)) {
		m->polled = true;
		m->polls = ev->poll_requests;
		m->polls_throttled = ev->poll_throttled;
		m->polls_failed = ev->poll_failed;
	}
	m->table.now_ns = ev->time_ns;
	if (ev->time_ns - m->expired_ns < EXPIRE_EVERY_NS)
		return;
	m->expired_ns = ev->time_ns;
	ds_series_expire(&m->table, ev->time_ns);
}

void ds_metrics_input(struct ds_metrics *m, const struct ds_event *ev)
{
	if (ev->kind == DS_EVENT_LOSS)
		count_loss(m, ev);
	else if (ev->kind == DS_EVENT_TICK)
		take_tick(m, ev);
}

/* ---- outputs ---- */

static bool shows(const struct ds_event *ev, enum ds_hook hook)
{
	const char *word = ds_name(DS_NAMES_HOOK, hook), *list = ev->evidence;
	size_t len = strlen(word);

	while (*list) {
		size_t n = strcspn(list, ",");

		if (n == len && !strncmp(list, word, len))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/* Which end of the connection, if any, was told by a reset. */
static int reset_direction(const struct ds_event *ev)
{
	switch (ev->cause) {
	case DS_CAUSE_LISTENER_CLOSED:
	case DS_CAUSE_NOT_LISTENING_YET:
	case DS_CAUSE_LATE_REQUEST:
	case DS_CAUSE_KEEPALIVE_RACE:
		return DS_RESET_SENT;	/* also where a kernel shows only the packet's end */
	case DS_CAUSE_CLOSED_BY_LOAD_BALANCER:
	case DS_CAUSE_CLOSED_BY_PEER:
		return DS_RESET_RECEIVED;
	default:
		break;
	}
	if (!ds_event_has(ev, DS_KEY_EVIDENCE))
		return -1;
	if (shows(ev, DS_HOOK_SEND_RESET) || shows(ev, DS_HOOK_V4_SEND_RESET) ||
	    shows(ev, DS_HOOK_V6_SEND_RESET))
		return DS_RESET_SENT;
	return shows(ev, DS_HOOK_RECEIVE_RESET) ? DS_RESET_RECEIVED : -1;
}

/* The peer hears nothing of it: neither a reset, nor a FIN, nor an ICMP error. */
static bool is_unanswered(const struct ds_event *ev)
{
	if (ev->cause == DS_CAUSE_BACKLOG_OVERFLOW)
		return true;
	if (ev->cause == DS_CAUSE_REJECTED)
		return ds_event_has(ev, DS_KEY_SYMPTOM) && ev->symptom == DS_SYMPTOM_TIMEOUT;
	return ev->cause == DS_CAUSE_ADDRESS_RELEASED &&
	       !(ds_event_has(ev, DS_KEY_OUTCOME) && ev->outcome == DS_OUTCOME_ICMP_UNREACHABLE);
}

/* How many of the n connections were lost before they stood. */
static uint64_t lost_as_syns(const struct ds_event *ev, uint64_t n)
{
	if (!ds_event_has(ev, DS_KEY_DROP_SYNS) || !ds_event_has(ev, DS_KEY_DROP_PACKETS) ||
	    ev->drop_syns <= 0)
		return 0;
	/* A line that stands for several counts each of them as one packet. */
	if (n > 1)
		return (uint64_t)ev->drop_syns < n ? (uint64_t)ev->drop_syns : n;
	return ev->drop_syns >= ev->drop_packets;
}

static void count_ending(struct ds_metrics *m, struct ds_series *s, const struct ds_event *ev,
			 uint64_t n)
{
	int phase = ds_event_has(ev, DS_KEY_PHASE) ? ev->phase : DS_PHASE_MAX;
	int direction = reset_direction(ev);

	if (direction >= 0) {
		ds_series_count(&m->table, s, DS_SERIES_RESET(direction, phase), n);
	} else if (is_unanswered(ev)) {
		ds_series_count(&m->table, s, DS_SERIES_UNANSWERED(phase), n);
		ds_series_count(&m->table, s, DS_SERIES_UNANSWERED_SYNS(phase),
				lost_as_syns(ev, n));
	}
}

static void count_drop(struct ds_metrics *m, const struct ds_event *ev)
{
	struct ds_series *s = ds_series_of(&m->table, ev);
	uint64_t n = ds_event_has(ev, DS_KEY_REPEAT) && ev->repeat > 0 ? (uint64_t)ev->repeat : 1;
	int place = ev->cause == DS_CAUSE_ABORTED_IN_FLIGHT && ev->level != DS_LEVEL_ERROR ?
		    DS_SERIES_APART : ev->cause;
	struct ds_series_exemplar *e;

	m->suppressed += n - 1;
	count_ending(m, s, ev, n);
	e = &ds_series_count(&m->table, s, DS_SERIES_DROP(place), n)->exemplars[place];
	if (!ds_event_has(ev, DS_KEY_POD_UID) || strlen(ev->pod_uid) >= sizeof(e->uid))
		return;
	(void)snprintf(e->uid, sizeof(e->uid), "%s", ev->pod_uid);
	e->n = (int64_t)n;
	e->time_ns = ev->time_ns;
}

/*
 * From the first sign that the pod goes to the latest moment at which its target can have begun to
 * drain: where that was polled it is an upper bound, which is what a preStop has to outlast. A
 * target that drained before is none.
 */
static void take_lag(struct ds_metrics *m, const struct ds_event *ev)
{
	int bucket = 0;
	int64_t lag_ns;

	if (!ds_event_has(ev, DS_KEY_T0) || !ds_event_has(ev, DS_KEY_DRAIN_NOT_AFTER) ||
	    ev->drain_not_after < ev->t0)
		return;
	lag_ns = ev->drain_not_after - ev->t0;
	while (bucket < DS_LAG_BOUNDS && lag_ns > ds_metrics_lag_bounds[bucket])
		bucket++;
	m->lags[bucket]++;
	if (__builtin_add_overflow(m->lag_sum_ns, lag_ns, &m->lag_sum_ns))
		m->lag_sum_ns = INT64_MAX;	/* 292 years of it */
}

static void count_verdict(struct ds_metrics *m, const struct ds_event *ev)
{
	ds_series_count(&m->table, ds_series_of(&m->table, ev), DS_SERIES_VERDICT(ev->verdict), 1);
	ds_series_pod_told(&m->table, ev);
	take_lag(m, ev);
}

void ds_metrics_output(struct ds_metrics *m, const struct ds_event *ev)
{
	m->emitted[ev->kind]++;
	switch (ev->kind) {
	case DS_EVENT_DROP:
		count_drop(m, ev);
		break;
	case DS_EVENT_VERDICT:
		count_verdict(m, ev);
		break;
	case DS_EVENT_POD_STATE:
	case DS_EVENT_PHASE:
		ds_series_pod_told(&m->table, ev);
		break;
	default:
		break;
	}
}
