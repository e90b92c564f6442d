// SPDX-License-Identifier: Apache-2.0
#include "user/util/base64.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static void assert_decodes(const char *text, const char *bytes, size_t len)
{
	char out[64];
	size_t out_len = 99;

	assert_int_equal(ds_base64_decode(text, strlen(text), out, &out_len), 0);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, bytes, len);
	assert_true(len <= DS_BASE64_ROOM(strlen(text)));
}

/* The vectors of RFC 4648, section 10. */
static void the_vectors_of_the_rfc(void **state)
{
	(void)state;
	assert_decodes("", "", 0);
	assert_decodes("Zg==", "f", 1);
	assert_decodes("Zm8=", "fo", 2);
	assert_decodes("Zm9v", "foo", 3);
	assert_decodes("Zm9vYg==", "foob", 4);
	assert_decodes("Zm9vYmE=", "fooba", 5);
	assert_decodes("Zm9vYmFy", "foobar", 6);
	assert_decodes("//79+/8=", "\xff\xfe\xfd\xfb\xff", 5);
}

static void white_space_is_skipped_and_padding_may_be_missing(void **state)
{
	(void)state;
	assert_decodes(" Zm9v\nYmFy\r\n", "foobar", 6);
	assert_decodes("Zm9vYg", "foob", 4);
	assert_decodes("Zm9vYmE", "fooba", 5);
}

static void what_is_none_is_refused(void **state)
{
	static const char *const wrong[] = { "Z",    "Zm9vY", "Zm9v!",    "Zg=",   "Zm9=v",
					     "Z===", "Zg===", "Zg==Zg==", "Zm9v=", "-_-_" };
	char out[64];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (ds_base64_decode(wrong[i], strlen(wrong[i]), out, &len) != -EINVAL)
			fail_msg("taken: %s", wrong[i]);
	assert_int_equal(ds_base64_decode("Zm\0v", 4, out, &len), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfc),
		cmocka_unit_test(white_space_is_skipped_and_padding_may_be_missing),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
