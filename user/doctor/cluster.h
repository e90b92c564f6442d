/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Check `cluster`: whether the API server answers, as whom, and what that one may do. The server
 * itself is asked for each right (SelfSubjectAccessReview), as `kubectl auth can-i` does.
 */
#ifndef DS_DOCTOR_CLUSTER_H
#define DS_DOCTOR_CLUSTER_H

#include "user/doctor/finding.h"

/* Where a right is needed. */
enum ds_right_scope { DS_RIGHT_CLUSTER, DS_RIGHT_NAMESPACE };

/* Bits: the rest works without it; only Events on workloads, or --watch-pods, need it. */
enum ds_right_need {
	DS_RIGHT_NEEDED, DS_RIGHT_OPTIONAL = 1, DS_RIGHT_FOR_EVENTS = 2, DS_RIGHT_FOR_PODS = 4
};

/* Which object, where it is but one. */
enum ds_right_object { DS_RIGHT_ANY, DS_RIGHT_OWN_CONFIGMAP, DS_RIGHT_LEASE };

/* For whom. */
enum ds_doctor_for { DS_DOCTOR_AGENT, DS_DOCTOR_TARGETS_COMMAND, DS_DOCTOR_FOR_MAX };

struct ds_right {
	enum ds_doctor_for who;
	const char *verb, *group, *resource;
	enum ds_right_scope scope;
	unsigned int need;	/* enum ds_right_need */
	enum ds_right_object object;
	const char *without;	/* what is missing then */
};

/* Rows of all commands; ds_right_cnt of them. */
extern const struct ds_right ds_rights[];
extern const int ds_right_cnt;

#define DS_DOCTOR_RIGHTS_MAX 64

enum ds_review { DS_REVIEW_OPEN, DS_REVIEW_ALLOWED, DS_REVIEW_DENIED, DS_REVIEW_FAILED };

struct ds_doctor_cluster {
	bool asked;
	enum ds_doctor_for who;
	bool standalone;	/* the agent reads no ConfigMap */
	bool events;		/* it writes Events on workloads */
	bool pods;		/* targets watches all pods */
	char server[256];
	char fault[512];	/* why it cannot be asked at all; "" = it can */
	char user[256];		/* "" = not told (before Kubernetes 1.28) */
	const char *namespace_, *configmap, *lease;	/* names; the ConfigMap is this node's */
	enum ds_review reviews[DS_DOCTOR_RIGHTS_MAX];	/* of the rows of ds_rights */
	char review_fault[256];	/* of one that failed */
};

/* Pure. Whether what is to run needs to be asked for that right at all. */
bool ds_doctor_cluster_wants(const struct ds_doctor_cluster *c, const struct ds_right *right);

/* Pure. The SelfSubjectAccessReview that asks for a right. */
void ds_doctor_cluster_ask(struct ds_buf *body, const struct ds_doctor_cluster *c,
			   const struct ds_right *right);

/* Pure. What the answer to it says. */
enum ds_review ds_doctor_cluster_answer(int status, const char *json, size_t len);

/* Pure. The user's name of the answer to a SelfSubjectReview; "" where it tells none. */
void ds_doctor_cluster_user(char *buf, size_t size, const char *json, size_t len);

void ds_doctor_judge_cluster(const struct ds_doctor_cluster *c, struct ds_finding *f);

#endif
