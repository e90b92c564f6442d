/* SPDX-License-Identifier: Apache-2.0 */
/* Each reply bounds the difference; what all of them allow is what it is. */
#include "user/source/kube/kube_clock.h"

#include "user/util/timefmt.h"

#define ALIKE_NS (50 * DS_NS_PER_MS) /* clocks that are kept differ by less */

void ds_kube_clock_take(struct ds_kube_clock *c, int64_t asked_ns, int64_t came_ns,
			int64_t dated_ns)
{
	int64_t lo_ns = dated_ns - came_ns, hi_ns = dated_ns + DS_NS_PER_S - asked_ns;
	bool goes_on = c->known && lo_ns <= c->hi_ns && hi_ns >= c->lo_ns;

	/* Where they contradict each other a clock was set: only the latest counts. */
	c->lo_ns = goes_on && c->lo_ns > lo_ns ? c->lo_ns : lo_ns;
	c->hi_ns = goes_on && c->hi_ns < hi_ns ? c->hi_ns : hi_ns;
	c->known = true;
}

bool ds_kube_clock_differs(const struct ds_kube_clock *c, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	bool differs = c->known && (c->lo_ns > ALIKE_NS || c->hi_ns < -ALIKE_NS);

	*ret_lo_ns = differs ? c->lo_ns : 0;
	*ret_hi_ns = differs ? c->hi_ns : 0;
	return differs;
}
