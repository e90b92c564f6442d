/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials of AWS, from the first source that has some, in the order of the SDKs: environment,
 * web identity (IRSA), shared configuration and credentials files, container credentials (ECS, EKS
 * Pod Identity), IMDSv2. Built only when --elb asks for it. Secrets are never logged, never in an
 * event, and wiped when they are freed.
 *
 * A source that is set up and fails ends the search, as with the SDKs: the node's own role must not
 * stand in for the one that was meant. The source that was found is asked again until it fails.
 */
#ifndef DS_SOURCE_AWS_CREDENTIALS_H
#define DS_SOURCE_AWS_CREDENTIALS_H

#include <stdint.h>

struct uv_loop_s;
struct ds_http;
struct ds_aws_chain;

struct ds_aws_credentials {
	const char *key_id, *secret, *token;	/* token NULL: long-lived keys */
	int64_t expires_ns;			/* Unix time; 0 = never */
	const char *provider;			/* for messages: "environment", "web identity", ... */
};

/*
 * c NULL: there are none, fault says why in one sentence (every source that was asked, and what it
 * said). It may call all functions of this file but ds_aws_chain_free.
 */
typedef void ds_aws_credentials_fn(void *ctx, const struct ds_aws_credentials *c,
				   const char *fault);

/* 0, or -errno with one line logged. http is borrowed for the chain's life. */
int ds_aws_chain_new(struct ds_aws_chain **ret_chain, struct uv_loop_s *loop, struct ds_http *http);

/*
 * Asks for credentials that are good for some minutes more: those that are kept, or new ones
 * (before they expire; one request whatever the number that wait). Calls done once, maybe from
 * within; c is borrowed until the next get, and is good for the calls that are begun meanwhile
 * (copied by them).
 * After a failure the sources are left alone for a while (1 s and more, at most 5 min): old ones
 * that are still good are given meanwhile, else the same fault at once.
 */
void ds_aws_chain_get(struct ds_aws_chain *chain, ds_aws_credentials_fn *done, void *ctx);

/*
 * AWS refused them (ExpiredToken, InvalidClientTokenId, ...): the next get fetches anew; if that is
 * often so, not at once.
 */
void ds_aws_chain_refused(struct ds_aws_chain *chain);

/* The region that environment, configuration or IMDS name; NULL = unknown. Borrowed. */
const char *ds_aws_chain_region(const struct ds_aws_chain *chain);

/* Those that wait for credentials are not called any more. NULL is fine. */
void ds_aws_chain_free(struct ds_aws_chain **chain);

#endif
