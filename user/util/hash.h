/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyed hash for uthash tables: keys hold addresses and ports that strangers choose, and an
 * unkeyed hash lets them choose collisions too. SipHash-1-3. Include this instead of <uthash.h>.
 *
 * The key is set once, by main, before the first table is made; without that it is a constant. It
 * never shows in any output: uthash walks a table in order of insertion, whatever the hash.
 */
#ifndef DS_UTIL_HASH_H
#define DS_UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Sets the key of ds_hash. Only main calls this, with random bytes, before any table exists. */
void ds_hash_seed(const uint8_t seed[16]);

/* SipHash-1-3 under that key, folded to 32 bits. */
uint32_t ds_hash(const void *data, size_t len);

/* SipHash-1-3 under a key of one's own. */
uint64_t ds_siphash13(uint64_t k0, uint64_t k1, const void *data, size_t len);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = ds_hash((keyptr), (keylen)))
/*
 * No memory: HASH_ADD leaves the element out and its hh.tbl is NULL; the user looks at that
 * (uthash would end the process otherwise).
 */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Whether HASH_ADD took the element in. */
#define DS_HASH_ADDED(element) ((element)->hh.tbl != NULL)

#endif
