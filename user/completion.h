/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts, made from the tables of commands and options. Pure. */
#ifndef DS_COMPLETION_H
#define DS_COMPLETION_H

#include "user/commands.h"
#include "user/util/buf.h"

/* commands: as in commands.h, the first one needs not be named. */
void ds_completion_bash(struct ds_buf *buf, const struct ds_command *commands);
void ds_completion_zsh(struct ds_buf *buf, const struct ds_command *commands);

#endif
