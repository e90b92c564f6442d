/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Source: the kernel. Loads and attaches the programs of bpf/, reads the ring buffer and the
 * counters, and gives events. Everything is optional but the ring buffer: what could not be
 * attached is told, never hidden. Does I/O; single-threaded.
 */
#ifndef DS_SOURCE_KERNEL_H
#define DS_SOURCE_KERNEL_H

#include "user/core/event.h"

struct ds_kernel;

struct ds_kernel_options {
	int netns_fd;		/* namespace that routes; -1 = the one this process runs in */
	uint32_t ring_bytes;	/* 0 = default (4 MiB); else a power of two of whole pages */
	uint8_t rank;		/* of this source, put into its events */
	/* Takes an event: filled by the source, borrowed for the call, rank and source_seq set. */
	void (*deliver)(void *ctx, struct ds_event *ev);
	void *ctx;
};

/*
 * 0 when this process may load programs; -EPERM when CAP_BPF or CAP_PERFMON (or CAP_SYS_ADMIN) is
 * missing. Looks at the effective capabilities only: prints nothing, loads nothing.
 */
int ds_kernel_may_trace(void);

/*
 * Opens, loads and attaches all that this kernel has. Returns 0, or -errno with one line logged
 * that says what to do (no BTF, memlock, seccomp, ...). The caller frees *ret_k.
 */
int ds_kernel_new(struct ds_kernel **ret_k, const struct ds_kernel_options *options);
void ds_kernel_free(struct ds_kernel **k);	/* detaches all; NULL is fine */

/* Readable when records wait; poll with a timer too (no wake-up below a watermark). */
int ds_kernel_fd(const struct ds_kernel *k);

/* Delivers the records that wait, at most `budget` of them. Returns how many, or -errno. */
int ds_kernel_consume(struct ds_kernel *k, int budget);

/* Wall clock less boot clock, ns; sampled anew by ds_kernel_tick. */
int64_t ds_kernel_boot_offset(const struct ds_kernel *k);

/*
 * Gives up every capability but CAP_BPF and CAP_PERFMON, for good; these two stay permitted and
 * are raised only around bpf calls. After it ds_kernel_find_listeners sees this process's own
 * namespace only. 0 or -errno.
 */
int ds_kernel_drop_privileges(struct ds_kernel *k);

/*
 * To be called about once a second: samples the clocks, delivers pod.traffic events for counters
 * that changed, and loss events for records that the kernel could not reserve since the last call.
 */
void ds_kernel_tick(struct ds_kernel *k);

/* Sets what is wanted of an address (DS_WATCH_* flags, 0: watched at rest). 0 or -errno. */
int ds_kernel_watch(struct ds_kernel *k, const struct ds_addr *a, uint32_t flags);
int ds_kernel_unwatch(struct ds_kernel *k, const struct ds_addr *a);

/* Attaches or detaches the tap; delivers a drainsnoop.tap event when that changed something. */
int ds_kernel_tap(struct ds_kernel *k, bool on);
bool ds_kernel_tap_is_on(const struct ds_kernel *k);
int64_t ds_kernel_tap_on_ns(const struct ds_kernel *k);	/* how long in all */

/*
 * Finds the listeners that exist: delivers socket events `listening` for each socket in LISTEN of
 * every network namespace in scope that is reachable by /proc or /run/netns (root command only). A
 * port that seems to close meanwhile is told when the search has ended, if no listener was found.
 * 0, or -errno when no namespace could be searched; best effort.
 */
int ds_kernel_find_listeners(struct ds_kernel *k);

/* Marks an interface of the routing namespace; packets carry its kind and name. */
void ds_kernel_set_iface(struct ds_kernel *k, uint32_t ifindex, const char *name,
			 enum ds_iface kind);

/* Comma-separated sorted names; static until the next call of either kind on the same k. */
const char *ds_kernel_attached(const struct ds_kernel *k);
const char *ds_kernel_missing(const struct ds_kernel *k);
int ds_kernel_attached_count(const struct ds_kernel *k);
int ds_kernel_missing_count(const struct ds_kernel *k);
const char *ds_kernel_tier(const struct ds_kernel *k);	/* raw_tp, fentry, kprobe, kfree_skb, tap */

/* True where resets can be seen only by the tap: it must always be on. */
bool ds_kernel_needs_tap(const struct ds_kernel *k);

#endif
