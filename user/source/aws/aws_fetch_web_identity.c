// SPDX-License-Identifier: Apache-2.0
/*
 * Web identity (IRSA, on EKS): the token of the service account is given to STS, which answers with
 * credentials of the role. The kubelet replaces the token's file: it is read each time.
 */
#include <errno.h>
#include <string.h>

#include "user/source/aws/aws_credentials_parse.h"
#include "user/source/aws/aws_env.h"
#include "user/source/aws/aws_fetch_ask.h"
#include "user/source/aws/aws_sts.h"
#include "user/util/wipe.h"

#define SESSION_NAME "drainsnoop"

static enum ds_aws_outcome on_sts(struct ds_aws_fetch *f, const struct ds_http_reply *reply)
{
	char text[DS_AWS_FAULT_MAX] = "";

	if (!reply->fault && reply->status == 200) {
		if (!ds_aws_sts_keys(reply->body, reply->len, &f->keys, text))
			return DS_AWS_FOUND;
		ds_aws_fetch_say(f, "STS gave %s", text);
		return DS_AWS_FAILED;
	}
	if (!reply->fault)
		ds_aws_sts_error(reply->body, reply->len, f->token, text);
	ds_aws_fetch_say_answer(
		f, reply, text,
		reply->fault ? "STS must be reachable from here" :
			       "see that the trust policy of the role names this cluster's OIDC "
			       "provider and this service account");
	return DS_AWS_FAILED;
}

enum ds_aws_outcome ds_aws_ask_sts(struct ds_aws_fetch *f, const char *role_arn,
				   const char *session_name, const char *token_file)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded; charset=utf-8",
		"Accept: text/xml, application/xml", NULL,
	};
	struct ds_http_request request = { .method = "POST", .headers = headers };
	const char *endpoints = ds_aws_env("AWS_STS_REGIONAL_ENDPOINTS");
	enum ds_aws_outcome outcome;
	char *body;

	if (ds_aws_sts_url(ds_aws_env_endpoint("STS"), ds_aws_fetch_region(f),
			   endpoints && !strcmp(endpoints, "legacy"), f->url, sizeof(f->url))) {
		ds_aws_fetch_say(f, "the endpoint of STS (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL) "
				    "is no http:// or https:// URL");
		return DS_AWS_FAILED;
	}
	if (!ds_aws_fetch_read_token(f, token_file, true))
		return DS_AWS_FAILED;
	body = ds_aws_sts_body(role_arn, session_name ? session_name : SESSION_NAME, f->token);
	if (!body) {
		ds_aws_fetch_say(f, "out of memory");
		return DS_AWS_FAILED;
	}
	request.body = body;
	request.body_len = strlen(body);
	outcome = ds_aws_fetch_send(f, &request, on_sts);
	ds_wipe_free(body);
	return outcome;
}

enum ds_aws_outcome ds_aws_ask_web_identity(struct ds_aws_fetch *f)
{
	const char *file = ds_aws_env("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role_arn = ds_aws_env("AWS_ROLE_ARN");

	if (!file) {
		ds_aws_fetch_say(f, "AWS_WEB_IDENTITY_TOKEN_FILE is not set (annotate the service "
				    "account with eks.amazonaws.com/role-arn)");
		return DS_AWS_ABSENT;
	}
	if (!role_arn) {
		ds_aws_fetch_say(f, "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
		return DS_AWS_FAILED;
	}
	return ds_aws_ask_sts(f, role_arn, ds_aws_env("AWS_ROLE_SESSION_NAME"), file);
}
