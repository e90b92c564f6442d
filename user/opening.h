/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events with which a run opens: its first line, and what the command line names, which is load
 * balancers (--lb) and pods (--pod-ip).
 */
#ifndef DS_OPENING_H
#define DS_OPENING_H

#include <sys/utsname.h>

#include "user/options.h"
#include "user/core/event.h"

struct ds_kernel;

/* Room for the strings of an event. */
struct ds_opening_room {
	struct utsname uts;
	char address[DS_ADDR_STRLEN];
	char namespace_[256];
};

/*
 * The drainsnoop.start event, but for run id and node: what is attached, and the options that
 * change results. Strings are borrowed of kernel and room.
 */
void ds_opening_start(const struct ds_options *options, const struct ds_kernel *kernel,
		      int64_t at_ns, struct ds_opening_room *room, struct ds_event *ret_ev);

/* A drainsnoop.load_balancer.address event; the prefix is borrowed. */
void ds_opening_balancer(const char *prefix, int64_t at_ns, struct ds_event *ret_ev);

/* A drainsnoop.pod.state event of ADDR[=NAMESPACE/NAME]; arg and room are borrowed. */
void ds_opening_pod(const char *arg, int64_t at_ns, struct ds_opening_room *room,
		  struct ds_event *ret_ev);

#endif
