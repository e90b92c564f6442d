/* SPDX-License-Identifier: Apache-2.0 */
/* The phases of a pod, Kubernetes' and the kernel's: each change is one output line. Pure. */
#include <string.h>

#include "user/core/state.h"

int ds_phase_lane(int phase)
{
	return phase <= DS_PHASE_DELETED ? DS_LANE_KUBERNETES : DS_LANE_KERNEL;
}

void ds_phase_remember(struct ds_pod *pod, int phase, int64_t at_ns, uint16_t port)
{
	int i;

	if (pod->phases_cnt == DS_POD_PHASES_MAX) {
		memmove(&pod->phases[0], &pod->phases[1],
			sizeof(pod->phases[0]) * (DS_POD_PHASES_MAX - 1));
		pod->phases_cnt--;
	}
	for (i = pod->phases_cnt; i > 0 && pod->phases[i - 1].at_ns > at_ns; i--)
		pod->phases[i] = pod->phases[i - 1];
	pod->phases[i] = (struct ds_pod_phase){ .phase = phase, .at_ns = at_ns, .port = port };
	pod->phases_cnt++;
}

void ds_phase_tell(struct ds_core *core, struct ds_pod *pod, const struct ds_phase_change *c)
{
	int phase = c->phase, lane = ds_phase_lane(phase);
	int64_t at_ns = c->at_ns;
	int *latest = lane == DS_LANE_KUBERNETES ? &pod->phase_kubernetes : &pod->phase_kernel;
	char name[DS_POD_TEXT_LEN + 1];
	struct ds_event ev;

	ds_phase_remember(pod, phase, at_ns, c->port);
	ds_core_start_event(core, &ev, DS_EVENT_PHASE, at_ns);
	ds_pod_describe(pod, &ev);
	DS_SET(&ev, PHASE, phase, phase);
	DS_SET(&ev, PHASE_LANE, phase_lane, lane);
	if (*latest >= 0)
		DS_SET(&ev, PHASE_PREVIOUS, phase_previous, *latest);
	if (c->port)
		DS_SET(&ev, PHASE_PORT, phase_port, c->port);
	if (c->not_before_ns)
		DS_SET(&ev, NOT_BEFORE, not_before, c->not_before_ns);
	if (c->not_before_ns)
		DS_SET(&ev, NOT_AFTER, not_after, at_ns);
	DS_SET_STR(&ev, CONTAINER, container, c->container);
	if (c->container && ds_pod_container_name(pod, c->container, name))
		DS_SET_STR(&ev, CONTAINER_NAME, container_name, name);
	if (c->killed_by >= 0 && phase == DS_PHASE_SIGKILL)
		DS_SET(&ev, KILLED_BY, killed_by, c->killed_by);
	if (pod->t0_ns && at_ns >= pod->t0_ns)
		DS_SET(&ev, SINCE_T0, since_t0, at_ns - pod->t0_ns);
	if (phase == DS_PHASE_TERMINATING && pod->grace_s >= 0)
		DS_SET(&ev, GRACE_PERIOD, grace_period_s, pod->grace_s);
	*latest = phase;
	ds_core_emit(core, &ev);
}

void ds_phase_enter(struct ds_core *core, struct ds_pod *pod, int phase, int64_t at_ns,
		       uint16_t port, const char *container)
{
	struct ds_phase_change c = { .phase = phase, .at_ns = at_ns, .port = port,
				     .container = container, .killed_by = -1 };

	ds_phase_tell(core, pod, &c);
}

void ds_phase_leave(struct ds_core *core, struct ds_pod *pod, int phase, int64_t at_ns)
{
	const struct ds_pod_phase *now;
	struct ds_event ev;
	int i = pod->phases_cnt - 1;

	while (i >= 0 && pod->phases[i].phase != phase)
		i--;
	if (i >= 0) {
		memmove(&pod->phases[i], &pod->phases[i + 1],
			sizeof(pod->phases[0]) * (size_t)(pod->phases_cnt - i - 1));
		pod->phases_cnt--;
	}
	if (pod->phase_kernel == phase) {
		pod->phase_kernel = -1;
		for (i = 0; i < pod->phases_cnt; i++)
			if (ds_phase_lane(pod->phases[i].phase) == DS_LANE_KERNEL)
				pod->phase_kernel = pod->phases[i].phase;
	}
	now = ds_pod_phase_at(pod, at_ns);
	if (!now)
		return;
	ds_core_start_event(core, &ev, DS_EVENT_PHASE, at_ns);
	ds_pod_describe(pod, &ev);
	DS_SET(&ev, PHASE, phase, now->phase);
	DS_SET(&ev, PHASE_LANE, phase_lane, ds_phase_lane(now->phase));
	DS_SET(&ev, PHASE_PREVIOUS, phase_previous, phase);
	if (now->port)
		DS_SET(&ev, PHASE_PORT, phase_port, now->port);
	if (pod->t0_ns && at_ns >= pod->t0_ns)
		DS_SET(&ev, SINCE_T0, since_t0, at_ns - pod->t0_ns);
	ds_core_emit(core, &ev);
}
