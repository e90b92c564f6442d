// SPDX-License-Identifier: Apache-2.0
#include "user/core/drop.h"

#include "tests/unit/core_fixture.h"

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

/* Pod 1 is ready; the load balancer is known or not. */
static void serving(struct fixture *f, bool with_lb)
{
	fx_start(f);
	if (with_lb)
		fx_lb(f);
	fx_address(f, DS_EVENT_NODE_ADDRESS, FX_NODE);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
}

static void going(struct fixture *f, bool with_lb)
{
	serving(f, with_lb);
	fx_terminating(f, 1000, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
}

/* One refused SYN of that peer at 3 s, decided. */
static void refused_by_peer(struct fixture *f, const char *peer)
{
	FX_PACKET(f, 3000, .n = 1, .peer = peer, .peer_port = 40000, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "SYN", .seq = 7);
	fx_tick(f, 3500);
}

static int not_dropped_as(struct fixture *f)
{
	for (int i = 0; i < DS_NOT_DROP_MAX; i++)
		if (f->core->not_drops[i])
			return i;
	return -1;
}

/* ---- whose traffic it is ---- */

static void who_the_peer_is(void **state)
{
	static const struct { const char *peer; int not_drop;
	} cases[] = {
		{ FX_LB, -1 },
		{ FX_NODE, DS_NOT_DROP_PROBE },
		{ "10.0.9.9", DS_NOT_DROP_OTHER_PEER },
		{ "10.0.3.2", DS_NOT_DROP_OTHER_PEER },
		{ "10.0.3.1", DS_NOT_DROP_INSIDE_POD },
		{ "127.0.0.1", DS_NOT_DROP_INSIDE_POD },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		going(f, true);
		fx_pod(f, 2000, 2);
		refused_by_peer(f, cases[i].peer);
		assert_int_equal(not_dropped_as(f), cases[i].not_drop);
		assert_int_equal(fx_count(f, DS_EVENT_DROP), cases[i].not_drop < 0);
		fx_free(f);
	}
}

static void where_no_balancer_is_known_any_other_peer_stands_in(void **state)
{
	struct fixture *f = *state;

	going(f, false);
	refused_by_peer(f, "10.0.9.9");
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_LOW);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->peer_kind, DS_PEER_OTHER);
}

/* preserve_client_ip: anybody but the node and pods; the balancer's own addresses check health. */
static void a_group_that_keeps_client_addresses(void **state)
{
	static const struct { const char *peer; int not_drop;
	} cases[] = {
		{ "198.51.100.7", -1 },
		{ FX_LB, DS_NOT_DROP_HEALTH_CHECK },
		{ FX_NODE, DS_NOT_DROP_PROBE },
		{ "10.0.3.2", DS_NOT_DROP_OTHER_PEER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		struct ds_event ev = fx_target_event(20, 1, DS_TARGET_STATE_HEALTHY);

		going(f, true);
		fx_pod(f, 2000, 2);
		DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, true);
		ds_core_feed(f->core, &ev);
		refused_by_peer(f, cases[i].peer);
		assert_int_equal(not_dropped_as(f), cases[i].not_drop);
		if (cases[i].not_drop < 0)
			assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence,
					 DS_CONFIDENCE_HIGH);
		fx_free(f);
	}
}

static void a_health_check_on_a_port_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(20, 1, DS_TARGET_STATE_HEALTHY);

	going(f, true);
	DS_SET(&ev, TARGET_PORT, target_port, 9090);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, FX_PORT);
	ds_core_feed(f->core, &ev);
	refused_by_peer(f, FX_LB);
	assert_int_equal(not_dropped_as(f), DS_NOT_DROP_HEALTH_CHECK);
	assert_true(pod_of(f, 1)->last_arrival_ns == 0);
}

static void the_traffic_port_is_no_health_check_port(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(20, 1, DS_TARGET_STATE_HEALTHY);

	going(f, true);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, FX_PORT);
	ds_core_feed(f->core, &ev);
	refused_by_peer(f, FX_LB);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
}

static void the_pods_own_connections_are_outbound(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	going(f, true);
	ev = fx_packet_event(3000, &(const struct fx_packet){ .n = 1, .hook = DS_HOOK_RECEIVE_RESET,
			     .scope = DS_SCOPE_POD, .from_pod = true, .peer_port = 5432 });
	DS_SET(&ev, SOURCE_PORT, source_port, 51234);	/* no port on which the pod serves */
	ds_core_feed(f->core, &ev);
	fx_tick(f, 4000);
	assert_int_equal(not_dropped_as(f), DS_NOT_DROP_OUTBOUND);
}

/* ---- the pod that stays ---- */

/* The pod calls the balancer itself: neither a drop nor an arrival, whatever becomes of it. */
static void a_pods_call_to_the_balancer_is_outbound(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	going(f, true);
	ev = fx_socket_event(3000, 1, NULL, 80, DS_SOCKET_CHANGE_CLOSING);
	ev.source_port = 52000;
	DS_SET(&ev, REQUEST_OUTSTANDING, request_outstanding, true);
	DS_SET(&ev, RECEIVED_BYTES, received_bytes, 100);
	DS_SET(&ev, LAST_PAYLOAD_AT, last_payload_at, fx_at(2900));
	ds_core_feed(f->core, &ev);
	fx_tick(f, 3500);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	assert_int_equal(not_dropped_as(f), DS_NOT_DROP_OUTBOUND);
	assert_int_equal(pod_of(f, 1)->last_arrival_ns, 0);
}

/* The same at a port that nobody told, but accepted there: inbound. */
static void what_was_accepted_is_inbound_on_any_port(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	going(f, true);
	ev = fx_socket_event(3000, 1, NULL, 40000, DS_SOCKET_CHANGE_CLOSING);
	ev.source_port = 52000;
	DS_SET(&ev, REQUEST_OUTSTANDING, request_outstanding, true);
	DS_SET(&ev, SOCKET_AGE, socket_age, 500 * DS_NS_PER_MS);
	ds_core_feed(f->core, &ev);
	fx_tick(f, 3500);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 1);
}

static void refused_before_it_ever_listened(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_INITIAL);
	refused_by_peer(f, FX_LB);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_NOT_LISTENING_YET);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->level, DS_LEVEL_INFO);
}

static void refused_while_a_container_restarts(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	fx_process(f, 2000, 1, 1, DS_PROCESS_CHANGE_EXITED, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused_by_peer(f, FX_LB);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_CONTAINER_RESTARTED);
	assert_int_equal(ds_core_rollout_drops(f->core), 0);
}

/* The kubelet ends the pod by itself; all that it says of that comes with the pod's end. */
static void told_by_status(struct fixture *f, int64_t ms)
{
	struct ds_event ev = fx_pod_event(ms, 1);

	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	DS_SET(&ev, T0, t0, fx_at(ms));
	DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_STATUS_REASON);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_NODE_SHUTDOWN);
	ds_core_feed(f->core, &ev);
}

static void what_follows_sigterm_waits_for_kubernetes(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	fx_process(f, 2000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_process(f, 2100, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	refused_by_peer(f, FX_LB);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	told_by_status(f, 4000);
	fx_tick(f, 13100);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_true(fx_only(f, DS_EVENT_DROP)->since_t0 == DS_NS_PER_S);
}

static void without_its_word_a_container_restarts(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	fx_process(f, 2000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_process(f, 2100, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	refused_by_peer(f, FX_LB);
	fx_tick(f, 12900);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 0);
	fx_tick(f, 13100);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_CONTAINER_RESTARTED);
}

/* Nobody is waited for where the container ended longer ago. */
static void nobody_waits_for_what_is_told(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	fx_process(f, -8000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, -7001, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	refused_by_peer(f, FX_LB);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_CONTAINER_RESTARTED);
}

static void an_abort_on_a_pod_that_stays_is_only_told(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 1, .outstanding = true, .received = 5,
		   .last_payload_ms = 2900, .age_ms = 500);
	fx_tick(f, 3500);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ABORTED_IN_FLIGHT);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->level, DS_LEVEL_INFO);
	assert_int_equal(ds_core_rollout_drops(f->core), 0);
	assert_int_equal(f->core->drops_by[DS_CAUSE_ABORTED_IN_FLIGHT], 1);
}

static void closed_by_the_load_balancer_at_the_end_of_the_delay(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	fx_terminating(f, 1000, 1);
	fx_target(f, 2000, 1, DS_TARGET_STATE_DRAINING); /* delay 30 s; began in [1 s, 2 s] */
	for (int i = 0; i < 2; i++) {
		int64_t ms = i ? 32000 : 20000;

		FX_PACKET(f, ms, .n = 1, .peer_port = 1 + i, .hook = DS_HOOK_RECEIVE_RESET,
			  .scope = DS_SCOPE_POD, .from_pod = true);
		FX_CLOSING(f, ms, .n = 1, .peer_port = 1 + i, .by_peer = true, .outstanding = true,
			   .received = 5, .last_payload_ms = 15000, .age_ms = 19000);
	}
	fx_tick(f, 33000);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->cause, DS_CAUSE_CLOSED_BY_PEER);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->cause, DS_CAUSE_CLOSED_BY_LOAD_BALANCER);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->level, DS_LEVEL_ERROR);
}

/* No lower bound is known: the delay counts from the upper one, not from the year 1970. */
static void a_drain_without_a_lower_bound_has_not_elapsed(void **state)
{
	struct fixture *f = *state;

	serving(f, true);
	fx_target(f, 1000, 1, DS_TARGET_STATE_DRAINING);	/* never seen registered, no T0 */
	FX_PACKET(f, 3000, .n = 1, .peer_port = 1, .hook = DS_HOOK_RECEIVE_RESET,
		  .scope = DS_SCOPE_POD, .from_pod = true);
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 1, .by_peer = true, .outstanding = true,
		   .received = 5, .last_payload_ms = 2900, .age_ms = 1900);
	fx_tick(f, 4000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_CLOSED_BY_PEER);
}

/* ---- set against the drain ---- */

static const struct ds_event *drop_at(struct fixture *f, int64_t ms)
{
	fx_refused(f, ms, 1, (int)(ms / 10), ms);
	fx_tick(f, ms + 300);
	return fx_nth(f, DS_EVENT_DROP, fx_count(f, DS_EVENT_DROP) - 1);
}

static void the_relation_to_the_drain(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(8000, 1, DS_TARGET_STATE_DRAINING);
	const struct ds_event *drop;

	going(f, true);
	fx_target(f, 2500, 1, DS_TARGET_STATE_HEALTHY);
	assert_int_equal(drop_at(f, 3000)->relation, DS_RELATION_UNDECIDED);
	assert_false(ds_event_has(drop_at(f, 3500), DS_KEY_OFFSET_MAX));
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(6000));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(8000));
	ds_core_feed(f->core, &ev);
	drop = drop_at(f, 8100);
	assert_int_equal(drop->relation, DS_RELATION_DURING_DRAIN);
	assert_true(drop->offset_min == 100 * DS_NS_PER_MS);
	assert_true(drop->offset_max == 2100 * DS_NS_PER_MS);
	assert_int_equal(drop->target_state, DS_TARGET_STATE_DRAINING);
	assert_int_equal(drop_at(f, 38000)->relation, DS_RELATION_DURING_DRAIN);
	assert_int_equal(drop_at(f, 38010)->relation, DS_RELATION_AFTER_DRAIN);
}

static void before_and_within_the_interval(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(5400, 1, DS_TARGET_STATE_DRAINING);

	going(f, true);
	fx_refused(f, 5000, 1, 1, 1);
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(5200));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(5400));
	ev.time_ns = fx_at(5150);	/* told while the first window is open */
	ds_core_feed(f->core, &ev);
	fx_refused(f, 5300, 1, 2, 2);
	fx_tick(f, 6000);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->relation, DS_RELATION_BEFORE_DRAIN);
	assert_true(fx_nth(f, DS_EVENT_DROP, 0)->offset_max == -200 * DS_NS_PER_MS);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 1)->relation, DS_RELATION_UNDECIDED);
}

static void without_a_target_the_relation_is_unknown(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	assert_int_equal(drop_at(f, 3000)->relation, DS_RELATION_UNKNOWN);
	assert_false(ds_event_has(drop_at(f, 4000), DS_KEY_TARGET_STATE));
}

/* ---- lines and their limit ---- */

static void each_line_has_an_id_of_its_own(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	assert_string_equal(drop_at(f, 3000)->drop_id, "8f3a61c2-1");
	assert_string_equal(drop_at(f, 4000)->drop_id, "8f3a61c2-2");
}

/* Twelve connections at 3 s, limit 5 lines a second. */
static void twelve(struct fixture *f, int64_t limit)
{
	fx_start_with(f, 60000, 900000, "auto", limit);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_terminating(f, 1000, 1);
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	for (int i = 0; i < 12; i++)
		fx_refused(f, 3000 + i, 1, 40000 + i, i);
	fx_tick(f, 3300);
}

static void above_the_limit_drops_fold_into_one_line(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *last;

	twelve(f, 5);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 5);
	fx_tick(f, 3999);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 5);
	fx_tick(f, 4000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 6);
	last = fx_nth(f, DS_EVENT_DROP, 5);
	assert_int_equal(last->repeat, 7);
	assert_int_equal(last->cause, DS_CAUSE_LISTENER_CLOSED);
	assert_int_equal(last->drop_confidence, DS_CONFIDENCE_HIGH);
	assert_int_equal(last->symptom, DS_SYMPTOM_ALB_502);
	assert_int_equal(last->level, DS_LEVEL_ERROR);
	assert_true(last->time_ns == fx_at(3005));	/* of the first of them */
	assert_int_equal(f->core->suppressed, 6);
	assert_int_equal(ds_core_rollout_drops(f->core), 12);	/* counts are never limited */
	assert_int_equal(pod_of(f, 1)->rollout_drops, 12);
	fx_tick(f, 10000);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 6);
}

static void the_next_second_has_its_own_lines(void **state)
{
	struct fixture *f = *state;

	twelve(f, 5);
	fx_refused(f, 4100, 1, 50000, 1);
	fx_tick(f, 4300);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 7);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 6)->repeat, 1);
}

static void without_a_limit_every_drop_is_a_line(void **state)
{
	struct fixture *f = *state;

	twelve(f, 0);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 12);
	assert_int_equal(f->core->suppressed, 0);
}

static void folded_drops_are_written_at_the_end(void **state)
{
	struct fixture *f = *state;

	twelve(f, 5);
	fx_final(f, 3350);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 6);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 5)->repeat, 7);
}

static void folded_drops_of_a_forgotten_pod_are_written_first(void **state)
{
	struct fixture *f = *state;

	twelve(f, 5);
	ds_core_forget(f->core, pod_of(f, 1));
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 6);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 5)->repeat, 7);
}

/* What was decided stands, though the pod's surroundings have changed when the line is written. */
static void a_folded_line_says_what_was_decided_then(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *last;

	fx_start_with(f, 60000, 900000, "auto", 1);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2000, 1);
	for (int i = 0; i < 3; i++)
		FX_PACKET(f, 3000, .n = 1, .peer_port = 1 + i, .hook = DS_HOOK_ICMP_SEND,
			  .flags = "SYN", .seq = 7);
	fx_tick(f, 3300);
	fx_tick(f, 4000);
	last = fx_nth(f, DS_EVENT_DROP, 1);
	assert_int_equal(last->repeat, 2);
	assert_int_equal(last->outcome, DS_OUTCOME_ICMP_UNREACHABLE);
	assert_int_equal(last->symptom, DS_SYMPTOM_ALB_504);
	assert_int_equal(last->attribution, DS_ATTRIBUTION_RELEASED_ADDRESS);
}

/* ---- the end of the run ---- */

static void windows_still_open_at_the_end_have_low_confidence(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_terminating(f, 1000, 1);
	fx_released(f, 2000, 1);
	fx_syn_died(f, 3000, 1, 40000, 7);
	fx_final(f, 4000);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->drop_confidence, DS_CONFIDENCE_LOW);
}

/* ---- the tail's moments ---- */

static void an_arrival_never_lies_in_the_future(void **state)
{
	struct fixture *f = *state;

	going(f, true);
	FX_CLOSING(f, 3000, .n = 1, .peer_port = 1, .by_peer = true, .received = 5,
		   .last_payload_ms = 900000);
	assert_true(pod_of(f, 1)->last_arrival_ns == fx_at(3000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_the_peer_is),
		FX_TEST(where_no_balancer_is_known_any_other_peer_stands_in),
		cmocka_unit_test(a_group_that_keeps_client_addresses),
		FX_TEST(a_health_check_on_a_port_of_its_own),
		FX_TEST(the_traffic_port_is_no_health_check_port),
		FX_TEST(the_pods_own_connections_are_outbound),
		FX_TEST(a_pods_call_to_the_balancer_is_outbound),
		FX_TEST(what_was_accepted_is_inbound_on_any_port),
		FX_TEST(refused_before_it_ever_listened),
		FX_TEST(refused_while_a_container_restarts),
		FX_TEST(what_follows_sigterm_waits_for_kubernetes),
		FX_TEST(without_its_word_a_container_restarts),
		FX_TEST(nobody_waits_for_what_is_told),
		FX_TEST(an_abort_on_a_pod_that_stays_is_only_told),
		FX_TEST(closed_by_the_load_balancer_at_the_end_of_the_delay),
		FX_TEST(a_drain_without_a_lower_bound_has_not_elapsed),
		FX_TEST(the_relation_to_the_drain),
		FX_TEST(before_and_within_the_interval),
		FX_TEST(without_a_target_the_relation_is_unknown),
		FX_TEST(each_line_has_an_id_of_its_own),
		FX_TEST(above_the_limit_drops_fold_into_one_line),
		FX_TEST(the_next_second_has_its_own_lines),
		FX_TEST(without_a_limit_every_drop_is_a_line),
		FX_TEST(folded_drops_are_written_at_the_end),
		FX_TEST(folded_drops_of_a_forgotten_pod_are_written_first),
		FX_TEST(a_folded_line_says_what_was_decided_then),
		FX_TEST(windows_still_open_at_the_end_have_low_confidence),
		FX_TEST(an_arrival_never_lies_in_the_future),
	};

	return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
