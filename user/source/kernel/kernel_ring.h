/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a BPF ring buffer through a window. libbpf maps all of it, twice, and the kernel populates
 * that at once: 8 MiB of resident memory for a ring of 4 MiB, whatever is in it. Here what is being
 * read is mapped, and the window moves on.
 */
#ifndef DS_SOURCE_KERNEL_RING_H
#define DS_SOURCE_KERNEL_RING_H

#include <stddef.h>
#include <stdint.h>

struct ds_ring;

/* fd: of the map, which stays its owner's and open; bytes: its max_entries. 0 or -errno. */
int ds_ring_new(struct ds_ring **ret_ring, int fd, uint32_t bytes);
void ds_ring_free(struct ds_ring **ring);

/*
 * Gives each record that is there to take(), in order, until take() says below 0 (that one is taken
 * too) or there is none. Records are aligned to 8, and good for the call. Returns how many, or
 * -errno where the window cannot be moved; -EIO: the ring holds what no kernel writes.
 */
int ds_ring_consume(struct ds_ring *ring, int (*take)(void *ctx, void *data, size_t len),
		    void *ctx);

#endif
