/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live run, for every command that has one: sources deliver into the merge stage, what leaves
 * it is recorded and fed to the core, what the core wishes goes to the sources, what it concludes
 * to the command. Holds the loop, the signals and the state file; decides nothing about events.
 */
#ifndef DS_RUN_H
#define DS_RUN_H

#include "user/core/core.h"
#include "user/options.h"

struct uv_loop_s;
struct ds_kube_api;
struct ds_run;

/* What a command does in a run; each may be NULL. All are called from the loop's thread. */
struct ds_run_hooks {
	/*
	 * The core is there and nothing has begun: make sinks and sources of one's own. 0, or
	 * -errno with one line logged: the run ends, with close.
	 */
	int (*open)(void *ctx, struct ds_run *run);
	/* An output event; borrowed. */
	void (*emit)(void *ctx, const struct ds_event *ev);
	/* An input event, as the core will take it; borrowed. */
	void (*input)(void *ctx, const struct ds_event *ev);
	/* What is recorded of an event, after input, is a copy that may be changed. */
	void (*disguise)(void *ctx, struct ds_event *copy);
	/* About once a second. */
	void (*each_second)(void *ctx);
	/* SIGHUP: files have been renamed; without it that signal does what it does. */
	void (*reopen)(void *ctx);
	/* The run is over; its last events are still to come. */
	void (*ending)(void *ctx);
	/* The last event was emitted. */
	void (*finish)(void *ctx);
	/* Ends what is under way on the loop, which runs once more; then free, after it closed. */
	void (*close)(void *ctx);
	void (*free)(void *ctx);
	void *ctx;
};

/* What remains of a run. */
struct ds_run_sums {
	uint64_t rollout_drops;	/* what --fail-on counts */
	int64_t lost;		/* evidence: what --strict asks */
};

/* Runs until it is ended. enum ds_exit; ret_sums may be NULL. Only one at a time in a process. */
int ds_run_live(const struct ds_options *options, const struct ds_run_hooks *hooks,
		struct ds_run_sums *ret_sums);

struct uv_loop_s *ds_run_loop(struct ds_run *run);
const char *ds_run_node(const struct ds_run *run);

/* The API server that the run asks; NULL = none. Until close. */
struct ds_kube_api *ds_run_kube_api(const struct ds_run *run);

/* Ends the run; a second time does nothing. */
void ds_run_stop(struct ds_run *run);

/* The run goes on, and its status will be DS_EXIT_ERROR. */
void ds_run_fail(struct ds_run *run);

/* An event of the command's own source: rank and source_seq are set here. Borrowed. */
void ds_run_deliver(struct ds_run *run, struct ds_event *ev);

/* So many things of that class were lost at that stage. */
void ds_run_lost(struct ds_run *run, int stage, const char *class, uint64_t cnt);

/* The end may come at any moment: for five minutes files are written as soon as they change. */
void ds_run_hurry(struct ds_run *run);

/* What the core holds, and what it could not place. */
struct ds_core_counts ds_run_counts(const struct ds_run *run);

/* Events that came later than the merge stage waits, so far. */
uint64_t ds_run_late(const struct ds_run *run);

/* When the loop last turned, by the monotonic clock. */
int64_t ds_run_turned_ns(const struct ds_run *run);

/* The kernel's programs are attached. */
bool ds_run_is_attached(const struct ds_run *run);

/* Attached, and the first list of the pods was read. */
bool ds_run_is_ready(const struct ds_run *run);

#endif
