/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts what a Kubernetes API server sends into JSON objects: every event of a watch, every item of
 * a list as it comes, and the list without its items. Only the members that somebody reads are
 * copied, so that an object of megabytes costs the memory of what is kept of it. Pure.
 */
#ifndef DS_SOURCE_KUBE_SPLIT_H
#define DS_SOURCE_KUBE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_KUBE_KEPT_MAX 262144	/* bytes kept of one object */
#define DS_KUBE_KEY_MAX 320	/* a longer key is not kept; a label's has 253 + 1 + 63 at most */
#define DS_KUBE_DEPTH_MAX 24	/* what is deeper becomes null */

/*
 * A member that is kept: its key, and the key under which its object stands (lists in between do
 * not count). "" = at the top; what an event of a watch carries, and the items of a list, stand
 * under "object". A member whose value is an object is kept with those of its members that the
 * table names. The key "*" stands for all of its members (labels, annotations), those that are
 * objects with nothing in them; a row of the member's own goes before it. The table ends with a
 * parent of NULL.
 */
struct ds_kube_keep {
	const char *parent, *key;
};

/* What tells events and lists: in every table. */
#define DS_KUBE_KEEP_COMMON \
	{ "", "type" }, { "", "object" }, { "", "kind" }, { "", "metadata" }, { "", "items" }, \
		{ "object", "kind" }, { "object", "code" }, { "object", "message" }, \
		{ "object", "metadata" }, { "metadata", "resourceVersion" }, \
		{ "metadata", "continue" }

enum ds_kube_piece { DS_KUBE_PIECE_OBJECT, DS_KUBE_PIECE_ITEM };

struct ds_kube_split_frame {
	const char *name;	/* key under which it stands: of the table */
	bool is_object;
	bool some;		/* a member or an element was written */
	bool items;		/* the list of a list: each element is a piece */
};

struct ds_kube_split {
	const struct ds_kube_keep *keep;
	/* One piece of JSON, NUL-terminated, borrowed for the call. */
	void (*piece)(void *ctx, enum ds_kube_piece kind, const char *json, size_t len);
	/* An object was left out: what is wrong with it. */
	void (*fault)(void *ctx, const char *what);
	void *ctx;
	size_t max;		/* bytes kept of one object; 0 = DS_KUBE_KEPT_MAX */
	/* the rest is its own: zero at first */
	struct ds_buf buf;
	struct ds_kube_split_frame frames[DS_KUBE_DEPTH_MAX];
	int depth, state;
	const char *kept;	/* key of the member at hand, of the table; NULL = it is not kept */
	char key[DS_KUBE_KEY_MAX];
	size_t key_len;
	int64_t skip_depth;	/* of brackets that are open in what is not kept */
	size_t item_at;		/* where the item at hand begins in buf */
	bool escaped, over, broken;
};

/* False: this is no JSON. Nothing more is read of this stream. */
bool ds_kube_split_feed(struct ds_kube_split *s, const char *data, size_t len);

/* The end of the stream; usable again. False where it ended within an object, or was no JSON. */
bool ds_kube_split_end(struct ds_kube_split *s);

void ds_kube_split_free(struct ds_kube_split *s);

#endif
