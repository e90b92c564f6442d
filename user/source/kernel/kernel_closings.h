/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Closings of ports, held back while the listeners that exist are still being searched. The kernel
 * side counts the listeners that it knows of a port: until the search has met the last of them, a
 * port of several (SO_REUSEPORT) looks closed when the first closes. Pure.
 */
#ifndef DS_SOURCE_KERNEL_CLOSINGS_H
#define DS_SOURCE_KERNEL_CLOSINGS_H

#include <stdbool.h>

#include "user/core/event.h"

struct ds_closings;

/* 0 or -ENOMEM. */
int ds_closings_new(struct ds_closings **ret_closings);
void ds_closings_free(struct ds_closings **closings);

/*
 * An event of the kernel source while the search goes on, in the order of the ring buffer. True: it
 * is a closing, and held (a copy) in place of an earlier one of its port. A listener of that port
 * which is found, or opens, shows that the port is not closed: what is held is forgotten. Where no
 * more can be held, a closing is let through: told too early, but told.
 */
bool ds_closings_hold(struct ds_closings *c, const struct ds_event *ev);

/* The search has ended: gives what is still held, in the order in which it came. */
void ds_closings_release(struct ds_closings *c, void (*deliver)(void *ctx, struct ds_event *ev),
			 void *ctx);

#endif
