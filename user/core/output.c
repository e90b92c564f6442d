/* SPDX-License-Identifier: Apache-2.0 */
/* The way out of the core: output events and wishes, and the sum of what was lost. Pure. */
#include <string.h>

#include "user/core/state.h"

void ds_core_start_event(const struct ds_core *core, struct ds_event *ev, enum ds_event_kind kind,
			 int64_t time_ns)
{
	ds_event_init(ev, kind, time_ns);
	ds_core_sign(core, ev);
}

void ds_core_sign(const struct ds_core *core, struct ds_event *ev)
{
	memcpy(ev->run_id, core->run_id, sizeof(ev->run_id));
	if (!ds_event_has(ev, DS_KEY_CLUSTER))
		DS_SET_STR(ev, CLUSTER, cluster, core->cluster);
	if (!ds_event_has(ev, DS_KEY_NODE))
		DS_SET_STR(ev, NODE, node, core->node);
}

void ds_core_emit(struct ds_core *core, const struct ds_event *ev)
{
	core->emitted++;
	core->options.emit(core->options.ctx, ev);
}

void ds_core_wish(struct ds_core *core, const struct ds_wish *wish)
{
	if (core->options.wish)
		core->options.wish(core->options.ctx, wish);
}

void ds_core_count_lost(struct ds_core *core, int64_t cnt)
{
	if (__builtin_add_overflow(core->lost_events, cnt, &core->lost_events))
		core->lost_events = INT64_MAX;
}
