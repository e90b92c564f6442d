/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to AWS, from the form to what the answer means: credentials, signature, HTTP, XML.
 * On the uv loop. What the environment says is honoured: AWS_ENDPOINT_URL and, before it,
 * AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2 or AWS_ENDPOINT_URL_EC2; AWS_CA_BUNDLE.
 */
#ifndef DS_SOURCE_ELB_ASK_H
#define DS_SOURCE_ELB_ASK_H

#include "user/source/elb/elb_plan.h"
#include "user/source/elb/elb_reply.h"

struct uv_loop_s;
struct ds_elb_asker;

/* What is wrong with an answer, for messages: of each kind one is enough. */
enum ds_elb_fault {
	DS_ELB_FAULT_NONE,
	DS_ELB_FAULT_CREDENTIALS,	/* there are none */
	DS_ELB_FAULT_ENDPOINT,		/* what the environment names is no URL */
	DS_ELB_FAULT_UNREACHABLE,	/* no answer */
	DS_ELB_FAULT_UNREADABLE,	/* no XML, or not what was asked */
	DS_ELB_FAULT_THROTTLED,
	DS_ELB_FAULT_REFUSED,		/* the credentials are not good */
	DS_ELB_FAULT_SIGNATURE,
	DS_ELB_FAULT_DENIED,
	DS_ELB_FAULT_GONE,
	DS_ELB_FAULT_SERVER,
	DS_ELB_FAULT_OTHER,
	DS_ELB_FAULT_MAX
};

struct ds_elb_answer {
	enum ds_elb_outcome outcome;
	enum ds_elb_fault fault;
	const char *detail;		/* of the fault, without secrets; NULL = none */
	const struct ds_elb_reply *reply;	/* NULL unless it was answered */
	int64_t sent_ns;		/* CLOCK_MONOTONIC as it was sent */
	int64_t retry_after_ns;		/* -1 = not said */
	int64_t server_ns;		/* header Date, Unix time; 0 = not said */
};

/* 0, or -errno with one line logged. */
int ds_elb_asker_new(struct ds_elb_asker **ret_asker, struct uv_loop_s *loop);

/*
 * Asks. done is called once, from the loop or from within; the answer is borrowed for the call. The
 * request is copied; its ARN must stay until then. 0 or -ENOMEM (nothing is called then).
 */
int ds_elb_asker_ask(struct ds_elb_asker *asker, const struct ds_elb_request *request,
		     void (*done)(void *ctx, const struct ds_elb_answer *answer), void *ctx);

/* Calls nobody any more; the loop must run once more. NULL is fine. */
void ds_elb_asker_free(struct ds_elb_asker **asker);

#endif
