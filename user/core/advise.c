/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Advice per workload, from what was measured over all its pods (DESIGN section 8): preStop and
 * the grace period. A line is written when a rollout of the workload is over and what it says is
 * new. Pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/state.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"

#define WORKLOADS_MAX 16384
#define STOP_MARGIN_S 2	/* from SIGTERM to exit, at the least (DESIGN section 8) */

struct workload {
	char key[DS_POD_NAME_LEN * 2 + 32];	/* KIND/NAMESPACE/NAME */
	UT_hash_handle hh;
	struct workload *next;			/* in order of first mention */
	bool fresh;				/* judged pods since the last review */
	int64_t pods, rollouts;
	int64_t drops;
	int64_t tail_ns, tail_error_ns;		/* of the pod with the largest sum */
	bool tail_known;
	int64_t stop_ns;			/* slowest SIGTERM to exit, -1 = none seen */
	int64_t killed_pods;			/* ended by SIGKILL: that time is censored */
	int64_t prestop_s, grace_s;		/* as configured, -1 = not told */
	int64_t advised_prestop_s, advised_grace_s;
};

struct ds_advise {
	struct workload *by_key;
	struct workload *first, *last;
	size_t cnt;
};

int ds_advise_new(struct ds_advise **ret_advise)
{
	*ret_advise = calloc(1, sizeof(**ret_advise));
	return *ret_advise ? 0 : -ENOMEM;
}

void ds_advise_free(struct ds_advise **advise)
{
	struct ds_advise *a = advise ? *advise : NULL;

	if (!a)
		return;
	for (struct workload *w = a->first, *next; w; w = next) {
		next = w->next;
		HASH_DEL(a->by_key, w);
		free(w);
	}
	free(DS_TAKE(*advise));
}

static void key_of(const struct ds_pod *pod, char *buf, size_t size)
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
	(void)snprintf(buf, size, "%s/%s/%s", kinds[pod->owner_kind], pod->namespace_, name);
}

static struct workload *workload_of(struct ds_advise *a, const struct ds_pod *pod)
{
	char key[sizeof(((struct workload *)0)->key)];
	struct workload *w = NULL;

	key_of(pod, key, sizeof(key));
	HASH_FIND_STR(a->by_key, key, w);
	if (w)
		return w;
	w = a->cnt < WORKLOADS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return NULL;
	memcpy(w->key, key, sizeof(key));
	w->stop_ns = w->prestop_s = w->grace_s = -1;
	w->advised_prestop_s = w->advised_grace_s = -1;
	HASH_ADD_STR(a->by_key, key, w);
	if (!DS_HASH_ADDED(w)) {
		free(w);
		return NULL;
	}
	if (a->last)
		a->last->next = w;
	else
		a->first = w;
	a->last = w;
	a->cnt++;
	return w;
}

void ds_advise_judged(struct ds_core *core, struct ds_pod *pod)
{
	struct workload *w = workload_of(core->advise, pod);
	int64_t stop_ns;

	if (!w)
		return;		/* too many workloads: no advice for this one */
	w->fresh = true;
	w->pods++;
	w->drops += pod->rollout_drops;
	w->prestop_s = ds_pod_prestop_s(pod);
	w->grace_s = pod->grace_s;
	if (pod->tail_known &&
	    (!w->tail_known || pod->tail_ns + pod->tail_error_ns > w->tail_ns + w->tail_error_ns)) {
		w->tail_known = true;
		w->tail_ns = pod->tail_ns;
		w->tail_error_ns = pod->tail_error_ns;
	}
	if (pod->ended_by == DS_ENDED_BY_SIGKILL || pod->ended_by == DS_ENDED_BY_CGROUP_KILL ||
	    pod->ended_by == DS_ENDED_BY_OOM_KILLED) {
		w->killed_pods++;
		return;
	}
	stop_ns = ds_pod_slowest_exit(pod);
	if (stop_ns > w->stop_ns)
		w->stop_ns = stop_ns;
}

static int64_t ceil_s(int64_t ns)
{
	return (ns + DS_NS_PER_S - 1) / DS_NS_PER_S;
}

/* value + its margin: at least floor_ns, else percent of it. */
static int64_t with_margin(int64_t value_ns, int64_t floor_ns, int64_t percent)
{
	int64_t share = value_ns / 100 * percent;

	return value_ns + (share > floor_ns ? share : floor_ns);
}

static int64_t needed_prestop_s(const struct workload *w)
{
	int64_t margin = with_margin(w->tail_ns, DS_NS_PER_S, 10) - w->tail_ns;

	return ceil_s(w->tail_ns + w->tail_error_ns + margin);
}

static int64_t needed_grace_s(const struct workload *w, int64_t prestop_s)
{
	return prestop_s + ceil_s(with_margin(w->stop_ns, STOP_MARGIN_S * DS_NS_PER_S, 20));
}

static void write_advice(struct ds_core *core, const struct workload *w, int code,
			 const char *field, int64_t current_s, int64_t suggested_s,
			 const char *evidence)
{
	char current[24] = "none", suggested[24];
	struct ds_event ev;

	ds_core_start_event(core, &ev, DS_EVENT_ADVICE, core->now_ns);
	DS_SET(&ev, ADVICE, advice, code);
	DS_SET_STR(&ev, ADVICE_OBJECT, advice_object, w->key);
	DS_SET_STR(&ev, ADVICE_FIELD, advice_field, field);
	if (current_s > 0)
		(void)snprintf(current, sizeof(current), "%lld", (long long)current_s);
	if (current_s >= 0)
		DS_SET_STR(&ev, ADVICE_CURRENT, advice_current, current);
	(void)snprintf(suggested, sizeof(suggested), "%lld", (long long)suggested_s);
	DS_SET_STR(&ev, ADVICE_SUGGESTED, advice_suggested, suggested);
	DS_SET_STR(&ev, ADVICE_EVIDENCE, advice_evidence, evidence);
	DS_SET(&ev, ADVICE_CONFIDENCE, advice_confidence,
	       !ds_peers_know_load_balancer(&core->peers) || core->lost_events ? DS_CONFIDENCE_LOW :
	       w->pods >= 3 ? DS_CONFIDENCE_HIGH : DS_CONFIDENCE_MEDIUM);
	DS_SET(&ev, ADVICE_PODS, advice_pods, w->pods);
	DS_SET(&ev, ADVICE_ROLLOUTS, advice_rollouts, w->rollouts);
	ds_core_emit(core, &ev);
}

/* Only where something was lost: a longer hook has its price, and a clean rollout needs none. */
static void advise_prestop(struct ds_core *core, struct workload *w)
{
	int64_t needed = needed_prestop_s(w);
	char evidence[160];

	if (!w->drops || !w->tail_known || needed <= w->prestop_s || needed == w->advised_prestop_s)
		return;
	w->advised_prestop_s = needed;
	(void)snprintf(evidence, sizeof(evidence),
		       "the load balancer sent until %.3f s after deletion was requested (error %.3f s); "
		       "%lld connections lost", (double)w->tail_ns / 1e9, (double)w->tail_error_ns / 1e9,
		       (long long)w->drops);
	write_advice(core, w, DS_ADVICE_RAISE_PRESTOP,
		     "spec.template.spec.containers[].lifecycle.preStop.sleep.seconds",
		     w->prestop_s, needed, evidence);
}

static void advise_grace(struct ds_core *core, struct workload *w)
{
	int64_t prestop = w->advised_prestop_s > w->prestop_s ? w->advised_prestop_s : w->prestop_s;
	/* An exit by SIGKILL says only that the grace period was too short, not by how much. */
	bool measured = w->stop_ns >= 0 && !w->killed_pods;
	char evidence[160];
	int64_t needed;

	if (prestop < 0 || w->grace_s < 0 || (!measured && w->advised_prestop_s < 0))
		return;
	/* A hook that is not shorter than the grace period is cut: the two are raised together. */
	needed = measured ? needed_grace_s(w, prestop) : prestop + STOP_MARGIN_S;
	if (needed <= w->grace_s || needed == w->advised_grace_s)
		return;
	w->advised_grace_s = needed;
	if (measured)
		(void)snprintf(evidence, sizeof(evidence),
			       "preStop of %lld s, and %.3f s from SIGTERM to exit at the slowest",
			       (long long)prestop, (double)w->stop_ns / 1e9);
	else
		(void)snprintf(evidence, sizeof(evidence),
			       "preStop of %lld s; how long the application takes to stop was not measured: "
			       "a lower bound", (long long)prestop);
	write_advice(core, w, DS_ADVICE_RAISE_GRACE,
		     "spec.template.spec.terminationGracePeriodSeconds", w->grace_s, needed, evidence);
}

static bool is_rolling(const struct ds_core *core, const struct workload *w)
{
	char key[sizeof(w->key)];

	for (const struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next) {
		if (!ds_pod_is_going(pod) || pod->verdict_written)
			continue;
		key_of(pod, key, sizeof(key));
		if (!strcmp(key, w->key))
			return true;
	}
	return false;
}

void ds_advise_review(struct ds_core *core)
{
	for (struct workload *w = core->advise->first; w; w = w->next) {
		if (!w->fresh || is_rolling(core, w))
			continue;
		w->fresh = false;
		w->rollouts++;
		advise_prestop(core, w);
		advise_grace(core, w);
	}
}
