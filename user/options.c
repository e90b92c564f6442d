/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which command it is, and the options of trace, replay and schema. README and manual page follow
 * these tables.
 */
#include "user/options.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/commands.h"
#include "user/environment.h"
#include "user/options_known.h"
#include "user/options_output.h"
#include "user/options_source.h"
#include "user/options_value.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define COMMANDS_MAX 16

enum { OPT_FOLLOW = 256, OPT_MARKDOWN };

static const struct argp_option trace_options[] = {
	{ NULL, 0, NULL, 0, "Files:", 1 },
	{ "record", DS_OPT_RECORD, "FILE", 0, "Also write every input event to FILE, for replay", 1 },
	DS_OPTION_STATE_ROW(1),
	{ "follow", OPT_FOLLOW, NULL, 0, "Go on reading the files of --targets as they grow", 1 },
	{ "duration", 'd', "TIME", 0, "Stop after TIME (90s, 5m, or plain seconds)", 5 },
	{ 0 }
};

static const struct argp_option schema_options[] = {
	{ "markdown", OPT_MARKDOWN, NULL, 0, "Print the event reference (docs/events.md) instead", 1 },
	{ 0 }
};

static const struct argp_child trace_children[] = {
	{ &ds_argp_source, 0, NULL, 1 }, { &ds_argp_kube, 0, NULL, 1 },
	{ &ds_argp_targets, 0, NULL, 1 }, { &ds_argp_elb, 0, NULL, 1 },
	{ &ds_argp_filter, 0, NULL, 2 }, { &ds_argp_printing, 0, NULL, 3 },
	{ &ds_argp_judging, 0, NULL, 4 }, { 0 }
};

static const struct argp_child replay_children[] = {
	{ &ds_argp_targets, 0, NULL, 1 },
	{ &ds_argp_filter, 0, NULL, 2 }, { &ds_argp_printing, 0, NULL, 3 },
	{ &ds_argp_judging, 0, NULL, 4 }, { 0 }
};

static error_t parse_trace(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		ds_value_give_to_children(state, trace_children);
		return 0;
	case OPT_FOLLOW:
		o->follow = true;
		return 0;
	case 'd':
		o->duration_ns = ds_value_duration(state, "--duration", arg);
		return 0;
	default:
		return ds_option_take_known(key, arg, state);
	}
}

static error_t parse_replay(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		ds_value_give_to_children(state, replay_children);
		return 0;
	case ARGP_KEY_ARG:
		if (o->recording)
			argp_error(state, "one recording at a time: '%s' is too many", arg);
		o->recording = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->recording)
			argp_error(state, "which recording? Give a FILE, or - for standard input");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_schema(int key, char *arg, struct argp_state *state)
{
	struct ds_options *o = state->input;

	if (key != OPT_MARKDOWN)
		return ds_option_take_known(key, arg, state);
	o->markdown = true;
	return 0;
}

const struct argp ds_argp_trace = {
	.options = trace_options, .parser = parse_trace, .children = trace_children,
	.doc = "Print lost connections, pod phases, verdicts and advice as they happen.",
};

const struct argp ds_argp_replay = {
	.parser = parse_replay, .children = replay_children, .args_doc = "FILE",
	.doc = "Run a recording (FILE, or - for standard input) through the core again.",
};

const struct argp ds_argp_schema = {
	.options = schema_options, .parser = parse_schema,
	.doc = "Print the JSON Schema of the events.",
};

void ds_options_init(struct ds_options *ret_options)
{
	*ret_options = (struct ds_options){
		.print = { .headers = true, .summary = true },
		.settle_ns = 60 * DS_NS_PER_S,
		.tap_max_ns = 900 * DS_NS_PER_S,
		.rate_limit = 100,
		.clock_error_ns = 50 * DS_NS_PER_MS,
		.elb_interval_ns = DS_NS_PER_S,
		.elb_rate = 5,
	};
}

/* What the environment gives too. The words live as long as the process: options borrow them. */
static void add_environment(const struct ds_command *commands, const struct ds_command *command,
			    int *argc, char ***argv, struct ds_options *o)
{
	static struct ds_environment all;
	const struct argp *others[COMMANDS_MAX + 1] = { NULL };
	char fault[256] = "no memory for the environment's options";
	int cnt = 0;

	for (const struct ds_command *c = commands; c->name && cnt < COMMANDS_MAX; c++)
		if (c->environment && c != command)
			others[cnt++] = c->argp;
	if (ds_environment_arguments(&all, command->argp, others, environ, *argc, *argv, fault,
				     sizeof(fault))) {
		ds_log_warn("%s", fault);
		exit(DS_EXIT_USAGE);
	}
	*argc = all.argc;
	*argv = all.argv;
	o->environment_cnt = all.given;
}

/* argp exits by itself on any fault, and after --help. */
static void parse(const struct ds_command *commands, const struct ds_command *command, char *name,
		  int argc, char **argv, struct ds_options *o)
{
	argv[0] = name;
	argp_err_exit_status = DS_EXIT_USAGE;
	if (command->environment)
		add_environment(commands, command, &argc, &argv, o);
	if (command->argp)
		(void)argp_parse(command->argp, argc, argv, 0, NULL, o);
}

static const struct ds_command *named(const struct ds_command *commands, const char *name)
{
	static const char *const synonyms[][2] = {
		{ "--help", "help" }, { "-?", "help" },
		{ "--version", "version" }, { "-V", "version" },
	};

	for (size_t i = 0; i < sizeof(synonyms) / sizeof(synonyms[0]); i++)
		if (!strcmp(name, synonyms[i][0]))
			name = synonyms[i][1];
	for (const struct ds_command *c = commands; c->name; c++)
		if (!strcmp(name, c->name))
			return c;
	return NULL;
}

static _Noreturn void no_such(const struct ds_command *commands, const char *name)
{
	(void)fprintf(stderr, "drainsnoop: no command '%s'. Commands: ", name);
	for (const struct ds_command *c = commands; c->name; c++)
		if (c->does)
			(void)fprintf(stderr, "%s%s", c == commands ? "" : ", ", c->name);
	(void)fputs(". Try `drainsnoop --help`.\n", stderr);
	exit(DS_EXIT_USAGE);
}

const struct ds_command *ds_options_parse(int argc, char **argv, const struct ds_command *commands,
					  struct ds_options *ret_options)
{
	const char *word = argc > 1 ? argv[1] : "";
	const struct ds_command *command = named(commands, word);
	static char name[64] = "drainsnoop";	/* argv has it from here on */

	ds_options_init(ret_options);
	if (!command && word[0] && word[0] != '-')
		no_such(commands, word);
	if (!command) {		/* the first of them needs not be named */
		parse(commands, commands, name, argc, argv, ret_options);
		return commands;
	}
	(void)snprintf(name, sizeof(name), "drainsnoop %s", command->name);
	parse(commands, command, name, argc - 1, argv + 1, ret_options);
	return command;
}
