/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pods on the host's network. They share the node's addresses, so none of them holds one: what
 * comes for a port is that pod's whose cgroup has, or had, the listener there, or which declares
 * the port (DESIGN section 6). What other processes of the host accept or refuse is nobody's. Pure.
 */
#include <string.h>

#include "user/core/state.h"

/* How a pod stands to a port at a moment, the better the higher. */
enum claim { CLAIM_NONE, CLAIM_DECLARED_ENDED, CLAIM_DECLARED, CLAIM_LISTENED, CLAIM_LISTENS };

static bool had_ended(const struct ds_pod *pod, int64_t at_ns)
{
	int64_t ended_ns = ds_pod_ended_ns(pod);

	return ended_ns && at_ns >= ended_ns;
}

/* *ret_since_ns: since when it stands so; of two the later one has the port. */
static enum claim claim_of(const struct ds_pod *pod, uint16_t port, int64_t at_ns,
			   int64_t *ret_since_ns)
{
	enum claim best = CLAIM_NONE;

	*ret_since_ns = pod->seen_ns;
	for (int i = 0; i < pod->listeners_cnt; i++) {
		const struct ds_pod_listener *l = &pod->listeners[i];

		if (l->port != port)
			continue;
		if (l->taken_ns && at_ns >= l->taken_ns)
			return CLAIM_NONE;	/* a process of the host has it by now */
		if (l->opened_ns <= at_ns && (l->open || l->closed_ns > at_ns)) {
			*ret_since_ns = l->opened_ns;
			return CLAIM_LISTENS;
		}
		if (l->closed_ns && l->closed_ns <= at_ns &&
		    (best != CLAIM_LISTENED || l->closed_ns > *ret_since_ns)) {
			best = CLAIM_LISTENED;
			*ret_since_ns = l->closed_ns;
		}
	}
	if (best == CLAIM_NONE && ds_pod_declares_port(pod, port))
		best = had_ended(pod, at_ns) ? CLAIM_DECLARED_ENDED : CLAIM_DECLARED;
	return best;
}

static struct ds_pod *by_port(const struct ds_core *core, const struct ds_addr *a, uint16_t port,
			      int64_t at_ns, enum claim *ret_claim)
{
	struct ds_pod *found = NULL;
	int64_t since_ns, found_since_ns = 0;

	*ret_claim = CLAIM_NONE;
	for (struct ds_pod *pod = ds_ledger_first_host(core->ledger); pod; pod = pod->next_host) {
		enum claim claim = CLAIM_NONE;

		if (ds_pod_has_address(pod, a))
			claim = claim_of(pod, port, at_ns, &since_ns);
		if (claim == CLAIM_NONE || claim < *ret_claim ||
		    (claim == *ret_claim && since_ns < found_since_ns))
			continue;
		found = pod;
		found_since_ns = since_ns;
		*ret_claim = claim;
	}
	return found;
}

struct ds_pod *ds_host_pod(const struct ds_core *core, const struct ds_event *ev,
			   const struct ds_addr *a, uint16_t port, int *ret_attribution)
{
	char uid[DS_POD_UID_LEN + 1];
	struct ds_pod *pod;
	enum claim claim;

	if (ds_event_has(ev, DS_KEY_CGROUP_PATH) && ds_cgroup_pod_uid(ev->cgroup_path, uid)) {
		*ret_attribution = DS_ATTRIBUTION_CGROUP;
		pod = ds_ledger_find(core->ledger, uid);
		return pod && pod->host_network && ds_pod_has_address(pod, a) ? pod : NULL;
	}
	if (ds_event_has(ev, DS_KEY_SCOPE) && ev->scope != DS_SCOPE_ROUTING)
		return NULL;
	*ret_attribution = DS_ATTRIBUTION_PORT;
	pod = by_port(core, a, port, ev->time_ns, &claim);
	/* The pod's own sockets would carry its cgroup, as its listener did: this is another's. */
	if (pod && claim >= CLAIM_LISTENED && ds_event_has(ev, DS_KEY_CGROUP_PATH))
		return NULL;
	return pod;
}

void ds_host_port_taken(struct ds_core *core, uint16_t port, int64_t at_ns)
{
	for (struct ds_pod *pod = ds_ledger_first_host(core->ledger); pod; pod = pod->next_host)
		for (int i = 0; i < pod->listeners_cnt; i++)
			if (pod->listeners[i].port == port && !pod->listeners[i].open)
				pod->listeners[i].taken_ns = at_ns;
}
