// SPDX-License-Identifier: Apache-2.0
/* What goes wrong with a server, and what is done about it. */
#include "user/source/kube/kube_watch.h"

#include "tests/unit/kube_watch_story.h"

static void other_errors_in_the_stream_begin_with_a_list(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", ""));
	assert_false(feed(f, "{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"etcd is gone\"}}" EVENT("ADDED", "a", "1")));
	done_with(f, 200);
	assert_told(f, "trouble etcd is gone|");
	assert_true(next(f) > 0);
	assert_int_equal(f->request.step, DS_KUBE_LIST);
	assert_true(feed(f, LIST("11", "", "")));
	done_with(f, 200);
	assert_told(f, "trouble is over|");
}

static void bytes_that_are_no_json(void **state)
{
	struct fixture *f = *state;

	(void)next(f);
	assert_false(feed(f, "<html>"));
	fault_with(f, 200, "enough");
	assert_told(f, "trouble the API server sends what is no JSON|");
	listed(f, LIST("10", "", ""));
	assert_told(f, "trouble is over|");
	assert_false(feed(f, EVENT("ADDED", "a", "1") "}"));
	assert_told(f, "is a=1|");
	done_with(f, 200);
	(void)next(f);
	assert_int_equal(f->request.step, DS_KUBE_LIST);
}

/* Half an event at the end of a stream is no event, and no trouble: it comes again. */
static void a_stream_that_dies_goes_on_from_the_last_word(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", ""));
	assert_true(feed(f, EVENT("ADDED", "a", "1") "{\"type\":\"MODIFIED\",\"obj"));
	assert_told(f, "is a=1|");
	f->now_ns += S(150);
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == 0);	/* nobody knows yet */
	fault_with(f, 200, "silent for 150 s");
	assert_told(f, "");
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == S(150));
	assert_true(next(f) <= S(0.5));
	assert_non_null(strstr(f->request.target, "&resourceVersion=r1"));
	assert_int_equal(ds_kube_watch_stats(f->w).restarts, 1);
	assert_true(feed(f, EVENT("MODIFIED", "a", "2")));
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == 0);
	assert_told(f, "is a=2|");
}

static void a_server_that_is_away_is_told_once_and_asked_less_and_less(void **state)
{
	struct fixture *f = *state;
	int64_t waited = 0, before;

	listed(f, LIST("10", "", OBJECT("a", "1")));
	assert_true(feed(f, EVENT("MODIFIED", "a", "2")));
	assert_told(f, "is a=1|is a=2|");
	fault_with(f, 200, "broke");
	before = f->now_ns;
	for (int i = 0; i < 12; i++) {
		int64_t wait_ns = next(f);

		assert_true(wait_ns > 0 && wait_ns <= S(30));
		waited = wait_ns;
		fault_with(f, 0, "refused");
	}
	assert_true(waited >= S(15));
	assert_told(f, "trouble the API server cannot be asked to watch pods: refused|");
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == f->now_ns - before);
	(void)next(f);
	f->now_ns += S(8);
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) > 0);
	ds_kube_watch_settled(f->w);	/* silence is no failure */
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == 0);
	assert_told(f, "trouble is over|");
	assert_true(f->was_blind_ns == f->now_ns - before);
	fault_with(f, 200, "broke");
	assert_true(next(f) <= S(0.5));		/* it worked: from the beginning */
}

/* All nodes lose a server at the same moment: they must not come back at the same moment. */
static void nodes_do_not_come_back_together(void **state)
{
	enum { NODES = 20, TRIES = 9 };
	int64_t waited[NODES][TRIES], whole = S(0.5);

	(void)state;
	for (int node = 0; node < NODES; node++) {
		struct fixture *f = make_with(&(struct ds_kube_watch_options){
			.seed = 1 + (uint64_t)node });
		void *fixture = f;

		listed(f, LIST("10", "", ""));
		fault_with(f, 200, "broke");
		for (int i = 0; i < TRIES; i++) {
			waited[node][i] = next(f);
			fault_with(f, 0, "refused");
		}
		(void)end(&fixture);
	}
	for (int i = 0; i < TRIES; i++) {
		int64_t least = INT64_MAX, most = 0;

		for (int node = 0; node < NODES; node++) {
			least = waited[node][i] < least ? waited[node][i] : least;
			most = waited[node][i] > most ? waited[node][i] : most;
		}
		assert_true(least >= whole / 2 && most <= whole);
		assert_true(most - least > whole / 4);	/* spread over the half */
		whole = whole < S(15) ? whole * 2 : S(30);
	}
}

/* They were renewed already: kube_api.c does that. */
static void credentials_that_are_not_accepted(void **state)
{
	struct fixture *f = *state;
	struct ds_kube_end e = { .status = 401, .retry_after_ns = -1,
				 .body = "{\"message\":\"Unauthorized\"}", .len = 26 };
	int64_t waited;

	listed(f, LIST("10", "", ""));
	done(f, &e);
	assert_told(f, "trouble the API server does not accept who we are (401 to watch pods): Unauthorized|");
	waited = next(f);
	assert_true(waited > 0);
	done(f, &e);
	assert_true(next(f) >= waited);
	assert_true(feed(f, EVENT("ADDED", "a", "1")));
	assert_told(f, "is a=1|trouble is over|");
}

static void a_right_that_is_missing_is_named_once(void **state)
{
	static const char body[] = "{\"kind\":\"Status\",\"message\":\"pods is forbidden: User \\\"x\\\" cannot list "
				   "resource \\\"pods\\\"\"}";
	struct fixture *f = *state;
	struct ds_kube_end e = { .status = 403, .retry_after_ns = -1, .body = body,
				 .len = sizeof(body) - 1 };

	(void)next(f);
	done(f, &e);
	assert_told(f, "trouble the right to list pods is missing: pods is forbidden: User \"x\" cannot list resource "
		       "\"pods\"|");
	for (int i = 0; i < 3; i++) {
		int64_t waited = next(f);

		assert_true(waited >= S(30) && waited <= S(60));
		done(f, &e);
	}
	assert_told(f, "");
	(void)next(f);
	fault_with(f, 0, "refused");		/* other trouble is told */
	assert_told(f, "trouble the API server cannot be asked to list pods: refused|");
}

/* Whoever follows says what the right is; the server says who lacks it, and where. */
static void a_right_is_named_as_it_was_told(void **state)
{
	struct fixture *f = make_with(&(struct ds_kube_watch_options){
		.right = "list and watch pods in the namespace shop" });

	(void)next(f);
	done_with(f, 403);
	assert_told(f, "trouble the right to list and watch pods in the namespace shop is missing: 403|");
	*state = f;
}

/* A CRD that nobody installed, that is installed then, and taken away. */
static void a_collection_that_need_not_exist(void **state)
{
	struct fixture *f = make_with(&(struct ds_kube_watch_options){ .optional = true });

	(void)next(f);
	done_with(f, 404);
	assert_told(f, "");
	assert_true(ds_kube_watch_stats(f->w).absent);
	assert_true(ds_kube_watch_stats(f->w).synced);	/* what there is is known: nothing */
	for (int i = 0; i < 3; i++) {
		int64_t waited = next(f);

		assert_true(waited >= S(30) && waited <= S(60));
		assert_int_equal(f->request.step, DS_KUBE_LIST);
		done_with(f, 404);
	}
	assert_told(f, "");
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == 0);
	assert_int_equal(ds_kube_watch_stats(f->w).restarts, 0);
	listed(f, LIST("10", "", OBJECT("a", "1")));
	assert_told(f, "is a=1|");
	assert_false(ds_kube_watch_stats(f->w).absent);
	done_with(f, 404);			/* a watch of what is no more */
	assert_told(f, "missing a=1|");
	assert_true(ds_kube_watch_stats(f->w).absent);
	(void)next(f);
	assert_int_equal(f->request.step, DS_KUBE_LIST);
	assert_null(strstr(f->request.target, "continue"));
	*state = f;
}

static void a_collection_that_ought_to_exist(void **state)
{
	struct fixture *f = *state;

	(void)next(f);
	done(f, &(struct ds_kube_end){ .status = 404, .retry_after_ns = -1, .body = "{\"message\":\"no\"}",
				       .len = 16 });
	assert_told(f, "trouble the API server answers 404 to list pods: no|");
	assert_false(ds_kube_watch_stats(f->w).absent);
}

static void retry_after_is_honoured_within_bounds(void **state)
{
	static const struct {
		int status;
		int64_t after_ns, least, most;
	} cases[] = {
		{ 429, S(7), S(7.5), S(8) }, { 503, S(7), S(7.5), S(8) },
		{ 429, S(100000), S(300.5), S(301) },
		{ 429, 0, S(0.5), S(1) }, { 500, S(7), 0, S(30) }, { 429, -1, S(0.25), S(30) },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t waited;

		(void)next(f);
		done(f, &(struct ds_kube_end){ .status = cases[i].status,
					       .retry_after_ns = cases[i].after_ns });
		waited = next(f);
		assert_true(waited >= cases[i].least && waited <= cases[i].most);
		done_with(f, 200);
	}
}

static void a_watch_that_ends_at_once_backs_off(void **state)
{
	struct fixture *f = *state;
	int64_t waited = 0;

	listed(f, LIST("10", "", ""));
	for (int i = 0; i < 10; i++) {
		done_with(f, 200);
		waited = next(f);
	}
	assert_true(waited >= S(15));
	assert_int_equal(ds_kube_watch_stats(f->w).restarts, 0);
	f->now_ns += S(2);
	done_with(f, 200);
	assert_true(next(f) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_errors_in_the_stream_begin_with_a_list),
		TEST(bytes_that_are_no_json),
		TEST(a_stream_that_dies_goes_on_from_the_last_word),
		TEST(a_server_that_is_away_is_told_once_and_asked_less_and_less),
		cmocka_unit_test(nodes_do_not_come_back_together),
		TEST(credentials_that_are_not_accepted),
		TEST(a_right_that_is_missing_is_named_once),
		cmocka_unit_test_teardown(a_right_is_named_as_it_was_told, end),
		cmocka_unit_test_teardown(a_collection_that_need_not_exist, end),
		TEST(a_collection_that_ought_to_exist),
		TEST(retry_after_is_honoured_within_bounds),
		TEST(a_watch_that_ends_at_once_backs_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
