/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/elb/elb_subject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_arn.h"

/* ---- what AWS counts together ---- */

static struct ds_elb_bucket *bucket_of(struct ds_elb_subjects *all, const char *service,
				       const struct ds_arn *arn)
{
	char key[DS_ELB_BUCKET_LEN + 1] = { 0 };
	struct ds_elb_bucket *b;

	_Static_assert(sizeof(key) >= 4 + sizeof(arn->region) + sizeof(arn->account), "it fits");
	strcpy(key, service);
	strcat(key, arn->region);
	strcat(key, arn->account);
	HASH_FIND_STR(all->buckets, key, b);
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return NULL;
		memcpy(b->key, key, sizeof(key));
		HASH_ADD_STR(all->buckets, key, b);
		if (!DS_HASH_ADDED(b)) {
			free(b);
			return NULL;
		}
	}
	b->subjects_cnt++;
	return b;
}

static void leave_bucket(struct ds_elb_subjects *all, struct ds_elb_bucket *b)
{
	if (!b || --b->subjects_cnt)
		return;
	HASH_DEL(all->buckets, b);
	free(b);
}

/* ---- subjects ---- */

static void destroy(struct ds_elb_subjects *all, struct ds_elb_subject *s)
{
	leave_bucket(all, s->elb);
	leave_bucket(all, s->ec2);
	ds_elb_targets_clear(&s->targets);
	free(s);
}

static void remove_subject(struct ds_elb_subjects *all, struct ds_elb_subject *s)
{
	HASH_DEL(all->first, s);
	*(s->is_group ? &all->groups_cnt : &all->balancers_cnt) -= 1;
	destroy(all, s);
}

void ds_elb_subjects_clear(struct ds_elb_subjects *all)
{
	struct ds_elb_subject *s, *next;

	HASH_ITER(hh, all->first, s, next)
		remove_subject(all, s);
}

struct ds_elb_subject *ds_elb_subject_of(const struct ds_elb_subjects *all, const char *arn)
{
	struct ds_elb_subject *s;

	HASH_FIND_STR(all->first, arn, s);
	return s;
}

bool ds_elb_subject_is_active(const struct ds_elb_subjects *all, const struct ds_elb_subject *s)
{
	if (s->is_group)
		return s->added || s->targets.open_cnt;
	for (const struct ds_elb_subject *g = all->first; g; g = g->hh.next)
		if (g->balancer == s && (g->added || g->targets.open_cnt))
			return true;
	return false;
}

int ds_elb_subjects_targets(const struct ds_elb_subjects *all)
{
	int cnt = 0;

	for (const struct ds_elb_subject *s = all->first; s; s = s->hh.next)
		cnt += s->targets.cnt;
	return cnt;
}

static bool is_idle(const struct ds_elb_subjects *all, const struct ds_elb_subject *s)
{
	for (const struct ds_elb_subject *g = all->first; g; g = g->hh.next)
		if (g->balancer == s)
			return false;
	for (int i = 0; i < DS_ELB_ASK_MAX; i++)
		if (s->jobs[i].busy)
			return false;
	return !s->added && !s->targets.first;
}

static bool make_room(struct ds_elb_subjects *all, bool for_group)
{
	int cnt = for_group ? all->groups_cnt : all->balancers_cnt;
	struct ds_elb_subject *s = all->first;

	if (cnt < (for_group ? DS_ELB_GROUPS_MAX : DS_ELB_BALANCERS_MAX))
		return true;
	while (s && (s->is_group != for_group || !is_idle(all, s)))
		s = s->hh.next;
	if (s)
		remove_subject(all, s);
	return s != NULL;
}

static void init_jobs(struct ds_elb_subject *s)
{
	for (int i = 0; i < DS_ELB_ASK_MAX; i++)
		s->jobs[i] = (struct ds_elb_job){
			.subject = s, .ask = (enum ds_elb_ask)i, .due_ns = INT64_MAX,
			.bucket = i == DS_ELB_ASK_ADDRESSES ? s->ec2 : s->elb,
		};
}

int ds_elb_subject_add(struct ds_elb_subjects *all, const char *text, bool is_group,
		       struct ds_elb_subject **ret_subject, bool *ret_is_new)
{
	struct ds_elb_subject *s = NULL;
	struct ds_arn arn;

	if (ds_arn_parse_elb(text, is_group ? "targetgroup" : "loadbalancer", &arn))
		return -EINVAL;
	*ret_is_new = false;
	*ret_subject = ds_elb_subject_of(all, text);
	if (*ret_subject)
		return 0;
	if (!make_room(all, is_group))
		return -ENOBUFS;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	_Static_assert(DS_ELB_ARN_LEN >= DS_ARN_LEN, "what was parsed fits");
	strcpy(s->arn, text);
	s->is_group = is_group;
	s->elb = bucket_of(all, "elb", &arn);
	s->ec2 = bucket_of(all, "ec2", &arn);
	ds_elb_targets_init(&s->targets);
	init_jobs(s);
	if (s->elb && s->ec2)
		HASH_ADD_STR(all->first, arn, s);
	if (!s->elb || !s->ec2 || !DS_HASH_ADDED(s)) {
		destroy(all, s);
		return -ENOMEM;
	}
	*(is_group ? &all->groups_cnt : &all->balancers_cnt) += 1;
	*ret_subject = s;
	*ret_is_new = true;
	return 0;
}
