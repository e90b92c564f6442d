/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger: two hash tables (pods by key, addresses) and one list of pods by age. */
#include "user/core/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/hash.h"

#define HOLDINGS_MAX 8	/* of one address; the oldest is forgotten */
#define HOSTS_MAX 1024	/* each packet for the node's address looks at all of them */
#define LOOK_MAX 1024	/* pods that live on a node at a time: among as many one has ended */

struct holding {
	struct ds_pod *pod;
	int64_t from_ns;
	int64_t until_ns;	/* 0 = still held */
};

struct pod_entry {
	struct ds_pod pod;	/* first: a pod is its entry */
	UT_hash_handle hh;
	char key[DS_POD_NAME_LEN * 2 + 2];
};

struct address_entry {
	struct ds_addr addr;
	struct holding holdings[HOLDINGS_MAX];	/* oldest first */
	int cnt;
	UT_hash_handle hh;
};

struct ds_ledger {
	size_t max_pods;
	size_t pods_cnt;
	int64_t evictions;
	struct pod_entry *by_key;
	struct address_entry *by_address;
	struct ds_pod *first, *last;
	struct ds_pod *first_host, *last_host;
	int hosts_cnt;
};

int ds_ledger_new(struct ds_ledger **ret_ledger, size_t max_pods)
{
	struct ds_ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->max_pods = max_pods;
	*ret_ledger = l;
	return 0;
}

static void drop_holding(struct address_entry *e, int i)
{
	memmove(&e->holdings[i], &e->holdings[i + 1],
		(size_t)(e->cnt - i - 1) * sizeof(e->holdings[0]));
	e->cnt--;
}

static struct address_entry *address_of(const struct ds_ledger *l, const struct ds_addr *a)
{
	struct address_entry *e = NULL;

	HASH_FIND(hh, l->by_address, a, sizeof(*a), e);
	return e;
}

static void remove_address(struct ds_ledger *l, struct address_entry *e)
{
	HASH_DELETE(hh, l->by_address, e);
	free(e);
}

static void unshare(struct ds_ledger *l, struct ds_pod *pod)
{
	if (!pod->shares)
		return;
	*(pod->prev_host ? &pod->prev_host->next_host : &l->first_host) = pod->next_host;
	*(pod->next_host ? &pod->next_host->prev_host : &l->last_host) = pod->prev_host;
	pod->prev_host = pod->next_host = NULL;
	pod->shares = false;
	l->hosts_cnt--;
}

static void remove_pod(struct ds_ledger *l, struct ds_pod *pod)
{
	struct pod_entry *entry = (struct pod_entry *)pod;

	unshare(l, pod);

	for (int i = 0; i < pod->addresses_cnt; i++) {
		struct address_entry *e = address_of(l, &pod->addresses[i]);

		for (int k = e ? e->cnt - 1 : -1; k >= 0; k--)
			if (e->holdings[k].pod == pod)
				drop_holding(e, k);
		if (e && !e->cnt)
			remove_address(l, e);
	}
	if (pod->prev)
		pod->prev->next = pod->next;
	else
		l->first = pod->next;
	if (pod->next)
		pod->next->prev = pod->prev;
	else
		l->last = pod->prev;
	l->pods_cnt--;
	HASH_DELETE(hh, l->by_key, entry);
	ds_pod_clear(pod);
	free(entry);
}

void ds_ledger_free(struct ds_ledger **ledger)
{
	struct ds_ledger *l = ledger ? *ledger : NULL;

	if (!l)
		return;
	while (l->first)
		remove_pod(l, l->first);
	free(DS_TAKE(*ledger));
}

struct ds_pod *ds_ledger_find(const struct ds_ledger *l, const char *key)
{
	struct pod_entry *e = NULL;
	size_t len = strlen(key);

	HASH_FIND(hh, l->by_key, key, len, e);
	return e ? &e->pod : NULL;
}

struct ds_pod *ds_ledger_pod(struct ds_ledger *l, const char *key, int64_t now_ns, bool *ret_is_new)
{
	struct ds_pod *pod = ds_ledger_find(l, key);
	struct pod_entry *e;
	size_t len = strlen(key);

	*ret_is_new = !pod;
	if (pod)
		return pod;
	e = calloc(1, sizeof(*e));
	if (!e || len >= sizeof(e->key)) {
		free(e);
		return NULL;
	}
	memcpy(e->key, key, len + 1);
	HASH_ADD_KEYPTR(hh, l->by_key, e->key, len, e);
	if (!DS_HASH_ADDED(e)) {
		free(e);
		return NULL;
	}
	pod = &e->pod;
	pod->seen_ns = now_ns;
	pod->phase_kubernetes = pod->phase_kernel = -1;
	pod->trigger = pod->ended_by = -1;
	pod->grace_s = -1;
	pod->prev = l->last;
	if (l->last)
		l->last->next = pod;
	else
		l->first = pod;
	l->last = pod;
	l->pods_cnt++;
	return pod;
}

int ds_ledger_rename(struct ds_ledger *l, struct ds_pod *pod, const char *key)
{
	struct pod_entry *e = (struct pod_entry *)pod;
	size_t len = strlen(key);
	char old[sizeof(e->key)];

	if (len >= sizeof(e->key))
		return -ENAMETOOLONG;
	if (ds_ledger_find(l, key))
		return -EEXIST;
	HASH_DELETE(hh, l->by_key, e);
	memcpy(old, e->key, sizeof(old));
	memcpy(e->key, key, len + 1);
	HASH_ADD_KEYPTR(hh, l->by_key, e->key, len, e);
	if (DS_HASH_ADDED(e))
		return 0;
	memcpy(e->key, old, sizeof(old));
	HASH_ADD_KEYPTR(hh, l->by_key, e->key, strlen(e->key), e);
	return -ENOMEM;
}

struct ds_pod *ds_ledger_first(const struct ds_ledger *l)
{
	return l->first;
}

struct ds_pod *ds_ledger_hold(struct ds_ledger *l, struct ds_pod *pod, const struct ds_addr *a,
			      int64_t from_ns)
{
	struct address_entry *e = address_of(l, a);
	struct holding *last;
	struct ds_pod *before = NULL;

	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return NULL;
		e->addr = *a;
		HASH_ADD_KEYPTR(hh, l->by_address, &e->addr, sizeof(e->addr), e);
		if (!DS_HASH_ADDED(e)) {
			free(e);
			return NULL;
		}
	}
	/* Told of only after its end: it never was seen to hold the address. */
	if (e->cnt && e->holdings[e->cnt - 1].until_ns &&
	    e->holdings[e->cnt - 1].until_ns <= e->holdings[e->cnt - 1].from_ns)
		drop_holding(e, e->cnt - 1);
	last = e->cnt ? &e->holdings[e->cnt - 1] : NULL;
	if (last && last->pod == pod)
		return NULL;
	if (last) {
		before = last->pod;
		if (!last->until_ns)
			last->until_ns = from_ns;
	}
	if (e->cnt == HOLDINGS_MAX) {
		l->evictions++;
		drop_holding(e, 0);
	}
	e->holdings[e->cnt++] = (struct holding){ .pod = pod, .from_ns = from_ns };
	return before;
}

struct ds_pod *ds_ledger_release(struct ds_ledger *l, const struct ds_addr *a, int64_t at_ns)
{
	struct address_entry *e = address_of(l, a);
	struct holding *last = e && e->cnt ? &e->holdings[e->cnt - 1] : NULL;

	if (!last)
		return NULL;
	if (!last->until_ns)
		last->until_ns = at_ns;
	return last->pod;
}

bool ds_ledger_reopen(struct ds_ledger *l, const struct ds_pod *pod, const struct ds_addr *a)
{
	struct address_entry *e = address_of(l, a);
	struct holding *last = e && e->cnt ? &e->holdings[e->cnt - 1] : NULL;

	if (!last || last->pod != pod || !last->until_ns)
		return false;
	last->until_ns = 0;
	return true;
}

struct ds_pod *ds_ledger_lookup(const struct ds_ledger *l, const struct ds_addr *a, int64_t at_ns,
				enum ds_holding *ret_holding)
{
	const struct address_entry *e = address_of(l, a);
	const struct holding *h;
	int i;

	*ret_holding = DS_HOLDING_NONE;
	if (!e || !e->cnt)
		return NULL;
	/* A pod may be told of after its first packet: the oldest holding has no start. */
	for (i = e->cnt - 1; i > 0 && e->holdings[i].from_ns > at_ns; i--)
		;
	h = &e->holdings[i];
	*ret_holding = h->until_ns && at_ns >= h->until_ns ? DS_HOLDING_RELEASED : DS_HOLDING_HELD;
	return h->pod;
}

struct ds_pod *ds_ledger_previous(const struct ds_ledger *l, const struct ds_addr *a,
				  const struct ds_pod *pod)
{
	const struct address_entry *e = address_of(l, a);

	/* From the first holding of the pod on: two pods may have had the address by turns. */
	for (int i = 0; e && i < e->cnt; i++)
		if (e->holdings[i].pod == pod)
			return i ? e->holdings[i - 1].pod : NULL;
	return NULL;
}

void ds_ledger_expire(struct ds_ledger *l, int64_t now_ns, int64_t retention_ns,
		      void (*forget)(void *ctx, struct ds_pod *pod), void *ctx)
{
	for (struct ds_pod *pod = l->first, *next; pod; pod = next) {
		int64_t ended = ds_pod_ended_ns(pod);

		next = pod->next;
		if (!ended || !pod->verdict_written || now_ns - ended < retention_ns)
			continue;
		forget(ctx, pod);
		remove_pod(l, pod);
	}
}

void ds_ledger_make_room(struct ds_ledger *l, void (*forget)(void *ctx, struct ds_pod *pod),
			 void *ctx)
{
	struct ds_pod *ended = NULL, *judged = NULL, *victim;
	int looked = 0;

	if (l->pods_cnt < l->max_pods)
		return;
	for (struct ds_pod *pod = l->first; pod && !judged && looked++ < LOOK_MAX;
	     pod = pod->next) {
		if (!ds_pod_ended_ns(pod))
			continue;
		if (!ended)
			ended = pod;
		if (pod->verdict_written)
			judged = pod;
	}
	victim = judged ? judged : ended ? ended : l->first;
	if (!victim)
		return;
	l->evictions++;
	forget(ctx, victim);
	remove_pod(l, victim);
}

const char *ds_ledger_key(const struct ds_pod *pod)
{
	return ((const struct pod_entry *)pod)->key;
}

void ds_ledger_share(struct ds_ledger *l, struct ds_pod *pod)
{
	if (pod->shares)
		return;
	if (l->hosts_cnt == HOSTS_MAX) {
		l->evictions++;
		unshare(l, l->last_host);
	}
	pod->next_host = l->first_host;
	*(l->first_host ? &l->first_host->prev_host : &l->last_host) = pod;
	l->first_host = pod;
	pod->shares = true;
	l->hosts_cnt++;
}

struct ds_pod *ds_ledger_first_host(const struct ds_ledger *l)
{
	return l->first_host;
}

bool ds_ledger_knows(const struct ds_ledger *l, const struct ds_addr *a)
{
	for (const struct ds_pod *pod = l->first_host; pod; pod = pod->next_host)
		if (ds_pod_has_address(pod, a))
			return true;
	return address_of(l, a) != NULL;
}

void ds_ledger_each_holding(const struct ds_ledger *l,
			    void (*fn)(void *ctx, const struct ds_addr *a, const struct ds_pod *pod,
				       int64_t from_ns, int64_t until_ns),
			    void *ctx)
{
	for (const struct address_entry *e = l->by_address; e; e = e->hh.next)
		for (int i = 0; i < e->cnt; i++)
			fn(ctx, &e->addr, e->holdings[i].pod, e->holdings[i].from_ns,
			   e->holdings[i].until_ns);
}

int64_t ds_ledger_evictions(const struct ds_ledger *l)
{
	return l->evictions;
}

struct ds_ledger_stats ds_ledger_stats(const struct ds_ledger *l)
{
	struct ds_ledger_stats s = { .pods = (int64_t)l->pods_cnt, .evictions = l->evictions };

	for (const struct ds_pod *pod = l->first; pod; pod = pod->next)
		s.ended += ds_pod_ended_ns(pod) != 0;
	return s;
}
