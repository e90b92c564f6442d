/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cadence: which addresses of the load balancer only check health on a port that also serves, told
 * by when their connections begin (DESIGN section 2). A check that was refused carries nothing that
 * tells it from a lost request, so an address is believed to be a checker only while
 *   - none of its connections to that port carried payload, on any pod;
 *   - each of them began one interval (as the target group has it) after or before another of the
 *     same pod: pooled connections, and requests that come as they like, are strays;
 *   - the one in question comes an interval after three that the pod accepted, or that were
 *     recognised; one may be missing. On a pod that accepted none, two others must be checked
 *     alike.
 *   - it is alone in its place: of two at once one may be a request, so neither is recognised.
 * One stray, or any payload, and nothing of that address is recognised for an hour. Pure.
 *
 * Moments are ns since the epoch. Memory is bounded; what is forgotten has to be learned again.
 */
#ifndef DS_CORE_CADENCE_H
#define DS_CORE_CADENCE_H

#include "user/util/addr.h"

#define DS_CADENCE_PERIODS_MAX 4
#define DS_CADENCE_MEMORY_NS INT64_C(3600000000000)

struct ds_cadence_key {
	struct ds_addr source, pod;
	uint16_t port;
};

/* The intervals at which a pod's port is checked: one for each target group. */
struct ds_periods {
	int64_t ns[DS_CADENCE_PERIODS_MAX];
	int cnt;
};

struct ds_cadences;

int ds_cadences_new(struct ds_cadences **ret_cadences, size_t max);
void ds_cadences_free(struct ds_cadences **cadences);

/*
 * A connection began, or its SYN met nobody. peer_port tells repetitions of the same one: the SYN,
 * then that it was accepted.
 */
void ds_cadence_began(struct ds_cadences *c, const struct ds_cadence_key *key, int64_t at_ns,
		      uint16_t peer_port, bool accepted, const struct ds_periods *periods);

/*
 * A sample of the kernel's counter of accepted connections, and the moment of the last. Those in
 * between, of which no moment is known, are strays.
 */
void ds_cadence_sample(struct ds_cadences *c, const struct ds_cadence_key *key, int64_t accepted,
		       int64_t last_ns, const struct ds_periods *periods);

/* The address sent payload to that port of some pod. */
void ds_cadence_payload(struct ds_cadences *c, const struct ds_addr *source, uint16_t port,
			int64_t at_ns);

/*
 * Whether the connection of that port that began then, and was lost without payload, is a health
 * check. Learns from the answer: asked again, it is the same.
 */
bool ds_cadence_is_check(struct ds_cadences *c, const struct ds_cadence_key *key, int64_t at_ns,
			 uint16_t peer_port, const struct ds_periods *periods);

int64_t ds_cadences_evictions(const struct ds_cadences *c);

#endif
