/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a file into target states; the file itself is follow.c's. Blocks of a gzip stream are
 * inflated on the way.
 */
#include "user/source/targets/targets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "user/core/merge.h"
#include "user/source/events/follow.h"
#include "user/source/targets/targets_parse.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define PLAIN_BYTES 65536
#define FAULTS_SHOWN 10
#define GZIP_OR_ZLIB (15 + 32)

enum coding { UNKNOWN, PLAIN, GZIP };

struct ds_targets_source {
	struct ds_targets_options options;
	struct ds_targets_parser parser;
	struct ds_follow *follow;	/* NULL at one go */
	uint64_t offset;		/* of the block at hand, since the file began */
	enum coding coding;
	bool inflating;			/* z is set up */
	bool inflated;			/* a whole gzip stream */
	bool broken;			/* nothing more can be taken from it */
	z_stream z;
	unsigned char plain[PLAIN_BYTES];
	char path[];			/* for messages */
};

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_targets_source *s = ctx;

	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = (*s->options.seq)++;
	if (s->follow)
		ev->time_ns = s->parser.now_ns;
	s->options.deliver(s->options.ctx, ev);
}

static void fault(void *ctx, uint64_t line, const char *what)
{
	const struct ds_targets_source *s = ctx;

	if (s->parser.bad <= FAULTS_SHOWN)
		ds_log_warn("%s:%llu: %s", s->path, (unsigned long long)line, what);
	if (s->parser.bad == FAULTS_SHOWN)
		ds_log_warn("%s: further faults are counted, not shown", s->path);
}

static void say(struct ds_targets_source *s, const char *what)
{
	s->parser.bad++;
	ds_log_warn("%s: byte %llu: %s; what was read before it is used", s->path,
		    (unsigned long long)s->offset, what);
}

static void end_inflating(struct ds_targets_source *s)
{
	if (s->inflating)
		(void)inflateEnd(&s->z);
	s->inflating = false;
}

/* A stream behind a stream is one file to gzip: log rotation makes such. */
static void take_gzip(struct ds_targets_source *s, const unsigned char *data, size_t len)
{
	s->z.next_in = (unsigned char *)(uintptr_t)data;
	s->z.avail_in = (unsigned int)len;
	while (s->z.avail_in && !s->broken) {
		int r;

		if (!s->inflating) {
			if (s->inflated && !*s->z.next_in) {	/* padding, of tapes and tar */
				s->z.next_in++;
				s->z.avail_in--;
				continue;
			}
			s->inflating = inflateInit2(&s->z, GZIP_OR_ZLIB) == Z_OK;
			if (!s->inflating) {
				say(s, "out of memory");
				s->broken = true;
				return;
			}
		}
		s->z.next_out = s->plain;
		s->z.avail_out = sizeof(s->plain);
		r = inflate(&s->z, Z_NO_FLUSH);
		ds_targets_parse_feed(&s->parser, (const char *)s->plain,
				      sizeof(s->plain) - s->z.avail_out);
		if (r == Z_STREAM_END) {
			end_inflating(s);
			s->inflated = true;
		} else if (r != Z_OK && r != Z_BUF_ERROR) {
			say(s, s->inflated && !s->z.total_out ?
				       "what stands behind the gzip stream is none" :
				       "the gzip stream is broken; get the file again");
			end_inflating(s);
			s->broken = true;
		}
	}
}

static bool on_bytes(void *ctx, const char *data, size_t len)
{
	struct ds_targets_source *s = ctx;
	const unsigned char *bytes = (const unsigned char *)data;

	s->parser.now_ns = s->follow ? ds_clock_ns(CLOCK_REALTIME) : 0;
	if (s->coding == UNKNOWN)
		s->coding = bytes[0] == 0x1f && (len < 2 || bytes[1] == 0x8b) ? GZIP : PLAIN;
	if (s->coding == GZIP)
		take_gzip(s, bytes, len);
	else
		ds_targets_parse_feed(&s->parser, data, len);
	s->offset += len;
	return !s->broken;
}

/* What was begun is told; what comes is another stream. */
static void on_again(void *ctx)
{
	struct ds_targets_source *s = ctx;

	if (s->inflating)
		say(s, "the gzip stream is cut off; get the whole file");
	end_inflating(s);
	ds_targets_parse_end(&s->parser);
	s->coding = UNKNOWN;
	s->inflated = false;
	s->offset = 0;
}

static void on_ended(void *ctx)
{
	struct ds_targets_source *s = ctx;

	on_again(s);
	if (s->parser.bad > FAULTS_SHOWN)
		ds_log_warn("%s: %llu faults", s->path, (unsigned long long)s->parser.bad);
	if (!s->parser.events)
		ds_log_warn("%s: says nothing of any target (%llu items, %llu of no interest)",
			    s->path, (unsigned long long)s->parser.items,
			    (unsigned long long)s->parser.skipped);
}

static struct ds_follow_options how_to_follow(struct ds_targets_source *s)
{
	return (struct ds_follow_options){
		.what = "target times",
		.bytes = on_bytes,
		.again = on_again,
		.ended = on_ended,
		.ctx = s,
		.once = !s->options.follow,
	};
}

/* No line of it was written after its last change. */
static int64_t written_until(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) ?
		       (int64_t)st.st_mtime * DS_NS_PER_S : ds_clock_ns(CLOCK_REALTIME);
}

static struct ds_targets_source *make(const char *path, const struct ds_targets_options *options)
{
	const char *name = ds_follow_name(path);
	struct ds_targets_source *s = calloc(1, sizeof(*s) + strlen(name) + 1);

	if (!s) {
		(void)ds_log_err(ENOMEM, "read %s", path);
		return NULL;
	}
	strcpy(s->path, name);
	s->options = *options;
	s->parser.deliver = deliver;
	s->parser.fault = fault;
	s->parser.ctx = s;
	s->parser.clock_error_ns = options->clock_error_ns;
	s->parser.latest_ns = written_until(path);
	return s;
}

int ds_targets_source_new(struct ds_targets_source **ret_source, struct uv_loop_s *loop,
			  const char *path, const struct ds_targets_options *options)
{
	ds_cleanup(ds_targets_source_free) struct ds_targets_source *s = make(path, options);
	struct ds_follow_options fo;
	int r;

	if (!s)
		return -ENOMEM;
	fo = how_to_follow(s);
	r = ds_follow_new(&s->follow, loop, path, &fo);
	if (r)
		return r;
	*ret_source = DS_TAKE(s);
	return 0;
}

void ds_targets_source_finish(struct ds_targets_source *s)
{
	ds_follow_finish(s->follow);
}

void ds_targets_source_free(struct ds_targets_source **source)
{
	struct ds_targets_source *s = source ? *source : NULL;

	if (!s)
		return;
	*source = NULL;
	ds_follow_free(&s->follow);
	end_inflating(s);
	ds_targets_parse_free(&s->parser);
	free(s);
}

int ds_targets_source_read(const char *path, const struct ds_targets_options *options,
			   uint64_t *ret_bad)
{
	ds_cleanup(ds_targets_source_free) struct ds_targets_source *s = make(path, options);
	struct ds_follow_options fo;
	int r;

	*ret_bad = 0;
	if (!s)
		return -ENOMEM;
	fo = how_to_follow(s);
	r = ds_follow_read(path, &fo);
	if (r)
		return r;
	on_ended(s);
	*ret_bad = s->parser.bad;
	return 0;
}
