// SPDX-License-Identifier: Apache-2.0
/*
 * Source: the kernel. Reads the ring buffer, the counters and the losses, and sets what is watched.
 * Which programs run is kernel_attach.c's; what a record means is kernel_decode.c's.
 */
#include "user/source/kernel/kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drainsnoop.skel.h"
#include "include/ds_record.h"
#include "user/source/kernel/kernel_attach.h"
#include "user/source/kernel/kernel_caps.h"
#include "user/source/kernel/kernel_decode.h"
#include "user/source/kernel/kernel_closings.h"
#include "user/source/kernel/kernel_listeners.h"
#include "user/source/kernel/kernel_ring.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define TRAFFIC_BATCH 1024

static const char *const lost_names[DS_LOST_MAX] = {
	[DS_LOST_PACKET] = "packet", [DS_LOST_SOCKET] = "socket", [DS_LOST_PROCESS] = "process",
	[DS_LOST_LOCATION] = "location", [DS_LOST_TRAFFIC] = "traffic",
};

struct ds_kernel {
	struct ds_kernel_options options;
	struct ds_attach *attach;
	struct ds_decoder *decoder;
	struct ds_ring *ring;
	struct ds_event event;		/* the one being delivered */
	struct ds_closings *closings;	/* while listeners are searched, else NULL */
	uint64_t seq;
	int64_t boot_offset_ns;
	int netns_fd;			/* holds the routing namespace; -1 = this process does */
	int budget;
	int delivered;
	bool dropped;			/* privileges are: raise them around bpf calls */
	uint64_t *lost_now;		/* one number a CPU */
	int cpus;
	uint64_t lost[DS_LOST_MAX];	/* as told last */
	int64_t lost_read_ns;		/* when, wall clock */
	uint32_t traffic_changes;
	uint64_t traffic_read_ns;	/* boot clock */
	uint32_t watched_going;		/* addresses with that flag: what the gate is made of */
	uint32_t watched_released;
	bool tap_on;
	int64_t tap_since_ns;		/* boot clock */
	int64_t tap_sum_ns;
};

/* The offset from the tightest of a few readings: an interruption between two falls out. */
static void sample_clocks(struct ds_kernel *k)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t before = ds_clock_ns(CLOCK_BOOTTIME), wall = ds_clock_ns(CLOCK_REALTIME);
		int64_t gap = ds_clock_ns(CLOCK_BOOTTIME) - before;

		if (gap < best) {
			best = gap;
			k->boot_offset_ns = wall - before - gap / 2;
		}
	}
	ds_decoder_set_offset(k->decoder, k->boot_offset_ns);
}

static int64_t wall_now(const struct ds_kernel *k)
{
	return ds_clock_ns(CLOCK_BOOTTIME) + k->boot_offset_ns;
}

static void raise_caps(struct ds_kernel *k)
{
	if (k->dropped)
		(void)ds_caps_raise(true);	/* if it fails, the bpf call that follows says so */
}

static void lower_caps(struct ds_kernel *k)
{
	if (k->dropped)
		(void)ds_caps_raise(false);	/* giving up effective ones is always allowed */
}

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_kernel *k = ctx;

	ev->rank = k->options.rank;
	ev->source_seq = k->seq++;
	k->options.deliver(k->options.ctx, ev);
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct ds_kernel *k = ctx;
	int r = ds_decoder_decode(k->decoder, data, len, &k->event);

	/* Both sides are built together: a record that does not decode is a bug, not fatal. */
	if (r < 0)
		ds_log_info("a record of %zu bytes cannot be decoded", len);
	if (r > 0) {
		if (!k->closings || !ds_closings_hold(k->closings, &k->event))
			deliver(k, &k->event);
		k->delivered++;
	}
	return k->delivered >= k->budget ? -EAGAIN : 0;
}

int ds_kernel_may_trace(void)
{
	return ds_caps_may_trace() ? 0 : -EPERM;
}

/* The inode number of the routing namespace. */
static int routing_netns(struct ds_kernel *k, uint32_t *ret_inum)
{
	struct stat st;

	if (k->options.netns_fd >= 0) {
		k->netns_fd = fcntl(k->options.netns_fd, F_DUPFD_CLOEXEC, 0);
		if (k->netns_fd < 0)
			return ds_log_err(errno, "network namespace");
	}
	if (k->netns_fd >= 0 ? fstat(k->netns_fd, &st) : stat("/proc/self/ns/net", &st))
		return ds_log_err(errno, "network namespace");
	*ret_inum = (uint32_t)st.st_ino;
	return 0;
}

int ds_kernel_new(struct ds_kernel **ret_k, const struct ds_kernel_options *options)
{
	ds_cleanup(ds_kernel_free) struct ds_kernel *k = calloc(1, sizeof(*k));
	struct drainsnoop_bpf *skel;
	uint32_t inum = 0;
	int r;

	if (!k)
		return ds_log_err(-ENOMEM, "kernel source");
	k->options = *options;
	k->netns_fd = -1;
	k->cpus = libbpf_num_possible_cpus();
	if (k->cpus <= 0)
		return ds_log_err(k->cpus, "number of CPUs");
	k->lost_now = calloc((size_t)k->cpus, sizeof(*k->lost_now));
	if (!k->lost_now || ds_decoder_new(&k->decoder))
		return ds_log_err(-ENOMEM, "kernel source");
	sample_clocks(k);
	k->lost_read_ns = wall_now(k);
	r = routing_netns(k, &inum);
	if (r)
		return r;
	r = ds_attach_new(&k->attach, inum, options->ring_bytes, k->decoder);
	if (r)
		return r;
	skel = ds_attach_skeleton(k->attach);
	r = ds_ring_new(&k->ring, bpf_map__fd(skel->maps.ds_rb),
			bpf_map__max_entries(skel->maps.ds_rb));
	if (r)
		return ds_log_err(r, "ring buffer");
	*ret_k = DS_TAKE(k);
	return 0;
}

void ds_kernel_free(struct ds_kernel **k)
{
	if (!*k)
		return;
	ds_ring_free(&(*k)->ring);
	ds_attach_free(&(*k)->attach);
	ds_decoder_free(&(*k)->decoder);
	ds_closings_free(&(*k)->closings);
	ds_close_p(&(*k)->netns_fd);
	free((*k)->lost_now);
	free(*k);
	*k = NULL;
}

int ds_kernel_fd(const struct ds_kernel *k)
{
	return bpf_map__fd(ds_attach_skeleton(k->attach)->maps.ds_rb);
}

int ds_kernel_consume(struct ds_kernel *k, int budget)
{
	int r;

	k->budget = budget;
	k->delivered = 0;
	r = ds_ring_consume(k->ring, on_record, k);
	return r < 0 ? r : k->delivered;
}

int64_t ds_kernel_boot_offset(const struct ds_kernel *k)
{
	return k->boot_offset_ns;
}

/* Tells how many reserves failed since the last call, by class. */
static void tell_losses(struct ds_kernel *k)
{
	int fd = bpf_map__fd(ds_attach_skeleton(k->attach)->maps.ds_lost);
	int64_t now = wall_now(k);

	for (uint32_t class = 0; class < DS_LOST_MAX; class++) {
		uint64_t sum = 0;

		if (bpf_map_lookup_elem(fd, &class, k->lost_now))
			continue;	/* read again at the next call: the numbers only grow */
		for (int cpu = 0; cpu < k->cpus; cpu++)
			sum += k->lost_now[cpu];
		if (sum == k->lost[class])
			continue;
		ds_event_init(&k->event, DS_EVENT_LOSS, now);
		DS_SET(&k->event, NOT_BEFORE, not_before, k->lost_read_ns);
		DS_SET(&k->event, NOT_AFTER, not_after, now);
		DS_SET(&k->event, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_RINGBUF);
		DS_SET_STR(&k->event, LOSS_CLASS, loss_class, lost_names[class]);
		DS_SET(&k->event, LOSS_COUNT, loss_count, (int64_t)(sum - k->lost[class]));
		k->lost[class] = sum;
		deliver(k, &k->event);
	}
	k->lost_read_ns = now;
}

static void tell_traffic_of(struct ds_kernel *k, const struct ds_traffic_key *key,
			    const struct ds_traffic *t, int64_t now)
{
	struct ds_event *ev = &k->event;
	struct ds_addr local, remote;

	memcpy(local.bytes, key->laddr, sizeof(local.bytes));
	memcpy(remote.bytes, key->raddr, sizeof(remote.bytes));
	if (!ds_addr_is_set(&remote))
		return;		/* a SYN from "::": no line says it, and nobody is answered */
	ds_event_init(ev, DS_EVENT_TRAFFIC, now);
	DS_SET_STR(ev, NETWORK_TYPE, network_type, ds_addr_is_v4(&local) ? "ipv4" : "ipv6");
	DS_SET_ADDR(ev, SOURCE_ADDRESS, source, remote);
	DS_SET_ADDR(ev, DESTINATION_ADDRESS, destination, local);
	DS_SET(ev, NETNS, netns, key->netns);
	DS_SET(ev, TRAFFIC_PORT, traffic_port, key->lport);
	if (t->accepted)
		DS_SET(ev, TRAFFIC_ACCEPTED, traffic_accepted, (int64_t)t->accepted);
	if (t->last_accepted_ns)
		DS_SET(ev, LAST_ACCEPTED_AT, last_accepted_at,
		       (int64_t)t->last_accepted_ns + k->boot_offset_ns);
	if (t->last_syn_ns)
		DS_SET(ev, LAST_SYN_AT, last_syn_at, (int64_t)t->last_syn_ns + k->boot_offset_ns);
	if (t->last_payload_ns)
		DS_SET(ev, LAST_TRAFFIC_PAYLOAD_AT, last_traffic_payload_at,
		       (int64_t)t->last_payload_ns + k->boot_offset_ns);
	if (t->segments)
		DS_SET(ev, TRAFFIC_SEGMENTS, traffic_segments, (int64_t)t->segments);
	if (t->empty)
		DS_SET(ev, TRAFFIC_EMPTY, traffic_empty, (int64_t)t->empty);
	if (t->idle_close_ns)
		DS_SET(ev, IDLE_CLOSE, idle_close, (int64_t)t->idle_close_ns);
	deliver(k, ev);
}

/* Delivers the counters that moved since the last call, read in batches. */
static void tell_traffic(struct ds_kernel *k)
{
	struct drainsnoop_bpf *skel = ds_attach_skeleton(k->attach);
	int fd = bpf_map__fd(skel->maps.ds_traffic), r;
	uint32_t changes = skel->bss->ds_traffic_changes, count, in = 0, out;
	uint64_t since = k->traffic_read_ns;
	ds_autofree struct ds_traffic_key *keys = NULL;
	ds_autofree struct ds_traffic *values = NULL;
	int64_t now = wall_now(k);
	bool first = true;

	if (changes == k->traffic_changes)
		return;
	keys = calloc(TRAFFIC_BATCH, sizeof(*keys));
	values = calloc(TRAFFIC_BATCH, sizeof(*values));
	if (!keys || !values)
		return;		/* with the next call */
	k->traffic_changes = changes;
	k->traffic_read_ns = (uint64_t)ds_clock_ns(CLOCK_BOOTTIME);
	do {
		count = TRAFFIC_BATCH;
		r = bpf_map_lookup_batch(fd, first ? NULL : &in, &out, keys, values, &count, NULL);
		if (r && r != -ENOENT) {	/* ENOENT: this was the last batch */
			ds_log_info("counters: %s", strerror(-r));
			return;
		}
		for (uint32_t i = 0; i < count; i++)
			if (values[i].changed_ns >= since)
				tell_traffic_of(k, &keys[i], &values[i], now);
		first = false;
		in = out;
	} while (!r);
}

void ds_kernel_tick(struct ds_kernel *k)
{
	sample_clocks(k);
	raise_caps(k);
	tell_traffic(k);
	tell_losses(k);
	lower_caps(k);
}

/* Keeps the gates of the kernel side: which flags any watched address has. */
static void count_flags(struct ds_kernel *k, uint32_t before, uint32_t after)
{
	k->watched_going += !!(after & DS_WATCH_GOING);
	k->watched_going -= !!(before & DS_WATCH_GOING);
	k->watched_released += !!(after & DS_WATCH_RELEASED);
	k->watched_released -= !!(before & DS_WATCH_RELEASED);
	ds_attach_skeleton(k->attach)->bss->ds_gate = (k->watched_going ? DS_WATCH_GOING : 0) |
						      (k->watched_released ? DS_WATCH_RELEASED : 0);
}

int ds_kernel_watch(struct ds_kernel *k, const struct ds_addr *a, uint32_t flags)
{
	int fd = bpf_map__fd(ds_attach_skeleton(k->attach)->maps.ds_watched), r;
	struct ds_watch old = {}, new = { .flags = flags };

	raise_caps(k);
	if (bpf_map_lookup_elem(fd, a->bytes, &old))
		old.flags = 0;
	r = bpf_map_update_elem(fd, a->bytes, &new, BPF_ANY);
	lower_caps(k);
	if (r)
		return -errno;
	count_flags(k, old.flags, flags);
	return 0;
}

int ds_kernel_unwatch(struct ds_kernel *k, const struct ds_addr *a)
{
	int fd = bpf_map__fd(ds_attach_skeleton(k->attach)->maps.ds_watched), r;
	struct ds_watch old = {};

	raise_caps(k);
	r = bpf_map_lookup_elem(fd, a->bytes, &old);
	if (!r)
		r = bpf_map_delete_elem(fd, a->bytes);
	lower_caps(k);
	if (r)
		return -errno;
	count_flags(k, old.flags, 0);
	return 0;
}

int ds_kernel_tap(struct ds_kernel *k, bool on)
{
	int64_t now;
	int r;

	if (on == k->tap_on)
		return 0;
	raise_caps(k);
	r = ds_attach_tap(k->attach, on);
	lower_caps(k);
	now = ds_clock_ns(CLOCK_BOOTTIME);
	if (!r) {
		if (!on)
			k->tap_sum_ns += now - k->tap_since_ns;
		k->tap_since_ns = now;
		k->tap_on = on;
	}
	ds_event_init(&k->event, DS_EVENT_TAP, now + k->boot_offset_ns);
	DS_SET(&k->event, TAP_CHANGE, tap_change,
	       r ? DS_TAP_CHANGE_FAILED : on ? DS_TAP_CHANGE_ATTACHED : DS_TAP_CHANGE_DETACHED);
	deliver(k, &k->event);
	return r;
}

bool ds_kernel_tap_is_on(const struct ds_kernel *k)
{
	return k->tap_on;
}

int64_t ds_kernel_tap_on_ns(const struct ds_kernel *k)
{
	return k->tap_sum_ns + (k->tap_on ? ds_clock_ns(CLOCK_BOOTTIME) - k->tap_since_ns : 0);
}

static void drain(void *ctx)
{
	(void)ds_kernel_consume(ctx, INT32_MAX); /* a failure shows at the next call from outside */
}

int ds_kernel_find_listeners(struct ds_kernel *k)
{
	int fd = ds_attach_iter_fd(k->attach), r;

	if (fd < 0)
		return fd;
	/* Without memory for it they are told as they come. */
	if (ds_closings_new(&k->closings))
		ds_log_info("listeners: what closes during the search may be told too early");
	raise_caps(k);
	r = ds_listeners_search(fd, drain, k);
	lower_caps(k);
	if (k->closings)
		ds_closings_release(k->closings, deliver, k);
	ds_closings_free(&k->closings);
	if (r >= 0)
		ds_log_info("listeners: searched %d network namespaces", r);
	return r < 0 ? r : 0;
}

void ds_kernel_set_iface(struct ds_kernel *k, uint32_t ifindex, const char *name,
			 enum ds_iface kind)
{
	ds_decoder_set_iface(k->decoder, ifindex, name, kind);
}

int ds_kernel_drop_privileges(struct ds_kernel *k)
{
	int r = ds_caps_drop();

	if (!r)
		k->dropped = true;
	return r;
}

const char *ds_kernel_attached(const struct ds_kernel *k)
{
	return ds_attach_names(k->attach, true);
}

const char *ds_kernel_missing(const struct ds_kernel *k)
{
	return ds_attach_names(k->attach, false);
}

int ds_kernel_attached_count(const struct ds_kernel *k)
{
	return ds_attach_count(k->attach, true);
}

int ds_kernel_missing_count(const struct ds_kernel *k)
{
	return ds_attach_count(k->attach, false);
}

const char *ds_kernel_tier(const struct ds_kernel *k)
{
	return ds_attach_tier(k->attach);
}

bool ds_kernel_needs_tap(const struct ds_kernel *k)
{
	return strcmp(ds_kernel_tier(k), "tap") == 0;
}
