// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: a recording, line by line as a replay takes it. Whatever the core prints can be read
 * again, with the addresses of clients taken out too, and in a table it shows nothing that a
 * terminal would obey; the same lines give the same bytes twice. What the core leaves for a later
 * run is a state file that such a run takes.
 *
 * Longest input: 16384
 * Built from: user/core/absence.c user/core/address.c user/core/advise.c user/core/arrival.c
 * Built from: user/core/balance.c user/core/cadence.c user/core/cause.c user/core/core.c
 * Built from: user/core/correlate.c user/core/drain.c user/core/drop.c user/core/event_pack.c
 * Built from: user/core/evidence.c user/core/flow.c user/core/host.c user/core/identity.c
 * Built from: user/core/instance.c user/core/ledger.c user/core/merge.c user/core/output.c
 * Built from: user/core/peer.c user/core/phase.c user/core/pod.c user/core/poll.c
 * Built from: user/core/process.c user/core/restore.c user/core/routed.c user/core/snapshot.c
 * Built from: user/core/state_file.c user/core/tap.c user/core/target.c user/core/target_clock.c
 * Built from: user/core/target_clock_learn.c user/core/target_facts.c user/core/target_group.c
 * Built from: user/core/timeline.c user/core/traffic_rate.c user/core/verdict.c
 * Built from: user/core/ending.c
 * Built from: user/core/workload.c user/sink/redact.c user/sink/table_render.c user/util/arena.c
 * Built from: user/util/wipe.c
 */
#include <stdlib.h>
#include <string.h>

#include "user/core/core.h"
#include "user/core/event_json.h"
#include "user/core/state_file.h"
#include "user/sink/redact.h"
#include "user/sink/table_render.h"
#include "user/util/hash.h"

#define BEGIN INT64_C(1795387050000000000)
#define STEP INT64_C(500000000)		/* between two lines that tell no time */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
	struct ds_core *core;
	struct ds_redact *redact;
	struct ds_table_sums sums;
	struct ds_buf line, row;
	uint64_t hash, seq;
	int64_t last_ns;
};

static void check(bool good)
{
	if (!good)
		abort();
}

static void check_line(struct run *run, const struct ds_event *ev)
{
	struct ds_event again;
	struct ds_perr perr;

	ds_event_write(&run->line, ev, run->seq++);
	check(!run->line.failed);
	check(!ds_event_read(run->line.data, run->line.len - 1, 0, &again, &perr));
	ds_event_clear(&again);
	run->hash = run->hash * 31 + ds_siphash13(1, 2, run->line.data, run->line.len);
}

static void check_row(struct run *run, const struct ds_event *ev)
{
	static const struct ds_table_style style = { .wide = true, .start_ns = BEGIN,
						     .time = DS_TABLE_TIME_RELATIVE };

	ds_buf_clear(&run->row);
	ds_table_row(&run->row, ev, &style);
	ds_table_sums_add(&run->sums, ev);
	for (size_t i = 0; i < run->row.len; i++) {
		unsigned char c = (unsigned char)run->row.data[i];

		check(c == '\n' || (c >= ' ' && c != 0x7f));
		/* data ends with a NUL */
		check(c != 0xc2 || (unsigned char)run->row.data[i + 1] >= 0xa0);
	}
}

static void emit(void *ctx, const struct ds_event *ev)
{
	struct ds_event redacted = *ev;

	check_line(ctx, ev);
	check_row(ctx, ev);
	ds_redact_event(((struct run *)ctx)->redact, &redacted);
	check_line(ctx, &redacted);
}

static void wish(void *ctx, const struct ds_wish *w)
{
	struct run *run = ctx;

	run->hash = run->hash * 31 + ds_siphash13(w->kind, w->port, &w->addr, sizeof(w->addr));
}

static void set_up(struct run *run)
{
	static const char secret[] = "a secret that is long enough";
	/* Small tables: what makes room for others is looked at too. */
	struct ds_core_options o = { .max_pods = 6, .max_flows = 12, .emit = emit, .wish = wish,
				     .ctx = run };

	check(!ds_core_new(&run->core, &o) && !ds_redact_new(&run->redact, secret, sizeof(secret)));
}

static void feed(void *ctx, struct ds_event *ev)
{
	struct run *run = ctx;

	ds_redact_learn(run->redact, ev);
	if (ev->time_ns > run->last_ns)
		run->last_ns = ev->time_ns;
	ds_core_feed(run->core, ev);
}

static void feed_lines(struct run *run, const char *text, size_t size)
{
	int64_t now_ns = BEGIN;

	for (size_t at = 0; at < size; now_ns += STEP) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end ? (size_t)(end - text) - at : size - at;
		struct ds_event ev;
		struct ds_perr perr;

		if (!ds_event_read(text + at, len, now_ns, &ev, &perr)) {
			if (ds_kinds[ev.kind].input)
				feed(run, &ev);
			ds_event_clear(&ev);
		}
		at += len + 1;
	}
}

/* What a later run would get. */
static void save(const struct run *run, struct ds_state_text *t, struct ds_state_view *ret_view)
{
	const struct ds_state_header header = {
		.time_ns = ds_event_time(ds_core_known_until(run->core)),
		.run_id = "8f3a61c2", .boot_id = "0d5f21a9-4c6e-4a36-9b39-000000000000",
	};
	char why[DS_STATE_WHY_LEN + 1];

	ds_state_begin(t, &header);
	ds_core_snapshot(run->core, ds_state_add, t);
	check(!ds_state_end(t) && !ds_state_parse(t->all.data, t->all.len, ret_view, why));
}

static void finish(struct run *run)
{
	struct ds_event tick;

	ds_event_init(&tick, DS_EVENT_TICK, run->last_ns);
	DS_SET(&tick, FINAL, final, true);
	ds_core_feed(run->core, &tick);
}

static void tear_down(struct run *run)
{
	ds_core_free(&run->core);
	ds_redact_free(&run->redact);
	ds_table_sums_free(&run->sums);
	ds_buf_free(&run->line);
	ds_buf_free(&run->row);
}

/* The run after: it knows what was left, and leaves it again. */
static void go_on(const struct ds_state_view *view, int64_t last_ns)
{
	struct ds_state_text t = { 0 };
	struct ds_state_view again;
	struct run run = { .last_ns = BEGIN };

	set_up(&run);
	run.last_ns = last_ns;
	check(!ds_state_each(view, true, feed, &run));
	save(&run, &t, &again);
	finish(&run);
	tear_down(&run);
	ds_state_text_free(&t);
}

static uint64_t play(const uint8_t *data, size_t size, bool save_it)
{
	struct ds_state_text t = { 0 };
	struct ds_state_view view;
	struct run run = { .last_ns = BEGIN };

	set_up(&run);
	feed_lines(&run, (const char *)data, size);
	if (save_it) {
		save(&run, &t, &view);
		go_on(&view, run.last_ns);
	}
	finish(&run);
	tear_down(&run);
	ds_state_text_free(&t);
	return run.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(play(data, size, true) == play(data, size, false));
	return 0;
}
