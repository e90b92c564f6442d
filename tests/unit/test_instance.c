// SPDX-License-Identifier: Apache-2.0
#include "user/core/instance.h"

#include <stdio.h>

#include "tests/unit/core_fixture.h"

static struct ds_event told(const char *id, const char *arn)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, FX_BEGIN);
	DS_SET_STR(&ev, TARGET_ID, target_id, id);
	DS_SET(&ev, TARGET_STATE, target_state, DS_TARGET_STATE_HEALTHY);
	DS_SET_STR(&ev, TG_ARN, tg_arn, arn);
	return ev;
}

static void tell(struct ds_instances *i, const char *id, const char *arn)
{
	struct ds_event ev = told(id, arn);

	ds_instances_update(i, &ev);
}

static void a_target_that_is_an_address_is_none(void **state)
{
	static struct ds_instances i;
	struct ds_event ev;

	(void)state;
	tell(&i, "10.0.3.1", "arn:a");
	tell(&i, "i-ffff", "arn:b");
	assert_int_equal(i.cnt, 1);
	/* The type goes before what the identifier looks like. */
	ev = told("i-0abc", "arn:c");
	DS_SET(&ev, TG_TYPE, tg_type, DS_TARGET_TYPE_IP);
	ds_instances_update(&i, &ev);
	assert_int_equal(i.cnt, 1);
	ev = told("node-1", "arn:d");
	DS_SET(&ev, TG_TYPE, tg_type, DS_TARGET_TYPE_INSTANCE);
	ds_instances_update(&i, &ev);
	assert_int_equal(i.cnt, 2);
}

static void a_group_has_many_nodes_and_is_one(void **state)
{
	static struct ds_instances i;
	struct ds_event ev = told("i-1", "arn:a");

	(void)state;
	assert_null(ds_instances_only(&i));
	DS_SET_STR(&ev, TG_NAME, tg_name, "shop");
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_NETWORK);
	ds_instances_update(&i, &ev);
	tell(&i, "i-2", "arn:a");
	assert_string_equal(ds_instances_only(&i)->name, "shop");
	assert_int_equal(ds_instances_only(&i)->lb_type, DS_LB_TYPE_NETWORK);
	tell(&i, "i-1", "arn:b");
	assert_null(ds_instances_only(&i));
}

static void one_that_keeps_addresses_is_enough(void **state)
{
	static struct ds_instances i;
	struct ds_event ev = told("i-1", "arn:a");

	(void)state;
	tell(&i, "i-1", "arn:b");
	assert_false(ds_instances_preserve(&i));
	DS_SET(&ev, TG_PRESERVE, tg_preserve_client_ip, true);
	ds_instances_update(&i, &ev);
	assert_true(ds_instances_preserve(&i));
}

static void checks_reach_pods_only_by_the_node_port(void **state)
{
	static struct ds_instances i;
	struct ds_event ev = told("i-1", "arn:a");

	(void)state;
	DS_SET(&ev, TARGET_PORT, target_port, 30080);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, 10256);
	DS_SET(&ev, TG_HC_INTERVAL, tg_health_check_interval_s, 10);
	ds_instances_update(&i, &ev);
	assert_int_equal(ds_instances_check_interval_s(&i), 0);
	DS_SET(&ev, TG_HC_PORT, tg_health_check_port, 30080);
	ds_instances_update(&i, &ev);
	assert_int_equal(ds_instances_check_interval_s(&i), 10);
}

static void the_table_is_bounded_and_says_so(void **state)
{
	static struct ds_instances i;

	(void)state;
	for (int n = 0; n < DS_INSTANCE_GROUPS_MAX + 3; n++) {
		char arn[32];

		(void)snprintf(arn, sizeof(arn), "arn:%d", n);
		tell(&i, "i-1", arn);
	}
	tell(&i, "i-2", "arn:0");
	assert_int_equal(i.cnt, DS_INSTANCE_GROUPS_MAX);
	assert_int_equal(i.refused, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_that_is_an_address_is_none),
		cmocka_unit_test(a_group_has_many_nodes_and_is_one),
		cmocka_unit_test(one_that_keeps_addresses_is_enough),
		cmocka_unit_test(checks_reach_pods_only_by_the_node_port),
		cmocka_unit_test(the_table_is_bounded_and_says_so),
	};

	return cmocka_run_group_tests_name("instance", tests, NULL, NULL);
}
