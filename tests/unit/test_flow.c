// SPDX-License-Identifier: Apache-2.0
#include "user/core/flow.h"

#include <time.h>

#include "tests/unit/core_fixture.h"

static struct ds_flows *flows;
static struct ds_pod pod;

static int setup(void **state)
{
	(void)state;
	memset(&pod, 0, sizeof(pod));
	return ds_flows_new(&flows, 3);
}

static int teardown(void **state)
{
	(void)state;
	ds_flows_free(&flows);
	assert_null(flows);
	return 0;
}

static struct ds_flow_key key_of(int peer_port)
{
	struct ds_flow_key key;

	memset(&key, 0, sizeof(key));
	key.pod = fx_pod_addr(1);
	key.peer = fx_addr(FX_LB);
	key.pod_port = FX_PORT;
	key.peer_port = (uint16_t)peer_port;
	return key;
}

static struct ds_flow *get(int peer_port, int64_t ms)
{
	struct ds_flow_key key = key_of(peer_port);
	struct ds_flow *flow = ds_flows_get(flows, &key, fx_at(ms));

	if (flow) {
		flow->pod = &pod;
		flow->balanced = true;
	}
	return flow;
}

static struct ds_flow *find(int peer_port)
{
	struct ds_flow_key key = key_of(peer_port);

	return ds_flows_find(flows, &key);
}

static void window(struct ds_flow *flow, enum ds_flow_window w, int64_t ms)
{
	ds_flows_open_window(flows, flow, w, fx_at(ms));
}

static void a_4_tuple_is_one_flow(void **state)
{
	struct ds_flow *a = get(1, 0), *b = get(2, 1);

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(get(1, 2), a);
	assert_true(a->last_ns == fx_at(2));
	assert_ptr_equal(find(2), b);
	assert_null(find(3));
	assert_int_equal(a->outcome, -1);
	assert_true(a->age_ns == -1);
}

static void the_quietest_comes_first(void **state)
{
	struct ds_flow *a = get(1, 0), *b = get(2, 1);

	(void)state;
	assert_ptr_equal(ds_flows_first(flows), a);
	get(1, 2);
	assert_ptr_equal(ds_flows_first(flows), b);
	ds_flows_remove(flows, b);
	assert_ptr_equal(ds_flows_first(flows), a);
	assert_null(a->next);
}

static void windows_end_in_their_order_whatever_their_length(void **state)
{
	struct ds_flow *a = get(1, 0), *b = get(2, 0), *c = get(3, 0);

	(void)state;
	window(a, DS_FLOW_WINDOW_SILENT, 12000);
	window(b, DS_FLOW_WINDOW_ANSWERED, 12200);
	window(c, DS_FLOW_WINDOW_SILENT, 12300);
	assert_int_equal(pod.open_windows, 3);
	assert_null(ds_flows_due(flows, fx_at(12000) - 1));
	assert_ptr_equal(ds_flows_due(flows, fx_at(20000)), a);
	ds_flows_close_window(flows, a);
	assert_ptr_equal(ds_flows_due(flows, fx_at(20000)), b);
	ds_flows_close_window(flows, b);
	assert_ptr_equal(ds_flows_due(flows, fx_at(12300)), c);
	ds_flows_close_window(flows, c);
	assert_null(ds_flows_due(flows, fx_at(20000)));
	assert_int_equal(pod.open_windows, 0);
}

static void only_a_shorter_window_replaces_an_open_one(void **state)
{
	struct ds_flow *a = get(1, 0);

	(void)state;
	window(a, DS_FLOW_WINDOW_SILENT, 12000);
	window(a, DS_FLOW_WINDOW_ANSWERED, 3200);
	assert_int_equal(a->window, DS_FLOW_WINDOW_ANSWERED);
	assert_true(a->window_ends_ns == fx_at(3200));
	window(a, DS_FLOW_WINDOW_SILENT, 15000);
	assert_int_equal(a->window, DS_FLOW_WINDOW_ANSWERED);
	assert_int_equal(pod.open_windows, 1);
	ds_flows_close_window(flows, a);
	ds_flows_close_window(flows, a);	/* nothing to close */
	assert_int_equal(pod.open_windows, 0);
}

static void a_window_of_another_peer_does_not_count_for_the_pod(void **state)
{
	struct ds_flow *a = get(1, 0);

	(void)state;
	a->balanced = false;
	window(a, DS_FLOW_WINDOW_SILENT, 12000);
	assert_int_equal(pod.open_windows, 0);
	ds_flows_close_window(flows, a);
	assert_int_equal(pod.open_windows, 0);
}

static void a_removed_flow_leaves_no_window(void **state)
{
	struct ds_flow *a = get(1, 0);

	(void)state;
	window(a, DS_FLOW_WINDOW_SILENT, 12000);
	ds_flows_remove(flows, a);
	assert_int_equal(pod.open_windows, 0);
	assert_null(ds_flows_due(flows, fx_at(20000)));
	assert_null(ds_flows_first(flows));
}

static void the_quietest_without_a_window_makes_room(void **state)
{
	(void)state;
	window(get(1, 0), DS_FLOW_WINDOW_SILENT, 12000);
	get(2, 1);
	get(3, 2);
	assert_non_null(get(4, 3));
	assert_non_null(find(1));
	assert_null(find(2));
	assert_int_equal(ds_flows_evictions(flows), 1);
}

static void nobody_makes_room_while_every_window_is_open(void **state)
{
	(void)state;
	for (int port = 1; port <= 3; port++)
		window(get(port, 0), DS_FLOW_WINDOW_SILENT, 12000);
	assert_null(get(4, 1));
	assert_int_equal(ds_flows_evictions(flows), 1);
	assert_non_null(get(3, 2));	/* known flows are not affected */
}

static void activity_and_a_window_keep_it_longer(void **state)
{
	struct ds_flow *a = get(1, 0);

	(void)state;
	get(2, 1);
	get(3, 2);
	window(a, DS_FLOW_WINDOW_ANSWERED, 200);
	ds_flows_close_window(flows, a);	/* by then the others have been quiet for longer */
	get(2, 3);
	assert_non_null(get(4, 4));
	assert_null(find(3));
	assert_non_null(get(5, 5));
	assert_null(find(1));
	assert_non_null(find(2));
	assert_int_equal(ds_flows_evictions(flows), 2);
}

/* A flood of connections that are all lost fills the table: each of them must cost the same. */
static void a_full_table_is_not_searched(void **state)
{
	const int max = 50000;
	clock_t begin = clock();

	(void)state;
	ds_flows_free(&flows);
	assert_int_equal(ds_flows_new(&flows, (size_t)max), 0);
	for (int port = 1; port <= max; port++)
		window(get(port, 0), DS_FLOW_WINDOW_SILENT, 12000);
	for (int port = 1; port <= max; port++) {
		struct ds_flow_key key = key_of(port);

		key.pod_port = FX_PORT + 1;
		assert_null(ds_flows_get(flows, &key, fx_at(1)));
	}
	assert_int_equal(ds_flows_evictions(flows), max);
	assert_true(clock() - begin < 4 * CLOCKS_PER_SEC);	/* searched: 2,500 million steps */
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_4_tuple_is_one_flow),
		T(the_quietest_comes_first),
		T(windows_end_in_their_order_whatever_their_length),
		T(only_a_shorter_window_replaces_an_open_one),
		T(a_window_of_another_peer_does_not_count_for_the_pod),
		T(a_removed_flow_leaves_no_window),
		T(the_quietest_without_a_window_makes_room),
		T(nobody_makes_room_while_every_window_is_open),
		T(activity_and_a_window_keep_it_longer),
		T(a_full_table_is_not_searched),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
