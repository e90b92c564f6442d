/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A raw tracepoint's program never runs inside itself: where a softirq interrupts it and passes the
 * same tracepoint on that CPU, the kernel leaves it out and counts a recursion miss (05b24ff9b2cf,
 * 6.2). These tracepoints are passed in process context with softirqs on, by any process of the
 * machine: inet_sock_set_state by connect() and close(), kfree_skb by who closes a socket with
 * unread packets, the resets by who closes or empties a connection's backlog. A connection accepted
 * at that moment would be missed, and so would the whole queue of a neighbour that is given up, for
 * it dies within one softirq.
 *
 * So a program of that kind has a twin, attached after it, that does the same work: of two nested
 * runs one of both is always free. A note per CPU tells the twin what the program has done already.
 * A process and the softirq that interrupts it: two levels are all there are.
 */
#ifndef DS_NESTED_BPF_H
#define DS_NESTED_BPF_H

#include "maps.bpf.h"

/*
 * For the program: it begins. What it is about has a name: an address in the kernel, perhaps with
 * more, never 0.
 */
static __always_inline void ds_nested_begin(__u32 tracepoint, __u64 name)
{
	struct ds_nested_note *n = bpf_map_lookup_elem(&ds_nested, &tracepoint);

	if (!n)
		return;
	n->interrupted = n->latest;
	n->latest = name;
}

/* For its twin: whether the program has done this already. */
static __always_inline bool ds_nested_is_done(__u32 tracepoint, __u64 name)
{
	struct ds_nested_note *n = bpf_map_lookup_elem(&ds_nested, &tracepoint);

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
