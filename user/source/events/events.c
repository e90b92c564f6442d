// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes of a file into events; the file itself is follow.c's.
 */
#include "user/source/events/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/core/merge.h"
#include "user/source/events/events_lines.h"
#include "user/source/events/follow.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"

#define FAULTS_SHOWN 10

/* What turns bytes into events, followed or not. */
struct parser {
	struct ds_lines lines;
	struct ds_events_options options;
	struct ds_events_stats stats;
	const char *path;	/* for messages; the caller's, or ds_events' */
	bool stamp;		/* events without time get the time now */
	int64_t now_ns;
};

struct ds_events {
	struct parser parser;
	struct ds_follow *follow;
	char path[];
};

static void say_fault(struct parser *p, uint64_t number, size_t offset, const char *what,
		      const char *why)
{
	p->stats.bad++;
	if (p->stats.bad <= FAULTS_SHOWN)
		ds_log_warn("%s:%llu: byte %zu: %s%s", p->path, (unsigned long long)number, offset,
			    what, why);
	if (p->stats.bad == FAULTS_SHOWN)
		ds_log_warn("%s: further bad lines are counted, not shown", p->path);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static void on_line(void *ctx, uint64_t number, const char *line, size_t len, bool ended)
{
	struct parser *p = ctx;
	struct ds_event ev;
	struct ds_perr perr;

	if (line && is_blank(line, len))
		return;
	p->stats.lines++;
	if (!line) {
		say_fault(p, number, DS_EVENT_READ_MAX, "the line is too long", "");
		return;
	}
	if (ds_event_read(line, len, p->stamp ? p->now_ns : 0, &ev, &perr) < 0) {
		say_fault(p, number, perr.offset, perr.what,
			  ended ? "" : " (the line has no end: was it cut off?)");
		return;
	}
	if (!ds_kinds[ev.kind].input && !p->options.with_output) {
		p->stats.skipped++;
	} else {
		ev.rank = DS_RANK_EVENTS;
		ev.source_seq = p->stats.events++;
		p->options.deliver(p->options.ctx, &ev);
	}
	ds_event_clear(&ev);
}

static bool on_bytes(void *ctx, const char *data, size_t len)
{
	struct parser *p = ctx;

	if (p->stamp)
		p->now_ns = ds_clock_ns(CLOCK_REALTIME);
	if (ds_lines_feed(&p->lines, data, len, on_line, p) < 0)
		(void)ds_log_err(ENOMEM, "read %s: a line was lost", p->path);
	return !p->options.stopped || !p->options.stopped(p->options.ctx);
}

/* A rest of a line is not the beginning of what comes next. */
static void on_again(void *ctx)
{
	struct parser *p = ctx;

	ds_lines_finish(&p->lines, on_line, p);
	p->lines.number = 0;
}

static void say_sum(const struct parser *p)
{
	if (p->stats.bad > FAULTS_SHOWN)
		ds_log_warn("%s: %llu of %llu lines were bad", p->path,
			    (unsigned long long)p->stats.bad, (unsigned long long)p->stats.lines);
}

static void on_ended(void *ctx)
{
	struct parser *p = ctx;

	ds_lines_finish(&p->lines, on_line, p);
	p->stats.ended = true;
	say_sum(p);
}

static struct ds_follow_options how_to_follow(struct parser *p)
{
	return (struct ds_follow_options){
		.what = "events",
		.bytes = on_bytes,
		.again = on_again,
		.ended = on_ended,
		.ctx = p,
	};
}

int ds_events_new(struct ds_events **ret_events, struct uv_loop_s *loop, const char *path,
		  const struct ds_events_options *options)
{
	size_t size = strlen(ds_follow_name(path)) + 1;
	ds_cleanup(ds_events_free) struct ds_events *e = calloc(1, sizeof(*e) + size);
	struct ds_follow_options fo;
	int r;

	if (!e)
		return ds_log_err(ENOMEM, "read %s", path);
	memcpy(e->path, ds_follow_name(path), size);
	e->parser.path = e->path;
	e->parser.options = *options;
	e->parser.stamp = true;
	fo = how_to_follow(&e->parser);
	r = ds_follow_new(&e->follow, loop, path, &fo);
	if (r)
		return r;
	*ret_events = DS_TAKE(e);
	return 0;
}

void ds_events_finish(struct ds_events *e)
{
	ds_follow_finish(e->follow);
}

struct ds_events_stats ds_events_stats(const struct ds_events *e)
{
	return e->parser.stats;
}

void ds_events_free(struct ds_events **e)
{
	struct ds_events *p = *e;

	if (!p)
		return;
	*e = NULL;
	ds_follow_free(&p->follow);
	ds_lines_free(&p->parser.lines);
	free(p);
}

static void free_lines(struct parser *p)
{
	ds_lines_free(&p->lines);
}

int ds_events_read_file(const char *path, const struct ds_events_options *options,
			struct ds_events_stats *ret_stats)
{
	ds_cleanup(free_lines) struct parser p = { .options = *options,
						   .path = ds_follow_name(path) };
	struct ds_follow_options fo = how_to_follow(&p);
	int r = ds_follow_read(path, &fo);

	/* Where nobody wants more, the rest of a line is none that was cut off. */
	if (options->stopped && options->stopped(options->ctx))
		say_sum(&p);
	else
		on_ended(&p);
	if (ret_stats)
		*ret_stats = p.stats;
	return r;
}
