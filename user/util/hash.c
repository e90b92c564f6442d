// SPDX-License-Identifier: Apache-2.0
/*
 * SipHash-1-3 (Aumasson and Bernstein; one compression round, three of finalisation).
 */
#include "user/util/hash.h"

#include <string.h>

/* Exempt from "no mutable globals", as the log level is: uthash's macro has no context. */
static uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };

void ds_hash_seed(const uint8_t seed[16])
{
	memcpy(key, seed, sizeof(key));
}

static uint64_t rotl(uint64_t v, int bits)
{
	return v << bits | v >> (64 - bits);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* Little-endian, whatever the machine: the test vectors hold everywhere. */
static inline __attribute__((always_inline)) uint64_t load(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	if (n == 8) {
		memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		v = __builtin_bswap64(v);
#endif
		return v;
	}
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint64_t ds_siphash13(uint64_t k0, uint64_t k1, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t v[4] = {
		k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
		k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573),
	};
	uint64_t last = (uint64_t)len << 56;

	for (; len >= 8; len -= 8, p += 8) {
		uint64_t m = load(p, 8);

		v[3] ^= m;
		sip_round(v);
		v[0] ^= m;
	}
	last |= load(p, len);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint32_t ds_hash(const void *data, size_t len)
{
	uint64_t h = ds_siphash13(key[0], key[1], data, len);

	return (uint32_t)(h ^ h >> 32);
}
