/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources said about one target, and the drain interval that follows from it (DESIGN
 * section 7). Facts come in any order (CloudTrail is minutes late) and are kept by time, so that an
 * older one never undoes a newer one. Pure.
 */
#ifndef DS_CORE_TARGET_FACTS_H
#define DS_CORE_TARGET_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/names.h"
#include "user/core/target_fact.h"

#define DS_FACTS_MAX 16

struct ds_target_clocks;

struct ds_facts {
	struct ds_fact fact[DS_FACTS_MAX];	/* by time */
	int cnt;
};

/* The drain that belongs to a span of time, as the facts have it. */
struct ds_facts_drain {
	bool began;
	bool conflict;		/* the sources contradict each other, here or elsewhere */
	bool own_lo;		/* lo comes from a source that saw the drain itself */
	int64_t lo_ns, hi_ns;
	int lo_source, hi_source;
	int64_t registered_ns;	/* last moment before it at which the target was registered */
	int64_t hint_ns;	/* latest hint since then */
};

/* Adds a fact; one that adds nothing is left out, the oldest makes room. */
void ds_facts_add(struct ds_facts *facts, const struct ds_fact *fact);

/*
 * The last drain that ended a registration which began before until (0 = whenever), and that began
 * at from or later. Not began where the target was registered since. clocks (or NULL): what was
 * learned of those who told them.
 */
struct ds_facts_drain ds_facts_drain(const struct ds_facts *facts, int64_t from_ns,
				     int64_t until_ns, const struct ds_target_clocks *clocks);

/*
 * What each source says of the last drain, where it says it more than once: of the first call. The
 * index is enum ds_target_source; source is -1 where it says nothing.
 */
void ds_facts_by_source(const struct ds_facts *facts, struct ds_fact by[DS_TARGET_SOURCE_MAX]);

/* It tells calls, each another one; where a reading may be the same state again, or out of date. */
bool ds_target_source_is_call(int source);

#endif
