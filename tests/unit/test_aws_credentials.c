// SPDX-License-Identifier: Apache-2.0
/*
 * What the chain keeps, renews and gives up; what each source says is in test_aws_fetch.c.
 */
#include "user/source/aws/aws_credentials.h"

#include "tests/unit/aws_fixture.h"

#define S DS_NS_PER_S

/* Container credentials that last so long. */
static struct answer *container(int64_t lasts_ns)
{
	struct answer *a = answer(0, "GET /c ");

	put_json(a, "K1", lasts_ns);
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", at("/c"));
	return a;
}

static void what_was_got_is_kept(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	for (int i = 0; i < 3; i++) {
		get();
		assert_got("container", "K1");
		assert_string_equal(got.secret, HUSH "/s");
		assert_string_equal(got.token, HUSH "/t");
		assert_true(got.expires_ns > ds_clock_ns(CLOCK_REALTIME));
	}
	assert_int_equal(a->asked, 1);
	assert_non_null(strstr(logged(), "AWS credentials: container, good until 20"));
}

static void one_request_serves_all_that_wait(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	assert_int_equal(ds_aws_chain_new(&chain, &loop, http), 0);
	for (int i = 0; i < 1024; i++)
		ds_aws_chain_get(chain, on_credentials, NULL);
	assert_int_equal(got.times, 0);
	ds_aws_chain_get(chain, on_credentials, NULL);	/* one too many */
	assert_int_equal(got.times, 1);
	assert_fault("too many calls");
	while (got.times < 1025)
		turn();
	assert_got("container", "K1");
	assert_int_equal(a->asked, 1);
}

static void they_are_renewed_before_they_expire(void **state)
{
	struct answer *a = container(3 * S);

	(void)state;
	get();
	assert_got("container", "K1");
	put_json(a, "K2", 3600 * S);
	while (!strcmp(got.key_id, "K1")) {
		bool good = got.expires_ns > ds_clock_ns(CLOCK_REALTIME);

		get();
		/* never without; the old ones are given while they last and others are asked for */
		assert_string_equal(got.fault, "");
		if (!strcmp(got.key_id, "K1"))
			assert_true(good);
		turn();
	}
	assert_got("container", "K2");
	assert_int_equal(a->asked, 2);
	get();
	assert_got("container", "K2");
	assert_int_equal(a->asked, 2);
}

static void old_ones_are_used_until_they_expire(void **state)
{
	struct answer *a = container(8 * S);
	unsigned int kept = 0;

	(void)state;
	get();
	assert_got("container", "K1");
	a->status = 500;
	for (get(); !got.fault[0]; get()) {
		assert_got("container", "K1");
		kept += a->asked > 1;
		turn();
	}
	assert_true(kept > 0);		/* the server had failed already */
	assert_true(a->asked < 8);	/* it was left alone in between */
	assert_fault("container: http://127.0.0.1:");
	assert_fault("answered 500 (");
	assert_non_null(strstr(logged(), "cannot renew the AWS credentials, continuing with the "
			       "old ones, trying again in "));
	/* and it is found again */
	a->status = 200;
	put_json(a, "K2", 3600 * S);
	for (get(); got.fault[0]; get())
		turn();
	assert_got("container", "K2");
}

static void a_server_that_is_gone_is_no_end(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/c");	/* nobody listens */
	get();
	assert_fault("container: 127.0.0.1:1: ");
	assert_fault("agent");
	set("AWS_CONTAINER_CREDENTIALS_FULL_URI", at("/c"));
	for (get(); got.fault[0]; get())
		turn();
	assert_got("container", "K1");
	assert_int_equal(a->asked, 1);
}

static void after_a_failure_the_sources_are_left_alone(void **state)
{
	struct answer *a = container(3600 * S);
	char first[sizeof(got.fault)];

	(void)state;
	a->status = 503;
	get();
	assert_fault("answered 503");
	memcpy(first, got.fault, sizeof(first));
	for (int i = 0; i < 100; i++) {
		get();
		assert_string_equal(got.fault, first);
	}
	assert_int_equal(a->asked, 1);
	while (a->asked < 3) {
		get();
		turn();
	}
	assert_fault("answered 503");
}

static void those_that_aws_refuses_are_asked_for_anew(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	get();
	put_json(a, "K2", 3600 * S);
	ds_aws_chain_refused(chain);
	ds_aws_chain_refused(chain);	/* of several calls with the same */
	get();
	assert_got("container", "K2");
	assert_int_equal(a->asked, 2);
	/* often, not at once */
	put_json(a, "K3", 3600 * S);
	ds_aws_chain_refused(chain);
	get();
	assert_fault("AWS refused those of container");
	assert_int_equal(a->asked, 2);
	for (get(); got.fault[0]; get())
		turn();
	assert_got("container", "K3");
	assert_int_equal(a->asked, 3);
}

static void a_refusal_of_none_is_none(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	assert_int_equal(ds_aws_chain_new(&chain, &loop, http), 0);
	ds_aws_chain_refused(chain);
	get();
	assert_got("container", "K1");
	assert_int_equal(a->asked, 1);
}

static void the_source_that_was_found_is_stayed_with_until_it_fails(void **state)
{
	struct answer *a = container(3 * S);

	(void)state;
	get();
	assert_got("container", "K1");
	/* from now on a source before it has some */
	set("AWS_ACCESS_KEY_ID", "E");
	set("AWS_SECRET_ACCESS_KEY", HUSH);
	put_json(a, "K2", 5 * S);
	for (get(); !strcmp(got.key_id, "K1"); get())
		turn();
	assert_got("container", "K2");
	a->status = 500;
	for (get(); !strcmp(got.key_id, "K2"); get())
		turn();
	for (; got.fault[0]; get())
		turn();
	assert_got("environment", "E");
}

static void get_again(void *ctx, const struct ds_aws_credentials *c, const char *fault)
{
	on_credentials(ctx, c, fault);
	if (got.times < 3) {
		ds_aws_chain_refused(chain);
		ds_aws_chain_get(chain, get_again, ctx);
	}
}

static void a_caller_may_ask_again_from_within(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	assert_int_equal(ds_aws_chain_new(&chain, &loop, http), 0);
	ds_aws_chain_get(chain, get_again, NULL);
	ds_aws_chain_get(chain, on_credentials, NULL);
	while (got.times < 3)
		turn();
	assert_got("container", "K1");
	assert_int_equal(a->asked, 2);
}

static void a_chain_may_be_freed_while_it_asks(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	a->silent = true;
	assert_int_equal(ds_aws_chain_new(&chain, &loop, http), 0);
	ds_aws_chain_get(chain, on_credentials, NULL);
	while (!a->asked)
		turn();
	ds_aws_chain_free(&chain);
	assert_int_equal(got.times, 0);
}

/* "wiped-from-memory", backwards: it must not stand in the test's own memory. */
static const char backwards[] = "yromem-morf-depiw";

static bool holds(const char *block, size_t len)
{
	const size_t n = sizeof(backwards) - 1;

	for (size_t i = 0; i + n <= len; i++) {
		size_t k = 0;

		while (k < n && block[i + k] == backwards[n - 1 - k])
			k++;
		if (k == n)
			return true;
	}
	return false;
}

/* Whether that word stands in [from, to) of this process's memory. */
static bool found_in(int fd, unsigned long from, unsigned long to)
{
	static char block[65536];
	const unsigned long step = sizeof(block) - sizeof(backwards);
	bool found = false;

	for (unsigned long at = from; at < to && !found; at += step) {
		size_t len = to - at < sizeof(block) ? to - at : sizeof(block);
		ssize_t n = pread(fd, block, len, (off_t)at);

		found = n > 0 && holds(block, (size_t)n);
	}
	explicit_bzero(block, sizeof(block));
	return found;
}

static bool is_in_memory(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int fd = open("/proc/self/mem", O_RDONLY);
	bool found = false;
	char line[512];

	assert_non_null(maps);
	assert_true(fd >= 0);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;

		/* What is larger is the shadow of a sanitizer. */
		if (sscanf(line, "%lx-%lx rw", &from, &to) == 2 && strstr(line, " rw") &&
		    to - from < 1UL << 30)
			found = found || found_in(fd, from, to);
	}
	close(fd);
	(void)fclose(maps);
	return found;
}

static void what_is_freed_is_wiped(void **state)
{
	struct answer *a = container(3600 * S);

	(void)state;
	/* Escaped, so that on its way here it is not yet that word. */
	snprintf(a->body, sizeof(a->body), "{\"AccessKeyId\":\"K\",\"SecretAccessKey\":\""
		 "0123456789012345678901234567890123456789-wiped\\u002dfrom\\u002dmemory\","
		 "\"Token\":\"0123456789012345678901234567890123456789-wiped\\u002dfrom\\u002dmemory\"}");
	get();
	assert_got("container", "K");
	memset(&got, 0, sizeof(got));
	assert_true(is_in_memory());
	ds_aws_chain_free(&chain);
	turn();
	assert_false(is_in_memory());
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_was_got_is_kept),
		STORY(one_request_serves_all_that_wait),
		STORY(they_are_renewed_before_they_expire),
		STORY(old_ones_are_used_until_they_expire),
		STORY(a_server_that_is_gone_is_no_end),
		STORY(after_a_failure_the_sources_are_left_alone),
		STORY(those_that_aws_refuses_are_asked_for_anew),
		STORY(a_refusal_of_none_is_none),
		STORY(the_source_that_was_found_is_stayed_with_until_it_fails),
		STORY(a_caller_may_ask_again_from_within),
		STORY(a_chain_may_be_freed_while_it_asks),
		STORY(what_is_freed_is_wiped),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
