// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/restart_story.h"

static struct fixture *story(void)
{
	struct fixture *f = fx_new_bounded(0, 0);

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1 * S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_process(f, 3 * S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_listener(f, 3100, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_refused(f, 3200, 1, 40000, 7);
	fx_ticks(f, 3300, 4300);
	return f;
}

static struct ds_pod *pod_of(const struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static void an_empty_core_makes_an_empty_state(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0);

	(void)state;
	assert_round(f);
	fx_free(f);
}

static void a_story_comes_back_with_the_same_bytes(void **state)
{
	struct fixture *f = story();

	(void)state;
	assert_round(f);
	fx_process(f, 5 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	fx_released(f, 6 * S, 1);
	fx_pod_at(f, 7 * S, 2, "10.0.3.1"); /* the address again */
	fx_phase(f, 8 * S, 1, DS_PHASE_DELETED);
	fx_loss(f, 8 * S, DS_LOSS_STAGE_RINGBUF, 3);
	fx_target(f, 9 * S, 1, DS_TARGET_STATE_UNUSED);
	assert_round(f);
	fx_ticks(f, 9 * S, 60 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
	assert_round(f);
	fx_free(f);
}

/* Any story at all: the events below in a random order, at random times. */
static void random_stories_come_back_with_the_same_bytes(void **state)
{
	uint64_t x = 88172645463325252u;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct fixture *f = fx_new_bounded(round % 3 ? 0 : 5, 0);
		int64_t ms = 0;

		f->bytes_only = true;
		fx_start_with(f, 2 * S, 900 * S, "auto", 0);
		for (int step = 0; step < 300; step++) {
			char address[DS_ADDR_STRLEN];
			int n, m;

			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			n = 1 + (int)(x >> 8 & 7);
			m = 1 + (int)(x >> 12 & 7);
			ms += (int64_t)(x >> 20 & 1023) - 100;
			if (ms < 0)
				ms = 0;
			(void)snprintf(address, sizeof(address), "10.0.3.%d", m);
			switch (x >> 32 & 15) {
			case 0:
				fx_pod(f, ms, n);
				break;
			case 1:
				fx_pod_at(f, ms, n, address);
				break;
			case 2:
				fx_terminating(f, ms, n);
				break;
			case 3:
				fx_phase(f, ms, n, (enum ds_phase)(x >> 40 & 3));
				break;
			case 4:
				fx_phase(f, ms, n, DS_PHASE_DELETED);
				break;
			case 5:
				fx_listener(f, ms, n, DS_SOCKET_CHANGE_LISTENING);
				break;
			case 6:
				fx_listener(f, ms, n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
				break;
			case 7:
				fx_process(f, ms, n, m, DS_PROCESS_CHANGE_SIGTERM, 0);
				break;
			case 8:
				fx_process(f, ms, n, m, DS_PROCESS_CHANGE_EXITED,
					   (int)(x >> 40 & 255));
				break;
			case 9:
				fx_process(f, ms, n, m, DS_PROCESS_CHANGE_SIGKILL, 0);
				break;
			case 10:
				fx_released(f, ms, n);
				break;
			case 11:
				fx_target(f, ms, n, (enum ds_target_state)(x >> 40 & 7));
				break;
			case 12:
				fx_refused(f, ms, n, 40000 + step, step);
				break;
			case 13:
				fx_syn_died(f, ms, n, 40000 + step, step);
				break;
			case 14:
				fx_process(f, ms, n, m, DS_PROCESS_CHANGE_OOM_KILLED, 0);
				break;
			default:
				fx_tick(f, ms);
			}
		}
		assert_round(f);
		fx_free(f);
	}
}

static void pods_known_by_name_or_address_come_back(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0);
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1, fd00::1");
	ds_core_feed(f->core, &ev);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.2");
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "web");
	ds_core_feed(f->core, &ev);
	fx_released(f, 5 * S, 1);
	assert_round(f);
	fx_free(f);
}

/* Whose pod the balancer means, and a drain that its target has no more: both are needed still. */
static void a_reused_address_comes_back_with_its_owners(void **state)
{
	struct fixture *f = story(), *g;
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	fx_released(f, 5 * S, 1);
	fx_phase(f, 5100, 1, DS_PHASE_DELETED);
	fx_pod_at(f, 5200, 2, "10.0.3.1");
	assert_round(f);
	g = restarted(f, 6 * S);
	assert_int_equal(ds_targets_of(g->core->targets, &a)->assigned_ns, fx_at(20));
	assert_ptr_equal(ds_target_earlier_pod(g->core, ds_targets_of(g->core->targets, &a),
					       pod_of(g, 2)),
			 pod_of(g, 1));
	fx_free(g);
	fx_target(f, 5300, 1, DS_TARGET_STATE_HEALTHY);
	assert_true(pod_of(f, 1)->drain_kept);
	assert_round(f);
	g = restarted(f, 6 * S);
	assert_true(pod_of(g, 1)->drain_kept);
	assert_int_equal(ds_pod_drain(g->core, pod_of(g, 1), FX_PORT).hi_ns, fx_at(2 * S));
	assert_int_equal(ds_pod_drain(g->core, pod_of(g, 1), FX_PORT).delay_ns, 30 * DS_NS_PER_S);
	assert_false(ds_pod_drain(g->core, pod_of(g, 2), FX_PORT).began);
	fx_free(g);
	fx_free(f);
}

/* Two pods that only their address names, one after the other. */
static void nameless_pods_of_one_address_come_back_as_two(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0), *g;
	enum ds_holding holding;
	struct ds_addr a = fx_pod_addr(1);
	struct ds_pod *first, *second;
	struct ds_event ev;

	(void)state;
	fx_start(f);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	ds_core_feed(f->core, &ev);
	fx_released(f, 1 * S, 1);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(2 * S));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	ds_core_feed(f->core, &ev);
	assert_round(f);
	g = restarted(f, 6 * S);
	assert_int_equal(ds_ledger_stats(g->core->ledger).pods, 2);
	second = ds_ledger_lookup(g->core->ledger, &a, fx_at(7 * S), &holding);
	assert_int_equal(holding, DS_HOLDING_HELD);
	first = ds_ledger_lookup(g->core->ledger, &a, fx_at(1500), &holding);
	assert_int_equal(holding, DS_HOLDING_RELEASED);
	assert_ptr_not_equal(first, second);
	assert_int_equal(first->reused_ns, fx_at(2 * S));
	assert_string_equal(ds_ledger_key(second), "10.0.3.1");
	fx_free(g);
	fx_free(f);
}

static void restored_pods_are_told_once_and_their_past_is_not(void **state)
{
	struct fixture *f = story(), *g = restarted(f, 6 * S);
	const struct ds_event *told = fx_only(g, DS_EVENT_POD_STATE);

	(void)state;
	assert_true(told->restored);
	assert_string_equal(told->pod_name, "web-1");
	assert_int_equal(fx_count(g, DS_EVENT_PHASE), 0);
	assert_int_equal(fx_count(g, DS_EVENT_DROP), 0);
	assert_int_equal(pod_of(g, 1)->rollout_drops, 1);
	assert_int_equal(g->core->now_ns, fx_at(6 * S));
	fx_free(g);
	fx_free(f);
}

static void drops_after_the_restart_are_that_pods(void **state)
{
	struct fixture *f = story(), *g = restarted(f, 6 * S);
	const struct ds_event *drop;

	(void)state;
	fx_refused(g, 6500, 1, 40001, 9);
	fx_ticks(g, 7 * S, 8 * S);
	drop = fx_only(g, DS_EVENT_DROP);
	assert_int_equal(drop->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_string_equal(drop->pod_name, "web-1");
	assert_int_equal(drop->phase, DS_PHASE_LISTENER_CLOSED);
	assert_int_equal(drop->since_t0, 5500 * DS_NS_PER_MS);
	assert_int_equal(drop->relation, DS_RELATION_DURING_DRAIN);
	fx_free(g);
	fx_free(f);
}

static void what_the_core_wishes_is_wished_again(void **state)
{
	struct fixture *f = story(), *g = restarted(f, 6 * S);
	bool watched = false, tapped = false;
	struct ds_addr a = fx_pod_addr(1);

	(void)state;
	for (int i = 0; i < g->wishes_cnt; i++) {
		watched |= g->wishes[i].kind == DS_WISH_WATCH &&
			   ds_addr_equal(&g->wishes[i].addr, &a);
		tapped |= g->wishes[i].kind == DS_WISH_TAP && g->wishes[i].tap_on;
	}
	assert_true(watched);
	assert_true(tapped);
	fx_free(g);
	fx_free(f);
}

static const struct ds_event *end_of(struct fixture *g)
{
	fx_process(g, 7 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(g, 8 * S, 1);
	fx_phase(g, 9 * S, 1, DS_PHASE_DELETED);
	fx_target(g, 10 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_ticks(g, 11 * S, 30 * S);
	return fx_only(g, DS_EVENT_VERDICT);
}

static void the_gap_is_in_the_verdict_and_in_no_count(void **state)
{
	struct fixture *f = story(), *g;
	const struct ds_event *verdict;

	(void)state;
	g = restarted(f, 6 * S); /* the story ends at 4.3 s */
	verdict = end_of(g);
	assert_int_equal(verdict->verdict, DS_VERDICT_DROPPED);
	assert_int_equal(verdict->verdict_reason, DS_VERDICT_REASON_RESTART_GAP);
	assert_int_equal(verdict->not_observed, 1700 * DS_NS_PER_MS);
	assert_int_equal(verdict->verdict_drops, 1);
	assert_int_equal(verdict->lost_events, 0);
	assert_int_equal(verdict->sigterm_to_exit, 4 * DS_NS_PER_S);
	assert_int_equal(ds_core_lost(g->core), 0);
	fx_free(g);
	fx_free(f);
}

static void never_clean_over_a_gap(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0), *g;

	(void)state;
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1 * S, 1);
	fx_ticks(f, 2 * S, 3 * S);
	g = restarted(f, 6 * S);
	assert_int_equal(end_of(g)->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(fx_only(g, DS_EVENT_VERDICT)->verdict_reason,
			 DS_VERDICT_REASON_RESTART_GAP);
	assert_int_equal(fx_only(g, DS_EVENT_VERDICT)->not_observed, 3 * DS_NS_PER_S);
	fx_free(g);
	fx_free(f);
}

/* T0 in the gap, told after it: the part from T0 on was not observed. */
static void a_pod_that_began_to_go_in_the_gap(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0), *g;

	(void)state;
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_ticks(f, 1 * S, 2 * S);
	g = restarted(f, 6 * S);
	fx_terminating(g, 4 * S, 1);
	assert_int_equal(end_of(g)->verdict_reason, DS_VERDICT_REASON_RESTART_GAP);
	assert_int_equal(fx_only(g, DS_EVENT_VERDICT)->not_observed, 2 * DS_NS_PER_S);
	fx_free(g);
	fx_free(f);
}

/* Its end alone is found, by the first list after the gap: nothing tells when it began to go. */
static const struct ds_event *found_gone(struct fixture **f, struct fixture **g, int64_t at_ms)
{
	*f = fx_new_bounded(0, 0);
	fx_start_with(*f, 10 * S, 900 * S, "auto", 0);
	fx_lb(*f);
	fx_pod(*f, 0, 1);
	fx_target(*f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_ticks(*f, 1 * S, 2 * S);
	*g = restarted(*f, 6 * S);
	fx_released(*g, at_ms, 1);
	fx_phase(*g, at_ms + 1, 1, DS_PHASE_DELETED);
	fx_target(*g, at_ms + S, 1, DS_TARGET_STATE_UNUSED);
	fx_ticks(*g, at_ms + 2 * S, at_ms + 20 * S);
	return fx_only(*g, DS_EVENT_VERDICT);
}

static void a_pod_that_went_in_the_gap(void **state)
{
	const struct ds_event *verdict;
	struct fixture *f, *g;

	(void)state;
	verdict = found_gone(&f, &g, 8 * S);
	assert_int_equal(verdict->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict->verdict_reason, DS_VERDICT_REASON_RESTART_GAP);
	assert_int_equal(verdict->not_observed, 4 * DS_NS_PER_S);
	fx_free(g);
	fx_free(f);
	verdict = found_gone(&f, &g, 36 * S); /* no list takes that long: it went after the gap */
	assert_int_equal(verdict->verdict, DS_VERDICT_CLEAN);
	fx_free(g);
	fx_free(f);
}

static void a_pod_that_goes_after_the_gap_is_clean(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0), *g;

	(void)state;
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_ticks(f, 1 * S, 2 * S);
	g = restarted(f, 5 * S);
	fx_terminating(g, 6 * S, 1);
	assert_int_equal(end_of(g)->verdict, DS_VERDICT_CLEAN);
	assert_false(ds_event_has(fx_only(g, DS_EVENT_VERDICT), DS_KEY_NOT_OBSERVED));
	fx_free(g);
	fx_free(f);
}

/* A connection that is not decided is in no snapshot: the gap begins with it. */
static void the_gap_begins_with_what_is_undecided(void **state)
{
	struct fixture *f = story();

	(void)state;
	assert_int_equal(ds_core_known_until(f->core), fx_at(4300));
	fx_syn_died(f, 5 * S, 1, 41000, 3);
	fx_tick(f, 6 * S);
	assert_int_equal(ds_core_known_until(f->core), fx_at(5 * S));
	fx_ticks(f, 7 * S, 20 * S);
	assert_int_equal(ds_core_known_until(f->core), fx_at(20 * S));
	fx_free(f);
}

/* Two restarts: both gaps count, also the one that only the state file knows. */
static void gaps_add_up(void **state)
{
	struct fixture *f = story(), *g = restarted(f, 5 * S), *h;

	(void)state;
	fx_tick(g, 5500);
	h = restarted(g, 6 * S);
	assert_int_equal(end_of(h)->not_observed, (700 + 500) * DS_NS_PER_MS);
	fx_free(h);
	fx_free(g);
	fx_free(f);
}

static void a_verdict_is_written_once_over_restarts(void **state)
{
	struct fixture *f = story(), *g;

	(void)state;
	assert_int_equal(end_of(f)->verdict, DS_VERDICT_DROPPED);
	g = restarted(f, 40 * S);
	fx_ticks(g, 41 * S, 200 * S);
	assert_int_equal(fx_count(g, DS_EVENT_VERDICT), 0);
	/* Late packets still find the pod. */
	fx_syn_died(g, 200 * S, 1, 41000, 3);
	fx_ticks(g, 201 * S, 215 * S);
	assert_string_equal(fx_only(g, DS_EVENT_DROP)->pod_name, "web-1");
	assert_int_equal(fx_only(g, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_RELEASED);
	fx_free(g);
	fx_free(f);
}

/* The verdict that the end of a run forces is not the last word. */
static void a_cut_verdict_is_done_again(void **state)
{
	struct fixture *f = story(), *g;

	(void)state;
	fx_final(f, 5 * S);
	assert_int_equal(fx_only(f, DS_EVENT_VERDICT)->verdict_reason,
			 DS_VERDICT_REASON_OBSERVATION_CUT);
	g = restarted(f, 6 * S);
	assert_int_equal(end_of(g)->verdict_reason, DS_VERDICT_REASON_RESTART_GAP);
	fx_free(g);
	fx_free(f);
}

/* An events file is read from its beginning: what the state holds already changes nothing. */
static void events_told_before_are_not_told_again(void **state)
{
	struct fixture *f = story(), *g = restarted(f, 6 * S);
	int pods = fx_count(g, DS_EVENT_POD_STATE), targets = fx_count(g, DS_EVENT_TARGET);

	(void)state;
	fx_pod(g, 0, 1);
	fx_target(g, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(g, 1 * S, 1);
	fx_target(g, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	assert_int_equal(fx_count(g, DS_EVENT_POD_STATE), pods);
	assert_int_equal(fx_count(g, DS_EVENT_TARGET), targets);
	assert_int_equal(fx_count(g, DS_EVENT_PHASE), 0);
	assert_int_equal(end_of(g)->not_observed, 1700 * DS_NS_PER_MS);
	assert_int_equal(fx_only(g, DS_EVENT_VERDICT)->drain_not_after, fx_at(2 * S));
	fx_free(g);
	fx_free(f);
}

static void another_boot_knows_pods_but_no_namespace_and_no_listener(void **state)
{
	struct fixture *f = story(), *g = fx_new_bounded(0, 0);
	struct ds_state_text text = { 0 };

	(void)state;
	fx_listener(f, 5 * S, 1, DS_SOCKET_CHANGE_LISTENING);
	assert_true(pod_of(f, 1)->netns != 0);
	write_state(f, &text);
	load(g, &text, false);
	assert_non_null(pod_of(g, 1));
	assert_int_equal(pod_of(g, 1)->netns, 0);
	assert_int_equal(pod_of(g, 1)->listeners_cnt, 0);
	assert_int_equal(pod_of(g, 1)->t0_ns, fx_at(1 * S));
	ds_state_text_free(&text);
	fx_free(g);
	fx_free(f);
}

static void a_bounded_core_takes_what_it_can(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0), *g = fx_new_bounded(10, 0);
	struct ds_state_text text = { 0 };

	(void)state;
	for (int n = 1; n <= 100; n++)
		fx_pod(f, n, n);
	write_state(f, &text);
	load(g, &text, true);
	assert_int_equal(ds_ledger_stats(g->core->ledger).pods, 10);
	assert_int_equal(ds_ledger_stats(g->core->ledger).evictions, 90);
	ds_state_text_free(&text);
	fx_free(g);
	fx_free(f);
}

/* Else the tail would be told as if it were exact, and the hook advised too short. */
static void the_error_of_the_last_arrival_comes_back(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0), *g;
	struct ds_pod *pod;

	(void)state;
	fx_start(f);
	fx_pod(f, 0, 1);
	fx_terminating(f, 1000, 1);
	pod = ds_ledger_first(f->core->ledger);
	pod->last_arrival_ns = fx_at(1500);
	pod->last_arrival_error_ns = 3100 * DS_NS_PER_MS;
	g = restarted(f, 3000);
	pod = ds_ledger_first(g->core->ledger);
	assert_int_equal(pod->last_arrival_ns, fx_at(1500));
	assert_int_equal(pod->last_arrival_error_ns, 3100 * DS_NS_PER_MS);
	fx_free(g);
	fx_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_core_makes_an_empty_state),
		cmocka_unit_test(a_story_comes_back_with_the_same_bytes),
		cmocka_unit_test(random_stories_come_back_with_the_same_bytes),
		cmocka_unit_test(pods_known_by_name_or_address_come_back),
		cmocka_unit_test(a_reused_address_comes_back_with_its_owners),
		cmocka_unit_test(nameless_pods_of_one_address_come_back_as_two),
		cmocka_unit_test(restored_pods_are_told_once_and_their_past_is_not),
		cmocka_unit_test(drops_after_the_restart_are_that_pods),
		cmocka_unit_test(what_the_core_wishes_is_wished_again),
		cmocka_unit_test(the_gap_is_in_the_verdict_and_in_no_count),
		cmocka_unit_test(never_clean_over_a_gap),
		cmocka_unit_test(a_pod_that_began_to_go_in_the_gap),
		cmocka_unit_test(a_pod_that_went_in_the_gap),
		cmocka_unit_test(a_pod_that_goes_after_the_gap_is_clean),
		cmocka_unit_test(the_gap_begins_with_what_is_undecided),
		cmocka_unit_test(gaps_add_up),
		cmocka_unit_test(a_verdict_is_written_once_over_restarts),
		cmocka_unit_test(a_cut_verdict_is_done_again),
		cmocka_unit_test(events_told_before_are_not_told_again),
		cmocka_unit_test(another_boot_knows_pods_but_no_namespace_and_no_listener),
		cmocka_unit_test(a_bounded_core_takes_what_it_can),
		cmocka_unit_test(the_error_of_the_last_arrival_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
