/* SPDX-License-Identifier: Apache-2.0 */
/* Groups by id; each has a list of its targets. A group of AWS holds a thousand at most. */
#include "user/core/target_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool ds_target_state_serves(int state)
{
	/* With unhealthy ones alone a load balancer fails open: it sends to all of them. */
	return state == DS_TARGET_STATE_HEALTHY || state == DS_TARGET_STATE_UNHEALTHY ||
	       state == DS_TARGET_STATE_UNAVAILABLE;
}

bool ds_target_group_serves(const struct ds_target_group *group)
{
	const struct ds_target *t = group->first;

	while (t && !ds_target_state_serves(t->state))
		t = t->same_group;
	return t != NULL;
}

int64_t ds_target_group_size(const struct ds_target_group *group)
{
	int64_t cnt = 0;

	for (const struct ds_target *t = group->first; t; t = t->same_group)
		cnt += t->state != DS_TARGET_STATE_ABSENT;
	return cnt;
}

int ds_target_group_join(struct ds_target_group **groups, struct ds_target *target)
{
	struct ds_target_group *g = NULL;

	HASH_FIND_STR(*groups, target->group, g);
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return -ENOMEM;
		memcpy(g->id, target->group, sizeof(g->id));
		HASH_ADD_STR(*groups, id, g);
		if (!DS_HASH_ADDED(g)) {
			free(g);
			return -ENOMEM;
		}
	}
	target->in_group = g;
	target->same_group = g->first;
	g->first = target;
	g->cnt++;
	return 0;
}

void ds_target_group_leave(struct ds_target_group **groups, struct ds_target *target)
{
	struct ds_target_group *g = target->in_group;
	struct ds_target **p = &g->first;

	while (*p != target)
		p = &(*p)->same_group;
	*p = target->same_group;
	g->cnt--;
	target->in_group = NULL;
	if (g->first)
		return;
	HASH_DEL(*groups, g);
	free(g);
}
