/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of AWS credentials that is owned: checked when it is set, wiped when it is cleared. Pure.
 */
#ifndef DS_SOURCE_AWS_KEYS_H
#define DS_SOURCE_AWS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/source/aws/aws_profile.h"

#define DS_AWS_KEY_ID_MAX 128
#define DS_AWS_SECRET_MAX 1024
#define DS_AWS_TOKEN_MAX 16384
#define DS_AWS_FAULT_MAX 512	/* of a sentence about them, with its NUL */

struct ds_aws_keys {
	char *key_id, *secret;	/* owned; NULL: there are none */
	char *token;		/* NULL: they are long-lived */
	int64_t expires_ns;	/* Unix time; 0 = never */
};

/*
 * Replaces what keys holds by copies. 0; -EINVAL with *ret_fault (static: "an access key id that
 * ...") for what cannot be credentials, -ENOMEM alike; keys is empty then. token.text NULL: none.
 */
int ds_aws_keys_set(struct ds_aws_keys *keys, struct ds_aws_text key_id, struct ds_aws_text secret,
		    struct ds_aws_text token, const char **ret_fault);

/* Wipes and frees; a zeroed set is fine, and it is one again afterwards. */
void ds_aws_keys_clear(struct ds_aws_keys *keys);

/* Whether it has characters, all of them visible ASCII: fit for a header, a form, a path. */
bool ds_aws_is_visible(const char *text, size_t len);

#endif
