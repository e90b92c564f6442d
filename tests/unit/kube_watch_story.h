/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch that is played by hand: what comes back of each request, and what it told.
 */
#ifndef DS_TESTS_UNIT_KUBE_WATCH_STORY_H
#define DS_TESTS_UNIT_KUBE_WATCH_STORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_watch.h"
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
	int64_t was_blind_ns;	/* as the trouble was over */
	int living;
};

/* The object is its value as text; "bad" makes no sense. */
static inline void *take(void *ctx, void *object, json_object *json)
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

static inline void tell(void *ctx, void *object, enum ds_kube_told told)
{
	static const char *const words[] = { "is", "deleted", "missing" };
	struct fixture *f = ctx;

	ds_buf_printf(&f->told, "%s %s|", words[told], (char *)object);
}

static inline void drop(void *ctx, void *object)
{
	((struct fixture *)ctx)->living--;
	free(object);
}

static inline void trouble(void *ctx, const char *what)
{
	struct fixture *f = ctx;

	ds_buf_printf(&f->told, "trouble %s|", what ? what : "is over");
	f->was_blind_ns = what ? 0 : ds_kube_watch_blind_ns(f->w, f->now_ns);
}

/* With `optional`, `right` and `seed` of those options. */
static inline struct fixture *make_with(const struct ds_kube_watch_options *some)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct ds_kube_watch_options o = {
		.optional = some->optional, .right = some->right,
		.path = "/api/v1/pods", .selector = "fieldSelector=spec.nodeName%3Dn", .what = "pods", .keep = keep,
		.max = 3, .seed = some->seed ? some->seed : 7, .ctx = f,
		.take = take, .tell = tell, .drop = drop, .trouble = trouble,
	};

	assert_non_null(f);
	assert_int_equal(ds_kube_watch_new(&f->w, &o), 0);
	ds_buf_putc(&f->told, '|');
	f->now_ns = S(1000);
	return f;
}

static inline int make(void **state)
{
	*state = make_with(&(struct ds_kube_watch_options){ 0 });
	return 0;
}

static inline int end(void **state)
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
static inline int64_t next(struct fixture *f)
{
	int64_t waited;

	assert_int_equal(ds_kube_watch_next(f->w, f->now_ns, &f->request), 0);
	assert_true(f->request.at_ns >= f->now_ns);
	waited = f->request.at_ns - f->now_ns;
	f->now_ns = f->request.at_ns;
	return waited;
}

static inline bool feed(struct fixture *f, const char *text)
{
	f->now_ns += S(0.01);
	return ds_kube_watch_feed(f->w, text, strlen(text), f->now_ns);
}

static inline void done(struct fixture *f, const struct ds_kube_end *e)
{
	ds_kube_watch_done(f->w, e, f->now_ns);
}

static inline void done_with(struct fixture *f, int status)
{
	done(f, &(struct ds_kube_end){ .status = status, .retry_after_ns = -1 });
}

static inline void fault_with(struct fixture *f, int status, const char *fault)
{
	done(f, &(struct ds_kube_end){ .status = status, .fault = fault, .retry_after_ns = -1 });
}

static inline void assert_told(struct fixture *f, const char *want)
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
static inline void listed(struct fixture *f, const char *list)
{
	(void)next(f);
	assert_int_equal(f->request.step, DS_KUBE_LIST);
	assert_true(feed(f, list));
	done_with(f, 200);
	(void)next(f);
	assert_int_equal(f->request.step, DS_KUBE_WATCH);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, end)

#endif
