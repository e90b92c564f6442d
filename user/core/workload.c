/* SPDX-License-Identifier: Apache-2.0 */
/* Workloads by their key, the longest untouched first; what each pod's verdict adds to its own. */
#include "user/core/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/text.h"

#define WORKLOADS_MAX 16384
#define RATE_MAX (INT64_C(1) << 49)	/* arrivals in 1000 s: far more than there can be */
#define KUBELET_LEAST_NS (2 * DS_NS_PER_S)	/* from SIGTERM to SIGKILL, after any hook */

struct ds_workloads {
	struct ds_workload *by_key;
	struct ds_workload *first, *last;
	size_t cnt;
};

int ds_workloads_new(struct ds_workloads **ret_workloads)
{
	*ret_workloads = calloc(1, sizeof(**ret_workloads));
	return *ret_workloads ? 0 : -ENOMEM;
}

static void unlink_workload(struct ds_workloads *all, struct ds_workload *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else
		all->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		all->last = w->prev;
	w->prev = w->next = NULL;
}

static void append_workload(struct ds_workloads *all, struct ds_workload *w)
{
	w->prev = all->last;
	if (all->last)
		all->last->next = w;
	else
		all->first = w;
	all->last = w;
}

static void remove_workload(struct ds_workloads *all, struct ds_workload *w)
{
	HASH_DEL(all->by_key, w);
	unlink_workload(all, w);
	all->cnt--;
	free(w);
}

void ds_workloads_free(struct ds_workloads **workloads)
{
	struct ds_workloads *all = workloads ? *workloads : NULL;

	if (!all)
		return;
	while (all->first)
		remove_workload(all, all->first);
	free(DS_TAKE(*workloads));
}

static void key_of(const struct ds_pod *pod, char key[DS_WORKLOAD_KEY_LEN])
{
	static const char *const kinds[DS_OWNER_MAX] = {
		[DS_OWNER_NONE] = "Pod", [DS_OWNER_DEPLOYMENT] = "Deployment",
		[DS_OWNER_STATEFULSET] = "StatefulSet", [DS_OWNER_DAEMONSET] = "DaemonSet",
		[DS_OWNER_REPLICASET] = "ReplicaSet", [DS_OWNER_JOB] = "Job",
	};
	char address[DS_ADDR_STRLEN] = "";
	const char *name = pod->owner_kind != DS_OWNER_NONE ? pod->owner : pod->name;

	if (!name[0] && pod->addresses_cnt) {
		(void)ds_addr_format(&pod->addresses[0], address);
		name = address;
	}
	(void)snprintf(key, DS_WORKLOAD_KEY_LEN, "%s/%s/%s", kinds[pod->owner_kind],
		       pod->namespace_, name);
}

static struct ds_workload *find_or_add(struct ds_workloads *all, const char *key)
{
	struct ds_workload *w = NULL;

	HASH_FIND_STR(all->by_key, key, w);
	if (w) {
		unlink_workload(all, w);
		append_workload(all, w);
		return w;
	}
	/* Every Job is one of its own: those of long ago go. */
	if (all->cnt == WORKLOADS_MAX)
		remove_workload(all, all->first);
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	memcpy(w->key, key, strnlen(key, sizeof(w->key) - 1));
	w->m.begun_ns = w->kept_ns = -1;
	w->m.stop_ns = w->prestop_s = w->grace_s = w->delay_s = -1;
	w->hook_cut_ns = w->reuse_ns = w->rollout_rate = -1;
	for (int code = 0; code < DS_ADVICE_MAX; code++)
		w->said[code] = w->found[code].most_ns = -1;
	HASH_ADD_STR(all->by_key, key, w);
	if (!DS_HASH_ADDED(w)) {
		free(w);
		return NULL;
	}
	append_workload(all, w);
	all->cnt++;
	return w;
}

struct ds_workload *ds_workload_of(struct ds_workloads *all, const struct ds_pod *pod)
{
	char key[DS_WORKLOAD_KEY_LEN];

	key_of(pod, key);
	return find_or_add(all, key);
}

struct ds_workload *ds_workloads_first(const struct ds_workloads *all)
{
	return all->first;
}

bool ds_workload_has(const struct ds_workload *w, const struct ds_pod *pod)
{
	char key[DS_WORKLOAD_KEY_LEN];

	key_of(pod, key);
	return !strcmp(key, w->key);
}

/* ---- what a pod's end adds ---- */

void ds_workload_found(struct ds_workload *w, enum ds_advice code, int64_t at_ns, int64_t most_ns)
{
	struct ds_finding *f = &w->found[code];

	if (!f->cnt++)
		f->first_ns = at_ns;
	if (at_ns > f->last_ns)
		f->last_ns = at_ns;
	if (most_ns > f->most_ns)
		f->most_ns = most_ns;
}

static void take_tail(struct ds_measured *m, const struct ds_pod *pod)
{
	if (!pod->tail_known || (m->tail_known && pod->tail_ns + pod->tail_error_ns <=
							  m->tail_ns + m->tail_error_ns))
		return;
	m->tail_known = true;
	m->tail_ns = pod->tail_ns;
	m->tail_error_ns = pod->tail_error_ns;
}

/*
 * Connections that an NLB leaves with the pod are used for as long as the pod is there: how long
 * that was says nothing of how long it has to be. Those that were new do.
 */
static void take_begun(const struct ds_core *core, struct ds_workload *w, const struct ds_pod *pod)
{
	int64_t begun_ns = pod->last_begun_ns > pod->t0_ns ? pod->last_begun_ns - pod->t0_ns : 0;
	bool lost = pod->drops_by[DS_CAUSE_LATE_REQUEST] ||
		    pod->drops_by[DS_CAUSE_ABORTED_IN_FLIGHT];

	if (!pod->tail_known || !ds_pod_keeps_connections(core, pod))
		return;
	if (begun_ns > w->m.begun_ns)
		w->m.begun_ns = begun_ns;
	if (lost && pod->tail_ns > begun_ns && pod->tail_ns > w->kept_ns)
		w->kept_ns = pod->tail_ns;
}

/* How long it takes to stop, where nothing kept it that no grace period could outlast. */
static void take_stop(struct ds_measured *m, const struct ds_pod *pod)
{
	int64_t stop_ns = ds_pod_slowest_exit(pod);

	if (pod->not_drops[DS_NOT_DROP_LONG_LIVED])
		return;
	if (pod->ended_by == DS_ENDED_BY_SIGKILL || pod->ended_by == DS_ENDED_BY_CGROUP_KILL ||
	    pod->ended_by == DS_ENDED_BY_OOM_KILLED)
		m->killed_pods++;
	else if (stop_ns > m->stop_ns)
		m->stop_ns = stop_ns;
}

/* The hook was still running when the kubelet gave up on it: SIGTERM came before its time. */
static void take_hook(struct ds_workload *w, const struct ds_pod *pod)
{
	int64_t slept_ns = pod->sigterm_ns - pod->t0_ns;

	if (w->grace_s < 0 || w->prestop_s < w->grace_s || !w->prestop_s || !pod->sigterm_ns ||
	    pod->t0_source == DS_T0_SOURCE_SIGTERM || slept_ns < 0 ||
	    slept_ns >= w->prestop_s * DS_NS_PER_S)
		return;
	if (slept_ns > w->hook_cut_ns)
		w->hook_cut_ns = slept_ns;
}

static bool listened_until(const struct ds_pod *pod, int64_t at_ns)
{
	for (int i = 0; i < pod->listeners_cnt; i++) {
		const struct ds_pod_listener *l = &pod->listeners[i];

		if (l->opened_ns <= at_ns && (l->open || l->closed_ns >= at_ns))
			return true;
	}
	return false;
}

/*
 * SIGTERM was delivered and nothing that can be seen came of it until SIGKILL. What waited for its
 * connections, or for a request, may have had its reasons.
 */
static bool did_not_react(const struct ds_pod *pod)
{
	if (pod->not_drops[DS_NOT_DROP_LONG_LIVED] || pod->drops_by[DS_CAUSE_ABORTED_IN_FLIGHT])
		return false;
	for (int i = 0; i < pod->containers_cnt; i++) {
		const struct ds_pod_container *c = &pod->containers[i];

		if (c->sigterm_ns && c->killed_ns && c->killed_by == DS_KILLED_BY_GRACE_END &&
		    c->exit_code == 128 + 9 &&
		    c->killed_ns - c->sigterm_ns >= KUBELET_LEAST_NS - DS_NS_PER_S / 10 &&
		    listened_until(pod, c->killed_ns))
			return true;
	}
	return false;
}

static void take_sigterm(struct ds_workload *w, const struct ds_pod *pod)
{
	bool ignored = pod->sigterm_ignored && pod->sigterm_ns >= pod->t0_ns;
	int64_t waited_ns = pod->sigkill_ns - pod->sigterm_ns;

	if (!ignored && !did_not_react(pod))
		return;
	w->ignoring_pods += ignored;
	ds_workload_found(w, DS_ADVICE_FIX_SIGTERM, pod->sigterm_ns,
			  waited_ns > 0 ? waited_ns : -1);
}

/* For how long after its release the address was still sent to. */
static void take_reuse(struct ds_workload *w, const struct ds_pod *pod)
{
	struct ds_finding *f = &w->found[DS_ADVICE_RAISE_ADDRESS_COOLDOWN];
	int64_t sent_ns = pod->last_arrival_ns - pod->released_ns;

	if (!pod->drops_by[DS_CAUSE_ADDRESS_REUSED] || !pod->released_ns)
		return;
	if (sent_ns > f->most_ns)
		f->most_ns = sent_ns;
	if (pod->reused_ns >= pod->released_ns &&
	    (w->reuse_ns < 0 || pod->reused_ns - pod->released_ns < w->reuse_ns))
		w->reuse_ns = pod->reused_ns - pod->released_ns;
}

/* What the pod says of how short preStop may be: nothing, unless all of its end was seen. */
static int64_t rate_of(const struct ds_core *core, const struct ds_pod *pod)
{
	bool whole = pod->verdict == DS_VERDICT_CLEAN && !pod->verdict_cut && pod->tail_known &&
		     pod->t0_source != DS_T0_SOURCE_SIGTERM && ds_pod_drain(core, pod, 0).known;

	return whole ? ds_traffic_rate(core, pod) : 0;
}

void ds_workload_judged(const struct ds_core *core, struct ds_workload *w, struct ds_pod *pod)
{
	int64_t rate = rate_of(core, pod);

	if (core->final && pod->verdict_cut && !w->cut) {
		w->before_cut = w->m;
		w->cut = true;
	}
	w->fresh = true;
	w->m.pods++;
	w->m.drops += pod->rollout_drops;
	w->prestop_s = ds_pod_prestop_s(pod);
	w->grace_s = pod->grace_s;
	if (w->rollout_rate < 0 || rate < w->rollout_rate)
		w->rollout_rate = rate;
	take_tail(&w->m, pod);
	take_begun(core, w, pod);
	take_stop(&w->m, pod);
	take_hook(w, pod);
	take_sigterm(w, pod);
	take_reuse(w, pod);
}

void ds_workload_add_rate(struct ds_measured *m, int64_t rate)
{
	/* Of a file from elsewhere, or of a moment that was too short: products of it must fit. */
	rate = rate < RATE_MAX ? rate : RATE_MAX;
	for (int i = 0; i < DS_ROLLOUTS_NEEDED; i++)
		if (rate > m->rates[i]) {
			int64_t lower = m->rates[i];

			m->rates[i] = rate;
			rate = lower;
		}
}

void ds_workload_rolled(struct ds_workload *w)
{
	w->fresh = false;
	w->m.rollouts++;
	ds_workload_add_rate(&w->m, w->rollout_rate);
	w->rollout_rate = -1;
}

/* ---- the state file ---- */

bool ds_workload_returns(const struct ds_workload *w)
{
	return strncmp(w->key, "Job/", 4) != 0 && strncmp(w->key, "Pod/", 4) != 0;
}

void ds_workload_write(const struct ds_workload *w, struct ds_event *ev,
		       char rates[DS_WORKLOAD_RATES_LEN])
{
	const struct ds_measured *m = w->cut ? &w->before_cut : &w->m;
	struct ds_text text = { .data = rates, .cap = DS_WORKLOAD_RATES_LEN - 1 };

	ds_event_init(ev, DS_EVENT_WORKLOAD, 0);	/* of no moment */
	DS_SET_STR(ev, ADVICE_OBJECT, advice_object, w->key);
	DS_SET(ev, ADVICE_PODS, advice_pods, m->pods);
	DS_SET(ev, ADVICE_ROLLOUTS, advice_rollouts, m->rollouts);
	DS_SET(ev, VERDICT_DROPS, verdict_drops, m->drops);
	DS_SET(ev, WORKLOAD_KILLED, workload_killed, m->killed_pods);
	if (m->stop_ns >= 0)
		DS_SET(ev, SIGTERM_TO_EXIT, sigterm_to_exit, m->stop_ns);
	if (m->tail_known) {
		DS_SET(ev, TAIL, tail, m->tail_ns);
		DS_SET(ev, TAIL_ERROR, tail_error, m->tail_error_ns);
	}
	if (m->begun_ns >= 0)
		DS_SET(ev, TAIL_BEGUN, tail_begun, m->begun_ns);
	for (int i = 0; i < DS_ROLLOUTS_NEEDED; i++) {
		if (i)
			ds_text_putc(&text, ',');
		ds_text_int(&text, m->rates[i]);
	}
	rates[text.len] = '\0';
	DS_SET_STR(ev, WORKLOAD_RATES, workload_rates, rates);
}

static int64_t within(int64_t ns)
{
	return ns < 0 ? 0 : ns > DS_EVENT_NS_MAX ? DS_EVENT_NS_MAX : ns;
}

/* A count of which there is room for more. */
static int64_t counted(const struct ds_event *ev, enum ds_key key, int64_t n)
{
	return !ds_event_has(ev, key) ? 0 : n > UINT32_MAX ? UINT32_MAX : n;
}

static void restore_rates(struct ds_measured *m, const char *list)
{
	const char *p = list;

	for (int i = 0; i < DS_ROLLOUTS_NEEDED && *p; i++) {
		int64_t rate = 0;

		for (; *p >= '0' && *p <= '9'; p++)
			rate = rate < INT64_C(1) << 50 ? rate * 10 + (*p - '0') : rate;
		ds_workload_add_rate(m, rate);
		p += *p != '\0';
	}
}

void ds_workloads_restore(struct ds_workloads *all, const struct ds_event *ev)
{
	char key[DS_WORKLOAD_KEY_LEN] = "";
	struct ds_workload *w;
	struct ds_measured *m;

	memcpy(key, ev->advice_object, strnlen(ev->advice_object, sizeof(key) - 1));
	w = find_or_add(all, key);
	if (!w)
		return;
	m = &w->m;
	m->pods = counted(ev, DS_KEY_ADVICE_PODS, ev->advice_pods);
	m->rollouts = counted(ev, DS_KEY_ADVICE_ROLLOUTS, ev->advice_rollouts);
	m->drops = counted(ev, DS_KEY_VERDICT_DROPS, ev->verdict_drops);
	m->killed_pods = counted(ev, DS_KEY_WORKLOAD_KILLED, ev->workload_killed);
	m->stop_ns = ds_event_has(ev, DS_KEY_SIGTERM_TO_EXIT) ? within(ev->sigterm_to_exit) : -1;
	m->tail_known = ds_event_has(ev, DS_KEY_TAIL);
	m->tail_ns = m->tail_known ? within(ev->tail) : 0;
	m->tail_error_ns = ds_event_has(ev, DS_KEY_TAIL_ERROR) ? within(ev->tail_error) : 0;
	m->begun_ns = ds_event_has(ev, DS_KEY_TAIL_BEGUN) ? within(ev->tail_begun) : -1;
	memset(m->rates, 0, sizeof(m->rates));
	if (ds_event_has(ev, DS_KEY_WORKLOAD_RATES))
		restore_rates(m, ev->workload_rates);
}
