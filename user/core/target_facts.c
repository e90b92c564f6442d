/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts in the order of their times fall into registrations, each ended by a drain at most. Within
 * one drain the lower bound is the largest, the upper the smallest that any source gives; sources
 * that cannot both be right widen it to what either says.
 */
#include "user/core/target_facts.h"

#include <string.h>

#include "user/core/target_clock.h"

/*
 * DescribeTargetHealth is eventually consistent: an answer this soon after a change may not know
 * it. AWS gives no figure.
 */
#define STALE_NS INT64_C(15000000000)
#define INITIAL_STALE_NS INT64_C(2000000000)	/* of one that still says draining */

bool ds_target_source_is_call(int source)
{
	return source == DS_TARGET_SOURCE_CONTROLLER_LOG || source == DS_TARGET_SOURCE_CLOUDTRAIL;
}

static bool is_registered(const struct ds_fact *f)
{
	return f->kind <= DS_FACT_REGISTERING;
}

/*
 * Where a fact stands. A reading counts from its earliest moment: only one that is surely later
 * than a drain speaks of another registration. Two calls are told in the order of their stamps.
 */
static int64_t key(const struct ds_fact *f)
{
	return f->kind == DS_FACT_REGISTERED || f->kind == DS_FACT_HINT ? f->lo_ns : f->hi_ns;
}

static void remove_at(struct ds_facts *facts, int i)
{
	facts->cnt--;
	memmove(&facts->fact[i], &facts->fact[i + 1],
		sizeof(facts->fact[0]) * (size_t)(facts->cnt - i));
}

/* Of a row of readings only the first and the last say anything. */
static bool is_between_readings(const struct ds_facts *facts, int i)
{
	return i > 0 && i + 1 < facts->cnt && facts->fact[i].kind <= DS_FACT_INITIAL &&
	       is_registered(&facts->fact[i - 1]) && is_registered(&facts->fact[i + 1]);
}

/* "Draining", read as the target was being registered: the API's old answer. */
static bool is_outdated(const struct ds_facts *facts, int i)
{
	const struct ds_fact *f = &facts->fact[i], *before = i > 0 ? f - 1 : NULL;

	return f->kind == DS_FACT_DRAIN && !f->lo_ns && before &&
	       is_registered(before) && before->kind != DS_FACT_REGISTERED &&
	       f->hi_ns - key(before) < INITIAL_STALE_NS;
}

/* The same once more; "still draining", which the same source has said since the registration. */
static bool is_repeated(const struct ds_facts *facts, int i)
{
	const struct ds_fact *f = &facts->fact[i];

	for (int k = i - 1; k >= 0 && !is_registered(&facts->fact[k]); k--) {
		const struct ds_fact *before = &facts->fact[k];

		if (before->kind == f->kind && before->source == f->source &&
		    ((f->kind == DS_FACT_DRAIN && !f->lo_ns) ||
		     (before->lo_ns == f->lo_ns && before->hi_ns == f->hi_ns)))
			return true;
	}
	return i > 0 && is_registered(f) && !memcmp(f, f - 1, sizeof(*f));
}

static void tidy(struct ds_facts *facts)
{
	for (int i = facts->cnt - 1; i >= 0; i--)
		if (is_between_readings(facts, i) || is_outdated(facts, i) || is_repeated(facts, i))
			remove_at(facts, i);
}

void ds_facts_add(struct ds_facts *facts, const struct ds_fact *fact)
{
	int i;

	if (facts->cnt == DS_FACTS_MAX) {
		if (key(fact) < key(&facts->fact[0]))
			return;
		remove_at(facts, 0);
	}
	for (i = facts->cnt; i > 0 && key(&facts->fact[i - 1]) > key(fact); i--)
		facts->fact[i] = facts->fact[i - 1];
	facts->fact[i] = *fact;
	facts->cnt++;
	tidy(facts);
}

/* ---- one drain ---- */

struct said {
	bool any;
	int64_t lo_ns, hi_ns;
	int64_t error_ns;
};

struct drain {
	const struct ds_target_clocks *clocks;
	struct said by[DS_TARGET_SOURCE_MAX];
	bool widened;		/* one of them contradicts what others say elsewhere */
	int64_t registered_ns, hint_ns;
	int hint_source;
	bool has_served;	/* it was past `initial` before */
	bool open;		/* facts of it have been seen */
	int64_t hi_ns;		/* of the latest of them */
};

/*
 * One source speaks twice of a drain: it saw two calls, the second without effect, or it looked
 * again.
 */
static void narrow(struct said *said, const struct ds_fact *f)
{
	if (!said->any) {
		*said = (struct said){ true, f->lo_ns, f->hi_ns, f->error_ns };
	} else if (f->lo_ns <= said->hi_ns && said->lo_ns <= f->hi_ns) {
		if (f->lo_ns > said->lo_ns)
			said->lo_ns = f->lo_ns;
		if (f->hi_ns < said->hi_ns)
			said->hi_ns = f->hi_ns;
	} else if (f->hi_ns < said->hi_ns) {
		*said = (struct said){ true, f->lo_ns, f->hi_ns, f->error_ns };	/* the first call */
	}
}

static void set_lo(struct ds_facts_drain *d, int64_t lo_ns, int source)
{
	d->lo_ns = lo_ns;
	d->lo_source = source;
}

static void set_hi(struct ds_facts_drain *d, int64_t hi_ns, int source)
{
	d->hi_ns = hi_ns;
	d->hi_source = source;
}

static void intersect(const struct drain *drain, struct ds_facts_drain *d)
{
	for (int s = 0; s < DS_TARGET_SOURCE_MAX; s++) {
		const struct said *said = &drain->by[s];

		if (!said->any)
			continue;
		if (!d->lo_ns || said->lo_ns > d->lo_ns)
			set_lo(d, said->lo_ns, s);
		if (!d->hi_ns || said->hi_ns < d->hi_ns)
			set_hi(d, said->hi_ns, s);
	}
}

static void enclose(const struct drain *drain, struct ds_facts_drain *d)
{
	bool first = true;

	d->conflict = true;
	for (int s = 0; s < DS_TARGET_SOURCE_MAX; s++) {
		const struct said *said = &drain->by[s];

		if (!said->any)
			continue;
		if (first || said->lo_ns < d->lo_ns)	/* 0 = no bound: then there is none */
			set_lo(d, said->lo_ns, s);
		if (first || said->hi_ns > d->hi_ns)
			set_hi(d, said->hi_ns, s);
		first = false;
	}
}

static struct ds_facts_drain conclude(const struct drain *drain)
{
	struct ds_facts_drain d = {
		.registered_ns = drain->registered_ns, .hint_ns = drain->hint_ns,
	};

	if (drain->open) {
		d.began = true;
		intersect(drain, &d);
		d.conflict = drain->widened;
		if (d.lo_ns > d.hi_ns)
			enclose(drain, &d);
		d.own_lo = d.lo_ns != 0;
	}
	if (!d.own_lo && d.hint_ns && (!d.began || d.hint_ns <= d.hi_ns))
		set_lo(&d, d.hint_ns, drain->hint_source);
	/* Still registered after that: the controller or the API is late. */
	if (d.registered_ns > d.lo_ns && (!d.began || d.registered_ns <= d.hi_ns))
		set_lo(&d, d.registered_ns, DS_TARGET_SOURCE_LAST_REGISTERED);
	return d;
}

/* ---- all of them ---- */

static void take_registered(struct drain *drain, const struct ds_fact *f)
{
	struct ds_fact wide = *f;

	(void)ds_target_clocks_widen(drain->clocks, &wide);
	if (drain->open)
		*drain = (struct drain){ .clocks = drain->clocks };	/* registered again */
	drain->has_served = drain->has_served || f->kind == DS_FACT_REGISTERED;
	if (wide.lo_ns > drain->registered_ns)
		drain->registered_ns = wide.lo_ns;
	if (drain->hint_ns <= drain->registered_ns)
		drain->hint_ns = 0;
}

static void take_drain(struct drain *drain, const struct ds_fact *f)
{
	struct ds_fact wide = *f;

	drain->widened |= ds_target_clocks_widen(drain->clocks, &wide);
	drain->open = true;
	narrow(&drain->by[f->source], &wide);
	if (f->hi_ns > drain->hi_ns)
		drain->hi_ns = f->hi_ns;
}

/* Perhaps an answer from before the drain, unless a target past `initial` is initial again. */
static bool is_stale(const struct drain *drain, const struct ds_fact *f)
{
	return drain->open && f->source == DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH &&
	       f->lo_ns - drain->hi_ns <= STALE_NS &&
	       (f->kind == DS_FACT_REGISTERED || !drain->has_served);
}

static void walk(const struct ds_facts *facts, int64_t from_ns, int64_t until_ns,
		 struct drain *drain)
{
	for (int i = 0; i < facts->cnt; i++) {
		const struct ds_fact *f = &facts->fact[i];

		if (f->kind == DS_FACT_DRAIN && f->hi_ns < from_ns)
			continue;	/* of who had the address before */
		if (is_registered(f)) {
			if (is_stale(drain, f))
				continue;
			if (until_ns && key(f) > until_ns &&
			    (drain->open || f->kind != DS_FACT_REGISTERED))
				break;	/* of who has the address now */
			take_registered(drain, f);
		} else if (f->kind == DS_FACT_HINT) {
			if (!drain->open && f->lo_ns > drain->hint_ns) {
				drain->hint_ns = f->lo_ns;
				drain->hint_source = f->source;
			}
		} else {
			take_drain(drain, f);
		}
	}
}

struct ds_facts_drain ds_facts_drain(const struct ds_facts *facts, int64_t from_ns,
				     int64_t until_ns, const struct ds_target_clocks *clocks)
{
	struct drain drain = { .clocks = clocks };

	walk(facts, from_ns, until_ns, &drain);
	return conclude(&drain);
}

void ds_facts_by_source(const struct ds_facts *facts, struct ds_fact by[DS_TARGET_SOURCE_MAX])
{
	struct drain drain = { 0 };

	walk(facts, 0, 0, &drain);
	for (int s = 0; s < DS_TARGET_SOURCE_MAX; s++)
		by[s] = (struct ds_fact){
			.lo_ns = drain.by[s].lo_ns, .hi_ns = drain.by[s].hi_ns,
			.error_ns = drain.by[s].error_ns, .kind = DS_FACT_DRAIN,
			.source = drain.by[s].any ? s : -1,
		};
}
