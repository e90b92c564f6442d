// SPDX-License-Identifier: Apache-2.0
#include "user/source/kube/kube_watch.h"

#include "tests/unit/kube_watch_story.h"

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
	const struct CMUnitTest tests[] = {
		TEST(a_list_and_then_its_changes),
		TEST(pages),
		TEST(a_page_that_expired),
		TEST(what_is_too_old_is_listed_anew_410_as_a_status),
		TEST(what_is_too_old_is_listed_anew_410_in_the_stream),
		TEST(a_watch_that_is_always_too_old_backs_off),
		TEST(a_list_that_is_cut_off_tells_nothing),
		TEST(an_item_that_cannot_be_read),
		TEST(more_objects_than_are_followed),
		TEST(bookmarks_move_the_watch_on),
		TEST(the_server_has_the_last_word_on_who_is_there),
		TEST(what_is_known_before_the_first_list),
		TEST(watches_of_many_nodes_do_not_end_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
