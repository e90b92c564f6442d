// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static const struct ds_event *phase(struct fixture *f, int i)
{
	return fx_nth(f, DS_EVENT_PHASE, i);
}

/* SIGKILL to a container's first process, or the OOM killer's choice of one of its processes. */
static void kill_it(struct fixture *f, int64_t ms, int n, enum ds_process_change change, int source,
		    bool init)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(ms));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SIGNAL_GENERATE);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(n, 1));
	DS_SET(&ev, PROCESS_CHANGE, process_change, change);
	DS_SET(&ev, IS_INIT, is_init, init);
	if (source >= 0)
		DS_SET(&ev, SIGNAL_SOURCE, signal_source, source);
	ds_core_feed(f->core, &ev);
}

static void sigkill(struct fixture *f, int64_t ms, int n, int source)
{
	kill_it(f, ms, n, DS_PROCESS_CHANGE_SIGKILL, source, true);
}

static int last_killed_by(struct fixture *f)
{
	const struct ds_event *ev = phase(f, fx_count(f, DS_EVENT_PHASE) - 1);

	assert_int_equal(ev->phase, DS_PHASE_SIGKILL);
	return ds_event_has(ev, DS_KEY_KILLED_BY) ? ev->killed_by : -1;
}

static void with_grace(struct fixture *f, int64_t ms, int n, enum ds_phase phase, int64_t grace_s)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET(&ev, PHASE, phase, phase);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, grace_s);
	if (phase == DS_PHASE_TERMINATING)
		DS_SET(&ev, T0, t0, fx_at(ms));
	ds_core_feed(f->core, &ev);
}

/* ---- milestones ---- */

static void only_a_containers_first_process_is_a_milestone(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_pod(f, 0, 1);
	ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(1000));
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(1, 1));
	DS_SET(&ev, PROCESS_CHANGE, process_change, DS_PROCESS_CHANGE_EXITED);
	DS_SET(&ev, IS_INIT, is_init, false);
	ds_core_feed(f->core, &ev);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 1);
	assert_true(pod_of(f, 1)->exited_ns == 0);
}

/* On a real node runc's first step ends in the node's namespace, its second in the pod's. */
static void what_runc_does_before_is_not_the_containers(void **state)
{
	static const struct { const char *name; uint64_t netns; } steps[] = {
		{ "runc:[0:PARENT]", 1000 }, { "runc:[1:CHILD]", 2000 }, { "runc:[2:INIT]", 2000 },
		{ "nginx", 2000 },
	};
	struct fixture *f = *state;
	struct ds_event ev;

	fx_pod(f, 0, 1);
	for (int i = 0; i < 4; i++) {
		assert_true(pod_of(f, 1)->netns == 0);
		assert_int_equal(fx_count(f, DS_EVENT_PHASE), 1);
		ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(1000 + i));
		DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(1, 1));
		DS_SET_STR(&ev, EXECUTABLE, executable, steps[i].name);
		DS_SET(&ev, PROCESS_CHANGE, process_change, DS_PROCESS_CHANGE_EXITED);
		DS_SET(&ev, IS_INIT, is_init, true);
		DS_SET(&ev, NETNS, netns, steps[i].netns);
		ds_core_feed(f->core, &ev);
	}
	assert_true(pod_of(f, 1)->netns == 2000);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 2);
}

static void what_ended_the_processes(void **state)
{
	static const struct { int64_t code; int by; } cases[] = {
		{ 0, DS_ENDED_BY_EXIT }, { 1, DS_ENDED_BY_EXIT }, { 143, DS_ENDED_BY_SIGTERM },
		{ 137, DS_ENDED_BY_SIGKILL },
	};
	struct fixture *f = *state;

	for (int i = 0; i < 4; i++) {
		fx_pod(f, 0, 1 + i);
		fx_process(f, 1000, 1 + i, 1, DS_PROCESS_CHANGE_EXITED, cases[i].code);
		assert_int_equal(pod_of(f, 1 + i)->ended_by, cases[i].by);
	}
	/* The harder end of several containers counts, whatever their order. */
	fx_process(f, 1100, 4, 2, DS_PROCESS_CHANGE_EXITED, 0);
	assert_int_equal(pod_of(f, 4)->ended_by, DS_ENDED_BY_SIGKILL);
	fx_process(f, 1100, 1, 2, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_SIGKILL);
}

static void sigterm_ignored_and_sigkill_are_milestones(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_SIGTERM_IGNORED, 0);
	fx_process(f, 31000, 1, 1, DS_PROCESS_CHANGE_SIGKILL, 0);
	assert_true(pod_of(f, 1)->sigterm_ignored);
	assert_true(pod_of(f, 1)->sigterm_ns == fx_at(1000));
	assert_true(pod_of(f, 1)->sigkill_ns == fx_at(31000));
	assert_int_equal(phase(f, 1)->phase, DS_PHASE_SIGTERM_IGNORED);
	assert_int_equal(phase(f, 2)->phase, DS_PHASE_SIGKILL);
}

static void containers_are_told_apart_by_their_id(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 1001, 1, 2, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 1002, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);	/* again */
	assert_int_equal(pod_of(f, 1)->containers_cnt, 2);
	assert_true(pod_of(f, 1)->containers[0].sigterm_ns == fx_at(1000));
	assert_true(pod_of(f, 1)->sigterm_ns == fx_at(1000));
}

/* Each restart is a container of its own: the last one must still be measured. */
static void a_container_that_restarts_for_ever_is_still_measured(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	for (int c = 0; c < 40; c++)
		fx_process(f, 1000 + c, 1, c, DS_PROCESS_CHANGE_EXITED, 1);
	fx_terminating(f, 50000, 1);
	fx_process(f, 51000, 1, 99, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 54000, 1, 99, DS_PROCESS_CHANGE_EXITED, 0);
	assert_int_equal(pod_of(f, 1)->containers_cnt, DS_POD_CONTAINERS_MAX);
	assert_true(ds_pod_slowest_exit(pod_of(f, 1)) == 3 * DS_NS_PER_S);
}

static void a_process_of_no_known_pod_is_nobodys(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 1000, 9, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 1);
}

static void the_sandboxs_own_process_is_no_container(void **state)
{
	static const enum ds_process_change changes[] = {
		DS_PROCESS_CHANGE_SIGTERM, DS_PROCESS_CHANGE_SIGKILL, DS_PROCESS_CHANGE_EXITED,
		DS_PROCESS_CHANGE_OOM_KILLED,
	};
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_EXITED, 1);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct ds_event ev;

		ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(2000));
		DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(1, 2));
		DS_SET(&ev, PROCESS_CHANGE, process_change, changes[i]);
		DS_SET(&ev, IS_INIT, is_init, true);
		DS_SET(&ev, EXIT_CODE, exit_code, 137);
		DS_SET_STR(&ev, EXECUTABLE, executable, "pause");
		ds_core_feed(f->core, &ev);
	}
	/* The runtime ends it by SIGKILL, after the containers: that is not how the pod ended. */
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 2);
	assert_int_equal(pod_of(f, 1)->containers_cnt, 1);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_EXIT);
	assert_true(pod_of(f, 1)->exited_ns == fx_at(1000));
	assert_true(pod_of(f, 1)->sigkill_ns == 0);
}

static void the_runtimes_monitor_is_no_container(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	fx_pod(f, 0, 1);
	ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(1000));
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path,
		   "kubepods.slice/kubepods-pod0d5f21a9_4c6e_4a36_9b39_000000000001.slice/"
		   "crio-conmon-0000000000000000000000000000000000000000000000000000000000000001.scope");
	DS_SET(&ev, PROCESS_CHANGE, process_change, DS_PROCESS_CHANGE_EXITED);
	DS_SET(&ev, IS_INIT, is_init, true);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->containers_cnt, 0);
	assert_true(pod_of(f, 1)->exited_ns == 0);
}

/* An init container: nothing has served yet, and the pod goes on. */
static void an_end_before_anything_served_is_no_restart(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 1000, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	assert_true(pod_of(f, 1)->exited_ns == 0);
	assert_int_equal(phase(f, 1)->phase, DS_PHASE_EXITED);	/* it is told all the same */
	fx_listener(f, 2000, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_process(f, 3000, 1, 2, DS_PROCESS_CHANGE_EXITED, 0);
	assert_true(pod_of(f, 1)->exited_ns == fx_at(3000));
	/* One that failed, or was told to end, or ends with the pod, is an end. */
	fx_pod(f, 0, 2);
	fx_process(f, 1000, 2, 1, DS_PROCESS_CHANGE_EXITED, 1);
	assert_true(pod_of(f, 2)->exited_ns == fx_at(1000));
	fx_pod(f, 0, 3);
	fx_process(f, 900, 3, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 1000, 3, 1, DS_PROCESS_CHANGE_EXITED, 0);
	assert_true(pod_of(f, 3)->exited_ns == fx_at(1000));
	fx_pod(f, 0, 4);
	fx_terminating(f, 900, 4);
	fx_process(f, 1000, 4, 1, DS_PROCESS_CHANGE_EXITED, 0);
	assert_true(pod_of(f, 4)->exited_ns == fx_at(1000));
}

/* ---- who sent SIGKILL ---- */

static void sigkill_at_the_end_of_the_grace_period(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 0, 1, DS_PHASE_READY, 30);
	with_grace(f, 10000, 1, DS_PHASE_TERMINATING, 30);
	fx_process(f, 10100, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	sigkill(f, 40100, 1, DS_SIGNAL_SOURCE_PROCESS);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_GRACE_END);
	fx_process(f, 40101, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_SIGKILL);
}

/* T0 has the API server's clock, which may go a second before the node's. */
static void the_end_of_grace_allows_for_the_clocks(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 10000, 1, DS_PHASE_TERMINATING, 30);
	sigkill(f, 39000, 1, DS_SIGNAL_SOURCE_PROCESS);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_GRACE_END);
	with_grace(f, 10000, 2, DS_PHASE_TERMINATING, 30);
	sigkill(f, 38999, 2, DS_SIGNAL_SOURCE_PROCESS);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_PROCESS);
}

static void a_runtime_may_kill_by_the_cgroup_at_the_end_of_grace(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 10000, 1, DS_PHASE_TERMINATING, 30);
	sigkill(f, 40100, 1, DS_SIGNAL_SOURCE_CGROUP_KILL);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_GRACE_END);
	fx_process(f, 40101, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_SIGKILL);
}

/* The pod's own SIGTERM is that of its end, whatever was restarted before. */
static void sigterm_of_a_restart_is_not_the_ends(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_process(f, 10000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 10500, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	fx_process(f, 20000, 1, 2, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_true(pod_of(f, 1)->sigterm_ns == fx_at(10000));
	fx_terminating(f, 30000, 1);
	fx_process(f, 30100, 1, 3, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 30200, 1, 4, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_true(pod_of(f, 1)->sigterm_ns == fx_at(30100));
	/* T0 is by another clock. */
	fx_pod(f, 0, 2);
	fx_process(f, 29000, 2, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_terminating(f, 30000, 2);
	fx_process(f, 30100, 2, 2, DS_PROCESS_CHANGE_SIGTERM, 0);
	assert_true(pod_of(f, 2)->sigterm_ns == fx_at(29000));
}

/* A container that fails its liveness probe is restarted with the same grace. */
static void a_restart_has_its_own_grace(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 0, 1, DS_PHASE_READY, 30);
	fx_process(f, 10000, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	sigkill(f, 39901, 1, DS_SIGNAL_SOURCE_PROCESS);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_GRACE_END);
	with_grace(f, 0, 2, DS_PHASE_READY, 30);
	fx_process(f, 10000, 2, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	sigkill(f, 39899, 2, DS_SIGNAL_SOURCE_PROCESS);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_PROCESS);
}

static void without_a_grace_period_no_end_of_it_is_told(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	fx_terminating(f, 10000, 1);
	fx_process(f, 10100, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	pod_of(f, 1)->grace_s = -1;
	sigkill(f, 900000, 1, DS_SIGNAL_SOURCE_PROCESS);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_PROCESS);
}

static void cgroup_kill_before_the_end_of_grace(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 0, 1, DS_PHASE_READY, 30);
	sigkill(f, 5000, 1, DS_SIGNAL_SOURCE_CGROUP_KILL);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_CGROUP_KILL);
	fx_process(f, 5001, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_CGROUP_KILL);
}

static void every_source_of_sigkill_has_its_word(void **state)
{
	static const struct { int source, by; } cases[] = {
		{ DS_SIGNAL_SOURCE_PROCESS, DS_KILLED_BY_PROCESS },
		{ DS_SIGNAL_SOURCE_CONTAINER, DS_KILLED_BY_PROCESS },
		{ DS_SIGNAL_SOURCE_CGROUP_KILL, DS_KILLED_BY_CGROUP_KILL },
		{ DS_SIGNAL_SOURCE_NAMESPACE_END, DS_KILLED_BY_NAMESPACE_END },
		{ DS_SIGNAL_SOURCE_KERNEL, DS_KILLED_BY_KERNEL }, { -1, -1 },
	};
	struct fixture *f = *state;

	for (int i = 0; i < 6; i++) {
		with_grace(f, 0, 1 + i, DS_PHASE_READY, 30);
		sigkill(f, 5000, 1 + i, cases[i].source);
		assert_int_equal(last_killed_by(f), cases[i].by);
		fx_process(f, 5001, 1 + i, 1, DS_PROCESS_CHANGE_EXITED, 137);
		assert_int_equal(pod_of(f, 1 + i)->ended_by,
				 cases[i].by == DS_KILLED_BY_CGROUP_KILL ?
					 DS_ENDED_BY_CGROUP_KILL : DS_ENDED_BY_SIGKILL);
	}
	/* What the container does to itself, or the kernel, is not the grace period. */
	with_grace(f, 0, 9, DS_PHASE_TERMINATING, 1);
	sigkill(f, 5000, 9, DS_SIGNAL_SOURCE_CONTAINER);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_PROCESS);
	sigkill(f, 5000, 9, DS_SIGNAL_SOURCE_NAMESPACE_END);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_NAMESPACE_END);
}

/* ---- the OOM killer ---- */

static void the_oom_killer_ends_a_container(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 0, 1, DS_PHASE_TERMINATING, 1);	/* whatever the grace period says */
	kill_it(f, 5000, 1, DS_PROCESS_CHANGE_OOM_KILLED, DS_SIGNAL_SOURCE_KERNEL, true);
	assert_int_equal(last_killed_by(f), DS_KILLED_BY_OOM);
	assert_true(pod_of(f, 1)->sigkill_ns == fx_at(5000));
	fx_process(f, 5001, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_OOM_KILLED);
}

static void the_oom_of_a_worker_is_no_end(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	kill_it(f, 5000, 1, DS_PROCESS_CHANGE_OOM_KILLED, DS_SIGNAL_SOURCE_KERNEL, false);
	assert_int_equal(fx_count(f, DS_EVENT_PHASE), 1);
	assert_true(pod_of(f, 1)->sigkill_ns == 0);
	/* Long after, the container ends as it should: that was not the OOM killer. */
	fx_terminating(f, 900000, 1);
	fx_process(f, 900100, 1, 1, DS_PROCESS_CHANGE_SIGTERM, 0);
	fx_process(f, 900200, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_EXIT);
}

static void nor_does_it_hide_the_end_of_grace(void **state)
{
	struct fixture *f = *state;

	with_grace(f, 0, 1, DS_PHASE_READY, 30);
	kill_it(f, 5000, 1, DS_PROCESS_CHANGE_OOM_KILLED, DS_SIGNAL_SOURCE_KERNEL, false);
	with_grace(f, 10000, 1, DS_PHASE_TERMINATING, 30);
	sigkill(f, 40100, 1, DS_SIGNAL_SOURCE_PROCESS);
	fx_process(f, 40101, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_SIGKILL);
}

/* sh -c: the OOM killer takes the child, the shell ends with 128 + 9 by itself. */
static void a_shell_hands_on_the_oom_of_its_child(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	kill_it(f, 5000, 1, DS_PROCESS_CHANGE_OOM_KILLED, DS_SIGNAL_SOURCE_KERNEL, false);
	fx_process(f, 5001, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_OOM_KILLED);
}

static void the_oom_of_one_container_is_not_that_of_another(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	kill_it(f, 5000, 1, DS_PROCESS_CHANGE_OOM_KILLED, DS_SIGNAL_SOURCE_KERNEL, true);
	fx_process(f, 6000, 1, 2, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_SIGKILL);
	fx_process(f, 6001, 1, 1, DS_PROCESS_CHANGE_EXITED, 137);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_OOM_KILLED);	/* the harder */
}

/* SIGKILL came too late: it had ended by itself. */
static void a_status_of_its_own_is_an_exit_despite_sigkill(void **state)
{
	struct fixture *f = *state;

	fx_pod(f, 0, 1);
	sigkill(f, 5000, 1, DS_SIGNAL_SOURCE_CGROUP_KILL);
	fx_process(f, 5001, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
	assert_int_equal(pod_of(f, 1)->ended_by, DS_ENDED_BY_EXIT);
}

/* Where Kubernetes told what its containers are called, each line says so. */
static void milestones_name_their_container(void **state)
{
	struct fixture *f = *state;
	struct ds_event told = fx_pod_event(500, 1);
	const struct ds_event *ev;
	char id[DS_POD_ID_LEN + 1], list[128];

	fx_start(f);
	fx_pod(f, 0, 1);
	assert_true(ds_cgroup_container(fx_cgroup(1, 2), id));
	(void)snprintf(list, sizeof(list), "other=ffff,web=%s", id);
	DS_SET_STR(&told, POD_CONTAINERS, pod_containers, list);
	ds_core_feed(f->core, &told);
	fx_process(f, 1000, 1, 2, DS_PROCESS_CHANGE_SIGTERM, 0);
	ev = &f->out[f->out_cnt - 1];
	assert_string_equal(ev->container, id);
	assert_string_equal(ev->container_name, "web");
	assert_int_equal(ev->phase, DS_PHASE_SIGTERM);
	fx_process(f, 2000, 1, 3, DS_PROCESS_CHANGE_SIGTERM, 0);
	ev = &f->out[f->out_cnt - 1];
	assert_int_equal(ev->phase, DS_PHASE_SIGTERM);
	assert_false(ds_event_has(ev, DS_KEY_CONTAINER_NAME));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(only_a_containers_first_process_is_a_milestone),
		FX_TEST(milestones_name_their_container),
		FX_TEST(what_runc_does_before_is_not_the_containers),
		FX_TEST(what_ended_the_processes),
		FX_TEST(sigterm_ignored_and_sigkill_are_milestones),
		FX_TEST(containers_are_told_apart_by_their_id),
		FX_TEST(a_container_that_restarts_for_ever_is_still_measured),
		FX_TEST(a_process_of_no_known_pod_is_nobodys),
		FX_TEST(the_sandboxs_own_process_is_no_container),
		FX_TEST(the_runtimes_monitor_is_no_container),
		FX_TEST(an_end_before_anything_served_is_no_restart),
		FX_TEST(sigkill_at_the_end_of_the_grace_period),
		FX_TEST(the_end_of_grace_allows_for_the_clocks),
		FX_TEST(a_runtime_may_kill_by_the_cgroup_at_the_end_of_grace),
		FX_TEST(sigterm_of_a_restart_is_not_the_ends),
		FX_TEST(a_restart_has_its_own_grace),
		FX_TEST(without_a_grace_period_no_end_of_it_is_told),
		FX_TEST(cgroup_kill_before_the_end_of_grace),
		FX_TEST(every_source_of_sigkill_has_its_word),
		FX_TEST(the_oom_killer_ends_a_container),
		FX_TEST(the_oom_of_a_worker_is_no_end),
		FX_TEST(nor_does_it_hide_the_end_of_grace),
		FX_TEST(a_shell_hands_on_the_oom_of_its_child),
		FX_TEST(the_oom_of_one_container_is_not_that_of_another),
		FX_TEST(a_status_of_its_own_is_an_exit_despite_sigkill),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
