// SPDX-License-Identifier: Apache-2.0
#include "user/source/route/route_table.h"

#include <linux/if.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/netlink.h"
#include "tests/unit/unit.h"
#include "user/util/buf.h"

/* What the table told, as text. */
static struct ds_buf told;

static void on_change(void *ctx, const struct ds_rt_change *c)
{
	char text[DS_ADDR_STRLEN];

	(void)ctx;
	(void)ds_addr_format(&c->addr, text);
	ds_buf_printf(&told, "%c%s %s %s;", c->what == DS_ROUTE_CHANGE_RELEASED ? '-' : '+', text,
		      ds_name(DS_NAMES_ROUTE_BY, c->by), c->name);
}

static void on_iface(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind)
{
	(void)ctx;
	ds_buf_printf(&told, "%u=%s is %s;", ifindex, name, ds_name(DS_NAMES_IFACE, kind));
}

static void on_address(void *ctx, const struct ds_addr *addr, const char *name, enum ds_iface kind)
{
	char text[DS_ADDR_STRLEN];

	(void)ctx;
	(void)ds_addr_format(addr, text);
	ds_buf_printf(&told, "node %s %s %s;", text, name, ds_name(DS_NAMES_IFACE, kind));
}

static void assert_told(const char *want)
{
	assert_string_equal(told.data ? told.data : "", want);
	ds_buf_clear(&told);
}

/* Applies the messages written so far and forgets them. */
static void apply(struct ds_route_table *t, struct msg *m)
{
	size_t offset = 0;
	struct ds_rt rt;

	while (ds_rt_next(m->data, m->len, &offset, &rt) > 0)
		assert_int_equal(ds_route_table_apply(t, &rt), 0);
	assert_int_equal(offset, m->len);
	m->len = 0;
}

/* A node: lo, eth0 with a default route, a pod's eni7 with its route and rules. */
static void node(struct msg *m)
{
	msg_link(m, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_LOOPBACK);
	msg_link(m, RTM_NEWLINK, 2, "eth0", IFF_UP);
	msg_link(m, RTM_NEWLINK, 7, "eni7", IFF_UP);
	msg_addr(m, RTM_NEWADDR, 1, "127.0.0.1");
	msg_addr(m, RTM_NEWADDR, 2, "10.0.0.1");
	msg_addr(m, RTM_NEWADDR, 2, "fe80::2");
	msg_addr(m, RTM_NEWADDR, 7, "fe80::7");
	msg_route(m, RTM_NEWROUTE, NULL, 2, 254, RTN_UNICAST);
	msg_route(m, RTM_NEWROUTE, "10.0.0.50", 7, 254, RTN_UNICAST);
	msg_rule(m, RTM_NEWRULE, "10.0.0.50", NULL, 512, 254);
	msg_rule(m, RTM_NEWRULE, NULL, "10.0.0.50", 1536, 2);
}

static struct ds_route_table *new_table(void)
{
	const struct ds_route_hooks hooks = {
		.on_change = on_change, .on_iface = on_iface, .on_address = on_address,
	};
	struct ds_route_table *t = NULL;

	assert_int_equal(ds_route_table_new(&t, &hooks), 0);
	return t;
}

static int with_node(void **state)
{
	struct ds_route_table *t = new_table();
	struct msg m = { 0 };

	ds_buf_clear(&told);
	ds_route_table_begin_dump(t);
	node(&m);
	apply(t, &m);
	ds_route_table_end_dump(t);
	ds_buf_clear(&told);
	*state = t;
	return 0;
}

static int without_node(void **state)
{
	struct ds_route_table *t = *state;

	ds_route_table_free(&t);
	ds_buf_free(&told);
	return 0;
}

static void the_first_dump_tells_kinds_and_addresses_and_no_changes(void **state)
{
	struct ds_route_table *t = new_table();
	struct msg m = { 0 };

	(void)state;
	ds_route_table_begin_dump(t);
	node(&m);
	apply(t, &m);
	assert_told("");
	ds_route_table_end_dump(t);
	assert_told("1=lo is local;2=eth0 is uplink;7=eni7 is pod;"
		    "node 127.0.0.1 lo local;node 10.0.0.1 eth0 uplink;");
	ds_route_table_free(&t);
	ds_route_table_free(&t);
}

static void rules_and_routes_release_and_assign(void **state)
{
	struct msg m = { 0 };

	msg_rule(&m, RTM_DELRULE, "10.0.0.50", NULL, 512, 254);
	msg_rule(&m, RTM_DELRULE, NULL, "10.0.0.50", 1536, 2);
	msg_route(&m, RTM_DELROUTE, "10.0.0.50", 7, 254, RTN_UNICAST);
	apply(*state, &m);
	assert_told("-10.0.0.50 rule ;-10.0.0.50 route eni7;");
	msg_route(&m, RTM_NEWROUTE, "10.0.0.51", 7, 101, RTN_UNICAST);
	msg_rule(&m, RTM_NEWRULE, "10.0.0.51", NULL, 512, 101);
	apply(*state, &m);
	assert_told("+10.0.0.51 route eni7;+10.0.0.51 rule ;");
	/* The main table is looked up with and without such a rule. */
	msg_rule(&m, RTM_NEWRULE, "10.0.0.51", NULL, 513, 254);
	msg_rule(&m, RTM_DELRULE, "10.0.0.51", NULL, 513, 254);
	apply(*state, &m);
	assert_told("");
}

static void the_same_once_more_is_no_change(void **state)
{
	struct msg m = { 0 };

	node(&m);
	apply(*state, &m);
	assert_told("");
	/* Nor is the end of what was never there. */
	msg_rule(&m, RTM_DELRULE, "10.0.0.99", NULL, 512, 254);
	msg_route(&m, RTM_DELROUTE, "10.0.0.99", 7, 254, RTN_UNICAST);
	msg_route(&m, RTM_DELROUTE, "10.0.0.50", 2, 254, RTN_UNICAST);
	msg_link(&m, RTM_DELLINK, 99, "gone", 0);
	msg_addr(&m, RTM_DELADDR, 2, "10.0.0.77");
	apply(*state, &m);
	assert_told("");
}

static void a_link_that_goes_takes_its_addresses_along(void **state)
{
	struct msg m = { 0 };

	msg_route(&m, RTM_NEWROUTE, "fd00::50", 7, 254, RTN_UNICAST);
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 7, 101, RTN_UNICAST);
	apply(*state, &m);
	ds_buf_clear(&told);
	msg_link(&m, RTM_DELLINK, 7, "eni7", 0);
	apply(*state, &m);
	assert_told("-10.0.0.50 link eni7;-fd00::50 link eni7;-10.0.0.50 link eni7;");
	/* Late messages about them change nothing more. */
	msg_route(&m, RTM_DELROUTE, "fd00::50", 7, 254, RTN_UNICAST);
	apply(*state, &m);
	assert_told("");
}

static void a_link_that_goes_down_loses_its_routes(void **state)
{
	struct msg m = { 0 };

	msg_link(&m, RTM_NEWLINK, 7, "eni7", 0);
	msg_link(&m, RTM_DELLINK, 7, "eni7", 0);
	apply(*state, &m);
	assert_told("-10.0.0.50 link eni7;");
}

static void blackholes_and_gateways_assign_nothing(void **state)
{
	const uint8_t gateway[4] = { 10, 0, 0, 254 };
	struct rtmsg head = { .rtm_family = AF_INET, .rtm_dst_len = 32, .rtm_type = RTN_UNICAST,
			      .rtm_table = 254 };
	struct msg m = { 0 };
	struct nlmsghdr *h;

	msg_route(&m, RTM_NEWROUTE, "10.0.0.60", 0, 254, RTN_BLACKHOLE);
	msg_route(&m, RTM_NEWROUTE, "10.0.0.61", 0, 254, RTN_UNREACHABLE);
	msg_route(&m, RTM_NEWROUTE, "10.0.0.1", 2, 255, RTN_LOCAL);
	msg_begin(&m, RTM_NEWROUTE, 0, 0);
	msg_put(&m, &head, sizeof(head));
	msg_attr_addr(&m, RTA_DST, "10.0.0.62");
	msg_attr(&m, RTA_OIF, &(uint32_t){ 2 }, 4);
	msg_attr(&m, RTA_GATEWAY, gateway, 4);
	msg_end(&m);
	apply(*state, &m);
	assert_told("");
	/* A blackhole that replaces the route to the pod releases the address. */
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 0, 254, RTN_BLACKHOLE);
	h = (struct nlmsghdr *)(void *)m.data;
	h->nlmsg_flags |= NLM_F_REPLACE;
	apply(*state, &m);
	assert_told("-10.0.0.50 route eni7;");
}

static void a_route_that_moves_is_released_and_assigned(void **state)
{
	struct msg m = { 0 };

	msg_link(&m, RTM_NEWLINK, 8, "eni8", IFF_UP);
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 8, 254, RTN_UNICAST);
	apply(*state, &m);
	assert_told("-10.0.0.50 route eni7;8=eni8 is pod;+10.0.0.50 route eni8;");
}

static void the_nodes_own_ipv6_routes_are_no_pods(void **state)
{
	struct msg m = { 0 };
	struct rtmsg *head;

	msg_route(&m, RTM_NEWROUTE, "fd00::1", 2, 254, RTN_UNICAST);
	head = (struct rtmsg *)(void *)(m.data + sizeof(struct nlmsghdr));
	head->rtm_protocol = RTPROT_KERNEL;
	apply(*state, &m);
	assert_told("");
}

static void links_are_told_when_they_become_known_or_renamed(void **state)
{
	struct msg m = { 0 };

	msg_link(&m, RTM_NEWLINK, 9, "veth9", IFF_UP);
	apply(*state, &m);
	assert_told("");
	msg_addr(&m, RTM_NEWADDR, 9, "192.168.0.1");
	apply(*state, &m);
	assert_told("9=veth9 is uplink;node 192.168.0.1 veth9 uplink;");
	msg_link(&m, RTM_NEWLINK, 9, "eth9", IFF_UP);
	apply(*state, &m);
	assert_told("9=eth9 is uplink;");
	/* A pod's link stays one when its route is gone. */
	msg_route(&m, RTM_DELROUTE, "10.0.0.50", 7, 254, RTN_UNICAST);
	apply(*state, &m);
	assert_told("-10.0.0.50 route eni7;");
	/* The way out is one even with a host route. */
	msg_route(&m, RTM_NEWROUTE, "169.254.169.254", 2, 254, RTN_UNICAST);
	apply(*state, &m);
	assert_told("+169.254.169.254 route eth0;");
}

/* Messages were lost: what the second dump lacks is gone, what it has more is new. */
/* An uplink that loses its link-local address only, as where IPv6 is switched off. */
static void a_link_local_address_does_not_count(void **state)
{
	struct ds_route_table *t = *state;
	struct msg m = { 0 };

	msg_link(&m, RTM_NEWLINK, 3, "eth1", IFF_UP);
	msg_addr(&m, RTM_NEWADDR, 3, "fe80::3");
	apply(t, &m);
	assert_told("");
	msg_addr(&m, RTM_NEWADDR, 3, "10.0.1.1");
	apply(t, &m);
	assert_told("3=eth1 is uplink;node 10.0.1.1 eth1 uplink;");
	msg_addr(&m, RTM_DELADDR, 3, "fe80::3");
	msg_link(&m, RTM_NEWLINK, 3, "ens6", IFF_UP);
	apply(t, &m);
	assert_told("3=ens6 is uplink;");
}

static void a_second_dump_tells_what_was_missed(void **state)
{
	struct msg m = { 0 };

	ds_route_table_begin_dump(*state);
	msg_link(&m, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_LOOPBACK);
	msg_link(&m, RTM_NEWLINK, 2, "eth0", IFF_UP);
	msg_link(&m, RTM_NEWLINK, 8, "eni8", IFF_UP);
	msg_addr(&m, RTM_NEWADDR, 1, "127.0.0.1");
	msg_addr(&m, RTM_NEWADDR, 2, "10.0.0.1");
	msg_addr(&m, RTM_NEWADDR, 2, "10.0.0.2");
	msg_route(&m, RTM_NEWROUTE, NULL, 2, 254, RTN_UNICAST);
	msg_route(&m, RTM_NEWROUTE, "10.0.0.51", 8, 254, RTN_UNICAST);
	msg_rule(&m, RTM_NEWRULE, "10.0.0.50", NULL, 512, 254);
	apply(*state, &m);
	ds_route_table_end_dump(*state);
	assert_told("node 10.0.0.2 eth0 uplink;8=eni8 is pod;+10.0.0.51 route eni8;"
		    "-10.0.0.50 route eni7;-10.0.0.50 rule ;");
}

static void assert_link(const struct ds_route_table *t, const char *address, const char *want)
{
	struct ds_addr a;

	assert_int_equal(ds_addr_parse(address, strlen(address), &a), 0);
	if (want)
		assert_string_equal(ds_route_table_link_of(t, &a), want);
	else
		assert_null(ds_route_table_link_of(t, &a));
}

static void an_address_has_a_route_until_its_last_one_goes(void **state)
{
	struct msg m = { 0 };

	assert_link(*state, "10.0.0.50", "eni7");
	assert_link(*state, "10.0.0.51", NULL);
	assert_link(*state, "10.0.0.1", NULL);	/* the node's own */
	assert_link(*state, "0.0.0.0", NULL);	/* a default route is nobody's */
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 7, 101, RTN_UNICAST);
	msg_route(&m, RTM_DELROUTE, "10.0.0.50", 7, 254, RTN_UNICAST);
	msg_rule(&m, RTM_DELRULE, NULL, "10.0.0.50", 1536, 2);
	apply(*state, &m);
	assert_link(*state, "10.0.0.50", "eni7");
	msg_link(&m, RTM_NEWLINK, 8, "eni8", IFF_UP);
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 8, 101, RTN_UNICAST);
	apply(*state, &m);
	assert_link(*state, "10.0.0.50", "eni8");
	msg_link(&m, RTM_DELLINK, 8, "eni8", 0);
	apply(*state, &m);
	assert_link(*state, "10.0.0.50", NULL);
	/* A route to a link that was never told. */
	msg_route(&m, RTM_NEWROUTE, "fd00::9", 99, 254, RTN_UNICAST);
	apply(*state, &m);
	assert_link(*state, "fd00::9", "");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, with_node, without_node)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_dump_tells_kinds_and_addresses_and_no_changes),
		TEST(rules_and_routes_release_and_assign),
		TEST(the_same_once_more_is_no_change),
		TEST(a_link_that_goes_takes_its_addresses_along),
		TEST(a_link_that_goes_down_loses_its_routes),
		TEST(blackholes_and_gateways_assign_nothing),
		TEST(a_route_that_moves_is_released_and_assigned),
		TEST(the_nodes_own_ipv6_routes_are_no_pods),
		TEST(links_are_told_when_they_become_known_or_renamed),
		TEST(a_link_local_address_does_not_count),
		TEST(a_second_dump_tells_what_was_missed),
		TEST(an_address_has_a_route_until_its_last_one_goes),
	};

	return cmocka_run_group_tests_name("route_table", tests, NULL, NULL);
}
