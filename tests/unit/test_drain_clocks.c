// SPDX-License-Identifier: Apache-2.0
/*
 * Random stories of a rollout in which one source's clock is off by far more than it says: the
 * drains of some targets are told by others as well, those of the rest by that source alone. What
 * is learned at the first must keep the true moment inside the interval at all of them.
 *   test_drain_clocks                       500 stories a case, from a fixed seed
 *   test_drain_clocks RUNS [SEED|random]    as many, with a table
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/core_fixture.h"
#include "tests/unit/random_draw.h"
#include "user/core/target.h"

#define RUNS 500
#define SEED 20261123
#define PODS 6
#define TOLD_MAX 256
#define ERROR 50	/* ms: what every clock says of itself */

/* Whose clock is off, and who else tells of some targets. */
enum wrong { LOG_BY_TRAIL, LOG_BY_POLLS, TRAIL_BY_LOG, CASES };

static const char *const cases[CASES] = {
	[LOG_BY_TRAIL] = "controller log off, CloudTrail tells some",
	[LOG_BY_POLLS] = "controller log ahead, polls see some",
	[TRAIL_BY_LOG] = "CloudTrail off, the controller log tells some",
};

struct told {
	int64_t at;
	int n;
	struct ds_event ev;
};

static struct told told[TOLD_MAX];
static int told_cnt;

static void tell(int64_t at, int pod, int port, enum ds_target_state s, int64_t lo, int64_t hi,
		 enum ds_target_source source)
{
	struct ds_event ev = fx_target_event(at, pod, s);

	assert_true(told_cnt < TOLD_MAX);
	DS_SET(&ev, TARGET_PORT, target_port, port);
	DS_SET(&ev, TARGET_SOURCE, target_source, source);
	if (lo)
		DS_SET(&ev, NOT_BEFORE, not_before, fx_at(lo));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(hi));
	if (source != DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH)
		DS_SET(&ev, CLOCK_ERROR, clock_error, ERROR * DS_NS_PER_MS);
	told[told_cnt] = (struct told){ .at = at, .n = told_cnt, .ev = ev };
	told_cnt++;
}

static void tell_log(int pod, int port, enum ds_target_state s, int64_t call, int64_t skew)
{
	tell(call + between(50, 3000), pod, port, s, call - between(1, 100) + skew,
	     call + between(1, 100) + skew, DS_TARGET_SOURCE_CONTROLLER_LOG);
}

static void tell_trail(int pod, int port, enum ds_target_state s, int64_t call, int64_t skew)
{
	int64_t e = (call + between(1, 60) + skew + 1000000) / 1000 * 1000 - 1000000;

	tell(call + between(1000, 250000), pod, port, s, e - 1000, e + 1000,
	     DS_TARGET_SOURCE_CLOUDTRAIL);
}

static void tell_polls(int pod, int port, int64_t drain)
{
	int64_t last = drain - between(1, 1000), first = drain + between(1, 1000);

	tell(last + 5, pod, port, DS_TARGET_STATE_HEALTHY, last, last + 5,
	     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
	tell(first, pod, port, DS_TARGET_STATE_DRAINING, last, first,
	     DS_TARGET_SOURCE_DESCRIBE_TARGET_HEALTH);
}

struct story {
	enum wrong wrong;
	int64_t skew, other;		/* ms: of the clock that is wrong, and of the right one */
	int64_t drain[PODS][2];		/* of the port 8080 and of 8081, 0 = it has none */
};

static void tell_call(const struct story *st, int pod, int port, enum ds_target_state s,
		      int64_t call, bool by_both)
{
	if (st->wrong != TRAIL_BY_LOG || by_both)
		tell_log(pod, port, s, call,
			 st->wrong == TRAIL_BY_LOG ? st->other : st->skew);
	if (st->wrong == TRAIL_BY_LOG || (st->wrong == LOG_BY_TRAIL && by_both))
		tell_trail(pod, port, s, call,
			   st->wrong == TRAIL_BY_LOG ? st->skew : st->other);
	if (st->wrong == LOG_BY_POLLS && by_both && s == DS_TARGET_STATE_DRAINING)
		tell_polls(pod, port, call);
}

static void tell_target(struct story *st, int pod, int which, bool by_both)
{
	int port = FX_PORT + which;
	int64_t at = between(0, 5000);

	tell_call(st, pod + 1, port, DS_TARGET_STATE_INITIAL, at, by_both);
	if (chance(25)) {	/* drained and registered again before */
		tell_call(st, pod + 1, port, DS_TARGET_STATE_DRAINING, at + 100000, by_both);
		tell_call(st, pod + 1, port, DS_TARGET_STATE_INITIAL, at + 200000, by_both);
	}
	st->drain[pod][which] = between(300000, 500000);
	tell_call(st, pod + 1, port, DS_TARGET_STATE_DRAINING, st->drain[pod][which], by_both);
}

static void draw_story(struct story *st, enum wrong wrong)
{
	int64_t off = between(3000, 20000);

	*st = (struct story){ .wrong = wrong, .other = between(-ERROR, ERROR) };
	/* That it is behind does not show beside polls: the API itself may be late by as much. */
	st->skew = wrong != LOG_BY_POLLS && chance(50) ? -off : off;
	told_cnt = 0;
	for (int pod = 0; pod < PODS; pod++)
		for (int which = 0; which <= chance(30); which++)
			tell_target(st, pod, which, pod == 0 || chance(40));
}

static int by_time(const void *a, const void *b)
{
	const struct told *x = a, *y = b;

	return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->n - y->n;
}

struct sums {
	int drains, inside, said;
	int64_t widths[RUNS * PODS * 2];
};

static void look(struct ds_targets *targets, const struct story *st, struct sums *sums)
{
	for (int pod = 0; pod < PODS; pod++)
		for (int which = 0; which < 2; which++) {
			struct ds_addr a = fx_pod_addr(pod + 1);
			struct ds_drain_span span = { 0 };
			struct ds_drain d;

			if (!st->drain[pod][which])
				continue;
			d = ds_target_drain(ds_targets_find(targets, &a,
							    (uint16_t)(FX_PORT + which)), &span);
			assert_true(d.began);
			if (sums->drains < RUNS * PODS * 2)
				sums->widths[sums->drains] = d.hi_ns - d.lo_ns;
			sums->drains++;
			sums->said += d.conflict;
			if (fx_at(st->drain[pod][which]) >= d.lo_ns &&
			    fx_at(st->drain[pod][which]) <= d.hi_ns)
				sums->inside++;
			else
				print_message("%s: off by %lld ms: drain %lld, interval %lld..%lld\n",
					      cases[st->wrong], (long long)st->skew,
					      (long long)st->drain[pod][which],
					      (long long)((d.lo_ns - FX_BEGIN) / DS_NS_PER_MS),
					      (long long)((d.hi_ns - FX_BEGIN) / DS_NS_PER_MS));
		}
}

static int by_width(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* How many drains were outside of their interval, or not said to be contradicted. */
static int play_all(enum wrong wrong, int runs, bool table)
{
	struct sums *sums = calloc(1, sizeof(*sums));
	struct ds_targets *targets;
	int previous, kept, bad;

	assert_non_null(sums);
	for (int run = 0; run < runs; run++) {
		struct story st;

		draw_story(&st, wrong);
		qsort(told, (size_t)told_cnt, sizeof(told[0]), by_time);
		assert_int_equal(ds_targets_new(&targets, 100), 0);
		for (int i = 0; i < told_cnt; i++)
			assert_non_null(ds_targets_update(targets, &told[i].ev, &previous));
		look(targets, &st, sums);
		ds_targets_free(&targets);
	}
	kept = sums->drains < RUNS * PODS * 2 ? sums->drains : RUNS * PODS * 2;
	qsort(sums->widths, (size_t)kept, sizeof(sums->widths[0]), by_width);
	if (table)
		printf("%-48s %7d %7d %7d %9.3f %9.3f\n", cases[wrong], sums->drains, sums->inside,
		       sums->said, (double)sums->widths[kept / 2] / 1e9,
		       (double)sums->widths[kept * 95 / 100] / 1e9);
	bad = sums->drains - sums->inside + (sums->drains - sums->said);
	free(sums);
	return bad;
}

static void a_clock_that_is_off_is_learned(void **unused)
{
	(void)unused;
	draw_state = SEED;
	for (int wrong = 0; wrong < CASES; wrong++)
		assert_int_equal(play_all((enum wrong)wrong, RUNS, false), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_clock_that_is_off_is_learned) };
	int bad = 0;

	if (argc < 2)
		return cmocka_run_group_tests_name("drain_clocks", tests, NULL, NULL);
	draw_state = argc < 3 ? SEED : !strcmp(argv[2], "random") ? (uint64_t)time(NULL) :
		strtoull(argv[2], NULL, 10);
	draw_state += !draw_state;
	printf("seed %llu\n%-48s %7s %7s %7s %9s %9s\n", (unsigned long long)draw_state,
	       "whose clock is off by 3-20 s", "drains", "inside", "said", "median s", "95 % s");
	for (int wrong = 0; wrong < CASES; wrong++)
		bad += play_all((enum wrong)wrong, (int)strtol(argv[1], NULL, 10), true);
	return bad > 0;
}
