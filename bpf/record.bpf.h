/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reserving and submitting records. A reserve that fails is counted by class; the consumer is
 * woken only above a watermark (facts/performance.md: waking for each record halves a storm).
 */
#ifndef DS_RECORD_BPF_H
#define DS_RECORD_BPF_H

#include "maps.bpf.h"

static __always_inline void ds_count_lost(__u32 class)
{
	__u64 *n = bpf_map_lookup_elem(&ds_lost, &class);

	if (n)
		*n += 1;
}

/* A zero-less record of a constant size with its header set; NULL when the buffer is full. */
static __always_inline void *ds_reserve(__u32 kind, __u64 size, __u32 class)
{
	struct ds_rec_hdr *h = bpf_ringbuf_reserve(&ds_rb, size, 0);

	if (!h) {
		ds_count_lost(class);
		return NULL;
	}
	h->ts_ns = bpf_ktime_get_boot_ns();
	h->kind = kind;
	h->size = size;
	return h;
}

/*
 * Wakes the consumer above the watermark, and there only when another 64 KiB are full: a wake-up
 * is an interrupt to its CPU, and one a record cost a tenth of a storm's CPU (tests/bench).
 */
static __always_inline void ds_submit(void *record)
{
	__u64 waiting = bpf_ringbuf_query(&ds_rb, BPF_RB_AVAIL_DATA);
	__u64 before = waiting - ((struct ds_rec_hdr *)record)->size;
	bool wake = waiting >= ds_wakeup_bytes && waiting >> 16 != before >> 16;

	bpf_ringbuf_submit(record, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* What is wanted of a 16-byte address, or NULL when it is not watched. */
static __always_inline struct ds_watch *ds_watch_of(const void *address)
{
	return bpf_map_lookup_elem(&ds_watched, address);
}

#endif
