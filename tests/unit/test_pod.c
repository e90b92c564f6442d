// SPDX-License-Identifier: Apache-2.0
#include "user/core/pod.h"

#include <string.h>

#include "tests/unit/core_fixture.h"

static void uid_is_read_from_every_kubelet_naming(void **state)
{
	static const char want[] = "0d5f21a9-4c6e-4a36-9b39-000000000001";
	static const char *const paths[] = {
		"kubepods.slice/kubepods-pod0d5f21a9_4c6e_4a36_9b39_000000000001.slice",
		"kubepods.slice/kubepods-burstable.slice/"
		"kubepods-burstable-pod0d5f21a9_4c6e_4a36_9b39_000000000001.slice/cri-containerd-aa.scope",
		"kubepods/besteffort/pod0d5f21a9-4c6e-4a36-9b39-000000000001/aa",
		"pod0d5f21a9-4c6e-4a36-9b39-000000000001",
		/* A folder named with "pod" before the right one must not hide it. */
		"podman/pods/kubepods/pod0d5f21a9-4c6e-4a36-9b39-000000000001",
	};
	char uid[DS_POD_UID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_true(ds_cgroup_pod_uid(paths[i], uid));
		assert_string_equal(uid, want);
	}
}

static void uid_of_a_static_pod_is_its_hash(void **state)
{
	char uid[DS_POD_UID_LEN + 1];

	(void)state;
	assert_true(ds_cgroup_pod_uid("kubepods/pod0123456789abcdef0123456789abcdef/x", uid));
	assert_string_equal(uid, "0123456789abcdef0123456789abcdef");
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "0d5f21a9-4c6e-4a36-9b39-000000000001"
#define UID_ "0d5f21a9_4c6e_4a36_9b39_000000000001"
#define STATIC "0123456789abcdef0123456789abcdef"

/* Every driver, runtime and nesting of facts/aws-and-kubernetes.md, section 5. */
static void pod_and_container_of_every_naming(void **state)
{
	static const struct { const char *path, *uid; } cases[] = {
		/* systemd driver: containerd, CRI-O, docker; the three QoS classes */
		{ "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UID_
		  ".slice/cri-containerd-" ID ".scope", UID },
		{ "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" UID_
		  ".slice/crio-" ID ".scope", UID },
		{ "kubepods.slice/kubepods-pod" UID_ ".slice/docker-" ID ".scope", UID },
		/* CRI-O 1.27 and later: the container in a folder below its scope */
		{ "kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope/container", UID },
		/* cgroupfs driver */
		{ "kubepods/burstable/pod" UID "/" ID, UID },
		{ "kubepods/besteffort/pod" UID "/crio-" ID, UID },
		{ "kubepods/pod" UID "/" ID, UID },
		/* a --cgroup-root, and kind's nesting */
		{ "my.slice/kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID ".scope", UID },
		{ "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/"
		  "kubelet-kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID ".scope", UID },
		{ "docker-" STATIC STATIC ".scope/kubelet/kubepods/pod" UID "/" ID, UID },
		/* static pods: the hash of their file */
		{ "kubepods/burstable/pod" STATIC "/" ID, STATIC },
		{ "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" STATIC
		  ".slice/cri-containerd-" ID ".scope", STATIC },
		/* systemd inside the container */
		{ "kubepods/pod" UID "/" ID "/init.scope", UID },
		{ "kubepods.slice/kubepods-pod" UID_ ".slice/cri-containerd-" ID
		  ".scope/system.slice/sshd.service", UID },
	};
	char uid[DS_POD_UID_LEN + 1], id[DS_POD_ID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(ds_cgroup_pod_uid(cases[i].path, uid));
		assert_string_equal(uid, cases[i].uid);
		assert_true(ds_cgroup_container(cases[i].path, id));
		assert_string_equal(id, ID);
	}
}

static void a_container_of_another_name_stands_for_itself(void **state)
{
	char id[DS_POD_ID_LEN + 1];

	(void)state;
	assert_true(ds_cgroup_container("kubepods/pod" UID "/web.scope/x", id));
	assert_string_equal(id, "web");
	assert_true(ds_cgroup_container("kubepods/pod" UID "/" ID "0", id));	/* cut to the bound */
	assert_string_equal(id, ID);
	assert_true(ds_cgroup_container("kubepods/pod" UID, id));
	assert_string_equal(id, "");
	assert_true(ds_cgroup_container("kubepods/pod" UID "/", id));
	assert_string_equal(id, "");
	assert_true(ds_cgroup_container("", id));
	assert_string_equal(id, "");
	assert_false(ds_cgroup_container("kubepods/pod" UID "/crio-conmon-" ID ".scope", id));
	assert_false(ds_cgroup_container("kubepods/pod" UID "/crio-conmon-", id));
}

static void a_container_by_the_name_that_kubernetes_has_for_it(void **state)
{
	static char list[] = "web=0123456789ab,proxy=fedcba987654,=0123,bad,a=b,empty=,"
			     "a-name-of-64-characters-is-longer-than-kubernetes-would-have-it-be=77";
	struct ds_pod pod = { .containers_named = list };
	char name[DS_POD_TEXT_LEN + 1];

	(void)state;
	assert_true(ds_pod_container_name(&pod, ID, name));
	assert_string_equal(name, "web");
	assert_true(ds_pod_container_name(&pod, "fedcba987654ffff", name));
	assert_string_equal(name, "proxy");
	assert_false(ds_pod_container_name(&pod, "fedcba98765", name));	/* less than was told */
	assert_string_equal(name, "");
	assert_false(ds_pod_container_name(&pod, "", name));
	assert_false(ds_pod_container_name(&pod, "77", name));
	assert_true(ds_pod_container_name(&pod, "bcd", name));
	assert_string_equal(name, "a");
	pod.containers_named = NULL;
	assert_false(ds_pod_container_name(&pod, ID, name));
}

static void other_cgroups_name_no_pod(void **state)
{
	static const char *const paths[] = {
		"", "system.slice/sshd.service", "kubepods.slice", "pod", "podabc",
		"xpod0d5f21a9-4c6e-4a36-9b39-000000000001",		/* not at a border */
		"pod0d5f21a9-4c6e-4a36-9b39-00000000000",		/* one short */
		"pod0d5f21a9-4c6e-4a36-9b39-0000000000011",		/* one long */
		"pod0d5f21a9-4c6e-4a36-9b39-000000000001x",
		"podZd5f21a9-4c6e-4a36-9b39-000000000001",
	};
	char uid[DS_POD_UID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(ds_cgroup_pod_uid(paths[i], uid));
}

static void prestop_seconds(void **state)
{
	static const struct { const char *text; int64_t want;
	} cases[] = {
		{ "none", 0 },      { "sleep:40", 40 },  { "sleep:0", 0 },
		{ "exec", -1 },     { "http", -1 },      { "", -1 },
		{ "sleep:4x", -1 }, { "sleep:1.5", -1 }, { "sleep:99999999999999999999", -1 },
	};
	struct ds_pod pod = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(pod.prestop, cases[i].text);
		assert_int_equal(ds_pod_prestop_s(&pod), cases[i].want);
	}
}

static void the_listener_of_a_port_is_the_open_one_of_either_family(void **state)
{
	struct ds_pod pod = { .listeners_cnt = 3, .listeners = {
		{ .port = 80, .family = 4, .opened_ns = 9 },
		{ .port = 80, .family = 6, .opened_ns = 5, .open = true },
		{ .port = 81, .family = 4, .opened_ns = 7 },
	} };

	(void)state;
	assert_int_equal(ds_pod_listener_of(&pod, 80)->family, 6);
	pod.listeners[1].open = false;
	assert_int_equal(ds_pod_listener_of(&pod, 80)->family, 4);	/* opened last */
	assert_null(ds_pod_listener_of(&pod, 82));
}

static void a_port_is_told_or_listened_on(void **state)
{
	struct ds_pod pod = { .ports = { 8080 }, .ports_cnt = 1, .listeners_cnt = 1,
			      .listeners = { { .port = 9090 } } };

	(void)state;
	assert_true(ds_pod_has_port(&pod, 8080));
	assert_true(ds_pod_has_port(&pod, 9090));
	assert_false(ds_pod_has_port(&pod, 80));
}

static void going_counts_from_t0_on(void **state)
{
	struct ds_pod pod = { 0 };

	(void)state;
	assert_false(ds_pod_was_going(&pod, 100));
	pod.t0_ns = 50;
	assert_false(ds_pod_was_going(&pod, 49));
	assert_true(ds_pod_was_going(&pod, 50));
}

static void ended_by_kubernetes_or_by_processes_and_address(void **state)
{
	struct ds_pod pod = { .exited_ns = 30, .sigterm_ns = 10 };

	(void)state;
	assert_int_equal(ds_pod_ended_ns(&pod), 0); /* its address is still its own */
	pod.released_ns = 40;
	assert_int_equal(ds_pod_ended_ns(&pod), 40);
	pod.exited_ns = 0;
	assert_int_equal(ds_pod_ended_ns(&pod), 0); /* SIGTERM was seen, no exit yet */
	pod.sigterm_ns = 0;
	assert_int_equal(ds_pod_ended_ns(&pod), 40);		/* no process was ever seen */
	pod.deleted_ns = 35;
	assert_int_equal(ds_pod_ended_ns(&pod), 35);
}

static void described_by_its_owner(void **state)
{
	static const enum ds_key keys[DS_OWNER_MAX] = {
		[DS_OWNER_DEPLOYMENT] = DS_KEY_DEPLOYMENT,
		[DS_OWNER_STATEFULSET] = DS_KEY_STATEFULSET,
		[DS_OWNER_DAEMONSET] = DS_KEY_DAEMONSET,
		[DS_OWNER_REPLICASET] = DS_KEY_REPLICASET,
		[DS_OWNER_JOB] = DS_KEY_JOB,
	};

	(void)state;
	for (int kind = DS_OWNER_NONE; kind < DS_OWNER_MAX; kind++) {
		struct ds_pod pod = { .name = "web-1",
				      .owner = "web",
				      .owner_kind = (enum ds_owner_kind)kind };
		struct ds_event ev;

		ds_event_init(&ev, DS_EVENT_DROP, FX_BEGIN);
		ds_pod_describe(&pod, &ev);
		assert_string_equal(ev.pod_name, "web-1");
		assert_false(ds_event_has(&ev, DS_KEY_POD_IP));
		for (int k = DS_OWNER_DEPLOYMENT; k < DS_OWNER_MAX; k++)
			assert_int_equal(ds_event_has(&ev, keys[k]), k == kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uid_is_read_from_every_kubelet_naming),
		cmocka_unit_test(uid_of_a_static_pod_is_its_hash),
		cmocka_unit_test(pod_and_container_of_every_naming),
		cmocka_unit_test(a_container_of_another_name_stands_for_itself),
		cmocka_unit_test(a_container_by_the_name_that_kubernetes_has_for_it),
		cmocka_unit_test(other_cgroups_name_no_pod),
		cmocka_unit_test(prestop_seconds),
		cmocka_unit_test(the_listener_of_a_port_is_the_open_one_of_either_family),
		cmocka_unit_test(a_port_is_told_or_listened_on),
		cmocka_unit_test(going_counts_from_t0_on),
		cmocka_unit_test(ended_by_kubernetes_or_by_processes_and_address),
		cmocka_unit_test(described_by_its_owner),
	};

	return cmocka_run_group_tests_name("pod", tests, NULL, NULL);
}
