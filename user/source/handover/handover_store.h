/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the ConfigMaps of the hand-over as its text (handover_text.h) has them: made, replaced,
 * taken away; each at most once a second, and once in ten where nothing of it is urgent. A machine
 * without I/O and clock: its user makes the requests that it asks for and gives it what comes back.
 * Pure.
 *
 * An object is owned by its Node, so that it goes with it: the node's UID is asked for once. Where
 * the right to do so is missing, or the node, it has no owner.
 *
 * It begins with what there is, as an instance that led before may have left it. From then on only
 * this one writes; the versions that it names in each request say when that is not so (409), and
 * then it looks again and writes what it knows.
 */
#ifndef DS_SOURCE_HANDOVER_STORE_H
#define DS_SOURCE_HANDOVER_STORE_H

#include "user/source/cluster/handover_text.h"

#define DS_HANDOVER_ASKS_MAX 4	/* that are under way at once */

struct ds_handover_store;

enum ds_handover_step { DS_HANDOVER_LIST, DS_HANDOVER_NODE, DS_HANDOVER_LOOK,
	DS_HANDOVER_CREATE, DS_HANDOVER_UPDATE, DS_HANDOVER_DELETE };

struct ds_handover_store_options {
	const char *namespace_;		/* of the objects; copied */
	struct ds_handover_text *text;	/* borrowed; empty at first */
	uint64_t seed;			/* of the jitter */
	/* What there is has been read, or could not be: from now on the text may be fed. Once. */
	void (*ready)(void *ctx);
	/* One sentence for the log, once for each kind of trouble; NULL when it is over. */
	void (*trouble)(void *ctx, const char *what);
	void *ctx;
};

struct ds_handover_ask {
	enum ds_handover_step step;
	const char *method;
	const char *target;	/* path and query; borrowed until the next call of the machine */
	const char *body;	/* NULL = none; borrowed alike */
	size_t len;
	void *subject;		/* its own */
};

/* What came back. */
struct ds_handover_came {
	int status;		/* of HTTP, 0 = nothing, and fault says why */
	const char *fault;
	const char *body;	/* may be NULL */
	size_t len;
	int64_t retry_after_ns;	/* -1 = not said */
};

struct ds_handover_store_stats {
	uint64_t writes;	/* objects that were made, replaced or taken away */
	uint64_t failed;	/* requests that came to nothing */
	size_t objects;		/* that there are now */
};

/* 0 or -ENOMEM. */
int ds_handover_store_new(struct ds_handover_store **ret_store,
			  const struct ds_handover_store_options *options);
void ds_handover_store_free(struct ds_handover_store **store);

/*
 * The next request, which counts as sent; false: none is due. Each must be answered. Asked about
 * four times a second, and after each answer; now_ns is wall clock time, as in the text.
 */
bool ds_handover_store_next(struct ds_handover_store *s, int64_t now_ns,
			    struct ds_handover_ask *ret_ask);

/* The answer to a request: step and subject of the ask are looked at. */
void ds_handover_store_answer(struct ds_handover_store *s, const struct ds_handover_ask *ask,
			      const struct ds_handover_came *came, int64_t now_ns);

struct ds_handover_store_stats ds_handover_store_stats(const struct ds_handover_store *s);

#endif
