// SPDX-License-Identifier: Apache-2.0
/*
 * The layout is the kernel's (kernel/bpf/ringbuf.c): a page with the consumer's position, one with
 * the producer's, and the data, twice in a row, so that no record ever wraps. Positions only grow.
 */
#include "user/source/kernel/kernel_ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/util/cleanup.h"

#define WINDOW_MAX ((size_t)256 << 10)

struct ds_ring {
	int fd;
	size_t page;
	uint64_t bytes;			/* a power of two of whole pages */
	unsigned long *consumer;	/* a page; the only one that is written */
	unsigned long *producer;
	char *window;			/* NULL = none */
	uint64_t begin;			/* of the window, in the data */
	size_t len;
};

/* n bytes of the map from an offset on, or NULL and errno. */
static void *map(const struct ds_ring *ring, uint64_t offset, size_t n, int protection)
{
	void *at = mmap(NULL, n, protection, MAP_SHARED, ring->fd, (off_t)offset);

	return at == MAP_FAILED ? NULL : at;
}

/* From the page on in which the data at that offset lies. */
static int move_window(struct ds_ring *ring, uint64_t offset)
{
	if (ring->window)
		(void)munmap(ring->window, ring->len);
	ring->begin = offset & ~(uint64_t)(ring->page - 1);
	/* It begins in the first of the two copies, and ends in the second at the latest. */
	ring->len = 2 * ring->bytes - ring->begin < WINDOW_MAX ?
			    (size_t)(2 * ring->bytes - ring->begin) :
			    WINDOW_MAX;
	ring->window = map(ring, 2 * ring->page + ring->begin, ring->len, PROT_READ);
	return ring->window ? 0 : -errno;
}

/* n bytes at that offset, which the window holds then; or NULL and *ret_err. */
static char *look_at(struct ds_ring *ring, uint64_t offset, size_t n, int *ret_err)
{
	bool holds = ring->window && offset >= ring->begin &&
		     offset - ring->begin + n <= ring->len;

	*ret_err = holds ? 0 : move_window(ring, offset);
	if (!*ret_err && offset - ring->begin + n > ring->len)
		*ret_err = -EIO;
	return *ret_err ? NULL : ring->window + (offset - ring->begin);
}

/* One record: how many bytes it takes, 0 = it is not written yet, or -errno. */
static int64_t one(struct ds_ring *ring, uint64_t position,
		   int (*take)(void *ctx, void *data, size_t len), void *ctx, int *ret_taken)
{
	uint64_t offset = position & (ring->bytes - 1);
	size_t size;
	uint32_t len;
	char *header;
	int r;

	header = look_at(ring, offset, BPF_RINGBUF_HDR_SZ, &r);
	if (!header)
		return r;
	len = __atomic_load_n((uint32_t *)(void *)header, __ATOMIC_ACQUIRE);
	if (len & BPF_RINGBUF_BUSY_BIT)
		return 0;
	size = len & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	if (len & BPF_RINGBUF_DISCARD_BIT) {
		*ret_taken = 0;
	} else {
		header = look_at(ring, offset, BPF_RINGBUF_HDR_SZ + size, &r);
		if (!header)
			return r;
		*ret_taken = take(ctx, header + BPF_RINGBUF_HDR_SZ, size) < 0 ? -1 : 1;
	}
	return (int64_t)((size + BPF_RINGBUF_HDR_SZ + 7) & ~(size_t)7);
}

int ds_ring_consume(struct ds_ring *ring, int (*take)(void *ctx, void *data, size_t len), void *ctx)
{
	unsigned long position = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
	int cnt = 0;

	while (position != __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE)) {
		int taken = 0;
		int64_t size = one(ring, position, take, ctx, &taken);

		if (size <= 0)
			return size < 0 ? (int)size : cnt;
		position += (unsigned long)size;
		__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
		cnt += taken != 0;
		if (taken < 0)
			break;
	}
	return cnt;
}

int ds_ring_new(struct ds_ring **ret_ring, int fd, uint32_t bytes)
{
	ds_cleanup(ds_ring_free) struct ds_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	ring->fd = fd;
	ring->bytes = bytes;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	ring->consumer = map(ring, 0, ring->page, PROT_READ | PROT_WRITE);
	if (!ring->consumer)
		return -errno;
	ring->producer = map(ring, ring->page, ring->page, PROT_READ);
	if (!ring->producer)
		return -errno;
	*ret_ring = DS_TAKE(ring);
	return 0;
}

void ds_ring_free(struct ds_ring **ptr)
{
	struct ds_ring *ring = ptr ? *ptr : NULL;

	if (!ring)
		return;
	if (ring->window)
		(void)munmap(ring->window, ring->len);
	if (ring->producer)
		(void)munmap(ring->producer, ring->page);
	if (ring->consumer)
		(void)munmap(ring->consumer, ring->page);
	free(ring);
	*ptr = NULL;
}
