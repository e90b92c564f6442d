// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: cutting the API server's streams into objects. However the stream is cut into blocks
 * the same comes out; what json-c takes for one object is one, and each piece of it is JSON.
 *
 * Built from: user/source/kube/kube_split.c
 * Packages: json-c
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_split.h"
#include "user/util/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct ds_kube_keep keep[] = {
	DS_KUBE_KEEP_COMMON, { "object", "spec" }, { "metadata", "name" },
	{ "spec", "list" },  { "list", "list" },   { "metadata", "labels" },
	{ "labels", "*" },   { NULL, NULL },
};

struct sums {
	uint64_t hash, pieces, faults;
	bool ended, strict;
};

static json_object *parse(const char *text, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(DS_KUBE_DEPTH_MAX);
	json_object *object;

	if (!tokener)
		abort();
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	if (object && (json_tokener_get_parse_end(tokener) != len ||
		       !json_object_is_type(object, json_type_object))) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

static void piece(void *ctx, enum ds_kube_piece kind, const char *json, size_t len)
{
	struct sums *sums = ctx;

	if (strnlen(json, len + 1) > len || json[len] || len > DS_KUBE_KEPT_MAX)
		abort();
	sums->hash = sums->hash * 31 + ds_siphash13(1, (uint64_t)kind, json, len);
	sums->pieces++;
	if (sums->strict && kind == DS_KUBE_PIECE_OBJECT) {
		json_object *object = parse(json, len);

		if (!object)
			abort();
		json_object_put(object);
	}
}

static void fault(void *ctx, const char *what)
{
	struct sums *sums = ctx;

	sums->faults += what[0] != '\0';
}

static struct sums run(const uint8_t *data, size_t size, size_t block, bool strict)
{
	struct sums sums = { .strict = strict };
	struct ds_kube_split s = { .keep = keep, .piece = piece, .fault = fault, .ctx = &sums };

	for (size_t at = 0; at < size; at += block)
		(void)ds_kube_split_feed(&s, (const char *)data + at,
					 size - at < block ? size - at : block);
	sums.ended = ds_kube_split_end(&s);
	ds_kube_split_free(&s);
	return sums;
}

/* json-c takes a NUL for the end, and two words for numbers that JSON does not have. */
static bool is_beyond_json(const uint8_t *data, size_t size)
{
	return memchr(data, 0, size) || memmem(data, size, "NaN", 3) ||
	       memmem(data, size, "Infinity", 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_object *object = is_beyond_json(data, size) ? NULL : parse((const char *)data, size);
	struct sums whole = run(data, size, 65536, object != NULL),
		    parts = run(data, size, 3, false);

	if (whole.hash != parts.hash || whole.pieces != parts.pieces ||
	    whole.faults != parts.faults || whole.ended != parts.ended)
		abort();
	if (object && (!whole.ended || !whole.pieces))
		abort();
	json_object_put(object);
	return 0;
}
