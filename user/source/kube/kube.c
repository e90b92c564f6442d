/* SPDX-License-Identifier: Apache-2.0 */
/* Pods that are followed, and told by this node's clock. */
#include "user/source/kube/kube.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/merge.h"
#include "user/source/kube/kube_follow.h"
#include "user/source/kube/kube_pod.h"
#include "user/source/kube/kube_pods.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define PODS_MAX 4096 /* of a node; Kubernetes means 110, some allow 1000 */

struct ds_kube {
	struct ds_kube_options options;
	char *node;
	struct ds_kube_follow *follow;
	struct ds_kube_pods pods;
	uint64_t seq;
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_kube *k = ctx;

	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = ++k->seq;
	k->options.deliver(k->options.ctx, ev);
}

static void *take(void *ctx, void *object, json_object *json)
{
	struct ds_kube *k = ctx;

	k->pods.now_ns = ds_clock_ns(CLOCK_REALTIME);
	return ds_kube_pods_take(&k->pods, object, json);
}

static void tell(void *ctx, void *object, enum ds_kube_told told)
{
	struct ds_kube *k = ctx;

	k->pods.now_ns = ds_clock_ns(CLOCK_REALTIME);
	(void)ds_kube_api_clock(k->options.api, &k->pods.clock_lo_ns, &k->pods.clock_hi_ns);
	ds_kube_pods_tell(&k->pods, object, told);
}

/* The first list was told. */
static void synced(void *ctx)
{
	struct ds_kube *k = ctx;
	size_t pods = ds_kube_follow_stats(k->follow).objects;

	ds_log_info("%zu pods of node %s, from %s", pods, k->node,
		    ds_kube_api_server(k->options.api));
	if (!pods)
		ds_log_warn("the API server knows no pod of node %s; is that its name? (--node)",
			    k->node);
}

void ds_kube_restored(struct ds_kube *k, const struct ds_event *ev)
{
	void *pod = ds_kube_pods_restored(ev);

	if (pod)
		ds_kube_follow_know(k->follow, ev->pod_uid, pod);
}

bool ds_kube_is_synced(const struct ds_kube *k)
{
	return ds_kube_follow_stats(k->follow).synced;
}

void ds_kube_count(struct ds_kube *k, struct ds_event *tick)
{
	int64_t blind_ns = ds_kube_follow_blind_ns(k->follow);

	DS_SET(tick, WATCH_RESTARTS, watch_restarts,
	       (int64_t)ds_kube_follow_stats(k->follow).restarts);
	DS_SET(tick, WATCH_LAG, watch_lag, blind_ns > k->pods.late_ns ? blind_ns : k->pods.late_ns);
	k->pods.late_ns = 0;
}

/* ---- setting up ---- */

/* A node's name as Kubernetes has it: an RFC 1123 subdomain. */
static bool is_node_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > DS_KUBE_NAME_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '-' && name[i] != '.')
			return false;
	return true;
}

static int follow(struct ds_kube *k)
{
	char selector[DS_KUBE_NAME_LEN + 64];
	struct ds_kube_follow_options fo = {
		.watch = {
			.path = "/api/v1/pods",
			.selector = selector,
			.what = "pods",
			.right = "list and watch pods",
			.keep = ds_kube_pod_keep,
			.max = PODS_MAX,
			.take = take,
			.tell = tell,
			.drop = ds_kube_pods_drop,
			.ctx = k,
		},
		.synced = synced,
	};

	(void)snprintf(selector, sizeof(selector), "fieldSelector=spec.nodeName%%3D%s", k->node);
	return ds_kube_follow_new(&k->follow, k->options.api, &fo);
}

int ds_kube_new(struct ds_kube **ret_kube, const struct ds_kube_options *options)
{
	struct ds_kube *k;
	int r;

	if (!is_node_name(options->node))
		return ds_log_err(EINVAL, "'%s' is no name of a node", options->node);
	k = calloc(1, sizeof(*k));
	if (!k)
		return ds_log_err(ENOMEM, "ask the API server");
	k->options = *options;
	k->node = strdup(options->node);
	k->pods = (struct ds_kube_pods){ .deliver = deliver, .ctx = k, .node = k->node };
	r = k->node ? follow(k) : ds_log_err(ENOMEM, "ask the API server");
	if (r) {
		ds_kube_free(&k);
		return r;
	}
	*ret_kube = k;
	return 0;
}

void ds_kube_free(struct ds_kube **kube)
{
	struct ds_kube *k = kube ? *kube : NULL;

	if (!k)
		return;
	*kube = NULL;
	ds_kube_follow_free(&k->follow);
	free(k->node);
	free(k);
}
