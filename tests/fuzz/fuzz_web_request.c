// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: what a client sends to the web sink, from the request line on, in one piece or cut
 * in two, over a real connection. An answer begins with a status that there is.
 *
 * Built from: user/sink/web.c user/sink/web_listen.c user/sink/web_parse.c
 * Built from: user/util/log.c user/util/clock.c
 * Packages: libmicrohttpd libuv
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "user/sink/web.h"

#define QUIET_TURNS 4		/* of the loop: on one machine nothing more comes then */
#define ANSWER_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static void metrics(void *ctx, bool openmetrics, struct ds_buf *out)
{
	(void)ctx;
	ds_buf_puts(out, openmetrics ? "# EOF\n" : "a 1\n");
}

static bool ready(void *ctx, struct ds_buf *why)
{
	(void)ctx;
	ds_buf_puts(why, "no");
	return false;
}

static struct ds_web *serve(uv_loop_t *loop)
{
	static struct ds_web *web;
	const struct ds_web_pages pages = { .metrics = metrics, .ready = ready };

	if (web)
		return web;
	(void)signal(SIGPIPE, SIG_IGN);
	check(uv_loop_init(loop) == 0);
	check(ds_web_new(&web, loop, "127.0.0.1:0", &pages) == 0);
	return web;
}

static int dial(const struct ds_web *web)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(ds_web_port(web)) };
	const struct linger at_once = { .l_onoff = 1 };	/* leaves no port behind */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	check(fd >= 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) == 0);
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		check(errno == EADDRNOTAVAIL || errno == EINTR);	/* ports are short: later */
	return fd;
}

/* Takes what came; false at its end, or when nothing came. */
static bool hear(int fd, char *answer, size_t *len)
{
	ssize_t n = recv(fd, answer + *len, ANSWER_MAX - *len, MSG_DONTWAIT);

	*len += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void check_answer(const char *answer, size_t len)
{
	static const char *const statuses[] = { "100", "200", "400", "404", "405", "408", "411", "413",
						"414", "431", "500", "501", "503", "505" };
	bool known = false;

	if (len == 0)
		return;
	check(len > 12 && !memcmp(answer, "HTTP/1.", 7));
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		known = known || !memcmp(answer + 9, statuses[i], 3);
	check(known);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uv_loop_t loop;
	static char answer[ANSWER_MAX];
	const struct ds_web *web = serve(&loop);
	size_t len = 0, cut = size ? data[0] % (size + 1) : 0;
	int fd = dial(web);

	(void)send(fd, data, cut, MSG_NOSIGNAL);	/* it may be refused half-way */
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	(void)send(fd, data + cut, size - cut, MSG_NOSIGNAL);
	for (int quiet = 0; quiet < QUIET_TURNS && len < ANSWER_MAX; quiet++) {
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		if (hear(fd, answer, &len))
			quiet = -1;
	}
	check_answer(answer, len);
	(void)close(fd);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	return 0;
}
