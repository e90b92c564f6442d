/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink messages, decoded: links, addresses, routes and rules of both families. Pure; every
 * length is checked, the bytes may be anything.
 */
#ifndef DS_SOURCE_ROUTE_PARSE_H
#define DS_SOURCE_ROUTE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/util/addr.h"

enum ds_rt_kind {
	DS_RT_OTHER,	/* nothing of interest; kind and the header's fields are valid */
	DS_RT_LINK,
	DS_RT_ADDR,
	DS_RT_ROUTE,
	DS_RT_RULE,
	DS_RT_DONE,	/* end of a dump */
	DS_RT_ERROR,	/* `error` is -errno, or 0 for an acknowledgement */
	DS_RT_KIND_MAX
};

#define DS_RT_NAME_LEN 16	/* IFNAMSIZ */
#define DS_RT_HOPS_MAX 8	/* of a route with several next hops, the first ones */

struct ds_rt {
	enum ds_rt_kind kind;
	bool del;		/* RTM_DEL... */
	bool replace;		/* NLM_F_REPLACE */
	bool interrupted; /* NLM_F_DUMP_INTR: things changed during the dump, it may lack some */
	uint32_t seq;		/* of the request that it answers; 0 in a notification */
	uint32_t port;
	int error;
	/* link, addr */
	uint32_t ifindex;
	bool up;		/* link: IFF_UP */
	bool loopback;		/* link: IFF_LOOPBACK */
	char name[DS_RT_NAME_LEN];	/* link; NUL-terminated */
	struct ds_addr addr;	/* addr: the node's own end */
	/* route, rule */
	struct ds_prefix dst;	/* ::/0 or 0.0.0.0/0 (bits 96) when there is none; v6 tells which */
	struct ds_prefix src;	/* rule: "from" */
	bool v6;
	bool unicast;		/* route: RTN_UNICAST; rule: FR_ACT_TO_TBL */
	bool kernel;		/* route: made by the kernel itself (RTPROT_KERNEL) */
	bool gateway;		/* route: its next hop, or one of them, has a gateway */
	uint32_t hops[DS_RT_HOPS_MAX];	/* route: interfaces of its next hops */
	int hop_cnt;
	uint32_t table;
	uint32_t priority;
};

/*
 * Decodes the message at *offset of a datagram of len bytes and moves *offset to the next one.
 * 1: *ret_rt is filled; 0: no more; -EINVAL: a length that does not fit (the rest is lost).
 */
int ds_rt_next(const uint8_t *data, size_t len, size_t *offset, struct ds_rt *ret_rt);

/* Whether the route or rule has no destination: a default route. */
bool ds_rt_is_default(const struct ds_rt *rt);

#endif
