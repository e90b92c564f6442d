/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk through the sources of AWS credentials, in the order of the SDKs. A source that is not
 * set up is passed by; the first that is decides: if it fails, those behind it are not asked, for
 * other credentials than those that were meant would be a surprise.
 */
#ifndef DS_SOURCE_AWS_FETCH_H
#define DS_SOURCE_AWS_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "user/source/aws/aws_keys.h"

struct ds_http;
struct ds_aws_fetch;

enum ds_aws_provider {
	DS_AWS_ENVIRONMENT,
	DS_AWS_WEB_IDENTITY,
	DS_AWS_FILES,
	DS_AWS_CONTAINER,
	DS_AWS_IMDS,
	DS_AWS_PROVIDER_MAX
};

/* "environment", "web identity", ... */
const char *ds_aws_provider_name(enum ds_aws_provider provider);

/*
 * The end of a walk: keys are the callee's to move or to clear. NULL: none, fault says what each
 * source that was asked said; it is borrowed for the call, and has no secret in it.
 */
typedef void ds_aws_fetched_fn(void *ctx, struct ds_aws_keys *keys, enum ds_aws_provider provider,
			       const char *fault);

/* Reads the region on the way. http is borrowed. 0 or -ENOMEM. */
int ds_aws_fetch_new(struct ds_aws_fetch **ret_fetch, struct ds_http *http, ds_aws_fetched_fn *done,
		     void *ctx);

/* Begins a walk at a source; done is called once, maybe from within. One walk at a time. */
void ds_aws_fetch_begin(struct ds_aws_fetch *f, enum ds_aws_provider first);

/* What environment, configuration or (since a walk that ended there) IMDS name; or NULL. */
const char *ds_aws_fetch_region(const struct ds_aws_fetch *f);

/* Ends a walk without calling done. NULL is fine. */
void ds_aws_fetch_free(struct ds_aws_fetch **f);

#endif
