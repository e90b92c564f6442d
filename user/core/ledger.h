/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger: which pod held which address when (DESIGN section 6). It owns the pods and outlives
 * them: an ended pod stays for the retention time, because the packets that matter come after it.
 * Bounded (ds_ledger_make_room): the oldest ended pod goes first, and that is counted. Pure.
 */
#ifndef DS_CORE_LEDGER_H
#define DS_CORE_LEDGER_H

#include "user/core/pod.h"

struct ds_ledger;

/* How a pod and an address stood at a moment. */
enum ds_holding {
	DS_HOLDING_NONE,	/* no pod is known for it */
	DS_HOLDING_HELD,
	DS_HOLDING_RELEASED,	/* that pod held it last */
};

struct ds_ledger_stats {
	int64_t pods;
	int64_t ended;
	int64_t evictions;	/* pods, and holders of one address before the last few */
};

/* 0 or -ENOMEM. */
int ds_ledger_new(struct ds_ledger **ret_ledger, size_t max_pods);
void ds_ledger_free(struct ds_ledger **ledger);

/*
 * The pod of that key (its UID; where there is none NAMESPACE/NAME, else its address), made when
 * new. NULL without memory. Borrowed of the ledger until ds_ledger_expire removes it.
 */
struct ds_pod *ds_ledger_pod(struct ds_ledger *l, const char *key, int64_t now_ns,
			     bool *ret_is_new);
struct ds_pod *ds_ledger_find(const struct ds_ledger *l, const char *key);

/*
 * The pod is found under another key from now on. 0; -EEXIST where another pod has it already,
 * -ENAMETOOLONG, -ENOMEM: nothing has changed.
 */
int ds_ledger_rename(struct ds_ledger *l, struct ds_pod *pod, const char *key);

/* Oldest first; NULL at the end. */
struct ds_pod *ds_ledger_first(const struct ds_ledger *l);

/*
 * The pod has the address from that moment. A pod that had it before is returned, its holding
 * ended; else NULL. A holding that never was (told of after its end) is forgotten by that.
 */
struct ds_pod *ds_ledger_hold(struct ds_ledger *l, struct ds_pod *pod, const struct ds_addr *a,
			      int64_t from_ns);

/* Nobody holds the address from that moment. Returns who held it, or NULL. */
struct ds_pod *ds_ledger_release(struct ds_ledger *l, const struct ds_addr *a, int64_t at_ns);

/*
 * The pod never gave the address up: its route was only made anew. False where another has it by
 * now, or where it was not released.
 */
bool ds_ledger_reopen(struct ds_ledger *l, const struct ds_pod *pod, const struct ds_addr *a);

/* Who held the address at that moment, or held it last. NULL when no pod is known for it. */
struct ds_pod *ds_ledger_lookup(const struct ds_ledger *l, const struct ds_addr *a, int64_t at_ns,
				enum ds_holding *ret_holding);

/*
 * Who held the address before `pod` first got it: the pod whose packets still come. Or NULL. Asked
 * again for its answer it comes to an end.
 */
struct ds_pod *ds_ledger_previous(const struct ds_ledger *l, const struct ds_addr *a,
				  const struct ds_pod *pod);

/*
 * Removes pods that ended more than retention_ns before now and wait for no verdict. forget is
 * told each pod first.
 */
void ds_ledger_expire(struct ds_ledger *l, int64_t now_ns, int64_t retention_ns,
		      void (*forget)(void *ctx, struct ds_pod *pod), void *ctx);

/*
 * Makes room for one more pod: at the bound the oldest ended pod of the oldest 1024 goes (one that
 * waits for no verdict before one that does), else the oldest of all; counted. forget is told it
 * first.
 */
void ds_ledger_make_room(struct ds_ledger *l, void (*forget)(void *ctx, struct ds_pod *pod),
			 void *ctx);

/* stats.evictions alone, without a look at every pod. */
int64_t ds_ledger_evictions(const struct ds_ledger *l);

struct ds_ledger_stats ds_ledger_stats(const struct ds_ledger *l);

/* The key under which a pod of the ledger is found. */
const char *ds_ledger_key(const struct ds_pod *pod);

/*
 * The pod is on the host's network: it shares the node's addresses and holds none. A second call
 * changes nothing. Of more than 1024 the first that was told shares no longer: counted.
 */
void ds_ledger_share(struct ds_ledger *l, struct ds_pod *pod);

/* The pods that share, in no order: by next_host. */
struct ds_pod *ds_ledger_first_host(const struct ds_ledger *l);

/* Whether any pod is known to have, or to have had, the address. */
bool ds_ledger_knows(const struct ds_ledger *l, const struct ds_addr *a);

/*
 * Every holding, those of one address together and in the order of ds_ledger_hold; until_ns 0 = it
 * is still held.
 */
void ds_ledger_each_holding(const struct ds_ledger *l,
			    void (*fn)(void *ctx, const struct ds_addr *a, const struct ds_pod *pod,
				       int64_t from_ns, int64_t until_ns),
			    void *ctx);

#endif
