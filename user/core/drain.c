/* SPDX-License-Identifier: Apache-2.0 */
/* The drain of a pod: that of the target which has its address (DESIGN section 7). Pure. */
#include "user/core/state.h"

struct ds_drain ds_pod_drain(const struct ds_core *core, const struct ds_pod *pod, uint16_t port)
{
	const struct ds_target *target = NULL;

	for (int i = 0; i < pod->addresses_cnt && !target; i++)
		target = ds_targets_find(core->targets, &pod->addresses[i], port);
	for (int i = 0; i < pod->addresses_cnt && !target; i++)
		target = ds_targets_of(core->targets, &pod->addresses[i]);
	return ds_target_drain(target, pod->t0_ns, pod->t0_source);
}

bool ds_pod_is_draining(const struct ds_core *core, const struct ds_pod *pod)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address)
			if (ds_target_is_draining(t))
				return true;
	return false;
}
