// SPDX-License-Identifier: Apache-2.0
/* Looks for kube-proxy's tables and chains by nfnetlink; changes nothing. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "user/doctor/kube_proxy.h"
#include "user/util/cleanup.h"

#define DATAGRAM_BYTES 65536
#define WAIT_S 5

static void close_socket(struct mnl_socket **nl)
{
	if (*nl)
		(void)mnl_socket_close(*nl);	/* nothing was written */
}

/* Whether the message has that attribute with that text. */
static bool has_name(const struct nlmsghdr *head, uint16_t type, const char *name)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, head, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attr) == type &&
		    mnl_attr_get_payload_len(attr) == strlen(name) + 1 &&
		    !memcmp(mnl_attr_get_payload(attr), name, strlen(name) + 1))
			return true;
	return false;
}

/* Dumps tables or chains of all families; *ret_found: one of them has the name. 0 or -errno. */
static int find(struct mnl_socket *nl, uint8_t message, uint16_t attr, const char *name,
		bool *ret_found)
{
	static uint8_t data[DATAGRAM_BYTES];
	char request[64];
	struct nlmsghdr *head = mnl_nlmsg_put_header(request);
	struct nfgenmsg *body;

	head->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | message;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	head->nlmsg_seq = message + 1;
	body = mnl_nlmsg_put_extra_header(head, sizeof(*body));
	body->nfgen_family = AF_UNSPEC;
	body->version = NFNETLINK_V0;
	if (mnl_socket_sendto(nl, head, head->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(nl, data, sizeof(data));
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (const struct nlmsghdr *m = (const void *)data; mnl_nlmsg_ok(m, left);
		     m = mnl_nlmsg_next(m, &left)) {
			if (m->nlmsg_seq != (uint32_t)(message + 1))
				continue;
			if (m->nlmsg_type == NLMSG_DONE)
				return 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(m))->error;
			*ret_found = *ret_found || has_name(m, attr, name);
		}
	}
}

void ds_doctor_look_kube_proxy(struct ds_doctor_kube_proxy *k)
{
	struct timeval wait = { .tv_sec = WAIT_S };
	ds_cleanup(close_socket) struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return;
	k->rules_read = !find(nl, NFT_MSG_GETTABLE, NFTA_TABLE_NAME, "kube-proxy", &k->nft_table) &&
			!find(nl, NFT_MSG_GETCHAIN, NFTA_CHAIN_NAME, "KUBE-SERVICES",
			      &k->iptables_chain);
}
