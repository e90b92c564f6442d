/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a pod is: the key under which the ledger has it, and what a pod.state event says of it
 * besides its addresses and phases. Pure.
 */
#include <stdlib.h>
#include <string.h>

#include "user/core/state.h"
#include "user/util/text.h"

static void copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

void ds_identity_each_item(const char *list, int max,
			   void (*take)(void *ctx, const char *item, size_t len), void *ctx)
{
	while (*list && max-- > 0) {
		size_t len = strcspn(list, ",");

		while (len && *list == ' ') {
			list++;
			len--;
		}
		if (len)
			take(ctx, list, len);
		list += len;
		list += *list == ',';
	}
}

static void take_port_item(void *ctx, const char *item, size_t len)
{
	struct ds_pod *pod = ctx;
	unsigned port = 0;

	for (size_t i = 0; i < len && item[i] >= '0' && item[i] <= '9' && port <= 65535; i++)
		port = port * 10 + (unsigned)(item[i] - '0');
	if (!port || port > 65535 || pod->ports_cnt == DS_POD_PORTS_MAX)
		return;
	for (int i = 0; i < pod->ports_cnt; i++)
		if (pod->ports[i] == port)
			return;
	pod->ports[pod->ports_cnt++] = (uint16_t)port;
}

/* Without memory it stays as it was. */
static void keep_text(char **text, const char *told)
{
	char *copy = *text && !strcmp(*text, told) ? NULL : strdup(told);

	if (!copy)
		return;
	free(*text);
	*text = copy;
}

bool ds_trigger_is_imposed(int trigger)
{
	return trigger == DS_TRIGGER_EVICTION || trigger == DS_TRIGGER_NODE_SHUTDOWN ||
	       trigger == DS_TRIGGER_PREEMPTION;
}

/*
 * How much a trigger says. What the pod's own status tells stands above what follows from its
 * workload, which comes from elsewhere, and that above "deletion", by which no more is known.
 */
static int weight_of(int trigger)
{
	if (ds_trigger_is_imposed(trigger))
		return 2;
	switch (trigger) {
	case DS_TRIGGER_ROLLOUT:
	case DS_TRIGGER_SCALE_IN:
	case DS_TRIGGER_MANUAL:
		return 1;
	default:
		return 0;
	}
}

/*
 * Who deleted it is known of a deletion only, and only where its own status was seen to give no
 * reason: of another's news, as of a pod that nobody watched going, neither is known.
 */
static bool is_believed(const struct ds_pod *pod, const struct ds_event *ev)
{
	bool deleted = (pod->t0_ns && pod->t0_source == DS_T0_SOURCE_DELETION_TIMESTAMP) ||
		       (ds_event_has(ev, DS_KEY_T0) && !ds_timeline_is_hearsay(ev)) ||
		       (ds_event_has(ev, DS_KEY_PHASE) && ev->phase == DS_PHASE_TERMINATING);

	return (ev->trigger != DS_TRIGGER_MANUAL || deleted) &&
	       (pod->trigger < 0 || weight_of(ev->trigger) >= weight_of(pod->trigger));
}

static void describe_pod(struct ds_pod *pod, const struct ds_event *ev)
{
	static const enum ds_key owner_keys[DS_OWNER_MAX] = {
		[DS_OWNER_DEPLOYMENT] = DS_KEY_DEPLOYMENT,
		[DS_OWNER_STATEFULSET] = DS_KEY_STATEFULSET,
		[DS_OWNER_DAEMONSET] = DS_KEY_DAEMONSET,
		[DS_OWNER_REPLICASET] = DS_KEY_REPLICASET,
		[DS_OWNER_JOB] = DS_KEY_JOB,
	};
	const char *owners[DS_OWNER_MAX] = { NULL, ev->deployment, ev->statefulset, ev->daemonset,
					     ev->replicaset, ev->job };

	if (ds_event_has(ev, DS_KEY_POD_UID))
		copy_text(pod->uid, sizeof(pod->uid), ev->pod_uid);
	if (ds_event_has(ev, DS_KEY_POD_NAMESPACE))
		copy_text(pod->namespace_, sizeof(pod->namespace_), ev->pod_namespace);
	if (ds_event_has(ev, DS_KEY_POD_NAME))
		copy_text(pod->name, sizeof(pod->name), ev->pod_name);
	for (int kind = DS_OWNER_JOB; kind > DS_OWNER_NONE; kind--)
		if (ds_event_has(ev,
				 owner_keys[kind])) { /* the Deployment wins over its ReplicaSet */
			copy_text(pod->owner, sizeof(pod->owner), owners[kind]);
			pod->owner_kind = (enum ds_owner_kind)kind;
		}
	if (ds_event_has(ev, DS_KEY_HOST_NETWORK))
		pod->host_network = ev->host_network;
	if (ds_event_has(ev, DS_KEY_GRACE_PERIOD))
		pod->grace_s = ev->grace_period_s;
	if (ds_event_has(ev, DS_KEY_PRESTOP))
		copy_text(pod->prestop, sizeof(pod->prestop), ev->prestop);
	if (ds_event_has(ev, DS_KEY_POD_PROBES))
		keep_text(&pod->probes, ev->pod_probes);
	if (ds_event_has(ev, DS_KEY_POD_GATES))
		keep_text(&pod->gates, ev->pod_gates);
	if (ds_event_has(ev, DS_KEY_POD_CONTAINERS))
		keep_text(&pod->containers_named, ev->pod_containers);
	if (ds_event_has(ev, DS_KEY_TRIGGER) && is_believed(pod, ev))
		pod->trigger = ev->trigger;
}

/*
 * Of a pod without a name its addresses are all that is known. Once another has them, it is told
 * from that one by when it was first heard of.
 */
const char *ds_identity_key(const struct ds_event *ev, char *buf, size_t size)
{
	struct ds_text t = { .data = buf, .cap = size - 1 };

	if (ds_event_has(ev, DS_KEY_POD_UID))
		return ev->pod_uid;
	if (ds_event_has(ev, DS_KEY_POD_NAME)) {
		if (ds_event_has(ev, DS_KEY_POD_NAMESPACE))
			ds_text_puts(&t, ev->pod_namespace);
		ds_text_putc(&t, '/');
		ds_text_puts(&t, ev->pod_name);
	} else if (ds_event_has(ev, DS_KEY_POD_ADDRESSES)) {
		ds_text_puts(&t, ev->pod_addresses);
		if (ds_event_has(ev, DS_KEY_RESTORED) && ds_event_has(ev, DS_KEY_NOT_BEFORE)) {
			ds_text_putc(&t, DS_IDENTITY_SINCE);
			ds_text_int(&t, ev->not_before);
		}
	}
	buf[t.len] = '\0';
	return buf;
}

/* It gave its address up, and another takes it: its key is free for that one. */
static void retire_key(struct ds_core *core, struct ds_pod *pod)
{
	char key[DS_POD_KEY_LEN + 1];
	struct ds_text t = { .data = key, .cap = sizeof(key) - 1 };

	ds_text_puts(&t, ds_ledger_key(pod));
	ds_text_putc(&t, DS_IDENTITY_SINCE);
	ds_text_int(&t, pod->seen_ns);
	key[t.len] = '\0';
	/* Cut where the key was absurdly long: then the two stay one pod. */
	if (!t.cut)
		(void)ds_ledger_rename(core->ledger, pod, key);
}

static bool is_nameless(const struct ds_pod *pod)
{
	return !pod->uid[0] && !pod->name[0];
}

/* What the event says of name and UID does not contradict what is known of the pod. */
static bool may_be(const struct ds_pod *pod, const struct ds_event *ev)
{
	if (ds_event_has(ev, DS_KEY_POD_UID) && pod->uid[0] && strcmp(pod->uid, ev->pod_uid) != 0)
		return false;
	if (!ds_event_has(ev, DS_KEY_POD_NAME) || !pod->name[0])
		return true;
	return !strcmp(pod->name, ev->pod_name) &&
	       (!ds_event_has(ev, DS_KEY_POD_NAMESPACE) || !pod->namespace_[0] ||
		!strcmp(pod->namespace_, ev->pod_namespace));
}

struct searching {
	const struct ds_core *core;
	const struct ds_event *ev;
	struct ds_pod *found;
};

static void look_for_holder(void *ctx, const char *item, size_t len)
{
	struct searching *s = ctx;
	enum ds_holding holding;
	struct ds_pod *pod;
	struct ds_addr a;

	if (s->found || ds_addr_parse(item, len, &a))
		return;
	pod = ds_ledger_lookup(s->core->ledger, &a, s->ev->time_ns, &holding);
	if (pod && holding == DS_HOLDING_HELD && !pod->host_network && may_be(pod, s->ev))
		s->found = pod;
}

/*
 * The pod that has one of the addresses, told under less of a name before (--pod-ip, a route), or
 * under more. A finished pod keeps its status.podIP, so what tells of one finds nobody by it.
 */
static struct ds_pod *find_by_address(const struct ds_core *core, const struct ds_event *ev)
{
	struct searching s = { .core = core, .ev = ev };

	if (!ds_event_has(ev, DS_KEY_POD_ADDRESSES) || ds_event_has(ev, DS_KEY_RESTORED) ||
	    (ds_event_has(ev, DS_KEY_PHASE) && ev->phase == DS_PHASE_DELETED) ||
	    (ds_event_has(ev, DS_KEY_HOST_NETWORK) && ev->host_network))
		return NULL;
	ds_identity_each_item(ev->pod_addresses, DS_POD_ADDRESSES_MAX, look_for_holder, &s);
	if (!s.found || (s.found->uid[0] && ds_event_has(ev, DS_KEY_POD_UID)))
		return NULL;	/* both have a UID: then the keys would have met */
	return s.found;
}

/* The pod of that key, or the one that has its address and is nobody else. NULL = a new one. */
static struct ds_pod *find(struct ds_core *core, const struct ds_event *ev, const char *key)
{
	struct ds_pod *pod = ds_ledger_find(core->ledger, key);
	bool says_more;

	if (pod && is_nameless(pod) && pod->released_ns && !ds_event_has(ev, DS_KEY_RESTORED)) {
		retire_key(core, pod);
		return ds_ledger_find(core->ledger, key);
	}
	if (pod)
		return pod;
	pod = find_by_address(core, ev);
	says_more = ds_event_has(ev, DS_KEY_POD_UID) ||
		    (ds_event_has(ev, DS_KEY_POD_NAME) && pod && is_nameless(pod));
	if (pod && says_more && ds_ledger_rename(core->ledger, pod, key))
		return NULL;
	return pod;
}

bool ds_identity_is_known(const struct ds_core *core, const struct ds_event *ev)
{
	char key[DS_POD_KEY_LEN + 1];
	const struct ds_pod *pod =
		ds_ledger_find(core->ledger, ds_identity_key(ev, key, sizeof(key)));

	return pod && pod->restored && ev->time_ns <= pod->told_ns;
}

struct ds_pod *ds_identity_announce(struct ds_core *core, const struct ds_event *ev,
				    bool *ret_is_new)
{
	char buf[DS_POD_KEY_LEN + 1];
	const char *key = ds_identity_key(ev, buf, sizeof(buf));
	struct ds_pod *pod = find(core, ev, key);

	*ret_is_new = !pod;
	if (!pod) {
		ds_ledger_make_room(core->ledger, ds_core_forget, core);
		pod = ds_ledger_pod(core->ledger, key, ev->time_ns, ret_is_new);
	}
	if (!pod) {
		ds_core_count_lost(core, 1);	/* no memory for it: said by the sums */
		return NULL;
	}
	if (ev->time_ns > pod->told_ns)
		pod->told_ns = ev->time_ns;
	describe_pod(pod, ev);
	if (ds_event_has(ev, DS_KEY_POD_PORTS))
		ds_identity_each_item(ev->pod_ports, DS_POD_PORTS_MAX, take_port_item, pod);
	return pod;
}
