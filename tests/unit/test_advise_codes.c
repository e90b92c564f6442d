// SPDX-License-Identifier: Apache-2.0
/* The codes of advice but those on preStop: what speaks for each of them, and what not. */
#include "tests/unit/advise_story.h"

/* ---- the hook that is cut ---- */

static void a_hook_as_long_as_the_grace_period_is_cut(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, .tail_ms = 7000, .lost = 1, .prestop = "sleep:12", .grace_s = 4, .sigterm_ms = 6000,
	     .stop_ms = 1000);
	assert_int_equal(advices(f), 1);
	assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_GRACE);
	assert_string_equal(advice(f, 0)->advice_suggested, "15");	/* 12 + 1 + 2 */
	assert_non_null(strstr(advice(f, 0)->advice_evidence, "was cut"));
	assert_non_null(strstr(advice(f, 0)->advice_evidence, "6.000 s after"));
}

/* Killed besides: how long it takes to stop is not known, that the hook is cut is. */
static void a_cut_hook_is_told_also_where_sigkill_came(void **state)
{
	struct fixture *f = *state;

	start(f);
	ROLL(f, .tail_ms = 7000, .lost = 1, .prestop = "sleep:12", .grace_s = 4, .sigterm_ms = 6000,
	     .stop_ms = 2000, .exit_code = 137);
	assert_int_equal(advices(f), 1);
	assert_string_equal(advice(f, 0)->advice_suggested, "14");
}

static void a_hook_that_was_not_cut_is_not_said_to_be(void **state)
{
	static const struct { int64_t grace_s, sigterm_ms; } cases[] = {
		{ 4, 12000 },		/* it ended in time after all */
		{ 13, 6000 },		/* SIGTERM came early for another reason */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		ROLL(f, .tail_ms = 7000, .lost = 1, .prestop = "sleep:12", .grace_s = cases[i].grace_s,
		     .sigterm_ms = cases[i].sigterm_ms, .stop_ms = 1000);
		assert_int_equal(advices(f), 1);
		assert_int_equal(advice(f, 0)->advice, DS_ADVICE_RAISE_GRACE);
		assert_null(strstr(advice(f, 0)->advice_evidence, "cut"));
		fx_free(f);
	}
}

/* ---- SIGTERM ---- */

static int codes(struct fixture *f, enum ds_advice code)
{
	int cnt = 0;

	for (int i = 0; i < advices(f); i++)
		cnt += advice(f, i)->advice == (int)code;
	return cnt;
}

static const struct ds_event *of_code(struct fixture *f, enum ds_advice code)
{
	for (int i = 0; i < advices(f); i++)
		if (advice(f, i)->advice == (int)code)
			return advice(f, i);
	fail_msg("no advice %s", ds_name(DS_NAMES_ADVICE, code));
	return NULL;
}

#define KILLED .tail_ms = -1, .stop_ms = 30000, .sigkill_ms = 30000, .exit_code = 137

static void a_pid_1_that_ignores_sigterm(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	start(f);
	ROLL(f, KILLED, .ignores_sigterm = true);
	ev = of_code(f, DS_ADVICE_FIX_SIGTERM);
	assert_string_equal(ev->advice_object, "Deployment/shop/web");
	assert_string_equal(ev->advice_current, "SIGTERM is ignored");
	assert_int_equal(ev->advice_confidence, DS_CONFIDENCE_HIGH);
	assert_non_null(strstr(ev->advice_evidence, "1 of 1 pods"));
	assert_non_null(strstr(ev->advice_evidence, "30.000 s later"));
	ROLL(f, KILLED, .ignores_sigterm = true);
	assert_int_equal(codes(f, DS_ADVICE_FIX_SIGTERM), 1);
}

static void one_that_does_nothing_until_sigkill(void **state)
{
	static const struct { struct life l; int advices; } cases[] = {
		{ { KILLED, .listens_ms = 30001 }, 1 },
		{ { KILLED, .listens_ms = 29000 }, 0 },		/* it closed its port */
		{ { KILLED }, 0 },				/* no listener is known */
		{ { KILLED, .listens_ms = 30001, .exit_code = 0 }, 0 },
		/* After a cut hook the kubelet gives two seconds, and so little says nothing. */
		{ { KILLED, .listens_ms = 30001, .sigterm_ms = 28500, .stop_ms = 1500 }, 0 },
		{ { KILLED, .listens_ms = 30001, .sigterm_ms = 28000, .stop_ms = 2000 }, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		start(f);
		roll(f, cases[i].l);
		assert_int_equal(codes(f, DS_ADVICE_FIX_SIGTERM), cases[i].advices);
		if (cases[i].advices)
			assert_int_equal(of_code(f, DS_ADVICE_FIX_SIGTERM)->advice_confidence,
					 DS_CONFIDENCE_LOW);
		fx_free(f);
	}
}

/* ---- what connections show ---- */

/* A pod that goes at 1 s and is gone at 50 s; between, the test's own story. */
static void going(struct fixture *f, int64_t grace_s)
{
	struct ds_event ev = fx_pod_event(0, 1);

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, grace_s);
	ds_core_feed(f->core, &ev);
	fx_terminating(f, 1 * S, 1);
}

static void gone(struct fixture *f)
{
	fx_phase(f, 50 * S, 1, DS_PHASE_DELETED);
	fx_ticks(f, 51 * S, 70 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
}

static void a_request_cut_at_the_end_of_the_delay(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	going(f, 60);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);	/* delay 30 s */
	for (int i = 0; i < 2; i++) {
		FX_PACKET(f, 32 * S, .n = 1, .peer_port = 1 + i, .hook = DS_HOOK_RECEIVE_RESET,
			  .scope = DS_SCOPE_POD, .from_pod = true);
		FX_CLOSING(f, 32 * S, .n = 1, .peer_port = 1 + i, .outstanding = true,
			   .by_peer = true, .received = 9, .last_payload_ms = (20 + i) * S,
			   .age_ms = 30 * S);
	}
	fx_tick(f, 34 * S);
	assert_int_equal(fx_count(f, DS_EVENT_DROP), 2);
	assert_int_equal(fx_nth(f, DS_EVENT_DROP, 0)->cause, DS_CAUSE_CLOSED_BY_LOAD_BALANCER);
	fx_target(f, 40 * S, 1, DS_TARGET_STATE_UNUSED);
	gone(f);
	ev = of_code(f, DS_ADVICE_RAISE_DELAY);
	assert_string_equal(ev->advice_object, "TargetGroup/web");
	assert_string_equal(ev->advice_current, "30");
	assert_string_equal(ev->advice_suggested, "more than 30");
	assert_non_null(strstr(ev->advice_evidence, "reset 2 connections"));
	assert_non_null(strstr(ev->advice_evidence, "up to 12.000 s"));
}

static void connections_that_no_grace_period_outlasts(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	going(f, 5);
	fx_process(f, 2 * S, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	FX_CLOSING(f, 6 * S, .n = 1, .peer_port = 1, .outstanding = true, .received = 9,
		   .last_payload_ms = 500, .age_ms = 90 * S);
	fx_tick(f, 7 * S);
	fx_process(f, 6800, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	gone(f);
	assert_int_equal(advices(f), 1);	/* a grace period that held them is none */
	ev = of_code(f, DS_ADVICE_LIMIT_CONNECTION_AGE);
	assert_string_equal(ev->advice_current, "connections 90.0 s old");
	assert_non_null(strstr(ev->advice_evidence, "1 connections"));
}

/* Its grace period was not what ended them. */
static void what_a_node_cuts_says_nothing_of_connections(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(900, 1);

	going(f, 5);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_NODE_SHUTDOWN);
	ds_core_feed(f->core, &ev);
	FX_CLOSING(f, 6 * S, .n = 1, .peer_port = 1, .outstanding = true, .received = 9,
		   .last_payload_ms = 500, .age_ms = 90 * S);
	fx_tick(f, 7 * S);
	gone(f);
	assert_int_equal(f->core->not_drops[DS_NOT_DROP_LONG_LIVED], 1);
	LIVE(f, .n = 2, .begin_ms = 200 * S, .tail_ms = -1, .stop_ms = 100);
	assert_int_equal(advices(f), 0);
}

/*
 * An NLB leaves connections with a target that drains: one is used until the pod ends, 20 s after
 * T0, and is cut. begun_ms: the last new one after T0, refused; 0 = none came.
 */
static void roll_kept(struct fixture *f, int64_t begun_ms, bool another_balancer)
{
	struct ds_event ev = fx_target_event(20, 1, DS_TARGET_STATE_HEALTHY);

	start(f);
	fx_pod(f, 0, 1);
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_NETWORK);
	ds_core_feed(f->core, &ev);
	if (another_balancer) {
		DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_APPLICATION);
		DS_SET_STR(&ev, TG_NAME, tg_name, "web-alb");
		ds_core_feed(f->core, &ev);
	}
	fx_terminating(f, 60 * S, 1);
	if (begun_ms)
		fx_refused(f, 60 * S + begun_ms, 1, 2, 7);
	FX_CLOSING(f, 80 * S, .n = 1, .peer_port = 1, .outstanding = true, .received = 9,
		   .last_payload_ms = 79900, .age_ms = 70 * S);
	fx_process(f, 80 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_tick(f, 81 * S);
	fx_phase(f, 82 * S, 1, DS_PHASE_DELETED);
	fx_tick(f, 200 * S);
}

static void a_longer_prestop_only_keeps_an_nlbs_connections_for_longer(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	roll_kept(f, 3 * S, false);
	assert_int_equal(fx_only(f, DS_EVENT_VERDICT)->tail, 19900 * DS_NS_PER_MS);
	assert_int_equal(advices(f), 2);
	ev = of_code(f, DS_ADVICE_RAISE_PRESTOP);
	assert_string_equal(ev->advice_suggested, "4");		/* 3 s and its margin */
	assert_non_null(strstr(ev->advice_evidence, "opened connections until 3.000 s"));
	ev = of_code(f, DS_ADVICE_LIMIT_CONNECTION_AGE);
	assert_string_equal(ev->advice_current, "used for 19.9 s of the drain");
	assert_non_null(strstr(ev->advice_evidence, "until 19.900 s"));
	assert_non_null(strstr(ev->advice_evidence, "new ones came until 3.000 s"));
}

static void without_new_connections_no_prestop_is_advised_for_kept_ones(void **state)
{
	struct fixture *f = *state;

	roll_kept(f, 0, false);
	assert_int_equal(advices(f), 1);
	assert_non_null(of_code(f, DS_ADVICE_LIMIT_CONNECTION_AGE));
}

/* An ALB stops sending on its connections too: where there is one, all that came counts. */
static void beside_an_alb_the_whole_tail_counts(void **state)
{
	struct fixture *f = *state;

	roll_kept(f, 3 * S, true);
	assert_int_equal(advices(f), 1);
	assert_string_equal(of_code(f, DS_ADVICE_RAISE_PRESTOP)->advice_suggested, "22");
}

static void race(struct fixture *f, int64_t ms, int peer_port)
{
	FX_PACKET(f, ms, .n = 1, .peer_port = peer_port, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "PSH|ACK", .seq = 1, .payload = 100);
}

/* The pod stays: no rollout ever tells it. */
static void a_keepalive_race_is_told_once_it_has_settled(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	race(f, 1 * S, 1);
	race(f, 5 * S, 2);
	FX_TRAFFIC(f, 6 * S, .n = 1, .accepted = 9, .idle_close_ms = 5012);
	fx_ticks(f, 6 * S, 14 * S);
	assert_int_equal(advices(f), 0);
	fx_ticks(f, 15 * S, 40 * S);
	ev = fx_only(f, DS_EVENT_ADVICE);
	assert_int_equal(ev->advice, DS_ADVICE_RAISE_KEEPALIVE);
	assert_string_equal(ev->advice_current, "5.0 s");
	assert_int_equal(ev->advice_confidence, DS_CONFIDENCE_HIGH);
	assert_non_null(strstr(ev->advice_evidence, "2 requests"));
	race(f, 41 * S, 3);
	fx_ticks(f, 42 * S, 60 * S);
	assert_int_equal(advices(f), 1);
}

static void a_race_that_never_settles_is_told_anyway(void **state)
{
	struct fixture *f = *state;

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	for (int i = 0; i < 99; i++) {
		race(f, (1 + 3 * i) * S, 1 + i);
		fx_tick(f, (3 + 3 * i) * S);
	}
	assert_int_equal(advices(f), 0);
	race(f, 299 * S, 200);
	fx_tick(f, 300 * S);
	assert_int_equal(advices(f), 0);
	fx_tick(f, 301 * S);
	assert_int_equal(fx_only(f, DS_EVENT_ADVICE)->advice, DS_ADVICE_RAISE_KEEPALIVE);
	assert_false(ds_event_has(advice(f, 0), DS_KEY_ADVICE_CURRENT));
	assert_int_equal(advice(f, 0)->advice_confidence, DS_CONFIDENCE_MEDIUM);
}

static void the_end_of_the_run_tells_what_has_not_settled(void **state)
{
	struct fixture *f = *state;

	start(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 0, 1, DS_SOCKET_CHANGE_LISTENING);
	race(f, 1 * S, 1);
	fx_tick(f, 2 * S);
	assert_int_equal(advices(f), 0);
	fx_final(f, 3 * S);
	assert_int_equal(fx_only(f, DS_EVENT_ADVICE)->advice, DS_ADVICE_RAISE_KEEPALIVE);
}

/* A race on a pod that goes is a late request: preStop, not keep-alive. */
static void a_late_request_is_no_keepalive_race(void **state)
{
	struct fixture *f = *state;

	going(f, 30);
	race(f, 3 * S, 1);
	gone(f);
	assert_int_equal(codes(f, DS_ADVICE_RAISE_KEEPALIVE), 0);
}

static void a_pod_that_is_ready_before_it_listens(void **state)
{
	static const enum ds_phase phases[] = { DS_PHASE_READY, DS_PHASE_NOT_READY };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		const struct ds_event *ev;

		start(f);
		fx_pod(f, 0, 1);
		fx_phase(f, 1 * S, 1, phases[i]);
		fx_target(f, 1 * S, 1, DS_TARGET_STATE_HEALTHY);
		fx_refused(f, 2 * S, 1, 1, 1);
		fx_refused(f, 3500, 1, 2, 2);
		fx_listener(f, 4 * S, 1, DS_SOCKET_CHANGE_LISTENING);
		fx_ticks(f, 5 * S, 20 * S);
		ev = fx_only(f, DS_EVENT_ADVICE);
		assert_int_equal(ev->advice, DS_ADVICE_ADD_READINESS_PROBE);
		assert_string_equal(ev->advice_suggested, "ready once port 8080 answers");
		assert_non_null(strstr(ev->advice_evidence, "2 connections to port 8080"));
		if (phases[i] == DS_PHASE_READY)
			assert_string_equal(ev->advice_current, "ready 3.5 s before it listens");
		else
			assert_false(ds_event_has(ev, DS_KEY_ADVICE_CURRENT));
		fx_free(f);
	}
}

/* What is known of its probes is said. */
static void a_pod_with_and_without_a_readiness_probe(void **state)
{
	static const struct {
		const char *probes, *current;
		bool ready;
		enum ds_confidence confidence;
	} cases[] = {
		{ "none", "no probe, ready 2.0 s before it listens", true, DS_CONFIDENCE_HIGH },
		{ "startup:3,readiness:5", "a probe, ready 2.0 s before it listens", true, DS_CONFIDENCE_HIGH },
		{ "liveness:5", "none", false, DS_CONFIDENCE_HIGH },
		{ "readiness:5", "a probe that does not ask the port", false, DS_CONFIDENCE_MEDIUM },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		const struct ds_event *ev;
		struct ds_event told;

		start(f);
		fx_pod(f, 0, 1);
		told = fx_pod_event(1 * S, 1);
		DS_SET_STR(&told, POD_PROBES, pod_probes, cases[i].probes);
		DS_SET(&told, PHASE, phase, cases[i].ready ? DS_PHASE_READY : DS_PHASE_NOT_READY);
		ds_core_feed(f->core, &told);
		fx_target(f, 1 * S, 1, DS_TARGET_STATE_HEALTHY);
		fx_refused(f, 2 * S, 1, 1, 1);
		fx_ticks(f, 5 * S, 20 * S);
		ev = fx_only(f, DS_EVENT_ADVICE);
		assert_string_equal(ev->advice_current, cases[i].current);
		assert_int_equal(ev->advice_confidence, cases[i].confidence);
		fx_free(f);
	}
}

/* Released at 10 s, reused at 12 s, sent to until 30 s: 20 s, and 10 %. */
static void an_address_given_away_while_it_is_sent_to(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;
	struct ds_event taken;

	going(f, 5);
	fx_target(f, 900, 1, DS_TARGET_STATE_HEALTHY);
	fx_target(f, 2 * S, 1, DS_TARGET_STATE_DRAINING);
	fx_process(f, 9 * S, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_released(f, 10 * S, 1);
	fx_pod_at(f, 12 * S, 2, "10.0.3.1");
	taken = fx_socket_event(30 * S, 1, NULL, 5, DS_SOCKET_CHANGE_ACCEPTED);
	taken.netns = fx_netns(2);
	ds_core_feed(f->core, &taken);
	fx_ticks(f, 31 * S, 40 * S);
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_REUSED);
	fx_target(f, 41 * S, 1, DS_TARGET_STATE_UNUSED);
	gone(f);
	ev = of_code(f, DS_ADVICE_RAISE_ADDRESS_COOLDOWN);
	assert_string_equal(ev->advice_suggested, "22");
	assert_string_equal(ev->advice_current, "reused after 2.0 s");
	assert_string_equal(ev->advice_field, "IP_COOLDOWN_PERIOD");
}

static void gates_that_are_known(void **state)
{
	static const struct {
		const char *gates;
		enum ds_confidence confidence;
	} cases[] = { { "none", DS_CONFIDENCE_HIGH }, { "k8s-shop-web", DS_CONFIDENCE_MEDIUM } };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture *f = fx_new_bounded(0, 0);
		const struct ds_event *ev;
		struct ds_event told;

		start(f);
		fx_pod(f, 0, 1);
		told = fx_pod_event(500, 1);
		DS_SET_STR(&told, POD_GATES, pod_gates, cases[i].gates);
		ds_core_feed(f->core, &told);
		fx_tick(f, 1 * S);
		ds_advise_no_healthy_target(f->core, ds_ledger_first(f->core->ledger),
					    fx_at(1 * S), -1);
		fx_ticks(f, 2 * S, 30 * S);
		ev = fx_only(f, DS_EVENT_ADVICE);
		assert_string_equal(ev->advice_current, cases[i].gates);
		assert_int_equal(ev->advice_confidence, cases[i].confidence);
		fx_free(f);
	}
}

static void pods_replaced_without_a_healthy_target(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *ev;

	start(f);
	fx_pod(f, 0, 1);
	fx_tick(f, 1 * S);
	ds_advise_no_healthy_target(f->core, ds_ledger_first(f->core->ledger), fx_at(1 * S),
				    4 * DS_NS_PER_S);
	fx_tick(f, 10 * S);
	assert_int_equal(advices(f), 0);
	fx_ticks(f, 11 * S, 30 * S);
	ev = fx_only(f, DS_EVENT_ADVICE);
	assert_int_equal(ev->advice, DS_ADVICE_ADD_READINESS_GATE);
	assert_string_equal(ev->advice_field, "spec.template.spec.readinessGates");
	assert_non_null(strstr(ev->advice_evidence, "1 pods were ready while no target was healthy for 4.000 s"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(a_hook_as_long_as_the_grace_period_is_cut),
		FX_TEST(a_cut_hook_is_told_also_where_sigkill_came),
		cmocka_unit_test(a_hook_that_was_not_cut_is_not_said_to_be),
		FX_TEST(a_pid_1_that_ignores_sigterm),
		cmocka_unit_test(one_that_does_nothing_until_sigkill),
		FX_TEST(a_request_cut_at_the_end_of_the_delay),
		FX_TEST(connections_that_no_grace_period_outlasts),
		FX_TEST(what_a_node_cuts_says_nothing_of_connections),
		FX_TEST(a_longer_prestop_only_keeps_an_nlbs_connections_for_longer),
		FX_TEST(without_new_connections_no_prestop_is_advised_for_kept_ones),
		FX_TEST(beside_an_alb_the_whole_tail_counts),
		FX_TEST(a_keepalive_race_is_told_once_it_has_settled),
		FX_TEST(a_race_that_never_settles_is_told_anyway),
		FX_TEST(the_end_of_the_run_tells_what_has_not_settled),
		FX_TEST(a_late_request_is_no_keepalive_race),
		cmocka_unit_test(a_pod_that_is_ready_before_it_listens),
		cmocka_unit_test(a_pod_with_and_without_a_readiness_probe),
		FX_TEST(an_address_given_away_while_it_is_sent_to),
		FX_TEST(pods_replaced_without_a_healthy_target),
		FX_TEST(gates_that_are_known),
	};

	return cmocka_run_group_tests_name("advise_codes", tests, NULL, NULL);
}
