// SPDX-License-Identifier: Apache-2.0
/*
 * Fuzz target: objects of a cluster, as they come, change and go. Each line is a letter and a text:
 * an object of that kind ("b" to "o"; the same in capitals: it is gone), "=" an event of the poller,
 * "+" time passes. Whatever is told is an event of ours to the letter; once all objects are gone and
 * hours have passed, nothing is left of them.
 *
 * Built from: user/source/cluster/cluster.c user/source/cluster/cluster_event.c
 * Built from: user/source/cluster/cluster_budget.c user/source/cluster/cluster_touch.c
 * Built from: user/source/cluster/cluster_group.c user/source/cluster/cluster_labels.c
 * Built from: user/source/cluster/cluster_member.c user/source/cluster/cluster_object.c
 * Built from: user/source/cluster/cluster_pod.c user/source/cluster/cluster_read.c
 * Built from: user/source/cluster/cluster_read_pod.c user/source/cluster/cluster_read_workload.c
 * Built from: user/source/cluster/cluster_table.c user/source/cluster/cluster_trigger.c
 * Built from: user/source/aws/aws_arn.c user/source/aws/aws_region.c
 * Built from: user/source/kube/kube_json.c user/source/kube/kube_pod.c
 * Built from: user/source/kube/kube_owner.c
 * Built from: user/source/kube/kube_prestop.c user/source/kube/kube_ready.c
 * Packages: json-c
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/event_json.h"
#include "user/source/cluster/cluster_state.h"
#include "user/source/kube/kube_json.h"

#define NOW INT64_C(1795387050000000000)
#define OBJECTS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char letters[DS_CLUSTER_KIND_MAX + 1] = "beslrdtfpo";

struct object {
	char uid[DS_KUBE_UID_LEN + 1];
	void *feed, *object;
};

struct run {
	struct ds_cluster *cluster;
	struct object objects[OBJECTS_MAX];
	int64_t now_ns;
	int64_t polled;
};

static int64_t now(void *ctx)
{
	return ((struct run *)ctx)->now_ns;
}

static void tell(void *ctx, const char *node, const struct ds_event *ev)
{
	struct ds_event canonical = *ev, again;
	struct ds_buf line = { 0 };
	struct ds_perr perr;

	(void)ctx;
	if (!node[0] || strcmp(node, ev->node) != 0)
		abort();
	if (ev->kind != DS_EVENT_POD_STATE && ev->kind != DS_EVENT_TARGET &&
	    ev->kind != DS_EVENT_LB_ADDRESS)
		abort();
	ds_event_canonical(&canonical);
	ds_event_write(&line, &canonical, 0);
	if (ds_event_read(line.data, line.len - 1, 0, &again, &perr))
		abort();
	ds_event_clear(&again);
	ds_buf_free(&line);
}

static void budget(void *ctx, const struct ds_cluster_budget *b)
{
	(void)ctx;
	if (!b->name[0] || !b->pod || (b->other && !b->other[0]))
		abort();
}

static void ended(void *ctx, const char *node, const char *uid, int64_t at_ns)
{
	if (!node[0] || !uid[0] || at_ns > ((struct run *)ctx)->now_ns)
		abort();
}

static void group(void *ctx, const char *arn)
{
	(void)ctx;
	if (strncmp(arn, "arn:", 4) != 0)
		abort();
}

static void poll(void *ctx, const char *arn, const struct ds_addr *addr, uint16_t port)
{
	group(ctx, arn);
	((struct run *)ctx)->polled++;
	if (!ds_addr_is_set(addr) || !port)
		abort();
}

static void unpoll(void *ctx, const struct ds_addr *addr)
{
	(void)ctx;
	if (!ds_addr_is_set(addr))
		abort();
}

static struct object *object_of(struct run *run, void *feed, const char *uid)
{
	struct object *free_one = NULL;

	for (struct object *o = run->objects; o < run->objects + OBJECTS_MAX; o++) {
		if (o->object && o->feed == feed && !strcmp(o->uid, uid))
			return o;
		if (!o->object)
			free_one = o;
	}
	return free_one;
}

/* As a watch does it: an object is told under its UID. */
static void take_object(struct run *run, enum ds_cluster_kind kind, bool is_gone, json_object *json)
{
	void *feed = ds_cluster_feed(run->cluster, kind);
	const char *uid = ds_kube_text(ds_kube_child(json, "metadata"), "uid");
	struct object *o = object_of(run, feed, uid);
	void *object;

	if (!o || !uid[0] || strlen(uid) > DS_KUBE_UID_LEN)
		return;
	object = ds_cluster_take(feed, o->object, json);
	if (!object)
		return;
	strcpy(o->uid, uid);
	o->feed = feed;
	o->object = object;
	ds_cluster_tell(feed, object, is_gone ? DS_KUBE_DELETED : DS_KUBE_IS);
	if (!is_gone)
		return;
	ds_cluster_drop(feed, object);
	o->object = NULL;
}

static void take_line(struct run *run, const char *line, size_t len)
{
	const char *letter = strchr(letters, tolower((unsigned char)line[0]));
	json_tokener *tokener;
	json_object *json;
	struct ds_event ev;
	struct ds_perr perr;

	if (line[0] == '+')
		ds_cluster_tick(run->cluster);
	if (line[0] == '=' && !ds_event_read(line + 1, len - 1, NOW, &ev, &perr)) {
		ds_cluster_pass(run->cluster, &ev);
		ds_event_clear(&ev);
	}
	if (!letter || !*letter)
		return;
	tokener = json_tokener_new_ex(DS_KUBE_DEPTH_MAX);
	json = tokener ? json_tokener_parse_ex(tokener, line + 1, (int)len - 1) : NULL;
	if (json)
		take_object(run, (enum ds_cluster_kind)(letter - letters),
			    line[0] != *letter, json);
	json_object_put(json);
	json_tokener_free(tokener);
}

/* All that there was is gone; a day later nobody remembers it. */
static void end(struct run *run)
{
	struct ds_cluster *c = run->cluster;

	for (struct object *o = run->objects; o < run->objects + OBJECTS_MAX; o++) {
		if (!o->object)
			continue;
		ds_cluster_tell(o->feed, o->object, DS_KUBE_MISSING);
		ds_cluster_drop(o->feed, o->object);
	}
	for (int i = 0; i < 8; i++) {
		run->now_ns += INT64_C(400000000) * DS_NS_PER_S;
		ds_cluster_tick(c);
	}
	if (c->pods || c->services || c->namespaces || c->workloads || c->nodes || c->addresses ||
	    c->going.first || c->stats.bindings || c->stats.services || c->stats.slices ||
	    c->stats.endpoints || c->stats.workloads)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run run = { .now_ns = NOW };
	struct ds_cluster_options o = { .now = now, .tell = tell, .ended = ended, .group = group,
					.poll = poll, .unpoll = unpoll, .budget = budget,
					.ctx = &run, .pods_max = 8 };
	const char *text = (const char *)data;

	if (ds_cluster_new(&run.cluster, &o))
		return 0;
	for (size_t at = 0; at < size;) {
		const char *line_end = memchr(text + at, '\n', size - at);
		size_t len = line_end ? (size_t)(line_end - text) - at : size - at;

		run.now_ns += DS_NS_PER_S;
		if (len)
			take_line(&run, text + at, len);
		at += len + 1;
	}
	end(&run);
	ds_cluster_free(&run.cluster);
	return 0;
}
