/* SPDX-License-Identifier: Apache-2.0 */
#include "user/sink/kube_event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/core.h"
#include "user/util/cleanup.h"
#include "user/util/hash.h"
#include "user/util/json.h"
#include "user/util/timefmt.h"

#define NAME_LEN 253
#define AGAIN_NS (60 * DS_NS_PER_S)
#define ADVICE_LEN 300
#define PREFIX_LEN 200	/* of the Event's own name */

static const struct {
	enum ds_key key;
	const char *kind, *resource;
} kinds[] = {
	{ DS_KEY_DEPLOYMENT, "Deployment", "deployments" },
	{ DS_KEY_STATEFULSET, "StatefulSet", "statefulsets" },
	{ DS_KEY_DAEMONSET, "DaemonSet", "daemonsets" },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

struct counts {
	uint64_t pods, drops, by[DS_CAUSE_MAX];
};

struct workload {
	char key[32 + 2 * (NAME_LEN + 1)];	/* Kind/namespace/name, as advice names it */
	size_t kind;
	char namespace_[NAME_LEN + 1], name[NAME_LEN + 1];
	struct counts sum;			/* since the last Event */
	struct counts told;			/* of them, by the one that is being written */
	int64_t first_ns, last_ns;		/* the verdicts of these pods */
	int64_t rest_ns;			/* the first verdict of those that are not told */
	int64_t after_ns;			/* not before: there was one */
	char advice[ADVICE_LEN];		/* "" = none */
	bool advice_told;
	UT_hash_handle hh;
};

struct ds_kube_events {
	char *node, *instance;
	struct workload *workloads;
	int64_t after_ns;	/* of any workload */
	uint64_t left_out;
};

/* ---- what is taken ---- */

static const char *name_of(const struct ds_event *ev, enum ds_key key)
{
	const char *member = (const char *)ev + ds_keys[key].offset;

	return ds_event_has(ev, key) ? *(const char *const *)member : NULL;
}

/* Those of which nothing is to be told make room. */
static bool make_room(struct ds_kube_events *e)
{
	struct workload *w, *next;

	if (HASH_COUNT(e->workloads) < DS_KUBE_EVENT_WORKLOADS_MAX)
		return true;
	HASH_ITER(hh, e->workloads, w, next) {
		if (w->sum.pods)
			continue;
		HASH_DELETE(hh, e->workloads, w);
		free(w);
		return true;
	}
	return false;
}

static struct workload *find(const struct ds_kube_events *e, const char *key)
{
	struct workload *w;

	HASH_FIND_STR(e->workloads, key, w);
	return w;
}

static struct workload *find_or_add(struct ds_kube_events *e, size_t kind, const char *namespace_,
				    const char *name)
{
	struct workload made = { .kind = kind }, *w;

	if (strlen(namespace_) > NAME_LEN || strlen(name) > NAME_LEN)
		return NULL;
	(void)snprintf(made.key, sizeof(made.key), "%s/%s/%s", kinds[kind].kind, namespace_, name);
	w = find(e, made.key);
	if (w || !make_room(e))
		return w;
	memcpy(made.namespace_, namespace_, strlen(namespace_) + 1);
	memcpy(made.name, name, strlen(name) + 1);
	w = malloc(sizeof(*w));
	if (!w)
		return NULL;
	*w = made;
	HASH_ADD_STR(e->workloads, key, w);
	if (DS_HASH_ADDED(w))
		return w;
	free(w);
	return NULL;
}

static void take_verdict(struct ds_kube_events *e, const struct ds_event *ev)
{
	struct workload *w = NULL;
	const char *name = NULL;

	if (ev->verdict != DS_VERDICT_DROPPED || !ds_event_has(ev, DS_KEY_POD_NAMESPACE) ||
	    (ds_event_has(ev, DS_KEY_TRIGGER) && ds_trigger_is_imposed(ev->trigger)))
		return;
	for (size_t i = 0; i < KINDS && !name; i++) {
		name = name_of(ev, kinds[i].key);
		if (name)
			w = find_or_add(e, i, ev->pod_namespace, name);
	}
	if (!w) {
		e->left_out += name != NULL;	/* else it is no workload's */
		return;
	}
	if (!w->sum.pods)
		w->first_ns = ev->time_ns;
	if (w->sum.pods++ == w->told.pods)
		w->rest_ns = ev->time_ns;
	w->last_ns = ev->time_ns;
	w->sum.drops += (uint64_t)ev->verdict_drops;
	for (int cause = 0; cause < DS_CAUSE_MAX && ds_event_has(ev, DS_KEY_DROPS_BY); cause++)
		if (ds_cause_is_rollout(cause))
			w->sum.by[cause] += ev->drops_by[cause];
}

static void take_advice(struct ds_kube_events *e, const struct ds_event *ev)
{
	struct workload *w = ds_event_has(ev, DS_KEY_ADVICE_OBJECT) ? find(e, ev->advice_object) :
								      NULL;

	if (!w)
		return;
	w->advice_told = false;
	(void)snprintf(w->advice, sizeof(w->advice), "%s: %s %s -> %s",
		       ds_name(DS_NAMES_ADVICE, ev->advice),
		       ds_event_has(ev, DS_KEY_ADVICE_FIELD) ? ev->advice_field : "?",
		       ds_event_has(ev, DS_KEY_ADVICE_CURRENT) ? ev->advice_current : "none",
		       ds_event_has(ev, DS_KEY_ADVICE_SUGGESTED) ? ev->advice_suggested : "?");
}

void ds_kube_events_take(struct ds_kube_events *e, const struct ds_event *ev)
{
	if (ev->kind == DS_EVENT_VERDICT)
		take_verdict(e, ev);
	else if (ev->kind == DS_EVENT_ADVICE)
		take_advice(e, ev);
}

/* ---- what is due ---- */

static bool is_due(const struct workload *w, int64_t now_ns)
{
	return w->sum.pods && now_ns >= w->after_ns &&
	       (now_ns - w->last_ns >= DS_KUBE_EVENT_QUIET_NS ||
		now_ns - w->first_ns >= DS_KUBE_EVENT_WAIT_NS);
}

bool ds_kube_events_due(const struct ds_kube_events *e, int64_t now_ns,
			struct ds_kube_event_subject *ret_subject)
{
	const struct workload *first = NULL;

	for (const struct workload *w = e->workloads; w; w = w->hh.next)
		if (is_due(w, now_ns) && (!first || w->first_ns < first->first_ns))
			first = w;
	if (!first || now_ns < e->after_ns)
		return false;
	*ret_subject = (struct ds_kube_event_subject){
		.kind = kinds[first->kind].kind, .resource = kinds[first->kind].resource,
		.namespace_ = first->namespace_, .name = first->name,
	};
	return true;
}

static struct workload *workload_of(const struct ds_kube_events *e,
				    const struct ds_kube_event_subject *s)
{
	char key[sizeof(((struct workload *)NULL)->key)];

	(void)snprintf(key, sizeof(key), "%s/%s/%s", s->kind, s->namespace_, s->name);
	return find(e, key);
}

/* What was judged while the Event was on its way is not in it. */
static void forget_told(struct workload *w)
{
	w->sum.pods -= w->told.pods;
	w->sum.drops -= w->told.drops;
	for (int cause = 0; cause < DS_CAUSE_MAX; cause++)
		w->sum.by[cause] -= w->told.by[cause];
	w->first_ns = w->rest_ns;
	if (w->advice_told)
		w->advice[0] = '\0';
}

void ds_kube_events_written(struct ds_kube_events *e, const struct ds_kube_event_subject *subject,
			    bool ok, int64_t now_ns)
{
	struct workload *w = workload_of(e, subject);

	e->after_ns = now_ns + DS_KUBE_EVENT_PACE_NS;
	if (!w)
		return;
	w->after_ns = now_ns + (ok ? DS_KUBE_EVENT_GAP_NS : AGAIN_NS);
	if (ok)
		forget_told(w);
	memset(&w->told, 0, sizeof(w->told));
}

/* ---- the text ---- */

static void write_message(const struct ds_kube_events *e, const struct workload *w,
			  struct ds_buf *b)
{
	const char *between = ": ";

	ds_buf_printf(b, "%llu connection%s of the load balancer lost on node %s as %llu pod%s went away",
		      (unsigned long long)w->sum.drops, w->sum.drops == 1 ? "" : "s", e->node,
		      (unsigned long long)w->sum.pods, w->sum.pods == 1 ? "" : "s");
	for (int cause = 0; cause < DS_CAUSE_MAX; cause++) {
		if (!w->sum.by[cause])
			continue;
		ds_buf_printf(b, "%s%s %llu", between, ds_name(DS_NAMES_CAUSE, cause),
			      (unsigned long long)w->sum.by[cause]);
		between = ", ";
	}
	if (w->advice[0])
		ds_buf_printf(b, ". Advised: %s", w->advice);
}

static void put(struct ds_buf *b, const char *before, const char *text)
{
	ds_buf_puts(b, before);
	ds_json_string(b, text, strlen(text));
}

static void put_time(struct ds_buf *b, const char *before, int64_t ns)
{
	char text[DS_RFC3339_LEN + 1];

	ds_time_rfc3339(ns, text);
	ds_buf_printf(b, "%s\"%.19sZ\"", before, text);	/* a Time of Kubernetes: whole seconds */
}

/* Cut at a whole character. */
static size_t cut(const char *text, size_t len)
{
	if (len <= DS_KUBE_EVENT_MESSAGE_MAX)
		return len;
	len = DS_KUBE_EVENT_MESSAGE_MAX;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void ds_kube_events_body(struct ds_kube_events *e,
			 const struct ds_kube_event_subject *subject, const char *uid,
			 int64_t now_ns, struct ds_buf *body)
{
	struct workload *w = workload_of(e, subject);
	struct ds_buf message = { 0 };
	char prefix[PREFIX_LEN + 2];

	if (!w)
		return;
	(void)snprintf(prefix, sizeof(prefix), "%.*s.", PREFIX_LEN, w->name);
	write_message(e, w, &message);
	w->told = w->sum;
	w->advice_told = true;
	body->failed = body->failed || message.failed;
	put(body, "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"generateName\":", prefix);
	put(body, ",\"namespace\":", w->namespace_);
	put(body, "},\"involvedObject\":{\"apiVersion\":\"apps/v1\",\"kind\":", subject->kind);
	put(body, ",\"namespace\":", w->namespace_);
	put(body, ",\"name\":", w->name);
	if (uid[0])
		put(body, ",\"uid\":", uid);
	ds_buf_puts(body, "},\"reason\":\"ConnectionsDropped\",\"type\":\"Warning\",\"message\":");
	if (message.data)
		ds_json_string(body, message.data, cut(message.data, message.len));
	put(body, ",\"source\":{\"component\":\"drainsnoop\",\"host\":", e->node);
	put_time(body, "},\"firstTimestamp\":", w->first_ns);
	put_time(body, ",\"lastTimestamp\":", w->last_ns > now_ns ? now_ns : w->last_ns);
	ds_buf_puts(body, ",\"count\":1,\"reportingComponent\":\"drainsnoop.dev/agent\"");
	put(body, ",\"reportingInstance\":", e->instance[0] ? e->instance : e->node);
	ds_buf_putc(body, '}');
	ds_buf_free(&message);
}

uint64_t ds_kube_events_left_out(const struct ds_kube_events *e)
{
	return e->left_out;
}

/* ---- life ---- */

int ds_kube_events_new(struct ds_kube_events **ret_events,
		       const struct ds_kube_event_options *options)
{
	ds_cleanup(ds_kube_events_free) struct ds_kube_events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->node = strdup(options->node);
	e->instance = strdup(options->instance);
	if (!e->node || !e->instance)
		return -ENOMEM;
	*ret_events = DS_TAKE(e);
	return 0;
}

void ds_kube_events_free(struct ds_kube_events **events)
{
	struct ds_kube_events *e = events ? *events : NULL;
	struct workload *w, *next;

	if (!e)
		return;
	HASH_ITER(hh, e->workloads, w, next) {
		HASH_DELETE(hh, e->workloads, w);
		free(w);
	}
	free(e->node);
	free(e->instance);
	free(DS_TAKE(*events));
}
