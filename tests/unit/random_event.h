/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: random events of every kind, as a file from a stranger may hold them: within what a
 * line may say and what its kind requires, and otherwise without sense. Few addresses, ports and
 * names, so that they meet each other. The same seed gives the same events.
 */
#ifndef DS_TESTS_UNIT_RANDOM_EVENT_H
#define DS_TESTS_UNIT_RANDOM_EVENT_H

#include "tests/unit/core_fixture.h"

struct random_events {
	uint64_t state;
	int64_t now_ns;
	bool wild;	/* times and numbers at the ends of their ranges too */
};

static inline uint32_t random_next(struct random_events *r)
{
	/* PCG, O'Neill: good enough, and the same everywhere. */
	uint32_t x, rot;

	r->state = r->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	x = (uint32_t)(((r->state >> 18) ^ r->state) >> 27);
	rot = (uint32_t)(r->state >> 59);
	return x >> rot | x << (-rot & 31);
}

static inline uint32_t random_below(struct random_events *r, uint32_t n)
{
	return random_next(r) % n;
}

static inline struct ds_addr random_addr(struct random_events *r)
{
	static const char *const others[] = {
		FX_LB, FX_NODE, "10.0.9.9", "fd00::1", "fd00::2", "127.0.0.1",
	};

	return random_below(r, 2) ? fx_pod_addr(1 + (int)random_below(r, 4)) :
				    fx_addr(others[random_below(r, 6)]);
}

static inline int64_t random_time(struct random_events *r)
{
	switch (random_below(r, r->wild ? 12 : 10)) {
	case 10:
		return 0;
	case 11:
		return DS_EVENT_TIME_MAX;
	default:
		return r->now_ns + ((int64_t)random_below(r, 40000) - 20000) * DS_NS_PER_MS;
	}
}

static inline int64_t random_number(struct random_events *r, enum ds_key key)
{
	static const int64_t few[] = { 0, 1, 8080, 443, 40000, 40001, 7, 30, 60, 1000 };
	int64_t v = few[random_below(r, 10)];

	if (r->wild && random_below(r, 8) == 0)
		v = ds_key_max(key);
	return v < ds_key_max(key) ? v : ds_key_max(key);
}

/* Three pods with cgroups, and many that come and go. */
static inline const char *random_uid(struct random_events *r)
{
	static char uids[64][128];
	uint32_t i = random_below(r, 64);

	if (random_below(r, 2))
		i = random_below(r, 3);
	if (i < 3)
		(void)snprintf(uids[i], sizeof(uids[i]), "0d5f21a9-4c6e-4a36-9b39-%012u", i + 1);
	else	/* also longer than any that Kubernetes gives */
		(void)snprintf(uids[i], sizeof(uids[i]), "uid-%0*u", i % 2 ? 4 : 100, i);
	return uids[i];
}

static inline const char *random_text(struct random_events *r, enum ds_key key)
{
	static const char *const addresses[] = {
		"10.0.3.1", "10.0.3.2,fd00::1", "10.0.3.3, 10.0.3.4",
		"10.0.3.4", "10.0.0.10",        "10.0.0.0/28",
		"::/0",     "nobody",           ","
	};
	static const char *const ports[] = { "8080", "8080,443", "0,65536", "443,,x", "1" };
	static const char *const flags[] = { "SYN",     "SYN|ACK", "ACK",     "PSH|ACK",
					     "FIN|ACK", "RST",     "RST|ACK", "?" };
	static const char *const reasons[] = { "NEIGH_FAILED",        "IP_RPFILTER",
					       "NETFILTER_DROP",      "XDP",
					       "TCP_LISTEN_OVERFLOW", "NO_SOCKET",
					       "NOT_SPECIFIED",       "INVALID_SYN",
					       "TCP_ABORT_ON_CLOSE" };
	static const char *const locations[] = { "neigh_invalidate", "dst_discard",
						 "cookie_v4_check", "else" };
	static const char *const names[] = {
		"web-1",  "web-2",   "shop",
		"web",    "sleep:5", "none",
		"always", "ipv6",    "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/web/1"
	};
	static const char *const cgroups[] = {
		"kubepods/pod0d5f21a9-4c6e-4a36-9b39-000000000001/aa",
		"kubepods/pod0d5f21a9-4c6e-4a36-9b39-000000000002/bb",
		"kubepods/pod0d5f21a9-4c6e-4a36-9b39-000000000003/cc", "/"
	};
#define RANDOM_OF(list) list[random_below(r, sizeof(list) / sizeof((list)[0]))]
	switch (key) {
	case DS_KEY_ADDRESS:
	case DS_KEY_POD_ADDRESSES:
	case DS_KEY_TARGET_ID:
		return RANDOM_OF(addresses);
	case DS_KEY_POD_PORTS:
		return RANDOM_OF(ports);
	case DS_KEY_TCP_FLAGS:
		return RANDOM_OF(flags);
	case DS_KEY_DROP_REASON:
	case DS_KEY_RESET_REASON:
		return RANDOM_OF(reasons);
	case DS_KEY_LOCATION:
		return RANDOM_OF(locations);
	case DS_KEY_CGROUP_PATH:
		return RANDOM_OF(cgroups);
	case DS_KEY_POD_UID:
		return random_uid(r);
	default:
		return RANDOM_OF(names);
	}
#undef RANDOM_OF
}

static inline void random_set(struct random_events *r, struct ds_event *ev, enum ds_key key)
{
	void *p = (char *)ev + ds_keys[key].offset;

	switch (ds_keys[key].type) {
	case DS_TYPE_STR:
		*(const char **)p = random_text(r, key);
		break;
	case DS_TYPE_INT:
		*(int64_t *)p = random_number(r, key);
		break;
	case DS_TYPE_U64:
		*(uint64_t *)p = r->wild && random_below(r, 8) == 0 ? UINT64_MAX :
								      random_below(r, 5);
		break;
	case DS_TYPE_BOOL:
		*(bool *)p = random_below(r, 2);
		break;
	case DS_TYPE_TIME:
		*(int64_t *)p = random_time(r);
		break;
	case DS_TYPE_MS:
		*(int64_t *)p = (int64_t)random_below(r, 90000) * DS_NS_PER_MS;
		if (r->wild && random_below(r, 6) == 0)
			*(int64_t *)p = random_below(r, 2) ? ds_key_max(key) : -ds_key_max(key);
		break;
	case DS_TYPE_REAL:
		*(double *)p = random_below(r, 100) / 100.0;
		break;
	case DS_TYPE_ENUM:
		*(int *)p = (int)random_below(r, (uint32_t)ds_names[ds_keys[key].names].count);
		break;
	case DS_TYPE_ADDR:
		*(struct ds_addr *)p = random_addr(r);
		break;
	default:
		break;
	}
	ds_event_mark(ev, key);
}

/* Mostly evidence, some life of pods and targets, now and then anything. */
static inline enum ds_event_kind random_kind(struct random_events *r)
{
	static const enum ds_event_kind often[] = {
		DS_EVENT_PACKET, DS_EVENT_PACKET, DS_EVENT_PACKET,  DS_EVENT_PACKET,
		DS_EVENT_SOCKET, DS_EVENT_SOCKET, DS_EVENT_PROCESS, DS_EVENT_POD_STATE,
		DS_EVENT_TARGET, DS_EVENT_ROUTE,  DS_EVENT_TRAFFIC, DS_EVENT_TICK,
	};

	return random_below(r, 12) ? often[random_below(r, 12)] :
				     (enum ds_event_kind)random_below(r, DS_EVENT_MAX);
}

/* What makes sense more often than chance: a pod with an address, the balancer's packets to it. */
static inline void random_sense(struct random_events *r, struct ds_event *ev)
{
	bool from_pod = ev->kind == DS_EVENT_SOCKET || random_below(r, 3) == 0;

	if (ev->kind == DS_EVENT_POD_STATE && random_below(r, 2)) {
		DS_SET_STR(ev, POD_UID, pod_uid, random_uid(r));
		DS_SET_STR(ev, POD_ADDRESSES, pod_addresses, random_text(r, DS_KEY_POD_ADDRESSES));
		DS_SET(ev, PHASE, phase,
		       random_below(r, 4) ? DS_PHASE_READY : DS_PHASE_TERMINATING);
	}
	if ((ev->kind != DS_EVENT_PACKET && ev->kind != DS_EVENT_SOCKET) || random_below(r, 3) == 0)
		return;
	DS_SET_ADDR(ev, SOURCE_ADDRESS, source, fx_addr(FX_LB));
	DS_SET_ADDR(ev, DESTINATION_ADDRESS, destination, fx_pod_addr(1 + (int)random_below(r, 4)));
	DS_SET(ev, SOURCE_PORT, source_port, 40000 + random_below(r, 8));
	DS_SET(ev, DESTINATION_PORT, destination_port, FX_PORT);
	DS_SET(ev, SCOPE, scope, DS_SCOPE_ROUTING);
	if (from_pod) {
		struct ds_addr pod = ev->destination;

		DS_SET_ADDR(ev, DESTINATION_ADDRESS, destination, ev->source);
		DS_SET_ADDR(ev, SOURCE_ADDRESS, source, pod);
		DS_SET(ev, DESTINATION_PORT, destination_port, ev->source_port);
		DS_SET(ev, SOURCE_PORT, source_port, FX_PORT);
	}
}

static inline void random_event(struct random_events *r, struct ds_event *ev)
{
	enum ds_event_kind kind = random_kind(r);
	const struct ds_kind_info *info = &ds_kinds[kind];

	r->now_ns += (int64_t)random_below(r, 100) * 20 * DS_NS_PER_MS;
	ds_event_init(ev, kind, random_below(r, 20) ? r->now_ns : random_time(r));
	memcpy(ev->run_id, "8f3a61c2", sizeof(ev->run_id));
	ev->late = random_below(r, 50) == 0;
	for (const enum ds_key *k = info->keys; *k != DS_KEY_MAX; k++)
		if (*k != DS_KEY_FINAL && random_below(r, 3))
			random_set(r, ev, *k);
	for (const enum ds_key *k = info->required; *k != DS_KEY_MAX; k++)
		random_set(r, ev, *k);
	if (*info->any_of != DS_KEY_MAX)
		random_set(r, ev, info->any_of[0]);
	random_sense(r, ev);
	ds_event_canonical(ev);		/* nothing in it that a line could not say */
}

#endif
