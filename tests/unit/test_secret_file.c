// SPDX-License-Identifier: Apache-2.0
#include "user/util/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "user/util/wipe.h"

static char folder[] = "/tmp/ds-test-secret-XXXXXX", path[64];
static char *text;
static size_t len;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(folder);
}

static void put(const char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), (ssize_t)size);
	close(fd);
}

static void assert_read(const char *want, size_t want_len, size_t max)
{
	assert_int_equal(ds_secret_file_read(path, max, &text, &len), 0);
	assert_int_equal(len, want_len);
	assert_memory_equal(text, want, want_len + 1);	/* and a NUL behind it */
	ds_wipe_free(text);
}

static void a_file_is_read_whole(void **state)
{
	(void)state;
	put("a\0b\n", 4);
	assert_read("a\0b\n", 4, 100);
	assert_read("a\0b\n", 4, 4);
	put("", 0);
	assert_read("", 0, 4);
	assert_read("", 0, 0);
}

static void one_that_is_larger_is_not_read(void **state)
{
	(void)state;
	put("abcde", 5);
	assert_int_equal(ds_secret_file_read(path, 4, &text, &len), -EFBIG);
	assert_int_equal(ds_secret_file_read("/dev/zero", 4, &text, &len), -EFBIG);
}

static void what_is_no_file_is_told_at_once(void **state)
{
	(void)state;
	assert_int_equal(ds_secret_file_read("/nonexistent", 4, &text, &len), -ENOENT);
	assert_int_equal(ds_secret_file_read(folder, 4, &text, &len), -EISDIR);
	assert_int_equal(ds_secret_file_read("/dev/null/x", 4, &text, &len), -ENOTDIR);
	assert_int_equal(ds_secret_file_read("/dev/null", 4, &text, &len), 0);
	assert_int_equal(len, 0);
	ds_wipe_free(text);
}

static void a_fifo_is_not_waited_for(void **state)
{
	(void)state;
	(void)unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_read("", 0, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(one_that_is_larger_is_not_read),
		cmocka_unit_test(what_is_no_file_is_told_at_once),
		cmocka_unit_test(a_fifo_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
