// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */
#define ARN "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef"
#define OTHER_ARN "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web2/1"

/* How often the core wished that of pod n's address. port -1 and group NULL: whatever. */
static int wished(const struct fixture *f, enum ds_wish_kind kind, int n, int port,
		  const char *group)
{
	struct ds_addr a = fx_pod_addr(n);
	int cnt = 0;

	for (int i = 0; i < f->wishes_cnt; i++) {
		const struct ds_wish *w = &f->wishes[i];

		cnt += w->kind == kind && ds_addr_equal(&w->addr, &a) &&
		       (port < 0 || w->port == port) &&
		       (!group || (*group ? w->group && !strcmp(w->group, group) : !w->group));
	}
	return cnt;
}

static void told(struct fixture *f, int64_t ms, int n, const char *arn, int port, int state)
{
	struct ds_event ev = fx_target_event(ms, n, state);

	DS_SET_STR(&ev, TG_ARN, tg_arn, arn);
	DS_SET(&ev, TARGET_PORT, target_port, port);
	ds_core_feed(f->core, &ev);
}

static void begin(struct fixture *f)
{
	fx_start_with(f, 10 * S, 100 * S, "auto", 0);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_pod(f, 0, 2);
}

static void targets_of_pods_that_stay_are_left_alone(void **state)
{
	struct fixture *f = *state;

	begin(f);
	told(f, 0, 1, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	fx_listener(f, S, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_listener(f, 2 * S, 1, DS_SOCKET_CHANGE_LISTENER_CLOSED);	/* a container restarts */
	fx_ticks(f, 3 * S, 20 * S);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, -1, NULL), 0);
	assert_int_equal(wished(f, DS_WISH_UNPOLL, 1, -1, NULL), 0);
}

static void all_targets_of_a_pod_that_goes_are_asked_for_once(void **state)
{
	struct fixture *f = *state;

	begin(f);
	told(f, 0, 1, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	told(f, 0, 1, ARN, 8081, DS_TARGET_STATE_HEALTHY);
	told(f, 0, 1, OTHER_ARN, 8080, DS_TARGET_STATE_INITIAL);
	told(f, 0, 1, "", 9090, DS_TARGET_STATE_HEALTHY);	/* by its group's name: not enough */
	told(f, 0, 2, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, S, 1);
	fx_ticks(f, 2 * S, 10 * S);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8080, ARN), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8081, ARN), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8080, OTHER_ARN), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 9090, NULL), 0);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 0, ""), 1);	/* in what groups it may be */
	assert_int_equal(wished(f, DS_WISH_POLL, 1, -1, NULL), 4);
	assert_int_equal(wished(f, DS_WISH_POLL, 2, -1, NULL), 0);
	assert_int_equal(wished(f, DS_WISH_UNPOLL, 1, -1, NULL), 0);
}

static void a_target_that_is_told_later_is_asked_for_too(void **state)
{
	struct fixture *f = *state;

	begin(f);
	fx_terminating(f, S, 1);
	fx_tick(f, 2 * S);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, -1, NULL), 1);
	told(f, 3 * S, 1, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	fx_ticks(f, 4 * S, 6 * S);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8080, ARN), 1);
}

static void with_the_verdict_it_is_over(void **state)
{
	struct fixture *f = *state;

	begin(f);
	told(f, 0, 1, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, S, 1);
	told(f, 2 * S, 1, ARN, 8080, DS_TARGET_STATE_DRAINING);
	fx_phase(f, 5 * S, 1, DS_PHASE_DELETED);
	fx_ticks(f, 6 * S, 30 * S);
	assert_int_equal(wished(f, DS_WISH_UNPOLL, 1, -1, NULL), 0);
	told(f, 31 * S, 1, ARN, 8080, DS_TARGET_STATE_UNUSED);
	fx_ticks(f, 32 * S, 50 * S);
	assert_int_equal(wished(f, DS_WISH_UNPOLL, 1, -1, NULL), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, -1, NULL), 2);
}

/* The address has another pod by the time of the verdict, and that one goes too. */
static void an_address_that_another_pod_has_goes_on(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	begin(f);
	told(f, 0, 1, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, S, 1);
	fx_tick(f, 2 * S);
	fx_phase(f, 3 * S, 1, DS_PHASE_DELETED);
	fx_pod_at(f, 4 * S, 3, "10.0.3.1");
	ev = fx_pod_event(5 * S, 3);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(5 * S));
	ds_core_feed(f->core, &ev);
	fx_tick(f, 6 * S);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 0, ""), 2);
	told(f, 7 * S, 1, ARN, 8080, DS_TARGET_STATE_UNUSED);
	fx_ticks(f, 8 * S, 40 * S);	/* the first one's verdict */
	assert_int_equal(wished(f, DS_WISH_UNPOLL, 1, -1, NULL), 0);
	fx_phase(f, 41 * S, 3, DS_PHASE_DELETED);
	fx_ticks(f, 42 * S, 80 * S);
	assert_int_equal(wished(f, DS_WISH_UNPOLL, 1, -1, NULL), 1);
}

/* The node's address is not one pod's alone: its ports are asked for, and no others. */
static void on_the_hosts_network_the_ports_are_named(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_start_with(f, 10 * S, 100 * S, "auto", 0);
	ev = fx_pod_event(0, 1);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080,8081");
	DS_SET(&ev, HOST_NETWORK, host_network, true);
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	ds_core_feed(f->core, &ev);
	told(f, 0, 1, ARN, 8080, DS_TARGET_STATE_HEALTHY);
	told(f, 0, 1, ARN, 9999, DS_TARGET_STATE_HEALTHY);
	fx_terminating(f, S, 1);
	fx_tick(f, 2 * S);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 0, NULL), 0);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8080, ""), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8081, ""), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 8080, ARN), 1);
	assert_int_equal(wished(f, DS_WISH_POLL, 1, 9999, NULL), 0);
}

/* Of a group of which the poller tells those that go, the others may well serve. */
static void a_group_that_is_told_in_part_is_not_judged_absent(void **state)
{
	(void)state;
	for (int partial = 0; partial < 2; partial++) {
		struct fixture *f = fx_new_bounded(0, 0);
		int found = 0;

		begin(f);
		for (int i = 0; i < 2; i++) {
			struct ds_event ev = fx_target_event((1 + i) * S, 1,
							     i ? DS_TARGET_STATE_DRAINING :
								 DS_TARGET_STATE_HEALTHY);

			if (partial)
				DS_SET(&ev, TG_PARTIAL, tg_partial, true);
			ds_core_feed(f->core, &ev);
		}
		fx_ticks(f, 3 * S, 9 * S);
		for (int i = 0; i < f->out_cnt; i++)
			found += f->out[i].kind == DS_EVENT_NO_TARGET;
		assert_int_equal(found, partial ? 0 : 1);
		fx_free(f);
	}
}

static void its_counters_are_in_health_and_at_the_end(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;
	int health = 0, degraded = 0, stop = 0;

	begin(f);
	for (int i = 0; i <= 3; i++) {
		ds_event_init(&ev, DS_EVENT_TICK, fx_at(61 * S * i));
		DS_SET(&ev, POLL_REQUESTS, poll_requests, 10 * i);
		DS_SET(&ev, POLL_THROTTLED, poll_throttled, 2 * i);
		DS_SET(&ev, POLL_FAILED, poll_failed, i < 2 ? 0 : 1);
		DS_SET(&ev, FINAL, final, i == 3);
		ds_core_feed(f->core, &ev);
	}
	for (int i = 0; i < f->out_cnt; i++) {
		const struct ds_event *o = &f->out[i];

		health += o->kind == DS_EVENT_HEALTH && ds_event_has(o, DS_KEY_POLL_REQUESTS);
		degraded += o->kind == DS_EVENT_HEALTH && o->health == DS_HEALTH_DEGRADED;
		if (o->kind != DS_EVENT_STOP)
			continue;
		stop++;
		assert_int_equal(o->poll_requests, 30);
		assert_int_equal(o->poll_throttled, 6);
		assert_int_equal(o->poll_failed, 1);
	}
	assert_int_equal(health, 3);
	assert_int_equal(degraded, 1);	/* of the minute in which one failed */
	assert_int_equal(stop, 1);
}

static int setup(void **state)
{
	*state = fx_new_bounded(0, 0);
	return 0;
}

static int teardown(void **state)
{
	fx_free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(targets_of_pods_that_stay_are_left_alone),
		T(all_targets_of_a_pod_that_goes_are_asked_for_once),
		T(a_target_that_is_told_later_is_asked_for_too),
		T(with_the_verdict_it_is_over),
		T(an_address_that_another_pod_has_goes_on),
		T(on_the_hosts_network_the_ports_are_named),
		T(a_group_that_is_told_in_part_is_not_judged_absent),
		T(its_counters_are_in_health_and_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
