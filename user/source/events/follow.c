// SPDX-License-Identifier: Apache-2.0
/*
 * What can be polled (FIFOs, pipes, terminals) is; regular files are looked at by a timer, since no
 * poll tells that they have grown.
 */
#include "user/source/events/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "user/util/cleanup.h"
#include "user/util/log.h"

#define BLOCK_BYTES 65536
#define BUDGET_BLOCKS 4			/* a wake-up */
#define FINISH_FILE_BLOCKS 16384	/* 1 GiB */
#define FINISH_STREAM_BLOCKS 1024	/* 64 MiB: a writer may never stop */
#define LOOK_MS 50

struct ds_follow {
	struct ds_follow_options options;
	char *path;		/* to be opened again; NULL for standard input */
	const char *name;	/* for messages */
	int fd;
	int epoll_fd;		/* holds fd, where that can be polled */
	dev_t dev;
	ino_t ino;
	off_t offset;		/* of a regular file */
	bool regular;
	bool fifo;
	bool ended;
	uv_handle_t *watching;	/* poll, timer, or NULL */
	uv_poll_t poll;
	uv_timer_t timer;
	char block[BLOCK_BYTES];
};

const char *ds_follow_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* ---- opening ---- */

/* path NULL is standard input. The descriptor, or -errno with one line logged. */
static int open_input(const char *path, int flags, const char *what, struct stat *ret_st)
{
	ds_autoclose int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags)
				   : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	int taken;

	if (fd < 0)
		return ds_log_err(errno, "open %s for reading", path ? path : "standard input");
	if (fstat(fd, ret_st) < 0)
		return ds_log_err(errno, "look at %s", path ? path : "standard input");
	if (S_ISDIR(ret_st->st_mode))
		return ds_log_err(EISDIR, "read %s from %s: name a file, a FIFO or -", what,
				  path ? path : "standard input");
	taken = fd;
	fd = -1;
	return taken;
}

/* Another file with the name that is followed. -1 where it cannot be opened (now). */
static int open_next(const struct ds_follow *f, struct stat *ret_st)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, ret_st) < 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void take_over(struct ds_follow *f, int fd, const struct stat *st)
{
	ds_close_p(&f->fd);
	f->fd = fd;
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->offset = 0;
}

/* ---- reading ---- */

static void end(struct ds_follow *f)
{
	if (f->ended)
		return;
	f->ended = true;
	if (f->watching == (uv_handle_t *)&f->poll)
		(void)uv_poll_stop(&f->poll);		/* cannot fail on an open handle */
	else if (f->watching)
		(void)uv_timer_stop(&f->timer);
	f->options.ended(f->options.ctx);
}

/*
 * One read. Bytes given, 0 at the end, -EAGAIN when nothing is there now, or -errno. After
 * -ECANCELED no more is wanted.
 */
static ssize_t read_block(struct ds_follow *f)
{
	ssize_t n = f->regular ? pread(f->fd, f->block, sizeof(f->block), f->offset)
			       : read(f->fd, f->block, sizeof(f->block));

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	f->offset += n;
	if (n > 0 && !f->options.bytes(f->options.ctx, f->block, (size_t)n))
		return -ECANCELED;
	return n;
}

/* At the end of a regular file that is followed: true where another, or the same, begins again. */
static bool begins_again(struct ds_follow *f)
{
	struct stat st;
	int fd;

	if (fstat(f->fd, &st) == 0 && st.st_size < f->offset) {
		f->offset = 0;
		ds_log_info("%s: was cut, reading it from its beginning", f->name);
		f->options.again(f->options.ctx);
		return true;
	}
	if (!f->path || stat(f->path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (st.st_dev == f->dev && st.st_ino == f->ino))
		return false;
	fd = open_next(f, &st);
	if (fd < 0 || !S_ISREG(st.st_mode)) {
		ds_close_p(&fd);
		return false;		/* tried again at the next look */
	}
	take_over(f, fd, &st);
	ds_log_info("%s: was replaced, reading the new file", f->name);
	f->options.again(f->options.ctx);
	return true;
}

static bool poll_also(struct ds_follow *f, int fd)
{
	struct epoll_event wanted = { .events = EPOLLIN };

	return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &wanted) == 0;
}

/*
 * All writers of a FIFO have closed it. A reader that stays would be told so for ever; a new one is
 * not, and it is there before the old one goes, so that no writer ever finds nobody.
 */
static void next_writer(struct ds_follow *f)
{
	struct stat st;
	int fd = open_next(f, &st);

	if (fd >= 0 && poll_also(f, fd)) {
		take_over(f, fd, &st);		/* the old one leaves epoll with its close */
		f->options.again(f->options.ctx);
		return;
	}
	ds_close_p(&fd);
	ds_log_warn("%s: cannot be opened again, continuing without it", f->name);
	end(f);
}

/* What a read without bytes means; true where reading may go on at once. */
static bool at_end(struct ds_follow *f, ssize_t n)
{
	if (n == -EAGAIN)
		return false;
	if (n == 0 && f->regular && !f->options.once)
		return begins_again(f);
	if (n == 0 && f->fifo && !f->options.once) {
		next_writer(f);
		return false;
	}
	if (n < 0 && n != -ECANCELED)
		(void)ds_log_err((int)n, "read %s: continuing without it", f->name);
	end(f);
	return false;
}

/* ---- on the loop ---- */

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct ds_follow *f = handle->data;
	/* One read: standard input may block on a second one. */
	ssize_t n = status < 0 ? status : read_block(f);

	(void)events;	/* only readability was asked for */
	if (n <= 0)
		(void)at_end(f, n);
}

static void on_timer(uv_timer_t *timer)
{
	struct ds_follow *f = timer->data;

	for (int i = 0; i < BUDGET_BLOCKS; i++) {
		ssize_t n = read_block(f);

		if (n <= 0 && !at_end(f, n))
			return;
	}
	/* More is there: go on once the others have had their turn (0 would be before it). */
	(void)uv_timer_start(timer, on_timer, 1, LOOK_MS);	/* cannot fail: not closing */
}

/*
 * An epoll of its own stands between the loop and the input: libuv makes non-blocking what it
 * polls, and standard input is not ours alone. Regular files, and devices as /dev/null, are
 * refused by epoll.
 */
static int watch_poll(struct ds_follow *f, uv_loop_t *loop)
{
	int r;

	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll_fd < 0 || !poll_also(f, f->fd))
		return -errno;
	r = uv_poll_init(loop, &f->poll, f->epoll_fd);
	if (r < 0)
		return r;
	f->poll.data = f;
	f->watching = (uv_handle_t *)&f->poll;
	return uv_poll_start(&f->poll, UV_READABLE, on_poll);
}

static int watch(struct ds_follow *f, uv_loop_t *loop)
{
	int r = f->regular ? -EPERM : watch_poll(f, loop);

	if (r != -EPERM)
		return r;
	r = uv_timer_init(loop, &f->timer);
	if (r < 0)
		return r;
	f->timer.data = f;
	f->watching = (uv_handle_t *)&f->timer;
	return uv_timer_start(&f->timer, on_timer, 0, LOOK_MS);
}

int ds_follow_new(struct ds_follow **ret_follow, struct uv_loop_s *loop, const char *path,
		  const struct ds_follow_options *options)
{
	ds_cleanup(ds_follow_free) struct ds_follow *f = calloc(1, sizeof(*f));
	bool is_stdin = strcmp(path, "-") == 0;
	struct stat st;
	int r;

	if (!f)
		return ds_log_err(ENOMEM, "read %s", path);
	f->fd = f->epoll_fd = -1;
	f->options = *options;
	f->path = is_stdin ? NULL : strdup(path);
	if (!is_stdin && !f->path)
		return ds_log_err(ENOMEM, "read %s", path);
	f->name = is_stdin ? ds_follow_name(path) : f->path;
	/* A FIFO does not wait for its first writer. */
	f->fd = open_input(f->path, O_NONBLOCK, options->what, &st);
	if (f->fd < 0)
		return f->fd;
	f->regular = S_ISREG(st.st_mode);
	f->fifo = S_ISFIFO(st.st_mode) && !is_stdin;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	if (f->regular && is_stdin)
		f->offset = lseek(f->fd, 0, SEEK_CUR);	/* cannot fail on a regular file */
	r = watch(f, loop);
	if (r < 0)
		return ds_log_err(r, "watch %s", f->name);
	*ret_follow = DS_TAKE(f);
	return 0;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) > 0;
}

void ds_follow_finish(struct ds_follow *f)
{
	int blocks = f->regular ? FINISH_FILE_BLOCKS : FINISH_STREAM_BLOCKS;

	while (!f->ended && (f->regular || is_readable(f->fd, 0))) {
		ssize_t n;

		if (blocks-- == 0) {
			ds_log_warn("%s: more is there at the end of the run than is read then; "
				    "the rest is left", f->name);
			break;
		}
		n = read_block(f);
		if (n > 0 || (n == 0 && f->regular && !f->options.once && begins_again(f)))
			continue;
		if (n < 0)
			(void)at_end(f, n);
		break;
	}
	end(f);
}

static void destroy(struct ds_follow *f)
{
	ds_close_p(&f->fd);
	ds_close_p(&f->epoll_fd);
	free(f->path);
	free(f);
}

static void on_closed(uv_handle_t *handle)
{
	destroy(handle->data);
}

void ds_follow_free(struct ds_follow **follow)
{
	struct ds_follow *f = *follow;

	if (!f)
		return;
	*follow = NULL;
	if (f->watching)
		uv_close(f->watching, on_closed);
	else
		destroy(f);
}

/* ---- at one go ---- */

int ds_follow_read(const char *path, const struct ds_follow_options *options)
{
	ds_autofree char *block = malloc(BLOCK_BYTES);
	ds_autoclose int fd = -1;
	struct stat st;

	if (!block)
		return ds_log_err(ENOMEM, "read %s", path);
	fd = open_input(strcmp(path, "-") == 0 ? NULL : path, 0, options->what, &st);
	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, block, BLOCK_BYTES);

		if (n == 0 || (n > 0 && !options->bytes(options->ctx, block, (size_t)n)))
			return 0;
		if (n < 0 && errno == EAGAIN)
			(void)is_readable(fd, -1);	/* who gave us standard input set it so */
		else if (n < 0 && errno != EINTR)
			return ds_log_err(errno, "read %s", ds_follow_name(path));
	}
}
