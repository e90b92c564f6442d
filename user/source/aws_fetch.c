// SPDX-License-Identifier: Apache-2.0
/*
 * The walk itself; and the sources that need no network: environment and shared files.
 */
#include "user/source/aws_fetch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws_env.h"
#include "user/source/aws_fetch_ask.h"
#include "user/source/secret_file.h"
#include "user/source/wipe.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/timefmt.h"

#define TOKEN_MAX_BYTES 20000		/* what STS takes; those of Pod Identity are shorter */

static const struct {
	const char *name;
	enum ds_aws_outcome (*ask)(struct ds_aws_fetch *f);
} providers[DS_AWS_PROVIDER_MAX] = {
	[DS_AWS_ENVIRONMENT] = { "environment", ds_aws_ask_environment },
	[DS_AWS_WEB_IDENTITY] = { "web identity", ds_aws_ask_web_identity },
	[DS_AWS_FILES] = { "shared files", ds_aws_ask_files },
	[DS_AWS_CONTAINER] = { "container", ds_aws_ask_container },
	[DS_AWS_IMDS] = { "IMDS", ds_aws_ask_imds },
};

const char *ds_aws_provider_name(enum ds_aws_provider provider)
{
	return providers[provider].name;
}

void ds_aws_fetch_say(struct ds_aws_fetch *f, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ds_buf_printf(&f->said, "%s%s: %s", f->said.len ? "; " : "",
		      providers[f->provider].name, text);
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

static void finish(struct ds_aws_fetch *f, bool found)
{
	struct ds_aws_keys keys = f->keys;

	f->keys = (struct ds_aws_keys){ 0 };
	ds_wipe_free(f->token);
	f->token = NULL;
	ds_aws_files_clear(&f->files);
	f->done(f->ctx, found ? &keys : NULL, f->provider,
		f->said.data && !f->said.failed ? f->said.data : "out of memory");
	ds_aws_keys_clear(&keys);
}

/* Whether the walk is over. */
static bool settle(struct ds_aws_fetch *f, enum ds_aws_outcome outcome)
{
	char until[DS_RFC3339_LEN + 1];

	if (outcome == DS_AWS_FOUND && f->keys.expires_ns &&
	    f->keys.expires_ns <= ds_clock_ns(CLOCK_REALTIME)) {
		ds_time_rfc3339(f->keys.expires_ns, until);
		ds_aws_fetch_say(f, "gives credentials that expired at %s; if that is not so, set "
				    "this machine's clock", until);
		ds_aws_keys_clear(&f->keys);
		outcome = DS_AWS_FAILED;
	}
	if (outcome == DS_AWS_ABSENT && f->provider + 1 < DS_AWS_PROVIDER_MAX)
		return false;
	finish(f, outcome == DS_AWS_FOUND);
	return true;
}

static void walk(struct ds_aws_fetch *f, enum ds_aws_provider from)
{
	for (enum ds_aws_provider i = from; i < DS_AWS_PROVIDER_MAX; i++) {
		enum ds_aws_outcome outcome;

		f->provider = i;
		outcome = providers[i].ask(f);
		if (outcome == DS_AWS_PENDING || settle(f, outcome))
			return;
	}
}

static void on_reply(void *ctx, const struct ds_http_reply *reply)
{
	struct ds_aws_fetch *f = ctx;
	enum ds_aws_outcome outcome;

	f->call = NULL;
	outcome = f->answered(f, reply);
	if (outcome == DS_AWS_PENDING || settle(f, outcome))
		return;
	walk(f, f->provider + 1);
}

enum ds_aws_outcome ds_aws_fetch_send(struct ds_aws_fetch *f, struct ds_http_request *request,
				      ds_aws_answered_fn *answered)
{
	int r;

	f->tls = (struct ds_http_tls){ .ca_file = ds_aws_env("AWS_CA_BUNDLE") };
	f->answered = answered;
	request->url = f->url;
	request->tls = &f->tls;
	request->done = on_reply;
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

static struct ds_aws_text text_of(const char *text)
{
	return (struct ds_aws_text){ text, text ? strlen(text) : 0 };
}

enum ds_aws_outcome ds_aws_ask_environment(struct ds_aws_fetch *f)
{
	const char *key_id = ds_aws_env("AWS_ACCESS_KEY_ID");
	const char *secret = ds_aws_env("AWS_SECRET_ACCESS_KEY");
	const char *until = ds_aws_env("AWS_CREDENTIAL_EXPIRATION");
	const char *fault = NULL;
	int64_t expires_ns = 0;

	if (!key_id && !secret) {
		ds_aws_fetch_say(f, "AWS_ACCESS_KEY_ID is not set");
		return DS_AWS_ABSENT;
	}
	if (!key_id || !secret) {
		ds_aws_fetch_say(f, "%s is set and %s is not",
				 key_id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
				 key_id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
		return DS_AWS_FAILED;
	}
	if (until && ds_time_parse(until, strlen(until), &expires_ns)) {
		ds_aws_fetch_say(f, "AWS_CREDENTIAL_EXPIRATION is no time");
		return DS_AWS_FAILED;
	}
	if (ds_aws_keys_set(&f->keys, text_of(key_id), text_of(secret),
			    text_of(ds_aws_env("AWS_SESSION_TOKEN")), &fault)) {
		ds_aws_fetch_say(f, "has %s", fault);
		return DS_AWS_FAILED;
	}
	f->keys.expires_ns = expires_ns;
	return DS_AWS_FOUND;
}

/* A copy with a NUL, or NULL of NULL; a value's bytes are visible ones or told to be none later. */
static char *string_of(struct ds_aws_text t)
{
	return t.text ? strndup(t.text, t.len) : NULL;
}

static enum ds_aws_outcome ask_by_profile(struct ds_aws_fetch *f, const struct ds_aws_way *way)
{
	ds_autofree char *role_arn = string_of(way->role_arn);
	ds_autofree char *session_name = string_of(way->session_name);
	char path[DS_AWS_PATH_MAX];
	int r = ds_aws_path(way->token_file.text, way->token_file.len, path);

	if (r || !role_arn || (way->session_name.text && !session_name)) {
		ds_aws_fetch_say(f, "profile '%s': %s", f->files.profile, strerror(r ? -r : ENOMEM));
		return DS_AWS_FAILED;
	}
	return ds_aws_ask_sts(f, role_arn, session_name, path);
}

/* Neither file says anything of credentials for the profile. */
static enum ds_aws_outcome no_profile(struct ds_aws_fetch *f)
{
	bool broken = false, found = false;

	for (int i = 0; i < DS_AWS_FILE_MAX; i++) {
		const struct ds_aws_shared_file *file = &f->files.of[i];

		found = found || file->profile.found;
		if (file->err && file->err != -ENOENT && file->err != -ENOTDIR) {
			/* One that nobody has asked for is passed by. */
			broken = broken || file->named;
			ds_aws_fetch_say(f, "cannot read %s: %s", file->path, strerror(-file->err));
		} else if (file->profile.bad_line) {
			ds_aws_fetch_say(f, "%s: line %u is neither a section nor a setting",
					 file->path, file->profile.bad_line);
		}
	}
	ds_aws_fetch_say(f, "no %sprofile '%s'%s in %s and %s", found ? "credentials for " : "",
			 f->files.profile, f->files.named ? " (of AWS_PROFILE)" : "",
			 f->files.of[DS_AWS_FILE_CREDENTIALS].path,
			 f->files.of[DS_AWS_FILE_CONFIG].path);
	return broken || (f->files.named && !found) ? DS_AWS_FAILED : DS_AWS_ABSENT;
}

enum ds_aws_outcome ds_aws_ask_files(struct ds_aws_fetch *f)
{
	struct ds_aws_way way;
	const char *fault = NULL;

	ds_aws_files_read(&f->files);
	ds_aws_profile_way(&f->files.of[DS_AWS_FILE_CONFIG].profile,
			   &f->files.of[DS_AWS_FILE_CREDENTIALS].profile, &way);
	switch (way.kind) {
	case DS_AWS_WAY_WEB_IDENTITY:
		return ask_by_profile(f, &way);
	case DS_AWS_WAY_KEYS:
		if (!ds_aws_keys_set(&f->keys, way.key_id, way.secret, way.token, &fault))
			return DS_AWS_FOUND;
		ds_aws_fetch_say(f, "profile '%s' has %s", f->files.profile, fault);
		return DS_AWS_FAILED;
	case DS_AWS_WAY_FAULT:
		ds_aws_fetch_say(f, "profile '%s' %s", f->files.profile, way.why);
		return DS_AWS_FAILED;
	case DS_AWS_WAY_NONE:
		break;
	}
	return no_profile(f);
}

/* Of the environment, else of the profile. */
static void find_region(struct ds_aws_fetch *f)
{
	const char *region = ds_aws_env_region();
	struct ds_aws_text t = text_of(region);

	ds_aws_files_read(&f->files);
	for (int i = DS_AWS_FILE_MAX - 1; i >= 0 && !t.text; i--)
		t = f->files.of[i].profile.settings[DS_AWS_SETTING_REGION];
	if (t.text && ds_aws_is_region(t.text, t.len))
		memcpy(f->region, t.text, t.len);	/* zeroed before */
	ds_aws_files_clear(&f->files);
}

int ds_aws_fetch_new(struct ds_aws_fetch **ret_fetch, struct ds_http *http, ds_aws_fetched_fn *done,
		     void *ctx)
{
	struct ds_aws_fetch *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->http = http;
	f->done = done;
	f->ctx = ctx;
	find_region(f);
	*ret_fetch = f;
	return 0;
}

void ds_aws_fetch_begin(struct ds_aws_fetch *f, enum ds_aws_provider first)
{
	ds_buf_clear(&f->said);
	f->said.failed = false;
	walk(f, first);
}

const char *ds_aws_fetch_region(const struct ds_aws_fetch *f)
{
	return f->region[0] ? f->region : NULL;
}

void ds_aws_fetch_free(struct ds_aws_fetch **fetch)
{
	struct ds_aws_fetch *f = fetch ? *fetch : NULL;

	if (!f)
		return;
	*fetch = NULL;
	if (f->call)
		ds_http_cancel(f->call);
	ds_aws_keys_clear(&f->keys);
	ds_wipe_free(f->token);
	ds_aws_files_clear(&f->files);
	ds_buf_free(&f->said);
	free(f);
}
