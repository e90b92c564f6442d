// SPDX-License-Identifier: Apache-2.0
/* A file laid out as the kernel lays out its ring buffer, both copies of the data written. */
#include "user/source/kernel/kernel_ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"

#define PAGE 4096u
#define BIG (1u << 20)	/* more than a window */

static int fd;
static char *file;	/* all of it */
static uint32_t bytes;
static unsigned long produced;
static struct ds_ring *ring;
static struct ds_buf got;
static int stop_after;
static unsigned long random_state = 1;

static void publish(void)
{
	memcpy(file + PAGE, &produced, sizeof(produced));
}

static unsigned long consumed(void)
{
	unsigned long position;

	memcpy(&position, file, sizeof(position));
	return position;
}

/* A byte of the data is in both copies. */
static void put_data(unsigned long position, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char *at = file + 2 * (size_t)PAGE + ((position + i) & (bytes - 1));

		at[0] = at[bytes] = data[i];
	}
}

static void put_header(unsigned long position, uint32_t len)
{
	uint32_t header[2] = { len, 0 };

	put_data(position, (const char *)header, sizeof(header));
}

/* A record of that text, as the kernel leaves it, with flags in its header. */
static unsigned long put(const char *text, uint32_t flags)
{
	size_t len = strlen(text);
	unsigned long at = produced;

	put_header(at, (uint32_t)len | flags);
	put_data(at + BPF_RINGBUF_HDR_SZ, text, len);
	produced += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
	publish();
	return at;
}

static int take(void *ctx, void *data, size_t len)
{
	assert_ptr_equal(ctx, &got);
	assert_true((uintptr_t)data % 8 == 0);
	ds_buf_printf(&got, "%.*s|", (int)len, (char *)data);
	return stop_after && --stop_after == 0 ? -1 : 0;
}

static size_t file_len(void)
{
	return 2 * ((size_t)PAGE + bytes);
}

static void make(uint32_t size)
{
	bytes = size;
	produced = 0;
	fd = memfd_create("ring", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)file_len()), 0);
	file = mmap(NULL, file_len(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(file, MAP_FAILED);
	assert_int_equal(ds_ring_new(&ring, fd, size), 0);
	ds_buf_clear(&got);
	stop_after = 0;
}

static int end(void **state)
{
	(void)state;
	ds_ring_free(&ring);
	assert_null(ring);
	ds_ring_free(&ring);
	(void)munmap(file, file_len());
	close(fd);
	ds_buf_free(&got);
	return 0;
}

static void assert_consume(int cnt, const char *want)
{
	ds_buf_clear(&got);
	assert_int_equal(ds_ring_consume(ring, take, &got), cnt);
	assert_string_equal(got.len ? got.data : "", want);
}

static void records_in_order(void **state)
{
	(void)state;
	make(PAGE);
	assert_consume(0, "");
	(void)put("a", 0);
	(void)put("bcdefghi", 0);
	assert_consume(2, "a|bcdefghi|");
	assert_int_equal(consumed(), produced);
	assert_consume(0, "");
}

static void what_was_given_up_is_passed_over(void **state)
{
	(void)state;
	make(PAGE);
	(void)put("a", 0);
	(void)put("gone", BPF_RINGBUF_DISCARD_BIT);
	(void)put("b", 0);
	assert_consume(2, "a|b|");
	assert_int_equal(consumed(), produced);
}

static void what_is_being_written_is_waited_for(void **state)
{
	unsigned long at;

	(void)state;
	make(PAGE);
	(void)put("a", 0);
	at = put("later", BPF_RINGBUF_BUSY_BIT);
	(void)put("b", 0);
	assert_consume(1, "a|");
	assert_int_equal(consumed(), at);
	assert_consume(0, "");
	put_header(at, 5);
	assert_consume(2, "later|b|");
}

static void it_stops_where_it_is_told_to(void **state)
{
	(void)state;
	make(PAGE);
	(void)put("a", 0);
	(void)put("b", 0);
	(void)put("c", 0);
	stop_after = 2;
	assert_consume(2, "a|b|");
	assert_consume(1, "c|");
}

/* Many times around a ring of one page, and around one of several windows. */
static void around_and_around(void **state)
{
	static const struct {
		uint32_t size;
		int rounds;
		size_t longest;
	} rings[] = { { PAGE, 2000, 900 }, { BIG, 600, 30000 } };

	(void)state;
	for (size_t r = 0; r < 2; r++) {
		static char text[32768];

		make(rings[r].size);
		for (int i = 0; i < rings[r].rounds; i++) {
			char want[64];
			size_t len;

			random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
			len = 16 + (random_state >> 33) % rings[r].longest;
			memset(text, 'a' + i % 26, len);
			text[len] = '\0';
			(void)snprintf(want, sizeof(want), "%08d", i);
			memcpy(text, want, 8);
			memcpy(text + len - 8, want, 8);
			(void)put(text, 0);
			ds_buf_clear(&got);
			assert_int_equal(ds_ring_consume(ring, take, &got), 1);
			assert_int_equal(got.len, len + 1);
			assert_memory_equal(got.data, text, len);
		}
		assert_true(produced > rings[r].size);
		if (!r)
			(void)end(NULL);
	}
}

static void what_no_kernel_writes(void **state)
{
	(void)state;
	make(BIG);
	put_header(0, 300000);	/* longer than a window */
	produced = 300008;
	publish();
	ds_buf_clear(&got);
	assert_int_equal(ds_ring_consume(ring, take, &got), -EIO);
	assert_int_equal(got.len, 0);
	assert_int_equal(consumed(), 0);
}

static void a_descriptor_that_is_no_ring(void **state)
{
	int ends[2];

	(void)state;
	make(PAGE);
	assert_int_equal(pipe(ends), 0);
	ds_ring_free(&ring);
	assert_true(ds_ring_new(&ring, ends[0], PAGE) < 0);
	assert_null(ring);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		TEST(records_in_order),
		TEST(what_was_given_up_is_passed_over),
		TEST(what_is_being_written_is_waited_for),
		TEST(it_stops_where_it_is_told_to),
		TEST(around_and_around),
		TEST(what_no_kernel_writes),
		TEST(a_descriptor_that_is_no_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
