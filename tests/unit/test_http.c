// SPDX-License-Identifier: Apache-2.0
#include "user/source/http/http.h"

#include "tests/unit/http_fixture.h"

static bool stream(void *ctx, const char *data, size_t len)
{
	assert_ptr_equal(ctx, &got);
	ds_buf_put(&got.stream, data, len);
	return !got.pieces_max || ++got.pieces < got.pieces_max;
}

static bool stream_and_send_on(void *ctx, const char *data, size_t len)
{
	static const char *const more[] = { "3\r\ndef\r\n", "0\r\n\r\n" };

	assert_ptr_equal(ctx, &got);
	ds_buf_put(&got.stream, data, len);
	if (got.pieces < 2)
		http_server_send(&server, more[got.pieces], strlen(more[got.pieces]));
	got.pieces++;
	return true;
}

#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"

static void streams_come_piece_by_piece(void **state)
{
	struct ds_http_request request = { .stream = stream_and_send_on, .body_max = 4,
					   .timeout_ns = -1, .quiet_ns = 10 * DS_NS_PER_S };

	(void)state;
	server.reply = CHUNKED;
	call(&request);
	assert_null(got.reply.fault);
	assert_int_equal(got.pieces, 2);
	assert_string_equal(got.stream.data, "abcdef");
	assert_null(got.reply.body);
	assert_int_equal(got.reply.status, 200);
}

static void streams_end_when_the_reader_says_so(void **state)
{
	struct ds_http_request request = { .stream = stream, .timeout_ns = -1 };

	(void)state;
	got.pieces_max = 1;
	server.reply = CHUNKED;
	call(&request);
	assert_fault(-ECANCELED, "ended");
	assert_string_equal(got.stream.data, "abc");
}

static void quiet_streams_end(void **state)
{
	struct ds_http_request request = { .stream = stream, .timeout_ns = -1,
					   .quiet_ns = 100 * DS_NS_PER_MS };

	(void)state;
	server.reply = CHUNKED;
	call(&request);
	assert_fault(-ETIMEDOUT, "nothing came for 0.1 s");
	assert_string_equal(got.stream.data, "abc");
	assert_int_equal(got.reply.status, 200);
}

#define QUIET_NS (200 * DS_NS_PER_MS)

static uint64_t last_piece_ms;
static uv_timer_t half_time;

static bool stream_and_note(void *ctx, const char *data, size_t len)
{
	last_piece_ms = uv_now(&loop);
	return stream(ctx, data, len);
}

static void on_half_time(uv_timer_t *timer)
{
	(void)timer;
	http_server_send(&server, "3\r\ndef\r\n", 8);
}

/* On a machine that stands still for so long the second piece is too late: then once more. */
static void each_piece_begins_the_wait_anew(void **state)
{
	struct ds_http_request request = { .stream = stream_and_note, .timeout_ns = -1,
					   .quiet_ns = QUIET_NS };

	(void)state;
	server.reply = CHUNKED;
	assert_int_equal(uv_timer_init(&loop, &half_time), 0);
	for (int tries = 0; tries < 20 && strcmp(got.stream.data ? got.stream.data : "", "abcdef") != 0;
	     tries++) {
		got.times = 0;
		ds_buf_clear(&got.stream);
		assert_int_equal(uv_timer_start(&half_time, on_half_time, 100, 0), 0);
		call(&request);
		assert_fault(-ETIMEDOUT, "nothing came for 0.2 s");
	}
	uv_close((uv_handle_t *)&half_time, NULL);
	assert_string_equal(got.stream.data, "abcdef");
	assert_true((int64_t)(uv_now(&loop) - last_piece_ms) * DS_NS_PER_MS >= QUIET_NS);
}

/* What is wrong with the request stands in its body, and it is bounded as any other. */
static void streams_that_fail_have_a_body(void **state)
{
	struct ds_http_request request = { .stream = stream, .body_max = 4, .timeout_ns = -1 };

	(void)state;
	server.reply = "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone";
	call(&request);
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.status, 410);
	assert_string_equal(got.body.data, "gone");
	assert_int_equal(got.stream.len, 0);
	got.times = 0;
	server.reply = "HTTP/1.1 410 Gone\r\nContent-Length: 5\r\n\r\ngone!";
	call(&request);
	assert_fault(-EMSGSIZE, "longer");
}

static struct ds_http_call *running;

static bool stream_and_cancel(void *ctx, const char *data, size_t len)
{
	struct ds_http_request request = { .url = url, .done = done, .ctx = ctx };

	(void)data;
	(void)len;
	got.pieces++;
	server.reply = OK "Content-Length: 3\r\n\r\nnew";
	ds_http_cancel(running);
	assert_int_equal(ds_http_start(http, &request, NULL), 0);
	return true;
}

static void reader_cancels_and_starts(void **state)
{
	struct ds_http_request request = { .url = url, .stream = stream_and_cancel, .done = done,
					   .ctx = &got, .timeout_ns = -1,
					   .quiet_ns = 10 * DS_NS_PER_S };

	(void)state;
	server.reply = CHUNKED;
	assert_int_equal(ds_http_start(http, &request, &running), 0);
	run_until(1);
	assert_int_equal(got.pieces, 1);
	assert_string_equal(got.body.data, "new");
}

static void cancelled_calls_say_nothing(void **state)
{
	struct ds_http_request request = { .url = url, .done = done, .ctx = &got };
	struct ds_http_call *other;

	(void)state;
	assert_int_equal(ds_http_start(http, &request, &other), 0);
	while (!server.requests)
		assert_true(uv_run(&loop, UV_RUN_NOWAIT) && !usleep(1000));
	ds_http_cancel(other);
	ds_http_cancel(NULL);
	server.reply = OK "Content-Length: 0\r\n\r\n";
	get();
	assert_int_equal(server.requests, 2);
}

static void done_and_cancel(void *ctx, const struct ds_http_reply *reply)
{
	done(ctx, reply);
	ds_http_cancel(running);
}

static void cancelling_what_is_done_does_nothing(void **state)
{
	struct ds_http_request request = { .url = url, .done = done_and_cancel, .ctx = &got };

	(void)state;
	server.reply = OK "Content-Length: 0\r\n\r\n";
	assert_int_equal(ds_http_start(http, &request, &running), 0);
	run_until(1);
}

static void done_and_free(void *ctx, const struct ds_http_reply *reply)
{
	done(ctx, reply);
	ds_http_free(&http);
}

static void it_can_be_freed_when_done(void **state)
{
	struct ds_http_request request = { .url = url, .done = done_and_free, .ctx = &got };

	(void)state;
	server.reply = OK "Content-Length: 0\r\n\r\n";
	assert_int_equal(ds_http_start(http, &request, NULL), 0);
	run_until(1);
	assert_null(http);
}

static void done_and_again(void *ctx, const struct ds_http_reply *reply)
{
	struct ds_http_request request = { .url = url, .done = done, .ctx = &got };

	done(ctx, reply);
	assert_int_equal(ds_http_start(http, &request, NULL), 0);
}

static void connections_are_used_again(void **state)
{
	struct ds_http_request request = { .url = url, .done = done_and_again, .ctx = &got };

	(void)state;
	server.reply = OK "Content-Length: 0\r\n\r\n";
	assert_int_equal(ds_http_start(http, &request, NULL), 0);
	run_until(2);
	assert_int_equal(server.requests, 2);
	assert_int_equal(server.connections, 1);
}

static void calls_are_bounded(void **state)
{
	struct ds_http_request request = { .url = url, .done = done, .ctx = &got };

	(void)state;
	for (int i = 0; i < DS_HTTP_CALLS_MAX; i++)
		assert_int_equal(ds_http_start(http, &request, NULL), 0);
	assert_int_equal(ds_http_start(http, &request, NULL), -EBUSY);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(streams_come_piece_by_piece),
		TEST(streams_end_when_the_reader_says_so),
		TEST(quiet_streams_end),
		TEST(each_piece_begins_the_wait_anew),
		TEST(streams_that_fail_have_a_body),
		TEST(reader_cancels_and_starts),
		TEST(cancelled_calls_say_nothing),
		TEST(cancelling_what_is_done_does_nothing),
		TEST(it_can_be_freed_when_done),
		TEST(connections_are_used_again),
		TEST(calls_are_bounded),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
