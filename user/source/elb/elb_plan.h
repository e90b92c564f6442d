/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poller's plan: which question is put to AWS next, and when. Pure: the moment comes in as an
 * argument, chance as a seed; the questions are put by elb.c, and what came of them is told here.
 *
 * Targets are asked for only while somebody watches them: the core, for pods that go away here. One
 * DescribeTargetHealth asks for all watched targets of a group; at most one a group is on its way.
 * No two requests of any kind start closer together than the rate allows, so that no second holds
 * more of them than that. Moments are ns of one clock, any epoch above 0; INT64_MAX = never.
 */
#ifndef DS_SOURCE_ELB_PLAN_H
#define DS_SOURCE_ELB_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/names.h"
#include "user/util/addr.h"

#define DS_ELB_ARN_LEN 255		/* AWS: 32 of a name, 16 of an id, and what stands before */
#define DS_ELB_REASON_LEN 63
#define DS_ELB_BATCH 100		/* targets of one request: a form of some 6 KiB */
#define DS_ELB_GROUPS_MAX 256
#define DS_ELB_BALANCERS_MAX 128
#define DS_ELB_TARGETS_MAX 8192		/* watched at once, of all groups */

/*
 * An answer may be older than the change that it does not show: DescribeTargetHealth is eventually
 * consistent, and AWS gives no figure. What is read as registered was so this long before it was
 * asked for.
 */
#define DS_ELB_LAG_NS INT64_C(1000000000)

/* What is asked. */
#define DS_ELB_ASK_LIST(X) \
	X(HEALTH, "DescribeTargetHealth") \
	X(GROUP, "DescribeTargetGroups") \
	X(ATTRIBUTES, "DescribeTargetGroupAttributes") \
	X(BALANCER, "DescribeLoadBalancers") \
	X(ADDRESSES, "DescribeNetworkInterfaces")
#define DS_ELB_ASK_ENUM(id, action) DS_ELB_ASK_##id,
enum ds_elb_ask { DS_ELB_ASK_LIST(DS_ELB_ASK_ENUM) DS_ELB_ASK_MAX };

/* The action's name in the API. Static. */
const char *ds_elb_ask_name(enum ds_elb_ask ask);

/* What came of a request. */
enum ds_elb_outcome {
	DS_ELB_ANSWERED,
	DS_ELB_THROTTLED,	/* the account's requests all wait, longer each time */
	DS_ELB_UNREACHABLE,	/* no answer, or no credentials: the same */
	DS_ELB_FAILED,		/* this question failed: it is put again, later each time */
	DS_ELB_DENIED,		/* it is not permitted: the same, much later */
	DS_ELB_EXPIRED,		/* credentials were too old: at once, once, with new ones */
	DS_ELB_NOT_TARGETS,	/* AWS knows one of the targets not at all: the group is listed */
	DS_ELB_GONE,		/* the group or balancer does not exist: never again */
	DS_ELB_OUTCOME_MAX,
};

struct ds_elb_target_name {
	struct ds_addr addr;
	uint16_t port;
};

struct ds_elb_request {
	enum ds_elb_ask ask;
	const char *arn;	/* of the group, or the load balancer; good until it is done */
	int targets_cnt;	/* of HEALTH; 0 = the whole group is listed */
	struct ds_elb_target_name targets[DS_ELB_BATCH];
	void *job;		/* the plan's own */
};

/* News of one target. */
struct ds_elb_reading {
	const char *arn;	/* of its group */
	struct ds_addr addr;
	uint16_t port;
	int state, previous;	/* enum ds_target_state; previous -1 = none was read */
	const char *reason;	/* "" = none */
	int64_t lo_ns;		/* what happened lies in [lo, hi]; lo 0 = no bound */
	int64_t hi_ns;
};

struct ds_elb_plan_options {
	int64_t interval_ns;	/* between two requests for one group; 0 = 1 s */
	double rate;		/* requests a second, above 0; 0 = 5 */
	uint64_t seed;
	bool addresses;		/* ask for the load balancers' addresses too */
	/* A target was read for the first time, or has changed. Borrowed for the call. */
	void (*tell)(void *ctx, const struct ds_elb_reading *reading);
	void *ctx;
};

struct ds_elb_counters {
	uint64_t requests;	/* sent, all kinds */
	uint64_t throttled;	/* of them: refused for their number */
	uint64_t failed;	/* of them: no answer, or another that is of no use */
	uint64_t refused;	/* targets, groups, balancers: not watched, the table was full */
};

struct ds_elb_plan;

/* 0 or -ENOMEM. */
int ds_elb_plan_new(struct ds_elb_plan **ret_plan, const struct ds_elb_plan_options *options);
void ds_elb_plan_free(struct ds_elb_plan **plan);

/*
 * A group to look in for addresses of which no group is known. What it is is asked at once, and
 * again once in a while. 0, -EINVAL (no target group's ARN), -ENOBUFS, -ENOMEM.
 */
int ds_elb_plan_add_group(struct ds_elb_plan *plan, const char *arn, int64_t now_ns);

/*
 * A target is worth asking for until it is known that it does not drain any more, or a bound has
 * passed. arn NULL: the address is looked for in each of the groups that were added; where one has
 * no such target, it is not asked again. port 0: all ports of the address. Once more: nothing new.
 * 0, -EINVAL (no target group's ARN), -ENOBUFS, -ENOMEM.
 */
int ds_elb_plan_watch(struct ds_elb_plan *plan, const char *arn, const struct ds_addr *addr,
		      uint16_t port, int64_t now_ns);
void ds_elb_plan_unwatch(struct ds_elb_plan *plan, const struct ds_addr *addr);

/* When the next request may start; INT64_MAX = there is none. */
int64_t ds_elb_plan_due(const struct ds_elb_plan *plan);

/* The next request, which counts as started; false: none is due. Each must be done() later. */
bool ds_elb_plan_take(struct ds_elb_plan *plan, int64_t now_ns, struct ds_elb_request *ret_request);

/*
 * One target of the answer to a HEALTH request that was started at sent and answered at now; before
 * done(). reason may be NULL. Targets that nobody asked for are ignored.
 */
void ds_elb_plan_read(struct ds_elb_plan *plan, const struct ds_elb_request *request,
		      const struct ds_elb_target_name *name, int state, const char *reason,
		      int64_t sent_ns, int64_t now_ns);

/* The request is over. retry_after_ns: how long AWS asks to wait, -1 = not said. */
void ds_elb_plan_done(struct ds_elb_plan *plan, const struct ds_elb_request *request,
		      enum ds_elb_outcome outcome, int64_t retry_after_ns, int64_t now_ns);

/* Another request has found already that it does not exist. */
bool ds_elb_plan_is_gone(const struct ds_elb_request *request);

/* What the group's own answers said: its deregistration delay; a load balancer that it has. */
void ds_elb_plan_delay(struct ds_elb_plan *plan, const char *arn, int64_t delay_s);
void ds_elb_plan_balancer(struct ds_elb_plan *plan, const char *arn, const char *balancer_arn,
			  int64_t now_ns);

/* What is known of a group, or its balancer, has changed: the next answers are told anyway. */
void ds_elb_plan_again(struct ds_elb_plan *plan, const char *arn);

/* The group's targets are no addresses: there is nothing to ask for a pod's. */
void ds_elb_plan_no_addresses(struct ds_elb_plan *plan, const char *arn);

struct ds_elb_counters ds_elb_plan_counters(const struct ds_elb_plan *plan);

#endif
