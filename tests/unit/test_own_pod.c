// SPDX-License-Identifier: Apache-2.0
#include "user/own_pod.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static int without_environment(void **state)
{
	(void)state;
	unsetenv("POD_NAMESPACE");
	unsetenv("POD_NAME");
	return 0;
}

static const char *namespace_of(const char *option, size_t size)
{
	static char buf[64];

	ds_own_namespace(option, buf, size);
	return buf;
}

static void the_option_goes_before_the_environment(void **state)
{
	(void)state;
	setenv("POD_NAMESPACE", "there", 1);
	assert_string_equal(namespace_of("here", 64), "here");
	assert_string_equal(namespace_of(NULL, 64), "there");
	assert_string_equal(namespace_of("", 64), "there");
	assert_string_equal(namespace_of(NULL, 4), "the");
}

/* Outside of a cluster: nobody has the service account's file. */
static void a_name_stands_in_where_nothing_is_said(void **state)
{
	(void)state;
	if (access("/var/run/secrets/kubernetes.io/serviceaccount/namespace", F_OK) == 0)
		skip();
	assert_string_equal(namespace_of(NULL, 64), "drainsnoop");
	setenv("POD_NAMESPACE", "", 1);
	assert_string_equal(namespace_of(NULL, 64), "drainsnoop");
}

static bool is_own(const char *namespace_, const char *name)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, 1);
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, namespace_);
	DS_SET_STR(&ev, POD_NAME, pod_name, name);
	return ds_own_pod_is(&ev);
}

static void own_is_what_has_both_names(void **state)
{
	(void)state;
	assert_false(is_own("drainsnoop", "agent-1"));
	setenv("POD_NAME", "agent-1", 1);
	assert_false(is_own("drainsnoop", "agent-1"));
	setenv("POD_NAMESPACE", "drainsnoop", 1);
	assert_true(is_own("drainsnoop", "agent-1"));
	assert_false(is_own("drainsnoop", "agent-2"));
	assert_false(is_own("shop", "agent-1"));
	assert_false(is_own(NULL, "agent-1"));
	assert_false(is_own("drainsnoop", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_option_goes_before_the_environment, without_environment),
		cmocka_unit_test_setup(a_name_stands_in_where_nothing_is_said, without_environment),
		cmocka_unit_test_setup(own_is_what_has_both_names, without_environment),
	};

	return cmocka_run_group_tests_name("own_pod", tests, NULL, NULL);
}
