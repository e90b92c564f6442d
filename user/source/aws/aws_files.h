/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared files of AWS as they are now: finds and reads them (AWS_CONFIG_FILE,
 * AWS_SHARED_CREDENTIALS_FILE, else ~/.aws) for the profile of AWS_PROFILE (else "default").
 * Logs nothing.
 */
#ifndef DS_SOURCE_AWS_FILES_H
#define DS_SOURCE_AWS_FILES_H

#include "user/source/aws/aws_profile.h"

#define DS_AWS_PATH_MAX 4096

struct ds_aws_shared_file {
	char path[DS_AWS_PATH_MAX];
	bool named;			/* by the environment; else it is the usual one */
	int err;			/* 0 or -errno: -ENOENT where there is none */
	char *text;			/* wipe.h; what `profile` points into */
	struct ds_aws_profile profile;	/* nothing found where err is set */
};

struct ds_aws_files {
	const char *profile;		/* its name; the environment's, or "default" */
	bool named;			/* AWS_PROFILE names it */
	struct ds_aws_shared_file of[DS_AWS_FILE_MAX];
};

/* Reads both, in place of what files held; it must be zeroed before the first time. */
void ds_aws_files_read(struct ds_aws_files *files);

/* Wipes and frees; a zeroed one is fine. */
void ds_aws_files_clear(struct ds_aws_files *files);

/*
 * Writes a path of the user's: one that begins with "~/" lies below HOME. 0, -ENOENT (no HOME) or
 * -ENAMETOOLONG.
 */
int ds_aws_path(const char *given, size_t len, char path[DS_AWS_PATH_MAX]);

#endif
