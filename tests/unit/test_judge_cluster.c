// SPDX-License-Identifier: Apache-2.0
#include "user/doctor/cluster.h"

#include <json-c/json.h>

#include "tests/unit/doctor_story.h"

static struct ds_doctor_cluster all_granted(enum ds_doctor_for who)
{
	struct ds_doctor_cluster c = {
		.asked = true, .who = who, .server = "https://api.example.com:443",
		.user = "system:serviceaccount:drainsnoop:drainsnoop-agent",
		.namespace_ = "drainsnoop", .configmap = "drainsnoop-targets-a", .lease = "that-lease",
	};

	for (int i = 0; i < ds_right_cnt; i++)
		c.reviews[i] = ds_rights[i].who == who ? DS_REVIEW_ALLOWED : DS_REVIEW_OPEN;
	return c;
}

static int right(enum ds_doctor_for who, const char *verb, const char *resource)
{
	for (int i = 0; i < ds_right_cnt; i++)
		if (ds_rights[i].who == who && !strcmp(ds_rights[i].verb, verb) &&
		    !strcmp(ds_rights[i].resource, resource))
			return i;
	fail_msg("no right to %s %s", verb, resource);
	return 0;
}

#define assert_cluster(c, what, sentence, mend) \
	do { \
		struct ds_finding f_ = { .check = DS_CHECK_CLUSTER }; \
		ds_doctor_judge_cluster((c), &f_); \
		assert_found(&f_, what, sentence, mend); \
	} while (0)

static void all_is_granted(void **state)
{
	struct ds_doctor_cluster c = all_granted(DS_DOCTOR_AGENT);
	struct ds_finding f = { .check = DS_CHECK_CLUSTER };

	(void)state;
	ds_doctor_judge_cluster(&c, &f);
	assert_string_equal(text_of(&f.text), "https://api.example.com:443 as "
			    "system:serviceaccount:drainsnoop:drainsnoop-agent; "
			    "5 of 5 rights are granted");
	assert_found(&f, DS_FOUND_OK, "5 of 5", "");
	c.user[0] = '\0';
	assert_cluster(&c, DS_FOUND_OK, "https://api.example.com:443; 5 of 5", "");
}

static void each_thing_is_told_once_with_its_verbs(void **state)
{
	struct ds_doctor_cluster c = all_granted(DS_DOCTOR_AGENT);

	(void)state;
	c.reviews[right(DS_DOCTOR_AGENT, "watch", "pods")] = DS_REVIEW_DENIED;
	assert_cluster(&c, DS_FOUND_FAIL, "; may not watch pods (the pods of this node)",
		       "bind them to system:serviceaccount:drainsnoop:drainsnoop-agent");
	c.reviews[right(DS_DOCTOR_AGENT, "list", "pods")] = DS_REVIEW_DENIED;
	assert_cluster(&c, DS_FOUND_FAIL, "; may not list, watch pods (the pods of this node)", "deploy/");
	c.reviews[right(DS_DOCTOR_AGENT, "list", "configmaps")] = DS_REVIEW_DENIED;
	c.user[0] = '\0';
	assert_cluster(&c, DS_FOUND_FAIL, "may not list, watch pods (the pods of this node); "
		       "may not list configmaps in namespace drainsnoop (the states of targets)",
		       "bind them to this user");
}

static void what_is_optional_is_no_fault(void **state)
{
	struct ds_doctor_cluster c = all_granted(DS_DOCTOR_TARGETS_COMMAND);

	(void)state;
	c.reviews[right(DS_DOCTOR_TARGETS_COMMAND, "list", "poddisruptionbudgets")] =
		DS_REVIEW_DENIED;
	c.reviews[right(DS_DOCTOR_TARGETS_COMMAND, "watch", "poddisruptionbudgets")] =
		DS_REVIEW_DENIED;
	assert_cluster(&c, DS_FOUND_OK, "optional: may not list, watch poddisruptionbudgets.policy (who",
		       "");
	c.reviews[right(DS_DOCTOR_TARGETS_COMMAND, "update", "leases")] = DS_REVIEW_DENIED;
	assert_cluster(&c, DS_FOUND_FAIL,
		       "may not update leases.coordination.k8s.io in namespace drainsnoop", "Role");
}

static void a_right_that_could_not_be_asked_for_is_no_right(void **state)
{
	struct ds_doctor_cluster c = all_granted(DS_DOCTOR_AGENT);

	(void)state;
	c.reviews[0] = DS_REVIEW_OPEN;
	assert_cluster(&c, DS_FOUND_WARN, "1 of 5 rights could not be asked for: no answer in time",
		       "can-i");
	c.reviews[1] = DS_REVIEW_FAILED;
	strcpy(c.review_fault, "status 500");
	assert_cluster(&c, DS_FOUND_WARN, "2 of 5 rights could not be asked for: status 500", "can-i");
}

static void who_cannot_ask_hears_why(void **state)
{
	struct ds_doctor_cluster c = all_granted(DS_DOCTOR_AGENT);

	(void)state;
	strcpy(c.fault, "connection refused");
	assert_cluster(&c, DS_FOUND_FAIL, "connection refused", "kubectl get --raw /version");
	c.asked = false;
	assert_cluster(&c, DS_FOUND_SKIP, "without --kube", "");
}

/* Rights are asked for where they are needed by what is to run. */
static void options_need_rights_of_their_own(void **state)
{
	struct ds_doctor_cluster c = all_granted(DS_DOCTOR_AGENT);
	int events = right(DS_DOCTOR_AGENT, "create", "events");
	int configmap = right(DS_DOCTOR_AGENT, "watch", "configmaps");

	(void)state;
	c.reviews[events] = DS_REVIEW_DENIED;
	assert_false(ds_doctor_cluster_wants(&c, &ds_rights[events]));
	assert_cluster(&c, DS_FOUND_OK, "5 of 5", "");
	c.events = true;
	assert_true(ds_doctor_cluster_wants(&c, &ds_rights[events]));
	assert_cluster(&c, DS_FOUND_FAIL, "may not create events (Events on workloads)",
		       "rbac.create, agent.eventsOnWorkloads");
	c.events = false;
	c.reviews[configmap] = DS_REVIEW_DENIED;
	assert_cluster(&c, DS_FOUND_FAIL, "may not watch configmaps", "chart: rbac.create)");
	c.standalone = true;
	assert_false(ds_doctor_cluster_wants(&c, &ds_rights[configmap]));
	assert_cluster(&c, DS_FOUND_OK, "2 of 2", "");
	assert_false(ds_doctor_cluster_wants(&c, &ds_rights[right(DS_DOCTOR_TARGETS_COMMAND, "get", "nodes")]));
	c = all_granted(DS_DOCTOR_TARGETS_COMMAND);
	for (int i = 0; i < ds_right_cnt; i++)
		if (ds_rights[i].need & DS_RIGHT_FOR_PODS)
			c.reviews[i] = DS_REVIEW_DENIED;
	assert_cluster(&c, DS_FOUND_OK, "rights are granted", "");
	c.pods = true;
	assert_cluster(&c, DS_FOUND_FAIL, "may not list, watch pods (readiness gates and owners of pods)",
		       "rbac.create, targets.watchPods");
}

static void assert_question(int row, const char *expected)
{
	const struct ds_doctor_cluster c = { .namespace_ = "own", .configmap = "drainsnoop-targets-a",
					     .lease = "that-lease" };
	struct ds_buf body = { 0 };
	json_object *json;

	ds_doctor_cluster_ask(&body, &c, &ds_rights[row]);
	assert_non_null(strstr(body.data, expected));
	json = json_tokener_parse(body.data);
	assert_non_null(json);
	(void)json_object_put(json);
	ds_buf_free(&body);
}

static void the_question_names_what_is_needed_and_no_more(void **state)
{
	(void)state;
	assert_question(right(DS_DOCTOR_AGENT, "list", "pods"),
			"\"verb\":\"list\",\"group\":\"\",\"resource\":\"pods\"}}}");
	assert_question(right(DS_DOCTOR_AGENT, "watch", "configmaps"),
			"\"resource\":\"configmaps\",\"namespace\":\"own\","
			"\"name\":\"drainsnoop-targets-a\"}}}");
	assert_question(right(DS_DOCTOR_TARGETS_COMMAND, "update", "leases"),
			"\"namespace\":\"own\",\"name\":\"that-lease\"}}}");
	assert_question(right(DS_DOCTOR_TARGETS_COMMAND, "create", "leases"),
			"\"group\":\"coordination.k8s.io\",\"resource\":\"leases\","
			"\"namespace\":\"own\"}}}");
}

static enum ds_review answer(int status, const char *json)
{
	return ds_doctor_cluster_answer(status, json, json ? strlen(json) : 0);
}

static void only_a_clear_yes_is_one(void **state)
{
	char user[32];
	const char *told = "{\"status\":{\"userInfo\":{\"username\":\"me\"}}}";

	(void)state;
	assert_int_equal(answer(201, "{\"status\":{\"allowed\":true}}"), DS_REVIEW_ALLOWED);
	assert_int_equal(answer(201, "{\"status\":{\"allowed\":false}}"), DS_REVIEW_DENIED);
	assert_int_equal(answer(201, "{\"status\":{\"allowed\":\"true\"}}"), DS_REVIEW_FAILED);
	assert_int_equal(answer(201, "{\"status\":[]}"), DS_REVIEW_FAILED);
	assert_int_equal(answer(201, "{\"status\":{\"allo"), DS_REVIEW_FAILED);
	assert_int_equal(answer(201, ""), DS_REVIEW_FAILED);
	assert_int_equal(answer(201, NULL), DS_REVIEW_FAILED);
	assert_int_equal(answer(403, "{\"status\":{\"allowed\":true}}"), DS_REVIEW_FAILED);
	ds_doctor_cluster_user(user, sizeof(user), told, strlen(told));
	assert_string_equal(user, "me");
	ds_doctor_cluster_user(user, 2, told, strlen(told));
	assert_string_equal(user, "");
	ds_doctor_cluster_user(user, sizeof(user), "[]", 2);
	assert_string_equal(user, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_granted),
		cmocka_unit_test(each_thing_is_told_once_with_its_verbs),
		cmocka_unit_test(what_is_optional_is_no_fault),
		cmocka_unit_test(a_right_that_could_not_be_asked_for_is_no_right),
		cmocka_unit_test(who_cannot_ask_hears_why),
		cmocka_unit_test(options_need_rights_of_their_own),
		cmocka_unit_test(the_question_names_what_is_needed_and_no_more),
		cmocka_unit_test(only_a_clear_yes_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
