/* SPDX-License-Identifier: Apache-2.0 */
/* A part of handover_text.h that agents need too. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/source/cluster/handover_text.h"

#define BEGIN "drainsnoop-targets-"
#define KEPT 200	/* of a name that is too long */

static uint64_t fnv1a(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

/* Only what may stand in a name: from a node's, nothing else is known to come. */
static void keep_legal(char *name)
{
	for (char *p = name; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '-' &&
		    *p != '.')
			*p = '-';
}

void ds_handover_name(const char *node, char ret_name[DS_HANDOVER_NAME_MAX + 1])
{
	if (strlen(BEGIN) + strlen(node) <= DS_HANDOVER_NAME_MAX) {
		(void)snprintf(ret_name, DS_HANDOVER_NAME_MAX + 1, BEGIN "%s", node);
		keep_legal(ret_name);
		return;
	}
	(void)snprintf(ret_name, DS_HANDOVER_NAME_MAX + 1, BEGIN "%.*s", KEPT - (int)strlen(BEGIN),
		       node);
	keep_legal(ret_name);
	if (ret_name[KEPT - 1] == '.')
		ret_name[KEPT - 1] = '-';	/* a dash follows, which may not begin a part */
	(void)snprintf(ret_name + strlen(ret_name), 18, "-%016" PRIx64, fnv1a(node));
}
