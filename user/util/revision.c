/* SPDX-License-Identifier: Apache-2.0 */
/* The only file that is compiled anew at a new commit. */
#include "user/util/revision.h"

#include <stddef.h>

#ifndef DS_REVISION
#define DS_REVISION ""
#endif

const char *ds_revision(void)
{
	static const char revision[] = DS_REVISION;

	return sizeof(revision) > 1 ? revision : NULL;
}
