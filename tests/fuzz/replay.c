// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target without libFuzzer (gcc, or a clang without its runtime):
 * PROGRAM ROUNDS FILE... feeds each file, then each ROUNDS times with random damage. The random
 * numbers are the same in every run.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);	/* so that a sanitizer sees a read beyond it */

	if (!copy)
		abort();
	memcpy(copy, data, size);
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* Bytes changed, a block doubled or left out, the end cut off. */
static size_t damage(uint8_t *data, size_t size)
{
	for (int n = rand() % 5; n >= 0 && size > 0; n--) {
		size_t at = (size_t)rand() % size, len = (size_t)rand() % (size - at) + 1;

		switch (rand() % 8) {
		case 0:
			size = at;
			break;
		case 1:
			memmove(data + at, data + at + len, size - at - len);
			size -= len;
			break;
		case 2:
			if (size + len <= MAX_BYTES) {
				memmove(data + at + len, data + at, size - at);
				size += len;
			}
			break;
		default:
			data[at] = (uint8_t)rand();
			break;
		}
	}
	return size;
}

int main(int argc, char **argv)
{
	static uint8_t original[MAX_BYTES], data[MAX_BYTES];
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
	long fed = 0;

	srand(1);
	for (int i = 2; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t size;

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		size = fread(original, 1, sizeof(original), f);
		(void)fclose(f);	/* read only */
		feed(original, size);
		for (long r = 0; r < rounds; r++, fed++) {
			memcpy(data, original, size);
			feed(data, damage(data, size));
		}
	}
	printf("%s: %ld inputs, no fault\n", argv[0], fed);
	return 0;
}
