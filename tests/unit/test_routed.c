// SPDX-License-Identifier: Apache-2.0
/*
 * user/core/routed.c: what a state file says of routes, and what is missing at the next start.
 */
#include <stdio.h>

#include "tests/unit/core_fixture.h"
#include "user/core/routed.h"
#include "user/core/state.h"
#include "user/core/state_file.h"

#define S 1000 /* ms */
#define HERE 4026531840u

static const struct ds_state_header header = { .time_ns = FX_BEGIN, .run_id = "8f3a61c2" };

/* The node's routes: n is set where the address of pod n has one. */
static bool routes[8];

static const char *link_of(const void *ctx, const struct ds_addr *a)
{
	static char name[16];

	(void)ctx;
	for (int n = 0; n < 8; n++) {
		struct ds_addr own = fx_pod_addr(n);

		if (routes[n] && ds_addr_equal(a, &own)) {
			(void)snprintf(name, sizeof(name), "eni%d", n);
			return name;
		}
	}
	return NULL;
}

static char missing[256];

static void gone(void *ctx, const struct ds_addr *a, const char *link)
{
	size_t len = strlen(missing);
	char text[DS_ADDR_STRLEN];

	(void)ctx;
	(void)ds_addr_format(a, text);
	(void)snprintf(missing + len, sizeof(missing) - len, "%s %s;", text, link);
}

struct saving {
	struct ds_routed *routed;
	struct ds_state_text *text;
};

static void add(void *ctx, const struct ds_event *ev)
{
	struct saving *s = ctx;
	struct ds_event own = *ev;
	const char *link = NULL;
	struct ds_addr a;

	if (ev->kind == DS_EVENT_ROUTE && !ds_addr_parse(ev->address, strlen(ev->address), &a))
		link = link_of(NULL, &a);
	assert_int_equal(ds_routed_mark(s->routed, &own, link, HERE), 0);
	ds_state_add(s->text, &own);
}

static void save(const struct fixture *f, struct ds_routed *routed, struct ds_state_text *text)
{
	struct saving s = { routed, text };

	ds_state_begin(text, &header);
	ds_routed_begin(routed);
	ds_core_snapshot(f->core, add, &s);
	ds_routed_end(routed);
	assert_int_equal(ds_state_end(text), 0);
}

static void take(void *ctx, struct ds_event *ev)
{
	assert_int_equal(ds_routed_take(ctx, ev), 0);
}

/* What a run finds missing that begins with this state, in that namespace. */
static const char *missing_of(const struct ds_state_text *text, bool same_boot, uint64_t netns)
{
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_routed *routed = NULL;
	struct ds_state_view view;

	missing[0] = '\0';
	assert_int_equal(ds_routed_new(&routed), 0);
	if (ds_state_parse(text->all.data, text->all.len, &view, why))
		fail_msg("%s", why);
	assert_int_equal(ds_state_each(&view, same_boot, take, routed), 0);
	ds_routed_missing(routed, netns, link_of, gone, NULL);
	ds_routed_free(&routed);
	return missing;
}

struct story {
	struct fixture *f;
	struct ds_routed *routed;
	struct ds_state_text text;
};

/* Pods 1 and 2 have routes, pod 3 has none: it is behind a bridge. */
static int begin(void **state)
{
	static struct story s;

	memset(&s, 0, sizeof(s));
	memset(routes, 0, sizeof(routes));
	routes[1] = routes[2] = true;
	s.f = fx_new_bounded(0, 0);
	fx_start(s.f);
	for (int n = 1; n <= 3; n++)
		fx_pod(s.f, n, n);
	assert_int_equal(ds_routed_new(&s.routed), 0);
	*state = &s;
	return 0;
}

static int end(void **state)
{
	struct story *s = *state;

	ds_state_text_free(&s->text);
	ds_routed_free(&s->routed);
	ds_routed_free(&s->routed); /* NULL is fine */
	fx_free(s->f);
	return 0;
}

static void only_a_route_that_was_there_can_be_missing(void **state)
{
	struct story *s = *state;

	save(s->f, s->routed, &s->text);
	assert_string_equal(missing_of(&s->text, true, HERE), "");
	routes[1] = false;
	assert_string_equal(missing_of(&s->text, true, HERE), "10.0.3.1 eni1;");
	routes[2] = false;
	assert_string_equal(missing_of(&s->text, true, HERE), "10.0.3.1 eni1;10.0.3.2 eni2;");
}

static void another_boot_or_namespace_says_nothing(void **state)
{
	struct story *s = *state;

	save(s->f, s->routed, &s->text);
	routes[1] = false;
	assert_string_equal(missing_of(&s->text, false, HERE), "");
	assert_string_equal(missing_of(&s->text, true, HERE + 1), "");
}

static void what_was_released_before_is_not_missing(void **state)
{
	struct story *s = *state;

	fx_released(s->f, 1 * S, 1);
	routes[1] = false;
	save(s->f, s->routed, &s->text);
	assert_string_equal(missing_of(&s->text, true, HERE), "");
}

/* The route source knows at once, the core after the merge stage: the file stands between. */
static void a_route_that_the_core_does_not_miss_yet_is_marked(void **state)
{
	struct story *s = *state;

	save(s->f, s->routed, &s->text);
	routes[1] = false;
	save(s->f, s->routed, &s->text);
	assert_string_equal(missing_of(&s->text, true, HERE), "10.0.3.1 eni1;");
	fx_released(s->f, 1 * S, 1);
	save(s->f, s->routed, &s->text);
	assert_string_equal(missing_of(&s->text, true, HERE), "");
}

/* Behind a bridge by now, though an earlier holder of the address had a route. */
static void the_next_holder_is_marked_for_itself(void **state)
{
	struct story *s = *state;

	save(s->f, s->routed, &s->text);
	fx_released(s->f, 1 * S, 1);
	routes[1] = false;
	fx_pod_at(s->f, 2 * S, 4, "10.0.3.1");
	save(s->f, s->routed, &s->text);
	assert_string_equal(missing_of(&s->text, true, HERE), "");
	routes[1] = true;
	save(s->f, s->routed, &s->text);
	routes[1] = false;
	assert_string_equal(missing_of(&s->text, true, HERE), "10.0.3.1 eni1;");
}

/* Two restarts in a row: the second finds it too, until the core has been told. */
static void a_mark_outlives_a_run_that_could_not_say_it(void **state)
{
	struct story *s = *state;
	struct ds_state_text second = { 0 };
	struct ds_routed *routed = NULL;
	char why[DS_STATE_WHY_LEN + 1];
	struct ds_state_view view;

	save(s->f, s->routed, &s->text);
	assert_int_equal(ds_routed_new(&routed), 0);
	assert_int_equal(ds_state_parse(s->text.all.data, s->text.all.len, &view, why), 0);
	assert_int_equal(ds_state_each(&view, true, take, routed), 0);
	routes[2] = false;
	save(s->f, routed, &second);
	assert_string_equal(missing_of(&second, true, HERE), "10.0.3.2 eni2;");
	ds_state_text_free(&second);
	ds_routed_free(&routed);
}

/* A holding that the snapshot has no more is forgotten, and one of the same moment is another. */
static void forgotten_pods_leave_nothing(void **state)
{
	struct story *s = *state;
	struct fixture *empty = fx_new_bounded(0, 0);

	save(s->f, s->routed, &s->text);
	save(empty, s->routed, &s->text);
	routes[1] = routes[2] = false;
	missing[0] = '\0';
	ds_routed_missing(s->routed, HERE, link_of, gone, NULL);
	assert_string_equal(missing, "");
	save(s->f, s->routed, &s->text);
	assert_string_equal(missing_of(&s->text, true, HERE), "");
	fx_free(empty);
}

static void marks_that_make_no_sense_are_left(void **state)
{
	struct story *s = *state;
	struct ds_event ev;

	missing[0] = '\0';
	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(0));
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_ASSIGNED);
	DS_SET(&ev, ROUTE_BY, route_by, DS_ROUTE_BY_ROUTE);
	DS_SET(&ev, NETNS, netns, HERE);
	DS_SET_STR(&ev, ADDRESS, address, "no address");
	assert_int_equal(ds_routed_take(s->routed, &ev), 0);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.3.7");
	DS_SET(&ev, ROUTE_BY, route_by, DS_ROUTE_BY_RULE);
	assert_int_equal(ds_routed_take(s->routed, &ev), 0);
	ds_routed_missing(s->routed, HERE, link_of, gone, NULL);
	assert_string_equal(missing, "");
	/* A name that is too long is cut. */
	DS_SET(&ev, ROUTE_BY, route_by, DS_ROUTE_BY_ROUTE);
	DS_SET_STR(&ev, IFACE_NAME, iface_name, "0123456789abcdefghij");
	assert_int_equal(ds_routed_take(s->routed, &ev), 0);
	ds_routed_missing(s->routed, HERE, link_of, gone, NULL);
	assert_string_equal(missing, "10.0.3.7 0123456789abcde;");
	/* The release of another address does not end it; its own does. */
	missing[0] = '\0';
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.3.6");
	assert_int_equal(ds_routed_take(s->routed, &ev), 0);
	ds_routed_missing(s->routed, HERE, link_of, gone, NULL);
	assert_string_equal(missing, "10.0.3.7 0123456789abcde;");
}

static void feed(void *ctx, struct ds_event *ev)
{
	ds_core_feed(((struct fixture *)ctx)->core, ev);
}

/* Told as any other route that went, with the gap as its interval: as keep_state.c does. */
static void what_is_missing_is_released_in_the_gap(void **state)
{
	struct story *s = *state;
	struct fixture *g = fx_new_bounded(0, 0);
	char why[DS_STATE_WHY_LEN + 1];
	const struct ds_event *line;
	struct ds_state_view view;
	struct ds_event ev;

	fx_terminating(s->f, 1 * S, 1);
	save(s->f, s->routed, &s->text);
	fx_start_with(g, 10 * S, 900 * S, "auto", 0);
	fx_lb(g);
	assert_int_equal(ds_state_parse(s->text.all.data, s->text.all.len, &view, why), 0);
	assert_int_equal(ds_state_each(&view, true, feed, g), 0);
	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(5 * S));
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET(&ev, ROUTE_BY, route_by, DS_ROUTE_BY_ROUTE);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.3.1");
	DS_SET_STR(&ev, IFACE_NAME, iface_name, "eni1");
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(2 * S));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(5 * S));
	ds_core_feed(g->core, &ev);
	line = fx_only(g, DS_EVENT_PHASE);
	assert_int_equal(line->phase, DS_PHASE_ADDRESS_RELEASED);
	assert_int_equal(line->not_before, fx_at(2 * S));
	assert_int_equal(line->not_after, fx_at(5 * S));
	fx_syn_died(g, 6 * S, 1, 40001, 8);
	fx_ticks(g, 6 * S, 30 * S);
	line = fx_only(g, DS_EVENT_DROP);
	assert_int_equal(line->cause, DS_CAUSE_ADDRESS_RELEASED);
	assert_int_equal(line->attribution, DS_ATTRIBUTION_RELEASED_ADDRESS);
	assert_string_equal(line->pod_uid, fx_uid(1));
	fx_free(g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_a_route_that_was_there_can_be_missing),
		TEST(another_boot_or_namespace_says_nothing),
		TEST(what_was_released_before_is_not_missing),
		TEST(a_route_that_the_core_does_not_miss_yet_is_marked),
		TEST(the_next_holder_is_marked_for_itself),
		TEST(a_mark_outlives_a_run_that_could_not_say_it),
		TEST(forgotten_pods_leave_nothing),
		TEST(marks_that_make_no_sense_are_left),
		TEST(what_is_missing_is_released_in_the_gap),
	};

	return cmocka_run_group_tests_name("routed", tests, NULL, NULL);
}
