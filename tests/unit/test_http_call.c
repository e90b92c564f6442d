// SPDX-License-Identifier: Apache-2.0
#include "user/source/http/http_call.h"

#include "tests/unit/http_fixture.h"

static void bodies_and_headers_are_sent(void **state)
{
	const char *const headers[] = { "Content-Type: text/x-mine", "X-One: 1", NULL };
	struct ds_http_request request = { .body = "a=1&b", .body_len = 5, .headers = headers };

	(void)state;
	server.reply = OK "Content-Length: 0\r\n\r\n";
	call(&request);
	assert_sent("POST / HTTP/1.1\r\n");
	assert_sent("Content-Length: 5\r\n");
	assert_sent("Content-Type: text/x-mine\r\n");
	assert_sent("X-One: 1\r\n");
	assert_sent("\r\n\r\na=1&b");
}

static void methods_are_sent(void **state)
{
	struct ds_http_request request = { .method = "PUT" };

	(void)state;
	server.reply = OK "Content-Length: 1\r\n\r\nx";
	call(&request);
	assert_sent("PUT / HTTP/1.1\r\n");
	assert_not_sent("Content-Length");
	got.times = 0;
	request.method = "PATCH";
	request.body = "{}";
	request.body_len = 2;
	call(&request);
	assert_sent("PATCH / HTTP/1.1\r\n");
	assert_sent("\r\n\r\n{}");
	got.times = 0;
	server.reply = OK "Content-Length: 100\r\n\r\n";
	request = (struct ds_http_request){ .method = "HEAD" };
	call(&request);
	assert_null(got.reply.fault);
	assert_sent("HEAD / HTTP/1.1\r\n");
}

static void redirects_are_not_followed(void **state)
{
	static char reply[256];

	(void)state;
	snprintf(reply, sizeof(reply), "HTTP/1.1 302 Found\r\nLocation: %sother\r\n"
		 "Content-Length: 0\r\n\r\n", url);
	server.reply = reply;
	get();
	assert_null(got.reply.fault);
	assert_int_equal(got.reply.status, 302);
	assert_int_equal(server.requests, 1);
	assert_sent("GET / ");
}

static void bodies_are_bounded(void **state)
{
	struct ds_http_request request = { .body_max = 5 };

	(void)state;
	server.reply = OK "Content-Length: 5\r\n\r\nhello";
	call(&request);
	assert_null(got.reply.fault);
	assert_string_equal(got.body.data, "hello");
	got.times = 0;
	server.reply = OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n";
	call(&request);
	assert_fault(-EMSGSIZE, "longer than 5 bytes");
	assert_int_equal(got.reply.status, 200);
}

/* Ten megabytes where one is the bound: not a whole one is kept. */
static void long_bodies_end_early(void **state)
{
	static char reply[10 << 20];
	int n = snprintf(reply, sizeof(reply), OK "Content-Length: %zu\r\n\r\n", sizeof(reply));

	(void)state;
	memset(reply + n, 'x', sizeof(reply) - (size_t)n);
	server.reply = reply;
	server.reply_len = sizeof(reply);
	get();
	assert_fault(-EMSGSIZE, "longer than 1048576 bytes");
}

static void long_heads_end_early(void **state)
{
	static char reply[200000];
	struct ds_buf b = { 0 };

	(void)state;
	ds_buf_puts(&b, OK);
	while (b.len < sizeof(reply) - 100)
		ds_buf_puts(&b, "X-Padding: 0123456789012345678901234567890123456789\r\n");
	memcpy(reply, b.data, b.len);
	server.reply = reply;
	server.reply_len = b.len;
	ds_buf_free(&b);
	get();
	assert_fault(-EMSGSIZE, "headers");
}

static void assert_refused(const char *bad_url, const char *header)
{
	const char *const headers[] = { header, NULL };
	struct ds_http_request request = { .url = bad_url, .headers = header ? headers : NULL,
					   .done = done, .ctx = &got };

	assert_int_equal(ds_http_start(http, &request, NULL), -EINVAL);
}

static void wrong_requests_are_refused(void **state)
{
	(void)state;
	assert_refused("file:///etc/passwd", NULL);
	assert_refused("ftp://127.0.0.1/", NULL);
	assert_refused("http://" "user:secret@127.0.0.1/", NULL);
	assert_refused("http://" "user@127.0.0.1/", NULL);
	assert_refused("http://127.0.0.1/\r\nX-Evil: 1", NULL);
	assert_refused("http://127.0.0.1/a b", NULL);
	assert_refused("http://", NULL);
	assert_refused("", NULL);
	assert_refused(NULL, NULL);
	assert_refused(url, "X-A: 1\r\nX-B: 2");
	assert_refused(url, "no colon");
	assert_refused(url, ": 1");
	assert_refused(url, "");
	assert_int_equal(got.times, 0);
}

/* A proxy that answers everything: what is near is not asked of it. */
static void near_addresses_are_never_asked_of_a_proxy(void **state)
{
	char proxy[64];

	(void)state;
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", server.port);
	assert_int_equal(setenv("http_proxy", proxy, 1), 0);
	server.reply = OK "Content-Length: 0\r\n\r\n";
	get();
	assert_sent("GET / HTTP/1.1");		/* a proxy would be sent the whole URL */
	got.times = 0;
	snprintf(url, sizeof(url), "http://elb.example.com/a");
	get();
	unsetenv("http_proxy");
	assert_sent("GET http://elb.example.com/a HTTP/1.1");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(bodies_and_headers_are_sent),
		TEST(methods_are_sent),
		TEST(redirects_are_not_followed),
		TEST(bodies_are_bounded),
		TEST(long_bodies_end_early),
		TEST(long_heads_end_early),
		TEST(wrong_requests_are_refused),
		TEST(near_addresses_are_never_asked_of_a_proxy),
	};

	return cmocka_run_group_tests_name("http_call", tests, NULL, NULL);
}
