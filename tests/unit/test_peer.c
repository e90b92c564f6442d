// SPDX-License-Identifier: Apache-2.0
#include "user/core/peer.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/core_fixture.h"

static void tell(struct ds_peers *p, enum ds_event_kind kind, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, kind, FX_BEGIN);
	DS_SET_STR(&ev, ADDRESS, address, address);
	ds_peers_update(p, &ev);
}

static bool is_lb(const struct ds_peers *p, const char *address)
{
	struct ds_addr a = fx_addr(address);

	return ds_peers_is_load_balancer(p, &a);
}

static bool is_node(const struct ds_peers *p, const char *address)
{
	struct ds_addr a = fx_addr(address);

	return ds_peers_is_node(p, &a);
}

static void nobody_is_known_at_first(void **state)
{
	static struct ds_peers p;

	(void)state;
	assert_false(ds_peers_know_load_balancer(&p));
	assert_false(is_lb(&p, "10.0.0.10"));
	assert_false(is_node(&p, "10.0.0.10"));
}

static void the_load_balancer_is_known_by_prefixes_of_both_families(void **state)
{
	static struct ds_peers p;

	(void)state;
	tell(&p, DS_EVENT_LB_ADDRESS, "10.0.0.0/24");
	tell(&p, DS_EVENT_LB_ADDRESS, "fd00::/64");
	tell(&p, DS_EVENT_LB_ADDRESS, "192.0.2.7");
	assert_true(ds_peers_know_load_balancer(&p));
	assert_true(is_lb(&p, "10.0.0.255"));
	assert_false(is_lb(&p, "10.0.1.0"));
	assert_true(is_lb(&p, "fd00::1"));
	assert_false(is_lb(&p, "fd00:0:0:1::1"));
	assert_true(is_lb(&p, "192.0.2.7"));
	assert_false(is_lb(&p, "192.0.2.8"));
	assert_false(is_node(&p, "192.0.2.7"));
}

static void other_nodes_are_prefixes_and_this_one_is_none_of_them(void **state)
{
	static struct ds_peers p;
	struct ds_addr own = fx_addr("10.0.1.1"), other = fx_addr("10.0.1.2");
	struct ds_addr far = fx_addr("10.0.2.1");
	struct ds_event ev;

	(void)state;
	ds_event_init(&ev, DS_EVENT_NODE_ADDRESS, FX_BEGIN);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.1.0/24");
	DS_SET(&ev, NODE_OTHER, node_other, true);
	ds_peers_update(&p, &ev);
	ds_peers_update(&p, &ev);
	assert_int_equal(p.others_cnt, 1);
	assert_true(ds_peers_is_other_node(&p, &own));
	tell(&p, DS_EVENT_NODE_ADDRESS, "10.0.1.1");
	assert_false(ds_peers_is_other_node(&p, &own));
	assert_true(ds_peers_is_other_node(&p, &other));
	assert_false(ds_peers_is_other_node(&p, &far));
	assert_false(is_node(&p, "10.0.1.2"));
	/* Said not to be another one: it is this one's. */
	DS_SET(&ev, NODE_OTHER, node_other, false);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.1.3");
	ds_peers_update(&p, &ev);
	assert_true(is_node(&p, "10.0.1.3"));
	for (int i = 0; i < DS_PEER_PREFIXES_MAX + 5; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "10.9.%d.%d", i / 256, i % 256);
		DS_SET_STR(&ev, ADDRESS, address, text);
		DS_SET(&ev, NODE_OTHER, node_other, true);
		ds_peers_update(&p, &ev);
	}
	assert_int_equal(p.others_cnt, DS_PEER_PREFIXES_MAX);
	assert_int_equal(p.refused, 6);
}

static void every_ipv6_address_is_no_ipv4_address(void **state)
{
	static struct ds_peers p;

	(void)state;
	tell(&p, DS_EVENT_LB_ADDRESS, "::/0");
	assert_true(is_lb(&p, "2001:db8::1"));
	assert_false(is_lb(&p, "10.0.0.1"));
}

static void what_is_told_twice_is_kept_once(void **state)
{
	static struct ds_peers p;

	(void)state;
	tell(&p, DS_EVENT_LB_ADDRESS, "10.0.0.0/24");
	tell(&p, DS_EVENT_LB_ADDRESS, "10.0.0.77/24");	/* the same prefix */
	tell(&p, DS_EVENT_NODE_ADDRESS, "10.0.0.1");
	tell(&p, DS_EVENT_NODE_ADDRESS, "10.0.0.1");
	assert_int_equal(p.load_balancers_cnt, 1);
	assert_int_equal(p.nodes_cnt, 1);
	assert_int_equal(p.refused, 0);
	assert_true(is_node(&p, "10.0.0.1"));
}

static void what_is_no_address_is_counted(void **state)
{
	static struct ds_peers p;

	(void)state;
	tell(&p, DS_EVENT_LB_ADDRESS, "balancer.example");
	tell(&p, DS_EVENT_LB_ADDRESS, "10.0.0.0/33");
	assert_int_equal(p.refused, 2);
	assert_false(ds_peers_know_load_balancer(&p));
}

static void the_lists_are_bounded(void **state)
{
	static struct ds_peers p;
	char text[32];

	(void)state;
	for (int i = 0; i < DS_PEER_PREFIXES_MAX + 5; i++) {
		(void)snprintf(text, sizeof(text), "10.%d.%d.1", i / 256, i % 256);
		tell(&p, DS_EVENT_LB_ADDRESS, text);
		tell(&p, DS_EVENT_NODE_ADDRESS, text);
	}
	assert_int_equal(p.load_balancers_cnt, DS_PEER_PREFIXES_MAX);
	assert_int_equal(p.nodes_cnt, DS_PEER_PREFIXES_MAX);
	assert_int_equal(p.refused, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_known_at_first),
		cmocka_unit_test(the_load_balancer_is_known_by_prefixes_of_both_families),
		cmocka_unit_test(every_ipv6_address_is_no_ipv4_address),
		cmocka_unit_test(other_nodes_are_prefixes_and_this_one_is_none_of_them),
		cmocka_unit_test(what_is_told_twice_is_kept_once),
		cmocka_unit_test(what_is_no_address_is_counted),
		cmocka_unit_test(the_lists_are_bounded),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
