/* SPDX-License-Identifier: Apache-2.0 */
#include "user/core/target_clock.h"

#include "user/core/event.h"

bool ds_target_clocks_widen(const struct ds_target_clocks *clocks, struct ds_fact *fact)
{
	const struct ds_clock *c = clocks ? &clocks->of[fact->source] : NULL;
	bool widened = false;

	if (!c || fact->error_ns <= 0)
		return false;
	if (c->ahead_ns > fact->error_ns) {
		int64_t more_ns = c->ahead_ns - fact->error_ns;

		if (fact->lo_ns)
			fact->lo_ns = fact->lo_ns > more_ns ? fact->lo_ns - more_ns : 0;
		widened = true;
	}
	if (c->behind_ns > fact->error_ns) {
		fact->hi_ns = ds_event_time(fact->hi_ns + c->behind_ns - fact->error_ns);
		widened = true;
	}
	return widened;
}
