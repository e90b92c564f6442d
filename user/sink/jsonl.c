// SPDX-License-Identifier: Apache-2.0
/*
 * JSON lines to a file descriptor: buffering, whole lines only, errors said once.
 */
#include "user/sink/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/core/event_json.h"
#include "user/util/buf.h"
#include "user/util/cleanup.h"
#include "user/util/log.h"

#define BUFFER_BYTES 65536
#define WAIT_MS 1000	/* for a descriptor that somebody else made non-blocking */

struct ds_jsonl {
	int fd;
	bool own;		/* opened here: a buffered file, unless it is not a regular one */
	bool regular;
	bool told;		/* an error was logged */
	bool gone;		/* -EPIPE was seen */
	char *path;		/* for messages */
	struct ds_buf line;
	struct ds_buf pending;	/* whole lines */
	struct ds_jsonl_stats stats;
};

int ds_jsonl_new(struct ds_jsonl **ret_sink, const char *path)
{
	ds_cleanup(ds_jsonl_free) struct ds_jsonl *sink = calloc(1, sizeof(*sink));
	struct stat st;

	if (!sink)
		return ds_log_err(ENOMEM, "write JSON lines");
	sink->fd = -1;
	sink->path = strdup(path ? path : "standard output");
	if (!sink->path || !ds_buf_reserve(&sink->line, DS_EVENT_LINE_MAX * 2))
		return ds_log_err(ENOMEM, "write JSON lines");
	if (path) {
		sink->own = true;
		sink->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
		if (sink->fd < 0)
			return ds_log_err(errno, "open %s for writing", path);
	} else {
		sink->fd = STDOUT_FILENO;
	}
	if (fstat(sink->fd, &st) < 0)
		return ds_log_err(errno, "write to %s", sink->path);
	sink->regular = S_ISREG(st.st_mode);
	*ret_sink = DS_TAKE(sink);
	return 0;
}

/*
 * A full disk may take a part of a line: cut the file back to the last whole one. `rest` bytes of
 * a line are the last ones written. Left alone where somebody else has written after them.
 */
static void cut_back(const struct ds_jsonl *sink, size_t rest)
{
	off_t at = lseek(sink->fd, 0, SEEK_CUR);
	struct stat st;

	if (rest == 0 || !sink->regular || at < (off_t)rest || fstat(sink->fd, &st) < 0 ||
	    st.st_size != at)
		return;
	if (ftruncate(sink->fd, at - (off_t)rest) == 0)
		(void)lseek(sink->fd, at - (off_t)rest,
			    SEEK_SET); /* cannot fail: at is a position */
}

/* Writes all of it or as much as goes; *ret_written tells how much stands in the file. */
static int write_all(const struct ds_jsonl *sink, const char *data, size_t len, size_t *ret_written)
{
	size_t done = 0;
	int err = 0;

	while (done < len) {
		ssize_t n = write(sink->fd, data + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN) {
			struct pollfd p = { .fd = sink->fd, .events = POLLOUT };

			if (poll(&p, 1, WAIT_MS) > 0)
				continue;
			errno = EAGAIN;
		}
		err = -errno;
		break;
	}
	if (err < 0 && done > 0) {
		const char *newline = memrchr(data, '\n', done);
		size_t whole = newline ? (size_t)(newline - data) + 1 : 0;

		cut_back(sink, done - whole);
		done = whole;
	}
	*ret_written = done;
	return err;
}

static int failed(struct ds_jsonl *sink, int err)
{
	if (err == -EPIPE)
		sink->gone = true;
	if (sink->told)
		return err;
	sink->told = true;
	if (err == -EPIPE && !sink->own)
		return err;
	if (err == -ENOSPC || err == -EDQUOT)
		return ds_log_err(err, "write to %s: lines are lost until there is room again",
				  sink->path);
	return ds_log_err(err, "write to %s: lines are lost", sink->path);
}

static uint64_t count_lines(const char *data, size_t len)
{
	uint64_t n = 0;

	for (const char *end = data + len; data < end; n++) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));

		data = newline ? newline + 1 : end;
	}
	return n;
}

/* What waits will never be written: it is lost, and counted. */
static void give_up_pending(struct ds_jsonl *sink)
{
	uint64_t n = count_lines(sink->pending.data, sink->pending.len);

	sink->stats.lines -= n;
	sink->stats.lost += n;
	sink->pending.len = 0;
}

int ds_jsonl_flush(struct ds_jsonl *sink)
{
	size_t written = 0;
	int err;

	if (sink->pending.len == 0)
		return sink->gone ? -EPIPE : 0;
	err = sink->gone ? -EPIPE
			 : write_all(sink, sink->pending.data, sink->pending.len, &written);
	sink->stats.bytes += written;
	sink->pending.len -= written;
	memmove(sink->pending.data, sink->pending.data + written, sink->pending.len);
	if (err == 0) {
		sink->told = false;	/* say it again should it fail again */
		return 0;
	}
	if (err == -EPIPE)
		give_up_pending(sink);
	return failed(sink, err);
}

int ds_jsonl_finish(struct ds_jsonl *sink)
{
	int err = ds_jsonl_flush(sink);

	give_up_pending(sink);
	return err;
}

/* Unbuffered: one line, one write. */
static int write_line(struct ds_jsonl *sink)
{
	size_t written = 0;
	int err = sink->gone ? -EPIPE : write_all(sink, sink->line.data, sink->line.len, &written);

	sink->stats.bytes += written;
	if (err < 0) {
		sink->stats.lost++;
		return failed(sink, err);
	}
	sink->stats.lines++;
	sink->told = false;
	return 0;
}

int ds_jsonl_event(struct ds_jsonl *sink, const struct ds_event *ev, uint64_t seq)
{
	int err = 0;

	ds_event_write(&sink->line, ev, seq);
	if (sink->line.failed) {
		sink->stats.lost++;
		return -ENOMEM;
	}
	if (!sink->own || !sink->regular)
		return write_line(sink);
	if (sink->pending.len + sink->line.len > BUFFER_BYTES)
		err = ds_jsonl_flush(sink);
	if (sink->pending.len + sink->line.len > BUFFER_BYTES ||
	    !ds_buf_reserve(&sink->pending, BUFFER_BYTES)) {
		sink->stats.lost++;
		return err ? err : -ENOMEM;
	}
	ds_buf_put(&sink->pending, sink->line.data, sink->line.len);
	sink->stats.lines++;
	return err;
}

int ds_jsonl_reopen(struct ds_jsonl *sink)
{
	ds_autoclose int fd = -1;
	struct stat now, then;

	if (!sink->own || !sink->regular)
		return 0;
	fd = open(sink->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd < 0 || fstat(fd, &now) < 0 || fstat(sink->fd, &then) < 0)
		return ds_log_err(errno, "open %s anew, continuing with the old file", sink->path);
	if (now.st_dev == then.st_dev && now.st_ino == then.st_ino)
		return 0;
	if (!S_ISREG(now.st_mode) || lseek(fd, 0, SEEK_END) < 0)
		return ds_log_err(ESPIPE, "open %s anew, continuing with the old file",
				  sink->path);
	(void)ds_jsonl_flush(sink);	/* what it cannot write now the new file gets */
	if (close(sink->fd) < 0)
		(void)ds_log_err(errno, "close %s", sink->path);
	sink->fd = fd;
	fd = -1;
	return 0;
}

struct ds_jsonl_stats ds_jsonl_stats(const struct ds_jsonl *sink)
{
	return sink->stats;
}

void ds_jsonl_free(struct ds_jsonl **sink)
{
	struct ds_jsonl *s = *sink;

	if (!s)
		return;
	if (s->fd >= 0)
		(void)ds_jsonl_flush(s);	/* logged there */
	if (s->own && s->fd >= 0 && close(s->fd) < 0)
		(void)ds_log_err(errno, "close %s", s->path);
	ds_buf_free(&s->line);
	ds_buf_free(&s->pending);
	free(s->path);
	free(s);
	*sink = NULL;
}

