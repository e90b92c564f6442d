/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a pod's containers end: SIGTERM to their first processes, SIGKILL and who sent it, exits
 * (DESIGN section 1). Workers, helpers and the sandbox's own process are no milestones. Pure.
 */
#include <string.h>

#include "user/core/state.h"

#define CLOCKS_NS DS_NS_PER_S			/* T0 is by the API server's clock */
#define TIMER_NS (100 * DS_NS_PER_MS)		/* the runtime's, beside the kernel's clock */

static bool is_sandbox(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_EXECUTABLE) && !strcmp(ev->executable, "pause");
}

/*
 * runc's own steps on the way to a container. They are in its cgroup already, the first of them
 * still in the node's network namespace; and their end is not the container's.
 */
static bool is_runtime(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_EXECUTABLE) && !strncmp(ev->executable, "runc:[", 6);
}

/* ---- containers ---- */

/* A container that restarts for ever: the one that ended first makes room. NULL = none ended. */
static struct ds_pod_container *reuse_container(struct ds_pod *pod)
{
	struct ds_pod_container *oldest = NULL;

	for (int i = 0; i < pod->containers_cnt; i++) {
		struct ds_pod_container *c = &pod->containers[i];

		if (c->exited_ns && (!oldest || c->exited_ns < oldest->exited_ns))
			oldest = c;
	}
	if (oldest)
		memset(oldest, 0, sizeof(*oldest));
	return oldest;
}

/* The container of that id, made when new; NULL when there are too many. */
static struct ds_pod_container *container_of(struct ds_pod *pod, const char *id)
{
	struct ds_pod_container *c;

	for (int i = 0; i < pod->containers_cnt; i++)
		if (!strcmp(pod->containers[i].id, id))
			return &pod->containers[i];
	c = DS_POD_ADD(pod->containers, pod->containers_cnt, DS_POD_CONTAINERS_MAX);
	c = c ? c : reuse_container(pod);
	if (c)
		memcpy(c->id, id, strlen(id) + 1);
	return c;
}

/* ---- SIGTERM ---- */

/* What it got before its end began was for a restart. */
static bool is_of_before(const struct ds_pod *pod)
{
	return pod->t0_ns && pod->sigterm_ns + CLOCKS_NS < pod->t0_ns;
}

static void told_to_end(struct ds_core *core, struct ds_pod *pod, struct ds_pod_container *c,
			const struct ds_event *ev)
{
	bool ignored = ev->process_change == DS_PROCESS_CHANGE_SIGTERM_IGNORED;

	if (!c->sigterm_ns)
		c->sigterm_ns = ev->time_ns;
	if (!pod->sigterm_ns || is_of_before(pod))
		pod->sigterm_ns = ev->time_ns;
	if (!pod->by_kubernetes)
		ds_pod_set_t0(pod, ev->time_ns, 0, DS_T0_SOURCE_SIGTERM);
	if (ignored)
		pod->sigterm_ignored = true;
	ds_phase_enter(core, pod, ignored ? DS_PHASE_SIGTERM_IGNORED : DS_PHASE_SIGTERM,
			  ev->time_ns, 0, c->id);
}

/* ---- SIGKILL ---- */

/*
 * Whether the grace period was over: since T0, or, where the container alone is restarted, since
 * its SIGTERM. A preStop hook that overran it moves the end on, never back.
 */
static bool is_grace_over(const struct ds_pod *pod, const struct ds_pod_container *c, int64_t at_ns)
{
	int64_t grace_ns = pod->grace_s * DS_NS_PER_S;

	if (pod->grace_s < 0)
		return false;
	return (pod->t0_ns && at_ns + CLOCKS_NS >= pod->t0_ns + grace_ns) ||
	       (c->sigterm_ns && at_ns + TIMER_NS >= c->sigterm_ns + grace_ns);
}

/* enum ds_killed_by, or -1 where the event does not tell. */
static int killed_by(const struct ds_pod *pod, const struct ds_pod_container *c,
		     const struct ds_event *ev)
{
	int source = ds_event_has(ev, DS_KEY_SIGNAL_SOURCE) ? ev->signal_source : -1;

	if (ev->process_change == DS_PROCESS_CHANGE_OOM_KILLED)
		return DS_KILLED_BY_OOM;
	if (source == DS_SIGNAL_SOURCE_NAMESPACE_END)
		return DS_KILLED_BY_NAMESPACE_END;
	if (source == DS_SIGNAL_SOURCE_KERNEL)
		return DS_KILLED_BY_KERNEL;
	if (source != DS_SIGNAL_SOURCE_CONTAINER && is_grace_over(pod, c, ev->time_ns))
		return DS_KILLED_BY_GRACE_END;
	return source == DS_SIGNAL_SOURCE_CGROUP_KILL ? DS_KILLED_BY_CGROUP_KILL :
	       source >= 0 ? DS_KILLED_BY_PROCESS : -1;
}

static void killed(struct ds_core *core, struct ds_pod *pod, struct ds_pod_container *c,
		   const struct ds_event *ev)
{
	struct ds_phase_change change = { .phase = DS_PHASE_SIGKILL, .at_ns = ev->time_ns,
					  .container = c->id, .killed_by = killed_by(pod, c, ev) };

	if (!pod->sigkill_ns)
		pod->sigkill_ns = ev->time_ns;
	if (!c->killed_ns) {	/* a second one finds it dying */
		c->killed_ns = ev->time_ns;
		c->killed_by = change.killed_by;
	}
	ds_phase_tell(core, pod, &change);
}

/* ---- the end ---- */

static int ended_by(const struct ds_pod_container *c, int exit_code)
{
	if (exit_code == 128 + 15)
		return DS_ENDED_BY_SIGTERM;
	if (exit_code != 128 + 9)
		return DS_ENDED_BY_EXIT;
	/* A shell hands on the status of its child, which the OOM killer may have taken. */
	if (c->killed_ns ? c->killed_by == DS_KILLED_BY_OOM : c->oom_ns != 0)
		return DS_ENDED_BY_OOM_KILLED;
	return c->killed_ns && c->killed_by == DS_KILLED_BY_CGROUP_KILL ? DS_ENDED_BY_CGROUP_KILL :
									  DS_ENDED_BY_SIGKILL;
}

/*
 * An init container's, or that of another that did its work before anything served: the pod goes
 * on, and what is refused meanwhile is refused because nothing listens yet.
 */
static bool is_preparation(const struct ds_pod *pod, const struct ds_pod_container *c, int code)
{
	return !code && !pod->listeners_cnt && !c->sigterm_ns && !ds_pod_is_going(pod);
}

static void exited(struct ds_core *core, struct ds_pod *pod, struct ds_pod_container *c,
		   const struct ds_event *ev)
{
	int code = ds_event_has(ev, DS_KEY_EXIT_CODE) ? (int)ev->exit_code : 0;
	int by = ended_by(c, code);

	c->exited_ns = ev->time_ns;
	c->exit_code = code;
	if (!is_preparation(pod, c, code))
		pod->exited_ns = ev->time_ns;
	if (by > pod->ended_by)		/* the harder end of several containers counts */
		pod->ended_by = by;
	ds_phase_enter(core, pod, DS_PHASE_EXITED, ev->time_ns, 0, c->id);
}

void ds_process_event(struct ds_core *core, const struct ds_event *ev)
{
	const char *path = ds_event_has(ev, DS_KEY_CGROUP_PATH) ? ev->cgroup_path : "";
	char id[DS_POD_ID_LEN + 1];
	struct ds_pod_container *c;
	struct ds_pod *pod;
	int attribution;

	if (is_runtime(ev))
		return;
	pod = ds_timeline_pod_of(core, ev, &attribution);
	if (!pod)
		return;
	ds_timeline_learn_netns(core, pod, ev);
	if (is_sandbox(ev) && ev->process_change == DS_PROCESS_CHANGE_EXITED)
		(void)ds_ending_begin(core, pod, ev->time_ns);
	if (is_sandbox(ev) || !ds_cgroup_container(path, id))
		return;
	if (ev->process_change != DS_PROCESS_CHANGE_OOM_KILLED &&
	    (!ds_event_has(ev, DS_KEY_IS_INIT) || !ev->is_init))
		return;
	c = container_of(pod, id);
	if (!c)
		return;		/* more containers than that are not told apart */
	switch (ev->process_change) {
	case DS_PROCESS_CHANGE_SIGTERM:
	case DS_PROCESS_CHANGE_SIGTERM_IGNORED:
		told_to_end(core, pod, c, ev);
		break;
	case DS_PROCESS_CHANGE_OOM_KILLED:
		c->oom_ns = ev->time_ns;
		if (ds_event_has(ev, DS_KEY_IS_INIT) && ev->is_init)
			killed(core, pod, c, ev);
		break;
	case DS_PROCESS_CHANGE_SIGKILL:
		killed(core, pod, c, ev);
		break;
	case DS_PROCESS_CHANGE_EXITED:
		exited(core, pod, c, ev);
		break;
	default:
		break;
	}
	ds_tap_pod_changed(core, pod);
}
