/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing that a source said about a target. It is about this node's clock: whoever makes it has
 * widened it by what the source's clock may be off, error_ns. All times are ns since the epoch, 0 =
 * not bounded on that side.
 */
#ifndef DS_CORE_TARGET_FACT_H
#define DS_CORE_TARGET_FACT_H

#include <stdint.h>

enum ds_fact_kind {
	DS_FACT_REGISTERED,	/* at some moment of [lo, hi] the target was registered */
	DS_FACT_INITIAL,	/* the same, and it was new: a drain before it is over */
	DS_FACT_REGISTERING,	/* the same, and that is where the registration began */
	DS_FACT_HINT,		/* the controller had reason to deregister it from lo on */
	DS_FACT_DRAIN,		/* it began to drain in [lo, hi] */
};

struct ds_fact {
	int64_t lo_ns, hi_ns;
	int64_t error_ns;	/* is in them; 0 = told by this node's clock, -1 = not known */
	int32_t kind;		/* enum ds_fact_kind */
	int32_t source;		/* enum ds_target_source */
};

#endif
