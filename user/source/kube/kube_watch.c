/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two steps, list and watch. A list is told as a whole, once its last page is there: a list that
 * breaks off leaves nothing behind but work done.
 */
#include "user/source/kube/kube_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_known.h"
#include "user/util/cleanup.h"
#include "user/util/percent.h"
#include "user/util/timefmt.h"

#define PAGE 500
#define PAGES_MAX 10000
#define TOKEN_LEN 4096 /* of a resource version, or a token to go on with a list */
#define BACKOFF_FIRST_NS (500 * DS_NS_PER_MS)
#define BACKOFF_MAX_NS (30 * DS_NS_PER_S)
#define REFUSED_NS (60 * DS_NS_PER_S) /* 403: somebody must grant a right first */
#define ABSENT_NS (60 * DS_NS_PER_S) /* somebody must install it first */
#define RETRY_AFTER_MAX_NS (300 * DS_NS_PER_S)
#define WATCH_S 300 /* at least; twice that at most */
#define SHORT_NS DS_NS_PER_S /* a watch that ends sooner, without a word, was none */

enum verdict { GOES_ON, LIST_ANEW, FAILED };

struct ds_kube_watch {
	struct ds_kube_watch_options options;
	char *path, *selector, *what, *right;
	struct ds_kube_split split;
	json_tokener *tokener;
	struct ds_kube_known known;
	enum ds_kube_step step;
	unsigned pages;
	char version[TOKEN_LEN + 1]; /* resource version that is known; "" = none yet */
	char list_version[TOKEN_LEN + 1];
	char go_on[TOKEN_LEN + 1]; /* of the list at hand: what the next page is asked with */
	bool page_whole; /* the end of a page was read */
	enum verdict verdict; /* what the watch at hand said in-band */
	char said[256]; /* by the server, with an error */
	int64_t at_ns; /* of the next request; 0 = now */
	int64_t begun_ns, heard_ns, blind_since_ns, now_ns;
	int64_t backoff_ns;
	bool heard; /* it has said something */
	bool troubled;
	int troubled_by; /* status of the trouble that was told */
	uint64_t random;
	struct ds_buf target;
	struct ds_kube_watch_stats stats;
};

/* ---- what comes ---- */

/* A word of the server about an error, cut to what a log line can bear. */
static void keep_said(struct ds_kube_watch *w, json_object *status)
{
	(void)snprintf(w->said, sizeof(w->said), "%s", ds_kube_text(status, "message"));
}

static void take_page(struct ds_kube_watch *w, json_object *json)
{
	json_object *metadata = ds_kube_child(json, "metadata");

	w->page_whole =
		ds_kube_copy(w->list_version, sizeof(w->list_version),
			     ds_kube_text(metadata, "resourceVersion")) &&
		ds_kube_copy(w->go_on, sizeof(w->go_on), ds_kube_text(metadata, "continue")) &&
		w->list_version[0];
}

static void take_error(struct ds_kube_watch *w, json_object *status)
{
	json_object *code = ds_kube_member(status, "code", json_type_int);

	keep_said(w, status);
	w->verdict = code && json_object_get_int64(code) == 410 ? LIST_ANEW : FAILED;
}

static void take_change(struct ds_kube_watch *w, json_object *object, bool gone)
{
	w->stats.events++;
	ds_kube_known_change(&w->known, object, gone);
}

static void take_event(struct ds_kube_watch *w, json_object *json)
{
	const char *type = ds_kube_text(json, "type");
	json_object *object = ds_kube_child(json, "object");
	const char *version = ds_kube_text(ds_kube_child(object, "metadata"), "resourceVersion");

	if (!strcmp(type, "ERROR")) {
		take_error(w, object);
		return;
	}
	if (!strcmp(type, "BOOKMARK"))
		w->stats.bookmarks++;
	else if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED") || !strcmp(type, "DELETED"))
		take_change(w, object, type[0] == 'D');
	else
		w->stats.bad++;
	if (version[0])
		(void)ds_kube_copy(w->version, sizeof(w->version), version);
}

static void on_fault(void *ctx, const char *what)
{
	struct ds_kube_watch *w = ctx;

	(void)what;
	w->stats.bad++;
	w->known.holed = true;
}

static void on_piece(void *ctx, enum ds_kube_piece kind, const char *text, size_t len)
{
	struct ds_kube_watch *w = ctx;
	json_object *json;

	if (w->verdict != GOES_ON)
		return;
	json_tokener_reset(w->tokener);
	json = json_tokener_parse_ex(w->tokener, text, (int)len);
	if (!json)
		on_fault(w, "no JSON");
	else if (w->step == DS_KUBE_WATCH && kind == DS_KUBE_PIECE_OBJECT)
		take_event(w, json);
	else if (w->step == DS_KUBE_LIST && kind == DS_KUBE_PIECE_ITEM)
		ds_kube_known_item(&w->known, json);
	else if (w->step == DS_KUBE_LIST)
		take_page(w, json);
	else
		w->stats.bad++;
	json_object_put(json);
}

/* ---- what to do next ---- */

/* splitmix64: between half of a time and all of it. */
static int64_t jitter(struct ds_kube_watch *w, int64_t ns)
{
	uint64_t z = w->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ns / 2 + (int64_t)((z ^ (z >> 31)) % (uint64_t)(ns / 2 + 1));
}

static void wait_for(struct ds_kube_watch *w, int64_t ns)
{
	w->at_ns = w->now_ns + ns;
}

static void back_off(struct ds_kube_watch *w)
{
	w->backoff_ns = w->backoff_ns ? w->backoff_ns * 2 : BACKOFF_FIRST_NS;
	if (w->backoff_ns > BACKOFF_MAX_NS)
		w->backoff_ns = BACKOFF_MAX_NS;
	wait_for(w, jitter(w, w->backoff_ns));
}

static void begin_list(struct ds_kube_watch *w)
{
	w->step = DS_KUBE_LIST;
	ds_kube_known_begin_list(&w->known);
	w->pages = 0;
	w->go_on[0] = '\0';
}

static void well(struct ds_kube_watch *w)
{
	if (w->troubled)	/* for how long it was blind may still be asked */
		w->options.trouble(w->options.ctx, NULL);
	w->troubled = false;
	w->blind_since_ns = 0;
}

/* Once for each kind of trouble, until all is well again. */
static void tell_trouble(struct ds_kube_watch *w, int kind, const char *what)
{
	if (w->troubled && w->troubled_by == kind)
		return;
	w->troubled = true;
	w->troubled_by = kind;
	w->options.trouble(w->options.ctx, what);
}

/* The last page is there: the list says how things are. */
static void end_list(struct ds_kube_watch *w)
{
	ds_kube_known_end_list(&w->known);
	memcpy(w->version, w->list_version, sizeof(w->version));
	w->stats.synced = true;
	w->stats.absent = false;
	w->step = DS_KUBE_WATCH;
	well(w);
}

/* There is no such collection: nobody has installed it, or somebody took it away. */
static void end_absent(struct ds_kube_watch *w)
{
	begin_list(w);
	ds_kube_known_end_list(&w->known);
	w->stats.synced = w->stats.absent = true;
	w->backoff_ns = 0;
	wait_for(w, jitter(w, ABSENT_NS));
	well(w);
}

/* The answer was not 2xx: what its body says. */
static void read_status(struct ds_kube_watch *w, const struct ds_kube_end *end)
{
	json_object *json = NULL;

	w->said[0] = '\0';
	if (!end->body || !end->len || end->len > DS_KUBE_KEPT_MAX)
		return;
	json_tokener_reset(w->tokener);
	json = json_tokener_parse_ex(w->tokener, end->body, (int)end->len);
	keep_said(w, json);
	json_object_put(json);
}

static void fail(struct ds_kube_watch *w, const struct ds_kube_end *end)
{
	char text[768];
	const char *verb = w->step == DS_KUBE_LIST ? "list" : "watch";
	int status = end->status / 100 == 2 ? 0 :
					      end->status; /* an answer that is cut off is none */
	int64_t wait_ns = end->retry_after_ns;

	read_status(w, end);
	switch (status) {
	case 401:
		(void)snprintf(text, sizeof(text),
			       "the API server does not accept who we are (401 to %s %s)%s%s", verb,
			       w->what, w->said[0] ? ": " : "", w->said);
		break;
	case 403:
		(void)snprintf(text, sizeof(text), "the right to %s%s%s is missing: %s",
			       w->right ? w->right : verb, w->right ? "" : " ",
			       w->right ? "" : w->what, w->said[0] ? w->said : "403");
		break;
	case 0:
		(void)snprintf(text, sizeof(text), "the API server cannot be asked to %s %s: %s",
			       verb, w->what, end->fault ? end->fault : "its answer is cut off");
		break;
	default:
		(void)snprintf(text, sizeof(text), "the API server answers %d to %s %s%s%s", status,
			       verb, w->what, w->said[0] ? ": " : "", w->said);
		break;
	}
	tell_trouble(w, status, text);
	back_off(w);
	if (status == 403)
		wait_for(w, jitter(w, REFUSED_NS));
	else if ((status == 429 || status == 503) && wait_ns >= 0)
		wait_for(w, (wait_ns > RETRY_AFTER_MAX_NS ? RETRY_AFTER_MAX_NS : wait_ns) +
				    jitter(w, DS_NS_PER_S));
}

/* A step has failed, or what is known is too old: what was missed meanwhile is not known yet. */
static void interrupted(struct ds_kube_watch *w)
{
	w->stats.restarts += w->stats.synced;
	if (!w->blind_since_ns)
		w->blind_since_ns = w->heard_ns ? w->heard_ns : w->begun_ns;
}

/* All of it anew: what is stored, not what is cached. At once, unless that is nothing new. */
static void list_anew(struct ds_kube_watch *w)
{
	bool again = w->step == DS_KUBE_LIST || w->now_ns - w->begun_ns < SHORT_NS;

	begin_list(w);
	if (again)
		back_off(w);
	interrupted(w);
}

static void end_list_request(struct ds_kube_watch *w, const struct ds_kube_end *end, bool whole)
{
	if (w->page_whole && whole && !w->go_on[0]) {
		end_list(w);
	} else if (w->page_whole && whole && ++w->pages < PAGES_MAX) {
		return; /* the next page, at once */
	} else {
		begin_list(w); /* cut off: from the first page on */
		fail(w, end);
		interrupted(w);
	}
}

static void end_watch_request(struct ds_kube_watch *w, const struct ds_kube_end *end)
{
	if (!end->fault && (w->heard || w->now_ns - w->begun_ns >= SHORT_NS)) {
		well(w); /* a clean end, at the server's leisure */
		return;
	}
	back_off(w);
	if (end->fault)
		interrupted(w);
}

void ds_kube_watch_done(struct ds_kube_watch *w, const struct ds_kube_end *end, int64_t now_ns)
{
	bool whole = ds_kube_split_end(&w->split);

	w->now_ns = w->at_ns = now_ns;
	if (end->status == 410 || w->verdict == LIST_ANEW) {
		list_anew(w);
	} else if (w->verdict == FAILED) {
		/* An error in the stream, or bytes that are none of ours. */
		tell_trouble(w, 1, w->said[0] ? w->said : "the API server sends what is no JSON");
		begin_list(w);
		back_off(w);
		interrupted(w);
	} else if (end->status == 404 && w->options.optional) {
		end_absent(w);
	} else if (end->status / 100 != 2) {
		fail(w, end);
		interrupted(w);
	} else if (w->step == DS_KUBE_LIST) {
		end_list_request(w, end, whole);
	} else {
		end_watch_request(w, end);
	}
}

bool ds_kube_watch_feed(struct ds_kube_watch *w, const char *data, size_t len, int64_t now_ns)
{
	w->now_ns = w->heard_ns = now_ns;
	w->heard = true;
	if (!ds_kube_split_feed(&w->split, data, len) && w->verdict == GOES_ON)
		w->verdict = FAILED;
	if (w->step == DS_KUBE_WATCH && w->verdict == GOES_ON) {
		w->backoff_ns = 0;
		well(w);
	}
	return w->verdict == GOES_ON;
}

/* ---- the request ---- */

static void put_encoded(struct ds_buf *b, const char *text)
{
	size_t len = strlen(text);
	char *end;

	if (!ds_buf_reserve(b, 3 * len))
		return;
	end = ds_percent_encode(b->data + b->len, text, len);
	b->len = (size_t)(end - b->data);
	*end = '\0';
}

static void put_list(struct ds_kube_watch *w)
{
	ds_buf_printf(&w->target, "limit=%d", PAGE);
	if (w->go_on[0]) {
		ds_buf_puts(&w->target, "&continue=");
		put_encoded(&w->target, w->go_on);
	} else if (!w->stats.synced) {
		/* Of the server's cache, which costs it little; the watch makes up for its age. */
		ds_buf_puts(&w->target, "&resourceVersion=0");
	}
}

static void put_watch(struct ds_kube_watch *w)
{
	ds_buf_printf(&w->target, "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d",
		      (int)jitter(w, 2 * WATCH_S));
	ds_buf_puts(&w->target, "&resourceVersion=");
	put_encoded(&w->target, w->version);
}

int ds_kube_watch_next(struct ds_kube_watch *w, int64_t now_ns, struct ds_kube_request *ret_request)
{
	ds_buf_clear(&w->target);
	ds_buf_puts(&w->target, w->path);
	ds_buf_putc(&w->target, '?');
	if (w->selector[0])
		ds_buf_printf(&w->target, "%s&", w->selector);
	if (w->step == DS_KUBE_LIST)
		put_list(w);
	else
		put_watch(w);
	if (w->target.failed)
		return -ENOMEM;
	if (w->at_ns < now_ns)
		w->at_ns = now_ns;
	w->stats.lists += w->step == DS_KUBE_LIST && !w->go_on[0];
	w->stats.watches += w->step == DS_KUBE_WATCH;
	*ret_request = (struct ds_kube_request){
		.step = w->step, .at_ns = w->at_ns, .target = w->target.data
	};
	w->page_whole = w->heard = false;
	w->verdict = GOES_ON;
	w->said[0] = '\0';
	w->begun_ns = w->at_ns;
	return 0;
}

void ds_kube_watch_settled(struct ds_kube_watch *w)
{
	w->backoff_ns = 0;
	well(w);
}

int64_t ds_kube_watch_blind_ns(const struct ds_kube_watch *w, int64_t now_ns)
{
	return w->blind_since_ns && now_ns > w->blind_since_ns ? now_ns - w->blind_since_ns : 0;
}

struct ds_kube_watch_stats ds_kube_watch_stats(const struct ds_kube_watch *w)
{
	struct ds_kube_watch_stats stats = w->stats;

	stats.objects = w->known.cnt;
	stats.bad += w->known.bad;
	stats.over = w->known.over;
	return stats;
}

int ds_kube_watch_new(struct ds_kube_watch **ret_watch, const struct ds_kube_watch_options *options)
{
	ds_cleanup(ds_kube_watch_free) struct ds_kube_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->options = *options;
	w->known.hooks = &w->options;
	w->random = options->seed;
	w->path = strdup(options->path);
	w->selector = strdup(options->selector);
	w->what = strdup(options->what);
	w->right = options->right ? strdup(options->right) : NULL;
	w->tokener = json_tokener_new_ex(DS_KUBE_DEPTH_MAX + 2);
	if (!w->path || !w->selector || !w->what || (options->right && !w->right) || !w->tokener)
		return -ENOMEM;
	w->split = (struct ds_kube_split){
		.keep = options->keep, .piece = on_piece, .fault = on_fault, .ctx = w,
		.max = options->kept_max,
	};
	begin_list(w);
	*ret_watch = DS_TAKE(w);
	return 0;
}

void ds_kube_watch_know(struct ds_kube_watch *w, const char *uid, void *object)
{
	ds_kube_known_add(&w->known, uid, object);
}

void ds_kube_watch_free(struct ds_kube_watch **watch)
{
	struct ds_kube_watch *w = watch ? *watch : NULL;

	if (!w)
		return;
	ds_kube_known_clear(&w->known);
	ds_kube_split_free(&w->split);
	if (w->tokener)
		json_tokener_free(w->tokener);
	ds_buf_free(&w->target);
	free(w->path);
	free(w->selector);
	free(w->what);
	free(w->right);
	free(DS_TAKE(*watch));
}
