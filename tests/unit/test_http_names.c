// SPDX-License-Identifier: Apache-2.0
/*
 * A name server that does not answer: this file's getaddrinfo() stands in for libc's, and answers
 * when the test lets it. The loop waits for it in no case. Where it would, the alarm ends the run.
 */
#include "user/source/http/http_call.h"

#include <netdb.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/http_fixture.h"

#define ALARM_S 30

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int asked, answered;
static bool let;	/* it answers */

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret_list)
{
	(void)name;
	(void)service;
	(void)hints;
	(void)ret_list;
	pthread_mutex_lock(&lock);
	asked++;
	pthread_cond_broadcast(&changed);
	while (!let)
		pthread_cond_wait(&changed, &lock);
	answered++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return EAI_NONAME;
}

static int silent(void **state)
{
	asked = answered = 0;
	let = false;
	alarm(ALARM_S);
	return setup(state);
}

static int answer(void **state)
{
	int r = teardown(state);	/* with the name server still silent */

	pthread_mutex_lock(&lock);
	let = true;
	pthread_cond_broadcast(&changed);
	while (answered < asked)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	alarm(0);
	return r;
}

static struct ds_http_call *begin(int64_t connect_ns)
{
	struct ds_http_request request = { .url = "http://slow.example.com/", .done = done,
					   .ctx = &got, .connect_ns = connect_ns };
	struct ds_http_call *new;

	assert_int_equal(ds_http_start(http, &request, &new), 0);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	pthread_mutex_lock(&lock);
	while (!asked)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	return new;
}

static void unknown_names_are_told(void **state)
{
	(void)state;
	let = true;
	(void)begin(0);
	run_until(1);
	assert_int_equal(got.reply.err, -ENOENT);
	assert_string_equal(got.fault.data, "slow.example.com: the name cannot be resolved");
	assert_int_equal(answered, 1);
}

static void names_time_out(void **state)
{
	(void)state;
	(void)begin(100 * DS_NS_PER_MS);
	run_until(1);
	assert_int_equal(got.reply.err, -ETIMEDOUT);
	assert_string_equal(got.fault.data, "slow.example.com: no connection within 0.1 s");
	assert_int_equal(answered, 0);
}

static void cancelling_waits_for_no_name(void **state)
{
	(void)state;
	ds_http_cancel(begin(0));
	assert_int_equal(answered, 0);
}

static void freeing_waits_for_no_name(void **state)
{
	(void)state;
	(void)begin(0);
	ds_http_free(&http);
	assert_int_equal(answered, 0);
}

static void others_are_served_meanwhile(void **state)
{
	struct ds_http_request request = { .url = url, .done = done, .ctx = &got };

	(void)state;
	server.reply = OK "Content-Length: 0\r\n\r\n";
	(void)begin(0);
	assert_int_equal(ds_http_start(http, &request, NULL), 0);
	run_until(1);
	assert_int_equal(got.reply.status, 200);
	assert_int_equal(answered, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, silent, answer)
	const struct CMUnitTest tests[] = {
		TEST(unknown_names_are_told),
		TEST(names_time_out),
		TEST(cancelling_waits_for_no_name),
		TEST(freeing_waits_for_no_name),
		TEST(others_are_served_meanwhile),
	};

	return cmocka_run_group_tests_name("http_names", tests, NULL, NULL);
}
