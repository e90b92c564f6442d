// SPDX-License-Identifier: Apache-2.0
#include "user/core/core.h"

#include "tests/unit/random_event.h"
#include "user/core/flow.h"
#include "user/core/state.h"
#include "user/util/hash.h"

#define S 1000	/* ms */

/* ---- the front door ---- */

static void start_is_passed_on_and_its_run_id_is_everybodys(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	assert_string_equal(fx_only(f, DS_EVENT_START)->version, "test");
	fx_pod(f, 0, 1);
	fx_terminating(f, S, 1);
	fx_final(f, 2 * S);
	for (int i = 0; i < f->out_cnt; i++)
		assert_string_equal(f->out[i].run_id, "8f3a61c2");
}

static void pods_and_targets_are_passed_on_evidence_is_not(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 0, 1, DS_TARGET_STATE_HEALTHY);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	assert_int_equal(fx_count(f, DS_EVENT_POD_STATE), 1);
	assert_int_equal(fx_count(f, DS_EVENT_TARGET), 1);
	assert_int_equal(f->out_cnt, 4);	/* and the start, and the phase */
}

static void the_output_of_another_run_is_not_taken(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev;

		if (ds_kinds[kind].input)
			continue;
		ds_event_init(&ev, (enum ds_event_kind)kind, fx_at(0));
		DS_SET_STR(&ev, POD_UID, pod_uid, "u1");
		ds_core_feed(f->core, &ev);
	}
	assert_int_equal(f->out_cnt, 1);
}

/* So that lines of many nodes can be told apart after they were put together. */
static void every_line_says_where_it_is(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_START, fx_at(0));
	strcpy(ev.run_id, "8f3a61c2");
	DS_SET_STR(&ev, VERSION, version, "test");
	DS_SET_STR(&ev, CLUSTER, cluster, "prod-eu1");
	DS_SET_STR(&ev, NODE, node, "node-1");
	ds_core_feed(f->core, &ev);
	fx_lb(f);
	fx_pod(f, 0, 1);
	ev = fx_pod_event(0, 2);
	DS_SET_STR(&ev, NODE, node, "node-2");	/* who said it knows better */
	ds_core_feed(f->core, &ev);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, S, 1);
	fx_refused(f, 2 * S, 1, 1, 1);
	fx_tick(f, 61 * S);
	fx_final(f, 62 * S);
	assert_true(fx_count(f, DS_EVENT_DROP) && fx_count(f, DS_EVENT_VERDICT) &&
		    fx_count(f, DS_EVENT_HEALTH) && fx_count(f, DS_EVENT_STOP));
	assert_string_equal(fx_nth(f, DS_EVENT_POD_STATE, 0)->node, "node-1");
	assert_string_equal(fx_nth(f, DS_EVENT_POD_STATE, 1)->node, "node-2");
	for (int i = 0; i < f->out_cnt; i++)
		assert_string_equal(f->out[i].cluster, "prod-eu1");
	assert_string_equal(fx_nth(f, DS_EVENT_DROP, 0)->node, "node-1");
	assert_string_equal(fx_nth(f, DS_EVENT_HEALTH, 0)->node, "node-1");
}

/* Nobody read it: that says nothing about what was seen. */
static void lost_lines_are_no_lost_evidence(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 10000, 900000, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 0, 1, DS_TARGET_STATE_HEALTHY);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_loss(f, 3 * S, DS_LOSS_STAGE_OUTPUT, 5);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->health, DS_HEALTH_DEGRADED);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->lost_userspace, 5);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 20 * S);
	assert_int_equal(fx_only(f, DS_EVENT_VERDICT)->verdict, DS_VERDICT_CLEAN);
	assert_int_equal(ds_core_lost(f->core), 5);
}

static void the_final_tick_ends_with_the_sums(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *stop;

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, S, 1);
	fx_refused(f, 2 * S, 1, 1, 1);
	FX_PACKET(f, 2 * S, .n = 1, .peer = "10.0.9.9", .peer_port = 1, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "SYN", .seq = 1);
	fx_loss(f, 2 * S, DS_LOSS_STAGE_POLL, 2);
	fx_final(f, 3 * S);
	stop = fx_only(f, DS_EVENT_STOP);
	assert_ptr_equal(stop, &f->out[f->out_cnt - 1]);
	assert_int_equal(stop->verdict_drops, 1);
	assert_int_equal(stop->drops_by[DS_CAUSE_LISTENER_CLOSED], 1);
	assert_int_equal(stop->not_drops[DS_NOT_DROP_OTHER_PEER], 1);
	assert_int_equal(stop->lost_events, 2);
	assert_int_equal(ds_core_rollout_drops(f->core), 1);
	assert_int_equal(ds_core_lost(f->core), 2);
}

/* A finding stands before what is concluded from it: drops, verdict, advice, stop. */
static void what_the_end_brings_comes_in_order(void **state)
{
	struct fixture *f = *state;
	int at[DS_EVENT_MAX] = { 0 };

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, S, 1);
	fx_refused(f, 2 * S, 1, 1, 1);
	fx_final(f, 2100);
	for (int i = 0; i < f->out_cnt; i++)
		at[f->out[i].kind] = i;
	assert_true(0 < at[DS_EVENT_DROP] && at[DS_EVENT_DROP] < at[DS_EVENT_VERDICT]);
	assert_true(at[DS_EVENT_VERDICT] < at[DS_EVENT_ADVICE] &&
		    at[DS_EVENT_ADVICE] < at[DS_EVENT_STOP]);
}

/* ---- health ---- */

static void health_every_60_s(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_ticks(f, S, 59 * S);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 0);
	fx_ticks(f, 60 * S, 125 * S);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 0)->health, DS_HEALTH_OK);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 0)->window_s, 60);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 0)->level, DS_LEVEL_INFO);
}

static void health_at_once_on_a_loss_but_once_a_second(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_loss(f, 5000, DS_LOSS_STAGE_RINGBUF, 4);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->health, DS_HEALTH_DEGRADED);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->level, DS_LEVEL_WARN);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->lost_ringbuf, 4);
	fx_loss(f, 5500, DS_LOSS_STAGE_POLL, 1);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 1);
	fx_loss(f, 6000, DS_LOSS_STAGE_POLL, 1);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 1)->lost_events, 6);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 1)->lost_userspace, 2);
	fx_tick(f, 67000);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 2)->health, DS_HEALTH_OK);
}

static void a_loss_without_a_count_is_one(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_loss(f, 5000, DS_LOSS_STAGE_WATCH, 0);
	assert_int_equal(ds_core_lost(f->core), 1);
}

static void sums_of_losses_stop_at_their_limit(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	for (int i = 0; i < 3; i++)
		fx_loss(f, 5000, DS_LOSS_STAGE_RINGBUF, INT64_MAX - 5);
	assert_true(ds_core_lost(f->core) == INT64_MAX);
}

static void tick_of_watch(struct fixture *f, int ms, int64_t restarts, int64_t lag_ns)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, fx_at(ms));
	DS_SET(&ev, WATCH_RESTARTS, watch_restarts, restarts);
	DS_SET(&ev, WATCH_LAG, watch_lag, lag_ns);
	ds_core_feed(f->core, &ev);
}

/* At once when it falls behind, then with every line; the worst since the line before. */
static void health_says_how_late_the_watch_is(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	fx_start(f);

	tick_of_watch(f, 2000, 0, 4900 * DS_NS_PER_MS);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 0);
	tick_of_watch(f, 2250, 1, 5000 * DS_NS_PER_MS);
	ev = fx_only(f, DS_EVENT_HEALTH);
	assert_int_equal(ev->health, DS_HEALTH_DEGRADED);
	assert_int_equal(ev->level, DS_LEVEL_WARN);
	assert_int_equal(ev->watch_restarts, 1);
	assert_true(ev->watch_lag == 5000 * DS_NS_PER_MS);
	tick_of_watch(f, 30000, 2, 30000 * DS_NS_PER_MS);
	tick_of_watch(f, 62000, 3, 0);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 1);	/* it is known to be behind */
	tick_of_watch(f, 62250, 3, 0);
	ev = fx_nth(f, DS_EVENT_HEALTH, 1);
	assert_int_equal(ev->health, DS_HEALTH_DEGRADED);
	assert_true(ev->watch_lag == 30000 * DS_NS_PER_MS);
	assert_int_equal(ev->watch_restarts, 3);
	tick_of_watch(f, 122500, 3, 0);
	ev = fx_nth(f, DS_EVENT_HEALTH, 2);
	assert_int_equal(ev->health, DS_HEALTH_OK);
	assert_true(ds_event_has(ev, DS_KEY_WATCH_LAG) && ev->watch_lag == 0);
	tick_of_watch(f, 123600, 3, 6000 * DS_NS_PER_MS);	/* and again at once */
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 4);
}

static void the_sources_counters_stand_in_health(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_start(f);
	fx_pod(f, 0, 1);
	ds_event_init(&ev, DS_EVENT_TICK, fx_at(60 * S));
	DS_SET(&ev, TAP_ON_MS, tap_on_ms, 15 * DS_NS_PER_S);
	DS_SET(&ev, PROBES_ATTACHED_COUNT, probes_attached_count, 9);
	DS_SET(&ev, PROBES_MISSING_COUNT, probes_missing_count, 2);
	ds_core_feed(f->core, &ev);
	assert_true(fx_only(f, DS_EVENT_HEALTH)->tap_share == 0.25);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->probes_attached_count, 9);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->probes_missing_count, 2);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->cache_pods, 1);
}

/* ---- memory ---- */

static void ended_pods_leave_after_an_hour(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_pod(f, 0, 1);
	fx_terminating(f, S, 1);
	fx_phase(f, 2 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 100 * S);
	fx_tick(f, 3601 * S);
	assert_non_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
	fx_tick(f, 3602 * S);
	assert_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
}

/* DESIGN section 6: max(1 h, 2 × deregistration delay). */
static void a_longer_delay_keeps_them_longer(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);

	fx_start(f);
	fx_pod(f, 0, 1);
	DS_SET(&ev, TG_DELAY, tg_delay_s, 3600);
	ds_core_feed(f->core, &ev);
	fx_terminating(f, S, 1);
	fx_phase(f, 2 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 100 * S);
	fx_tick(f, 7201 * S);
	assert_non_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
	fx_tick(f, 7202 * S);
	assert_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
}

static void the_number_of_pods_is_bounded_without_any_tick(void **state)
{
	struct fixture *f = fx_new_bounded(10, 0);

	(void)state;
	fx_start(f);
	for (int n = 1; n <= 200; n++)
		fx_pod(f, n, n);
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 10);
	assert_int_equal(ds_ledger_stats(f->core->ledger).evictions, 190);
	assert_non_null(ds_ledger_find(f->core->ledger, fx_uid(200)));
	fx_free(f);
}

static void what_is_given_up_is_told_at_once(void **state)
{
	struct fixture *f = fx_new_bounded(2, 0);
	const struct ds_event *verdict;

	(void)state;
	fx_start(f);
	fx_pod(f, 0, 1);
	fx_pod(f, 1, 2);
	fx_tick(f, 2 * S);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 0);
	fx_terminating(f, 2500, 1);
	fx_pod(f, 3 * S, 3);	/* no room: the oldest goes, and it was going away */
	verdict = fx_only(f, DS_EVENT_VERDICT);
	assert_string_equal(verdict->pod_name, "web-1");
	assert_int_equal(verdict->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict->verdict_reason, DS_VERDICT_REASON_OBSERVATION_CUT);
	fx_tick(f, 3100);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->health, DS_HEALTH_DEGRADED);
	assert_int_equal(fx_only(f, DS_EVENT_HEALTH)->cache_evictions, 1);
	fx_pod(f, 3200, 4);
	fx_tick(f, 3300);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 1);	/* at most one a second */
	fx_tick(f, 4100);
	assert_int_equal(fx_nth(f, DS_EVENT_HEALTH, 1)->cache_evictions, 2);
	fx_ticks(f, 5 * S, 60 * S);
	assert_int_equal(fx_count(f, DS_EVENT_HEALTH), 2);
	fx_free(f);
}

/* ---- the same events, the same bytes ---- */

/* A rollout of three pods, with every kind of evidence. */
static void rollout(struct fixture *f)
{
	fx_start_with(f, 10 * S, 100 * S, "auto", 2);
	fx_lb(f);
	for (int n = 1; n <= 3; n++) {
		fx_pod(f, n, n);
		fx_listener(f, n, n, DS_SOCKET_CHANGE_LISTENING);
		fx_target(f, n, n, DS_TARGET_STATE_HEALTHY);
	}
	for (int n = 1; n <= 3; n++) {
		int64_t at = n * 20 * S;

		fx_terminating(f, at, n);
		fx_target(f, at + S, n, DS_TARGET_STATE_DRAINING);
		fx_process(f, at + 2 * S, n, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
		fx_listener(f, at + 2100, n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
		for (int i = 0; i < 5; i++)
			fx_refused(f, at + 3000 + i * 10, n, i, i);
		fx_process(f, at + 4 * S, n, 1, DS_PROCESS_CHANGE_EXITED, 0);
		fx_released(f, at + 5 * S, n);
		fx_syn_died(f, at + 6 * S, n, 77, 1);
		fx_phase(f, at + 7 * S, n, DS_PHASE_DELETED);
		fx_ticks(f, at + 8 * S, at + 19 * S);
	}
	fx_ticks(f, 80 * S, 200 * S);
	fx_final(f, 201 * S);
}

static void assert_same_bytes(struct fixture *a, struct fixture *b)
{
	assert_int_equal(a->bytes.len, b->bytes.len);
	assert_memory_equal(a->bytes.data, b->bytes.data, a->bytes.len);
}

static void a_rollout_gives_the_same_bytes_under_any_hash_key(void **state)
{
	static const uint8_t seeds[2][16] = { { 1 }, { 200, 7, 9 } };
	struct fixture *runs[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		ds_hash_seed(seeds[i]);
		runs[i] = fx_new_bounded(0, 0);
		rollout(runs[i]);
		/* Tables are made under one key: those of this run end with it. */
		ds_core_free(&runs[i]->core);
	}
	assert_int_equal(fx_count(runs[0], DS_EVENT_VERDICT), 3);
	assert_same_bytes(runs[0], runs[1]);
	fx_free(runs[0]);
	fx_free(runs[1]);
}

/* Whatever comes in: no crash, no undefined behaviour (SAN=1), and the same bytes twice. */
static struct fixture *hostile_run(uint64_t seed, bool wild, int events)
{
	struct random_events r = { .state = seed, .now_ns = FX_BEGIN, .wild = wild };
	struct fixture *f = fx_new_bounded(6, 16);

	f->bytes_only = true;
	for (int i = 0; i < events; i++) {
		struct ds_event ev;

		random_event(&r, &ev);
		ds_core_feed(f->core, &ev);
		assert_true(ds_ledger_stats(f->core->ledger).pods <= 6);
	}
	fx_final(f, (r.now_ns - FX_BEGIN) / DS_NS_PER_MS);
	return f;
}

static void check_lines(const struct fixture *f)
{
	const char *at = f->bytes.data, *end = at + f->bytes.len;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct ds_perr perr;
		struct ds_event ev;

		assert_non_null(newline);
		assert_true(newline - at < DS_EVENT_LINE_MAX);
		if (ds_event_read(at, (size_t)(newline - at), 0, &ev, &perr))
			fail_msg("cannot be read again: %s: %.*s", perr.what, (int)(newline - at),
				 at);
		ds_event_clear(&ev);
		at = newline + 1;
	}
}

static void hostile(bool wild)
{
	uint64_t drops = 0;

	for (uint64_t seed = 1; seed <= 32; seed++) {
		struct fixture *a = hostile_run(seed, wild, 4000),
			       *b = hostile_run(seed, wild, 4000);

		assert_same_bytes(a, b);
		check_lines(a);
		for (int i = 0; i < DS_CAUSE_MAX; i++)
			drops += a->core->drops_by[i];
		fx_free(a);
		fx_free(b);
	}
	assert_true(drops > 100);	/* the events do meet each other */
}

static void random_events_give_the_same_bytes_twice(void **state)
{
	(void)state;
	hostile(false);
}

static void values_at_the_ends_of_their_ranges_do_no_harm(void **state)
{
	(void)state;
	hostile(true);
}

/* An open window counts for its pod, exactly: a leak would hold its verdict back for ever. */
static void the_counts_of_open_windows_are_exact(void **state)
{
	struct random_events r = { .state = 99, .now_ns = FX_BEGIN };
	struct fixture *f = fx_new_bounded(6, 16);

	(void)state;
	f->bytes_only = true;
	for (int i = 0; i < 20000; i++) {
		uint32_t open = 0, counted = 0;
		struct ds_event ev;

		random_event(&r, &ev);
		ds_core_feed(f->core, &ev);
		for (struct ds_flow *flow = ds_flows_first(f->core->flows); flow; flow = flow->next)
			open += flow->window != DS_FLOW_WINDOW_NONE && flow->balanced;
		for (struct ds_pod *pod = ds_ledger_first(f->core->ledger); pod; pod = pod->next)
			counted += pod->open_windows;
		assert_int_equal(counted, open);
	}
	fx_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(start_is_passed_on_and_its_run_id_is_everybodys),
		FX_TEST(pods_and_targets_are_passed_on_evidence_is_not),
		FX_TEST(the_output_of_another_run_is_not_taken),
		FX_TEST(every_line_says_where_it_is),
		FX_TEST(lost_lines_are_no_lost_evidence),
		FX_TEST(the_final_tick_ends_with_the_sums),
		FX_TEST(what_the_end_brings_comes_in_order),
		FX_TEST(health_every_60_s),
		FX_TEST(health_at_once_on_a_loss_but_once_a_second),
		FX_TEST(a_loss_without_a_count_is_one),
		FX_TEST(sums_of_losses_stop_at_their_limit),
		FX_TEST(health_says_how_late_the_watch_is),
		FX_TEST(the_sources_counters_stand_in_health),
		FX_TEST(ended_pods_leave_after_an_hour),
		FX_TEST(a_longer_delay_keeps_them_longer),
		FX_TEST(the_number_of_pods_is_bounded_without_any_tick),
		FX_TEST(what_is_given_up_is_told_at_once),
		cmocka_unit_test(a_rollout_gives_the_same_bytes_under_any_hash_key),
		cmocka_unit_test(random_events_give_the_same_bytes_twice),
		cmocka_unit_test(values_at_the_ends_of_their_ranges_do_no_harm),
		cmocka_unit_test(the_counts_of_open_windows_are_exact),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
