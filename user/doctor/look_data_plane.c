// SPDX-License-Identifier: Apache-2.0
/* Reads links, routes and rules once, by rtnetlink. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "user/doctor/data_plane.h"
#include "user/util/cleanup.h"

#define DATAGRAM_BYTES 65536
#define WAIT_S 5

static void close_socket(struct mnl_socket **nl)
{
	if (*nl)
		(void)mnl_socket_close(*nl);	/* nothing was written */
}

/* Sends the request for one dump, and takes all of its answer. 0 or -errno. */
static int dump(struct mnl_socket *nl, uint16_t type, uint32_t seq, uint8_t *data,
		struct ds_doctor_data_plane *p)
{
	char request[64];
	struct nlmsghdr *head = mnl_nlmsg_put_header(request);
	struct rtgenmsg *body;
	struct ds_rt rt;

	head->nlmsg_type = type;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->nlmsg_seq = seq;
	body = mnl_nlmsg_put_extra_header(head, sizeof(struct ifinfomsg));
	body->rtgen_family = AF_UNSPEC;
	if (mnl_socket_sendto(nl, head, head->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, data, DATAGRAM_BYTES);
		size_t offset = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		while (ds_rt_next(data, (size_t)n, &offset, &rt) > 0) {
			if (rt.seq != seq)
				continue;
			if (rt.kind == DS_RT_DONE)
				return 0;
			/* A kernel without policy routing has no rules to give. */
			if (rt.kind == DS_RT_ERROR && rt.error)
				return type == RTM_GETRULE ? 0 : rt.error;
			ds_doctor_data_plane_add(p, &rt);
		}
	}
}

void ds_doctor_look_data_plane(struct ds_doctor_data_plane *p)
{
	static const uint16_t types[] = { RTM_GETLINK, RTM_GETROUTE, RTM_GETRULE };
	static uint8_t data[DATAGRAM_BYTES];
	struct timeval wait = { .tv_sec = WAIT_S };
	ds_cleanup(close_socket) struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r = 0;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0) {
		(void)snprintf(p->fault, sizeof(p->fault), "%s", strerror(errno));
		return;
	}
	for (uint32_t i = 0; i < sizeof(types) / sizeof(types[0]) && !r; i++)
		r = dump(nl, types[i], i + 1, data, p);
	if (r)
		(void)snprintf(p->fault, sizeof(p->fault), "%s", strerror(-r));
}
