// SPDX-License-Identifier: Apache-2.0
#include "user/sink/log_queue.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/files.h"
#include "user/util/log.h"

#define LONG 1500
#define MANY 200	/* of them fill the pipe and the queue */

static int ends[2];	/* of the pipe that is standard error */

/* Standard error is a pipe that nobody reads. */
static void stall(void)
{
	(void)fflush(stderr);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[0], F_SETPIPE_SZ, 4096) >= 4096);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	close(ends[1]);
}

static void restore(void)
{
	(void)dup2(saved_stderr, STDERR_FILENO);
	close(ends[0]);
}

static void say(int n)
{
	static char text[LONG];

	memset(text, 'a' + n % 26, sizeof(text) - 1);
	ds_log_warn("%06d %s", n, text);
}

/* One line, without its newline; it must be whole and have the prefix. */
static void read_line(char *line, size_t size)
{
	size_t len = 0;

	for (;; len++) {
		struct pollfd p = { .fd = ends[0], .events = POLLIN };

		if (len == size || poll(&p, 1, WAIT_MS) != 1 || read(ends[0], line + len, 1) != 1) {
			restore();
			fail_msg("no line");
		}
		if (line[len] == '\n')
			break;
	}
	line[len] = '\0';
}

/* Who has something to say never waits; what is lost is counted, and said once there is room. */
static void a_standard_error_that_stalls_costs_messages_and_no_time(void **state)
{
	struct ds_log_queue *q = NULL;
	char line[DS_LOG_LINE_MAX];
	uint64_t lost, said = 0;
	int last = -1, lines = 0;
	unsigned long long n;

	(void)state;
	stall();
	if (ds_log_queue_new(&q)) {
		restore();
		fail();
	}
	for (int i = 0; i < MANY; i++)
		say(i);		/* would never return */
	ds_log_queue_review(q);
	lost = ds_log_queue_lost(q);
	while (!said) {
		int number;

		read_line(line, sizeof(line));
		if (sscanf(line, "drainsnoop: standard error stalled: %llu messages", &n) == 1) {
			said = n;
		} else if (sscanf(line, "drainsnoop: %d ", &number) != 1 || number <= last ||
			   strlen(line) != strlen("drainsnoop: 000000 ") + LONG - 1) {
			restore();
			fail_msg("%s", line);
		} else {
			last = number;
			lines++;
		}
		ds_log_queue_review(q);
	}
	ds_log_queue_review(q);		/* once is enough */
	ds_log_warn("the end");
	read_line(line, sizeof(line));
	ds_log_queue_free(&q);
	ds_log_warn("by itself again");
	read_line(line + 64, sizeof(line) - 64);
	restore();
	assert_null(q);
	assert_in_range(lost, 100, MANY - 10);
	assert_int_equal(said, lost);
	assert_int_equal((uint64_t)lines + lost, MANY);
	assert_string_equal(line, "drainsnoop: the end");
	assert_string_equal(line + 64, "drainsnoop: by itself again");
}

/* The end waits for a moment only, and what is said after it waits not at all. */
static void the_end_does_not_wait_for_a_reader(void **state)
{
	pid_t child;
	int status;

	(void)state;
	stall();
	child = fork();
	if (!child) {
		struct ds_log_queue *q;

		(void)alarm(WAIT_MS / 1000);	/* it would stand still for ever */
		if (ds_log_queue_new(&q))
			_exit(1);
		for (int i = 0; i < MANY; i++)
			say(i);
		ds_log_queue_free(&q);
		for (int i = 0; i < MANY; i++)
			say(i);
		_exit(0);	/* its queue's thread is left behind, as intended */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	restore();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Whatever is said, a line is one write() on a pipe. */
static void a_message_is_cut_where_a_line_ends(void **state)
{
	char line[DS_LOG_LINE_MAX], text[2000];

	(void)state;
	stall();
	memset(text, 0x01, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ds_log_warn("%s", text);
	read_line(line, sizeof(line));
	restore();
	assert_in_range(strlen(line), DS_LOG_LINE_MAX - 8, DS_LOG_LINE_MAX - 1);
	assert_string_equal(line + strlen(line) - 4, "\\x01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_standard_error_that_stalls_costs_messages_and_no_time),
		cmocka_unit_test(the_end_does_not_wait_for_a_reader),
		cmocka_unit_test(a_message_is_cut_where_a_line_ends),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("log_queue", tests, files_setup, files_teardown);
}
