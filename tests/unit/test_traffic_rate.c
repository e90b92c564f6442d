// SPDX-License-Identifier: Apache-2.0
/*
 * How often each address of the load balancer sent to a pod before its T0: DESIGN section 8's
 * evidence for a shorter preStop. The story's beginning is that of a period of 300 s.
 */
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"
#include "user/core/workload.h"

#define S 1000	/* ms */
#define LB2 "10.0.0.11"

static void target(struct fixture *f, int64_t ms, int hc_port, int64_t interval_s,
		   enum ds_lb_type type)
{
	struct ds_event ev = fx_target_event(ms, 1, DS_TARGET_STATE_HEALTHY);

	DS_SET(&ev, LB_TYPE, lb_type, type);
	if (hc_port)
		DS_SET(&ev, TG_HC_PORT, tg_health_check_port, hc_port);
	if (interval_s)
		DS_SET(&ev, TG_HC_INTERVAL, tg_health_check_interval_s, interval_s);
	ds_core_feed(f->core, &ev);
}

/* Pod 1 serves since 0 s; the load balancer has two addresses. */
static void serving(struct fixture *f)
{
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_address(f, DS_EVENT_LB_ADDRESS, LB2);
	fx_pod(f, 0, 1);
	target(f, 0, 8081, 1, DS_LB_TYPE_APPLICATION);
}

static int64_t rate(struct fixture *f)
{
	return ds_traffic_rate(f->core, ds_ledger_first(f->core->ledger));
}

static void connections_and_further_segments_less_empty_ones(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 10);
	FX_TRAFFIC(f, 50 * S, .n = 1, .accepted = 60, .segments = 90, .empty = 25);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 1250);	/* 60 + 90 - 25 in 100 s */
}

static void fewer_than_twenty_are_no_rate(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 1 * S, .n = 1, .accepted = 19);
	fx_terminating(f, 2 * S, 1);
	assert_int_equal(rate(f), 0);
	FX_TRAFFIC(f, 2 * S, .n = 1, .accepted = 20);
	assert_int_equal(rate(f), 10000);
}

static void the_address_that_sends_least_counts(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 500);
	FX_TRAFFIC(f, 10 * S, .n = 1, .peer = LB2, .accepted = 40);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 400);
}

/* It checks and sends nothing: that it goes on sending would never be seen. */
static void an_address_that_only_checks_counts_too(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 500);
	FX_TRAFFIC(f, 10 * S, .n = 1, .port = 8081, .accepted = 10);
	FX_TRAFFIC(f, 11 * S, .n = 1, .peer = LB2, .port = 8081, .accepted = 90);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 0);
}

static void checks_on_their_own_port_are_no_arrivals(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 50);
	FX_TRAFFIC(f, 10 * S, .n = 1, .port = 8081, .accepted = 4000);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 500);
}

static void only_addresses_seen_before_t0(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 100);
	fx_terminating(f, 100 * S, 1);
	FX_TRAFFIC(f, 100 * S + 1, .n = 1, .peer = LB2, .accepted = 1);
	assert_int_equal(rate(f), 1000);
	/* One with connections older than the run, seen first when they end, was there before. */
	FX_TRAFFIC(f, 102 * S, .n = 1, .peer = "10.0.0.10", .port = 9090, .segments = 1);
	assert_int_equal(rate(f), 1000);	/* the same address */
	fx_address(f, DS_EVENT_LB_ADDRESS, "10.0.0.12");
	FX_TRAFFIC(f, 103 * S, .n = 1, .peer = "10.0.0.12", .segments = 1);
	assert_int_equal(rate(f), 0);
}

/* Until its last arrival the load balancer went on, and was counted. */
static void what_came_after_t0_counts_with_its_time(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 100);
	fx_terminating(f, 100 * S, 1);
	FX_CLOSING(f, 125 * S, .n = 1, .peer_port = 1, .by_peer = true, .received = 9,
		   .last_payload_ms = 125 * S, .age_ms = 500);
	FX_TRAFFIC(f, 126 * S, .n = 1, .accepted = 100, .segments = 50);
	assert_int_equal(rate(f), 1200);	/* 150 in 125 s */
}

static void only_this_period_and_the_one_before(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 100000);
	FX_TRAFFIC(f, 700 * S, .n = 1, .accepted = 100100);
	FX_TRAFFIC(f, 950 * S, .n = 1, .accepted = 100200);
	fx_terminating(f, 1000 * S, 1);
	assert_int_equal(rate(f), 500);		/* 200 in [600 s, 1000 s] */
}

static void the_period_before_alone(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 100000);
	FX_TRAFFIC(f, 310 * S, .n = 1, .accepted = 100001);
	FX_TRAFFIC(f, 700 * S, .n = 1, .accepted = 100101);
	fx_terminating(f, 1000 * S, 1);
	assert_int_equal(rate(f), 250);
}

/* Its addresses change: one that has been silent for long is not the load balancer's any more. */
static void an_address_silent_for_long_has_no_say(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .peer = LB2, .accepted = 30);
	FX_TRAFFIC(f, 700 * S, .n = 1, .accepted = 400);
	fx_terminating(f, 1000 * S, 1);
	assert_int_equal(rate(f), 1000);
}

static void nothing_lately_is_no_rate(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 30000);
	fx_terminating(f, 1000 * S, 1);
	assert_int_equal(rate(f), 0);
}

/* T0 is told late, after samples of the next period. */
static void a_period_that_began_after_t0(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_pod_event(303 * S, 1);

	serving(f);
	FX_TRAFFIC(f, 100 * S, .n = 1, .accepted = 100);
	FX_TRAFFIC(f, 302 * S, .n = 1, .accepted = 110);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(275 * S));
	ds_core_feed(f->core, &ev);
	assert_int_equal(rate(f), 400);		/* 110 in [0, 275 s] */
	FX_TRAFFIC(f, 304 * S, .n = 1, .accepted = 110, .segments = 55);
	assert_int_equal(rate(f), 600);
}

static void a_counter_made_anew_begins_at_nothing(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 60);
	FX_TRAFFIC(f, 20 * S, .n = 1, .accepted = 40);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 1000);
}

static void checks_on_the_traffics_port_are_taken_off(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 71);
	fx_terminating(f, 100 * S, 1);
	target(f, 101 * S, FX_PORT, 5, DS_LB_TYPE_APPLICATION);
	assert_int_equal(rate(f), 500);		/* 71 - 21 */
	target(f, 102 * S, FX_PORT, 10, DS_LB_TYPE_NETWORK);
	assert_int_equal(rate(f), 380);		/* 71 - 3 x 11: several of its nodes check */
	target(f, 103 * S, FX_PORT, 1, DS_LB_TYPE_APPLICATION);
	assert_int_equal(rate(f), 0);
}

static void checks_of_unknown_cadence_could_be_all_of_it(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	target(f, 0, FX_PORT, 0, DS_LB_TYPE_APPLICATION);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 7000);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 0);
}

static void clients_addresses_hide_the_load_balancers(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(1 * S, 1, DS_TARGET_STATE_HEALTHY);

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 7000);
	fx_terminating(f, 100 * S, 1);
	assert_true(rate(f) > 0);
	DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, true);
	ds_core_feed(f->core, &ev);
	assert_int_equal(rate(f), 0);
}

static void without_a_known_load_balancer_nothing_is_known(void **state)
{
	struct fixture *f = *state;

	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_pod(f, 0, 1);
	target(f, 0, 8081, 1, DS_LB_TYPE_APPLICATION);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 7000);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 0);
}

static void other_peers_are_no_evidence(void **state)
{
	struct fixture *f = *state;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .peer = "10.9.9.9", .accepted = 7000);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 0);
}

static void ports_on_which_it_is_a_target_are_added(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = fx_target_event(1 * S, 1, DS_TARGET_STATE_HEALTHY);

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 30);
	FX_TRAFFIC(f, 10 * S, .n = 1, .port = 9090, .accepted = 30);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 300);
	DS_SET(&ev, TG_NAME, tg_name, "grpc");
	DS_SET(&ev, TARGET_PORT, target_port, 9090);
	ds_core_feed(f->core, &ev);
	assert_int_equal(rate(f), 600);
}

/* The tap's counter is one of SYNs, of another namespace. */
static void syns_alone_are_not_counted(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 100);
	ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(11 * S));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(LB2));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1));
	DS_SET(&ev, TRAFFIC_PORT, traffic_port, FX_PORT);
	DS_SET(&ev, LAST_SYN_AT, last_syn_at, fx_at(11 * S));
	ds_core_feed(f->core, &ev);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 1000);
}

static void counters_of_another_namespace_are_another_pods(void **state)
{
	struct fixture *f = *state;

	serving(f);
	fx_listener(f, 1 * S, 1, DS_SOCKET_CHANGE_LISTENING);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 100);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(11 * S));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(FX_LB));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1));
	DS_SET(&ev, TRAFFIC_PORT, traffic_port, FX_PORT);
	DS_SET(&ev, TRAFFIC_ACCEPTED, traffic_accepted, 9000);
	DS_SET(&ev, NETNS, netns, fx_netns(2));
	ds_core_feed(f->core, &ev);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 1000);
}

/* More addresses than are told apart: of one of them nothing would be known. */
static void more_addresses_than_fit(void **state)
{
	struct fixture *f = *state;
	char address[DS_ADDR_STRLEN];

	serving(f);
	for (int i = 0; i < DS_POD_BALANCERS_MAX; i++) {
		(void)snprintf(address, sizeof(address), "10.0.1.%d", i + 1);
		fx_address(f, DS_EVENT_LB_ADDRESS, address);
		FX_TRAFFIC(f, (10 + i) * S, .n = 1, .peer = address, .accepted = 100);
	}
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 1000);
	FX_TRAFFIC(f, 100 * S, .n = 1, .peer = LB2, .accepted = 100);
	assert_int_equal(rate(f), 0);
}

static void one_silent_for_long_makes_room(void **state)
{
	struct fixture *f = *state;
	char address[DS_ADDR_STRLEN];

	serving(f);
	for (int i = 0; i < DS_POD_BALANCERS_MAX; i++) {
		(void)snprintf(address, sizeof(address), "10.0.1.%d", i + 1);
		fx_address(f, DS_EVENT_LB_ADDRESS, address);
		FX_TRAFFIC(f, 10 * S, .n = 1, .peer = address, .accepted = 100);
	}
	FX_TRAFFIC(f, 700 * S, .n = 1, .peer = LB2, .accepted = 100);
	fx_terminating(f, 800 * S, 1);
	assert_int_equal(rate(f), 200);		/* 100 in [300 s, 800 s] */
}

static void counters_without_sense_do_no_harm(void **state)
{
	struct fixture *f = *state;

	serving(f);
	for (int i = 0; i < 8; i++) {
		FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = INT64_MAX, .segments = INT64_MAX);
		FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 1, .segments = 1, .empty = INT64_MAX);
	}
	fx_terminating(f, 100 * S, 1);
	assert_true(rate(f) >= 0);
}

/* Its sums stay within bounds on either side, however long it goes on. */
static void arrivals_are_bounded_below_too(void **state)
{
	const int64_t most = INT64_C(1) << 40;
	struct fixture *f = *state;
	struct ds_pod *pod;

	serving(f);
	for (int i = 0; i < 8; i++)
		FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 1, .empty = i % 2 ? 1 : INT64_MAX);
	pod = ds_ledger_first(f->core->ledger);
	assert_true(pod->balancers[0].arrivals[0] + pod->balancers[0].arrivals[1] >= -most);
}

/* One address on many ports: each at the bound. */
static void a_rate_beyond_sense_is_cut(void **state)
{
	struct fixture *f = *state;
	struct ds_measured m = { 0 };

	serving(f);
	for (int port = 1; port <= 32; port++) {
		struct ds_event ev = fx_target_event(0, 1, DS_TARGET_STATE_HEALTHY);

		DS_SET(&ev, TARGET_PORT, target_port, port);
		ds_core_feed(f->core, &ev);
		ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(1));
		DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(FX_LB));
		DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1));
		DS_SET(&ev, TRAFFIC_PORT, traffic_port, port);
		DS_SET(&ev, TRAFFIC_ACCEPTED, traffic_accepted, INT64_MAX);
		DS_SET(&ev, LAST_ACCEPTED_AT, last_accepted_at, fx_at(1));
		ds_core_feed(f->core, &ev);
	}
	fx_terminating(f, 2, 1);
	assert_true(rate(f) > 0);
	ds_workload_add_rate(&m, INT64_MAX);
	assert_int_equal(m.rates[0], INT64_C(1) << 49);
}

/* The run began after the pod did: what came before was not counted, so its time is not either. */
static void the_time_before_the_run_does_not_count(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_START, fx_at(50 * S));
	DS_SET_STR(&ev, VERSION, version, "test");
	ds_core_feed(f->core, &ev);
	fx_lb(f);
	fx_pod(f, 0, 1);
	target(f, 0, 8081, 1, DS_LB_TYPE_APPLICATION);
	FX_TRAFFIC(f, 60 * S, .n = 1, .accepted = 50);
	fx_terminating(f, 100 * S, 1);
	assert_int_equal(rate(f), 1000);
}

static void its_own_closes_tell_the_keepalive_timeout(void **state)
{
	struct fixture *f = *state;
	const struct ds_pod *pod;

	serving(f);
	FX_TRAFFIC(f, 10 * S, .n = 1, .accepted = 1, .idle_close_ms = 5000);
	FX_TRAFFIC(f, 11 * S, .n = 1, .peer = "10.9.9.9", .accepted = 1, .idle_close_ms = 9000);
	FX_TRAFFIC(f, 12 * S, .n = 1, .port = 8081, .accepted = 1, .idle_close_ms = 9000);
	FX_TRAFFIC(f, 13 * S, .n = 1, .peer = LB2, .accepted = 1, .idle_close_ms = 10);
	pod = ds_ledger_first(f->core->ledger);
	assert_true(pod->idle_close_ns == 5 * DS_NS_PER_S);
	fx_terminating(f, 100 * S, 1);
	FX_TRAFFIC(f, 101 * S, .n = 1, .accepted = 1, .idle_close_ms = 60000);
	assert_true(pod->idle_close_ns == 5 * DS_NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(connections_and_further_segments_less_empty_ones),
		FX_TEST(fewer_than_twenty_are_no_rate),
		FX_TEST(the_address_that_sends_least_counts),
		FX_TEST(an_address_that_only_checks_counts_too),
		FX_TEST(checks_on_their_own_port_are_no_arrivals),
		FX_TEST(only_addresses_seen_before_t0),
		FX_TEST(what_came_after_t0_counts_with_its_time),
		FX_TEST(only_this_period_and_the_one_before),
		FX_TEST(the_period_before_alone),
		FX_TEST(an_address_silent_for_long_has_no_say),
		FX_TEST(nothing_lately_is_no_rate),
		FX_TEST(a_period_that_began_after_t0),
		FX_TEST(a_counter_made_anew_begins_at_nothing),
		FX_TEST(checks_on_the_traffics_port_are_taken_off),
		FX_TEST(checks_of_unknown_cadence_could_be_all_of_it),
		FX_TEST(clients_addresses_hide_the_load_balancers),
		FX_TEST(without_a_known_load_balancer_nothing_is_known),
		FX_TEST(other_peers_are_no_evidence),
		FX_TEST(ports_on_which_it_is_a_target_are_added),
		FX_TEST(syns_alone_are_not_counted),
		FX_TEST(counters_of_another_namespace_are_another_pods),
		FX_TEST(more_addresses_than_fit),
		FX_TEST(one_silent_for_long_makes_room),
		FX_TEST(counters_without_sense_do_no_harm),
		FX_TEST(arrivals_are_bounded_below_too),
		FX_TEST(a_rate_beyond_sense_is_cut),
		FX_TEST(the_time_before_the_run_does_not_count),
		FX_TEST(its_own_closes_tell_the_keepalive_timeout),
	};

	return cmocka_run_group_tests_name("traffic_rate", tests, NULL, NULL);
}
