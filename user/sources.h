/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sources of a live run, as the options name them: opened in the one order that lets no event
 * be missed, asked for what the core wishes, finished and closed.
 */
#ifndef DS_SOURCES_H
#define DS_SOURCES_H

#include "user/core/core.h"
#include "user/options.h"

struct uv_loop_s;
struct ds_kernel;
struct ds_kube_api;
struct ds_route;
struct ds_sources;

struct ds_sources_options {
	const struct ds_options *options;
	struct uv_loop_s *loop;
	const char *node;	/* as Kubernetes names it */
	/* An event; rank and source_seq are set. Borrowed for the call. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
};

/*
 * Attaches to the kernel and, with --kube, begins to ask the API server; nothing is delivered
 * before the loop turns or the kernel is consumed. Everything is borrowed but the options struct
 * itself. 0, or -errno with one line logged; free *ret_sources in any case.
 */
int ds_sources_new(struct ds_sources **ret_sources, const struct ds_sources_options *options);

/* Reads the routes; then ds_sources_open the rest. 0, or -errno with one line logged. */
int ds_sources_open_route(struct ds_sources *s);
int ds_sources_open(struct ds_sources *s);

/* When the kernel's programs were attached: from then on what they see is evidence. */
int64_t ds_sources_attached_ns(const struct ds_sources *s);

struct ds_kernel *ds_sources_kernel(const struct ds_sources *s);
struct ds_kube_api *ds_sources_kube_api(const struct ds_sources *s);	/* NULL = none */
const struct ds_route *ds_sources_route(const struct ds_sources *s);

/* Whether the first list of the pods was read whole; true where nobody asks for one. */
bool ds_sources_know_pods(const struct ds_sources *s);

/* An event of the state that an earlier run left: before the loop turns. */
void ds_sources_restored(struct ds_sources *s, const struct ds_event *ev);

/* What the core would like. */
void ds_sources_wish(struct ds_sources *s, const struct ds_wish *wish);

/* Sets a tick's counters. */
void ds_sources_count(struct ds_sources *s, struct ds_event *tick);

/* The end of the run: delivers all that there is by now. */
void ds_sources_finish(struct ds_sources *s);

/* Ends what is under way; the loop must run once more, and then ds_sources_free. */
void ds_sources_close(struct ds_sources *s);

/* After the loop has closed. NULL is fine. */
void ds_sources_free(struct ds_sources **sources);

#endif
