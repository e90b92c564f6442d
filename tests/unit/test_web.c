// SPDX-License-Identifier: Apache-2.0
/* The web sink by clients on its own loop. What takes longer: tests/e2e/test_live_web.py. */
#include "user/sink/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "tests/unit/unit.h"
#include "user/util/clock.h"
#include "user/util/timefmt.h"

#define WAIT_NS (20 * DS_NS_PER_S)	/* only a machine that stands still needs it */

static uv_loop_t loop;
static struct ds_web *web;
static struct ds_buf got;
static bool healthy, ready;
static int renders;
static size_t render_bytes;

static void metrics(void *ctx, bool openmetrics, struct ds_buf *out)
{
	assert_ptr_equal(ctx, &loop);
	renders++;
	ds_buf_puts(out, openmetrics ? "open\n" : "text\n");
	while (out->len < render_bytes)
		ds_buf_puts(out, "a line of an exposition that is long\n");
}

static bool is_healthy(void *ctx, struct ds_buf *why)
{
	(void)ctx;
	if (!healthy)
		ds_buf_puts(why, "it stands still");
	return healthy;
}

static bool is_ready(void *ctx, struct ds_buf *why)
{
	(void)ctx;
	if (!ready)
		ds_buf_puts(why, "no pods yet");
	return ready;
}

static const struct ds_web_pages pages = { metrics, is_healthy, is_ready, &loop };

static int setup(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	memset(&got, 0, sizeof(got));
	healthy = ready = true;
	renders = 0;
	render_bytes = 0;
	return uv_loop_init(&loop) || ds_web_new(&web, &loop, "127.0.0.1:0", &pages);
}

static int teardown(void **state)
{
	(void)state;
	ds_web_free(&web);
	assert_null(web);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	ds_buf_free(&got);
	return uv_loop_close(&loop);
}

static int dial(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(ds_web_port(web)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Runs the loop once, and takes what came; false at the end of the stream. */
static bool turn(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char buf[65536];
	ssize_t n;

	(void)uv_run(&loop, UV_RUN_NOWAIT);
	if (poll(&p, 1, 1) <= 0)
		return true;
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		ds_buf_put(&got, buf, (size_t)n);
	return n > 0 || (n < 0 && errno == EAGAIN);
}

static int count(const char *word)
{
	int cnt = 0;

	for (const char *at = got.data ? strstr(got.data, word) : NULL; at;
	     at = strstr(at + 1, word))
		cnt++;
	return cnt;
}

/* Until the words stand in the answer so many times. */
static void hear(int fd, const char *words, int times)
{
	int64_t end_ns = ds_clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while (count(words) < times) {
		assert_true(ds_clock_ns(CLOCK_MONOTONIC) < end_ns);
		if (!turn(fd) && count(words) < times)
			fail_msg("it ended without \"%s\": %s", words, got.data ? got.data : "");
	}
}

static void hear_the_end(int fd)
{
	int64_t end_ns = ds_clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while (turn(fd))
		assert_true(ds_clock_ns(CLOCK_MONOTONIC) < end_ns);
}

/* One request on a connection of its own; the whole answer is in `got`. */
static void ask(const char *request)
{
	int fd = dial();

	ds_buf_clear(&got);
	say(fd, request);
	hear_the_end(fd);
	(void)close(fd);
}

#define CLOSE "Host: x\r\nConnection: close\r\n"
#define assert_says(text) assert_non_null(strstr(got.data, (text)))

static void each_page_has_its_answer(void **state)
{
	(void)state;
	ask("GET /metrics HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 200 ");
	assert_says("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	assert_says("\r\n\r\ntext\n");
	ask("GET /healthz HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 200 ");
	assert_says("\r\n\r\nok\n");
	ask("GET /readyz?verbose HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 200 ");
	ask("GET / HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 200 ");
	assert_says("href=\"/metrics\"");
	ask("GET /metrics/ HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 404 ");
	ask("GET /../etc/passwd HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 404 ");
	assert_int_equal(ds_web_stats(web).requests, 6);
	assert_int_equal(ds_web_stats(web).cut, 0);
}

static void openmetrics_has_a_type_of_its_own(void **state)
{
	(void)state;
	ask("GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text; version=1.0.0\r\n" CLOSE
	    "\r\n");
	assert_says("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n");
	assert_says("Vary: Accept\r\n");
	assert_says("\r\n\r\nopen\n");
	/* The other format is not given from what was kept of this one. */
	ask("GET /metrics HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("\r\n\r\ntext\n");
}

static void head_has_no_body(void **state)
{
	(void)state;
	ask("HEAD /metrics HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 200 ");
	assert_says("Content-Length: 5\r\n");
	assert_null(strstr(got.data, "text\n"));
}

static void states_say_what_is_wrong(void **state)
{
	(void)state;
	ready = false;
	ask("GET /readyz HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 503 ");
	assert_says("\r\n\r\nno pods yet\n");
	ask("GET /healthz HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 200 ");
	healthy = false;
	ask("GET /healthz HTTP/1.1\r\n" CLOSE "\r\n");
	assert_says("HTTP/1.1 503 ");
	assert_says("it stands still\n");
}

static void other_methods_and_bodies_are_refused(void **state)
{
	(void)state;
	ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
	assert_says("HTTP/1.1 405 ");
	assert_says("Allow: GET, HEAD\r\n");
	ask("BREW / HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_says("HTTP/1.1 405 ");
	/* A body is not taken for the next request. */
	ask("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n"
	    "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n      ");
	assert_says("HTTP/1.1 400 ");
	ask("GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
	assert_says("HTTP/1.1 400 ");
	assert_int_equal(renders, 0);
}

static void requests_in_a_row_are_answered_in_a_row(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
		"GET /nothing HTTP/1.1\r\n" CLOSE "\r\n");
	hear_the_end(fd);
	assert_int_equal(count("HTTP/1.1 "), 3);
	assert_true(strstr(got.data, "text\n") < strstr(got.data, "\r\n\r\nok\n"));
	assert_true(strstr(got.data, "\r\n\r\nok\n") < strstr(got.data, "HTTP/1.1 404 "));
	(void)close(fd);
}

static void an_exposition_is_good_for_a_moment(void **state)
{
	char requests[20 * 64] = "";
	int fd = dial();

	(void)state;
	for (int i = 0; i < 20; i++)
		(void)strcat(requests, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	say(fd, requests);
	hear(fd, "\r\n\r\ntext\n", 20);
	assert_in_range(renders, 1, 10);
	(void)close(fd);
}

static void a_head_that_is_too_large_is_refused(void **state)
{
	static char line[12 * 1024];
	int fd = dial();

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-A: ");
	say(fd, line);
	say(fd, "\r\nX-B: ");
	say(fd, line);
	hear(fd, "HTTP/1.1 431 ", 1);
	assert_int_equal(renders, 0);
	(void)close(fd);
}

static void one_address_has_only_so_many_connections(void **state)
{
	enum { FEW = DS_WEB_CONNECTIONS_OF_ADDRESS_MAX };
	int idle[FEW], fd;

	(void)state;
	for (int i = 0; i < FEW; i++) {
		idle[i] = dial();
		say(idle[i], "GET /metr");
		(void)turn(idle[i]);
	}
	/* One address has no more; its next connection is closed at once. */
	fd = dial();
	hear_the_end(fd);
	(void)close(fd);
	/* The first of those still may ask. */
	say(idle[0], "ics HTTP/1.1\r\n" CLOSE "\r\n");
	hear_the_end(idle[0]);
	assert_says("text\n");
	for (int i = 0; i < FEW; i++)
		(void)close(idle[i]);
}

static void who_does_not_read_does_not_hold_up_others(void **state)
{
	int slow[4];

	(void)state;
	render_bytes = 4 << 20;
	for (int i = 0; i < 4; i++) {
		slow[i] = dial();
		say(slow[i], "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	ask("GET /metrics HTTP/1.1\r\n" CLOSE "\r\n");
	assert_true(got.len >= render_bytes);
	for (int i = 0; i < 4; i++)
		(void)close(slow[i]);
}

/* As `printf ... | nc -N` does. All that was asked is answered. */
static void who_has_said_its_last_word_is_let_go(void **state)
{
	int fd = dial();

	(void)state;
	say(fd, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear_the_end(fd);
	assert_int_equal(count("HTTP/1.1 200 "), 2);
	assert_int_equal(ds_web_stats(web).cut, 0);
	(void)close(fd);
}

static void a_port_in_use_is_told(void **state)
{
	struct ds_web *second = NULL;
	char address[32];

	(void)state;
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", ds_web_port(web));
	assert_int_equal(ds_web_new(&second, &loop, address, &pages), -EADDRINUSE);
	(void)snprintf(address, sizeof(address), ":%u", ds_web_port(web));
	assert_int_equal(ds_web_new(&second, &loop, address, &pages), -EADDRINUSE);
	assert_int_equal(ds_web_new(&second, &loop, "localhost:1", &pages), -EINVAL);
	assert_int_equal(ds_web_new(&second, &loop, "192.0.2.1:0", &pages), -EADDRNOTAVAIL);
	assert_null(second);
}

static void all_addresses_are_of_both_families(void **state)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd;

	(void)state;
	ds_web_free(&web);
	assert_int_equal(ds_web_new(&web, &loop, ":0", &pages), 0);
	ask("GET /healthz HTTP/1.1\r\n" CLOSE "\r\n");	/* by 127.0.0.1 */
	assert_says("HTTP/1.1 200 ");
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;		/* a machine without IPv6 */
	v6.sin6_port = htons(ds_web_port(web));
	if (connect(fd, (struct sockaddr *)&v6, sizeof(v6)) == 0) {
		ds_buf_clear(&got);
		say(fd, "GET /healthz HTTP/1.1\r\n" CLOSE "\r\n");
		hear_the_end(fd);
		assert_says("HTTP/1.1 200 ");
	} else {
		assert_int_equal(errno, EADDRNOTAVAIL);
	}
	(void)close(fd);
}

static void it_can_end_while_clients_are_there(void **state)
{
	int waiting = dial(), reading = dial();

	(void)state;
	render_bytes = 4 << 20;
	say(waiting, "GET /met");
	say(reading, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	hear(reading, "HTTP/1.1 200 ", 1);
	ds_web_free(&web);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	hear_the_end(waiting);
	(void)close(waiting);
	(void)close(reading);
}

static void a_loop_is_well_for_ten_seconds_after_it_turned(void **state)
{
	struct ds_buf why = { 0 };

	(void)state;
	assert_true(ds_web_loop_turns(DS_NS_PER_S, DS_NS_PER_S, &why));
	assert_true(ds_web_loop_turns(DS_NS_PER_S, 11 * DS_NS_PER_S - 1, &why));
	assert_int_equal(why.len, 0);
	assert_false(ds_web_loop_turns(DS_NS_PER_S, 11 * DS_NS_PER_S, &why));
	assert_string_equal(why.data, "the event loop did not turn for 10 s");
	ds_buf_free(&why);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_page_has_its_answer),
		T(openmetrics_has_a_type_of_its_own),
		T(head_has_no_body),
		T(states_say_what_is_wrong),
		T(other_methods_and_bodies_are_refused),
		T(requests_in_a_row_are_answered_in_a_row),
		T(an_exposition_is_good_for_a_moment),
		T(a_head_that_is_too_large_is_refused),
		T(one_address_has_only_so_many_connections),
		T(who_does_not_read_does_not_hold_up_others),
		T(who_has_said_its_last_word_is_let_go),
		T(a_port_in_use_is_told),
		T(all_addresses_are_of_both_families),
		T(it_can_end_while_clients_are_there),
		T(a_loop_is_well_for_ten_seconds_after_it_turned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
