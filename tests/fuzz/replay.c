// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a fuzz target without libFuzzer (gcc, or a clang without its runtime):
 * PROGRAM SECONDS SEED FILE... feeds each file, then for so long the files in turn with random
 * damage. The same seed gives the same random numbers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_BYTES 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1); /* so that a sanitizer sees a read beyond it */

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

static int read_file(const char *name, uint8_t *data, size_t *ret_size)
{
	FILE *f = fopen(name, "rb");

	if (!f) {
		perror(name);
		return -1;
	}
	*ret_size = fread(data, 1, MAX_BYTES, f);
	(void)fclose(f);	/* read only */
	return 0;
}

int main(int argc, char **argv)
{
	static uint8_t data[MAX_BYTES];
	time_t end = time(NULL) + (argc > 1 ? strtol(argv[1], NULL, 10) : 0);
	long fed = 0;
	size_t size;

	srand(argc > 2 ? (unsigned int)strtoul(argv[2], NULL, 10) : 1);
	for (int i = 3; i < argc; i++, fed++) {
		if (read_file(argv[i], data, &size) < 0)
			return 1;
		feed(data, size);
	}
	while (argc > 3 && time(NULL) < end) {
		if (read_file(argv[3 + fed++ % (argc - 3)], data, &size) < 0)
			return 1;
		feed(data, damage(data, size));
	}
	printf("%s: %ld inputs, no fault\n", argv[0], fed);
	return 0;
}
