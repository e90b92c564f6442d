/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/line_queue.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "user/core/event.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define STACK_BYTES 65536
#define FREE_NS DS_NS_PER_S	/* without ds_line_queue_finish before */
#define WAIT_MS 1000	/* for a descriptor that somebody else made non-blocking */

struct entry {
	uint32_t len;		/* 0: the next one stands at the beginning of the buffer */
};

/* Entries, each with its line, stand one after the other from `first` to `end`, around the end. */
struct ds_line_queue {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	int fd;
	const char *name;
	char *buf;
	size_t size, first, end;
	uint64_t waiting;	/* lines, with the one that is being written */
	uint64_t lost;		/* not asked for yet */
	bool ending, ended, gone;
	bool told;		/* the thread's own */
};

/* ---- the buffer; all under the lock ---- */

static size_t room_of(size_t len)
{
	return sizeof(struct entry) + (len + sizeof(struct entry) - 1) / sizeof(struct entry) *
		sizeof(struct entry);
}

/* Where an entry of that size can stand; false: nowhere. */
static bool find_room(struct ds_line_queue *q, size_t need, size_t *ret_at)
{
	if (!q->waiting)
		q->first = q->end = 0;	/* so that a queue that is mostly empty touches little */
	if (q->end >= q->first) {
		if (q->size - q->end >= need) {
			*ret_at = q->end;
			return true;
		}
		if (q->first <= need)
			return false;	/* end == first would mean empty */
		if (q->size - q->end >= sizeof(struct entry))
			((struct entry *)(void *)(q->buf + q->end))->len = 0;
		*ret_at = 0;
		return true;
	}
	*ret_at = q->end;
	return q->first - q->end > need;
}

static struct entry *first_entry(struct ds_line_queue *q)
{
	struct entry *e = (struct entry *)(void *)(q->buf + q->first);

	if (q->size - q->first < sizeof(*e) || !e->len) {
		q->first = 0;
		e = (struct entry *)(void *)q->buf;
	}
	return e;
}

/* ---- the thread ---- */

static void give_up_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	(void)syscall(SYS_capset, &header, none);	/* of this thread; less is always allowed */
}

/* 0 or -errno. A line that was begun is ended, or nothing of it counts. */
static int write_line(int fd, const char *line, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, line + done, len - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			(void)poll(&p, 1, WAIT_MS);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Not under the lock: standard error may stall too. */
static void say(struct ds_line_queue *q, int r)
{
	if (r && !q->told)
		(void)ds_log_err(r, "write to %s; lines are lost", q->name);
	q->told = r != 0;
}

static void take_result(struct ds_line_queue *q, int r)
{
	q->waiting--;
	q->lost += r != 0;
	q->gone = q->gone || r == -EPIPE;
}

static void *run(void *arg)
{
	struct ds_line_queue *q = arg;
	char line[DS_EVENT_LINE_MAX];
	int r;

	give_up_capabilities();
	(void)pthread_mutex_lock(&q->lock);
	for (;;) {
		struct entry *e;
		size_t len;

		while (!q->waiting && !q->ending)
			(void)pthread_cond_wait(&q->changed, &q->lock);
		if (!q->waiting)
			break;
		e = first_entry(q);
		len = e->len;
		memcpy(line, e + 1, len);
		q->first += room_of(len);
		(void)pthread_mutex_unlock(&q->lock);
		r = q->gone ? -EPIPE : write_line(q->fd, line, len);
		say(q, r);
		(void)pthread_mutex_lock(&q->lock);
		take_result(q, r);
		if (!q->waiting)
			(void)pthread_cond_broadcast(&q->changed);
	}
	q->ended = true;
	(void)pthread_cond_broadcast(&q->changed);
	(void)pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* ---- the user's side ---- */

/* Signals are for the loop's thread. */
static int start(struct ds_line_queue *q)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	r = pthread_create(&q->thread, &attributes, run, q);
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void release(struct ds_line_queue *q)
{
	(void)pthread_cond_destroy(&q->changed);
	(void)pthread_mutex_destroy(&q->lock);
	free(q->buf);
	free(q);
}

int ds_line_queue_new(struct ds_line_queue **ret_queue, int fd, const char *name, size_t bytes)
{
	struct ds_line_queue *q = calloc(1, sizeof(*q));
	pthread_condattr_t attributes;
	int r;

	if (!q)
		return ds_log_err(ENOMEM, "write to %s", name);
	q->buf = malloc(bytes);	/* pages are taken as they are used */
	q->size = bytes;
	q->fd = fd;
	q->name = name;
	(void)pthread_mutex_init(&q->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&q->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	r = q->buf ? start(q) : -ENOMEM;
	if (r) {
		release(q);
		return ds_log_err(r, "write to %s", name);
	}
	*ret_queue = q;
	return 0;
}

bool ds_line_queue_put(struct ds_line_queue *q, const char *line, size_t len)
{
	bool taken = false;
	size_t at;

	(void)pthread_mutex_lock(&q->lock);
	if (len && len <= DS_EVENT_LINE_MAX && !q->gone && find_room(q, room_of(len), &at)) {
		struct entry *e = (struct entry *)(void *)(q->buf + at);

		e->len = (uint32_t)len;
		memcpy(e + 1, line, len);
		q->end = at + room_of(len);
		q->waiting++;
		taken = true;
		(void)pthread_cond_signal(&q->changed);
	}
	q->lost += !taken;
	(void)pthread_mutex_unlock(&q->lock);
	return taken;
}

uint64_t ds_line_queue_take_lost(struct ds_line_queue *q)
{
	uint64_t lost;

	(void)pthread_mutex_lock(&q->lock);
	lost = q->lost;
	q->lost = 0;
	(void)pthread_mutex_unlock(&q->lock);
	return lost;
}

bool ds_line_queue_is_gone(struct ds_line_queue *q)
{
	bool gone;

	(void)pthread_mutex_lock(&q->lock);
	gone = q->gone;
	(void)pthread_mutex_unlock(&q->lock);
	return gone;
}

static struct timespec later(int64_t ns)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	ns += at.tv_nsec;
	at.tv_sec += ns / DS_NS_PER_S;
	at.tv_nsec = ns % DS_NS_PER_S;
	return at;
}

/* Until nothing waits and, at the end, the thread has ended too. */
static uint64_t wait_for(struct ds_line_queue *q, int64_t at_most_ns, bool end)
{
	struct timespec until = later(at_most_ns);
	uint64_t left;
	int r = 0;

	(void)pthread_mutex_lock(&q->lock);
	q->ending = q->ending || end;
	(void)pthread_cond_broadcast(&q->changed);
	while ((q->waiting || (end && !q->ended)) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&q->changed, &q->lock, &until);
	left = q->waiting;
	(void)pthread_mutex_unlock(&q->lock);
	return left;
}

uint64_t ds_line_queue_wait(struct ds_line_queue *q, int64_t at_most_ns)
{
	return wait_for(q, at_most_ns, false);
}

uint64_t ds_line_queue_finish(struct ds_line_queue *q, int64_t at_most_ns)
{
	return wait_for(q, at_most_ns, true);
}

void ds_line_queue_free(struct ds_line_queue **queue)
{
	struct ds_line_queue *q = queue ? *queue : NULL;
	bool ended;

	if (!q)
		return;
	*queue = NULL;
	if (!q->ending)
		(void)ds_line_queue_finish(q, FREE_NS);
	(void)pthread_mutex_lock(&q->lock);
	ended = q->ended;
	(void)pthread_mutex_unlock(&q->lock);
	if (!ended) {
		(void)pthread_detach(q->thread);
		return;
	}
	(void)pthread_join(q->thread, NULL);
	release(q);
}
