// SPDX-License-Identifier: Apache-2.0
#include "user/source/events/follow.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "tests/unit/files.h"

#define WAKE_UP_BYTES 262144
#define STREAM_AT_THE_END ((size_t)64 << 20)

/* In `got`: the bytes, "|" where something begins again, "$" at the end. */
static size_t bytes_cnt;
static bool enough;		/* what on_bytes says */
static bool count_only;

static bool on_bytes(void *ctx, const char *data, size_t len)
{
	(void)ctx;
	assert_true(len > 0);
	bytes_cnt += len;
	if (!count_only)
		ds_buf_put(&got, data, len);
	return !enough;
}

static void on_again(void *ctx)
{
	(void)ctx;
	ds_buf_putc(&got, '|');
}

static void on_ended(void *ctx)
{
	(void)ctx;
	ds_buf_putc(&got, '$');
}

static struct ds_follow_options options = {
	.what = "words", .bytes = on_bytes, .again = on_again, .ended = on_ended,
};

static int fresh(void **state)
{
	bytes_cnt = 0;
	enough = count_only = options.once = false;
	return files_fresh(state);
}

static struct ds_follow *start(uv_loop_t *loop, const char *name)
{
	struct ds_follow *f = NULL;

	assert_int_equal(uv_loop_init(loop), 0);
	assert_int_equal(ds_follow_new(&f, loop, name, &options), 0);
	return f;
}

static void end(uv_loop_t *loop, struct ds_follow **f)
{
	ds_follow_free(f);
	assert_null(*f);
	ds_follow_free(f);
	end_loop(loop);
}

static void a_file_grows_is_cut_replaced_and_gone_for_a_while(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	put(path, 0, "one");
	f = start(&loop, path);
	wait_for(&loop, "one");
	put(path, O_APPEND, "two");
	wait_for(&loop, "onetwo");
	put(path, O_TRUNC, "3");
	wait_for(&loop, "onetwo|3");
	put(other, 0, "four");
	assert_int_equal(rename(other, path), 0);
	wait_for(&loop, "onetwo|3|four");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);		/* nothing that can be followed */
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(rmdir(path), 0);
	put(path, 0, "five");
	wait_for(&loop, "onetwo|3|four|five");
	ds_follow_finish(f);
	ds_follow_finish(f);
	assert_string_equal(got.data, "onetwo|3|four|five$");
	end(&loop, &f);
}

static void what_came_since_the_last_look_is_read_at_the_end(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	put(path, 0, "one");
	f = start(&loop, path);
	wait_for(&loop, "one");
	put(path, O_APPEND, "two");
	put(other, 0, "three");
	assert_int_equal(rename(other, path), 0);
	ds_follow_finish(f);
	assert_string_equal(got.data, "onetwo|three$");
	end(&loop, &f);
}

static void one_wake_up_has_a_budget(void **state)
{
	size_t size = 4 * WAKE_UP_BYTES + 1;
	char *text = calloc(1, size);
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	assert_non_null(text);
	put_bytes(path, 0, text, size);
	free(text);
	count_only = true;
	f = start(&loop, path);
	while (bytes_cnt < size) {
		size_t before = bytes_cnt;

		uv_run(&loop, UV_RUN_NOWAIT);		/* runs each timer once */
		assert_true(bytes_cnt - before <= WAKE_UP_BYTES);
	}
	assert_int_equal(bytes_cnt, size);
	ds_follow_finish(f);
	assert_int_equal(bytes_cnt, size);
	end(&loop, &f);
}

static void reading_at_the_end_is_bounded(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	count_only = true;
	f = start(&loop, "/dev/zero");			/* a writer that never stops */
	catch_errors();
	ds_follow_finish(f);
	assert_non_null(strstr(caught_errors(), "/dev/zero: more is there at the end of the run"));
	assert_int_equal(bytes_cnt, STREAM_AT_THE_END);
	assert_string_equal(got.data, "$");
	end(&loop, &f);
}

/* What a file has is finite. */
static void more_of_a_file_is_read_at_the_end(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	put(path, 0, "");
	assert_int_equal(truncate(path, (off_t)STREAM_AT_THE_END + 1), 0);	/* a hole */
	count_only = true;
	f = start(&loop, path);
	ds_follow_finish(f);
	assert_int_equal(bytes_cnt, STREAM_AT_THE_END + 1);
	end(&loop, &f);
}

static void read_once_the_end_is_the_end(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	options.once = true;
	put(path, 0, "one");
	f = start(&loop, path);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);	/* nothing is watched any more */
	put(path, O_APPEND, "two");
	ds_follow_finish(f);
	assert_string_equal(got.data, "one$");
	end(&loop, &f);

	forget_got();
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	f = start(&loop, path);
	for (int i = 0; i < 10; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	assert_string_equal(got.data, "");			/* its writer is waited for */
	put(path, 0, "three");
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_string_equal(got.data, "three$");
	end(&loop, &f);
}

static void a_fifo_tells_its_writers_apart(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	f = start(&loop, path);
	put(path, 0, "one");
	wait_for(&loop, "one|");
	put(path, 0, "two");
	wait_for(&loop, "one|two|");
	for (int i = 0; i < 10; i++)		/* nothing is ready while nobody writes */
		assert_int_not_equal(uv_run(&loop, UV_RUN_NOWAIT), 0);
	assert_string_equal(got.data, "one|two|");
	put(path, 0, "three");
	ds_follow_finish(f);
	assert_string_equal(got.data, "one|two|three$");
	end(&loop, &f);
}

#define WRITERS 20000

static int refused;

/* One after the other, none of which waits for a reader. */
static void write_often(void *ctx)
{
	(void)ctx;
	for (int i = 0; i < WRITERS; i++) {
		int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);	/* or ENXIO */

		if (fd < 0 || write(fd, "x", 1) != 1)
			refused++;
		if (fd >= 0)
			close(fd);
	}
}

static void no_writer_of_a_fifo_finds_nobody(void **state)
{
	uv_thread_t writer;
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	count_only = true;
	refused = 0;
	(void)signal(SIGPIPE, SIG_IGN);
	f = start(&loop, path);
	assert_int_equal(uv_thread_create(&writer, write_often, NULL), 0);
	while (bytes_cnt + (size_t)__atomic_load_n(&refused, __ATOMIC_RELAXED) < WRITERS)
		uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_thread_join(&writer), 0);
	assert_int_equal(refused, 0);
	assert_int_equal(bytes_cnt, WRITERS);
	ds_follow_finish(f);
	end(&loop, &f);
}

static void a_fifo_that_is_gone_is_said(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	f = start(&loop, path);
	catch_errors();
	put(path, 0, "one");
	assert_int_equal(unlink(path), 0);
	wait_for(&loop, "one$");
	assert_non_null(strstr(caught_errors(), "cannot be opened again, continuing without it"));
	end(&loop, &f);
}

static void follow_standard_input(int flags)
{
	int fds[2], saved, before;
	struct ds_follow *f;
	uv_loop_t loop;

	forget_got();
	assert_int_equal(pipe(fds), 0);
	before = fcntl(fds[0], F_GETFL) | flags;
	assert_int_equal(fcntl(fds[0], F_SETFL, before), 0);
	saved = replace_stdin(fds[0]);
	f = start(&loop, "-");
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL), before);
	assert_int_equal(write(fds[1], "one", 3), 3);
	wait_for(&loop, "one");
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL), before);
	assert_int_equal(write(fds[1], "two", 3), 3);
	close(fds[1]);
	wait_for(&loop, "onetwo$");
	ds_follow_finish(f);
	end(&loop, &f);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL), before);
	assert_string_equal(got.data, "onetwo$");
	put_back_stdin(saved);
}

static void standard_input_keeps_its_flags(void **state)
{
	(void)state;
	follow_standard_input(0);
	follow_standard_input(O_NONBLOCK);
}

static void standard_input_may_be_a_file_that_grows(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;
	int fd, saved;

	(void)state;
	put(path, 0, "onetwo");
	fd = open(path, O_RDONLY);
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	saved = replace_stdin(fd);
	f = start(&loop, "-");
	wait_for(&loop, "two");
	put(path, O_APPEND, "three");
	wait_for(&loop, "twothree");
	assert_int_equal(lseek(STDIN_FILENO, 0, SEEK_CUR), 3);	/* others read on from there */
	end(&loop, &f);
	assert_string_equal(got.data, "twothree");		/* no callback by free */
	put_back_stdin(saved);
}

static void who_wants_no_more_is_given_no_more(void **state)
{
	struct ds_follow *f;
	uv_loop_t loop;

	(void)state;
	put(path, 0, "one");
	enough = true;
	f = start(&loop, path);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	put(path, O_APPEND, "two");
	ds_follow_finish(f);
	assert_string_equal(got.data, "one$");
	end(&loop, &f);
	forget_got();
	count_only = true;
	bytes_cnt = 0;
	assert_int_equal(ds_follow_read("/dev/zero", &options), 0);
	assert_true(bytes_cnt > 0);
	assert_string_equal(got.data, "");
}

static void what_cannot_be_read_is_said(void **state)
{
	struct ds_follow *f = NULL;
	const char *said;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	catch_errors();
	assert_int_equal(ds_follow_new(&f, &loop, "/nonexistent", &options), -ENOENT);
	assert_int_equal(ds_follow_new(&f, &loop, folder, &options), -EISDIR);
	assert_null(f);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(ds_follow_read("/nonexistent", &options), -ENOENT);
	assert_int_equal(ds_follow_read(folder, &options), -EISDIR);
	/* Opened, but its first page is nobody's: an error while it is followed. */
	assert_int_equal(ds_follow_read("/proc/self/mem", &options), -EIO);
	f = start(&loop, "/proc/self/mem");
	wait_for(&loop, "$");
	ds_follow_finish(f);
	end(&loop, &f);
	said = caught_errors();
	assert_int_equal(count_lines(said), 6);
	assert_non_null(strstr(said, "open /nonexistent for reading: No such file or directory"));
	assert_non_null(strstr(said, "read words from /tmp/"));
	assert_non_null(strstr(said, "name a file, a FIFO or -: Is a directory"));
	assert_non_null(strstr(said, "read /proc/self/mem: continuing without it: Input/output"));
	assert_string_equal(got.data, "$");
}

static void write_when_waited_for(void *ctx)
{
	int fd = *(int *)ctx;

	uv_sleep(20);		/* likely, not surely, after the first read: it must not matter */
	(void)!write(fd, "one", 3);
	close(fd);
}

/* A shell may leave its standard input non-blocking: that is no error, and not ours to change. */
static void at_one_go_input_that_is_not_there_yet_is_waited_for(void **state)
{
	int fds[2], saved, before;
	uv_thread_t writer;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	before = fcntl(fds[0], F_GETFL) | O_NONBLOCK;
	assert_int_equal(fcntl(fds[0], F_SETFL, before), 0);
	saved = replace_stdin(fds[0]);
	assert_int_equal(uv_thread_create(&writer, write_when_waited_for, &fds[1]), 0);
	assert_int_equal(ds_follow_read("-", &options), 0);
	assert_int_equal(uv_thread_join(&writer), 0);
	assert_string_equal(got.data, "one");
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL), before);
	put_back_stdin(saved);
}

#define TEST(f) cmocka_unit_test_setup(f, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_grows_is_cut_replaced_and_gone_for_a_while),
		TEST(what_came_since_the_last_look_is_read_at_the_end),
		TEST(one_wake_up_has_a_budget),
		TEST(reading_at_the_end_is_bounded),
		TEST(more_of_a_file_is_read_at_the_end),
		TEST(read_once_the_end_is_the_end),
		TEST(a_fifo_tells_its_writers_apart),
		TEST(no_writer_of_a_fifo_finds_nobody),
		TEST(a_fifo_that_is_gone_is_said),
		TEST(standard_input_keeps_its_flags),
		TEST(standard_input_may_be_a_file_that_grows),
		TEST(who_wants_no_more_is_given_no_more),
		TEST(what_cannot_be_read_is_said),
		TEST(at_one_go_input_that_is_not_there_yet_is_waited_for),
	};

	return cmocka_run_group_tests_name("follow", tests, files_setup, files_teardown);
}
