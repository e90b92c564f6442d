/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options by environment variables: --metrics-listen is DRAINSNOOP_METRICS_LISTEN. What the command
 * line gives wins; lists are comma-separated; an option without a value takes 1, true, 0, false or
 * nothing. A name that belongs to no option is a fault: a value that is not used must not look as
 * if it were. Pure: the environment comes in as an argument.
 */
#ifndef DS_ENVIRONMENT_H
#define DS_ENVIRONMENT_H

#include <argp.h>
#include <stddef.h>

/* In the flags of a struct argp_option: it may be given more than once (argp ignores the bit). */
#define DS_OPTION_REPEATABLE 0x10000

#define DS_ENVIRONMENT_PREFIX "DRAINSNOOP_"
#define DS_ENVIRONMENT_NAME_MAX 64

/* A command line: argv[0], what the environment gives, the rest of argv. */
struct ds_environment {
	int argc;
	char **argv;	/* ends with NULL */
	int given;	/* arguments that are the environment's: argv[1] to argv[given] */
	char **owned;	/* of them; the others are borrowed of argv */
};

/*
 * What a command with these options gets; `elsewhere` (ends with NULL) are the options of others:
 * variables that are theirs are left alone, for a container runs more than one command. So are
 * those that Kubernetes makes of a Service that is called drainsnoop. 0; -EINVAL with one sentence
 * in fault, which has room for at least 256 bytes; -ENOMEM. ds_environment_free in any case.
 */
int ds_environment_arguments(struct ds_environment *ret_arguments, const struct argp *argp,
			     const struct argp *const *elsewhere, char *const *environment,
			     int argc, char **argv, char *fault, size_t fault_size);
void ds_environment_free(struct ds_environment *arguments);

/* The variable of a long option, "--metrics-listen" or "--metrics-listen=...". */
void ds_environment_name(const char *option, char ret_name[DS_ENVIRONMENT_NAME_MAX]);

#endif
