/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the poller's plan knows: target groups and load balancers, what may be asked about each, and
 * which requests AWS counts together. A part of the plan. Pure; moments as there.
 */
#ifndef DS_SOURCE_ELB_SUBJECT_H
#define DS_SOURCE_ELB_SUBJECT_H

#include "user/source/elb/elb_target.h"
#include "user/util/hash.h"

#define DS_ELB_BUCKET_LEN 63

/* Requests that AWS counts together: those of one service, account and region. */
struct ds_elb_bucket {
	char key[DS_ELB_BUCKET_LEN + 1];
	int subjects_cnt;	/* that have it; with the last one it goes */
	unsigned int strikes;
	int64_t struck_ns, until_ns;
	int64_t pace_ns;	/* between two of them, after they were too many; 0 = as the rate */
	int64_t next_ns;
	UT_hash_handle hh;
};

struct ds_elb_subject;

/* One question about one subject. */
struct ds_elb_job {
	struct ds_elb_subject *subject;
	struct ds_elb_bucket *bucket;
	enum ds_elb_ask ask;
	int64_t due_ns;		/* INT64_MAX = never */
	int64_t sent_ns;
	unsigned int failures;
	bool busy;
	bool expired;		/* its last try found the credentials too old */
};

/* A target group, or a load balancer. */
struct ds_elb_subject {
	char arn[DS_ELB_ARN_LEN + 1];
	bool is_group;
	bool added;		/* named by hand: asked what it is, also without targets */
	bool gone;
	struct ds_elb_job jobs[DS_ELB_ASK_MAX];
	struct ds_elb_bucket *elb, *ec2;
	struct ds_elb_subject *balancer;	/* of a group, NULL = none is known */
	struct ds_elb_targets targets;		/* of a group */
	UT_hash_handle hh;
};

struct ds_elb_subjects {
	struct ds_elb_subject *first;	/* in the order in which they were met: hh.next */
	struct ds_elb_bucket *buckets;
	int groups_cnt, balancers_cnt;
};

void ds_elb_subjects_clear(struct ds_elb_subjects *all);
struct ds_elb_subject *ds_elb_subject_of(const struct ds_elb_subjects *all, const char *arn);

/*
 * The same, made when new; then nothing of it is due yet. In a full table the first that nobody
 * wants to know of any more makes room. 0, -EINVAL (the ARN of something else), -ENOBUFS, -ENOMEM.
 */
int ds_elb_subject_add(struct ds_elb_subjects *all, const char *arn, bool is_group,
		       struct ds_elb_subject **ret_subject, bool *ret_is_new);

/* Somebody wants to know of it: its targets are asked for, or those of its groups. */
bool ds_elb_subject_is_active(const struct ds_elb_subjects *all, const struct ds_elb_subject *s);

/* How many targets are watched, of all groups. */
int ds_elb_subjects_targets(const struct ds_elb_subjects *all);

#endif
