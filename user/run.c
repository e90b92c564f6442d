/* SPDX-License-Identifier: Apache-2.0 */
#include "user/run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include "user/keep_state.h"
#include "user/node_name.h"
#include "user/opening.h"
#include "user/sources.h"
#include "user/core/core.h"
#include "user/core/merge.h"
#include "user/sink/jsonl.h"
#include "user/source/kernel/kernel.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define MERGE_MAX 262144
#define PUMP_BUSY_MS 10		/* the ring buffer wakes nobody below its watermark */
#define PUMP_IDLE_MS 100
#define TICK_NS (250 * DS_NS_PER_MS)
#define SECOND_NS DS_NS_PER_S
#define CONSUME_BUDGET 65536
#define SIGNALS 3
#define HURRY_NS (300 * DS_NS_PER_S)	/* an end that did not come by then was none */
#define WORD_NS (3 * DS_NS_PER_S)	/* SIGTERM ends a run within seconds, whatever is awaited */
#define NEWS_NS (120 * DS_NS_PER_S)	/* a sign of it that is older tells of an earlier one */

struct ds_run {
	const struct ds_options *options;
	const struct ds_run_hooks *hooks;
	uv_loop_t loop;
	uv_timer_t pump;
	uv_poll_t kernel_poll;
	uv_signal_t signals[SIGNALS];
	struct ds_sources *sources;
	struct ds_kernel *kernel;	/* of the sources */
	char node[256];
	struct ds_merge *merge;
	struct ds_core *core;
	struct ds_jsonl *record;
	struct ds_keep_state *keep;
	char run_id[DS_RUN_ID_LEN + 1];
	uint64_t record_seq;
	uint64_t own_seq;		/* of events that are made here */
	uint64_t refused;		/* not taken by the merge stage */
	/* By the monotonic clock: one that is set ends no run and keeps no tick back. */
	int64_t begun_ns, turned_ns, next_tick_ns, next_second_ns;
	int64_t hurry_until_ns;		/* 0 = in no hurry */
	int64_t word_until_ns;		/* told to end, waiting for Kubernetes; 0 = not */
	bool loop_ready, attached, stopping, record_broken;
	int status;			/* enum ds_exit */
};

#define HOOK(run, name, ...) \
	do { \
		if ((run)->hooks->name) \
			(run)->hooks->name((run)->hooks->ctx, ##__VA_ARGS__); \
	} while (0)

struct uv_loop_s *ds_run_loop(struct ds_run *run)
{
	return &run->loop;
}

const char *ds_run_node(const struct ds_run *run)
{
	return run->node;
}

struct ds_kube_api *ds_run_kube_api(const struct ds_run *run)
{
	return run->sources ? ds_sources_kube_api(run->sources) : NULL;
}

void ds_run_fail(struct ds_run *run)
{
	run->status = DS_EXIT_ERROR;
}

void ds_run_stop(struct ds_run *run)
{
	if (run->stopping)
		return;
	run->stopping = true;
	uv_stop(&run->loop);
}

int64_t ds_run_turned_ns(const struct ds_run *run)
{
	return run->turned_ns;
}

uint64_t ds_run_late(const struct ds_run *run)
{
	return ds_merge_late(run->merge);
}

struct ds_core_counts ds_run_counts(const struct ds_run *run)
{
	return ds_core_counts(run->core);
}

bool ds_run_is_attached(const struct ds_run *run)
{
	return run->attached;
}

bool ds_run_is_ready(const struct ds_run *run)
{
	return run->attached && ds_sources_know_pods(run->sources);
}

/* ---- into the merge stage ---- */

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_run *run = ctx;
	int r = ds_merge_push(run->merge, ev);

	if (r && run->refused++ == 0)
		ds_log_warn("events come faster than they can be taken; losses are counted");
}

void ds_run_deliver(struct ds_run *run, struct ds_event *ev)
{
	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = ++run->own_seq;
	deliver(run, ev);
}

void ds_run_lost(struct ds_run *run, int stage, const char *class, uint64_t cnt)
{
	struct ds_event ev;

	if (!cnt)
		return;
	ds_event_init(&ev, DS_EVENT_LOSS, ds_clock_ns(CLOCK_REALTIME));
	DS_SET(&ev, LOSS_STAGE, loss_stage, stage);
	DS_SET_STR(&ev, LOSS_CLASS, loss_class, class);
	DS_SET(&ev, LOSS_COUNT, loss_count, (int64_t)cnt);
	ds_run_deliver(run, &ev);
}

static void tell_refused(struct ds_run *run)
{
	uint64_t cnt = run->refused;

	run->refused = 0;
	ds_run_lost(run, DS_LOSS_STAGE_QUEUE, "merge", cnt);
}

/* ---- out of the merge stage ---- */

static void record(struct ds_run *run, const struct ds_event *ev)
{
	struct ds_event own;
	int r;

	if (!run->record)
		return;
	own = *ev;
	memcpy(own.run_id, run->run_id, sizeof(own.run_id));
	HOOK(run, disguise, &own);
	r = ds_jsonl_event(run->record, &own, run->record_seq++);
	if (r && !run->record_broken)
		ds_run_fail(run);	/* the sink said why; the run goes on */
	run->record_broken = run->record_broken || r != 0;
}

/*
 * A node that shuts down takes this process with it, before or after its pods. The pods that it
 * ended stay in the API, also when it is up again.
 */
static bool tells_the_end(const struct ds_event *ev)
{
	return ev->kind == DS_EVENT_POD_STATE && ds_event_has(ev, DS_KEY_TRIGGER) &&
	       ev->trigger == DS_TRIGGER_NODE_SHUTDOWN && !ds_event_has(ev, DS_KEY_RESTORED) &&
	       !(ds_event_has(ev, DS_KEY_T0) && ev->time_ns - ev->t0 > NEWS_NS);
}

static void release(void *ctx, const struct ds_event *ev)
{
	struct ds_run *run = ctx;

	HOOK(run, input, ev);
	record(run, ev);
	if (tells_the_end(ev))
		ds_run_hurry(run);
	ds_core_feed(run->core, ev);
}

static void emit(void *ctx, const struct ds_event *ev)
{
	struct ds_run *run = ctx;

	HOOK(run, emit, ev);
}

static void wish(void *ctx, const struct ds_wish *w)
{
	struct ds_run *run = ctx;

	ds_sources_wish(run->sources, w);
}

/* ---- time ---- */

static void push_tick(struct ds_run *run, int64_t now_ns, bool final)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, now_ns);
	ev.rank = DS_RANK_TICK;
	ev.source_seq = ++run->own_seq;
	DS_SET(&ev, FINAL, final, final);
	ds_sources_count(run->sources, &ev);
	deliver(run, &ev);
}

static void each_second(struct ds_run *run)
{
	ds_kernel_tick(run->kernel);
	tell_refused(run);
	HOOK(run, each_second);
	if (run->record)
		(void)ds_jsonl_flush(run->record); /* said by the sink, and tried again */
}

void ds_run_hurry(struct ds_run *run)
{
	if (!run->hurry_until_ns)
		ds_log_info("the end may be near: files are written at every change");
	run->hurry_until_ns = ds_clock_ns(CLOCK_MONOTONIC) + HURRY_NS;
	if (run->keep)
		ds_keep_state_hurry(run->keep, true);
}

static void calm_down(struct ds_run *run)
{
	run->hurry_until_ns = 0;
	if (run->keep)
		ds_keep_state_hurry(run->keep, false);
}

static void turn(struct ds_run *run)
{
	int64_t now_ns = ds_clock_ns(CLOCK_REALTIME), steady_ns = ds_clock_ns(CLOCK_MONOTONIC);

	run->turned_ns = steady_ns;
	(void)ds_kernel_consume(run->kernel, CONSUME_BUDGET);
	if (steady_ns >= run->next_second_ns) {
		run->next_second_ns = steady_ns + SECOND_NS;
		each_second(run);
	}
	if (steady_ns >= run->next_tick_ns) {
		run->next_tick_ns = steady_ns + TICK_NS;
		push_tick(run, now_ns, false);
	}
	ds_merge_release(run->merge, now_ns, release, run);
	if (run->hurry_until_ns && run->record)
		(void)ds_jsonl_flush(run->record);
	if (run->hurry_until_ns && steady_ns >= run->hurry_until_ns)
		calm_down(run);
	if (run->keep)
		ds_keep_state_review(run->keep, &run->loop, now_ns);
}

static void on_pump(uv_timer_t *timer)
{
	struct ds_run *run = timer->data;
	uint64_t next_ms = ds_kernel_tap_is_on(run->kernel) ? PUMP_BUSY_MS : PUMP_IDLE_MS;

	turn(run);
	if (run->word_until_ns && (!ds_core_waits_for_word(run->core) ||
				   ds_clock_ns(CLOCK_MONOTONIC) >= run->word_until_ns))
		ds_run_stop(run);
	if (run->options->duration_ns &&
	    ds_clock_ns(CLOCK_MONOTONIC) - run->begun_ns >= run->options->duration_ns)
		ds_run_stop(run);
	if (uv_timer_get_repeat(timer) != next_ms) {
		uv_timer_set_repeat(timer, next_ms);
		(void)uv_timer_again(timer);
	}
}

static void on_kernel(uv_poll_t *poll, int status, int events)
{
	struct ds_run *run = poll->data;

	(void)events;
	if (!status)
		(void)ds_kernel_consume(run->kernel, CONSUME_BUDGET);
}

/* ---- signals ---- */

static void reopen(struct ds_run *run)
{
	if (run->record && ds_jsonl_reopen(run->record))
		ds_run_fail(run);	/* said by the sink; the old file is written on */
	HOOK(run, reopen);
}

/* A node that shuts down ends this process right after its pods, before all is said of them. */
static bool begin_to_wait(struct ds_run *run)
{
	if (run->stopping || run->word_until_ns || !ds_core_waits_for_word(run->core))
		return false;
	ds_log_info("told to end; waiting for what Kubernetes says of the pods that end, %d s at most",
		    (int)(WORD_NS / DS_NS_PER_S));
	run->word_until_ns = ds_clock_ns(CLOCK_MONOTONIC) + WORD_NS;
	ds_run_hurry(run);
	return true;
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct ds_run *run = handle->data;

	if (signum == SIGHUP) {
		reopen(run);
		return;
	}
	if (signum == SIGTERM && begin_to_wait(run))
		return;
	if (run->stopping)
		_exit(DS_EXIT_INTERRUPTED);
	if (isatty(STDERR_FILENO))
		(void)fputs("\ndrainsnoop: ending; once more to end at once\n", stderr);
	ds_run_stop(run);
}

/* A second Ctrl-C while the run is being ended, when the loop no longer turns. */
static void second_signal(int signum)
{
	(void)signum;
	_exit(DS_EXIT_INTERRUPTED);
}

/* ---- setting up ---- */

/* What an earlier run left: the API server may know by now that it is no more. */
static void restore(void *ctx, const struct ds_event *ev)
{
	struct ds_run *run = ctx;

	ds_sources_restored(run->sources, ev);
	release(run, ev);
}

static void make_run_id(char id[DS_RUN_ID_LEN + 1])
{
	uint32_t random = (uint32_t)ds_clock_ns(CLOCK_REALTIME);

	if (getrandom(&random, sizeof(random), 0) < 0)
		random ^= (uint32_t)getpid();	/* no entropy: the clock must do */
	(void)snprintf(id, DS_RUN_ID_LEN + 1, "%08" PRIx32, random);
}

/* The first line, outside of the merge stage: nothing may stand before it. */
static void announce_start(struct ds_run *run)
{
	struct ds_opening_room room;
	struct ds_event ev;

	ds_opening_start(run->options, run->kernel, ds_sources_attached_ns(run->sources), &room,
			 &ev);
	memcpy(ev.run_id, run->run_id, sizeof(ev.run_id));
	DS_SET_STR(&ev, CLUSTER, cluster, run->options->cluster);
	DS_SET_STR(&ev, NODE, node, run->node);
	release(run, &ev);
}

static int open_core(struct ds_run *run)
{
	struct ds_core_options co = { .emit = emit, .wish = wish, .ctx = run };
	int r = ds_merge_new(&run->merge, DS_MERGE_LATENESS_NS, MERGE_MAX);

	r = r ? r : ds_core_new(&run->core, &co);
	return r ? ds_log_err(r, "set up the core") : 0;
}

static int open_loop(struct ds_run *run)
{
	static const int signals[SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
	int r = uv_loop_init(&run->loop);

	if (r)
		return ds_log_err(r, "set up the event loop");
	run->loop_ready = true;
	(void)uv_timer_init(&run->loop, &run->pump);
	run->pump.data = run;
	for (int i = 0; i < SIGNALS; i++) {
		(void)uv_signal_init(&run->loop, &run->signals[i]);
		run->signals[i].data = run;
		if (signals[i] != SIGHUP || run->hooks->reopen)
			(void)uv_signal_start(&run->signals[i], on_signal, signals[i]);
	}
	return 0;
}

static int open_files(struct ds_run *run)
{
	int r = 0;

	if (run->options->record)
		r = ds_jsonl_new(&run->record, run->options->record);
	if (!r && run->options->state)
		r = ds_keep_state_new(&run->keep, run->options, run->core, run->run_id);
	return r;
}

static int open_sources(struct ds_run *run)
{
	struct ds_sources_options so = { .options = run->options, .loop = &run->loop,
					 .node = run->node, .deliver = deliver, .ctx = run };
	int r = ds_sources_new(&run->sources, &so);

	if (r)
		return r;
	run->kernel = ds_sources_kernel(run->sources);
	r = uv_poll_init(&run->loop, &run->kernel_poll, ds_kernel_fd(run->kernel));
	if (r)
		return ds_log_err(r, "poll the ring buffer");
	run->kernel_poll.data = run;
	(void)uv_poll_start(&run->kernel_poll, UV_READABLE, on_kernel);
	announce_start(run);
	if (run->keep)
		ds_keep_state_load(run->keep, restore, run);
	r = ds_sources_open_route(run->sources);
	if (r)
		return r;
	if (run->keep)
		ds_keep_state_routes(run->keep, ds_sources_route(run->sources), release, run);
	return ds_sources_open(run->sources);
}

static int set_up(struct ds_run *run)
{
	int r;

	run->begun_ns = run->turned_ns = ds_clock_ns(CLOCK_MONOTONIC);
	make_run_id(run->run_id);
	ds_node_name(run->options->node, run->node, sizeof(run->node));
	r = open_core(run);
	r = r ? r : open_files(run);
	r = r ? r : open_loop(run);
	if (!r && run->hooks->open)
		r = run->hooks->open(run->hooks->ctx, run);
	r = r ? r : open_sources(run);
	if (r)
		return r;
	/* From here on only bpf calls need rights, and raise them for themselves. */
	if (ds_kernel_drop_privileges(run->kernel))
		ds_log_info("capabilities could not be given up, continuing with them");
	run->attached = true;
	(void)uv_timer_start(&run->pump, on_pump, 0, PUMP_IDLE_MS);
	ds_log_info("attached: %s", ds_kernel_attached(run->kernel));
	if (ds_kernel_missing_count(run->kernel))
		ds_log_info("not available: %s", ds_kernel_missing(run->kernel));
	return 0;
}

/* ---- ending ---- */

static void drain_everything(struct ds_run *run)
{
	ds_sources_finish(run->sources);
	HOOK(run, ending);
	tell_refused(run);
	ds_merge_flush(run->merge, release, run);
	push_tick(run, ds_clock_ns(CLOCK_REALTIME), true);
	ds_merge_flush(run->merge, release, run);
	if (run->keep && ds_keep_state_finish(run->keep))
		ds_run_fail(run);	/* said by the sink */
	HOOK(run, finish);
	if (ds_merge_late(run->merge))
		ds_log_info("%" PRIu64 " events came later than the merge stage waits; "
			    "they are marked late", ds_merge_late(run->merge));
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void close_record(struct ds_run *run)
{
	uint64_t lost;

	if (!run->record)
		return;
	if (ds_jsonl_finish(run->record))
		ds_run_fail(run);
	lost = ds_jsonl_stats(run->record).lost;
	if (lost) {
		ds_log_warn("%" PRIu64 " lines of the recording %s are lost", lost,
			    run->options->record);
		ds_run_fail(run);
	}
	ds_jsonl_free(&run->record);
}

static void tear_down(struct ds_run *run)
{
	HOOK(run, close);	/* what asks the sources' API server goes first */
	if (run->sources)
		ds_sources_close(run->sources);
	if (run->loop_ready) {
		uv_walk(&run->loop, close_handle, NULL);
		(void)uv_run(&run->loop, UV_RUN_DEFAULT);
		(void)uv_loop_close(&run->loop);
	}
	ds_sources_free(&run->sources);
	ds_keep_state_free(&run->keep);
	ds_merge_free(&run->merge);
	ds_core_free(&run->core);
	close_record(run);
	HOOK(run, free);
}

int ds_run_live(const struct ds_options *options, const struct ds_run_hooks *hooks,
		struct ds_run_sums *ret_sums)
{
	static struct ds_run run;
	struct ds_run_sums sums = { 0 };

	run = (struct ds_run){ .options = options, .hooks = hooks };
	if (set_up(&run)) {
		ds_run_fail(&run);
	} else {
		(void)uv_run(&run.loop, UV_RUN_DEFAULT);
		run.stopping = true;
		for (int i = 0; i < SIGNALS; i++)
			(void)uv_signal_stop(&run.signals[i]);
		(void)signal(SIGINT, second_signal);
		(void)signal(SIGTERM, second_signal);
		if (hooks->reopen)	/* or it would end what is being written */
			(void)signal(SIGHUP, SIG_IGN);
		drain_everything(&run);
		sums.rollout_drops = ds_core_rollout_drops(run.core);
		sums.lost = ds_core_lost(run.core);
	}
	tear_down(&run);
	if (ret_sums)
		*ret_sums = sums;
	return run.status;
}
