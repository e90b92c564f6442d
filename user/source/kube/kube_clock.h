/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API server's clock set against this node's, by the dates of its replies, which are whole
 * seconds. Pure.
 */
#ifndef DS_SOURCE_KUBE_CLOCK_H
#define DS_SOURCE_KUBE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Zero at first. */
struct ds_kube_clock {
	/* Its clock less this node's lies within these, as far as the replies tell. */
	int64_t lo_ns, hi_ns;
	bool known;
};

/* A reply that was asked for and came by this node's clock, and was dated by the server's. */
void ds_kube_clock_take(struct ds_kube_clock *c, int64_t asked_ns, int64_t came_ns,
			int64_t dated_ns);

/*
 * By what its times are to be corrected: true and the bounds, or false and 0 where the two may be
 * the same clock but for what any two clocks differ by.
 */
bool ds_kube_clock_differs(const struct ds_kube_clock *c, int64_t *ret_lo_ns, int64_t *ret_hi_ns);

#endif
