/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/elb/elb_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_arn.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"

struct entry {
	char arn[DS_ELB_ARN_LEN + 1];
	union {
		struct ds_elb_group_facts group;
		struct ds_elb_balancer_facts balancer;
	};
	UT_hash_handle hh;
};

struct ds_elb_facts {
	struct entry *groups, *balancers;
};

int ds_elb_facts_new(struct ds_elb_facts **ret_facts)
{
	*ret_facts = calloc(1, sizeof(**ret_facts));
	return *ret_facts ? 0 : -ENOMEM;
}

static void clear(struct entry **table)
{
	struct entry *e, *next;

	HASH_ITER(hh, *table, e, next) {
		HASH_DEL(*table, e);
		free(e);
	}
}

void ds_elb_facts_free(struct ds_elb_facts **facts)
{
	if (!facts || !*facts)
		return;
	clear(&(*facts)->groups);
	clear(&(*facts)->balancers);
	free(DS_TAKE(*facts));
}

static struct entry *find_or_add(struct entry **table, unsigned int max, const char *arn,
				 bool *ret_is_new)
{
	char key[DS_ELB_ARN_LEN + 1] = { 0 };
	struct entry *e;

	memcpy(key, arn, strnlen(arn, sizeof(key) - 1));
	HASH_FIND_STR(*table, key, e);
	*ret_is_new = !e;
	if (e)
		return e;
	if (HASH_COUNT(*table) >= max) {
		e = *table;
		HASH_DEL(*table, e);
		free(e);
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	memcpy(e->arn, key, sizeof(key));
	HASH_ADD_STR(*table, arn, e);
	if (!DS_HASH_ADDED(e)) {
		free(e);
		return NULL;
	}
	return e;
}

struct ds_elb_group_facts *ds_elb_facts_group(struct ds_elb_facts *facts, const char *arn)
{
	bool is_new;
	struct entry *e = find_or_add(&facts->groups, DS_ELB_GROUPS_MAX, arn, &is_new);

	if (!e)
		return NULL;
	if (is_new) {
		e->group.type = e->group.preserve_client_ip = -1;
		e->group.delay_s = -1;
	}
	return &e->group;
}

struct ds_elb_balancer_facts *ds_elb_facts_balancer(struct ds_elb_facts *facts, const char *arn)
{
	bool is_new;
	struct entry *e = find_or_add(&facts->balancers, DS_ELB_BALANCERS_MAX, arn, &is_new);

	if (!e)
		return NULL;
	if (is_new)
		e->balancer.type = -1;
	return &e->balancer;
}

void ds_elb_facts_each_group(const struct ds_elb_facts *facts, const char *balancer_arn,
			     void (*each)(void *ctx, const char *arn,
					  const struct ds_elb_group_facts *group,
					  const struct ds_elb_balancer_facts *balancer),
			     void *ctx)
{
	const struct entry *b;

	HASH_FIND_STR(facts->balancers, balancer_arn, b);
	for (const struct entry *g = facts->groups; g; g = g->hh.next)
		if (!strcmp(g->group.balancer, balancer_arn))
			each(ctx, g->arn, &g->group, b ? &b->balancer : NULL);
}

bool ds_elb_balancer_add(struct ds_elb_balancer_facts *balancer, const struct ds_addr *addr)
{
	for (int i = 0; i < balancer->addresses_cnt; i++)
		if (ds_addr_equal(&balancer->addresses[i], addr))
			return false;
	if (balancer->addresses_cnt == DS_ELB_ADDRESSES_MAX)
		return false;
	balancer->addresses[balancer->addresses_cnt++] = *addr;
	return true;
}

/* ---- events ---- */

static void set_balancer(struct ds_elb_facts *facts, const char *arn, struct ds_event *ev)
{
	const struct ds_elb_balancer_facts *b = ds_elb_facts_balancer(facts, arn);

	if (!b)
		return;
	if (b->type >= 0)
		DS_SET(ev, LB_TYPE, lb_type, b->type);
	DS_SET_STR(ev, LB_NAME, lb_name, b->name);
}

static void set_group(struct ds_elb_facts *facts, const struct ds_elb_reading *reading,
		      struct ds_event *ev)
{
	const struct ds_elb_group_facts *g = ds_elb_facts_group(facts, reading->arn);

	if (!g)
		return;
	if (g->delay_s >= 0)
		DS_SET(ev, TG_DELAY, tg_delay_s, g->delay_s);
	if (g->type >= 0)
		DS_SET(ev, TG_TYPE, tg_type, g->type);
	if (g->preserve_client_ip >= 0)
		DS_SET(ev, TG_PRESERVE, tg_preserve_client_ip, g->preserve_client_ip != 0);
	if (g->check_port)
		DS_SET(ev, TG_HC_PORT, tg_health_check_port,
		       g->check_port == DS_ELB_TRAFFIC_PORT ? reading->port : g->check_port);
	if (g->check_interval_s)
		DS_SET(ev, TG_HC_INTERVAL, tg_health_check_interval_s, g->check_interval_s);
	if (g->balancer[0])
		set_balancer(facts, g->balancer, ev);
}

void ds_elb_facts_target(struct ds_elb_facts *facts, const struct ds_elb_reading *reading,
			 struct ds_elb_room *room, struct ds_event *ret_ev)
{
	struct ds_event *ev = ret_ev;
	struct ds_arn arn;

	ds_event_init(ev, DS_EVENT_TARGET, reading->hi_ns);
	DS_SET_STR(ev, TG_ARN, tg_arn, reading->arn);
	if (!ds_arn_parse(reading->arn, &arn)) {
		ds_arn_group_name(&arn, room->name, sizeof(room->name));
		memcpy(room->region, arn.region, sizeof(room->region));
		memcpy(room->account, arn.account, sizeof(room->account));
		DS_SET_STR(ev, TG_NAME, tg_name, room->name);
		DS_SET_STR(ev, REGION, region, room->region);
		DS_SET_STR(ev, ACCOUNT, account, room->account);
	}
	(void)ds_addr_format(&reading->addr, room->id);
	DS_SET_STR(ev, TARGET_ID, target_id, room->id);
	DS_SET(ev, TARGET_PORT, target_port, reading->port);
	DS_SET(ev, TARGET_STATE, target_state, reading->state);
	if (reading->previous >= 0)
		DS_SET(ev, TARGET_STATE_PREVIOUS, target_state_previous, reading->previous);
	DS_SET_STR(ev, TARGET_STATE_REASON, target_state_reason, reading->reason);
	DS_SET(ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	DS_SET(ev, TG_PARTIAL, tg_partial, true);
	if (reading->lo_ns)
		DS_SET(ev, NOT_BEFORE, not_before, reading->lo_ns);
	DS_SET(ev, NOT_AFTER, not_after, reading->hi_ns);
	set_group(facts, reading, ev);
}

void ds_elb_facts_address(struct ds_elb_facts *facts, const char *balancer_arn,
			  const struct ds_addr *addr, int64_t now_ns, struct ds_elb_room *room,
			  struct ds_event *ret_ev)
{
	ds_event_init(ret_ev, DS_EVENT_LB_ADDRESS, now_ns);
	(void)ds_addr_format(addr, room->id);
	DS_SET_STR(ret_ev, ADDRESS, address, room->id);
	set_balancer(facts, balancer_arn, ret_ev);
}

void ds_elb_facts_description(const char *balancer_arn, char *buf, size_t size)
{
	const char *slash = strchr(balancer_arn, '/');

	(void)snprintf(buf, size, "ELB %s", slash ? slash + 1 : "");
}
