/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following a collection of the Kubernetes API: list it, watch it from there, and after whatever
 * goes wrong do the least that makes the knowledge whole again. A machine without I/O and clock:
 * its user makes the requests that it asks for and gives it what comes back. Pure.
 */
#ifndef DS_SOURCE_KUBE_WATCH_H
#define DS_SOURCE_KUBE_WATCH_H

#include <json-c/json.h>

#include "user/source/kube/kube_split.h"

/* A watch that has not failed for so long works, though the server has said nothing yet. */
#define DS_KUBE_SETTLED_NS INT64_C(8000000000)

struct ds_kube_watch;

/* How an object is told: it is there, a watch said that it is gone, or a new list lacks it. */
enum ds_kube_told { DS_KUBE_IS, DS_KUBE_DELETED, DS_KUBE_MISSING };

struct ds_kube_watch_options {
	const char *path;	/* "/api/v1/pods" */
	const char *selector;	/* "fieldSelector=spec.nodeName%3Da", encoded; "" = all */
	const char *what;	/* "pods": for messages */
	const char *right;	/* "list and watch pods": said with a 403; NULL: by verb and what */
	bool optional;		/* the collection need not exist (404): it is empty then */
	const struct ds_kube_keep *keep;
	size_t max;		/* objects that are followed; those above it are counted */
	size_t kept_max;	/* bytes kept of one object; 0 = DS_KUBE_KEPT_MAX */
	uint64_t seed;		/* of the jitter */
	/*
	 * What is known of the object (NULL: it is new) becomes what json says; borrowed. The
	 * answer, owned by the user, is what is known from now on; NULL where json makes no sense:
	 * counted, and nothing has changed.
	 */
	void *(*take)(void *ctx, void *object, json_object *json);
	/* In the order in which things happened; of a list those that are gone first. */
	void (*tell)(void *ctx, void *object, enum ds_kube_told told);
	/* The object is forgotten. */
	void (*drop)(void *ctx, void *object);
	/*
	 * One sentence for the log, once for each kind of trouble, and NULL when it is over, while
	 * ds_kube_watch_blind_ns still tells for how long it lasted.
	 */
	void (*trouble)(void *ctx, const char *what);
	void *ctx;
};

enum ds_kube_step {
	DS_KUBE_LIST,		/* within seconds; the body whole, in pieces */
	DS_KUBE_WATCH,		/* without an end */
};

/* The next request, to be made at at_ns. */
struct ds_kube_request {
	enum ds_kube_step step;
	int64_t at_ns;
	const char *target;	/* path and query; borrowed until the next call of the machine */
};

/* How a request ended. */
struct ds_kube_end {
	int status;		/* of HTTP, 0 without an answer */
	const char *fault;	/* NULL, or why there is no (whole) answer; no secret in it */
	int64_t retry_after_ns;	/* -1 = not said */
	const char *body;	/* of an answer that is not 2xx; may be NULL */
	size_t len;
};

struct ds_kube_watch_stats {
	uint64_t lists, watches, events, bookmarks;
	uint64_t restarts;	/* after the first list: failures, and lists that are asked anew */
	uint64_t bad;		/* pieces that were left out */
	uint64_t over;		/* objects above the bound */
	size_t objects;
	bool synced;		/* a list was taken whole, ever */
	bool absent;		/* there is no such collection; it is looked for each minute */
};

/* Everything in options is copied, but for keep and ctx. 0 or -ENOMEM. */
int ds_kube_watch_new(struct ds_kube_watch **ret_watch,
		      const struct ds_kube_watch_options *options);

/* Forgets every object. NULL is fine. */
void ds_kube_watch_free(struct ds_kube_watch **watch);

/*
 * Before the first request: an object that is known already. It is told as missing where the first
 * list lacks it. Takes it over: dropped, where it cannot be kept.
 */
void ds_kube_watch_know(struct ds_kube_watch *w, const char *uid, void *object);

/* What to do next, and when: at now_ns or later. 0 or -ENOMEM. */
int ds_kube_watch_next(struct ds_kube_watch *w, int64_t now_ns,
		       struct ds_kube_request *ret_request);

/* A piece of the body of a 2xx answer. False: it says enough, end the request. */
bool ds_kube_watch_feed(struct ds_kube_watch *w, const char *data, size_t len, int64_t now_ns);

/* The request has ended, by itself or after false. */
void ds_kube_watch_done(struct ds_kube_watch *w, const struct ds_kube_end *end, int64_t now_ns);

/* The watch that was begun DS_KUBE_SETTLED_NS ago has not failed. */
void ds_kube_watch_settled(struct ds_kube_watch *w);

/*
 * For how long nothing is known of what happens: since the last word before the failure that lasts;
 * 0 = all is well.
 */
int64_t ds_kube_watch_blind_ns(const struct ds_kube_watch *w, int64_t now_ns);

struct ds_kube_watch_stats ds_kube_watch_stats(const struct ds_kube_watch *w);

#endif
