// SPDX-License-Identifier: Apache-2.0
/*
 * Between the core, which makes a snapshot, and the file.
 */
#include "user/keep_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/sink/state.h"
#include "user/source/state.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define GOING_NS (2 * DS_NS_PER_S) /* while a pod goes away every second counts */
#define CALM_NS (10 * DS_NS_PER_S)
#define ANYWAY_NS (60 * DS_NS_PER_S)
#define SHARE 50 /* making the text takes a fiftieth of the time at most */

struct ds_keep_state {
	const struct ds_options *options;
	const struct ds_core *core;
	const char *run_id;
	struct ds_state_sink *sink;
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
	r = ds_state_sink_new(&keep->sink, options->state);
	if (r) {
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

static void restored(void *ctx, struct ds_event *ev)
{
	const struct ds_keep_state *keep = ctx;

	ds_event_canonical(ev);
	keep->release(keep->ctx, ev);
}

static int64_t now_of(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts); /* cannot fail for these clocks */
	return ts.tv_sec * DS_NS_PER_S + ts.tv_nsec;
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
	now_ns = now_of(CLOCK_REALTIME);
	ds_event_init(&ev, DS_EVENT_LOSS, now_ns);
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RESTART);
	DS_SET(&ev, NOT_BEFORE, not_before, header.time_ns < now_ns ? header.time_ns : now_ns);
	DS_SET(&ev, NOT_AFTER, not_after, now_ns);
	release(ctx, &ev);
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

	if (!is_option(keep->options, ev))
		ds_state_add(ds_state_sink_text(keep->sink), ev);
}

static void make_text(struct ds_keep_state *keep)
{
	struct ds_state_text *text = ds_state_sink_text(keep->sink);
	struct ds_state_header header = { .time_ns = ds_core_known_until(keep->core) };

	memcpy(header.run_id, keep->run_id, sizeof(header.run_id));
	memcpy(header.boot_id, keep->boot_id, sizeof(header.boot_id));
	ds_state_begin(text, &header);
	ds_core_snapshot(keep->core, add, keep);
	(void)ds_state_end(text); /* the text itself knows that it failed */
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
	keep->look_ns = now_ns + GOING_NS;
	if (now_ns < keep->calm_ns && !ds_core_pod_goes(keep->core))
		return;
	took_ns = now_of(CLOCK_MONOTONIC);
	make_text(keep);
	took_ns = now_of(CLOCK_MONOTONIC) - took_ns;
	if (took_ns * SHARE > ANYWAY_NS)
		keep->look_ns = now_ns + ANYWAY_NS;
	else if (took_ns * SHARE > GOING_NS)
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
	free(k);
	*keep = NULL;
}
