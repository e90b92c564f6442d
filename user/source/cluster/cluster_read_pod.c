/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of a Pod only what its own node's agent cannot tell: which target groups it is in, and what its
 * controller wants. The rest (probes, hooks, phases) is the agent's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/cluster/cluster_read.h"
#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_ready.h"

#define REVISION "controller-revision-hash"
#define GENERATION "pod-template-generation"

const struct ds_kube_keep ds_read_pod_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "spec" },
	{ "object", "status" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "metadata", "deletionTimestamp" },
	{ "metadata", "labels" },
	{ "labels", "*" },
	{ "metadata", "ownerReferences" },
	{ "ownerReferences", "kind" },
	{ "ownerReferences", "name" },
	{ "ownerReferences", "controller" },
	{ "spec", "nodeName" },
	{ "spec", "readinessGates" },
	{ "readinessGates", "conditionType" },
	{ "spec", "containers" },
	{ "spec", "initContainers" },
	{ "containers", "ports" },
	{ "initContainers", "ports" },
	{ "initContainers", "restartPolicy" },
	{ "ports", "name" },
	{ "ports", "containerPort" },
	{ "ports", "protocol" },
	{ "status", "phase" },
	{ "status", "reason" },
	{ "status", "podIP" },
	{ "status", "podIPs" },
	{ "podIPs", "ip" },
	{ "status", "conditions" },
	{ "conditions", "type" },
	{ "conditions", "status" },
	{ "conditions", "reason" },
	{ NULL, NULL },
};

/* ---- ports with a name ---- */

static int add_port(json_object *item, struct ds_read_pod *p)
{
	struct ds_read_pod_port port = { .port = ds_read_port_number(item, "containerPort") };
	struct ds_read_pod_port *ports;

	if (!port.port || !ds_read_is_tcp(item) || !ds_kube_text(item, "name")[0] ||
	    p->ports_cnt == DS_READ_PORTS_MAX ||
	    !ds_kube_copy(port.name, sizeof(port.name), ds_kube_text(item, "name")))
		return 0;
	ports = reallocarray(p->ports, (size_t)p->ports_cnt + 1, sizeof(ports[0]));
	if (!ports)
		return -ENOMEM;
	p->ports = ports;
	p->ports[p->ports_cnt++] = port;
	return 0;
}

/* As Kubernetes looks for one: containers first, then sidecars. */
static int read_ports(json_object *spec, struct ds_read_pod *p)
{
	static const char *const lists[] = { "containers", "initContainers" };
	int r = 0;

	for (int l = 0; l < 2 && !r; l++) {
		json_object *list = ds_kube_list(spec, lists[l]);

		for (size_t i = 0; i < ds_kube_items(list) && !r; i++) {
			json_object *c = json_object_array_get_idx(list, i);
			json_object *ports = ds_kube_list(c, "ports");

			if (l && strcmp(ds_kube_text(c, "restartPolicy"), "Always") != 0)
				continue;
			for (size_t n = 0; n < ds_kube_items(ports) && !r; n++)
				r = add_port(json_object_array_get_idx(ports, n), p);
		}
	}
	return r;
}

static int read_gates(json_object *spec, struct ds_read_pod *p)
{
	json_object *list = ds_kube_list(spec, "readinessGates");

	for (size_t i = 0; i < ds_kube_items(list) && p->gates_cnt < DS_READ_GATES_MAX; i++) {
		const char *type = ds_kube_text(json_object_array_get_idx(list, i),
						"conditionType");

		if (strncmp(type, DS_KUBE_GATE, sizeof(DS_KUBE_GATE) - 1) != 0 &&
		    strncmp(type, DS_KUBE_GATE_OLD, sizeof(DS_KUBE_GATE_OLD) - 1) != 0)
			continue;
		p->gates[p->gates_cnt] = strdup(type);
		if (!p->gates[p->gates_cnt])
			return -ENOMEM;
		p->gates_cnt++;
	}
	return 0;
}

static void read_state(json_object *metadata, json_object *status, struct ds_read_pod *p)
{
	const char *phase = ds_kube_text(status, "phase");

	p->ready = ds_kube_condition(status, "Ready") != NULL;
	p->going = ds_kube_text(metadata, "deletionTimestamp")[0] != '\0';
	p->ended = !strcmp(phase, "Succeeded") || !strcmp(phase, "Failed");
	p->trigger = ds_kube_pod_trigger(status);
}

static int fill_pod(json_object *object, struct ds_read_pod *p)
{
	json_object *metadata = ds_kube_child(object, "metadata"),
		    *labels = ds_kube_child(metadata, "labels"),
		    *spec = ds_kube_child(object, "spec"),
		    *status = ds_kube_child(object, "status");
	const char *uid = ds_kube_text(metadata, "uid");
	int r;

	if (!ds_read_name(object, &p->id) || !uid[0] || !ds_kube_copy(p->uid, sizeof(p->uid), uid))
		return -EINVAL;
	(void)ds_kube_copy(p->node, sizeof(p->node), ds_kube_text(spec, "nodeName"));
	p->addresses_cnt = ds_kube_pod_addresses(status, p->addresses, DS_READ_ADDRESSES_MAX);
	read_state(metadata, status, p);
	p->owner_kind = ds_kube_owner_read(metadata, p->owner);
	(void)ds_kube_copy(p->revision, sizeof(p->revision), ds_kube_text(labels, REVISION));
	p->template_generation = ds_read_digits(ds_kube_text(labels, GENERATION), INT32_MAX);
	r = ds_labels_read(labels, &p->labels);
	if (!r)
		r = read_gates(spec, p);
	return r ? r : read_ports(spec, p);
}

int ds_read_pod(json_object *object, struct ds_read_pod **ret_pod)
{
	struct ds_read_pod *p = calloc(1, sizeof(*p));
	int r = p ? fill_pod(object, p) : -ENOMEM;

	if (r) {
		ds_read_pod_free(p);
		return r;
	}
	*ret_pod = p;
	return 0;
}

void ds_read_pod_free(struct ds_read_pod *pod)
{
	if (!pod)
		return;
	ds_labels_free(&pod->labels);
	for (int i = 0; i < pod->gates_cnt; i++)
		free(pod->gates[i]);
	free(pod->ports);
	free(pod);
}
