/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: each takes the parsed options and gives the exit status (enum ds_exit). */
#ifndef DS_COMMANDS_H
#define DS_COMMANDS_H

#include "user/options.h"

int ds_command_trace(const struct ds_options *options);
int ds_command_replay(const struct ds_options *options);

#endif
