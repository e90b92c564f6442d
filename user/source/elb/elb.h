/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: target states from AWS itself (--elb). Asks DescribeTargetHealth for targets of pods that
 * go away here, and for no others; what the target groups and their load balancers are; and, where
 * it is wanted, which addresses the load balancers have. elb_plan.c decides what is asked when,
 * elb_ask.c puts the question; this file makes events of the answers, on the uv loop.
 *
 * A fault is logged once of each kind, with what to do, and never ends the run: what is not
 * answered leaves the drain interval wider. Nothing of it is evidence that is lost: it is counted.
 */
#ifndef DS_SOURCE_ELB_H
#define DS_SOURCE_ELB_H

#include "user/core/event.h"
#include "user/source/elb/elb_facts.h"
#include "user/source/elb/elb_plan.h"

struct uv_loop_s;
struct ds_elb;

struct ds_elb_options {
	/* An event; rank (DS_RANK_EVENTS) and source_seq are set. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
	uint64_t *seq;			/* the next source_seq */
	const char *const *groups;	/* ARNs; addresses are looked for in these */
	int groups_cnt;
	int64_t interval_ns;		/* between two requests for one group */
	double rate;			/* requests a second, at most */
	bool addresses;			/* ask EC2 for the load balancers' addresses */
	/* What is known of a group, or of its load balancer, has changed. NULL = it matters not. */
	void (*facts)(void *ctx, const char *arn, const struct ds_elb_group_facts *group,
		      const struct ds_elb_balancer_facts *balancer);	/* NULL = none is known */
	/* A question about that group or load balancer is over; it took so long. NULL alike. */
	void (*answered)(void *ctx, enum ds_elb_ask ask, const char *arn,
			 enum ds_elb_outcome outcome, int64_t took_ns);
};

/* 0, or -errno with one line logged. */
int ds_elb_new(struct ds_elb **ret_elb, struct uv_loop_s *loop,
	       const struct ds_elb_options *options);

/*
 * Asks once in a while what that group is, and whose load balancer's, whether or not one of its
 * targets is watched. 0, or as ds_elb_plan_add_group.
 */
int ds_elb_add_group(struct ds_elb *elb, const char *arn);

/* A target of that address is worth asking for; group: its ARN, NULL = not known; port 0: any. */
void ds_elb_watch(struct ds_elb *elb, const char *group, const struct ds_addr *addr, uint16_t port);
/* It is not, any more. */
void ds_elb_unwatch(struct ds_elb *elb, const struct ds_addr *addr);

struct ds_elb_counters ds_elb_counters(const struct ds_elb *elb);
/* Adds them to a drainsnoop.tick event. */
void ds_elb_count(const struct ds_elb *elb, struct ds_event *tick);

/* Closes; the loop must run once more. NULL is fine. */
void ds_elb_free(struct ds_elb **elb);

#endif
