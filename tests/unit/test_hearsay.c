// SPDX-License-Identifier: Apache-2.0
/* Pods that went while no agent was there: all that is known of them `targets` handed over. */
#include "include/ds_record.h"
#include "tests/unit/correlate_story.h"

/* It began to go at t0_ms, and had ended at ended_ms; it is told of at once, or long after. */
static struct ds_event hearsay(int n, int64_t t0_ms, int64_t ended_ms, const char *address)
{
	struct ds_event ev = fx_pod_event(ended_ms, n);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	DS_SET(&ev, PHASE, phase, DS_PHASE_DELETED);
	DS_SET(&ev, T0, t0, fx_at(t0_ms));
	DS_SET(&ev, T0_ERROR, t0_error, DS_NS_PER_S);
	DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_ENDPOINT_SLICE);
	return ev;
}

static void tell(struct fixture *f, int n, int64_t t0_ms, int64_t ended_ms)
{
	char address[DS_ADDR_STRLEN];
	const struct ds_addr a = fx_pod_addr(n);
	struct ds_event ev;

	(void)ds_addr_format(&a, address);
	ev = hearsay(n, t0_ms, ended_ms, address);
	ds_core_feed(f->core, &ev);
}

/* The run begins at 10 s. */
static void begin(struct fixture *f)
{
	fx_start(f);
	fx_lb(f);
	fx_tick(f, 10000);
}

static void what_comes_for_it_is_its_own(void **state)
{
	struct fixture *f = *state;

	begin(f);
	tell(f, 1, 5000, 7000);
	assert_true(fx_watch(f, 1) & DS_WATCH_RELEASED);
	fx_syn_died(f, 10500, 1, 40001, 100);
	fx_ticks(f, 11000, 60000);
	assert_string_equal(fx_only(f, DS_EVENT_DROP)->pod_uid, fx_uid(1));
	assert_int_equal(fx_only(f, DS_EVENT_DROP)->cause, DS_CAUSE_ADDRESS_RELEASED);
	assert_true(fx_only(f, DS_EVENT_DROP)->since_t0 == 5500 * DS_NS_PER_MS);
}

/* Whoever saw it go has judged it: another verdict would count it twice. */
static void it_gets_no_verdict(void **state)
{
	struct fixture *f = *state;

	begin(f);
	tell(f, 1, 5000, 7000);
	fx_syn_died(f, 10500, 1, 40001, 100);
	fx_ticks(f, 11000, 60000);
	fx_final(f, 61000);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 0);
}

static void what_is_seen_is_known_better(void **state)
{
	struct fixture *f = *state;

	fx_serving(f);
	fx_terminating(f, 2000, 1);
	tell(f, 1, 1000, 3000);
	assert_true(pod_of(f, 1)->t0_ns == fx_at(2000));
	assert_int_equal(pod_of(f, 1)->t0_source, DS_T0_SOURCE_DELETION_TIMESTAMP);
	assert_false(pod_of(f, 1)->deleted_ns);
	assert_int_equal(fx_count(f, DS_EVENT_POD_STATE), 2);	/* and is not told */
	fx_phase(f, 4000, 1, DS_PHASE_DELETED);
	fx_final(f, 5000);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 1);
}

/* Why it went is news, whoever saw it go. */
static void its_trigger_is_taken(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = hearsay(1, 1000, 3000, "10.0.0.1");

	fx_serving(f);
	fx_terminating(f, 2000, 1);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_ROLLOUT);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->trigger, DS_TRIGGER_ROLLOUT);
	assert_int_equal(fx_count(f, DS_EVENT_POD_STATE), 3);
}

static void nobody_knows_who_deleted_it(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = hearsay(1, 5000, 7000, "10.0.0.1");

	begin(f);
	DS_SET(&ev, TRIGGER, trigger, DS_TRIGGER_MANUAL);
	ds_core_feed(f->core, &ev);
	assert_int_equal(pod_of(f, 1)->trigger, -1);
}

static const struct ds_pod *holder(struct fixture *f, const char *address, int64_t ms)
{
	struct ds_addr a = fx_addr(address);
	enum ds_holding holding;

	return ds_ledger_lookup(f->core->ledger, &a, fx_at(ms), &holding);
}

static void an_address_that_another_has(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = hearsay(1, 5000, 7000, "10.0.0.7");

	begin(f);
	fx_pod_at(f, 10000, 2, "10.0.0.7");
	ds_core_feed(f->core, &ev);
	assert_ptr_equal(holder(f, "10.0.0.7", 11000), pod_of(f, 2));
	assert_false(pod_of(f, 2)->reused_ns);
}

static void an_address_that_another_had_before(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = hearsay(2, 1000, 2000, "10.0.0.7");

	begin(f);
	ds_core_feed(f->core, &ev);
	ev = hearsay(1, 5000, 7000, "10.0.0.7");
	ds_core_feed(f->core, &ev);
	assert_ptr_equal(holder(f, "10.0.0.7", 11000), pod_of(f, 1));
	/* And not one that began to go before that. */
	ev = hearsay(3, 4000, 6000, "10.0.0.7");
	ds_core_feed(f->core, &ev);
	assert_ptr_equal(holder(f, "10.0.0.7", 11000), pod_of(f, 1));
}

static void an_address_that_another_gets_later(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = hearsay(1, 5000, 7000, "10.0.0.7");

	begin(f);
	ds_core_feed(f->core, &ev);
	fx_pod_at(f, 12000, 2, "10.0.0.7");
	assert_ptr_equal(holder(f, "10.0.0.7", 11000), pod_of(f, 1));
	assert_ptr_equal(holder(f, "10.0.0.7", 12500), pod_of(f, 2));
	assert_true(pod_of(f, 1)->reused_ns == fx_at(12000));
}

/* It was on the host's network, which no EndpointSlice tells. */
static void an_address_of_the_node(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev = hearsay(1, 5000, 7000, FX_NODE);

	begin(f);
	fx_address(f, DS_EVENT_NODE_ADDRESS, FX_NODE);
	ds_core_feed(f->core, &ev);
	assert_null(holder(f, FX_NODE, 11000));
	assert_int_equal(fx_watch(f, 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(what_comes_for_it_is_its_own),
		FX_TEST(it_gets_no_verdict),
		FX_TEST(what_is_seen_is_known_better),
		FX_TEST(its_trigger_is_taken),
		FX_TEST(nobody_knows_who_deleted_it),
		FX_TEST(an_address_that_another_has),
		FX_TEST(an_address_that_another_had_before),
		FX_TEST(an_address_that_another_gets_later),
		FX_TEST(an_address_of_the_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
