/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of each node the lines that its agent is to know. A line is kept as text: what was written once
 * is written again to the letter. What a line is about tells whether another takes its place.
 */
#include "user/source/cluster/handover_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/util/hash.h"
#include "user/util/json.h"
#include "user/util/timefmt.h"

#define STATES_MAX 8	/* lines of one target, those that were read */
#define UID_LEN 63
#define SEQ_MAX (INT64_MAX / 2)	/* of a line that is loaded: there is room for those that follow */

struct line {
	struct line *prev, *next;	/* the oldest first */
	int64_t time_ns;
	uint64_t about;		/* what it is about: kind, pod, target */
	uint64_t says;		/* what it says, but for when */
	uint64_t seq;
	int64_t ended_ns;	/* of its pod; 0 = it has not */
	int64_t delay_s;	/* of its target group, -1 = not told */
	bool adds;		/* others about the same stay beside it */
	bool loaded;		/* by another run, and not told by this one yet */
	char uid[UID_LEN + 1];	/* of its pod, "" = of none */
	size_t len;
	char text[];		/* with its newline */
};

struct node {
	struct line *first, *last;
	size_t lines_cnt, bytes;
	uint64_t written;	/* hash of the text that was written last */
	uint64_t writing;	/* of the one that is on its way */
	bool is_written, is_writing;
	bool urgent;		/* what waits to be written must be known soon */
	bool was_urgent;	/* what is on its way */
	int64_t written_ns;	/* when, or tried */
	int64_t since_ns;	/* it waits to be written since then; 0 = it does not */
	UT_hash_handle hh;
	char name[];
};

struct ds_handover_text {
	struct node *nodes;
	uint64_t next_seq;
	struct ds_buf scratch;
	struct ds_handover_text_stats stats;
};

int ds_handover_text_new(struct ds_handover_text **ret_text)
{
	struct ds_handover_text *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*ret_text = t;
	return 0;
}

/* ---- lines ---- */

static void remove_line(struct ds_handover_text *t, struct node *n, struct line *l)
{
	if (l->prev)
		l->prev->next = l->next;
	else
		n->first = l->next;
	if (l->next)
		l->next->prev = l->prev;
	else
		n->last = l->prev;
	n->lines_cnt--;
	n->bytes -= l->len;
	t->stats.lines--;
	t->stats.bytes -= l->len;
	free(l);
}

/* Behind those that are not younger. */
static void insert_line(struct ds_handover_text *t, struct node *n, struct line *l)
{
	struct line *after = n->last;

	while (after && after->time_ns > l->time_ns)
		after = after->prev;
	l->prev = after;
	l->next = after ? after->next : n->first;
	if (l->prev)
		l->prev->next = l;
	else
		n->first = l;
	if (l->next)
		l->next->prev = l;
	else
		n->last = l;
	n->lines_cnt++;
	n->bytes += l->len;
	t->stats.lines++;
	t->stats.bytes += l->len;
}

static void changed(struct node *n, int64_t now_ns)
{
	if (!n->since_ns)
		n->since_ns = now_ns;
}

static void keep_short(struct ds_handover_text *t, struct node *n)
{
	while (n->lines_cnt > DS_HANDOVER_LINES_MAX || n->bytes > DS_HANDOVER_TEXT_MAX) {
		remove_line(t, n, n->first);
		t->stats.dropped++;
	}
}

/* ---- nodes ---- */

static struct node *find_node(const struct ds_handover_text *t, const char *name)
{
	struct node *n;

	HASH_FIND(hh, t->nodes, name, strlen(name), n);
	return n;
}

static struct node *node_of(struct ds_handover_text *t, const char *name)
{
	struct node *n = find_node(t, name);
	size_t len = strlen(name);

	if (n || HASH_COUNT(t->nodes) >= DS_HANDOVER_NODES_MAX)
		return n;
	n = calloc(1, sizeof(*n) + len + 1);
	if (!n)
		return NULL;
	memcpy(n->name, name, len);
	HASH_ADD_KEYPTR(hh, t->nodes, n->name, len, n);
	if (!DS_HASH_ADDED(n)) {
		free(n);
		return NULL;
	}
	t->stats.nodes++;
	return n;
}

static void remove_node(struct ds_handover_text *t, struct node *n)
{
	while (n->first)
		remove_line(t, n, n->first);
	HASH_DEL(t->nodes, n);
	t->stats.nodes--;
	free(n);
}

void ds_handover_text_free(struct ds_handover_text **text)
{
	struct ds_handover_text *t = *text;
	struct node *n, *next;

	if (!t)
		return;
	HASH_ITER(hh, t->nodes, n, next)
		remove_node(t, n);
	ds_buf_free(&t->scratch);
	free(t);
	*text = NULL;
}

/* ---- what a line is about ---- */

static void mix(uint64_t *hash, const char *text)
{
	*hash = ds_siphash13(*hash, 1, text, strlen(text));
}

static bool is_reading(const struct ds_event *ev)
{
	return ev->kind == DS_EVENT_TARGET &&
	       (!ds_event_has(ev, DS_KEY_TARGET_SOURCE) ||
		ev->target_source != DS_TARGET_SOURCE_ENDPOINT_SLICE);
}

static bool is_urgent(const struct ds_event *ev)
{
	return is_reading(ev) ||
	       (ev->kind == DS_EVENT_POD_STATE && ds_event_has(ev, DS_KEY_TRIGGER));
}

static uint64_t about(const struct ds_event *ev)
{
	uint64_t hash = (uint64_t)ev->kind * 2 + is_reading(ev);

	if (ds_event_has(ev, DS_KEY_POD_UID))
		mix(&hash, ev->pod_uid);
	if (ds_event_has(ev, DS_KEY_TG_ARN))
		mix(&hash, ev->tg_arn);
	if (ds_event_has(ev, DS_KEY_TARGET_ID))
		mix(&hash, ev->target_id);
	if (ds_event_has(ev, DS_KEY_TARGET_PORT))
		hash ^= (uint64_t)ev->target_port << 32;
	if (ds_event_has(ev, DS_KEY_ADDRESS))
		mix(&hash, ev->address);
	if (ds_event_has(ev, DS_KEY_LB_NAME) && ev->kind == DS_EVENT_LB_ADDRESS)
		mix(&hash, ev->lb_name);
	return hash;
}

/*
 * The line's text into scratch, and the hash of what it says: the same line at time 0. Readings are
 * told at their upper bound, which is part of what they say.
 */
static uint64_t write_line(struct ds_handover_text *t, const struct ds_event *ev, uint64_t seq)
{
	struct ds_event bare = *ev;
	uint64_t hash;

	bare.run_id[0] = '\0';
	bare.late = false;
	if (!is_reading(ev))
		bare.time_ns = 0;
	ds_event_write(&t->scratch, &bare, 0);
	hash = ds_siphash13(2, 3, t->scratch.data ? t->scratch.data : "", t->scratch.len);
	bare.time_ns = ev->time_ns;
	ds_event_write(&t->scratch, &bare, seq);
	return hash;
}

static struct line *line_of(struct ds_handover_text *t, const struct ds_event *ev)
{
	struct ds_event canonical = *ev;
	struct line *l;
	uint64_t says;

	ds_event_canonical(&canonical);
	says = write_line(t, &canonical, t->next_seq);
	if (t->scratch.failed || !t->scratch.len)
		return NULL;
	l = calloc(1, sizeof(*l) + t->scratch.len);
	if (!l)
		return NULL;
	l->says = says;
	l->about = about(&canonical);
	l->time_ns = canonical.time_ns;
	l->seq = t->next_seq++;
	l->adds = is_reading(&canonical);
	l->delay_s = ds_event_has(&canonical, DS_KEY_TG_DELAY) ? canonical.tg_delay_s : -1;
	if (ds_event_has(&canonical, DS_KEY_POD_UID) && strlen(canonical.pod_uid) <= UID_LEN)
		memcpy(l->uid, canonical.pod_uid, strlen(canonical.pod_uid));
	l->len = t->scratch.len;
	memcpy(l->text, t->scratch.data, l->len);
	return l;
}

/* ---- putting ---- */

/* The line about the same that says the same; of those that make room the first goes. */
static struct line *find_same(const struct node *n, const struct line *l)
{
	for (struct line *k = n->last; k; k = k->prev)
		if (k->about == l->about && k->says == l->says)
			return k;
	return NULL;
}

static void make_room(struct ds_handover_text *t, struct node *n, const struct line *l)
{
	int cnt = 0;
	struct line *prev;

	for (struct line *k = n->last; k; k = prev) {
		prev = k->prev;
		if (k->about == l->about && (!l->adds || ++cnt >= STATES_MAX))
			remove_line(t, n, k);
	}
}

/* It is told of: not a thing of the past, as what is loaded is taken for. */
static void revive(struct node *n, const char *uid, const struct line *l)
{
	for (struct line *k = n->first; k; k = k->next)
		if (k->loaded && (l == k || (uid[0] && !strcmp(k->uid, uid)))) {
			k->loaded = false;
			k->ended_ns = 0;
		}
}

static int64_t ended_of(const struct node *n, const char *uid)
{
	for (const struct line *k = n->last; uid[0] && k; k = k->prev)
		if (!k->loaded && !strcmp(k->uid, uid))
			return k->ended_ns;
	return 0;
}

void ds_handover_text_put(struct ds_handover_text *t, const char *node, const struct ds_event *ev)
{
	struct node *n = node_of(t, node);
	struct line *l = n ? line_of(t, ev) : NULL, *same;

	if (!l) {
		t->stats.dropped++;
		return;
	}
	same = find_same(n, l);
	revive(n, l->uid, same);
	if (same) {
		t->next_seq--;
		free(l);
		return;
	}
	l->ended_ns = ended_of(n, l->uid);
	make_room(t, n, l);
	insert_line(t, n, l);
	changed(n, ev->time_ns);
	n->urgent = n->urgent || is_urgent(ev);
	keep_short(t, n);
}

void ds_handover_text_ended(struct ds_handover_text *t, const char *node, const char *uid,
			    int64_t at_ns)
{
	struct node *n = find_node(t, node);

	for (struct line *l = n ? n->first : NULL; l; l = l->next)
		if (!strcmp(l->uid, uid)) {
			l->ended_ns = at_ns;
			l->loaded = false;
		}
}

static bool load_line(struct ds_handover_text *t, struct node *n, const char *text, size_t len)
{
	struct ds_event ev;
	struct ds_perr perr;
	struct line *l;

	if (!len || len >= DS_EVENT_LINE_MAX || ds_event_read(text, len, 0, &ev, &perr))
		return false;
	if ((ev.kind != DS_EVENT_POD_STATE && ev.kind != DS_EVENT_TARGET &&
	     ev.kind != DS_EVENT_LB_ADDRESS) || ev.source_seq > SEQ_MAX) {
		ds_event_clear(&ev);
		return false;
	}
	/* Numbers go on from those that there are: the text stays what it is. */
	t->next_seq = ev.source_seq;
	l = line_of(t, &ev);
	ds_event_clear(&ev);
	if (!l || find_same(n, l)) {
		free(l);
		return l != NULL;
	}
	l->loaded = true;
	l->ended_ns = l->time_ns > 0 ? l->time_ns : 1;
	make_room(t, n, l);
	insert_line(t, n, l);
	keep_short(t, n);
	return true;
}

size_t ds_handover_text_load(struct ds_handover_text *t, const char *node, const char *text,
			     size_t len)
{
	struct node *n = node_of(t, node);
	uint64_t next_seq = t->next_seq;
	size_t bad = 0;

	if (!n)
		return 0;
	if (len > DS_HANDOVER_TEXT_MAX)
		len = DS_HANDOVER_TEXT_MAX;
	n->is_written = true;
	n->written = ds_siphash13(4, 5, text, len);
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line_len = end ? (size_t)(end - text) - at : len - at;

		bad += line_len && !load_line(t, n, text + at, line_len);
		if (t->next_seq > next_seq)
			next_seq = t->next_seq;
		at += line_len + 1;
	}
	t->next_seq = next_seq;
	t->stats.bad += bad;
	return bad;
}

/* ---- time ---- */

static int64_t keep_ns(const struct node *n, const struct line *l)
{
	int64_t longest_s = l->delay_s;

	for (const struct line *k = n->first; k; k = k->next)
		if (k->delay_s > longest_s && l->uid[0] && !strcmp(k->uid, l->uid))
			longest_s = k->delay_s;
	return longest_s * 2 * DS_NS_PER_S > DS_HANDOVER_KEEP_NS ? longest_s * 2 * DS_NS_PER_S :
								   DS_HANDOVER_KEEP_NS;
}

static bool has_pods(const struct node *n)
{
	for (const struct line *l = n->last; l; l = l->prev)
		if (l->uid[0])
			return true;
	return false;
}

static void age(struct ds_handover_text *t, struct node *n, int64_t now_ns)
{
	struct line *next;

	for (struct line *l = n->first; l; l = next) {
		next = l->next;
		if (!l->ended_ns || now_ns - l->ended_ns <= DS_HANDOVER_KEEP_NS ||
		    now_ns - l->ended_ns <= keep_ns(n, l))
			continue;
		remove_line(t, n, l);
		t->stats.aged++;
		changed(n, now_ns);
	}
	/* Where no pod is left, nobody needs a load balancer's address, nor the node's own port. */
	while (n->first && !has_pods(n)) {
		remove_line(t, n, n->first);
		t->stats.aged++;
		changed(n, now_ns);
	}
}

void ds_handover_text_tick(struct ds_handover_text *t, int64_t now_ns)
{
	struct node *n, *next;

	HASH_ITER(hh, t->nodes, n, next) {
		age(t, n, now_ns);
		if (!n->first && !n->since_ns && !n->is_writing)
			remove_node(t, n);
	}
}

/* ---- writing ---- */

static uint64_t render(const struct node *n, struct ds_buf *ret_text)
{
	ds_buf_clear(ret_text);
	for (const struct line *l = n->first; l; l = l->next)
		ds_buf_put(ret_text, l->text, l->len);
	return ds_siphash13(4, 5, ret_text->data ? ret_text->data : "", ret_text->len);
}

/* It may have become again what it was, or have said nothing from the first. */
static bool is_news(struct ds_handover_text *t, const struct node *n)
{
	uint64_t hash = render(n, &t->scratch);

	return n->is_written ? hash != n->written : n->first != NULL;
}

/* The one that waits longest. */
static struct node *waiting(const struct ds_handover_text *t, int64_t not_after_ns, bool urgent)
{
	struct node *best = NULL;

	for (struct node *n = t->nodes; n; n = n->hh.next)
		if (n->since_ns && !n->is_writing && n->since_ns <= not_after_ns &&
		    n->written_ns <= not_after_ns && (n->urgent || !urgent) &&
		    (!best || n->since_ns < best->since_ns))
			best = n;
	return best;
}

/* Only of the one whose turn it is the text is looked at: there may be many, and long ones. */
static const char *next_of(struct ds_handover_text *t, int64_t not_after_ns, bool urgent)
{
	struct node *n;

	while ((n = waiting(t, not_after_ns, urgent))) {
		if (is_news(t, n))
			return n->name;
		n->since_ns = 0;
		n->urgent = false;
	}
	return NULL;
}

const char *ds_handover_text_next(struct ds_handover_text *t, int64_t not_after_ns)
{
	return next_of(t, not_after_ns, false);
}

const char *ds_handover_text_next_urgent(struct ds_handover_text *t, int64_t not_after_ns)
{
	return next_of(t, not_after_ns, true);
}

void ds_handover_text_render(const struct ds_handover_text *t, const char *node,
			     struct ds_buf *ret_text)
{
	const struct node *n = find_node(t, node);

	ds_buf_clear(ret_text);
	if (n)
		(void)render(n, ret_text);
}

static void put_member(struct ds_buf *b, const char *key, const char *text, size_t len)
{
	ds_json_string(b, key, strlen(key));
	ds_buf_putc(b, ':');
	ds_json_string(b, text, len);
}

static void put_metadata(struct ds_buf *b, const char *namespace_, const char *node,
			 const char *node_uid, const char *version)
{
	char name[DS_HANDOVER_NAME_MAX + 1];

	ds_handover_name(node, name);
	ds_buf_puts(b, "\"metadata\":{");
	put_member(b, "name", name, strlen(name));
	ds_buf_putc(b, ',');
	put_member(b, "namespace", namespace_, strlen(namespace_));
	ds_buf_puts(b, ",\"labels\":{");
	put_member(b, DS_HANDOVER_LABEL, DS_HANDOVER_MANAGER, strlen(DS_HANDOVER_MANAGER));
	ds_buf_puts(b, "},\"annotations\":{");
	put_member(b, DS_HANDOVER_NODE_ANNOTATION, node, strlen(node));
	ds_buf_putc(b, '}');
	if (version && version[0]) {
		ds_buf_putc(b, ',');
		put_member(b, "resourceVersion", version, strlen(version));
	}
	if (node_uid && node_uid[0]) {	/* it goes with the node */
		ds_buf_puts(b, ",\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Node\",");
		put_member(b, "name", node, strlen(node));
		ds_buf_putc(b, ',');
		put_member(b, "uid", node_uid, strlen(node_uid));
		ds_buf_puts(b, "}]");
	}
	ds_buf_putc(b, '}');
}

void ds_handover_text_body(struct ds_handover_text *t, const char *namespace_, const char *node,
			   const char *node_uid, const char *version, int64_t now_ns,
			   struct ds_buf *ret_body)
{
	struct node *n = find_node(t, node);
	char stamp[DS_RFC3339_LEN + 1];

	ds_buf_clear(&t->scratch);
	if (n) {
		n->writing = render(n, &t->scratch);
		n->is_writing = true;
		n->was_urgent = n->urgent;
		n->urgent = false;
		n->since_ns = 0;
	}
	ds_time_rfc3339(now_ns, stamp);
	ds_buf_clear(ret_body);
	ds_buf_puts(ret_body, "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",");
	put_metadata(ret_body, namespace_, node, node_uid, version);
	ds_buf_puts(ret_body, ",\"data\":{");
	put_member(ret_body, DS_HANDOVER_KEY, t->scratch.data ? t->scratch.data : "",
		   t->scratch.len);
	ds_buf_putc(ret_body, ',');
	put_member(ret_body, DS_HANDOVER_WRITTEN_KEY, stamp, DS_RFC3339_LEN);
	ds_buf_puts(ret_body, "}}");
}

void ds_handover_text_written(struct ds_handover_text *t, const char *node, bool ok,
			      int64_t now_ns)
{
	struct node *n = find_node(t, node);

	if (!n || !n->is_writing)
		return;
	n->is_writing = false;
	n->written_ns = now_ns;
	if (ok) {
		n->written = n->writing;
		n->is_written = true;
	} else {
		n->urgent = n->urgent || n->was_urgent;
		changed(n, now_ns);
	}
}

struct ds_handover_text_stats ds_handover_text_stats(const struct ds_handover_text *t)
{
	return t->stats;
}
