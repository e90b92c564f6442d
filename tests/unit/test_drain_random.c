// SPDX-License-Identifier: Apache-2.0
/*
 * The drain interval against random stories: what really happened is drawn first, then what each
 * source would have told of it, by a clock of its own and late, and the core is fed that. The true
 * moment of the deregistration must lie in the verdict's interval each time.
 *   test_drain_random                       500 stories a source, from a fixed seed
 *   test_drain_random RUNS [SEED|random]    as many, with a table of the intervals' widths
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/core_fixture.h"
#include "tests/unit/random_draw.h"
#include "user/source/elb/elb_plan.h"

#define RUNS 500
#define SEED 20261123
#define TOLD_MAX 2048
#define DAY_MS 86400000
#define LAG_MS (DS_ELB_LAG_NS / DS_NS_PER_MS)
#define TARGETS 3	/* of one pod, at most */

/* ---- what can tell it ---- */

enum source { STAMPED, MICROS, SECONDS, CLOUDTRAIL, POLL_1S, POLL_5S, CSV_1S, SOURCES };

static const char *const source_names[SOURCES] = {
	[STAMPED] = "controller log, kubectl's stamps",
	[MICROS] = "controller log, stamps of microseconds",
	[SECONDS] = "controller log, stamps of seconds",
	[CLOUDTRAIL] = "CloudTrail",
	[POLL_1S] = "DescribeTargetHealth every 1 s",
	[POLL_5S] = "DescribeTargetHealth every 5 s",
	[CSV_1S] = "CSV, a row a second",
};

enum how {
	DELETED,		/* T0, then the controller */
	READINESS_LOST,		/* the controller acts before T0 */
	UNSELECTED,		/* a label or the selector changed before T0 */
	BY_HAND,		/* somebody called the API before T0 */
	GRACEFUL,		/* a controller that drains first and deletes then */
	LATE_CONTROLLER,	/* minutes after T0 */
	HOWS
};

struct story {
	enum how how;
	unsigned sources;	/* bits */
	bool history;		/* the polls began before anything happened */
	bool again;		/* drained and registered again before */
	bool reused;		/* the address goes to another pod, which drains as well */
	unsigned which;		/* bits: of the targets that may be */
	bool instances;		/* the group has instances, or nodes' ports, as well */
	int64_t skew_controller, skew_aws, skew_api;	/* ms, their clock less ours */
	int64_t error;		/* ms, how far off the first two may be */
	int64_t registered, earlier_drain, registered_again;
	int64_t t0, flip, not_ready, drain[TARGETS], deleted, reuse, next_drain;
	int64_t end;
};

struct told {
	int64_t at;
	int n;		/* in which order it was drawn: sorts what is told at once */
	struct ds_event ev;
};

static struct told told[TOLD_MAX];
static int told_cnt;
static const char *const groups[TARGETS] = { "web", "web-internal", "web" };
static const int64_t ports[TARGETS] = { FX_PORT, FX_PORT, FX_PORT + 1 };

/* Calls with each target of the story. */
#define EACH_TARGET(st, g) \
	for (int g = 0; g < TARGETS; g++) \
		if ((st)->which >> g & 1)

/* Of which target an event speaks. */
static void name(struct ds_event *ev, int group)
{
	DS_SET_STR(ev, TG_NAME, tg_name, groups[group]);
	DS_SET(ev, TARGET_PORT, target_port, ports[group]);
}

static struct ds_event *tell(int64_t at, struct ds_event ev)
{
	assert_true(told_cnt < TOLD_MAX);
	ev.time_ns = fx_at(at);
	told[told_cnt] = (struct told){ .at = at, .n = told_cnt, .ev = ev };
	return &told[told_cnt++].ev;
}

/* A state of the target in that group, said to have been entered, or read, in [lo, hi]. */
static struct ds_event *tell_state(int64_t at, int group, enum ds_target_state s, int64_t lo,
				   int64_t hi, enum ds_target_source source, int64_t error)
{
	struct ds_event *ev = tell(at, fx_target_event(at, 1, s));

	name(ev, group);
	DS_SET(ev, TG_DELAY, tg_delay_s, 300);
	DS_SET(ev, TARGET_SOURCE, target_source, source);
	if (lo != INT64_MIN)
		DS_SET(ev, NOT_BEFORE, not_before, fx_at(lo));
	DS_SET(ev, NOT_AFTER, not_after, fx_at(hi));
	if (error)
		DS_SET(ev, CLOCK_ERROR, clock_error, error * DS_NS_PER_MS);
	return ev;
}

static int64_t floor_s(int64_t ms)
{
	return (ms - (ms < 0 ? 999 : 0)) / 1000 * 1000;
}

/* A call as the controller logs it: a line before it, a line after it. */
static void tell_call_log(const struct story *st, enum source source, int group,
			  enum ds_target_state s, int64_t call)
{
	int64_t before = call - between(0, 40) + st->skew_controller;
	int64_t after = call + between(1, 60) + st->skew_controller;
	int64_t at = call + between(50, 3000);

	if (source == SECONDS) {
		before = floor_s(before);
		after = floor_s(after) + 1000;
	} else if (source == STAMPED) {
		/* The runtime stamps a line when it reads it: late by up to 100 ms. */
		before = before + between(0, 100) - 100;
		after += between(0, 100);
	}
	tell_state(at, group, s, before, after, DS_TARGET_SOURCE_CONTROLLER_LOG, st->error);
}

static void tell_call_trail(const struct story *st, int group, enum ds_target_state s, int64_t call)
{
	int64_t e = floor_s(call + between(1, 60) + st->skew_aws);

	tell_state(call + between(1000, 250000), group, s, e - 1000, e + 1000,
		   DS_TARGET_SOURCE_CLOUDTRAIL, st->error);
}

static void tell_call(const struct story *st, int group, enum ds_target_state s, int64_t call,
		      bool by_hand)
{
	for (int source = STAMPED; source <= SECONDS; source++)
		if (st->sources >> source & 1 && !by_hand)
			tell_call_log(st, (enum source)source, group, s, call);
	if (st->sources >> CLOUDTRAIL & 1)
		tell_call_trail(st, group, s, call);
}

/* What DescribeTargetHealth answers at that moment. */
static enum ds_target_state state_at(const struct story *st, int group, int64_t at)
{
	int64_t drain = st->drain[group], registered = st->registered;

	if (st->again && at < st->registered_again)
		drain = st->earlier_drain;
	else if (st->again)
		registered = st->registered_again;
	if (st->reused && at >= st->next_drain)
		return DS_TARGET_STATE_DRAINING;
	if (st->reused && at >= st->reuse + 4000)
		return DS_TARGET_STATE_HEALTHY;
	if (st->reused && at >= st->reuse + 500)
		return DS_TARGET_STATE_INITIAL;
	if (at < registered)
		return DS_TARGET_STATE_ABSENT;
	if (at < registered + 3000 && at < drain)
		return DS_TARGET_STATE_INITIAL;
	return at < drain ? DS_TARGET_STATE_HEALTHY : DS_TARGET_STATE_DRAINING;
}

/* A poller: the bounds of a drain are the last poll without it and the first with it. */
static void tell_polls(const struct story *st, int group, int64_t period, bool csv)
{
	enum ds_target_source source = csv ? DS_TARGET_SOURCE_FILE :
					     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH;
	int64_t from = st->history ? st->registered - 2000 : st->t0 + between(1, 1500);
	int64_t until = (from > st->drain[group] ? from : st->drain[group]) + 3 * period + 1000;
	int64_t last = INT64_MIN;

	if (from < st->drain[group] - 60 * period)
		from = st->drain[group] - 60 * period - between(0, period);
	if (st->reused)
		until = st->next_drain + 2 * period;
	for (int64_t send = from; send < until; send += period + between(0, period / 10)) {
		int64_t received = send + between(5, 300);
		/* Each replica of the API is late by as much as it likes, up to LAG_MS. */
		int64_t read = between(send, received) - between(0, LAG_MS);
		enum ds_target_state s = state_at(st, group, read);
		bool draining = s == DS_TARGET_STATE_DRAINING;

		if (s == DS_TARGET_STATE_ABSENT)
			continue;
		if (csv)	/* rows of whole seconds, written after the answer */
			tell_state(received + 5, group, s,
				   draining ? last : floor_s(send) - LAG_MS,
				   floor_s(received) + 1000, source, 0);
		else
			tell_state(received, group, s, draining ? last : send - LAG_MS, received,
				   source, 0);
		if (!draining)
			last = (csv ? floor_s(send) : send) - LAG_MS;
		else
			last = INT64_MIN;
	}
}

/* ---- what happened ---- */

static void draw_times(struct story *st)
{
	int64_t lag = between(20, 8000), begin = between(26000, 46000);

	st->registered = between(0, 3000);
	if (st->again) {
		st->earlier_drain = between(8000, 10000);
		st->registered_again = st->earlier_drain + between(6000, 9000);
	}
	switch (st->how) {
	case READINESS_LOST:
		st->not_ready = begin;
		st->drain[0] = st->not_ready + lag;
		st->t0 = st->not_ready + between(1000, 30000);
		break;
	case UNSELECTED:
	case GRACEFUL:
		st->flip = begin;
		st->drain[0] = st->flip + lag;
		st->t0 = st->flip + (st->how == GRACEFUL ? lag + between(5000, 60000) :
							    between(1100, 30000));
		break;
	case BY_HAND:
		st->drain[0] = begin;
		st->t0 = begin + between(100, 30000);
		break;
	default:
		st->t0 = st->flip = begin;
		if (st->how == LATE_CONTROLLER)
			lag = between(60000, 200000);
		st->drain[0] = st->t0 + lag;
		break;
	}
	for (int g = 1; g < TARGETS; g++)
		st->drain[g] = st->drain[g - 1] +
			       (st->how == BY_HAND ? between(100, 900) : between(1, 4000));
	st->deleted = (st->t0 > st->drain[0] ? st->t0 : st->drain[0]) + between(1000, 20000);
	if (st->how == LATE_CONTROLLER)
		st->deleted = st->t0 + between(1000, 50000);
	st->reuse = st->deleted + between(30000, 40000);
	if (st->reused && st->reuse < st->drain[TARGETS - 1] + 8000)
		st->reuse = st->drain[TARGETS - 1] + 8000;	/* a poll sees it drain before */
	st->next_drain = st->reuse + between(20000, 60000);
	st->end = st->drain[TARGETS - 1] + 2 * 300000 + DAY_MS;
}

static void draw_story(struct story *st, unsigned sources)
{
	*st = (struct story){ .how = (enum how)between(0, HOWS - 1), .sources = sources };
	st->history = chance(70);
	st->again = chance(30);
	st->reused = chance(20);
	st->which = 1U | (unsigned)chance(20) << 1 | (unsigned)chance(20) << 2;
	st->instances = chance(20);
	st->error = chance(80) ? 50 : between(50, 2000);
	st->skew_controller = between(-st->error, st->error);
	st->skew_aws = between(-st->error, st->error);
	st->skew_api = between(-50, 50);
	/* Polls from T0 on cannot tell a drain by hand just before from one just after. */
	if (st->how == BY_HAND)
		st->history = true;
	draw_times(st);
}

static void tell_pod(const struct story *st)
{
	struct ds_event ev = fx_pod_event(0, 1);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080,8081");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	tell(0, ev);
	if (st->not_ready) {
		ev = fx_pod_event(0, 1);
		DS_SET(&ev, PHASE, phase, DS_PHASE_NOT_READY);
		tell(st->not_ready + between(0, 200), ev);
	}
	ev = fx_pod_event(0, 1);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(floor_s(st->t0 + st->skew_api)));
	DS_SET(&ev, T0_ERROR, t0_error, 1000 * DS_NS_PER_MS);
	DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_DELETION_TIMESTAMP);
	tell(st->t0 + between(60, 300), ev);
	ev = fx_pod_event(0, 1);
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	tell(st->deleted, ev);
	if (!st->reused)
		return;
	ev = fx_pod_event(0, 2);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	tell(st->reuse, ev);
}

/* The EndpointSlice's last write: whole seconds of the API server. */
static void tell_flip(const struct story *st, int group)
{
	int64_t e = floor_s(st->flip + st->skew_api);
	struct ds_event *ev = tell(st->flip + between(1, 800),
				   fx_target_event(0, 1, DS_TARGET_STATE_DRAINING));

	name(ev, group);
	DS_SET(ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_ENDPOINT_SLICE);
	DS_SET(ev, NOT_BEFORE, not_before, fx_at(e));
	DS_SET(ev, CLOCK_ERROR, clock_error, 50 * DS_NS_PER_MS);
}

static void tell_group(const struct story *st, int group)
{
	bool by_hand = st->how == BY_HAND;
	struct ds_event *ev;

	/* The watcher's listing at the start, or the register call. */
	ev = tell(st->registered, fx_target_event(0, 1, DS_TARGET_STATE_INITIAL));
	name(ev, group);
	DS_SET(ev, TG_DELAY, tg_delay_s, 300);
	if (st->again) {
		tell_call(st, group, DS_TARGET_STATE_DRAINING, st->earlier_drain, chance(50));
		tell_call(st, group, DS_TARGET_STATE_INITIAL, st->registered_again, false);
		ev = tell(st->registered_again + 100,
			  fx_target_event(0, 1, DS_TARGET_STATE_INITIAL));
		name(ev, group);
	}
	tell_call(st, group, DS_TARGET_STATE_DRAINING, st->drain[group], by_hand);
	if (st->flip)
		tell_flip(st, group);
	if (st->reused) {
		tell_call(st, group, DS_TARGET_STATE_INITIAL, st->reuse + 500, false);
		tell_call(st, group, DS_TARGET_STATE_DRAINING, st->next_drain, false);
	}
	if (st->sources >> POLL_1S & 1)
		tell_polls(st, group, 1000, false);
	if (st->sources >> POLL_5S & 1)
		tell_polls(st, group, 5000, false);
	if (st->sources >> CSV_1S & 1)
		tell_polls(st, group, 1000, true);
}

/* What else is registered there comes and goes as well: it is no pod's drain. */
static void tell_instances(const struct story *st)
{
	for (int64_t at = st->registered; at < st->deleted; at += between(2000, 9000)) {
		struct ds_event *ev = tell_state(at, 0, chance(50) ? DS_TARGET_STATE_DRAINING :
								   DS_TARGET_STATE_HEALTHY,
						 at - 1000, at, DS_TARGET_SOURCE_CLOUDTRAIL, 50);

		if (chance(50))
			DS_SET_STR(ev, TARGET_ID, target_id, "i-0123456789abcdef0");
		else
			DS_SET(ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->n - y->n;
}

/* ---- what the core makes of it ---- */

struct result {
	bool began, inside;
	int64_t width_ns;
};

static const struct ds_event *verdict_of(const struct fixture *f, int n)
{
	for (int i = f->out_cnt - 1; i >= 0; i--)
		if (f->out[i].kind == DS_EVENT_VERDICT && !strcmp(f->out[i].pod_uid, fx_uid(n)))
			return &f->out[i];
	return NULL;
}

static void feed(struct fixture *f, const struct story *st)
{
	struct ds_event tick;

	fx_start(f);
	fx_lb(f);
	qsort(told, (size_t)told_cnt, sizeof(told[0]), by_time);
	for (int i = 0; i < told_cnt; i++)
		ds_core_feed(f->core, &told[i].ev);
	/* The verdict falls due only once all have told: it is not the subject here. */
	ds_event_init(&tick, DS_EVENT_TICK, fx_at(st->end));
	ds_core_feed(f->core, &tick);
	DS_SET(&tick, FINAL, final, true);
	ds_core_feed(f->core, &tick);
}

static struct result play(const struct story *st)
{
	struct result r = { 0 };
	struct fixture *f = fx_new_bounded(0, 0);
	const struct ds_event *v;

	told_cnt = 0;
	tell_pod(st);
	EACH_TARGET(st, group)
		tell_group(st, group);
	if (st->instances)
		tell_instances(st);
	feed(f, st);
	v = verdict_of(f, 1);
	assert_non_null(v);
	r.began = ds_event_has(v, DS_KEY_DRAIN_NOT_AFTER);
	if (r.began) {
		int64_t lo = ds_event_has(v, DS_KEY_DRAIN_NOT_BEFORE) ? v->drain_not_before : 0;

		r.width_ns = lo ? v->drain_not_after - lo : INT64_MAX;
		r.inside = true;
		EACH_TARGET(st, group)
			r.inside = r.inside && fx_at(st->drain[group]) >= lo &&
				   fx_at(st->drain[group]) <= v->drain_not_after;
	}
	if (r.began && !r.inside) {
		print_message("how %d sources %x history %d again %d reused %d targets %x error %lld: "
			      "drain %lld t0 %lld, interval %lld..%lld (%s, %s)\n",
			      st->how, st->sources, st->history, st->again, st->reused,
			      st->which, (long long)st->error, (long long)st->drain[0],
			      (long long)st->t0,
			      (long long)((v->drain_not_before - FX_BEGIN) / DS_NS_PER_MS),
			      (long long)((v->drain_not_after - FX_BEGIN) / DS_NS_PER_MS),
			      ds_name(DS_NAMES_TARGET_SOURCE, v->drain_not_before_source),
			      ds_name(DS_NAMES_TARGET_SOURCE, v->drain_not_after_source));
	}
	fx_free(f);
	return r;
}

static int by_width(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Plays runs stories; returns how many intervals missed the moment. */
static int play_all(const char *name, unsigned sources, int runs, bool table)
{
	int64_t *widths = calloc((size_t)runs, sizeof(*widths));
	int began = 0, outside = 0, expected = 0;

	assert_non_null(widths);
	for (int i = 0; i < runs; i++) {
		unsigned these = sources ? sources : (unsigned)between(1, (1 << SOURCES) - 1);
		struct story st;
		struct result r;

		/* One controller writes one log. */
		if (!sources && these & 7)
			these = (these & ~7U) | 1U << between(STAMPED, SECONDS);
		draw_story(&st, these);
		/* What nobody called by the controller is not in its log. */
		expected += st.how != BY_HAND || these & ~7U;
		r = play(&st);
		if (!r.began)
			continue;
		outside += !r.inside;
		widths[began++] = r.width_ns;
	}
	qsort(widths, (size_t)began, sizeof(*widths), by_width);
	if (table)
		printf("%-40s %6d %6d %6d %9.3f %9.3f %9.3f\n", name, runs, began, began - outside,
		       (double)widths[began / 2] / 1e9, (double)widths[began * 95 / 100] / 1e9,
		       (double)widths[began - 1] / 1e9);
	assert_int_equal(began, expected);
	free(widths);
	return outside;
}

static int play_sources(int runs, bool table)
{
	int outside = 0;

	if (table)
		printf("%-40s %6s %6s %6s %9s %9s %9s\n", "source", "runs", "known", "inside",
		       "median s", "95 % s", "most s");
	for (int s = 0; s < SOURCES; s++)
		outside += play_all(source_names[s], 1U << s, runs, table);
	outside += play_all("all of them", 1U << STAMPED | 1U << CLOUDTRAIL | 1U << POLL_1S, runs,
			    table);
	return outside + play_all("any of them, at random", 0, runs, table);
}

static void the_true_moment_lies_inside(void **unused)
{
	(void)unused;
	draw_state = SEED;
	print_message("seed %d\n", SEED);
	assert_int_equal(play_sources(RUNS, false), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_true_moment_lies_inside) };

	if (argc < 2)
		return cmocka_run_group_tests_name("drain_random", tests, NULL, NULL);
	draw_state = argc < 3 ? SEED : !strcmp(argv[2], "random") ? (uint64_t)time(NULL) :
		strtoull(argv[2], NULL, 10);
	draw_state += !draw_state;
	printf("seed %llu\n", (unsigned long long)draw_state);
	return play_sources((int)strtol(argv[1], NULL, 10), true) > 0;
}
