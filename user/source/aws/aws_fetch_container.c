// SPDX-License-Identifier: Apache-2.0
/*
 * Container credentials: ECS, and EKS Pod Identity, whose agent wants the token of a file that the
 * kubelet replaces: it is read each time.
 */
#include <stdio.h>
#include <string.h>

#include "user/source/aws/aws_credentials_parse.h"
#include "user/source/aws/aws_env.h"
#include "user/source/aws/aws_fetch_ask.h"
#include "user/util/wipe.h"
#include "user/util/timefmt.h"

#define CONNECT_NS (2 * DS_NS_PER_S)
#define TIMEOUT_NS (5 * DS_NS_PER_S)
#define ANSWER_MAX_BYTES 65536

static enum ds_aws_outcome on_answer(struct ds_aws_fetch *f, const struct ds_http_reply *reply)
{
	char text[DS_AWS_FAULT_MAX] = "";

	if (!reply->fault && reply->status == 200) {
		if (!ds_aws_json_keys(reply->body, reply->len, &f->keys, text))
			return DS_AWS_FOUND;
		ds_aws_fetch_say(f, "the container endpoint gave %s", text);
		return DS_AWS_FAILED;
	}
	if (!reply->fault)
		ds_aws_json_error(reply->body, reply->len, f->token, text);
	ds_aws_fetch_say_answer(
		f, reply, text,
		reply->fault ? "see that the agent (EKS Pod Identity, ECS) runs on this node" :
			       "see that the role is associated with this service account or task");
	return DS_AWS_FAILED;
}

/* Into f->token; NULL there: none is wanted. false: said why not. */
static bool find_token(struct ds_aws_fetch *f)
{
	const char *file = ds_aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = ds_aws_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");

	ds_wipe_free(f->token);
	f->token = NULL;
	if (file)
		return ds_aws_fetch_read_token(f, file, false);
	if (!token)
		return true;
	if (strpbrk(token, "\r\n")) {
		ds_aws_fetch_say(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN has a line break in it");
		return false;
	}
	f->token = ds_wipe_strdup(token);
	if (!f->token)
		ds_aws_fetch_say(f, "out of memory");
	return f->token;
}

enum ds_aws_outcome ds_aws_ask_container(struct ds_aws_fetch *f)
{
	const char *headers[] = { "Accept: application/json", NULL, NULL };
	struct ds_http_request request = { .method = "GET", .headers = headers,
					   .connect_ns = CONNECT_NS, .timeout_ns = TIMEOUT_NS,
					   .body_max = ANSWER_MAX_BYTES };
	const char *relative = ds_aws_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = ds_aws_env("AWS_CONTAINER_CREDENTIALS_FULL_URI"), *fault = NULL;
	enum ds_aws_outcome outcome;
	char *header = NULL;

	if (!relative && !full) {
		ds_aws_fetch_say(f, "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set (associate a "
				    "role with the service account for EKS Pod Identity)");
		return DS_AWS_ABSENT;
	}
	if (ds_aws_container_url(relative, full, f->url, &fault)) {
		ds_aws_fetch_say(f, "%s", fault);
		return DS_AWS_FAILED;
	}
	if (!find_token(f))
		return DS_AWS_FAILED;
	if (f->token) {
		size_t size = strlen(f->token) + sizeof("Authorization: ");

		header = ds_wipe_malloc(size);
		if (!header) {
			ds_aws_fetch_say(f, "out of memory");
			return DS_AWS_FAILED;
		}
		(void)snprintf(header, size, "Authorization: %s", f->token);
		headers[1] = header;
	}
	outcome = ds_aws_fetch_send(f, &request, on_answer);
	ds_wipe_free(header);
	return outcome;
}
