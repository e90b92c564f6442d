/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of owned events. */
#include "user/core/merge.h"

#include <errno.h>
#include <stdlib.h>

#include "user/util/cleanup.h"

#define POOL_MAX 1024	/* freed events that are kept: 1.5 MB at most */

/* What the order needs stands beside the pointer: to compare is not to touch the event. */
struct slot {
	int64_t time_ns;
	uint64_t order;		/* source rank, then the number within the source */
	struct ds_event *ev;
};

struct ds_merge {
	struct slot *heap;
	size_t cnt, cap, max;
	struct ds_event *pool[POOL_MAX];
	size_t pool_cnt;
	int64_t lateness_ns;
	int64_t first_ns; /* what is older than the first release is history, not late */
	int64_t passed_ns;		/* everything up to here has been released */
	uint64_t late;
};

int ds_merge_new(struct ds_merge **ret_merge, int64_t lateness_ns, size_t max)
{
	struct ds_merge *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->lateness_ns = lateness_ns;
	m->max = max;
	m->first_ns = m->passed_ns = INT64_MIN;
	*ret_merge = m;
	return 0;
}

void ds_merge_free(struct ds_merge **merge)
{
	struct ds_merge *m = merge ? *merge : NULL;

	if (!m)
		return;
	for (size_t i = 0; i < m->cnt; i++) {
		ds_event_clear(m->heap[i].ev);
		free(m->heap[i].ev);
	}
	free(m->heap);
	while (m->pool_cnt)
		free(m->pool[--m->pool_cnt]);
	free(DS_TAKE(*merge));
}

static bool comes_before(const struct slot *a, const struct slot *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

static void sift_up(struct ds_merge *m, size_t i)
{
	struct slot slot = m->heap[i];

	for (; i && comes_before(&slot, &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = slot;
}

static struct ds_event *pop(struct ds_merge *m)
{
	struct ds_event *top = m->heap[0].ev;
	struct slot last = m->heap[--m->cnt];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < m->cnt) {
		if (child + 1 < m->cnt && comes_before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!comes_before(&m->heap[child], &last))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	if (m->cnt)
		m->heap[i] = last;
	return top;
}

static int grow(struct ds_merge *m)
{
	size_t cap = m->cap ? m->cap * 2 : 256;
	struct slot *heap;

	if (m->cnt < m->cap)
		return 0;
	heap = reallocarray(m->heap, cap, sizeof(struct slot));
	if (!heap)
		return -ENOMEM;
	m->heap = heap;
	m->cap = cap;
	return 0;
}

int ds_merge_push(struct ds_merge *m, const struct ds_event *ev)
{
	struct ds_event *own;

	if (m->cnt >= m->max)
		return -ENOBUFS;
	if (grow(m))
		return -ENOMEM;
	own = m->pool_cnt ? m->pool[--m->pool_cnt] : malloc(sizeof(*own));
	if (!own)
		return -ENOMEM;
	if (ds_event_copy(own, ev)) {
		free(own);
		return -ENOMEM;
	}
	ds_event_canonical(own);	/* as its recorded line would read */
	if (own->time_ns < m->passed_ns && own->time_ns >= m->first_ns) {
		own->late = true;
		m->late++;
	}
	m->heap[m->cnt] = (struct slot){
		.time_ns = own->time_ns,
		.order = (uint64_t)own->rank << 56 | (own->source_seq & UINT64_MAX >> 8),
		.ev = own,
	};
	sift_up(m, m->cnt++);
	return 0;
}

static void release_until(struct ds_merge *m, int64_t until_ns,
			  void (*release)(void *ctx, const struct ds_event *ev), void *ctx)
{
	/* release() may push: what it pushes takes its place in the heap. */
	while (m->cnt && m->heap[0].time_ns <= until_ns) {
		struct ds_event *ev = pop(m);

		if (m->first_ns == INT64_MIN)
			m->first_ns = ev->time_ns;
		if (ev->time_ns > m->passed_ns)
			m->passed_ns = ev->time_ns;
		release(ctx, ev);
		free(ev->text);
		if (m->pool_cnt < POOL_MAX)
			m->pool[m->pool_cnt++] = ev;
		else
			free(ev);
	}
}

void ds_merge_release(struct ds_merge *m, int64_t now_ns,
		      void (*release)(void *ctx, const struct ds_event *ev), void *ctx)
{
	release_until(m, now_ns - m->lateness_ns, release, ctx);
}

void ds_merge_flush(struct ds_merge *m, void (*release)(void *ctx, const struct ds_event *ev),
		    void *ctx)
{
	release_until(m, INT64_MAX, release, ctx);
}

uint64_t ds_merge_late(const struct ds_merge *m)
{
	return m->late;
}
