/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets: what is known of each (target group, address, port) at the load balancer, above all
 * when it began to drain. That is always an interval (DESIGN section 7). Pure.
 */
#ifndef DS_CORE_TARGET_H
#define DS_CORE_TARGET_H

#include "user/core/event.h"
#include "user/core/target_facts.h"

#define DS_TARGET_TEXT_LEN 159

struct ds_target_group;

struct ds_target {
	struct ds_target *prev, *next;		/* all, least recently told first */
	struct ds_target *same_address;		/* next one of this address */
	struct ds_target *same_group;		/* next one of this group, the youngest first */
	struct ds_target_group *in_group;
	char group[DS_TARGET_TEXT_LEN + 1];	/* its ARN, else its name */
	char group_name[DS_TARGET_TEXT_LEN + 1];
	struct ds_addr addr;
	uint16_t port;
	int state;		/* enum ds_target_state */
	int64_t state_ns;
	bool restored;		/* from the state file, and nothing newer was told since */
	int64_t delay_s;	/* deregistration delay, -1 = not told */
	bool polled;		/* it is wished to be asked for */
	bool preserve_client_ip;
	uint16_t health_check_port;
	int64_t health_check_interval_s;
	int lb_type;		/* enum ds_lb_type, -1 = not told */
	int64_t assigned_ns;	/* the current registration was first seen, 0 = not known */
	struct ds_facts facts;	/* what was said; the rest follows from it */
	const struct ds_target_clocks *clocks;	/* of those who said it; NULL = nothing is known */
	int64_t registered_ns;	/* last moment at which it was known to be registered */
	/* the drain: valid while `drained` */
	bool drained;
	int64_t drain_lo_ns;	/* 0 = no bound of its own */
	int64_t drain_hi_ns;
	int drain_lo_source;	/* enum ds_target_source */
	int drain_hi_source;
};

/* [lo, hi]: 0 = unbounded on that side. */
struct ds_drain {
	bool known;		/* the target is known, whatever its state */
	bool began;		/* it is known to have begun to drain: hi is set */
	bool conflict;		/* its sources contradict each other: it is widened */
	int64_t lo_ns, hi_ns;
	int lo_source, hi_source;
	int64_t delay_ns;	/* -1 = not told */
};

/*
 * Whose drain is asked for: that of the pod which had the address in [from, until] (0 = unbounded
 * on that side) and goes since t0 (0 = it does not). T0 holds where the pod was ready until then:
 * only then can its going have been the reason.
 */
struct ds_drain_span {
	int64_t from_ns, until_ns;
	int64_t t0_ns;
	int t0_source;		/* enum ds_t0_source */
	bool t0_holds;
};

/* The API server's clock, of T0's stamp, may be off by so much. */
#define DS_T0_CLOCK_ERROR_NS INT64_C(50000000)

struct ds_targets;

int ds_targets_new(struct ds_targets **ret_targets, size_t max);
void ds_targets_free(struct ds_targets **targets);

/*
 * Takes a target.state event. Returns the target, with *ret_previous its state before (-1 = new),
 * or NULL when the target is no address (an instance) or memory is out.
 */
struct ds_target *ds_targets_update(struct ds_targets *t, const struct ds_event *ev,
				    int *ret_previous);

/*
 * A restored event: the target as it stood (drainsnoop.not_before is the last moment at which it
 * was known to be registered).
 */
void ds_targets_restore(struct ds_targets *t, const struct ds_event *ev);

/* The target that a target.state event speaks of, or NULL. */
struct ds_target *ds_targets_named(const struct ds_targets *t, const struct ds_event *ev);

/* The event is a new registration of the target, not more news of the present one. */
bool ds_target_registers(const struct ds_target *target, const struct ds_event *ev);

/* Told already to the run that saved the state file: events files are read from the start. */
bool ds_targets_is_known(const struct ds_targets *t, const struct ds_event *ev);

/* Least recently told first; NULL at the end. */
const struct ds_target *ds_targets_first(const struct ds_targets *t);

/* The first target of an address (follow same_address), or NULL. */
struct ds_target *ds_targets_of(const struct ds_targets *t, const struct ds_addr *a);

/* The groups, in the order in which they were first told: iterate with hh.next. NULL = none. */
struct ds_target_group *ds_targets_groups(const struct ds_targets *t);

/* The one of that port; any of that address where port is 0. Or NULL. */
struct ds_target *ds_targets_find(const struct ds_targets *t, const struct ds_addr *a,
				  uint16_t port);

bool ds_target_is_draining(const struct ds_target *target);

/*
 * The drain interval of a target: the largest of the lower bounds, the smallest of the upper ones.
 * T0 is a lower bound only where no source saw the drain from both sides, and nothing says that it
 * began before. NULL gives an unknown drain.
 */
struct ds_drain ds_target_drain(const struct ds_target *target, const struct ds_drain_span *span);

/* The longest deregistration delay that was told, in seconds; 0 = none. */
int64_t ds_targets_longest_delay_s(const struct ds_targets *t);

int64_t ds_targets_evictions(const struct ds_targets *t);

#endif
