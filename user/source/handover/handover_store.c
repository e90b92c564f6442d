/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/handover/handover_store.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_said.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"
#include "user/util/json.h"
#include "user/util/percent.h"
#include "user/util/timefmt.h"

#define VERSION_LEN 63
#define UID_LEN 63
#define TOKEN_LEN 4096
#define BODY_MAX (4U << 20)
#define PACE_NS DS_NS_PER_S	/* between two writes of one object */
#define LEISURE_NS (10 * DS_NS_PER_S)	/* the same where nothing in it is urgent */
#define BACKOFF_FIRST_NS (500 * DS_NS_PER_MS)
#define BACKOFF_MAX_NS (30 * DS_NS_PER_S)
#define REFUSED_NS (60 * DS_NS_PER_S)	/* 403: somebody must grant a right first */
#define RETRY_AFTER_MAX_NS (300 * DS_NS_PER_S)
#define LISTS_MAX 4		/* tries to learn what there is; then each is looked at by itself */

/* The object of one node, as far as it is known. */
struct object {
	char *node;
	char name[DS_HANDOVER_NAME_MAX + 1];
	char version[VERSION_LEN + 1];	/* "" = there is none */
	char owner[UID_LEN + 1];	/* UID of the Node, "" = none is known */
	bool owner_known;	/* it was asked for; else it must be before the object is written */
	bool known;	/* else it must be looked at before it is written */
	bool busy;	/* a request for it is under way */
	bool refused;	/* the API server does not take it, which was said */
	UT_hash_handle hh;
};

struct ds_handover_store {
	struct ds_handover_store_options options;
	char *folder;		/* path of all of them */
	struct object *objects;
	char go_on[TOKEN_LEN + 1];	/* of the list */
	unsigned lists;		/* failed ones */
	bool listing, whole;	/* what there is is read; was read */
	bool nodeless;		/* the right to get nodes is missing */
	int busy;		/* requests under way */
	int64_t wait_ns;	/* nothing is asked before */
	int64_t backoff_ns;
	int troubled;		/* status of the trouble that was told, -1 = none */
	uint64_t random;
	struct ds_buf target, body;
	struct ds_handover_store_stats stats;
};

/* ---- objects ---- */

static struct object *object_of(struct ds_handover_store *s, const char *node)
{
	struct object *o;

	HASH_FIND(hh, s->objects, node, strlen(node), o);
	if (o)
		return o;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	o->node = strdup(node);
	if (o->node)
		HASH_ADD_KEYPTR(hh, s->objects, o->node, strlen(o->node), o);
	if (!o->node || !DS_HASH_ADDED(o)) {
		free(o->node);
		free(o);
		return NULL;
	}
	ds_handover_name(node, o->name);
	o->known = s->whole;	/* what is not in the list is not there */
	return o;
}

static void forget(struct ds_handover_store *s, struct object *o)
{
	HASH_DELETE(hh, s->objects, o);
	free(o->node);
	free(o);
}

/* The version that an answer names; "" where it names none. */
static void take_version(struct object *o, json_object *json)
{
	const char *version = ds_kube_text(ds_kube_child(json, "metadata"), "resourceVersion");

	o->known = ds_kube_copy(o->version, sizeof(o->version), version) && version[0];
}

static json_object *parse(const struct ds_handover_came *came)
{
	json_tokener *tokener = came->body && came->len && came->len <= BODY_MAX ?
					json_tokener_new() : NULL;
	json_object *json = NULL;

	if (!tokener)
		return NULL;
	json = json_tokener_parse_ex(tokener, came->body, (int)came->len);
	json_tokener_free(tokener);
	return json;
}

/* What owns it, if that is a Node: who replaces it keeps that. */
static void take_owner(struct object *o, json_object *metadata)
{
	json_object *owners = ds_kube_list(metadata, "ownerReferences");

	for (size_t i = 0; i < ds_kube_items(owners); i++) {
		json_object *owner = json_object_array_get_idx(owners, i);

		if (!strcmp(ds_kube_text(owner, "kind"), "Node") &&
		    ds_kube_copy(o->owner, sizeof(o->owner), ds_kube_text(owner, "uid")))
			o->owner_known = true;
	}
}

/* One that is there: its node is known by the annotation, if its name agrees. */
static void take_item(struct ds_handover_store *s, json_object *item)
{
	json_object *metadata = ds_kube_child(item, "metadata");
	json_object *text = ds_kube_member(ds_kube_child(item, "data"), DS_HANDOVER_KEY,
					   json_type_string);
	const char *node = ds_kube_text(ds_kube_child(metadata, "annotations"),
					DS_HANDOVER_NODE_ANNOTATION);
	char name[DS_HANDOVER_NAME_MAX + 1];
	struct object *o;

	ds_handover_name(node, name);
	if (!node[0] || strcmp(name, ds_kube_text(metadata, "name")) != 0)
		return;		/* somebody else's, whatever its label says */
	o = object_of(s, node);
	if (!o)
		return;
	take_version(o, item);
	take_owner(o, metadata);
	if (text)
		(void)ds_handover_text_load(s->options.text, node, json_object_get_string(text),
					    (size_t)json_object_get_string_len(text));
}

/* ---- what goes wrong ---- */

/* splitmix64: between half of a time and all of it. */
static int64_t jitter(struct ds_handover_store *s, int64_t ns)
{
	uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return ns / 2 + (int64_t)((z ^ (z >> 31)) % (uint64_t)(ns / 2 + 1));
}

static void tell_trouble(struct ds_handover_store *s, enum ds_handover_step step,
			 const struct ds_handover_came *came, int status)
{
	static const char *const verbs[] = { [DS_HANDOVER_LIST] = "list",
					     [DS_HANDOVER_NODE] = "get",
					     [DS_HANDOVER_LOOK] = "get",
					     [DS_HANDOVER_CREATE] = "create",
					     [DS_HANDOVER_UPDATE] = "update",
					     [DS_HANDOVER_DELETE] = "delete" };
	static const char so[] = "; trying again, and agents learn of no targets until then";
	char text[1024], said[256];

	if (s->troubled == status)
		return;
	s->troubled = status;
	ds_kube_said(came->body, came->len, said, sizeof(said));
	if (status == 403)
		(void)snprintf(text, sizeof(text), "the right to %s configmaps in namespace %s is missing: %s%s",
			       verbs[step], s->options.namespace_, said[0] ? said : "403", so);
	else if (!status)
		(void)snprintf(text, sizeof(text),
			       "the API server cannot be asked to %s a ConfigMap: %s%s", verbs[step],
			       came->fault ? came->fault : "its answer is cut off", so);
	else
		(void)snprintf(text, sizeof(text), "the API server answers %d to %s a ConfigMap%s%s%s",
			       status, verbs[step], said[0] ? ": " : "", said, so);
	s->options.trouble(s->options.ctx, text);
}

static void well(struct ds_handover_store *s)
{
	s->backoff_ns = 0;
	if (s->troubled >= 0)
		s->options.trouble(s->options.ctx, NULL);
	s->troubled = -1;
}

/* All requests wait: what is wrong is wrong with all of them. */
static void fail(struct ds_handover_store *s, enum ds_handover_step step,
		 const struct ds_handover_came *came, int64_t now_ns)
{
	int status = came->status / 100 == 2 ? 0 : came->status;
	int64_t wait_ns = came->retry_after_ns;

	s->stats.failed++;
	tell_trouble(s, step, came, status);
	s->backoff_ns = s->backoff_ns ? s->backoff_ns * 2 : BACKOFF_FIRST_NS;
	if (s->backoff_ns > BACKOFF_MAX_NS)
		s->backoff_ns = BACKOFF_MAX_NS;
	s->wait_ns = now_ns + jitter(s, status == 403 ? REFUSED_NS : s->backoff_ns);
	if ((status == 429 || status == 503) && wait_ns >= 0)
		s->wait_ns = now_ns + jitter(s, DS_NS_PER_S) +
			     (wait_ns < RETRY_AFTER_MAX_NS ? wait_ns : RETRY_AFTER_MAX_NS);
}

/* ---- requests ---- */

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

/* One at a time: each may be half a megabyte. */
static void ask_list(struct ds_handover_store *s)
{
	ds_buf_printf(&s->target, "%s?labelSelector=" DS_HANDOVER_LABEL "%%3D" DS_HANDOVER_MANAGER
		      "&limit=1", s->folder);
	if (s->go_on[0]) {
		ds_buf_puts(&s->target, "&continue=");
		put_encoded(&s->target, s->go_on);
	}
}

static enum ds_handover_step step_of(const struct ds_handover_store *s, const struct object *o,
				     bool empty)
{
	if (!o->known)
		return DS_HANDOVER_LOOK;
	if (empty && o->version[0])
		return DS_HANDOVER_DELETE;
	if (!empty && !o->owner_known && !s->nodeless)
		return DS_HANDOVER_NODE;
	return o->version[0] ? DS_HANDOVER_UPDATE : DS_HANDOVER_CREATE;
}

static bool says_nothing(struct ds_handover_store *s, const char *node)
{
	ds_buf_clear(&s->body);
	ds_handover_text_render(s->options.text, node, &s->body);
	return !s->body.failed && !s->body.len;
}

static void put_body(struct ds_handover_store *s, const struct object *o,
		     enum ds_handover_step step, int64_t now_ns)
{
	/* Also where it is taken away: the text notes that this is being written. */
	ds_buf_clear(&s->body);
	ds_handover_text_body(s->options.text, s->options.namespace_, o->node,
			      o->owner, o->version[0] ? o->version : NULL, now_ns, &s->body);
	if (step != DS_HANDOVER_DELETE)
		return;
	ds_buf_clear(&s->body);
	ds_buf_puts(&s->body, "{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\","
			      "\"preconditions\":{\"resourceVersion\":");
	ds_json_string(&s->body, o->version, strlen(o->version));
	ds_buf_puts(&s->body, "}}");
}

static const char *next_node(struct ds_handover_store *s, int64_t now_ns)
{
	const char *node = ds_handover_text_next_urgent(s->options.text, now_ns - PACE_NS);

	return node ? node : ds_handover_text_next(s->options.text, now_ns - LEISURE_NS);
}

/* The next object that is not as it ought to be, and what is to be done. NULL = none. */
static struct object *choose(struct ds_handover_store *s, int64_t now_ns,
			     enum ds_handover_step *ret_step)
{
	const char *node;
	struct object *o;

	while ((node = next_node(s, now_ns))) {
		bool empty = says_nothing(s, node);

		o = object_of(s, node);
		if (!o || o->busy)
			return NULL;	/* it is its turn again when it has been answered */
		*ret_step = step_of(s, o, empty);
		if (*ret_step != DS_HANDOVER_CREATE || !empty)
			return o;
		/* Nothing to be said, and nothing there. */
		put_body(s, o, DS_HANDOVER_CREATE, now_ns);
		ds_handover_text_written(s->options.text, node, true, now_ns);
		forget(s, o);
	}
	return NULL;
}

static bool is_write(enum ds_handover_step step)
{
	return step == DS_HANDOVER_CREATE || step == DS_HANDOVER_UPDATE ||
	       step == DS_HANDOVER_DELETE;
}

static void put_target(struct ds_handover_store *s, const struct object *o,
		       enum ds_handover_step step)
{
	if (step == DS_HANDOVER_NODE) {
		ds_buf_puts(&s->target, "/api/v1/nodes/");
		put_encoded(&s->target, o->node);
		return;
	}
	ds_buf_puts(&s->target, s->folder);
	if (step != DS_HANDOVER_CREATE)
		ds_buf_printf(&s->target, "/%s", o->name);
}

static const char *method_of(enum ds_handover_step step)
{
	return step == DS_HANDOVER_CREATE ? "POST" :
	       step == DS_HANDOVER_UPDATE ? "PUT" :
	       step == DS_HANDOVER_DELETE ? "DELETE" : "GET";
}

bool ds_handover_store_next(struct ds_handover_store *s, int64_t now_ns,
			    struct ds_handover_ask *ret_ask)
{
	enum ds_handover_step step = DS_HANDOVER_LIST;
	struct object *o = NULL;

	if (now_ns < s->wait_ns || s->busy >= (s->listing ? 1 : DS_HANDOVER_ASKS_MAX))
		return false;
	ds_buf_clear(&s->target);
	if (s->listing) {
		ask_list(s);
	} else {
		o = choose(s, now_ns, &step);
		if (!o)
			return false;
		put_target(s, o, step);
		if (is_write(step))
			put_body(s, o, step, now_ns);
	}
	if (s->target.failed || s->body.failed) {
		if (o && is_write(step))
			ds_handover_text_written(s->options.text, o->node, false, now_ns);
		s->wait_ns = now_ns + BACKOFF_MAX_NS;
		ds_buf_free(&s->target);
		ds_buf_free(&s->body);
		return false;
	}
	s->busy++;
	if (o)
		o->busy = true;
	*ret_ask = (struct ds_handover_ask){ .step = step, .method = method_of(step),
					     .target = s->target.data, .subject = o };
	if (is_write(step)) {
		ret_ask->body = s->body.data;
		ret_ask->len = s->body.len;
	}
	return true;
}

/* ---- answers ---- */

static void end_list(struct ds_handover_store *s, bool whole)
{
	s->listing = false;
	s->whole = whole;
	s->options.ready(s->options.ctx);
}

static void listed(struct ds_handover_store *s, const struct ds_handover_came *came, int64_t now_ns)
{
	json_object *json = came->status == 200 ? parse(came) : NULL;
	json_object *items = ds_kube_list(json, "items");
	const char *go_on = ds_kube_text(ds_kube_child(json, "metadata"), "continue");

	if (items && ds_kube_copy(s->go_on, sizeof(s->go_on), go_on)) {
		for (size_t i = 0; i < ds_kube_items(items); i++)
			take_item(s, json_object_array_get_idx(items, i));
		well(s);
		if (!s->go_on[0])
			end_list(s, true);
	} else {
		s->go_on[0] = '\0';
		fail(s, DS_HANDOVER_LIST, came, now_ns);
		if (came->status == 403 || ++s->lists == LISTS_MAX)
			end_list(s, false);
	}
	json_object_put(json);
}

/* The node: without it, or without the right, the object has no owner. */
static void met_node(struct ds_handover_store *s, struct object *o,
		     const struct ds_handover_came *came, int64_t now_ns)
{
	json_object *json = came->status == 200 ? parse(came) : NULL;
	const char *uid = ds_kube_text(ds_kube_child(json, "metadata"), "uid");

	if (came->status == 403) {
		s->nodeless = true;
		s->stats.failed++;
		s->options.trouble(s->options.ctx, "the right to get nodes is missing: what is handed "
						   "over has no owner, and may be left behind where a "
						   "node goes");
	} else if (came->status == 404 || uid[0]) {
		(void)ds_kube_copy(o->owner, sizeof(o->owner), uid);
		o->owner_known = true;
		well(s);
	} else {
		fail(s, DS_HANDOVER_NODE, came, now_ns);
	}
	json_object_put(json);
}

static void looked(struct ds_handover_store *s, struct object *o,
		   const struct ds_handover_came *came, int64_t now_ns)
{
	json_object *json = came->status == 200 ? parse(came) : NULL;

	o->version[0] = '\0';
	if (came->status == 404)
		o->known = true;
	else
		take_version(o, json);
	if (o->known)
		well(s);
	else
		fail(s, DS_HANDOVER_LOOK, came, now_ns);
	if (json)
		take_owner(o, ds_kube_child(json, "metadata"));
	json_object_put(json);
}

/* Something is wrong with this one (too large, immutable): others do not wait for it. */
static void refuse(struct ds_handover_store *s, struct object *o,
		   const struct ds_handover_came *came)
{
	char text[1024], said[256];

	s->stats.failed++;
	if (o->refused)
		return;
	o->refused = true;
	ds_kube_said(came->body, came->len, said, sizeof(said));
	(void)snprintf(text, sizeof(text), "the API server does not take ConfigMap %s (%d%s%s); trying "
		       "again each minute, and that node's agent learns of no targets until then",
		       o->name, came->status, said[0] ? ": " : "", said);
	s->options.trouble(s->options.ctx, text);
}

static void written(struct ds_handover_store *s, struct object *o, enum ds_handover_step step,
		    const struct ds_handover_came *came, int64_t now_ns)
{
	bool gone = step == DS_HANDOVER_DELETE && came->status == 404;
	bool good = came->status / 100 == 2 || gone;
	bool refused = came->status == 400 || came->status == 413 || came->status == 422;
	json_object *json = good ? parse(came) : NULL;

	ds_handover_text_written(s->options.text, o->node, good,
				 refused ? now_ns + REFUSED_NS : now_ns);
	if (good) {
		well(s);
		o->refused = false;
		s->stats.writes++;
		if (step == DS_HANDOVER_DELETE)
			forget(s, o);
		else
			take_version(o, json);
	} else if (refused) {
		refuse(s, o, came);
	} else if (came->status == 409 || (came->status == 404 && step != DS_HANDOVER_CREATE)) {
		o->known = false;	/* another was there: look, then write what is known */
		s->stats.failed++;
	} else {
		o->known = came->status > 0 && o->known;	/* it may have been done */
		fail(s, step, came, now_ns);
	}
	json_object_put(json);
}

void ds_handover_store_answer(struct ds_handover_store *s, const struct ds_handover_ask *ask,
			      const struct ds_handover_came *came, int64_t now_ns)
{
	struct object *o = ask->subject;

	s->busy--;
	if (o)
		o->busy = false;
	if (ask->step == DS_HANDOVER_LIST)
		listed(s, came, now_ns);
	else if (ask->step == DS_HANDOVER_NODE)
		met_node(s, o, came, now_ns);
	else if (ask->step == DS_HANDOVER_LOOK)
		looked(s, o, came, now_ns);
	else
		written(s, o, ask->step, came, now_ns);
}

struct ds_handover_store_stats ds_handover_store_stats(const struct ds_handover_store *s)
{
	struct ds_handover_store_stats stats = s->stats;

	for (const struct object *o = s->objects; o; o = o->hh.next)
		stats.objects += o->version[0] != '\0';
	return stats;
}

int ds_handover_store_new(struct ds_handover_store **ret_store,
			  const struct ds_handover_store_options *options)
{
	ds_cleanup(ds_handover_store_free) struct ds_handover_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->options = *options;
	s->options.namespace_ = strdup(options->namespace_);
	if (asprintf(&s->folder, "/api/v1/namespaces/%s/configmaps", options->namespace_) < 0)
		s->folder = NULL;
	if (!s->options.namespace_ || !s->folder)
		return -ENOMEM;
	s->random = options->seed;
	s->listing = true;
	s->troubled = -1;
	*ret_store = DS_TAKE(s);
	return 0;
}

void ds_handover_store_free(struct ds_handover_store **store)
{
	struct ds_handover_store *s = store ? *store : NULL;

	if (!s)
		return;
	while (s->objects)
		forget(s, s->objects);
	ds_buf_free(&s->target);
	ds_buf_free(&s->body);
	free((void *)(uintptr_t)s->options.namespace_);
	free(s->folder);
	free(DS_TAKE(*store));
}
