/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of several instances leads: a Lease (coordination.k8s.io/v1), by the rules of client-go's
 * leader election, so that it is understood by whoever looks at it. A machine without I/O and
 * clock: its user makes the requests that it asks for and gives it what comes back. Pure.
 *
 * Clocks of several machines are never compared: a lease is expired when nobody has changed it for
 * its duration since this instance saw it change. Who leads stops doing so when it could not renew
 * for a shorter time than that, counted from when the last renewal that succeeded was sent. Updates
 * name the version that they replace: of two that try at once one gets it.
 *
 * now_ns is of a clock that is never set and never stands still (CLOCK_BOOTTIME), wall_ns is
 * written into the object.
 */
#ifndef DS_SOURCE_HANDOVER_ELECTION_H
#define DS_SOURCE_HANDOVER_ELECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/buf.h"

#define DS_ELECTION_DURATION_S 15
#define DS_ELECTION_RENEW_NS INT64_C(10000000000)
#define DS_ELECTION_RETRY_NS INT64_C(2000000000)

struct ds_election;

struct ds_election_options {
	const char *namespace_, *name;	/* names as Kubernetes has them; copied */
	const char *identity;		/* of this instance; copied */
	int64_t duration_s;	/* of the lease: longer than renew_ns */
	int64_t renew_ns;	/* for so long who leads may try to renew; longer than retry_ns */
	int64_t retry_ns;	/* from one try to the next */
	uint64_t seed;		/* of the jitter */
};

struct ds_election_request {
	const char *method;	/* GET, POST or PUT */
	const char *target;	/* path; borrowed until the next call of the machine */
	const char *body;	/* NULL = none; borrowed alike */
	size_t len;
};

/* 0 or -ENOMEM. */
int ds_election_new(struct ds_election **ret_election, const struct ds_election_options *options);
void ds_election_free(struct ds_election **election);

/* When ds_election_next has to be asked again: for a request, or because leading ends. */
int64_t ds_election_due(const struct ds_election *e);

/*
 * The next request, which counts as sent; false: none is due, or one is under way. Each must be
 * answered (ds_election_answer), also where nothing came.
 */
bool ds_election_next(struct ds_election *e, int64_t now_ns, int64_t wall_ns,
		      struct ds_election_request *ret_request);

/* What came back; status 0 = nothing. */
void ds_election_answer(struct ds_election *e, int status, const char *body, size_t len,
			int64_t retry_after_ns, int64_t now_ns);

/* Whether this instance leads at that moment. */
bool ds_election_leads(const struct ds_election *e, int64_t now_ns);

/* Who holds it, as far as it was read; "" = nobody. */
const char *ds_election_holder(const struct ds_election *e);

/*
 * The end: it leads no more, and what is asked for next gives the lease back, if it is this
 * instance's. Over when nothing is left to be asked or answered.
 */
void ds_election_release(struct ds_election *e);
bool ds_election_is_over(const struct ds_election *e);

#endif
