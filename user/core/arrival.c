/* SPDX-License-Identifier: Apache-2.0 */
#include "user/core/arrival.h"

#include "user/core/balance.h"
#include "user/core/cadence.h"

/* What the balancer's address answers to a pod that calls it is not traffic to that pod. */
static bool is_traffic(const struct ds_core *core, const struct ds_flow *flow)
{
	return ds_balance_is_served(core, flow) && ds_balance_is_traffic(core, flow);
}

static void count(struct ds_core *core, const struct ds_flow *flow, int64_t at_ns, int64_t error_ns)
{
	struct ds_pod *pod = flow->pod;

	/* The kernel's jiffies may lie a tick ahead of the event that tells them. */
	if (at_ns > core->now_ns)
		at_ns = core->now_ns;
	if (!is_traffic(core, flow))
		return;
	ds_absence_arrival(core, &flow->key.pod, flow->key.pod_port, at_ns);
	if (at_ns > pod->last_arrival_ns) {
		pod->last_arrival_ns = at_ns;
		pod->last_arrival_error_ns = error_ns;
	} else if (at_ns + error_ns > pod->last_arrival_ns + pod->last_arrival_error_ns) {
		pod->last_arrival_error_ns = at_ns + error_ns - pod->last_arrival_ns;
	}
}

/* How often the flow's port is checked where traffic comes from the same addresses; 0 = not so. */
static struct ds_periods periods_of(const struct ds_core *core, const struct ds_flow *flow)
{
	struct ds_periods periods = { 0 };

	if (!ds_peers_is_load_balancer(&core->peers, &flow->key.peer))
		return periods;
	for (const struct ds_target *t = ds_targets_of(core->targets, &flow->key.pod); t;
	     t = t->same_address)
		if (t->port == flow->key.pod_port && t->health_check_port == t->port &&
		    !t->preserve_client_ip && t->health_check_interval_s > 0 &&
		    periods.cnt < DS_CADENCE_PERIODS_MAX)
			periods.ns[periods.cnt++] = t->health_check_interval_s * DS_NS_PER_S;
	return periods;
}

static struct ds_cadence_key cadence_key(const struct ds_flow *flow)
{
	return (struct ds_cadence_key){ .source = flow->key.peer,
					.pod = flow->key.pod,
					.port = flow->key.pod_port };
}

void ds_arrival_began(struct ds_core *core, struct ds_flow *flow, int64_t at_ns, int64_t error_ns,
		      bool accepted)
{
	struct ds_periods periods = periods_of(core, flow);
	struct ds_cadence_key key = cadence_key(flow);

	ds_cadence_began(core->cadences, &key, at_ns, flow->key.peer_port, accepted, &periods);
	if (accepted)
		return;		/* its closing tells whether it brought anything */
	if (!flow->held)
		flow->began_error_ns = error_ns;
	ds_arrival_hold(flow, at_ns);
	/* That the balancer still sends anything is told at once, whatever it is. */
	if (is_traffic(core, flow))
		ds_absence_arrival(core, &flow->key.pod, flow->key.pod_port, at_ns);
}

void ds_arrival_hold(struct ds_flow *flow, int64_t at_ns)
{
	if (flow->held)
		return;
	flow->began_ns = at_ns;
	flow->held = true;
}

void ds_arrival_payload(struct ds_core *core, const struct ds_flow *flow, int64_t at_ns,
			int64_t error_ns)
{
	if (periods_of(core, flow).cnt)
		ds_cadence_payload(core->cadences, &flow->key.peer, flow->key.pod_port, at_ns);
	count(core, flow, at_ns, error_ns);
}

void ds_arrival_begun(const struct ds_core *core, const struct ds_flow *flow, int64_t at_ns)
{
	if (at_ns > flow->pod->last_begun_ns && is_traffic(core, flow))
		flow->pod->last_begun_ns = at_ns < core->now_ns ? at_ns : core->now_ns;
}

void ds_arrival_settle(struct ds_core *core, struct ds_flow *flow, bool counts)
{
	if (flow->held && counts) {
		count(core, flow, flow->began_ns, flow->began_error_ns);
		ds_arrival_begun(core, flow, flow->began_ns);
	}
	flow->held = false;
}

void ds_arrival_sample(struct ds_core *core, const struct ds_flow *flow, const struct ds_event *ev)
{
	struct ds_periods periods = periods_of(core, flow);
	struct ds_cadence_key key = cadence_key(flow);

	if (ds_event_has(ev, DS_KEY_TRAFFIC_ACCEPTED) && ds_event_has(ev, DS_KEY_LAST_ACCEPTED_AT))
		ds_cadence_sample(core->cadences, &key, ev->traffic_accepted, ev->last_accepted_at,
				  &periods);
	if (ds_event_has(ev, DS_KEY_LAST_TRAFFIC_PAYLOAD_AT))
		ds_arrival_payload(core, flow, ev->last_traffic_payload_at, 0);
}

bool ds_arrival_is_check(const struct ds_core *core, const struct ds_flow *flow)
{
	const uint32_t carried = DS_FLOW_PAYLOAD | DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_OUTSTANDING |
				 DS_FLOW_UNREAD | DS_FLOW_FIN_OUTSTANDING;
	struct ds_periods periods = periods_of(core, flow);
	struct ds_cadence_key key = cadence_key(flow);

	return !(flow->facts & carried) && flow->began_ns &&
	       ds_cadence_is_check(core->cadences, &key, flow->began_ns, flow->key.peer_port,
				   &periods);
}
