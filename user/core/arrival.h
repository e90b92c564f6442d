/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrivals: what the load balancer sends to a pod for the first time. They make the tail (DESIGN
 * section 1), and their cadence tells health checks. A new connection counts only once it is known
 * that it was not a check and was not closed by the peer without a byte: until then its arrival is
 * held in the flow. Pure.
 */
#ifndef DS_CORE_ARRIVAL_H
#define DS_CORE_ARRIVAL_H

#include "user/core/flow.h"
#include "user/core/state.h"

/*
 * A connection's first SYN, or its acceptance where no SYN was seen. It came at that moment, or up
 * to error_ns later.
 */
void ds_arrival_began(struct ds_core *core, struct ds_flow *flow, int64_t at_ns,
		      int64_t error_ns, bool accepted);

/* The same of one that is known by its later life only. */
void ds_arrival_hold(struct ds_flow *flow, int64_t at_ns);

/* Payload that was not sent before; it came at that moment or up to error_ns later. */
void ds_arrival_payload(struct ds_core *core, const struct ds_flow *flow, int64_t at_ns,
			int64_t error_ns);

/* A connection that brought something began at that moment: ds_pod.last_begun_ns. */
void ds_arrival_begun(const struct ds_core *core, const struct ds_flow *flow, int64_t at_ns);

/* The connection that is held counts, or does not. Does nothing where none is held. */
void ds_arrival_settle(struct ds_core *core, struct ds_flow *flow, bool counts);

/* A sample of the kernel's counters for the flow's pod, port and peer. */
void ds_arrival_sample(struct ds_core *core, const struct ds_flow *flow, const struct ds_event *ev);

/* The lost connection is a health check, by its address's cadence. */
bool ds_arrival_is_check(const struct ds_core *core, const struct ds_flow *flow);

#endif
