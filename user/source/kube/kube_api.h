/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One API server: its access (credentials), its connections, its clock. Whatever speaks to
 * Kubernetes asks here; collections are followed by kube_follow.h. Never blocks the loop.
 */
#ifndef DS_SOURCE_KUBE_API_H
#define DS_SOURCE_KUBE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/source/kube/kube_access.h"

struct uv_loop_s;
struct ds_kube_api;

/* Strings are borrowed for the call of done. */
struct ds_kube_reply {
	int status;			/* of HTTP; 0 without an answer */
	const char *fault;		/* NULL, or why there is no (whole) answer; no secret */
	const char *body;		/* NUL-terminated; NULL: streamed, or a fault */
	size_t len;
	int64_t retry_after_ns;		/* of a 429 or 503, for the caller to wait; -1 = not said */
	int64_t clock_offset_ns;	/* server's clock less this one's; 0 = alike, not known */
};

struct ds_kube_call {
	const char *method;		/* GET, POST, PUT, PATCH, DELETE */
	const char *target;		/* path and query, encoded */
	const char *content_type;	/* "application/json", "application/merge-patch+json", ... */
	const char *body;		/* copied; NULL = none */
	size_t len;
	size_t max;			/* of the reply's body, 0 = 1 MiB; more is a fault */
	int64_t timeout_ns;		/* for all of it; 0 = 15 s; -1 = no limit (a watch) */
	int64_t quiet_ns;		/* ends a stream that sent nothing for so long; 0 = never */
	/* A piece of a 2xx body, as it comes; false ends the call. NULL: the reply has the body. */
	bool (*stream)(void *ctx, const char *data, size_t len);
	/* Once, from the loop, never from within ds_kube_call. */
	void (*done)(void *ctx, const struct ds_kube_reply *reply);
	void *ctx;
};

/*
 * Finds the API server and reads how to ask it. 0, or -errno with one line logged: only for what no
 * time mends (a kubeconfig that is wrong); a server that does not answer is no error.
 */
int ds_kube_api_new(struct ds_kube_api **ret_api, struct uv_loop_s *loop,
		    const struct ds_kube_access_options *access);

struct uv_loop_s *ds_kube_api_loop(const struct ds_kube_api *api);

/* For how long a watch may be silent. */
int64_t ds_kube_api_quiet_ns(const struct ds_kube_api *api);

/* Its URL, for messages. */
const char *ds_kube_api_server(const struct ds_kube_api *api);

/*
 * Between what the server's clock less this node's lies, by the dates of all replies; false and 0
 * where they may be the same. Said once in the log where they differ.
 */
bool ds_kube_api_clock(const struct ds_kube_api *api, int64_t *ret_lo_ns, int64_t *ret_hi_ns);

/*
 * One request, with the credentials of that moment; where they are not accepted (401) they are
 * renewed, for all that wait once, and it is made once more. 0, or -ENOMEM and nothing is called.
 */
int ds_kube_call(struct ds_kube_api *api, const struct ds_kube_call *call);

/* Ends all calls that were begun with that ctx, without calling done. */
void ds_kube_cancel(struct ds_kube_api *api, const void *ctx);

/* After all that uses it: ends what is under way without calling done; the loop runs once more. */
void ds_kube_api_free(struct ds_kube_api **api);

#endif
