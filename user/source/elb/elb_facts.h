/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS said of target groups and load balancers, and the events that are made of it. Pure.
 */
#ifndef DS_SOURCE_ELB_FACTS_H
#define DS_SOURCE_ELB_FACTS_H

#include "user/core/event.h"
#include "user/source/elb/elb_plan.h"

#define DS_ELB_NAME_LEN 63		/* AWS: 32 */
#define DS_ELB_ADDRESSES_MAX 256	/* of one load balancer */
#define DS_ELB_TRAFFIC_PORT (-1)	/* health checks go to the port of the target itself */

struct ds_elb_group_facts {
	char name[DS_ELB_NAME_LEN + 1];
	int type;		/* enum ds_target_type, -1 = not known */
	int check_port;		/* DS_ELB_TRAFFIC_PORT, 0 = not known */
	int64_t check_interval_s;	/* 0 = not known */
	int64_t delay_s;	/* -1 = not known */
	int preserve_client_ip;	/* -1 = not known */
	char balancer[DS_ELB_ARN_LEN + 1];	/* ARN of its load balancer, "" = none is known */
};

struct ds_elb_balancer_facts {
	char name[DS_ELB_NAME_LEN + 1];
	int type;		/* enum ds_lb_type, -1 = not known */
	struct ds_addr addresses[DS_ELB_ADDRESSES_MAX];	/* that were told */
	int addresses_cnt;
};

struct ds_elb_facts;

/* 0 or -ENOMEM. */
int ds_elb_facts_new(struct ds_elb_facts **ret_facts);
void ds_elb_facts_free(struct ds_elb_facts **facts);

/*
 * What is known of it, made when new (then nothing is); above the bound the one that was met first
 * is forgotten. Good until the next call. NULL without memory.
 */
struct ds_elb_group_facts *ds_elb_facts_group(struct ds_elb_facts *facts, const char *arn);
struct ds_elb_balancer_facts *ds_elb_facts_balancer(struct ds_elb_facts *facts, const char *arn);

/* Calls each of those whose load balancer that is; nothing may be asked of the facts meanwhile. */
void ds_elb_facts_each_group(const struct ds_elb_facts *facts, const char *balancer_arn,
			     void (*each)(void *ctx, const char *arn,
					  const struct ds_elb_group_facts *group,
					  const struct ds_elb_balancer_facts *balancer),
			     void *ctx);

/* True where the address is news; false also where there are too many. */
bool ds_elb_balancer_add(struct ds_elb_balancer_facts *balancer, const struct ds_addr *addr);

/* Room for the strings of one event. */
struct ds_elb_room {
	char id[DS_ADDR_STRLEN];
	char region[32], account[16];
	char name[DS_ELB_NAME_LEN + 1];
};

/*
 * A drainsnoop.target.state event of that reading, at its upper bound, with all that is known of
 * its group. Strings are borrowed of reading, facts and room.
 */
void ds_elb_facts_target(struct ds_elb_facts *facts, const struct ds_elb_reading *reading,
			 struct ds_elb_room *room, struct ds_event *ret_ev);

/* A drainsnoop.load_balancer.address event. Strings as above. */
void ds_elb_facts_address(struct ds_elb_facts *facts, const char *balancer_arn,
			  const struct ds_addr *addr, int64_t now_ns, struct ds_elb_room *room,
			  struct ds_event *ret_ev);

/* By what EC2 knows the load balancer's network interfaces: "ELB app/web/0123456789abcdef". */
void ds_elb_facts_description(const char *balancer_arn, char *buf, size_t size);

#endif
