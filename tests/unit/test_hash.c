// SPDX-License-Identifier: Apache-2.0
#include "user/util/hash.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

/*
 * The vectors of SipHash-2-4 do not fit 1-3; these are of the reference implementation with
 * cROUNDS 1 and dROUNDS 3, key 00..0f, input 00..len-1 (also those of Rust's std tests).
 */
static void reference_vectors(void **state)
{
	static const uint64_t want[] = {
		UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93),
		UINT64_C(0x82cb9b024dc7d44d), UINT64_C(0x8bf80ab8e7ddf7fb),
		UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
		UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140),
		UINT64_C(0x369095118d299a8e),
	};
	uint8_t data[16];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(ds_siphash13(UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908),
					 data, i) == want[i]);
}

struct item {
	uint32_t key;
	UT_hash_handle hh;
};

static void tables_keep_the_order_of_insertion_under_any_key(void **state)
{
	uint8_t seed[16];

	(void)state;
	for (int round = 0; round < 3; round++) {
		struct item *table = NULL, *i, *next;
		uint32_t n = 0;

		memset(seed, round * 37, sizeof(seed));
		ds_hash_seed(seed);
		for (uint32_t k = 0; k < 5000; k++) {
			i = calloc(1, sizeof(*i));
			assert_non_null(i);
			i->key = k * 2654435761u;
			HASH_ADD(hh, table, key, sizeof(i->key), i);
			assert_true(DS_HASH_ADDED(i));
		}
		HASH_ITER(hh, table, i, next) {
			assert_int_equal(i->key, n * 2654435761u);
			n++;
			HASH_DEL(table, i);
			free(i);
		}
		assert_int_equal(n, 5000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reference_vectors),
		cmocka_unit_test(tables_keep_the_order_of_insertion_under_any_key),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
