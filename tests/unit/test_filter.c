// SPDX-License-Identifier: Apache-2.0
#include "user/filter.h"

#include <errno.h>

#include "tests/unit/core_fixture.h"

/* A drop of shop/web-1: a SYN to port 8080, over IPv4, while the pod goes away. */
static struct ds_event drop(void)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_DROP, FX_BEGIN);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "web-1");
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
	DS_SET(&ev, DIRECTION, direction, DS_DIRECTION_RECEIVE);
	DS_SET(&ev, SOURCE_PORT, source_port, 40000);
	DS_SET(&ev, DESTINATION_PORT, destination_port, 8080);
	DS_SET(&ev, SINCE_T0, since_t0, DS_NS_PER_S);
	return ev;
}

static void without_a_filter_everything_passes(void **state)
{
	struct ds_filter f = { 0 };

	(void)state;
	for (int kind = 0; kind < DS_EVENT_MAX; kind++) {
		struct ds_event ev;

		ds_event_init(&ev, (enum ds_event_kind)kind, FX_BEGIN);
		DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
		assert_true(ds_filter_passes(&f, &ev));
	}
}

static void the_first_line_always_passes(void **state)
{
	struct ds_filter f = { .kinds = 1u << DS_EVENT_DROP,
			       .namespaces = { "shop" },
			       .namespaces_cnt = 1 };
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_START, FX_BEGIN);
	assert_true(ds_filter_passes(&f, &ev));
}

static void by_namespace(void **state)
{
	struct ds_filter f = { .namespaces = { "other", "shop" }, .namespaces_cnt = 2 };
	struct ds_event ev = drop();

	(void)state;
	assert_true(ds_filter_passes(&f, &ev));
	f.namespaces_cnt = 1;
	assert_false(ds_filter_passes(&f, &ev));
	f.namespaces[0] = "sho*";	/* namespaces know no patterns but the trailing star */
	assert_true(ds_filter_passes(&f, &ev));
}

static void by_pod_and_prefix(void **state)
{
	static const struct { const char *pattern; bool want;
	} cases[] = {
		{ "web-1", true },   { "web-", false },  { "web-*", true },
		{ "*", true },       { "web-1*", true }, { "web-2", false },
		{ "web-10", false }, { "b*", false },    { "", false },
	};
	struct ds_event ev = drop();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_filter f = { .pods = { cases[i].pattern }, .pods_cnt = 1 };

		assert_int_equal(ds_filter_passes(&f, &ev), cases[i].want);
	}
}

static void by_the_pods_port_whichever_end_it_is(void **state)
{
	struct ds_filter f = { .ports = { 443, 8080 }, .ports_cnt = 2 };
	struct ds_event ev = drop();

	(void)state;
	assert_true(ds_filter_passes(&f, &ev));
	DS_SET(&ev, DIRECTION, direction, DS_DIRECTION_TRANSMIT);
	assert_false(ds_filter_passes(&f, &ev));
	DS_SET(&ev, SOURCE_PORT, source_port, 443);
	assert_true(ds_filter_passes(&f, &ev));
	ev.kind = DS_EVENT_VERDICT;	/* verdicts have no port: they hold everything */
	f.ports[0] = f.ports[1] = 1;
	assert_true(ds_filter_passes(&f, &ev));
}

static void by_family(void **state)
{
	struct ds_filter f = { .family = 4 };
	struct ds_event ev = drop();

	(void)state;
	assert_true(ds_filter_passes(&f, &ev));
	f.family = 6;
	assert_false(ds_filter_passes(&f, &ev));
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv6");
	assert_true(ds_filter_passes(&f, &ev));
}

static void only_what_was_lost_while_going(void **state)
{
	struct ds_filter f = { .draining_only = true };
	struct ds_event ev = drop(), before;

	(void)state;
	assert_true(ds_filter_passes(&f, &ev));
	ds_event_init(&before, DS_EVENT_DROP, FX_BEGIN);
	assert_false(ds_filter_passes(&f, &before));
	before.kind = DS_EVENT_PHASE;
	assert_true(ds_filter_passes(&f, &before));
}

static void by_kind(void **state)
{
	struct ds_filter f = { 0 };
	struct ds_event ev = drop();

	(void)state;
	assert_int_equal(ds_filter_parse_kinds(&f, "verdict,advice"), 0);
	assert_false(ds_filter_passes(&f, &ev));
	ev.kind = DS_EVENT_VERDICT;
	assert_true(ds_filter_passes(&f, &ev));
}

static void every_word_is_known_and_no_other(void **state)
{
	static const char *const wrong[] = { "",    ",",      "drop,,verdict", "drops",
					     "dro", "drop,x", "drop verdict" };
	char words[128];
	int cnt = 0;

	(void)state;
	strcpy(words, ds_filter_kind_words());
	for (char *word = words, *comma; word; word = comma ? comma + 2 : NULL, cnt++) {
		struct ds_filter f = { 0 };

		comma = strstr(word, ", ");
		if (comma)
			*comma = '\0';
		assert_int_equal(ds_filter_parse_kinds(&f, word), 0);
		assert_int_equal(__builtin_popcount(f.kinds), 1);
	}
	assert_int_equal(cnt, 9);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ds_filter f = { 0 };

		assert_int_equal(ds_filter_parse_kinds(&f, wrong[i]), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_filter_everything_passes),
		cmocka_unit_test(the_first_line_always_passes),
		cmocka_unit_test(by_namespace),
		cmocka_unit_test(by_pod_and_prefix),
		cmocka_unit_test(by_the_pods_port_whichever_end_it_is),
		cmocka_unit_test(by_family),
		cmocka_unit_test(only_what_was_lost_while_going),
		cmocka_unit_test(by_kind),
		cmocka_unit_test(every_word_is_known_and_no_other),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
