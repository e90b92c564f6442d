// SPDX-License-Identifier: Apache-2.0
#include "user/source/events/events.h"

#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/files.h"
#include "user/core/merge.h"

#define TIME "\"time\":\"2026-11-22T10:15:31.660018113Z\","
#define ADDRESS(a) \
	"{" TIME "\"event.name\":\"drainsnoop.node.address\",\"drainsnoop.address\":\"" a "\"}\n"
static void deliver(void *ctx, struct ds_event *ev)
{
	uint64_t *next = ctx;

	assert_int_equal(ev->rank, DS_RANK_EVENTS);
	if (next)
		assert_int_equal(ev->source_seq, (*next)++);
	ds_buf_printf(&got, "%s ",
		      ev->kind == DS_EVENT_NODE_ADDRESS ? ev->address : ds_kinds[ev->kind].name);
}

static const struct ds_events_options options = { .deliver = deliver };

static void end(uv_loop_t *loop, struct ds_events **e)
{
	ds_events_free(e);
	assert_null(*e);
	ds_events_free(e);
	end_loop(loop);
}

static void a_file_is_read_to_its_end(void **state)
{
	struct ds_events_options o = options;
	struct ds_events_stats stats;
	uint64_t next = 0;

	(void)state;
	o.ctx = &next;
	put(path, 0, ADDRESS("10.0.0.1") "\n  \r\n" ADDRESS("10.0.0.2")
	    "{" TIME "\"event.name\":\"drainsnoop.tick\",\"drainsnoop.final\":true}");
	assert_int_equal(ds_events_read_file(path, &o, &stats), 0);
	assert_string_equal(got.data, "10.0.0.1 10.0.0.2 drainsnoop.tick ");
	assert_int_equal(stats.lines, 3);
	assert_int_equal(stats.events, 3);
	assert_int_equal(stats.bad, 0);
}

static void output_events_are_skipped_or_given(void **state)
{
	struct ds_events_options o = options;
	struct ds_events_stats stats;

	(void)state;
	put(path, 0, "{" TIME "\"event.name\":\"drainsnoop.stop\"}\n" ADDRESS("10.0.0.1"));
	assert_int_equal(ds_events_read_file(path, &o, &stats), 0);
	assert_string_equal(got.data, "10.0.0.1 ");
	assert_int_equal(stats.skipped, 1);
	assert_int_equal(stats.events, 1);
	o.with_output = true;
	ds_buf_clear(&got);
	assert_int_equal(ds_events_read_file(path, &o, NULL), 0);
	assert_string_equal(got.data, "drainsnoop.stop 10.0.0.1 ");
}

static void bad_lines_are_named_counted_and_passed_over(void **state)
{
	struct ds_events_stats stats;
	const char *said;
	char want[256];

	(void)state;
	put(path, 0, ADDRESS("10.0.0.1") "nonsense\n" ADDRESS("10.0.0.2")
	    "{" TIME "\"event.name\":\"drainsnoop.node.address\",\"drainsnoop.address\":7}\n"
	    ADDRESS("10.0.0.3") "{" TIME "\"event.na");
	catch_errors();
	assert_int_equal(ds_events_read_file(path, &options, &stats), 0);
	said = caught_errors();
	snprintf(want, sizeof(want),
		 "drainsnoop: %s:2: byte 0: expected '{', found something that is not JSON\n",
		 path);
	assert_non_null(strstr(said, want));
	snprintf(
		want, sizeof(want),
		"drainsnoop: %s:4: byte 101: key \"drainsnoop.address\": expected a string, found a number\n",
		path);
	assert_non_null(strstr(said, want));
	snprintf(
		want, sizeof(want),
		"drainsnoop: %s:6: byte 50: the line ends within a string (the line has no end: was it cut off?)\n",
		path);
	assert_non_null(strstr(said, want));
	assert_string_equal(got.data, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	assert_int_equal(stats.bad, 3);
	assert_int_equal(stats.lines, 6);
}

static void many_bad_lines_are_summed_up(void **state)
{
	struct ds_events_stats stats;
	const char *said;

	(void)state;
	put(path, 0, "");
	for (int i = 0; i < 1000; i++)
		put(path, O_APPEND, "x\x1b\n");
	catch_errors();
	assert_int_equal(ds_events_read_file(path, &options, &stats), 0);
	said = caught_errors();
	assert_int_equal(count_lines(said), 12);
	assert_non_null(strstr(said, "1000 of 1000 lines were bad"));
	assert_null(strchr(said, '\x1b'));
	assert_int_equal(stats.bad, 1000);
}

static void what_cannot_be_read_is_said(void **state)
{
	uv_loop_t loop;
	struct ds_events *e = NULL;
	const char *said;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	catch_errors();
	assert_int_equal(ds_events_read_file("/nonexistent", &options, NULL), -ENOENT);
	assert_int_equal(ds_events_read_file(folder, &options, NULL), -EISDIR);
	assert_int_equal(ds_events_new(&e, &loop, "/nonexistent", &options), -ENOENT);
	assert_int_equal(ds_events_new(&e, &loop, folder, &options), -EISDIR);
	assert_null(e);
	said = caught_errors();
	assert_non_null(strstr(said, "open /nonexistent for reading: No such file or directory"));
	assert_non_null(strstr(said, "name a file, a FIFO or -: Is a directory"));
	assert_int_equal(uv_loop_close(&loop), 0);
}

static bool stopped(void *ctx)
{
	(void)ctx;
	return true;
}

static void reading_can_be_stopped(void **state)
{
	struct ds_events_options o = options;
	struct ds_events_stats stats;

	(void)state;
	o.stopped = stopped;
	put(path, 0, "");
	for (int i = 0; i < 5000; i++)
		put(path, O_APPEND, ADDRESS("10.0.0.1"));
	assert_int_equal(ds_events_read_file(path, &o, &stats), 0);
	assert_true(stats.events > 0);
	assert_true(stats.events < 5000);
}

static void a_file_is_followed_as_it_grows(void **state)
{
	struct ds_events_stats stats;
	struct ds_events *e = NULL;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	put(path, 0, ADDRESS("10.0.0.1"));
	assert_int_equal(ds_events_new(&e, &loop, path, &options), 0);
	wait_for(&loop, "10.0.0.1 ");
	/* A line written in two halves is one line. */
	put(path, O_APPEND, "{\"event.name\":\"drainsnoop.node.address\",");
	put(other, 0, "");
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_ONCE);
	put(path, O_APPEND, "\"drainsnoop.address\":\"10.0.0.2\"}\n" ADDRESS("10.0.0.3"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	/* What has come by the end of the run counts, a rest is told. */
	put(path, O_APPEND, ADDRESS("10.0.0.4") "{\"event.");
	catch_errors();
	ds_events_finish(e);
	ds_events_finish(e);
	assert_non_null(strstr(caught_errors(), "was it cut off?"));
	assert_string_equal(got.data, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 ");
	stats = ds_events_stats(e);
	assert_int_equal(stats.events, 4);
	assert_int_equal(stats.bad, 1);
	end(&loop, &e);
}

static void a_file_that_is_cut_or_replaced_is_read_anew(void **state)
{
	struct ds_events *e = NULL;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	put(path, 0, ADDRESS("10.0.0.1") ADDRESS("10.0.0.2"));
	assert_int_equal(ds_events_new(&e, &loop, path, &options), 0);
	wait_for(&loop, "10.0.0.1 10.0.0.2 ");
	put(path, O_TRUNC, ADDRESS("10.0.0.3"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	put(other, 0, ADDRESS("10.0.0.4") ADDRESS("10.0.0.5"));
	assert_int_equal(rename(other, path), 0);
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 ");
	/* Gone for a while: what comes under the name afterwards is read. */
	assert_int_equal(unlink(path), 0);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_ONCE);
	put(path, 0, ADDRESS("10.0.0.6"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 ");
	ds_events_finish(e);
	end(&loop, &e);
}

static void a_fifo_outlives_its_writers(void **state)
{
	struct ds_events *e = NULL;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ds_events_new(&e, &loop, path, &options), 0);
	put(path, 0, ADDRESS("10.0.0.1"));
	wait_for(&loop, "10.0.0.1 ");
	put(path, 0, ADDRESS("10.0.0.2"));
	put(path, 0, ADDRESS("10.0.0.3"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	/* A writer that leaves half a line does not spoil the next one's. */
	catch_errors();
	put(path, 0, ADDRESS("10.0.0.4") "{\"event.");
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 ");
	for (int i = 0; i < 100 && ds_events_stats(e).bad == 0; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	put(path, 0, ADDRESS("10.0.0.5"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 ");
	assert_non_null(strstr(caught_errors(), "was it cut off?"));
	assert_int_equal(ds_events_stats(e).bad, 1);
	assert_false(ds_events_stats(e).ended);
	/* No busy loop while nobody writes: nothing is ready. */
	ds_buf_clear(&got);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	ds_events_finish(e);
	end(&loop, &e);
}

static void standard_input_ends_and_stays_blocking(void **state)
{
	struct ds_events *e = NULL;
	uv_loop_t loop;
	int fds[2], saved;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	saved = replace_stdin(fds[0]);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ds_events_new(&e, &loop, "-", &options), 0);
	assert_int_equal(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, 0);
	assert_true(write(fds[1], ADDRESS("10.0.0.1"), strlen(ADDRESS("10.0.0.1"))) > 0);
	wait_for(&loop, "10.0.0.1 ");
	assert_true(write(fds[1], ADDRESS("10.0.0.2"), strlen(ADDRESS("10.0.0.2")) - 1) > 0);
	close(fds[1]);
	wait_for(&loop, "10.0.0.1 10.0.0.2 ");
	assert_true(ds_events_stats(e).ended);
	assert_int_equal(ds_events_stats(e).bad, 0);
	ds_events_finish(e);
	end(&loop, &e);
	put_back_stdin(saved);
}

static void standard_input_may_be_nothing_or_a_file(void **state)
{
	struct ds_events *e = NULL;
	uv_loop_t loop;
	int saved;

	(void)state;
	saved = replace_stdin(open("/dev/null", O_RDONLY));
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ds_events_new(&e, &loop, "-", &options), 0);
	while (!ds_events_stats(e).ended)
		uv_run(&loop, UV_RUN_ONCE);
	end(&loop, &e);
	put_back_stdin(saved);

	put(path, 0, ADDRESS("10.0.0.1"));
	saved = replace_stdin(open(path, O_RDONLY));
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ds_events_new(&e, &loop, "-", &options), 0);
	wait_for(&loop, "10.0.0.1 ");
	end(&loop, &e);
	put_back_stdin(saved);
}

static void a_large_file_goes_in_portions(void **state)
{
	struct ds_events *e = NULL;
	struct ds_buf text = { 0 };
	uv_loop_t loop;

	(void)state;
	for (int i = 0; i < 20000; i++)
		ds_buf_puts(&text, ADDRESS("10.0.0.1"));
	put(path, 0, text.data);
	ds_buf_free(&text);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(ds_events_new(&e, &loop, path, &options), 0);
	uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_ONCE);
	assert_true(ds_events_stats(e).events > 0);
	assert_true(ds_events_stats(e).events < 20000);
	while (ds_events_stats(e).events < 20000)
		uv_run(&loop, UV_RUN_ONCE);
	ds_events_finish(e);
	end(&loop, &e);
}

#define TEST(f) cmocka_unit_test_setup(f, files_fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_read_to_its_end),
		TEST(output_events_are_skipped_or_given),
		TEST(bad_lines_are_named_counted_and_passed_over),
		TEST(many_bad_lines_are_summed_up),
		TEST(what_cannot_be_read_is_said),
		TEST(reading_can_be_stopped),
		TEST(a_file_is_followed_as_it_grows),
		TEST(a_file_that_is_cut_or_replaced_is_read_anew),
		TEST(a_fifo_outlives_its_writers),
		TEST(standard_input_ends_and_stays_blocking),
		TEST(standard_input_may_be_nothing_or_a_file),
		TEST(a_large_file_goes_in_portions),
	};

	return cmocka_run_group_tests_name("events", tests, files_setup, files_teardown);
}
