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

/* What stands in place of a siginfo: include/linux/sched/signal.h. */
#define SEND_SIG_NOINFO 0UL
#define SEND_SIG_PRIV 1UL

/* A task of a pod: its cgroup, and the hierarchy in which that is. */
struct member {
	struct kernfs_node *kn;
	enum ds_hierarchy hierarchy;
};

/* False for a task that is in no pod. */
static __always_inline bool member_of(const struct task_struct *task, struct member *m)
{
	for (int h = 0; h < DS_HIERARCHY_MAX; h++) {
		m->hierarchy = (enum ds_hierarchy)h;
		m->kn = ds_task_node(task, m->hierarchy);
		if (ds_in_kubepods(m->kn))
			return true;
	}
	return false;
}

/*
 * The container's first process: PID 1 of its pid namespace, or, where several cgroups share one
 * (shareProcessNamespace, the host's, no namespace at all), the one whose parent is in another
 * cgroup. A process that exec brought into the container is neither in the first case.
 */
static __always_inline bool is_init(const struct task_struct *task, const struct member *m)
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
	if (reaper && ds_task_node(reaper, m->hierarchy) == m->kn)
		return BPF_CORE_READ(reaper, signal) == BPF_CORE_READ(task, signal);
	return ds_task_node(BPF_CORE_READ(task, group_leader, real_parent), m->hierarchy) != m->kn;
}

/*
 * Makes and submits the record of a task of a pod that is not foreign: one in a namespace that is
 * reached from elsewhere is another laboratory's, or another node's.
 */
static __always_inline int process_record(const struct task_struct *task, const struct member *m,
					  __u8 change, __u8 source, __u32 exit_code)
{
	struct ds_rec_process *r;
	__u32 netns;

	if (ds_scope(BPF_CORE_READ(task, nsproxy, net_ns), &netns) == DS_SCOPE_FOREIGN)
		return 0;
	r = ds_reserve(DS_REC_PROCESS, sizeof(*r), DS_LOST_PROCESS);
	if (!r)
		return 0;
	r->pid = (__u32)BPF_CORE_READ(task, tgid);
	r->exit_code = exit_code;
	r->netns = netns;
	r->flags = is_init(task, m) ? DS_REC_F_INIT : 0;
	r->change = change;
	r->source = source;
	/* The leader's: a thread may have a name of its own. */
	if (BPF_CORE_READ_INTO(&r->comm, task, group_leader, comm))
		r->comm[0] = 0;
	ds_cgroup_names(&r->cgroup, m->kn);
	ds_submit(r);
	return 0;
}

/*
 * Where the signal comes from. The kernel kills without a siginfo: a write to cgroup.kill sends
 * SEND_SIG_NOINFO to the one task; the OOM killer SEND_SIG_PRIV to the process, and so does a pid
 * namespace whose first process ends, but that one is exiting (zap_pid_ns_processes()).
 */
static __always_inline __u8 source_of(unsigned long info, const struct task_struct *task,
				      const struct member *m, bool group)
{
	const struct task_struct *sender = (const struct task_struct *)bpf_get_current_task();

	if (info == SEND_SIG_NOINFO && !group && sender != task)
		return DS_REC_SIGNAL_CGROUP_KILL;
	if (info == SEND_SIG_PRIV && BPF_CORE_READ(sender, flags) & PF_EXITING)
		return DS_REC_SIGNAL_NAMESPACE_END;
	/* si_code is above 0 for what no process has sent (SI_KERNEL, faults). */
	if (info == SEND_SIG_NOINFO || info == SEND_SIG_PRIV ||
	    BPF_CORE_READ((const struct kernel_siginfo *)info, si_code) > 0)
		return DS_REC_SIGNAL_KERNEL;
	return ds_task_node(sender, m->hierarchy) == m->kn ? DS_REC_SIGNAL_CONTAINER :
							     DS_REC_SIGNAL_PROCESS;
}

/* (sig, info, task, group, result): result tells what became of it. */
SEC("?raw_tp/signal_generate")
int signal_generate(struct bpf_raw_tracepoint_args *ctx)
{
	const struct task_struct *task = (const struct task_struct *)ctx->args[2];
	int sig = (int)ctx->args[0], result = (int)ctx->args[4];
	unsigned long info = ctx->args[1];
	struct member m;
	__u8 source;

	if ((sig != SIGTERM && sig != SIGKILL) || (result != DELIVERED && result != IGNORED))
		return 0;
	if (!member_of(task, &m))
		return 0;
	source = source_of(info, task, &m, ctx->args[3] & 1);
	if (result == IGNORED) {
		if (sig != SIGTERM || !is_init(task, &m))
			return 0;
		return process_record(task, &m, DS_REC_PROCESS_SIGTERM_IGNORED, source, 0);
	}
	if (sig == SIGTERM)
		return process_record(task, &m, DS_REC_PROCESS_SIGTERM, source, 0);
	/* The OOM killer's: mark_victim tells it next, and why. */
	if (info == SEND_SIG_PRIV && source == DS_REC_SIGNAL_KERNEL) {
		__u32 pid = (__u32)BPF_CORE_READ(task, pid);
		__u64 address = (__u64)task;

		if (!bpf_map_update_elem(&ds_kernel_kills, &pid, &address, BPF_ANY) &&
		    ds_mark_victim_args)
			return 0;
	}
	return process_record(task, &m, DS_REC_PROCESS_SIGKILL, source, 0);
}

/* (task), with 6.18 (task, group_dead). */
SEC("?raw_tp/sched_process_exit")
int process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	const struct task_struct *task = (const struct task_struct *)ctx->args[0];
	struct member m;
	__u32 code;

	/* Only the last thread: the process. */
	if (ds_process_exit_args > 1) {
		if (!(ctx->args[1] & 1))
			return 0;
	} else if (BPF_CORE_READ(task, signal, live.counter)) {
		return 0;
	}
	if (!member_of(task, &m))
		return 0;
	code = BPF_CORE_READ(task, signal, group_exit_code);
	if (!code)
		code = BPF_CORE_READ(task, exit_code);
	return process_record(task, &m, DS_REC_PROCESS_EXITED, 0, code);
}

/*
 * (pid) before 6.10 and its stable backports; (task, uid) since. The OOM killer has just sent
 * SIGKILL to it, and holds a reference; one that was dying anyway is marked too, but not killed.
 * The current task is the one that ran out of memory, which may be another pod's.
 */
SEC("?raw_tp/mark_victim")
int mark_victim(struct bpf_raw_tracepoint_args *ctx)
{
	const struct task_struct *task = (const struct task_struct *)ctx->args[0];
	__u32 pid = (__u32)ctx->args[0];
	struct member m;
	__u64 *killed;

	if (ds_mark_victim_args > 1)
		pid = (__u32)BPF_CORE_READ(task, pid);
	killed = bpf_map_lookup_elem(&ds_kernel_kills, &pid);
	if (!killed)
		return 0;
	task = (const struct task_struct *)*killed;
	bpf_map_delete_elem(&ds_kernel_kills, &pid);
	if (!member_of(task, &m))
		return 0;
	return process_record(task, &m, DS_REC_PROCESS_OOM_KILLED, DS_REC_SIGNAL_KERNEL, 0);
}
