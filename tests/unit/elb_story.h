/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the poller's plan: a plan with a clock of its own, and what it told. Target n has
 * the address 10.0.n/256.n%256; group n is web-n.
 */
#ifndef DS_TESTS_UNIT_ELB_STORY_H
#define DS_TESTS_UNIT_ELB_STORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/source/elb/elb_plan.h"
#include "user/util/timefmt.h"

#define S DS_NS_PER_S
#define MS DS_NS_PER_MS
#define BEGIN (1000 * S)
#define NEVER INT64_MAX
#define TOLD_MAX 8192
#define ARN_BEGIN "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"

/* A plan, the moment, and what it told. */
struct story {
	struct ds_elb_plan *plan;
	int64_t now_ns;
	struct ds_elb_reading told[TOLD_MAX];
	char reasons[TOLD_MAX][DS_ELB_REASON_LEN + 1];
	int told_cnt;
};

static inline const char *group_arn(int n)
{
	static char arn[8][128];
	static int next;
	char *at = arn[next++ % 8];

	snprintf(at, 128, ARN_BEGIN "targetgroup/web-%d/%016x", n, n);
	return at;
}

static inline const char *balancer_arn(int n)
{
	static char arn[128];

	snprintf(arn, sizeof(arn), ARN_BEGIN "loadbalancer/app/web/%016x", n);
	return arn;
}

static inline struct ds_addr addr(int n)
{
	return ds_addr_from_v4((const uint8_t[4]){ 10, 0, (uint8_t)(n >> 8), (uint8_t)n });
}

static inline void on_told(void *ctx, const struct ds_elb_reading *r)
{
	struct story *s = ctx;

	assert_true(s->told_cnt < TOLD_MAX);
	s->told[s->told_cnt] = *r;
	snprintf(s->reasons[s->told_cnt++], DS_ELB_REASON_LEN + 1, "%s", r->reason);
}

static inline struct story *new_story(double rate, bool addresses)
{
	struct story *s = calloc(1, sizeof(*s));
	struct ds_elb_plan_options o = { .interval_ns = S, .rate = rate, .seed = 7,
					 .addresses = addresses, .tell = on_told, .ctx = s };

	assert_non_null(s);
	s->now_ns = BEGIN;
	assert_int_equal(ds_elb_plan_new(&s->plan, &o), 0);
	return s;
}

static inline void watch(struct story *s, int group, int n, uint16_t port)
{
	struct ds_addr a = addr(n);

	assert_int_equal(ds_elb_plan_watch(s->plan, group < 0 ? NULL : group_arn(group), &a, port,
					   s->now_ns), 0);
}

static inline void unwatch(struct story *s, int n)
{
	struct ds_addr a = addr(n);

	ds_elb_plan_unwatch(s->plan, &a);
}

/* Time passes until the next request, which is taken. False: there will be none. */
static inline bool next(struct story *s, struct ds_elb_request *r)
{
	int64_t due_ns = ds_elb_plan_due(s->plan);

	if (due_ns == NEVER)
		return false;
	if (due_ns > s->now_ns) {
		assert_false(ds_elb_plan_take(s->plan, due_ns - 1, r));	/* not a moment before */
		s->now_ns = due_ns;
	}
	return ds_elb_plan_take(s->plan, s->now_ns, r);
}

static inline void done(struct story *s, const struct ds_elb_request *r,
			enum ds_elb_outcome outcome)
{
	ds_elb_plan_done(s->plan, r, outcome, -1, s->now_ns);
}


static inline void end_story(struct story *s)
{
	ds_elb_plan_free(&s->plan);
	assert_null(s->plan);
	free(s);
}

static inline int setup(void **state)
{
	*state = new_story(1000, false);
	return 0;
}

static inline int teardown(void **state)
{
	end_story(*state);
	return 0;
}

static inline void read_one(struct story *s, const struct ds_elb_request *r, int n, uint16_t port,
		     int state, const char *reason, int64_t took_ns)
{
	struct ds_elb_target_name name = { .addr = addr(n), .port = port };

	ds_elb_plan_read(s->plan, r, &name, state, reason, s->now_ns, s->now_ns + took_ns);
}

/* The next HEALTH request; what the group is made of is answered on the way. */
static inline void next_health(struct story *s, struct ds_elb_request *r)
{
	do {
		assert_true(next(s, r));
		if (r->ask != DS_ELB_ASK_HEALTH)
			done(s, r, DS_ELB_ANSWERED);
	} while (r->ask != DS_ELB_ASK_HEALTH);
}

/* It is asked, and answers this of target n, port 80. Returns when it was sent. */
static inline int64_t answer(struct story *s, int n, int state, const char *reason)
{
	struct ds_elb_request r;
	int64_t sent_ns;

	next_health(s, &r);
	sent_ns = s->now_ns;
	read_one(s, &r, n, 80, state, reason, 20 * MS);
	s->now_ns += 20 * MS;
	done(s, &r, DS_ELB_ANSWERED);
	return sent_ns;
}

#endif
