// SPDX-License-Identifier: Apache-2.0
/* How far this node's clock can be trusted beside others. Pure. */
#include "user/doctor/clock.h"

#include "user/util/timefmt.h"

#define ERROR_MAX_NS (500 * DS_NS_PER_MS)

static double ms(int64_t ns)
{
	return (double)ns / 1e6;
}

static void judge_kernel(const struct ds_doctor_clock *c, struct ds_finding *f)
{
	if (c->result) {
		ds_finding_say(f, DS_FOUND_SKIP, "the kernel does not tell its state (errno %d)",
			       -c->result);
		ds_finding_advise(f, "Look on the node itself: chronyc tracking");
		return;
	}
	ds_finding_bool_fact(f, "synchronised", c->synchronised);
	ds_finding_number_fact(f, "offset_ns", c->offset_ns);
	ds_finding_number_fact(f, "error_ns", c->error_ns);
	if (!c->synchronised) {
		ds_finding_say(f, DS_FOUND_WARN, "not synchronised: nothing disciplines this clock");
		ds_finding_advise(f, "Run chrony or another NTP client on the node: times of drains come "
				     "from other hosts");
	} else if (c->error_ns > ERROR_MAX_NS) {
		ds_finding_say(f, DS_FOUND_WARN, "synchronised, but it may be off by %.0f ms",
			       ms(c->error_ns));
		ds_finding_advise(f, "See why with `chronyc tracking`; give `trace` and `replay` with --targets "
				     "that error by --clock-error");
	} else {
		ds_finding_say(f, DS_FOUND_OK, "synchronised, offset %.3f ms, error at most %.1f ms",
			       ms(c->offset_ns), ms(c->error_ns));
	}
}

void ds_doctor_judge_clock(const struct ds_doctor_clock *c, struct ds_finding *f)
{
	int64_t middle = c->api_lo_ns + (c->api_hi_ns - c->api_lo_ns) / 2;

	judge_kernel(c, f);
	if (!c->api_told)
		return;
	if (c->api_lo_ns <= 0 && c->api_hi_ns >= 0) {
		ds_finding_say(f, DS_FOUND_OK, "the API server's clock agrees");
		return;
	}
	ds_finding_number_fact(f, "api_server_ahead_ns", middle);
	ds_finding_say(f, DS_FOUND_WARN, "the API server's clock is about %.1f s %s",
		       ms(middle < 0 ? -middle : middle) / 1000, middle < 0 ? "behind" : "ahead");
	ds_finding_advise(f, "Times of deletion are corrected by that; find out which of the two is "
			     "wrong");
}
