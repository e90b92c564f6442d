// SPDX-License-Identifier: Apache-2.0
/*
 * IMDSv2: the instance's own role. A token by PUT, the role's name, its credentials; and the
 * region, where nothing else has named it.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "user/source/aws/aws_credentials_parse.h"
#include "user/source/aws/aws_env.h"
#include "user/source/aws/aws_fetch_ask.h"
#include "user/source/elb/elb_query.h"
#include "user/util/wipe.h"
#include "user/util/timefmt.h"

#define CONNECT_NS DS_NS_PER_S
#define TIMEOUT_NS (2 * DS_NS_PER_S)	/* it answers within milliseconds or not at all */
#define TOKEN_MAX_BYTES 2048
#define ANSWER_MAX_BYTES 65536
#define CREDENTIALS_PATH "/latest/meta-data/iam/security-credentials/"
#define HOP_LIMIT                                                                                \
	"outside EC2 there is none; from a pod, the instance's metadata hop limit must be 2 or "  \
	"more (aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2)"

/* Into f->url. false: said why not. */
static bool make_url(struct ds_aws_fetch *f, const char *path, const char *name)
{
	const char *base = ds_aws_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = ds_aws_env("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

	if (!base)
		base = mode && !strcasecmp(mode, "IPv6") ? "http://[fd00:ec2::254]" :
							   "http://169.254.169.254";
	if (!ds_elb_query_url("imds", NULL, NULL, base, f->url, sizeof(f->url))) {
		size_t len = strlen(f->url);

		while (f->url[len - 1] == '/')
			len--;
		if (snprintf(f->url + len, sizeof(f->url) - len, "%s%s", path, name) <
		    (int)(sizeof(f->url) - len))
			return true;
	}
	ds_aws_fetch_say(f, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http:// or https:// URL");
	return false;
}

/* GET with the token. */
static enum ds_aws_outcome get(struct ds_aws_fetch *f, const char *path, const char *name,
			       ds_aws_answered_fn *answered)
{
	char header[TOKEN_MAX_BYTES + 64];
	const char *const headers[] = { header, NULL };
	struct ds_http_request request = { .method = "GET", .headers = headers,
					   .connect_ns = CONNECT_NS, .timeout_ns = TIMEOUT_NS,
					   .body_max = ANSWER_MAX_BYTES };
	enum ds_aws_outcome outcome;

	if (!make_url(f, path, name))
		return DS_AWS_FAILED;
	(void)snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %s", f->token);
	outcome = ds_aws_fetch_send(f, &request, answered);
	explicit_bzero(header, sizeof(header));
	return outcome;
}

/* What may be asked for beside the credentials never makes them fail. */
static enum ds_aws_outcome on_region(struct ds_aws_fetch *f, const struct ds_http_reply *reply)
{
	if (!reply->fault && reply->status == 200 && ds_aws_is_region(reply->body, reply->len))
		memcpy(f->region, reply->body, reply->len);	/* zeroed before */
	return DS_AWS_FOUND;
}

static enum ds_aws_outcome on_credentials(struct ds_aws_fetch *f, const struct ds_http_reply *reply)
{
	char text[DS_AWS_FAULT_MAX] = "";

	if (reply->fault || reply->status != 200) {
		if (!reply->fault)
			ds_aws_json_error(reply->body, reply->len, f->token, text);
		ds_aws_fetch_say_answer(f, reply, text, "see the instance's role");
		return DS_AWS_FAILED;
	}
	if (ds_aws_json_keys(reply->body, reply->len, &f->keys, text)) {
		ds_aws_fetch_say(f, "for role %s it gave %s; see that EC2 may take that role",
				 f->role, text);
		return DS_AWS_FAILED;
	}
	if (!f->region[0] &&
	    get(f, "/latest/meta-data/placement/region", "", on_region) == DS_AWS_PENDING)
		return DS_AWS_PENDING;
	return DS_AWS_FOUND;
}

static bool is_role(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(text[i] >= 'a' && text[i] <= 'z') && !(text[i] >= 'A' && text[i] <= 'Z') &&
		    !(text[i] >= '0' && text[i] <= '9') && !strchr("+=,.@-_", text[i]))
			return false;
	return len > 0 && len <= DS_AWS_ROLE_MAX;
}

/* The first line names the role; there has never been a second one. */
static enum ds_aws_outcome on_role(struct ds_aws_fetch *f, const struct ds_http_reply *reply)
{
	size_t len = reply->fault ? 0 : strcspn(reply->body, "\r\n");

	if (!reply->fault && (reply->status == 404 || (reply->status == 200 && !len))) {
		ds_aws_fetch_say(f, "this instance has no role (attach an instance profile)");
		return DS_AWS_ABSENT;
	}
	if (reply->fault || reply->status != 200) {
		ds_aws_fetch_say_answer(f, reply, "", "see the instance's metadata options");
		return DS_AWS_FAILED;
	}
	if (!is_role(reply->body, len)) {
		ds_aws_fetch_say(f, "it gave a name of a role that cannot be one");
		return DS_AWS_FAILED;
	}
	(void)snprintf(f->role, sizeof(f->role), "%.*s", (int)len, reply->body);
	return get(f, CREDENTIALS_PATH, f->role, on_credentials);
}

static enum ds_aws_outcome on_token(struct ds_aws_fetch *f, const struct ds_http_reply *reply)
{
	if (reply->fault) {
		ds_aws_fetch_say_answer(f, reply, "", HOP_LIMIT);
		return DS_AWS_FAILED;
	}
	if (reply->status != 200) {
		ds_aws_fetch_say_answer(f, reply, "",
					"it must allow IMDSv2 (aws ec2 "
					"modify-instance-metadata-options --http-endpoint enabled)");
		return DS_AWS_FAILED;
	}
	if (reply->len > TOKEN_MAX_BYTES || !ds_aws_is_visible(reply->body, reply->len)) {
		ds_aws_fetch_say(f, "it gave a token that cannot be one");
		return DS_AWS_FAILED;
	}
	ds_wipe_free(f->token);
	f->token = ds_wipe_strdup(reply->body);
	if (!f->token) {
		ds_aws_fetch_say(f, "out of memory");
		return DS_AWS_FAILED;
	}
	return get(f, CREDENTIALS_PATH, "", on_role);
}

enum ds_aws_outcome ds_aws_ask_imds(struct ds_aws_fetch *f)
{
	static const char *const headers[] = { "X-aws-ec2-metadata-token-ttl-seconds: 21600",
					       NULL };
	struct ds_http_request request = { .method = "PUT", .headers = headers, .body = "",
					   .connect_ns = CONNECT_NS, .timeout_ns = TIMEOUT_NS,
					   .body_max = ANSWER_MAX_BYTES };

	if (ds_aws_env_is_true("AWS_EC2_METADATA_DISABLED")) {
		ds_aws_fetch_say(f, "AWS_EC2_METADATA_DISABLED is set");
		return DS_AWS_ABSENT;
	}
	if (!make_url(f, "/latest/api/token", ""))
		return DS_AWS_FAILED;
	return ds_aws_fetch_send(f, &request, on_token);
}
