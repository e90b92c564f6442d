/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/elb/elb_ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_arn.h"
#include "user/source/aws/aws_credentials.h"
#include "user/source/aws/aws_region.h"
#include "user/source/elb/elb_facts.h"
#include "user/source/elb/elb_query.h"
#include "user/source/http/http.h"
#include "user/util/wipe.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define TIMEOUT_NS (10 * DS_NS_PER_S)
#define CONNECT_NS (3 * DS_NS_PER_S)
#define BODY_MAX (4U << 20)	/* a listing of a thousand targets takes half of one */
#define URL_LEN 1024

struct ds_elb_asker {
	struct ds_http *http;
	struct ds_aws_chain *chain;
	struct ds_http_tls tls;
	char *ca_file;		/* owned */
	char *elb_url, *ec2_url;	/* owned; NULL = AWS' own */
	struct ask *asks;
};

/* One question on its way. */
struct ask {
	struct ask *prev, *next;
	struct ds_elb_asker *asker;
	struct ds_elb_request request;
	void (*done)(void *ctx, const struct ds_elb_answer *answer);
	void *ctx;
	struct ds_arn arn;
	struct ds_http_sigv4 sigv4;
	char *key_id, *secret, *token;	/* owned */
	int64_t sent_ns;
};

static char *from_environment(const char *name)
{
	const char *value = getenv(name);

	return value && value[0] ? strdup(value) : NULL;
}

static char *endpoint(const char *name)
{
	char *url = from_environment(name);

	return url ? url : from_environment("AWS_ENDPOINT_URL");
}

int ds_elb_asker_new(struct ds_elb_asker **ret_asker, struct uv_loop_s *loop)
{
	ds_cleanup(ds_elb_asker_free) struct ds_elb_asker *asker = calloc(1, sizeof(*asker));
	int r;

	if (!asker)
		return ds_log_err(ENOMEM, "ask AWS");
	asker->ca_file = from_environment("AWS_CA_BUNDLE");
	asker->tls.ca_file = asker->ca_file;
	asker->elb_url = endpoint("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2");
	asker->ec2_url = endpoint("AWS_ENDPOINT_URL_EC2");
	r = ds_http_new(&asker->http, loop);
	r = r ? r : ds_aws_chain_new(&asker->chain, loop, asker->http);
	if (r)
		return r;
	*ret_asker = DS_TAKE(asker);
	return 0;
}

static void free_ask(struct ask *ask)
{
	if (ask->prev)
		ask->prev->next = ask->next;
	else
		ask->asker->asks = ask->next;
	if (ask->next)
		ask->next->prev = ask->prev;
	ds_wipe_string(&ask->key_id);
	ds_wipe_string(&ask->secret);
	ds_wipe_string(&ask->token);
	free(ask);
}

static void finish(struct ask *ask, struct ds_elb_answer *answer)
{
	answer->sent_ns = ask->sent_ns;
	ask->done(ask->ctx, answer);
	free_ask(ask);
}

static void fail(struct ask *ask, enum ds_elb_outcome outcome, enum ds_elb_fault fault,
		 const char *detail)
{
	struct ds_elb_answer answer = { .outcome = outcome, .fault = fault, .detail = detail,
					.retry_after_ns = -1 };

	finish(ask, &answer);
}

/* ---- the answer ---- */

/* The kind of reply that belongs to each question. */
static const enum ds_elb_reply_kind kinds[DS_ELB_ASK_MAX] = {
	[DS_ELB_ASK_HEALTH] = DS_ELB_REPLY_HEALTH,
	[DS_ELB_ASK_GROUP] = DS_ELB_REPLY_GROUPS,
	[DS_ELB_ASK_ATTRIBUTES] = DS_ELB_REPLY_ATTRIBUTES,
	[DS_ELB_ASK_BALANCER] = DS_ELB_REPLY_BALANCERS,
	[DS_ELB_ASK_ADDRESSES] = DS_ELB_REPLY_INTERFACES,
};

static const struct {
	enum ds_elb_outcome outcome;
	enum ds_elb_fault fault;
} meanings[DS_ELB_ERROR_MAX] = {
	[DS_ELB_ERROR_NONE] = { DS_ELB_FAILED, DS_ELB_FAULT_UNREADABLE },
	[DS_ELB_ERROR_THROTTLED] = { DS_ELB_THROTTLED, DS_ELB_FAULT_THROTTLED },
	[DS_ELB_ERROR_EXPIRED] = { DS_ELB_EXPIRED, DS_ELB_FAULT_REFUSED },
	[DS_ELB_ERROR_SIGNATURE] = { DS_ELB_UNREACHABLE, DS_ELB_FAULT_SIGNATURE },
	[DS_ELB_ERROR_DENIED] = { DS_ELB_DENIED, DS_ELB_FAULT_DENIED },
	[DS_ELB_ERROR_NO_GROUP] = { DS_ELB_GONE, DS_ELB_FAULT_GONE },
	[DS_ELB_ERROR_NO_BALANCER] = { DS_ELB_GONE, DS_ELB_FAULT_GONE },
	[DS_ELB_ERROR_NO_TARGET] = { DS_ELB_NOT_TARGETS, DS_ELB_FAULT_NONE },
	[DS_ELB_ERROR_SERVER] = { DS_ELB_FAILED, DS_ELB_FAULT_SERVER },
	[DS_ELB_ERROR_OTHER] = { DS_ELB_FAILED, DS_ELB_FAULT_OTHER },
};

/*
 * The text of an error is AWS' own. Of a signature it quotes the whole request with the session
 * token in it; what else may, nobody knows: so it is shown only where it says who may not do what.
 */
static void take_error(struct ask *ask, const struct ds_elb_reply *reply, int status,
		       struct ds_elb_answer *answer)
{
	enum ds_elb_error error = ds_elb_reply_error(status, reply->code);

	answer->outcome = meanings[error].outcome;
	answer->fault = meanings[error].fault;
	if (reply->code && reply->code[0])
		answer->detail = error == DS_ELB_ERROR_DENIED ? reply->message : reply->code;
	if (error == DS_ELB_ERROR_EXPIRED)
		ds_aws_chain_refused(ask->asker->chain);
}

static void on_reply(void *ctx, const struct ds_http_reply *http)
{
	struct ask *ask = ctx;
	struct ds_elb_answer answer = {
		.outcome = DS_ELB_ANSWERED, .retry_after_ns = http->retry_after_ns,
		.server_ns = http->server_ns,
	};
	struct ds_elb_reply reply = { 0 };
	const char *unreadable = NULL;
	char status[32];

	(void)snprintf(status, sizeof(status), "HTTP status %d", http->status);
	answer.detail = status;		/* where nothing says more */
	if (http->fault) {
		answer.outcome = DS_ELB_UNREACHABLE;
		answer.fault = DS_ELB_FAULT_UNREACHABLE;
		answer.detail = http->fault;
	} else if (ds_elb_reply_read(&reply, http->body, http->len, &unreadable)) {
		take_error(ask, &reply, http->status, &answer);	/* by its status alone */
		if (answer.fault == DS_ELB_FAULT_UNREADABLE)
			answer.detail = unreadable;
	} else if (http->status != 200 || reply.kind == DS_ELB_REPLY_ERROR) {
		take_error(ask, &reply, http->status, &answer);
	} else if (reply.kind != kinds[ask->request.ask]) {
		answer.outcome = DS_ELB_FAILED;
		answer.fault = DS_ELB_FAULT_UNREADABLE;
		answer.detail = "it answers another question";
	} else {
		answer.reply = &reply;
	}
	if (answer.fault && (!answer.detail || !answer.detail[0])) {
		(void)snprintf(status, sizeof(status), "HTTP status %d", http->status);
		answer.detail = status;
	}
	finish(ask, &answer);
	ds_elb_reply_free(&reply);
}

/* ---- the question ---- */

static void write_health(struct ds_buf *form, const struct ds_elb_request *request)
{
	struct ds_elb_query_target targets[DS_ELB_BATCH];
	char ids[DS_ELB_BATCH][DS_ADDR_STRLEN];

	for (int i = 0; i < request->targets_cnt; i++) {
		(void)ds_addr_format(&request->targets[i].addr, ids[i]);
		targets[i] = (struct ds_elb_query_target){ .id = ids[i],
							   .port = request->targets[i].port };
	}
	ds_elb_query_health(form, request->arn, targets, (size_t)request->targets_cnt);
}

static void write_form(struct ds_buf *form, const struct ds_elb_request *request)
{
	char description[DS_ELB_ARN_LEN + 8];
	const char *text = description;

	switch (request->ask) {
	case DS_ELB_ASK_HEALTH:
		write_health(form, request);
		break;
	case DS_ELB_ASK_GROUP:
		ds_elb_query_groups(form, &request->arn, 1, NULL);
		break;
	case DS_ELB_ASK_ATTRIBUTES:
		ds_elb_query_attributes(form, request->arn);
		break;
	case DS_ELB_ASK_BALANCER:
		ds_elb_query_balancers(form, &request->arn, 1, NULL);
		break;
	case DS_ELB_ASK_ADDRESSES:
		ds_elb_facts_description(request->arn, description, sizeof(description));
		ds_elb_query_interfaces(form, &text, 1, NULL);
		break;
	case DS_ELB_ASK_MAX:
		break;
	}
}

static int send_form(struct ask *ask, const char *url)
{
	static const char *const headers[] = { DS_ELB_QUERY_CONTENT_TYPE, NULL };
	ds_cleanup(ds_buf_free) struct ds_buf form = { 0 };
	struct ds_http_request request = {
		.url = url, .headers = headers, .tls = &ask->asker->tls, .sigv4 = &ask->sigv4,
		.connect_ns = CONNECT_NS, .timeout_ns = TIMEOUT_NS, .body_max = BODY_MAX,
		.done = on_reply, .ctx = ask,
	};

	write_form(&form, &ask->request);
	if (form.failed)
		return -ENOMEM;
	request.body = form.data;
	request.body_len = form.len;
	ask->sent_ns = ds_clock_ns(CLOCK_MONOTONIC);
	return ds_http_start(ask->asker->http, &request, NULL);
}

/* The call outlives the credentials that it was given. */
static int keep_credentials(struct ask *ask, const struct ds_aws_credentials *c)
{
	ask->key_id = strdup(c->key_id);
	ask->secret = strdup(c->secret);
	ask->token = c->token ? strdup(c->token) : NULL;
	if (!ask->key_id || !ask->secret || (c->token && !ask->token))
		return -ENOMEM;
	ask->sigv4.key_id = ask->key_id;
	ask->sigv4.secret = ask->secret;
	ask->sigv4.token = ask->token;
	return 0;
}

static void on_credentials(void *ctx, const struct ds_aws_credentials *c, const char *fault)
{
	struct ask *ask = ctx;
	bool ec2 = ask->request.ask == DS_ELB_ASK_ADDRESSES;
	char url[URL_LEN];
	int r;

	if (!c) {
		fail(ask, DS_ELB_UNREACHABLE, DS_ELB_FAULT_CREDENTIALS, fault);
		return;
	}
	ask->sigv4.region = ask->arn.region;
	ask->sigv4.service = ec2 ? DS_ELB_QUERY_SERVICE_EC2 : DS_ELB_QUERY_SERVICE;
	if (ds_elb_query_url(ask->sigv4.service, ask->arn.region,
			     ds_aws_partition_suffix(ask->arn.partition),
			     ec2 ? ask->asker->ec2_url : ask->asker->elb_url, url, sizeof(url))) {
		fail(ask, DS_ELB_UNREACHABLE, DS_ELB_FAULT_ENDPOINT, NULL);
		return;
	}
	r = keep_credentials(ask, c);
	r = r ? r : send_form(ask, url);
	if (r)
		fail(ask, DS_ELB_UNREACHABLE, DS_ELB_FAULT_UNREACHABLE, strerror(-r));
}

int ds_elb_asker_ask(struct ds_elb_asker *asker, const struct ds_elb_request *request,
		     void (*done)(void *ctx, const struct ds_elb_answer *answer), void *ctx)
{
	struct ask *ask = calloc(1, sizeof(*ask));

	if (!ask)
		return -ENOMEM;
	ask->asker = asker;
	ask->request = *request;
	ask->done = done;
	ask->ctx = ctx;
	ask->next = asker->asks;
	if (ask->next)
		ask->next->prev = ask;
	asker->asks = ask;
	(void)ds_arn_parse(request->arn, &ask->arn);	/* the plan takes no other */
	ds_aws_chain_get(asker->chain, on_credentials, ask);
	return 0;
}

void ds_elb_asker_free(struct ds_elb_asker **ret_asker)
{
	struct ds_elb_asker *asker = ret_asker ? *ret_asker : NULL;

	if (!asker)
		return;
	ds_aws_chain_free(&asker->chain);
	ds_http_free(&asker->http);
	while (asker->asks)
		free_ask(asker->asks);
	free(asker->ca_file);
	free(asker->elb_url);
	free(asker->ec2_url);
	free(DS_TAKE(*ret_asker));
}
