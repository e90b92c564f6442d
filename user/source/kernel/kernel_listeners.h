/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the iterator over TCP sockets in every network namespace that can be reached. The iterator's
 * program makes the records; this only takes it there.
 */
#ifndef DS_SOURCE_KERNEL_LISTENERS_H
#define DS_SOURCE_KERNEL_LISTENERS_H

/*
 * link_fd: of the attached iterator. after(ctx) is called by this thread after each namespace, for
 * draining the ring buffer. Returns how many namespaces were searched, or -errno when none was.
 */
int ds_listeners_search(int link_fd, void (*after)(void *ctx), void *ctx);

#endif
