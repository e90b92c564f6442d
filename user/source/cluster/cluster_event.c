/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_event.h"

#include <stdlib.h>
#include <string.h>

#include "user/source/aws/aws_arn.h"
#include "user/source/cluster/cluster_trigger.h"
#include "user/util/text.h"

/* Until the endpoints controller says that a pod terminates: as long as that, where it is well. */
#define SLICE_LAG_NS DS_NS_PER_S
/* The controller's host keeps time by NTP: its stamps may be off by this. */
#define CONTROLLER_CLOCK_NS (50 * DS_NS_PER_MS)

/* ---- hashes of what an event says ---- */

static void mix(uint64_t *hash, const void *data, size_t len)
{
	*hash = ds_siphash13(*hash, len, data, len);
}

static void mix_text(uint64_t *hash, const char *text)
{
	mix(hash, text, strlen(text));
}

static void mix_int(uint64_t *hash, int64_t value)
{
	mix(hash, &value, sizeof(value));
}

/* ---- pods ---- */

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* The ports on which load balancers reach it, each once, in order: "80,8080". */
static void write_ports(const struct ds_cluster_pod_entry *pod, struct ds_text *t)
{
	uint16_t ports[DS_CLUSTER_TARGETS_MAX];

	for (int i = 0; i < pod->members_cnt; i++)
		ports[i] = pod->members[i].pod_port;
	qsort(ports, (size_t)pod->members_cnt, sizeof(ports[0]), by_number);
	for (int i = 0; i < pod->members_cnt; i++) {
		if (i && ports[i] == ports[i - 1])
			continue;
		if (t->len)
			ds_text_putc(t, ',');
		ds_text_uint(t, ports[i]);
	}
}

/* Its agent may know the Deployment by other means: a ReplicaSet that is not known says less. */
static enum ds_kube_owner told_owner(const struct ds_cluster_pod_entry *pod,
					const char **ret_name)
{
	enum ds_kube_owner kind = ds_cluster_owner_of(pod, ret_name);

	if (kind != DS_KUBE_OWNER_REPLICASET || pod->workload->of[kind].facts)
		return kind;
	*ret_name = "";
	return DS_KUBE_OWNER_NONE;
}

static void set_identity(const struct ds_cluster_pod_entry *pod, struct ds_event *ev)
{
	enum ds_kube_owner kind;
	const char *owner;

	DS_SET_STR(ev, NODE, node, pod->node->key);
	DS_SET_STR(ev, POD_NAMESPACE, pod_namespace, pod->namespace_);
	DS_SET_STR(ev, POD_NAME, pod_name, pod->name);
	DS_SET_STR(ev, POD_UID, pod_uid, pod->key);
	kind = told_owner(pod, &owner);
	ds_kube_owner_set(kind, owner, ev);
}

static bool has_trigger(const struct ds_cluster_pod_entry *pod)
{
	return pod->trigger >= 0 && pod->trigger != DS_TRIGGER_DELETION;
}

static void write_addresses(const struct ds_cluster_pod_entry *pod, struct ds_text *t)
{
	char address[DS_ADDR_STRLEN];

	for (int i = 0; i < pod->holdings_cnt; i++) {
		(void)ds_addr_format(&pod->holdings[i].address->addr, address);
		if (i)
			ds_text_putc(t, ',');
		ds_text_puts(t, address);
	}
}

/*
 * It has ended. Its agent saw that better; one that began only now, and keeps nothing on the node,
 * knows by this whose address it was. Of a pod that nothing names any more, and that was never seen
 * to terminate, this is not told: its labels may be others now.
 */
static bool is_told_ended(const struct ds_cluster_pod_entry *pod)
{
	return pod->ended_ns && pod->was_terminating && pod->holdings_cnt;
}

static void set_end(const struct ds_cluster_pod_entry *pod, const char *addresses,
		    struct ds_event *ev)
{
	ev->time_ns = pod->ended_ns;
	DS_SET_STR(ev, POD_ADDRESSES, pod_addresses, addresses);
	DS_SET(ev, PHASE, phase, DS_PHASE_DELETED);
	DS_SET(ev, T0, t0, pod->going_ns - SLICE_LAG_NS);
	DS_SET(ev, T0_ERROR, t0_error, SLICE_LAG_NS);
	DS_SET(ev, T0_SOURCE, t0_source, DS_T0_SOURCE_ENDPOINT_SLICE);
}

static void tell_pod(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	char ports[DS_CLUSTER_TARGETS_MAX * 6 + 1];
	char addresses[DS_READ_ADDRESSES_MAX * DS_ADDR_STRLEN + 1];
	struct ds_text t = { .data = ports, .cap = sizeof(ports) - 1 };
	struct ds_text all = { .data = addresses, .cap = sizeof(addresses) - 1 };
	const char *owner;
	uint64_t hash = (uint64_t)told_owner(pod, &owner) + 1;
	struct ds_event ev;

	write_ports(pod, &t);
	ports[t.len] = '\0';
	write_addresses(pod, &all);
	addresses[all.len] = '\0';
	mix_text(&hash, pod->node->key);
	mix_text(&hash, owner);
	mix_text(&hash, ports);
	mix_int(&hash, has_trigger(pod) ? pod->trigger : -1);
	mix_int(&hash, is_told_ended(pod) ? pod->ended_ns : 0);
	if (hash == pod->told)
		return;
	pod->told = hash;
	ds_event_init(&ev, DS_EVENT_POD_STATE, c->now_ns);
	set_identity(pod, &ev);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, ports);
	if (has_trigger(pod))
		DS_SET(&ev, TRIGGER, trigger, pod->trigger);
	if (is_told_ended(pod))
		set_end(pod, addresses, &ev);
	c->options.tell(c->options.ctx, pod->node->key, &ev);
}

/* ---- targets ---- */

/* Room for the strings of one event. */
struct room {
	char id[DS_ADDR_STRLEN];
	char region[32], account[16];
	char name[DS_READ_TEXT_LEN + 1];
};

static void set_group(const struct ds_cluster_member *m, struct room *room, struct ds_event *ev)
{
	const struct ds_cluster_group *g = m->group;
	const struct ds_cluster_group_facts *f = &g->facts;
	struct ds_arn arn;

	DS_SET_STR(ev, TG_ARN, tg_arn, g->key);
	if (!ds_arn_parse(g->key, &arn)) {
		ds_arn_group_name(&arn, room->name, sizeof(room->name));
		memcpy(room->region, arn.region, sizeof(room->region));
		memcpy(room->account, arn.account, sizeof(room->account));
		DS_SET_STR(ev, TG_NAME, tg_name, room->name);
		DS_SET_STR(ev, REGION, region, room->region);
		DS_SET_STR(ev, ACCOUNT, account, room->account);
	}
	DS_SET(ev, TG_TYPE, tg_type, m->type);
	DS_SET(ev, TG_PARTIAL, tg_partial, true);
	if (f->delay_s >= 0)
		DS_SET(ev, TG_DELAY, tg_delay_s, f->delay_s);
	if (f->preserve_client_ip >= 0)
		DS_SET(ev, TG_PRESERVE, tg_preserve_client_ip, f->preserve_client_ip != 0);
	if (f->check_port)
		DS_SET(ev, TG_HC_PORT, tg_health_check_port,
		       f->check_port < 0 ? m->port : f->check_port);
	if (f->check_interval_s > 0)
		DS_SET(ev, TG_HC_INTERVAL, tg_health_check_interval_s, f->check_interval_s);
	if (f->lb_type >= 0)
		DS_SET(ev, LB_TYPE, lb_type, f->lb_type);
	DS_SET_STR(ev, LB_NAME, lb_name, g->lb_name);
}

static uint64_t hash_of(const struct ds_cluster_pod_entry *pod, const struct ds_cluster_member *m,
			const char *id)
{
	const struct ds_cluster_group_facts *f = &m->group->facts;
	uint64_t hash = m->port;

	mix_text(&hash, pod->node->key);
	mix_text(&hash, m->group->key);
	mix_text(&hash, id);
	mix_text(&hash, m->group->lb_name);
	mix_int(&hash, f->delay_s);
	mix_int(&hash, f->preserve_client_ip);
	mix_int(&hash, f->check_port);
	mix_int(&hash, f->check_interval_s);
	mix_int(&hash, f->lb_type);
	return hash ? hash : 1;
}

/*
 * The endpoint is ready, so the controller has it registered, or is about to. No more is claimed:
 * the core takes what an EndpointSlice says for no fact about the registration. A node's state says
 * nothing of a pod's.
 */
static void tell_member(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			struct ds_cluster_member *m)
{
	bool is_instance = m->type == DS_TARGET_TYPE_INSTANCE;
	struct room room;
	struct ds_event ev;
	const char *id = room.id;
	uint64_t hash;

	if (is_instance)
		id = "any";	/* by the node's port: which of them is registered nobody asks */
	else
		(void)ds_addr_format(&m->addr, room.id);
	hash = hash_of(pod, m, id);
	if (hash == m->told)
		return;
	m->told = hash;
	ds_event_init(&ev, DS_EVENT_TARGET, c->now_ns);
	if (is_instance)
		DS_SET_STR(&ev, NODE, node, pod->node->key);
	else
		set_identity(pod, &ev);
	DS_SET_STR(&ev, TARGET_ID, target_id, id);
	DS_SET(&ev, TARGET_PORT, target_port, m->port);
	DS_SET(&ev, TARGET_STATE, target_state,
	       is_instance ? DS_TARGET_STATE_UNAVAILABLE : DS_TARGET_STATE_HEALTHY);
	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_ENDPOINT_SLICE);
	set_group(m, &room, &ev);
	c->options.tell(c->options.ctx, pod->node->key, &ev);
}

void ds_cluster_bound_tell(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			   const struct ds_cluster_member *m, int64_t not_before_ns)
{
	struct room room;
	struct ds_event ev;

	(void)ds_addr_format(&m->addr, room.id);
	ds_event_init(&ev, DS_EVENT_TARGET, c->now_ns);
	set_identity(pod, &ev);
	DS_SET_STR(&ev, TARGET_ID, target_id, room.id);
	DS_SET(&ev, TARGET_PORT, target_port, m->port);
	DS_SET(&ev, TARGET_STATE, target_state, DS_TARGET_STATE_DRAINING);
	DS_SET(&ev, TARGET_SOURCE, target_source, DS_TARGET_SOURCE_LBC_CHECKPOINT);
	DS_SET(&ev, NOT_BEFORE, not_before, not_before_ns);
	DS_SET(&ev, CLOCK_ERROR, clock_error, CONTROLLER_CLOCK_NS);
	set_group(m, &room, &ev);
	c->options.tell(c->options.ctx, pod->node->key, &ev);
}

void ds_cluster_pod_tell(struct ds_cluster *c, struct ds_cluster_pod_entry *pod)
{
	if (!pod->node || (!pod->members_cnt && !pod->told))
		return;
	tell_pod(c, pod);
	for (int i = 0; i < pod->members_cnt; i++)
		if (pod->members[i].ready && !pod->going_ns)
			tell_member(c, pod, &pod->members[i]);
	if (pod->told_ended_ns == pod->ended_ns)
		return;
	pod->told_ended_ns = pod->ended_ns;
	c->options.ended(c->options.ctx, pod->node->key, pod->key, pod->ended_ns);
}

void ds_cluster_reading_tell(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			     const struct ds_event *ev)
{
	struct ds_event mine = *ev;

	set_identity(pod, &mine);
	c->options.tell(c->options.ctx, pod->node->key, &mine);
}

/* ---- load balancers ---- */

void ds_cluster_address_tell(struct ds_cluster *c, const char *node, const struct ds_addr *addr,
			     const char *name, int type)
{
	char text[DS_ADDR_STRLEN];
	struct ds_event ev;

	(void)ds_addr_format(addr, text);
	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, c->now_ns);
	DS_SET_STR(&ev, NODE, node, node);
	DS_SET_STR(&ev, ADDRESS, address, text);
	DS_SET_STR(&ev, LB_NAME, lb_name, name);
	if (type >= 0)
		DS_SET(&ev, LB_TYPE, lb_type, type);
	c->options.tell(c->options.ctx, node, &ev);
}
