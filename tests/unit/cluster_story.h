/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of a cluster: objects as the API server tells them, and what is told of them, one line
 * each. The moment is `now`, in seconds since BEGIN.
 */
#ifndef DS_TESTS_UNIT_CLUSTER_STORY_H
#define DS_TESTS_UNIT_CLUSTER_STORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"
#include "user/core/event.h"
#include "user/source/cluster/cluster.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define BEGIN (INT64_C(1795387020) * DS_NS_PER_S) /* 22:37:00 */
#define WEB_ARN "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
#define API_ARN "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/api/fedcba9876543210"

static struct ds_cluster *cluster;
static struct ds_buf told;	/* lines that were told since they were looked at last */
static double now_s;
static int64_t bound_ns;	/* the latest not_before that was told */
static struct {
	char key[600];
	enum ds_cluster_kind kind;
	void *object;
} objects[1024];

static int64_t now(void *ctx)
{
	(void)ctx;
	return BEGIN + (int64_t)(now_s * 1000) * DS_NS_PER_MS;
}

static const char *owner_of(const struct ds_event *ev)
{
	return ds_event_has(ev, DS_KEY_DEPLOYMENT) ? ev->deployment :
	       ds_event_has(ev, DS_KEY_REPLICASET) ? ev->replicaset :
	       ds_event_has(ev, DS_KEY_STATEFULSET) ? ev->statefulset :
	       ds_event_has(ev, DS_KEY_DAEMONSET) ? ev->daemonset :
	       ds_event_has(ev, DS_KEY_JOB) ? ev->job : "-";
}

static void tell_target(const char *node, const struct ds_event *ev)
{
	ds_buf_printf(&told, "%s: target %s:%d of %s %s", node, ev->target_id,
		      (int)ev->target_port, ev->tg_name,
		      ds_name(DS_NAMES_TARGET_STATE, ev->target_state));
	if (ds_event_has(ev, DS_KEY_POD_NAME))
		ds_buf_printf(&told, " (%s)", ev->pod_name);
	if (ds_event_has(ev, DS_KEY_NOT_BEFORE))
		bound_ns = ev->not_before;
	if (ds_event_has(ev, DS_KEY_TG_DELAY))
		ds_buf_printf(&told, " delay %d", (int)ev->tg_delay_s);
	if (ds_event_has(ev, DS_KEY_LB_NAME))
		ds_buf_printf(&told, " behind %s", ev->lb_name);
	ds_buf_puts(&told, "\n");
}

/* What is told of a pod's end: for a run that did not see it. */
static void tell_end(const struct ds_event *ev)
{
	assert_int_equal(ev->phase, DS_PHASE_DELETED);
	assert_int_equal(ev->t0_source, DS_T0_SOURCE_ENDPOINT_SLICE);
	assert_int_equal(ev->t0_error, DS_NS_PER_S);
	ds_buf_printf(&told, " had %s, went %d-%d", ev->pod_addresses,
		      (int)((ev->t0 + ev->t0_error - BEGIN) / DS_NS_PER_S),
		      (int)((ev->time_ns - BEGIN) / DS_NS_PER_S));
}

static void tell(void *ctx, const char *node, const struct ds_event *ev)
{
	(void)ctx;
	assert_string_equal(node, ev->node);
	if (ev->kind == DS_EVENT_POD_STATE) {
		assert_true(ds_event_has(ev, DS_KEY_POD_UID));
		ds_buf_printf(&told, "%s: pod %s/%s of %s ports %s%s%s", node, ev->pod_namespace,
			      ev->pod_name, owner_of(ev),
			      ds_event_has(ev, DS_KEY_POD_PORTS) ? ev->pod_ports : "-",
			      ds_event_has(ev, DS_KEY_TRIGGER) ? " " : "",
			      ds_event_has(ev, DS_KEY_TRIGGER) ?
				      ds_name(DS_NAMES_TRIGGER, ev->trigger) : "");
		if (ds_event_has(ev, DS_KEY_PHASE))
			tell_end(ev);
		ds_buf_puts(&told, "\n");
	} else if (ev->kind == DS_EVENT_TARGET) {
		tell_target(node, ev);
	} else {
		assert_int_equal(ev->kind, DS_EVENT_LB_ADDRESS);
		ds_buf_printf(&told, "%s: balancer %s %s\n", node,
			      ds_event_has(ev, DS_KEY_LB_NAME) ? ev->lb_name : "-", ev->address);
	}
}

static void ended(void *ctx, const char *node, const char *uid, int64_t at_ns)
{
	(void)ctx;
	if (at_ns)
		ds_buf_printf(&told, "%s: ended %s at %d\n", node, uid,
			      (int)((at_ns - BEGIN) / DS_NS_PER_S));
	else
		ds_buf_printf(&told, "%s: back %s\n", node, uid);
}

/* The NAME of an ARN. */
static void put_group(const char *arn)
{
	const char *name = strstr(arn, "targetgroup/") + 12;

	ds_buf_put(&told, name, strcspn(name, "/"));
}

static void group(void *ctx, const char *arn)
{
	(void)ctx;
	ds_buf_puts(&told, "ask what ");
	put_group(arn);
	ds_buf_puts(&told, " is\n");
}

static void poll(void *ctx, const char *arn, const struct ds_addr *addr, uint16_t port)
{
	char text[DS_ADDR_STRLEN];

	(void)ctx;
	(void)ds_addr_format(addr, text);
	ds_buf_printf(&told, "poll %s:%u of ", text, port);
	put_group(arn);
	ds_buf_puts(&told, "\n");
}

static void unpoll(void *ctx, const struct ds_addr *addr)
{
	char text[DS_ADDR_STRLEN];

	(void)ctx;
	(void)ds_addr_format(addr, text);
	ds_buf_printf(&told, "unpoll %s\n", text);
}

static void budget(void *ctx, const struct ds_cluster_budget *b)
{
	(void)ctx;
	ds_buf_printf(&told, "budget %s/%s for %s: %d of %d, %s\n", b->namespace_, b->name, b->pod,
		      (int)b->wanted, (int)b->expected, b->other ? b->other : "alone");
}

static int begin(void **state)
{
	struct ds_cluster_options o = { .now = now, .tell = tell, .ended = ended, .group = group,
					.poll = poll, .unpoll = unpoll, .budget = budget };

	(void)state;
	now_s = 0;
	memset(objects, 0, sizeof(objects));
	ds_buf_clear(&told);
	return ds_cluster_new(&cluster, &o);
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		if (objects[i].object)
			ds_cluster_drop(ds_cluster_feed(cluster, objects[i].kind),
					objects[i].object);
	ds_cluster_free(&cluster);
	ds_buf_free(&told);
	return 0;
}

/* The place of an object: that of its UID, or a free one. */
static size_t place_of(enum ds_cluster_kind kind, const char *key)
{
	const size_t max = sizeof(objects) / sizeof(objects[0]);
	size_t i = 0;

	while (i < max && (!objects[i].object || objects[i].kind != kind ||
			   strcmp(objects[i].key, key) != 0))
		i++;
	if (i < max)
		return i;
	for (i = 0; objects[i].object;)
		assert_true(++i < max);
	return i;
}

static const char *uid_of(json_object *json)
{
	json_object *metadata, *uid;

	assert_true(json_object_object_get_ex(json, "metadata", &metadata));
	assert_true(json_object_object_get_ex(metadata, "uid", &uid) ||
		    json_object_object_get_ex(metadata, "name", &uid));
	return json_object_get_string(uid);
}

/* Told as a watch tells it. False: it makes no sense. */
static bool told_object(enum ds_cluster_kind kind, json_object *json, enum ds_kube_told how)
{
	void *feed = ds_cluster_feed(cluster, kind);
	size_t i = place_of(kind, uid_of(json));
	void *object = ds_cluster_take(feed, objects[i].object, json);

	if (!object)
		return false;
	objects[i].kind = kind;
	snprintf(objects[i].key, sizeof(objects[i].key), "%s", uid_of(json));
	objects[i].object = object;
	ds_cluster_tell(feed, object, how);
	if (how == DS_KUBE_IS)
		return true;
	ds_cluster_drop(feed, object);
	objects[i].object = NULL;
	return true;
}

static json_object *parsed(const char *text)
{
	json_object *json = json_tokener_parse(text);

	if (!json)
		fail_msg("no JSON: %s", text);
	return json;
}

/* JSON with ' in the place of ". */
static bool told_text(enum ds_cluster_kind kind, enum ds_kube_told how, const char *format,
		      va_list args)
{
	char *text = NULL;
	json_object *json;
	bool ok;

	assert_true(vasprintf(&text, format, args) >= 0);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json = parsed(text);
	ok = told_object(kind, json, how);
	json_object_put(json);
	free(text);
	return ok;
}

__attribute__((format(printf, 2, 3), unused))
static void is(enum ds_cluster_kind kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	assert_true(told_text(kind, DS_KUBE_IS, format, args));
	va_end(args);
}

__attribute__((format(printf, 2, 3), unused))
static void gone(enum ds_cluster_kind kind, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	assert_true(told_text(kind, DS_KUBE_DELETED, format, args));
	va_end(args);
}

#define assert_told(want) \
	do { \
		assert_string_equal(told.data ? told.data : "", (want)); \
		ds_buf_clear(&told); \
		if (told.data) \
			told.data[0] = '\0'; \
	} while (0)

__attribute__((unused))
static void forget_told(void)
{
	ds_buf_clear(&told);
	if (told.data)
		told.data[0] = '\0';
}

__attribute__((unused))
static void wait_until(double second)
{
	while (now_s < second) {
		now_s = second - now_s > 1 ? now_s + 1 : second;
		ds_cluster_tick(cluster);
	}
}

/* ---- objects ---- */

#define META(name) "'metadata':{'namespace':'shop','name':'" name "','uid':'" name "'"
#define BINDING(name, arn, service, port) \
	"{'apiVersion':'elbv2.k8s.aws/v1beta1'," META(name) "},'spec':{'targetGroupARN':'" arn \
	"','targetType':'ip','serviceRef':{'name':'" service "','port':" port "}}}"
#define SERVICE(name, ports) \
	"{" META(name) "},'spec':{'selector':{'app':'" name "'},'ports':[" ports "]}}"
#define HTTP_PORT "{'name':'http','port':80,'targetPort':'http','protocol':'TCP'}"
#define SLICE(name, service, port, endpoints) \
	"{" META(name) ",'labels':{'kubernetes.io/service-name':'" service "'}}," \
	"'addressType':'IPv4','ports':[{'name':'http','port':" port ",'protocol':'TCP'}]," \
	"'endpoints':[" endpoints "]}"
#define ENDPOINT(pod, ip, node, state) \
	"{'addresses':['" ip "'],'conditions':{" state "},'nodeName':'" node \
	"','targetRef':{'kind':'Pod','name':'" pod "','namespace':'shop','uid':'u-" pod "'}}"
#define UP "'ready':true,'serving':true,'terminating':false"
#define DOWN "'ready':false,'serving':false,'terminating':false"
#define GOING "'ready':false,'serving':true,'terminating':true"
#define REPLICASET(name, deployment, revision, desired, present) \
	"{" META(name) ",'annotations':{'deployment.kubernetes.io/revision':'" revision "'}," \
	"'ownerReferences':[{'kind':'Deployment','name':'" deployment "','controller':true}]}," \
	"'spec':{'replicas':" desired ",'template':{'metadata':{'labels':{'app':'" deployment \
	"'}}}},'status':{'replicas':" present "}}"
#define DEPLOYMENT(name, desired, more) \
	"{" META(name) "},'spec':{'replicas':" desired more "}}"

/* ---- two pods of a Deployment, behind a load balancer ---- */

#define A "web-565b7488d5-aaaaa"
#define B "web-565b7488d5-bbbbb"
#define A_UP ENDPOINT(A, "10.0.0.1", "n1", UP)
#define B_UP ENDPOINT(B, "10.0.0.2", "n2", UP)
#define A_GOING ENDPOINT(A, "10.0.0.1", "n1", GOING)

__attribute__((unused))
static void web(void)
{
	is(DS_CLUSTER_BINDING, BINDING("web-tgb", WEB_ARN, "web", "80"));
	is(DS_CLUSTER_SERVICE, SERVICE("web", HTTP_PORT));
	is(DS_CLUSTER_SLICE, SLICE("web-1", "web", "8080", A_UP "," B_UP));
}

#define WEB_TOLD \
	"ask what web is\n" \
	"n2: pod shop/" B " of - ports 8080\n" \
	"n2: target 10.0.0.2:8080 of web healthy (" B ")\n" \
	"n1: pod shop/" A " of - ports 8080\n" \
	"n1: target 10.0.0.1:8080 of web healthy (" A ")\n"

#define POD(meta, spec, status) \
	"{" META(A) meta ",'ownerReferences':[{'kind':'ReplicaSet','name':'web-565b7488d5'," \
	"'controller':true}]},'spec':{'nodeName':'n1'" spec "},'status':{'podIP':'10.0.0.1'" status \
	"}}"
#define LABELLED ",'labels':{'app':'web','x':'y'}"
#define CONTAINER ",'containers':[{'ports':[{'name':'http','containerPort':8080}]}]"
#define IS_READY ",'phase':'Running','conditions':[{'type':'Ready','status':'True'}]"

#endif
