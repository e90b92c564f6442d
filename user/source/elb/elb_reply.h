/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ELBv2 and EC2 answer to the questions of elb_query.h, or refuse. Pure; what comes may be
 * anything: it is bounded, elements that are not known are left out, those that are known may be
 * missing (texts are "" then, numbers 0).
 */
#ifndef DS_SOURCE_ELB_REPLY_H
#define DS_SOURCE_ELB_REPLY_H

#include <stddef.h>
#include <stdint.h>

#define DS_ELB_REPLY_ITEMS_MAX 16384	/* of a reply, of all kinds */

enum ds_elb_reply_kind {
	DS_ELB_REPLY_ERROR,
	DS_ELB_REPLY_HEALTH,
	DS_ELB_REPLY_GROUPS,
	DS_ELB_REPLY_ATTRIBUTES,
	DS_ELB_REPLY_BALANCERS,
	DS_ELB_REPLY_INTERFACES,
	DS_ELB_REPLY_MAX
};

/* What an error means for who asked. */
enum ds_elb_error {
	DS_ELB_ERROR_NONE,
	DS_ELB_ERROR_THROTTLED,		/* ask less often */
	DS_ELB_ERROR_EXPIRED,		/* these credentials are not good (any more) */
	DS_ELB_ERROR_SIGNATURE,		/* the secret key, or the clock of this host, is wrong */
	DS_ELB_ERROR_DENIED,		/* the role may not do this */
	DS_ELB_ERROR_NO_GROUP,		/* there is no such target group */
	DS_ELB_ERROR_NO_BALANCER,
	DS_ELB_ERROR_NO_TARGET,		/* a target that was asked for cannot be one of the group */
	DS_ELB_ERROR_SERVER,		/* AWS failed; the same question may be answered later */
	DS_ELB_ERROR_OTHER,
	DS_ELB_ERROR_MAX
};

struct ds_elb_health {
	const char *id;
	uint16_t port;			/* 0 = not told */
	uint16_t check_port;		/* 0 = not told */
	int state;			/* enum ds_target_state; -1 = one that is not known here */
	const char *state_text;		/* as AWS wrote it */
	const char *reason;			/* "" while healthy */
	const char *description;
};

struct ds_elb_group {
	const char *arn, *name, *protocol;
	uint16_t port;
	const char *type;			/* "ip", "instance", "lambda", "alb" */
	const char *check_protocol;
	const char *check_port;		/* a number, or "traffic-port" */
	uint32_t check_interval_s, check_timeout_s;
	uint32_t healthy_checks, unhealthy_checks;	/* so many change the state */
	const char *balancer_arn;		/* the first one; "" = none */
};

struct ds_elb_attribute {
	const char *key, *value;
};

struct ds_elb_balancer {
	const char *arn, *name;
	const char *type;			/* "application", "network", "gateway" */
	const char *scheme, *dns_name, *state;
};

struct ds_elb_interface {
	const char *id, *description;
	const char *type;			/* "interface", "network_load_balancer", ... */
};

/* An address of a network interface; which one is an index, they come in their order. */
struct ds_elb_address {
	size_t interface;
	const char *text;
};

/* Owns everything. What the kind does not have is empty: "" or a list of none. */
struct ds_elb_reply {
	enum ds_elb_reply_kind kind;
	const char *code, *message;		/* of an error */
	const char *request_id;		/* by which AWS finds it again */
	const char *marker;		/* asks for the next page; NULL: this was the last */
	struct ds_elb_health *healths;
	size_t health_cnt;
	struct ds_elb_group *groups;
	size_t group_cnt;
	struct ds_elb_attribute *attributes;
	size_t attribute_cnt;
	struct ds_elb_balancer *balancers;
	size_t balancer_cnt;
	struct ds_elb_interface *interfaces;
	size_t interface_cnt;
	struct ds_elb_address *addresses;
	size_t address_cnt;
};

/*
 * Reads the body of an answer, whatever its HTTP status. 0; or, with *ret_reply zeroed and a static
 * sentence without a full stop in *ret_fault, -EBADMSG: no XML, or none of these replies; -E2BIG;
 * -ENOMEM.
 */
int ds_elb_reply_read(struct ds_elb_reply *ret_reply, const char *body, size_t len,
		      const char **ret_fault);

/* Frees what it owns and zeroes it; one that is zeroed is fine. */
void ds_elb_reply_free(struct ds_elb_reply *reply);

/* The value of an attribute, or NULL. Borrowed. */
const char *ds_elb_reply_attribute(const struct ds_elb_reply *reply, const char *key);

/*
 * What an answer means: of its HTTP status, and of the code of its error (NULL or "": there was
 * none, or its body could not be read).
 */
enum ds_elb_error ds_elb_reply_error(int status, const char *code);

#endif
