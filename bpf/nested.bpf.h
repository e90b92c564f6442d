/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A raw tracepoint's program never runs inside itself: where a softirq interrupts it and passes the
 * same tracepoint on that CPU, the kernel leaves it out and counts a recursion miss (05b24ff9b2cf,
 * 6.2). inet_sock_set_state is passed in process context with softirqs on, by connect() and
 * close() of any process of the machine; a connection accepted at that moment would be missed.
 *
 * So a program of that kind has a twin, attached after it, that does the same work: of two nested
 * runs one of both is always free. A note per CPU tells the twin what the program has done already.
 * A process and the softirq that interrupts it: two levels are all there are.
 */
#ifndef DS_NESTED_BPF_H
#define DS_NESTED_BPF_H

#include "vmlinux_min.h"

#include <bpf/bpf_helpers.h>

/* What the program has begun on this CPU and its twin has not looked up yet; 0 = nothing. */
struct ds_nested {
	__u64 latest;
	__u64 interrupted;
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ds_nested);
} ds_nested SEC(".maps");

/* What a change of state is called in the notes: never 0. */
static __always_inline __u64 ds_nested_name(const void *sk, __u8 old_state, __u8 new_state)
{
	return (__u64)sk << 8 ^ (old_state << 4 | new_state);
}

/* For the program: it begins. */
static __always_inline void ds_nested_begin(__u64 name)
{
	__u32 zero = 0;
	struct ds_nested *n = bpf_map_lookup_elem(&ds_nested, &zero);

	if (!n)
		return;
	n->interrupted = n->latest;
	n->latest = name;
}

/* For its twin: whether the program has done this already. */
static __always_inline bool ds_nested_is_done(__u64 name)
{
	__u32 zero = 0;
	struct ds_nested *n = bpf_map_lookup_elem(&ds_nested, &zero);

	if (!n)
		return true;
	if (n->latest == name) {
		n->latest = n->interrupted;
		n->interrupted = 0;
		return true;
	}
	/* The twin itself was interrupted here: what the program noted meanwhile is done too. */
	if (n->interrupted == name) {
		n->latest = n->interrupted = 0;
		return true;
	}
	return false;
}

#endif
