/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of tests that tell random stories: the same everywhere for the same seed. */
#ifndef DS_TESTS_RANDOM_DRAW_H
#define DS_TESTS_RANDOM_DRAW_H

#include <stdbool.h>
#include <stdint.h>

/* The seed; never 0. */
static uint64_t draw_state;

/* xorshift64*: the same stories everywhere. */
static inline uint64_t draw(void)
{
	draw_state ^= draw_state >> 12;
	draw_state ^= draw_state << 25;
	draw_state ^= draw_state >> 27;
	return draw_state * UINT64_C(2685821657736338717);
}

static inline int64_t between(int64_t lo, int64_t hi)
{
	return lo + (int64_t)(draw() % (uint64_t)(hi - lo + 1));
}

static inline bool chance(int percent)
{
	return between(0, 99) < percent;
}

#endif
