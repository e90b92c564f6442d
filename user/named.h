/* SPDX-License-Identifier: Apache-2.0 */
/* Events of what the command line names: load balancers (--lb) and pods (--pod-ip). */
#ifndef DS_NAMED_H
#define DS_NAMED_H

#include "user/core/event.h"

/* Room for the strings of an event. */
struct ds_named_room {
	char address[DS_ADDR_STRLEN];
	char namespace_[256];
};

/* A drainsnoop.load_balancer.address event; the prefix is borrowed. */
void ds_named_balancer(const char *prefix, int64_t at_ns, struct ds_event *ret_ev);

/* A drainsnoop.pod.state event of ADDR[=NAMESPACE/NAME]; arg and room are borrowed. */
void ds_named_pod(const char *arg, int64_t at_ns, struct ds_named_room *room,
		  struct ds_event *ret_ev);

#endif
