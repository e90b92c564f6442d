/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs by their due times, the earliest first: so nobody starves where the rate is too small for
 * all of them. A job is one question about one group or load balancer, and waits for three things:
 * its own time, the back-off of the requests that AWS counts together, and the rate.
 */
#include "user/source/elb/elb_plan.h"

#include <errno.h>
#include <stdlib.h>

#include "user/source/elb/elb_subject.h"
#include "user/util/cleanup.h"
#include "user/util/timefmt.h"

#define NEVER INT64_MAX
#define INTERVAL_DEFAULT_NS DS_NS_PER_S
#define RATE_DEFAULT 5.0
#define RATE_MAX 1000.0
#define FACTS_NS (3600 * DS_NS_PER_S)		/* what a group is hardly changes */
#define ADDRESSES_NS (300 * DS_NS_PER_S)	/* an ALB's change as it scales */
#define BACKOFF_NS DS_NS_PER_S
#define BACKOFF_MAX_NS (60 * DS_NS_PER_S)
#define DENIED_NS (30 * DS_NS_PER_S)
#define DENIED_MAX_NS (600 * DS_NS_PER_S)
#define RETRY_AFTER_MAX_NS (300 * DS_NS_PER_S)	/* whatever a reply says */
#define DOUBLINGS_MAX 16
#define PACE_MAX_NS (5 * DS_NS_PER_S)
#define PACE_BACK 32		/* of the pace that each answer gives back */

struct ds_elb_plan {
	struct ds_elb_plan_options options;
	struct ds_elb_subjects subjects;
	int64_t token_ns;	/* the next request may start then */
	bool facts_last;	/* the latest request was not of health */
	uint64_t chance;
	struct ds_elb_counters counters;
};

#define DS_ELB_ASK_NAME(id, action) [DS_ELB_ASK_##id] = action,

const char *ds_elb_ask_name(enum ds_elb_ask ask)
{
	static const char *const names[] = { DS_ELB_ASK_LIST(DS_ELB_ASK_NAME) };

	return names[ask];
}

/* ---- chance ---- */

/* splitmix64: every seed is as good as another. */
static uint64_t next_chance(struct ds_elb_plan *plan)
{
	uint64_t z = plan->chance += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Of [0, below]. */
static int64_t chance_ns(struct ds_elb_plan *plan, int64_t below_ns)
{
	return (int64_t)(next_chance(plan) % (uint64_t)(below_ns + 1));
}

/* Within a tenth of it, either way: the agents of a fleet do not ask in step. */
static int64_t jittered(struct ds_elb_plan *plan, int64_t ns)
{
	return ns - ns / 10 + chance_ns(plan, ns / 5);
}

/* Rounded up: a third of a second less a nanosecond would let four into one. */
static int64_t spacing_ns(const struct ds_elb_plan *plan)
{
	return (int64_t)((double)DS_NS_PER_S / plan->options.rate) + 1;
}

/* base, doubled with each failure up to max; the upper half of that by chance. */
static int64_t backoff(struct ds_elb_plan *plan, int64_t base_ns, unsigned int failures,
		       int64_t max_ns)
{
	unsigned int doublings = failures > DOUBLINGS_MAX ? DOUBLINGS_MAX : failures - 1;
	int64_t ns = base_ns << doublings;

	if (ns > max_ns)
		ns = max_ns;
	return ns / 2 + chance_ns(plan, ns / 2);
}

/* ---- subjects ---- */

int ds_elb_plan_new(struct ds_elb_plan **ret_plan, const struct ds_elb_plan_options *options)
{
	struct ds_elb_plan *plan = calloc(1, sizeof(*plan));

	if (!plan)
		return -ENOMEM;
	plan->options = *options;
	plan->chance = options->seed;
	if (options->interval_ns <= 0)
		plan->options.interval_ns = INTERVAL_DEFAULT_NS;
	if (!(options->rate > 0))
		plan->options.rate = RATE_DEFAULT;
	if (options->rate > RATE_MAX)
		plan->options.rate = RATE_MAX;
	*ret_plan = plan;
	return 0;
}

void ds_elb_plan_free(struct ds_elb_plan **ret_plan)
{
	struct ds_elb_plan *plan = ret_plan ? *ret_plan : NULL;

	if (!plan)
		return;
	ds_elb_subjects_clear(&plan->subjects);
	free(DS_TAKE(*ret_plan));
}

/* A new one is asked what it is at that moment. */
static int find_or_add(struct ds_elb_plan *plan, const char *arn, bool is_group, int64_t due_ns,
		       struct ds_elb_subject **ret_subject)
{
	struct ds_elb_job *jobs;
	bool is_new;
	int r = ds_elb_subject_add(&plan->subjects, arn, is_group, ret_subject, &is_new);

	if (r && r != -EINVAL)
		plan->counters.refused++;
	if (r || !is_new)
		return r;
	jobs = (*ret_subject)->jobs;
	if (is_group)
		jobs[DS_ELB_ASK_GROUP].due_ns = jobs[DS_ELB_ASK_ATTRIBUTES].due_ns = due_ns;
	else
		jobs[DS_ELB_ASK_BALANCER].due_ns = due_ns;
	if (!is_group && plan->options.addresses)
		jobs[DS_ELB_ASK_ADDRESSES].due_ns = due_ns;
	return 0;
}

int ds_elb_plan_add_group(struct ds_elb_plan *plan, const char *arn, int64_t now_ns)
{
	int64_t due_ns = now_ns + chance_ns(plan, plan->options.interval_ns / 4);
	struct ds_elb_subject *s;
	int r = find_or_add(plan, arn, true, due_ns, &s);

	if (!r)
		s->added = true;
	return r;
}

void ds_elb_plan_balancer(struct ds_elb_plan *plan, const char *arn, const char *balancer_arn,
			  int64_t now_ns)
{
	struct ds_elb_subject *g = ds_elb_subject_of(&plan->subjects, arn), *b;

	if (g && g->is_group && !find_or_add(plan, balancer_arn, false, now_ns, &b))
		g->balancer = b;
}

void ds_elb_plan_delay(struct ds_elb_plan *plan, const char *arn, int64_t delay_s)
{
	struct ds_elb_subject *s = ds_elb_subject_of(&plan->subjects, arn);

	if (s)
		s->targets.delay_s = delay_s;
}

void ds_elb_plan_again(struct ds_elb_plan *plan, const char *arn)
{
	struct ds_elb_subject *s = ds_elb_subject_of(&plan->subjects, arn);

	for (struct ds_elb_subject *g = plan->subjects.first; g; g = g->hh.next)
		for (struct ds_elb_target *t = g->targets.first; t; t = t->next)
			if (g == s || (s && g->balancer == s))
				t->told = false;
}

void ds_elb_plan_no_addresses(struct ds_elb_plan *plan, const char *arn)
{
	struct ds_elb_subject *s = ds_elb_subject_of(&plan->subjects, arn);

	if (s)
		ds_elb_targets_close(&s->targets);
	if (s)
		s->targets.closed = true;
}

/* ---- who is watched ---- */

static int watch_in(struct ds_elb_plan *plan, struct ds_elb_subject *s,
		    const struct ds_elb_target_name *name, int64_t now_ns)
{
	struct ds_elb_job *health = &s->jobs[DS_ELB_ASK_HEALTH];
	int64_t soon_ns = now_ns + chance_ns(plan, plan->options.interval_ns / 4);
	int r;

	if (s->gone || s->targets.closed || ds_elb_targets_find(&s->targets, name))
		return 0;
	r = ds_elb_subjects_targets(&plan->subjects) < DS_ELB_TARGETS_MAX ?
		    ds_elb_targets_add(&s->targets, name, now_ns) : -ENOBUFS;
	if (r) {
		plan->counters.refused++;
		return r;
	}
	/* What failed waits for its own time. */
	if (!health->failures && health->due_ns > soon_ns)
		health->due_ns = soon_ns;
	return 0;
}

int ds_elb_plan_watch(struct ds_elb_plan *plan, const char *arn, const struct ds_addr *addr,
		      uint16_t port, int64_t now_ns)
{
	struct ds_elb_target_name name = { .addr = *addr, .port = port };
	struct ds_elb_subject *s;
	int r = 0;

	if (arn) {
		r = find_or_add(plan, arn, true, now_ns + plan->options.interval_ns / 2, &s);
		return r ? r : watch_in(plan, s, &name, now_ns);
	}
	for (s = plan->subjects.first; s && !r; s = s->hh.next)
		r = s->added ? watch_in(plan, s, &name, now_ns) : 0;
	return r;
}

void ds_elb_plan_unwatch(struct ds_elb_plan *plan, const struct ds_addr *addr)
{
	for (struct ds_elb_subject *s = plan->subjects.first; s; s = s->hh.next)
		ds_elb_targets_remove(&s->targets, addr);
}

/* ---- what is next ---- */

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When it may be put: its own time, and that of the requests that AWS counts with it. */
static int64_t ready_at(const struct ds_elb_plan *plan, const struct ds_elb_job *job)
{
	const struct ds_elb_subject *s = job->subject;

	if (job->busy || job->due_ns == NEVER || s->gone)
		return NEVER;
	if (job->ask == DS_ELB_ASK_HEALTH ? !s->targets.open_cnt :
					    !ds_elb_subject_is_active(&plan->subjects, s))
		return NEVER;
	return latest(job->due_ns, latest(job->bucket->until_ns, job->bucket->next_ns));
}

int64_t ds_elb_plan_due(const struct ds_elb_plan *plan)
{
	int64_t first_ns = NEVER;

	for (const struct ds_elb_subject *s = plan->subjects.first; s; s = s->hh.next)
		for (int i = 0; i < DS_ELB_ASK_MAX; i++) {
			int64_t at_ns = ready_at(plan, &s->jobs[i]);

			if (at_ns < first_ns)
				first_ns = at_ns;
		}
	return first_ns == NEVER ? NEVER : latest(first_ns, plan->token_ns);
}

/* Of those that are ready the one that has waited longest: of health, or of all other questions. */
static struct ds_elb_job *longest_ready(const struct ds_elb_plan *plan, bool health,
					int64_t now_ns)
{
	struct ds_elb_job *first = NULL;

	for (struct ds_elb_subject *s = plan->subjects.first; s; s = s->hh.next)
		for (int i = 0; i < DS_ELB_ASK_MAX; i++) {
			struct ds_elb_job *job = &s->jobs[i];

			if ((i == DS_ELB_ASK_HEALTH) == health &&
			    (!first || job->due_ns < first->due_ns) &&
			    ready_at(plan, job) <= now_ns)
				first = job;
		}
	return first;
}

/* What a group is can wait: where both are late, every other request is one of health. */
static struct ds_elb_job *pick(const struct ds_elb_plan *plan, int64_t now_ns)
{
	struct ds_elb_job *health = longest_ready(plan, true, now_ns);
	struct ds_elb_job *facts = longest_ready(plan, false, now_ns);

	if (!health || !facts)
		return health ? health : facts;
	return plan->facts_last || health->due_ns <= facts->due_ns ? health : facts;
}

bool ds_elb_plan_take(struct ds_elb_plan *plan, int64_t now_ns, struct ds_elb_request *ret_request)
{
	struct ds_elb_job *job;

	if (now_ns < plan->token_ns)
		return false;
	for (;;) {
		job = pick(plan, now_ns);
		if (!job)
			return false;
		if (job->ask != DS_ELB_ASK_HEALTH)
			break;
		ds_elb_targets_expire(&job->subject->targets, now_ns);
		if (job->subject->targets.open_cnt)
			break;
	}
	job->busy = true;
	job->sent_ns = now_ns;
	ret_request->ask = job->ask;
	ret_request->arn = job->subject->arn;
	ret_request->job = job;
	ret_request->targets_cnt = 0;
	if (job->ask == DS_ELB_ASK_HEALTH)
		ret_request->targets_cnt = ds_elb_targets_take(&job->subject->targets, now_ns,
							       ret_request->targets);
	plan->token_ns = now_ns + spacing_ns(plan);
	job->bucket->next_ns = now_ns + job->bucket->pace_ns;
	plan->facts_last = job->ask != DS_ELB_ASK_HEALTH;
	plan->counters.requests++;
	return true;
}

/* ---- what came of it ---- */

static void tell(struct ds_elb_plan *plan, const struct ds_elb_subject *s,
		 const struct ds_elb_target *t, int previous)
{
	struct ds_elb_reading reading = {
		.arn = s->arn, .addr = t->name.addr, .port = t->name.port, .state = t->state,
		.previous = previous, .reason = t->reason, .lo_ns = t->lo_ns, .hi_ns = t->hi_ns,
	};

	if (plan->options.tell)
		plan->options.tell(plan->options.ctx, &reading);
}

static void take_reading(struct ds_elb_plan *plan, const struct ds_elb_subject *s,
			 struct ds_elb_target *t, int state, const char *reason, int64_t sent_ns,
			 int64_t now_ns)
{
	int previous;

	if (ds_elb_target_read(t, state, reason, sent_ns, now_ns, &previous))
		tell(plan, s, t, previous);
}

void ds_elb_plan_read(struct ds_elb_plan *plan, const struct ds_elb_request *request,
		      const struct ds_elb_target_name *name, int state, const char *reason,
		      int64_t sent_ns, int64_t now_ns)
{
	struct ds_elb_job *job = request->job;
	struct ds_elb_subject *s = job->subject;
	struct ds_elb_target *t = ds_elb_targets_found(&s->targets, name, job->sent_ns);

	if (t)
		take_reading(plan, s, t, state, reason, sent_ns, now_ns);
	ds_elb_targets_count(&s->targets);
}

/* The group was listed, or is gone: what was not read is not registered. */
static void take_absent(struct ds_elb_plan *plan, struct ds_elb_subject *s,
			const struct ds_elb_job *job, int64_t now_ns)
{
	for (struct ds_elb_target *t = s->targets.first; t; t = t->next) {
		if (t->over || t->asked_ns != job->sent_ns || t->read_ns == job->sent_ns)
			continue;
		if (t->name.port)
			take_reading(plan, s, t, DS_TARGET_STATE_ABSENT, NULL, job->sent_ns,
				     now_ns);
		t->over = true;
	}
	ds_elb_targets_count(&s->targets);
}

static void plan_next(struct ds_elb_plan *plan, struct ds_elb_job *job, int64_t now_ns)
{
	const struct ds_elb_targets *targets = &job->subject->targets;
	int64_t next_ns;

	if (job->ask == DS_ELB_ASK_ADDRESSES) {
		next_ns = now_ns + jittered(plan, ADDRESSES_NS);
	} else if (job->ask != DS_ELB_ASK_HEALTH) {
		next_ns = now_ns + jittered(plan, FACTS_NS);
	} else if (ds_elb_targets_wait(targets)) {
		next_ns = now_ns;	/* more of them than one request takes, or new ones */
	} else {
		int64_t interval_ns = ds_elb_targets_interval(targets, plan->options.interval_ns,
							      now_ns);

		next_ns = targets->round_ns + jittered(plan, interval_ns);
	}
	job->due_ns = next_ns > now_ns ? next_ns : now_ns;
}

static void answered(struct ds_elb_plan *plan, struct ds_elb_job *job, int64_t now_ns)
{
	struct ds_elb_bucket *b = job->bucket;

	job->failures = 0;
	job->expired = false;
	/* One that was sent before the bucket ran over says nothing of it since. */
	if (job->sent_ns > b->struck_ns) {
		b->strikes -= b->strikes > 0;
		b->pace_ns -= b->pace_ns / PACE_BACK;
		if (b->pace_ns <= spacing_ns(plan))
			b->pace_ns = 0;
	}
	if (job->ask == DS_ELB_ASK_HEALTH && job->subject->targets.listed)
		take_absent(plan, job->subject, job, now_ns);
	plan_next(plan, job, now_ns);
}

static int64_t at_least(int64_t ns, int64_t retry_after_ns, struct ds_elb_plan *plan)
{
	if (retry_after_ns > RETRY_AFTER_MAX_NS)
		retry_after_ns = RETRY_AFTER_MAX_NS;
	return retry_after_ns > ns ? retry_after_ns + chance_ns(plan, retry_after_ns / 10) : ns;
}

/*
 * All requests of the bucket wait, and come at half the pace afterwards: the load balancer
 * controller's come out of the same one. Those that were on their way meanwhile make it no worse.
 */
static void strike(struct ds_elb_plan *plan, struct ds_elb_job *job, int64_t retry_after_ns,
		   int64_t now_ns)
{
	struct ds_elb_bucket *b = job->bucket;
	int64_t until_ns;

	if (!b->strikes || job->sent_ns > b->struck_ns) {
		b->strikes += b->strikes < DOUBLINGS_MAX;
		b->struck_ns = now_ns;
		b->pace_ns = 2 * latest(b->pace_ns, spacing_ns(plan));
		if (b->pace_ns > PACE_MAX_NS)
			b->pace_ns = PACE_MAX_NS;
	}
	until_ns = now_ns + at_least(backoff(plan, BACKOFF_NS, b->strikes, BACKOFF_MAX_NS),
				     retry_after_ns, plan);
	if (until_ns > b->until_ns)
		b->until_ns = until_ns;
	job->due_ns = now_ns;
}

static void fail(struct ds_elb_plan *plan, struct ds_elb_job *job, int64_t base_ns, int64_t max_ns,
		 int64_t retry_after_ns, int64_t now_ns)
{
	job->failures += job->failures < DOUBLINGS_MAX;
	job->due_ns = now_ns + at_least(backoff(plan, base_ns, job->failures, max_ns),
					retry_after_ns, plan);
}

static void lose(struct ds_elb_plan *plan, struct ds_elb_job *job, int64_t now_ns)
{
	struct ds_elb_subject *s = job->subject;

	s->gone = true;
	for (struct ds_elb_target *t = s->targets.first; t; t = t->next)
		t->asked_ns = job->sent_ns;
	take_absent(plan, s, job, now_ns);
}

void ds_elb_plan_done(struct ds_elb_plan *plan, const struct ds_elb_request *request,
		      enum ds_elb_outcome outcome, int64_t retry_after_ns, int64_t now_ns)
{
	struct ds_elb_job *job = request->job;

	job->busy = false;
	plan->counters.throttled += outcome == DS_ELB_THROTTLED;
	plan->counters.failed += outcome != DS_ELB_THROTTLED && outcome != DS_ELB_ANSWERED;
	if (outcome == DS_ELB_EXPIRED && job->expired)
		outcome = DS_ELB_UNREACHABLE;
	if (outcome == DS_ELB_NOT_TARGETS && job->subject->targets.lists)
		outcome = DS_ELB_FAILED;
	switch (outcome) {
	case DS_ELB_ANSWERED:
		answered(plan, job, now_ns);
		break;
	case DS_ELB_THROTTLED:
	case DS_ELB_UNREACHABLE:
		strike(plan, job, retry_after_ns, now_ns);
		break;
	case DS_ELB_EXPIRED:
		job->expired = true;
		job->due_ns = now_ns;
		break;
	case DS_ELB_NOT_TARGETS:
		job->subject->targets.lists = true;
		job->due_ns = now_ns;
		break;
	case DS_ELB_DENIED:
		fail(plan, job, DENIED_NS, DENIED_MAX_NS, retry_after_ns, now_ns);
		break;
	case DS_ELB_GONE:
		lose(plan, job, now_ns);
		break;
	case DS_ELB_FAILED:
	case DS_ELB_OUTCOME_MAX:
		fail(plan, job, BACKOFF_NS, BACKOFF_MAX_NS, retry_after_ns, now_ns);
		break;
	}
}

bool ds_elb_plan_is_gone(const struct ds_elb_request *request)
{
	const struct ds_elb_job *job = request->job;

	return job->subject->gone;
}

struct ds_elb_counters ds_elb_plan_counters(const struct ds_elb_plan *plan)
{
	return plan->counters;
}
