// SPDX-License-Identifier: Apache-2.0
/* The sources of AWS credentials that need no network: environment and shared files. */
#include <errno.h>
#include <string.h>

#include "user/source/aws/aws_env.h"
#include "user/source/aws/aws_fetch_ask.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

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
	if (ds_aws_keys_set(&f->keys, ds_aws_text_of(key_id), ds_aws_text_of(secret),
			    ds_aws_text_of(ds_aws_env("AWS_SESSION_TOKEN")), &fault)) {
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
