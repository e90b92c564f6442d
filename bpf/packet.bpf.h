/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads TCP over IPv4 and IPv6 out of a packet, wherever its network header is. Addresses come as
 * 16 bytes, IPv4 mapped. IPv6 extension headers are not followed: TCP does not use them.
 */
#ifndef DS_PACKET_BPF_H
#define DS_PACKET_BPF_H

#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define DS_TCP_FIN 0x01
#define DS_TCP_SYN 0x02
#define DS_TCP_RST 0x04
#define DS_TCP_ACK 0x10

#define DS_IP4_LEN 20
#define DS_IP6_LEN 40
#define DS_TCP_LEN 20

struct ds_pkt {
	union {
		__u8 saddr[16];
		__u32 saddr32[4];
	};
	union {
		__u8 daddr[16];
		__u32 daddr32[4];
	};
	__u8 tcp[DS_TCP_LEN];	/* the TCP header without options */
	__u32 payload_bytes;
	const unsigned char *payload;
	__u8 proto;
	__u8 hop_limit;
};

static __always_inline __u8 ds_pkt_flags(const struct ds_pkt *p)
{
	return p->tcp[13];
}

static __always_inline __u16 ds_be16(const __u8 *b)
{
	return (__u16)b[0] << 8 | b[1];
}

static __always_inline __u32 ds_be32(const __u8 *b)
{
	return (__u32)b[0] << 24 | (__u32)b[1] << 16 | (__u32)b[2] << 8 | b[3];
}

static __always_inline void ds_map_v4(__u32 to[4], __u32 address)
{
	to[0] = 0;
	to[1] = 0;
	to[2] = bpf_htonl(0xffff);
	to[3] = address;
}

/*
 * The IP header at l3: addresses, protocol, and where the next header is; false if it is neither
 * IPv4 (first fragment) nor IPv6. *ret_bytes is what the packet holds beyond its IP header.
 */
static __always_inline bool ds_pkt_ip(struct ds_pkt *p, const unsigned char *l3, __u32 buf[10],
				      const unsigned char **ret_l4, __u32 *ret_bytes)
{
	const __u8 *b = (const __u8 *)buf;
	__u32 header;

	/* One read for both families: an IPv4 header of 20 bytes and the TCP header after it. */
	if (bpf_probe_read_kernel(buf, DS_IP6_LEN, l3))
		return false;
	if (b[0] >> 4 == 4) {
		header = (b[0] & 15) * 4;
		if (header < DS_IP4_LEN || (ds_be16(b + 6) & 0x1fff))	/* a later fragment */
			return false;
		p->proto = b[9];
		p->hop_limit = b[8];
		ds_map_v4(p->saddr32, buf[3]);
		ds_map_v4(p->daddr32, buf[4]);
		*ret_bytes = ds_be16(b + 2) - header;
	} else if (b[0] >> 4 == 6) {
		header = DS_IP6_LEN;
		p->proto = b[6];
		p->hop_limit = b[7];
		p->saddr32[0] = buf[2];
		p->saddr32[1] = buf[3];
		p->saddr32[2] = buf[4];
		p->saddr32[3] = buf[5];
		p->daddr32[0] = buf[6];
		p->daddr32[1] = buf[7];
		p->daddr32[2] = buf[8];
		p->daddr32[3] = buf[9];
		*ret_bytes = ds_be16(b + 4);
	} else {
		return false;
	}
	*ret_l4 = l3 + header;
	return true;
}

/* The TCP header at l4 of a packet whose IP header is read. */
static __always_inline bool ds_pkt_l4(struct ds_pkt *p, const unsigned char *l4, __u32 bytes)
{
	__u32 header;

	if (bpf_probe_read_kernel(p->tcp, sizeof(p->tcp), l4))
		return false;
	header = (p->tcp[12] >> 4) * 4;
	p->payload = l4 + header;
	/* 0 also where tot_len is 0, above 64 KiB (BIG TCP): those are never first ones. */
	p->payload_bytes = bytes > header && bytes < 0x10000 ? bytes - header : 0;
	return true;
}

/* The TCP packet whose network header is at l3. */
static __always_inline bool ds_pkt_read(struct ds_pkt *p, const unsigned char *l3)
{
	const unsigned char *l4;
	__u32 buf[10];
	__u32 bytes;

	return ds_pkt_ip(p, l3, buf, &l4, &bytes) && p->proto == IPPROTO_TCP &&
	       ds_pkt_l4(p, l4, bytes);
}

/* Where the network header is, at every hook but netif_receive_skb (kernel.md, pitfall 11). */
static __always_inline const unsigned char *ds_skb_l3(const struct sk_buff *skb)
{
	return BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
}

/*
 * The first byte of the payload, if it lies in the linear part of the buffer: pages cannot be read
 * from here.
 */
static __always_inline bool ds_pkt_first_byte(const struct ds_pkt *p, const struct sk_buff *skb,
					      __u8 *ret_byte)
{
	const unsigned char *data = BPF_CORE_READ(skb, data);
	__u32 linear = BPF_CORE_READ(skb, len) - BPF_CORE_READ(skb, data_len);

	return p->payload_bytes && p->payload < data + linear &&
	       !bpf_probe_read_kernel(ret_byte, 1, p->payload);
}

#endif
