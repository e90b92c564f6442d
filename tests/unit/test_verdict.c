// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

/* Pod 1 ready with a listener and a healthy target; settle 10 s. */
static void serving(struct fixture *f)
{
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
}

/* It goes: T0 1 s, drain 2 s, SIGTERM 3 s, listener 3.1 s, exit 4 s, address 5 s, gone 6 s. */
static void gone(struct fixture *f)
{
	serving(f);
	fx_terminating(f, 1 * S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_process(f, 3 * S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_listener(f, 3100, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_process(f, 4 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(f, 5 * S, 1);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
}

static int verdicts(struct fixture *f)
{
	return fx_count(f, DS_EVENT_VERDICT);
}

static const struct ds_event *verdict(struct fixture *f)
{
	return fx_only(f, DS_EVENT_VERDICT);
}

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

/* ---- when ---- */

static void due_once_the_target_drains_no_more_and_settle_has_passed(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_ticks(f, 7 * S, 20 * S);
	assert_int_equal(verdicts(f), 0);
	fx_target(f, 20 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_tick(f, 21 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_int_equal(verdict(f)->verdict_confidence, DS_CONFIDENCE_HIGH);
	assert_int_equal(verdict(f)->level, DS_LEVEL_INFO);
	assert_false(ds_event_has(verdict(f), DS_KEY_VERDICT_REASON));
	fx_ticks(f, 22 * S, 90 * S);
	assert_int_equal(verdicts(f), 1);
}

static void settle_counts_from_the_end_of_the_pod(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_target(f, 6 * S, 1, DS_TARGET_STATE_ABSENT);
	fx_tick(f, 15999);
	assert_int_equal(verdicts(f), 0);
	fx_tick(f, 16 * S);
	assert_int_equal(verdicts(f), 1);
}

static void due_after_twice_the_delay_though_the_target_still_drains(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_tick(f, 61999);
	assert_int_equal(verdicts(f), 0);
	fx_tick(f, 62 * S);	/* 2 s + 2 × 30 s */
	assert_int_equal(verdicts(f), 1);
}

/* A target whose delay nobody told and whose end nobody tells: the verdict comes all the same. */
static void without_a_known_delay_the_default_of_300_s_stands_in(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(2 * S, 2, DS_TARGET_STATE_DRAINING);

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 2);
	fx_terminating(f, 1 * S, 2);
	ev.present[DS_KEY_TG_DELAY / 64] &= ~(UINT64_C(1) << DS_KEY_TG_DELAY % 64);
	ds_core_feed(f->core, &ev);
	fx_phase(f, 6 * S, 2, DS_PHASE_DELETED);
	fx_tick(f, 601 * S);
	assert_int_equal(verdicts(f), 0);
	fx_tick(f, 602 * S);
	assert_int_equal(verdicts(f), 1);
}

static void arrivals_put_it_off(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_target(f, 7 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_syn_died(f, 12 * S, 1, 40000, 7);
	fx_tick(f, 17 * S);
	assert_int_equal(verdicts(f), 0); /* arrival 12 s, and its window is open until 24 s */
	fx_tick(f, 24 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_DROPPED);
}

static void an_open_window_of_the_balancer_holds_it_back(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_syn_died(f, 55 * S, 1, 40000, 7);
	fx_tick(f, 63 * S);
	assert_int_equal(verdicts(f), 0);
	fx_tick(f, 67 * S);
	assert_int_equal(verdict(f)->verdict_drops, 1);
}

/* An in-cluster client that retries for ever is not the load balancer. */
static void a_client_in_the_cluster_that_never_gives_up_does_not(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_target(f, 7 * S, 1, DS_TARGET_STATE_UNUSED);
	for (int i = 0; i < 20; i++) {
		FX_PACKET(f, (7 + i) * S, .n = 1, .peer = "10.0.8.8", .peer_port = 1 + i,
			  .hook = DS_HOOK_KFREE_SKB, .flags = "SYN", .seq = i,
			  .drop_reason = "NEIGH_FAILED");
		fx_tick(f, (7 + i) * S + 500);
	}
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_true(verdict(f)->time_ns == fx_at(16500));
	assert_false(ds_event_has(verdict(f), DS_KEY_TAIL));
}

static void a_pod_that_is_not_going_gets_none(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_final(f, 100 * S);
	assert_int_equal(verdicts(f), 0);
}

/* A pod without Kubernetes: SIGTERM, exit, address released. */
static void it_ends_with_its_processes_and_address_too(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 1);

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	ds_core_feed(f->core, &ev);
	fx_process(f, 3 * S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 4 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_tick(f, 30 * S);
	assert_int_equal(verdicts(f), 0);
	fx_released(f, 31 * S, 1);
	fx_tick(f, 41 * S);
	assert_int_equal(verdict(f)->t0_source, DS_T0_SOURCE_SIGTERM);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_NO_TARGET);
}

/* ---- what ---- */

static void losses_make_it_dropped(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_refused(f, 6 * S, 1, 40000, 7);
	fx_refused(f, 7 * S, 1, 40001, 7);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_DROPPED);
	assert_int_equal(verdict(f)->level, DS_LEVEL_ERROR);
	assert_int_equal(verdict(f)->verdict_drops, 2);
	assert_int_equal(verdict(f)->drops_by[DS_CAUSE_LISTENER_CLOSED], 2);
	assert_true(verdict(f)->tail == 6 * DS_NS_PER_S);
	assert_true(verdict(f)->exposed_from == fx_at(3100));
	assert_true(verdict(f)->exposed_until == fx_at(7 * S));
}

static void other_causes_leave_it_clean(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_terminating(f, 1 * S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	FX_PACKET(f, 3500, .n = 1, .peer_port = 1, .hook = DS_HOOK_RECEIVE_RESET,
		  .scope = DS_SCOPE_POD, .from_pod = true);
	FX_CLOSING(f, 3500, .n = 1, .peer_port = 1, .by_peer = true, .outstanding = true,
		   .received = 10, .last_payload_ms = 3400, .age_ms = 2000);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_int_equal(verdict(f)->drops_by[DS_CAUSE_CLOSED_BY_PEER], 1);
	assert_int_equal(verdict(f)->verdict_drops, 0);
}

/* Nothing lost, and the tail is measured all the same. */
static void the_tail_of_a_pod_that_served_everything(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_terminating(f, 1 * S, 1);
	fx_accepted(f, 2500, 1, 40000);
	FX_CLOSING(f, 9 * S, .n = 1, .peer_port = 40000, .by_peer = true, .received = 100,
		   .last_payload_ms = 8700, .age_ms = 6500);
	fx_target(f, 9 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_phase(f, 12 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 30 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_true(verdict(f)->tail == 7700 * DS_NS_PER_MS);
	assert_true(verdict(f)->tail_error == 0);
	assert_false(ds_event_has(verdict(f), DS_KEY_EXPOSED_FROM));
}

static void arrivals_before_t0_are_no_tail(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_CLOSING(f, 900, .n = 1, .peer_port = 40000, .by_peer = true, .received = 100,
		   .last_payload_ms = 800, .age_ms = 500);
	fx_terminating(f, 1 * S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_phase(f, 3 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 30 * S);
	assert_false(ds_event_has(verdict(f), DS_KEY_TAIL));
}

static void what_the_pods_end_was(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_tick(f, 70 * S);
	assert_true(verdict(f)->t0 == fx_at(1 * S));
	assert_true(verdict(f)->sigterm_to_exit == DS_NS_PER_S);
	assert_int_equal(verdict(f)->ended_by, DS_ENDED_BY_EXIT);
	assert_int_equal(verdict(f)->trigger, DS_TRIGGER_DELETION);
	assert_int_equal(verdict(f)->grace_period_s, 30);
	assert_string_equal(verdict(f)->prestop, "none");
	assert_int_equal(verdict(f)->tg_delay_s, 30);
	assert_true(verdict(f)->drain_not_before == fx_at(950));	/* the API server's clock */
	assert_int_equal(verdict(f)->drain_not_before_source, DS_TARGET_SOURCE_DELETION_TIMESTAMP);
	assert_true(verdict(f)->drain_not_after == fx_at(2 * S));
}

/* ---- how sure ---- */

static void the_end_of_observation_cuts_it(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_final(f, 8 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_OBSERVATION_CUT);
	assert_int_equal(verdict(f)->level, DS_LEVEL_WARN);
}

static void a_cut_verdict_with_losses_is_dropped(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_refused(f, 7 * S, 1, 40000, 7);
	fx_final(f, 8 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_DROPPED);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_OBSERVATION_CUT);
}

static void lost_evidence_is_never_clean(void **state)
{
	struct fixture *f = *state;

	gone(f);
	fx_loss(f, 7 * S, DS_LOSS_STAGE_RINGBUF, 3);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_LOSS);
	assert_int_equal(verdict(f)->lost_events, 3);
}

/* Kubernetes tells T0 a second late: what was lost in that second was this pod's too. */
static void a_loss_before_t0_was_told_and_after_it_began_counts(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(3 * S, 1);

	serving(f);
	fx_loss(f, 2 * S, DS_LOSS_STAGE_RINGBUF, 1);
	DS_SET(&ev, T0, t0, fx_at(1 * S));
	ds_core_feed(f->core, &ev);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
}

static void a_loss_before_t0_or_after_the_verdict_does_not_matter(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_loss(f, 500, DS_LOSS_STAGE_RINGBUF, 1);
	fx_terminating(f, 1 * S, 1);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_UNUSED);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 16 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	fx_loss(f, 17 * S, DS_LOSS_STAGE_RINGBUF, 1);
	fx_final(f, 70 * S);
	assert_int_equal(verdicts(f), 1);
}

static void restarted(struct fixture *f, int64_t ms, int64_t from_ns, int64_t until_ns,
		      bool restored)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LOSS, fx_at(ms));
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RESTART);
	DS_SET(&ev, NOT_BEFORE, not_before, from_ns);
	DS_SET(&ev, NOT_AFTER, not_after, until_ns);
	if (restored)
		DS_SET(&ev, RESTORED, restored, true);
	ds_core_feed(f->core, &ev);
}

static void time_in_which_nobody_watched_is_inconclusive(void **state)
{
	struct fixture *f = *state;

	gone(f);
	restarted(f, 7 * S, fx_at(4500), fx_at(7 * S), false);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_RESTART_GAP);
	assert_true(verdict(f)->not_observed == 2500 * DS_NS_PER_MS);
}

/* The sum of what a file claims may pass 64 bits. */
static void gaps_of_centuries_do_not_overflow(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(0, 1);

	fx_start(f);
	DS_SET(&ev, T0, t0, 1);
	ds_core_feed(f->core, &ev);
	for (int i = 0; i < 5; i++)
		restarted(f, i, 0, DS_EVENT_TIME_MAX, true);
	ds_event_init(&ev, DS_EVENT_TICK, DS_EVENT_TIME_MAX);
	DS_SET(&ev, FINAL, final, true);
	ds_core_feed(f->core, &ev);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_RESTART_GAP);
}

/* Checks on the traffic's own port: the last arrival may have been one of them. */
static void checks_on_the_traffics_port_widen_the_tails_error(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(30, 1, DS_TARGET_STATE_HEALTHY);

	serving(f);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, FX_PORT);
	DS_SET(&ev, TG_HC_INTERVAL, tg_health_check_interval_s, 5);
	ds_core_feed(f->core, &ev);
	fx_terminating(f, 1 * S, 1);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_refused(f, 3 * S, 1, 40000, 7);
	fx_final(f, 4 * S);
	assert_true(verdict(f)->tail == 2 * DS_NS_PER_S);
	assert_true(verdict(f)->tail_error == 5 * DS_NS_PER_S);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_LOW);
}

static void late_evidence_is_inconclusive(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	gone(f);
	ev = fx_packet_event(6 * S, &(const struct fx_packet){ .n = 1,
							       .peer = "10.0.8.8",
							       .peer_port = 1,
							       .hook = DS_HOOK_KFREE_SKB,
							       .flags = "SYN",
							       .drop_reason = "NEIGH_FAILED" });
	ev.late = true;
	ds_core_feed(f->core, &ev);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_LATE);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
}

static void without_a_target_it_is_clean_with_less_confidence(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_terminating(f, 1 * S, 1);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 16 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_NO_TARGET);
	assert_int_equal(verdict(f)->verdict_confidence, DS_CONFIDENCE_MEDIUM);
}

static void without_a_known_balancer_confidence_is_low(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_UNUSED);
	fx_terminating(f, 1 * S, 1);
	fx_phase(f, 6 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 16 * S);
	assert_int_equal(verdict(f)->verdict_confidence, DS_CONFIDENCE_LOW);
}

static void what_is_counted_apart_stands_in_it(void **state)
{
	struct fixture *f = *state;

	gone(f);
	FX_PACKET(f, 7 * S, .n = 1, .peer = "10.0.8.8", .peer_port = 1, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "SYN", .seq = 1);
	fx_tick(f, 70 * S);
	assert_int_equal(verdict(f)->not_drops[DS_NOT_DROP_OTHER_PEER], 1);
}

static void the_slowest_container_counts_and_only_since_t0(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_process(f, 100, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0); /* a liveness probe's restart */
	fx_process(f, 900, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_terminating(f, 1 * S, 1);
	fx_process(f, 2 * S, 1, 2, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 2 * S, 1, 3, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 2100, 1, 3, DS_PROCESS_CHANGE_EXITED, 0);
	assert_true(ds_pod_slowest_exit(pod_of(f, 1)) == 100 * DS_NS_PER_MS);
	fx_process(f, 2400, 1, 2, DS_PROCESS_CHANGE_EXITED, 0);
	assert_true(ds_pod_slowest_exit(pod_of(f, 1)) == 400 * DS_NS_PER_MS);
}

/* ---- without a T0 ---- */

static void finished(struct fixture *f, int64_t ms, int n)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, n == 1 ? "10.0.3.1" : "10.0.3.2");
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	ds_core_feed(f->core, &ev);
}

/* A Job's pod: nobody deletes it. */
static void a_pod_that_ends_by_itself_has_a_verdict_too(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_target(f, 30, 1, DS_TARGET_STATE_UNUSED);
	fx_loss(f, 1 * S, DS_LOSS_STAGE_RINGBUF, 1);	/* long before its end */
	fx_process(f, 5 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(f, 5500, 1);
	finished(f, 6 * S, 1);
	fx_tick(f, 15900);
	assert_int_equal(verdicts(f), 0);
	fx_tick(f, 16 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_CLEAN);
	assert_false(ds_event_has(verdict(f), DS_KEY_T0));
	assert_false(ds_event_has(verdict(f), DS_KEY_TRIGGER));
	assert_false(ds_event_has(verdict(f), DS_KEY_TAIL));
	assert_int_equal(verdict(f)->ended_by, DS_ENDED_BY_EXIT);
	fx_ticks(f, 17 * S, 60 * S);
	assert_int_equal(verdicts(f), 1);
	assert_int_equal(fx_count(f, DS_EVENT_ADVICE), 0);
}

static void what_its_dead_address_costs_counts_without_a_t0(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_process(f, 5 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(f, 5500, 1);
	fx_syn_died(f, 6 * S, 1, 40000, 7);
	finished(f, 6 * S, 1);
	fx_ticks(f, 7 * S, 60 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_DROPPED);
	assert_int_equal(verdict(f)->verdict_drops, 1);
}

static void a_loss_while_it_ended_by_itself_is_told(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_process(f, 5 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_loss(f, 5 * S, DS_LOSS_STAGE_RINGBUF, 1);
	finished(f, 6 * S, 1);
	fx_ticks(f, 7 * S, 60 * S);
	assert_int_equal(verdict(f)->verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(verdict(f)->verdict_reason, DS_VERDICT_REASON_LOSS);
}

/* A listing tells of pods that finished long ago: nothing is known of how they ended. */
static void a_pod_told_only_after_its_end_has_none(void **state)
{
	struct fixture *f = *state;

	serving(f);
	finished(f, 1 * S, 2);
	fx_ticks(f, 2 * S, 60 * S);
	assert_int_equal(verdicts(f), 0);
	fx_ticks(f, 3600 * S, 3603 * S);
	assert_null(pod_of(f, 2));	/* it is not waited for */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(due_once_the_target_drains_no_more_and_settle_has_passed),
		FX_TEST(settle_counts_from_the_end_of_the_pod),
		FX_TEST(due_after_twice_the_delay_though_the_target_still_drains),
		FX_TEST(without_a_known_delay_the_default_of_300_s_stands_in),
		FX_TEST(arrivals_put_it_off),
		FX_TEST(an_open_window_of_the_balancer_holds_it_back),
		FX_TEST(a_client_in_the_cluster_that_never_gives_up_does_not),
		FX_TEST(a_pod_that_is_not_going_gets_none),
		FX_TEST(it_ends_with_its_processes_and_address_too),
		FX_TEST(losses_make_it_dropped),
		FX_TEST(other_causes_leave_it_clean),
		FX_TEST(the_tail_of_a_pod_that_served_everything),
		FX_TEST(arrivals_before_t0_are_no_tail),
		FX_TEST(what_the_pods_end_was),
		FX_TEST(the_end_of_observation_cuts_it),
		FX_TEST(a_cut_verdict_with_losses_is_dropped),
		FX_TEST(lost_evidence_is_never_clean),
		FX_TEST(a_loss_before_t0_was_told_and_after_it_began_counts),
		FX_TEST(a_loss_before_t0_or_after_the_verdict_does_not_matter),
		FX_TEST(time_in_which_nobody_watched_is_inconclusive),
		FX_TEST(gaps_of_centuries_do_not_overflow),
		FX_TEST(checks_on_the_traffics_port_widen_the_tails_error),
		FX_TEST(late_evidence_is_inconclusive),
		FX_TEST(without_a_target_it_is_clean_with_less_confidence),
		FX_TEST(without_a_known_balancer_confidence_is_low),
		FX_TEST(what_is_counted_apart_stands_in_it),
		FX_TEST(the_slowest_container_counts_and_only_since_t0),
		FX_TEST(a_pod_that_ends_by_itself_has_a_verdict_too),
		FX_TEST(what_its_dead_address_costs_counts_without_a_t0),
		FX_TEST(a_loss_while_it_ended_by_itself_is_told),
		FX_TEST(a_pod_told_only_after_its_end_has_none),
	};

	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
