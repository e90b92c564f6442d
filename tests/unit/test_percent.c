// SPDX-License-Identifier: Apache-2.0
#include "user/util/percent.h"

#include <string.h>

#include "tests/unit/unit.h"

static void encodes_all_but_the_unreserved(void **state)
{
	char all[255], out[3 * sizeof(all)];
	char *end;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	end = ds_percent_encode(out, all, sizeof(all));
	/* 66 stand as they are. */
	assert_int_equal(end - out, 66 + 3 * (sizeof(all) - 66));
	end = ds_percent_encode(out, "azAZ09-._~", 10);
	assert_int_equal(end - out, 10);
	assert_memory_equal(out, "azAZ09-._~", 10);
	end = ds_percent_encode(out, "a b+:/=&%\xff\n", 11);
	assert_memory_equal(out, "a%20b%2B%3A%2F%3D%26%25%FF%0A", (size_t)(end - out));
	assert_int_equal(end - out, 29);
	assert_ptr_equal(ds_percent_encode(out, "", 0), out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_all_but_the_unreserved),
	};

	return cmocka_run_group_tests_name("percent", tests, NULL, NULL);
}
