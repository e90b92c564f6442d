// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's metrics without an agent: takes the lines of a recording on standard input, puts them
 * through the core and counts what comes out, and serves that, until SIGTERM.
 *   metrics-serve LISTEN [LABELS [MAX_SERIES]]
 * Prints "port N" once it listens; /readyz is 200 once the input is at its end. It goes on serving
 * when a client is silent, and prints "turned N ms" at its end: the longest time for which the loop
 * did not turn, by a timer of 10 ms.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "user/core/core.h"
#include "user/core/event_json.h"
#include "user/sink/metrics.h"
#include "user/sink/web.h"

#define TURN_MS 10

struct serve {
	uv_loop_t loop;
	uv_pipe_t input;
	uv_signal_t signal;
	uv_timer_t turn;
	uint64_t turned_ms, longest_ms;
	struct ds_core *core;
	struct ds_metrics *metrics;
	struct ds_web *web;
	struct ds_buf line;
	bool at_end;
};

static void emit(void *ctx, const struct ds_event *ev)
{
	struct serve *s = ctx;

	ds_metrics_output(s->metrics, ev);
}

static void take_line(struct serve *s, const char *line, size_t len)
{
	struct ds_perr perr;
	struct ds_event ev;

	if (ds_event_read(line, len, 0, &ev, &perr)) {
		(void)fprintf(stderr, "metrics-serve: %s\n", perr.what);
		exit(1);
	}
	ds_metrics_input(s->metrics, &ev);
	ds_core_feed(s->core, &ev);
	ds_event_clear(&ev);
}

static void take(struct serve *s, const char *data, size_t len)
{
	size_t done = 0;

	ds_buf_put(&s->line, data, len);
	for (;;) {
		const char *begin = s->line.data + done;
		const char *end = memchr(begin, '\n', s->line.len - done);

		if (!end)
			break;
		take_line(s, begin, (size_t)(end - begin));
		done = (size_t)(end - s->line.data) + 1;
	}
	memmove(s->line.data, s->line.data + done, s->line.len - done);
	s->line.len -= done;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	(void)handle;
	*buf = uv_buf_init(malloc(size), (unsigned int)size);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct serve *s = stream->data;

	if (len > 0)
		take(s, buf->base, (size_t)len);
	else if (len < 0)
		s->at_end = true;
	free(buf->base);
	if (len < 0)
		(void)uv_read_stop(stream);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	(void)signum;
	uv_stop(handle->loop);
}

static void on_turn(uv_timer_t *timer)
{
	struct serve *s = timer->data;
	uint64_t since_ms = uv_now(timer->loop) - s->turned_ms;

	s->turned_ms = uv_now(timer->loop);
	if (since_ms > s->longest_ms)
		s->longest_ms = since_ms;
}

static void metrics(void *ctx, bool openmetrics, struct ds_buf *out)
{
	struct serve *s = ctx;
	struct ds_metrics_now now = { .core = ds_core_counts(s->core) };

	ds_process_usage_read(&now.usage);
	ds_metrics_render(s->metrics, &now, openmetrics, out);
}

static bool ready(void *ctx, struct ds_buf *why)
{
	const struct serve *s = ctx;

	if (!s->at_end)
		ds_buf_puts(why, "the input is not at its end");
	return s->at_end;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static int set_up(struct serve *s, const char *listen, const char *labels, const char *max_series)
{
	struct ds_metrics_options mo = { .libbpf = "test",
					 .max_series = strtoul(max_series, NULL, 10) };
	struct ds_core_options co = { .emit = emit, .ctx = s };
	struct ds_web_pages pages = { .metrics = metrics, .ready = ready, .ctx = s };
	int r = ds_metrics_parse_labels(labels, &mo.labels);

	r = r ? r : ds_metrics_new(&s->metrics, &mo);
	r = r ? r : ds_core_new(&s->core, &co);
	r = r ? r : uv_loop_init(&s->loop);
	r = r ? r : ds_web_new(&s->web, &s->loop, listen, &pages);
	r = r ? r : uv_pipe_init(&s->loop, &s->input, 0);
	r = r ? r : uv_pipe_open(&s->input, 0);
	s->input.data = s->turn.data = s;
	r = r ? r : uv_read_start((uv_stream_t *)&s->input, on_alloc, on_read);
	r = r ? r : uv_signal_init(&s->loop, &s->signal);
	r = r ? r : uv_signal_start(&s->signal, on_signal, SIGTERM);
	r = r ? r : uv_timer_init(&s->loop, &s->turn);
	s->turned_ms = uv_now(&s->loop);
	return r ? r : uv_timer_start(&s->turn, on_turn, TURN_MS, TURN_MS);
}

int main(int argc, char **argv)
{
	static struct serve s;

	if (argc < 2 || argc > 4) {
		(void)fprintf(stderr, "usage: metrics-serve LISTEN [LABELS [MAX_SERIES]] < RECORDING\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if (set_up(&s, argv[1], argc > 2 ? argv[2] : DS_METRICS_LABELS_DEFAULT,
		   argc > 3 ? argv[3] : "0"))
		return 1;
	(void)printf("port %u\n", ds_web_port(s.web));
	(void)fflush(stdout);
	(void)uv_run(&s.loop, UV_RUN_DEFAULT);
	(void)printf("turned %llu ms\n", (unsigned long long)s.longest_ms);
	ds_web_free(&s.web);
	uv_walk(&s.loop, close_handle, NULL);
	(void)uv_run(&s.loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&s.loop);
	ds_core_free(&s.core);
	ds_metrics_free(&s.metrics);
	ds_buf_free(&s.line);
	return 0;
}
