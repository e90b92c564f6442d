/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources of AWS credentials share: the walk that they are part of, and how each is asked.
 * Only for the files aws_fetch*.c.
 */
#ifndef DS_SOURCE_AWS_FETCH_ASK_H
#define DS_SOURCE_AWS_FETCH_ASK_H

#include "user/source/aws/aws_container.h"
#include "user/source/aws/aws_fetch.h"
#include "user/source/aws/aws_files.h"
#include "user/source/aws/aws_region.h"
#include "user/source/http/http.h"
#include "user/util/buf.h"

#define DS_AWS_ROLE_MAX 64	/* characters in the name of a role */

enum ds_aws_outcome {
	DS_AWS_FOUND,	/* keys are set */
	DS_AWS_ABSENT,	/* not set up here; said */
	DS_AWS_FAILED,	/* set up, but gives none; said */
	DS_AWS_PENDING	/* an answer is waited for */
};

/* What to do with an answer that is waited for. */
typedef enum ds_aws_outcome ds_aws_answered_fn(struct ds_aws_fetch *f,
					       const struct ds_http_reply *reply);

struct ds_aws_fetch {
	struct ds_http *http;
	void (*on_reply)(void *ctx, const struct ds_http_reply *reply);	/* the walk goes on */
	ds_aws_fetched_fn *done;
	void *ctx;
	enum ds_aws_provider provider;		/* that is asked now */
	struct ds_aws_keys keys;
	struct ds_buf said;			/* what the sources asked so far have said */
	struct ds_http_call *call;
	ds_aws_answered_fn *answered;		/* its */
	struct ds_http_tls tls;			/* of that call */
	char *token;				/* that it is asked with (wipe.h) */
	char url[DS_AWS_URL_MAX];
	char role[DS_AWS_ROLE_MAX + 1];		/* that IMDS is asked for */
	char region[DS_AWS_REGION_MAX + 1];
	struct ds_aws_files files;
};

/* Adds "SOURCE: ..." to what is said. */
void ds_aws_fetch_say(struct ds_aws_fetch *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Adds what an answer says that is no 200: the fault, or "HOST answered STATUS, ERROR (ADVICE)". */
void ds_aws_fetch_say_answer(struct ds_aws_fetch *f, const struct ds_http_reply *reply,
			     const char *error, const char *advice);

/* Sends a request to f->url; done and ctx are filled in. DS_AWS_PENDING or DS_AWS_FAILED. */
enum ds_aws_outcome ds_aws_fetch_send(struct ds_aws_fetch *f, struct ds_http_request *request,
				      ds_aws_answered_fn *answered);

/*
 * Reads f->token from a file, without the line break at its end if `trimmed`. false: said why not
 * (a token with characters that no header may have is none).
 */
bool ds_aws_fetch_read_token(struct ds_aws_fetch *f, const char *path, bool trimmed);

/* The sources. */
enum ds_aws_outcome ds_aws_ask_environment(struct ds_aws_fetch *f);
enum ds_aws_outcome ds_aws_ask_web_identity(struct ds_aws_fetch *f);
enum ds_aws_outcome ds_aws_ask_files(struct ds_aws_fetch *f);
enum ds_aws_outcome ds_aws_ask_container(struct ds_aws_fetch *f);
enum ds_aws_outcome ds_aws_ask_imds(struct ds_aws_fetch *f);

/* Asks STS with the token of a file. session_name: NULL = ours. */
enum ds_aws_outcome ds_aws_ask_sts(struct ds_aws_fetch *f, const char *role_arn,
				   const char *session_name, const char *token_file);

#endif
