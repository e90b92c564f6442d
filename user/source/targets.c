/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads by a timer whatever the file is: a regular file does not tell when it grows, and the others
 * are asked with poll() first. Blocks of a gzip stream are inflated on the way.
 */
#include "user/source/targets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>
#include <zlib.h>

#include "user/core/merge.h"
#include "user/source/targets_parse.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define BLOCK_BYTES 65536
#define BUDGET_BLOCKS 16		/* a wake-up */
#define FINISH_BLOCKS 16384		/* what is read at the end: 1 GiB at most */
#define LOOK_MS 100
#define FAULTS_SHOWN 10
#define GZIP_OR_ZLIB (15 + 32)

enum coding { UNKNOWN, PLAIN, GZIP };

struct ds_targets_source {
	struct ds_targets_options options;
	struct ds_targets_parser parser;
	char *path;		/* for messages */
	bool is_stdin, regular, live;
	int fd;
	dev_t dev;
	ino_t ino;
	off_t offset;
	enum coding coding;
	bool inflating;		/* z is set up */
	bool inflated;		/* a whole gzip stream */
	z_stream z;
	bool ended;		/* nothing more will come */
	bool finished;
	int open_handles;
	uv_timer_t timer;
	unsigned char block[BLOCK_BYTES], plain[BLOCK_BYTES];
};

static int64_t wall_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);	/* cannot fail */
	return (int64_t)ts.tv_sec * DS_NS_PER_S + ts.tv_nsec;
}

static void deliver(void *ctx, struct ds_event *ev)
{
	struct ds_targets_source *s = ctx;

	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = (*s->options.seq)++;
	if (s->live)
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
	ds_log_warn("%s: byte %lld: %s; what was read before it is used", s->path,
		    (long long)s->offset, what);
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
	while (s->z.avail_in && !s->ended) {
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
				s->ended = true;
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
			s->ended = true;
		}
	}
}

static void take(struct ds_targets_source *s, size_t len)
{
	s->parser.now_ns = s->live ? wall_clock() : 0;
	if (s->coding == UNKNOWN)
		s->coding = s->block[0] == 0x1f && (len < 2 || s->block[1] == 0x8b) ? GZIP : PLAIN;
	if (s->coding == GZIP)
		take_gzip(s, s->block, len);
	else
		ds_targets_parse_feed(&s->parser, (const char *)s->block, len);
}

/* Bytes taken, 0 at the end, or -errno (-EAGAIN: nothing now). */
static ssize_t read_block(struct ds_targets_source *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (!s->regular && s->live && poll(&p, 1, 0) <= 0)
		return -EAGAIN;
	n = s->regular ? pread(s->fd, s->block, sizeof(s->block), s->offset) :
			 read(s->fd, s->block, sizeof(s->block));
	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	if (n > 0)
		take(s, (size_t)n);
	s->offset += n;
	return n;
}

/* The stream is over: what was begun is told. */
static void end_stream(struct ds_targets_source *s)
{
	if (s->inflating && !s->ended)
		say(s, "the gzip stream is cut off; get the whole file");
	end_inflating(s);
	ds_targets_parse_end(&s->parser);
	s->coding = UNKNOWN;
	s->inflated = false;
	s->offset = 0;
}

static int open_path(struct ds_targets_source *s, const char *path)
{
	struct stat st;

	/* At one go a FIFO's writer is waited for; the loop must not stand still for that. */
	s->fd = s->is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) :
			      open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
						 (s->live ? O_NONBLOCK : 0));
	if (s->fd < 0)
		return ds_log_err(errno, "open %s for reading", path);
	if (fstat(s->fd, &st) < 0)
		return ds_log_err(errno, "look at %s", path);
	if (S_ISDIR(st.st_mode))
		return ds_log_err(EISDIR, "read target times from %s: name a file, a FIFO or -", path);
	s->regular = S_ISREG(st.st_mode);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (s->regular)
		s->offset = s->is_stdin ? lseek(s->fd, 0, SEEK_CUR) : 0;
	return 0;
}

/* Cut, or another file under its name: read from its beginning. A FIFO waits for a writer. */
static void at_end(struct ds_targets_source *s)
{
	struct stat st;
	int fd;

	if (!s->options.follow || s->is_stdin) {
		if (!s->regular || !s->options.follow)
			s->ended = true;
		return;
	}
	if (!s->regular)
		return;
	if (fstat(s->fd, &st) == 0 && st.st_size < s->offset) {
		end_stream(s);
		ds_log_info("%s: was cut, reading it from its beginning", s->path);
	} else if (stat(s->path, &st) == 0 && S_ISREG(st.st_mode) &&
		   (st.st_dev != s->dev || st.st_ino != s->ino)) {
		fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return;		/* tried again at the next look */
		end_stream(s);
		ds_close_p(&s->fd);
		s->fd = fd;
		s->dev = st.st_dev;
		s->ino = st.st_ino;
		ds_log_info("%s: was replaced, reading the new file", s->path);
	}
}

static void look(struct ds_targets_source *s, int blocks)
{
	for (int i = 0; i < blocks && !s->ended; i++) {
		ssize_t n = read_block(s);

		if (n > 0)
			continue;
		if (n == 0) {
			at_end(s);
		} else if (n != -EAGAIN) {
			(void)ds_log_err((int)n, "read %s: continuing without it", s->path);
			s->ended = true;
		}
		break;
	}
}

static void close_up(struct ds_targets_source *s)
{
	if (s->finished)
		return;
	s->finished = true;
	s->ended = false;	/* for the message about a stream that is cut off */
	end_stream(s);
	s->ended = true;
	if (s->parser.bad > FAULTS_SHOWN)
		ds_log_warn("%s: %llu faults", s->path, (unsigned long long)s->parser.bad);
	if (!s->parser.events)
		ds_log_warn("%s: says nothing of any target (%llu items, %llu of no interest)",
			    s->path, (unsigned long long)s->parser.items,
			    (unsigned long long)s->parser.skipped);
}

static void on_timer(uv_timer_t *timer)
{
	struct ds_targets_source *s = timer->data;

	look(s, BUDGET_BLOCKS);
	if (s->ended) {
		(void)uv_timer_stop(timer);
		close_up(s);
	}
}

static void destroy(struct ds_targets_source *s)
{
	if (--s->open_handles > 0)
		return;
	end_inflating(s);
	ds_targets_parse_free(&s->parser);
	ds_close_p(&s->fd);
	free(s->path);
	free(s);
}

static void on_closed(uv_handle_t *handle)
{
	destroy(handle->data);
}

static int make(struct ds_targets_source **ret_source, const char *path, bool live,
		const struct ds_targets_options *options)
{
	ds_cleanup(ds_targets_source_free) struct ds_targets_source *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return ds_log_err(ENOMEM, "read %s", path);
	s->fd = -1;
	s->open_handles = 1;
	s->options = *options;
	s->live = live;
	s->parser.deliver = deliver;
	s->parser.fault = fault;
	s->parser.ctx = s;
	s->parser.clock_error_ns = options->clock_error_ns;
	s->is_stdin = !strcmp(path, "-");
	s->path = strdup(s->is_stdin ? "standard input" : path);
	r = s->path ? open_path(s, path) : ds_log_err(ENOMEM, "read %s", path);
	if (r)
		return r;
	*ret_source = DS_TAKE(s);
	return 0;
}

int ds_targets_source_new(struct ds_targets_source **ret_source, struct uv_loop_s *loop,
			  const char *path, const struct ds_targets_options *options)
{
	struct ds_targets_source *s = NULL;
	int r = make(&s, path, true, options);

	if (r)
		return r;
	r = uv_timer_init(loop, &s->timer);
	if (r) {
		ds_targets_source_free(&s);
		return ds_log_err(r, "watch %s", path);
	}
	s->open_handles++;
	s->timer.data = s;
	(void)uv_timer_start(&s->timer, on_timer, 0, LOOK_MS);	/* cannot fail: not closing */
	*ret_source = s;
	return 0;
}

void ds_targets_source_finish(struct ds_targets_source *s)
{
	if (s->finished)
		return;
	(void)uv_timer_stop(&s->timer);
	look(s, FINISH_BLOCKS);
	close_up(s);
}

void ds_targets_source_free(struct ds_targets_source **source)
{
	struct ds_targets_source *s = source ? *source : NULL;

	if (!s)
		return;
	*source = NULL;
	if (s->timer.data)
		uv_close((uv_handle_t *)&s->timer, on_closed);
	destroy(s);
}

int ds_targets_source_read(const char *path, const struct ds_targets_options *options,
			   uint64_t *ret_bad)
{
	ds_cleanup(ds_targets_source_free) struct ds_targets_source *s = NULL;
	int r = make(&s, path, false, options);
	ssize_t n = 1;

	*ret_bad = 0;
	if (r)
		return r;
	(void)fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) & ~O_NONBLOCK);
	while ((n > 0 || n == -EAGAIN) && !s->ended)
		n = read_block(s);
	if (n < 0 && n != -EAGAIN)
		return ds_log_err((int)n, "read %s", path);
	close_up(s);
	*ret_bad = s->parser.bad;
	return 0;
}
