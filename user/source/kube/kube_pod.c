/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of a Pod: who it is, where it is, what happens to it. */
#include "user/source/kube/kube_pod.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_prestop.h"
#include "user/source/kube/kube_ready.h"
#include "user/util/addr.h"
#include "user/util/hash.h"
#include "user/util/text.h"
#include "user/util/timefmt.h"

#define STAMP_NS DS_NS_PER_S /* a stamp is a floor to this */
#define MIRROR "kubernetes.io/config.mirror"
#define CONFIG_HASH "kubernetes.io/config.hash"
#define TERMINATION_BY_KUBELET "TerminationByKubelet" /* reason of DisruptionTarget */
#define ADDRESSES_MAX 16 /* that are looked at; Kubernetes gives two */
#define ID_LEN 12 /* of a container's id: as crictl and docker show it */

const struct ds_kube_keep ds_kube_pod_keep[] = {
	DS_KUBE_KEEP_COMMON,
	{ "object", "spec" },
	{ "object", "status" },
	{ "metadata", "name" },
	{ "metadata", "namespace" },
	{ "metadata", "uid" },
	{ "metadata", "deletionTimestamp" },
	{ "metadata", "deletionGracePeriodSeconds" },
	{ "metadata", "annotations" },
	{ "metadata", "labels" },
	{ "metadata", "ownerReferences" },
	{ "annotations", MIRROR },
	{ "annotations", CONFIG_HASH },
	{ "labels", "pod-template-hash" },
	{ "ownerReferences", "kind" },
	{ "ownerReferences", "name" },
	{ "ownerReferences", "controller" },
	{ "spec", "hostNetwork" },
	{ "spec", "terminationGracePeriodSeconds" },
	{ "spec", "containers" },
	{ "spec", "initContainers" },
	{ "spec", "readinessGates" },
	{ "readinessGates", "conditionType" },
	{ "containers", "ports" },
	{ "containers", "lifecycle" },
	{ "containers", "startupProbe" },
	{ "containers", "readinessProbe" },
	{ "containers", "livenessProbe" },
	{ "startupProbe", "periodSeconds" },
	{ "readinessProbe", "periodSeconds" },
	{ "livenessProbe", "periodSeconds" },
	{ "initContainers", "ports" },
	{ "initContainers", "restartPolicy" },
	{ "ports", "containerPort" },
	{ "ports", "protocol" },
	{ "lifecycle", "preStop" },
	{ "preStop", "exec" },
	{ "preStop", "httpGet" },
	{ "preStop", "sleep" },
	{ "exec", "command" },
	{ "sleep", "seconds" },
	{ "status", "phase" },
	{ "status", "reason" },
	{ "status", "podIP" },
	{ "status", "podIPs" },
	{ "podIPs", "ip" },
	{ "status", "conditions" },
	{ "conditions", "type" },
	{ "conditions", "status" },
	{ "conditions", "reason" },
	{ "conditions", "message" },
	{ "conditions", "lastTransitionTime" },
	{ "status", "containerStatuses" },
	{ "containerStatuses", "state" },
	{ "containerStatuses", "name" },
	{ "containerStatuses", "containerID" },
	{ "status", "initContainerStatuses" },
	{ "initContainerStatuses", "name" },
	{ "initContainerStatuses", "containerID" },
	{ "state", "running" },
	{ NULL, NULL },
};

/* What a pod's status says when it goes without a deletion, and why. */
static const struct {
	const char *reason;
	enum ds_trigger trigger;
} goings[] = {
	{ "Evicted", DS_TRIGGER_EVICTION },
	{ "Terminated", DS_TRIGGER_NODE_SHUTDOWN },	/* graceful node shutdown */
	{ "NodeShutdown", DS_TRIGGER_NODE_SHUTDOWN },
	{ "Shutdown", DS_TRIGGER_NODE_SHUTDOWN },	/* the same before 1.22 */
	{ "Preempting", DS_TRIGGER_PREEMPTION },	/* the kubelet, for a critical pod */
}, disruptions[] = {
	{ "PreemptionByScheduler", DS_TRIGGER_PREEMPTION },
	{ "EvictionByEvictionAPI", DS_TRIGGER_EVICTION },
	{ "DeletionByTaintManager", DS_TRIGGER_EVICTION },
	{ TERMINATION_BY_KUBELET, DS_TRIGGER_EVICTION },
};

/* ---- members ---- */

/* A number of seconds of a sane size, or -1. */
static int64_t seconds_of(json_object *object, const char *key)
{
	json_object *value = ds_kube_member(object, key, json_type_int);
	int64_t seconds = value ? json_object_get_int64(value) : -1;

	return seconds < 0 || seconds > ds_key_max(DS_KEY_GRACE_PERIOD) ? -1 : seconds;
}

/* ---- who it is ---- */

/* A Deployment names its ReplicaSets NAME-HASH, and labels their pods with HASH. */
static void find_deployment(json_object *metadata, struct ds_kube_pod *pod)
{
	const char *hash = ds_kube_text(ds_kube_child(metadata, "labels"), "pod-template-hash");
	size_t len = strlen(pod->owner), hash_len = strlen(hash);

	if (pod->owner_kind != DS_KUBE_OWNER_REPLICASET || !hash_len || len < hash_len + 2 ||
	    pod->owner[len - hash_len - 1] != '-' || strcmp(pod->owner + len - hash_len, hash) != 0)
		return;
	memset(pod->owner + len - hash_len - 1, 0, hash_len + 1);
	pod->owner_kind = DS_KUBE_OWNER_DEPLOYMENT;
}

/* The API's copy of a static pod has a UID of its own; the kubelet names the cgroup by the hash. */
static bool read_uid(json_object *metadata, struct ds_kube_pod *pod)
{
	json_object *annotations = ds_kube_child(metadata, "annotations");
	const char *hash = ds_kube_text(annotations, CONFIG_HASH),
		   *uid = ds_kube_text(metadata, "uid");

	if (ds_kube_text(annotations, MIRROR)[0] && hash[0])
		uid = hash;
	return uid[0] && ds_kube_copy(pod->uid, sizeof(pod->uid), uid);
}

/* ---- where it is ---- */

/* Room for len characters; what does not fit is left out. */
static void add_item(char *list, size_t len, const char *item)
{
	struct ds_text t = { .data = list, .len = strlen(list), .cap = len };

	if (t.len + 1 + strlen(item) > t.cap)
		return;
	if (t.len)
		ds_text_putc(&t, ',');
	ds_text_puts(&t, item);
	list[t.len] = '\0';
}

static bool parse_address(const char *text, struct ds_addr *ret_addr)
{
	return !ds_addr_parse(text, strlen(text), ret_addr) && ds_addr_is_set(ret_addr);
}

int ds_kube_pod_addresses(json_object *status, struct ds_addr *addresses, int max)
{
	json_object *list = ds_kube_list(status, "podIPs");
	int cnt = 0;

	for (size_t i = 0; i < ds_kube_items(list) && cnt < max; i++)
		cnt += parse_address(ds_kube_text(json_object_array_get_idx(list, i), "ip"),
				     &addresses[cnt]);
	if (!cnt && max > 0)
		cnt += parse_address(ds_kube_text(status, "podIP"), &addresses[0]);
	return cnt;
}

static void read_addresses(json_object *status, struct ds_kube_pod *pod)
{
	struct ds_addr addresses[ADDRESSES_MAX];
	int cnt = ds_kube_pod_addresses(status, addresses, ADDRESSES_MAX);
	char text[DS_ADDR_STRLEN];

	for (int i = 0; i < cnt; i++) {
		(void)ds_addr_format(&addresses[i], text);
		add_item(pod->addresses, DS_KUBE_LIST_LEN, text);
	}
}

static void read_ports(json_object *container, struct ds_kube_pod *pod)
{
	json_object *list = ds_kube_list(container, "ports");

	for (size_t i = 0; i < ds_kube_items(list); i++) {
		json_object *item = json_object_array_get_idx(list, i);
		json_object *port = ds_kube_member(item, "containerPort", json_type_int);
		const char *protocol = ds_kube_text(item, "protocol");
		int64_t number = port ? json_object_get_int64(port) : 0;
		char text[DS_DIGITS_MAX + 1];

		if (number < 1 || number > 65535 || (protocol[0] && strcmp(protocol, "TCP") != 0))
			continue;
		text[ds_digits(text, (uint64_t)number)] = '\0';
		add_item(pod->ports, DS_KUBE_LIST_LEN, text);
	}
}

/* A sidecar is an init container that is restarted always: it serves as the others do. */
static void read_containers(json_object *spec, struct ds_kube_pod *pod)
{
	json_object *list = ds_kube_list(spec, "initContainers");

	for (size_t i = 0; i < ds_kube_items(list); i++) {
		json_object *container = json_object_array_get_idx(list, i);

		if (!strcmp(ds_kube_text(container, "restartPolicy"), "Always"))
			read_ports(container, pod);
	}
	list = ds_kube_list(spec, "containers");
	for (size_t i = 0; i < ds_kube_items(list); i++)
		read_ports(json_object_array_get_idx(list, i), pod);
	ds_kube_prestop(list, pod->prestop, sizeof(pod->prestop));
	ds_kube_probes(list, pod->probes, sizeof(pod->probes));
	ds_kube_gates(spec, pod->gates, sizeof(pod->gates));
}

/* NAME=ID of each container that was started; the id without its runtime, and cut. */
static void read_names(json_object *list, struct ds_kube_pod *pod)
{
	for (size_t i = 0; i < ds_kube_items(list); i++) {
		json_object *status = json_object_array_get_idx(list, i);
		const char *name = ds_kube_text(status, "name");
		const char *id = strstr(ds_kube_text(status, "containerID"), "://");
		char text[DS_KUBE_NAME_LEN + 1 + ID_LEN + 1];

		if (!id || strlen(id + 3) < ID_LEN || !name[0] || strpbrk(name, "=,") ||
		    strlen(name) > DS_KUBE_NAME_LEN)
			continue;
		(void)snprintf(text, sizeof(text), "%s=%.*s", name, ID_LEN, id + 3);
		if (!strpbrk(id + 3, "=,"))
			add_item(pod->containers, DS_KUBE_CONTAINERS_LEN, text);
	}
}

/* ---- what happens to it ---- */

static bool runs(json_object *status)
{
	json_object *list = ds_kube_list(status, "containerStatuses");

	for (size_t i = 0; i < ds_kube_items(list); i++)
		if (ds_kube_child(ds_kube_child(json_object_array_get_idx(list, i), "state"),
				  "running"))
			return true;
	return false;
}

/* Failed and Succeeded are its end, once no container runs: the kubelet may tell it earlier. */
static int phase_of(json_object *status, bool deleting)
{
	const char *phase = ds_kube_text(status, "phase");

	if ((!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed")) && !runs(status))
		return DS_PHASE_DELETED;
	if (deleting)
		return DS_PHASE_TERMINATING;
	if (!strcmp(phase, "Pending"))
		return DS_PHASE_PENDING;
	return ds_kube_condition(status, "Ready") ? DS_PHASE_READY : DS_PHASE_NOT_READY;
}

int ds_kube_pod_trigger(json_object *status)
{
	const char *reason = ds_kube_text(status, "reason");
	json_object *disrupted = ds_kube_condition(status, "DisruptionTarget");

	for (size_t i = 0; i < sizeof(goings) / sizeof(goings[0]); i++)
		if (!strcmp(reason, goings[i].reason))
			return (int)goings[i].trigger;
	reason = ds_kube_text(disrupted, "reason");
	/*
	 * Of containers that end well the phase is Succeeded, and it has no reason: only words tell
	 * a node's graceful shutdown from an eviction then (seen with 1.36).
	 */
	if (!strcmp(reason, TERMINATION_BY_KUBELET) &&
	    strstr(ds_kube_text(disrupted, "message"), "node shutdown"))
		return DS_TRIGGER_NODE_SHUTDOWN;
	for (size_t i = 0; i < sizeof(disruptions) / sizeof(disruptions[0]); i++)
		if (!strcmp(reason, disruptions[i].reason))
			return (int)disruptions[i].trigger;
	return -1;
}

static void read_deletion(json_object *metadata, int64_t deletion_ns, struct ds_kube_pod *pod)
{
	int64_t grace_s = seconds_of(metadata, "deletionGracePeriodSeconds");

	pod->t0_source = DS_T0_SOURCE_DELETION_TIMESTAMP;
	pod->t0_error_ns = STAMP_NS;
	if (grace_s > 0) {
		pod->grace_s = grace_s;
		pod->t0_ns = deletion_ns - grace_s * DS_NS_PER_S;
		return;
	}
	/*
	 * The last update of all: the grace period is over, or was none. The stamp was computed
	 * anew and may be a second later than the request (seen with 1.36).
	 */
	pod->t0_ns = deletion_ns - STAMP_NS;
	pod->t0_error_ns += STAMP_NS;
}

/* The kubelet ends it by itself: its status tells, with a stamp only where the condition is. */
static void read_going(json_object *status, int64_t now_ns, struct ds_kube_pod *pod)
{
	json_object *disrupted = ds_kube_condition(status, "DisruptionTarget");
	int64_t stamp_ns = ds_kube_stamp(disrupted, "lastTransitionTime");

	pod->t0_source = DS_T0_SOURCE_STATUS_REASON;
	pod->t0_error_ns = STAMP_NS;
	pod->t0_ns = stamp_ns ? stamp_ns : now_ns - STAMP_NS;
}

static bool is_ended_by_kubelet(json_object *status)
{
	const char *reason = ds_kube_text(status, "reason");

	for (size_t i = 0; i < sizeof(goings) / sizeof(goings[0]); i++)
		if (!strcmp(reason, goings[i].reason))
			return true;
	return !strcmp(ds_kube_text(ds_kube_condition(status, "DisruptionTarget"), "reason"),
		       TERMINATION_BY_KUBELET);
}

static void read_newest(json_object *status, struct ds_kube_pod *pod)
{
	json_object *list = ds_kube_list(status, "conditions");

	pod->newest_ns = pod->t0_source == DS_T0_SOURCE_DELETION_TIMESTAMP ? pod->t0_ns : 0;
	for (size_t i = 0; i < ds_kube_items(list); i++) {
		int64_t ns = ds_kube_stamp(json_object_array_get_idx(list, i), "lastTransitionTime");

		if (ns > pod->newest_ns)
			pod->newest_ns = ns;
	}
}

static void read_state(json_object *metadata, json_object *spec, json_object *status,
		       int64_t now_ns, struct ds_kube_pod *pod)
{
	int64_t deletion_ns = ds_kube_stamp(metadata, "deletionTimestamp");

	pod->grace_s = seconds_of(spec, "terminationGracePeriodSeconds");
	pod->phase = phase_of(status, deletion_ns != 0);
	pod->trigger = -1;
	(void)ds_kube_copy(pod->status_reason, sizeof(pod->status_reason),
			   ds_kube_text(status, "reason"));
	if (deletion_ns)
		read_deletion(metadata, deletion_ns, pod);
	else if (is_ended_by_kubelet(status))
		read_going(status, now_ns, pod);
	if (pod->t0_ns) {
		pod->trigger = ds_kube_pod_trigger(status);
		if (pod->trigger < 0)
			pod->trigger = DS_TRIGGER_DELETION;
	}
	read_newest(status, pod);
}

int ds_kube_pod_read(json_object *object, int64_t now_ns, struct ds_kube_pod *ret_pod)
{
	json_object *metadata = ds_kube_child(object, "metadata"),
		    *spec = ds_kube_child(object, "spec");
	json_object *status = ds_kube_child(object, "status");
	struct ds_kube_pod pod;

	memset(&pod, 0, sizeof(pod)); /* padding too: it is part of the digest */
	if (!read_uid(metadata, &pod) || !ds_kube_text(metadata, "name")[0] ||
	    !ds_kube_copy(pod.name, sizeof(pod.name), ds_kube_text(metadata, "name")) ||
	    !ds_kube_copy(pod.namespace_, sizeof(pod.namespace_),
			  ds_kube_text(metadata, "namespace")))
		return -EINVAL;
	pod.owner_kind = ds_kube_owner_read(metadata, pod.owner);
	find_deployment(metadata, &pod);
	pod.host_network = ds_kube_is_true(spec, "hostNetwork");
	read_addresses(status, &pod);
	read_containers(spec, &pod);
	read_names(ds_kube_list(status, "containerStatuses"), &pod);
	read_names(ds_kube_list(status, "initContainerStatuses"), &pod);
	read_state(metadata, spec, status, now_ns, &pod);
	memcpy(ret_pod, &pod, sizeof(pod));
	return 0;
}

void ds_kube_pod_keep_t0(struct ds_kube_pod *pod, const struct ds_kube_pod *before)
{
	if (!before->t0_ns)
		return;
	pod->t0_ns = before->t0_ns;
	pod->t0_error_ns = before->t0_error_ns;
	pod->t0_source = before->t0_source;
	pod->grace_s = before->grace_s;
	if (pod->trigger < 0 || pod->trigger == DS_TRIGGER_DELETION)
		pod->trigger = before->trigger;
	if (before->newest_ns > pod->newest_ns)
		pod->newest_ns = before->newest_ns;
}

uint64_t ds_kube_pod_digest(const struct ds_kube_pod *pod)
{
	struct ds_kube_pod copy;

	memcpy(&copy, pod, sizeof(copy));
	copy.newest_ns = 0;
	return ds_siphash13(0, 0, &copy, sizeof(copy)); /* nobody gains by two that are alike */
}

void ds_kube_pod_gone(struct ds_kube_pod *pod, int64_t now_ns, bool unseen)
{
	bool ended = pod->phase == DS_PHASE_DELETED;

	pod->phase = DS_PHASE_DELETED;
	if (pod->t0_ns || ended || unseen)
		return;
	pod->t0_ns = now_ns - STAMP_NS;
	pod->t0_error_ns = STAMP_NS;
	pod->t0_source = DS_T0_SOURCE_DELETION_TIMESTAMP;
	pod->trigger = DS_TRIGGER_DELETION;
}

void ds_kube_pod_event(const struct ds_kube_pod *pod, const char *node, int64_t now_ns,
		       struct ds_event *ev)
{
	ds_event_init(ev, DS_EVENT_POD_STATE, now_ns);
	DS_SET_STR(ev, NODE, node, node);
	DS_SET_STR(ev, POD_NAMESPACE, pod_namespace, pod->namespace_);
	DS_SET_STR(ev, POD_NAME, pod_name, pod->name);
	DS_SET_STR(ev, POD_UID, pod_uid, pod->uid);
	ds_kube_owner_set(pod->owner_kind, pod->owner, ev);
	DS_SET_STR(ev, POD_ADDRESSES, pod_addresses, pod->addresses);
	DS_SET_STR(ev, POD_PORTS, pod_ports, pod->ports);
	DS_SET(ev, PHASE, phase, pod->phase);
	if (pod->t0_ns) {
		DS_SET(ev, T0, t0, pod->t0_ns);
		DS_SET(ev, T0_ERROR, t0_error, pod->t0_error_ns);
		DS_SET(ev, T0_SOURCE, t0_source, pod->t0_source);
		DS_SET(ev, TRIGGER, trigger, pod->trigger);
	}
	if (pod->grace_s >= 0)
		DS_SET(ev, GRACE_PERIOD, grace_period_s, pod->grace_s);
	DS_SET_STR(ev, PRESTOP, prestop, pod->prestop);
	DS_SET_STR(ev, POD_PROBES, pod_probes, pod->probes);
	DS_SET_STR(ev, POD_GATES, pod_gates, pod->gates);
	DS_SET_STR(ev, POD_CONTAINERS, pod_containers, pod->containers);
	if (pod->host_network)
		DS_SET(ev, HOST_NETWORK, host_network, true);
	DS_SET_STR(ev, STATUS_REASON, status_reason, pod->status_reason);
}
