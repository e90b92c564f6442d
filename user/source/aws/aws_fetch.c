// SPDX-License-Identifier: Apache-2.0
/* The walk itself. */
#include "user/source/aws/aws_fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_env.h"
#include "user/source/aws/aws_fetch_ask.h"
#include "user/util/wipe.h"
#include "user/util/clock.h"
#include "user/util/timefmt.h"

static enum ds_aws_outcome (*const ask[DS_AWS_PROVIDER_MAX])(struct ds_aws_fetch *f) = {
	[DS_AWS_ENVIRONMENT] = ds_aws_ask_environment,
	[DS_AWS_WEB_IDENTITY] = ds_aws_ask_web_identity,
	[DS_AWS_FILES] = ds_aws_ask_files,
	[DS_AWS_CONTAINER] = ds_aws_ask_container,
	[DS_AWS_IMDS] = ds_aws_ask_imds,
};

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
		outcome = ask[i](f);
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

/* Of the environment, else of the profile. */
static void find_region(struct ds_aws_fetch *f)
{
	const char *region = ds_aws_env_region();
	struct ds_aws_text t = ds_aws_text_of(region);

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
	f->on_reply = on_reply;
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
