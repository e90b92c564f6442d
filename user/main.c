/* SPDX-License-Identifier: Apache-2.0 */
/* drainsnoop: parses the command line and runs one command. */
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "user/commands.h"
#include "user/util/hash.h"
#include "user/util/log.h"

#ifndef DS_REVISION	/* the commit; of all files only this one is compiled anew at another */
#define DS_REVISION ""
#endif

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
	const struct ds_command *command;

	(void)signal(SIGPIPE, SIG_IGN);	/* a closed pipe is told by write() */
	seed_hashes();
	command = ds_options_parse(argc, argv, ds_commands, &options);
	options.revision = DS_REVISION;
	ds_log_verbose(options.verbose);
	return command->run(&options);
}
