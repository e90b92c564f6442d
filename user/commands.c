/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: a new one is a line here. */
#include "user/commands.h"

#include <stdio.h>

static int help(const struct ds_options *options);
static int version(const struct ds_options *options);

const struct ds_command ds_commands[] = {
	{ "trace", "print lost connections, pod phases, verdicts and advice as they happen (default)",
	  &ds_argp_trace, ds_command_trace, false },
	{ "replay", "run a recording through the core again", &ds_argp_replay, ds_command_replay,
	  false },
	{ "agent", "trace as a DaemonSet: JSON lines, pods from Kubernetes, metrics",
	  &ds_argp_agent, ds_command_agent, true },
	{ "targets", "watch a cluster for its agents: target groups, their states, why pods go",
	  &ds_argp_targets_command, ds_command_targets, true },
	{ "doctor", "check kernel, privileges, data plane, cluster and AWS access", &ds_argp_doctor,
	  ds_command_doctor, true },
	{ "schema", "print the JSON Schema of the events", &ds_argp_schema, ds_command_schema,
	  false },
	{ "completion", "print a completion script for bash or zsh", &ds_argp_completion,
	  ds_command_completion, false },
	{ "version", "print the version", NULL, version, false },
	{ "help", NULL, NULL, help, false },
	{ 0 }
};

static int version(const struct ds_options *options)
{
	(void)options;
	return printf("drainsnoop %s\n", DS_VERSION) < 0 ? DS_EXIT_ERROR : DS_EXIT_OK;
}

static int help(const struct ds_options *options)
{
	(void)options;
	(void)fputs("Usage: drainsnoop [COMMAND] [OPTION...]\n"
		    "Trace TCP connections that are lost while pods drain behind AWS load balancers.\n"
		    "\n"
		    "Commands:\n", stdout);
	for (const struct ds_command *c = ds_commands; c->name; c++)
		if (c->does)
			(void)printf("  %-10s %s\n", c->name, c->does);
	(void)fputs("\n"
		    "Examples:\n"
		    "  drainsnoop --pod-ip 10.0.3.201=shop/checkout --lb 10.0.1.0/24\n"
		    "  drainsnoop -o json --events pods.jsonl --record rollout.jsonl\n"
		    "  drainsnoop replay rollout.jsonl --event drop,verdict,advice\n"
		    "\n"
		    "`drainsnoop COMMAND --help` lists the options of a command.\n"
		    "\n"
		    "Exit status: 0 ran to its end (Ctrl-C included), 1 error, 2 usage, 3 --fail-on reached\n"
		    "or a check of doctor failed, 130 second Ctrl-C.\n", stdout);
	return DS_EXIT_OK;
}
