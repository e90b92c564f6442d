// SPDX-License-Identifier: Apache-2.0
#include "user/source/targets/targets.h"

#include <errno.h>
#include <sys/stat.h>
#include <zlib.h>

#include "tests/unit/files.h"
#include "user/core/merge.h"

#define ROW(id) "1795387044," id ",80,healthy,web\n"
static uint64_t seq, next_seq;
static uint64_t bad;

static void deliver(void *ctx, struct ds_event *ev)
{
	(void)ctx;
	assert_int_equal(ev->kind, DS_EVENT_TARGET);
	assert_int_equal(ev->rank, DS_RANK_EVENTS);
	assert_int_equal(ev->source_seq, next_seq++);
	assert_true(ev->time_ns > 0);
	ds_buf_printf(&got, "%s ", ev->target_id);
}

static const struct ds_targets_options options = { .deliver = deliver, .seq = &seq };
static const struct ds_targets_options following = { .deliver = deliver, .seq = &seq,
						     .follow = true };

static int fresh(void **state)
{
	seq = next_seq = 0;
	return files_fresh(state);
}

/* One gzip stream; returns its length. */
static size_t zip(const char *text, unsigned char *room, size_t size)
{
	z_stream z = { 0 };
	size_t len;

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)text;
	z.avail_in = (unsigned int)strlen(text);
	z.next_out = room;
	z.avail_out = (unsigned int)size;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	len = size - z.avail_out;
	(void)deflateEnd(&z);
	return len;
}

/* Reads it at one go; returns what was said meanwhile. */
static const char *read_all(const char *name, const char *want)
{
	const char *said;
	int r;

	forget_got();
	catch_errors();
	r = ds_targets_source_read(name, &options, &bad);
	said = caught_errors();
	assert_int_equal(r, 0);
	assert_string_equal(got.data ? got.data : "", want);
	return said;
}

static struct ds_targets_source *start(uv_loop_t *loop, const char *name,
				       const struct ds_targets_options *o)
{
	struct ds_targets_source *s = NULL;

	assert_int_equal(uv_loop_init(loop), 0);
	assert_int_equal(ds_targets_source_new(&s, loop, name, o), 0);
	return s;
}

static void end(uv_loop_t *loop, struct ds_targets_source **s)
{
	ds_targets_source_free(s);
	assert_null(*s);
	ds_targets_source_free(s);
	end_loop(loop);
}

static void files_are_read_to_their_end_in_one_order(void **state)
{
	(void)state;
	put(path, 0, ROW("10.0.0.1") "\n" "1795387044,10.0.0.2,80,healthy,web");
	put(other, 0, ROW("10.0.0.3"));
	assert_string_equal(read_all(path, "10.0.0.1 10.0.0.2 "), "");
	assert_int_equal(bad, 0);
	assert_string_equal(read_all(other, "10.0.0.3 "), "");	/* its number follows */
	assert_int_equal(seq, 3);
}

static void what_cannot_be_opened_is_said(void **state)
{
	struct ds_targets_source *s = NULL;
	const char *said;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	catch_errors();
	assert_int_equal(ds_targets_source_read("/nonexistent", &options, &bad), -ENOENT);
	assert_int_equal(ds_targets_source_read(folder, &options, &bad), -EISDIR);
	assert_int_equal(ds_targets_source_new(&s, &loop, "/nonexistent", &options), -ENOENT);
	assert_int_equal(ds_targets_source_new(&s, &loop, folder, &following), -EISDIR);
	assert_null(s);
	said = caught_errors();
	assert_non_null(strstr(said, "open /nonexistent for reading: No such file or directory"));
	assert_non_null(strstr(said, "name a file, a FIFO or -: Is a directory"));
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void faults_name_file_and_line_and_are_summed_up(void **state)
{
	const char *said;
	char want[128];

	(void)state;
	put(path, 0, ROW("10.0.0.1"));
	for (int i = 0; i < 1000; i++)
		put(path, O_APPEND, "x\x1b\n");
	put_bytes(path, O_APPEND, "a\0b\n", 4);
	put(path, O_APPEND, ROW("10.0.0.2") "{\"Records\":[");
	said = read_all(path, "10.0.0.1 10.0.0.2 ");
	assert_int_equal(bad, 1002);
	snprintf(want, sizeof(want), "%s:2: no format that is known", path);
	assert_non_null(strstr(said, want));
	snprintf(want, sizeof(want), "%s: 1002 faults", path);
	assert_non_null(strstr(said, want));
	assert_int_equal(count_lines(said), 12);
	assert_null(strchr(said, '\x1b'));
	put_bytes(path, O_TRUNC, "a\0b\n", 4);
	snprintf(want, sizeof(want), "%s:1: a NUL character", path);
	said = read_all(path, "");
	assert_non_null(strstr(said, want));
	assert_non_null(strstr(said, "says nothing of any target (1 items"));
}

static void a_line_of_ten_megabytes_costs_itself_only(void **state)
{
	char *line = malloc(10 << 20), want[128];

	(void)state;
	assert_non_null(line);
	memset(line, 'x', 10 << 20);
	put(path, 0, ROW("10.0.0.1"));
	put_bytes(path, O_APPEND, line, 10 << 20);
	put(path, O_APPEND, "\n" ROW("10.0.0.2"));
	free(line);
	snprintf(want, sizeof(want), "drainsnoop: %s:2: longer than 1 MiB\n", path);
	assert_string_equal(read_all(path, "10.0.0.1 10.0.0.2 "), want);
	assert_int_equal(bad, 1);
}

static void gzip_whole_in_parts_cut_and_with_more_behind_it(void **state)
{
	unsigned char z[2][512];
	size_t len[2] = { zip(ROW("10.0.0.1") "1795387044,10.", z[0], sizeof(z[0])),
			  zip("0.0.2,80,healthy\n", z[1], sizeof(z[1])) };
	const char *said;
	char want[128];

	(void)state;
	/* two streams are one file, and a line may go over */
	put_bytes(path, 0, z[0], len[0]);
	put_bytes(path, O_APPEND, z[1], len[1]);
	assert_string_equal(read_all(path, "10.0.0.1 10.0.0.2 "), "");
	assert_int_equal(bad, 0);
	/* padding is none of it */
	put_bytes(path, O_APPEND, "\0\0\0\0\0", 5);
	assert_string_equal(read_all(path, "10.0.0.1 10.0.0.2 "), "");
	put(path, O_APPEND, "rubbish");
	said = read_all(path, "10.0.0.1 10.0.0.2 ");
	assert_non_null(strstr(said, "what stands behind the gzip stream is none"));
	assert_non_null(strstr(said, path));
	assert_int_equal(bad, 1);
	/* cut off */
	len[0] = zip(ROW("10.0.0.1"), z[0], sizeof(z[0]));
	put_bytes(path, O_TRUNC, z[0], len[0] - 4);
	snprintf(want, sizeof(want), "%s: byte %zu: the gzip stream is cut off", path, len[0] - 4);
	said = read_all(path, "10.0.0.1 ");
	assert_non_null(strstr(said, want));
	assert_int_equal(bad, 1);
	/* damaged */
	z[0][len[0] - 6] ^= 0xff;
	put_bytes(path, O_TRUNC, z[0], len[0]);
	said = read_all(path, "10.0.0.1 ");
	assert_non_null(strstr(said, "the gzip stream is broken"));
	assert_int_equal(bad, 1);
}

static void standard_input_is_read_from_where_it_stands(void **state)
{
	int fd, pipe_fds[2], saved, was;

	(void)state;
	put(path, 0, ROW("10.0.0.1") ROW("10.0.0.2"));
	fd = open(path, O_RDONLY);
	assert_true(lseek(fd, (off_t)strlen(ROW("10.0.0.1")), SEEK_SET) > 0);
	saved = replace_stdin(fd);
	assert_string_equal(read_all("-", "10.0.0.2 "), "");
	assert_int_equal(pipe(pipe_fds), 0);
	assert_true(write(pipe_fds[1], ROW("10.0.0.3"), strlen(ROW("10.0.0.3"))) > 0);
	close(pipe_fds[1]);
	was = replace_stdin(pipe_fds[0]);
	assert_string_equal(read_all("-", "10.0.0.3 "), "");
	assert_non_null(strstr(read_all("-", ""), "standard input: says nothing of any target"));
	put_back_stdin(was);
	put_back_stdin(saved);
}

static void write_fifo(void *ctx)
{
	(void)ctx;
	put(path, 0, ROW("10.0.0.1"));		/* waits until it is read */
}

static void the_writer_of_a_fifo_is_waited_for(void **state)
{
	uv_thread_t writer;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(uv_thread_create(&writer, write_fifo, NULL), 0);
	assert_string_equal(read_all(path, "10.0.0.1 "), "");
	assert_int_equal(uv_thread_join(&writer), 0);
}

static void a_followed_fifo_outlives_its_writers(void **state)
{
	struct ds_targets_source *s;
	uv_loop_t loop;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	s = start(&loop, path, &following);
	put(path, 0, ROW("10.0.0.1"));
	wait_for(&loop, "10.0.0.1 ");
	put(path, 0, ROW("10.0.0.2"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 ");
	ds_targets_source_finish(s);
	end(&loop, &s);
}

static void a_file_is_followed_as_it_grows_is_cut_and_replaced(void **state)
{
	struct ds_targets_source *s;
	const char *said;
	uv_loop_t loop;

	(void)state;
	put(path, 0, ROW("10.0.0.1") "1795387044,10.");
	s = start(&loop, path, &following);
	wait_for(&loop, "10.0.0.1 ");
	put(path, O_APPEND, "0.0.2,80,healthy\n");
	wait_for(&loop, "10.0.0.1 10.0.0.2 ");
	put(path, O_TRUNC, ROW("10.0.0.3"));
	wait_for(&loop, "10.0.0.1 10.0.0.2 10.0.0.3 ");
	ds_buf_clear(&got);
	put(other, 0, ROW("10.0.0.4"));
	assert_int_equal(rename(other, path), 0);
	wait_for(&loop, "10.0.0.4 ");
	assert_int_equal(unlink(path), 0);
	uv_run(&loop, UV_RUN_ONCE);
	put(path, 0, ROW("10.0.0.5"));
	wait_for(&loop, "10.0.0.4 10.0.0.5 ");
	/* What is there at the end counts, and a rest is told. */
	put(path, O_APPEND, ROW("10.0.0.6") "{\"Rec");
	catch_errors();
	ds_targets_source_finish(s);
	ds_targets_source_finish(s);
	said = caught_errors();
	assert_string_equal(got.data, "10.0.0.4 10.0.0.5 10.0.0.6 ");
	assert_non_null(strstr(said, ":3: cut off: the end is missing"));
	end(&loop, &s);
}

static void without_follow_the_end_is_the_end(void **state)
{
	struct ds_targets_source *s;
	uv_loop_t loop;

	(void)state;
	put(path, 0, ROW("10.0.0.1"));
	s = start(&loop, path, &options);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);	/* its timer stops */
	put(path, O_APPEND, ROW("10.0.0.2"));
	ds_targets_source_finish(s);
	assert_string_equal(got.data, "10.0.0.1 ");
	end(&loop, &s);
}

#define T(fn) cmocka_unit_test_setup(fn, fresh)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(files_are_read_to_their_end_in_one_order),
		T(what_cannot_be_opened_is_said),
		T(faults_name_file_and_line_and_are_summed_up),
		T(a_line_of_ten_megabytes_costs_itself_only),
		T(gzip_whole_in_parts_cut_and_with_more_behind_it),
		T(standard_input_is_read_from_where_it_stands),
		T(the_writer_of_a_fifo_is_waited_for),
		T(a_followed_fifo_outlives_its_writers),
		T(a_file_is_followed_as_it_grows_is_cut_and_replaced),
		T(without_follow_the_end_is_the_end),
	};

	return cmocka_run_group_tests_name("targets", tests, files_setup, files_teardown);
}
