// SPDX-License-Identifier: Apache-2.0
#include "user/source/cluster/cluster.h"

#include <stdlib.h>

#include "tests/unit/cluster_story.h"

static void before_its_slice_a_selector_decides(void **state)
{
	(void)state;
	is(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	assert_told("ask what web is\nn1: pod shop/" A " of - ports 8080\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
	/* The slice knows better: it is not among them. */
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	assert_told("n2: pod shop/" B " of - ports 8080\n"
		    "n2: target 10.0.0.2:8080 of web healthy (" B ")\n"
		    "n1: pod shop/" A " of - ports -\n");
	gone(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	assert_told("n1: pod shop/" A " of - ports 8080\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
}

static void a_selector_wants_all_its_labels(void **state)
{
	static const struct {
		const char *labels;
		bool selected;
	} pods[] = {
		{ ",'labels':{'app':'web','tier':'front'}", true },
		{ ",'labels':{'app':'web','tier':'front','more':'x'}", true },
		{ ",'labels':{'app':'web'}", false },
		{ ",'labels':{'app':'web','tier':'back'}", false },
		{ ",'labels':{'tier':'web','app':'front'}", false },
		{ "", false },
	};

	for (size_t i = 0; i < sizeof(pods) / sizeof(pods[0]); i++) {
		is(DS_CLUSTER_SERVICE, "{" META("web") "},'spec':{'selector':{'app':'web',"
				       "'tier':'front'},'ports':[{'port':80,'targetPort':9}]}}");
		is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
		is(DS_CLUSTER_POD, POD("%s", CONTAINER, IS_READY), pods[i].labels);
		assert_int_equal(strstr(told.data ? told.data : "", "10.0.0.1:9 of web") != NULL,
				 pods[i].selected);
		(void)end(state);
		(void)begin(state);
	}
	/* Without a selector its endpoints are somebody else's business. */
	is(DS_CLUSTER_SERVICE, "{" META("web") "},'spec':{'ports':[{'port':80}]}}");
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_POD, POD(LABELLED, CONTAINER, IS_READY));
	assert_told("");
}

/* A target port may be a number, a name that each pod gives to its own, or the service's port. */
static void target_ports(void **state)
{
	static const struct {
		const char *target;
		int port;
	} ports[] = { { ",'targetPort':8081", 8081 },  { ",'targetPort':'http'", 8080 },
		      { ",'targetPort':'admin'", 9090 }, { "", 80 },
		      { ",'targetPort':'nobody'", 0 },	 { ",'targetPort':0", 80 },
		      { ",'targetPort':70000", 80 },	 { ",'protocol':'UDP'", 0 } };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		struct ds_cluster_pod_facts f;

		is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
		is(DS_CLUSTER_SERVICE,
		   "{" META("web") "},'spec':{'selector':{'app':'web'},'ports':[{'port':80%s}]}}",
		   ports[i].target);
		is(DS_CLUSTER_POD,
		   POD(LABELLED,
		       ",'containers':[{'ports':[{'name':'http','containerPort':8080},"
		       "{'name':'udp','containerPort':53,'protocol':'UDP'}]}],"
		       "'initContainers':[{'ports':[{'name':'nobody','containerPort':1}]},"
		       "{'restartPolicy':'Always','ports':[{'name':'admin','containerPort':9090},"
		       "{'name':'http','containerPort':1}]}]",
		       IS_READY));
		assert_true(ds_cluster_pod(cluster, A, &f));
		assert_int_equal(f.targets_cnt ? f.targets[0].port : 0, ports[i].port);
		(void)end(state);
		(void)begin(state);
	}
}

/* Named ports differ from pod to pod: then there is a slice for each number. */
static void named_ports_are_told_by_the_slices(void **state)
{
	(void)state;
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "'http'"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", "{'name':'admin','port':81},"
					      "{'name':'http','port':80,'targetPort':'http'}"));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP));
	is(DS_CLUSTER_SLICE, SLICE("web-2", "web", "9090", B_UP));
	assert_told("ask what web is\n"
		    "n1: pod shop/" A " of - ports 8080\n"
		    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n"
		    "n2: pod shop/" B " of - ports 9090\n"
		    "n2: target 10.0.0.2:9090 of web healthy (" B ")\n");
	/* A rollout changed the port: the other slice has the pod from then on. */
	is(DS_CLUSTER_SLICE, SLICE("web-2", "web", "9091", B_UP));
	assert_told("n2: pod shop/" B " of - ports 9091\n"
		    "n2: target 10.0.0.2:9091 of web healthy (" B ")\n");
}

#define GATE(type) ",'readinessGates':[{'conditionType':'" type "'}]"

static void a_readiness_gate_names_its_binding(void **state)
{
	static const struct {
		const char *gate;
		bool named;
	} gates[] = {
		{ "target-health.elbv2.k8s.aws/web-tgb", true },
		{ "target-health.elbv2.k8s.aws/web-tg", false },
		{ "target-health.elbv2.k8s.aws/web-tgb2", false },
		{ "target-health.alb.ingress.k8s.aws/front_web_80", true },
		{ "target-health.alb.ingress.k8s.aws/front_web_81", false },
		{ "target-health.alb.ingress.k8s.aws/front_we_80", false },
		{ "target-health.alb.ingress.k8s.aws/front_webs_80", false },
		{ "target-health.alb.ingress.k8s.aws/web_80", false },
		{ "target-health.alb.ingress.k8s.aws/web", false },
		{ "target-health.alb.ingress.k8s.aws/front_web_80x", false },
		{ "example.com/web-tgb", false },
	};

	for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
		is(DS_CLUSTER_POD, POD("", CONTAINER GATE("%s"), ""), gates[i].gate);
		is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
		is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
		is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ""));
		/* Whether its target is there the gate does not say: nothing of the target is. */
		if (gates[i].named)
			assert_told("ask what web is\nn1: pod shop/" A " of - ports 8080\n");
		else
			assert_told("");
		(void)end(state);
		(void)begin(state);
	}
}

static void one_target_in_several_groups(void **state)
{
	struct ds_cluster_pod_facts f;

	(void)state;
	web();
	forget_told();
	is(DS_CLUSTER_BINDING, BINDING("api-tgb", API_ARN, "api", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("api", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("api-1", "api", "9090", A_UP));
	assert_told("ask what api is\nn1: pod shop/" A " of - ports 8080,9090\n"
		    "n1: target 10.0.0.1:9090 of api healthy (" A ")\n");
	/* A second binding of the same group changes nothing. */
	is(DS_CLUSTER_BINDING_EKS, BINDING("api-tgb2", API_ARN, "api", "'http'"));
	assert_told("");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("poll 10.0.0.1:8080 of web\npoll 10.0.0.1:9090 of api\n");
	assert_true(ds_cluster_group_goes(cluster, WEB_ARN));
	assert_true(ds_cluster_group_goes(cluster, API_ARN));
	/* What a pod that goes was, it stays: its targets drain without the binding. */
	gone(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	assert_told("n2: pod shop/" B " of - ports -\n");
	assert_true(ds_cluster_pod(cluster, "u-" A, &f));
	assert_int_equal(f.targets_cnt, 2);
}

static void both_families(void **state)
{
	(void)state;
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP));
	is(DS_CLUSTER_SLICE, "{" META("web-6") ",'labels':{'kubernetes.io/service-name':'web'}},"
			     "'addressType':'IPv6','ports':[{'name':'http','port':8080}],"
			     "'endpoints':[" ENDPOINT(A, "fd00::1", "n1", UP) "]}");
	is(DS_CLUSTER_BINDING, "{" META("web-tgb") "},'spec':{'targetGroupARN':'" WEB_ARN "',"
			       "'targetType':'ip','ipAddressType':'ipv6',"
			       "'serviceRef':{'name':'web','port':80}}}");
	assert_told("ask what web is\nn1: pod shop/" A " of - ports 8080\n"
		    "n1: target fd00::1:8080 of web healthy (" A ")\n");
	is(DS_CLUSTER_BINDING, "{" META("web-tgb") "},'spec':{'targetGroupARN':'" WEB_ARN "',"
			       "'targetType':'ip','ipAddressType':'ipv4',"
			       "'serviceRef':{'name':'web','port':80}}}");
	assert_told("n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
}

/* Not ready addresses are published: the controller takes them for ready ones. */
static void only_what_is_ready_is_registered(void **state)
{
	(void)state;
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ENDPOINT(A, "10.0.0.1", "n1", DOWN)));
	assert_told("ask what web is\nn1: pod shop/" A " of - ports 8080\n");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", ENDPOINT(A, "10.0.0.1", "n1", "")));
	assert_told("n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080",
				   ENDPOINT(A, "10.0.0.1", "n1", "'ready':true,'terminating':true")));
	assert_told("poll 10.0.0.1:8080 of web\n");
}

/* ---- instance targets ---- */

#define INSTANCES \
	"{" META("np") "},'spec':{'targetGroupARN':'" API_ARN "','targetType':'instance'," \
	"'serviceRef':{'name':'web','port':80},'nodeSelector':{'matchLabels':{'role':'edge'}}}}"

/* Whichever of them the nodeSelector means: by their node port all pods are reached. */
static void instance_targets_are_nodes(void **state)
{
	struct ds_cluster_pod_facts f;

	(void)state;
	is(DS_CLUSTER_BINDING, INSTANCES);
	is(DS_CLUSTER_SERVICE, SERVICE("web", "{'name':'http','port':80,'nodePort':30080}"));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP "," B_UP));
	assert_told("ask what api is\nn2: pod shop/" B " of - ports 8080\n"
		    "n2: target any:30080 of api unavailable\n"
		    "n1: pod shop/" A " of - ports 8080\n"
		    "n1: target any:30080 of api unavailable\n");
	assert_true(ds_cluster_pod(cluster, "u-" A, &f));
	assert_int_equal(f.targets[0].type, DS_TARGET_TYPE_INSTANCE);
	assert_int_equal(f.targets[0].port, 30080);
	assert_int_equal(f.targets[0].pod_port, 8080);
	/* Of a node nobody asks; its pods' ends say nothing of it. */
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(before_its_slice_a_selector_decides),
		T(a_selector_wants_all_its_labels),
		T(target_ports),
		T(named_ports_are_told_by_the_slices),
		T(a_readiness_gate_names_its_binding),
		T(one_target_in_several_groups),
		T(both_families),
		T(only_what_is_ready_is_registered),
		T(instance_targets_are_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
