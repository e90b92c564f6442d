/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a version held is remembered as a sorted list of hashes, keyed for this run: who writes the
 * object cannot make two lines look the same.
 */
#include "user/source/handover/handover_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/core/merge.h"
#include "user/source/cluster/handover_text.h"
#include "user/source/kube/kube_json.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"

struct ds_handover_reader {
	struct ds_handover_read_options options;
	struct ds_handover_read_stats stats;
	uint64_t *known, *next;		/* hashes of the version before; of the one at hand */
	size_t known_cnt, next_cnt;	/* at most DS_HANDOVER_LINES_MAX */
	bool *taken;			/* of each of next */
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t hash_of(const struct ds_handover_reader *r, const char *line, size_t len)
{
	return ds_siphash13(r->options.seed, ~r->options.seed, line, len);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

/* What a hand-over may tell: nothing that only a kernel or a state file can know. */
static bool is_told_here(const struct ds_event *ev)
{
	return (ev->kind == DS_EVENT_POD_STATE || ev->kind == DS_EVENT_TARGET ||
		ev->kind == DS_EVENT_LB_ADDRESS) &&
	       !ds_event_has(ev, DS_KEY_RESTORED) && !ds_event_has(ev, DS_KEY_PHASE_LANE);
}

static void bad_line(struct ds_handover_reader *r, size_t number, const char *what)
{
	r->stats.bad++;
	r->options.fault(r->options.ctx, number, what);
}

static void take_line(struct ds_handover_reader *r, size_t number, const char *line, size_t len,
		      int64_t now_ns)
{
	struct ds_event ev;
	struct ds_perr perr;
	char text[sizeof(perr.what) + 80];

	if (len > DS_EVENT_READ_MAX) {
		bad_line(r, number, "the line is too long");
		return;
	}
	if (ds_event_read(line, len, now_ns, &ev, &perr) < 0) {
		(void)snprintf(text, sizeof(text), "byte %zu: %s", perr.offset, perr.what);
		bad_line(r, number, text);
		return;
	}
	if (!is_told_here(&ev)) {
		(void)snprintf(text, sizeof(text), "%s is not told here", ds_kinds[ev.kind].name);
		bad_line(r, number, text);
	} else {
		if (ev.time_ns > now_ns)
			ev.time_ns = now_ns;
		ev.rank = DS_RANK_EVENTS;
		ev.source_seq = r->stats.events++;
		r->options.deliver(r->options.ctx, &ev);
	}
	ds_event_clear(&ev);
}

/* The line at *at, which moves behind it. False at the end. */
static bool next_line(const char *text, size_t len, size_t *at, const char **ret_line,
		      size_t *ret_len)
{
	const char *newline;

	if (*at >= len)
		return false;
	newline = memchr(text + *at, '\n', len - *at);
	*ret_line = text + *at;
	*ret_len = newline ? (size_t)(newline - *ret_line) : len - *at;
	*at += *ret_len + 1;
	return true;
}

/* The hashes of all lines, each once, sorted. */
static void hash_lines(struct ds_handover_reader *r, const char *text, size_t len)
{
	const char *line;
	size_t at = 0, n, cnt = 0;

	r->next_cnt = 0;
	while (next_line(text, len, &at, &line, &n)) {
		if (is_blank(line, n))
			continue;
		if (r->next_cnt == DS_HANDOVER_LINES_MAX) {
			r->stats.over++;
			break;
		}
		r->next[r->next_cnt++] = hash_of(r, line, n);
	}
	qsort(r->next, r->next_cnt, sizeof(*r->next), compare);
	for (size_t i = 0; i < r->next_cnt; i++)
		if (!i || r->next[i] != r->next[i - 1])
			r->next[cnt++] = r->next[i];
	r->next_cnt = cnt;
	memset(r->taken, 0, cnt * sizeof(*r->taken));
}

static uint64_t *find(uint64_t *hashes, size_t cnt, uint64_t hash)
{
	return cnt ? bsearch(&hash, hashes, cnt, sizeof(hash), compare) : NULL;
}

/* The line is news, and is taken now. */
static bool is_news(struct ds_handover_reader *r, const char *line, size_t len)
{
	uint64_t hash = hash_of(r, line, len);
	const uint64_t *at = find(r->next, r->next_cnt, hash);

	if (!at || r->taken[at - r->next] || find(r->known, r->known_cnt, hash))
		return false;
	r->taken[at - r->next] = true;
	return true;
}

void ds_handover_reader_text(struct ds_handover_reader *r, const char *text, size_t len,
			     int64_t now_ns)
{
	size_t at = 0, n, number = 0;
	const char *line;
	uint64_t *swap;

	if (len > DS_HANDOVER_TEXT_MAX) {
		r->stats.over++;
		len = DS_HANDOVER_TEXT_MAX;
		while (len && text[len - 1] != '\n')
			len--;
	}
	hash_lines(r, text, len);
	while (next_line(text, len, &at, &line, &n)) {
		number++;
		if (!is_blank(line, n) && is_news(r, line, n))
			take_line(r, number, line, n, now_ns);
	}
	swap = r->known;
	r->known = r->next;
	r->known_cnt = r->next_cnt;
	r->next = swap;
}

void ds_handover_reader_object(struct ds_handover_reader *r, json_object *object, int64_t now_ns)
{
	json_object *text = ds_kube_member(ds_kube_child(object, "data"), DS_HANDOVER_KEY,
					   json_type_string);

	if (text)
		ds_handover_reader_text(r, json_object_get_string(text),
					(size_t)json_object_get_string_len(text), now_ns);
	else
		ds_handover_reader_text(r, "", 0, now_ns);
}

void ds_handover_reader_blind(struct ds_handover_reader *r, int64_t blind_ns, int64_t now_ns)
{
	struct ds_event ev;

	if (blind_ns <= DS_HANDOVER_KEEP_NS)
		return;		/* each line is still there */
	ds_event_init(&ev, DS_EVENT_LOSS, now_ns);
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_WATCH);
	DS_SET_STR(&ev, LOSS_CLASS, loss_class, "handover");
	DS_SET(&ev, LOSS_COUNT, loss_count, 1);
	DS_SET(&ev, NOT_BEFORE, not_before, now_ns - blind_ns);
	DS_SET(&ev, NOT_AFTER, not_after, now_ns);
	ev.rank = DS_RANK_EVENTS;
	ev.source_seq = r->stats.events;
	r->options.deliver(r->options.ctx, &ev);
}

struct ds_handover_read_stats ds_handover_reader_stats(const struct ds_handover_reader *r)
{
	return r->stats;
}

int ds_handover_reader_new(struct ds_handover_reader **ret_reader,
			   const struct ds_handover_read_options *options)
{
	ds_cleanup(ds_handover_reader_free) struct ds_handover_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->known = calloc(DS_HANDOVER_LINES_MAX, sizeof(*r->known));
	r->next = calloc(DS_HANDOVER_LINES_MAX, sizeof(*r->next));
	r->taken = calloc(DS_HANDOVER_LINES_MAX, sizeof(*r->taken));
	if (!r->known || !r->next || !r->taken)
		return -ENOMEM;
	*ret_reader = DS_TAKE(r);
	return 0;
}

void ds_handover_reader_free(struct ds_handover_reader **reader)
{
	struct ds_handover_reader *r = reader ? *reader : NULL;

	if (!r)
		return;
	free(r->known);
	free(r->next);
	free(r->taken);
	free(DS_TAKE(*reader));
}
