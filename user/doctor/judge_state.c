// SPDX-License-Identifier: Apache-2.0
/* Whether an earlier run's knowledge can be used, and the next one's kept. Pure. */
#include "user/doctor/state.h"

#include <inttypes.h>

#include "user/util/timefmt.h"

void ds_doctor_judge_state(const struct ds_doctor_state *s, struct ds_finding *f)
{
	if (!s->path) {
		ds_finding_say(f, DS_FOUND_SKIP, "no --state FILE is given");
		return;
	}
	ds_finding_text_fact(f, "path", s->path);
	if (s->folder_fault[0]) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s cannot be replaced: its folder says %s", s->path,
			       s->folder_fault);
		ds_finding_advise(f, "Mount a volume there that this process may write to (emptyDir, or "
				     "a hostPath to outlive an update)");
	}
	if (s->fault[0]) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s cannot be read: %s", s->path, s->fault);
		ds_finding_advise(f, "Make it readable, or remove it: the next run begins without it");
		return;
	}
	if (s->damage[0]) {
		ds_finding_say(f, DS_FOUND_WARN, "%s cannot be used: %s", s->path, s->damage);
		ds_finding_advise(f, "Nothing: the next run sets it aside and begins without it; keep it "
				     "for a report");
		return;
	}
	if (!s->exists) {
		ds_finding_say(f, DS_FOUND_OK, "%s does not exist yet", s->path);
		return;
	}
	ds_finding_number_fact(f, "events", (int64_t)s->events);
	ds_finding_number_fact(f, "age_s", s->age_ns / DS_NS_PER_S);
	ds_finding_say(f, DS_FOUND_OK, "%s: %" PRIu64 " events of run %s, written %.0f s ago%s", s->path,
		       s->events, s->run_id, (double)s->age_ns / 1e9,
		       s->same_boot ? "" : ", before the machine was started anew");
}
