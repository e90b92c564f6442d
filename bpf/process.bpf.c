// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who ended a pod's processes: signals, ends, the OOM killer. Only tasks below kubelet's cgroup;
 * pods are told by the names of the cgroups.
 */
#include "cgroup.bpf.h"
#include "record.bpf.h"
#include "scope.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define DELIVERED 0	/* TRACE_SIGNAL_*: include/trace/events/signal.h */
#define IGNORED 1

/*
 * The container's first process: PID 1 of its pid namespace, or, where several cgroups share one
 * (shareProcessNamespace, the host's, no namespace at all), the one whose parent is in another
 * cgroup. A process that exec brought into the container is neither in the first case.
 */
static __always_inline bool is_init(const struct task_struct *task, struct kernfs_node *kn)
{
	const struct pid *pid = BPF_CORE_READ(task, thread_pid);
	const struct task_struct *reaper = NULL;
	struct pid_namespace *ns = NULL;
	unsigned int level;

	if (!pid)
		return false;
	level = BPF_CORE_READ(pid, level);
	if (level > 32)		/* MAX_PID_NS_LEVEL */
		return false;
	bpf_probe_read_kernel(&ns, sizeof(ns),
			      (const void *)pid + bpf_core_field_offset(struct pid, numbers) +
			      level * bpf_core_type_size(struct upid) +
			      bpf_core_field_offset(struct upid, ns));
	if (ns)
		reaper = BPF_CORE_READ(ns, child_reaper);
	if (reaper && ds_task_node(reaper) == kn)
		return BPF_CORE_READ(reaper, signal) == BPF_CORE_READ(task, signal);
	return ds_task_node(BPF_CORE_READ(task, group_leader, real_parent)) != kn;
}

/*
 * Makes and submits the record of a task of a pod that is not foreign: one in a namespace that is
 * reached from elsewhere is another laboratory's, or another node's. pid 0 = the task's own.
 */
static __always_inline int process_record(const struct task_struct *task, struct kernfs_node *kn,
					  __u8 change, __u32 pid, __u32 exit_code)
{
	struct ds_rec_process *r;
	__u32 netns;

	if (ds_scope(BPF_CORE_READ(task, nsproxy, net_ns), &netns) == DS_SCOPE_FOREIGN)
		return 0;
	r = ds_reserve(DS_REC_PROCESS, sizeof(*r), DS_LOST_PROCESS);
	if (!r)
		return 0;
	r->pid = pid ? pid : (__u32)BPF_CORE_READ(task, tgid);
	r->exit_code = exit_code;
	r->netns = netns;
	r->flags = is_init(task, kn) ? DS_REC_F_INIT : 0;
	r->change = change;
	r->pad = 0;
	ds_cgroup_names(&r->cgroup, kn);
	ds_submit(r);
	return 0;
}

/* (sig, info, task, group, result): result tells what became of it. */
SEC("?raw_tp/signal_generate")
int signal_generate(struct bpf_raw_tracepoint_args *ctx)
{
	const struct task_struct *task = (const struct task_struct *)ctx->args[2];
	int sig = (int)ctx->args[0], result = (int)ctx->args[4];
	struct kernfs_node *kn;
	__u8 change;

	if ((sig != SIGTERM && sig != SIGKILL) || (result != DELIVERED && result != IGNORED))
		return 0;
	kn = ds_task_node(task);
	if (!ds_in_kubepods(kn))
		return 0;
	if (result == IGNORED) {
		if (sig != SIGTERM || !is_init(task, kn))
			return 0;
		change = DS_REC_PROCESS_SIGTERM_IGNORED;
	} else {
		change = sig == SIGTERM ? DS_REC_PROCESS_SIGTERM : DS_REC_PROCESS_SIGKILL;
	}
	return process_record(task, kn, change, 0, 0);
}

/* (task), with 6.18 (task, group_dead). */
SEC("?raw_tp/sched_process_exit")
int process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	const struct task_struct *task = (const struct task_struct *)ctx->args[0];
	struct kernfs_node *kn;
	__u32 code;

	/* Only the last thread: the process. */
	if (ds_process_exit_args > 1) {
		if (!(ctx->args[1] & 1))
			return 0;
	} else if (BPF_CORE_READ(task, signal, live.counter)) {
		return 0;
	}
	kn = ds_task_node(task);
	if (!ds_in_kubepods(kn))
		return 0;
	code = BPF_CORE_READ(task, signal, group_exit_code);
	if (!code)
		code = BPF_CORE_READ(task, exit_code);
	return process_record(task, kn, DS_REC_PROCESS_EXITED, 0, code);
}

/* (pid) before 6.10 and its stable backports; (task, uid) since. */
SEC("?raw_tp/mark_victim")
int mark_victim(struct bpf_raw_tracepoint_args *ctx)
{
	/* Without the task: the one that ran out of memory, which is in the victim's cgroup. */
	const struct task_struct *task = (const struct task_struct *)bpf_get_current_task();
	struct kernfs_node *kn;

	if (ds_mark_victim_args > 1)
		task = (const struct task_struct *)ctx->args[0];
	kn = ds_task_node(task);
	if (!ds_in_kubepods(kn))
		return 0;
	return process_record(task, kn, DS_REC_PROCESS_OOM_KILLED,
			      ds_mark_victim_args > 1 ? 0 : (__u32)ctx->args[0], 0);
}
