// SPDX-License-Identifier: Apache-2.0
/* What each source of AWS credentials needs: to say what it met, a request, a token's file. */
#include "user/source/aws/aws_fetch_ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/source/aws/aws_env.h"
#include "user/util/secret_file.h"
#include "user/util/wipe.h"

#define TOKEN_MAX_BYTES 20000		/* what STS takes; those of Pod Identity are shorter */

const char *ds_aws_provider_name(enum ds_aws_provider provider)
{
	static const char *const names[DS_AWS_PROVIDER_MAX] = {
		[DS_AWS_ENVIRONMENT] = "environment", [DS_AWS_WEB_IDENTITY] = "web identity",
		[DS_AWS_FILES] = "shared files",      [DS_AWS_CONTAINER] = "container",
		[DS_AWS_IMDS] = "IMDS",
	};

	return names[provider];
}

void ds_aws_fetch_say(struct ds_aws_fetch *f, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ds_buf_printf(&f->said, "%s%s: %s", f->said.len ? "; " : "",
		      ds_aws_provider_name(f->provider), text);
}

/* How much of the URL may be told: scheme and host. */
static int shown(const char *url)
{
	const char *host = strstr(url, "://");

	return host ? (int)(host + 3 - url + (int)strcspn(host + 3, "/?#")) : 0;
}

void ds_aws_fetch_say_answer(struct ds_aws_fetch *f, const struct ds_http_reply *reply,
			     const char *error, const char *advice)
{
	if (reply->fault)	/* it names the host */
		ds_aws_fetch_say(f, "%s (%s)", reply->fault, advice);
	else
		ds_aws_fetch_say(f, "%.*s answered %d%s%s (%s)", shown(f->url), f->url,
				 reply->status, *error ? ", " : "", error, advice);
}

enum ds_aws_outcome ds_aws_fetch_send(struct ds_aws_fetch *f, struct ds_http_request *request,
				      ds_aws_answered_fn *answered)
{
	int r;

	f->tls = (struct ds_http_tls){ .ca_file = ds_aws_env("AWS_CA_BUNDLE") };
	f->answered = answered;
	request->url = f->url;
	request->tls = &f->tls;
	request->done = f->on_reply;
	request->ctx = f;
	r = ds_http_start(f->http, request, &f->call);
	if (!r)
		return DS_AWS_PENDING;
	f->call = NULL;
	ds_aws_fetch_say(f, "cannot ask %.*s: %s", shown(f->url), f->url, strerror(-r));
	return DS_AWS_FAILED;
}

bool ds_aws_fetch_read_token(struct ds_aws_fetch *f, const char *path, bool trimmed)
{
	size_t len = 0;
	int r;

	ds_wipe_free(f->token);
	f->token = NULL;
	r = ds_secret_file_read(path, TOKEN_MAX_BYTES, &f->token, &len);
	if (r) {
		ds_aws_fetch_say(f, "cannot read the token in %s: %s", path, strerror(-r));
		return false;
	}
	while (trimmed && len && (f->token[len - 1] == '\n' || f->token[len - 1] == '\r'))
		f->token[--len] = '\0';
	if (ds_aws_is_visible(f->token, len))
		return true;
	ds_aws_fetch_say(f, "%s holds no token (it is empty, or has characters that none may have)",
			 path);
	return false;
}
