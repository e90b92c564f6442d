// SPDX-License-Identifier: Apache-2.0
/* Whether the agent can serve its metrics. Pure. */
#include "user/doctor/metrics.h"

void ds_doctor_judge_metrics(const struct ds_doctor_metrics *m, struct ds_finding *f)
{
	if (!m->listen[0]) {
		ds_finding_say(f, DS_FOUND_SKIP, "none are to be served");
		return;
	}
	ds_finding_text_fact(f, "listen", m->listen);
	ds_finding_bool_fact(f, "agent_answers", m->agent);
	if (!m->fault[0]) {
		ds_finding_say(f, DS_FOUND_OK, "%s is free", m->listen);
	} else if (m->agent) {
		ds_finding_say(f, DS_FOUND_OK, "a drainsnoop agent serves them at %s", m->listen);
	} else if (m->taken) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s is taken by another program", m->listen);
		ds_finding_advise(f, "Give the agent another one with --metrics-listen, and the chart and "
				     "the scraper the same");
	} else {
		ds_finding_say(f, DS_FOUND_FAIL, "%s cannot be listened at: %s", m->listen, m->fault);
		ds_finding_advise(f, "Give --metrics-listen an address of this host, and a port that it may "
				     "use");
	}
}
