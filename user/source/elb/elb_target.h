/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watched targets of one group: which are asked for together, what was read of each and when,
 * and for how long asking is worth it. A part of the poller's plan. Pure; moments as there.
 */
#ifndef DS_SOURCE_ELB_TARGET_H
#define DS_SOURCE_ELB_TARGET_H

#include "user/source/elb/elb_plan.h"

struct ds_elb_target {
	struct ds_elb_target *next;
	struct ds_elb_target_name name;	/* port 0: which ports it has is looked up in a listing */
	int64_t since_ns;		/* watched since then */
	int64_t asked_ns, read_ns;	/* when the last request was sent; that was answered */
	int state;			/* enum ds_target_state, -1 = not read yet */
	int registered;			/* the last registered one that was read, or -1 */
	char reason[DS_ELB_REASON_LEN + 1];
	int64_t seen_ns;		/* it is in that state at this moment, or was after it */
	int64_t drained_ns;		/* first read as draining, 0 = not */
	int64_t lo_ns, hi_ns;		/* of the change to that state */
	bool told;
	bool over;			/* not asked any more */
};

struct ds_elb_targets {
	struct ds_elb_target *first;
	int cnt;
	int open_cnt;		/* of them those that are asked */
	int64_t round_ns;	/* when the first of the last requests for all of them was sent */
	int64_t delay_s;	/* deregistration delay, -1 = not known */
	bool lists;		/* the group is listed, as AWS does not know one of the targets */
	bool listed;		/* by the last request */
	bool closed;		/* its targets are no addresses */
};

void ds_elb_targets_init(struct ds_elb_targets *all);
void ds_elb_targets_clear(struct ds_elb_targets *all);

struct ds_elb_target *ds_elb_targets_find(const struct ds_elb_targets *all,
					  const struct ds_elb_target_name *name);

/* 0 or -ENOMEM. */
int ds_elb_targets_add(struct ds_elb_targets *all, const struct ds_elb_target_name *name,
		       int64_t now_ns);
void ds_elb_targets_remove(struct ds_elb_targets *all, const struct ds_addr *addr);
void ds_elb_targets_close(struct ds_elb_targets *all);

/* Counts those that are asked anew: after any of them came to its end. */
void ds_elb_targets_count(struct ds_elb_targets *all);

/* Those for which the bound has passed are over. */
void ds_elb_targets_expire(struct ds_elb_targets *all, int64_t now_ns);

/* Whom the next request asks for, which is sent now. Returns how many; 0 = it lists the group. */
int ds_elb_targets_take(struct ds_elb_targets *all, int64_t now_ns,
			struct ds_elb_target_name targets[DS_ELB_BATCH]);

/* Some were not asked for in this round yet. */
bool ds_elb_targets_wait(const struct ds_elb_targets *all);

/* From one round to the next: longer where only the end of a drain is waited for. */
int64_t ds_elb_targets_interval(const struct ds_elb_targets *all, int64_t interval_ns,
				int64_t now_ns);

/*
 * The target that an answer speaks of, to the request that was sent then: one that was asked for,
 * or in a listing one of an address that is looked for. NULL = nobody wants to know.
 */
struct ds_elb_target *ds_elb_targets_found(struct ds_elb_targets *all,
					   const struct ds_elb_target_name *name, int64_t sent_ns);

/*
 * Its state as read by a request sent at sent and answered at now. True where that is news; then
 * *ret_previous is the state before, -1 = none.
 */
bool ds_elb_target_read(struct ds_elb_target *t, int state, const char *reason, int64_t sent_ns,
			int64_t now_ns, int *ret_previous);

#endif
