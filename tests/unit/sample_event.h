/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: an event of a kind with every key that it may have, and the comparison of two events.
 */
#ifndef DS_TESTS_UNIT_SAMPLE_EVENT_H
#define DS_TESTS_UNIT_SAMPLE_EVENT_H

#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/event.h"

#define SAMPLE_TIME INT64_C(1795342531660018113)

static inline void *sample_member(const struct ds_event *ev, enum ds_key key)
{
	return (char *)ev + ds_keys[key].offset;
}

/* A value of its own for each key; ones that survive the way through a line. */
static inline void sample_set(struct ds_event *ev, enum ds_key key)
{
	static const char *const strings[] = {
		"plain",
		"with \"quotes\" and \\",
		"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8b",
		"tab\tand\nnewline",
	};
	static const struct ds_addr addrs[] = {
		{ { [10] = 0xff, 0xff, 10, 0, 3, 201 } },
		{ { 0xfd, [14] = 0x01, 0xff } },
	};
	void *p = sample_member(ev, key);
	int count;

	switch (ds_keys[key].type) {
	case DS_TYPE_STR:
		*(const char **)p = strings[key % 4];
		break;
	case DS_TYPE_INT:
		*(int64_t *)p = key % 2 ? ds_key_max(key) : 0;
		break;
	case DS_TYPE_U64:
		*(uint64_t *)p = UINT64_MAX - key;
		break;
	case DS_TYPE_BOOL:
		*(bool *)p = key % 2;
		break;
	case DS_TYPE_TIME:
		*(int64_t *)p = SAMPLE_TIME + key;
		break;
	case DS_TYPE_MS:
		*(int64_t *)p = (key % 2 ? -1 : 1) * (INT64_C(1234567000) * key);
		break;
	case DS_TYPE_REAL:
		*(double *)p = 0.125 * key;
		break;
	case DS_TYPE_ENUM:
		count = ds_names[ds_keys[key].names].count;
		*(int *)p = (int)key % count;
		break;
	case DS_TYPE_ADDR:
		*(struct ds_addr *)p = addrs[key % 2];
		break;
	default:
		count = ds_names[ds_keys[key].names].count;
		for (int i = 0; i < count; i++)
			((uint32_t *)p)[i] = i == 0 ? 0 : UINT32_MAX - (uint32_t)i;
		break;
	}
	ds_event_mark(ev, key);
}

static inline void sample_fill(struct ds_event *ev, enum ds_event_kind kind)
{
	ds_event_init(ev, kind, SAMPLE_TIME);
	strcpy(ev->run_id, "8f3a61c2");
	for (const enum ds_key *k = ds_kinds[kind].keys; *k != DS_KEY_MAX; k++)
		sample_set(ev, *k);
}

static inline size_t sample_size(enum ds_type type)
{
	switch (type) {
	case DS_TYPE_BOOL:
		return sizeof(bool);
	case DS_TYPE_ENUM:
		return sizeof(int);
	case DS_TYPE_ADDR:
		return sizeof(struct ds_addr);
	case DS_TYPE_COUNTS:
		return sizeof(uint32_t) * DS_COUNTS_MAX;
	default:
		return 8;
	}
}

static inline void sample_assert_equal(const struct ds_event *a, const struct ds_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->late, b->late);
	assert_true(a->time_ns == b->time_ns);
	assert_string_equal(a->run_id, b->run_id);
	for (enum ds_key k = 0; k < DS_KEY_MAX; k++) {
		const void *p = sample_member(a, k), *q = sample_member(b, k);

		if (ds_event_has(a, k) != ds_event_has(b, k))
			fail_msg("%s: there on one side only", ds_keys[k].key);
		if (!ds_event_has(a, k))
			continue;
		if (ds_keys[k].type == DS_TYPE_STR)
			assert_string_equal(*(const char *const *)p, *(const char *const *)q);
		else if (memcmp(p, q, sample_size(ds_keys[k].type)) != 0)
			fail_msg("%s: values differ", ds_keys[k].key);
	}
}

#endif
