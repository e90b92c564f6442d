/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/handover/handover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "user/core/merge.h"
#include "user/source/cluster/handover_text.h"
#include "user/source/handover/handover_read.h"
#include "user/source/kube/kube_api.h"
#include "user/source/kube/kube_follow.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/percent.h"

/* What its JSON may take: quotes of the lines are escaped in it, and there is some metadata. */
#define OBJECT_MAX (2 * DS_HANDOVER_TEXT_MAX)

static const struct ds_kube_keep keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "metadata", "uid" },
	{ "object", "data" },
	{ "data", DS_HANDOVER_KEY },
	{ NULL, NULL },
};

struct ds_handover {
	struct ds_handover_options options;
	char *namespace_, *node;
	struct ds_kube_follow *follow;
	struct ds_handover_reader *reader;
	uint64_t seq;
	bool said_bad, said_over;
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_handover *h = ctx;

	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = ++h->seq;
	h->options.deliver(h->options.ctx, ev);
}

static void on_fault(void *ctx, size_t line, const char *what)
{
	struct ds_handover *h = ctx;

	if (!h->said_bad)
		ds_log_warn("what targets hands over to this node: line %zu: %s; such lines are left out",
			    line, what);
	h->said_bad = true;
}

/* An object of that name: at most one at a time, and the one before it. */
struct seen {
	json_object *json;	/* as it was read last, until it is told */
};

static void *take(void *ctx, void *object, json_object *json)
{
	struct seen *seen = object ? object : calloc(1, sizeof(*seen));

	(void)ctx;
	if (!seen)
		return NULL;
	json_object_put(seen->json);
	seen->json = json_object_get(json);
	return seen;
}

static void tell(void *ctx, void *object, enum ds_kube_told told)
{
	struct ds_handover *h = ctx;
	struct seen *seen = object;

	if (told == DS_KUBE_IS && seen->json)
		ds_handover_reader_object(h->reader, seen->json, ds_clock_ns(CLOCK_REALTIME));
	json_object_put(seen->json);
	seen->json = NULL;
	if (ds_handover_reader_stats(h->reader).over && !h->said_over) {
		ds_log_warn("what targets hands over to this node is too long; the rest is left out");
		h->said_over = true;
	}
}

static void drop(void *ctx, void *object)
{
	struct seen *seen = object;

	(void)ctx;
	json_object_put(seen->json);
	free(seen);
}

/* What was told before stays known; what was missed is delivered, if it is still there. */
static void trouble(void *ctx, const char *what)
{
	struct ds_handover *h = ctx;

	if (what) {
		ds_log_warn("%s; trying again. Until then target states are not known here", what);
		return;
	}
	ds_log_warn("what targets hands over can be read again");
	ds_handover_reader_blind(h->reader, ds_kube_follow_blind_ns(h->follow),
				 ds_clock_ns(CLOCK_REALTIME));
}

static int make_follow(struct ds_handover *h, struct ds_kube_api *api)
{
	size_t len = strlen(h->namespace_);
	char name[DS_HANDOVER_NAME_MAX + 1], encoded[3 * DS_HANDOVER_NAME_MAX + 1];
	ds_autofree char *path = NULL, *selector = NULL, *right = NULL;
	struct ds_kube_follow_options o = {
		.watch = { .what = "its own ConfigMap", .keep = keep, .kept_max = OBJECT_MAX,
			   .max = 2, .take = take, .tell = tell, .drop = drop,
			   .trouble = trouble, .ctx = h },
	};

	if (!len || len > DS_HANDOVER_NAME_MAX)
		return ds_log_err(EINVAL, "'%s' is no name of a namespace", h->namespace_);
	*ds_percent_encode(encoded, h->namespace_, len) = '\0';
	ds_handover_name(h->node, name);
	if (asprintf(&path, "/api/v1/namespaces/%s/configmaps", encoded) < 0)
		path = NULL;
	if (asprintf(&selector, "fieldSelector=metadata.name%%3D%s", name) < 0)
		selector = NULL;
	if (asprintf(&right, "list and watch configmaps in namespace %s", h->namespace_) < 0)
		right = NULL;
	if (!path || !selector || !right)
		return ds_log_err(ENOMEM, "follow what targets hands over");
	o.watch.path = path;
	o.watch.selector = selector;
	o.watch.right = right;
	return ds_kube_follow_new(&h->follow, api, &o);
}

int ds_handover_new(struct ds_handover **ret_handover, struct ds_kube_api *api,
		    const struct ds_handover_options *options)
{
	ds_cleanup(ds_handover_free) struct ds_handover *h = calloc(1, sizeof(*h));
	struct ds_handover_read_options ro = { .deliver = deliver, .fault = on_fault, .ctx = h };
	int r;

	if (!h)
		return ds_log_err(ENOMEM, "follow what targets hands over");
	h->options = *options;
	h->namespace_ = strdup(options->namespace_);
	h->node = strdup(options->node);
	if (getrandom(&ro.seed, sizeof(ro.seed), 0) < 0)
		ro.seed = (uint64_t)ds_clock_ns(CLOCK_MONOTONIC);	/* no entropy */
	if (!h->namespace_ || !h->node || ds_handover_reader_new(&h->reader, &ro))
		return ds_log_err(ENOMEM, "follow what targets hands over");
	r = make_follow(h, api);
	if (r)
		return r;
	*ret_handover = DS_TAKE(h);
	return 0;
}

void ds_handover_free(struct ds_handover **handover)
{
	struct ds_handover *h = handover ? *handover : NULL;

	if (!h)
		return;
	ds_kube_follow_free(&h->follow);
	ds_handover_reader_free(&h->reader);
	free(h->namespace_);
	free(h->node);
	free(DS_TAKE(*handover));
}
