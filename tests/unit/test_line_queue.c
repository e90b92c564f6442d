// SPDX-License-Identifier: Apache-2.0
#include "user/sink/line_queue.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "tests/unit/files.h"
#include "user/core/event.h"

#define S INT64_C(1000000000)

static int ends[2];	/* of a pipe */

static struct ds_line_queue *make(size_t bytes)
{
	struct ds_line_queue *q;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(ds_line_queue_new(&q, ends[1], "a pipe", bytes), 0);
	return q;
}

static void close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* Line number n, of a length that depends on n: from 10 to 4096 bytes. */
static size_t line_of(unsigned n, char *buf)
{
	size_t len = 10 + (size_t)n * 2654435761u % (DS_EVENT_LINE_MAX - 9);
	char number[16];

	memset(buf, 'a' + (int)(n % 26), len);
	(void)snprintf(number, sizeof(number), "%08u", n);
	memcpy(buf, number, 8);
	buf[len - 1] = '\n';
	return len;
}

static size_t read_bytes(char *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct pollfd p = { .fd = ends[0], .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = read(ends[0], buf + done, len - done);
		assert_true(n > 0);
		done += (size_t)n;
	}
	return done;
}

static void lines_come_out_as_they_went_in(void **state)
{
	struct ds_line_queue *q = make(65536);
	char line[DS_EVENT_LINE_MAX], read_back[DS_EVENT_LINE_MAX];
	unsigned in = 0, out = 0;

	(void)state;
	/* The buffer goes round many times, with lines of every length. */
	while (out < 5000) {
		size_t len = line_of(in, line);

		if (in < 5000 && in - out < 12) {
			assert_true(ds_line_queue_put(q, line, len));
			in++;
			continue;
		}
		len = line_of(out++, line);
		(void)read_bytes(read_back, len);
		assert_memory_equal(line, read_back, len);
	}
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	assert_int_equal(ds_line_queue_take_lost(q), 0);
	ds_line_queue_free(&q);
	assert_null(q);
	ds_line_queue_free(&q);
	close_ends();
}

/* Nobody reads: who puts in never waits, what has no room is counted, and nothing is mixed up. */
static void a_reader_that_stalls_costs_lines_and_no_time(void **state)
{
	struct ds_line_queue *q = make(65536);
	char line[DS_EVENT_LINE_MAX], read_back[DS_EVENT_LINE_MAX];
	unsigned taken[1000], cnt = 0;

	(void)state;
	assert_int_equal(ds_line_queue_wait(q, 10 * S), 0);
	for (unsigned n = 0; n < 1000; n++) {
		size_t len = line_of(n, line);

		if (ds_line_queue_put(q, line, len))
			taken[cnt++] = n;
	}
	assert_true(cnt > 20 && cnt < 500);
	assert_int_equal(ds_line_queue_take_lost(q), 1000 - cnt);
	assert_true(ds_line_queue_wait(q, S / 100) > 0);
	assert_int_equal(ds_line_queue_take_lost(q), 0);
	/* The reader wakes up: all that was taken is there, whole and in order. */
	for (unsigned i = 0; i < cnt; i++) {
		size_t len = line_of(taken[i], line);

		(void)read_bytes(read_back, len);
		assert_memory_equal(line, read_back, len);
	}
	assert_int_equal(ds_line_queue_wait(q, 10 * S), 0);
	assert_true(ds_line_queue_put(q, "again\n", 6));
	(void)read_bytes(read_back, 6);
	assert_memory_equal(read_back, "again\n", 6);
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	ds_line_queue_free(&q);
	close_ends();
}

/* The end comes while nobody reads: within the time that was given. What is left is counted. */
static void the_end_does_not_wait_for_ever(void **state)
{
	struct ds_line_queue *q = make(1 << 20);
	char line[DS_EVENT_LINE_MAX];
	struct timespec before, after;
	uint64_t left;
	unsigned n = 0;

	(void)state;
	for (; n < 100; n++)
		assert_true(ds_line_queue_put(q, line, line_of(n, line)));
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	left = ds_line_queue_finish(q, S / 5);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(left > 0 && left < n);
	assert_true(after.tv_sec - before.tv_sec < 15);
	/* Somebody reads after all: the thread comes to its end, and all of it is freed. */
	while (left) {
		char buf[65536];

		assert_true(read(ends[0], buf, sizeof(buf)) > 0);
		left = ds_line_queue_finish(q, S / 100);
	}
	ds_line_queue_free(&q);
	close_ends();
}

static void what_was_put_in_is_written_before_the_end(void **state)
{
	struct ds_line_queue *q = make(65536);
	char buf[64];

	(void)state;
	assert_true(ds_line_queue_put(q, "one\n", 4));
	assert_true(ds_line_queue_put(q, "two\n", 4));
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	ds_line_queue_free(&q);
	(void)read_bytes(buf, 8);
	assert_memory_equal(buf, "one\ntwo\n", 8);
	close_ends();
}

static void lines_that_are_none_are_refused(void **state)
{
	struct ds_line_queue *q = make(65536);
	char line[DS_EVENT_LINE_MAX + 1] = { 0 };

	(void)state;
	assert_false(ds_line_queue_put(q, line, 0));
	assert_false(ds_line_queue_put(q, line, sizeof(line)));
	assert_int_equal(ds_line_queue_take_lost(q), 2);
	assert_true(ds_line_queue_put(q, line, sizeof(line) - 1));
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	ds_line_queue_free(&q);
	close_ends();
}

static void a_reader_that_has_gone_is_told(void **state)
{
	struct ds_line_queue *q = make(65536);

	(void)state;
	catch_errors();
	close(ends[0]);
	assert_true(ds_line_queue_put(q, "one\n", 4));
	while (!ds_line_queue_is_gone(q))
		(void)poll(NULL, 0, 1);
	assert_false(ds_line_queue_put(q, "two\n", 4));
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	assert_int_equal(ds_line_queue_take_lost(q), 2);
	ds_line_queue_free(&q);
	assert_int_equal(count_lines(caught_errors()), 1);
	close(ends[1]);
}

/* A disk that is full may have room again. */
static void a_full_disk_is_said_once_and_counted(void **state)
{
	struct ds_line_queue *q;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	catch_errors();
	assert_int_equal(ds_line_queue_new(&q, fd, "a disk", 65536), 0);
	for (int i = 0; i < 5; i++)
		assert_true(ds_line_queue_put(q, "one\n", 4));
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	assert_int_equal(ds_line_queue_take_lost(q), 5);
	assert_false(ds_line_queue_is_gone(q));
	ds_line_queue_free(&q);
	assert_non_null(strstr(caught_errors(), "write to a disk; lines are lost: No space"));
	close(fd);
}

/* The reader made the pipe non-blocking for both of us. */
static void a_descriptor_that_does_not_block_is_waited_for(void **state)
{
	struct ds_line_queue *q;
	char line[DS_EVENT_LINE_MAX], read_back[DS_EVENT_LINE_MAX];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ds_line_queue_new(&q, ends[1], "a pipe", 1 << 20), 0);
	for (unsigned n = 0; n < 100; n++)
		assert_true(ds_line_queue_put(q, line, line_of(n, line)));
	for (unsigned n = 0; n < 100; n++) {
		size_t len = line_of(n, line);

		(void)read_bytes(read_back, len);
		assert_memory_equal(line, read_back, len);
	}
	assert_int_equal(ds_line_queue_finish(q, 10 * S), 0);
	assert_int_equal(ds_line_queue_take_lost(q), 0);
	ds_line_queue_free(&q);
	close_ends();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_as_they_went_in),
		cmocka_unit_test(a_reader_that_stalls_costs_lines_and_no_time),
		cmocka_unit_test(the_end_does_not_wait_for_ever),
		cmocka_unit_test(what_was_put_in_is_written_before_the_end),
		cmocka_unit_test(lines_that_are_none_are_refused),
		cmocka_unit_test(a_reader_that_has_gone_is_told),
		cmocka_unit_test(a_full_disk_is_said_once_and_counted),
		cmocka_unit_test(a_descriptor_that_does_not_block_is_waited_for),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("line_queue", tests, files_setup, files_teardown);
}
