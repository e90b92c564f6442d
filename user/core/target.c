/* SPDX-License-Identifier: Apache-2.0 */
/* Targets by address; each address has a short list of (group, port). */
#include "user/core/target_clock.h"
#include "user/core/target_clock_learn.h"
#include "user/core/target_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/hash.h"

/*
 * Each event looks at all targets of its group, and at all of its address: both stay short, also
 * for what a file from elsewhere says. AWS registers a thousand in a group; a pod has a few.
 */
#define GROUP_TARGETS_MAX 2048
#define ADDRESS_TARGETS_MAX 256

struct address_entry {
	struct ds_addr addr;
	struct ds_target *first;
	UT_hash_handle hh;
};

struct ds_targets {
	size_t max, cnt;
	int64_t longest_delay_s;
	int64_t evictions;
	struct ds_target_clocks clocks;
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

static const char *group_of(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_TG_ARN) ? ev->tg_arn :
	       ds_event_has(ev, DS_KEY_TG_NAME) ? ev->tg_name : "";
}

static uint16_t port_of(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_TARGET_PORT) ? (uint16_t)ev->target_port : 0;
}

static bool is_exactly(const struct ds_target *target, const struct ds_event *ev)
{
	return target->port == port_of(ev) &&
	       !strncmp(target->group, group_of(ev), DS_TARGET_TEXT_LEN);
}

/* Nobody has told the ARN of its group. */
static bool is_known_by_name(const struct ds_target *target)
{
	return target->group[0] && !strcmp(target->group, target->group_name);
}

/*
 * Not every source knows all of it: who tells only the group's name may mean the target that
 * another told with its ARN, before or later; who tells no port, or no group, means whichever the
 * address has. Two ARNs are two groups, whatever their names.
 */
static bool may_mean(const struct ds_target *target, const struct ds_event *ev)
{
	uint16_t port = port_of(ev);

	if (port && target->port && target->port != port)
		return false;
	if (!target->group[0] || !group_of(ev)[0] ||
	    !strncmp(target->group, group_of(ev), DS_TARGET_TEXT_LEN))
		return true;
	return (!ds_event_has(ev, DS_KEY_TG_ARN) || is_known_by_name(target)) &&
	       ds_event_has(ev, DS_KEY_TG_NAME) &&
	       !strncmp(target->group_name, ev->tg_name, DS_TARGET_TEXT_LEN);
}

/* Of the targets of one address that of which the event speaks, or NULL. */
static struct ds_target *pick(struct ds_target *first, const struct ds_event *ev)
{
	struct ds_target *target = first;

	while (target && !is_exactly(target, ev))
		target = target->same_address;
	if (target)
		return target;
	for (target = first; target && !may_mean(target, ev);)
		target = target->same_address;
	return target;
}

/* A target was added: of its group, and of its address, the first that was told makes room. */
static void keep_short(struct ds_targets *t, const struct address_entry *e,
		       const struct ds_target *target)
{
	struct ds_target *oldest = target->in_group->first;
	int cnt = 1;

	if (target->in_group->cnt > GROUP_TARGETS_MAX) {
		while (oldest->same_group)
			oldest = oldest->same_group;
		remove_target(t, oldest);
		t->evictions++;
	}
	for (oldest = e->first; oldest->same_address; cnt++)
		oldest = oldest->same_address;
	if (cnt > ADDRESS_TARGETS_MAX) {
		remove_target(t, oldest);
		t->evictions++;
	}
}

static struct ds_target *find_or_add(struct ds_targets *t, const struct ds_addr *a,
				     const struct ds_event *ev, int *ret_previous)
{
	struct address_entry *e = entry_of(t, a);
	struct ds_target *target;

	target = pick(e ? e->first : NULL, ev);
	if (target) {
		*ret_previous = target->state;
		if (!target->port)
			target->port = port_of(ev);
		/* Out of memory: it stays known by its name. */
		if (ds_event_has(ev, DS_KEY_TG_ARN) && is_known_by_name(target))
			(void)ds_target_group_rename(&t->groups, target->in_group, ev->tg_arn);
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
	target->port = port_of(ev);
	target->delay_s = -1;
	target->lb_type = -1;
	target->clocks = &t->clocks;
	copy_text(target->group, sizeof(target->group), group_of(ev));
	target->same_address = e->first;
	e->first = target;
	append_target(t, target);
	t->cnt++;
	*ret_previous = -1;
	target->state = DS_TARGET_STATE_ABSENT;
	if (!ds_target_group_join(&t->groups, target)) {
		keep_short(t, e, target);
		return target;
	}
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

/* Sources that say from when on the controller had reason to deregister, not when it did. */
static bool is_hint(int source)
{
	return source == DS_TARGET_SOURCE_LBC_CHECKPOINT ||
	       source == DS_TARGET_SOURCE_ENDPOINT_SLICE ||
	       source == DS_TARGET_SOURCE_DELETION_TIMESTAMP ||
	       source == DS_TARGET_SOURCE_STATUS_REASON || source == DS_TARGET_SOURCE_SIGTERM;
}

/* A target that is gone without having been seen to drain: its deregistration delay is 0. */
static bool is_gone(const struct ds_event *ev)
{
	return ev->target_state == DS_TARGET_STATE_ABSENT ||
	       (ev->target_state == DS_TARGET_STATE_UNUSED &&
		ds_event_has(ev, DS_KEY_TARGET_STATE_REASON) &&
		!strcmp(ev->target_state_reason, "Target.NotRegistered"));
}

/* Bounds as told, and by how much the clock that told them may be off. */
static void set_bounds(struct ds_fact *fact, int64_t lo_ns, int64_t hi_ns, int64_t error_ns)
{
	if (lo_ns > hi_ns)
		lo_ns = hi_ns;	/* a source whose own bounds cross knows one moment at best */
	fact->hi_ns = hi_ns < DS_EVENT_TIME_MAX - error_ns ? hi_ns + error_ns :
							     DS_EVENT_TIME_MAX;
	fact->lo_ns = lo_ns > error_ns ? lo_ns - error_ns : 0;
	fact->error_ns = error_ns;
}

/* It ought to be registered, and nobody has looked: good for what is not known to be otherwise. */
static bool is_supposed(const struct ds_event *ev)
{
	return is_registered(ev->target_state) && ds_event_has(ev, DS_KEY_TARGET_SOURCE) &&
	       is_hint(ev->target_source);
}

/* What the event says; false where it is nothing about being registered. */
static bool fact_of(const struct ds_event *ev, int previous, struct ds_fact *ret_fact)
{
	bool has_lo = ds_event_has(ev, DS_KEY_NOT_BEFORE);
	bool has_hi = ds_event_has(ev, DS_KEY_NOT_AFTER);
	int64_t error_ns = ds_event_has(ev, DS_KEY_CLOCK_ERROR) && ev->clock_error > 0 ?
				   ev->clock_error : 0;
	int64_t lo_ns = has_lo ? ev->not_before : ev->time_ns;
	int64_t hi_ns = has_hi ? ev->not_after : ev->time_ns;
	struct ds_fact f = { .source = DS_TARGET_SOURCE_FILE };

	if (ds_event_has(ev, DS_KEY_TARGET_SOURCE))
		f.source = ev->target_source;
	if (is_supposed(ev))
		return false;
	if (is_registered(ev->target_state)) {
		f.kind = ev->target_state != DS_TARGET_STATE_INITIAL ? DS_FACT_REGISTERED :
			 ds_target_source_is_call(f.source) || previous != DS_TARGET_STATE_INITIAL ?
							       DS_FACT_REGISTERING :
							       DS_FACT_INITIAL;
		set_bounds(&f, lo_ns, has_hi || !has_lo ? hi_ns : lo_ns, error_ns);
	} else if (is_draining_state(ev->target_state) && is_hint(f.source) &&
		   (!has_hi || f.source != DS_TARGET_SOURCE_LBC_CHECKPOINT)) {
		f.kind = DS_FACT_HINT;
		set_bounds(&f, lo_ns, lo_ns, error_ns);
	} else if (is_draining_state(ev->target_state) ||
		   (is_registered(previous) && is_gone(ev))) {
		f.kind = DS_FACT_DRAIN;
		set_bounds(&f, has_lo ? lo_ns : 0, hi_ns, error_ns);
	} else {
		return false;
	}
	*ret_fact = f;
	return true;
}

/* What the facts say of now. */
static void conclude(struct ds_target *target)
{
	struct ds_facts_drain d = ds_facts_drain(&target->facts, 0, 0, target->clocks);

	target->drained = d.began;
	target->drain_lo_ns = d.lo_ns;
	target->drain_hi_ns = d.hi_ns;
	target->drain_lo_source = d.lo_source;
	target->drain_hi_source = d.hi_source;
	target->registered_ns = d.registered_ns;
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

struct ds_target *ds_targets_named(const struct ds_targets *t, const struct ds_event *ev)
{
	struct ds_addr a;

	if (ds_addr_parse(ev->target_id, strlen(ev->target_id), &a))
		return NULL;
	return pick(ds_targets_of(t, &a), ev);
}

bool ds_targets_is_known(const struct ds_targets *t, const struct ds_event *ev)
{
	const struct ds_target *target = ds_targets_named(t, ev);

	return target && target->restored && ev->time_ns <= target->state_ns;
}

/* Registered anew, and not only told of again. */
static bool is_anew(int state, int previous)
{
	return is_registered(state) && (!is_registered(previous) ||
					(state == DS_TARGET_STATE_INITIAL &&
					 previous != DS_TARGET_STATE_INITIAL));
}

bool ds_target_registers(const struct ds_target *target, const struct ds_event *ev)
{
	struct ds_facts facts = target->facts;
	struct ds_fact fact;

	if (!is_anew(ev->target_state, target->state) || !fact_of(ev, target->state, &fact))
		return false;
	ds_facts_add(&facts, &fact);
	/* Else it is older than the drain. */
	return !ds_facts_drain(&facts, 0, 0, target->clocks).began;
}

static uint64_t name_of(const struct ds_target *target)
{
	return ds_siphash13(target->port, 1, &target->addr, sizeof(target->addr)) ^
	       ds_siphash13(0, 2, target->group, strlen(target->group));
}

/* The facts by now agree with this one: it is not of an earlier registration, nor out of date. */
static bool says_now(const struct ds_target *target, const struct ds_fact *fact)
{
	return fact->kind != DS_FACT_HINT && (fact->kind == DS_FACT_DRAIN) == target->drained;
}

struct ds_target *ds_targets_update(struct ds_targets *t, const struct ds_event *ev,
				    int *ret_previous)
{
	struct ds_fact fact = { 0 };
	struct ds_target *target;
	struct ds_addr a;
	bool has_fact;

	/* What an instance serves is a node's port: no pod's drain. */
	if ((ds_event_has(ev, DS_KEY_TG_TYPE) && ev->tg_type == DS_TARGET_TYPE_INSTANCE) ||
	    ds_addr_parse(ev->target_id, strlen(ev->target_id), &a))
		return NULL;
	target = find_or_add(t, &a, ev, ret_previous);
	if (!target)
		return NULL;
	has_fact = fact_of(ev, *ret_previous, &fact);
	if (has_fact) {
		ds_facts_add(&target->facts, &fact);
		ds_target_clocks_compare(&t->clocks, name_of(target), &target->facts, ev->time_ns);
		conclude(target);
	}
	if (target->restored && ev->time_ns <= target->state_ns)
		return target;	/* told before; but of its drain it may know better */
	target->restored = false;
	note_settings(target, ev);
	if (target->delay_s > t->longest_delay_s)
		t->longest_delay_s = target->delay_s;
	if (has_fact ? !says_now(target, &fact) : ev->time_ns < target->state_ns)
		return target;	/* older than what is known */
	if (is_supposed(ev) && (is_registered(target->state) || is_draining_state(target->state)))
		return target;
	if (is_anew(ev->target_state, *ret_previous) || fact.kind == DS_FACT_REGISTERING)
		target->assigned_ns = fact.hi_ns;
	target->state = ev->target_state;
	target->state_ns = ev->time_ns;
	return target;
}

static int source_of(const struct ds_event *ev, enum ds_key key, int source)
{
	return ds_event_has(ev, key) ? source : DS_TARGET_SOURCE_FILE;
}

/* The bounds as the run before had concluded them, each with its source. */
static void restore_facts(struct ds_target *target, const struct ds_event *ev)
{
	struct ds_fact f = { .source = DS_TARGET_SOURCE_LAST_REGISTERED, .error_ns = -1 };

	f.kind = target->state == DS_TARGET_STATE_INITIAL ? DS_FACT_INITIAL : DS_FACT_REGISTERED;
	target->facts.cnt = 0;
	if (ds_event_has(ev, DS_KEY_NOT_BEFORE)) {
		f.lo_ns = f.hi_ns = ev->not_before;
		ds_facts_add(&target->facts, &f);
	}
	if (!ds_event_has(ev, DS_KEY_DRAIN_NOT_AFTER))
		return;
	f = (struct ds_fact){
		.kind = DS_FACT_DRAIN, .hi_ns = ev->drain_not_after, .error_ns = -1,
		.source = source_of(ev, DS_KEY_DRAIN_NOT_AFTER_SOURCE,
					     ev->drain_not_after_source),
	};
	ds_facts_add(&target->facts, &f);
	if (!ds_event_has(ev, DS_KEY_DRAIN_NOT_BEFORE))
		return;
	f.lo_ns = ev->drain_not_before;
	f.source = source_of(ev, DS_KEY_DRAIN_NOT_BEFORE_SOURCE, ev->drain_not_before_source);
	if (f.source == DS_TARGET_SOURCE_LAST_REGISTERED)
		return;			/* that is above */
	f.kind = is_hint(f.source) ? DS_FACT_HINT : DS_FACT_DRAIN;
	f.hi_ns = ds_event_time(f.hi_ns + 1);	/* the upper bound is the other source's */
	ds_facts_add(&target->facts, &f);
}

void ds_targets_restore(struct ds_targets *t, const struct ds_event *ev)
{
	struct ds_target *target;
	struct ds_addr a;
	int previous;

	if (ds_addr_parse(ev->target_id, strlen(ev->target_id), &a))
		return;
	target = find_or_add(t, &a, ev, &previous);
	if (!target)
		return;
	note_settings(target, ev);
	if (target->delay_s > t->longest_delay_s)
		t->longest_delay_s = target->delay_s;
	target->restored = true;
	target->state = ev->target_state;
	target->state_ns = ev->time_ns;
	target->assigned_ns =
		ds_event_has(ev, DS_KEY_TARGET_REGISTERED_AT) ? ev->target_registered_at : 0;
	restore_facts(target, ev);
	conclude(target);
	if (ds_target_group_serves(target->in_group))
		target->in_group->has_served = true;	/* else its end would be no gap */
}

const struct ds_target *ds_targets_first(const struct ds_targets *t)
{
	return t->first;
}

/*
 * T0 as a lower bound: not SIGTERM's (a preStop hook may lie before it), nor an EndpointSlice's
 * (by which the controller goes itself), not where the controller had reason before, not where the
 * drain is known to have begun before.
 */
static void bound_by_t0(const struct ds_facts_drain *facts, const struct ds_drain_span *span,
			struct ds_drain *d)
{
	bool by_status = span->t0_source == DS_T0_SOURCE_STATUS_REASON;
	int64_t t0_ns = span->t0_ns - DS_T0_CLOCK_ERROR_NS;

	if (!span->t0_ns || !span->t0_holds || span->t0_source == DS_T0_SOURCE_SIGTERM ||
	    span->t0_source == DS_T0_SOURCE_ENDPOINT_SLICE ||
	    facts->own_lo || (facts->hint_ns && facts->hint_ns < t0_ns) || t0_ns <= d->lo_ns ||
	    (d->began && t0_ns > d->hi_ns))
		return;
	d->lo_ns = t0_ns;
	d->lo_source = by_status ? DS_TARGET_SOURCE_STATUS_REASON :
				   DS_TARGET_SOURCE_DELETION_TIMESTAMP;
}

struct ds_drain ds_target_drain(const struct ds_target *target, const struct ds_drain_span *span)
{
	struct ds_drain d = { .delay_ns = -1 };
	struct ds_facts_drain facts;

	if (!target)
		return d;
	facts = ds_facts_drain(&target->facts, span->from_ns, span->until_ns, target->clocks);
	d.known = true;
	if (target->delay_s >= 0)
		d.delay_ns = target->delay_s * 1000000000;
	d.began = facts.began;
	d.conflict = facts.conflict;
	d.lo_ns = facts.lo_ns;
	d.lo_source = facts.lo_source;
	d.hi_ns = facts.hi_ns;
	d.hi_source = facts.hi_source;
	bound_by_t0(&facts, span, &d);
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
