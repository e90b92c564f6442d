// SPDX-License-Identifier: Apache-2.0
#include "user/source/handover/vanished.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define S DS_NS_PER_S
#define BEGIN (INT64_C(1795387020) * S) /* 2026-11-22T22:37:00 */
#define DUE (DS_VANISHED_DUE_NS / S)
#define PATIENCE (DS_VANISHED_PATIENCE_NS / S)

static struct ds_vanished *vanished;
static struct ds_buf judged;
static void *agents[4];

static void judge(void *ctx, const char *node, const char *uid)
{
	(void)ctx;
	ds_buf_printf(&judged, "%s@%s|", uid, node);
}

static int fresh(void **state)
{
	struct ds_vanished_options o = { .judge = judge };

	(void)state;
	memset(agents, 0, sizeof(agents));
	ds_buf_clear(&judged);
	ds_buf_putc(&judged, '|');
	return ds_vanished_new(&vanished, &o);
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		if (agents[i])
			ds_vanished_drop(vanished, agents[i]);
	ds_vanished_free(&vanished);
	ds_buf_free(&judged);
	return 0;
}

static void tell_agent(int i, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell_agent(int i, const char *format, ...)
{
	char text[1024];
	json_object *json;
	va_list args;

	va_start(args, format);
	assert_in_range(vsnprintf(text, sizeof(text), format, args), 0, sizeof(text) - 1);
	va_end(args);
	json = json_tokener_parse(text);
	assert_non_null(json);
	agents[i] = ds_vanished_take(vanished, agents[i], json);
	json_object_put(json);
	assert_non_null(agents[i]);
	ds_vanished_tell(vanished, agents[i], DS_KUBE_IS);
}

static const char *time_of(int second)
{
	static char text[DS_RFC3339_LEN + 1];

	ds_time_rfc3339(BEGIN + second * S, text);
	return text;
}

/* An agent's pod on a node since that second, as the API server tells it. */
static void agent(int i, const char *node, int since, bool ready, bool keeps)
{
	tell_agent(i, "{\"metadata\":{\"uid\":\"u%d\"},\"spec\":{\"nodeName\":\"%s\",\"volumes\":["
		   "{\"name\":\"token\"},{\"name\":\"state\",\"%s\":{}}]},\"status\":{\"startTime\":\"%s\","
		   "\"conditions\":[{\"type\":\"Initialized\",\"status\":\"True\"},"
		   "{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		   i, node, keeps ? "hostPath" : "emptyDir", time_of(since), ready ? "True" : "False");
}

/* The same, of node "n" since an hour before, as somebody deletes it: with so much time to end. */
static void agent_deleted(int i, int at, int grace, bool ready)
{
	tell_agent(i, "{\"metadata\":{\"uid\":\"u%d\",\"deletionTimestamp\":\"%s\","
		   "\"deletionGracePeriodSeconds\":%d,\"creationTimestamp\":\"2026-11-22T21:37:00Z\"},"
		   "\"spec\":{\"nodeName\":\"n\"},\"status\":{"
		   "\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		   i, time_of(at + grace), grace, ready ? "True" : "False");
}

static void gone(int i)
{
	ds_vanished_tell(vanished, agents[i], DS_KUBE_DELETED);
	ds_vanished_drop(vanished, agents[i]);
	agents[i] = NULL;
}

static void went(const char *uid, const char *node, int going, int at)
{
	ds_vanished_ended(vanished, node, uid, BEGIN + going * S, BEGIN + at * S);
}

static void ended(const char *uid, const char *node, int at)
{
	ds_vanished_ended(vanished, node, uid, 0, BEGIN + at * S);
}

static void assert_judged(int at, const char *want)
{
	ds_vanished_tick(vanished, BEGIN + at * S);
	assert_string_equal(judged.data + 1, want);
	ds_buf_clear(&judged);
	ds_buf_putc(&judged, '|');
}

static void an_agent_that_is_there_judges_by_itself(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	ended("p", "n", 10);
	assert_judged(10 + DUE, "");
	gone(0);	/* later: it has judged */
	assert_judged(10 + 2 * DUE, "");
}

static void one_that_is_gone_does_not(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	agent(1, "other", -3600, true, false);
	ended("p", "n", 10);
	ended("q", "other", 10);
	gone(0);
	assert_judged(10 + DUE - 1, "");	/* it may come back */
	assert_judged(10 + DUE, "p@n|");
	assert_judged(10 + 3 * DUE, "");	/* once */
}

/* Its container is restarted, with the state that it kept; or it is never ready again. */
static void one_that_is_not_ready_is_waited_for(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	ended("p", "n", 10);
	agent(0, "n", -3600, false, false);
	assert_judged(10 + DUE, "");
	assert_judged(10 + PATIENCE - 1, "");
	agent(0, "n", -3600, true, false);
	assert_judged(10 + PATIENCE, "");
	ended("q", "n", 700);
	agent(0, "n", -3600, false, false);
	assert_judged(700 + PATIENCE - 1, "");
	assert_judged(700 + PATIENCE, "q@n|");
	ended("r", "n", 1300);
	agent(0, "n", -3600, false, false);
	gone(0);	/* now nothing is waited for */
	assert_judged(1300 + DUE, "r@n|");
}

/* It wrote its verdict of each pod that went by then: observation_cut, if it was not due. */
static void one_that_ended_in_order_has_spoken(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	went("before", "n", 5, 15);	/* it may even have been judged as it ought to be */
	went("then", "n", 20, 50);
	went("after", "n", 21, 51);
	agent_deleted(0, 20, 30, true);
	agent_deleted(0, 22, 0, false);	/* its last word: the grace period is over */
	gone(0);
	agent(1, "n", 60, true, false);
	assert_judged(51 + DUE, "after@n|");
}

static void one_that_was_not_ready_has_not(void **state)
{
	(void)state;
	agent(0, "n", -3600, false, false);
	ended("p", "n", 10);
	agent_deleted(0, 20, 30, false);
	gone(0);
	assert_judged(10 + DUE, "p@n|");
}

static void nor_one_that_was_taken_away_by_force(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	ended("p", "n", 10);
	agent_deleted(0, 20, 0, true);
	gone(0);
	assert_judged(10 + DUE, "p@n|");
}

static void nor_of_what_ended_before_it_came(void **state)
{
	(void)state;
	agent(0, "n", -7200, true, false);
	gone(0);
	ended("p", "n", -3601);
	ended("q", "n", -3599);
	agent_deleted(1, -3550, 30, true);
	gone(1);
	assert_judged(0, "p@n|");
}

/* Of a shutdown of the node the kubelet tells no time: it is now. */
static void nor_does_a_shutdown_take_its_word(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	assert_judged(30, "");
	went("p", "n", 29, 40);
	went("q", "n", 31, 41);
	tell_agent(0, "{\"spec\":{\"nodeName\":\"n\"},\"status\":{\"reason\":\"Terminated\","
		   "\"phase\":\"Failed\",\"startTime\":\"%s\"}}", time_of(-3600));
	gone(0);
	assert_judged(41 + DUE, "q@n|");
}

static void nor_one_that_came_after_the_end(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	ended("before", "n", 10);
	gone(0);
	agent(1, "n", 20, true, false);
	ended("after", "n", 21);
	assert_judged(21 + DUE, "before@n|");
}

static void but_one_whose_state_is_on_the_node(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, true);
	ended("p", "n", 10);
	gone(0);
	agent(1, "n", 20, true, true);
	assert_judged(10 + DUE, "");
}

static void in_an_update_the_younger_one_counts(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	agent(1, "n", 5, true, false);
	agent(0, "n", -3600, false, false);	/* the old one's last word */
	ended("p", "n", 10);
	gone(0);
	assert_judged(10 + DUE, "");
}

/* Kubernetes moves no pod; what was told of one that it did move must not outlive it. */
static void a_pod_that_is_on_another_node_now(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	agent(0, "m", -3600, true, false);
	ended("p", "n", 10);
	ended("q", "m", 10);
	gone(0);
	assert_judged(10 + DUE, "p@n|q@m|");
	agent(1, "n", -3600, true, false);
	agent(1, "m", -3600, true, false);
	ended("r", "m", 10);
	assert_judged(10 + DUE, "");
}

static void where_no_agent_ever_was_nothing_is_said(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	agent(1, "", 0, false, false);	/* not on a node yet */
	ended("p", "fargate", 10);
	assert_judged(10 + DUE, "");
}

static void a_pod_that_is_there_again(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	ended("p", "n", 10);
	ds_vanished_ended(vanished, "n", "p", 0, 0);
	gone(0);
	assert_judged(10 + DUE, "");
	ended("p", "n", 200);
	assert_judged(200 + DUE, "p@n|");
}

/* Out of its Service and in again: it has had its verdict. */
static void of_no_pod_is_spoken_twice(void **state)
{
	(void)state;
	agent(0, "n", -3600, true, false);
	gone(0);
	ended("p", "n", 10);
	assert_judged(10 + DUE, "p@n|");
	ended("p", "n", 10);
	assert_judged(10 + 2 * DUE, "");
	ds_vanished_ended(vanished, "n", "p", 0, 0);
	ended("p", "n", 300);
	assert_judged(300 + DUE, "");
	assert_judged(3600, "");
}

/* Nodes come and go for months: those that are there find room. */
static void nodes_that_are_gone_make_room(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i <= DS_VANISHED_NODES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		agent(0, name, -3600, true, false);
		gone(0);
	}
	ended("p", name, 10);
	ended("q", "n0", 10);
	assert_judged(10 + DUE, "p@n16384|");
}

static void objects_that_make_no_sense(void **state)
{
	static const char *const texts[] = { "{}", "[]", "{\"spec\":{\"nodeName\":7},\"status\":[]}",
		"{\"spec\":{\"nodeName\":\"n\",\"volumes\":[7,{\"name\":\"state\"}]},"
		"\"status\":{\"startTime\":\"now\",\"conditions\":[7,{\"type\":\"Ready\"}]}}" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_object *json = json_tokener_parse(texts[i]);

		agents[i] = ds_vanished_take(vanished, NULL, json);
		json_object_put(json);
		if (agents[i])
			ds_vanished_tell(vanished, agents[i], DS_KUBE_IS);
	}
	ended("p", "n", 10);
	ended("", "n", 10);
	ended("p", "", 10);
	assert_judged(10 + DUE, "");	/* an agent that is not ready */
	assert_judged(10 + PATIENCE, "p@n|");
}

static void the_verdict(void **state)
{
	struct ds_cluster_pod_facts pod = { .uid = "u", .namespace_ = "shop", .name = "web-1",
					    .node = "n", .owner = "web", .trigger = DS_TRIGGER_ROLLOUT,
					    .owner_kind = DS_KUBE_OWNER_DEPLOYMENT };
	struct ds_event ev;

	(void)state;
	ds_vanished_verdict(&pod, "n", BEGIN, &ev);
	assert_int_equal(ev.kind, DS_EVENT_VERDICT);
	assert_int_equal(ev.verdict, DS_VERDICT_INCONCLUSIVE);
	assert_int_equal(ev.verdict_reason, DS_VERDICT_REASON_OBSERVATION_CUT);
	assert_int_equal(ev.trigger, DS_TRIGGER_ROLLOUT);
	assert_string_equal(ev.deployment, "web");
	assert_string_equal(ev.node, "n");
	assert_false(ds_event_has(&ev, DS_KEY_VERDICT_DROPS));
	pod.owner_kind = DS_KUBE_OWNER_DAEMONSET;
	pod.trigger = -1;
	ds_vanished_verdict(&pod, "n", BEGIN, &ev);
	assert_false(ds_event_has(&ev, DS_KEY_DEPLOYMENT));
	assert_false(ds_event_has(&ev, DS_KEY_TRIGGER));
	assert_string_equal(ev.daemonset, "web");
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_agent_that_is_there_judges_by_itself),
		T(one_that_is_gone_does_not),
		T(one_that_is_not_ready_is_waited_for),
		T(one_that_ended_in_order_has_spoken),
		T(one_that_was_not_ready_has_not),
		T(nor_one_that_was_taken_away_by_force),
		T(nor_of_what_ended_before_it_came),
		T(nor_does_a_shutdown_take_its_word),
		T(nor_one_that_came_after_the_end),
		T(but_one_whose_state_is_on_the_node),
		T(in_an_update_the_younger_one_counts),
		T(a_pod_that_is_on_another_node_now),
		T(where_no_agent_ever_was_nothing_is_said),
		T(a_pod_that_is_there_again),
		T(of_no_pod_is_spoken_twice),
		T(nodes_that_are_gone_make_room),
		T(objects_that_make_no_sense),
		T(the_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
