// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_pod.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/util/timefmt.h"

#define UID "ce072c2f-7e89-48a8-b2e0-4bb7ba600b62"
#define NOW (INT64_C(1795387050) * DS_NS_PER_S + 500 * DS_NS_PER_MS) /* 22:37:30.5 */
#define AT(s) ((INT64_C(1795387020) + (s)) * DS_NS_PER_S) /* 22:37:00 and so many */
#define META(more) \
	"\"metadata\":{\"name\":\"web-1\",\"namespace\":\"shop\",\"uid\":\"" UID "\"" more "}"
#define POD(meta, spec, status) \
	"{" META(meta) ",\"spec\":{\"terminationGracePeriodSeconds\":30" spec \
		       "},\"status\":{" status "}}"
#define DELETING(at, grace) \
	",\"deletionTimestamp\":\"2026-11-22T22:" at "Z\",\"deletionGracePeriodSeconds\":" grace
#define RUNNING "\"phase\":\"Running\",\"containerStatuses\":[{\"state\":{\"running\":{}}}]"
#define READY \
	",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"lastTransitionTime\":\"2026-11-22T22:37:03Z\"}]"
#define DISRUPTED(reason) \
	",\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\",\"reason\":\"" reason \
	"\",\"lastTransitionTime\":\"2026-11-22T22:37:20Z\"}]"
#define SHUT_DOWN \
	DISRUPTED("TerminationByKubelet\",\"message\":\"Pod was terminated in response to imminent node shutdown.")
#define OWNED(kind, name) \
	",\"ownerReferences\":[{\"kind\":\"" kind "\",\"name\":\"" name "\",\"controller\":true}]"
#define HASH ",\"labels\":{\"pod-template-hash\":\"99989cd5d\"}"

static struct ds_kube_pod read_pod(const char *text)
{
	json_object *object = json_tokener_parse(text);
	struct ds_kube_pod pod;

	if (!object || ds_kube_pod_read(object, NOW, &pod))
		fail_msg("no pod: %s", text);
	json_object_put(object);
	return pod;
}

static void who_it_is(void **state)
{
	struct ds_kube_pod pod = read_pod(POD("", "", RUNNING READY));

	(void)state;
	assert_string_equal(pod.uid, UID);
	assert_string_equal(pod.name, "web-1");
	assert_string_equal(pod.namespace_, "shop");
	assert_int_equal(pod.grace_s, 30);
	assert_int_equal(pod.phase, DS_PHASE_READY);
	assert_true(!pod.t0_ns && pod.trigger == -1 && !pod.host_network);
	assert_true(pod.newest_ns == AT(3));
}

static void what_is_no_pod_is_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{\"metadata\":{}}",
		"{\"metadata\":{\"name\":\"a\"}}",
		"{\"metadata\":{\"uid\":\"a\"}}",
		"{\"metadata\":{\"name\":1,\"uid\":\"a\"}}",
		"{\"metadata\":{\"name\":\"a\",\"uid\":\"a\\u0000b\"}}",
		"{\"metadata\":{\"name\":\"a\",\"uid\":"
		"\"0123456789012345678901234567890123456789012345678901234567890123\"}}",
	};
	struct ds_kube_pod pod;

	(void)state;
	memset(&pod, 7, sizeof(pod));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_object *object = json_tokener_parse(texts[i]);

		assert_int_equal(ds_kube_pod_read(object, NOW, &pod), -EINVAL);
		json_object_put(object);
	}
	assert_int_equal(pod.uid[0], 7);
}

static void members_of_another_type_are_as_if_they_were_not_there(void **state)
{
	struct ds_kube_pod pod = read_pod("{" META(
		",\"deletionTimestamp\":5,\"labels\":[],\"ownerReferences\":{},"
		"\"annotations\":\"x\"") ",\"spec\":{\"terminationGracePeriodSeconds\":-1,\"containers\":{},"
					 "\"hostNetwork\":\"yes\"},\"status\":[1]}");

	(void)state;
	assert_true(pod.grace_s == -1 && !pod.t0_ns && !pod.host_network);
	assert_int_equal(pod.phase, DS_PHASE_NOT_READY);
	assert_string_equal(pod.prestop, "");
	assert_int_equal(read_pod("{" META("") "}").phase, DS_PHASE_NOT_READY);
}

static void a_deployment_is_known_by_its_replica_set(void **state)
{
	static const struct {
		const char *text, *owner;
		enum ds_kube_owner kind;
	} cases[] = {
		{ POD(OWNED("ReplicaSet", "web-99989cd5d") HASH, "", ""), "web",
		  DS_KUBE_OWNER_DEPLOYMENT },
		{ POD(OWNED("ReplicaSet", "web-99989cd5d"), "", ""), "web-99989cd5d",
		  DS_KUBE_OWNER_REPLICASET },
		{ POD(OWNED("ReplicaSet", "web-x99989cd5d") HASH, "", ""), "web-x99989cd5d",
		  DS_KUBE_OWNER_REPLICASET },
		{ POD(OWNED("ReplicaSet", "-99989cd5d") HASH, "", ""), "-99989cd5d",
		  DS_KUBE_OWNER_REPLICASET },
		{ POD(OWNED("StatefulSet", "db") HASH, "", ""), "db", DS_KUBE_OWNER_STATEFULSET },
		{ POD(OWNED("DaemonSet", "agent"), "", ""), "agent", DS_KUBE_OWNER_DAEMONSET },
		{ POD(OWNED("Job", "once"), "", ""), "once", DS_KUBE_OWNER_JOB },
		{ POD(OWNED("Node", "n"), "", ""), "", DS_KUBE_OWNER_NONE },
		{ POD(",\"ownerReferences\":[{\"kind\":\"Job\",\"name\":\"a\"}]", "", ""), "",
		  DS_KUBE_OWNER_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_kube_pod pod = read_pod(cases[i].text);

		assert_string_equal(pod.owner, cases[i].owner);
		assert_int_equal(pod.owner_kind, cases[i].kind);
	}
}

/* The kubelet names a static pod's cgroup by the hash, the API its copy by another UID. */
static void a_static_pod_has_the_uid_of_its_cgroup(void **state)
{
#define CONFIG "\"kubernetes.io/config.hash\":\"0123456789abcdef0123456789abcdef\""
	(void)state;
	assert_string_equal(
		read_pod(POD(",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"," CONFIG "}",
			     "", ""))
			.uid,
		"0123456789abcdef0123456789abcdef");
	assert_string_equal(read_pod(POD(",\"annotations\":{" CONFIG "}", "", "")).uid, UID);
	assert_string_equal(
		read_pod(POD(",\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}", "", ""))
			.uid,
		UID);
}

static void addresses_of_both_families(void **state)
{
	(void)state;
	assert_string_equal(read_pod(POD("", "",
					 "\"podIP\":\"10.0.0.1\",\"podIPs\":[{\"ip\":\"10.0.0.1\"},"
					 "{\"ip\":\"fd00::0:1\"}]"))
				    .addresses,
			    "10.0.0.1,fd00::1");
	assert_string_equal(read_pod(POD("", "", "\"podIP\":\"10.0.0.1\"")).addresses, "10.0.0.1");
	assert_string_equal(
		read_pod(POD("", "", "\"podIPs\":[{\"ip\":\"x\"},{},7,{\"ip\":\"\"}]")).addresses,
		"");
	assert_true(read_pod(POD("", ",\"hostNetwork\":true", "")).host_network);
}

static void tcp_ports_of_containers_and_sidecars(void **state)
{
	struct ds_kube_pod pod = read_pod(POD(
		"",
		",\"containers\":[{\"ports\":[{\"containerPort\":8080},"
		"{\"containerPort\":53,\"protocol\":\"UDP\"},{\"containerPort\":9090,\"protocol\":\"TCP\"}]},"
		"{\"ports\":[{\"containerPort\":0},{\"containerPort\":65536},{\"containerPort\":\"http\"}]}],"
		"\"initContainers\":[{\"ports\":[{\"containerPort\":1}]},"
		"{\"restartPolicy\":\"Always\",\"ports\":[{\"containerPort\":15001}]}]",
		""));

	(void)state;
	assert_string_equal(pod.ports, "15001,8080,9090");
}

static void phases(void **state)
{
	(void)state;
	assert_int_equal(read_pod(POD("", "", "\"phase\":\"Pending\"")).phase, DS_PHASE_PENDING);
	assert_int_equal(read_pod(POD("", "", RUNNING)).phase, DS_PHASE_NOT_READY);
	assert_int_equal(read_pod(POD("", "", RUNNING READY)).phase, DS_PHASE_READY);
	assert_int_equal(read_pod(POD(DELETING("37:54", "30"), "", RUNNING READY)).phase,
			 DS_PHASE_TERMINATING);
	assert_int_equal(read_pod(POD(DELETING("37:54", "30"), "", "\"phase\":\"Pending\"")).phase,
			 DS_PHASE_TERMINATING);
	assert_int_equal(read_pod(POD("", "", "\"phase\":\"Succeeded\"")).phase, DS_PHASE_DELETED);
	assert_int_equal(read_pod(POD("", "", "\"phase\":\"Failed\"")).phase, DS_PHASE_DELETED);
	/* Older kubelets say so while its containers still run. */
	assert_int_equal(
		read_pod(
			POD("", "",
			    "\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{\"terminated\":{}}},"
			    "{\"state\":{\"running\":{}}}]"))
			.phase,
		DS_PHASE_NOT_READY);
}

static void t0_is_the_request_and_not_its_deadline(void **state)
{
	struct ds_kube_pod pod = read_pod(POD(DELETING("37:54", "30"), "", RUNNING));

	(void)state;
	assert_true(pod.t0_ns == AT(24));
	assert_true(pod.t0_error_ns == DS_NS_PER_S);
	assert_int_equal(pod.t0_source, DS_T0_SOURCE_DELETION_TIMESTAMP);
	assert_int_equal(pod.trigger, DS_TRIGGER_DELETION);
	assert_true(pod.newest_ns == AT(24));
	pod = read_pod(
		POD(DELETING("37:29", "5"), "", RUNNING)); /* kubectl delete --grace-period=5 */
	assert_true(pod.t0_ns == AT(24));
	assert_int_equal(pod.grace_s, 5);
	/* The last update: computed anew, a second late (reference/real-run). */
	pod = read_pod(POD(DELETING("37:25", "0"), "", RUNNING));
	assert_true(pod.t0_ns == AT(24));
	assert_true(pod.t0_error_ns == 2 * DS_NS_PER_S);
	assert_int_equal(pod.grace_s, 30);
}

static void triggers(void **state)
{
	static const struct {
		const char *status;
		enum ds_trigger trigger;
		enum ds_t0_source source;
		int64_t t0_ns;
	} cases[] = {
		{ RUNNING ",\"reason\":\"Evicted\"" DISRUPTED("TerminationByKubelet"), DS_TRIGGER_EVICTION,
		  DS_T0_SOURCE_STATUS_REASON, AT(20) },
		{ RUNNING ",\"reason\":\"Terminated\"" DISRUPTED("TerminationByKubelet"), DS_TRIGGER_NODE_SHUTDOWN,
		  DS_T0_SOURCE_STATUS_REASON, AT(20) },
		{ RUNNING ",\"reason\":\"NodeShutdown\"", DS_TRIGGER_NODE_SHUTDOWN, DS_T0_SOURCE_STATUS_REASON,
		  NOW - DS_NS_PER_S },
		{ RUNNING ",\"reason\":\"Preempting\"" DISRUPTED("TerminationByKubelet"), DS_TRIGGER_PREEMPTION,
		  DS_T0_SOURCE_STATUS_REASON, AT(20) },
		{ RUNNING DISRUPTED("TerminationByKubelet"), DS_TRIGGER_EVICTION, DS_T0_SOURCE_STATUS_REASON, AT(20) },
	}, deleted[] = {
		{ RUNNING DISRUPTED("EvictionByEvictionAPI"), DS_TRIGGER_EVICTION, 0, 0 },
		{ RUNNING DISRUPTED("PreemptionByScheduler"), DS_TRIGGER_PREEMPTION, 0, 0 },
		{ RUNNING DISRUPTED("DeletionByTaintManager"), DS_TRIGGER_EVICTION, 0, 0 },
		{ RUNNING DISRUPTED("DeletionByPodGC"), DS_TRIGGER_DELETION, 0, 0 },
		{ RUNNING READY, DS_TRIGGER_DELETION, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2048];
		struct ds_kube_pod pod;

		(void)snprintf(text, sizeof(text), POD("", "", "%s"), cases[i].status);
		pod = read_pod(text);
		assert_int_equal(pod.trigger, cases[i].trigger);
		assert_int_equal(pod.t0_source, cases[i].source);
		assert_true(pod.t0_ns == cases[i].t0_ns);
		assert_int_equal(pod.phase, DS_PHASE_NOT_READY); /* nobody asked for its deletion */
		(void)snprintf(text, sizeof(text), POD(DELETING("37:54", "30"), "", "%s"),
			       deleted[i].status);
		pod = read_pod(text);
		assert_int_equal(pod.trigger, deleted[i].trigger);
		assert_true(pod.t0_ns == AT(24));
	}
	/* Its containers ended well: Succeeded, no reason; words say why (seen with 1.36). */
	assert_int_equal(read_pod(POD("", "", "\"phase\":\"Succeeded\"" SHUT_DOWN)).trigger,
			 DS_TRIGGER_NODE_SHUTDOWN);
	/* A condition that was and is not: the pod stays. */
	assert_true(
		!read_pod(
			 POD("", "",
			     RUNNING
			     ",\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"False\","
			     "\"reason\":\"TerminationByKubelet\"}]"))
			 .t0_ns);
	assert_true(!read_pod(POD("", "", RUNNING ",\"reason\":\"OutOfcpu\"")).t0_ns);
	/* The scheduler means to, and has not asked for the deletion yet. */
	assert_true(!read_pod(POD("", "", RUNNING DISRUPTED("PreemptionByScheduler"))).t0_ns);
}

static void the_first_t0_stays(void **state)
{
	struct ds_kube_pod before = read_pod(
		POD(DELETING("37:29", "5"), "", RUNNING DISRUPTED("EvictionByEvictionAPI")));
	struct ds_kube_pod pod =
		read_pod(POD(DELETING("37:25", "0"), "", "\"phase\":\"Succeeded\""));
	struct ds_kube_pod ready = read_pod(POD("", "", RUNNING READY));

	(void)state;
	ds_kube_pod_keep_t0(&pod, &before);
	assert_true(pod.t0_ns == AT(24) && pod.t0_error_ns == DS_NS_PER_S);
	assert_int_equal(pod.grace_s, 5);
	assert_int_equal(pod.trigger, DS_TRIGGER_EVICTION);
	assert_int_equal(pod.phase, DS_PHASE_DELETED);
	ds_kube_pod_keep_t0(&before, &ready); /* nothing to keep */
	assert_true(before.t0_ns == AT(24));
}

static void the_same_but_for_stamps(void **state)
{
	struct ds_kube_pod a = read_pod(POD("", "", RUNNING READY)), b = a;

	(void)state;
	b.newest_ns++;
	assert_true(ds_kube_pod_digest(&a) == ds_kube_pod_digest(&b));
	b.host_network = true;
	assert_true(ds_kube_pod_digest(&a) != ds_kube_pod_digest(&b));
}

static void an_object_that_is_gone(void **state)
{
	struct ds_kube_pod pod = read_pod(POD("", "", RUNNING READY));

	(void)state;
	ds_kube_pod_gone(&pod, NOW, false); /* by force: nothing was told before */
	assert_int_equal(pod.phase, DS_PHASE_DELETED);
	assert_true(pod.t0_ns == NOW - DS_NS_PER_S && pod.t0_error_ns == DS_NS_PER_S);
	assert_int_equal(pod.trigger, DS_TRIGGER_DELETION);
	pod = read_pod(POD("", "", RUNNING READY));
	ds_kube_pod_gone(&pod, NOW, true);
	assert_true(pod.phase == DS_PHASE_DELETED && !pod.t0_ns);
	pod = read_pod(POD("", "", "\"phase\":\"Succeeded\""));
	ds_kube_pod_gone(&pod, NOW, false); /* it had ended by itself */
	assert_true(!pod.t0_ns);
	pod = read_pod(POD(DELETING("37:54", "30"), "", RUNNING));
	ds_kube_pod_gone(&pod, NOW, false);
	assert_true(pod.t0_ns == AT(24));
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void containers_by_name_and_id(void **state)
{
	struct ds_kube_pod pod = read_pod(POD("", "",
		"\"containerStatuses\":[{\"name\":\"web\",\"containerID\":\"containerd://" ID "\"},"
		"{\"name\":\"proxy\",\"containerID\":\"cri-o://fedcba9876543210\"},"
		"{\"name\":\"not-yet\"},{\"name\":\"not-yet\",\"containerID\":\"\"},"
		"{\"containerID\":\"containerd://" ID "\"},"
		"{\"name\":\"short\",\"containerID\":\"containerd://0123\"},"
		"{\"name\":\"odd\",\"containerID\":\"containerd://0123456789ab=,\"},"
		"{\"name\":\"o=d\",\"containerID\":\"containerd://" ID "\"}],"
		"\"initContainerStatuses\":[{\"name\":\"mesh\",\"containerID\":\"docker://" ID "\"}]"));

	(void)state;
	assert_string_equal(pod.containers, "web=0123456789ab,proxy=fedcba987654,mesh=0123456789ab");
}

static void what_its_readiness_waits_for(void **state)
{
	struct ds_kube_pod pod = read_pod(
		POD("", ",\"containers\":[{\"readinessProbe\":{\"periodSeconds\":3}}],\"readinessGates\":["
			"{\"conditionType\":\"target-health.elbv2.k8s.aws/web\"}]", RUNNING));
	struct ds_event ev;

	(void)state;
	ds_kube_pod_event(&pod, NULL, NOW, &ev);
	assert_string_equal(ev.pod_probes, "readiness:3");
	assert_string_equal(ev.pod_gates, "web");
	assert_false(ds_event_has(&ev, DS_KEY_POD_CONTAINERS));
}

static void the_event_says_it_all(void **state)
{
	struct ds_kube_pod pod = read_pod(
		POD(DELETING("37:54", "30") OWNED("ReplicaSet", "web-99989cd5d") HASH,
		    ",\"hostNetwork\":true,\"containers\":[{\"ports\":[{\"containerPort\":80}]}]",
		    "\"reason\":\"Evicted\",\"podIP\":\"10.0.0.1\"," RUNNING));
	struct ds_event ev;

	(void)state;
	ds_kube_pod_event(&pod, "node-1", NOW, &ev);
	assert_int_equal(ev.kind, DS_EVENT_POD_STATE);
	assert_true(ev.time_ns == NOW);
	assert_string_equal(ev.node, "node-1");
	assert_string_equal(ev.pod_uid, UID);
	assert_string_equal(ev.pod_name, "web-1");
	assert_string_equal(ev.pod_namespace, "shop");
	assert_string_equal(ev.deployment, "web");
	assert_string_equal(ev.pod_addresses, "10.0.0.1");
	assert_string_equal(ev.pod_ports, "80");
	assert_int_equal(ev.phase, DS_PHASE_TERMINATING);
	assert_true(ds_event_has(&ev, DS_KEY_T0) && ev.t0 == AT(24));
	assert_true(ds_event_has(&ev, DS_KEY_T0_ERROR) && ds_event_has(&ev, DS_KEY_T0_SOURCE));
	assert_int_equal(ev.trigger, DS_TRIGGER_EVICTION);
	assert_int_equal(ev.grace_period_s, 30);
	assert_string_equal(ev.prestop, "none");
	assert_true(ev.host_network);
	assert_string_equal(ev.status_reason, "Evicted");
	pod = read_pod("{" META("") "}");
	ds_kube_pod_event(&pod, NULL, NOW, &ev);
	assert_false(ds_event_has(&ev, DS_KEY_NODE) || ds_event_has(&ev, DS_KEY_T0) ||
		     ds_event_has(&ev, DS_KEY_TRIGGER) || ds_event_has(&ev, DS_KEY_GRACE_PERIOD) ||
		     ds_event_has(&ev, DS_KEY_HOST_NETWORK) ||
		     ds_event_has(&ev, DS_KEY_DEPLOYMENT) ||
		     ds_event_has(&ev, DS_KEY_POD_ADDRESSES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_it_is),
		cmocka_unit_test(what_is_no_pod_is_refused),
		cmocka_unit_test(members_of_another_type_are_as_if_they_were_not_there),
		cmocka_unit_test(a_deployment_is_known_by_its_replica_set),
		cmocka_unit_test(a_static_pod_has_the_uid_of_its_cgroup),
		cmocka_unit_test(addresses_of_both_families),
		cmocka_unit_test(tcp_ports_of_containers_and_sidecars),
		cmocka_unit_test(phases),
		cmocka_unit_test(t0_is_the_request_and_not_its_deadline),
		cmocka_unit_test(triggers),
		cmocka_unit_test(the_first_t0_stays),
		cmocka_unit_test(the_same_but_for_stamps),
		cmocka_unit_test(an_object_that_is_gone),
		cmocka_unit_test(containers_by_name_and_id),
		cmocka_unit_test(what_its_readiness_waits_for),
		cmocka_unit_test(the_event_says_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
