/* SPDX-License-Identifier: Apache-2.0 */
/* Learns how far clocks are off (target_clock.h) from drains that several sources told. Pure. */
#ifndef DS_CORE_TARGET_CLOCK_LEARN_H
#define DS_CORE_TARGET_CLOCK_LEARN_H

#include <stdint.h>

struct ds_facts;
struct ds_target_clocks;

/*
 * The last drain of a target as its sources told it, at_ns (event time): compares their clocks.
 * target is the same for the same target.
 */
void ds_target_clocks_compare(struct ds_target_clocks *clocks, uint64_t target,
			      const struct ds_facts *facts, int64_t at_ns);

#endif
