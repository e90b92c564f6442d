// SPDX-License-Identifier: Apache-2.0
#include "user/core/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/core_fixture.h"

#define HOUR (3600 * DS_NS_PER_S)

struct room {
	struct ds_ledger *ledger;
	char forgotten[64];	/* keys of the pods that were given up, a letter each */
};

static int setup_bounded(void **state, size_t max)
{
	static struct room room;

	memset(&room, 0, sizeof(room));
	*state = &room;
	return ds_ledger_new(&room.ledger, max);
}

static int setup(void **state)
{
	return setup_bounded(state, 3);
}

static int teardown(void **state)
{
	struct room *room = *state;

	ds_ledger_free(&room->ledger);
	assert_null(room->ledger);
	return 0;
}

static struct ds_pod *pod(struct room *room, const char *key)
{
	bool is_new;
	struct ds_pod *p = ds_ledger_pod(room->ledger, key, FX_BEGIN, &is_new);

	assert_non_null(p);
	if (is_new)
		strcpy(p->name, key);
	return p;
}

/* As the timeline does it: the address is in the pod's list too. */
static struct ds_pod *hold(struct room *room, struct ds_pod *p, int n, int64_t ms)
{
	struct ds_addr a = fx_pod_addr(n);

	if (!ds_pod_has_address(p, &a))
		p->addresses[p->addresses_cnt++] = a;
	return ds_ledger_hold(room->ledger, p, &a, fx_at(ms));
}

static struct ds_pod *holder(struct room *room, int n, int64_t ms, enum ds_holding want)
{
	struct ds_addr a = fx_pod_addr(n);
	enum ds_holding holding;
	struct ds_pod *p = ds_ledger_lookup(room->ledger, &a, fx_at(ms), &holding);

	assert_int_equal(holding, want);
	return p;
}

static void forget(void *ctx, struct ds_pod *p)
{
	strcat(((struct room *)ctx)->forgotten, p->name);
}

static void a_key_is_one_pod(void **state)
{
	struct room *room = *state;
	bool is_new;
	struct ds_pod *a = ds_ledger_pod(room->ledger, "a", FX_BEGIN, &is_new);

	assert_true(is_new);
	assert_ptr_equal(ds_ledger_pod(room->ledger, "a", FX_BEGIN + 1, &is_new), a);
	assert_false(is_new);
	assert_true(a->seen_ns == FX_BEGIN);
	assert_ptr_equal(ds_ledger_find(room->ledger, "a"), a);
	assert_null(ds_ledger_find(room->ledger, "aa"));
	assert_int_equal(a->phase_kernel, -1);
	assert_int_equal(a->trigger, -1);
	assert_int_equal(a->grace_s, -1);
}

static void a_key_that_is_too_long_makes_no_pod(void **state)
{
	struct room *room = *state;
	char key[2 * DS_POD_NAME_LEN + 3];
	bool is_new;

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_null(ds_ledger_pod(room->ledger, key, FX_BEGIN, &is_new));
	key[sizeof(key) - 2] = '\0';
	assert_non_null(ds_ledger_pod(room->ledger, key, FX_BEGIN, &is_new));
	assert_int_equal(ds_ledger_stats(room->ledger).pods, 1);
}

static void pods_are_listed_oldest_first(void **state)
{
	struct room *room = *state;

	pod(room, "a");
	pod(room, "b");
	pod(room, "a");
	assert_string_equal(ds_ledger_first(room->ledger)->name, "a");
	assert_string_equal(ds_ledger_first(room->ledger)->next->name, "b");
	assert_null(ds_ledger_first(room->ledger)->next->next);
}

static void an_address_belongs_to_its_pod_over_time(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b");
	struct ds_addr addr = fx_pod_addr(1);

	assert_null(holder(room, 1, 0, DS_HOLDING_NONE));
	assert_null(hold(room, a, 1, 0));
	assert_ptr_equal(ds_ledger_release(room->ledger, &addr, fx_at(1000)), a);
	assert_ptr_equal(hold(room, b, 1, 2000), a);	/* told: its packets may still come */
	assert_ptr_equal(holder(room, 1, -50, DS_HOLDING_HELD),
			 a); /* first seen before it was told */
	assert_ptr_equal(holder(room, 1, 999, DS_HOLDING_HELD), a);
	assert_ptr_equal(holder(room, 1, 1000, DS_HOLDING_RELEASED), a);
	assert_ptr_equal(holder(room, 1, 1999, DS_HOLDING_RELEASED), a);
	assert_ptr_equal(holder(room, 1, 2000, DS_HOLDING_HELD), b);
	assert_ptr_equal(ds_ledger_previous(room->ledger, &addr, b), a);
	assert_null(ds_ledger_previous(room->ledger, &addr, a));
}

static void reuse_without_a_release_ends_the_holding(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b");

	hold(room, a, 1, 0);
	hold(room, b, 1, 2000);
	assert_ptr_equal(holder(room, 1, 1999, DS_HOLDING_HELD), a);
	assert_ptr_equal(holder(room, 1, 2000, DS_HOLDING_HELD), b);
}

static void holding_again_what_one_holds_changes_nothing(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a");

	hold(room, a, 1, 0);
	assert_null(hold(room, a, 1, 5000));
	assert_ptr_equal(holder(room, 1, 10, DS_HOLDING_HELD), a);
}

static void only_the_first_release_counts(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a");
	struct ds_addr addr = fx_pod_addr(1), unknown = fx_pod_addr(2);

	hold(room, a, 1, 0);
	(void)ds_ledger_release(room->ledger, &addr, fx_at(1000));
	(void)ds_ledger_release(room->ledger, &addr, fx_at(3000));
	assert_ptr_equal(holder(room, 1, 2000, DS_HOLDING_RELEASED), a);
	assert_null(ds_ledger_release(room->ledger, &unknown, fx_at(0)));
}

static void only_the_latest_holders_are_kept(void **state)
{
	struct room *room = *state;
	struct ds_pod *pods[12];
	char key[2] = "a";

	for (int i = 0; i < 12; i++, key[0]++) {
		pods[i] = pod(room, key);
		hold(room, pods[i], 1, i * 1000);
	}
	assert_ptr_equal(holder(room, 1, 11500, DS_HOLDING_HELD), pods[11]);
	assert_ptr_equal(holder(room, 1, 4500, DS_HOLDING_HELD), pods[4]);
	assert_ptr_equal(holder(room, 1, 500, DS_HOLDING_HELD),
			 pods[4]); /* the oldest that is known */
}

/* Two pods that tell the same address by turns: looking back comes to an end. */
static void looking_back_ends_where_pods_take_turns(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b"), *p;
	struct ds_addr addr = fx_pod_addr(1);
	int steps = 0;

	for (int i = 0; i < 4; i++)
		hold(room, i % 2 ? b : a, 1, i * 1000);
	for (p = b; p && steps < 10; steps++)
		p = ds_ledger_previous(room->ledger, &addr, p);
	assert_null(p);
}

static struct ds_pod *ended(struct room *room, const char *key, int n, int64_t ms, bool judged)
{
	struct ds_pod *p = pod(room, key);

	hold(room, p, n, 0);
	p->t0_ns = fx_at(0);
	p->deleted_ns = fx_at(ms);
	p->verdict_written = judged;
	return p;
}

static void an_ended_pod_outlives_its_end_by_the_retention(void **state)
{
	struct room *room = *state;

	ended(room, "a", 1, 1000, true);
	ds_ledger_expire(room->ledger, fx_at(1000) + HOUR - 1, HOUR, forget, room);
	assert_string_equal(room->forgotten, "");
	ds_ledger_expire(room->ledger, fx_at(1000) + HOUR, HOUR, forget, room);
	assert_string_equal(room->forgotten, "a");
	assert_null(ds_ledger_find(room->ledger, "a"));
	assert_null(holder(room, 1, 500, DS_HOLDING_NONE));
	assert_int_equal(ds_ledger_stats(room->ledger).evictions, 0); /* that is no eviction */
}

static void a_pod_that_waits_for_its_verdict_stays(void **state)
{
	struct room *room = *state;

	ended(room, "a", 1, 1000, false);
	ds_ledger_expire(room->ledger, fx_at(1000) + 5 * HOUR, HOUR, forget, room);
	assert_string_equal(room->forgotten, "");
}

/* A finished Job's pod has no T0: it waits for its verdict as others do, and then goes. */
static void a_pod_that_ended_by_itself_stays_until_its_verdict_too(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = ended(room, "a", 1, 1000, false);

	a->t0_ns = 0;
	ds_ledger_expire(room->ledger, fx_at(1000) + HOUR, HOUR, forget, room);
	assert_string_equal(room->forgotten, "");
	a->verdict_written = true;
	ds_ledger_expire(room->ledger, fx_at(1000) + HOUR, HOUR, forget, room);
	assert_string_equal(room->forgotten, "a");
}

static void a_pod_is_found_by_its_new_name_only(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b");
	char key[2 * DS_POD_NAME_LEN + 3];

	assert_int_equal(ds_ledger_rename(room->ledger, a, "b"), -EEXIST);
	assert_ptr_equal(ds_ledger_find(room->ledger, "a"), a);
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(ds_ledger_rename(room->ledger, a, key), -ENAMETOOLONG);
	assert_string_equal(ds_ledger_key(a), "a");
	assert_int_equal(ds_ledger_rename(room->ledger, a, "c"), 0);
	assert_null(ds_ledger_find(room->ledger, "a"));
	assert_ptr_equal(ds_ledger_find(room->ledger, "c"), a);
	assert_ptr_equal(ds_ledger_find(room->ledger, "b"), b);
	assert_string_equal(ds_ledger_key(a), "c");
	assert_ptr_equal(ds_ledger_first(room->ledger), a);	/* its age is what it was */
	hold(room, pod(room, "a"), 1, 0);			/* the old key is free */
	assert_int_equal(ds_ledger_stats(room->ledger).pods, 3);
}

static void a_release_that_was_none_is_taken_back(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b");
	struct ds_addr addr = fx_pod_addr(1);

	assert_false(ds_ledger_reopen(room->ledger, a, &addr));	/* nobody has it */
	hold(room, a, 1, 0);
	assert_false(ds_ledger_reopen(room->ledger, a, &addr));	/* not released */
	(void)ds_ledger_release(room->ledger, &addr, fx_at(1000));
	assert_false(ds_ledger_reopen(room->ledger, b, &addr));	/* not its */
	assert_true(ds_ledger_reopen(room->ledger, a, &addr));
	assert_ptr_equal(holder(room, 1, 2000, DS_HOLDING_HELD), a);
	(void)ds_ledger_release(room->ledger, &addr, fx_at(3000));
	hold(room, b, 1, 4000);
	assert_false(ds_ledger_reopen(room->ledger, a, &addr));	/* another has it by now */
	assert_ptr_equal(holder(room, 1, 5000, DS_HOLDING_HELD), b);
}

/* A listing may tell of a finished pod before it tells of the one that has its address. */
static void a_holding_that_never_was_is_forgotten(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b");
	struct ds_addr addr = fx_pod_addr(1);

	hold(room, a, 1, 1000);
	(void)ds_ledger_release(room->ledger, &addr, fx_at(1000));
	assert_ptr_equal(holder(room, 1, 1500, DS_HOLDING_RELEASED), a);
	assert_null(hold(room, b, 1, 2000));	/* a never had it: it is not told of a reuse */
	assert_null(ds_ledger_previous(room->ledger, &addr, b));
	assert_ptr_equal(holder(room, 1, 1500, DS_HOLDING_HELD), b);
}

static void holders_beyond_the_bound_are_counted(void **state)
{
	struct room *room = *state;
	struct ds_pod *a = pod(room, "a"), *b = pod(room, "b");

	for (int i = 0; i < 8; i++)
		hold(room, i % 2 ? b : a, 1, i * 1000);
	assert_int_equal(ds_ledger_evictions(room->ledger), 0);
	hold(room, a, 1, 9000);
	assert_int_equal(ds_ledger_evictions(room->ledger), 1);
	assert_int_equal(ds_ledger_stats(room->ledger).evictions, 1);
}

static void a_living_pod_never_expires(void **state)
{
	struct room *room = *state;

	hold(room, pod(room, "a"), 1, 0);
	ds_ledger_expire(room->ledger, fx_at(0) + 1000 * HOUR, HOUR, forget, room);
	assert_string_equal(room->forgotten, "");
}

static void an_expired_pod_leaves_the_address_to_its_next_holder(void **state)
{
	struct room *room = *state;
	struct ds_pod *b = pod(room, "b");

	ended(room, "a", 1, 1000, true);
	hold(room, b, 1, 2000);
	ds_ledger_expire(room->ledger, fx_at(1000) + HOUR, HOUR, forget, room);
	assert_string_equal(room->forgotten, "a");
	assert_ptr_equal(holder(room, 1, 500, DS_HOLDING_HELD), b);
}

static void at_the_bound_the_oldest_judged_pod_goes_first(void **state)
{
	struct room *room = *state;

	pod(room, "l");
	ended(room, "w", 1, 1000, false);
	ended(room, "j", 2, 2000, true);
	ds_ledger_make_room(room->ledger, forget, room);
	assert_string_equal(room->forgotten, "j");
	pod(room, "x");
	ds_ledger_make_room(room->ledger, forget, room);
	assert_string_equal(room->forgotten, "jw");
	pod(room, "y");
	ds_ledger_make_room(room->ledger, forget, room);
	assert_string_equal(room->forgotten, "jwl"); /* nobody has ended: the oldest of all */
	assert_int_equal(ds_ledger_stats(room->ledger).evictions, 3);
	ds_ledger_make_room(room->ledger, forget, room);	/* there is room */
	assert_int_equal(ds_ledger_stats(room->ledger).evictions, 3);
}

static void the_sums_tell_living_and_ended(void **state)
{
	struct room *room = *state;

	pod(room, "a");
	ended(room, "b", 1, 1000, true);
	assert_int_equal(ds_ledger_stats(room->ledger).pods, 2);
	assert_int_equal(ds_ledger_stats(room->ledger).ended, 1);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static struct ds_pod *numbered(struct ds_ledger *l, int n)
{
	char key[16];
	bool is_new;

	(void)snprintf(key, sizeof(key), "%d", n);
	return ds_ledger_pod(l, key, FX_BEGIN, &is_new);
}

static void forget_nothing(void *ctx, struct ds_pod *p)
{
	(void)ctx;
	(void)p;
}

/* More than any node has: the first that was told shares no longer, and that is counted. */
static void the_pods_that_share_are_bounded(void **state)
{
	struct ds_ledger *l;
	int cnt = 0;

	(void)state;
	assert_int_equal(ds_ledger_new(&l, 1025), 0);
	for (int n = 0; n < 1024; n++)
		ds_ledger_share(l, numbered(l, n));
	ds_ledger_share(l, numbered(l, 0));
	assert_int_equal(ds_ledger_evictions(l), 0);
	ds_ledger_share(l, numbered(l, 1024));
	assert_int_equal(ds_ledger_evictions(l), 1);
	assert_false(numbered(l, 0)->shares);
	for (const struct ds_pod *p = ds_ledger_first_host(l); p; p = p->next_host)
		cnt++;
	assert_int_equal(cnt, 1024);
	/* Forgotten ones leave the list too, wherever they stand in it. */
	ds_ledger_make_room(l, forget_nothing, NULL);
	ds_ledger_make_room(l, forget_nothing, NULL);
	assert_ptr_equal(ds_ledger_first_host(l), numbered(l, 1024));
	ds_ledger_free(&l);
}

/* To find the one that goes costs the same, however many there are. */
static void only_the_oldest_are_looked_at_for_one_that_ended(void **state)
{
	struct ds_ledger *l;

	(void)state;
	assert_int_equal(ds_ledger_new(&l, 1030), 0);
	for (int n = 0; n < 1030; n++)
		assert_non_null(numbered(l, n));
	numbered(l, 1024)->deleted_ns = FX_BEGIN;
	ds_ledger_make_room(l, forget_nothing, NULL);
	assert_null(ds_ledger_find(l, "0"));
	assert_non_null(ds_ledger_find(l, "1024"));
	assert_non_null(numbered(l, 1030));
	ds_ledger_make_room(l, forget_nothing, NULL);	/* by now it is the 1024th */
	assert_non_null(ds_ledger_find(l, "1"));
	assert_null(ds_ledger_find(l, "1024"));
	ds_ledger_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_key_is_one_pod),
		T(a_key_that_is_too_long_makes_no_pod),
		T(pods_are_listed_oldest_first),
		T(an_address_belongs_to_its_pod_over_time),
		T(reuse_without_a_release_ends_the_holding),
		T(holding_again_what_one_holds_changes_nothing),
		T(only_the_first_release_counts),
		T(only_the_latest_holders_are_kept),
		T(looking_back_ends_where_pods_take_turns),
		T(an_ended_pod_outlives_its_end_by_the_retention),
		T(a_pod_that_waits_for_its_verdict_stays),
		T(a_pod_that_ended_by_itself_stays_until_its_verdict_too),
		T(a_pod_is_found_by_its_new_name_only),
		T(a_release_that_was_none_is_taken_back),
		T(a_holding_that_never_was_is_forgotten),
		T(holders_beyond_the_bound_are_counted),
		T(a_living_pod_never_expires),
		T(an_expired_pod_leaves_the_address_to_its_next_holder),
		T(at_the_bound_the_oldest_judged_pod_goes_first),
		T(the_sums_tell_living_and_ended),
		T(the_pods_that_share_are_bounded),
		T(only_the_oldest_are_looked_at_for_one_that_ended),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
