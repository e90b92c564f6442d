/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Target groups: which targets each has, and since when none of them can be sent to (DESIGN
 * section 2: absence is a finding too). target.c keeps the lists, absence.c judges. Pure.
 */
#ifndef DS_CORE_TARGET_GROUP_H
#define DS_CORE_TARGET_GROUP_H

#include "user/core/target.h"
#include "user/util/hash.h"

/* No target of the group that the load balancer would send to: times in ns, 0 = there is one. */
struct ds_target_gap {
	int64_t lo_ns, hi_ns;		/* it began between these two */
	int64_t last_arrival_ns;	/* of the load balancer since then, 0 = none was seen */
	bool told;
};

struct ds_target_group {
	char id[DS_TARGET_TEXT_LEN + 1];	/* its ARN, else its name */
	struct ds_target *first;	/* its targets, by same_group; never empty */
	int cnt;
	bool has_served;		/* one of its targets could be sent to */
	struct ds_target_gap gap;
	UT_hash_handle hh;
};

/* The load balancer sends to a target in that state; also where it fails open. */
bool ds_target_state_serves(int state);

/* Whether any target of the group serves, and how many targets it has. */
bool ds_target_group_serves(const struct ds_target_group *group);
int64_t ds_target_group_size(const struct ds_target_group *group);

/* Puts the target into its group, which is made when new. 0 or -ENOMEM. */
int ds_target_group_join(struct ds_target_group **groups, struct ds_target *target);

/*
 * The group turns out to be the one with this id: all of its targets move there, and it is
 * forgotten. 0, or -ENOMEM with nothing changed.
 */
int ds_target_group_rename(struct ds_target_group **groups, struct ds_target_group *group,
			   const char *id);

/* Takes it out; a group without targets is forgotten. */
void ds_target_group_leave(struct ds_target_group **groups, struct ds_target *target);

#endif
