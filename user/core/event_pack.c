/* SPDX-License-Identifier: Apache-2.0 */
#include "user/core/event_pack.h"

#include <string.h>

struct packed {
	uint64_t present[DS_KEY_WORDS];
	uint64_t source_seq;
	int64_t time_ns;
	int kind, level;
	uint8_t rank;
	bool late;
	char run_id[DS_RUN_ID_LEN + 1];
	unsigned char values[];		/* in the order of the keys, without gaps */
};

/* Bytes of a value in the struct, by type; a string's are counted apart. */
static const uint8_t sizes[DS_TYPE_MAX] = {
	[DS_TYPE_INT] = sizeof(int64_t), [DS_TYPE_U64] = sizeof(uint64_t),
	[DS_TYPE_BOOL] = sizeof(bool), [DS_TYPE_TIME] = sizeof(int64_t),
	[DS_TYPE_MS] = sizeof(int64_t), [DS_TYPE_REAL] = sizeof(double),
	[DS_TYPE_ENUM] = sizeof(int), [DS_TYPE_ADDR] = sizeof(struct ds_addr),
	[DS_TYPE_COUNTS] = sizeof(uint32_t) * DS_COUNTS_MAX,
};

#define FOR_EACH_KEY(present, key) \
	for (int word_ = 0; word_ < DS_KEY_WORDS; word_++) \
		for (uint64_t bits_ = (present)[word_]; \
		     bits_ && ((key) = word_ * 64 + __builtin_ctzll(bits_), true); \
		     bits_ &= bits_ - 1)

static const char *string_of(const struct ds_event *ev, int key)
{
	const char *s;

	memcpy(&s, (const char *)ev + ds_keys[key].offset, sizeof(s));
	return s ? s : "";
}

size_t ds_event_packed_size(const struct ds_event *ev)
{
	size_t size = sizeof(struct packed);
	int key;

	FOR_EACH_KEY(ev->present, key) {
		enum ds_type type = ds_keys[key].type;

		size += type == DS_TYPE_STR ? strlen(string_of(ev, key)) + 1 : sizes[type];
	}
	return size;
}

void ds_event_pack(const struct ds_event *ev, bool late, void *to)
{
	struct packed *p = to;
	unsigned char *at = p->values;
	int key;

	memcpy(p->present, ev->present, sizeof(p->present));
	memcpy(p->run_id, ev->run_id, sizeof(p->run_id));
	p->source_seq = ev->source_seq;
	p->time_ns = ev->time_ns;
	p->kind = ev->kind;
	p->level = ev->level;
	p->rank = ev->rank;
	p->late = ev->late || late;
	FOR_EACH_KEY(ev->present, key) {
		enum ds_type type = ds_keys[key].type;
		const void *from = (const char *)ev + ds_keys[key].offset;
		size_t size = sizes[type];

		if (type == DS_TYPE_STR) {
			from = string_of(ev, key);
			size = strlen(from) + 1;
		}
		memcpy(at, from, size);
		at += size;
	}
}

void ds_event_unpack(const void *from, struct ds_event *ret_ev)
{
	const struct packed *p = from;
	const unsigned char *at = p->values;
	int key;

	memset(ret_ev, 0, sizeof(*ret_ev));
	memcpy(ret_ev->present, p->present, sizeof(p->present));
	memcpy(ret_ev->run_id, p->run_id, sizeof(p->run_id));
	ret_ev->source_seq = p->source_seq;
	ret_ev->time_ns = p->time_ns;
	ret_ev->kind = p->kind;
	ret_ev->level = p->level;
	ret_ev->rank = p->rank;
	ret_ev->late = p->late;
	FOR_EACH_KEY(p->present, key) {
		enum ds_type type = ds_keys[key].type;
		void *to = (char *)ret_ev + ds_keys[key].offset;

		if (type == DS_TYPE_STR) {
			memcpy(to, &at, sizeof(at));
			at += strlen((const char *)at) + 1;
		} else {
			memcpy(to, at, sizes[type]);
			at += sizes[type];
		}
	}
}
