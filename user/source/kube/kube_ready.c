/* SPDX-License-Identifier: Apache-2.0 */
/* Probes of the containers that serve, and gates of the load balancer controller. */
#include "user/source/kube/kube_ready.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "user/source/kube/kube_json.h"
#include "user/source/kube/kube_prestop.h"

#define PERIOD_S 10 /* where it is not said, which the API server does */
#define PERIOD_MAX_S INT64_C(1000000)

static bool any_declares_port(json_object *containers)
{
	for (size_t i = 0; i < ds_kube_items(containers); i++)
		if (ds_kube_declares_port(json_object_array_get_idx(containers, i)))
			return true;
	return false;
}

/* The period of a container's probe, s; 0 = it has none. */
static int64_t period_of(json_object *container, const char *probe)
{
	json_object *found = ds_kube_child(container, probe);
	json_object *period = ds_kube_member(found, "periodSeconds", json_type_int);
	int64_t seconds = period ? json_object_get_int64(period) : PERIOD_S;

	if (!found)
		return 0;
	return seconds < 1 ? PERIOD_S : seconds > PERIOD_MAX_S ? PERIOD_MAX_S : seconds;
}

/* The longest period of those that count; 0 = one of them has no such probe. */
static int64_t longest(json_object *containers, bool with_port, const char *probe)
{
	int64_t seconds = 0;

	for (size_t i = 0; i < ds_kube_items(containers); i++) {
		json_object *container = json_object_array_get_idx(containers, i);
		int64_t period = period_of(container, probe);

		if (with_port && !ds_kube_declares_port(container))
			continue;
		if (!period)
			return 0;
		seconds = period > seconds ? period : seconds;
	}
	return seconds;
}

void ds_kube_probes(json_object *containers, char *buf, size_t size)
{
	static const struct {
		const char *key, *word;
	} probes[] = { { "startupProbe", "startup" },
		       { "readinessProbe", "readiness" },
		       { "livenessProbe", "liveness" } };
	bool with_port = any_declares_port(containers);
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		int64_t period_s = longest(containers, with_port, probes[i].key);

		if (period_s && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s:%lld", len ? "," : "",
						probes[i].word, (long long)period_s);
	}
	if (!len && ds_kube_items(containers))
		(void)snprintf(buf, size, "none");
}

/* What a gate waits for, borrowed of its type; NULL: it is none of a load balancer's. */
static const char *binding_of(const char *type)
{
	static const char *const prefixes[] = { DS_KUBE_GATE, DS_KUBE_GATE_OLD };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(type, prefixes[i], strlen(prefixes[i])))
			return type + strlen(prefixes[i]);
	return NULL;
}

void ds_kube_gates(json_object *spec, char *buf, size_t size)
{
	json_object *list = ds_kube_list(spec, "readinessGates");
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ds_kube_items(list); i++) {
		const char *name = binding_of(
			ds_kube_text(json_object_array_get_idx(list, i), "conditionType"));

		if (!name || !name[0] || strchr(name, ',') || len + !!len + strlen(name) >= size)
			continue;
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? "," : "", name);
	}
	if (!len)
		(void)snprintf(buf, size, "none");
}
