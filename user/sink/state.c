// SPDX-License-Identifier: Apache-2.0
/*
 * One text, one thread at a time: while `busy` it belongs to the pool's thread. The condition is
 * for the end of the run, when the loop no longer turns.
 */
#include "user/sink/state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "user/util/cleanup.h"
#include "user/util/log.h"

struct ds_state_sink {
	const char *path;
	char *beside; /* FILE.new */
	char *folder;
	struct ds_state_text text;
	uint64_t written; /* fingerprint of what stands in the file */
	bool wrote;
	bool told; /* a failure was logged */
	uv_work_t work; /* data is NULL while nothing is on its way */
	uv_mutex_t mutex; /* guards busy and result */
	uv_cond_t idle;
	bool busy;
	int result;
};

int ds_state_sink_new(struct ds_state_sink **ret_sink, const char *path)
{
	struct ds_state_sink *sink = calloc(1, sizeof(*sink));
	char copy[PATH_MAX];

	if (!sink)
		return ds_log_err(ENOMEM, "keep the state in %s", path);
	(void)snprintf(copy, sizeof(copy), "%s", path);
	sink->path = path;
	sink->folder = strdup(dirname(copy));
	if (asprintf(&sink->beside, "%s.new", path) < 0)
		sink->beside = NULL;
	if (!sink->folder || !sink->beside || uv_mutex_init(&sink->mutex)) {
		free(sink->folder);
		free(sink->beside);
		free(sink);
		return ds_log_err(ENOMEM, "keep the state in %s", path);
	}
	if (uv_cond_init(&sink->idle)) {
		uv_mutex_destroy(&sink->mutex);
		free(sink->folder);
		free(sink->beside);
		free(sink);
		return ds_log_err(ENOMEM, "keep the state in %s", path);
	}
	*ret_sink = sink;
	return 0;
}

bool ds_state_sink_is_ready(const struct ds_state_sink *sink)
{
	return !sink->work.data;
}

struct ds_state_text *ds_state_sink_text(struct ds_state_sink *sink)
{
	return &sink->text;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The name is in the folder, and the folder may be lost too. Not every file system can do that. */
static void sync_folder(const char *folder)
{
	ds_autoclose int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)fsync(fd); /* the old file would be whole as well */
}

static int replace(const struct ds_state_sink *sink)
{
	ds_autoclose int fd =
		open(sink->beside, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	struct stat own, named;
	int r;

	if (fd < 0)
		return -errno;
	/* Two runs with one state file: the later one of each moment wins, never a mixture. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	if (fstat(fd, &own) < 0 || lstat(sink->beside, &named) < 0)
		return -errno;
	if (own.st_dev != named.st_dev || own.st_ino != named.st_ino)
		return -EAGAIN; /* by now it is the state file itself */
	if (ftruncate(fd, 0) < 0)
		return -errno;
	r = write_all(fd, sink->text.all.data, sink->text.all.len);
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (!r && rename(sink->beside, sink->path) < 0)
		r = -errno;
	if (r) {
		(void)unlink(sink->beside);
		return r;
	}
	sync_folder(sink->folder);
	return 0;
}

/* In the loop's thread, or in the one that waits for it. */
static int note_result(struct ds_state_sink *sink, int r)
{
	if (!r) {
		sink->written = ds_state_fingerprint(&sink->text);
		sink->wrote = true;
		sink->told = false;
		return 0;
	}
	if (sink->told)
		return r;
	sink->told = true;
	return ds_log_err(r, "write the state file %s: a restart would know less, trying again",
			  sink->path);
}

static void in_background(uv_work_t *work)
{
	struct ds_state_sink *sink = work->data;
	int r = replace(sink);

	uv_mutex_lock(&sink->mutex);
	sink->result = r;
	sink->busy = false;
	uv_cond_signal(&sink->idle);
	uv_mutex_unlock(&sink->mutex);
}

static void background_ended(uv_work_t *work, int status)
{
	struct ds_state_sink *sink = work->data;

	(void)status; /* never cancelled */
	work->data = NULL;
	(void)note_result(sink, sink->result);
}

void ds_state_sink_write(struct ds_state_sink *sink, struct uv_loop_s *loop, bool force)
{
	if (sink->text.all.failed)
		return;
	if (!force && sink->wrote && ds_state_fingerprint(&sink->text) == sink->written)
		return;
	sink->busy = true;
	sink->work.data = sink;
	if (uv_queue_work(loop, &sink->work, in_background, background_ended)) {
		sink->busy = false;
		(void)note_result(sink, replace(sink));
	}
}

void ds_state_sink_wait(struct ds_state_sink *sink)
{
	uv_mutex_lock(&sink->mutex);
	while (sink->busy)
		uv_cond_wait(&sink->idle, &sink->mutex);
	uv_mutex_unlock(&sink->mutex);
}

int ds_state_sink_write_now(struct ds_state_sink *sink)
{
	ds_state_sink_wait(sink);
	return note_result(sink, sink->text.all.failed ? -ENOMEM : replace(sink));
}

void ds_state_sink_free(struct ds_state_sink **sink)
{
	struct ds_state_sink *s = *sink;

	if (!s)
		return;
	uv_cond_destroy(&s->idle);
	uv_mutex_destroy(&s->mutex);
	ds_state_text_free(&s->text);
	free(s->folder);
	free(s->beside);
	free(s);
	*sink = NULL;
}
