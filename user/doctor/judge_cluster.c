// SPDX-License-Identifier: Apache-2.0
/* What the API server allows, set against what is needed. Pure. */
#include <stdio.h>
#include <string.h>

#include "user/doctor/cluster.h"

#define VERBS_LEN 64

static bool same_thing(const struct ds_right *a, const struct ds_right *b)
{
	return a->who == b->who && a->scope == b->scope && a->object == b->object &&
	       !strcmp(a->group, b->group) && !strcmp(a->resource, b->resource);
}

/* The verbs of one resource that got this answer, from row i on: "list, watch". */
static void verbs_of(const struct ds_doctor_cluster *c, int i, enum ds_review review,
		     char verbs[VERBS_LEN])
{
	size_t len = 0;

	verbs[0] = '\0';
	for (int k = i; k < ds_right_cnt && len < VERBS_LEN - 16; k++)
		if (same_thing(&ds_rights[i], &ds_rights[k]) && c->reviews[k] == review)
			len += (size_t)snprintf(verbs + len, VERBS_LEN - len, "%s%s", len ? ", " : "",
						ds_rights[k].verb);
}

/* Whether an earlier row of the same resource had the same answer: it has told this one too. */
static bool told_before(const struct ds_doctor_cluster *c, int i)
{
	for (int k = 0; k < i; k++)
		if (same_thing(&ds_rights[i], &ds_rights[k]) && c->reviews[k] == c->reviews[i])
			return true;
	return false;
}

static void say_denied(const struct ds_doctor_cluster *c, int i, struct ds_finding *f)
{
	const struct ds_right *right = &ds_rights[i];
	bool own = right->scope == DS_RIGHT_NAMESPACE, optional = right->need & DS_RIGHT_OPTIONAL;
	char verbs[VERBS_LEN];

	verbs_of(c, i, DS_REVIEW_DENIED, verbs);
	ds_finding_say(f, optional ? DS_FOUND_OK : DS_FOUND_FAIL, "%smay not %s %s%s%s%s%s (%s)",
		       optional ? "optional: " : "", verbs, right->resource,
		       right->group[0] ? "." : "", right->group, own ? " in namespace " : "",
		       own ? c->namespace_ : "", right->without);
	if (!optional)
		ds_finding_advise(f, "Apply the ClusterRole and Role of deploy/ (chart: rbac.create%s) and "
				     "bind them to %s",
				  right->need & DS_RIGHT_FOR_EVENTS ? ", agent.eventsOnWorkloads" :
				  right->need & DS_RIGHT_FOR_PODS ? ", targets.watchPods" : "",
				  c->user[0] ? c->user : "this user");
}

static void say_reviews(const struct ds_doctor_cluster *c, struct ds_finding *f)
{
	int allowed = 0, asked = 0, failed = 0;

	for (int i = 0; i < ds_right_cnt; i++) {
		if (!ds_doctor_cluster_wants(c, &ds_rights[i]))
			continue;
		asked++;
		allowed += c->reviews[i] == DS_REVIEW_ALLOWED;
		failed += c->reviews[i] == DS_REVIEW_FAILED || c->reviews[i] == DS_REVIEW_OPEN;
		if (c->reviews[i] == DS_REVIEW_DENIED && !told_before(c, i))
			say_denied(c, i, f);
	}
	ds_finding_number_fact(f, "rights_asked", asked);
	ds_finding_number_fact(f, "rights_allowed", allowed);
	if (failed) {
		ds_finding_say(f, DS_FOUND_WARN, "%d of %d rights could not be asked for: %s", failed, asked,
			       c->review_fault[0] ? c->review_fault : "no answer in time");
		ds_finding_advise(f, "Ask with kubectl: kubectl auth can-i --list");
	}
	if (f->found < DS_FOUND_WARN)
		ds_finding_say(f, DS_FOUND_OK, "%d of %d rights are granted", allowed, asked);
}

void ds_doctor_judge_cluster(const struct ds_doctor_cluster *c, struct ds_finding *f)
{
	if (!c->asked) {
		ds_finding_say(f, DS_FOUND_SKIP, "no API server is asked for without --kube");
		return;
	}
	ds_finding_text_fact(f, "server", c->server);
	if (c->fault[0]) {
		ds_finding_say(f, DS_FOUND_FAIL, "%s", c->fault);
		ds_finding_advise(f, "Try `kubectl get --raw /version` with the same kubeconfig; in a pod, "
				     "see whether its token is mounted and a NetworkPolicy stands between");
		return;
	}
	if (c->user[0])
		ds_finding_text_fact(f, "user", c->user);
	ds_finding_say(f, DS_FOUND_OK, "%s%s%s", c->server, c->user[0] ? " as " : "", c->user);
	say_reviews(c, f);
}
