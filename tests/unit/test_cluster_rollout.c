// SPDX-License-Identifier: Apache-2.0
/*
 * A real rollout, recorded (tests/unit/data/README.md), by way of the watches' own machines: what
 * their tables keep of each object must be enough.
 */
#include <stdlib.h>
#include <zlib.h>

#include "tests/unit/cluster_story.h"
#include "user/source/kube/kube_watch.h"

#define RECORDING "tests/unit/data/real_rollout.jsonl.gz"
#define LINE_MAX_BYTES 65536

static const struct {
	const char *word;
	enum ds_cluster_kind kind;
} kinds[] = {
	{ "binding", DS_CLUSTER_BINDING },	 { "service", DS_CLUSTER_SERVICE },
	{ "slice", DS_CLUSTER_SLICE },		 { "replicaset", DS_CLUSTER_REPLICASET },
	{ "deployment", DS_CLUSTER_DEPLOYMENT }, { "pod", DS_CLUSTER_POD },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct ds_kube_watch *watches[KINDS];
static char *lines[256];
static int lines_cnt;

static void trouble(void *ctx, const char *what)
{
	(void)ctx;
	assert_null(what);
}

static void answer(size_t k, const char *text)
{
	assert_true(ds_kube_watch_feed(watches[k], text, strlen(text), now(NULL)));
}

/* The first list is empty: all that there is comes by the watch. */
static void begin_watch(size_t k)
{
	static const char list[] = "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}";
	const struct ds_cluster_source *s = ds_cluster_source(kinds[k].kind);
	const struct ds_kube_end done = { .status = 200, .retry_after_ns = -1 };
	struct ds_kube_watch_options o = {
		.path = s->path, .selector = "", .what = s->what, .right = s->right,
		.keep = s->keep, .max = s->max, .kept_max = s->kept_max, .take = ds_cluster_take,
		.tell = ds_cluster_tell, .drop = ds_cluster_drop, .trouble = trouble,
		.ctx = ds_cluster_feed(cluster, kinds[k].kind),
	};
	struct ds_kube_request request;

	assert_int_equal(ds_kube_watch_new(&watches[k], &o), 0);
	assert_int_equal(ds_kube_watch_next(watches[k], now(NULL), &request), 0);
	assert_int_equal(request.step, DS_KUBE_LIST);
	answer(k, list);
	ds_kube_watch_done(watches[k], &done, now(NULL));
	assert_int_equal(ds_kube_watch_next(watches[k], now(NULL), &request), 0);
	assert_int_equal(request.step, DS_KUBE_WATCH);
}

static int begin_all(void **state)
{
	assert_int_equal(begin(state), 0);
	for (size_t k = 0; k < KINDS; k++)
		begin_watch(k);
	return 0;
}

static int end_all(void **state)
{
	for (size_t k = 0; k < KINDS; k++) {
		assert_int_equal(ds_kube_watch_stats(watches[k]).bad, 0);
		ds_kube_watch_free(&watches[k]);
	}
	return end(state);
}

static size_t kind_of(const char *line)
{
	size_t k = 0;

	while (strncmp(line, kinds[k].word, strlen(kinds[k].word)) != 0 ||
	       line[strlen(kinds[k].word)] != ' ')
		assert_true(++k < KINDS);
	return k;
}

static void tell_line(const char *line)
{
	answer(kind_of(line), strchr(line, ' ') + 1);
}

static int read_recording(void **state)
{
	gzFile file = gzopen(RECORDING, "rb");
	char *line = malloc(LINE_MAX_BYTES);

	(void)state;
	assert_non_null(file);
	while (gzgets(file, line, LINE_MAX_BYTES)) {
		assert_true(lines_cnt < 256);
		lines[lines_cnt++] = strdup(line);
	}
	gzclose(file);
	free(line);
	return 0;
}

static int forget_recording(void **state)
{
	(void)state;
	while (lines_cnt)
		free(lines[--lines_cnt]);
	return 0;
}

/* How often the text stands in what was told. */
static int times(const char *text)
{
	int cnt = 0;

	for (const char *p = told.data; (p = strstr(p, text)); p++)
		cnt++;
	return cnt;
}

static const char *const old_pods[] = { "6wttv", "9t7mc", "dkb56", "nw7xh" };
static const char *const new_pods[] = { "pjhfv", "5lf6l", "wrd9l", "4ncg7" };
static const int old_addresses[] = { 17, 11, 13, 15 };

/* What must be so however the watches stood to each other. */
static void check_rollout(void)
{
	char text[160];

	for (int i = 0; i < 4; i++) {
		snprintf(text, sizeof(text),
			 "node1: pod shop/web-565b7488d5-%s of web ports 8080 rollout\n",
			 old_pods[i]);
		assert_int_equal(times(text), 1);
		snprintf(text, sizeof(text), "%s of web ports 8080 rollout had 10.77.1.%d, went ",
			 old_pods[i], old_addresses[i]);
		assert_int_equal(times(text), 1);
		snprintf(text, sizeof(text), "poll 10.77.1.%d:8080 of web\n", old_addresses[i]);
		assert_int_equal(times(text), 1);
		snprintf(text, sizeof(text), "target 10.77.1.%d:8080 of web healthy",
			 old_addresses[i]);
		assert_int_equal(times(text), 1);
		snprintf(text, sizeof(text),
			 "node1: pod shop/web-99989cd5d-%s of web ports 8080\n", new_pods[i]);
		assert_int_equal(times(text), 1);
	}
	assert_int_equal(times("rollout"), 8);
	assert_int_equal(times("poll "), 4);
	assert_int_equal(times("of web healthy"), 8);
	assert_int_equal(times("ended "), 4);
	assert_int_equal(times("back "), 0);
	assert_int_equal(times("ask what"), 1);
	assert_int_equal(ds_cluster_stats(cluster).bad, 0);
	assert_int_equal(ds_cluster_stats(cluster).going, 4);
	assert_int_equal(ds_cluster_stats(cluster).pods, 8);
	now_s += 700;
	ds_cluster_tick(cluster);
	assert_int_equal(ds_cluster_stats(cluster).pods, 4);
	assert_int_equal(ds_cluster_stats(cluster).going, 0);
	assert_int_equal(times("unpoll "), 4);
}

static void as_it_was_recorded(void **state)
{
	(void)state;
	for (int i = 0; i < lines_cnt; i++) {
		now_s += 0.3;
		tell_line(lines[i]);
		ds_cluster_tick(cluster);
	}
	/* The controller called at 22:37:44.6, 44.7, 62.6 and 62.7: the last without a stamp. */
	assert_int_equal(times("10.77.1.11:8080 of web draining"), 1);
	assert_int_equal(times("10.77.1.17:8080 of web draining"), 1);
	assert_int_equal(times("10.77.1.13:8080 of web draining"), 1);
	assert_int_equal(times(" draining"), 3);
	assert_true(bound_ns == BEGIN + 42 * DS_NS_PER_S);
	check_rollout();
}

/* Only what the documents' rights are for: the pods are known by their EndpointSlice. */
static void without_watching_pods(void **state)
{
	(void)state;
	for (int i = 0; i < lines_cnt; i++) {
		now_s += 0.3;
		if (strncmp(lines[i], "pod ", 4) != 0)
			tell_line(lines[i]);
		ds_cluster_tick(cluster);
	}
	check_rollout();
}

/* Each watch is in order, none is in step with another: one of them is behind by some events. */
static void whichever_watch_is_late(void **state)
{
	for (size_t late = 0; late < KINDS; late++)
		for (int by = 5; by <= 20; by += 5) {
			for (int i = 0; i < lines_cnt + by; i++) {
				now_s += 0.3;
				if (i < lines_cnt && kind_of(lines[i]) != late)
					tell_line(lines[i]);
				if (i >= by && kind_of(lines[i - by]) == late)
					tell_line(lines[i - by]);
				ds_cluster_tick(cluster);
			}
			check_rollout();
			(void)end_all(state);
			(void)begin_all(state);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(as_it_was_recorded, begin_all, end_all),
		cmocka_unit_test_setup_teardown(without_watching_pods, begin_all, end_all),
		cmocka_unit_test_setup_teardown(whichever_watch_is_late, begin_all, end_all),
	};

	return cmocka_run_group_tests(tests, read_recording, forget_recording);
}
