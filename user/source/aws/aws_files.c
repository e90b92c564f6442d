// SPDX-License-Identifier: Apache-2.0
#include "user/source/aws/aws_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/source/aws/aws_env.h"
#include "user/util/secret_file.h"
#include "user/util/wipe.h"

#define FILE_MAX_BYTES (1U << 20)

int ds_aws_path(const char *given, size_t len, char path[DS_AWS_PATH_MAX])
{
	const bool below_home = len >= 2 && !memcmp(given, "~/", 2);
	const char *home = below_home ? ds_aws_env("HOME") : "";
	int n;

	if (!home)
		return -ENOENT;
	n = below_home ? snprintf(path, DS_AWS_PATH_MAX, "%s/%.*s", home, (int)len - 2, given + 2) :
			 snprintf(path, DS_AWS_PATH_MAX, "%.*s", (int)len, given);
	return n < DS_AWS_PATH_MAX ? 0 : -ENAMETOOLONG;
}

static void read_file(struct ds_aws_files *files, enum ds_aws_file which, const char *variable,
		      const char *usual)
{
	struct ds_aws_shared_file *f = &files->of[which];
	const char *given = ds_aws_env(variable);
	size_t len = 0;

	f->named = given;
	given = given ? given : usual;
	(void)snprintf(f->path, sizeof(f->path), "%s", given);	/* as it is told if it cannot be */
	f->err = ds_aws_path(given, strlen(given), f->path);
	if (!f->err)
		f->err = ds_secret_file_read(f->path, FILE_MAX_BYTES, &f->text, &len);
	if (!f->err)
		ds_aws_profile_parse(&f->profile, which, f->text, len, files->profile);
}

void ds_aws_files_read(struct ds_aws_files *files)
{
	const char *profile = ds_aws_env("AWS_PROFILE");

	ds_aws_files_clear(files);
	files->named = profile;
	files->profile = profile ? profile : "default";
	read_file(files, DS_AWS_FILE_CONFIG, "AWS_CONFIG_FILE", "~/.aws/config");
	read_file(files, DS_AWS_FILE_CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE",
		  "~/.aws/credentials");
}

void ds_aws_files_clear(struct ds_aws_files *files)
{
	for (int i = 0; i < DS_AWS_FILE_MAX; i++)
		ds_wipe_free(files->of[i].text);
	memset(files, 0, sizeof(*files));
}
