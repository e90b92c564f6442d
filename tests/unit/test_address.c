// SPDX-License-Identifier: Apache-2.0
#include "include/ds_record.h"
#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

static void route(struct fixture *f, int64_t ms, const char *address, enum ds_route_change change,
		  enum ds_route_by by, const char *link)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(ms));
	DS_SET(&ev, ROUTE_CHANGE, route_change, change);
	DS_SET(&ev, ROUTE_BY, route_by, by);
	DS_SET_STR(&ev, ADDRESS, address, address);
	DS_SET_STR(&ev, IFACE_NAME, iface_name, link);
	ds_core_feed(f->core, &ev);
}

#define GOES(f, ms, by, link) route(f, ms, "10.0.3.1", DS_ROUTE_CHANGE_RELEASED, by, link)
#define COMES(f, ms, by, link) route(f, ms, "10.0.3.1", DS_ROUTE_CHANGE_ASSIGNED, by, link)

static enum ds_holding holding(struct fixture *f, int64_t ms, const struct ds_pod *pod)
{
	struct ds_addr a = fx_pod_addr(1);
	enum ds_holding h;

	assert_ptr_equal(ds_ledger_lookup(f->core->ledger, &a, fx_at(ms), &h), pod);
	return h;
}

static struct ds_pod *pod_of(struct fixture *f, int n)
{
	return ds_ledger_find(f->core->ledger, fx_uid(n));
}

static void begin(struct fixture *f)
{
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
}

/* As --pod-ip, or a route alone, tells a pod. */
static void by_address(struct fixture *f, int64_t ms, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(ms));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	ds_core_feed(f->core, &ev);
}

/* ---- when ---- */

/* Routes have no clock: the line says between which two moments it went. */
static void the_line_of_a_release_has_the_interval_of_the_route(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *line;

	begin(f);
	fx_pod(f, 0, 1);
	fx_pod(f, 0, 2);
	fx_route(f, 900, 1 * S, 1, DS_ROUTE_CHANGE_RELEASED);
	line = fx_nth(f, DS_EVENT_PHASE, fx_count(f, DS_EVENT_PHASE) - 1);
	assert_int_equal(line->phase, DS_PHASE_ADDRESS_RELEASED);
	assert_int_equal(line->time_ns, fx_at(1 * S));
	assert_true(ds_event_has(line, DS_KEY_NOT_BEFORE) && ds_event_has(line, DS_KEY_NOT_AFTER));
	assert_int_equal(line->not_before, fx_at(900));
	assert_int_equal(line->not_after, fx_at(1 * S));
	/* A bound beyond the moment itself, or none, makes no interval. */
	fx_route(f, 3 * S, 2 * S, 2, DS_ROUTE_CHANGE_RELEASED);
	line = fx_nth(f, DS_EVENT_PHASE, fx_count(f, DS_EVENT_PHASE) - 1);
	assert_int_equal(line->phase, DS_PHASE_ADDRESS_RELEASED);
	assert_false(ds_event_has(line, DS_KEY_NOT_BEFORE));
	fx_pod(f, 2 * S, 3);
	route(f, 3 * S, "10.0.3.3", DS_ROUTE_CHANGE_RELEASED, DS_ROUTE_BY_RULE, "");
	line = fx_nth(f, DS_EVENT_PHASE, fx_count(f, DS_EVENT_PHASE) - 1);
	assert_string_equal(line->pod_uid, fx_uid(3));
	assert_false(ds_event_has(line, DS_KEY_NOT_BEFORE));
}

/* ---- a route that flaps ---- */

static void a_route_that_comes_back_to_its_link_undoes_the_release(void **state)
{
	struct fixture *f = *state;
	const struct ds_event *back;

	begin(f);
	fx_pod(f, 0, 1);
	GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING | DS_WATCH_RELEASED);
	COMES(f, 1100, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(holding(f, 2 * S, pod_of(f, 1)), DS_HOLDING_HELD);
	assert_int_equal(pod_of(f, 1)->released_ns, 0);
	/* What died meanwhile comes again: that is looked at for as long as it takes. */
	assert_int_equal(fx_watch(f, 1), DS_WATCH_GOING);
	fx_tick(f, 13 * S);
	assert_int_equal(fx_tap(f), 1);
	fx_tick(f, 13100);
	assert_int_equal(fx_watch(f, 1), 0);
	assert_int_equal(fx_tap(f), 0);
	back = fx_nth(f, DS_EVENT_PHASE, 2);
	assert_int_equal(back->phase, DS_PHASE_READY);
	assert_int_equal(back->phase_previous, DS_PHASE_ADDRESS_RELEASED);
	assert_int_equal(ds_pod_phase_at(pod_of(f, 1), fx_at(3 * S))->phase, DS_PHASE_READY);
	fx_ticks(f, 14 * S, 60 * S);
	assert_int_equal(fx_count(f, DS_EVENT_VERDICT), 0);	/* it did not end */
	/* When it really ends, the release is that of then. */
	fx_terminating(f, 61 * S, 1);
	GOES(f, 62 * S, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(pod_of(f, 1)->released_ns, fx_at(62 * S));
}

/* The rule goes, then the route; both have to come back. */
static void every_sign_has_to_come_back(void **state)
{
	struct fixture *f = *state;

	begin(f);
	fx_pod(f, 0, 1);
	GOES(f, 1 * S, DS_ROUTE_BY_RULE, "");
	GOES(f, 1010, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(pod_of(f, 1)->released_ns, fx_at(1 * S));	/* the first of them */
	COMES(f, 2 * S, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(holding(f, 3 * S, pod_of(f, 1)), DS_HOLDING_RELEASED);
	COMES(f, 2100, DS_ROUTE_BY_RULE, "");
	assert_int_equal(holding(f, 3 * S, pod_of(f, 1)), DS_HOLDING_HELD);
}

static void both_families_have_to_come_back(void **state)
{
	struct fixture *f = *state;

	begin(f);
	fx_pod_at(f, 0, 1, "10.0.3.1,fd00::1");
	GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "eni1");
	route(f, 1100, "fd00::1", DS_ROUTE_CHANGE_RELEASED, DS_ROUTE_BY_ROUTE, "eni1");
	COMES(f, 2 * S, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(pod_of(f, 1)->released_ns, fx_at(1 * S));
	route(f, 2100, "fd00::1", DS_ROUTE_CHANGE_ASSIGNED, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(pod_of(f, 1)->released_ns, 0);
}

static void it_stays_released_where_the_route_is_anothers(void **state)
{
	(void)state;
	for (int story = 0; story < 4; story++) {
		struct fixture *f = fx_new_bounded(0, 0);

		begin(f);
		fx_pod(f, 0, 1);
		if (story == 1 || story == 2)
			fx_terminating(f, 500, 1);
		/* A StatefulSet's next pod has the same name, and so the same link. */
		if (story == 1)
			fx_process(f, 800, 1, 1, DS_PROCESS_CHANGE_EXITED, 0);
		GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "eni1");
		if (story == 2)
			fx_phase(f, 1500, 1, DS_PHASE_DELETED);
		if (story == 3)
			fx_pod_at(f, 1600, 2, "10.0.3.1");
		COMES(f, 2 * S, DS_ROUTE_BY_ROUTE, story ? "eni1" : "eni2");
		assert_int_equal(pod_of(f, 1)->released_ns, fx_at(1 * S));
		assert_int_equal(holding(f, 3 * S, pod_of(f, story == 3 ? 2 : 1)),
				 story == 3 ? DS_HOLDING_HELD : DS_HOLDING_RELEASED);
		fx_free(f);
	}
}

static void an_assignment_without_a_release_changes_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f);
	COMES(f, 0, DS_ROUTE_BY_ROUTE, "eni1");	/* before anybody told of the pod */
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 0);
	fx_pod(f, 1 * S, 1);
	COMES(f, 2 * S, DS_ROUTE_BY_ROUTE, "eni1");
	assert_int_equal(holding(f, 3 * S, pod_of(f, 1)), DS_HOLDING_HELD);
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 1);
}

/* ---- addresses without Kubernetes ---- */

static void an_address_given_out_again_is_another_pod(void **state)
{
	struct fixture *f = *state;
	struct ds_pod *first, *second;

	begin(f);
	by_address(f, 0, "10.0.3.1");
	first = ds_ledger_find(f->core->ledger, "10.0.3.1");
	GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "veth1");
	fx_syn_died(f, 1500, 1, 40000, 7);
	COMES(f, 30 * S, DS_ROUTE_BY_ROUTE, "veth2");
	by_address(f, 30 * S, "10.0.3.1");	/* as the plain command tells it too */
	second = ds_ledger_find(f->core->ledger, "10.0.3.1");
	assert_non_null(second);
	assert_ptr_not_equal(first, second);
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 2);
	assert_int_equal(first->reused_ns, fx_at(30 * S));
	assert_int_equal(holding(f, 2 * S, first), DS_HOLDING_RELEASED);
	assert_int_equal(holding(f, 31 * S, second), DS_HOLDING_HELD);
	assert_int_equal(first->drops_by[DS_CAUSE_ADDRESS_RELEASED], 1);
	/* And a third, after the second: each has its own past. */
	GOES(f, 40 * S, DS_ROUTE_BY_LINK, "veth2");
	COMES(f, 50 * S, DS_ROUTE_BY_ROUTE, "veth2");	/* the same name, another link */
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 3);
	assert_int_equal(holding(f, 41 * S, second), DS_HOLDING_RELEASED);
}

static void a_named_address_given_out_again_loses_its_name(void **state)
{
	struct fixture *f = *state;
	struct ds_event ev;

	begin(f);
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(0));
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, "10.0.3.1");
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, "checkout-1");
	ds_core_feed(f->core, &ev);
	GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "veth1");
	COMES(f, 2 * S, DS_ROUTE_BY_ROUTE, "veth2");
	assert_int_equal(holding(f, 1500, ds_ledger_find(f->core->ledger, "shop/checkout-1")),
			 DS_HOLDING_RELEASED);
	assert_int_equal(holding(f, 3 * S, ds_ledger_find(f->core->ledger, "10.0.3.1")),
			 DS_HOLDING_HELD);
}

/* Kubernetes will tell whose it is: until then it is the released one's. */
static void what_kubernetes_names_is_left_to_kubernetes(void **state)
{
	struct fixture *f = *state;

	begin(f);
	fx_pod(f, 0, 1);
	GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "eni1");
	COMES(f, 30 * S, DS_ROUTE_BY_ROUTE, "eni2");
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 1);
	assert_int_equal(holding(f, 31 * S, pod_of(f, 1)), DS_HOLDING_RELEASED);
}

static void a_flap_is_no_new_pod_either(void **state)
{
	struct fixture *f = *state;

	begin(f);
	by_address(f, 0, "10.0.3.1");
	GOES(f, 1 * S, DS_ROUTE_BY_ROUTE, "veth1");
	COMES(f, 1100, DS_ROUTE_BY_ROUTE, "veth1");
	by_address(f, 1100, "10.0.3.1");
	assert_int_equal(ds_ledger_stats(f->core->ledger).pods, 1);
	assert_int_equal(holding(f, 2 * S, ds_ledger_find(f->core->ledger, "10.0.3.1")),
			 DS_HOLDING_HELD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(the_line_of_a_release_has_the_interval_of_the_route),
		FX_TEST(a_route_that_comes_back_to_its_link_undoes_the_release),
		FX_TEST(every_sign_has_to_come_back),
		FX_TEST(both_families_have_to_come_back),
		FX_TEST(it_stays_released_where_the_route_is_anothers),
		FX_TEST(an_assignment_without_a_release_changes_nothing),
		FX_TEST(an_address_given_out_again_is_another_pod),
		FX_TEST(a_named_address_given_out_again_loses_its_name),
		FX_TEST(what_kubernetes_names_is_left_to_kubernetes),
		FX_TEST(a_flap_is_no_new_pod_either),
	};

	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
