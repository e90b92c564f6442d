// SPDX-License-Identifier: Apache-2.0
#include "user/sink/kube_event.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/source/kube/kube_json.h"
#include "user/util/timefmt.h"

#define S DS_NS_PER_S
#define BEGIN (INT64_C(1795387020) * S) /* 2026-11-22T22:37:00 */

static struct ds_kube_events *events;

static int fresh(void **state)
{
	struct ds_kube_event_options o = { .node = "node-1", .instance = "agent-x" };

	(void)state;
	return ds_kube_events_new(&events, &o);
}

static int end(void **state)
{
	(void)state;
	ds_kube_events_free(&events);
	return 0;
}

static struct ds_event verdict_event(const char *name, int at, int code, int listener_closed,
				     int aborted)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_VERDICT, BEGIN + at * S);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, DEPLOYMENT, deployment, name);
	DS_SET(&ev, VERDICT, verdict, code);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, listener_closed + aborted);
	ev.drops_by[DS_CAUSE_LISTENER_CLOSED] = (uint32_t)listener_closed;
	ev.drops_by[DS_CAUSE_ABORTED_IN_FLIGHT] = (uint32_t)aborted;
	ev.drops_by[DS_CAUSE_REJECTED] = 5;	/* no rollout's fault */
	ds_event_mark(&ev, DS_KEY_DROPS_BY);
	return ev;
}

static void verdict_of(const char *name, int at, int code, int listener_closed, int aborted)
{
	struct ds_event ev = verdict_event(name, at, code, listener_closed, aborted);

	ds_kube_events_take(events, &ev);
}

static void dropped(const char *name, int at)
{
	verdict_of(name, at, DS_VERDICT_DROPPED, 2, 1);
}

static void advise(const char *object)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_ADVICE, BEGIN);
	DS_SET_STR(&ev, ADVICE_OBJECT, advice_object, object);
	DS_SET(&ev, ADVICE, advice, DS_ADVICE_RAISE_PRESTOP);
	DS_SET_STR(&ev, ADVICE_FIELD, advice_field, "sleep.seconds");
	DS_SET_STR(&ev, ADVICE_SUGGESTED, advice_suggested, "12");
	ds_kube_events_take(events, &ev);
}

static const char *due(int at)
{
	static char room[128];
	struct ds_kube_event_subject s;

	if (!ds_kube_events_due(events, BEGIN + at * S, &s))
		return "";
	(void)snprintf(room, sizeof(room), "%s %s %s/%s", s.kind, s.resource, s.namespace_, s.name);
	return room;
}

static json_object *body(int at, const char *uid)
{
	struct ds_kube_event_subject s;
	struct ds_buf b = { 0 };
	json_object *json;

	assert_true(ds_kube_events_due(events, BEGIN + at * S, &s));
	ds_kube_events_body(events, &s, uid, BEGIN + at * S, &b);
	json = json_tokener_parse(b.data);
	assert_non_null(json);
	ds_buf_free(&b);
	return json;
}

static void answered(int at, bool ok)
{
	struct ds_kube_event_subject s;

	assert_true(ds_kube_events_due(events, BEGIN + at * S, &s));
	ds_kube_events_written(events, &s, ok, BEGIN + at * S);
}

static void write_it(int at, bool ok)
{
	json_object_put(body(at, ""));
	answered(at, ok);
}

static void one_for_all_pods_of_a_rollout(void **state)
{
	json_object *json, *about;

	(void)state;
	dropped("web", 0);
	dropped("web", 20);
	verdict_of("web", 25, DS_VERDICT_CLEAN, 0, 0);
	assert_string_equal(due(49), "");
	assert_string_equal(due(50), "Deployment deployments shop/web");
	advise("Deployment/shop/web");
	json = body(50, "uid-1");
	about = ds_kube_child(json, "involvedObject");
	assert_string_equal(ds_kube_text(about, "kind"), "Deployment");
	assert_string_equal(ds_kube_text(about, "name"), "web");
	assert_string_equal(ds_kube_text(about, "namespace"), "shop");
	assert_string_equal(ds_kube_text(about, "uid"), "uid-1");
	assert_string_equal(ds_kube_text(about, "apiVersion"), "apps/v1");
	assert_string_equal(ds_kube_text(json, "message"),
			    "6 connections of the load balancer lost on node node-1 as 2 pods went away: "
			    "listener_closed 4, aborted_in_flight 2. "
			    "Advised: raise_prestop: sleep.seconds none -> 12");
	assert_string_equal(ds_kube_text(json, "reason"), "ConnectionsDropped");
	assert_string_equal(ds_kube_text(json, "type"), "Warning");
	assert_string_equal(ds_kube_text(json, "firstTimestamp"), "2026-11-22T22:37:00Z");
	assert_string_equal(ds_kube_text(json, "lastTimestamp"), "2026-11-22T22:37:20Z");
	assert_string_equal(ds_kube_text(ds_kube_child(json, "metadata"), "generateName"), "web.");
	assert_string_equal(ds_kube_text(ds_kube_child(json, "metadata"), "namespace"), "shop");
	assert_string_equal(ds_kube_text(json, "reportingInstance"), "agent-x");
	json_object_put(json);
	json = body(50, "");
	assert_string_equal(ds_kube_text(ds_kube_child(json, "involvedObject"), "uid"), "");
	json_object_put(json);
	write_it(50, true);
	assert_string_equal(due(10000), "");
}

static void a_clean_rollout_is_no_news(void **state)
{
	(void)state;
	verdict_of("web", 0, DS_VERDICT_CLEAN, 0, 0);
	verdict_of("web", 0, DS_VERDICT_INCONCLUSIVE, 0, 0);
	advise("Deployment/shop/web");
	assert_string_equal(due(10000), "");
}

/* What its node did is no rollout's cost. */
static void only_what_the_workload_did_is_told(void **state)
{
	static const struct { enum ds_trigger trigger; bool told; } cases[] = {
		{ DS_TRIGGER_EVICTION, false }, { DS_TRIGGER_NODE_SHUTDOWN, false },
		{ DS_TRIGGER_PREEMPTION, false }, { DS_TRIGGER_ROLLOUT, true },
		{ DS_TRIGGER_SCALE_IN, true }, { DS_TRIGGER_MANUAL, true },
		{ DS_TRIGGER_DELETION, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_event ev = verdict_event("web", 0, DS_VERDICT_DROPPED, 2, 1);

		DS_SET(&ev, TRIGGER, trigger, cases[i].trigger);
		ds_kube_events_take(events, &ev);
		assert_string_equal(due(10000),
				    cases[i].told ? "Deployment deployments shop/web" : "");
		(void)end(state);
		assert_int_equal(fresh(state), 0);
	}
}

static void a_long_rollout_is_told_in_between(void **state)
{
	(void)state;
	for (int at = 0; at <= 110; at += 10)
		dropped("web", at);
	assert_string_equal(due(119), "");
	assert_string_equal(due(120), "Deployment deployments shop/web");
}

static void at_most_one_in_five_minutes(void **state)
{
	json_object *json;

	(void)state;
	dropped("web", 0);
	write_it(30, true);
	dropped("web", 40);
	dropped("web", 200);
	assert_string_equal(due(329), "");
	json = body(330, "");
	assert_memory_equal(ds_kube_text(json, "message"), "6 connections", 13);	/* nothing is lost */
	json_object_put(json);
}

static void at_most_one_in_ten_seconds(void **state)
{
	(void)state;
	dropped("web", 0);
	dropped("api", 1);
	assert_string_equal(due(40), "Deployment deployments shop/web");
	write_it(40, true);
	assert_string_equal(due(49), "");
	assert_string_equal(due(50), "Deployment deployments shop/api");
}

static void what_could_not_be_written_is_tried_again(void **state)
{
	(void)state;
	dropped("web", 0);
	write_it(30, false);
	assert_string_equal(due(89), "");
	write_it(90, true);
	assert_string_equal(due(10000), "");
}

static void tells(int at, const char *message, const char *first)
{
	json_object *json = body(at, "");

	assert_string_equal(ds_kube_text(json, "message"), message);
	assert_string_equal(ds_kube_text(json, "firstTimestamp"), first);
	json_object_put(json);
}

/* The API server takes its time to answer: what comes meanwhile is for the next one. */
static void what_comes_while_one_is_written_is_not_forgotten(void **state)
{
	(void)state;
	dropped("web", 0);
	advise("Deployment/shop/web");
	json_object_put(body(30, ""));
	dropped("web", 31);
	answered(62, true);
	assert_string_equal(due(361), "");
	tells(362, "3 connections of the load balancer lost on node node-1 as 1 pod went away: "
	      "listener_closed 2, aborted_in_flight 1", "2026-11-22T22:37:31Z");
	/* One that failed told nothing; advice that came meanwhile is kept. */
	dropped("web", 363);
	advise("Deployment/shop/web");
	answered(393, false);
	tells(460, "6 connections of the load balancer lost on node node-1 as 2 pods went away: "
	      "listener_closed 4, aborted_in_flight 2. Advised: raise_prestop: sleep.seconds none -> 12",
	      "2026-11-22T22:37:31Z");
	advise("Deployment/shop/web");
	answered(460, true);
	dropped("web", 461);
	tells(800, "3 connections of the load balancer lost on node node-1 as 1 pod went away: "
	      "listener_closed 2, aborted_in_flight 1. Advised: raise_prestop: sleep.seconds none -> 12",
	      "2026-11-22T22:44:41Z");
}

static void other_workloads_and_none(void **state)
{
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_VERDICT, BEGIN);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET(&ev, VERDICT, verdict, DS_VERDICT_DROPPED);
	DS_SET(&ev, VERDICT_DROPS, verdict_drops, 1);
	ds_kube_events_take(events, &ev);	/* nobody's pod */
	assert_int_equal(ds_kube_events_left_out(events), 0);
	DS_SET_STR(&ev, STATEFULSET, statefulset, "db");
	ds_kube_events_take(events, &ev);
	assert_string_equal(due(30), "StatefulSet statefulsets shop/db");
}

static void a_table_that_is_full(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i <= DS_KUBE_EVENT_WORKLOADS_MAX; i++) {
		(void)snprintf(name, sizeof(name), "w%d", i);
		dropped(name, 0);
	}
	assert_int_equal(ds_kube_events_left_out(events), 1);
	write_it(30, true);	/* that one makes room */
	dropped("new", 31);
	assert_int_equal(ds_kube_events_left_out(events), 1);
}

static void names_that_are_too_long(void **state)
{
	char name[300];
	json_object *json;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[299] = '\0';
	dropped(name, 0);
	assert_int_equal(ds_kube_events_left_out(events), 1);
	name[253] = '\0';
	dropped(name, 0);
	json = body(30, "");
	assert_int_equal(strlen(ds_kube_text(ds_kube_child(json, "metadata"), "generateName")), 201);
	assert_true(strlen(ds_kube_text(json, "message")) <= DS_KUBE_EVENT_MESSAGE_MAX);
	json_object_put(json);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(one_for_all_pods_of_a_rollout),
		T(a_clean_rollout_is_no_news),
		T(only_what_the_workload_did_is_told),
		T(a_long_rollout_is_told_in_between),
		T(at_most_one_in_five_minutes),
		T(at_most_one_in_ten_seconds),
		T(what_could_not_be_written_is_tried_again),
		T(what_comes_while_one_is_written_is_not_forgotten),
		T(other_workloads_and_none),
		T(a_table_that_is_full),
		T(names_that_are_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
