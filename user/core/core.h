/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core: takes merged events in order and gives output events and wishes. Pure: no I/O, no
 * clock; time enters only with events. The same events give the same outputs (DESIGN section 3).
 */
#ifndef DS_CORE_CORE_H
#define DS_CORE_CORE_H

#include "user/core/event.h"

/* What the core would like the sources to do. Values only: neither printed nor recorded. */
enum ds_wish_kind {
	DS_WISH_WATCH,		/* watch addr, with these flags */
	DS_WISH_UNWATCH,
	DS_WISH_TAP,		/* tap_on */
	DS_WISH_POLL,		/* ask for the target of addr, port and group */
	DS_WISH_UNPOLL,		/* no target of addr needs to be asked for any more */
};

struct ds_wish {
	enum ds_wish_kind kind;
	struct ds_addr addr;
	uint32_t watch_flags;	/* DS_WATCH_* of include/ds_record.h */
	bool tap_on;
	uint16_t port;		/* 0 = any */
	const char *group;	/* its ARN; NULL = not known. Borrowed for the call */
};

struct ds_core_options {
	size_t max_pods;	/* 0 = default (16384) */
	size_t max_flows;	/* 0 = default (131072) */
	/* An output event; borrowed for the call. */
	void (*emit)(void *ctx, const struct ds_event *ev);
	/* May be NULL (replay). */
	void (*wish)(void *ctx, const struct ds_wish *wish);
	void *ctx;
};

struct ds_core;

int ds_core_new(struct ds_core **ret_core, const struct ds_core_options *options);
void ds_core_free(struct ds_core **core);

/* Takes the next event, in the order of the merge stage. Borrowed for the call. */
void ds_core_feed(struct ds_core *core, const struct ds_event *ev);

/*
 * Everything that a later run must know, as events (DS_KEY_RESTORED is set): fed to a fresh core
 * right after its start event they make the same ledger. Borrowed for the call.
 */
void ds_core_snapshot(const struct ds_core *core,
		      void (*emit)(void *ctx, const struct ds_event *ev), void *ctx);

/*
 * Up to here a snapshot knows everything: the time of the latest event, or of the first evidence
 * about a connection of the load balancer that is not decided yet, which a snapshot does not hold.
 * 0 before any event.
 */
int64_t ds_core_known_until(const struct ds_core *core);

/* Whether some pod goes away and its verdict is not written yet. */
bool ds_core_pod_goes(const struct ds_core *core);

/*
 * Whether Kubernetes owes word of a pod: its containers have been told to end, and nobody has said
 * why. A kubelet that ends the pods of its node says so only once they have ended.
 */
bool ds_core_waits_for_word(const struct ds_core *core);

/* Drops by rollout causes so far: what --fail-on counts. */
uint64_t ds_core_rollout_drops(const struct ds_core *core);

/* Evidence lost so far, all stages: what --strict asks. */
int64_t ds_core_lost(const struct ds_core *core);

/* What a packet was for which no pod was found. */
enum ds_unattributed {
	DS_UNATTRIBUTED_SYN,
	DS_UNATTRIBUTED_RESET,	/* a reset, or what was answered by one */
	DS_UNATTRIBUTED_OTHER,
	DS_UNATTRIBUTED_MAX
};

/* What it holds, and what it could not place, at this moment. */
struct ds_core_counts {
	int64_t pods;		/* that are remembered */
	int64_t pods_ended;	/* of them */
	int64_t evictions;	/* entries given up because a table was full */
	uint64_t unattributed[DS_UNATTRIBUTED_MAX];	/* packets of watched addresses */
};

/* Looks at every pod. */
struct ds_core_counts ds_core_counts(const struct ds_core *core);

/* A rollout cause: level error, verdict dropped (DESIGN section 2). */
bool ds_cause_is_rollout(int cause);

/* The pod's node, or a pod of more weight, ended it: that is not its workload's doing. */
bool ds_trigger_is_imposed(int trigger);

#endif
