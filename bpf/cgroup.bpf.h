/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pods by the names of their cgroups, read from the kernel: no hostPath is needed, and a private
 * cgroup namespace does not matter. Sockets know the v2 hierarchy only; tasks are looked up in v1's
 * too, on nodes that still run their pods there.
 */
#ifndef DS_CGROUP_BPF_H
#define DS_CGROUP_BPF_H

#include "compat.bpf.h"
#include "maps.bpf.h"

#define DS_KUBEPODS 0x73646f706562756bULL	/* "kubepods", little endian */
#define DS_KUBEPODS_DEPTH 8

static __always_inline struct kernfs_node *ds_cgroup_node(const struct cgroup *cgrp)
{
	return cgrp ? BPF_CORE_READ(cgrp, kn) : NULL;
}

/* The hierarchies in which a task's container may be, best first. */
enum ds_hierarchy { DS_HIERARCHY_V2, DS_HIERARCHY_PIDS, DS_HIERARCHY_MEMORY, DS_HIERARCHY_MAX };

/* The index of a v1 controller, by the running kernel's BTF; -1 where it has none. */
static __always_inline int ds_subsys(enum ds_hierarchy h)
{
	if (h == DS_HIERARCHY_PIDS)
		return bpf_core_enum_value_exists(enum cgroup_subsys_id, pids_cgrp_id) ?
			       (int)bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) : -1;
	return bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id) ?
		       (int)bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) : -1;
}

/* The task's cgroup in that hierarchy; NULL where v2 has that controller too. */
static __always_inline struct kernfs_node *ds_task_node(const struct task_struct *task,
							enum ds_hierarchy h)
{
	const struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup *v2 = BPF_CORE_READ(set, dfl_cgrp), *cgrp;
	struct cgroup_subsys_state *css = NULL;
	int subsys;

	if (h == DS_HIERARCHY_V2)
		return ds_cgroup_node(v2);
	subsys = ds_subsys(h);
	if (subsys < 0)
		return NULL;
	bpf_probe_read_kernel(&css, sizeof(css),
			      (const void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      (unsigned int)subsys * sizeof(css));
	cgrp = css ? BPF_CORE_READ(css, cgroup) : NULL;
	return cgrp == v2 ? NULL : ds_cgroup_node(cgrp);
}

/*
 * Whether a parent folder is the kubelet's: "kubepods" (driver cgroupfs), "kubepods.slice" (driver
 * systemd) or "kubelet-kubepods.slice" (kind).
 */
static __noinline __attribute__((unused)) bool ds_in_kubepods(struct kernfs_node *kn)
{
	for (int i = 0; i < DS_KUBEPODS_DEPTH; i++) {
		char name[16] = {};
		__u64 *words = (__u64 *)name;

		if (!kn)
			return false;
		bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(kn, name));
		if (words[0] == DS_KUBEPODS)
			return true;
		/* "kubelet-" and, cut at 15 characters and a NUL, "kubepod" */
		if (words[0] == 0x2d74656c6562756bULL &&
		    words[1] == (DS_KUBEPODS & ~(0xffULL << 56)))
			return true;
		kn = ds_kernfs_parent(kn);
	}
	return false;
}

/* The innermost cgroup and its parents by name. What lies beyond a name's NUL is not cleared. */
static __noinline __attribute__((unused)) int ds_cgroup_names(struct ds_rec_cgroup *c,
							      struct kernfs_node *kn)
{
	if (!c)
		return 0;
	c->id = kn ? BPF_CORE_READ(kn, id) : 0;
	for (int i = 0; i < DS_CGROUP_NAMES; i++) {
		c->names[i][0] = 0;
		if (!kn)
			continue;
		bpf_probe_read_kernel_str(c->names[i], DS_CGROUP_NAME_LEN, BPF_CORE_READ(kn, name));
		kn = ds_kernfs_parent(kn);
	}
	return 0;
}

#endif
