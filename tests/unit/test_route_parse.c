// SPDX-License-Identifier: Apache-2.0
#include "user/source/route/route_parse.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/netlink.h"
#include "tests/unit/unit.h"

static struct ds_rt only(const struct msg *m)
{
	uint8_t *copy = malloc(m->len);	/* so that a sanitizer sees a read beyond it */
	size_t offset = 0;
	struct ds_rt rt, more;

	assert_non_null(copy);
	memcpy(copy, m->data, m->len);
	assert_int_equal(ds_rt_next(copy, m->len, &offset, &rt), 1);
	assert_int_equal(offset, m->len);
	assert_int_equal(ds_rt_next(copy, m->len, &offset, &more), 0);
	free(copy);
	return rt;
}

static void assert_prefix(const struct ds_prefix *p, const char *want)
{
	char text[DS_PREFIX_STRLEN];

	(void)ds_prefix_format(p, text);
	assert_string_equal(text, want);
}

static void a_link(void **state)
{
	struct msg m = { 0 };
	struct ds_rt rt;

	(void)state;
	msg_link(&m, RTM_NEWLINK, 7, "eni1234567890ab", IFF_UP);
	rt = only(&m);
	assert_int_equal(rt.kind, DS_RT_LINK);
	assert_false(rt.del);
	assert_int_equal(rt.ifindex, 7);
	assert_string_equal(rt.name, "eni1234567890ab");
	assert_true(rt.up);
	assert_false(rt.loopback);
	m.len = 0;
	msg_link(&m, RTM_DELLINK, 1, "lo", IFF_LOOPBACK);
	rt = only(&m);
	assert_true(rt.del);
	assert_true(rt.loopback);
	assert_false(rt.up);
}

static void leaving_a_bridge_is_no_end_of_a_link(void **state)
{
	struct msg m = { 0 };

	(void)state;
	msg_link(&m, RTM_DELLINK, 7, "veth", 0);
	m.data[sizeof(struct nlmsghdr)] = AF_BRIDGE;
	assert_int_equal(only(&m).kind, DS_RT_OTHER);
}

static void an_address_is_the_nodes_own_end(void **state)
{
	const uint8_t local[4] = { 10, 0, 0, 1 }, peer[4] = { 10, 0, 0, 2 };
	struct msg m = { 0 };
	struct ds_rt rt;
	struct ds_addr want = ds_addr_from_v4(local);

	(void)state;
	for (int swapped = 0; swapped < 2; swapped++) {
		struct ifaddrmsg head = { .ifa_family = AF_INET,
					  .ifa_prefixlen = 32,
					  .ifa_index = 3 };

		m.len = 0;
		msg_begin(&m, RTM_NEWADDR, 0, 0);
		msg_put(&m, &head, sizeof(head));
		msg_attr(&m, swapped ? IFA_LOCAL : IFA_ADDRESS, swapped ? local : peer, 4);
		msg_attr(&m, swapped ? IFA_ADDRESS : IFA_LOCAL, swapped ? peer : local, 4);
		msg_end(&m);
		rt = only(&m);
		assert_int_equal(rt.kind, DS_RT_ADDR);
		assert_int_equal(rt.ifindex, 3);
		assert_memory_equal(&rt.addr, &want, sizeof(want));
	}
	/* IPv6 has no IFA_LOCAL. */
	m.len = 0;
	msg_addr(&m, RTM_NEWADDR, 3, "fd00::1");
	rt = only(&m);
	assert_int_equal(rt.kind, DS_RT_ADDR);
	assert_true(rt.v6);
}

static void host_routes_of_both_families(void **state)
{
	struct msg m = { 0 };
	struct ds_rt rt;

	(void)state;
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 7, 254, RTN_UNICAST);
	rt = only(&m);
	assert_int_equal(rt.kind, DS_RT_ROUTE);
	assert_prefix(&rt.dst, "10.0.0.50");
	assert_int_equal(rt.dst.bits, 128);
	assert_true(rt.unicast);
	assert_false(rt.v6);
	assert_int_equal(rt.hop_cnt, 1);
	assert_int_equal(rt.hops[0], 7);
	assert_int_equal(rt.table, 254);
	m.len = 0;
	/* A table above 255 stands in an attribute. */
	msg_route(&m, RTM_DELROUTE, "fd00::50", 7, 1000, RTN_UNICAST);
	rt = only(&m);
	assert_true(rt.del);
	assert_true(rt.v6);
	assert_prefix(&rt.dst, "fd00::50");
	assert_int_equal(rt.table, 1000);
	m.len = 0;
	msg_route(&m, RTM_NEWROUTE, "10.0.0.50", 0, 254, RTN_BLACKHOLE);
	rt = only(&m);
	assert_false(rt.unicast);
	assert_int_equal(rt.hop_cnt, 0);
}

static void default_routes_and_their_hops(void **state)
{
	const uint8_t gateway[4] = { 10, 0, 0, 254 };
	struct rtmsg head = { .rtm_family = AF_INET, .rtm_type = RTN_UNICAST, .rtm_table = 254 };
	struct msg m = { 0 }, hops = { 0 };
	struct ds_rt rt;

	(void)state;
	for (int i = 0; i < 10; i++) {	/* more than are kept */
		struct rtnexthop hop = { .rtnh_len = sizeof(hop) + 8, .rtnh_ifindex = 3 + i };

		msg_put(&hops, &hop, sizeof(hop));
		msg_attr(&hops, RTA_GATEWAY, gateway, 4);
	}
	msg_begin(&m, RTM_NEWROUTE, 0, 0);
	msg_put(&m, &head, sizeof(head));
	msg_attr(&m, RTA_MULTIPATH, hops.data, hops.len);
	msg_end(&m);
	rt = only(&m);
	assert_int_equal(rt.kind, DS_RT_ROUTE);
	assert_true(ds_rt_is_default(&rt));
	assert_true(rt.gateway);
	assert_int_equal(rt.hop_cnt, DS_RT_HOPS_MAX);
	assert_int_equal(rt.hops[7], 10);
	assert_prefix(&rt.dst, "0.0.0.0/0");
}

static void rules(void **state)
{
	struct msg m = { 0 };
	struct ds_rt rt;

	(void)state;
	msg_rule(&m, RTM_DELRULE, "10.0.0.50", NULL, 512, 254);
	rt = only(&m);
	assert_int_equal(rt.kind, DS_RT_RULE);
	assert_true(rt.del);
	assert_true(rt.unicast);
	assert_prefix(&rt.dst, "10.0.0.50");
	assert_prefix(&rt.src, "0.0.0.0/0");
	assert_int_equal(rt.priority, 512);
	m.len = 0;
	msg_rule(&m, RTM_NEWRULE, NULL, "fd00::50", 1536, 2);
	rt = only(&m);
	assert_true(ds_rt_is_default(&rt));
	assert_prefix(&rt.src, "fd00::50");
	assert_int_equal(rt.table, 2);
}

static void several_messages_and_ends_of_dumps(void **state)
{
	struct nlmsgerr error = { .error = -EOPNOTSUPP };
	struct msg m = { 0 };
	size_t offset = 0;
	struct ds_rt rt;

	(void)state;
	msg_link(&m, RTM_NEWLINK, 1, "lo", IFF_UP | IFF_LOOPBACK);
	msg_begin(&m, NLMSG_ERROR, 77, 0);
	msg_put(&m, &error, sizeof(error));
	msg_end(&m);
	msg_begin(&m, NLMSG_DONE, 78, NLM_F_MULTI | NLM_F_DUMP_INTR);
	msg_put(&m, &(int32_t){ 0 }, 4);
	msg_end(&m);
	assert_int_equal(ds_rt_next(m.data, m.len, &offset, &rt), 1);
	assert_int_equal(rt.kind, DS_RT_LINK);
	assert_int_equal(ds_rt_next(m.data, m.len, &offset, &rt), 1);
	assert_int_equal(rt.kind, DS_RT_ERROR);
	assert_int_equal(rt.error, -EOPNOTSUPP);
	assert_int_equal(rt.seq, 77);
	assert_int_equal(ds_rt_next(m.data, m.len, &offset, &rt), 1);
	assert_int_equal(rt.kind, DS_RT_DONE);
	assert_int_equal(rt.seq, 78);
	assert_true(rt.interrupted);
	assert_int_equal(ds_rt_next(m.data, m.len, &offset, &rt), 0);
}

static void cached_routes_and_other_families_are_nothing(void **state)
{
	struct msg m = { 0 };
	struct rtmsg *head;

	(void)state;
	msg_route(&m, RTM_NEWROUTE, "fd00::50", 7, 254, RTN_UNICAST);
	head = (struct rtmsg *)(void *)(m.data + sizeof(struct nlmsghdr));
	head->rtm_flags |= RTM_F_CLONED;
	assert_int_equal(only(&m).kind, DS_RT_OTHER);
	head->rtm_flags = 0;
	head->rtm_family = 128;		/* RTNL_FAMILY_IPMR */
	assert_int_equal(only(&m).kind, DS_RT_OTHER);
	head->rtm_family = AF_INET6;
	head->rtm_dst_len = 129;
	assert_int_equal(only(&m).kind, DS_RT_OTHER);
}

static void lengths_that_do_not_fit(void **state)
{
	struct msg m = { 0 };
	struct nlmsghdr *head = (struct nlmsghdr *)(void *)m.data;
	size_t offset = 0;
	struct ds_rt rt;

	(void)state;
	msg_rule(&m, RTM_DELRULE, "10.0.0.50", NULL, 512, 254);
	head->nlmsg_len++;
	assert_int_equal(ds_rt_next(m.data, m.len, &offset, &rt), -EINVAL);
	head->nlmsg_len = 15;
	assert_int_equal(ds_rt_next(m.data, m.len, &offset, &rt), -EINVAL);
	assert_int_equal(ds_rt_next(m.data, 15, &offset, &rt), -EINVAL);
	assert_int_equal(ds_rt_next(m.data, 0, &offset, &rt), 0);
}

/* Cut and damaged messages: read within their bounds (the sanitizers say so), and an end comes. */
static void damaged_messages(void **state)
{
	(void)state;
	srand(9);
	for (int i = 0; i < 50000; i++) {
		struct msg m = { 0 };
		size_t offset = 0, len;
		uint8_t *copy;
		struct ds_rt rt;

		msg_link(&m, RTM_NEWLINK, 7, "eth0", IFF_UP);
		msg_addr(&m, RTM_NEWADDR, 7, i % 2 ? "10.0.0.1" : "fd00::1");
		msg_route(&m, RTM_NEWROUTE, i % 2 ? "10.0.0.1" : "fd00::1", 7, 254, RTN_UNICAST);
		msg_rule(&m, RTM_NEWRULE, "10.0.0.1", "10.0.0.2", 512, 254);
		len = (size_t)rand() % (m.len + 1);
		for (int n = rand() % 4; n > 0; n--)
			m.data[(size_t)rand() % m.len] = (uint8_t)rand();
		copy = malloc(len ? len : 1);
		memcpy(copy, m.data, len);
		while (ds_rt_next(copy, len, &offset, &rt) > 0)
			assert_true(offset <= len);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link),
		cmocka_unit_test(leaving_a_bridge_is_no_end_of_a_link),
		cmocka_unit_test(an_address_is_the_nodes_own_end),
		cmocka_unit_test(host_routes_of_both_families),
		cmocka_unit_test(default_routes_and_their_hops),
		cmocka_unit_test(rules),
		cmocka_unit_test(several_messages_and_ends_of_dumps),
		cmocka_unit_test(cached_routes_and_other_families_are_nothing),
		cmocka_unit_test(lengths_that_do_not_fit),
		cmocka_unit_test(damaged_messages),
	};

	return cmocka_run_group_tests_name("route_parse", tests, NULL, NULL);
}
