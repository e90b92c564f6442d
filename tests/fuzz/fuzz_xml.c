// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: the XML reader. Paths are told in the order of a walk and within their bounds, texts
 * are well-formed and trimmed, a document type is never accepted, and the same document says the
 * same twice.
 *
 * Built from: user/source/aws/xml.c user/util/wipe.c
 * Packages: expat
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/aws/xml.h"
#include "user/util/hash.h"
#include "user/util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sums {
	uint64_t hash, opened, leaves;
	char path[DS_XML_PATH_MAX];	/* of the element that was opened last */
	uint64_t stop_after;		/* leaves; 0 = never */
};

static void check(bool good)
{
	if (!good)
		abort();
}

static int on_open(void *ctx, const char *path)
{
	struct sums *sums = ctx;
	const char *last = strrchr(path, '/');
	size_t len = strlen(path), parent = (size_t)(last - path);
	unsigned int depth = 0;

	check(path[0] == '/' && len < DS_XML_PATH_MAX);
	for (const char *c = path; *c; c++)
		depth += *c == '/';
	check(depth <= DS_XML_DEPTH_MAX && sums->opened < DS_XML_ELEMENTS_MAX);
	/* Its parent is the one before, or one of that one's parents. */
	check(!strncmp(path, sums->path, parent) &&
	      (sums->path[parent] == '/' || sums->path[parent] == '\0'));
	memcpy(sums->path, path, len + 1);
	sums->hash = sums->hash * 31 + ds_siphash13(1, 2, path, len);
	sums->opened++;
	return 0;
}

static int on_leaf(void *ctx, const char *path, const char *text, size_t len)
{
	struct sums *sums = ctx;

	check(!strcmp(path, sums->path));	/* nothing was opened since */
	check(strlen(text) == len && len <= DS_XML_TEXT_MAX);
	check(!len || (!strchr(" \t\r\n", text[0]) && !strchr(" \t\r\n", text[len - 1])));
	for (size_t at = 0; at < len;) {
		size_t n = ds_utf8_sequence(text + at, len - at);

		check(n > 0);
		at += n;
	}
	sums->hash = sums->hash * 31 + ds_siphash13(1, 2, text, len);
	sums->leaves++;
	return sums->leaves == sums->stop_after ? -ECANCELED : 0;
}

static int read_all(const uint8_t *data, size_t size, struct sums *sums)
{
	const struct ds_xml_reader reader = { .open = on_open, .leaf = on_leaf, .ctx = sums };
	const char *fault;
	int r = ds_xml_read((const char *)data, size, &reader, &fault);

	check(r == 0 || r == -ECANCELED ? !fault : fault && fault[0]);
	check(r == 0 || r == -EBADMSG || r == -E2BIG || r == -ECANCELED);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sums once = { 0 }, twice = { 0 }, stopped = { .stop_after = 1 };
	int r = read_all(data, size, &once);

	check(read_all(data, size, &twice) == r && once.hash == twice.hash);
	check(r != 0 || (once.opened >= once.leaves && once.leaves > 0));
	check(once.leaves == 0 || read_all(data, size, &stopped) == -ECANCELED);
	return 0;
}
