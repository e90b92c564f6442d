// SPDX-License-Identifier: Apache-2.0
#include "user/source/cluster/cluster.h"

#include <stdlib.h>

#include "tests/unit/cluster_story.h"

#define A "web-565b7488d5-aaaaa"
#define B "web-565b7488d5-bbbbb"
#define A_UP ENDPOINT(A, "10.0.0.1", "n1", UP)
#define B_UP ENDPOINT(B, "10.0.0.2", "n2", UP)
#define A_GOING ENDPOINT(A, "10.0.0.1", "n1", GOING)

static void web(void)
{
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP "," B_UP));
}

#define WEB_TOLD \
	"ask what web is\n" \
	"n2: pod shop/" B " of - ports 8080\n" \
	"n2: target 10.0.0.2:8080 of web healthy (" B ")\n" \
	"n1: pod shop/" A " of - ports 8080\n" \
	"n1: target 10.0.0.1:8080 of web healthy (" A ")\n"

static void a_pod_that_goes_is_asked_for(void **state)
{
	(void)state;
	web();
	assert_told(WEB_TOLD);
	assert_false(ds_cluster_group_goes(cluster, WEB_ARN));
	now_s = 5;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("poll 10.0.0.1:8080 of web\n");
	assert_true(ds_cluster_group_goes(cluster, WEB_ARN));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_GOING "," B_UP));
	assert_told("");
	now_s = 10;
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", B_UP));
	assert_told("n1: ended u-" A " at 10\n");
	wait_until(610);
	assert_told("");
	wait_until(611);
	assert_told("unpoll 10.0.0.1\n");
	assert_int_equal(ds_cluster_stats(cluster).pods, 1);
}

static void in_any_order(void **state)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

	for (size_t i = 0; i < 6; i++) {
		for (int k = 0; k < 3; k++) {
			if (orders[i][k] == 0)
				is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "'http'"));
			if (orders[i][k] == 1)
				is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
			if (orders[i][k] == 2)
				is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP));
			if (k < 2)
				assert_told("");
		}
		assert_told("ask what web is\n"
			    "n1: pod shop/" A " of - ports 8080\n"
			    "n1: target 10.0.0.1:8080 of web healthy (" A ")\n");
		(void)end(state);
		(void)begin(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_pod_that_goes_is_asked_for, begin, end),
		cmocka_unit_test_setup_teardown(in_any_order, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
