/* SPDX-License-Identifier: Apache-2.0 */
/* The kubelet takes the host's name in lower case, unless it is told another. */
#include "user/node_name.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void ds_node_name(const char *option, char *buf, size_t size)
{
	const char *given = option ? option : getenv("NODE_NAME");

	buf[0] = '\0';
	if (given && *given) {
		(void)snprintf(buf, size, "%s", given);
		return;
	}
	if (gethostname(buf, size - 1))
		buf[0] = '\0';
	buf[size - 1] = '\0';
	for (char *p = buf; *p; p++)
		*p = (char)tolower((unsigned char)*p);
}
