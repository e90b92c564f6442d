// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "tests/unit/cluster_story.h"
#include "user/source/cluster/cluster_trigger.h"

#define OLD(desired, present) REPLICASET("web-565b7488d5", "web", "1", desired, present)
#define NEW(desired, present) REPLICASET("web-99989cd5d", "web", "2", desired, present)
#define RS(json) is(DS_CLUSTER_REPLICASET, json)
#define N "web-99989cd5d-nnnnn"

static int trigger_of(const char *uid)
{
	struct ds_cluster_pod_facts f;

	assert_true(ds_cluster_pod(cluster, uid, &f));
	return f.trigger;
}

static void a_goes(void)
{
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
}

/* A Deployment of some time ago, with A and B of its first revision. */
static void deployment(void)
{
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "2", ""));
	RS(OLD("2", "2"));
	web();
	forget_told();
	now_s = 1000;
}

static void a_newer_revision_replaces_it(void **state)
{
	(void)state;
	deployment();
	RS(NEW("1", "0"));
	RS(OLD("1", "2"));
	assert_told("");
	a_goes();
	assert_told("n1: pod shop/" A " of web ports 8080 rollout\npoll 10.0.0.1:8080 of web\n");
}

/* What its controller wants is seen only later: it is told once more. */
static void a_pod_that_is_seen_to_go_before_its_controller(void **state)
{
	(void)state;
	deployment();
	a_goes();
	assert_told("poll 10.0.0.1:8080 of web\n");
	now_s += 1;
	RS(OLD("1", "2"));
	assert_told("n1: pod shop/" A " of web ports 8080 scale_in\n");
	now_s += 1;
	RS(NEW("1", "0"));
	assert_told("n1: pod shop/" A " of web ports 8080 rollout\n");
	now_s += 1;
	RS(OLD("1", "1"));
	assert_told("");
}

/* A rollout that begins long after a deletion by hand was not its reason. */
static void what_happens_long_after_was_not_the_reason(void **state)
{
	(void)state;
	deployment();
	a_goes();
	wait_until(1011);
	RS(NEW("1", "0"));
	RS(OLD("1", "2"));
	assert_told("poll 10.0.0.1:8080 of web\n");
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_DELETION);
}

static void fewer_are_wanted(void **state)
{
	(void)state;
	deployment();
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "1", ""));
	RS(OLD("1", "2"));
	a_goes();
	assert_told("n1: pod shop/" A " of web ports 8080 scale_in\npoll 10.0.0.1:8080 of web\n");
}

/* Its controller makes another one, and says nothing else. */
static void deleted_by_hand(void **state)
{
	(void)state;
	deployment();
	a_goes();
	now_s += 0.1;
	RS(OLD("2", "1"));
	RS(OLD("2", "2"));
	assert_told("poll 10.0.0.1:8080 of web\n");
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_DELETION);
	wait_until(1010);	/* a rollout may still be on its way */
	assert_told("");
	wait_until(1011);
	assert_told("n1: pod shop/" A " of web ports 8080 manual\n");
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_MANUAL);
	RS(NEW("1", "0"));
	RS(OLD("1", "2"));
	assert_told("");
}

/* The one that is left of the old revision, while both have all that they want (paused). */
static void one_of_an_older_revision_deleted_by_hand(void **state)
{
	(void)state;
	deployment();
	RS(NEW("2", "2"));
	now_s = 1200;
	a_goes();
	now_s += 0.1;
	RS(OLD("2", "1"));
	wait_until(1211);
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_MANUAL);
}

/* It was seen to be made: what it wanted is known from its beginning. */
static void of_a_young_one_deleted_by_hand(void **state)
{
	(void)state;
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "2", ""));
	RS(OLD("2", "0"));
	RS(OLD("2", "2"));
	web();
	now_s = 30;
	a_goes();
	now_s += 0.1;
	RS(OLD("2", "1"));
	wait_until(41);
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_MANUAL);
}

/* Who deleted it is not known where its controller says nothing, or goes itself. */
static void not_known_to_be_by_hand(void **state)
{
	(void)state;
	deployment();
	a_goes();
	wait_until(1011);	/* its watch may be away */
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_DELETION);
	(void)end(state);
	(void)begin(state);
	deployment();
	now_s = 119;		/* it was met as it is, and may have wanted more before */
	a_goes();
	now_s += 0.1;
	RS(OLD("2", "1"));
	wait_until(130);
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_DELETION);
}

/* Deleted in the foreground: whoever asked for that asked for more than this pod. */
static void a_controller_that_goes_itself(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		deployment();
		a_goes();
		now_s += 0.1;
		RS(OLD("2", "1"));
		if (i)
			RS("{" META("web-565b7488d5") ",'deletionTimestamp':'x','annotations':"
			   "{'deployment.kubernetes.io/revision':'1'},'ownerReferences':[{'kind':"
			   "'Deployment','name':'web','controller':true}]},'spec':{'replicas':2}}");
		else
			is(DS_CLUSTER_DEPLOYMENT, "{" META("web") ",'deletionTimestamp':'x'},"
						  "'spec':{'replicas':2}}");
		wait_until(1011);
		assert_int_equal(trigger_of("u-" A), DS_TRIGGER_DELETION);
		(void)end(state);
		(void)begin(state);
	}
}

/* What fell and rose again in between may have been the reason. */
static void a_count_that_fell_and_rose(void **state)
{
	(void)state;
	deployment();
	RS(OLD("1", "2"));
	RS(OLD("2", "2"));
	now_s += 119;
	a_goes();
	now_s += 0.1;
	RS(OLD("2", "1"));
	wait_until(1130);
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_SCALE_IN);
}

/* A count that fell long ago is no reason either. */
static void a_count_that_fell_long_ago(void **state)
{
	(void)state;
	deployment();
	RS(OLD("1", "2"));
	RS(OLD("1", "1"));
	wait_until(1120);
	a_goes();
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_DELETION);
}

/* In the middle of a rollout that is held, fewer are wanted: both revisions shrink. */
static void a_held_rollout_shrinks(void **state)
{
	(void)state;
	deployment();
	RS(NEW("2", "2"));
	wait_until(1100);
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "1", ""));
	RS(NEW("1", "2"));
	RS(OLD("1", "2"));
	a_goes();
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_SCALE_IN);
	/* It goes on: the newer one grows again. */
	now_s += 5;
	RS(NEW("2", "1"));
	RS(OLD("0", "1"));
	is(DS_CLUSTER_SLICE,
	   SLICE("web-1", "web", "8080", ENDPOINT(B, "10.0.0.2", "n2", GOING)));
	assert_int_equal(trigger_of("u-" B), DS_TRIGGER_ROLLOUT);
}

/* One apply changes image and count: it is a rollout. */
static void image_and_count_at_once(void **state)
{
	(void)state;
	deployment();
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "1", ""));
	now_s += 0.1;
	RS(NEW("1", "0"));
	RS(OLD("1", "2"));
	a_goes();
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_ROLLOUT);
}

static void to_none_at_all(void **state)
{
	(void)state;
	deployment();
	RS(NEW("1", "0"));
	wait_until(1100);
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "0", ""));
	RS(NEW("0", "1"));
	RS(OLD("0", "2"));
	a_goes();
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_SCALE_IN);
}

/* An undo gives the old ReplicaSet the next number. */
static void an_undo_makes_the_old_one_the_newest(void **state)
{
	(void)state;
	deployment();
	RS(NEW("2", "2"));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ENDPOINT(N, "10.0.0.3", "n1", UP)));
	wait_until(1100);
	RS(REPLICASET("web-565b7488d5", "web", "3", "2", "0"));
	RS(NEW("1", "2"));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ENDPOINT(N, "10.0.0.3", "n1", GOING)));
	assert_int_equal(trigger_of("u-" N), DS_TRIGGER_ROLLOUT);
}

/* Strategy Recreate: all old ones go, and only then there is a newer revision. */
static void all_at_once(void **state)
{
	(void)state;
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "2", ",'strategy':{'type':'Recreate'}"));
	RS(OLD("2", "2"));
	web();
	now_s = 1000;
	RS(OLD("0", "2"));
	a_goes();
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_ROLLOUT);
	now_s += 1;
	is(DS_CLUSTER_DEPLOYMENT, DEPLOYMENT("web", "0", ",'strategy':{'type':'Recreate'}"));
	is(DS_CLUSTER_SLICE,
	   SLICE("web-1", "web", "8080", ENDPOINT(B, "10.0.0.2", "n2", GOING)));
	assert_int_equal(trigger_of("u-" B), DS_TRIGGER_SCALE_IN);
}

/* The watcher began in the middle: the ReplicaSets have no history here. */
static void met_in_the_middle(void **state)
{
	(void)state;
	now_s = 1000;
	web();
	a_goes();
	RS(OLD("1", "1"));
	RS(NEW("2", "2"));
	assert_int_equal(trigger_of("u-" A), DS_TRIGGER_ROLLOUT);
}

static void a_replica_set_of_nobody(void **state)
{
	(void)state;
	is(DS_CLUSTER_REPLICASET,
	   "{" META("web-565b7488d5") "},'spec':{'replicas':2},'status':{'replicas':2}}");
	web();
	forget_told();
	now_s = 1000;
	is(DS_CLUSTER_REPLICASET,
	   "{" META("web-565b7488d5") "},'spec':{'replicas':1},'status':{'replicas':2}}");
	a_goes();
	assert_told("n1: pod shop/" A " of web-565b7488d5 ports 8080 scale_in\n"
		    "poll 10.0.0.1:8080 of web\n");
}

/* Its status says so: that is the reason, whatever else happens. */
static void evicted_in_a_rollout(void **state)
{
	static const struct {
		const char *reason;
		int trigger;
	} reasons[] = {
		{ "EvictionByEvictionAPI", DS_TRIGGER_EVICTION },
		{ "PreemptionByScheduler", DS_TRIGGER_PREEMPTION },
		{ "DeletionByTaintManager", DS_TRIGGER_EVICTION },
		{ "Other", DS_TRIGGER_ROLLOUT },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		deployment();
		RS(NEW("1", "0"));
		RS(OLD("1", "2"));
		is(DS_CLUSTER_POD,
		   POD(LABELLED ",'deletionTimestamp':'2026-11-22T22:37:50Z'", CONTAINER,
		       ",'conditions':[{'type':'DisruptionTarget','status':'True','reason':'%s'}]"),
		   reasons[i].reason);
		assert_int_equal(trigger_of(A), reasons[i].trigger);
		(void)end(state);
		(void)begin(state);
	}
}

/* ---- StatefulSet ---- */

#define SET(name, desired, more, current, update) \
	"{" META(name) "},'spec':{'replicas':" desired more "},'status':{'currentRevision':'" \
	current "','updateRevision':'" update "'}}"
#define STS(...) is(DS_CLUSTER_STATEFULSET, __VA_ARGS__)

static void db(const char *which, const char *state_of_it)
{
	is(DS_CLUSTER_BINDING, BINDING("db-tgb", API_ARN, "db", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("db", HTTP_PORT));
	is(DS_CLUSTER_SLICE,
	   "{" META("db-1") ",'labels':{'kubernetes.io/service-name':'db'}},'addressType':'IPv4',"
	   "'ports':[{'name':'http','port':5432}],'endpoints':[{'addresses':['10.0.1.1'],"
	   "'conditions':{%s},'nodeName':'n1','targetRef':{'kind':'Pod','name':'%s','uid':'u-%s'}}]}",
	   state_of_it, which, which);
}

static void pods_of_a_stateful_set(void **state)
{
	static const struct {
		const char *set, *pod;
		int trigger;
	} cases[] = {
		{ SET("db", "3", "", "db-1", "db-1"), "db-2", DS_TRIGGER_DELETION },
		{ SET("db", "3", "", "db-1", "db-2"), "db-2", DS_TRIGGER_ROLLOUT },
		{ SET("db", "3", "", "db-1", "db-2"), "db-0", DS_TRIGGER_ROLLOUT },
		{ SET("db", "2", "", "db-1", "db-1"), "db-2", DS_TRIGGER_SCALE_IN },
		{ SET("db", "2", "", "db-1", "db-2"), "db-2", DS_TRIGGER_SCALE_IN },
		{ SET("db", "2", ",'ordinals':{'start':1}", "db-1", "db-1"), "db-2",
		  DS_TRIGGER_DELETION },
		{ SET("db", "2", ",'ordinals':{'start':1}", "db-1", "db-1"), "db-3",
		  DS_TRIGGER_SCALE_IN },
		{ SET("db", "3", ",'updateStrategy':{'rollingUpdate':{'partition':2}}", "db-1",
		      "db-2"), "db-1", DS_TRIGGER_DELETION },
		{ SET("db", "3", ",'updateStrategy':{'rollingUpdate':{'partition':2}}", "db-1",
		      "db-2"), "db-2", DS_TRIGGER_ROLLOUT },
		{ SET("db", "3", "", "", ""), "db-2", DS_TRIGGER_DELETION },
		{ SET("other", "3", "", "db-1", "db-2"), "db-2", -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char uid[32];

		snprintf(uid, sizeof(uid), "u-%s", cases[i].pod);
		STS("%s", cases[i].set);
		db(cases[i].pod, UP);
		now_s += 100;
		db(cases[i].pod, GOING);
		assert_int_equal(trigger_of(uid), cases[i].trigger);
		(void)end(state);
		(void)begin(state);
	}
}

/* Neither its ordinal nor its revision is a reason, and its controller has told of itself since. */
static void one_of_a_stateful_set_deleted_by_hand(void **state)
{
	static const struct {
		const char *desired_before;
		int trigger;
	} cases[] = { { "3", DS_TRIGGER_MANUAL }, { "4", DS_TRIGGER_DELETION } };

	for (size_t i = 0; i < 2; i++) {
		STS(SET("db", "%s", "", "db-1", "db-1"), cases[i].desired_before);
		db("db-2", UP);
		now_s = 1000;
		STS(SET("db", "3", "", "db-1", "db-1"));
		now_s += 100;
		db("db-2", GOING);
		assert_int_equal(trigger_of("u-db-2"), DS_TRIGGER_DELETION);
		now_s += 1;
		STS(SET("db", "3", "", "db-1", "db-1"));
		wait_until(1111);
		assert_int_equal(trigger_of("u-db-2"), cases[i].trigger);
		(void)end(state);
		(void)begin(state);
	}
}

/* A watched pod tells its revision: then nothing need be guessed. */
static void the_revision_of_a_watched_pod(void **state)
{
	static const struct {
		const char *revision;
		int trigger;
	} cases[] = { { "db-1", DS_TRIGGER_ROLLOUT }, { "db-2", DS_TRIGGER_DELETION } };

	for (size_t i = 0; i < 2; i++) {
		STS(SET("db", "3", "", "db-1", "db-2"));
		is(DS_CLUSTER_POD,
		   "{'metadata':{'namespace':'shop','name':'db-1','uid':'u-db-1',"
		   "'labels':{'controller-revision-hash':'%s'},'deletionTimestamp':'x',"
		   "'ownerReferences':[{'kind':'StatefulSet','name':'db','controller':true}]},"
		   "'spec':{'nodeName':'n1'}}",
		   cases[i].revision);
		assert_int_equal(trigger_of("u-db-1"), cases[i].trigger);
		(void)end(state);
		(void)begin(state);
	}
}

/* ---- DaemonSet ---- */

#define DAEMONS(desired, updated) \
	"{" META("fw") ",'annotations':{'deprecated.daemonset.template.generation':'3'}}," \
	"'status':{'desiredNumberScheduled':" desired ",'updatedNumberScheduled':" updated "}}"

static void pods_of_a_daemon_set(void **state)
{
	(void)state;
	is(DS_CLUSTER_DAEMONSET, DAEMONS("3", "3"));
	db("fw-abcde", UP);
	forget_told();
	now_s = 300;
	db("fw-abcde", GOING);
	assert_int_equal(trigger_of("u-fw-abcde"), DS_TRIGGER_DELETION);
	is(DS_CLUSTER_DAEMONSET, DAEMONS("3", "2"));
	assert_told("poll 10.0.1.1:5432 of api\n"
		    "n1: pod shop/fw-abcde of fw ports 5432 rollout\n");
	now_s = 400;
	is(DS_CLUSTER_DAEMONSET, DAEMONS("2", "2"));
	db("fw-fghij", GOING);
	assert_int_equal(trigger_of("u-fw-fghij"), DS_TRIGGER_SCALE_IN);
}

static void the_generation_of_a_watched_daemon(void **state)
{
	static const char *const generations[] = { "2", "3", "x" };
	static const int want[] = { DS_TRIGGER_ROLLOUT, DS_TRIGGER_DELETION, DS_TRIGGER_DELETION };

	for (size_t i = 0; i < 3; i++) {
		is(DS_CLUSTER_DAEMONSET, DAEMONS("3", "3"));
		is(DS_CLUSTER_POD,
		   "{'metadata':{'namespace':'shop','name':'fw-abcde','uid':'u-fw',"
		   "'labels':{'pod-template-generation':'%s'},'deletionTimestamp':'x',"
		   "'ownerReferences':[{'kind':'DaemonSet','name':'fw','controller':true}]}}",
		   generations[i]);
		assert_int_equal(trigger_of("u-fw"), want[i]);
		(void)end(state);
		(void)begin(state);
	}
}

/* ---- whose it is ---- */

static void owners_by_name(void **state)
{
	static const struct {
		const char *pod, *owner;
	} names[] = {
		{ "web-565b7488d5-9t7mc", "web-565b7488d5" }, { "db-0", "db" }, { "a-b", "a" },
		{ "web", NULL }, { "-x", NULL }, { "web-", NULL }, { "", NULL },
	};
	char owner[DS_KUBE_NAME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool found = ds_cluster_owner_name(names[i].pod, owner);

		assert_int_equal(found, names[i].owner != NULL);
		if (found)
			assert_string_equal(owner, names[i].owner);
	}
}

/* The owner becomes known after the pod was told. */
static void an_owner_that_comes_late(void **state)
{
	(void)state;
	web();
	forget_told();
	RS(OLD("2", "2"));
	assert_told("n2: pod shop/" B " of web ports 8080\nn1: pod shop/" A " of web ports 8080\n");
	/* It goes before its pods do: whose they are is still known. */
	gone(DS_CLUSTER_REPLICASET, OLD("2", "2"));
	a_goes();
	assert_told("poll 10.0.0.1:8080 of web\n");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ""));
	wait_until(700);
	assert_int_equal(ds_cluster_stats(cluster).pods, 0);
	assert_null(cluster->workloads);
}

/* Another of the same name belongs to another Deployment. */
static void a_replica_set_that_changes_hands(void **state)
{
	(void)state;
	RS(OLD("2", "2"));
	web();
	forget_told();
	gone(DS_CLUSTER_REPLICASET, OLD("2", "2"));
	is(DS_CLUSTER_REPLICASET, REPLICASET("web-565b7488d5", "shop", "1", "2", "2"));
	assert_told("n2: pod shop/" B " of shop ports 8080\nn1: pod shop/" A
		    " of shop ports 8080\n");
}

static void owners_in_a_circle(void **state)
{
	(void)state;
	is(DS_CLUSTER_REPLICASET, REPLICASET("a", "a", "1", "2", "2"));
	is(DS_CLUSTER_REPLICASET, REPLICASET("b", "c", "1", "2", "2"));
	is(DS_CLUSTER_REPLICASET, REPLICASET("c", "b", "1", "2", "2"));
	db("a-x", UP);
	db("b-x", GOING);
	gone(DS_CLUSTER_REPLICASET, REPLICASET("b", "c", "1", "2", "2"));
	gone(DS_CLUSTER_REPLICASET, REPLICASET("c", "b", "1", "2", "2"));
	gone(DS_CLUSTER_REPLICASET, REPLICASET("a", "a", "1", "2", "2"));
	db("d-x", UP);
	wait_until(700);
	gone(DS_CLUSTER_SLICE, SLICE("db-1", "db", "1", ""));
	wait_until(1400);
	assert_int_equal(ds_cluster_stats(cluster).pods, 0);
	assert_null(cluster->workloads);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_newer_revision_replaces_it),
		T(a_pod_that_is_seen_to_go_before_its_controller),
		T(what_happens_long_after_was_not_the_reason),
		T(fewer_are_wanted),
		T(deleted_by_hand),
		T(one_of_an_older_revision_deleted_by_hand),
		T(of_a_young_one_deleted_by_hand),
		T(not_known_to_be_by_hand),
		T(a_controller_that_goes_itself),
		T(a_count_that_fell_and_rose),
		T(a_count_that_fell_long_ago),
		T(a_held_rollout_shrinks),
		T(image_and_count_at_once),
		T(to_none_at_all),
		T(an_undo_makes_the_old_one_the_newest),
		T(all_at_once),
		T(met_in_the_middle),
		T(a_replica_set_of_nobody),
		T(evicted_in_a_rollout),
		T(pods_of_a_stateful_set),
		T(one_of_a_stateful_set_deleted_by_hand),
		T(the_revision_of_a_watched_pod),
		T(pods_of_a_daemon_set),
		T(the_generation_of_a_watched_daemon),
		T(owners_by_name),
		T(an_owner_that_comes_late),
		T(a_replica_set_that_changes_hands),
		T(owners_in_a_circle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
