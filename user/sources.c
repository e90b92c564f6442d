/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/opening.h"
#include "user/core/merge.h"
#include "user/source/elb/elb.h"
#include "user/source/events/events.h"
#include "user/source/handover/handover.h"
#include "user/source/kernel/kernel.h"
#include "user/source/kube/kube.h"
#include "user/source/route/route.h"
#include "user/source/targets/targets.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define CONSUME_BUDGET 65536

struct ds_sources {
	struct ds_sources_options options;
	int netns_fd;			/* -1 = our own */
	struct ds_kernel *kernel;
	struct ds_route *route;
	struct ds_events *events[DS_OPTION_LIST_MAX];
	struct ds_targets_source *targets[DS_OPTION_LIST_MAX];
	uint64_t targets_seq;		/* of all sources of target states */
	struct ds_kube_api *kube_api;	/* NULL = nobody asked for it */
	struct ds_kube *kube;
	struct ds_handover *handover;	/* NULL = nobody asked for it */
	struct ds_elb *elb;		/* the same */
	uint64_t own_seq;		/* of events that are made here */
	bool names_pods;		/* somebody tells who the pods are */
	int64_t attached_ns;
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_sources *s = ctx;

	s->options.deliver(s->options.ctx, ev);
}

static void deliver_own(struct ds_sources *s, struct ds_event *ev)
{
	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = ++s->own_seq;
	deliver(s, ev);
}

/* Where nobody names the pods every address that the node routes to a pod is a pod. */
static void deliver_route(void *ctx, struct ds_event *ev)
{
	struct ds_sources *s = ctx;
	struct ds_event pod;

	deliver(s, ev);
	if (s->names_pods || ev->kind != DS_EVENT_ROUTE ||
	    ev->route_change != DS_ROUTE_CHANGE_ASSIGNED)
		return;
	ds_event_init(&pod, DS_EVENT_POD_STATE, ev->time_ns);
	DS_SET_STR(&pod, POD_ADDRESSES, pod_addresses, ev->address);
	deliver_own(s, &pod);
}

static void on_iface(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind)
{
	struct ds_sources *s = ctx;

	if (s->kernel)
		ds_kernel_set_iface(s->kernel, ifindex, name, kind);
}

/* ---- opening ---- */

static int open_netns(struct ds_sources *s)
{
	const char *path = s->options.options->netns;

	if (!path)
		return 0;
	s->netns_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (s->netns_fd < 0)
		return ds_log_err(errno, "open the network namespace %s (as in /run/netns/NAME)",
				  path);
	return 0;
}

static int open_kernel(struct ds_sources *s)
{
	struct ds_kernel_options ko = { .netns_fd = s->netns_fd, .deliver = deliver, .ctx = s };
	int r = ds_kernel_may_trace();

	if (r) {
		ds_log_warn("tracing needs CAP_BPF and CAP_PERFMON; this process has not both. "
			    "Run it as root, with sudo for example; `drainsnoop doctor` says what is "
			    "missing.");
		return r;
	}
	r = ds_kernel_new(&s->kernel, &ko);
	if (r)
		ds_log_warn("`drainsnoop doctor` says what stands in the way, and how to mend it");
	s->attached_ns = ds_clock_ns(CLOCK_REALTIME);
	return r;
}

static int open_kube(struct ds_sources *s)
{
	const struct ds_options *o = s->options.options;
	struct ds_kube_access_options ao = { .quiet_ns = o->kube_quiet_ns,
					     .api = o->kube_api, .kubeconfig = o->kubeconfig,
					     .context = o->context };
	struct ds_kube_options ko = { .node = s->options.node, .deliver = deliver, .ctx = s };
	int r = o->kube ? ds_kube_api_new(&s->kube_api, s->options.loop, &ao) : 0;

	ko.api = s->kube_api;
	return r || !o->kube ? r : ds_kube_new(&s->kube, &ko);
}

/* What `drainsnoop targets` knows of this node's targets. */
static int open_handover(struct ds_sources *s)
{
	struct ds_handover_options ho = { .namespace_ = s->options.options->config_namespace,
					  .node = s->options.node, .deliver = deliver,
					  .ctx = s };

	return s->kube_api && ho.namespace_ ? ds_handover_new(&s->handover, s->kube_api, &ho) : 0;
}

int ds_sources_new(struct ds_sources **ret_sources, const struct ds_sources_options *options)
{
	const struct ds_options *o = options->options;
	struct ds_sources *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return ds_log_err(ENOMEM, "open the sources");
	s->options = *options;
	s->netns_fd = -1;
	s->names_pods = o->events_cnt || o->pod_ips_cnt || o->kube;
	*ret_sources = s;
	r = open_netns(s);
	r = r ? r : open_kernel(s);
	return r ? r : open_kube(s);
}

int ds_sources_open_route(struct ds_sources *s)
{
	struct ds_route_options ro = { .netns_fd = s->netns_fd, .deliver = deliver_route,
				       .on_iface = on_iface, .ctx = s };

	return ds_route_new(&s->route, s->options.loop, &ro);
}

/* What the command line names. */
static void deliver_named(struct ds_sources *s)
{
	const struct ds_options *o = s->options.options;
	int64_t since_ns = s->attached_ns;
	struct ds_opening_room room;
	struct ds_event ev;

	for (int i = 0; i < o->lbs_cnt; i++) {
		ds_opening_balancer(o->lbs[i], since_ns, &ev);
		deliver_own(s, &ev);
	}
	for (int i = 0; i < o->pod_ips_cnt; i++) {
		ds_opening_pod(o->pod_ips[i], since_ns, &room, &ev);
		deliver_own(s, &ev);
	}
}

/* Only where it was asked for: no credentials are looked for without it. */
static int open_elb(struct ds_sources *s)
{
	const struct ds_options *o = s->options.options;
	struct ds_elb_options eo = {
		.deliver = deliver, .ctx = s, .seq = &s->targets_seq,
		.groups = o->target_groups, .groups_cnt = o->target_groups_cnt,
		.interval_ns = o->elb_interval_ns, .rate = o->elb_rate,
		.addresses = o->elb_addresses,
	};

	return o->elb ? ds_elb_new(&s->elb, s->options.loop, &eo) : 0;
}

int ds_sources_open(struct ds_sources *s)
{
	struct ds_events_options eo = { .deliver = deliver, .ctx = s };
	const struct ds_options *o = s->options.options;
	struct ds_targets_options to = { .deliver = deliver, .ctx = s, .follow = o->follow,
					 .seq = &s->targets_seq,
					 .clock_error_ns = o->clock_error_ns };
	int r = 0;

	deliver_named(s);
	for (int i = 0; i < o->events_cnt && !r; i++)
		r = ds_events_new(&s->events[i], s->options.loop, o->events[i], &eo);
	for (int i = 0; i < o->targets_cnt && !r; i++)
		r = ds_targets_source_new(&s->targets[i], s->options.loop, o->targets[i], &to);
	r = r ? r : open_elb(s);
	r = r ? r : open_handover(s);
	if (r)
		return r;
	r = ds_kernel_find_listeners(s->kernel);
	if (r)
		ds_log_info("listeners that exist already were not found (%s), "
			    "continuing without them", strerror(-r));
	return 0;
}

/* ---- while it runs ---- */

int64_t ds_sources_attached_ns(const struct ds_sources *s)
{
	return s->attached_ns;
}

struct ds_kernel *ds_sources_kernel(const struct ds_sources *s)
{
	return s->kernel;
}

struct ds_kube_api *ds_sources_kube_api(const struct ds_sources *s)
{
	return s->kube_api;
}

const struct ds_route *ds_sources_route(const struct ds_sources *s)
{
	return s->route;
}

bool ds_sources_know_pods(const struct ds_sources *s)
{
	return !s->kube || ds_kube_is_synced(s->kube);
}

void ds_sources_restored(struct ds_sources *s, const struct ds_event *ev)
{
	if (s->kube)
		ds_kube_restored(s->kube, ev);
}

void ds_sources_wish(struct ds_sources *s, const struct ds_wish *w)
{
	char text[DS_ADDR_STRLEN];
	int r = 0;

	switch (w->kind) {
	case DS_WISH_WATCH:
		r = ds_kernel_watch(s->kernel, &w->addr, w->watch_flags);
		break;
	case DS_WISH_UNWATCH:
		r = ds_kernel_unwatch(s->kernel, &w->addr);
		break;
	case DS_WISH_TAP:
		(void)ds_kernel_tap(s->kernel, w->tap_on || ds_kernel_needs_tap(s->kernel));
		return;
	case DS_WISH_POLL:
		if (s->elb)
			ds_elb_watch(s->elb, w->group, &w->addr, w->port);
		return;
	case DS_WISH_UNPOLL:
		if (s->elb)
			ds_elb_unwatch(s->elb, &w->addr);
		return;
	}
	if (r && r != -ENOENT) {
		(void)ds_addr_format(&w->addr, text);
		(void)ds_log_err(r, "watch %s, continuing without it", text);
	}
}

void ds_sources_count(struct ds_sources *s, struct ds_event *tick)
{
	DS_SET(tick, PROBES_ATTACHED_COUNT, probes_attached_count,
	       ds_kernel_attached_count(s->kernel));
	DS_SET(tick, PROBES_MISSING_COUNT, probes_missing_count,
	       ds_kernel_missing_count(s->kernel));
	DS_SET(tick, TAP_ON, tap_on, ds_kernel_tap_is_on(s->kernel));
	DS_SET(tick, TAP_ON_MS, tap_on_ms, ds_kernel_tap_on_ns(s->kernel));
	if (s->kube)
		ds_kube_count(s->kube, tick);
	if (s->elb)
		ds_elb_count(s->elb, tick);
}

/* ---- ending ---- */

void ds_sources_finish(struct ds_sources *s)
{
	while (ds_kernel_consume(s->kernel, CONSUME_BUDGET) == CONSUME_BUDGET)
		;
	ds_kernel_tick(s->kernel);
	ds_route_finish(s->route);
	for (int i = 0; i < s->options.options->events_cnt; i++)
		ds_events_finish(s->events[i]);
	for (int i = 0; i < s->options.options->targets_cnt; i++)
		ds_targets_source_finish(s->targets[i]);
}

void ds_sources_close(struct ds_sources *s)
{
	for (int i = 0; i < s->options.options->events_cnt; i++)
		ds_events_free(&s->events[i]);
	for (int i = 0; i < s->options.options->targets_cnt; i++)
		ds_targets_source_free(&s->targets[i]);
	ds_handover_free(&s->handover);
	ds_kube_free(&s->kube);
	ds_kube_api_free(&s->kube_api);
	ds_elb_free(&s->elb);
	ds_route_free(&s->route);
}

void ds_sources_free(struct ds_sources **sources)
{
	struct ds_sources *s = sources ? *sources : NULL;

	if (!s)
		return;
	*sources = NULL;
	ds_kernel_free(&s->kernel);
	if (s->netns_fd >= 0)
		(void)close(s->netns_fd);
	free(s);
}
