/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live run: sources deliver into the merge stage, what leaves it is recorded and fed to the
 * core, what the core concludes is printed, and what it wishes goes to the kernel source. Holds the
 * loop; decides nothing about events.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include "user/commands.h"
#include "user/keep_state.h"
#include "user/node_name.h"
#include "user/opening.h"
#include "user/core/core.h"
#include "user/core/merge.h"
#include "user/sink/jsonl.h"
#include "user/sink/printer.h"
#include "user/source/elb/elb.h"
#include "user/source/events/events.h"
#include "user/source/kernel/kernel.h"
#include "user/source/kube/kube.h"
#include "user/source/route/route.h"
#include "user/source/targets/targets.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define MERGE_MAX 262144
#define PUMP_BUSY_MS 10		/* the ring buffer wakes nobody below its watermark */
#define PUMP_IDLE_MS 100
#define TICK_NS (250 * DS_NS_PER_MS)
#define KERNEL_TICK_NS DS_NS_PER_S
#define CONSUME_BUDGET 65536

struct run {
	const struct ds_options *options;
	uv_loop_t loop;
	uv_timer_t pump;
	uv_poll_t kernel_poll;
	uv_signal_t signals[2];
	struct ds_kernel *kernel;
	struct ds_route *route;
	struct ds_events *events[DS_OPTION_LIST_MAX];
	struct ds_targets_source *targets[DS_OPTION_LIST_MAX];
	uint64_t targets_seq;		/* of all sources of target states */
	struct ds_kube *kube;		/* NULL = nobody asked for it */
	struct ds_elb *elb;		/* the same */
	char node[256];
	struct ds_merge *merge;
	struct ds_core *core;
	struct ds_printer *printer;
	struct ds_jsonl *record;
	struct ds_keep_state *keep;
	char run_id[DS_RUN_ID_LEN + 1];
	uint64_t record_seq;
	uint64_t own_seq;		/* of events that main itself makes */
	uint64_t refused;		/* not taken by the merge stage */
	int64_t started_ns;
	/* By the monotonic clock: one that is set ends no run and keeps no tick back. */
	int64_t begun_ns, next_tick_ns, next_kernel_tick_ns;
	bool loop_ready, stopping, record_broken, names_pods;
	int status;			/* enum ds_exit */
};

static void stop(struct run *run)
{
	if (run->stopping)
		return;
	run->stopping = true;
	uv_stop(&run->loop);
}

/* ---- into the merge stage ---- */

static void push(struct run *run, const struct ds_event *ev)
{
	int r = ds_merge_push(run->merge, ev);

	if (r && run->refused++ == 0)
		ds_log_warn("events come faster than they can be taken; losses are counted");
}

static void deliver(void *ctx, struct ds_event *ev)
{
	push(ctx, ev);
}

/* Where nobody names the pods every address that the node routes to a pod is a pod. */
static void deliver_route(void *ctx, struct ds_event *ev)
{
	struct run *run = ctx;
	struct ds_event pod;

	push(run, ev);
	if (run->names_pods || ev->kind != DS_EVENT_ROUTE ||
	    ev->route_change != DS_ROUTE_CHANGE_ASSIGNED)
		return;
	ds_event_init(&pod, DS_EVENT_POD_STATE, ev->time_ns);
	pod.rank = DS_RANK_EVENTS;
	pod.source_seq = ++run->own_seq;
	DS_SET_STR(&pod, POD_ADDRESSES, pod_addresses, ev->address);
	push(run, &pod);
}

static void on_iface(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind)
{
	struct run *run = ctx;

	if (run->kernel)
		ds_kernel_set_iface(run->kernel, ifindex, name, kind);
}

static void push_own(struct run *run, struct ds_event *ev)
{
	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = ++run->own_seq;
	push(run, ev);
}

static void push_losses(struct run *run)
{
	struct ds_event ev;

	if (!run->refused)
		return;
	ds_event_init(&ev, DS_EVENT_LOSS, ds_clock_ns(CLOCK_REALTIME));
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_QUEUE);
	DS_SET_STR(&ev, LOSS_CLASS, loss_class, "merge");
	DS_SET(&ev, LOSS_COUNT, loss_count, (int64_t)run->refused);
	run->refused = 0;
	push_own(run, &ev);
}

/* ---- out of the merge stage ---- */

static void record(struct run *run, const struct ds_event *ev)
{
	struct ds_event own;
	int r;

	if (!run->record)
		return;
	own = *ev;
	memcpy(own.run_id, run->run_id, sizeof(own.run_id));
	r = ds_jsonl_event(run->record, &own, run->record_seq++);
	if (r && !run->record_broken)
		run->status = DS_EXIT_ERROR;	/* the sink said why; the run goes on */
	run->record_broken = run->record_broken || r != 0;
}

static void release(void *ctx, const struct ds_event *ev)
{
	struct run *run = ctx;

	record(run, ev);
	ds_core_feed(run->core, ev);
}

static void emit(void *ctx, const struct ds_event *ev)
{
	struct run *run = ctx;
	int r = ds_printer_event(run->printer, ev);

	if (r == -EPIPE)
		stop(run);	/* nobody reads any more: that is how `| head` ends a run */
	else if (r)
		run->status = DS_EXIT_ERROR;
	if (run->options->print.limit &&
	    ds_printer_drops(run->printer) >= run->options->print.limit)
		stop(run);
}

static void wish(void *ctx, const struct ds_wish *w)
{
	struct run *run = ctx;
	char text[DS_ADDR_STRLEN];
	int r = 0;

	switch (w->kind) {
	case DS_WISH_WATCH:
		r = ds_kernel_watch(run->kernel, &w->addr, w->watch_flags);
		break;
	case DS_WISH_UNWATCH:
		r = ds_kernel_unwatch(run->kernel, &w->addr);
		break;
	case DS_WISH_TAP:
		r = ds_kernel_tap(run->kernel, w->tap_on || ds_kernel_needs_tap(run->kernel));
		break;
	case DS_WISH_POLL:
		if (run->elb)
			ds_elb_watch(run->elb, w->group, &w->addr, w->port);
		return;
	case DS_WISH_UNPOLL:
		if (run->elb)
			ds_elb_unwatch(run->elb, &w->addr);
		return;
	}
	if (r && r != -ENOENT && w->kind != DS_WISH_TAP) {
		(void)ds_addr_format(&w->addr, text);
		(void)ds_log_err(r, "watch %s, continuing without it", text);
	}
}

/* ---- time ---- */

static void push_tick(struct run *run, int64_t now_ns, bool final)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, now_ns);
	ev.rank = DS_RANK_TICK;
	ev.source_seq = ++run->own_seq;
	DS_SET(&ev, FINAL, final, final);
	DS_SET(&ev, PROBES_ATTACHED_COUNT, probes_attached_count,
	       ds_kernel_attached_count(run->kernel));
	DS_SET(&ev, PROBES_MISSING_COUNT, probes_missing_count,
	       ds_kernel_missing_count(run->kernel));
	DS_SET(&ev, TAP_ON, tap_on, ds_kernel_tap_is_on(run->kernel));
	DS_SET(&ev, TAP_ON_MS, tap_on_ms, ds_kernel_tap_on_ns(run->kernel));
	if (run->kube)
		ds_kube_count(run->kube, &ev);
	if (run->elb)
		ds_elb_count(run->elb, &ev);
	push(run, &ev);
}

static void pump(struct run *run)
{
	int64_t now_ns = ds_clock_ns(CLOCK_REALTIME), steady_ns = ds_clock_ns(CLOCK_MONOTONIC);

	(void)ds_kernel_consume(run->kernel, CONSUME_BUDGET);
	if (steady_ns >= run->next_kernel_tick_ns) {
		run->next_kernel_tick_ns = steady_ns + KERNEL_TICK_NS;
		ds_kernel_tick(run->kernel);
		push_losses(run);
		if (run->record)
			(void)ds_jsonl_flush(run->record); /* said by the sink, and tried again */
	}
	if (steady_ns >= run->next_tick_ns) {
		run->next_tick_ns = steady_ns + TICK_NS;
		push_tick(run, now_ns, false);
	}
	ds_merge_release(run->merge, now_ns, release, run);
	if (run->keep)
		ds_keep_state_review(run->keep, &run->loop, now_ns);
}

static void on_pump(uv_timer_t *timer)
{
	struct run *run = timer->data;
	uint64_t next_ms = ds_kernel_tap_is_on(run->kernel) ? PUMP_BUSY_MS : PUMP_IDLE_MS;

	pump(run);
	if (run->options->duration_ns &&
	    ds_clock_ns(CLOCK_MONOTONIC) - run->begun_ns >= run->options->duration_ns)
		stop(run);
	if (uv_timer_get_repeat(timer) != next_ms) {
		uv_timer_set_repeat(timer, next_ms);
		(void)uv_timer_again(timer);
	}
}

static void on_kernel(uv_poll_t *poll, int status, int events)
{
	struct run *run = poll->data;

	(void)events;
	if (!status)
		(void)ds_kernel_consume(run->kernel, CONSUME_BUDGET);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct run *run = handle->data;

	(void)signum;
	if (run->stopping)
		_exit(DS_EXIT_INTERRUPTED);
	if (isatty(STDERR_FILENO))
		(void)fputs("\ndrainsnoop: ending; once more to end at once\n", stderr);
	stop(run);
}

/* A second Ctrl-C while the run is being ended, when the loop no longer turns. */
static void second_signal(int signum)
{
	(void)signum;
	_exit(DS_EXIT_INTERRUPTED);
}

/* What an earlier run left: the API server may know by now that it is no more. */
static void restore(void *ctx, const struct ds_event *ev)
{
	struct run *run = ctx;

	if (run->kube)
		ds_kube_restored(run->kube, ev);
	release(run, ev);
}

/* ---- setting up ---- */

static int open_netns(const char *path, int *ret_fd)
{
	int fd;

	*ret_fd = -1;
	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ds_log_err(errno, "open the network namespace %s (as in /run/netns/NAME)", path);
	*ret_fd = fd;
	return 0;
}

static void make_run_id(char id[DS_RUN_ID_LEN + 1])
{
	uint32_t random = (uint32_t)ds_clock_ns(CLOCK_REALTIME);

	if (getrandom(&random, sizeof(random), 0) < 0)
		random ^= (uint32_t)getpid();	/* no entropy: the clock must do */
	(void)snprintf(id, DS_RUN_ID_LEN + 1, "%08" PRIx32, random);
}

/* The first line, outside of the merge stage: nothing may stand before it. */
static void announce_start(struct run *run)
{
	struct ds_opening_room room;
	struct ds_event ev;

	ds_opening_start(run->options, run->kernel, run->started_ns, &room, &ev);
	memcpy(ev.run_id, run->run_id, sizeof(ev.run_id));
	DS_SET_STR(&ev, NODE, node, run->node);
	release(run, &ev);
}

/* What the command line names. */
static void push_named(struct run *run)
{
	const struct ds_options *o = run->options;
	struct ds_opening_room room;
	struct ds_event ev;

	for (int i = 0; i < o->lbs_cnt; i++) {
		ds_opening_balancer(o->lbs[i], run->started_ns, &ev);
		push_own(run, &ev);
	}
	for (int i = 0; i < o->pod_ips_cnt; i++) {
		ds_opening_pod(o->pod_ips[i], run->started_ns, &room, &ev);
		push_own(run, &ev);
	}
}

static int open_kernel(struct run *run, int netns_fd)
{
	struct ds_kernel_options ko = { .netns_fd = netns_fd, .deliver = deliver, .ctx = run };
	int r = ds_kernel_may_trace();

	if (r) {
		ds_log_warn("tracing needs CAP_BPF and CAP_PERFMON; this process has not both. "
			    "Run it as root, with sudo for example.");
		return r;
	}
	return ds_kernel_new(&run->kernel, &ko);
}

static int open_core(struct run *run)
{
	struct ds_core_options co = { .emit = emit, .wish = wish, .ctx = run };
	int r = ds_merge_new(&run->merge, DS_MERGE_LATENESS_NS, MERGE_MAX);

	r = r ? r : ds_core_new(&run->core, &co);
	return r ? ds_log_err(r, "set up the core") : 0;
}

static int open_kube(struct run *run)
{
	const struct ds_options *o = run->options;
	struct ds_kube_options ko = {
		.access = { .api = o->kube_api, .kubeconfig = o->kubeconfig,
			    .context = o->context },
		.node = run->node, .deliver = deliver, .ctx = run,
	};

	return o->kube ? ds_kube_new(&run->kube, &run->loop, &ko) : 0;
}

/* Only where it was asked for: no credentials are looked for without it. */
static int open_elb(struct run *run)
{
	const struct ds_options *o = run->options;
	struct ds_elb_options eo = {
		.deliver = deliver, .ctx = run, .seq = &run->targets_seq,
		.groups = o->target_groups, .groups_cnt = o->target_groups_cnt,
		.interval_ns = o->elb_interval_ns, .rate = o->elb_rate,
		.addresses = o->elb_addresses,
	};

	return o->elb ? ds_elb_new(&run->elb, &run->loop, &eo) : 0;
}

static int open_sources(struct run *run, int netns_fd)
{
	struct ds_route_options ro = { .netns_fd = netns_fd, .deliver = deliver_route,
				       .on_iface = on_iface, .ctx = run };
	struct ds_events_options eo = { .deliver = deliver, .ctx = run };
	const struct ds_options *o = run->options;
	struct ds_targets_options to = { .deliver = deliver, .ctx = run, .follow = o->follow,
					 .seq = &run->targets_seq,
					 .clock_error_ns = o->clock_error_ns };
	int r;

	r = ds_route_new(&run->route, &run->loop, &ro);
	if (r)
		return r;
	if (run->keep)
		ds_keep_state_routes(run->keep, run->route, release, run);
	push_named(run);
	for (int i = 0; i < o->events_cnt; i++) {
		r = ds_events_new(&run->events[i], &run->loop, o->events[i], &eo);
		if (r)
			return r;
	}
	for (int i = 0; i < o->targets_cnt; i++) {
		r = ds_targets_source_new(&run->targets[i], &run->loop, o->targets[i], &to);
		if (r)
			return r;
	}
	r = open_elb(run);
	if (r)
		return r;
	r = ds_kernel_find_listeners(run->kernel);
	if (r)
		ds_log_info("listeners that exist already were not found (%s), continuing without them",
			    strerror(-r));
	return 0;
}

static int open_loop(struct run *run)
{
	static const int signals[] = { SIGINT, SIGTERM };
	int r = uv_loop_init(&run->loop);

	if (r)
		return ds_log_err(r, "set up the event loop");
	run->loop_ready = true;
	(void)uv_timer_init(&run->loop, &run->pump);
	run->pump.data = run;
	for (int i = 0; i < 2; i++) {
		(void)uv_signal_init(&run->loop, &run->signals[i]);
		run->signals[i].data = run;
		(void)uv_signal_start(&run->signals[i], on_signal, signals[i]);
	}
	return 0;
}

static int set_up(struct run *run)
{
	ds_autoclose int netns_fd = -1;
	int r;

	run->started_ns = ds_clock_ns(CLOCK_REALTIME);
	run->begun_ns = ds_clock_ns(CLOCK_MONOTONIC);
	make_run_id(run->run_id);
	ds_node_name(run->options->node, run->node, sizeof(run->node));
	run->names_pods = run->options->events_cnt || run->options->pod_ips_cnt ||
			  run->options->kube;
	r = open_netns(run->options->netns, &netns_fd);
	r = r ? r : open_core(run);
	r = r ? r : ds_printer_new(&run->printer, &run->options->print);
	if (!r && run->options->record)
		r = ds_jsonl_new(&run->record, run->options->record);
	if (!r && run->options->state)
		r = ds_keep_state_new(&run->keep, run->options, run->core, run->run_id);
	r = r ? r : open_loop(run);
	r = r ? r : open_kernel(run, netns_fd);
	r = r ? r : open_kube(run);
	if (r)
		return r;
	r = uv_poll_init(&run->loop, &run->kernel_poll, ds_kernel_fd(run->kernel));
	if (r)
		return ds_log_err(r, "poll the ring buffer");
	run->kernel_poll.data = run;
	(void)uv_poll_start(&run->kernel_poll, UV_READABLE, on_kernel);
	announce_start(run);
	if (run->keep)
		ds_keep_state_load(run->keep, restore, run);
	r = open_sources(run, netns_fd);
	if (r)
		return r;
	/* From here on only bpf calls need rights, and raise them for themselves. */
	if (ds_kernel_drop_privileges(run->kernel))
		ds_log_info("capabilities could not be given up, continuing with them");
	(void)uv_timer_start(&run->pump, on_pump, 0, PUMP_IDLE_MS);
	return 0;
}

/* ---- ending ---- */

static void drain_everything(struct run *run)
{
	while (ds_kernel_consume(run->kernel, CONSUME_BUDGET) == CONSUME_BUDGET)
		;
	ds_kernel_tick(run->kernel);
	ds_route_finish(run->route);
	for (int i = 0; i < run->options->events_cnt; i++)
		ds_events_finish(run->events[i]);
	for (int i = 0; i < run->options->targets_cnt; i++)
		ds_targets_source_finish(run->targets[i]);
	push_losses(run);
	ds_merge_flush(run->merge, release, run);
	push_tick(run, ds_clock_ns(CLOCK_REALTIME), true);
	ds_merge_flush(run->merge, release, run);
	if (run->keep && ds_keep_state_finish(run->keep))
		run->status = DS_EXIT_ERROR;	/* said by the sink */
	(void)ds_printer_summary(run->printer);
	if (ds_merge_late(run->merge))
		ds_log_info("%" PRIu64 " events came later than the merge stage waits; they are marked late",
			    ds_merge_late(run->merge));
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void tear_down(struct run *run)
{
	for (int i = 0; i < run->options->events_cnt; i++)
		ds_events_free(&run->events[i]);
	for (int i = 0; i < run->options->targets_cnt; i++)
		ds_targets_source_free(&run->targets[i]);
	ds_kube_free(&run->kube);
	ds_elb_free(&run->elb);
	ds_route_free(&run->route);
	if (run->loop_ready) {
		uv_walk(&run->loop, close_handle, NULL);
		(void)uv_run(&run->loop, UV_RUN_DEFAULT);
		(void)uv_loop_close(&run->loop);
	}
	ds_kernel_free(&run->kernel);
	ds_keep_state_free(&run->keep);
	ds_merge_free(&run->merge);
	ds_core_free(&run->core);
	if (run->record && ds_jsonl_finish(run->record))
		run->status = DS_EXIT_ERROR;
	if (run->record && ds_jsonl_stats(run->record).lost) {
		ds_log_warn("%" PRIu64 " lines of the recording %s are lost",
			    ds_jsonl_stats(run->record).lost, run->options->record);
		run->status = DS_EXIT_ERROR;
	}
	ds_jsonl_free(&run->record);
	ds_printer_free(&run->printer);
}

int ds_command_trace(const struct ds_options *options)
{
	static struct run run;
	uint64_t drops;
	int64_t lost;

	run.options = options;
	if (set_up(&run)) {
		run.status = DS_EXIT_ERROR;
		tear_down(&run);
		return run.status;
	}
	ds_log_info("attached: %s", ds_kernel_attached(run.kernel));
	if (ds_kernel_missing_count(run.kernel))
		ds_log_info("not available: %s", ds_kernel_missing(run.kernel));
	(void)uv_run(&run.loop, UV_RUN_DEFAULT);
	run.stopping = true;
	for (int i = 0; i < 2; i++)
		(void)uv_signal_stop(&run.signals[i]);
	(void)signal(SIGINT, second_signal);
	(void)signal(SIGTERM, second_signal);
	drain_everything(&run);
	drops = ds_core_rollout_drops(run.core);
	lost = ds_core_lost(run.core);
	tear_down(&run);
	if (run.status == DS_EXIT_OK && options->strict && lost)
		run.status = DS_EXIT_ERROR;
	if (run.status == DS_EXIT_OK && options->fail_on && drops >= (uint64_t)options->fail_on)
		run.status = DS_EXIT_FAIL_ON;
	return run.status;
}
