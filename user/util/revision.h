/* SPDX-License-Identifier: Apache-2.0 */
/* Which commit the program was built from. Pure. */
#ifndef DS_UTIL_REVISION_H
#define DS_UTIL_REVISION_H

/*
 * Its abbreviated hash, with "-dirty" behind it where files differed from it, or what the make
 * variable REVISION said. NULL: not known, as of sources without a repository.
 */
const char *ds_revision(void);

#endif
