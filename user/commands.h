/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: each has its options and takes them, parsed; the exit status is an enum ds_exit. */
#ifndef DS_COMMANDS_H
#define DS_COMMANDS_H

#include <argp.h>

#include "user/options.h"

struct ds_command {
	const char *name;
	const char *does;		/* as `drainsnoop --help` says it; NULL: not listed there */
	const struct argp *argp;	/* its input is a struct ds_options; NULL: looks at none */
	int (*run)(const struct ds_options *options);
	bool environment;		/* DRAINSNOOP_... count too (environment.h) */
};

/* All of them, the default first; ends with one that has no name. */
extern const struct ds_command ds_commands[];

extern const struct argp ds_argp_trace, ds_argp_replay, ds_argp_schema, ds_argp_agent;
extern const struct argp ds_argp_doctor, ds_argp_completion;
extern const struct argp ds_argp_targets_command;

int ds_command_trace(const struct ds_options *options);
int ds_command_agent(const struct ds_options *options);
int ds_command_replay(const struct ds_options *options);
int ds_command_doctor(const struct ds_options *options);
int ds_command_completion(const struct ds_options *options);
int ds_command_schema(const struct ds_options *options);
int ds_command_targets(const struct ds_options *options);

#endif
