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

static struct ds_target_group *find_or_make(struct ds_target_group **groups, const char *id)
{
	struct ds_target_group *g = NULL;

	HASH_FIND_STR(*groups, id, g);
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	memcpy(g->id, id, strnlen(id, sizeof(g->id) - 1));
	HASH_ADD_STR(*groups, id, g);
	if (!DS_HASH_ADDED(g)) {
		free(g);
		return NULL;
	}
	return g;
}

static void put(struct ds_target_group *g, struct ds_target *target)
{
	target->in_group = g;
	target->same_group = g->first;
	g->first = target;
	g->cnt++;
}

int ds_target_group_join(struct ds_target_group **groups, struct ds_target *target)
{
	struct ds_target_group *g = find_or_make(groups, target->group);

	if (!g)
		return -ENOMEM;
	put(g, target);
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

int ds_target_group_rename(struct ds_target_group **groups, struct ds_target_group *group,
			   const char *id)
{
	char room[DS_TARGET_TEXT_LEN + 1] = { 0 };
	struct ds_target_group *to;
	struct ds_target *t;
	bool last = false;

	memcpy(room, id, strnlen(id, sizeof(room) - 1));
	to = find_or_make(groups, room);
	if (!to)
		return -ENOMEM;
	if (to == group)
		return 0;
	to->has_served |= group->has_served;
	if (!to->first)
		to->gap = group->gap;
	while (!last) {
		t = group->first;
		last = !t->same_group;
		ds_target_group_leave(groups, t);
		memcpy(t->group, room, sizeof(room));
		put(to, t);
	}
	return 0;
}
