// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the shared files of AWS. What comes before the first NUL is the config file, the
 * rest the credentials file. Every text that is found lies in its file, on one line, trimmed.
 *
 * Built from: user/source/aws/aws_profile.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_profile.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void check_text(struct ds_aws_text t, const char *file, size_t len)
{
	if (!t.text) {
		if (t.len)
			abort();
		return;
	}
	if (!t.len || t.text < file || t.text + t.len > file + len || memchr(t.text, '\n', t.len) ||
	    t.text[0] == ' ' || t.text[t.len - 1] == ' ' || t.text[t.len - 1] == '\r')
		abort();
}

static struct ds_aws_profile parse(enum ds_aws_file which, const char *file, size_t len,
				   const char *name)
{
	struct ds_aws_profile p;

	ds_aws_profile_parse(&p, which, file, len, name);
	for (int i = 0; i < DS_AWS_SETTING_MAX; i++) {
		check_text(p.settings[i], file, len);
		if (p.settings[i].text && !p.found)
			abort();
	}
	return p;
}

static void check_way(const struct ds_aws_way *way)
{
	switch (way->kind) {
	case DS_AWS_WAY_KEYS:
		if (!way->key_id.text || !way->secret.text)
			abort();
		break;
	case DS_AWS_WAY_WEB_IDENTITY:
		if (!way->role_arn.text || !way->token_file.text)
			abort();
		break;
	case DS_AWS_WAY_FAULT:
		if (!way->why)
			abort();
		break;
	case DS_AWS_WAY_NONE:
		break;
	}
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char *const names[] = { "default", "a", "my b" };
	const char *text = (const char *)data;
	const char *nul = size ? memchr(text, '\0', size) : NULL;
	size_t first = nul ? (size_t)(nul - text) : size, second = nul ? first + 1 : size;

	for (int i = 0; i < 3; i++) {
		struct ds_aws_profile config = parse(DS_AWS_FILE_CONFIG, text, first, names[i]);
		struct ds_aws_profile credentials =
			parse(DS_AWS_FILE_CREDENTIALS, text + second, size - second, names[i]);
		struct ds_aws_way way;

		ds_aws_profile_way(&config, &credentials, &way);
		check_way(&way);
	}
	return 0;
}
