/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory in which secrets may stand: an allocator for libraries that copy what they are given
 * (libcurl, expat), whose blocks are zeroed before they are freed. The same contracts as libc's;
 * blocks of the one and of the other may not be mixed.
 */
#ifndef DS_SOURCE_WIPE_H
#define DS_SOURCE_WIPE_H

#include <stddef.h>

void *ds_wipe_malloc(size_t len);
void *ds_wipe_calloc(size_t count, size_t len);
void *ds_wipe_realloc(void *block, size_t len);
char *ds_wipe_strdup(const char *text);
void ds_wipe_free(void *block);

/* Zeroes and frees a string of libc's malloc, and sets it to NULL; *text may be NULL. */
void ds_wipe_string(char **text);

#endif
