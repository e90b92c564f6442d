/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for many small things that go in about the order in which they came: cut from chunks in a
 * row, and a chunk is given back when the last thing in it has gone. A thing that stays keeps its
 * chunk: what may stay long is allocated with malloc instead.
 */
#ifndef DS_UTIL_ARENA_H
#define DS_UTIL_ARENA_H

#include <stddef.h>

#define DS_ARENA_CHUNK_BYTES 65536

struct ds_arena_chunk;

struct ds_arena {
	struct ds_arena_chunk *current;		/* NULL = none yet: a zeroed arena is ready */
};

/* size bytes aligned for anything, NULL without memory. A larger thing has a chunk of its own. */
void *ds_arena_alloc(struct ds_arena *arena, size_t size);

/* Gives one of its things back. NULL is accepted. */
void ds_arena_free(struct ds_arena *arena, void *thing);

/* Gives back what the arena holds itself. Things that still live keep their chunks. */
void ds_arena_clear(struct ds_arena *arena);

#endif
