/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: rtnetlink messages as the kernel writes them.
 */
#ifndef DS_TESTS_UNIT_NETLINK_H
#define DS_TESTS_UNIT_NETLINK_H

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/unit.h"
#include "user/util/addr.h"

struct msg {
	_Alignas(4) uint8_t data[4096];
	size_t len;
	size_t begin;	/* of the message being written */
};

static inline void msg_put(struct msg *m, const void *data, size_t len)
{
	size_t padded = (len + 3) & ~(size_t)3;

	assert_true(m->len + padded <= sizeof(m->data));
	memset(m->data + m->len, 0, padded);
	memcpy(m->data + m->len, data, len);
	m->len += padded;
}

static inline void msg_begin(struct msg *m, uint16_t type, uint32_t seq, uint16_t flags)
{
	struct nlmsghdr head = { .nlmsg_type = type, .nlmsg_seq = seq, .nlmsg_flags = flags };

	m->begin = m->len;
	msg_put(m, &head, sizeof(head));
}

static inline void msg_end(struct msg *m)
{
	uint32_t len = (uint32_t)(m->len - m->begin);

	memcpy(m->data + m->begin, &len, sizeof(len));
}

static inline void msg_attr(struct msg *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr head = { .nla_type = type, .nla_len = (uint16_t)(sizeof(head) + len) };

	msg_put(m, &head, sizeof(head));
	msg_put(m, data, len);
}

static inline struct ds_addr msg_parse(const char *text)
{
	struct ds_addr a;

	assert_int_equal(ds_addr_parse(text, strlen(text), &a), 0);
	return a;
}

static inline void msg_attr_addr(struct msg *m, uint16_t type, const char *text)
{
	struct ds_addr a = msg_parse(text);

	if (ds_addr_is_v4(&a))
		msg_attr(m, type, a.bytes + 12, 4);
	else
		msg_attr(m, type, a.bytes, 16);
}

static inline uint8_t msg_family(const char *text)
{
	return strchr(text, ':') ? AF_INET6 : AF_INET;
}

static inline uint8_t msg_bits(const char *text)
{
	return strchr(text, ':') ? 128 : 32;
}

static inline void msg_link(struct msg *m, uint16_t type, int ifindex, const char *name,
			    unsigned int flags)
{
	struct ifinfomsg head = { .ifi_index = ifindex, .ifi_flags = flags };

	msg_begin(m, type, 0, 0);
	msg_put(m, &head, sizeof(head));
	msg_attr(m, IFLA_IFNAME, name, strlen(name) + 1);
	msg_end(m);
}

static inline void msg_addr(struct msg *m, uint16_t type, uint32_t ifindex, const char *addr)
{
	struct ifaddrmsg head = {
		.ifa_family = msg_family(addr),
		.ifa_prefixlen = msg_bits(addr),
		.ifa_index = ifindex,
	};

	msg_begin(m, type, 0, 0);
	msg_put(m, &head, sizeof(head));
	msg_attr_addr(m, IFA_ADDRESS, addr);
	if (head.ifa_family == AF_INET)
		msg_attr_addr(m, IFA_LOCAL, addr);
	msg_end(m);
}

/* A host route; a default route of IPv4 for dst NULL; without a device for ifindex 0. */
static inline void msg_route(struct msg *m, uint16_t type, const char *dst, uint32_t ifindex,
			     uint32_t table, uint8_t route_type)
{
	struct rtmsg head = {
		.rtm_family = dst ? msg_family(dst) : AF_INET,
		.rtm_dst_len = dst ? msg_bits(dst) : 0,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_COMPAT,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_type = route_type,
	};

	msg_begin(m, type, 0, 0);
	msg_put(m, &head, sizeof(head));
	msg_attr(m, RTA_TABLE, &table, sizeof(table));
	if (dst)
		msg_attr_addr(m, RTA_DST, dst);
	if (ifindex)
		msg_attr(m, RTA_OIF, &ifindex, sizeof(ifindex));
	msg_end(m);
}

static inline void msg_rule(struct msg *m, uint16_t type, const char *to, const char *from,
			    uint32_t priority, uint32_t table)
{
	struct fib_rule_hdr head = {
		.family = msg_family(to ? to : from),
		.dst_len = to ? msg_bits(to) : 0,
		.src_len = from ? msg_bits(from) : 0,
		.table = (uint8_t)table,
		.action = FR_ACT_TO_TBL,
	};

	msg_begin(m, type, 0, 0);
	msg_put(m, &head, sizeof(head));
	msg_attr(m, FRA_TABLE, &table, sizeof(table));
	msg_attr(m, FRA_PRIORITY, &priority, sizeof(priority));
	if (to)
		msg_attr_addr(m, FRA_DST, to);
	if (from)
		msg_attr_addr(m, FRA_SRC, from);
	msg_end(m);
}

#endif
