// SPDX-License-Identifier: Apache-2.0
/*
 * The rtnetlink socket on the uv loop: dumps, notifications, losses, and the clock readings that
 * bound each change. What a message means is route_table's.
 */
#include "user/source/route/route.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <uv.h>

#include "user/core/merge.h"
#include "user/source/route/route_table.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define DATAGRAM_BYTES 65536	/* the kernel fills dumps up to 32 KiB */
#define BUDGET 64		/* datagrams a wake-up */
#define RCVBUF_BYTES (4 << 20)
#define DUMP_TIMEOUT_MS 5000
#define DUMP_TRIES 5		/* a dump that changes keep interrupting is taken as it is */

/* What a dump asks for, one after the other: netlink does one at a time. */
static const uint16_t requests[] = { RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETRULE };
#define REQUESTS (int)(sizeof(requests) / sizeof(requests[0]))

struct ds_route {
	struct ds_route_options options;
	struct ds_route_stats stats;
	struct ds_route_table *table;
	struct mnl_socket *socket;
	int fd;
	uint64_t netns;		/* inode number, 0 = not known */
	int stage;		/* of the dump: index of requests; REQUESTS when there is none */
	uint32_t seq;		/* of its request */
	bool again;	/* messages were lost, or the dump was interrupted: it is not the truth */
	bool due;	/* a dump is to begin, once the socket is empty */
	int tries;
	int64_t not_before;	/* of what is read now */
	int64_t not_after;
	int64_t gap_from;	/* since when messages may have been lost */
	uint64_t source_seq;
	int open_handles;
	uv_poll_t poll;
	uv_prepare_t prepare;
	uint8_t data[DATAGRAM_BYTES];
};

static void deliver(struct ds_route *r, struct ds_event *ev)
{
	ev->rank = DS_RANK_ROUTE;
	ev->source_seq = r->source_seq++;
	r->stats.events++;
	r->options.deliver(r->options.ctx, ev);
}

static void on_change(void *ctx, const struct ds_rt_change *change)
{
	struct ds_route *r = ctx;
	char text[DS_ADDR_STRLEN];
	struct ds_event ev;

	(void)ds_addr_format(&change->addr, text);
	ds_event_init(&ev, DS_EVENT_ROUTE, r->not_after);
	DS_SET(&ev, ROUTE_CHANGE, route_change, change->what);
	DS_SET(&ev, ROUTE_BY, route_by, change->by);
	DS_SET_STR(&ev, ADDRESS, address, text);
	DS_SET_STR(&ev, IFACE_NAME, iface_name, change->name);
	DS_SET(&ev, NOT_BEFORE, not_before, r->not_before);
	DS_SET(&ev, NOT_AFTER, not_after, r->not_after);
	deliver(r, &ev);
}

static void on_iface(void *ctx, uint32_t ifindex, const char *name, enum ds_iface kind)
{
	struct ds_route *r = ctx;

	if (r->options.on_iface)
		r->options.on_iface(r->options.ctx, ifindex, name, kind);
}

static void on_address(void *ctx, const struct ds_addr *addr, const char *name, enum ds_iface kind)
{
	struct ds_route *r = ctx;
	char text[DS_ADDR_STRLEN];
	struct ds_event ev;

	(void)ds_addr_format(addr, text);
	ds_event_init(&ev, DS_EVENT_NODE_ADDRESS, r->not_after);
	DS_SET_STR(&ev, IFACE_NAME, iface_name, name);
	DS_SET(&ev, IFACE_KIND, iface_kind, kind);
	DS_SET_STR(&ev, ADDRESS, address, text);
	deliver(r, &ev);
}

static void tell_loss(struct ds_route *r)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LOSS, r->not_after);
	DS_SET(&ev, NOT_BEFORE, not_before, r->gap_from);
	DS_SET(&ev, NOT_AFTER, not_after, r->not_after);
	DS_SET(&ev, LOSS_STAGE, loss_stage, DS_LOSS_STAGE_ROUTE);
	DS_SET_STR(&ev, LOSS_CLASS, loss_class, "rtnetlink");
	deliver(r, &ev);
}

/* Sends the request of the present stage. */
static int ask(struct ds_route *r)
{
	char buf[64];
	struct nlmsghdr *head = mnl_nlmsg_put_header(buf);
	struct rtgenmsg *body;

	head->nlmsg_type = requests[r->stage];
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->nlmsg_seq = ++r->seq;
	body = mnl_nlmsg_put_extra_header(head, sizeof(struct ifinfomsg));
	body->rtgen_family = AF_UNSPEC;
	return mnl_socket_sendto(r->socket, head, head->nlmsg_len) < 0 ? -errno : 0;
}

static int begin_dump(struct ds_route *r)
{
	r->again = r->due = false;
	r->tries++;
	r->stage = 0;
	ds_route_table_begin_dump(r->table);
	return ask(r);
}

/* A request was answered: the next one, or the end. */
static int next_stage(struct ds_route *r)
{
	if (++r->stage < REQUESTS)
		return ask(r);
	if (r->again && r->tries < DUMP_TRIES) {
		r->due = true;
		return 0;
	}
	r->stats.unsure += r->again;
	r->tries = 0;
	/* What is missing now went at some time since the gap began. */
	if (r->gap_from)
		r->not_before = r->gap_from;
	ds_route_table_end_dump(r->table);
	r->gap_from = 0;
	return 0;
}

static int on_message(struct ds_route *r, const struct ds_rt *rt)
{
	bool answer = r->stage < REQUESTS && rt->seq == r->seq;
	int err;

	r->stats.messages++;
	r->again |= answer && rt->interrupted;
	if (rt->kind == DS_RT_DONE || (rt->kind == DS_RT_ERROR && rt->error)) {
		if (!answer)
			return 0;
		/* A kernel without policy routing has no rules to give: go on. */
		if (rt->kind == DS_RT_ERROR) {
			r->stats.errors++;
			r->stats.unsure += requests[r->stage] != RTM_GETRULE;
		}
		return next_stage(r);
	}
	err = ds_route_table_apply(r->table, rt);
	if (err < 0 && r->stats.left_out++ == 0)
		ds_log_warn("route: %s, continuing without what does not fit",
			    err == -ENOBUFS ? "a table is full" : "out of memory");
	return 0;
}

static int on_datagram(struct ds_route *r, size_t len)
{
	struct ds_rt rt;
	size_t offset = 0;
	int n;

	while ((n = ds_rt_next(r->data, len, &offset, &rt)) > 0) {
		int err = on_message(r, &rt);

		if (err < 0)
			return err;
	}
	if (n < 0)
		r->stats.errors++;
	return 0;
}

/*
 * Messages were lost since the socket was last empty: say so and read everything again. But first
 * what still waits in the socket: it is older than a dump that would begin now, and would make
 * routes look alive whose end is among what was lost.
 */
static void on_loss(struct ds_route *r)
{
	r->stats.losses++;
	if (!r->gap_from)
		r->gap_from = r->not_before;
	tell_loss(r);
	if (r->stage < REQUESTS)
		r->again = true;	/* once the dump going on is complete */
	else
		r->due = true;
}

static bool is_reading(const struct ds_route *r)
{
	return r->stage < REQUESTS || r->due;
}

/* The socket is empty, as of that moment. 0 or -errno. */
static int on_empty(struct ds_route *r, int64_t at_ns)
{
	r->not_before = at_ns;
	return r->due ? begin_dump(r) : 0;
}

/* One datagram. 1: read; 0: the socket is empty; -errno. */
static int read_one(struct ds_route *r)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = r->data, .iov_len = sizeof(r->data) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	int64_t before = ds_clock_ns(CLOCK_REALTIME);
	ssize_t n = recvmsg(r->fd, &msg, MSG_DONTWAIT);
	int err = n < 0 ? -errno : 0;

	r->not_after = ds_clock_ns(CLOCK_REALTIME);
	if (err == -EAGAIN)
		return on_empty(r, before);
	if (err == -EINTR)
		return 1;
	if (err == -ENOBUFS || (err == 0 && (msg.msg_flags & MSG_TRUNC))) {
		on_loss(r);
		return 1;
	}
	if (err < 0)
		return err;
	if (from.nl_pid != 0)
		return 1;	/* not the kernel: anybody may send to us */
	err = on_datagram(r, (size_t)n);
	return err < 0 ? err : 1;
}

/* The socket is of no use any more; what it would have told is lost. */
static void give_up(struct ds_route *r, int err)
{
	r->stats.errors++;
	(void)uv_poll_stop(&r->poll);		/* neither fails on an open handle */
	(void)uv_prepare_stop(&r->prepare);
	r->not_after = ds_clock_ns(CLOCK_REALTIME);
	r->gap_from = r->not_before;
	tell_loss(r);
	(void)ds_log_err(err, "route: rtnetlink failed, continuing without route events");
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct ds_route *r = handle->data;
	int err = 1;

	(void)events;	/* only readability was asked for */
	for (int i = 0; i < BUDGET && err > 0; i++)
		err = read_one(r);
	/*
	 * A full socket has an error to tell (ENOBUFS, which the reading took away); libuv then
	 * stops the handle and says EBADF, whatever the error is.
	 */
	if (err >= 0 && status < 0)
		err = uv_poll_start(handle, UV_READABLE, on_poll);
	if (err < 0)
		give_up(r, err);
}

/* Before the loop waits: if the socket is empty now, what comes later happened later. */
static void on_prepare(uv_prepare_t *handle)
{
	struct ds_route *r = handle->data;
	int64_t now = ds_clock_ns(CLOCK_REALTIME);
	ssize_t n;
	char byte;
	int err = 0;

	n = recv(r->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0 && errno == ENOBUFS) {	/* told once: this look took the error away */
		r->not_after = now;
		on_loss(r);
		n = recv(r->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	}
	if (n < 0 && errno == EAGAIN)
		err = on_empty(r, now);
	if (err < 0)
		give_up(r, err);
}

/* netns_fd -1: the one in which this process is. */
static uint64_t inode_of(int netns_fd)
{
	struct stat st;

	if (netns_fd < 0 ? stat("/proc/thread-self/ns/net", &st) : fstat(netns_fd, &st))
		return 0;
	return st.st_ino;
}

struct opener {
	int netns_fd;
	struct mnl_socket *socket;
	int err;
};

/* A thread of its own, so that no failure leaves this process in another namespace. */
static void *open_in_netns(void *arg)
{
	struct opener *o = arg;

	if (setns(o->netns_fd, CLONE_NEWNET) < 0) {
		o->err = -errno;
		return NULL;
	}
	o->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	o->err = o->socket ? 0 : -errno;
	return NULL;
}

static int open_socket(int netns_fd, struct mnl_socket **ret_socket)
{
	struct opener o = { .netns_fd = netns_fd };
	pthread_t thread;
	int err;

	if (netns_fd < 0) {
		o.socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
		o.err = o.socket ? 0 : -errno;
	} else {
		err = pthread_create(&thread, NULL, open_in_netns, &o);
		if (err)
			return -err;
		(void)pthread_join(thread, NULL);	/* it ends by itself */
	}
	*ret_socket = o.socket;
	return o.err;
}

static int subscribe(struct ds_route *r)
{
	static const int groups[] = {
		RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
	};
	int size = RCVBUF_BYTES, group;

	/* The first wants CAP_NET_ADMIN; without either the default stands, and losses are told. */
	if (setsockopt(r->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_bind(r->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		group = groups[i];
		if (mnl_socket_setsockopt(r->socket, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

/* The first dump, waited for. */
static int read_all(struct ds_route *r)
{
	uint64_t deadline = uv_hrtime() + DUMP_TIMEOUT_MS * (uint64_t)DS_NS_PER_MS;
	int err = begin_dump(r);

	while (err >= 0 && is_reading(r)) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };

		err = read_one(r);
		if (err == 0 && poll(&p, 1, DUMP_TIMEOUT_MS / 10) < 0 && errno != EINTR)
			err = -errno;
		if (err >= 0 && uv_hrtime() > deadline)
			err = -ETIMEDOUT;
	}
	return err < 0 ? err : 0;
}

static void release(struct ds_route *r)
{
	if (--r->open_handles > 0)
		return;
	if (r->socket)
		(void)mnl_socket_close(r->socket);	/* nothing was written */
	ds_route_table_free(&r->table);
	free(r);
}

static void on_closed(uv_handle_t *handle)
{
	release(handle->data);
}

static int watch(struct ds_route *r, uv_loop_t *loop)
{
	int err = uv_poll_init(loop, &r->poll, r->fd);

	if (err < 0)
		return err;
	r->open_handles++;
	r->poll.data = r;
	err = uv_prepare_init(loop, &r->prepare);
	if (err < 0)
		return err;
	r->open_handles++;
	r->prepare.data = r;
	err = uv_prepare_start(&r->prepare, on_prepare);
	return err < 0 ? err : uv_poll_start(&r->poll, UV_READABLE, on_poll);
}

int ds_route_new(struct ds_route **ret_route, struct uv_loop_s *loop,
		 const struct ds_route_options *options)
{
	ds_cleanup(ds_route_free) struct ds_route *r = calloc(1, sizeof(*r));
	const struct ds_route_hooks hooks = {
		.on_change = on_change,
		.on_iface = on_iface,
		.on_address = on_address,
		.ctx = r,
	};
	int err;

	if (!r)
		return ds_log_err(ENOMEM, "watch routes");
	r->open_handles = 1;	/* the caller's */
	r->options = *options;
	r->not_before = r->not_after = ds_clock_ns(CLOCK_REALTIME);
	r->netns = inode_of(options->netns_fd);
	err = ds_route_table_new(&r->table, &hooks);
	if (err == 0)
		err = open_socket(options->netns_fd, &r->socket);
	if (err < 0)
		return ds_log_err(err, "open a routing socket (rtnetlink)");
	r->fd = mnl_socket_get_fd(r->socket);
	err = subscribe(r);
	if (err < 0)
		return ds_log_err(err, "subscribe to routing messages (rtnetlink)");
	err = read_all(r);
	if (err < 0)
		return ds_log_err(err, "read the node's links, addresses, routes and rules");
	err = watch(r, loop);
	if (err < 0)
		return ds_log_err(err, "watch routes");
	*ret_route = DS_TAKE(r);
	return 0;
}

void ds_route_finish(struct ds_route *r)
{
	/* Bounded: a namespace whose routes never rest must not keep the run from ending. */
	for (int i = 0; i < BUDGET * BUDGET; i++)
		if (read_one(r) <= 0)
			return;
}

const char *ds_route_link_of(const struct ds_route *r, const struct ds_addr *a)
{
	return ds_route_table_link_of(r->table, a);
}

uint64_t ds_route_netns(const struct ds_route *r)
{
	return r->netns;
}

struct ds_route_stats ds_route_stats(const struct ds_route *r)
{
	return r->stats;
}

void ds_route_free(struct ds_route **r)
{
	struct ds_route *p = *r;

	if (!p)
		return;
	*r = NULL;
	if (p->poll.data)
		uv_close((uv_handle_t *)&p->poll, on_closed);
	if (p->prepare.data)
		uv_close((uv_handle_t *)&p->prepare, on_closed);
	release(p);
}
