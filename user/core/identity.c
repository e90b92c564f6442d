/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a pod is: the key under which the ledger has it, and what a pod.state event says of it
 * besides its addresses and phases. Pure.
 */
#include <string.h>

#include "user/core/state.h"

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
	if (ds_event_has(ev, DS_KEY_TRIGGER))
		pod->trigger = ev->trigger;
}

const char *ds_identity_key(const struct ds_event *ev, char *buf, size_t size)
{
	struct ds_buf_view { const char *a, *b, *c; } v = { "", "", "" };
	size_t len = 0;

	if (ds_event_has(ev, DS_KEY_POD_UID))
		return ev->pod_uid;
	if (ds_event_has(ev, DS_KEY_POD_NAME))
		v = (struct ds_buf_view){ ds_event_has(ev, DS_KEY_POD_NAMESPACE) ? ev->pod_namespace : "",
					  "/", ev->pod_name };
	else if (ds_event_has(ev, DS_KEY_POD_ADDRESSES))
		v.a = ev->pod_addresses;
	for (const char **part = (const char *[]){ v.a, v.b, v.c, NULL }; *part; part++) {
		size_t n = strnlen(*part, size - 1 - len);

		memcpy(buf + len, *part, n);
		len += n;
	}
	buf[len] = '\0';
	return buf;
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
	char key[DS_POD_KEY_LEN + 1];
	const char *name = ds_identity_key(ev, key, sizeof(key));
	struct ds_pod *pod;

	if (!ds_ledger_find(core->ledger, name))
		ds_ledger_make_room(core->ledger, ds_core_forget, core);
	pod = ds_ledger_pod(core->ledger, name, ev->time_ns, ret_is_new);
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
