/* SPDX-License-Identifier: Apache-2.0 */
/* Targets by address; each address has a short list of (group, port). */
#include "user/core/target_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

/* An answer of the API this much later than a change knows the change. AWS gives no figure. */
#define CONSISTENT_AFTER_NS (15 * DS_NS_PER_S)

struct address_entry {
	struct ds_addr addr;
	struct ds_target *first;
	UT_hash_handle hh;
};

struct ds_targets {
	size_t max, cnt;
	int64_t longest_delay_s;
	int64_t evictions;
	struct address_entry *by_address;
	struct ds_target_group *groups;
	struct ds_target *first, *last;
};

int ds_targets_new(struct ds_targets **ret_targets, size_t max)
{
	struct ds_targets *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	*ret_targets = t;
	return 0;
}

static struct address_entry *entry_of(const struct ds_targets *t, const struct ds_addr *a)
{
	struct address_entry *e = NULL;

	HASH_FIND(hh, t->by_address, a, sizeof(*a), e);
	return e;
}

static void unlink_target(struct ds_targets *t, struct ds_target *target)
{
	if (target->prev)
		target->prev->next = target->next;
	else
		t->first = target->next;
	if (target->next)
		target->next->prev = target->prev;
	else
		t->last = target->prev;
	target->prev = target->next = NULL;
}

static void append_target(struct ds_targets *t, struct ds_target *target)
{
	target->prev = t->last;
	if (t->last)
		t->last->next = target;
	else
		t->first = target;
	t->last = target;
}

static void remove_target(struct ds_targets *t, struct ds_target *target)
{
	struct address_entry *e = entry_of(t, &target->addr);
	struct ds_target **p = e ? &e->first : NULL;

	while (p && *p && *p != target)
		p = &(*p)->same_address;
	if (p && *p)
		*p = target->same_address;
	if (e && !e->first) {
		HASH_DELETE(hh, t->by_address, e);
		free(e);
	}
	if (target->in_group)
		ds_target_group_leave(&t->groups, target);
	unlink_target(t, target);
	t->cnt--;
	free(target);
}

void ds_targets_free(struct ds_targets **targets)
{
	struct ds_targets *t = targets ? *targets : NULL;

	if (!t)
		return;
	while (t->first)
		remove_target(t, t->first);
	free(DS_TAKE(*targets));
}

struct ds_target *ds_targets_of(const struct ds_targets *t, const struct ds_addr *a)
{
	const struct address_entry *e = entry_of(t, a);

	return e ? e->first : NULL;
}

struct ds_target *ds_targets_find(const struct ds_targets *t, const struct ds_addr *a,
				  uint16_t port)
{
	struct ds_target *target = ds_targets_of(t, a);

	while (target && port && target->port != port)
		target = target->same_address;
	return target;
}

static void copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

static struct ds_target *find_or_add(struct ds_targets *t, const struct ds_addr *a, uint16_t port,
				     const char *group, int *ret_previous)
{
	struct address_entry *e = entry_of(t, a);
	struct ds_target *target;

	for (target = e ? e->first : NULL; target; target = target->same_address)
		if (target->port == port && !strncmp(target->group, group, DS_TARGET_TEXT_LEN))
			break;
	if (target) {
		*ret_previous = target->state;
		unlink_target(t, target);
		append_target(t, target);
		return target;
	}
	if (t->cnt >= t->max) {
		remove_target(t, t->first);
		t->evictions++;
		e = entry_of(t, a);
	}
	target = calloc(1, sizeof(*target));
	if (!target)
		return NULL;
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e) {
			free(target);
			return NULL;
		}
		e->addr = *a;
		HASH_ADD_KEYPTR(hh, t->by_address, &e->addr, sizeof(e->addr), e);
		if (!DS_HASH_ADDED(e)) {
			free(e);
			free(target);
			return NULL;
		}
	}
	target->addr = *a;
	target->port = port;
	target->delay_s = -1;
	target->lb_type = -1;
	copy_text(target->group, sizeof(target->group), group);
	target->same_address = e->first;
	e->first = target;
	append_target(t, target);
	t->cnt++;
	*ret_previous = -1;
	target->state = DS_TARGET_STATE_ABSENT;
	if (!ds_target_group_join(&t->groups, target))
		return target;
	remove_target(t, target);
	return NULL;
}

static bool is_draining_state(int state)
{
	return state == DS_TARGET_STATE_DRAINING || state == DS_TARGET_STATE_UNHEALTHY_DRAINING;
}

bool ds_target_is_draining(const struct ds_target *target)
{
	return is_draining_state(target->state);
}

static bool is_registered(int state)
{
	return state == DS_TARGET_STATE_INITIAL || state == DS_TARGET_STATE_HEALTHY ||
	       state == DS_TARGET_STATE_UNHEALTHY || state == DS_TARGET_STATE_UNAVAILABLE;
}

/*
 * Whether it was the load balancer's side that showed the drain: the rest are bounds, which a later
 * look at the target group may well contradict.
 */
static bool is_seen(int source)
{
	return source == DS_TARGET_SOURCE_CONTROLLER_LOG || source == DS_TARGET_SOURCE_CLOUDTRAIL ||
	       source == DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH ||
	       source == DS_TARGET_SOURCE_LBC_CHECKPOINT || source == DS_TARGET_SOURCE_FILE;
}

/*
 * "Registered", of a target that drains: registered again, or an answer that is older than the
 * drain? DescribeTargetHealth is eventually consistent: what it says shortly after the drain began
 * may be from before, unless a target that was past `initial` is there again.
 */
static bool is_from_before_drain(const struct ds_target *target, const struct ds_event *ev)
{
	if (!target->drained || !is_registered(ev->target_state) ||
	    !is_seen(target->drain_hi_source))
		return false;
	if (ev->time_ns <= target->drain_hi_ns)
		return true;
	return ds_event_has(ev, DS_KEY_TARGET_SOURCE) &&
	       ev->target_source == DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH &&
	       ev->time_ns <= target->drain_hi_ns + CONSISTENT_AFTER_NS &&
	       !(ev->target_state == DS_TARGET_STATE_INITIAL && target->has_served);
}

/* Registered anew, and not only told of again. */
static bool is_anew(int state, int previous)
{
	return !is_registered(previous) ||
	       (state == DS_TARGET_STATE_INITIAL && previous != DS_TARGET_STATE_INITIAL);
}

bool ds_target_registers(const struct ds_target *target, const struct ds_event *ev)
{
	return is_registered(ev->target_state) && !is_from_before_drain(target, ev) &&
	       is_anew(ev->target_state, target->state);
}

static void set_lo(struct ds_target *target, int64_t lo_ns, int source)
{
	target->drain_lo_ns = lo_ns;
	target->drain_lo_source = source;
}

static void set_hi(struct ds_target *target, int64_t hi_ns, int source)
{
	target->drain_hi_ns = hi_ns;
	target->drain_hi_source = source;
}

/*
 * Narrows the interval by one more source. Sources that cannot both be right widen it to what
 * either says (DESIGN section 7).
 */
static void note_drain(struct ds_target *target, const struct ds_event *ev)
{
	int source = ds_event_has(ev, DS_KEY_TARGET_SOURCE) ? ev->target_source :
							      DS_TARGET_SOURCE_FILE;
	int64_t lo = ds_event_has(ev, DS_KEY_NOT_BEFORE) ? ev->not_before : 0;
	int64_t hi = ds_event_has(ev, DS_KEY_NOT_AFTER) ? ev->not_after : ev->time_ns;
	bool conflict;

	if (lo > hi)
		lo = hi;	/* a source whose own bounds cross knows one moment at best */
	if (!target->drained) {
		target->drained = true;
		set_lo(target, lo, source);
		set_hi(target, hi, source);
		return;
	}
	conflict = hi < target->drain_lo_ns || lo > target->drain_hi_ns;
	if (conflict ? lo < target->drain_lo_ns : lo > target->drain_lo_ns)
		set_lo(target, lo, source);
	if (conflict ? hi > target->drain_hi_ns : hi < target->drain_hi_ns)
		set_hi(target, hi, source);
}

static void note_settings(struct ds_target *target, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_TG_NAME))
		copy_text(target->group_name, sizeof(target->group_name), ev->tg_name);
	if (ds_event_has(ev, DS_KEY_TG_DELAY))
		target->delay_s = ev->tg_delay_s;
	if (ds_event_has(ev, DS_KEY_TG_PRESERVE))
		target->preserve_client_ip = ev->tg_preserve_client_ip;
	if (ds_event_has(ev, DS_KEY_TG_HC_PORT))
		target->health_check_port = (uint16_t)ev->tg_health_check_port;
	if (ds_event_has(ev, DS_KEY_TG_HC_INTERVAL))
		target->health_check_interval_s = ev->tg_health_check_interval_s;
	if (ds_event_has(ev, DS_KEY_LB_TYPE))
		target->lb_type = ev->lb_type;
}

static void note_registered(struct ds_target *target, const struct ds_event *ev, int previous)
{
	if (is_anew(target->state, previous)) {
		target->assigned_ns = ev->time_ns;
		target->has_served = false;
	}
	if (target->state != DS_TARGET_STATE_INITIAL)
		target->has_served = true;
	target->drained = false; /* registered again: the next drain is another one */
	target->registered_ns = ds_event_has(ev, DS_KEY_NOT_BEFORE) ? ev->not_before : ev->time_ns;
}

static const char *group_of(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_TG_ARN) ? ev->tg_arn :
	       ds_event_has(ev, DS_KEY_TG_NAME) ? ev->tg_name : "";
}

static uint16_t port_of(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_TARGET_PORT) ? (uint16_t)ev->target_port : 0;
}

struct ds_target *ds_targets_named(const struct ds_targets *t, const struct ds_event *ev)
{
	struct ds_target *target;
	struct ds_addr a;

	if (ds_addr_parse(ev->target_id, strlen(ev->target_id), &a))
		return NULL;
	for (target = ds_targets_of(t, &a); target; target = target->same_address)
		if (target->port == port_of(ev) &&
		    !strncmp(target->group, group_of(ev), DS_TARGET_TEXT_LEN))
			return target;
	return NULL;
}

bool ds_targets_is_known(const struct ds_targets *t, const struct ds_event *ev)
{
	const struct ds_target *target = ds_targets_named(t, ev);

	return target && target->restored && ev->time_ns <= target->state_ns;
}

struct ds_target *ds_targets_update(struct ds_targets *t, const struct ds_event *ev,
				    int *ret_previous)
{
	struct ds_target *target;
	struct ds_addr a;

	if (ds_addr_parse(ev->target_id, strlen(ev->target_id), &a))
		return NULL;
	target = find_or_add(t, &a, port_of(ev), group_of(ev), ret_previous);
	if (!target)
		return NULL;
	if (target->restored && ev->time_ns <= target->state_ns) {
		/* Told before; but of this drain it may be a better source, which came late. */
		if (target->drained && is_draining_state(ev->target_state) &&
		    ev->time_ns > target->registered_ns)
			note_drain(target, ev);
		return target;
	}
	target->restored = false;
	note_settings(target, ev);
	if (target->delay_s > t->longest_delay_s)
		t->longest_delay_s = target->delay_s;
	if (is_from_before_drain(target, ev))
		return target;
	target->state = ev->target_state;
	target->state_ns = ev->time_ns;
	if (ds_target_is_draining(target))
		note_drain(target, ev);
	else if (is_registered(target->state))
		note_registered(target, ev, *ret_previous);
	return target;
}

void ds_targets_restore(struct ds_targets *t, const struct ds_event *ev)
{
	struct ds_target *target;
	struct ds_addr a;
	int previous;

	if (ds_addr_parse(ev->target_id, strlen(ev->target_id), &a))
		return;
	target = find_or_add(t, &a, port_of(ev), group_of(ev), &previous);
	if (!target)
		return;
	note_settings(target, ev);
	if (target->delay_s > t->longest_delay_s)
		t->longest_delay_s = target->delay_s;
	target->restored = true;
	target->state = ev->target_state;
	target->state_ns = ev->time_ns;
	target->has_served = target->state != DS_TARGET_STATE_INITIAL;
	target->registered_ns = ds_event_has(ev, DS_KEY_NOT_BEFORE) ? ev->not_before : 0;
	target->assigned_ns =
		ds_event_has(ev, DS_KEY_TARGET_REGISTERED_AT) ? ev->target_registered_at : 0;
	target->drained = ds_event_has(ev, DS_KEY_DRAIN_NOT_AFTER);
	if (!target->drained)
		return;
	set_lo(target, ds_event_has(ev, DS_KEY_DRAIN_NOT_BEFORE) ? ev->drain_not_before : 0,
	       ds_event_has(ev, DS_KEY_DRAIN_NOT_BEFORE_SOURCE) ? ev->drain_not_before_source :
								  DS_TARGET_SOURCE_FILE);
	set_hi(target, ev->drain_not_after,
	       ds_event_has(ev, DS_KEY_DRAIN_NOT_AFTER_SOURCE) ? ev->drain_not_after_source :
								 DS_TARGET_SOURCE_FILE);
}

const struct ds_target *ds_targets_first(const struct ds_targets *t)
{
	return t->first;
}

struct ds_drain ds_target_drain(const struct ds_target *target, int64_t t0_ns, int t0_source)
{
	struct ds_drain d = { .delay_ns = -1 };
	static const int of_t0[DS_T0_SOURCE_MAX] = {
		[DS_T0_SOURCE_DELETION_TIMESTAMP] = DS_TARGET_SOURCE_DELETION_TIMESTAMP,
		[DS_T0_SOURCE_STATUS_REASON] = DS_TARGET_SOURCE_STATUS_REASON,
		[DS_T0_SOURCE_SIGTERM] = DS_TARGET_SOURCE_SIGTERM,
	};

	if (!target)
		return d;
	d.known = true;
	if (target->delay_s >= 0)
		d.delay_ns = target->delay_s * 1000000000;
	if (target->drained) {
		d.began = true;
		d.lo_ns = target->drain_lo_ns;
		d.lo_source = target->drain_lo_source;
		d.hi_ns = target->drain_hi_ns;
		d.hi_source = target->drain_hi_source;
	}
	if (t0_ns && t0_ns > d.lo_ns && (!d.began || t0_ns <= d.hi_ns)) {
		d.lo_ns = t0_ns;
		d.lo_source = of_t0[t0_source];
	}
	/* Still registered after T0: the controller or the API is late. */
	if (target->registered_ns > d.lo_ns && (!d.began || target->registered_ns <= d.hi_ns)) {
		d.lo_ns = target->registered_ns;
		d.lo_source = DS_TARGET_SOURCE_LAST_REGISTERED;
	}
	return d;
}

struct ds_target_group *ds_targets_groups(const struct ds_targets *t)
{
	return t->groups;
}

int64_t ds_targets_longest_delay_s(const struct ds_targets *t)
{
	return t->longest_delay_s;
}

int64_t ds_targets_evictions(const struct ds_targets *t)
{
	return t->evictions;
}
