// SPDX-License-Identifier: Apache-2.0
/*
 * Writes an event as one JSON line, straight into a block somewhat longer than a line may be: room
 * is checked once a key, not once a piece. When the line does not fit, it is written anew with
 * shorter strings.
 */
#include "user/core/event_json.h"

#include <string.h>

#include "user/util/json.h"
#include "user/util/text.h"
#include "user/util/timefmt.h"

#define MESSAGE_MAX 512
#define LEAD_MAX 64
#define SLACK 256	/* no key with a value that is not a string needs as much */
#define LINE_END_LEN 2	/* "}\n" */

/*
 * ,"KEY": of each key, in a block of fixed size: copied whole, which costs two moves where the
 * exact length would cost a call. Counters end before the word of each counter.
 */
struct lead {
	char text[LEAD_MAX];
	size_t len;
};

#define LEAD_END_STR "\":\""
#define LEAD_END_INT "\":"
#define LEAD_END_U64 "\":\""
#define LEAD_END_BOOL "\":"
#define LEAD_END_TIME "\":\""
#define LEAD_END_MS "\":"
#define LEAD_END_REAL "\":"
#define LEAD_END_ENUM "\":\""
#define LEAD_END_ADDR "\":\""
#define LEAD_END_COUNTS "."
#define LEAD(id, key, type, member, list, doc) \
	[DS_KEY_##id] = { ",\"" key LEAD_END_##type, sizeof(",\"" key LEAD_END_##type) - 1 },
static const struct lead leads[DS_KEY_MAX] = { DS_KEY_LIST(LEAD) };

#define LEAD_FITS(id, key, type, member, list, doc) \
	_Static_assert(sizeof(",\"" key LEAD_END_##type) <= LEAD_MAX, key);
DS_KEY_LIST(LEAD_FITS)

/* The line being written: `at` may pass `end` by less than SLACK while a key is written. */
struct line {
	char *at;
	char *end;
	bool full;
};

#define PUT(l, literal) \
	(memcpy((l)->at, (literal), sizeof(literal) - 1), (void)((l)->at += sizeof(literal) - 1))

static void put_lead(struct line *l, enum ds_key key)
{
	memcpy(l->at, leads[key].text, LEAD_MAX);
	l->at += leads[key].len;
}

static void put_word(struct line *l, const char *word)
{
	size_t n = strlen(word);

	memcpy(l->at, word, n);
	l->at += n;
}

static void put_uint(struct line *l, uint64_t v)
{
	l->at += ds_digits(l->at, v);
}

/*
 * The inside of a string and its closing quote: at most `limit` bytes; a longer one ends in "...".
 */
static void put_string(struct line *l, const char *s, size_t limit)
{
	size_t len = strlen(s), room = l->at < l->end ? (size_t)(l->end - l->at) : 0, used, n;

	if (room > limit)
		room = limit;
	n = ds_json_escape(l->at, room, s, len, &used);
	if (used < len) {
		if (room < limit) {
			l->full = true;
			return;
		}
		n = ds_json_escape(l->at, room - 3, s, len, &used);
		memcpy(l->at + n, "...", 3);
		n += 3;
	}
	l->at += n;
	*l->at++ = '"';
}

static void put_time(struct line *l, int64_t ns)
{
	ds_time_rfc3339(ns, l->at);
	l->at += DS_RFC3339_LEN;
	*l->at++ = '"';
}

static void put_fixed_point(struct line *l, enum ds_type type, const void *p)
{
	struct ds_text t = { .data = l->at, .cap = DS_DIGITS_MAX + 5 };

	if (type == DS_TYPE_MS)
		ds_text_ms(&t, *(const int64_t *)p);
	else
		ds_text_real(&t, *(const double *)p);
	l->at += t.len;
}

static void put_value(struct line *l, enum ds_type type, enum ds_names_id names, const void *p,
		      size_t limit)
{
	int64_t v;

	switch (type) {
	case DS_TYPE_STR:
		put_string(l, *(const char *const *)p, limit);
		break;
	case DS_TYPE_INT:
		v = *(const int64_t *)p;
		if (v < 0)
			*l->at++ = '-';
		put_uint(l, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
		break;
	case DS_TYPE_U64:
		put_uint(l, *(const uint64_t *)p);
		*l->at++ = '"';
		break;
	case DS_TYPE_BOOL:
		put_word(l, *(const bool *)p ? "true" : "false");
		break;
	case DS_TYPE_TIME:
		put_time(l, *(const int64_t *)p);
		break;
	case DS_TYPE_MS:
	case DS_TYPE_REAL:
		put_fixed_point(l, type, p);
		break;
	case DS_TYPE_ENUM:
		put_word(l, ds_names[names].words[*(const int *)p]);
		*l->at++ = '"';
		break;
	case DS_TYPE_ADDR:
		l->at += ds_addr_format(p, l->at);
		*l->at++ = '"';
		break;
	default:	/* COUNTS has keys of its own */
		break;
	}
}

/* KEY.WORD for each counter that is not zero. */
static void put_counts(struct line *l, enum ds_key key, const uint32_t *counts)
{
	const struct ds_names *names = &ds_names[ds_keys[key].names];

	for (int i = 0; i < names->count && i < DS_COUNTS_MAX && l->at <= l->end; i++) {
		if (!counts[i])
			continue;
		put_lead(l, key);
		put_word(l, names->words[i]);
		PUT(l, "\":");
		put_uint(l, counts[i]);
	}
}

/* Whether the member holds something that can be written; absent otherwise. */
static bool has_value(const struct ds_key_info *info, const void *p)
{
	switch (info->type) {
	case DS_TYPE_STR:
		return *(const char *const *)p && **(const char *const *)p;
	case DS_TYPE_ENUM:
		return *(const int *)p >= 0 && *(const int *)p < ds_names[info->names].count;
	case DS_TYPE_ADDR:
		return ds_addr_is_set(p);
	default:
		return true;
	}
}

static void put_common(struct line *l, const struct ds_event *ev, uint64_t seq,
		       const char *message, size_t limit)
{
	PUT(l, "{\"time\":\"");
	put_time(l, ev->time_ns);
	PUT(l, ",\"level\":\"");
	put_word(l, ds_name(DS_NAMES_LEVEL, ev->level));
	PUT(l, "\",\"event.name\":\"");
	put_word(l, ds_kinds[ev->kind].name);
	PUT(l, "\",\"message\":\"");
	put_string(l, message, limit < MESSAGE_MAX ? limit : MESSAGE_MAX);
	PUT(l, ",\"drainsnoop.schema\":");
	put_uint(l, DS_EVENT_SCHEMA);
	if (ev->run_id[0]) {
		PUT(l, ",\"drainsnoop.run.id\":\"");
		put_string(l, ev->run_id, sizeof(ev->run_id) * 6);
	}
	PUT(l, ",\"drainsnoop.seq\":");
	put_uint(l, seq);
	if (ev->late)
		PUT(l, ",\"drainsnoop.late\":true");
}

/*
 * One attempt with strings of at most `limit` bytes. A key that does not fit is left out with all
 * after it, and the line is `full`.
 */
static void put_line(struct line *l, const struct ds_event *ev, uint64_t seq, const char *message,
		     size_t limit)
{
	const enum ds_key *k = ds_kinds[ev->kind].keys;

	put_common(l, ev, seq, message, limit);
	for (; *k != DS_KEY_MAX; k++) {
		const struct ds_key_info *info = &ds_keys[*k];
		const void *p = (const char *)ev + info->offset;
		char *before = l->at;

		if (!ds_event_has(ev, *k) || !has_value(info, p))
			continue;
		if (info->type == DS_TYPE_COUNTS) {
			put_counts(l, *k, p);
		} else {
			put_lead(l, *k);
			put_value(l, info->type, info->names, p, limit);
		}
		if (l->full || l->at > l->end) {
			l->full = true;
			l->at = before;
			break;
		}
	}
	memcpy(l->at, "}\n", LINE_END_LEN);
	l->at += LINE_END_LEN;
}

void ds_event_write(struct ds_buf *buf, const struct ds_event *ev, uint64_t seq)
{
	/* The last is short enough for any event of any kind: a test holds it to that. */
	static const size_t limits[] = { 2048, 1024, 512, 256, 128, 64, 24 };
	char message[MESSAGE_MAX];

	ds_buf_clear(buf);
	if (!ds_buf_reserve(buf, DS_EVENT_LINE_MAX + SLACK))
		return;
	(void)ds_event_message(ev, message, sizeof(message));
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct line l = {
			.at = buf->data,
			.end = buf->data + DS_EVENT_LINE_MAX - LINE_END_LEN,
		};

		put_line(&l, ev, seq, message, limits[i]);
		buf->len = (size_t)(l.at - buf->data);
		if (!l.full)
			break;
	}
	buf->data[buf->len] = '\0';
}
