// SPDX-License-Identifier: Apache-2.0
/*
 * Decoder of rtnetlink messages. Headers and attributes are copied out, never cast: a datagram may
 * be cut anywhere and nothing in it need be aligned.
 */
#include "user/source/route/route_parse.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

struct span {
	const uint8_t *data;
	size_t len;
};

struct attr {
	uint16_t type;
	struct span body;
};

/* The next attribute; false at the end or at one whose length does not fit. */
static bool next_attr(struct span *rest, struct attr *ret_attr)
{
	struct nlattr head;
	size_t step;

	if (rest->len < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > rest->len)
		return false;
	ret_attr->type = (uint16_t)(head.nla_type & 0x3fff);	/* NLA_TYPE_MASK */
	ret_attr->body.data = rest->data + sizeof(head);
	ret_attr->body.len = head.nla_len - sizeof(head);
	step = NLA_ALIGN(head.nla_len);
	if (step > rest->len)
		step = rest->len;
	rest->data += step;
	rest->len -= step;
	return true;
}

static bool get_u32(struct span body, uint32_t *ret_v)
{
	if (body.len != sizeof(*ret_v))
		return false;
	memcpy(ret_v, body.data, sizeof(*ret_v));
	return true;
}

static bool get_addr(struct span body, bool v6, struct ds_addr *ret_addr)
{
	if (body.len != (v6 ? 16 : 4))
		return false;
	if (v6)
		memcpy(ret_addr->bytes, body.data, 16);
	else
		*ret_addr = ds_addr_from_v4(body.data);
	return true;
}

/* The fixed part of a message; false when it is too short. */
static bool take(struct span *rest, void *ret_head, size_t size)
{
	if (rest->len < size)
		return false;
	memcpy(ret_head, rest->data, size);
	size = NLMSG_ALIGN(size);
	if (size > rest->len)
		size = rest->len;
	rest->data += size;
	rest->len -= size;
	return true;
}

static bool parse_link(struct span rest, struct ds_rt *rt)
{
	struct ifinfomsg head;
	struct attr a;

	/* AF_BRIDGE: a port joined or left a bridge, the link itself is as it was. */
	if (!take(&rest, &head, sizeof(head)) || head.ifi_family != AF_UNSPEC ||
	    head.ifi_index <= 0)
		return false;
	rt->ifindex = (uint32_t)head.ifi_index;
	rt->up = head.ifi_flags & IFF_UP;
	rt->loopback = head.ifi_flags & IFF_LOOPBACK;
	while (next_attr(&rest, &a)) {
		size_t n = strnlen((const char *)a.body.data, a.body.len);

		if (a.type == IFLA_IFNAME && n < sizeof(rt->name))
			memcpy(rt->name, a.body.data, n);
	}
	return true;
}

static bool parse_addr(struct span rest, struct ds_rt *rt)
{
	struct ifaddrmsg head;
	bool local = false, found = false;
	struct attr a;

	if (!take(&rest, &head, sizeof(head)) ||
	    (head.ifa_family != AF_INET && head.ifa_family != AF_INET6))
		return false;
	rt->ifindex = head.ifa_index;
	rt->v6 = head.ifa_family == AF_INET6;
	while (next_attr(&rest, &a)) {
		/* With a peer IFA_ADDRESS is the other end. */
		if (a.type == IFA_LOCAL)
			local = found = get_addr(a.body, rt->v6, &rt->addr);
		else if (a.type == IFA_ADDRESS && !local)
			found = get_addr(a.body, rt->v6, &rt->addr);
	}
	return found;
}

static void add_hop(struct ds_rt *rt, uint32_t ifindex)
{
	if (rt->hop_cnt < DS_RT_HOPS_MAX)
		rt->hops[rt->hop_cnt++] = ifindex;
}

/* RTA_MULTIPATH: next hops, each with attributes of its own. */
static void parse_hops(struct span rest, struct ds_rt *rt)
{
	struct rtnexthop head;

	while (rest.len >= sizeof(head)) {
		struct span attrs;
		struct attr a;
		size_t step;

		memcpy(&head, rest.data, sizeof(head));
		if (head.rtnh_len < sizeof(head) || head.rtnh_len > rest.len)
			return;
		if (head.rtnh_ifindex > 0)
			add_hop(rt, (uint32_t)head.rtnh_ifindex);
		attrs = (struct span){ rest.data + sizeof(head), head.rtnh_len - sizeof(head) };
		while (next_attr(&attrs, &a))
			rt->gateway |= a.type == RTA_GATEWAY || a.type == RTA_VIA;
		step = RTNH_ALIGN(head.rtnh_len);
		if (step > rest.len)
			step = rest.len;
		rest.data += step;
		rest.len -= step;
	}
}

/* A prefix of that family and length, its host bits cleared; false for a length that cannot be. */
static bool set_prefix(struct ds_prefix *p, struct ds_addr a, bool v6, uint8_t bits)
{
	if (bits > (v6 ? 128 : 32))
		return false;
	p->bits = (uint8_t)(v6 ? bits : bits + 96);
	for (unsigned int i = p->bits; i < 128; i++)
		a.bytes[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	p->addr = a;
	return true;
}

static bool parse_route(struct span rest, struct ds_rt *rt)
{
	struct ds_addr dst = { 0 };
	struct rtmsg head;
	struct attr a;
	uint32_t oif;

	if (!take(&rest, &head, sizeof(head)) ||
	    (head.rtm_family != AF_INET && head.rtm_family != AF_INET6))
		return false;
	if (head.rtm_flags & RTM_F_CLONED)
		return false;	/* a cached exception (path MTU), no route */
	rt->v6 = head.rtm_family == AF_INET6;
	rt->unicast = head.rtm_type == RTN_UNICAST;
	rt->kernel = head.rtm_protocol == RTPROT_KERNEL;
	rt->table = head.rtm_table;
	if (!rt->v6)
		dst = ds_addr_from_v4((const uint8_t[4]){ 0 });
	while (next_attr(&rest, &a)) {
		if (a.type == RTA_DST && !get_addr(a.body, rt->v6, &dst))
			return false;
		if (a.type == RTA_TABLE)
			(void)get_u32(a.body,
				      &rt->table); /* rtm_table stands if it cannot be read */
		if (a.type == RTA_PRIORITY)
			(void)get_u32(a.body, &rt->priority);	/* the same: 0 */
		if (a.type == RTA_OIF && get_u32(a.body, &oif))
			add_hop(rt, oif);
		if (a.type == RTA_GATEWAY || a.type == RTA_VIA)
			rt->gateway = true;
		if (a.type == RTA_MULTIPATH)
			parse_hops(a.body, rt);
	}
	return set_prefix(&rt->dst, dst, rt->v6, head.rtm_dst_len);
}

static bool parse_rule(struct span rest, struct ds_rt *rt)
{
	struct ds_addr dst = { 0 }, src = { 0 };
	struct fib_rule_hdr head;
	struct attr a;

	if (!take(&rest, &head, sizeof(head)) ||
	    (head.family != AF_INET && head.family != AF_INET6))
		return false;
	rt->v6 = head.family == AF_INET6;
	rt->unicast = head.action == FR_ACT_TO_TBL;
	rt->table = head.table;
	if (!rt->v6)
		dst = src = ds_addr_from_v4((const uint8_t[4]){ 0 });
	while (next_attr(&rest, &a)) {
		if (a.type == FRA_DST && !get_addr(a.body, rt->v6, &dst))
			return false;
		if (a.type == FRA_SRC && !get_addr(a.body, rt->v6, &src))
			return false;
		if (a.type == FRA_TABLE)
			(void)get_u32(a.body, &rt->table);	/* header's stands */
		if (a.type == FRA_PRIORITY)
			(void)get_u32(a.body, &rt->priority);	/* 0 */
	}
	return set_prefix(&rt->dst, dst, rt->v6, head.dst_len) &&
	       set_prefix(&rt->src, src, rt->v6, head.src_len);
}

static void parse_error(struct span rest, struct ds_rt *rt)
{
	int32_t error;

	rt->kind = DS_RT_ERROR;
	rt->error = -EIO;	/* what could not be read is none of ours */
	if (take(&rest, &error, sizeof(error)))
		rt->error = error;
}

static void parse_body(uint16_t type, struct span body, struct ds_rt *rt)
{
	static const struct {
		uint16_t add;
		uint16_t del;
		enum ds_rt_kind kind;
		bool (*parse)(struct span rest, struct ds_rt *rt);
	} types[] = {
		{ RTM_NEWLINK, RTM_DELLINK, DS_RT_LINK, parse_link },
		{ RTM_NEWADDR, RTM_DELADDR, DS_RT_ADDR, parse_addr },
		{ RTM_NEWROUTE, RTM_DELROUTE, DS_RT_ROUTE, parse_route },
		{ RTM_NEWRULE, RTM_DELRULE, DS_RT_RULE, parse_rule },
	};

	if (type == NLMSG_DONE)
		rt->kind = DS_RT_DONE;
	if (type == NLMSG_ERROR)
		parse_error(body, rt);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (type != types[i].add && type != types[i].del)
			continue;
		rt->del = type == types[i].del;
		if (types[i].parse(body, rt))
			rt->kind = types[i].kind;
	}
}

int ds_rt_next(const uint8_t *data, size_t len, size_t *offset, struct ds_rt *ret_rt)
{
	struct ds_rt rt = { .kind = DS_RT_OTHER };
	struct nlmsghdr head;
	size_t left, step;

	if (*offset >= len)
		return 0;
	left = len - *offset;
	if (left < sizeof(head))
		return -EINVAL;
	memcpy(&head, data + *offset, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > left)
		return -EINVAL;
	rt.seq = head.nlmsg_seq;
	rt.port = head.nlmsg_pid;
	rt.replace = head.nlmsg_flags & NLM_F_REPLACE;
	rt.interrupted = head.nlmsg_flags & NLM_F_DUMP_INTR;
	parse_body(head.nlmsg_type,
		   (struct span){ data + *offset + sizeof(head), head.nlmsg_len - sizeof(head) },
		   &rt);
	step = NLMSG_ALIGN(head.nlmsg_len);
	*offset = step > left ? len : *offset + step;
	*ret_rt = rt;
	return 1;
}

bool ds_rt_is_default(const struct ds_rt *rt)
{
	return rt->dst.bits == (rt->v6 ? 0 : 96);
}
