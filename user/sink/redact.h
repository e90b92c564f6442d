/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes the addresses of clients out of events (--redact-peers): every address that is not known to
 * be the load balancer's, a node's, a pod's or loopback becomes another one, for the same address
 * always the same one: a keyed hash (SipHash-1-3), so that nobody without the key can try addresses
 * until one fits. IPv4 becomes one of 240.0.0.0/4 (reserved: no host has it), IPv6 one of
 * 100::/64 (discard-only). What is not known yet is taken for a client's. Pure.
 */
#ifndef DS_SINK_REDACT_H
#define DS_SINK_REDACT_H

#include "user/core/event.h"

struct ds_redact;

#define DS_REDACT_SECRET_MIN 16	/* bytes */

/* The secret is any text of at least DS_REDACT_SECRET_MIN bytes; borrowed for the call. 0, -EINVAL
 * where it is shorter, -ENOMEM. */
int ds_redact_new(struct ds_redact **ret_redact, const void *secret, size_t len);
void ds_redact_free(struct ds_redact **redact);

/* Learns from an input event whose addresses are shown. */
void ds_redact_learn(struct ds_redact *r, const struct ds_event *ev);

/* Replaces the addresses in ev, which is a copy of the caller's. */
void ds_redact_event(const struct ds_redact *r, struct ds_event *ev);

/* The address that stands for that one, or the address itself where it is shown. */
struct ds_addr ds_redact_address(const struct ds_redact *r, const struct ds_addr *a);

#endif
