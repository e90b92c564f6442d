// SPDX-License-Identifier: Apache-2.0
/*
 * Follows or reads files of event lines. What can be polled (FIFOs, pipes, terminals) is; regular
 * files are looked at by a timer, since no poll tells that they have grown.
 */
#include "user/source/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "user/core/event_json.h"
#include "user/core/merge.h"
#include "user/source/events_lines.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define BLOCK_BYTES 65536
#define BUDGET_BLOCKS 4			/* a wake-up */
#define FINISH_BLOCKS 1024		/* what is read at the end: 64 MiB at most */
#define FOLLOW_MS 50
#define FAULTS_SHOWN 10

/* What turns bytes into events, followed or not. */
struct parser {
	struct ds_lines lines;
	struct ds_events_options options;
	struct ds_events_stats stats;
	char *path;		/* for messages: "standard input" for "-" */
	bool stamp;		/* events without time get the time now */
	int64_t now_ns;
};

struct ds_events {
	struct parser parser;
	char block[BLOCK_BYTES];
	const char *file;	/* to be opened again; NULL for standard input */
	int fd;
	dev_t dev;
	ino_t ino;
	off_t offset;		/* of a regular file */
	bool regular;
	bool fifo;
	bool finished;
	int open_handles;	/* uv handles not yet closed: the memory is theirs too */
	bool polled;		/* `poll` is in use, otherwise `timer` */
	uv_poll_t poll;
	uv_timer_t timer;
};

static int64_t wall_clock(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);	/* cannot fail */
	return (int64_t)ts.tv_sec * DS_NS_PER_S + ts.tv_nsec;
}

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

static void say_sum(const struct parser *p)
{
	if (p->stats.bad > FAULTS_SHOWN)
		ds_log_warn("%s: %llu of %llu lines were bad", p->path,
			    (unsigned long long)p->stats.bad, (unsigned long long)p->stats.lines);
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

static void feed(struct parser *p, const char *data, size_t len)
{
	if (p->stamp)
		p->now_ns = wall_clock();
	if (ds_lines_feed(&p->lines, data, len, on_line, p) < 0)
		(void)ds_log_err(ENOMEM, "read %s: a line was lost", p->path);
}

static int parser_init(struct parser *p, const char *path, const struct ds_events_options *options)
{
	p->options = *options;
	p->path = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
	return p->path ? 0 : ds_log_err(ENOMEM, "read %s", path);
}

static void parser_clear(struct parser *p)
{
	ds_lines_free(&p->lines);
	free(p->path);
}

/* For reading; a FIFO does not wait for its first writer. */
static int open_input(const char *path, struct stat *ret_st)
{
	ds_autoclose int fd = -1;
	int taken;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return ds_log_err(errno, "open %s for reading", path);
	if (fstat(fd, ret_st) < 0)
		return ds_log_err(errno, "look at %s", path);
	if (S_ISDIR(ret_st->st_mode))
		return ds_log_err(EISDIR, "read events from %s: name a file, a FIFO or -", path);
	taken = fd;
	fd = -1;
	return taken;
}

/*
 * One read. Returns bytes fed, 0 at the end, -EAGAIN when nothing is there now, or -errno. After
 * an error a rest of a line is of no use, but it is kept: the error may pass.
 */
static ssize_t read_block(struct ds_events *e)
{
	ssize_t n = e->regular ? pread(e->fd, e->block, sizeof(e->block), e->offset)
			       : read(e->fd, e->block, sizeof(e->block));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	e->offset += n;
	if (n > 0)
		feed(&e->parser, e->block, (size_t)n);
	return n;
}

static void finish_rest(struct ds_events *e)
{
	ds_lines_finish(&e->parser.lines, on_line, &e->parser);
}

/* The file at the path, if it is another one than that which is open. */
static void follow_name(struct ds_events *e)
{
	struct stat st;
	int fd;

	if (!e->file || stat(e->file, &st) < 0 || (st.st_dev == e->dev && st.st_ino == e->ino) ||
	    !S_ISREG(st.st_mode))
		return;
	fd = open(e->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		ds_close_p(&fd);
		return;		/* tried again at the next look */
	}
	finish_rest(e);
	e->parser.lines.number = 0;
	(void)close(e->fd);
	e->fd = fd;
	e->dev = st.st_dev;
	e->ino = st.st_ino;
	e->offset = 0;
	ds_log_info("%s: was replaced, reading the new file", e->parser.path);
}

/* At the end of a regular file: was it cut, or replaced? */
static void at_end_of_file(struct ds_events *e)
{
	struct stat st;

	if (fstat(e->fd, &st) == 0 && st.st_size < e->offset) {
		finish_rest(e);
		e->parser.lines.number = 0;
		e->offset = 0;
		ds_log_info("%s: was cut, reading it from its beginning", e->parser.path);
		return;
	}
	follow_name(e);
}

static void stop_watching(struct ds_events *e)
{
	if (e->polled)
		(void)uv_poll_stop(&e->poll);		/* cannot fail on an open handle */
	else
		(void)uv_timer_stop(&e->timer);
}

static void on_poll(uv_poll_t *handle, int status, int events);

/*
 * All writers of a FIFO have closed it. A reader that stays would be told so for ever; a new one is
 * not, and it is there before the old one goes, so that no writer ever finds nobody.
 */
static void next_writer(struct ds_events *e)
{
	ds_autoclose int fd = open(e->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	finish_rest(e);
	stop_watching(e);
	if (fd < 0 || dup3(fd, e->fd, O_CLOEXEC) < 0 ||
	    uv_poll_start(&e->poll, UV_READABLE, on_poll) < 0) {
		ds_log_warn("%s: cannot be opened again, continuing without it", e->parser.path);
		e->parser.stats.ended = true;
	}
}

static void at_end_of_stream(struct ds_events *e)
{
	if (e->fifo) {
		next_writer(e);
		return;
	}
	finish_rest(e);
	stop_watching(e);
	e->parser.stats.ended = true;
}

static void on_error(struct ds_events *e, int err)
{
	(void)ds_log_err(err, "read %s: continuing without it", e->parser.path);
	stop_watching(e);
	e->parser.stats.ended = true;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct ds_events *e = handle->data;
	ssize_t n;

	(void)events;	/* only readability was asked for */
	if (status < 0) {
		on_error(e, status);
		return;
	}
	/* One read: standard input may block on a second one. */
	n = read_block(e);
	if (n == 0)
		at_end_of_stream(e);
	else if (n < 0 && n != -EAGAIN)
		on_error(e, (int)n);
}

static void on_timer(uv_timer_t *timer)
{
	struct ds_events *e = timer->data;

	for (int i = 0; i < BUDGET_BLOCKS; i++) {
		ssize_t n = read_block(e);

		if (n == 0 && e->regular) {
			at_end_of_file(e);
			return;
		}
		if (n == 0) {
			at_end_of_stream(e);
			return;
		}
		if (n < 0) {
			if (n != -EAGAIN)
				on_error(e, (int)n);
			return;
		}
	}
	/* More is there: go on once the others have had their turn (0 would be before it). */
	(void)uv_timer_start(timer, on_timer, 1, FOLLOW_MS);	/* cannot fail: not closing */
}

static void release(struct ds_events *e)
{
	if (--e->open_handles > 0)
		return;
	ds_close_p(&e->fd);
	parser_clear(&e->parser);
	free(e);
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static int watch(struct ds_events *e, uv_loop_t *loop)
{
	int err;

	/* Regular files, and devices as /dev/null, are refused by epoll. */
	if (!e->regular) {
		int flags = fcntl(e->fd, F_GETFL);

		err = uv_poll_init(loop, &e->poll, e->fd);
		if (err == 0) {
			/* uv made it non-blocking; standard input is our parent's too: undo it. */
			if (!e->file && flags >= 0)
				(void)fcntl(e->fd, F_SETFL, flags);	/* as it was */
			e->polled = true;
			e->open_handles++;
			e->poll.data = e;
			return uv_poll_start(&e->poll, UV_READABLE, on_poll);
		}
		if (err != UV_EPERM)
			return err;
	}
	err = uv_timer_init(loop, &e->timer);
	if (err < 0)
		return err;
	e->open_handles++;
	e->timer.data = e;
	return uv_timer_start(&e->timer, on_timer, 0, FOLLOW_MS);
}

int ds_events_new(struct ds_events **ret_events, struct uv_loop_s *loop, const char *path,
		  const struct ds_events_options *options)
{
	ds_cleanup(ds_events_free) struct ds_events *e = calloc(1, sizeof(*e));
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;
	int err;

	if (!e)
		return ds_log_err(ENOMEM, "read %s", path);
	e->fd = -1;
	e->open_handles = 1;	/* the caller's */
	err = parser_init(&e->parser, path, options);
	if (err < 0)
		return err;
	e->parser.stamp = true;
	e->file = is_stdin ? NULL : e->parser.path;
	if (is_stdin) {
		e->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
		if (e->fd < 0 || fstat(e->fd, &st) < 0)
			return ds_log_err(errno, "read standard input");
		e->offset = lseek(e->fd, 0, SEEK_CUR);
		if (e->offset < 0)
			e->offset = 0;
	} else {
		e->fd = open_input(path, &st);
		if (e->fd < 0)
			return e->fd;
	}
	e->regular = S_ISREG(st.st_mode);
	e->fifo = S_ISFIFO(st.st_mode) && !is_stdin;
	e->dev = st.st_dev;
	e->ino = st.st_ino;
	err = watch(e, loop);
	if (err < 0)
		return ds_log_err(err, "watch %s", path);
	*ret_events = DS_TAKE(e);
	return 0;
}

void ds_events_finish(struct ds_events *e)
{
	struct pollfd p = { .fd = e->fd, .events = POLLIN };

	if (e->finished)
		return;
	e->finished = true;
	stop_watching(e);
	for (int i = 0; i < FINISH_BLOCKS && !e->parser.stats.ended; i++) {
		if (!e->regular && poll(&p, 1, 0) <= 0)
			break;
		if (read_block(e) <= 0)
			break;
	}
	finish_rest(e);
	say_sum(&e->parser);
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
	if (p->poll.data)
		uv_close((uv_handle_t *)&p->poll, on_closed);
	if (p->timer.data)
		uv_close((uv_handle_t *)&p->timer, on_closed);
	release(p);
}

/* Blocking reads to the end; the descriptor is the caller's. */
static int read_to_end(struct parser *p, int fd)
{
	ds_autofree char *block = malloc(BLOCK_BYTES * BUDGET_BLOCKS);

	if (!block)
		return ds_log_err(ENOMEM, "read %s", p->path);
	for (;;) {
		ssize_t n = read(fd, block, BLOCK_BYTES * BUDGET_BLOCKS);

		if (n > 0)
			feed(p, block, (size_t)n);
		else if (n == 0)
			break;
		else if (errno != EINTR)
			return ds_log_err(errno, "read %s", p->path);
		if (p->options.stopped && p->options.stopped(p->options.ctx))
			return 0;
	}
	ds_lines_finish(&p->lines, on_line, p);
	return 0;
}

int ds_events_read_file(const char *path, const struct ds_events_options *options,
			struct ds_events_stats *ret_stats)
{
	ds_cleanup(parser_clear) struct parser p = { 0 };
	ds_autoclose int own = -1;
	int fd = STDIN_FILENO, err;
	struct stat st;

	if (ret_stats)
		*ret_stats = (struct ds_events_stats){ 0 };
	err = parser_init(&p, path, options);
	if (err < 0)
		return err;
	if (strcmp(path, "-") != 0) {
		fd = own = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (own < 0)
			return ds_log_err(errno, "open %s for reading", path);
	}
	if (fstat(fd, &st) < 0)
		return ds_log_err(errno, "look at %s", p.path);
	if (S_ISDIR(st.st_mode))
		return ds_log_err(EISDIR, "read events from %s: name a file or -", path);
	err = read_to_end(&p, fd);
	say_sum(&p);
	if (ret_stats)
		*ret_stats = p.stats;
	return err;
}
