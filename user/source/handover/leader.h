/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes part in the election (election.h) on the loop: says when this instance begins to lead, and
 * when it does no more. Whatever goes wrong is logged once of each kind, and tried again.
 */
#ifndef DS_SOURCE_HANDOVER_LEADER_H
#define DS_SOURCE_HANDOVER_LEADER_H

#include "user/source/handover/election.h"

struct ds_kube_api;
struct ds_leader;

struct ds_leader_options {
	struct ds_election_options election;	/* but for the seed, which is made here */
	/* From the loop, whenever it has become otherwise. */
	void (*leads)(void *ctx, bool leads);
	/* What ds_leader_resign began has come to its end. */
	void (*over)(void *ctx);
	void *ctx;
};

/* 0, or -ENOMEM with one line logged. The API must outlive it. */
int ds_leader_new(struct ds_leader **ret_leader, struct ds_kube_api *api,
		  const struct ds_leader_options *options);

/* Gives the lease back, if it is this instance's; over is called within two seconds. */
void ds_leader_resign(struct ds_leader *l);

/* Calls nobody any more; the loop must run once more. NULL is fine. */
void ds_leader_free(struct ds_leader **leader);

#endif
