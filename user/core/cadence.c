/* SPDX-License-Identifier: Apache-2.0 */
/* A short ring of beginnings for each (source, pod, port); sources own what holds for all pods. */
#include "user/core/cadence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/util/cleanup.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

#define RING 32
#define HITS_NEEDED 3
#define ALIKE_NEEDED 2		/* other pods, for one that accepted nothing yet */
#define MISSES_ALLOWED 1
#define SAME_NS (20 * DS_NS_PER_MS)	/* a sample and an event of the same connection */
#define SAMPLE_LATE_NS (2 * DS_NS_PER_S)	/* counters are read once a second, then merged */
#define HANDSHAKE_NS (15 * DS_NS_PER_S)	/* from a SYN to its acceptance, with retransmissions */

struct beginning {
	int64_t at_ns;
	uint16_t peer_port;	/* 0 = known by a sample only */
	bool accepted;
	bool check;		/* lost, and recognised */
	bool paired;		/* another is an interval away */
};

struct source_key {
	struct ds_addr addr;
	uint16_t port;
};

struct source {
	struct source_key key;
	int64_t payload_ns, stray_ns;	/* latest, 0 = never */
	struct track *tracks;
	UT_hash_handle hh;
};

struct track {
	struct ds_cadence_key key;
	struct source *source;
	struct track *same_source;
	struct track *prev, *next;	/* by last activity, quietest first */
	struct beginning ring[RING];	/* oldest first */
	int cnt;
	int64_t counter;		/* accepted, as last sampled */
	int64_t counted;		/* accepted beginnings that no sample holds yet */
	bool regular;			/* checked the pod while it accepted */
	UT_hash_handle hh;
};

struct ds_cadences {
	size_t max, cnt;
	int64_t evictions;
	struct source *by_source;
	struct track *by_key;
	struct track *first, *last;
};

int ds_cadences_new(struct ds_cadences **ret_cadences, size_t max)
{
	struct ds_cadences *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->max = max;
	*ret_cadences = c;
	return 0;
}

static void unlink_track(struct ds_cadences *c, struct track *t)
{
	*(t->prev ? &t->prev->next : &c->first) = t->next;
	*(t->next ? &t->next->prev : &c->last) = t->prev;
	t->prev = t->next = NULL;
}

static void append_track(struct ds_cadences *c, struct track *t)
{
	t->prev = c->last;
	*(c->last ? &c->last->next : &c->first) = t;
	c->last = t;
}

static void remove_track(struct ds_cadences *c, struct track *t)
{
	struct source *s = t->source;
	struct track **p = &s->tracks;

	while (*p != t)
		p = &(*p)->same_source;
	*p = t->same_source;
	unlink_track(c, t);
	HASH_DEL(c->by_key, t);
	free(t);
	c->cnt--;
}

static void remove_source(struct ds_cadences *c, struct source *s)
{
	while (s->tracks)
		remove_track(c, s->tracks);
	HASH_DEL(c->by_source, s);
	free(s);
}

void ds_cadences_free(struct ds_cadences **cadences)
{
	struct ds_cadences *c = cadences ? *cadences : NULL;

	if (!c)
		return;
	while (c->by_source)
		remove_source(c, c->by_source);
	free(DS_TAKE(*cadences));
}

/* Keys are hashed as bytes: no padding may differ. */
static struct source_key source_key_of(const struct ds_addr *addr, uint16_t port)
{
	struct source_key key;

	memset(&key, 0, sizeof(key));
	key.addr = *addr;
	key.port = port;
	return key;
}

static struct source *find_source(const struct ds_cadences *c, const struct ds_addr *addr,
				  uint16_t port)
{
	struct source_key key = source_key_of(addr, port);
	struct source *s = NULL;

	HASH_FIND(hh, c->by_source, &key, sizeof(key), s);
	return s;
}

static struct source *get_source(struct ds_cadences *c, const struct ds_addr *addr, uint16_t port)
{
	struct source *s = find_source(c, addr, port);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = source_key_of(addr, port);
	HASH_ADD(hh, c->by_source, key, sizeof(s->key), s);
	if (!DS_HASH_ADDED(s)) {
		free(s);
		return NULL;
	}
	if (HASH_COUNT(c->by_source) > c->max) {
		remove_source(c, c->by_source);		/* the one that came first */
		c->evictions++;
	}
	return s;
}

static struct track *find_track(const struct ds_cadences *c, const struct ds_cadence_key *key)
{
	struct ds_cadence_key exact;
	struct track *t = NULL;

	memset(&exact, 0, sizeof(exact));
	exact.source = key->source;
	exact.pod = key->pod;
	exact.port = key->port;
	HASH_FIND(hh, c->by_key, &exact, sizeof(exact), t);
	return t;
}

static struct track *new_track(struct ds_cadences *c, const struct ds_cadence_key *key)
{
	struct track *t = calloc(1, sizeof(*t));
	struct source *s = t ? get_source(c, &key->source, key->port) : NULL;

	if (!s) {
		free(t);
		return NULL;
	}
	t->key.source = key->source;
	t->key.pod = key->pod;
	t->key.port = key->port;
	t->source = s;
	HASH_ADD(hh, c->by_key, key, sizeof(t->key), t);
	if (!DS_HASH_ADDED(t)) {
		free(t);
		return NULL;
	}
	t->same_source = s->tracks;
	s->tracks = t;
	append_track(c, t);
	c->cnt++;
	return t;
}

/* The track of that key, now the most recent one. NULL without memory. */
static struct track *get_track(struct ds_cadences *c, const struct ds_cadence_key *key)
{
	struct track *t = find_track(c, key);

	if (t) {
		unlink_track(c, t);
		append_track(c, t);
		return t;
	}
	t = new_track(c, key);
	if (t && c->cnt > c->max) {
		remove_track(c, c->first);
		c->evictions++;
	}
	return t;
}

/* How far beside its moment a check may come. */
static int64_t tolerance(int64_t period_ns)
{
	const int64_t least = 100 * DS_NS_PER_MS, most = 500 * DS_NS_PER_MS;
	int64_t ns = period_ns / 8;

	return ns < least ? least : ns > most ? most : ns;
}

static int64_t distance(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static void later(int64_t *stamp, int64_t ns)
{
	if (ns > *stamp)
		*stamp = ns;
}

static bool is_recent(int64_t stamp_ns, int64_t at_ns)
{
	return stamp_ns && distance(stamp_ns, at_ns) < DS_CADENCE_MEMORY_NS;
}

/* It has sent a request, or what may have been one: nothing of it is recognised for a while. */
static bool is_busy(const struct source *s, int64_t at_ns)
{
	return is_recent(s->payload_ns, at_ns) || is_recent(s->stray_ns, at_ns);
}

/* The beginning nearest to a moment, not further off than that; NULL when there is none. */
static struct beginning *nearest(struct track *t, int64_t at_ns, int64_t within_ns)
{
	struct beginning *best = NULL;

	for (int i = 0; i < t->cnt; i++) {
		struct beginning *b = &t->ring[i];

		if (distance(b->at_ns, at_ns) <= within_ns &&
		    (!best || distance(b->at_ns, at_ns) < distance(best->at_ns, at_ns)))
			best = b;
	}
	return best;
}

static int crowd(const struct track *t, int64_t at_ns, int64_t within_ns)
{
	int cnt = 0;

	for (int i = 0; i < t->cnt; i++)
		cnt += distance(t->ring[i].at_ns, at_ns) <= within_ns;
	return cnt;
}

/* Goes back from a moment in steps of the period: how many on its way were surely checks. */
static int checks_before(struct track *t, int64_t at_ns, int64_t period_ns, bool any)
{
	int64_t tol = tolerance(period_ns);
	int hits = 0, misses = 0;

	for (int step = 0; step < RING && hits < HITS_NEEDED; step++) {
		struct beginning *b = nearest(t, at_ns - period_ns, tol);

		if (!b && ++misses > MISSES_ALLOWED)
			break;
		hits += b && (b->accepted || b->check || any);
		/* A grid that drifts is followed. */
		at_ns = b ? b->at_ns : at_ns - period_ns;
	}
	return hits;
}

/* Marks those an interval apart, while the interval is known to be that. */
static void pair(struct track *t, struct beginning *b, const struct ds_periods *periods)
{
	for (int p = 0; p < periods->cnt; p++) {
		int64_t tol = tolerance(periods->ns[p]);

		for (int sign = -1; sign <= 1; sign += 2) {
			struct beginning *other =
				nearest(t, b->at_ns + sign * periods->ns[p], tol);

			if (!other || other == b)
				continue;
			b->paired = other->paired = true;
		}
		if (b->accepted &&
		    checks_before(t, b->at_ns, periods->ns[p], false) >= HITS_NEEDED)
			t->regular = true;
	}
}

static void note_stray(struct track *t, const struct beginning *b)
{
	if (!b->paired)
		later(&t->source->stray_ns, b->at_ns);
}

/* Inserts by time: samples tell of moments before those of events. */
static struct beginning *insert(struct track *t, int64_t at_ns)
{
	int i;

	if (t->cnt == RING) {
		note_stray(t, &t->ring[0]);
		memmove(&t->ring[0], &t->ring[1], (RING - 1) * sizeof(t->ring[0]));
		t->cnt--;
	}
	for (i = t->cnt++; i > 0 && t->ring[i - 1].at_ns > at_ns; i--)
		t->ring[i] = t->ring[i - 1];
	memset(&t->ring[i], 0, sizeof(t->ring[i]));
	t->ring[i].at_ns = at_ns;
	return &t->ring[i];
}

/* The latest of that port that nobody has accepted, or NULL. Ports are used again. */
static struct beginning *lost_one(struct track *t, int64_t at_ns, uint16_t peer_port,
				  int64_t within_ns)
{
	for (int i = t->cnt - 1; i >= 0; i--) {
		struct beginning *b = &t->ring[i];

		if (b->peer_port == peer_port && !b->accepted &&
		    distance(b->at_ns, at_ns) <= within_ns)
			return b;
	}
	return NULL;
}

static void note(struct track *t, int64_t at_ns, uint16_t peer_port, bool accepted,
		 const struct ds_periods *periods)
{
	struct beginning *b = !peer_port ? nearest(t, at_ns, SAME_NS) :
			      accepted ? lost_one(t, at_ns, peer_port, HANDSHAKE_NS) : NULL;

	if (!b) {
		b = insert(t, at_ns);
		b->peer_port = peer_port;
	}
	t->counted += accepted && !b->accepted;
	b->accepted = b->accepted || accepted;
	pair(t, b, periods);
}

void ds_cadence_began(struct ds_cadences *c, const struct ds_cadence_key *key, int64_t at_ns,
		      uint16_t peer_port, bool accepted, const struct ds_periods *periods)
{
	struct source *s = periods->cnt ? find_source(c, &key->source, key->port) : NULL;
	struct track *t;

	/* The many that an address with traffic loses cost no more than this. */
	if (s && !accepted && is_busy(s, at_ns)) {
		later(&s->stray_ns, at_ns);
		return;
	}
	t = periods->cnt ? get_track(c, key) : NULL;
	if (t)
		note(t, at_ns, peer_port, accepted, periods);
}

void ds_cadence_sample(struct ds_cadences *c, const struct ds_cadence_key *key, int64_t accepted,
		       int64_t last_ns, const struct ds_periods *periods)
{
	struct track *t = periods->cnt ? get_track(c, key) : NULL;

	if (!t || accepted == t->counter)
		return;
	note(t, last_ns, 0, true, periods);
	/* A counter that went back is another one: the address has another owner. */
	t->counted -= accepted > t->counter ? accepted - t->counter : accepted;
	t->counter = accepted;
	if (t->counted >= 0)
		return;
	t->counted = 0;
	later(&t->source->stray_ns, last_ns);
}

void ds_cadence_payload(struct ds_cadences *c, const struct ds_addr *source, uint16_t port,
			int64_t at_ns)
{
	struct source *s = get_source(c, source, port);

	if (s)
		later(&s->payload_ns, at_ns);
}

/* Something of that address may have been a request. */
static bool is_mixed(const struct source *s, int64_t at_ns, int64_t longest_ns)
{
	/* The check that follows a young one may not be known yet. */
	int64_t unpaired_ns = at_ns - longest_ns - tolerance(longest_ns) - SAMPLE_LATE_NS;

	if (is_busy(s, at_ns))
		return true;
	for (const struct track *t = s->tracks; t; t = t->same_source)
		for (int i = 0; i < t->cnt; i++)
			if (!t->ring[i].paired && is_recent(t->ring[i].at_ns, at_ns) &&
			    t->ring[i].at_ns < unpaired_ns)
				return true;
	return false;
}

static bool fits(struct track *t, int64_t at_ns, int64_t period_ns)
{
	int64_t tol = tolerance(period_ns);
	struct beginning *before = nearest(t, at_ns - period_ns, tol);
	int alike = 0;

	if (crowd(t, at_ns, tol) > (before ? crowd(t, before->at_ns, tol) : 1))
		return false;
	if (checks_before(t, at_ns, period_ns, false) >= HITS_NEEDED)
		return true;
	/* A pod that never accepted: its neighbours tell what the address does. */
	for (const struct track *o = t->source->tracks; o; o = o->same_source)
		alike += o != t && o->regular;
	return alike >= ALIKE_NEEDED && checks_before(t, at_ns, period_ns, true) >= HITS_NEEDED - 1;
}

bool ds_cadence_is_check(struct ds_cadences *c, const struct ds_cadence_key *key, int64_t at_ns,
			 uint16_t peer_port, const struct ds_periods *periods)
{
	struct track *t = find_track(c, key);
	struct beginning *b = t ? lost_one(t, at_ns, peer_port, SAME_NS) : NULL;
	int64_t longest_ns = 0;

	if (!b || b->check)
		return b != NULL;
	for (int p = 0; p < periods->cnt; p++)
		later(&longest_ns, periods->ns[p]);
	if (is_mixed(t->source, at_ns, longest_ns))
		return false;
	for (int p = 0; p < periods->cnt && !b->check; p++)
		b->check = fits(t, b->at_ns, periods->ns[p]);
	return b->check;
}

int64_t ds_cadences_evictions(const struct ds_cadences *c)
{
	return c->evictions;
}
