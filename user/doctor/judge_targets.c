// SPDX-License-Identifier: Apache-2.0
/* Whether the agent of this node hears of targets, and how old that is. Pure. */
#include "user/doctor/targets.h"

#include <string.h>

#include "user/util/timefmt.h"

#define FUTURE_NS (-5 * DS_NS_PER_S)	/* of another host's clock */

static void judge_answer(const struct ds_doctor_targets *t, struct ds_finding *f)
{
	if (t->status == 404) {
		ds_finding_say(f, DS_FOUND_WARN, "no ConfigMap %s in namespace %s: drops carry no target "
			       "state", t->name, t->namespace_);
		ds_finding_advise(f, "Run `drainsnoop targets` in the cluster (the chart does by default); "
				     "it writes one as soon as a pod of a target group is on this node");
	} else if (t->status == 403) {
		ds_finding_say(f, DS_FOUND_FAIL, "may not get ConfigMap %s in namespace %s", t->name,
			       t->namespace_);
		ds_finding_advise(f, "Apply the chart's Role, or give --config-namespace where it is");
	} else {
		ds_finding_say(f, DS_FOUND_FAIL, "ConfigMap %s cannot be read: %s", t->name,
			       t->fault[0] ? t->fault : "the answer makes no sense");
		ds_finding_advise(f, "See check `cluster`");
	}
}

void ds_doctor_judge_targets(const struct ds_doctor_targets *t, struct ds_finding *f)
{
	if (!t->asked) {
		ds_finding_say(f, DS_FOUND_SKIP, "%s", t->skip ? t->skip : "only the agent reads it");
		return;
	}
	ds_finding_text_fact(f, "configmap", t->name);
	if (t->status != 200) {
		judge_answer(t, f);
		return;
	}
	if (!t->dated) {
		ds_finding_say(f, DS_FOUND_WARN, "ConfigMap %s does not say when it was written", t->name);
		ds_finding_advise(f, "See who wrote it: kubectl -n %s get configmap %s -o yaml",
				  t->namespace_, t->name);
		return;
	}
	ds_finding_number_fact(f, "age_s", t->age_ns / DS_NS_PER_S);
	ds_finding_number_fact(f, "events", t->lines);
	if (t->age_ns < FUTURE_NS) {
		ds_finding_say(f, DS_FOUND_WARN, "written %.0f s in the future: clocks differ",
			       (double)-t->age_ns / 1e9);
		ds_finding_advise(f, "See check `clock`, here and where `drainsnoop targets` runs");
		return;
	}
	ds_finding_say(f, DS_FOUND_OK, "%lld events, written %.0f s ago", (long long)t->lines,
		       t->age_ns > 0 ? (double)t->age_ns / 1e9 : 0.0);
}
