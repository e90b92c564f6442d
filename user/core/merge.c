/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packed events in two places: what comes in order, as nearly everything does, stands in a queue,
 * the rest in a binary heap. The next one is the smaller of the two fronts.
 */
#include "user/core/merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_pack.h"
#include "user/util/arena.h"
#include "user/util/cleanup.h"

#define RANK_SHIFT 56
#define SLOTS_FIRST 256
#define CACHE_LINE 64
#define FETCH_LINES 5	/* a packed event of the kernel */
#define FETCH_AHEAD 4

/* What the order needs stands beside the pointer: to compare is not to touch the event. */
struct slot {
	int64_t time_ns;
	uint64_t order;		/* source rank, then the number within the source */
	void *packed;
};

struct slots {
	struct slot *slots;
	size_t first;		/* of the queue; the heap begins at 0 */
	size_t cnt, cap;
};

struct ds_merge {
	struct slots queue, heap;
	size_t max;
	struct ds_arena arena;	/* of the kernel's events: they are of now, and go soon */
	uint64_t keys[DS_EVENT_MAX][DS_KEY_WORDS];	/* of each kind */
	struct ds_event event;	/* the one being released */
	int64_t lateness_ns;
	int64_t first_ns; /* what is older than the first release is history, not late */
	int64_t passed_ns;	/* everything up to here has been released */
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
	for (int kind = 0; kind < DS_EVENT_MAX; kind++)
		ds_kind_keys((enum ds_event_kind)kind, m->keys[kind]);
	*ret_merge = m;
	return 0;
}

static bool is_of_kernel(const struct slot *slot)
{
	return slot->order >> RANK_SHIFT == DS_RANK_KERNEL;
}

static void *allocate(struct ds_merge *m, const struct slot *slot, size_t size)
{
	return is_of_kernel(slot) ? ds_arena_alloc(&m->arena, size) : malloc(size);
}

static void give_back(struct ds_merge *m, const struct slot *slot)
{
	if (is_of_kernel(slot))
		ds_arena_free(&m->arena, slot->packed);
	else
		free(slot->packed);
}

void ds_merge_free(struct ds_merge **merge)
{
	struct ds_merge *m = merge ? *merge : NULL;

	if (!m)
		return;
	for (size_t i = 0; i < m->queue.cnt; i++)
		give_back(m, &m->queue.slots[m->queue.first + i]);
	for (size_t i = 0; i < m->heap.cnt; i++)
		give_back(m, &m->heap.slots[i]);
	ds_arena_clear(&m->arena);
	free(m->queue.slots);
	free(m->heap.slots);
	free(DS_TAKE(*merge));
}

static bool comes_before(const struct slot *a, const struct slot *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

/* Room for one more: the queue's move to the front, or the whole grows. */
static int make_room(struct slots *s)
{
	size_t cap = s->cap ? s->cap * 2 : SLOTS_FIRST;
	struct slot *slots;

	if (s->first + s->cnt < s->cap)
		return 0;
	if (s->first > s->cap / 2) {
		memcpy(s->slots, s->slots + s->first, s->cnt * sizeof(*s->slots));
		s->first = 0;
		return 0;
	}
	slots = reallocarray(s->slots, cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	s->slots = slots;
	s->cap = cap;
	return 0;
}

static struct slot *last_of(const struct slots *queue)
{
	return queue->cnt ? &queue->slots[queue->first + queue->cnt - 1] : NULL;
}

static void sift_up(struct slot *heap, size_t i)
{
	struct slot slot = heap[i];

	for (; i && comes_before(&slot, &heap[(i - 1) / 2]); i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = slot;
}

static struct slot pop_heap(struct slots *heap)
{
	struct slot *slots = heap->slots, top = slots[0], last = slots[--heap->cnt];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < heap->cnt) {
		if (child + 1 < heap->cnt && comes_before(&slots[child + 1], &slots[child]))
			child++;
		if (!comes_before(&slots[child], &last))
			break;
		slots[i] = slots[child];
		i = child;
	}
	slots[i] = last;	/* also where it was the only one */
	return top;
}

/* What was packed 200 ms ago is in no cache any more: asked for some events ahead. */
static void fetch_ahead(const struct slots *queue)
{
	const char *packed;

	if (queue->cnt <= FETCH_AHEAD)
		return;
	packed = queue->slots[queue->first + FETCH_AHEAD].packed;
	for (int i = 0; i < FETCH_LINES; i++)
		__builtin_prefetch(packed + i * CACHE_LINE);
}

static struct slot pop_queue(struct slots *queue)
{
	struct slot front = queue->slots[queue->first];

	fetch_ahead(queue);
	queue->first++;

	if (--queue->cnt == 0)
		queue->first = 0;
	return front;
}

int ds_merge_push(struct ds_merge *m, const struct ds_event *ev)
{
	struct slot slot = {
		.time_ns = ds_event_time(ev->time_ns),
		.order = (uint64_t)ev->rank << RANK_SHIFT | (ev->source_seq & UINT64_MAX >> 8),
	};
	bool late = slot.time_ns < m->passed_ns && slot.time_ns >= m->first_ns;
	const struct slot *last = last_of(&m->queue);
	struct slots *place = last && comes_before(&slot, last) ? &m->heap : &m->queue;

	if (m->queue.cnt + m->heap.cnt >= m->max)
		return -ENOBUFS;
	if (make_room(place))
		return -ENOMEM;
	slot.packed = allocate(m, &slot, ds_event_packed_size(ev));
	if (!slot.packed)
		return -ENOMEM;
	ds_event_pack(ev, late, slot.packed);
	m->late += late;
	place->slots[place->first + place->cnt++] = slot;
	if (place == &m->heap)
		sift_up(m->heap.slots, m->heap.cnt - 1);
	return 0;
}

/* Takes the next one out if its time is until_ns or before. */
static bool take_next(struct ds_merge *m, int64_t until_ns, struct slot *ret_slot)
{
	const struct slot *front = m->queue.cnt ? &m->queue.slots[m->queue.first] : NULL;
	const struct slot *top = m->heap.cnt ? &m->heap.slots[0] : NULL;
	bool from_heap = top && (!front || comes_before(top, front));
	const struct slot *next = from_heap ? top : front;

	if (!next || next->time_ns > until_ns)
		return false;
	*ret_slot = from_heap ? pop_heap(&m->heap) : pop_queue(&m->queue);
	return true;
}

static void release_until(struct ds_merge *m, int64_t until_ns,
			  void (*release)(void *ctx, const struct ds_event *ev), void *ctx)
{
	struct slot slot;

	/* release() may push: what it pushes takes its place among the others. */
	while (take_next(m, until_ns, &slot)) {
		if (m->first_ns == INT64_MIN)
			m->first_ns = slot.time_ns;
		if (slot.time_ns > m->passed_ns)
			m->passed_ns = slot.time_ns;
		ds_event_unpack(slot.packed, &m->event);
		/* As its recorded line would read. */
		ds_event_canonical_among(&m->event, m->keys[m->event.kind]);
		release(ctx, &m->event);
		give_back(m, &slot);
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
