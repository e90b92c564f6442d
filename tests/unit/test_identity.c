// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

static struct ds_event told(int64_t ms, const char *addresses)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(ms));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, addresses);
	return ev;
}

static struct ds_event named(int64_t ms, const char *addresses, const char *name)
{
	struct ds_event ev = told(ms, addresses);

	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, name);
	return ev;
}

static int64_t pods(struct fixture *f)
{
	return ds_ledger_stats(f->core->ledger).pods;
}

/* --pod-ip first, then Kubernetes: one pod, with the past that it has. */
static void kubernetes_names_the_pod_of_an_address(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = told(0, "10.0.3.1");
	struct ds_pod *pod;

	fx_start(f);
	ds_core_feed(f->core, &ev);
	pod = ds_ledger_find(f->core->ledger, "10.0.3.1");
	assert_non_null(pod);
	fx_pod(f, 1 * S, 1);
	assert_int_equal(pods(f), 1);
	assert_ptr_equal(ds_ledger_find(f->core->ledger, fx_uid(1)), pod);
	assert_null(ds_ledger_find(f->core->ledger, "10.0.3.1"));
	assert_string_equal(pod->name, "web-1");
	assert_true(pod->by_kubernetes);
	assert_int_equal(pod->reused_ns, 0);
	/* And the other way round: --pod-ip of a pod that is known already. */
	ev = told(2 * S, "10.0.3.1");
	ds_core_feed(f->core, &ev);
	assert_int_equal(pods(f), 1);
	assert_ptr_equal(ds_ledger_find(f->core->ledger, fx_uid(1)), pod);
}

static void by_steps_from_address_to_name_to_uid(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = told(0, "10.0.3.1");

	fx_start(f);
	ds_core_feed(f->core, &ev);
	ev = named(1 * S, "10.0.3.1", "web-1");
	ds_core_feed(f->core, &ev);
	assert_int_equal(pods(f), 1);
	assert_non_null(ds_ledger_find(f->core->ledger, "shop/web-1"));
	fx_pod(f, 2 * S, 1);
	assert_int_equal(pods(f), 1);
	assert_non_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
	/* A name that says less than the UID does not take it away. */
	ev = named(3 * S, "10.0.3.1", "web-1");
	ds_core_feed(f->core, &ev);
	assert_int_equal(pods(f), 1);
	assert_non_null(ds_ledger_find(f->core->ledger, fx_uid(1)));
}

static void names_that_contradict_are_two_pods(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = named(0, "10.0.3.1", "other");

	fx_start(f);
	ds_core_feed(f->core, &ev);
	fx_pod(f, 1 * S, 1);
	assert_int_equal(pods(f), 2);
	assert_int_equal(ds_ledger_find(f->core->ledger, "shop/other")->reused_ns, fx_at(1 * S));
}

static void a_second_uid_at_an_address_is_a_second_pod(void **state)
{
	struct fixture *f = *state;

	fx_start(f);
	fx_pod(f, 0, 1);
	fx_pod_at(f, 1 * S, 2, "10.0.3.1");
	assert_int_equal(pods(f), 2);
}

/* What an earlier holder was called is nothing to the next one. */
static void an_address_that_was_released_names_nobody(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = named(0, "10.0.3.1", "web-1");

	fx_start(f);
	ds_core_feed(f->core, &ev);
	fx_released(f, 1 * S, 1);
	fx_pod(f, 2 * S, 1);	/* the same name: a StatefulSet's next pod */
	assert_int_equal(pods(f), 2);
}

/* A finished pod keeps its status.podIP: it is not the one that was named by that address. */
static void a_finished_pod_is_not_the_holder_of_its_address(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = told(0, "10.0.3.1");

	fx_start(f);
	ds_core_feed(f->core, &ev);
	ev = fx_pod_event(1 * S, 2);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pods(f), 2);
	assert_string_equal(ds_ledger_find(f->core->ledger, "10.0.3.1")->name, "");
}

static void a_host_network_pod_is_not_who_has_the_nodes_address(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = told(0, "10.0.0.1");

	fx_start(f);
	ds_core_feed(f->core, &ev);
	ev = fx_pod_event(1 * S, 2);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.0.1");
	DS_SET(&ev, HOST_NETWORK, host_network, true);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pods(f), 2);
}

static void tell_trigger(struct fixture *f, int64_t ms, enum ds_trigger trigger)
{
	struct ds_event ev = fx_pod_event(ms, 1);

	DS_SET(&ev, TRIGGER, trigger, trigger);
	ds_core_feed(f->core, &ev);
}

#define TR(name) DS_TRIGGER_##name

/*
 * That the object was deleted is told with each change of it, and takes nothing away from what the
 * owner tells; nor does that from what the pod itself says of its end.
 */
static void a_trigger_that_says_more_stays(void **state)
{
	static const struct {
		enum ds_trigger told[3], want;
	} cases[] = {
		{ { TR(DELETION), TR(ROLLOUT), TR(DELETION) }, TR(ROLLOUT) },
		{ { TR(SCALE_IN), TR(DELETION), TR(DELETION) }, TR(SCALE_IN) },
		{ { TR(DELETION), TR(SCALE_IN), TR(ROLLOUT) }, TR(ROLLOUT) },
		{ { TR(EVICTION), TR(ROLLOUT), TR(DELETION) }, TR(EVICTION) },
		{ { TR(SCALE_IN), TR(PREEMPTION), TR(MANUAL) }, TR(PREEMPTION) },
		{ { TR(EVICTION), TR(NODE_SHUTDOWN), TR(DELETION) },
		  TR(NODE_SHUTDOWN) },
		{ { TR(DELETION), TR(DELETION), TR(DELETION) }, TR(DELETION) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture *f = fx_new_bounded(0, 0);

		fx_start(f);
		fx_pod(f, 0, 1);
		for (int k = 0; k < 3; k++)
			tell_trigger(f, (k + 1) * S, cases[i].told[k]);
		assert_int_equal(ds_ledger_first(f->core->ledger)->trigger, cases[i].want);
		fx_free(f);
	}
}

/* Whose doing a deletion was is told elsewhere; that it was one only the pod itself tells. */
static void by_hand_is_a_deletion_that_was_seen(void **state)
{
	struct fixture *f = *state;
	const struct ds_pod *pod;

	fx_start(f);
	fx_pod(f, 0, 1);
	pod = ds_ledger_first(f->core->ledger);
	tell_trigger(f, 1 * S, DS_TRIGGER_MANUAL);
	assert_int_equal(pod->trigger, -1);	/* it may have been evicted */
	fx_terminating(f, 2 * S, 1);
	tell_trigger(f, 3 * S, DS_TRIGGER_MANUAL);
	assert_int_equal(pod->trigger, DS_TRIGGER_MANUAL);
	tell_trigger(f, 4 * S, DS_TRIGGER_DELETION);
	assert_int_equal(pod->trigger, DS_TRIGGER_MANUAL);
}

/* The hand-over knows a pod by its UID, and tells only why it goes: all else stays. */
static void why_it_goes_is_told_later_and_elsewhere(void **state)
{
	struct fixture *f = *state;
	const struct ds_pod *pod;
	struct ds_event ev = fx_pod_event(1 * S, 1);

	fx_start(f);
	fx_pod(f, 0, 1);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(900));
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, 40);
	DS_SET_STR(&ev, PRESTOP, prestop, "sleep:5");
	DS_SET_STR(&ev, POD_PROBES, pod_probes, "readiness:5");
	DS_SET_STR(&ev, POD_GATES, pod_gates, "web");
	DS_SET_STR(&ev, POD_CONTAINERS, pod_containers, "a=0123456789ab");
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_DELETION);
	ds_core_feed(f->core, &ev);
	pod = ds_ledger_first(f->core->ledger);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(2 * S));
	DS_SET_STR(&ev, POD_UID, pod_uid, pod->uid);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_ROLLOUT);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "9090");
	ds_core_feed(f->core, &ev);
	assert_int_equal(pods(f), 1);
	assert_int_equal(pod->trigger, DS_TRIGGER_ROLLOUT);
	assert_int_equal(pod->phase_kubernetes, DS_PHASE_TERMINATING);
	assert_true(pod->t0_ns == fx_at(900));
	assert_int_equal(pod->grace_s, 40);
	assert_string_equal(pod->prestop, "sleep:5");
	assert_string_equal(pod->probes, "readiness:5");
	assert_string_equal(pod->gates, "web");
	assert_string_equal(pod->containers_named, "a=0123456789ab");
	assert_true(pod->addresses_cnt == 1 && ds_pod_declares_port(pod, 9090) &&
		    ds_pod_declares_port(pod, 8080));
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(3 * S));	/* a container was started again */
	DS_SET_STR(&ev, POD_UID, pod_uid, pod->uid);
	DS_SET_STR(&ev, POD_CONTAINERS, pod_containers, "a=ba9876543210");
	ds_core_feed(f->core, &ev);
	assert_string_equal(pod->containers_named, "a=ba9876543210");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(kubernetes_names_the_pod_of_an_address),
		FX_TEST(by_steps_from_address_to_name_to_uid),
		FX_TEST(names_that_contradict_are_two_pods),
		FX_TEST(a_second_uid_at_an_address_is_a_second_pod),
		FX_TEST(an_address_that_was_released_names_nobody),
		FX_TEST(a_finished_pod_is_not_the_holder_of_its_address),
		FX_TEST(a_host_network_pod_is_not_who_has_the_nodes_address),
		FX_TEST(a_trigger_that_says_more_stays),
		FX_TEST(by_hand_is_a_deletion_that_was_seen),
		FX_TEST(why_it_goes_is_told_later_and_elsewhere),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
