/* SPDX-License-Identifier: Apache-2.0 */
/* The name that Kubernetes has for this node. */
#ifndef DS_NODE_NAME_H
#define DS_NODE_NAME_H

#include <stddef.h>

/*
 * What --node says, else NODE_NAME of the environment, else the host's name in lower case. Into
 * buf, "" where there is none.
 */
void ds_node_name(const char *option, char *buf, size_t size);

#endif
