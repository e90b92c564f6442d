/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of sources and sinks share: a folder of their own with two files (`path`, `other`),
 * what is said on standard error, what was delivered (`got`), and waiting for that on a loop.
 */
#ifndef DS_TESTS_UNIT_FILES_H
#define DS_TESTS_UNIT_FILES_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "tests/unit/unit.h"
#include "user/util/buf.h"

#define WAIT_MS 20000

static char folder[] = "/tmp/ds-test-XXXXXX";
static char path[64], other[64];
static char errors_path[64];
static int saved_stderr = -1;
static struct ds_buf got;	/* text; a test's callback appends to it */

static inline int files_setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/input", folder);
	(void)snprintf(other, sizeof(other), "%s/other", folder);
	(void)snprintf(errors_path, sizeof(errors_path), "%s/errors", folder);
	saved_stderr = dup(STDERR_FILENO);
	return saved_stderr < 0 ? -1 : 0;
}

static inline int files_teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(other);
	(void)unlink(errors_path);
	ds_buf_free(&got);
	return rmdir(folder);
}

static inline void forget_got(void)
{
	ds_buf_clear(&got);
	ds_buf_puts(&got, "");
}

/* Before each test: no files, and nothing delivered. */
static inline int files_fresh(void **state)
{
	(void)state;
	(void)unlink(path);
	(void)unlink(other);
	forget_got();
	return 0;
}

static inline void put_bytes(const char *name, int flags, const void *data, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | flags, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static inline void put(const char *name, int flags, const char *text)
{
	put_bytes(name, flags, text, strlen(text));
}

/* The file's first size - 1 bytes, as a string; returns how many. */
static inline size_t read_file(const char *name, char *buf, size_t size)
{
	int fd = open(name, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	n = read(fd, buf, size - 1);
	assert_true(n >= 0);
	buf[n] = '\0';
	close(fd);
	return (size_t)n;
}

/* Standard error goes into a file, until caught_errors() gives what was said. */
static inline void catch_errors(void)
{
	int fd = open(errors_path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
}

static inline const char *caught_errors(void)
{
	static char buf[8192];

	assert_true(dup2(saved_stderr, STDERR_FILENO) >= 0);
	(void)read_file(errors_path, buf, sizeof(buf));
	return buf;
}

static inline int count_lines(const char *text)
{
	int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static inline void on_waited_enough(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static inline bool is_got(const char *want)
{
	return strcmp(got.data ? got.data : "", want) == 0;
}

/* Before the loop waits: what timers did has not to be waited for. */
static inline void on_before_waiting(uv_prepare_t *prepare)
{
	if (is_got(prepare->data))
		uv_stop(prepare->loop);
}

/* Runs the loop until `got` is that. */
static inline void wait_for(uv_loop_t *loop, const char *want)
{
	uv_prepare_t prepare;
	uv_timer_t timer;

	assert_int_equal(uv_prepare_init(loop, &prepare), 0);
	prepare.data = (void *)(uintptr_t)want;
	assert_int_equal(uv_prepare_start(&prepare, on_before_waiting), 0);
	assert_int_equal(uv_timer_init(loop, &timer), 0);
	assert_int_equal(uv_timer_start(&timer, on_waited_enough, WAIT_MS, 0), 0);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	assert_string_equal(got.data ? got.data : "", want);
}

/* What the test closed is closed on the loop too, and nothing else is left on it. */
static inline void end_loop(uv_loop_t *loop)
{
	assert_int_equal(uv_run(loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(loop), 0);
}

/* Standard input is fd from now on, which is closed; the descriptor for put_back_stdin(). */
static inline int replace_stdin(int fd)
{
	int saved = dup(STDIN_FILENO);

	assert_true(saved >= 0);
	assert_true(fd >= 0);
	assert_true(dup2(fd, STDIN_FILENO) >= 0);
	close(fd);
	return saved;
}

static inline void put_back_stdin(int saved)
{
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	close(saved);
}

#endif
