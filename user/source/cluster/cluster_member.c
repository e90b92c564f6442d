/* SPDX-License-Identifier: Apache-2.0 */
#include "user/source/cluster/cluster_member.h"

#include <string.h>

#include "user/source/cluster/cluster_table.h"
#include "user/source/kube/kube_ready.h"

struct finding {
	struct ds_cluster *c;
	const struct ds_cluster_pod_entry *pod;
	struct ds_cluster_member *members;
	int cnt;
};

static const struct ds_read_service_port *port_of(const struct ds_read_service *s,
						  const struct ds_read_port *wanted)
{
	for (int i = 0; s && i < s->ports_cnt; i++)
		if (wanted->number ? s->ports[i].port == wanted->number :
				     !strcmp(s->ports[i].name, wanted->name))
			return &s->ports[i];
	return NULL;
}

/* The same target by way of two bindings, or two slices, is one. */
static void add(struct finding *f, const struct ds_read_binding *b, struct ds_cluster_member m)
{
	m.group = ds_cluster_group_of(f->c, b->arn);
	m.type = b->type;
	if (!m.group || !m.port)
		return;
	for (int i = 0; i < f->cnt; i++) {
		struct ds_cluster_member *have = &f->members[i];

		if (have->group == m.group && have->port == m.port &&
		    ds_addr_equal(&have->addr, &m.addr)) {
			have->ready = have->ready || m.ready;
			return;
		}
	}
	if (f->cnt == DS_CLUSTER_TARGETS_MAX)
		f->c->stats.over++;
	else
		f->members[f->cnt++] = m;
}

static void add_instance(struct finding *f, const struct ds_read_binding *b,
			 const struct ds_read_service_port *port, uint16_t pod_port)
{
	add(f, b, (struct ds_cluster_member){ .port = port->node_port, .pod_port = pod_port,
					      .ready = true });
}

/* ---- by EndpointSlice ---- */

static void by_ref(struct finding *f, const struct ds_cluster_ref *ref)
{
	const struct ds_cluster_service *s = ref->slice->service;
	const struct ds_read_slice *slice = ref->slice->facts;
	const struct ds_read_endpoint *e = ref->endpoint;

	for (const struct ds_tie *t = s ? s->bindings.first : NULL; t; t = t->next) {
		const struct ds_read_binding *b = ((struct ds_cluster_object *)t->of)->facts;
		const struct ds_read_service_port *port = port_of(s->facts, &b->port);

		for (int i = 0; port && i < slice->ports_cnt; i++) {
			struct ds_cluster_member m = { .addr = e->addr,
						       .port = slice->ports[i].port,
						       .pod_port = slice->ports[i].port,
						       .ready = e->ready && !e->terminating };

			if (strcmp(slice->ports[i].name, port->name) != 0)
				continue;
			if (b->type == DS_TARGET_TYPE_INSTANCE)
				add_instance(f, b, port, m.port);
			else if (!b->family || b->family == slice->family)
				add(f, b, m);
		}
	}
}

/* ---- by selector and by readiness gate ---- */

static uint16_t pod_port(const struct ds_read_pod *pod, const struct ds_read_service_port *port)
{
	if (port->target.number)
		return port->target.number;
	if (!port->target.name[0])
		return port->port;
	for (int i = 0; i < pod->ports_cnt; i++)
		if (!strcmp(pod->ports[i].name, port->target.name))
			return pod->ports[i].port;
	return 0;
}

static void by_binding(struct finding *f, const struct ds_cluster_service *s,
		       const struct ds_read_binding *b, bool ready)
{
	const struct ds_read_pod *pod = f->pod->facts;
	const struct ds_read_service_port *port = port_of(s->facts, &b->port);
	uint16_t number = port ? pod_port(pod, port) : 0;

	if (!number)
		return;
	if (b->type == DS_TARGET_TYPE_INSTANCE) {
		add_instance(f, b, port, number);
		return;
	}
	for (int i = 0; i < pod->addresses_cnt; i++) {
		int family = ds_addr_is_v4(&pod->addresses[i]) ? 4 : 6;
		struct ds_cluster_member m = { .addr = pod->addresses[i], .port = number,
					       .pod_port = number, .ready = ready };

		if (b->family && b->family != family)
			continue;
		add(f, b, m);
		return;
	}
}

static void by_selector(struct finding *f, const struct ds_cluster_namespace *n)
{
	const struct ds_read_pod *pod = f->pod->facts;

	for (const struct ds_tie *t = n->services.first; t; t = t->next) {
		const struct ds_cluster_service *s = t->of;

		if (!s->facts || s->slices.first || !s->facts->selector.want.cnt ||
		    !ds_selector_matches(&s->facts->selector, &pod->labels))
			continue;
		for (const struct ds_tie *k = s->bindings.first; k; k = k->next)
			by_binding(f, s, ((struct ds_cluster_object *)k->of)->facts,
				   (pod->ready || s->facts->publish_not_ready) && !pod->going);
	}
}

/* "INGRESS_SERVICE_PORT": no name of Kubernetes has such a line in it. */
static bool is_old_gate_of(const char *text, const struct ds_read_binding *b)
{
	const char *service = strchr(text, '_'), *port = service ? strchr(service + 1, '_') : NULL;
	size_t len = strlen(b->service);

	if (!port || (size_t)(port - service - 1) != len ||
	    memcmp(service + 1, b->service, len) != 0)
		return false;
	port++;
	return b->port.number ? ds_read_digits(port, UINT16_MAX) == b->port.number :
				!strcmp(port, b->port.name);
}

static bool is_gate_of(const char *gate, const struct ds_read_binding *b)
{
	if (!strncmp(gate, DS_KUBE_GATE, sizeof(DS_KUBE_GATE) - 1))
		return !strcmp(gate + sizeof(DS_KUBE_GATE) - 1, b->id.name);
	return !strncmp(gate, DS_KUBE_GATE_OLD, sizeof(DS_KUBE_GATE_OLD) - 1) &&
	       is_old_gate_of(gate + sizeof(DS_KUBE_GATE_OLD) - 1, b);
}

static bool has_group(const struct finding *f, const char *arn)
{
	for (int i = 0; i < f->cnt; i++)
		if (!strcmp(f->members[i].group->key, arn))
			return true;
	return false;
}

/* Whether its target is there (yet, still) a gate does not say. */
static void by_gate(struct finding *f, const struct ds_cluster_namespace *n, const char *gate)
{
	for (const struct ds_tie *t = n->bindings.first; t; t = t->next) {
		const struct ds_cluster_object *o = t->of;
		const struct ds_read_binding *b = o->facts;

		if (is_gate_of(gate, b) && !has_group(f, b->arn))
			by_binding(f, o->service, b, false);
	}
}

int ds_cluster_members_of(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			  struct ds_cluster_member members[DS_CLUSTER_TARGETS_MAX])
{
	struct finding f = { .c = c, .pod = pod, .members = members };
	const struct ds_cluster_namespace *n =
		pod->facts ? ds_cluster_namespace_find(c, pod->namespace_) : NULL;

	for (const struct ds_tie *t = pod->refs.first; t; t = t->next)
		by_ref(&f, t->of);
	if (!n)
		return f.cnt;
	by_selector(&f, n);
	for (int i = 0; i < pod->facts->gates_cnt; i++)
		by_gate(&f, n, pod->facts->gates[i]);
	return f.cnt;
}
