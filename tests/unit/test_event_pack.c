// SPDX-License-Identifier: Apache-2.0
#include "user/core/event_pack.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/unit.h"

/* Packs and unpacks; the packed bytes stay in *ret_bytes, because the strings are in them. */
static struct ds_event through(const struct ds_event *ev, bool late, void **ret_bytes)
{
	size_t size = ds_event_packed_size(ev);
	struct ds_event back;

	*ret_bytes = malloc(size);	/* exactly: the sanitizer sees one byte too many */
	assert_non_null(*ret_bytes);
	ds_event_pack(ev, late, *ret_bytes);
	memset(&back, 0xa5, sizeof(back));
	ds_event_unpack(*ret_bytes, &back);
	return back;
}

static void every_value_of_every_kind_comes_back(void **state)
{
	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev, back;
		void *bytes;

		sample_fill(&ev, (enum ds_event_kind)kind);
		ev.rank = 3;
		ev.source_seq = UINT64_MAX;
		back = through(&ev, false, &bytes);
		sample_assert_equal(&back, &ev);
		assert_int_equal(back.rank, 3);
		assert_true(back.source_seq == UINT64_MAX);
		assert_false(back.late);
		assert_null(back.text);
		for (enum ds_key k = 0; k < DS_KEY_MAX; k++)
			if (ds_keys[k].type == DS_TYPE_STR && ds_event_has(&back, k))
				assert_ptr_not_equal(*(char **)sample_member(&ev, k),
						     *(char **)sample_member(&back, k));
		ds_event_clear(&ev);
		free(bytes);
	}
}

static void nothing_is_there_that_was_not(void **state)
{
	struct ds_event ev, back, empty;
	void *bytes;

	(void)state;
	ds_event_init(&ev, DS_EVENT_TICK, 17);
	ev.tcp_seq = 5;			/* not marked: not there */
	ev.pod_name = "not marked";
	back = through(&ev, false, &bytes);
	ds_event_init(&empty, DS_EVENT_TICK, 17);
	assert_memory_equal(&back, &empty, sizeof(back));
	free(bytes);
}

static void what_is_late_stays_late(void **state)
{
	struct ds_event ev, back;
	void *bytes;

	(void)state;
	ds_event_init(&ev, DS_EVENT_TICK, 17);
	back = through(&ev, true, &bytes);
	assert_true(back.late);
	free(bytes);
	back = through(&back, false, &bytes);
	assert_true(back.late);
	free(bytes);
}

static void a_string_that_is_marked_and_null_is_empty(void **state)
{
	struct ds_event ev, back;
	void *bytes;

	(void)state;
	ds_event_init(&ev, DS_EVENT_POD_STATE, 17);
	ds_event_mark(&ev, DS_KEY_POD_NAME);
	back = through(&ev, false, &bytes);
	assert_string_equal(back.pod_name, "");
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_of_every_kind_comes_back),
		cmocka_unit_test(nothing_is_there_that_was_not),
		cmocka_unit_test(what_is_late_stays_late),
		cmocka_unit_test(a_string_that_is_marked_and_null_is_empty),
	};

	return cmocka_run_group_tests_name("event_pack", tests, NULL, NULL);
}
