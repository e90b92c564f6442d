// SPDX-License-Identifier: Apache-2.0
#include "user/source/kernel/kernel_closings.h"

#include <stdio.h>

#include "tests/unit/core_fixture.h"

#define S 1000 /* ms */
#define CLOSED DS_SOCKET_CHANGE_LISTENER_CLOSED
#define LISTENS DS_SOCKET_CHANGE_LISTENING

/* What came through, as text: "TIME PORT;", negative for a closing. */
static char told[512];

static void tell(void *ctx, struct ds_event *ev)
{
	size_t len = strlen(told);

	(void)ctx;
	(void)snprintf(told + len, sizeof(told) - len, "%d %s%d%s;",
		       (int)((ev->time_ns - FX_BEGIN) / DS_NS_PER_MS),
		       ev->socket_change == CLOSED ? "-" : "", (int)ev->source_port,
		       strcmp(ev->network_type, "ipv6") ? "" : "v6");
}

static struct ds_event listener(int64_t ms, uint64_t netns, int port, enum ds_socket_change change)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(ms));
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
	DS_SET(&ev, NETNS, netns, netns);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	DS_SET(&ev, SOURCE_PORT, source_port, port);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, change);
	return ev;
}

/* As kernel.c does with each record. */
static void pass(struct ds_closings *c, struct ds_event ev)
{
	if (!ds_closings_hold(c, &ev))
		tell(NULL, &ev);
}

static int begin(void **state)
{
	told[0] = '\0';
	return ds_closings_new((struct ds_closings **)state);
}

static int end(void **state)
{
	struct ds_closings *c = *state;

	ds_closings_free(&c);
	ds_closings_free(&c); /* NULL is fine */
	return 0;
}

/* Two listeners of a port: one closes before the search meets the other, which closes later. */
static void a_port_is_closed_once_when_its_last_listener_is(void **state)
{
	struct ds_closings *c = *state;

	pass(c, listener(1, 7, 8080, LISTENS));
	pass(c, listener(2, 7, 8080, CLOSED));
	pass(c, listener(3, 7, 8080, LISTENS));
	assert_string_equal(told, "1 8080;3 8080;");
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "1 8080;3 8080;");
	/* And where the other closes during the search too. */
	pass(c, listener(4, 7, 8080, CLOSED));
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "1 8080;3 8080;4 -8080;");
}

static void two_closings_of_a_port_are_the_last_one(void **state)
{
	struct ds_closings *c = *state;

	pass(c, listener(1, 7, 8080, CLOSED));
	pass(c, listener(2, 7, 9090, CLOSED));
	pass(c, listener(3, 7, 8080, CLOSED));
	assert_string_equal(told, "");
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "2 -9090;3 -8080;");
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "2 -9090;3 -8080;");
}

static void another_port_family_or_namespace_proves_nothing(void **state)
{
	struct ds_closings *c = *state;
	struct ds_event v6 = listener(4, 7, 8080, LISTENS);

	pass(c, listener(1, 7, 8080, CLOSED));
	pass(c, listener(2, 7, 8081, LISTENS));
	pass(c, listener(3, 8, 8080, LISTENS));
	DS_SET_STR(&v6, NETWORK_TYPE, network_type, "ipv6");
	pass(c, v6);
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "2 8081;3 8080;4 8080v6;1 -8080;");
}

/* On the host each cgroup counts for itself; in a pod all of them together. */
static void cgroups_are_told_apart_on_the_host_only(void **state)
{
	struct ds_closings *c = *state;
	struct ds_event closed = listener(1, 7, 8080, CLOSED);
	struct ds_event other = listener(2, 7, 8080, LISTENS);
	char path[] = "pod1/a";

	DS_SET_STR(&closed, CGROUP_PATH, cgroup_path, path);
	DS_SET_STR(&other, CGROUP_PATH, cgroup_path, "pod1/b");
	pass(c, closed);
	pass(c, other);
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "2 8080;");
	told[0] = '\0';
	closed.scope = other.scope = DS_SCOPE_ROUTING;
	pass(c, closed);
	pass(c, other);
	path[5] = 'x';	/* the event is kept whole */
	ds_closings_release(c, tell, NULL);
	assert_string_equal(told, "2 8080;1 -8080;");
}

static void nothing_else_is_held(void **state)
{
	struct ds_closings *c = *state;
	struct ds_event ev = listener(1, 7, 8080, DS_SOCKET_CHANGE_ACCEPTED);

	assert_false(ds_closings_hold(c, &ev));
	ds_event_init(&ev, DS_EVENT_PACKET, fx_at(2));
	assert_false(ds_closings_hold(c, &ev));
	ds_event_init(&ev, DS_EVENT_LOSS, fx_at(2));
	assert_false(ds_closings_hold(c, &ev));
}

/* Beyond the bound they are told too early, but told; and what was found still counts. */
static void what_does_not_fit_is_let_through(void **state)
{
	struct ds_closings *c = *state;
	struct ds_event ev;
	int held = 0;

	for (int i = 0; i < 20000; i++) {
		ev = listener(i, (uint64_t)(1 + i), 8080, CLOSED);
		held += ds_closings_hold(c, &ev);
	}
	assert_int_equal(held, 16384);
	ev = listener(1, 1, 8080, LISTENS);
	assert_false(ds_closings_hold(c, &ev));
	ev = listener(2, 20000, 8080, CLOSED);
	assert_true(ds_closings_hold(c, &ev));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_port_is_closed_once_when_its_last_listener_is),
		TEST(two_closings_of_a_port_are_the_last_one),
		TEST(another_port_family_or_namespace_proves_nothing),
		TEST(cgroups_are_told_apart_on_the_host_only),
		TEST(nothing_else_is_held),
		TEST(what_does_not_fit_is_let_through),
	};

	return cmocka_run_group_tests_name("kernel_closings", tests, NULL, NULL);
}
