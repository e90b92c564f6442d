// SPDX-License-Identifier: Apache-2.0
#include "user/source/http/http_call.h"

#include "tests/unit/http_fixture.h"

static void answer_is_told(void **state)
{
	(void)state;
	server.reply = OK "Date: Sun, 22 Nov 2026 10:15:31 GMT\r\nContent-Length: 5\r\n\r\nhello";
	get();
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.err, 0);
	assert_int_equal(got.reply.status, 200);
	assert_string_equal(got.body.data, "hello");
	assert_int_equal(got.reply.server_ns, 1795342531 * DS_NS_PER_S);
	assert_int_equal(got.reply.retry_after_ns, -1);
	assert_sent("GET / HTTP/1.1\r\n");
	assert_sent("User-Agent: drainsnoop/");
	assert_not_sent("Accept-Encoding");
	assert_not_sent("Authorization");
}

static void answer_without_body_or_date(void **state)
{
	(void)state;
	server.reply = "HTTP/1.1 204 No Content\r\n\r\n";
	get();
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.status, 204);
	assert_non_null(got.reply.body);
	assert_int_equal(got.reply.len, 0);
	assert_int_equal(got.reply.server_ns, 0);
}

static void every_status_is_an_answer(void **state)
{
	(void)state;
	server.reply = "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope";
	get();
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.status, 403);
	assert_string_equal(got.body.data, "nope");
}

static void retry_after(const char *head, int64_t seconds)
{
	static char reply[256];

	snprintf(reply, sizeof(reply), "HTTP/1.1 503 Slow Down\r\n%s\r\nContent-Length: 0\r\n\r\n",
		 head);
	server.reply = reply;
	got.times = 0;
	get();
	assert_int_equal(got.reply.retry_after_ns, seconds < 0 ? -1 : seconds * DS_NS_PER_S);
}

#define DATE "Date: Sun, 22 Nov 2026 10:15:31 GMT\r\n"

static void retry_after_is_read(void **state)
{
	(void)state;
	retry_after("Retry-After: 120", 120);
	retry_after("retry-after:0", 0);
	retry_after("Retry-After: \t7 ", 7);
	retry_after("Retry-After: 999999999", 999999999);
	retry_after("Retry-After: 1000000000", -1);
	retry_after("Retry-After: soon", -1);
	retry_after("Retry-After: -1", -1);
	retry_after("Retry-After:", -1);
	retry_after("X-Retry-After: 3", -1);
	retry_after(DATE "Retry-After: Sun, 22 Nov 2026 10:16:01 GMT", 30);
	retry_after(DATE "Retry-After: Sun, 22 Nov 2026 10:15:00 GMT", 0);
	retry_after("Retry-After: Thu, 01 Jan 1970 00:00:10 GMT", 0);	/* by our own clock */
}

static void interim_responses_say_nothing(void **state)
{
	(void)state;
	server.reply = "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n" OK "Content-Length: 1\r\n\r\nx";
	get();
	assert_int_equal(got.reply.status, 200);
	assert_int_equal(got.reply.retry_after_ns, -1);
}

static void stalls_time_out(void **state)
{
	struct ds_http_request request = { .timeout_ns = 150 * DS_NS_PER_MS };

	(void)state;
	call(&request);
	assert_fault(-ETIMEDOUT, "no whole answer within 0.15 s");
	assert_int_equal(got.reply.status, 0);
	got.times = 0;
	server.reply = OK "Content-Length: 5\r\n\r\nhel";
	call(&request);
	assert_fault(-ETIMEDOUT, "no whole answer within 0.15 s");
}

static void broken_replies_are_told(void **state)
{
	static const struct {
		const char *reply, *part;
		int err;
	} cases[] = {
		{ NULL, "closed without an answer", -ECONNRESET },
		{ OK "Content-Length: 5\r\n\r\nhel", "shorter than it said", -ECONNRESET },
		{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "shorter than it said", -ECONNRESET },
		{ "SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP", -EPROTO },
		{ "\x15\x03\x01\x00\x02\x02\x46", "does not speak HTTP", -EPROTO },
		{ OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "", -ECONNRESET },
	};

	(void)state;
	server.close_after = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got.times = 0;
		server.reply = cases[i].reply;
		get();
		assert_fault(cases[i].err, cases[i].part);
	}
}

static void refused_connections_are_told(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	/* Bound and not listening: nobody else gets the port, and connections are refused. */
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/?token=hidden", ntohs(addr.sin_port));
	get();
	close(fd);
	assert_int_equal(got.reply.err, -ECONNREFUSED);
	assert_non_null(strstr(got.fault.data, "no connection: Connection refused"));
	assert_null(strstr(got.fault.data, "hidden"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answer_is_told),
		TEST(answer_without_body_or_date),
		TEST(every_status_is_an_answer),
		TEST(retry_after_is_read),
		TEST(interim_responses_say_nothing),
		TEST(stalls_time_out),
		TEST(broken_replies_are_told),
		TEST(refused_connections_are_told),
	};

	return cmocka_run_group_tests_name("http_reply", tests, NULL, NULL);
}
