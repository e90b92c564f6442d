/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of flows: a hash by 4-tuple, a list by last activity, and one queue per length of
 * window. Windows of one length end in the order in which they began, so a queue is enough.
 */
#include "user/core/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "user/util/cleanup.h"
#include "user/util/hash.h"

struct entry {
	struct ds_flow flow;	/* first: a flow is its entry */
	UT_hash_handle hh;
};

struct ds_flows {
	struct entry *by_key;
	struct entry *found;		/* by the latest search: one packet makes several records */
	struct ds_flow *quietest;			/* list by last activity */
	/* By window: queues by its end; without one, by activity or the end of the last one. */
	struct ds_flow *windows[DS_FLOW_WINDOW_MAX];
	size_t cnt, max;
	int64_t evictions;
};

int ds_flows_new(struct ds_flows **ret_flows, size_t max)
{
	struct ds_flows *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->max = max;
	*ret_flows = f;
	return 0;
}

void ds_flows_free(struct ds_flows **flows)
{
	struct ds_flows *f = flows ? *flows : NULL;

	if (!f)
		return;
	while (f->quietest)
		ds_flows_remove(f, f->quietest);
	free(DS_TAKE(*flows));
}

struct ds_flow *ds_flows_find(struct ds_flows *f, const struct ds_flow_key *key)
{
	struct entry *e = f->found;

	if (e && !memcmp(&e->flow.key, key, sizeof(*key)))
		return &e->flow;
	HASH_FIND(hh, f->by_key, key, sizeof(*key), e);
	if (e)
		f->found = e;
	return e ? &e->flow : NULL;
}

/* To the end of the list of those with that window. */
static void set_window(struct ds_flows *f, struct ds_flow *flow, enum ds_flow_window window)
{
	DL_DELETE2(f->windows[flow->window], flow, window_prev, window_next);
	flow->window = window;
	DL_APPEND2(f->windows[window], flow, window_prev, window_next);
}

void ds_flows_remove(struct ds_flows *f, struct ds_flow *flow)
{
	struct entry *e = (struct entry *)flow;

	ds_flows_close_window(f, flow);
	DL_DELETE2(f->windows[DS_FLOW_WINDOW_NONE], flow, window_prev, window_next);
	if (flow->pod)
		flow->pod->flows_cnt--;
	DL_DELETE(f->quietest, flow);
	HASH_DELETE(hh, f->by_key, e);
	if (f->found == e)
		f->found = NULL;
	f->cnt--;
	free(e);
}

static bool make_room(struct ds_flows *f)
{
	struct ds_flow *idle = f->windows[DS_FLOW_WINDOW_NONE];

	if (f->cnt < f->max)
		return true;
	f->evictions++;
	if (idle)
		ds_flows_remove(f, idle);
	return idle != NULL;
}

struct ds_flow *ds_flows_get(struct ds_flows *f, const struct ds_flow_key *key, int64_t now_ns)
{
	struct ds_flow *flow = ds_flows_find(f, key);
	struct entry *e;

	if (flow) {
		DL_DELETE(f->quietest, flow);
		if (flow->window == DS_FLOW_WINDOW_NONE)
			set_window(f, flow, DS_FLOW_WINDOW_NONE);
	} else {
		e = make_room(f) ? calloc(1, sizeof(*e)) : NULL;
		if (!e)
			return NULL;
		flow = &e->flow;
		flow->key = *key;
		flow->outcome = -1;
		flow->age_ns = -1;
		HASH_ADD_KEYPTR(hh, f->by_key, &flow->key, sizeof(flow->key), e);
		if (!DS_HASH_ADDED(e)) {
			free(e);
			return NULL;
		}
		f->cnt++;
		DL_APPEND2(f->windows[DS_FLOW_WINDOW_NONE], flow, window_prev, window_next);
	}
	DL_APPEND(f->quietest, flow);
	flow->last_ns = now_ns;
	return flow;
}

void ds_flows_open_window(struct ds_flows *f, struct ds_flow *flow, enum ds_flow_window window,
			  int64_t ends_ns)
{
	if (flow->window != DS_FLOW_WINDOW_NONE) {
		if (flow->window_ends_ns <= ends_ns)
			return;
		ds_flows_close_window(f, flow);
	}
	set_window(f, flow, window);
	flow->window_ends_ns = ends_ns;
	flow->pod->open_windows += flow->balanced;
}

void ds_flows_set_balanced(struct ds_flow *flow, bool balanced)
{
	if (flow->window != DS_FLOW_WINDOW_NONE)
		flow->pod->open_windows += balanced - flow->balanced;
	flow->balanced = balanced;
}

void ds_flows_close_window(struct ds_flows *f, struct ds_flow *flow)
{
	if (flow->window == DS_FLOW_WINDOW_NONE)
		return;
	set_window(f, flow, DS_FLOW_WINDOW_NONE);
	flow->pod->open_windows -= flow->balanced;
}

struct ds_flow *ds_flows_due(const struct ds_flows *f, int64_t now_ns)
{
	struct ds_flow *due = NULL;

	for (int w = DS_FLOW_WINDOW_NONE + 1; w < DS_FLOW_WINDOW_MAX; w++) {
		struct ds_flow *head = f->windows[w];

		if (head && head->window_ends_ns <= now_ns &&
		    (!due || head->window_ends_ns < due->window_ends_ns))
			due = head;
	}
	return due;
}

struct ds_flow *ds_flows_first(const struct ds_flows *f)
{
	return f->quietest;
}

int64_t ds_flows_evictions(const struct ds_flows *f)
{
	return f->evictions;
}
