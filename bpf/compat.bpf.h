/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What drifted in the kernel between 5.10 and 7.2, each as flavours (___x) chosen by what the
 * running kernel's BTF has; never by version. One reader each, used by the rest.
 */
#ifndef DS_COMPAT_BPF_H
#define DS_COMPAT_BPF_H

#include "vmlinux_min.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* kernfs_node.parent became __parent with RCU access: 633488947ef6 (6.15). */
struct kernfs_node___parent {
	struct kernfs_node *parent;
};
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
};

/* sock_cgroup_data: one word shared with net_prio and net_cls until 8520e224f547 (5.15). */
struct sock_cgroup_data___val {
	u64 val;
};
struct sock_cgroup_data___ptr {
	struct cgroup *cgroup;
};
struct sock___val {
	struct sock_cgroup_data___val sk_cgrp_data;
};
struct sock___ptr {
	struct sock_cgroup_data___ptr sk_cgrp_data;
};

/* net.net_cookie: made at birth since 3d368ab87cf6 (5.12); before lazily, in an atomic64_t. */
struct net___cookie {
	u64 net_cookie;
};

/* net_device.priv[]: a member since 13cabc47f8ae (6.11); before, memory after the struct. */
struct net_device___priv {
	u8 priv[0];
};

#pragma clang attribute pop

#define NETDEV_ALIGN 32		/* include/linux/netdevice.h, before net_device.priv */

static __always_inline struct kernfs_node *ds_kernfs_parent(const struct kernfs_node *kn)
{
	if (bpf_core_field_exists(struct kernfs_node___rcu, __parent))
		return BPF_CORE_READ((const struct kernfs_node___rcu *)kn, __parent);
	return BPF_CORE_READ((const struct kernfs_node___parent *)kn, parent);
}

/* The cgroup of a full socket in the v2 hierarchy, or NULL. */
static __always_inline struct cgroup *ds_sock_cgroup(const struct sock *sk)
{
	u64 val;

	if (bpf_core_field_exists(struct sock_cgroup_data___ptr, cgroup))
		return BPF_CORE_READ((const struct sock___ptr *)sk, sk_cgrp_data.cgroup);
	val = BPF_CORE_READ((const struct sock___val *)sk, sk_cgrp_data.val);
	/* Bit 0: holds a priority and class id instead; bit 1: no reference. */
	return val & 1 ? NULL : (struct cgroup *)(val & ~3ULL);
}

/* Tells apart namespaces that had the same address and inode one after the other; 0 = unknown. */
static __always_inline u64 ds_net_cookie(const struct net *net)
{
	if (bpf_core_field_exists(struct net___cookie, net_cookie))
		return BPF_CORE_READ((const struct net___cookie *)net, net_cookie);
	return 0;
}

/* netdev_priv(): where the driver's own data of a device begin. */
static __always_inline void *ds_netdev_priv(const struct net_device *dev)
{
	if (bpf_core_field_exists(struct net_device___priv, priv))
		return (void *)__builtin_preserve_access_index(
			&((const struct net_device___priv *)dev)->priv[0]);
	return (char *)dev + ((bpf_core_type_size(struct net_device) + NETDEV_ALIGN - 1) &
			      ~(NETDEV_ALIGN - 1));
}

#endif
