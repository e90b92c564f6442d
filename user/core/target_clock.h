/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By how much the clocks of those who tell of targets are off. Each says itself how far off it may
 * be (drainsnoop.clock.error_ms); that may be wrong. Where two sources tell the same drain, one
 * clock's stamps bound the other's offset; what most drains agree on is learned, and bounds of that
 * source are widened to hold it, at all targets. They are never narrowed: what was learned may be
 * true of another host of that source, or of the clock before it was set right. Pure.
 */
#ifndef DS_CORE_TARGET_CLOCK_H
#define DS_CORE_TARGET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/names.h"
#include "user/core/target_fact.h"

#define DS_CLOCK_DRAINS_MAX 16
#define DS_CLOCK_OFF_MAX_NS INT64_C(300000000000)	/* AWS refuses calls beyond that */
#define DS_CLOCK_KEEP_NS INT64_C(3600000000000)		/* what is learned holds for so long */

/* One drain that two sources told: the clock is ahead by [lo, hi] (negative: behind). */
struct ds_clock_said {
	uint64_t drain;		/* which drain, and who the other is */
	int64_t at_ns;
	int64_t lo_ns, hi_ns;
};

struct ds_clock {
	struct ds_clock_said said[DS_CLOCK_DRAINS_MAX];	/* the oldest makes room */
	int cnt;
	int64_t error_ns;	/* the source's own word, the largest */
	int64_t ahead_ns, behind_ns;	/* learned: off by up to these; 0 = no more than that */
};

struct ds_target_clocks {
	struct ds_clock of[DS_TARGET_SOURCE_MAX];
};

/*
 * Widens a fact by what was learned of its source's clock beyond what that clock itself says.
 * False where that is nothing. clocks may be NULL: nothing is known.
 */
bool ds_target_clocks_widen(const struct ds_target_clocks *clocks, struct ds_fact *fact);

#endif
