/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the shared files of AWS (config and credentials, INI) say of one profile, and which way to
 * credentials follows from that. Pure; nothing is copied: all texts point into the file's.
 *
 * Read as the AWS CLI does: "[profile NAME]" in config ("[default]" too), "[NAME]" in credentials;
 * names of settings in any case; "#" and ";" begin comments, behind white space too; lines that are
 * indented deeper than the setting before them belong to that one and are left out; of two settings
 * of a name the later one counts.
 */
#ifndef DS_SOURCE_AWS_PROFILE_H
#define DS_SOURCE_AWS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum ds_aws_setting {
	DS_AWS_SETTING_KEY_ID,
	DS_AWS_SETTING_SECRET,
	DS_AWS_SETTING_TOKEN,
	DS_AWS_SETTING_REGION,
	DS_AWS_SETTING_ROLE_ARN,
	DS_AWS_SETTING_TOKEN_FILE,
	DS_AWS_SETTING_SESSION_NAME,
	DS_AWS_SETTING_SOURCE_PROFILE,
	DS_AWS_SETTING_CREDENTIAL_SOURCE,
	DS_AWS_SETTING_PROCESS,
	DS_AWS_SETTING_SSO,
	DS_AWS_SETTING_MAX
};

enum ds_aws_file { DS_AWS_FILE_CONFIG, DS_AWS_FILE_CREDENTIALS, DS_AWS_FILE_MAX };

/* A value; text NULL: not there. Never empty otherwise. No NUL. */
struct ds_aws_text {
	const char *text;
	size_t len;
};

/* Of a NUL-terminated text, or of NULL: the same, borrowed. */
static inline struct ds_aws_text ds_aws_text_of(const char *text)
{
	return (struct ds_aws_text){ text, text ? strlen(text) : 0 };
}

struct ds_aws_profile {
	bool found;		/* the file has a section of that name */
	unsigned bad_line;	/* the first that is neither section nor setting; 0 = none */
	struct ds_aws_text settings[DS_AWS_SETTING_MAX];
};

/* Reads what the text of a file says of the profile `name`. Anything may stand in text. */
void ds_aws_profile_parse(struct ds_aws_profile *ret_profile, enum ds_aws_file file,
			  const char *text, size_t len, const char *name);

enum ds_aws_way_kind {
	DS_AWS_WAY_NONE,	/* nothing about credentials */
	DS_AWS_WAY_KEYS,
	DS_AWS_WAY_WEB_IDENTITY,
	DS_AWS_WAY_FAULT	/* a way that is not complete, or not supported: `why` */
};

struct ds_aws_way {
	enum ds_aws_way_kind kind;
	struct ds_aws_text key_id, secret, token;		/* KEYS; the last may be absent */
	struct ds_aws_text role_arn, token_file, session_name;	/* WEB_IDENTITY; alike */
	const char *why;	/* FAULT: what it is and what to do; static */
};

/*
 * Which way to credentials both files together say, in the order of the AWS CLI: a role, SSO, keys
 * of the credentials file, a process, keys of the config file. Keys of one file are never mixed
 * with those of the other; of other settings the credentials file's count.
 */
void ds_aws_profile_way(const struct ds_aws_profile *config,
			const struct ds_aws_profile *credentials, struct ds_aws_way *ret_way);

#endif
