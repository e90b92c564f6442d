/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and prefixes, one representation for both families: 16 bytes, IPv4 as the mapped
 * IPv6 address ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). All zero means "absent". Pure.
 */
#ifndef DS_UTIL_ADDR_H
#define DS_UTIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DS_ADDR_STRLEN 46	/* INET6_ADDRSTRLEN: the longest text and its NUL */
#define DS_PREFIX_STRLEN (DS_ADDR_STRLEN + 4)

struct ds_addr {
	uint8_t bytes[16];	/* network order */
};

struct ds_prefix {
	struct ds_addr addr;	/* host bits cleared */
	uint8_t bits;		/* 0-128, counted on the 16 bytes: an IPv4 /24 is 120 */
};

bool ds_addr_is_set(const struct ds_addr *a);
bool ds_addr_is_v4(const struct ds_addr *a);
bool ds_addr_equal(const struct ds_addr *a, const struct ds_addr *b);

/* Loopback of either family: 127.0.0.0/8 or ::1. */
bool ds_addr_is_loopback(const struct ds_addr *a);

/*
 * Parses "10.0.0.1", "fd00::1" or "::ffff:10.0.0.1" of len bytes (no NUL needed).
 * 0, or -EINVAL with *ret_addr untouched.
 */
int ds_addr_parse(const char *text, size_t len, struct ds_addr *ret_addr);

/* Parses "ADDR" (a host prefix) or "ADDR/BITS". 0 or -EINVAL; host bits are cleared. */
int ds_prefix_parse(const char *text, size_t len, struct ds_prefix *ret_prefix);

/* Writes the text form and a NUL; returns its length. The buffer holds DS_ADDR_STRLEN bytes. */
size_t ds_addr_format(const struct ds_addr *a, char buf[DS_ADDR_STRLEN]);

/* "10.0.0.0/24"; a host prefix is written as its address alone. Returns the length. */
size_t ds_prefix_format(const struct ds_prefix *p, char buf[DS_PREFIX_STRLEN]);

/* IPv4 addresses lie in IPv4 prefixes only: ::/0 means every IPv6 address. */
bool ds_prefix_contains(const struct ds_prefix *p, const struct ds_addr *a);

/* The mapped form of four bytes in network order. */
static inline struct ds_addr ds_addr_from_v4(const uint8_t b[4])
{
	return (struct ds_addr){ { [10] = 0xff, 0xff, b[0], b[1], b[2], b[3] } };
}

#endif
