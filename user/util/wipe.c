// SPDX-License-Identifier: Apache-2.0
/*
 * The length of a block stands before it, so that nothing depends on what malloc knows of it.
 */
#include "user/util/wipe.h"

#include <stdlib.h>
#include <string.h>

#define HEAD sizeof(max_align_t)	/* keeps what follows aligned */

_Static_assert(HEAD >= sizeof(size_t), "the length fits before the block");

static size_t length(const void *block)
{
	size_t len;

	memcpy(&len, (const char *)block - HEAD, sizeof(len));
	return len;
}

void *ds_wipe_calloc(size_t count, size_t len)
{
	size_t bytes, whole;
	char *head;

	if (__builtin_mul_overflow(count, len, &bytes) ||
	    __builtin_add_overflow(bytes, HEAD, &whole))
		return NULL;
	head = calloc(1, whole);
	if (!head)
		return NULL;
	memcpy(head, &bytes, sizeof(bytes));
	return head + HEAD;
}

void *ds_wipe_malloc(size_t len)
{
	size_t whole;
	char *head;

	if (__builtin_add_overflow(len, HEAD, &whole))
		return NULL;
	head = malloc(whole);
	if (!head)
		return NULL;
	memcpy(head, &len, sizeof(len));
	return head + HEAD;
}

void *ds_wipe_realloc(void *block, size_t len)
{
	void *moved = ds_wipe_malloc(len);
	size_t was;

	if (!moved || !block)
		return moved;
	was = length(block);
	memcpy(moved, block, was < len ? was : len);
	ds_wipe_free(block);
	return moved;
}

char *ds_wipe_strdup(const char *text)
{
	size_t len = strlen(text) + 1;
	char *copy = ds_wipe_malloc(len);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

void ds_wipe_free(void *block)
{
	if (!block)
		return;
	explicit_bzero(block, length(block));
	free((char *)block - HEAD);
}

void ds_wipe_string(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}
