/* SPDX-License-Identifier: Apache-2.0 */
/* A short list: a cluster has some dozens of such groups at most. */
#include "user/core/instance.h"

#include <string.h>

static void copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

static bool is_instance(const struct ds_event *ev)
{
	struct ds_addr a;

	if (ds_event_has(ev, DS_KEY_TG_TYPE))
		return ev->tg_type == DS_TARGET_TYPE_INSTANCE;
	return !strncmp(ev->target_id, "i-", 2) &&
	       ds_addr_parse(ev->target_id, strlen(ev->target_id), &a);
}

static struct ds_instance_group *find_or_add(struct ds_instances *i, const char *group)
{
	struct ds_instance_group *g = i->groups;

	for (; g < i->groups + i->cnt; g++)
		if (!strncmp(g->group, group, DS_INSTANCE_TEXT_LEN))
			return g;
	if (i->cnt == DS_INSTANCE_GROUPS_MAX) {
		i->refused++;
		return NULL;
	}
	i->cnt++;
	memset(g, 0, sizeof(*g));
	g->lb_type = -1;
	copy_text(g->group, sizeof(g->group), group);
	return g;
}

void ds_instances_update(struct ds_instances *i, const struct ds_event *ev)
{
	const char *group = ds_event_has(ev, DS_KEY_TG_ARN) ? ev->tg_arn :
			    ds_event_has(ev, DS_KEY_TG_NAME) ? ev->tg_name : "";
	struct ds_instance_group *g = is_instance(ev) ? find_or_add(i, group) : NULL;

	if (!g)
		return;
	if (ds_event_has(ev, DS_KEY_TG_NAME))
		copy_text(g->name, sizeof(g->name), ev->tg_name);
	if (ds_event_has(ev, DS_KEY_TG_PRESERVE))
		g->preserve_client_ip = ev->tg_preserve_client_ip;
	if (ds_event_has(ev, DS_KEY_LB_TYPE))
		g->lb_type = ev->lb_type;
	if (ds_event_has(ev, DS_KEY_TG_HC_PORT) && ds_event_has(ev, DS_KEY_TARGET_PORT))
		g->checked_port = ev->tg_health_check_port == ev->target_port ?
					  (uint16_t)ev->target_port : 0;
	if (ds_event_has(ev, DS_KEY_TG_HC_INTERVAL))
		g->check_interval_s = ev->tg_health_check_interval_s;
}

void ds_instance_write(const struct ds_instance_group *g, struct ds_event *ev)
{
	ds_event_init(ev, DS_EVENT_TARGET, 0);
	DS_SET_STR(ev, TARGET_ID, target_id, "any");
	DS_SET(ev, TARGET_STATE, target_state, DS_TARGET_STATE_UNAVAILABLE);
	DS_SET(ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	DS_SET_STR(ev, TG_NAME, tg_name, g->name);
	if (strcmp(g->group, g->name) != 0)
		DS_SET_STR(ev, TG_ARN, tg_arn, g->group);
	if (g->preserve_client_ip)
		DS_SET(ev, TG_PRESERVE, tg_preserve_client_ip, true);
	if (g->lb_type >= 0)
		DS_SET(ev, LB_TYPE, lb_type, g->lb_type);
	if (g->checked_port) {
		DS_SET(ev, TARGET_PORT, target_port, g->checked_port);
		DS_SET(ev, TG_HC_PORT, tg_health_check_port, g->checked_port);
	}
	if (g->check_interval_s)
		DS_SET(ev, TG_HC_INTERVAL, tg_health_check_interval_s, g->check_interval_s);
}

const struct ds_instance_group *ds_instances_only(const struct ds_instances *i)
{
	return i->cnt == 1 ? &i->groups[0] : NULL;
}

bool ds_instances_preserve(const struct ds_instances *i)
{
	for (int n = 0; n < i->cnt; n++)
		if (i->groups[n].preserve_client_ip)
			return true;
	return false;
}

int64_t ds_instances_check_interval_s(const struct ds_instances *i)
{
	int64_t longest_s = 0;

	for (int n = 0; n < i->cnt; n++)
		if (i->groups[n].checked_port && i->groups[n].check_interval_s > longest_s)
			longest_s = i->groups[n].check_interval_s;
	return longest_s;
}
