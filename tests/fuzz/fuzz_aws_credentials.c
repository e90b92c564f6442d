// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: answers of STS ("<") and of container endpoints and IMDS (all others). Before the
 * first NUL stands the secret that was sent. Keys are whole and fit for headers, or there are
 * none and a sentence says why; no sentence has 16 bytes of that secret in a row.
 *
 * Built from: user/source/aws/aws_credentials_parse.c user/source/aws/aws_keys.c
 * Built from: user/source/aws/xml.c user/util/wipe.c
 * Packages: expat
 */
#include <stdlib.h>
#include <string.h>

#include "user/core/event.h"
#include "user/source/aws/aws_credentials_parse.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define RUN 16

static void check_sentence(const char *text, const char *secret)
{
	size_t len = strnlen(text, DS_AWS_FAULT_MAX), all = secret ? strlen(secret) : 0;

	if (len == DS_AWS_FAULT_MAX)
		abort();
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			abort();
	for (size_t i = 0; i + RUN <= all; i++)
		if (memmem(text, len, secret + i, RUN))
			abort();
}

static void check_keys(struct ds_aws_keys *keys, int r, const char *fault)
{
	if (r) {
		check_sentence(fault, NULL);
		if (keys->key_id || keys->secret || keys->token || !fault[0])
			abort();
		return;
	}
	if (!ds_aws_is_visible(keys->key_id, strlen(keys->key_id)) ||
	    !ds_aws_is_visible(keys->secret, strlen(keys->secret)) ||
	    (keys->token && !ds_aws_is_visible(keys->token, strlen(keys->token))))
		abort();
	if (keys->expires_ns < 0 || keys->expires_ns > DS_EVENT_TIME_MAX)
		abort();
	ds_aws_keys_clear(keys);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *secret = (const char *)data, *nul = size ? memchr(secret, '\0', size) : NULL;
	const char *text = nul ? nul + 1 : secret;
	size_t len = size - (size_t)(text - secret);
	bool sts = len && text[0] == '<';
	char fault[DS_AWS_FAULT_MAX] = "";
	struct ds_aws_keys keys = { 0 };
	int r = sts ? ds_aws_sts_keys(text, len, &keys, fault) :
		      ds_aws_json_keys(text, len, &keys, fault);

	check_keys(&keys, r, fault);
	if (sts)
		ds_aws_sts_error(text, len, nul ? secret : NULL, fault);
	else
		ds_aws_json_error(text, len, nul ? secret : NULL, fault);
	check_sentence(fault, nul ? secret : NULL);
	return 0;
}
