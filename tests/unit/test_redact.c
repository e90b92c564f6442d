// SPDX-License-Identifier: Apache-2.0
#include "user/sink/redact.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static const char secret[] = "a secret of some length";

static struct ds_addr addr(const char *text)
{
	struct ds_addr a;

	assert_int_equal(ds_addr_parse(text, strlen(text), &a), 0);
	return a;
}

/* What stands for the address. */
static const char *becomes(const struct ds_redact *r, const char *text)
{
	static char buf[DS_ADDR_STRLEN];
	struct ds_addr a = addr(text), other = ds_redact_address(r, &a);

	(void)ds_addr_format(&other, buf);
	return buf;
}

static struct ds_redact *make(void)
{
	struct ds_redact *r;

	assert_int_equal(ds_redact_new(&r, secret, sizeof(secret) - 1), 0);
	return r;
}

static void learn(struct ds_redact *r, enum ds_event_kind kind, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, kind, 1);
	if (kind == DS_EVENT_POD_STATE)
		DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	else if (kind == DS_EVENT_TARGET)
		DS_SET_STR(&ev, TARGET_ID, target_id, address);
	else
		DS_SET_STR(&ev, ADDRESS, address, address);
	ds_redact_learn(r, &ev);
}

static void clients_are_replaced_within_their_family(void **state)
{
	struct ds_redact *r = make();
	struct ds_prefix v4, v6;
	struct ds_addr a;

	(void)state;
	assert_int_equal(ds_prefix_parse("240.0.0.0/4", 11, &v4), 0);
	assert_int_equal(ds_prefix_parse("100::/64", 8, &v6), 0);
	for (int i = 0; i < 1000; i++) {
		char text[DS_ADDR_STRLEN];

		(void)snprintf(text, sizeof(text), "203.0.%d.%d", i / 250, i % 250);
		a = addr(becomes(r, text));
		assert_true(ds_addr_is_v4(&a) && ds_prefix_contains(&v4, &a));
		(void)snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
		a = addr(becomes(r, text));
		assert_true(!ds_addr_is_v4(&a) && ds_prefix_contains(&v6, &a));
	}
	ds_redact_free(&r);
	assert_null(r);
	ds_redact_free(&r);
}

static void alike_for_alike_under_one_secret(void **state)
{
	struct ds_redact *a = make(), *b = make(), *c;
	char first[DS_ADDR_STRLEN], second[DS_ADDR_STRLEN];

	(void)state;
	strcpy(first, becomes(a, "203.0.113.7"));
	strcpy(second, becomes(a, "203.0.113.8"));
	assert_string_not_equal(first, "203.0.113.7");
	assert_string_not_equal(first, second);
	assert_string_equal(becomes(a, "203.0.113.7"), first);
	assert_string_equal(becomes(b, "203.0.113.7"), first);
	/* All of the secret counts: its end too. */
	assert_int_equal(ds_redact_new(&c, "a secret of some lengtH", sizeof(secret) - 1), 0);
	assert_string_not_equal(becomes(c, "203.0.113.7"), first);
	ds_redact_free(&c);
	assert_int_equal(ds_redact_new(&c, secret, 15), -EINVAL);
	assert_int_equal(ds_redact_new(&c, secret, 16), 0);
	assert_string_not_equal(becomes(c, "203.0.113.7"), first);
	ds_redact_free(&a);
	ds_redact_free(&b);
	ds_redact_free(&c);
}

static void those_of_the_cluster_are_shown(void **state)
{
	static const char *const shown[] = { "10.0.1.44", "10.0.3.17", "10.0.3.201", "fd00::201",
					     "10.0.3.202", "10.0.3.203", "127.0.0.1", "::1" };
	struct ds_redact *r = make();

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_string_not_equal(becomes(r, shown[i]), shown[i]);
	learn(r, DS_EVENT_LB_ADDRESS, "10.0.1.0/24");
	learn(r, DS_EVENT_NODE_ADDRESS, "10.0.3.17");
	learn(r, DS_EVENT_POD_STATE, "10.0.3.201,fd00::201");
	learn(r, DS_EVENT_ROUTE, "10.0.3.202");
	learn(r, DS_EVENT_TARGET, "10.0.3.203");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_string_equal(becomes(r, shown[i]), shown[i]);
	assert_string_not_equal(becomes(r, "10.0.2.44"), "10.0.2.44");
	assert_string_not_equal(becomes(r, "10.0.3.204"), "10.0.3.204");
	/* What is no address teaches nothing. */
	learn(r, DS_EVENT_TARGET, "i-0123456789abcdef0");
	learn(r, DS_EVENT_POD_STATE, ",,nonsense,");
	ds_redact_free(&r);
}

static void an_event_keeps_all_but_the_clients_end(void **state)
{
	struct ds_redact *r = make();
	struct ds_event ev, before;

	(void)state;
	learn(r, DS_EVENT_POD_STATE, "10.0.3.201");
	ds_event_init(&ev, DS_EVENT_DROP, 1);
	DS_SET(&ev, SOURCE_ADDRESS, source, addr("203.0.113.7"));
	DS_SET(&ev, SOURCE_PORT, source_port, 40000);
	DS_SET(&ev, DESTINATION_ADDRESS, destination, addr("10.0.3.201"));
	DS_SET(&ev, POD_IP, pod_ip, addr("10.0.3.201"));
	before = ev;
	ds_redact_event(r, &ev);
	assert_false(ds_addr_equal(&ev.source, &before.source));
	ev.source = before.source;
	assert_memory_equal(&ev, &before, sizeof(ev));
	/* A RST goes the other way; an end that is absent stays absent. */
	ds_event_init(&ev, DS_EVENT_DROP, 1);
	DS_SET(&ev, DESTINATION_ADDRESS, destination, addr("203.0.113.7"));
	ds_redact_event(r, &ev);
	assert_false(ds_addr_equal(&ev.destination, &before.source));
	assert_false(ds_event_has(&ev, DS_KEY_SOURCE_ADDRESS) || ds_addr_is_set(&ev.source));
	ds_redact_free(&r);
}

/* A table that is full hides too much, never too little. */
static void the_number_of_pods_is_bounded(void **state)
{
	struct ds_redact *r = make();
	char text[DS_ADDR_STRLEN];

	(void)state;
	for (int i = 0; i < 65537; i++) {
		(void)snprintf(text, sizeof(text), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		learn(r, DS_EVENT_POD_STATE, text);
	}
	assert_string_equal(becomes(r, "10.0.255.255"), "10.0.255.255");
	assert_string_not_equal(becomes(r, "10.1.0.0"), "10.1.0.0");
	ds_redact_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_replaced_within_their_family),
		cmocka_unit_test(alike_for_alike_under_one_secret),
		cmocka_unit_test(those_of_the_cluster_are_shown),
		cmocka_unit_test(an_event_keeps_all_but_the_clients_end),
		cmocka_unit_test(the_number_of_pods_is_bounded),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
