// SPDX-License-Identifier: Apache-2.0
/*
 * Drops what comes for some addresses: the CNI's filter as an XDP program (drainlab/net.py).
 * -DFORBIDDEN=A,B,...: the last four bytes of each, as a number. Needs no header.
 */
struct xdp_md {		/* uapi/linux/bpf.h */
	unsigned int data, data_end;
};

#define ETHERNET 14
#define XDP_DROP 1
#define XDP_PASS 2

__attribute__((section("xdp"), used)) int drop(struct xdp_md *ctx)
{
	const unsigned char *p = (const unsigned char *)(long)ctx->data;
	const unsigned char *end = (const unsigned char *)(long)ctx->data_end;
	static const unsigned int forbidden[] = { FORBIDDEN };
	unsigned int last;

	if (p + ETHERNET + 40 > end)
		return XDP_PASS;
	if (p[12] == 0x08 && p[13] == 0x00)
		p += ETHERNET + 16;
	else if (p[12] == 0x86 && p[13] == 0xdd)
		p += ETHERNET + 36;
	else
		return XDP_PASS;
	last = (unsigned int)p[0] << 24 | (unsigned int)p[1] << 16 | (unsigned int)p[2] << 8 | p[3];
#pragma unroll
	for (unsigned int i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (last == forbidden[i])
			return XDP_DROP;
	return XDP_PASS;
}

char _license[] __attribute__((section("license"), used)) = "Apache-2.0";
