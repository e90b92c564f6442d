// SPDX-License-Identifier: Apache-2.0
#include "user/source/handover/election.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/source/kube/kube_json.h"
#include "user/util/timefmt.h"

#define S DS_NS_PER_S
#define BEGIN (1000 * S)
#define WALL (INT64_C(1795387020) * S)
#define PATH "/apis/coordination.k8s.io/v1/namespaces/ds/leases/lead"
#define INSTANCES 3

/* The API server's side: one object, or none. */
static json_object *object;
static int version;
static int breaks;	/* answers that are lost, or never made: status of them; 0 = none */

struct instance {
	struct ds_election *election;
	bool dead;
	int64_t skew_ns;	/* of its wall clock */
	/* the request under way */
	bool asked;
	int64_t reaches_ns, returns_ns;	/* when the server gets it; when the answer is there */
	char method[8], target[128], *body;
	int status;
	char *answer;
};

static struct instance instances[INSTANCES];

static int setup(void **state)
{
	char identity[2] = "a";

	(void)state;
	memset(instances, 0, sizeof(instances));
	version = 0;
	breaks = 0;
	for (int i = 0; i < INSTANCES; i++, identity[0]++) {
		struct ds_election_options o = {
			.namespace_ = "ds", .name = "lead", .identity = identity,
			.duration_s = DS_ELECTION_DURATION_S, .renew_ns = DS_ELECTION_RENEW_NS,
			.retry_ns = DS_ELECTION_RETRY_NS, .seed = (uint64_t)i,
		};

		assert_int_equal(ds_election_new(&instances[i].election, &o), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < INSTANCES; i++) {
		ds_election_free(&instances[i].election);
		free(instances[i].body);
		free(instances[i].answer);
	}
	json_object_put(object);
	object = NULL;
	return 0;
}

static void store(json_object *json)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", ++version);
	json_object_object_add(ds_kube_child(json, "metadata"), "resourceVersion",
			       json_object_new_string(text));
	json_object_put(object);
	object = json;
}

/* What the API server makes of it. */
static int serve(const char *method, const char *body)
{
	json_object *json = body ? json_tokener_parse(body) : NULL;
	const char *now = ds_kube_text(ds_kube_child(object, "metadata"), "resourceVersion");
	const char *named = ds_kube_text(ds_kube_child(json, "metadata"), "resourceVersion");
	int status = 200;

	if (breaks) {
		status = breaks;
	} else if (!strcmp(method, "GET")) {
		status = object ? 200 : 404;
	} else if (!strcmp(method, "POST") && object) {
		status = 409;
	} else if (!strcmp(method, "PUT") && (!object || strcmp(now, named) != 0)) {
		status = object ? 409 : 404;
	} else {
		assert_string_equal(ds_kube_text(ds_kube_child(json, "metadata"), "name"), "lead");
		store(json_object_get(json));
	}
	json_object_put(json);
	return status;
}

static void reach(struct instance *in)
{
	in->reaches_ns = INT64_MAX;
	in->status = serve(in->method, in->body);
	free(in->answer);
	in->answer = in->status / 100 == 2 ?
			     strdup(json_object_to_json_string_ext(object, 0)) : NULL;
}

static bool leads(int i, int64_t now_ns)
{
	return !instances[i].dead && ds_election_leads(instances[i].election, now_ns);
}

static int leader(int64_t now_ns)
{
	int found = -1;

	for (int i = 0; i < INSTANCES; i++)
		if (leads(i, now_ns)) {
			assert_int_equal(found, -1);	/* never two */
			found = i;
		}
	return found;
}

static void turn(struct instance *in, int64_t now_ns, int64_t delay_ns)
{
	struct ds_election_request r;

	if (in->asked && now_ns >= in->reaches_ns)
		reach(in);
	if (in->asked && now_ns >= in->returns_ns) {
		in->asked = false;
		ds_election_answer(in->election, in->status < 0 ? 0 : in->status, in->answer,
				   in->answer ? strlen(in->answer) : 0, -1, now_ns);
	}
	if (in->dead || !ds_election_next(in->election, now_ns, WALL + now_ns + in->skew_ns, &r))
		return;
	assert_false(in->asked);
	in->asked = true;
	(void)snprintf(in->method, sizeof(in->method), "%s", r.method);
	assert_string_equal(r.target, strcmp(r.method, "POST") ? PATH :
			    "/apis/coordination.k8s.io/v1/namespaces/ds/leases");
	free(in->body);
	in->body = r.body ? strndup(r.body, r.len) : NULL;
	in->reaches_ns = now_ns + delay_ns;
	in->returns_ns = now_ns + 2 * delay_ns;
}

/* Time passes for all; at each moment there is one leader at most. */
static int64_t pass(int64_t now_ns, int64_t for_ns, int64_t delay_ns)
{
	int64_t end_ns = now_ns + for_ns;

	for (; now_ns < end_ns; now_ns += 50 * DS_NS_PER_MS) {
		for (int i = 0; i < INSTANCES; i++)
			turn(&instances[i], now_ns, delay_ns);
		(void)leader(now_ns);
	}
	return now_ns;
}

static const char *spec_text(const char *key)
{
	return ds_kube_text(ds_kube_child(object, "spec"), key);
}

static int64_t spec_number(const char *key)
{
	return json_object_get_int64(ds_kube_member(ds_kube_child(object, "spec"), key,
						    json_type_int));
}

static void the_first_makes_it_and_keeps_it(void **state)
{
	int64_t now_ns = pass(BEGIN, 60 * S, 0);
	char acquired[40];
	int who = leader(now_ns);

	(void)state;
	assert_int_equal(who, 0);
	assert_string_equal(spec_text("holderIdentity"), "a");
	assert_int_equal(spec_number("leaseDurationSeconds"), 15);
	assert_int_equal(spec_number("leaseTransitions"), 0);
	assert_int_equal(strlen(spec_text("renewTime")), strlen("2026-11-22T22:37:00.000000Z"));
	(void)snprintf(acquired, sizeof(acquired), "%s", spec_text("acquireTime"));
	assert_in_range(version, 25, 32);	/* renewed every other second */
	now_ns = pass(now_ns, 300 * S, 0);
	assert_int_equal(leader(now_ns), 0);
	assert_string_equal(spec_text("acquireTime"), acquired);
	assert_string_not_equal(spec_text("renewTime"), acquired);
	assert_string_equal(ds_election_holder(instances[1].election), "a");
}

static void when_it_dies_another_takes_over(void **state)
{
	int64_t now_ns = pass(BEGIN, 60 * S, 10 * DS_NS_PER_MS), died_ns = now_ns;

	(void)state;
	/* Wall clocks that are hours off matter to nobody. */
	instances[1].skew_ns = -3600 * S;
	instances[2].skew_ns = 7200 * S;
	instances[0].dead = true;
	while (leader(now_ns) < 0)
		now_ns = pass(now_ns, 100 * DS_NS_PER_MS, 10 * DS_NS_PER_MS);
	/* Not before the lease is over, and soon after that. */
	assert_in_range(now_ns - died_ns, 12 * S, 18 * S);
	assert_int_equal(spec_number("leaseTransitions"), 1);
	now_ns = pass(now_ns, 60 * S, 10 * DS_NS_PER_MS);
	assert_int_not_equal(leader(now_ns), 0);
	assert_int_equal(spec_number("leaseTransitions"), 1);
}

static void what_is_given_back_is_taken_at_once(void **state)
{
	int64_t now_ns = pass(BEGIN, 30 * S, 10 * DS_NS_PER_MS), from_ns = now_ns;

	(void)state;
	ds_election_release(instances[0].election);
	assert_int_equal(leader(now_ns), -1);	/* it leads no more at once */
	now_ns = pass(now_ns, 100 * DS_NS_PER_MS, 10 * DS_NS_PER_MS);
	assert_true(ds_election_is_over(instances[0].election));
	while (leader(now_ns) < 0)
		now_ns = pass(now_ns, 100 * DS_NS_PER_MS, 10 * DS_NS_PER_MS);
	assert_true(now_ns - from_ns <= 3 * S);
	assert_int_not_equal(leader(now_ns), 0);
}

static void who_does_not_lead_gives_nothing_back(void **state)
{
	int64_t now_ns = pass(BEGIN, 30 * S, 0);

	(void)state;
	ds_election_release(instances[1].election);
	now_ns = pass(now_ns, 5 * S, 0);
	assert_true(ds_election_is_over(instances[1].election));
	assert_int_equal(leader(now_ns), 0);
	assert_int_equal(ds_election_due(instances[1].election), INT64_MAX);
}

/* An answer that is on its way may bring the lease: then that one is given back. */
static void released_while_it_is_being_taken(void **state)
{
	int64_t now_ns = BEGIN;

	(void)state;
	instances[1].dead = instances[2].dead = true;
	now_ns = pass(now_ns, 1 * S, 100 * DS_NS_PER_MS);
	while (strcmp(instances[0].method, "PUT") != 0 || !instances[0].asked)
		now_ns = pass(now_ns, 50 * DS_NS_PER_MS, 100 * DS_NS_PER_MS);
	ds_election_release(instances[0].election);
	now_ns = pass(now_ns, 1 * S, 100 * DS_NS_PER_MS);
	assert_true(ds_election_is_over(instances[0].election));
	assert_string_equal(spec_text("holderIdentity"), "");
	assert_int_equal(spec_number("leaseDurationSeconds"), 1);
}

static void who_cannot_renew_stops_before_another_may_begin(void **state)
{
	static const int statuses[] = { -1, 403, 429, 500 };

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		int64_t now_ns = pass(BEGIN, 30 * S, 0), from_ns = now_ns;
		int who = leader(now_ns);

		assert_true(who >= 0);
		breaks = statuses[i];
		while (leader(now_ns) >= 0)
			now_ns = pass(now_ns, 50 * DS_NS_PER_MS, 0);
		assert_in_range(now_ns - from_ns, 8 * S - 100 * DS_NS_PER_MS, 10 * S);
		now_ns = pass(now_ns, 60 * S, 0);
		assert_int_equal(leader(now_ns), -1);
		breaks = 0;
		now_ns = pass(now_ns, 5 * S, 0);
		assert_true(leader(now_ns) >= 0);
		(void)teardown(NULL);
		(void)setup(NULL);
	}
}

/* Then it is anybody's, as with client-go: who led hears of it when it renews it next. */
static void a_lease_that_somebody_took_away(void **state)
{
	int64_t now_ns = pass(BEGIN, 30 * S, 0);

	(void)state;
	instances[1].dead = instances[2].dead = true;
	json_object_put(object);
	object = NULL;
	now_ns = pass(now_ns, 10 * S, 0);
	assert_true(leader(now_ns) >= 0);
	assert_non_null(object);
}

static void somebody_else_writes_his_name_into_it(void **state)
{
	int64_t now_ns = pass(BEGIN, 30 * S, 0);

	(void)state;
	json_object_object_add(ds_kube_child(object, "spec"), "holderIdentity",
			       json_object_new_string("a human"));
	store(json_object_get(object));
	now_ns = pass(now_ns, 5 * S, 0);
	assert_int_equal(leader(now_ns), -1);	/* its renewal meets another version: it looks */
	now_ns = pass(now_ns, 20 * S, 0);
	assert_true(leader(now_ns) >= 0);
	assert_int_equal(spec_number("leaseTransitions"), 1);
}

static void answers_that_make_no_sense(void **state)
{
	static const char *const bodies[] = { "", "[", "[]", "{}", "{\"metadata\":{}}",
		"{\"metadata\":{\"resourceVersion\":\"\"}}", "{\"metadata\":{\"resourceVersion\":7}}" };
	struct ds_election *e = instances[0].election;
	struct ds_election_request r;
	int64_t now_ns = BEGIN;

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		assert_true(ds_election_next(e, now_ns, WALL, &r));
		assert_string_equal(r.method, "GET");
		assert_null(r.body);
		assert_false(ds_election_next(e, now_ns, WALL, &r));	/* one at a time */
		ds_election_answer(e, 200, bodies[i], strlen(bodies[i]), -1, now_ns);
		assert_false(ds_election_next(e, now_ns, WALL, &r));
		assert_true(ds_election_due(e) > now_ns);
		now_ns = ds_election_due(e);
	}
	/* One that is told to wait does. */
	assert_true(ds_election_next(e, now_ns, WALL, &r));
	ds_election_answer(e, 429, NULL, 0, 30 * S, now_ns);
	assert_true(ds_election_due(e) == now_ns + 30 * S);
}

/* Answers that are slow, lost, or made and then lost: never two leaders, and one in the end. */
static void whatever_happens_to_requests(void **state)
{
	int64_t now_ns = BEGIN;
	unsigned random = 1;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct instance *in;

		random = random * 1103515245 + 12345;
		in = &instances[random >> 8 & 1];
		switch (random >> 16 & 7) {
		case 0:
			breaks = 500;
			break;
		case 1:	/* it reaches the server, and its answer nobody */
			if (in->asked) {
				in->returns_ns = now_ns + 5 * S;
				reach(in);
				in->status = -1;
			}
			break;
		case 2:	/* it stands still, and goes on where it was */
			in->dead = !in->dead;
			break;
		default:
			breaks = 0;
		}
		now_ns = pass(now_ns, (int64_t)(random >> 20 & 15) * S,
			      (int64_t)(random >> 24 & 3) * 900 * DS_NS_PER_MS);
	}
	breaks = 0;
	instances[0].dead = instances[1].dead = false;
	now_ns = pass(now_ns, 60 * S, 0);
	assert_true(leader(now_ns) >= 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_first_makes_it_and_keeps_it),
		T(when_it_dies_another_takes_over),
		T(what_is_given_back_is_taken_at_once),
		T(who_does_not_lead_gives_nothing_back),
		T(released_while_it_is_being_taken),
		T(who_cannot_renew_stops_before_another_may_begin),
		T(a_lease_that_somebody_took_away),
		T(somebody_else_writes_his_name_into_it),
		T(answers_that_make_no_sense),
		T(whatever_happens_to_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
