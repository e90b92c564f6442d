// SPDX-License-Identifier: Apache-2.0
#include "user/source/handover/handover_store.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/source/kube/kube_json.h"
#include "user/util/json.h"
#include "user/util/timefmt.h"

#define S DS_NS_PER_S
#define BEGIN (INT64_C(1795387020) * S) /* 2026-11-22T22:37:00 */
#define PATH "/api/v1/namespaces/ds/configmaps"
#define OBJECT(node, version, owner, text) \
	"{\"metadata\":{\"name\":\"drainsnoop-targets-" node "\",\"resourceVersion\":\"" version "\"," \
	"\"annotations\":{\"drainsnoop.dev/node\":\"" node "\"}" owner "}," \
	"\"data\":{\"events.jsonl\":\"" text "\"}}"
#define OWNER(uid) ",\"ownerReferences\":[{\"kind\":\"Node\",\"uid\":\"" uid "\"}]"
#define NONE "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}"
#define NODE "{\"metadata\":{\"uid\":\"node-uid\"}}"
#define OLD_LINE \
	"{\\\"time\\\":\\\"2026-11-22T22:36:00Z\\\",\\\"event.name\\\":\\\"drainsnoop.pod.state\\\"," \
	"\\\"k8s.pod.uid\\\":\\\"old\\\",\\\"drainsnoop.pod.trigger\\\":\\\"rollout\\\"}"

static struct ds_handover_text *text;
static struct ds_handover_store *store;
static int64_t now_ns;
static struct ds_buf said;
static int ready_cnt;

static void ready(void *ctx)
{
	(void)ctx;
	ready_cnt++;
}

static void trouble(void *ctx, const char *what)
{
	(void)ctx;
	ds_buf_printf(&said, "%s|", what ? what : "well");
}

static int fresh(void **state)
{
	struct ds_handover_store_options o = { .namespace_ = "ds", .seed = 3, .ready = ready,
					       .trouble = trouble };

	(void)state;
	now_ns = BEGIN;
	ready_cnt = 0;
	ds_buf_reserve(&said, 1);
	ds_buf_clear(&said);
	if (ds_handover_text_new(&text))
		return -1;
	o.text = text;
	return ds_handover_store_new(&store, &o);
}

static int end(void **state)
{
	(void)state;
	ds_handover_store_free(&store);
	ds_handover_text_free(&text);
	ds_buf_free(&said);
	return 0;
}

/* ---- words of the story ---- */

static void tell(const char *node, const char *uid)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, now_ns);
	DS_SET_STR(&ev, POD_UID, pod_uid, uid);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_ROLLOUT);
	ds_handover_text_put(text, node, &ev);
}

/* Until a request is due, for a minute and a half at most. */
static bool next(struct ds_handover_ask *ask)
{
	for (int i = 0; i < 360; i++, now_ns += S / 4) {
		ds_handover_text_tick(text, now_ns);
		if (ds_handover_store_next(store, now_ns, ask))
			return true;
	}
	return false;
}

static void expect(struct ds_handover_ask *ask, const char *method, const char *target)
{
	assert_true(next(ask));
	assert_string_equal(ask->method, method);
	assert_string_equal(ask->target, target);
	assert_int_equal(ask->body != NULL, strcmp(method, "GET") != 0);
}

static void answer(const struct ds_handover_ask *ask, int status, const char *body)
{
	struct ds_handover_came came = { .status = status, .body = body,
					 .len = body ? strlen(body) : 0, .retry_after_ns = -1 };

	ds_handover_store_answer(store, ask, &came, now_ns);
}

/* Nothing is there, and the list says so. */
static void begin_empty(void)
{
	struct ds_handover_ask ask;

	expect(&ask, "GET", PATH "?labelSelector=app.kubernetes.io/managed-by%3Ddrainsnoop-targets&limit=1");
	answer(&ask, 200, NONE);
	assert_int_equal(ready_cnt, 1);
}

/* Then node a has something to be told, and is known. */
static void begin_with_a(void)
{
	struct ds_handover_ask ask;

	begin_empty();
	tell("a", "p1");
	expect(&ask, "GET", "/api/v1/nodes/a");
	answer(&ask, 200, NODE);
}

/* The member of what is sent, by its path; NULL = none. */
static const char *sent(const struct ds_handover_ask *ask, const char *a, const char *b)
{
	static char room[4096];
	json_object *json = json_tokener_parse(ask->body);

	assert_non_null(json);
	assert_int_equal(strlen(ask->body), ask->len);
	(void)snprintf(room, sizeof(room), "%s", ds_kube_text(ds_kube_child(json, a), b));
	json_object_put(json);
	return room[0] ? room : NULL;
}

static void made(const char *node, const char *version)
{
	struct ds_handover_ask ask;
	char target[256], body[256];

	(void)snprintf(target, sizeof(target), "/api/v1/nodes/%s", node);
	expect(&ask, "GET", target);
	answer(&ask, 200, NODE);
	expect(&ask, "POST", PATH);
	assert_null(sent(&ask, "metadata", "resourceVersion"));
	(void)snprintf(body, sizeof(body), "{\"metadata\":{\"resourceVersion\":\"%s\"}}", version);
	answer(&ask, 201, body);
}

/* ---- stories ---- */

static void made_replaced_and_taken_away(void **state)
{
	struct ds_handover_ask ask;
	int64_t at_ns;

	(void)state;
	begin_empty();
	assert_false(next(&ask));	/* nothing is to be said */
	tell("a", "p1");
	made("a", "7");
	at_ns = now_ns;
	assert_int_equal(ds_handover_store_stats(store).objects, 1);
	tell("a", "p2");
	expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
	assert_true(now_ns - at_ns >= S);	/* at most once a second */
	assert_string_equal(sent(&ask, "metadata", "resourceVersion"), "7");
	assert_non_null(strstr(sent(&ask, "data", "events.jsonl"), "p2"));
	assert_non_null(strstr(ask.body, "\"uid\":\"node-uid\""));
	answer(&ask, 200, "{\"metadata\":{\"resourceVersion\":\"9\"}}");
	ds_handover_text_ended(text, "a", "p1", now_ns);
	ds_handover_text_ended(text, "a", "p2", now_ns);
	now_ns += 3600 * S;
	expect(&ask, "DELETE", PATH "/drainsnoop-targets-a");
	assert_string_equal(sent(&ask, "preconditions", "resourceVersion"), "9");
	answer(&ask, 200, "{}");
	assert_false(next(&ask));
	assert_int_equal(ds_handover_store_stats(store).objects, 0);
	assert_int_equal(ds_handover_store_stats(store).writes, 3);
	tell("a", "p3");	/* once more from the first */
	made("a", "11");
	assert_string_equal(said.data, "");
}

/* A name or an address of a load balancer is no reason to write each node's object at once. */
static void what_is_not_urgent_waits_for_more(void **state)
{
	struct ds_handover_ask ask;
	struct ds_event ev;
	int64_t at_ns = now_ns;

	(void)state;
	begin_empty();
	ds_event_init(&ev, DS_EVENT_POD_STATE, now_ns);
	DS_SET_STR(&ev, POD_UID, pod_uid, "q");	/* it does not go */
	ds_handover_text_put(text, "a", &ev);
	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, now_ns);
	DS_SET_STR(&ev, ADDRESS, address, "10.9.0.1");
	ds_handover_text_put(text, "a", &ev);
	expect(&ask, "GET", "/api/v1/nodes/a");
	assert_in_range(now_ns - at_ns, 10 * S, 11 * S);
	answer(&ask, 200, NODE);
	expect(&ask, "POST", PATH);
	answer(&ask, 201, "{\"metadata\":{\"resourceVersion\":\"1\"}}");
	at_ns = now_ns;
	ev.time_ns = now_ns;
	DS_SET_STR(&ev, ADDRESS, address, "10.9.0.2");
	ds_handover_text_put(text, "a", &ev);
	tell("a", "p");		/* goes with it */
	expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
	assert_in_range(now_ns - at_ns, S, 2 * S);
	assert_non_null(strstr(sent(&ask, "data", "events.jsonl"), "10.9.0.2"));
	/* What could not be written is as urgent as it was. */
	at_ns = now_ns;
	answer(&ask, 409, NULL);
	expect(&ask, "GET", PATH "/drainsnoop-targets-a");
	assert_in_range(now_ns - at_ns, S, 2 * S);
}

static void nodes_do_not_wait_for_each_other(void **state)
{
	static const char *const targets[DS_HANDOVER_ASKS_MAX] = {
		"/api/v1/nodes/a", "/api/v1/nodes/b", "/api/v1/nodes/c", "/api/v1/nodes/d",
	};
	struct ds_handover_ask asks[DS_HANDOVER_ASKS_MAX], another;

	(void)state;
	begin_empty();
	for (char node[2] = "a"; node[0] < 'a' + DS_HANDOVER_ASKS_MAX + 1; node[0]++)
		tell(node, "p");
	for (int i = 0; i < DS_HANDOVER_ASKS_MAX; i++) {
		expect(&asks[i], "GET", targets[i]);
		answer(&asks[i], 200, NODE);
		expect(&asks[i], "POST", PATH);
	}
	assert_false(next(&another));	/* so many are under way */
	answer(&asks[2], 201, "{\"metadata\":{\"resourceVersion\":\"1\"}}");
	expect(&another, "GET", "/api/v1/nodes/e");
}

static void what_an_earlier_leader_left(void **state)
{
	struct ds_handover_ask ask;

	(void)state;
	expect(&ask, "GET", PATH "?labelSelector=app.kubernetes.io/managed-by%3Ddrainsnoop-targets&limit=1");
	answer(&ask, 200, "{\"metadata\":{\"resourceVersion\":\"1\",\"continue\":\"a/b=\"},\"items\":["
			  OBJECT("a", "41", OWNER("u-a"), OLD_LINE) "]}");
	assert_int_equal(ready_cnt, 0);
	expect(&ask, "GET", PATH "?labelSelector=app.kubernetes.io/managed-by%3Ddrainsnoop-targets&limit=1"
	       "&continue=a%2Fb%3D");
	/* Another's that bears the label, and one whose name is not its node's. */
	answer(&ask, 200, "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":["
			  "{\"metadata\":{\"name\":\"drainsnoop-targets-x\",\"resourceVersion\":\"5\"}},"
			  "{\"metadata\":{\"name\":\"other\",\"resourceVersion\":\"5\",\"annotations\":"
			  "{\"drainsnoop.dev/node\":\"y\"}}}, 7]}");
	assert_int_equal(ready_cnt, 1);
	tell("a", "p1");
	/* It is there, and owned: neither is asked for. */
	expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
	assert_string_equal(sent(&ask, "metadata", "resourceVersion"), "41");
	assert_non_null(strstr(ask.body, "\"uid\":\"u-a\""));
	assert_non_null(strstr(sent(&ask, "data", "events.jsonl"), "\"k8s.pod.uid\":\"old\""));
	answer(&ask, 200, "{\"metadata\":{\"resourceVersion\":\"42\"}}");
	/* Of the pod of which nothing more was told nothing stays for long. */
	now_ns += 3600 * S;
	expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
	assert_null(strstr(sent(&ask, "data", "events.jsonl"), "\"old\""));
	assert_int_equal(ds_handover_store_stats(store).objects, 1);
}

static void somebody_else_has_written_it(void **state)
{
	static const int statuses[] = { 409, 404 };

	for (size_t i = 0; i < 2; i++) {
		struct ds_handover_ask ask;

		begin_empty();
		tell("a", "p1");
		made("a", "7");
		tell("a", "p2");
		expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
		answer(&ask, statuses[i], "{\"message\":\"no\"}");
		expect(&ask, "GET", PATH "/drainsnoop-targets-a");
		if (statuses[i] == 404) {
			answer(&ask, 404, NULL);
			expect(&ask, "POST", PATH);
			answer(&ask, 201, "{\"metadata\":{\"resourceVersion\":\"20\"}}");
		} else {
			answer(&ask, 200, OBJECT("a", "19", "", ""));
			expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
			assert_string_equal(sent(&ask, "metadata", "resourceVersion"), "19");
			answer(&ask, 200, "{\"metadata\":{\"resourceVersion\":\"20\"}}");
		}
		assert_false(next(&ask));
		assert_string_equal(said.data, "");	/* that is no trouble */
		(void)end(state);
		(void)fresh(state);
	}
}

static void made_by_another_in_between(void **state)
{
	struct ds_handover_ask ask;

	(void)state;
	begin_with_a();
	expect(&ask, "POST", PATH);
	answer(&ask, 409, NULL);
	expect(&ask, "GET", PATH "/drainsnoop-targets-a");
	answer(&ask, 200, OBJECT("a", "30", "", ""));
	expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
	assert_string_equal(sent(&ask, "metadata", "resourceVersion"), "30");
}

static void it_waits_as_long_as_it_must(void **state)
{
	static const struct {
		int status;
		int64_t retry_after_ns, least_ns, most_ns;
	} cases[] = {
		{ 0, -1, 0, 2 * S }, { 500, -1, 0, 2 * S }, { 403, -1, 30 * S, 61 * S },
		{ 429, 20 * S, 20 * S, 22 * S }, { 503, 5 * S, 5 * S, 7 * S },
		{ 429, 9000 * S, 300 * S, 302 * S }, { 404, -1, 0, 2 * S },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_handover_came came = { .status = cases[i].status, .fault = "gone away",
						 .retry_after_ns = cases[i].retry_after_ns };
		struct ds_handover_ask ask;
		int64_t at_ns;

		begin_with_a();
		expect(&ask, "POST", PATH);
		at_ns = now_ns;
		ds_handover_store_answer(store, &ask, &came, now_ns);
		assert_true(said.len > 0);
		while (!ds_handover_store_next(store, now_ns, &ask) && now_ns - at_ns < 400 * S)
			now_ns += S / 4;
		assert_in_range(now_ns - at_ns, cases[i].least_ns, cases[i].most_ns + S);
		/* After no answer it may have been made: it is looked for. */
		assert_string_equal(ask.method, cases[i].status ? "POST" : "GET");
		(void)end(state);
		(void)fresh(state);
	}
}

static void trouble_is_said_once_and_its_end(void **state)
{
	struct ds_handover_ask ask;

	(void)state;
	begin_with_a();
	for (int i = 0; i < 3; i++) {
		expect(&ask, "POST", PATH);
		answer(&ask, 500, "{\"message\":\"etcd is away\"}");
	}
	expect(&ask, "POST", PATH);
	answer(&ask, 201, "{\"metadata\":{\"resourceVersion\":\"3\"}}");
	assert_string_equal(said.data, "the API server answers 500 to create a ConfigMap: etcd is away; "
				       "trying again, and agents learn of no targets until then|well|");
	assert_int_equal(ds_handover_store_stats(store).failed, 3);
}

static void a_node_that_may_not_or_cannot_be_read(void **state)
{
	static const int statuses[] = { 403, 404 };

	for (size_t i = 0; i < 2; i++) {
		struct ds_handover_ask ask;

		begin_empty();
		tell("a", "p1");
		expect(&ask, "GET", "/api/v1/nodes/a");
		answer(&ask, statuses[i], NULL);
		expect(&ask, "POST", PATH);
		assert_null(strstr(ask.body, "ownerReferences"));
		answer(&ask, 201, "{\"metadata\":{\"resourceVersion\":\"3\"}}");
		tell("b", "p2");
		assert_true(next(&ask));
		/* A right is missing for all of them. */
		assert_string_equal(ask.method, statuses[i] == 403 ? "POST" : "GET");
		(void)end(state);
		(void)fresh(state);
	}
}

static void without_a_list_each_is_looked_at(void **state)
{
	struct ds_handover_ask ask;

	(void)state;
	for (int i = 0; i < 4; i++) {
		expect(&ask, "GET", PATH "?labelSelector=app.kubernetes.io/managed-by%3Ddrainsnoop-targets"
		       "&limit=1");
		assert_int_equal(ready_cnt, 0);
		answer(&ask, i % 2 ? 200 : 500, i % 2 ? "{\"items\":" : NULL);
	}
	assert_int_equal(ready_cnt, 1);
	tell("a", "p1");
	expect(&ask, "GET", PATH "/drainsnoop-targets-a");
	answer(&ask, 200, OBJECT("a", "8", OWNER("u-a"), ""));
	expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
	assert_string_equal(sent(&ask, "metadata", "resourceVersion"), "8");
	assert_non_null(strstr(ask.body, "\"uid\":\"u-a\""));
}

static void taken_away_by_another(void **state)
{
	struct ds_handover_ask ask;

	(void)state;
	begin_empty();
	tell("a", "p1");
	made("a", "7");
	ds_handover_text_ended(text, "a", "p1", now_ns);
	now_ns += 3600 * S;
	expect(&ask, "DELETE", PATH "/drainsnoop-targets-a");
	answer(&ask, 409, NULL);	/* it was written again: is it ours to delete? */
	expect(&ask, "GET", PATH "/drainsnoop-targets-a");
	answer(&ask, 200, OBJECT("a", "8", "", ""));
	expect(&ask, "DELETE", PATH "/drainsnoop-targets-a");
	assert_string_equal(sent(&ask, "preconditions", "resourceVersion"), "8");
	answer(&ask, 404, NULL);
	assert_false(next(&ask));
	assert_int_equal(ds_handover_store_stats(store).objects, 0);
}

static void answers_that_make_no_sense(void **state)
{
	static const char *const bodies[] = { "", "[", "[]", "{}", "{\"metadata\":{\"resourceVersion\":7}}" };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct ds_handover_ask ask;

		begin_with_a();
		expect(&ask, "POST", PATH);
		answer(&ask, 201, bodies[i]);	/* it was made; as which version? */
		tell("a", "p2");
		expect(&ask, "GET", PATH "/drainsnoop-targets-a");
		answer(&ask, 200, bodies[i]);
		expect(&ask, "GET", PATH "/drainsnoop-targets-a");
		answer(&ask, 200, OBJECT("a", "8", "", ""));
		expect(&ask, "PUT", PATH "/drainsnoop-targets-a");
		(void)end(state);
		(void)fresh(state);
	}
}

static void one_that_is_refused_stops_no_other(void **state)
{
	static const int statuses[] = { 400, 413, 422 };

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct ds_handover_ask ask;
		int64_t at_ns;

		begin_with_a();
		expect(&ask, "POST", PATH);
		answer(&ask, statuses[i], "{\"kind\":\"Status\",\"message\":\"it is immutable\"}");
		at_ns = now_ns;
		assert_non_null(strstr(said.data, "does not take ConfigMap drainsnoop-targets-a ("));
		assert_non_null(strstr(said.data, "it is immutable"));
		ds_buf_clear(&said);
		tell("b", "p2");
		made("b", "7");
		assert_true(now_ns - at_ns <= 2 * S);
		expect(&ask, "POST", PATH);
		assert_in_range(now_ns - at_ns, 60 * S, 62 * S);
		answer(&ask, statuses[i], NULL);
		assert_int_equal(said.len, 0);	/* once */
		assert_int_equal(ds_handover_store_stats(store).failed, 2);
		(void)end(state);
		(void)fresh(state);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(made_replaced_and_taken_away),
		T(what_is_not_urgent_waits_for_more),
		T(nodes_do_not_wait_for_each_other),
		T(what_an_earlier_leader_left),
		T(somebody_else_has_written_it),
		T(made_by_another_in_between),
		T(it_waits_as_long_as_it_must),
		T(trouble_is_said_once_and_its_end),
		T(a_node_that_may_not_or_cannot_be_read),
		T(without_a_list_each_is_looked_at),
		T(taken_away_by_another),
		T(answers_that_make_no_sense),
		T(one_that_is_refused_stops_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
