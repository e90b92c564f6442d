// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "tests/unit/sample_event.h"
#include "tests/unit/unit.h"
#include "tests/unit/utf8_valid.h"
#include "user/core/event.h"

static void every_kind_has_a_sentence(void **state)
{
	char full[512], bare[512];

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev;

		sample_fill(&ev, (enum ds_event_kind)kind);
		assert_true(ds_event_message(&ev, full, sizeof(full)) > 0);
		/* Without any key: still a sentence, and no crash. */
		ds_event_init(&ev, (enum ds_event_kind)kind, 0);
		assert_true(ds_event_message(&ev, bare, sizeof(bare)) > 0);
		if (strlen(bare) > strlen(full))
			fail_msg("%s: \"%s\" is longer than \"%s\"", ds_kinds[kind].name, bare, full);
	}
}

static void cut_between_characters_at_any_size(void **state)
{
	struct ds_event ev;
	char buf[200];

	(void)state;
	ds_event_init(&ev, DS_EVENT_POD_STATE, 0);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace,
		   "gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x90\x8b");
	DS_SET_STR(&ev, POD_NAME, pod_name, "\xf0\x9f\x90\x8b\xf0\x9f\x90\x8b\xf0\x9f\x90\x8b");
	for (size_t size = 0; size < sizeof(buf); size++) {
		size_t n;

		memset(buf, 'x', sizeof(buf));
		n = ds_event_message(&ev, buf, size);
		assert_int_equal(buf[size], 'x');
		if (size == 0)
			continue;
		assert_true(n < size);
		assert_int_equal(strlen(buf), n);
		if (size > 4)
			assert_true(utf8_valid(buf, n));
	}
}

static void addresses_of_ipv6_are_bracketed(void **state)
{
	const struct ds_addr a = { { 0xfd, [15] = 1 } };
	struct ds_event ev;
	char buf[200];

	(void)state;
	ds_event_init(&ev, DS_EVENT_DROP, 0);
	DS_SET_STR(&ev, POD_UID, pod_uid, "275ecb36");
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, a);
	DS_SET(&ev, SOURCE_PORT, source_port, 1);
	DS_SET(&ev, CAUSE, cause, DS_CAUSE_ADDRESS_RELEASED);
	DS_SET(&ev, OUTCOME, outcome, DS_OUTCOME_NEIGH_FAILED);
	(void)ds_event_message(&ev, buf, sizeof(buf));
	assert_string_equal(buf, "pod 275ecb36: connection [fd00::1]:1 > * lost, "
				 "address_released (neigh_failed)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_sentence),
		cmocka_unit_test(cut_between_characters_at_any_size),
		cmocka_unit_test(addresses_of_ipv6_are_bracketed),
	};

	return cmocka_run_group_tests_name("event_message", tests, NULL, NULL);
}
