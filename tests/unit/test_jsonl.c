// SPDX-License-Identifier: Apache-2.0
#include "user/sink/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/files.h"
#include "tests/unit/sample_event.h"
#include "user/core/event_json.h"

static int saved_stdout = -1;

static int setup(void **state)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	saved_stdout = dup(STDOUT_FILENO);
	return files_setup(state);
}

static struct ds_event tick(void)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, SAMPLE_TIME);
	return ev;
}

/* Every line of the file is an event, numbered from 0; returns how many there are. */
static uint64_t whole_lines(void)
{
	static char buf[1 << 20];
	size_t len = read_file(path, buf, sizeof(buf));
	uint64_t n = 0;

	for (char *at = buf; at < buf + len; n++) {
		char *newline = strchr(at, '\n');
		struct ds_perr perr;
		struct ds_event ev;

		assert_non_null(newline);
		assert_int_equal(ds_event_read(at, (size_t)(newline - at), 0, &ev, &perr), 0);
		assert_int_equal(ev.source_seq, n);
		ds_event_clear(&ev);
		at = newline + 1;
	}
	return n;
}

static void a_file_is_buffered_until_it_is_flushed(void **state)
{
	struct ds_jsonl *sink;
	struct ds_event ev = tick();
	struct stat st;

	(void)state;
	assert_int_equal(ds_jsonl_new(&sink, path), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 0), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(ds_jsonl_flush(sink), 0);
	assert_int_equal(whole_lines(), 1);
	for (uint64_t i = 1; i < 1000; i++)
		assert_int_equal(ds_jsonl_event(sink, &ev, i), 0);
	assert_true(whole_lines() > 0);
	ds_jsonl_free(&sink);
	assert_null(sink);
	ds_jsonl_free(&sink);
	assert_int_equal(whole_lines(), 1000);
	/* A file of an earlier run is replaced. */
	assert_int_equal(ds_jsonl_new(&sink, path), 0);
	ds_jsonl_free(&sink);
	assert_int_equal(whole_lines(), 0);
}

/* Log rotation: the old name has all until then, the new file what comes after it. */
static void a_renamed_file_is_followed_by_a_new_one(void **state)
{
	struct ds_jsonl *sink;
	struct ds_event ev = tick();
	char text[8192];

	(void)state;
	assert_int_equal(ds_jsonl_new(&sink, path), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 0), 0);
	/* Not renamed: nothing is cut off. */
	assert_int_equal(ds_jsonl_reopen(sink), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 1), 0);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(ds_jsonl_reopen(sink), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 0), 0);
	assert_int_equal(ds_jsonl_flush(sink), 0);
	assert_int_equal(whole_lines(), 1);
	/* A file that somebody has made there already is written on. */
	assert_int_equal(rename(path, errors_path), 0);
	put(path, 0, "before\n");
	assert_int_equal(ds_jsonl_reopen(sink), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 1), 0);
	ds_jsonl_free(&sink);
	(void)read_file(path, text, sizeof(text));
	assert_ptr_equal(strstr(text, "before\n{"), text);
	assert_int_equal(count_lines(text), 2);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(whole_lines(), 2);
}

/* The folder has gone, or something else stands there: no line is lost. */
static void a_file_that_cannot_be_made_anew_is_said(void **state)
{
	struct ds_jsonl *sink;
	struct ds_event ev = tick();

	(void)state;
	assert_int_equal(ds_jsonl_new(&sink, path), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 0), 0);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	catch_errors();
	assert_int_equal(ds_jsonl_reopen(sink), -ENXIO);
	assert_int_equal(count_lines(caught_errors()), 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 1), 0);
	ds_jsonl_free(&sink);
	assert_int_equal(rename(other, path), 0);
	assert_int_equal(whole_lines(), 2);
	/* Standard output stays what it is. */
	assert_int_equal(ds_jsonl_new(&sink, NULL), 0);
	assert_int_equal(ds_jsonl_reopen(sink), 0);
	ds_jsonl_free(&sink);
}

static void a_path_that_cannot_be_opened_is_said(void **state)
{
	struct ds_jsonl *sink = NULL;

	(void)state;
	catch_errors();
	assert_int_equal(ds_jsonl_new(&sink, "/nonexistent/out"), -ENOENT);
	assert_int_equal(ds_jsonl_new(&sink, "/"), -EISDIR);
	assert_null(sink);
	assert_int_equal(count_lines(caught_errors()), 2);
}

/* A file size limit acts as a disk that fills up: the last write is short. */
static void a_full_disk_leaves_whole_lines_and_may_pass(void **state)
{
	struct rlimit old, small;
	struct ds_jsonl *sink;
	struct ds_jsonl_stats stats;
	struct ds_event ev = tick();
	uint64_t lost = 0, seq = 0, kept;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(ds_jsonl_new(&sink, path), 0);
	small = old;
	small.rlim_cur = 100001;
	catch_errors();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 3000; i++)
		if (ds_jsonl_event(sink, &ev, seq++) == -EFBIG)
			lost++;
	assert_int_equal(ds_jsonl_flush(sink), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(count_lines(caught_errors()), 1);
	stats = ds_jsonl_stats(sink);
	assert_true(stats.lost > 0);
	assert_int_equal(stats.lines + stats.lost, 3000);
	assert_true(stats.bytes <= 100001);
	kept = whole_lines();
	assert_true(kept > 0);
	/* There is room again: what was in the buffer and what comes now is written. */
	assert_int_equal(ds_jsonl_event(sink, &ev, stats.lines), 0);
	assert_int_equal(ds_jsonl_flush(sink), 0);
	ds_jsonl_free(&sink);
	assert_int_equal(whole_lines(), stats.lines + 1);
}

static void a_full_device_is_said_once(void **state)
{
	struct ds_jsonl *sink;
	struct ds_event ev = tick();

	(void)state;
	assert_int_equal(ds_jsonl_new(&sink, "/dev/full"), 0);
	catch_errors();
	for (uint64_t i = 0; i < 5; i++)
		assert_int_equal(ds_jsonl_event(sink, &ev, i), -ENOSPC);
	assert_int_equal(ds_jsonl_stats(sink).lost, 5);
	ds_jsonl_free(&sink);
	assert_int_equal(count_lines(caught_errors()), 1);
}

static void standard_output_gets_one_write_a_line(void **state)
{
	struct ds_jsonl *sink;
	struct ds_event ev = tick();
	char buf[8192];
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(fds, O_DIRECT), 0);	/* packets: a read gets one write */
	assert_true(dup2(fds[1], STDOUT_FILENO) >= 0);
	assert_int_equal(ds_jsonl_new(&sink, NULL), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 0), 0);
	assert_int_equal(ds_jsonl_event(sink, &ev, 1), 0);
	n = read(fds[0], buf, sizeof(buf));
	assert_true(n > 0);
	assert_int_equal(buf[n - 1], '\n');
	assert_ptr_equal(memchr(buf, '\n', (size_t)n), buf + n - 1);
	/* The reader goes: told by the return code, not by a line. */
	catch_errors();
	close(fds[0]);
	assert_int_equal(ds_jsonl_event(sink, &ev, 2), -EPIPE);
	assert_int_equal(ds_jsonl_event(sink, &ev, 3), -EPIPE);
	assert_int_equal(ds_jsonl_flush(sink), -EPIPE);
	assert_int_equal(ds_jsonl_stats(sink).lines, 2);
	assert_int_equal(ds_jsonl_stats(sink).lost, 2);
	ds_jsonl_free(&sink);
	assert_true(dup2(saved_stdout, STDOUT_FILENO) >= 0);
	close(fds[1]);
	assert_int_equal(count_lines(caught_errors()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_buffered_until_it_is_flushed),
		cmocka_unit_test(a_renamed_file_is_followed_by_a_new_one),
		cmocka_unit_test(a_file_that_cannot_be_made_anew_is_said),
		cmocka_unit_test(a_path_that_cannot_be_opened_is_said),
		cmocka_unit_test(a_full_disk_leaves_whole_lines_and_may_pass),
		cmocka_unit_test(a_full_device_is_said_once),
		cmocka_unit_test(standard_output_gets_one_write_a_line),
	};

	return cmocka_run_group_tests_name("jsonl", tests, setup, files_teardown);
}
