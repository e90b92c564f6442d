/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/elb/elb_target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/timefmt.h"

#define FRESH_NS (60 * DS_NS_PER_S)	/* a controller that works deregisters within this */
#define SLOWER 5
#define WAIT_MAX_NS (900 * DS_NS_PER_S)	/* for a drain to begin */
/*
 * Of two answers the later may be the older one. So soon after a drain was read, "registered" is
 * taken for that; the core goes by the same.
 */
#define STALE_NS (15 * DS_NS_PER_S)
#define DELAY_MAX_S 3600		/* AWS' own bound, where the delay is not known */

void ds_elb_targets_init(struct ds_elb_targets *all)
{
	memset(all, 0, sizeof(*all));
	all->delay_s = -1;
}

void ds_elb_targets_clear(struct ds_elb_targets *all)
{
	while (all->first) {
		struct ds_elb_target *t = all->first;

		all->first = t->next;
		free(t);
	}
	all->cnt = all->open_cnt = 0;
}

static bool is_same(const struct ds_elb_target *t, const struct ds_elb_target_name *name)
{
	return t->name.port == name->port && ds_addr_equal(&t->name.addr, &name->addr);
}

struct ds_elb_target *ds_elb_targets_find(const struct ds_elb_targets *all,
					  const struct ds_elb_target_name *name)
{
	struct ds_elb_target *t = all->first;

	while (t && !is_same(t, name))
		t = t->next;
	return t;
}

int ds_elb_targets_add(struct ds_elb_targets *all, const struct ds_elb_target_name *name,
		       int64_t now_ns)
{
	struct ds_elb_target *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->name = *name;
	t->since_ns = now_ns;
	t->state = t->registered = -1;
	t->next = all->first;
	all->first = t;
	all->cnt++;
	all->open_cnt++;
	return 0;
}

void ds_elb_targets_count(struct ds_elb_targets *all)
{
	all->open_cnt = 0;
	for (const struct ds_elb_target *t = all->first; t; t = t->next)
		all->open_cnt += !t->over;
}

void ds_elb_targets_remove(struct ds_elb_targets *all, const struct ds_addr *addr)
{
	struct ds_elb_target **p = &all->first;

	while (*p) {
		struct ds_elb_target *t = *p;

		if (!ds_addr_equal(&t->name.addr, addr)) {
			p = &t->next;
			continue;
		}
		*p = t->next;
		all->cnt--;
		free(t);
	}
	ds_elb_targets_count(all);
}

void ds_elb_targets_close(struct ds_elb_targets *all)
{
	for (struct ds_elb_target *t = all->first; t; t = t->next)
		t->over = true;
	ds_elb_targets_count(all);
}

void ds_elb_targets_expire(struct ds_elb_targets *all, int64_t now_ns)
{
	int64_t delay_s = all->delay_s >= 0 && all->delay_s <= DELAY_MAX_S ? all->delay_s :
									     DELAY_MAX_S;

	for (struct ds_elb_target *t = all->first; t; t = t->next)
		if (t->drained_ns ?
		    now_ns - t->drained_ns > 2 * delay_s * DS_NS_PER_S + FRESH_NS :
		    now_ns - t->since_ns > WAIT_MAX_NS)
			t->over = true;
	ds_elb_targets_count(all);
}

static bool is_listing(const struct ds_elb_targets *all)
{
	if (all->lists)
		return true;
	for (const struct ds_elb_target *t = all->first; t; t = t->next)
		if (!t->over && !t->name.port)
			return true;
	return false;
}

bool ds_elb_targets_wait(const struct ds_elb_targets *all)
{
	for (const struct ds_elb_target *t = all->first; t; t = t->next)
		if (!t->over && t->asked_ns < all->round_ns)
			return true;
	return false;
}

int ds_elb_targets_take(struct ds_elb_targets *all, int64_t now_ns,
			struct ds_elb_target_name targets[DS_ELB_BATCH])
{
	int cnt = 0;

	all->listed = is_listing(all);
	if (all->listed || all->open_cnt <= DS_ELB_BATCH || !ds_elb_targets_wait(all))
		all->round_ns = now_ns;
	for (struct ds_elb_target *t = all->first; t; t = t->next) {
		if (t->over || t->asked_ns >= all->round_ns)
			continue;
		if (!all->listed) {
			if (cnt == DS_ELB_BATCH)
				break;
			targets[cnt++] = t->name;
		}
		t->asked_ns = now_ns;
	}
	return cnt;
}

static bool is_draining(int state)
{
	return state == DS_TARGET_STATE_DRAINING || state == DS_TARGET_STATE_UNHEALTHY_DRAINING;
}

int64_t ds_elb_targets_interval(const struct ds_elb_targets *all, int64_t interval_ns,
				int64_t now_ns)
{
	for (const struct ds_elb_target *t = all->first; t; t = t->next)
		if (!t->over && !is_draining(t->state) && now_ns - t->since_ns < FRESH_NS)
			return interval_ns;
	return interval_ns * SLOWER;
}

struct ds_elb_target *ds_elb_targets_found(struct ds_elb_targets *all,
					   const struct ds_elb_target_name *name, int64_t sent_ns)
{
	struct ds_elb_target_name any = { .addr = name->addr };
	struct ds_elb_target *t = ds_elb_targets_find(all, name), *sought;

	/* One that came while the request was on its way was not asked for. */
	if (t)
		return !t->over && t->asked_ns == sent_ns ? t : NULL;
	sought = name->port ? ds_elb_targets_find(all, &any) : NULL;
	if (!sought || sought->over || sought->asked_ns != sent_ns ||
	    all->cnt >= DS_ELB_TARGETS_MAX || ds_elb_targets_add(all, name, sought->since_ns))
		return NULL;
	all->first->asked_ns = sent_ns;
	return all->first;
}

/* Not registered any more; or it never was. */
static bool is_gone(int state, const char *reason)
{
	return state == DS_TARGET_STATE_ABSENT ||
	       (state == DS_TARGET_STATE_UNUSED && !strcmp(reason, "Target.NotRegistered"));
}

static bool is_registered(int state)
{
	return state == DS_TARGET_STATE_INITIAL || state == DS_TARGET_STATE_HEALTHY ||
	       state == DS_TARGET_STATE_UNHEALTHY || state == DS_TARGET_STATE_UNAVAILABLE;
}

/* One that was past `initial` and is initial again was registered anew: that is no old answer. */
static bool is_stale(const struct ds_elb_target *t, int state, int64_t now_ns)
{
	return is_draining(t->state) && is_registered(state) && now_ns - t->drained_ns < STALE_NS &&
	       (state != DS_TARGET_STATE_INITIAL || t->registered == DS_TARGET_STATE_INITIAL);
}

bool ds_elb_target_read(struct ds_elb_target *t, int state, const char *reason, int64_t sent_ns,
			int64_t now_ns, int *ret_previous)
{
	bool stays = is_draining(state) || is_gone(state, reason ? reason : "");
	int64_t seen_ns = sent_ns > DS_ELB_LAG_NS ? sent_ns - DS_ELB_LAG_NS : 0;
	char text[DS_ELB_REASON_LEN + 1] = "";
	bool changed;

	t->read_ns = t->asked_ns;
	if (is_stale(t, state, now_ns))
		return false;
	if (reason)
		memcpy(text, reason, strnlen(reason, sizeof(text) - 1));
	changed = state != t->state || strcmp(text, t->reason) != 0;
	/* Of a drain it matters when it began; of a registration, until when it was known. */
	if (stays && state != t->state) {
		t->lo_ns = t->seen_ns;
		t->hi_ns = now_ns;
	} else if (!stays) {
		t->lo_ns = seen_ns;
		t->hi_ns = now_ns;
	}
	t->seen_ns = seen_ns;
	if (is_draining(state) && !t->drained_ns)
		t->drained_ns = now_ns;
	if (!is_draining(state))
		t->drained_ns = 0;
	if (is_registered(state))
		t->registered = state;
	t->over = is_gone(state, text);
	*ret_previous = t->state;
	t->state = state;
	memcpy(t->reason, text, sizeof(text));
	if (!changed && t->told)
		return false;
	t->told = true;
	return true;
}
