/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offset on which most drains agree, by Marzullo's algorithm. That only some of them contradict
 * the clock's own word does not prove it right: half a second hides in CloudTrail's whole seconds
 * half of the time.
 */
#include "user/core/target_clock_learn.h"

#include <string.h>

#include "user/core/target_clock.h"
#include "user/core/target_facts.h"
#include "user/util/hash.h"

/* A reading of "not draining yet" may be out of date by so much (eventual consistency). */
#define STALE_NS INT64_C(15000000000)

/* The first call counts; a second one, without effect, is no clock that is off. */
static bool tells_a_later_call(const struct ds_facts *facts, const struct ds_fact *a,
			       const struct ds_fact *b)
{
	for (int i = 0; i < facts->cnt; i++) {
		const struct ds_fact *f = &facts->fact[i];

		if (f->kind == DS_FACT_DRAIN && f->source == b->source && f->lo_ns <= a->hi_ns &&
		    a->lo_ns <= f->hi_ns && (f->lo_ns > b->hi_ns || b->lo_ns > f->hi_ns))
			return true;
	}
	return false;
}

static int64_t within(int64_t off_ns)
{
	return off_ns > DS_CLOCK_OFF_MAX_NS ? DS_CLOCK_OFF_MAX_NS :
	       off_ns < -DS_CLOCK_OFF_MAX_NS ? -DS_CLOCK_OFF_MAX_NS : off_ns;
}

static void say(struct ds_clock *c, const struct ds_clock_said *said)
{
	int kept = 0, same = -1;

	for (int i = 0; i < c->cnt; i++) {
		if (said->at_ns - c->said[i].at_ns > DS_CLOCK_KEEP_NS)
			continue;
		if (c->said[i].drain == said->drain)
			same = kept;
		c->said[kept++] = c->said[i];
	}
	c->cnt = kept;
	if (same >= 0) {
		c->said[same] = *said;
		return;
	}
	if (c->cnt == DS_CLOCK_DRAINS_MAX)
		memmove(&c->said[0], &c->said[1], sizeof(c->said[0]) * (size_t)--c->cnt);
	c->said[c->cnt++] = *said;
}

/* How many drains allow the offset; *ret_hi_ns is up to where the same ones do. */
static int support(const struct ds_clock *c, int64_t off_ns, int64_t *ret_hi_ns)
{
	int cnt = 0;

	*ret_hi_ns = DS_CLOCK_OFF_MAX_NS;
	for (int i = 0; i < c->cnt; i++) {
		if (c->said[i].lo_ns > off_ns || c->said[i].hi_ns < off_ns)
			continue;
		cnt++;
		if (c->said[i].hi_ns < *ret_hi_ns)
			*ret_hi_ns = c->said[i].hi_ns;
	}
	return cnt;
}

static void note(struct ds_clock *c, int64_t lo_ns, int64_t hi_ns)
{
	if (hi_ns > c->ahead_ns)
		c->ahead_ns = hi_ns;
	if (-lo_ns > c->behind_ns)
		c->behind_ns = -lo_ns;
}

static bool contradicts(const struct ds_clock *c, const struct ds_clock_said *said)
{
	return said->lo_ns > c->error_ns || said->hi_ns < -c->error_ns;
}

/* The most drains that allow an offset within the clock's own word; and within any. */
static int best_support(const struct ds_clock *c, bool own_word)
{
	int64_t hi_ns;
	int best = own_word ? support(c, -c->error_ns, &hi_ns) : 0;

	for (int i = 0; i < c->cnt; i++) {
		int cnt = support(c, c->said[i].lo_ns, &hi_ns);

		if (own_word && (c->said[i].lo_ns > c->error_ns || c->said[i].lo_ns < -c->error_ns))
			continue;
		if (cnt > best)
			best = cnt;
	}
	return best;
}

static void learn(struct ds_clock *c)
{
	int best = best_support(c, false), own = best_support(c, true), contradict = 0;

	c->ahead_ns = c->behind_ns = 0;
	for (int i = 0; i < c->cnt; i++)
		contradict += contradicts(c, &c->said[i]);
	/* Nobody does, or so few that they tell another call, one that the others did not see. */
	if (!contradict || (own == best && contradict * 3 <= best))
		return;
	for (int i = 0; i < c->cnt; i++) {
		int64_t hi_ns;

		if (own == best && contradicts(c, &c->said[i]))
			note(c, c->said[i].lo_ns, c->said[i].hi_ns);	/* either may be right */
		else if (own < best && support(c, c->said[i].lo_ns, &hi_ns) == best)
			note(c, c->said[i].lo_ns, hi_ns);
	}
}

/* The clock of a, by b: bounds of a less the error that is in them, bounds of b with its own. */
static void compare(struct ds_clock *c, uint64_t drain, const struct ds_fact *a,
		    const struct ds_fact *b, int64_t at_ns)
{
	struct ds_clock_said said = { .drain = drain, .at_ns = at_ns };
	int64_t a_lo_ns = a->lo_ns ? a->lo_ns + a->error_ns : 0, b_lo_ns = b->lo_ns;

	if (a_lo_ns && !ds_target_source_is_call(a->source))
		a_lo_ns -= STALE_NS;
	if (b_lo_ns && !ds_target_source_is_call(b->source))
		b_lo_ns -= STALE_NS;
	said.lo_ns = a_lo_ns ? a_lo_ns - b->hi_ns : -DS_CLOCK_OFF_MAX_NS;
	said.hi_ns = b_lo_ns ? a->hi_ns - a->error_ns - b_lo_ns : DS_CLOCK_OFF_MAX_NS;
	if (said.lo_ns > DS_CLOCK_OFF_MAX_NS || said.hi_ns < -DS_CLOCK_OFF_MAX_NS ||
	    said.lo_ns > said.hi_ns)
		return;		/* no clock is off by that much: they tell different calls */
	said.lo_ns = within(said.lo_ns);
	said.hi_ns = within(said.hi_ns);
	if (a->error_ns > c->error_ns)
		c->error_ns = a->error_ns;
	say(c, &said);
	learn(c);
}

void ds_target_clocks_compare(struct ds_target_clocks *clocks, uint64_t target,
			      const struct ds_facts *facts, int64_t at_ns)
{
	struct ds_fact by[DS_TARGET_SOURCE_MAX];

	ds_facts_by_source(facts, by);
	for (int s = 0; s < DS_TARGET_SOURCE_MAX; s++) {
		if (by[s].source < 0 || by[s].error_ns <= 0)
			continue;	/* nothing said, or by this node's clock */
		for (int other = 0; other < DS_TARGET_SOURCE_MAX; other++) {
			uint64_t drain[2] = { target, (uint64_t)other };

			if (other == s || by[other].source < 0 || by[other].error_ns < 0 ||
			    tells_a_later_call(facts, &by[s], &by[other]) ||
			    tells_a_later_call(facts, &by[other], &by[s]))
				continue;
			compare(&clocks->of[s], ds_siphash13(1, 2, drain, sizeof(drain)), &by[s],
				&by[other], at_ns);
		}
	}
}
