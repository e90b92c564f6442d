// SPDX-License-Identifier: Apache-2.0
/*
 * Whether the agent of this node hears of targets, and how old that is; whether an instance of
 * `drainsnoop targets` leads. Pure.
 */
#include "user/doctor/targets.h"

#include <string.h>

#include "user/util/timefmt.h"

#define FUTURE_NS (-5 * DS_NS_PER_S)	/* of another host's clock */
#define QUIET_NS (3600 * DS_NS_PER_S)	/* without a change: nobody may be there to write one */
#define LEASE_DURATION_S 15		/* where a Lease tells none */

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

/* The stamp is of the leader's clock, which may be another host's. */
static void judge_leader(const struct ds_doctor_targets *t, struct ds_finding *f)
{
	int64_t lasts_s = t->duration_s > 0 ? t->duration_s : LEASE_DURATION_S;
	double age_s = t->age_ns > 0 ? (double)t->age_ns / 1e9 : 0;
	bool expired = t->age_ns > lasts_s * DS_NS_PER_S - FUTURE_NS;

	ds_finding_text_fact(f, "leader", t->holder[0] ? t->holder : NULL);
	ds_finding_number_fact(f, "age_s", t->age_ns / DS_NS_PER_S);
	if (t->holder[0] && !expired) {
		ds_finding_say(f, DS_FOUND_OK, "%s leads, Lease %s was renewed %.0f s ago", t->holder,
			       t->name, age_s);
		return;
	}
	if (t->holder[0])
		ds_finding_say(f, DS_FOUND_WARN, "nobody leads: %s renewed Lease %s %.0f s ago, it lasts "
			       "%lld s", t->holder, t->name, age_s, (long long)lasts_s);
	else
		ds_finding_say(f, DS_FOUND_WARN, "nobody leads: Lease %s was given back %.0f s ago", t->name,
			       age_s);
	ds_finding_advise(f, "Until an instance of `drainsnoop targets` runs, the agents keep what they were "
			     "told last; see why with kubectl -n %s get pods", t->namespace_);
}

static void judge_lease(const struct ds_doctor_targets *t, struct ds_finding *f)
{
	ds_finding_text_fact(f, "lease", t->name);
	if (t->status == 200 && t->dated) {
		judge_leader(t, f);
	} else if (t->status == 404) {
		ds_finding_say(f, DS_FOUND_WARN, "no Lease %s in namespace %s: no instance has led yet",
			       t->name, t->namespace_);
		ds_finding_advise(f, "Run `drainsnoop targets` in the cluster, or give its --lease and "
				     "--config-namespace");
	} else {
		ds_finding_say(f, DS_FOUND_WARN, "Lease %s cannot be read: %s", t->name,
			       t->fault[0] ? t->fault : "the answer makes no sense");
		ds_finding_advise(f, "See check `cluster`");
	}
}

static void judge_configmap(const struct ds_doctor_targets *t, struct ds_finding *f)
{
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
	if (t->age_ns > QUIET_NS)
		ds_finding_advise(f, "It is written when something changes. If pods of a target group came or "
				     "went here since, see who leads: drainsnoop doctor --for targets");
}

void ds_doctor_judge_targets(const struct ds_doctor_targets *t, struct ds_finding *f)
{
	if (!t->asked)
		ds_finding_say(f, DS_FOUND_SKIP, "%s", t->skip);
	else if (t->of_lease)
		judge_lease(t, f);
	else
		judge_configmap(t, f);
}
