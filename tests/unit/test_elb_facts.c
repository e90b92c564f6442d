// SPDX-License-Identifier: Apache-2.0
#include "user/source/elb/elb_facts.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

#define ARN_BEGIN "arn:aws:elasticloadbalancing:eu-central-1:123456789012:"
#define GROUP ARN_BEGIN "targetgroup/web/0123456789abcdef"
#define BALANCER ARN_BEGIN "loadbalancer/net/shop/fedcba9876543210"

static int setup(void **state)
{
	return ds_elb_facts_new((struct ds_elb_facts **)state);
}

static int teardown(void **state)
{
	ds_elb_facts_free((struct ds_elb_facts **)state);
	assert_null(*state);
	return 0;
}

static struct ds_elb_reading reading(void)
{
	return (struct ds_elb_reading){
		.arn = GROUP, .addr = ds_addr_from_v4((const uint8_t[4]){ 10, 0, 3, 1 }),
		.port = 8080, .state = DS_TARGET_STATE_HEALTHY, .previous = -1, .reason = "",
		.hi_ns = INT64_C(1795342500000000000),
	};
}

/* What nobody has said is absent, not zero. */
static void what_is_not_known_is_left_out(void **state)
{
	static const enum ds_key absent[] = {
		DS_KEY_TG_DELAY, DS_KEY_TG_TYPE, DS_KEY_TG_PRESERVE, DS_KEY_TG_HC_PORT,
		DS_KEY_TG_HC_INTERVAL, DS_KEY_LB_TYPE, DS_KEY_LB_NAME, DS_KEY_NOT_BEFORE,
		DS_KEY_TARGET_STATE_PREVIOUS, DS_KEY_TARGET_STATE_REASON, DS_KEY_CLOCK_ERROR,
	};
	struct ds_elb_reading r = reading();
	struct ds_elb_room room;
	struct ds_event ev;

	ds_elb_facts_target(*state, &r, &room, &ev);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
		assert_false(ds_event_has(&ev, absent[i]));
	assert_true(ds_event_has(&ev, DS_KEY_TG_PARTIAL) && ev.tg_partial);
	assert_string_equal(ev.tg_name, "web");
	assert_int_equal(ev.not_after, r.hi_ns);
	assert_int_equal(ev.time_ns, r.hi_ns);
}

static void what_is_known_goes_with_each_target(void **state)
{
	struct ds_elb_group_facts *g = ds_elb_facts_group(*state, GROUP);
	struct ds_elb_reading r = reading();
	struct ds_elb_room room;
	struct ds_event ev;

	g->delay_s = 0;
	g->type = DS_TARGET_TYPE_IP;
	g->preserve_client_ip = 0;
	g->check_port = 9000;
	g->check_interval_s = 10;
	strcpy(g->balancer, BALANCER);
	ds_elb_facts_balancer(*state, BALANCER)->type = DS_LB_TYPE_NETWORK;
	r.lo_ns = r.hi_ns - 5;
	ds_elb_facts_target(*state, &r, &room, &ev);
	assert_true(ds_event_has(&ev, DS_KEY_TG_DELAY) && !ev.tg_delay_s);
	assert_true(ds_event_has(&ev, DS_KEY_TG_PRESERVE) && !ev.tg_preserve_client_ip);
	assert_int_equal(ev.tg_health_check_port, 9000);
	assert_int_equal(ev.lb_type, DS_LB_TYPE_NETWORK);
	assert_false(ds_event_has(&ev, DS_KEY_LB_NAME));
	assert_int_equal(ev.not_before, r.lo_ns);
	ds_elb_facts_group(*state, GROUP)->check_port = DS_ELB_TRAFFIC_PORT;
	ds_elb_facts_target(*state, &r, &room, &ev);
	assert_int_equal(ev.tg_health_check_port, 8080);
}

static void an_address_is_told_once(void **state)
{
	struct ds_elb_balancer_facts *b = ds_elb_facts_balancer(*state, BALANCER);

	for (int i = 0; i < DS_ELB_ADDRESSES_MAX; i++) {
		struct ds_addr a = ds_addr_from_v4((const uint8_t[4]){ 10, 1, 0, (uint8_t)i });

		assert_true(ds_elb_balancer_add(b, &a));
		assert_false(ds_elb_balancer_add(b, &a));
	}
	assert_false(ds_elb_balancer_add(b, &(struct ds_addr){ .bytes = { 0xfd, 1 } }));
	assert_int_equal(b->addresses_cnt, DS_ELB_ADDRESSES_MAX);
}

static void a_full_table_forgets_the_first(void **state)
{
	char arn[128];

	(void)state;
	ds_elb_facts_group(*state, GROUP)->delay_s = 7;
	for (int i = 1; i < DS_ELB_GROUPS_MAX; i++) {
		(void)snprintf(arn, sizeof(arn), ARN_BEGIN "targetgroup/web/%d", i);
		ds_elb_facts_group(*state, arn)->delay_s = i;
	}
	assert_int_equal(ds_elb_facts_group(*state, GROUP)->delay_s, 7);
	(void)ds_elb_facts_group(*state, ARN_BEGIN "targetgroup/web/x");
	assert_int_equal(ds_elb_facts_group(*state, arn)->delay_s, DS_ELB_GROUPS_MAX - 1);
	assert_int_equal(ds_elb_facts_group(*state, GROUP)->delay_s, -1);
}

static void ec2_knows_it_by_its_description(void **state)
{
	char text[128];

	(void)state;
	ds_elb_facts_description(BALANCER, text, sizeof(text));
	assert_string_equal(text, "ELB net/shop/fedcba9876543210");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(what_is_not_known_is_left_out),
		T(what_is_known_goes_with_each_target),
		T(an_address_is_told_once),
		T(a_full_table_forgets_the_first),
		T(ec2_knows_it_by_its_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
