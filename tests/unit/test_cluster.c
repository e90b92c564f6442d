// SPDX-License-Identifier: Apache-2.0
#include "user/source/cluster/cluster.h"

#include <stdlib.h>

#include "tests/unit/cluster_story.h"

static void a_pod_that_goes_is_asked_for(void **state)
{
	(void)state;
	web();
	assert_told(WEB_TOLD);
	assert_false(ds_cluster_group_goes(cluster, WEB_ARN));
	now_s = 5;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("poll 10.0.0.1:8080 of web\n");
	assert_true(ds_cluster_group_goes(cluster, WEB_ARN));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("");
	now_s = 10;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	assert_told("n1: pod shop/" A " of - ports 8080 had 10.0.0.1, went 5-10\n"
		    "n1: ended u-" A " at 10\n");
	wait_until(610);
	assert_told("");
	wait_until(611);
	assert_told("unpoll 10.0.0.1\n");
	assert_int_equal(ds_cluster_stats(cluster).pods, 1);
}

static void in_any_order(void **state)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (size_t i = 0; i < 6; i++) {
		for (int k = 0; k < 3; k++) {
			if (orders[i][k] == 0)
				is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "'http'"));
			if (orders[i][k] == 1)
				is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
			if (orders[i][k] == 2)
				is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP));
			if (k < 2)
				assert_told("");
		}
		assert_told("ask what web is\n"
			    "n1: pod shop/" A " of - ports 8080\n"
			    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
		(void)end(state);
		(void)begin(state);
	}
}

/* ---- whether it goes ---- */

static void a_pod_that_moves_to_another_slice_has_not_left(void **state)
{
	(void)state;
	web();
	forget_told();
	now_s = 5;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	wait_until(6);
	is(DS_CLUSTER_SLICE, SLICE("web-2", "web", "8080", A_UP));
	wait_until(20);
	assert_told("");
	assert_int_equal(ds_cluster_stats(cluster).slices, 2);
}

/* Taken away by force: no EndpointSlice ever says that it terminates. */
static void a_pod_that_vanished_has_ended(void **state)
{
	(void)state;
	web();
	forget_told();
	now_s = 5;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	wait_until(6);
	assert_told("");
	wait_until(7);
	assert_told("n1: ended u-" A " at 5\npoll 10.0.0.1:8080 of web\n");
	/* It was only out of sight: it can go another time. */
	now_s = 30;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP "," B_UP));
	assert_told("unpoll 10.0.0.1\nn1: back u-" A "\n");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("poll 10.0.0.1:8080 of web\n");
	assert_true(ds_cluster_group_goes(cluster, WEB_ARN));
}

/* The machine slept: it left and ended long ago. */
static void a_pod_that_vanished_long_ago(void **state)
{
	(void)state;
	web();
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	forget_told();
	now_s = 100000;
	ds_cluster_tick(cluster);
	assert_told("n1: ended u-" A " at 0\npoll 10.0.0.1:8080 of web\n");
	ds_cluster_tick(cluster);
	assert_told("unpoll 10.0.0.1\n");
}

static void a_watched_pod_that_is_not_selected_has_not_ended(void **state)
{
	struct ds_cluster_pod_facts f;

	(void)state;
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_POD, "{'metadata':{'namespace':'shop','name':'" A "','uid':'u-" A "'},"
			   "'spec':{'nodeName':'n1'},'status':{'podIP':'10.0.0.1'}}");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP));
	forget_told();
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ""));
	wait_until(30);
	assert_true(ds_cluster_pod(cluster, "u-" A, &f));
	assert_int_equal(f.targets_cnt, 0);
	assert_true(f.going_ns == 0 && f.ended_ns == 0);
}

static void a_pod_object_that_is_deleted_at_once_has_ended(void **state)
{
	struct ds_cluster_pod_facts f;

	(void)state;
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	assert_told("ask what web is\nn1: pod shop/" A " of - ports 8080\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
	now_s = 7;
	gone(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	assert_told("n1: pod shop/" A " of - ports 8080 had 10.0.0.1, went 7-7\n"
		    "n1: ended " A " at 7\npoll 10.0.0.1:8080 of web\n");
	assert_true(ds_cluster_pod(cluster, A, &f));
	assert_int_equal(f.targets_cnt, 1);
	wait_until(608);
	assert_told("unpoll 10.0.0.1\n");
	assert_false(ds_cluster_pod(cluster, A, &f));
}

/* A slice that is behind still names it as ready. */
static void what_was_deleted_does_not_come_back(void **state)
{
	(void)state;
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
				   "{'addresses':['10.0.0.1'],'conditions':{" UP "},"
				   "'nodeName':'n1','targetRef':{'kind':'Pod','name':'" A
				   "','uid':'" A "'}}"));
	is(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	gone(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	forget_told();
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
				   "{'addresses':['10.0.0.1'],'conditions':{" UP "},"
				   "'nodeName':'n1','targetRef':{'kind':'Pod','name':'" A
				   "','uid':'" A "'}}," B_UP));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	assert_told("n2: pod shop/" B " of - ports 8080\n"
		    "n2: target 10.0.0.2:8080 of web healthy (" B ")\n");
}

/* ---- what AWS says ---- */

static struct ds_event reading(int state, const char *id, int port)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, now(NULL));
	DS_SET_STR(&ev, TG_ARN, tg_arn, WEB_ARN);
	DS_SET_STR(&ev, TG_NAME, tg_name, "web");
	DS_SET_STR(&ev, TARGET_ID, target_id, id);
	DS_SET(&ev, TARGET_PORT, target_port, port);
	DS_SET(&ev, TARGET_STATE, target_state, state);
	return ev;
}

static void readings_go_to_the_node_of_the_pod(void **state)
{
	struct ds_event ev;

	(void)state;
	web();
	forget_told();
	ev = reading(DS_TARGET_STATE_DRAINING, "10.0.0.1", 8080);
	ds_cluster_pass(cluster, &ev);
	assert_told("n1: target 10.0.0.1:8080 of web draining (" A ")\n");
	ev = reading(DS_TARGET_STATE_DRAINING, "10.0.0.1", 8081);
	ds_cluster_pass(cluster, &ev);
	ev = reading(DS_TARGET_STATE_DRAINING, "10.0.0.9", 8080);
	ds_cluster_pass(cluster, &ev);
	ev = reading(DS_TARGET_STATE_DRAINING, "i-0123", 8080);
	ds_cluster_pass(cluster, &ev);
	assert_told("");
}

/* Of an address that another pod got, both want to know. */
static void an_address_that_is_used_again(void **state)
{
	struct ds_event ev;

	(void)state;
	web();
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
				   ENDPOINT(B, "10.0.0.2", "n2", GOING)));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
				   ENDPOINT("c", "10.0.0.1", "n2", UP)));
	forget_told();
	ev = reading(DS_TARGET_STATE_UNUSED, "10.0.0.1", 8080);
	ds_cluster_pass(cluster, &ev);
	assert_told("n2: target 10.0.0.1:8080 of web unused (c)\n"
		    "n1: target 10.0.0.1:8080 of web unused (" A ")\n");
	wait_until(602);
	assert_told("unpoll 10.0.0.2\nunpoll 10.0.0.1\n");
	ds_cluster_pass(cluster, &ev);
	assert_told("n2: target 10.0.0.1:8080 of web unused (c)\n");
}

static void what_a_group_is_is_told_with_its_targets(void **state)
{
	struct ds_cluster_group_facts facts = { .delay_s = 30, .preserve_client_ip = 1, .type = -1,
						.lb_type = DS_LB_TYPE_NETWORK, .lb_name = "front" };
	struct ds_event ev;

	(void)state;
	web();
	forget_told();
	ds_cluster_group_is(cluster, WEB_ARN, &facts);
	assert_told("n2: target 10.0.0.2:8080 of web healthy (" B ") delay 30 behind front\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ") delay 30 behind front\n");
	ds_cluster_group_is(cluster, WEB_ARN, &facts);
	assert_told("");
	/* What a reading tells of the group is known as well; what it does not tell stays. */
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	forget_told();
	ev = reading(DS_TARGET_STATE_DRAINING, "10.0.0.1", 8080);
	DS_SET(&ev, TG_DELAY, tg_delay_s, 400);
	ds_cluster_pass(cluster, &ev);
	assert_told("n1: target 10.0.0.1:8080 of web draining (" A ") delay 400\n"
		    "n2: target 10.0.0.2:8080 of web healthy (" B ") delay 400 behind front\n");
	/* With a longer delay it is remembered for longer. */
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	forget_told();
	wait_until(400);
	assert_true(ds_cluster_group_goes(cluster, WEB_ARN));
	wait_until(401);
	assert_false(ds_cluster_group_goes(cluster, WEB_ARN));
	wait_until(800);
	assert_told("");
	wait_until(801);
	assert_told("unpoll 10.0.0.1\n");
}

static void pass_address(const char *lb, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, now(NULL));
	DS_SET_STR(&ev, ADDRESS, address, address);
	DS_SET_STR(&ev, LB_NAME, lb_name, lb);
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_APPLICATION);
	ds_cluster_pass(cluster, &ev);
}

static void addresses_go_to_nodes_with_pods_behind_them(void **state)
{
	struct ds_cluster_group_facts facts = { .delay_s = -1, .preserve_client_ip = -1, .type = -1,
						.lb_type = -1, .lb_name = "front" };

	(void)state;
	pass_address("front", "10.0.9.1");
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP));
	forget_told();
	ds_cluster_group_is(cluster, WEB_ARN, &facts);
	assert_told("n1: balancer front 10.0.9.1\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ") behind front\n");
	pass_address("front", "10.0.9.2");
	assert_told("n1: balancer front 10.0.9.2\n");
	pass_address("front", "10.0.9.2");
	pass_address("other", "10.0.9.3");
	assert_told("");
	pass_address("", "10.0.9.4"); /* whose it is nobody knows */
	assert_told("n1: balancer - 10.0.9.4\n");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP "," B_UP));
	assert_told("n2: balancer front 10.0.9.1\nn2: balancer front 10.0.9.2\n"
		    "n2: pod shop/" B " of - ports 8080\n"
		    "n2: target 10.0.0.2:8080 of web healthy (" B ") behind front\n");
}

/* ---- budgets ---- */

#define PDB(name, selector, allowed, wanted) \
	"{" META(name) "},'spec':{'selector':" selector "},'status':{'disruptionsAllowed':" allowed \
	",'currentHealthy':3,'desiredHealthy':" wanted ",'expectedPods':4}}"
#define OF_WEB "{'matchLabels':{'app':'web'}}"
#define OF_API "{'matchLabels':{'app':'api'}}"

/* Whoever comes last, the budget or what is known of the pod. */
static void budgets_that_let_no_pod_be_evicted(void **state)
{
	(void)state;
	web();
	forget_told();
	is(DS_CLUSTER_PDB, PDB("closed", OF_WEB, "0", "4"));
	assert_told(""); /* the pods' labels are not known */
	is(DS_CLUSTER_REPLICASET, REPLICASET("web-565b7488d5", "web", "1", "2", "2"));
	assert_told("budget shop/closed for " B ": 4 of 4, alone\n"
		    "n2: pod shop/" B " of web ports 8080\nn1: pod shop/" A " of web ports 8080\n");
	is(DS_CLUSTER_PDB, PDB("closed", OF_WEB, "0", "5"));
	assert_told("");	/* once */
	gone(DS_CLUSTER_PDB, PDB("closed", OF_WEB, "0", "5"));
	is(DS_CLUSTER_PDB, PDB("new", OF_WEB, "0", "4"));
	assert_told("budget shop/new for " A ": 4 of 4, alone\n");
}

static void budgets_that_hurt_nobody(void **state)
{
	static const char *const some[] = {
		PDB("now", OF_WEB, "0", "3"),	/* for now only: one is not healthy */
		PDB("open", OF_WEB, "1", "4"),
		PDB("api", OF_API, "0", "4"),
		PDB("none", "null", "0", "4"),
		PDB("words", "{'matchLabels':{'app':'web'},'matchExpressions':[{'key':'x'}]}", "0", "4"),
		"{'metadata':{'namespace':'other','name':'o','uid':'o'},'spec':{'selector':{}},"
		"'status':{'disruptionsAllowed':0,'desiredHealthy':4,'expectedPods':4}}",
		"{" META("unborn") "},'spec':{'selector':{}}}",
		"{" META("empty") "},'spec':{'selector':{}},'status':{'disruptionsAllowed':0,"
		"'desiredHealthy':0,'expectedPods':0}}",
	};

	(void)state;
	web();
	is(DS_CLUSTER_REPLICASET, REPLICASET("web-565b7488d5", "web", "1", "2", "2"));
	forget_told();
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		is(DS_CLUSTER_PDB, "%s", some[i]);
		/* Both pods are looked at anew. */
		is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
					   ENDPOINT(A, "10.0.0.1", "n1", DOWN) ","
					   ENDPOINT(B, "10.0.0.2", "n2", DOWN)));
		is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP "," B_UP));
		assert_told("");
		gone(DS_CLUSTER_PDB, "%s", some[i]);
	}
	/* Its pod goes already, or is nobody's target. */
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING));
	is(DS_CLUSTER_SLICE, SLICE("db-1", "db", "5432", B_UP));
	wait_until(5);
	forget_told();
	is(DS_CLUSTER_PDB, PDB("late", OF_WEB, "0", "4"));
	assert_told("");
}

static void two_budgets_of_one_pod(void **state)
{
	(void)state;
	is(DS_CLUSTER_REPLICASET, REPLICASET("web-565b7488d5", "web", "1", "2", "2"));
	is(DS_CLUSTER_PDB, PDB("one", OF_WEB, "1", "3"));
	is(DS_CLUSTER_PDB, PDB("all", "{}", "1", "3"));
	web();
	assert_told("ask what web is\nbudget shop/one for " B ": 3 of 4, all\n"
		    "n2: pod shop/" B " of web ports 8080\n"
		    "n2: target 10.0.0.2:8080 of web healthy (" B ")\n"
		    "n1: pod shop/" A " of web ports 8080\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
}

/* ---- the controller's checkpoint ---- */

static void checkpoint(const char *value, int second)
{
	is(DS_CLUSTER_BINDING,
	   "{" META("web-tgb") ",'annotations':{'elbv2.k8s.aws/checkpoint':'%s',"
	   "'elbv2.k8s.aws/checkpoint-timestamp':'%d'}},'spec':{'targetGroupARN':'" WEB_ARN "',"
	   "'targetType':'ip','serviceRef':{'name':'web','port':80}}}",
	   value, (int)(BEGIN / DS_NS_PER_S) + second);
}

static void no_deregistration_before_the_checkpoint_is_empty(void **state)
{
	(void)state;
	web();
	checkpoint("abc", 0);
	forget_told();
	now_s = 5;
	checkpoint("", 4);	/* nobody goes */
	checkpoint("def", 5);
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("poll 10.0.0.1:8080 of web\n");
	checkpoint("def", 5);
	assert_told("");
	checkpoint("", 7);
	assert_told("n1: target 10.0.0.1:8080 of web draining (" A ")\n");
	assert_true(bound_ns == BEGIN + 7 * DS_NS_PER_S);
	/* Of the next one it is the next time, for this one it says nothing any more. */
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
				   A_GOING "," ENDPOINT(B, "10.0.0.2", "n2", GOING)));
	checkpoint("ghi", 9);
	checkpoint("", 10);
	assert_told("poll 10.0.0.2:8080 of web\n");
}

/* ---- bounds ---- */

/* Made anew before the end of the first was told. */
static void two_objects_of_one_name(void **state)
{
	(void)state;
	web();
	is(DS_CLUSTER_SERVICE, "{'metadata':{'namespace':'shop','name':'web','uid':'2'},'spec':{}}");
	for (int i = 1; i <= 2; i++)
		is(DS_CLUSTER_STATEFULSET,
		   "{'metadata':{'namespace':'shop','name':'db','uid':'%d'}}", i);
	gone(DS_CLUSTER_STATEFULSET, "{'metadata':{'namespace':'shop','name':'db','uid':'2'}}");
	gone(DS_CLUSTER_SERVICE, "{'metadata':{'namespace':'shop','name':'web','uid':'2'}}");
	gone(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ""));
	gone(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	wait_until(700);
	assert_int_equal(ds_cluster_stats(cluster).pods, 0);
}

static void pods_above_the_bound_are_counted(void **state)
{
	struct ds_cluster_options o = { .now = now, .tell = tell, .ended = ended, .group = group,
					.poll = poll, .unpoll = unpoll, .budget = budget,
					.pods_max = 1 };

	(void)state;
	ds_cluster_free(&cluster);
	assert_int_equal(ds_cluster_new(&cluster, &o), 0);
	web();
	assert_told("ask what web is\nn1: pod shop/" A " of - ports 8080\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
	assert_int_equal(ds_cluster_stats(cluster).over, 1);
	assert_int_equal(ds_cluster_stats(cluster).pods, 1);
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	assert_int_equal(ds_cluster_stats(cluster).endpoints, 0);
}

/*
 * 5,000 pods of 200 services on 100 nodes: an event costs what it changes, whatever else there is.
 * The slice of a hundred pods that one of them leaves is one pod's matter.
 */
static void an_event_costs_what_it_changes(void **state)
{
	struct ds_buf endpoints = { 0 };
	uint64_t before;

	(void)state;
	for (int s = 0; s < 200; s++) {
		ds_buf_clear(&endpoints);
		for (int p = 0; p < 25; p++)
			ds_buf_printf(&endpoints,
				      "%s{'addresses':['10.%d.1.%d'],'conditions':{" UP "},"
				      "'nodeName':'n%d','targetRef':{'kind':'Pod','name':'s%d-r-%d',"
				      "'uid':'%d-%d'}}",
				      p ? "," : "", s, p + 1, (s * 25 + p) % 100, s, p, s, p);
		is(DS_CLUSTER_BINDING,
		   "{'metadata':{'namespace':'shop','name':'b%d'},'spec':{'targetGroupARN':'arn:aws:"
		   "elasticloadbalancing:us-east-1:123456789012:targetgroup/s%d/0123456789abcdef',"
		   "'targetType':'ip','serviceRef':{'name':'s%d','port':80}}}",
		   s, s, s);
		is(DS_CLUSTER_SERVICE,
		   "{'metadata':{'namespace':'shop','name':'s%d'},'spec':{'ports':[" HTTP_PORT
		   "]}}", s);
		is(DS_CLUSTER_SLICE,
		   "{'metadata':{'namespace':'shop','name':'s%d','labels':{"
		   "'kubernetes.io/service-name':'s%d'}},'addressType':'IPv4','ports':["
		   "{'name':'http','port':8080}],'endpoints':[%s]}",
		   s, s, endpoints.data);
		is(DS_CLUSTER_REPLICASET,
		   "{'metadata':{'namespace':'shop','name':'s%d-r'},'spec':{'replicas':25}}", s);
	}
	assert_int_equal(ds_cluster_stats(cluster).pods, 5000);
	assert_int_equal(ds_cluster_stats(cluster).over, 0);
	forget_told();
	before = ds_cluster_stats(cluster).recomputed;
	/* The last slice again: one of its pods goes now. */
	memcpy(strstr(endpoints.data, "'ready':true,'serving':true,'terminating':false"),
	       "'ready':null,'serving':true,'terminating':true ", 47);
	is(DS_CLUSTER_SLICE,
	   "{'metadata':{'namespace':'shop','name':'s199','labels':{"
	   "'kubernetes.io/service-name':'s199'}},'addressType':'IPv4','ports':["
	   "{'name':'http','port':8080}],'endpoints':[%s]}",
	   endpoints.data);
	assert_told("poll 10.199.1.1:8080 of s199\n");
	assert_int_equal(ds_cluster_stats(cluster).recomputed - before, 1);
	/* Its controller says why: again one pod's matter. */
	is(DS_CLUSTER_REPLICASET,
	   "{'metadata':{'namespace':'shop','name':'s199-r'},'spec':{'replicas':24}}");
	assert_int_equal(ds_cluster_stats(cluster).recomputed - before, 2);
	assert_told("n75: pod shop/s199-r-0 of s199-r ports 8080 scale_in\n");
	/* A checkpoint, a status, a tick: nobody's. */
	is(DS_CLUSTER_BINDING,
	   "{'metadata':{'namespace':'shop','name':'b7','annotations':{'elbv2.k8s.aws/checkpoint':"
	   "''}},'spec':{'targetGroupARN':'arn:aws:elasticloadbalancing:us-east-1:123456789012:"
	   "targetgroup/s7/0123456789abcdef','targetType':'ip','serviceRef':{'name':'s7','port':80}}}");
	is(DS_CLUSTER_REPLICASET,
	   "{'metadata':{'namespace':'shop','name':'s7-r'},'spec':{'replicas':25}}");
	wait_until(60);
	assert_int_equal(ds_cluster_stats(cluster).recomputed - before, 2);
	ds_buf_free(&endpoints);
}

/* The end of a run: what is dropped has not gone. */
static void at_the_end_nothing_is_told(void **state)
{
	web();
	is(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	forget_told();
	(void)end(state);
	assert_null(told.data);
	(void)begin(state);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_pod_that_goes_is_asked_for),
		T(in_any_order),
		T(a_pod_that_moves_to_another_slice_has_not_left),
		T(a_pod_that_vanished_has_ended),
		T(a_pod_that_vanished_long_ago),
		T(a_watched_pod_that_is_not_selected_has_not_ended),
		T(a_pod_object_that_is_deleted_at_once_has_ended),
		T(what_was_deleted_does_not_come_back),
		T(readings_go_to_the_node_of_the_pod),
		T(an_address_that_is_used_again),
		T(what_a_group_is_is_told_with_its_targets),
		T(addresses_go_to_nodes_with_pods_behind_them),
		T(budgets_that_let_no_pod_be_evicted),
		T(budgets_that_hurt_nobody),
		T(two_budgets_of_one_pod),
		T(no_deregistration_before_the_checkpoint_is_empty),
		T(two_objects_of_one_name),
		T(pods_above_the_bound_are_counted),
		T(an_event_costs_what_it_changes),
		T(at_the_end_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
