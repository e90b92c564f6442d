// SPDX-License-Identifier: Apache-2.0
/*
 * The tables of keys and kinds, and the life of an event.
 */
#include "user/core/event.h"

#include <stdlib.h>
#include <string.h>

#include "user/util/text.h"

#define KEY_ROW(id, text, value_type, member, list, meaning) \
	[DS_KEY_##id] = { \
		.key = text, \
		.key_len = sizeof(text) - 1, \
		.type = DS_TYPE_##value_type, \
		.offset = offsetof(struct ds_event, member), \
		.names = DS_NAMES_##list, \
		.doc = meaning, \
	},
const struct ds_key_info ds_keys[DS_KEY_MAX] = { DS_KEY_LIST(KEY_ROW) };

/*
 * Which keys a kind may have (events.md), in the order of the list of keys, and which it must
 * have. Every kind may name cluster and node.
 */
#define K(id) DS_KEY_##id
#define WHERE K(CLUSTER), K(NODE)
#define POD WHERE, K(POD_NAMESPACE), K(POD_NAME), K(POD_UID), K(POD_IP), K(DEPLOYMENT), \
	K(STATEFULSET), K(DAEMONSET), K(REPLICASET), K(JOB)
#define WHOSE K(POD_NAMESPACE), K(POD_NAME), K(POD_UID)	/* of a restored one */
#define TUPLE K(TRANSPORT), K(NETWORK_TYPE), K(DIRECTION), K(SOURCE_ADDRESS), K(SOURCE_PORT), \
	K(DESTINATION_ADDRESS), K(DESTINATION_PORT)
#define PACKET_FACTS K(TCP_FLAGS), K(TCP_SEQ), K(TCP_ACK), K(TCP_PAYLOAD), K(TCP_FIRST_BYTE), \
	K(TCP_STATE), K(DROP_REASON), K(RESET_REASON), K(LOCATION), K(ROUTE_ERROR), \
	K(SOCKET_PRESENT), K(SOCKET_UNACCEPTED), K(ICMP_TYPE), K(ICMP_CODE)
#define SOCKET_FACTS K(REQUEST_OUTSTANDING), K(PEER_CLOSED_FIRST), K(UNSENT_BYTES), \
	K(UNACKED_BYTES), K(LAST_PAYLOAD_AT), K(LAST_SENT_AT), K(RECEIVED_BYTES), \
	K(DATA_SEGMENTS_IN), K(UNREAD_BYTES), K(LAST_SEGMENT), K(BACKLOG), K(BACKLOG_MAX), \
	K(SOCKET_AGE)
#define TARGET_GROUP K(TG_ARN), K(TG_NAME), K(TG_DELAY), K(TG_TYPE), K(TG_PRESERVE), \
	K(TG_HC_PORT), K(TG_HC_INTERVAL), K(TG_PARTIAL)
#define COUNTERS K(WATCH_RESTARTS), K(WATCH_LAG), K(PROBES_ATTACHED_COUNT), \
	K(PROBES_MISSING_COUNT), K(TAP_ON), K(TAP_ON_MS), K(POLL_REQUESTS), K(POLL_THROTTLED), \
	K(POLL_FAILED)
#define END DS_KEY_MAX
#define LIST(name, ...) static const enum ds_key name[] = { __VA_ARGS__ }

LIST(start_keys, WHERE, K(VERSION), K(SCHEMA_URL), K(KERNEL_RELEASE), K(PROBES_ATTACHED),
     K(PROBES_MISSING), K(TIER), K(BOOT_OFFSET), K(OPT_SETTLE), K(OPT_TAP), K(OPT_TAP_MAX),
     K(OPT_RATE_LIMIT), END);
LIST(start_required, K(VERSION), END);
LIST(packet_keys, WHERE, K(HOOK), K(SCOPE), TUPLE, K(HOP_LIMIT), K(CAME_AT), PACKET_FACTS, K(NETNS),
     K(CGROUP_PATH), K(IFACE_NAME), K(IFACE_KIND), K(IFACE_IN_KIND), SOCKET_FACTS, K(REPEAT), END);
LIST(packet_required, K(HOOK), K(SOURCE_ADDRESS), K(DESTINATION_ADDRESS), END);
LIST(socket_keys, WHERE, WHOSE, K(HOOK), K(SCOPE), TUPLE, K(HOP_LIMIT), K(TCP_STATE),
     K(SOCKET_UNACCEPTED), K(NETNS), K(CGROUP_PATH), K(SOCKET_CHANGE), SOCKET_FACTS, K(NOT_BEFORE),
     K(POD_ADDRESSES), K(RESTORED), END);
LIST(socket_required, K(SOURCE_PORT), K(SOCKET_CHANGE), END);
LIST(process_keys, WHERE, WHOSE, K(CONTAINER), K(HOOK), K(NETNS), K(CGROUP_PATH), K(PROCESS_CHANGE),
     K(PID), K(IS_INIT), K(EXECUTABLE), K(SIGNAL_SOURCE), K(EXIT_CODE), K(NOT_BEFORE),
     K(POD_ADDRESSES), K(KILLED_BY), K(RESTORED), END);
LIST(process_required, K(PROCESS_CHANGE), END);
LIST(traffic_keys, POD, K(NETWORK_TYPE), K(SOURCE_ADDRESS), K(DESTINATION_ADDRESS), K(NETNS),
     K(CGROUP_PATH), K(TRAFFIC_PORT), K(TRAFFIC_ACCEPTED), K(LAST_ACCEPTED_AT), K(LAST_SYN_AT),
     K(LAST_TRAFFIC_PAYLOAD_AT), K(TRAFFIC_SEGMENTS), K(TRAFFIC_EMPTY), K(IDLE_CLOSE), K(PEER_KIND),
     END);
LIST(traffic_required, K(SOURCE_ADDRESS), K(TRAFFIC_PORT), END);
LIST(route_keys, WHERE, WHOSE, K(NETNS), K(IFACE_NAME), K(IFACE_KIND), K(ROUTE_CHANGE), K(ROUTE_BY),
     K(ADDRESS), K(NOT_BEFORE), K(NOT_AFTER), K(POD_ADDRESSES), K(RESTORED), END);
LIST(route_required, K(ROUTE_CHANGE), K(ADDRESS), END);
LIST(pod_state_keys, POD, K(CONTAINER), K(NETNS), K(CGROUP_PATH), K(TRAFFIC_ACCEPTED),
     K(LAST_ACCEPTED_AT), K(LAST_TRAFFIC_PAYLOAD_AT), K(NOT_BEFORE), K(NOT_AFTER),
     K(POD_ADDRESSES), K(POD_PORTS),
     K(PHASE), K(PHASE_PREVIOUS), K(PHASE_LANE), K(PHASE_PORT), K(T0), K(T0_ERROR), K(T0_SOURCE),
     K(TRIGGER), K(GRACE_PERIOD), K(PRESTOP), K(POD_PROBES), K(POD_GATES), K(POD_CONTAINERS),
     K(HOST_NETWORK), K(STATUS_REASON), K(RESTORED),
     K(TG_DELAY), K(VERDICT), K(VERDICT_REASON), K(VERDICT_DROPS), K(DROPS_BY), K(ENDED_BY),
     K(TAIL_ERROR), K(DRAIN_NOT_BEFORE), K(DRAIN_NOT_AFTER), K(DRAIN_NOT_BEFORE_SOURCE),
     K(DRAIN_NOT_AFTER_SOURCE), K(NOT_DROPS), END);
LIST(pod_state_any, K(POD_NAME), K(POD_UID), K(POD_ADDRESSES), END);
LIST(target_keys, POD, K(NOT_BEFORE), K(NOT_AFTER), K(RESTORED), TARGET_GROUP, K(LB_TYPE),
     K(LB_NAME), K(TARGET_ID), K(TARGET_PORT), K(TARGET_STATE), K(TARGET_STATE_PREVIOUS),
     K(TARGET_STATE_REASON), K(TARGET_SOURCE), K(TARGET_REGISTERED_AT), K(CLOCK_ERROR), K(REGION),
     K(ACCOUNT), K(DRAIN_NOT_BEFORE), K(DRAIN_NOT_AFTER), K(DRAIN_NOT_BEFORE_SOURCE),
     K(DRAIN_NOT_AFTER_SOURCE), END);
LIST(target_required, K(TARGET_ID), K(TARGET_STATE), END);
LIST(lb_address_keys, WHERE, K(ADDRESS), K(RESTORED), K(LB_TYPE), K(LB_NAME), END);
LIST(node_address_keys, WHERE, K(IFACE_NAME), K(IFACE_KIND), K(ADDRESS), K(NODE_OTHER),
     K(RESTORED), END);
LIST(address_required, K(ADDRESS), END);
LIST(tap_keys, WHERE, K(TAP_CHANGE), END);
LIST(tap_required, K(TAP_CHANGE), END);
LIST(tick_keys, WHERE, K(FINAL), COUNTERS, END);
LIST(loss_keys, WHERE, K(NOT_BEFORE), K(NOT_AFTER), K(RESTORED), K(LOSS_STAGE), K(LOSS_CLASS),
     K(LOSS_COUNT), END);
LIST(loss_required, K(LOSS_STAGE), END);
LIST(drop_keys, POD, K(CONTAINER), TUPLE, PACKET_FACTS, K(NETNS), K(IFACE_NAME), K(IFACE_KIND),
     SOCKET_FACTS, K(PHASE), K(PHASE_AGE), K(SINCE_T0), K(TG_NAME), K(LB_TYPE), K(LB_NAME),
     K(TARGET_STATE), K(DROP_ID), K(CAUSE), K(OUTCOME), K(SYMPTOM), K(EVIDENCE), K(DROP_PACKETS),
     K(DROP_SYNS), K(DROP_CONFIDENCE), K(PEER_KIND), K(ATTRIBUTION), K(RELATION), K(OFFSET_MIN),
     K(OFFSET_MAX), K(REPEAT), END);
LIST(drop_required, K(DROP_ID), K(CAUSE), END);
LIST(phase_keys, POD, K(CONTAINER), K(CONTAINER_NAME), K(NOT_BEFORE), K(NOT_AFTER), K(PHASE),
     K(PHASE_PREVIOUS), K(PHASE_LANE), K(SINCE_T0), K(PHASE_PORT), K(KILLED_BY), K(T0),
     K(T0_ERROR), K(T0_SOURCE), K(TRIGGER), K(GRACE_PERIOD), END);
LIST(phase_required, K(PHASE), END);
LIST(verdict_keys, POD, K(T0), K(T0_ERROR), K(T0_SOURCE), K(TRIGGER), K(GRACE_PERIOD), K(PRESTOP),
     K(TG_NAME), K(TG_DELAY), K(VERDICT), K(VERDICT_REASON), K(VERDICT_CONFIDENCE),
     K(VERDICT_DROPS), K(DROPS_BY), K(SIGTERM_TO_EXIT), K(ENDED_BY), K(OVERSLEEP), K(NOT_OBSERVED),
     K(ADVICE_WITHHELD), K(TAIL), K(TAIL_ERROR), K(EXPOSED_FROM), K(EXPOSED_UNTIL),
     K(DRAIN_NOT_BEFORE), K(DRAIN_NOT_AFTER), K(DRAIN_NOT_BEFORE_SOURCE),
     K(DRAIN_NOT_AFTER_SOURCE), K(DRAIN_CONFLICT), K(NOT_DROPS), K(LOST_EVENTS), END);
LIST(verdict_required, K(VERDICT), END);
LIST(no_target_keys, WHERE, K(NOT_BEFORE), K(NOT_AFTER), K(TG_ARN), K(TG_NAME), K(TG_TARGETS),
     K(TG_READY), K(TG_NO_TARGET), K(TG_LAST_ARRIVAL), K(LB_TYPE), END);
LIST(no_target_required, K(NOT_BEFORE), END);
LIST(advice_keys, POD, K(CONTAINER), K(ADVICE), K(ADVICE_OBJECT), K(ADVICE_FIELD),
     K(ADVICE_CURRENT), K(ADVICE_SUGGESTED), K(ADVICE_EVIDENCE), K(ADVICE_CONFIDENCE),
     K(ADVICE_PODS), K(ADVICE_ROLLOUTS), END);
LIST(advice_required, K(ADVICE), END);
LIST(workload_keys, WHERE, K(RESTORED), K(VERDICT_DROPS), K(SIGTERM_TO_EXIT), K(TAIL),
     K(TAIL_ERROR), K(TAIL_BEGUN), K(ADVICE_OBJECT), K(ADVICE_PODS), K(ADVICE_ROLLOUTS),
     K(WORKLOAD_KILLED), K(WORKLOAD_RATES), END);
LIST(workload_required, K(ADVICE_OBJECT), END);
LIST(health_keys, WHERE, COUNTERS, K(TAP_SHARE), K(LOST_EVENTS), K(HEALTH), K(WINDOW),
     K(LOST_RINGBUF), K(LOST_USERSPACE), K(SUPPRESSED), K(EMITTED), K(CACHE_PODS),
     K(CACHE_PODS_DELETED), K(CACHE_EVICTIONS), END);
LIST(health_required, K(HEALTH), END);
LIST(stop_keys, WHERE, K(POLL_REQUESTS), K(POLL_THROTTLED), K(POLL_FAILED), K(VERDICT_DROPS),
     K(DROPS_BY), K(NOT_DROPS), K(LOST_EVENTS), K(SUPPRESSED), K(EMITTED), END);
LIST(nothing, END);

/* The lists of each kind: its keys, what it requires, of what it requires one. */
#define LISTS(has, needs, one_of) .keys = has, .required = needs, .any_of = one_of
#define START_LISTS LISTS(start_keys, start_required, nothing)
#define PACKET_LISTS LISTS(packet_keys, packet_required, nothing)
#define SOCKET_LISTS LISTS(socket_keys, socket_required, nothing)
#define PROCESS_LISTS LISTS(process_keys, process_required, nothing)
#define TRAFFIC_LISTS LISTS(traffic_keys, traffic_required, nothing)
#define ROUTE_LISTS LISTS(route_keys, route_required, nothing)
#define POD_STATE_LISTS LISTS(pod_state_keys, nothing, pod_state_any)
#define TARGET_LISTS LISTS(target_keys, target_required, nothing)
#define LB_ADDRESS_LISTS LISTS(lb_address_keys, address_required, nothing)
#define NODE_ADDRESS_LISTS LISTS(node_address_keys, address_required, nothing)
#define TAP_LISTS LISTS(tap_keys, tap_required, nothing)
#define TICK_LISTS LISTS(tick_keys, nothing, nothing)
#define WORKLOAD_LISTS LISTS(workload_keys, workload_required, nothing)
#define LOSS_LISTS LISTS(loss_keys, loss_required, nothing)
#define DROP_LISTS LISTS(drop_keys, drop_required, nothing)
#define PHASE_LISTS LISTS(phase_keys, phase_required, nothing)
#define VERDICT_LISTS LISTS(verdict_keys, verdict_required, nothing)
#define NO_TARGET_LISTS LISTS(no_target_keys, no_target_required, nothing)
#define ADVICE_LISTS LISTS(advice_keys, advice_required, nothing)
#define HEALTH_LISTS LISTS(health_keys, health_required, nothing)
#define STOP_LISTS LISTS(stop_keys, nothing, nothing)

#define KIND_ROW(id, text, is_input, default_level, meaning) \
	[DS_EVENT_##id] = { \
		.name = text, \
		.input = is_input, \
		.level = DS_LEVEL_##default_level, \
		.doc = meaning, \
		id##_LISTS \
	},
const struct ds_kind_info ds_kinds[DS_EVENT_MAX] = { DS_KIND_LIST(KIND_ROW) };

int64_t ds_key_max(enum ds_key key)
{
	switch (key) {
	case DS_KEY_SOURCE_PORT:
	case DS_KEY_DESTINATION_PORT:
	case DS_KEY_TRAFFIC_PORT:
	case DS_KEY_PHASE_PORT:
	case DS_KEY_TARGET_PORT:
	case DS_KEY_TG_HC_PORT:
		return UINT16_MAX;
	case DS_KEY_TCP_SEQ:
	case DS_KEY_TCP_ACK:
		return UINT32_MAX;
	case DS_KEY_TG_DELAY:
	case DS_KEY_TG_HC_INTERVAL:
	case DS_KEY_GRACE_PERIOD:
		return DS_EVENT_S_MAX;
	case DS_KEY_OPT_SETTLE:
	case DS_KEY_OPT_TAP_MAX:
	case DS_KEY_SOCKET_AGE:
	case DS_KEY_T0_ERROR:
	case DS_KEY_CLOCK_ERROR:
	case DS_KEY_WATCH_LAG:
	case DS_KEY_TAP_ON_MS:
		return DS_EVENT_NS_MAX;
	case DS_KEY_HOP_LIMIT:
	case DS_KEY_TCP_FIRST_BYTE:
	case DS_KEY_ICMP_TYPE:
	case DS_KEY_ICMP_CODE:
		return UINT8_MAX;
	default:
		/* A difference of two times may round up. */
		return ds_keys[key].type == DS_TYPE_MS ? DS_EVENT_TIME_MAX + 1 : INT64_MAX;
	}
}

int ds_kind_parse(const char *name, size_t len)
{
	for (int i = 0; i < DS_EVENT_MAX; i++)
		if (strlen(ds_kinds[i].name) == len && memcmp(ds_kinds[i].name, name, len) == 0)
			return i;
	return -1;
}

void ds_event_init(struct ds_event *ev, enum ds_event_kind kind, int64_t time_ns)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = kind;
	ev->level = ds_kinds[kind].level;
	ev->time_ns = time_ns;
}

/* Rounded as ds_text_ms writes it. */
static int64_t round_ms(int64_t ns)
{
	int64_t rest = ns % 1000;

	if (rest < 0)
		return ns - rest - (rest <= -500 && ns - rest > INT64_MIN + 1000 ? 1000 : 0);
	return ns - rest + (rest >= 500 && ns - rest <= INT64_MAX - 1000 ? 1000 : 0);
}

/* What ds_text_real writes, read again. */
static double round_real(double v)
{
	char text[40];
	struct ds_text t = { .data = text, .cap = sizeof(text) };
	uint64_t n = 0;

	ds_text_real(&t, v);
	for (size_t i = 0; i < t.len; i++)
		if (text[i] >= '0' && text[i] <= '9')
			n = n * 10 + (uint64_t)(text[i] - '0');
	return (double)n / (text[0] == '-' ? -1000.0 : 1000.0);
}

static int64_t clamp(int64_t v, int64_t min, int64_t max)
{
	return v < min ? min : v > max ? max : v;
}

int64_t ds_event_time(int64_t time_ns)
{
	return clamp(time_ns, 0, DS_EVENT_TIME_MAX);
}

/* Makes the value what its line would say; false where the line would not say it at all. */
static bool make_canonical(enum ds_key key, void *value)
{
	switch (ds_keys[key].type) {
	case DS_TYPE_INT:
		*(int64_t *)value = clamp(*(int64_t *)value, 0, ds_key_max(key));
		return true;
	case DS_TYPE_TIME:
		*(int64_t *)value = ds_event_time(*(int64_t *)value);
		return true;
	case DS_TYPE_MS:
		*(int64_t *)value = round_ms(clamp(*(int64_t *)value, -ds_key_max(key),
						   ds_key_max(key)));
		return true;
	case DS_TYPE_REAL:
		*(double *)value = round_real(*(double *)value);
		return true;
	case DS_TYPE_ENUM:
		return *(int *)value >= 0 &&
		       *(int *)value < ds_names[ds_keys[key].names].count;
	case DS_TYPE_STR:
		return *(const char **)value && **(const char **)value;
	case DS_TYPE_ADDR:
		return ds_addr_is_set(value);
	default:
		return true;
	}
}

void ds_kind_keys(enum ds_event_kind kind, uint64_t ret_keys[DS_KEY_WORDS])
{
	memset(ret_keys, 0, DS_KEY_WORDS * sizeof(ret_keys[0]));
	for (const enum ds_key *k = ds_kinds[kind].keys; *k != DS_KEY_MAX; k++)
		ret_keys[*k / 64] |= UINT64_C(1) << *k % 64;
}

void ds_event_canonical_among(struct ds_event *ev, const uint64_t allowed[DS_KEY_WORDS])
{
	ev->time_ns = ds_event_time(ev->time_ns);
	for (int word = 0; word < DS_KEY_WORDS; word++) {
		ev->present[word] &= allowed[word];
		for (uint64_t bits = ev->present[word]; bits; bits &= bits - 1) {
			enum ds_key key = (enum ds_key)(word * 64 + __builtin_ctzll(bits));

			if (!make_canonical(key, (char *)ev + ds_keys[key].offset))
				ev->present[word] &= ~(bits & -bits);
		}
	}
}

void ds_event_canonical(struct ds_event *ev)
{
	uint64_t allowed[DS_KEY_WORDS];

	ds_kind_keys(ev->kind, allowed);
	ds_event_canonical_among(ev, allowed);
}

void ds_event_clear(struct ds_event *ev)
{
	if (!ev)
		return;
	free(ev->text);
	memset(ev, 0, sizeof(*ev));
}
