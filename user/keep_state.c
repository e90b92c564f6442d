// SPDX-License-Identifier: Apache-2.0
/*
 * Between the core, which makes a snapshot, and the file.
 */
#include "user/keep_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/merge.h"
#include "user/core/routed.h"
#include "user/sink/state.h"
#include "user/source/route/route.h"
#include "user/source/events/state.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define HURRY_NS (DS_NS_PER_S / 4)
#define GOING_NS (2 * DS_NS_PER_S) /* while a pod goes away every second counts */
#define CALM_NS (10 * DS_NS_PER_S)
#define ANYWAY_NS (60 * DS_NS_PER_S)
#define SHARE 50 /* making the text takes a fiftieth of the time at most */

struct ds_keep_state {
	const struct ds_options *options;
	const struct ds_core *core;
	const char *run_id;
	struct ds_state_sink *sink;
	struct ds_routed *routed;
	const struct ds_route *route;	/* NULL before the routes are read */
	bool hurried;
	bool left_out;	/* said: not every route is remembered */
	int64_t saved_ns;	/* until then the file that was loaded knows everything */
	char boot_id[DS_BOOT_ID_LEN + 1];
	int64_t look_ns;	/* not before this */
	int64_t calm_ns;	/* where no pod goes away */
	int64_t forced_ns;	/* also where nothing changed */
	/* of a load */
	void (*release)(void *ctx, const struct ds_event *ev);
	void *ctx;
};

int ds_keep_state_new(struct ds_keep_state **ret_keep, const struct ds_options *options,
		      const struct ds_core *core, const char *run_id)
{
	struct ds_keep_state *keep = calloc(1, sizeof(*keep));
	int r;

	if (!keep)
		return ds_log_err(ENOMEM, "keep the state in %s", options->state);
	if (ds_routed_new(&keep->routed)) {
		free(keep);
		return ds_log_err(ENOMEM, "keep the state in %s", options->state);
	}
	r = ds_state_sink_new(&keep->sink, options->state);
	if (r) {
		ds_routed_free(&keep->routed);
		free(keep);
		return r;
	}
	keep->options = options;
	keep->core = core;
	keep->run_id = run_id;
	ds_state_boot_id(keep->boot_id);
	*ret_keep = keep;
	return 0;
}

/* What is not remembered can only leave a release in a gap untold. */
static void check_routed(struct ds_keep_state *keep, int r)
{
	if (r && !keep->left_out)
		(void)ds_log_err(r, "remember which addresses have a route, continuing without some");
	keep->left_out |= r != 0;
}

static void restored(void *ctx, struct ds_event *ev)
{
	struct ds_keep_state *keep = ctx;

	ds_event_canonical(ev);
	check_routed(keep, ds_routed_take(keep->routed, ev));
	keep->release(keep->ctx, ev);
}

void ds_keep_state_load(struct ds_keep_state *keep,
			void (*release)(void *ctx, const struct ds_event *ev), void *ctx)
{
	struct ds_state_header header;
	struct ds_event ev;
	int64_t now_ns;

	keep->release = release;
	keep->ctx = ctx;
	if (!ds_state_load(keep->options->state, &header, restored, keep))
		return;
	/* By now the addresses are watched again. */
	now_ns = ds_clock_ns(CLOCK_REALTIME);
	keep->saved_ns = header.time_ns < now_ns ? header.time_ns : now_ns;
	ds_event_init(&ev, DS_EVENT_LOSS, now_ns);
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RESTART);
	DS_SET(&ev, NOT_BEFORE, not_before, keep->saved_ns);
	DS_SET(&ev, NOT_AFTER, not_after, now_ns);
	release(ctx, &ev);
}

static const char *link_of(const void *ctx, const struct ds_addr *a)
{
	const struct ds_keep_state *keep = ctx;

	return ds_route_link_of(keep->route, a);
}

static void gone(void *ctx, const struct ds_addr *a, const char *link)
{
	const struct ds_keep_state *keep = ctx;
	int64_t now_ns = ds_clock_ns(CLOCK_REALTIME);
	char address[DS_ADDR_STRLEN];
	struct ds_event ev;

	(void)ds_addr_format(a, address);
	ds_event_init(&ev, DS_EVENT_ROUTE, now_ns);
	ev.rank = DS_RANK_ROUTE;
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET(&ev, ROUTE_BY, route_by, DS_ROUTE_BY_ROUTE);
	DS_SET_STR(&ev, ADDRESS, address, address);
	DS_SET_STR(&ev, IFACE_NAME, iface_name, link);
	DS_SET(&ev, NOT_BEFORE, not_before, keep->saved_ns < now_ns ? keep->saved_ns : now_ns);
	DS_SET(&ev, NOT_AFTER, not_after, now_ns);
	ds_event_canonical(&ev);
	keep->release(keep->ctx, &ev);
}

void ds_keep_state_routes(struct ds_keep_state *keep, const struct ds_route *route,
			  void (*release)(void *ctx, const struct ds_event *ev), void *ctx)
{
	struct ds_route_stats stats = ds_route_stats(route);

	keep->route = route;
	keep->release = release;
	keep->ctx = ctx;
	/* What was perhaps only not read is not missing. */
	if (stats.unsure || stats.left_out || !ds_route_netns(route))
		ds_log_info("the routes could not all be read: "
			    "which of them went since the state was saved is not known");
	else
		ds_routed_missing(keep->routed, ds_route_netns(route), link_of, gone, keep);
}

/* What --lb names is told by each run anew: a state must not outlive the option. */
static bool is_option(const struct ds_options *o, const struct ds_event *ev)
{
	struct ds_prefix own, given;

	if (ev->kind != DS_EVENT_LB_ADDRESS ||
	    ds_prefix_parse(ev->address, strlen(ev->address), &own))
		return false;
	for (int i = 0; i < o->lbs_cnt; i++)
		if (!ds_prefix_parse(o->lbs[i], strlen(o->lbs[i]), &given) &&
		    given.bits == own.bits && ds_addr_equal(&given.addr, &own.addr))
			return true;
	return false;
}

static void add(void *ctx, const struct ds_event *ev)
{
	struct ds_keep_state *keep = ctx;
	struct ds_event own = *ev;
	struct ds_addr a;

	if (is_option(keep->options, ev))
		return;
	if (ev->kind == DS_EVENT_ROUTE && keep->route &&
	    !ds_addr_parse(ev->address, strlen(ev->address), &a))
		check_routed(keep, ds_routed_mark(keep->routed, &own, link_of(keep, &a),
						  ds_route_netns(keep->route)));
	ds_state_add(ds_state_sink_text(keep->sink), &own);
}

static void make_text(struct ds_keep_state *keep)
{
	struct ds_state_text *text = ds_state_sink_text(keep->sink);
	struct ds_state_header header = { .time_ns = ds_core_known_until(keep->core) };

	memcpy(header.run_id, keep->run_id, sizeof(header.run_id));
	memcpy(header.boot_id, keep->boot_id, sizeof(header.boot_id));
	ds_state_begin(text, &header);
	ds_routed_begin(keep->routed);
	ds_core_snapshot(keep->core, add, keep);
	ds_routed_end(keep->routed);
	(void)ds_state_end(text); /* the text itself knows that it failed */
}

void ds_keep_state_hurry(struct ds_keep_state *keep, bool on)
{
	if (on && !keep->hurried)
		keep->look_ns = keep->calm_ns = 0;
	keep->hurried = on;
}

void ds_keep_state_review(struct ds_keep_state *keep, struct uv_loop_s *loop, int64_t now_ns)
{
	int64_t took_ns;
	bool force;

	/* A clock that was set back must not stop it. */
	if (keep->look_ns - now_ns > ANYWAY_NS)
		keep->look_ns = keep->calm_ns = keep->forced_ns = now_ns;
	if (now_ns < keep->look_ns || !ds_state_sink_is_ready(keep->sink))
		return;
	keep->look_ns = now_ns + (keep->hurried ? HURRY_NS : GOING_NS);
	if (!keep->hurried && now_ns < keep->calm_ns && !ds_core_pod_goes(keep->core))
		return;
	took_ns = ds_clock_ns(CLOCK_MONOTONIC);
	make_text(keep);
	took_ns = ds_clock_ns(CLOCK_MONOTONIC) - took_ns;
	if (took_ns * SHARE > ANYWAY_NS)
		keep->look_ns = now_ns + ANYWAY_NS;
	else if (!keep->hurried && took_ns * SHARE > GOING_NS)
		keep->look_ns = now_ns + took_ns * SHARE;
	keep->calm_ns = now_ns + CALM_NS;
	force = now_ns >= keep->forced_ns;
	if (force)
		keep->forced_ns = now_ns + ANYWAY_NS;
	ds_state_sink_write(keep->sink, loop, force);
}

int ds_keep_state_finish(struct ds_keep_state *keep)
{
	ds_state_sink_wait(keep->sink);
	make_text(keep);
	return ds_state_sink_write_now(keep->sink);
}

void ds_keep_state_free(struct ds_keep_state **keep)
{
	struct ds_keep_state *k = *keep;

	if (!k)
		return;
	ds_state_sink_free(&k->sink);
	ds_routed_free(&k->routed);
	free(k);
	*keep = NULL;
}
