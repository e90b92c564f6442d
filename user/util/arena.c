// SPDX-License-Identifier: Apache-2.0
#include "user/util/arena.h"

#include <stdalign.h>
#include <stdlib.h>

struct ds_arena_chunk {
	size_t live;		/* things in it, and one more while it is the current chunk */
	size_t used, size;	/* bytes of data */
	alignas(max_align_t) unsigned char data[];
};

/* Before each thing: where it belongs. */
struct head {
	alignas(max_align_t) struct ds_arena_chunk *chunk;
};

static void leave(struct ds_arena_chunk *chunk)
{
	if (--chunk->live == 0)
		free(chunk);
}

static struct ds_arena_chunk *new_chunk(size_t need)
{
	size_t size = need > DS_ARENA_CHUNK_BYTES ? need : DS_ARENA_CHUNK_BYTES;
	struct ds_arena_chunk *chunk = malloc(sizeof(*chunk) + size);

	if (!chunk)
		return NULL;
	chunk->live = 1;
	chunk->used = 0;
	chunk->size = size;
	return chunk;
}

void *ds_arena_alloc(struct ds_arena *arena, size_t size)
{
	const size_t mask = alignof(max_align_t) - 1;
	struct ds_arena_chunk *chunk = arena->current;
	struct head *head;
	size_t need;

	if (__builtin_add_overflow(size, sizeof(*head) + mask, &need))
		return NULL;
	need &= ~mask;
	if (!chunk || chunk->size - chunk->used < need) {
		chunk = new_chunk(need);
		if (!chunk)
			return NULL;
		ds_arena_clear(arena);
		arena->current = chunk;
	}
	head = (struct head *)(void *)(chunk->data + chunk->used);
	head->chunk = chunk;
	chunk->used += need;
	chunk->live++;
	return head + 1;
}

void ds_arena_free(struct ds_arena *arena, void *thing)
{
	struct ds_arena_chunk *chunk;

	if (!thing)
		return;
	chunk = ((struct head *)thing - 1)->chunk;
	leave(chunk);
	/* Only the arena holds it any more: its room is free again. */
	if (chunk == arena->current && chunk->live == 1)
		chunk->used = 0;
}

void ds_arena_clear(struct ds_arena *arena)
{
	if (arena->current)
		leave(arena->current);
	arena->current = NULL;
}
