// SPDX-License-Identifier: Apache-2.0
#include "user/core/merge.h"

#include <errno.h>

#include "tests/unit/core_fixture.h"

struct out {
	struct ds_merge *merge;
	int64_t pids[4096];	/* what marks each event */
	bool late[4096];
	int64_t rounded;
	int cnt;
	int push_more;		/* so many events are pushed from within the release */
};

static struct out *out;

static int setup(void **state)
{
	(void)state;
	out = calloc(1, sizeof(*out));
	return ds_merge_new(&out->merge, DS_MERGE_LATENESS_NS, 1000);
}

static int teardown(void **state)
{
	(void)state;
	ds_merge_free(&out->merge);
	assert_null(out->merge);
	free(out);
	return 0;
}

static int push(int64_t ms, int rank, uint64_t seq, int64_t pid)
{
	char path[32] = "a path that the copy must own";
	struct ds_event ev;
	int r;

	ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(ms));
	ev.rank = (uint8_t)rank;
	ev.source_seq = seq;
	DS_SET(&ev, PID, pid, pid);
	DS_SET(&ev, PROCESS_CHANGE, process_change, DS_PROCESS_CHANGE_EXITED);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, path);
	r = ds_merge_push(out->merge, &ev);
	memset(path, 'x', sizeof(path) - 1);
	return r;
}

static void take(void *ctx, const struct ds_event *ev)
{
	struct out *o = ctx;

	assert_string_equal(ev->cgroup_path, "a path that the copy must own");
	o->late[o->cnt] = ev->late;
	o->pids[o->cnt++] = ev->pid;
	if (o->push_more-- > 0)
		assert_int_equal(push(10, DS_RANK_TICK, (uint64_t)o->cnt, 1000 + o->cnt), 0);
}

static void release(int64_t ms)
{
	ds_merge_release(out->merge, fx_at(ms), take, out);
}

static void assert_out(int cnt, ...)
{
	va_list ap;

	assert_int_equal(out->cnt, cnt);
	va_start(ap, cnt);
	for (int i = 0; i < cnt; i++)
		assert_int_equal(out->pids[i], va_arg(ap, int));
	va_end(ap);
}

static void events_wait_for_the_lateness(void **state)
{
	(void)state;
	push(0, DS_RANK_KERNEL, 1, 1);
	release(199);
	assert_out(0);
	release(200);
	assert_out(1, 1);
}

static void time_then_rank_then_sequence(void **state)
{
	(void)state;
	push(5, DS_RANK_TICK, 1, 6);
	push(5, DS_RANK_KERNEL, 2, 5);
	push(5, DS_RANK_KERNEL, 1, 4);
	push(5, DS_RANK_EVENTS, 9, 2);
	push(5, DS_RANK_ROUTE, 9, 3);
	push(4, DS_RANK_TICK, 9, 1);
	release(1000);
	assert_out(6, 1, 2, 3, 4, 5, 6);
}

static void what_comes_after_its_time_has_passed_is_late(void **state)
{
	(void)state;
	push(100, DS_RANK_KERNEL, 1, 1);
	release(300);
	push(90, DS_RANK_KERNEL, 2, 2);
	push(100, DS_RANK_KERNEL, 3, 3);	/* the very instant: in time */
	assert_int_equal(ds_merge_late(out->merge), 0);	/* older than the first: history */
	push(200, DS_RANK_KERNEL, 4, 4);
	release(400);
	push(150, DS_RANK_KERNEL, 5, 5);
	assert_int_equal(ds_merge_late(out->merge), 1);
	release(401);
	assert_out(5, 1, 2, 3, 4, 5);
	assert_false(out->late[1] || out->late[2] || out->late[3]);
	assert_true(out->late[4]);
}

static void the_end_gives_everything(void **state)
{
	(void)state;
	push(5000, DS_RANK_KERNEL, 1, 2);
	push(10, DS_RANK_KERNEL, 2, 1);
	ds_merge_flush(out->merge, take, out);
	assert_out(2, 1, 2);
	ds_merge_flush(out->merge, take, out);
	assert_out(2, 1, 2);
}

static void above_the_bound_it_refuses_and_keeps_what_it_has(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(push(1000 - i, DS_RANK_KERNEL, (uint64_t)i, 1000 - i), 0);
	assert_int_equal(push(0, DS_RANK_KERNEL, 0, 0), -ENOBUFS);
	ds_merge_flush(out->merge, take, out);
	assert_int_equal(out->cnt, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(out->pids[i], i + 1);
	assert_int_equal(push(0, DS_RANK_KERNEL, 0, 0), 0);
}

static void release_may_push(void **state)
{
	(void)state;
	out->push_more = 5;
	push(10, DS_RANK_KERNEL, 1, 1);
	push(20, DS_RANK_KERNEL, 2, 2);
	release(230);
	assert_int_equal(out->cnt, 7);
	assert_int_equal(out->pids[0], 1);
	assert_int_equal(out->pids[6], 2);
}

static void take_rounded(void *ctx, const struct ds_event *ev)
{
	((struct out *)ctx)->rounded = ev->socket_age;
}

/* The core must see what the recording will hold, or a replay is not exact. */
static void what_leaves_is_what_its_line_would_read(void **state)
{
	struct ds_event ev = fx_socket_event(0, 1, NULL, 1, DS_SOCKET_CHANGE_CLOSING);

	(void)state;
	DS_SET(&ev, SOCKET_AGE, socket_age, 1234567);
	assert_int_equal(ds_merge_push(out->merge, &ev), 0);
	ds_merge_flush(out->merge, take_rounded, out);
	assert_int_equal(out->rounded, 1235000);
}

static void what_still_waits_is_freed(void **state)
{
	(void)state;
	for (int i = 0; i < 600; i++)
		push(i, DS_RANK_KERNEL, (uint64_t)i, i);
	release(300);
	assert_int_equal(out->cnt, 101);	/* the rest is freed by the teardown: ASan looks */
}

/* Any order of arrival gives one order of departure. */
static void the_order_of_arrival_does_not_matter(void **state)
{
	uint32_t random = 1;
	int order[500];

	(void)state;
	for (int i = 0; i < 500; i++)
		order[i] = i;
	for (int i = 499; i > 0; i--) {
		int k, swap;

		random = random * 1664525 + 1013904223;
		k = (int)((random >> 8) % (uint32_t)(i + 1));
		swap = order[i];
		order[i] = order[k];
		order[k] = swap;
	}
	for (int i = 0; i < 500; i++)
		push(order[i] / 10, order[i] / 2 % 5, (uint64_t)(order[i] % 2), order[i]);
	ds_merge_flush(out->merge, take, out);
	for (int i = 0; i < 500; i++)
		assert_int_equal(out->pids[i], i);
}

/* Many rounds of two sources, out of order by a little: through the queue and the heap. */
static void a_long_run_leaves_in_order(void **state)
{
	int64_t last_pid = 0;
	uint32_t random = 7;
	int pushed = 0, left = 0;

	(void)state;
	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < 40; i++, pushed++) {
			int64_t ms;

			random = random * 1664525 + 1013904223;
			ms = round * 10 + (int64_t)(random >> 24) % 10;
			/* The pid says where it belongs. */
			assert_int_equal(push(ms, pushed % 5 ? DS_RANK_KERNEL : DS_RANK_EVENTS,
					      (uint64_t)pushed, ms), 0);
		}
		out->cnt = 0;
		release(round * 10);
		for (int i = 0; i < out->cnt; i++) {
			assert_true(out->pids[i] >= last_pid);
			last_pid = out->pids[i];
		}
		left += out->cnt;
	}
	out->cnt = 0;
	ds_merge_flush(out->merge, take, out);
	assert_int_equal(left + out->cnt, pushed);
	assert_int_equal(ds_merge_late(out->merge), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(events_wait_for_the_lateness),
		T(time_then_rank_then_sequence),
		T(what_comes_after_its_time_has_passed_is_late),
		T(the_end_gives_everything),
		T(above_the_bound_it_refuses_and_keeps_what_it_has),
		T(release_may_push),
		T(what_leaves_is_what_its_line_would_read),
		T(what_still_waits_is_freed),
		T(the_order_of_arrival_does_not_matter),
		T(a_long_run_leaves_in_order),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
