// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_keys.h"

#include <errno.h>
#include <string.h>

#include "user/util/wipe.h"

bool ds_aws_is_visible(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7f)
			return false;
	return len > 0;
}

void ds_aws_keys_clear(struct ds_aws_keys *keys)
{
	ds_wipe_free(keys->key_id);
	ds_wipe_free(keys->secret);
	ds_wipe_free(keys->token);
	*keys = (struct ds_aws_keys){ 0 };
}

static char *copy(struct ds_aws_text t)
{
	char *text = ds_wipe_calloc(1, t.len + 1);

	if (text)
		memcpy(text, t.text, t.len);
	return text;
}

static const char *fault_of(struct ds_aws_text key_id, struct ds_aws_text secret,
			    struct ds_aws_text token)
{
	if (!key_id.text || !key_id.len)
		return "no access key id";
	if (!secret.text || !secret.len)
		return "no secret access key";
	if (key_id.len > DS_AWS_KEY_ID_MAX || !ds_aws_is_visible(key_id.text, key_id.len))
		return "an access key id that cannot be one";
	if (secret.len > DS_AWS_SECRET_MAX || !ds_aws_is_visible(secret.text, secret.len))
		return "a secret access key that cannot be one";
	if (token.text &&
	    (token.len > DS_AWS_TOKEN_MAX || !ds_aws_is_visible(token.text, token.len)))
		return "a session token that cannot be one";
	return NULL;
}

int ds_aws_keys_set(struct ds_aws_keys *keys, struct ds_aws_text key_id, struct ds_aws_text secret,
		    struct ds_aws_text token, const char **ret_fault)
{
	const char *fault = fault_of(key_id, secret, token);

	ds_aws_keys_clear(keys);
	if (fault) {
		*ret_fault = fault;
		return -EINVAL;
	}
	keys->key_id = copy(key_id);
	keys->secret = copy(secret);
	keys->token = token.text ? copy(token) : NULL;
	if (keys->key_id && keys->secret && (keys->token || !token.text))
		return 0;
	ds_aws_keys_clear(keys);
	*ret_fault = "out of memory";
	return -ENOMEM;
}
