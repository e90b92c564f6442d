/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a pod of which Kubernetes has not told: its watch is cut, or the kubelet ends the pod
 * by itself and says so only afterwards. SIGTERM alone may be one container's restart. What tells
 * the two apart is the sandbox: it outlives every restart, and goes with the pod right after the
 * last container. T0 is the SIGTERM then (DESIGN section 1). Pure.
 */
#include "user/core/state.h"

#define TOLD_LATE_NS (10 * DS_NS_PER_S)	/* from a pod's end to the status that tells it */
#define STAMP_NS DS_NS_PER_S		/* the API's moments are floors to this */
#define RELEASE_STAYS_NS (2 * DS_NS_PER_S)	/* a route that is made anew is back by then */
#define WAIT_MAX_NS (120 * DS_NS_PER_S)	/* for what waits there is a bound, however long grace is */
#define BLIND_MAX_NS (300 * DS_NS_PER_S)	/* a SIGTERM that is older explains nothing */

static int64_t grace_ns(const struct ds_pod *pod)
{
	return (pod->grace_s > 0 ? pod->grace_s : 0) * DS_NS_PER_S;
}

/* Something was opened since: the container was restarted, and its SIGTERM was for that. */
static bool went_on(const struct ds_pod *pod, const struct ds_pod_container *c)
{
	for (int i = 0; i < pod->listeners_cnt; i++)
		if (pod->listeners[i].opened_ns > c->sigterm_ns)
			return true;
	return false;
}

/* The SIGTERM with which an end began that is over by then, by grace at most before it. 0: none. */
static int64_t sigterm_of_end(const struct ds_pod *pod, int64_t end_ns)
{
	int64_t first_ns = 0;

	for (int i = 0; i < pod->containers_cnt; i++) {
		const struct ds_pod_container *c = &pod->containers[i];

		if (c->sigterm_ns && !went_on(pod, c) && c->sigterm_ns < end_ns + STAMP_NS &&
		    end_ns - c->sigterm_ns <= grace_ns(pod) + TOLD_LATE_NS &&
		    (!first_ns || c->sigterm_ns < first_ns))
			first_ns = c->sigterm_ns;
	}
	return first_ns;
}

/* A Job's work is done: only the sidecars that are left are told to end. */
static bool ended_by_itself(const struct ds_pod *pod, int64_t sigterm_ns)
{
	for (int i = 0; i < pod->containers_cnt; i++) {
		const struct ds_pod_container *c = &pod->containers[i];

		if (c->exited_ns && !c->sigterm_ns && c->exited_ns <= sigterm_ns &&
		    sigterm_ns - c->exited_ns < TOLD_LATE_NS)
			return true;
	}
	return false;
}

/* ---- it ends ---- */

bool ds_ending_begin(struct ds_core *core, struct ds_pod *pod, int64_t end_ns)
{
	int64_t sigterm_ns = sigterm_of_end(pod, end_ns), hook_s = ds_pod_prestop_s(pod);

	if (!sigterm_ns || ds_pod_is_going(pod) || ended_by_itself(pod, sigterm_ns))
		return false;
	/* The hook came before it, for as long as it sleeps: where that is not told, for grace. */
	ds_pod_set_t0(pod, sigterm_ns, hook_s >= 0 ? hook_s * DS_NS_PER_S : grace_ns(pod),
		      DS_T0_SOURCE_SIGTERM);
	pod->sigterm_ns = sigterm_ns;
	ds_tap_pod_changed(core, pod);
	return true;
}

static bool is_running(const struct ds_pod *pod)
{
	for (int i = 0; i < pod->containers_cnt; i++)
		if (pod->containers[i].sigterm_ns && !pod->containers[i].exited_ns)
			return true;
	return false;
}

/* A runtime may do without a process for the sandbox: its address goes with it all the same. */
void ds_ending_review(struct ds_core *core)
{
	for (struct ds_pod *pod = ds_ledger_first(core->ledger); pod; pod = pod->next)
		if (pod->released_ns && !pod->t0_ns && pod->containers_cnt && !is_running(pod) &&
		    core->now_ns - pod->released_ns >= RELEASE_STAYS_NS)
			(void)ds_ending_begin(core, pod, pod->released_ns);
}

/* ---- or does it? ---- */

/* It still runs, or ended so lately that the sandbox, or Kubernetes, may tell more. */
static bool is_undecided(const struct ds_core *core, const struct ds_pod *pod,
			 const struct ds_pod_container *c, int64_t at_ns)
{
	if (!c->sigterm_ns || went_on(pod, c))
		return false;
	if (core->watch_is_blind && at_ns < c->sigterm_ns + BLIND_MAX_NS)
		return true;
	return c->exited_ns ? at_ns < c->exited_ns + TOLD_LATE_NS :
			      at_ns < c->sigterm_ns + grace_ns(pod) + TOLD_LATE_NS;
}

/* Of those that got SIGTERM less than that ago. */
static bool is_any_undecided(const struct ds_core *core, const struct ds_pod *pod, int64_t at_ns,
			     int64_t most_ns)
{
	for (int i = 0; i < pod->containers_cnt && !ds_pod_is_going(pod); i++)
		if (is_undecided(core, pod, &pod->containers[i], at_ns) &&
		    at_ns < pod->containers[i].sigterm_ns + most_ns)
			return true;
	return false;
}

bool ds_ending_is_unclear(const struct ds_core *core, const struct ds_pod *pod, int64_t at_ns)
{
	return is_any_undecided(core, pod, at_ns, DS_EVENT_TIME_MAX);
}

bool ds_ending_is_waited_for(const struct ds_core *core, const struct ds_pod *pod, int64_t at_ns)
{
	return is_any_undecided(core, pod, at_ns, WAIT_MAX_NS);
}

bool ds_core_waits_for_word(const struct ds_core *core)
{
	for (const struct ds_pod *p = ds_ledger_first(core->ledger); p; p = p->next) {
		if (!p->by_kubernetes || ds_pod_trigger(p) >= 0)
			continue;
		if (ds_pod_is_going(p) ? core->now_ns - p->t0_ns < grace_ns(p) + TOLD_LATE_NS :
					 ds_ending_is_waited_for(core, p, core->now_ns))
			return true;
	}
	return false;
}
