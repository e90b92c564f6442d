/* SPDX-License-Identifier: Apache-2.0 */
/* drainsnoop: parses the command line and runs one command. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "user/commands.h"
#include "user/core/event_json.h"
#include "user/util/hash.h"
#include "user/util/log.h"

static int print_schema(const struct ds_options *options)
{
	struct ds_buf buf = { 0 };
	int r;

	if (options->markdown)
		ds_event_docs(&buf);
	else
		ds_event_schema(&buf);
	r = buf.failed || fwrite(buf.data, 1, buf.len, stdout) != buf.len || fflush(stdout);
	ds_buf_free(&buf);
	if (r)
		ds_log_warn("could not write the schema to standard output");
	return r ? DS_EXIT_ERROR : DS_EXIT_OK;
}

/* Strangers choose addresses and ports: without a secret they could choose collisions too. */
static void seed_hashes(void)
{
	uint8_t seed[16];

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		memset(seed, 0, sizeof(seed));	/* no entropy: the tables still work */
	ds_hash_seed(seed);
}

int main(int argc, char **argv)
{
	static struct ds_options options;

	(void)signal(SIGPIPE, SIG_IGN);	/* a closed pipe is told by write() */
	seed_hashes();
	switch (ds_options_parse(argc, argv, &options)) {
	case DS_COMMAND_TRACE:
		ds_log_verbose(options.verbose);
		return ds_command_trace(&options);
	case DS_COMMAND_REPLAY:
		ds_log_verbose(options.verbose);
		return ds_command_replay(&options);
	case DS_COMMAND_SCHEMA:
		return print_schema(&options);
	case DS_COMMAND_VERSION:
		return printf("drainsnoop %s\n", DS_VERSION) < 0 ? DS_EXIT_ERROR : DS_EXIT_OK;
	case DS_COMMAND_HELP:
	case DS_COMMAND_MAX:
		break;
	}
	return DS_EXIT_OK;
}
