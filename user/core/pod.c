/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about one pod that need no other pod. Pure. */
#include "user/core/pod.h"

#include <stdlib.h>
#include <string.h>

void *ds_pod_room(void *list, int cnt, int max, size_t size)
{
	size_t room = cnt ? 2 * (size_t)cnt : 1;

	if (cnt >= max)
		return NULL;
	if (!(cnt & (cnt - 1)))
		list = realloc(list, room * size);
	if (list)
		memset((char *)list + (size_t)cnt * size, 0, size);
	return list;
}

void ds_pod_clear(struct ds_pod *pod)
{
	free(pod->probes);
	free(pod->gates);
	free(pod->containers_named);
	free(pod->containers);
	free(pod->folds);
	free(pod->balancers);
}

bool ds_pod_has_address(const struct ds_pod *pod, const struct ds_addr *a)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		if (ds_addr_equal(&pod->addresses[i], a))
			return true;
	return false;
}

const struct ds_pod_listener *ds_pod_listener_of(const struct ds_pod *pod, uint16_t port)
{
	const struct ds_pod_listener *best = NULL;

	for (int i = 0; i < pod->listeners_cnt; i++) {
		const struct ds_pod_listener *l = &pod->listeners[i];

		if (l->port == port && (!best || l->open > best->open ||
					(l->open == best->open && l->opened_ns > best->opened_ns)))
			best = l;
	}
	return best;
}

bool ds_pod_declares_port(const struct ds_pod *pod, uint16_t port)
{
	for (int i = 0; i < pod->ports_cnt; i++)
		if (pod->ports[i] == port)
			return true;
	return false;
}

bool ds_pod_has_port(const struct ds_pod *pod, uint16_t port)
{
	return ds_pod_declares_port(pod, port) || ds_pod_listener_of(pod, port) != NULL;
}

void ds_pod_set_t0(struct ds_pod *pod, int64_t t0_ns, int64_t error_ns, int source)
{
	if (pod->t0_ns && pod->t0_ns <= t0_ns)
		return;
	pod->t0_ns = t0_ns;
	pod->t0_error_ns = error_ns > 0 ? error_ns : 0;	/* a length: a stranger's may be below 0 */
	pod->t0_source = source;
	if (pod->exited_ns && pod->exited_ns < t0_ns) {	/* a restart of long ago is not its end */
		pod->exited_ns = 0;
		pod->ended_by = -1;
	}
}

int ds_pod_trigger(const struct ds_pod *pod)
{
	/* The kernel tells an end, not whose doing it was: its node's, or a deletion. */
	bool by_kernel = pod->by_kubernetes && pod->t0_source == DS_T0_SOURCE_SIGTERM &&
			 !pod->deleted_ns;

	if (pod->trigger >= 0)
		return pod->trigger;
	return ds_pod_is_going(pod) && !by_kernel ? DS_TRIGGER_DELETION : -1;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t ds_pod_slowest_exit(const struct ds_pod *pod)
{
	int64_t slowest = -1;

	for (int i = 0; i < pod->containers_cnt; i++) {
		const struct ds_pod_container *c = &pod->containers[i];

		/* A restart before the end is no measure of it. */
		if (c->sigterm_ns >= pod->t0_ns && c->sigterm_ns && c->exited_ns >= c->sigterm_ns)
			slowest = latest(slowest, c->exited_ns - c->sigterm_ns);
	}
	return slowest;
}

const struct ds_pod_phase *ds_pod_phase_at(const struct ds_pod *pod, int64_t at_ns)
{
	for (int i = pod->phases_cnt - 1; i >= 0; i--)
		if (pod->phases[i].at_ns <= at_ns)
			return &pod->phases[i];
	return NULL;
}

/* The list is of NAME=ID, where ID is as much of the id as was told. */
bool ds_pod_container_name(const struct ds_pod *pod, const char *id,
			   char name[DS_POD_TEXT_LEN + 1])
{
	const char *p = pod->containers_named;

	name[0] = '\0';
	while (p && *p) {
		size_t len = strcspn(p, ","), name_len = strcspn(p, "=,");
		size_t id_len = name_len < len ? len - name_len - 1 : 0;

		if (id_len && name_len && name_len <= DS_POD_TEXT_LEN &&
		    !strncmp(p + name_len + 1, id, id_len)) {
			memcpy(name, p, name_len);
			name[name_len] = '\0';
			return true;
		}
		p += len;
		p += *p == ',';
	}
	return false;
}

void ds_pod_describe(const struct ds_pod *pod, struct ds_event *ev)
{
	DS_SET_STR(ev, POD_NAMESPACE, pod_namespace, pod->namespace_);
	DS_SET_STR(ev, POD_NAME, pod_name, pod->name);
	DS_SET_STR(ev, POD_UID, pod_uid, pod->uid);
	if (pod->addresses_cnt)
		DS_SET_ADDR(ev, POD_IP, pod_ip, pod->addresses[0]);
	switch (pod->owner_kind) {
	case DS_OWNER_DEPLOYMENT:
		DS_SET_STR(ev, DEPLOYMENT, deployment, pod->owner);
		break;
	case DS_OWNER_STATEFULSET:
		DS_SET_STR(ev, STATEFULSET, statefulset, pod->owner);
		break;
	case DS_OWNER_DAEMONSET:
		DS_SET_STR(ev, DAEMONSET, daemonset, pod->owner);
		break;
	case DS_OWNER_REPLICASET:
		DS_SET_STR(ev, REPLICASET, replicaset, pod->owner);
		break;
	case DS_OWNER_JOB:
		DS_SET_STR(ev, JOB, job, pod->owner);
		break;
	case DS_OWNER_NONE:
	case DS_OWNER_MAX:
		break;
	}
}

int64_t ds_pod_prestop_s(const struct ds_pod *pod)
{
	static const char sleep[] = "sleep:";
	int64_t seconds = 0;
	const char *p = pod->prestop;

	if (!strcmp(p, "none"))
		return 0;
	if (strncmp(p, sleep, sizeof(sleep) - 1) != 0)
		return -1;
	for (p += sizeof(sleep) - 1; *p >= '0' && *p <= '9' && seconds < 1000000; p++)
		seconds = seconds * 10 + (*p - '0');
	return *p ? -1 : seconds;
}

static bool is_uid_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-' || c == '_';
}

/* The UID in a path: 8-4-4-4-12 with separators, or the 32 hex digits of a static pod's hash. */
static const char *find_uid(const char *path, size_t *ret_len)
{
	for (const char *p = path; p && (p = strstr(p, "pod")); p++) {
		const char *q = p + 3;
		size_t len = 0;

		if (p != path && p[-1] != '/' && p[-1] != '-')
			continue;
		while (len < DS_POD_UID_LEN && is_uid_char(q[len]))
			len++;
		if ((len != 36 && len != 32) || (q[len] && q[len] != '/' && q[len] != '.'))
			continue;
		*ret_len = len;
		return q;
	}
	return NULL;
}

bool ds_cgroup_pod_uid(const char *path, char uid[DS_POD_UID_LEN + 1])
{
	size_t len;
	const char *p = find_uid(path, &len);

	if (!p)
		return false;
	for (size_t i = 0; i < len; i++)
		uid[i] = p[i] == '_' ? '-' : p[i];
	uid[len] = '\0';
	return true;
}

bool ds_cgroup_container(const char *path, char id[DS_POD_ID_LEN + 1])
{
	static const char monitor[] = "crio-conmon-", digits[] = "0123456789abcdef";
	size_t len;
	const char *uid = find_uid(path, &len), *name = uid ? strchr(uid, '/') : NULL;

	/* Below the pod's folder: a container may have cgroups of its own inside. */
	name = name ? name + 1 : "";
	if (!strncmp(name, monitor, sizeof(monitor) - 1))
		return false;
	len = strcspn(name, "/");
	for (const char *p = name; p < name + len; p++)
		if ((p == name || p[-1] == '-') && strspn(p, digits) == 64) {
			name = p;
			len = 64;
		}
	len = strcspn(name, "./") < len ? strcspn(name, "./") : len;
	if (len > DS_POD_ID_LEN)
		len = DS_POD_ID_LEN;
	memcpy(id, name, len);
	id[len] = '\0';
	return true;
}
