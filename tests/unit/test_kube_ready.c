// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_ready.h"

#include <string.h>

#include "tests/unit/unit.h"

#define PORT "\"ports\":[{\"containerPort\":80}]"
#define UDP "\"ports\":[{\"containerPort\":53,\"protocol\":\"UDP\"}]"
#define PROBE(kind, period) "\"" kind "Probe\":{\"periodSeconds\":" period "}"
#define GATE(type) "{\"conditionType\":\"" type "\"}"

static void assert_probes(const char *containers, const char *want)
{
	json_object *list = json_tokener_parse(containers);
	char buf[64] = "x";

	ds_kube_probes(list, buf, sizeof(buf));
	if (strcmp(buf, want) != 0)
		fail_msg("%s: '%s', not '%s'", containers, buf, want);
	json_object_put(list);
}

static void assert_gates(const char *spec, size_t size, const char *want)
{
	json_object *object = json_tokener_parse(spec);
	char buf[64] = "x";

	ds_kube_gates(object, buf, size);
	if (strcmp(buf, want) != 0)
		fail_msg("%s: '%s', not '%s'", spec, buf, want);
	json_object_put(object);
}

static void probes_of_one_container(void **state)
{
	(void)state;
	assert_probes("null", "");
	assert_probes("[]", "");
	assert_probes("[{}]", "none");
	assert_probes("[{" PORT "," PROBE("readiness", "5") "}]", "readiness:5");
	assert_probes("[{" PORT "," PROBE("liveness", "7") "," PROBE("startup", "3") "," PROBE("readiness", "5") "}]",
		      "startup:3,readiness:5,liveness:7");
	assert_probes("[{\"readinessProbe\":{}}]", "readiness:10");
	assert_probes("[{\"readinessProbe\":[]}]", "none");
	assert_probes("[{" PROBE("readiness", "0") "}]", "readiness:10");
	assert_probes("[{" PROBE("readiness", "-1") "}]", "readiness:10");
	assert_probes("[{" PROBE("readiness", "\"5\"") "}]", "readiness:10");
	assert_probes("[{" PROBE("readiness", "99999999999") "," PROBE("startup", "99999999999") ","
		      PROBE("liveness", "99999999999") "}]",
		      "startup:1000000,readiness:1000000,liveness:1000000");
}

/* One that serves and has none is ready at once. */
static void probes_that_all_have_who_serve(void **state)
{
	(void)state;
	assert_probes("[{" PORT "," PROBE("readiness", "5") "},{" PORT "}]", "none");
	assert_probes("[{" PORT "," PROBE("readiness", "5") "},{" PORT "," PROBE("readiness", "8") "}]",
		      "readiness:8");
	assert_probes("[{" PORT "," PROBE("readiness", "8") "," PROBE("liveness", "1") "},{" PORT ","
		      PROBE("readiness", "5") "}]", "readiness:8");
	assert_probes("[{" PORT "," PROBE("readiness", "5") "},{}]", "readiness:5");
	assert_probes("[{" PROBE("readiness", "5") "},{" PORT "}]", "none");
	assert_probes("[{" PROBE("readiness", "5") "},{}]", "none");
	assert_probes("[{" UDP "," PROBE("readiness", "5") "},{" UDP "}]", "none");
}

static void gates_of_a_load_balancer(void **state)
{
	(void)state;
	assert_gates("null", 64, "none");
	assert_gates("{}", 64, "none");
	assert_gates("{\"readinessGates\":[" GATE("example.com/other") "]}", 64, "none");
	assert_gates("{\"readinessGates\":[" GATE("target-health.elbv2.k8s.aws/k8s-shop-web-0123456789") "]}", 64,
		     "k8s-shop-web-0123456789");
	assert_gates("{\"readinessGates\":[" GATE("target-health.alb.ingress.k8s.aws/shop_web_80") ","
		     GATE("example.com/other") "," GATE("target-health.elbv2.k8s.aws/b") "]}", 64,
		     "shop_web_80,b");
	assert_gates("{\"readinessGates\":[" GATE("target-health.elbv2.k8s.aws/") "," GATE("target-health.elbv2.k8s.aws/a,b")
		     ",7,{}]}", 64, "none");
}

static void gates_that_do_not_fit(void **state)
{
	static const char spec[] = "{\"readinessGates\":[" GATE("target-health.elbv2.k8s.aws/abc") ","
		GATE("target-health.elbv2.k8s.aws/defgh") "," GATE("target-health.elbv2.k8s.aws/ij") "]}";

	(void)state;
	assert_gates(spec, 13, "abc,defgh,ij");
	assert_gates(spec, 12, "abc,defgh");
	assert_gates(spec, 9, "abc,ij");
	assert_gates(spec, 6, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_of_one_container),
		cmocka_unit_test(probes_that_all_have_who_serve),
		cmocka_unit_test(gates_of_a_load_balancer),
		cmocka_unit_test(gates_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
