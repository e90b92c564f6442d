/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay: a recording is what left the merge stage, so it goes straight into the core; what comes
 * out is what the live run printed (events.md). Options given here override the recording's.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/commands.h"
#include "user/core/core.h"
#include "user/core/merge.h"
#include "user/sink/printer.h"
#include "user/source/events/events.h"
#include "user/source/targets/targets.h"
#include "user/util/log.h"

#define TARGETS_MAX 1048576	/* events of --targets */

struct replay {
	const struct ds_options *options;
	struct ds_core *core;
	struct ds_printer *printer;
	struct ds_merge *targets;	/* what --targets told, by time; NULL without it */
	uint64_t targets_lost;
	bool started, final, stopped;
	int64_t last_ns;
	char run_id[DS_RUN_ID_LEN + 1];
	int status;
};

static void emit(void *ctx, const struct ds_event *ev)
{
	struct replay *replay = ctx;
	int r = ds_printer_event(replay->printer, ev);

	if (r && r != -EPIPE)
		replay->status = DS_EXIT_ERROR;
	if (r == -EPIPE || (replay->options->print.limit &&
			    ds_printer_drops(replay->printer) >= replay->options->print.limit))
		replay->stopped = true;
}

static bool stopped(void *ctx)
{
	return ((const struct replay *)ctx)->stopped;
}

static void override(const struct ds_options *o, struct ds_event *start)
{
	if (o->settle_given)
		DS_SET(start, OPT_SETTLE, opt_settle, o->settle_ns);
	if (o->tap_given)
		DS_SET_STR(start, OPT_TAP, opt_tap, o->tap_always ? "always" : "auto");
	if (o->tap_max_given)
		DS_SET(start, OPT_TAP_MAX, opt_tap_max, o->tap_max_ns);
	if (o->rate_limit_given)
		DS_SET(start, OPT_RATE_LIMIT, opt_rate_limit, o->rate_limit);
}

static void feed(void *ctx, const struct ds_event *ev)
{
	struct replay *replay = ctx;

	ds_core_feed(replay->core, ev);
}

static void deliver_target(void *ctx, struct ds_event *ev)
{
	struct replay *replay = ctx;

	replay->targets_lost += ds_merge_push(replay->targets, ev) != 0;
}

/* CloudTrail comes minutes after the run: only a replay can have all of it. */
static int read_targets(struct replay *replay)
{
	const struct ds_options *o = replay->options;
	uint64_t seq = 0, bad;
	struct ds_targets_options to = { .deliver = deliver_target, .ctx = replay, .seq = &seq,
					 .clock_error_ns = o->clock_error_ns };
	int r = o->targets_cnt ? ds_merge_new(&replay->targets, 0, TARGETS_MAX) : 0;

	for (int i = 0; i < o->targets_cnt && !r; i++) {
		r = ds_targets_source_read(o->targets[i], &to, &bad);
		if (bad)
			replay->status = DS_EXIT_ERROR;
	}
	if (replay->targets_lost) {
		replay->status = DS_EXIT_ERROR;
		ds_log_warn("--targets: more than %d events; %" PRIu64 " were not used", TARGETS_MAX,
			    replay->targets_lost);
	}
	return r;
}

static void deliver(void *ctx, struct ds_event *ev)
{
	struct replay *replay = ctx;

	if (ev->kind == DS_EVENT_START) {
		override(replay->options, ev);
		memcpy(replay->run_id, ev->run_id, sizeof(replay->run_id));
		replay->started = true;
	} else if (replay->targets) {
		ds_merge_release(replay->targets, ev->time_ns, feed, replay);
	}
	if (ev->time_ns > replay->last_ns)
		replay->last_ns = ev->time_ns;
	replay->final = ds_event_has(ev, DS_KEY_FINAL) && ev->final;
	ds_core_feed(replay->core, ev);
}

/* A run that was killed left no last line: what is open is decided as at the end of a run. */
static void finish(struct replay *replay)
{
	struct ds_event tick;

	if (replay->final)
		return;
	if (!replay->stopped)
		ds_log_warn("%s: no final line: the run was cut off; what was open is decided with low confidence",
			    replay->options->recording);
	ds_event_init(&tick, DS_EVENT_TICK, replay->last_ns);
	DS_SET(&tick, FINAL, final, true);
	ds_core_feed(replay->core, &tick);
}

static int run(struct replay *replay)
{
	struct ds_events_options eo = { .deliver = deliver, .stopped = stopped, .ctx = replay };
	struct ds_events_stats stats = { 0 };
	int r = read_targets(replay);

	r = r ? r : ds_events_read_file(replay->options->recording, &eo, &stats);
	if (r)
		return DS_EXIT_ERROR;
	if (!stats.events) {
		ds_log_warn("%s: holds no input events; a recording is made with --record",
			    replay->options->recording);
		return DS_EXIT_ERROR;
	}
	if (!replay->started)
		ds_log_warn("%s: no drainsnoop.start line: defaults stand in for the run's options",
			    replay->options->recording);
	finish(replay);
	(void)ds_printer_summary(replay->printer);
	if (stats.bad) {
		ds_log_warn("%s: %" PRIu64 " lines could not be read", replay->options->recording, stats.bad);
		return DS_EXIT_ERROR;
	}
	return replay->status;
}

int ds_command_replay(const struct ds_options *options)
{
	struct replay replay = { .options = options };
	struct ds_core_options co = { .emit = emit, .ctx = &replay };
	int status = DS_EXIT_ERROR;
	int r = ds_printer_new(&replay.printer, &options->print);

	r = r ? r : ds_core_new(&replay.core, &co);
	if (!r) {
		status = run(&replay);
		if (status == DS_EXIT_OK && options->strict && ds_core_lost(replay.core))
			status = DS_EXIT_ERROR;
		if (status == DS_EXIT_OK && options->fail_on &&
		    ds_core_rollout_drops(replay.core) >= (uint64_t)options->fail_on)
			status = DS_EXIT_FAIL_ON;
	} else {
		(void)ds_log_err(r, "set up the replay");
	}
	ds_merge_free(&replay.targets);
	ds_core_free(&replay.core);
	ds_printer_free(&replay.printer);
	return status;
}
