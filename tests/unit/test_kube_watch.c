// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/source/kube/kube_json.h"
#include "user/util/timefmt.h"

#define S(seconds) ((int64_t)((seconds) * 1e9))

static const struct ds_kube_keep keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "metadata", "uid" },
	{ "object", "value" },
	{ NULL, NULL },
};

/* A machine, what it told, and the moment. */
struct fixture {
	struct ds_kube_watch *w;
	struct ds_kube_request request;
	struct ds_buf told;	/* "is a=1|deleted a=2|trouble ...|" */
	int64_t now_ns;
	int living;
};

/* The object is its value as text; "bad" makes no sense. */
static void *take(void *ctx, void *object, json_object *json)
{
	struct fixture *f = ctx;
	const char *value = ds_kube_text(json, "value");
	const char *uid = ds_kube_text(ds_kube_child(json, "metadata"), "uid");
	char *made = NULL;

	if (!strcmp(value, "bad"))
		return NULL;
	assert_true(asprintf(&made, "%s=%s", uid, value) > 0);
	f->living += !object;
	free(object);
	return made;
}

static void tell(void *ctx, void *object, enum ds_kube_told told)
{
	static const char *const words[] = { "is", "deleted", "missing" };
	struct fixture *f = ctx;

	ds_buf_printf(&f->told, "%s %s|", words[told], (char *)object);
}

static void drop(void *ctx, void *object)
{
	((struct fixture *)ctx)->living--;
	free(object);
}

static void trouble(void *ctx, const char *what)
{
	ds_buf_printf(&((struct fixture *)ctx)->told, "trouble %s|", what ? what : "is over");
}

static int make(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct ds_kube_watch_options o = {
		.path = "/api/v1/pods", .selector = "fieldSelector=spec.nodeName%3Dn", .what = "pods", .keep = keep,
		.max = 3, .seed = 7, .ctx = f,
		.take = take, .tell = tell, .drop = drop, .trouble = trouble,
	};

	assert_non_null(f);
	assert_int_equal(ds_kube_watch_new(&f->w, &o), 0);
	ds_buf_putc(&f->told, '|');
	f->now_ns = S(1000);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	ds_kube_watch_free(&f->w);
	assert_null(f->w);
	assert_int_equal(f->living, 0);
	ds_buf_free(&f->told);
	free(f);
	return 0;
}

/* The next request begins at its time. Returns how long it waited. */
static int64_t next(struct fixture *f)
{
	int64_t waited;

	assert_int_equal(ds_kube_watch_next(f->w, f->now_ns, &f->request), 0);
	assert_true(f->request.at_ns >= f->now_ns);
	waited = f->request.at_ns - f->now_ns;
	f->now_ns = f->request.at_ns;
	return waited;
}

static bool feed(struct fixture *f, const char *text)
{
	f->now_ns += S(0.01);
	return ds_kube_watch_feed(f->w, text, strlen(text), f->now_ns);
}

static void done(struct fixture *f, const struct ds_kube_end *e)
{
	ds_kube_watch_done(f->w, e, f->now_ns);
}

static void done_with(struct fixture *f, int status)
{
	done(f, &(struct ds_kube_end){ .status = status, .retry_after_ns = -1 });
}

static void fault_with(struct fixture *f, int status, const char *fault)
{
	done(f, &(struct ds_kube_end){ .status = status, .fault = fault, .retry_after_ns = -1 });
}

static void assert_told(struct fixture *f, const char *want)
{
	assert_string_equal(f->told.data + 1, want);
	ds_buf_clear(&f->told);
	ds_buf_putc(&f->told, '|');
}

#define OBJECT(uid, value) "{\"metadata\":{\"uid\":\"" uid "\",\"resourceVersion\":\"r" value "\"},\"value\":\"" value "\"}"
#define EVENT(type, uid, value) "{\"type\":\"" type "\",\"object\":" OBJECT(uid, value) "}\n"
#define LIST(version, go_on, items) \
	"{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" go_on "\"},\"items\":[" \
	items "]}"
#define GONE "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}}\n"

/* A list is taken, and the watch behind it is asked for. */
static void listed(struct fixture *f, const char *list)
{
	(void)next(f);
	assert_int_equal(f->request.step, DS_KUBE_LIST);
	assert_true(feed(f, list));
	done_with(f, 200);
	(void)next(f);
	assert_int_equal(f->request.step, DS_KUBE_WATCH);
}

static void a_list_and_then_its_changes(void **state)
{
	struct fixture *f = *state;

	assert_true(next(f) == 0);
	assert_string_equal(f->request.target,
			    "/api/v1/pods?fieldSelector=spec.nodeName%3Dn&limit=500&resourceVersion=0");
	assert_true(feed(f, LIST("10", "", OBJECT("a", "1") "," OBJECT("b", "2"))));
	assert_told(f, "");	/* not before it is whole */
	done_with(f, 200);
	assert_told(f, "is a=1|is b=2|");
	assert_true(next(f) == 0);
	assert_non_null(strstr(f->request.target, "watch=1&allowWatchBookmarks=true&timeoutSeconds="));
	assert_non_null(strstr(f->request.target, "&resourceVersion=10"));
	assert_true(feed(f, EVENT("MODIFIED", "a", "3") EVENT("ADDED", "c", "4") EVENT("DELETED", "b", "5")));
	assert_told(f, "is a=3|is c=4|deleted b=5|");
	assert_int_equal(ds_kube_watch_stats(f->w).objects, 2);
	done_with(f, 200);	/* at the server's leisure */
	assert_true(next(f) == 0);
	assert_non_null(strstr(f->request.target, "&resourceVersion=r5"));
	assert_int_equal(ds_kube_watch_stats(f->w).restarts, 0);
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns + S(100)) == 0);
}

static void pages(void **state)
{
	struct fixture *f = *state;

	(void)next(f);
	assert_true(feed(f, LIST("10", "to ken&", OBJECT("a", "1"))));
	done_with(f, 200);
	assert_told(f, "");
	assert_true(next(f) == 0);
	assert_string_equal(f->request.target,
			    "/api/v1/pods?fieldSelector=spec.nodeName%3Dn&limit=500&continue=to%20ken%26");
	assert_true(feed(f, LIST("10", "", OBJECT("b", "2"))));
	done_with(f, 200);
	assert_told(f, "is a=1|is b=2|");
	assert_int_equal(ds_kube_watch_stats(f->w).lists, 1);
}

/* The token expired, minutes into the list: from the first page, and from what is stored. */
static void a_page_that_expired(void **state)
{
	struct fixture *f = *state;

	(void)next(f);
	assert_true(feed(f, LIST("10", "t", OBJECT("a", "1"))));
	done_with(f, 200);
	(void)next(f);
	done_with(f, 410);
	assert_true(next(f) > 0);
	assert_null(strstr(f->request.target, "continue="));
	assert_true(feed(f, LIST("11", "", OBJECT("b", "2"))));
	done_with(f, 200);
	assert_told(f, "missing a=1|is b=2|");
}

static void assert_lists_anew(struct fixture *f)
{
	assert_true(next(f) == 0);
	assert_string_equal(f->request.target, "/api/v1/pods?fieldSelector=spec.nodeName%3Dn&limit=500");
	assert_true(feed(f, LIST("20", "", OBJECT("b", "2") "," OBJECT("c", "3"))));
	done_with(f, 200);
	assert_told(f, "missing a=1|is b=2|is c=3|");
	assert_int_equal(ds_kube_watch_stats(f->w).restarts, 1);
	(void)next(f);
	assert_non_null(strstr(f->request.target, "&resourceVersion=20"));
}

static void what_is_too_old_is_listed_anew_410_as_a_status(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", OBJECT("a", "1") "," OBJECT("b", "2")));
	assert_told(f, "is a=1|is b=2|");
	f->now_ns += S(60);
	done_with(f, 410);
	assert_lists_anew(f);
}

static void what_is_too_old_is_listed_anew_410_in_the_stream(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", OBJECT("a", "1") "," OBJECT("b", "2")));
	assert_told(f, "is a=1|is b=2|");
	f->now_ns += S(60);
	assert_false(feed(f, GONE));
	fault_with(f, 200, "the reader has enough");
	assert_lists_anew(f);
}

/* A server that is out of order must not be asked as fast as it answers. */
static void a_watch_that_is_always_too_old_backs_off(void **state)
{
	struct fixture *f = *state;
	int64_t waited = 0;

	for (int i = 0; i < 10; i++) {
		listed(f, LIST("10", "", ""));
		assert_false(feed(f, GONE));
		done_with(f, 200);
		waited = next(f);
		done_with(f, 503);	/* back to where it was */
		(void)next(f);
		assert_int_equal(f->request.step, DS_KUBE_LIST);
		assert_true(feed(f, LIST("10", "", "")));
		done_with(f, 200);
		(void)next(f);
		assert_false(feed(f, GONE));
		done_with(f, 200);
	}
	assert_true(waited >= S(15) && waited <= S(30));
}

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

static void a_list_that_is_cut_off_tells_nothing(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", OBJECT("a", "1") "," OBJECT("b", "2")));
	assert_told(f, "is a=1|is b=2|");
	done_with(f, 410);
	(void)next(f);
	assert_true(feed(f, "{\"kind\":\"PodList\",\"items\":[" OBJECT("a", "4") ","));
	fault_with(f, 200, "the connection broke");
	assert_told(f, "trouble the API server cannot be asked to list pods: the connection broke|");
	(void)next(f);
	assert_true(feed(f, "{\"kind\":\"PodList\",\"items\":["));	/* nor one that ends early by itself */
	done_with(f, 200);
	(void)next(f);
	assert_true(feed(f, "{\"items\":[]}"));		/* nor one without a version */
	done_with(f, 200);
	assert_told(f, "");
	(void)next(f);
	assert_true(feed(f, LIST("12", "", OBJECT("b", "5"))));
	done_with(f, 200);
	assert_told(f, "missing a=4|is b=5|trouble is over|");
}

/* An item that cannot be read may be anybody: nobody is taken for gone. */
static void an_item_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", OBJECT("a", "1") "," OBJECT("b", "2")));
	assert_told(f, "is a=1|is b=2|");
	done_with(f, 410);
	(void)next(f);
	assert_true(feed(f, LIST("11", "", OBJECT("a", "bad"))));	/* known by its UID */
	done_with(f, 200);
	assert_told(f, "missing b=2|");
	(void)next(f);
	done_with(f, 410);
	(void)next(f);
	assert_true(feed(f, LIST("12", "", "{\"metadata\":{}},7," OBJECT("c", "3"))));
	done_with(f, 200);
	assert_told(f, "is c=3|");
	assert_int_equal(ds_kube_watch_stats(f->w).bad, 3);
	(void)next(f);
	assert_true(feed(f, EVENT("MODIFIED", "a", "bad") EVENT("DELETED", "a", "bad") EVENT("SHOUTED", "a", "1")
			 "{\"type\":\"ADDED\",\"object\":7}" EVENT("ADDED", "d", "4")));
	assert_told(f, "deleted a=1|is d=4|");
	assert_int_equal(ds_kube_watch_stats(f->w).bad, 7);
}

static void more_objects_than_are_followed(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", OBJECT("a", "1") "," OBJECT("b", "2") "," OBJECT("c", "3") "," OBJECT("d", "4")));
	assert_told(f, "is a=1|is b=2|is c=3|");
	assert_int_equal(ds_kube_watch_stats(f->w).over, 1);
	assert_true(feed(f, EVENT("MODIFIED", "d", "5") EVENT("MODIFIED", "a", "6") EVENT("DELETED", "d", "7")
			 EVENT("DELETED", "b", "8") EVENT("ADDED", "d", "9")));
	assert_told(f, "is a=6|deleted b=8|is d=9|");
}

static void bookmarks_move_the_watch_on(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", ""));
	assert_true(feed(f, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"99\"}}}\n"));
	assert_int_equal(ds_kube_watch_stats(f->w).bookmarks, 1);
	done_with(f, 200);
	(void)next(f);
	assert_non_null(strstr(f->request.target, "&resourceVersion=99"));
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
	f->now_ns += S(7.9);
	ds_kube_watch_tick(f->w, f->now_ns);
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) > 0);
	f->now_ns += S(0.1);
	ds_kube_watch_tick(f->w, f->now_ns);	/* silence is no failure */
	assert_true(ds_kube_watch_blind_ns(f->w, f->now_ns) == 0);
	assert_told(f, "trouble is over|");
	fault_with(f, 200, "broke");
	assert_true(next(f) <= S(0.5));		/* it worked: from the beginning */
}

static void credentials_that_expired_are_read_anew(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", ""));
	assert_false(f->request.renew);
	done_with(f, 401);
	assert_told(f, "");			/* the first time it may only have expired */
	assert_true(next(f) == 0);
	assert_true(f->request.renew);
	done(f, &(struct ds_kube_end){ .status = 401, .retry_after_ns = -1, .body = "{\"message\":\"Unauthorized\"}",
				       .len = 26 });
	assert_told(f, "trouble the API server does not accept who we are (401 to watch pods): Unauthorized|");
	assert_true(next(f) > 0);
	assert_true(f->request.renew);
	assert_true(feed(f, EVENT("ADDED", "a", "1")));
	assert_told(f, "is a=1|trouble is over|");
	done_with(f, 401);
	assert_true(next(f) == 0);		/* and so it is the next time */
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

static void the_server_has_the_last_word_on_who_is_there(void **state)
{
	struct fixture *f = *state;

	listed(f, LIST("10", "", OBJECT("a", "1")));
	assert_true(feed(f, EVENT("DELETED", "x", "2") EVENT("ADDED", "a", "3") EVENT("MODIFIED", "b", "4")));
	assert_told(f, "is a=1|is a=3|is b=4|");
}

static void what_is_known_before_the_first_list(void **state)
{
	struct fixture *f = *state;

	for (const char *uid = "aab"; *uid; uid++) {
		char name[] = { *uid, '\0' }, *object = NULL;

		assert_true(asprintf(&object, "%s=0", name) > 0);
		f->living++;
		ds_kube_watch_know(f->w, name, object);	/* the second of a name is dropped */
	}
	assert_int_equal(f->living, 2);
	listed(f, LIST("10", "", OBJECT("b", "2")));
	assert_told(f, "missing a=0|is b=2|");
}

static int64_t timeout_of(struct fixture *f)
{
	return strtoll(strstr(f->request.target, "timeoutSeconds=") + strlen("timeoutSeconds="), NULL, 10);
}

static void watches_of_many_nodes_do_not_end_together(void **state)
{
	struct fixture *f = *state;
	int64_t first, differ = 0;

	listed(f, LIST("10", "", ""));
	first = timeout_of(f);
	for (int i = 0; i < 20; i++) {
		int64_t timeout;

		f->now_ns += S(400);
		done_with(f, 200);
		(void)next(f);
		timeout = timeout_of(f);
		assert_in_range(timeout, 300, 600);
		differ += timeout != first;
	}
	assert_true(differ > 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)
	const struct CMUnitTest tests[] = {
		TEST(a_list_and_then_its_changes),
		TEST(pages),
		TEST(a_page_that_expired),
		TEST(what_is_too_old_is_listed_anew_410_as_a_status),
		TEST(what_is_too_old_is_listed_anew_410_in_the_stream),
		TEST(a_watch_that_is_always_too_old_backs_off),
		TEST(other_errors_in_the_stream_begin_with_a_list),
		TEST(bytes_that_are_no_json),
		TEST(a_list_that_is_cut_off_tells_nothing),
		TEST(an_item_that_cannot_be_read),
		TEST(more_objects_than_are_followed),
		TEST(bookmarks_move_the_watch_on),
		TEST(a_stream_that_dies_goes_on_from_the_last_word),
		TEST(a_server_that_is_away_is_told_once_and_asked_less_and_less),
		TEST(credentials_that_expired_are_read_anew),
		TEST(a_right_that_is_missing_is_named_once),
		TEST(retry_after_is_honoured_within_bounds),
		TEST(a_watch_that_ends_at_once_backs_off),
		TEST(the_server_has_the_last_word_on_who_is_there),
		TEST(what_is_known_before_the_first_list),
		TEST(watches_of_many_nodes_do_not_end_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
