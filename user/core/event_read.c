// SPDX-License-Identifier: Apache-2.0
/*
 * Reads one event line into an event, driven by the table of keys.
 */
#include "user/core/event_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/scan.h"
#include "user/util/text.h"
#include "user/util/timefmt.h"

#define MAX_KEYS 200
#define KEY_ROOM 96	/* a longer key is not ours */
#define VALUE_ROOM 96	/* the same for words, addresses and times */

enum common { TIME, LEVEL, NAME, MESSAGE, SCHEMA, RUN_ID, SEQ, LATE, COMMON_MAX };

#define COMMON_LEN_MAX 17
#define COMMON(text) { text, sizeof(text) - 1 }
static const struct {
	const char *key;
	size_t len;
} commons[COMMON_MAX] = {
	[TIME] = COMMON("time"),
	[LEVEL] = COMMON("level"),
	[NAME] = COMMON("event.name"),
	[MESSAGE] = COMMON("message"),
	[SCHEMA] = COMMON("drainsnoop.schema"),
	[RUN_ID] = COMMON("drainsnoop.run.id"),
	[SEQ] = COMMON("drainsnoop.seq"),
	[LATE] = COMMON("drainsnoop.late"),
};

/* The lengths of the keys side by side, since most of a search is telling that they differ. */
#define COUNTER 0	/* KEY.WORD: no length of its own */
#define LEN(id, key, type, member, list, doc) \
	[DS_KEY_##id] = DS_TYPE_##type == DS_TYPE_COUNTS ? COUNTER : sizeof(key) - 1,
static const uint8_t key_lens[DS_KEY_MAX] = { DS_KEY_LIST(LEN) };

struct reader {
	struct ds_scan s;
	struct ds_event *ev;
	char *text;		/* free room for strings, within ev->text */
	int next;		/* the key that a line of ours would have next */
	unsigned int seen;	/* common keys, one bit each */
	int keys;
	/* the key at hand, for messages */
	const char *key;
	const char *key_at;
};

static int unexpected(struct reader *r, const char *wanted)
{
	return ds_scan_fail(&r->s, r->s.at, "key \"%s\": expected %s, found %s", r->key, wanted,
			    ds_scan_what(&r->s));
}

/* A string in which no more than VALUE_ROOM bytes make sense; a longer one comes back cut. */
static int read_short(struct reader *r, const char *wanted, char room[VALUE_ROOM],
		      struct ds_scan_text *ret_text)
{
	if (ds_scan_peek(&r->s) != '"')
		return unexpected(r, wanted);
	return ds_scan_string(&r->s, room, VALUE_ROOM, ret_text);
}

static int read_string(struct reader *r, const char **ret_string)
{
	struct ds_scan_text t;
	size_t left;
	int err;

	if (ds_scan_peek(&r->s) != '"')
		return unexpected(r, "a string");
	left = (size_t)(r->s.end - r->s.at);
	if (!r->ev->text) {
		/* A string loses its quotes and gains a NUL: the rest of the line is enough. */
		r->ev->text = malloc(left);
		if (!r->ev->text) {
			(void)ds_scan_fail(&r->s, r->s.at, "out of memory");
			return -ENOMEM;
		}
		r->text = r->ev->text;
	}
	err = ds_scan_string(&r->s, r->text, left, &t);
	if (err < 0)
		return err;
	if (t.text != r->text)
		memcpy(r->text, t.text, t.len);
	r->text[t.len] = '\0';
	*ret_string = r->text;
	r->text += t.len + 1;
	return 0;
}

static int read_number(struct reader *r, int scale, bool exact, int64_t *ret_v)
{
	const char *wanted = exact ? "a whole number" : "a number";
	struct ds_decimal d;
	const char *first;
	char c = ds_scan_peek(&r->s);
	int err;

	first = r->s.at;
	if (c != '-' && (c < '0' || c > '9'))
		return unexpected(r, "a number");
	err = ds_scan_number(&r->s, &d);
	if (err < 0)
		return err;
	err = ds_decimal_scaled(&d, scale, exact, ret_v);
	if (err == -ERANGE)
		return ds_scan_fail(&r->s, first, "key \"%s\": out of range", r->key);
	if (err < 0)
		return ds_scan_fail(&r->s, first, "key \"%s\": expected %s", r->key, wanted);
	return 0;
}

static int read_int(struct reader *r, int64_t max, int64_t *ret_v)
{
	const char *first;
	int64_t v;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_number(r, 0, true, &v);
	if (err < 0)
		return err;
	if (v < 0 || v > max)
		return ds_scan_fail(&r->s, first, "key \"%s\": out of range", r->key);
	*ret_v = v;
	return 0;
}

static int read_u64(struct reader *r, uint64_t *ret_v)
{
	char room[VALUE_ROOM];
	struct ds_scan_text t;
	const char *first;
	uint64_t v = 0;
	bool good;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_short(r, "a string of digits", room, &t);
	if (err < 0)
		return err;
	good = t.len > 0 && !t.cut;
	for (size_t i = 0; good && i < t.len; i++)
		good = t.text[i] >= '0' && t.text[i] <= '9' && !__builtin_mul_overflow(v, 10, &v) &&
		       !__builtin_add_overflow(v, (uint64_t)(t.text[i] - '0'), &v);
	if (!good)
		return ds_scan_fail(&r->s, first, "key \"%s\": not a number of 64 bits", r->key);
	*ret_v = v;
	return 0;
}

static int read_time(struct reader *r, int64_t *ret_ns)
{
	char room[VALUE_ROOM];
	struct ds_scan_text t;
	const char *first;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_short(r, "a time", room, &t);
	if (err < 0)
		return err;
	if (t.cut || ds_time_parse(t.text, t.len, ret_ns) < 0)
		return ds_scan_fail(&r->s, first,
				    "key \"%s\": not a time as \"2026-11-22T10:15:31.66Z\" (RFC 3339)",
				    r->key);
	if (*ret_ns < 0 || *ret_ns > DS_EVENT_TIME_MAX)
		return ds_scan_fail(&r->s, first, "key \"%s\": before 1970 or after 2099", r->key);
	return 0;
}

/* Milliseconds, kept as ns. */
static int read_ms(struct reader *r, int64_t max_ns, int64_t *ret_ns)
{
	const char *first;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_number(r, 6, false, ret_ns);
	if (err == 0 && (*ret_ns < -max_ns || *ret_ns > max_ns))
		return ds_scan_fail(&r->s, first, "key \"%s\": out of range", r->key);
	return err;
}

static int read_real(struct reader *r, double *ret_v)
{
	const char *first;
	int64_t v;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_number(r, 3, false, &v);
	if (err < 0)
		return err;
	if (v < -DS_REAL_MAX_THOUSANDTHS || v > DS_REAL_MAX_THOUSANDTHS)
		return ds_scan_fail(&r->s, first, "key \"%s\": out of range", r->key);
	*ret_v = (double)v / 1000.0;
	return 0;
}

static int read_word(struct reader *r, enum ds_names_id names, int *ret_v)
{
	char room[VALUE_ROOM];
	struct ds_scan_text t;
	const char *first;
	int err, v;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_short(r, "a word", room, &t);
	if (err < 0)
		return err;
	v = t.cut ? -1 : ds_name_parse(names, t.text, t.len);
	if (v < 0)
		return ds_scan_fail(&r->s, first, "key \"%s\": unknown word \"%.*s\"", r->key,
				    (int)(t.len < 40 ? t.len : 40), t.text);
	*ret_v = v;
	return 0;
}

/* *ret_set is false for "::" and "", which mean that there is no address. */
static int read_addr(struct reader *r, struct ds_addr *ret_addr, bool *ret_set)
{
	char room[VALUE_ROOM];
	struct ds_scan_text t;
	const char *first;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_short(r, "an address", room, &t);
	if (err < 0)
		return err;
	*ret_set = t.len > 0;
	if (t.len == 0)
		return 0;
	if (t.cut || ds_addr_parse(t.text, t.len, ret_addr) < 0)
		return ds_scan_fail(&r->s, first, "key \"%s\": \"%.*s\" is not an IP address",
				    r->key, (int)(t.len < 46 ? t.len : 46), t.text);
	*ret_set = ds_addr_is_set(ret_addr);
	return 0;
}

static int read_truth(struct reader *r, bool *ret_v)
{
	char c = ds_scan_peek(&r->s);

	if (c != 't' && c != 'f')
		return unexpected(r, "true or false");
	return ds_scan_bool(&r->s, ret_v);
}

static int read_value(struct reader *r, enum ds_key key)
{
	void *p = (char *)r->ev + ds_keys[key].offset;
	bool set = true;
	int err;

	switch (ds_keys[key].type) {
	case DS_TYPE_STR:
		err = read_string(r, p);
		set = err == 0 && **(const char **)p;
		break;
	case DS_TYPE_INT:
		err = read_int(r, ds_key_max(key), p);
		break;
	case DS_TYPE_U64:
		err = read_u64(r, p);
		break;
	case DS_TYPE_BOOL:
		err = read_truth(r, p);
		break;
	case DS_TYPE_TIME:
		err = read_time(r, p);
		break;
	case DS_TYPE_MS:
		err = read_ms(r, ds_key_max(key), p);
		break;
	case DS_TYPE_REAL:
		err = read_real(r, p);
		break;
	case DS_TYPE_ENUM:
		err = read_word(r, ds_keys[key].names, p);
		break;
	case DS_TYPE_ADDR:
		err = read_addr(r, p, &set);
		break;
	default:
		err = -EINVAL;	/* COUNTS: read_count */
		break;
	}
	if (err == 0 && set)
		ds_event_mark(r->ev, key);
	return err;
}

/* KEY.WORD: the word of len bytes at `word`. An unknown word is an unknown key. */
static int read_count(struct reader *r, enum ds_key key, const char *word, size_t len)
{
	uint32_t *counts = (uint32_t *)(void *)((char *)r->ev + ds_keys[key].offset);
	int at = ds_name_parse(ds_keys[key].names, word, len);
	int64_t v;
	int err;

	if (at < 0 || at >= DS_COUNTS_MAX)
		return ds_scan_skip(&r->s);
	if (counts[at])
		return ds_scan_fail(&r->s, r->key_at, "key \"%s\" stands twice", r->key);
	err = read_int(r, UINT32_MAX, &v);
	if (err < 0)
		return err;
	counts[at] = (uint32_t)v;
	ds_event_mark(r->ev, key);
	return 0;
}

static int read_kind(struct reader *r)
{
	char room[VALUE_ROOM];
	struct ds_scan_text t;
	const char *first;
	int err, kind;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_short(r, "a string", room, &t);
	if (err < 0)
		return err;
	kind = t.cut ? -1 : ds_kind_parse(t.text, t.len);
	if (kind < 0)
		return ds_scan_fail(&r->s, first, "unknown event.name \"%.*s\"",
				    (int)(t.len < 60 ? t.len : 60), t.text);
	r->ev->kind = (enum ds_event_kind)kind;
	return 0;
}

static int read_run_id(struct reader *r)
{
	char room[VALUE_ROOM];
	struct ds_scan_text t;
	const char *first;
	int err;

	(void)ds_scan_peek(&r->s);
	first = r->s.at;
	err = read_short(r, "a string", room, &t);
	if (err < 0)
		return err;
	if (t.cut || t.len > DS_RUN_ID_LEN)
		return ds_scan_fail(&r->s, first, "key \"%s\": longer than %d bytes", r->key,
				    DS_RUN_ID_LEN);
	memcpy(r->ev->run_id, t.text, t.len);
	return 0;
}

static int read_common(struct reader *r, enum common which)
{
	struct ds_scan_text ignored;
	int64_t v = 0;
	int err;

	r->key = commons[which].key;
	if (r->seen >> which & 1)
		return ds_scan_fail(&r->s, r->key_at, "key \"%s\" stands twice", r->key);
	r->seen |= 1u << which;
	switch (which) {
	case TIME:
		return read_time(r, &r->ev->time_ns);
	case LEVEL:
		return read_word(r, DS_NAMES_LEVEL, &r->ev->level);
	case NAME:
		return read_kind(r);
	case MESSAGE:
		if (ds_scan_peek(&r->s) != '"')
			return unexpected(r, "a string");
		return ds_scan_string(&r->s, NULL, 0, &ignored);
	case SCHEMA:
		err = read_int(r, INT64_MAX, &v);
		if (err == 0 && v != DS_EVENT_SCHEMA)
			return ds_scan_fail(&r->s, r->key_at,
					    "key \"%s\": this version of drainsnoop reads schema %d",
					    r->key, DS_EVENT_SCHEMA);
		return err;
	case RUN_ID:
		return read_run_id(r);
	case SEQ:
		err = read_int(r, INT64_MAX, &v);
		r->ev->source_seq = (uint64_t)v;
		return err;
	case LATE:
		return read_truth(r, &r->ev->late);
	default:
		return -EINVAL;
	}
}

static int find_common(const char *key, size_t len)
{
	if (len > COMMON_LEN_MAX)
		return -1;
	for (int i = 0; i < COMMON_MAX; i++)
		if (commons[i].len == len && memcmp(commons[i].key, key, len) == 0)
			return i;
	return -1;
}

/* KEY.WORD of a counter. */
static bool is_counter(const struct ds_key_info *info, const char *key, size_t len)
{
	return len > info->key_len + 1 && key[info->key_len] == '.' &&
	       memcmp(info->key, key, info->key_len) == 0;
}

static int find_key_between(int k, int end, const char *key, size_t len)
{
	for (; k < end; k++) {
		if (key_lens[k] == COUNTER) {
			if (is_counter(&ds_keys[k], key, len))
				return k;
		} else if (key_lens[k] == len && memcmp(ds_keys[k].key, key, len) == 0) {
			return k;
		}
	}
	return -1;
}

/* Our own lines have their keys in the order of the list: look on from the last one found. */
static int find_key(struct reader *r, const char *key, size_t len)
{
	int k = find_key_between(r->next, DS_KEY_MAX, key, len);

	if (k < 0)
		k = find_key_between(0, r->next, key, len);
	if (k >= 0)
		r->next = k;
	return k;
}

/* One "key": value. */
static int read_pair(struct reader *r)
{
	char room[KEY_ROOM];
	struct ds_scan_text t;
	int err, k;

	(void)ds_scan_peek(&r->s);
	r->key_at = r->s.at;
	if (++r->keys > MAX_KEYS)
		return ds_scan_fail(&r->s, r->key_at, "more than %d keys", MAX_KEYS);
	err = ds_scan_string(&r->s, room, sizeof(room), &t);
	if (err == 0)
		err = ds_scan_take(&r->s, ':');
	if (err < 0)
		return err;
	if (t.cut)
		return ds_scan_skip(&r->s);
	k = find_common(t.text, t.len);
	if (k >= 0)
		return read_common(r, (enum common)k);
	k = find_key(r, t.text, t.len);
	if (k < 0)
		return ds_scan_skip(&r->s);
	r->key = ds_keys[k].key;
	if (ds_keys[k].type == DS_TYPE_COUNTS)
		return read_count(r, (enum ds_key)k, t.text + ds_keys[k].key_len + 1,
				  t.len - ds_keys[k].key_len - 1);
	if (ds_event_has(r->ev, (enum ds_key)k))
		return ds_scan_fail(&r->s, r->key_at, "key \"%s\" stands twice", r->key);
	return read_value(r, (enum ds_key)k);
}

static int read_object(struct reader *r)
{
	int err = ds_scan_take(&r->s, '{');

	if (err < 0)
		return err;
	if (ds_scan_peek(&r->s) == '}') {
		r->s.at++;
	} else {
		char c;

		do {
			err = read_pair(r);
			if (err < 0)
				return err;
			c = ds_scan_peek(&r->s);
			if (c != ',' && c != '}')
				return ds_scan_fail(&r->s, r->s.at, "expected ',' or '}', found %s",
						    ds_scan_what(&r->s));
			r->s.at++;
		} while (c == ',');
	}
	(void)ds_scan_peek(&r->s);
	if (r->s.at != r->s.end)
		return ds_scan_fail(&r->s, r->s.at, "more after the end of the object");
	return 0;
}

/* What only the whole line shows: what is missing, and what the kind does not have. */
static int finish(struct reader *r, int64_t default_time_ns)
{
	const struct ds_kind_info *kind;
	uint64_t allowed[DS_KEY_WORDS] = { 0 };
	bool any;

	if (!(r->seen >> NAME & 1))
		return ds_scan_fail(&r->s, r->s.line, "no event.name");
	kind = &ds_kinds[r->ev->kind];
	if (!(r->seen >> TIME & 1)) {
		if (!default_time_ns)
			return ds_scan_fail(&r->s, r->s.line, "no time");
		r->ev->time_ns = default_time_ns;
	}
	if (!(r->seen >> LEVEL & 1))
		r->ev->level = kind->level;
	for (const enum ds_key *k = kind->required; *k != DS_KEY_MAX; k++)
		if (!ds_event_has(r->ev, *k))
			return ds_scan_fail(&r->s, r->s.line, "%s needs the key \"%s\"", kind->name,
					    ds_keys[*k].key);
	any = *kind->any_of == DS_KEY_MAX;
	for (const enum ds_key *k = kind->any_of; *k != DS_KEY_MAX; k++)
		any |= ds_event_has(r->ev, *k);
	if (!any)
		return ds_scan_fail(&r->s, r->s.line, "%s needs the key \"%s\" or \"%s\"",
				    kind->name, ds_keys[kind->any_of[0]].key,
				    ds_keys[kind->any_of[1]].key);
	for (const enum ds_key *k = kind->keys; *k != DS_KEY_MAX; k++)
		allowed[*k / 64] |= UINT64_C(1) << *k % 64;
	for (int i = 0; i < DS_KEY_WORDS; i++)
		r->ev->present[i] &= allowed[i];
	return 0;
}

int ds_event_read(const char *line, size_t len, int64_t default_time_ns,
		  struct ds_event *ret_ev, struct ds_perr *perr)
{
	struct ds_event ev;
	struct reader r = {
		.s = { .line = line, .at = line, .end = line + len, .perr = perr },
		.ev = &ev,
	};
	int err;

	memset(&ev, 0, sizeof(ev));
	if (len > DS_EVENT_READ_MAX)
		return ds_scan_fail(&r.s, line, "a line of more than %d bytes", DS_EVENT_READ_MAX);
	err = read_object(&r);
	if (err == 0)
		err = finish(&r, default_time_ns);
	if (err < 0) {
		ds_event_clear(&ev);
		return err;
	}
	*ret_ev = ev;
	return 0;
}
