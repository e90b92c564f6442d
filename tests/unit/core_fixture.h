/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of the core: a core that is fed a story and whose outputs and wishes are kept as
 * copies. Pod n is "web-n" with the address 10.0.3.n and port 8080; the load balancer is 10.0.0.10.
 * Moments are milliseconds since the story's beginning, which falls on a whole second.
 */
#ifndef DS_TESTS_UNIT_CORE_FIXTURE_H
#define DS_TESTS_UNIT_CORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/kept_event.h"
#include "tests/unit/unit.h"
#include "user/core/core.h"
#include "user/core/event_json.h"
#include "user/util/buf.h"
#include "user/util/timefmt.h"

#define FX_BEGIN (INT64_C(1795342500) * DS_NS_PER_S)
#define FX_LB "10.0.0.10"
#define FX_NODE "10.0.0.1"
#define FX_PORT 8080
#define FX_OUT_MAX 4096
#define FX_WISHES_MAX 1024

struct fixture {
	struct ds_core *core;
	struct ds_event out[FX_OUT_MAX];
	int out_cnt;
	struct ds_wish wishes[FX_WISHES_MAX];
	int wishes_cnt;
	struct ds_buf bytes;	/* every output line, as it would be printed */
	struct ds_buf line;
	bool bytes_only;	/* keep no copies: for stories of many lines */
	uint64_t seq;
};

static inline int64_t fx_at(int64_t ms)
{
	return FX_BEGIN + ms * DS_NS_PER_MS;
}

static inline struct ds_addr fx_addr(const char *text)
{
	struct ds_addr a;

	assert_int_equal(ds_addr_parse(text, strlen(text), &a), 0);
	return a;
}

static inline struct ds_addr fx_pod_addr(int n)
{
	return ds_addr_from_v4((const uint8_t[4]){ 10, 0, 3, (uint8_t)n });
}

static inline uint64_t fx_netns(int n)
{
	return UINT64_C(4026532000) + (uint64_t)n;
}

static inline const char *fx_uid(int n)
{
	static char uid[37];

	(void)snprintf(uid, sizeof(uid), "0d5f21a9-4c6e-4a36-9b39-%012d", n);
	return uid;
}

/* As the kubelet names it, with containerd: container c of pod n. */
static inline const char *fx_cgroup(int n, int c)
{
	static char path[256];

	(void)snprintf(
		path, sizeof(path),
		"kubepods.slice/kubepods-burstable.slice/"
		"kubepods-burstable-pod0d5f21a9_4c6e_4a36_9b39_%012d.slice/cri-containerd-%064x.scope",
		n, (unsigned int)c);
	return path;
}

static inline void fx_emit(void *ctx, const struct ds_event *ev)
{
	struct fixture *f = ctx;

	ds_event_write(&f->line, ev, f->seq++);
	ds_buf_put(&f->bytes, f->line.data, f->line.len);
	if (f->bytes_only)
		return;
	assert_true(f->out_cnt < FX_OUT_MAX);
	f->out[f->out_cnt++] = keep_event(ev);
}

static inline void fx_wish(void *ctx, const struct ds_wish *wish)
{
	struct fixture *f = ctx;

	if (f->bytes_only)
		return;
	assert_true(f->wishes_cnt < FX_WISHES_MAX);
	f->wishes[f->wishes_cnt++] = *wish;
}

static inline struct fixture *fx_new_bounded(size_t max_pods, size_t max_flows)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct ds_core_options o = {
		.max_pods = max_pods,
		.max_flows = max_flows,
		.emit = fx_emit,
		.wish = fx_wish,
		.ctx = f,
	};

	assert_non_null(f);
	assert_int_equal(ds_core_new(&f->core, &o), 0);
	return f;
}

static inline void fx_forget_outputs(struct fixture *f)
{
	for (int i = 0; i < f->out_cnt; i++)
		ds_event_clear(&f->out[i]);
	f->out_cnt = f->wishes_cnt = 0;
	ds_buf_clear(&f->bytes);
}

static inline void fx_free(struct fixture *f)
{
	fx_forget_outputs(f);
	ds_buf_free(&f->bytes);
	ds_buf_free(&f->line);
	ds_core_free(&f->core);
	assert_null(f->core);
	free(f);
}

/* ---- a story ---- */

static inline void fx_start(struct fixture *f)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_START, fx_at(0));
	strcpy(ev.run_id, "8f3a61c2");
	DS_SET_STR(&ev, VERSION, version, "test");
	ds_core_feed(f->core, &ev);
}

/* The same with options: times in ms, rate limit 0 = off. */
static inline void fx_start_with(struct fixture *f, int64_t settle_ms, int64_t tap_max_ms,
				 const char *tap, int64_t rate_limit)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_START, fx_at(0));
	strcpy(ev.run_id, "8f3a61c2");
	DS_SET_STR(&ev, VERSION, version, "test");
	DS_SET(&ev, OPT_SETTLE, opt_settle, settle_ms * DS_NS_PER_MS);
	DS_SET(&ev, OPT_TAP_MAX, opt_tap_max, tap_max_ms * DS_NS_PER_MS);
	DS_SET_STR(&ev, OPT_TAP, opt_tap, tap);
	DS_SET(&ev, OPT_RATE_LIMIT, opt_rate_limit, rate_limit);
	ds_core_feed(f->core, &ev);
}

static inline void fx_address(struct fixture *f, enum ds_event_kind kind, const char *address)
{
	struct ds_event ev;

	ds_event_init(&ev, kind, fx_at(0));
	DS_SET_STR(&ev, ADDRESS, address, address);
	ds_core_feed(f->core, &ev);
}

static inline void fx_lb(struct fixture *f)
{
	fx_address(f, DS_EVENT_LB_ADDRESS, FX_LB);
}

/* A pod.state event of pod n, for the test to add to. */
static inline struct ds_event fx_pod_event(int64_t ms, int n)
{
	static char names[256][16], uids[256][37];
	struct ds_event ev;

	(void)snprintf(names[n], sizeof(names[n]), "web-%d", n);
	memcpy(uids[n], fx_uid(n), sizeof(uids[n]));
	ds_event_init(&ev, DS_EVENT_POD_STATE, fx_at(ms));
	DS_SET_STR(&ev, POD_NAMESPACE, pod_namespace, "shop");
	DS_SET_STR(&ev, POD_NAME, pod_name, names[n]);
	DS_SET_STR(&ev, POD_UID, pod_uid, uids[n]);
	DS_SET_STR(&ev, DEPLOYMENT, deployment, "web");
	return ev;
}

static inline void fx_phase(struct fixture *f, int64_t ms, int n, enum ds_phase phase)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET(&ev, PHASE, phase, phase);
	ds_core_feed(f->core, &ev);
}

/* Pod n is ready, at an address of its own or that of another. */
static inline void fx_pod_at(struct fixture *f, int64_t ms, int n, const char *address)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, 30);
	DS_SET_STR(&ev, PRESTOP, prestop, "none");
	ds_core_feed(f->core, &ev);
}

static inline void fx_pod(struct fixture *f, int64_t ms, int n)
{
	char address[DS_ADDR_STRLEN];
	struct ds_addr a = fx_pod_addr(n);

	(void)ds_addr_format(&a, address);
	fx_pod_at(f, ms, n, address);
}

/* Deletion requested: T0 is that moment. */
static inline void fx_terminating(struct fixture *f, int64_t ms, int n)
{
	struct ds_event ev = fx_pod_event(ms, n);

	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(ms));
	DS_SET(&ev, T0_ERROR, t0_error, 0);
	ds_core_feed(f->core, &ev);
}

/* A target.state event of pod n's address, for the test to add to. */
static inline struct ds_event fx_target_event(int64_t ms, int n, enum ds_target_state state)
{
	static char ids[256][DS_ADDR_STRLEN];
	struct ds_addr a = fx_pod_addr(n);
	struct ds_event ev;

	(void)ds_addr_format(&a, ids[n]);
	ds_event_init(&ev, DS_EVENT_TARGET, fx_at(ms));
	DS_SET_STR(&ev, TG_NAME, tg_name, "web");
	DS_SET_STR(&ev, TARGET_ID, target_id, ids[n]);
	DS_SET(&ev, TARGET_PORT, target_port, FX_PORT);
	DS_SET(&ev, TARGET_STATE, target_state, state);
	DS_SET(&ev, TG_DELAY, tg_delay_s, 30);
	DS_SET(&ev, LB_TYPE, lb_type, DS_LB_TYPE_APPLICATION);
	return ev;
}

static inline void fx_target(struct fixture *f, int64_t ms, int n, enum ds_target_state state)
{
	struct ds_event ev = fx_target_event(ms, n, state);

	ds_core_feed(f->core, &ev);
}

static inline void fx_listener(struct fixture *f, int64_t ms, int n, enum ds_socket_change change)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(ms));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SET_STATE);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
	DS_SET(&ev, SOURCE_PORT, source_port, FX_PORT);
	DS_SET(&ev, NETNS, netns, fx_netns(n));
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(n, 1));
	DS_SET(&ev, SOCKET_CHANGE, socket_change, change);
	ds_core_feed(f->core, &ev);
}

/* The load balancer, and pod 1, which has a listener and is healthy. */
static inline void fx_serving(struct fixture *f)
{
	fx_start(f);
	fx_lb(f);
	fx_pod(f, 0, 1);
	fx_listener(f, 10, 1, DS_SOCKET_CHANGE_LISTENING);
	fx_target(f, 20, 1, DS_TARGET_STATE_HEALTHY);
}

static inline void fx_process(struct fixture *f, int64_t ms, int n, int container,
			      enum ds_process_change change, int64_t exit_code)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PROCESS, fx_at(ms));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SIGNAL_GENERATE);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, fx_cgroup(n, container));
	DS_SET(&ev, PROCESS_CHANGE, process_change, change);
	DS_SET(&ev, IS_INIT, is_init, true);
	if (change == DS_PROCESS_CHANGE_EXITED)
		DS_SET(&ev, EXIT_CODE, exit_code, exit_code);
	ds_core_feed(f->core, &ev);
}

static inline void fx_route(struct fixture *f, int64_t not_before_ms, int64_t ms, int n,
			    enum ds_route_change change)
{
	char address[DS_ADDR_STRLEN];
	struct ds_addr a = fx_pod_addr(n);
	struct ds_event ev;

	(void)ds_addr_format(&a, address);
	ds_event_init(&ev, DS_EVENT_ROUTE, fx_at(ms));
	DS_SET(&ev, NOT_BEFORE, not_before, fx_at(not_before_ms));
	DS_SET(&ev, NOT_AFTER, not_after, fx_at(ms));
	DS_SET(&ev, ROUTE_CHANGE, route_change, change);
	DS_SET_STR(&ev, ADDRESS, address, address);
	ds_core_feed(f->core, &ev);
}

static inline void fx_released(struct fixture *f, int64_t ms, int n)
{
	fx_route(f, ms, ms, n, DS_ROUTE_CHANGE_RELEASED);
}

/* One packet between a peer and a pod. Zero members mean: absent, or the usual. */
struct fx_packet {
	int n;			/* the pod */
	const char *peer;	/* NULL = the load balancer */
	int peer_port;
	enum ds_hook hook;
	int scope;		/* DS_SCOPE_ROUTING where 0 */
	const char *flags;	/* NULL = no packet: a socket aborts */
	int64_t seq, payload;
	int first_byte;
	const char *drop_reason, *reset_reason, *location;
	bool from_pod, unaccepted, uplink;
};

static inline struct ds_event fx_packet_event(int64_t ms, const struct fx_packet *p)
{
	struct ds_addr pod = fx_pod_addr(p->n), peer = fx_addr(p->peer ? p->peer : FX_LB);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PACKET, fx_at(ms));
	DS_SET(&ev, HOOK, hook, p->hook);
	DS_SET(&ev, SCOPE, scope, p->scope);
	if (p->scope == DS_SCOPE_POD)
		DS_SET(&ev, NETNS, netns, fx_netns(p->n));
	DS_SET(&ev, DIRECTION, direction,
	       p->from_pod ? DS_DIRECTION_TRANSMIT : DS_DIRECTION_RECEIVE);
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, p->from_pod ? pod : peer);
	DS_SET(&ev, SOURCE_PORT, source_port, p->from_pod ? FX_PORT : p->peer_port);
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, p->from_pod ? peer : pod);
	DS_SET(&ev, DESTINATION_PORT, destination_port, p->from_pod ? p->peer_port : FX_PORT);
	DS_SET_STR(&ev, TCP_FLAGS, tcp_flags, p->flags);
	DS_SET(&ev, TCP_SEQ, tcp_seq, p->seq);
	if (p->payload)
		DS_SET(&ev, TCP_PAYLOAD, tcp_payload_bytes, p->payload);
	if (p->first_byte)
		DS_SET(&ev, TCP_FIRST_BYTE, tcp_first_byte, p->first_byte);
	DS_SET_STR(&ev, DROP_REASON, drop_reason, p->drop_reason);
	DS_SET_STR(&ev, RESET_REASON, reset_reason, p->reset_reason);
	DS_SET_STR(&ev, LOCATION, location, p->location);
	if (p->unaccepted)
		DS_SET(&ev, SOCKET_UNACCEPTED, socket_unaccepted, true);
	if (p->uplink)
		DS_SET(&ev, IFACE_KIND, iface_kind, DS_IFACE_UPLINK);
	return ev;
}

static inline void fx_feed_packet(struct fixture *f, int64_t ms, const struct fx_packet *p)
{
	struct ds_event ev = fx_packet_event(ms, p);

	ds_core_feed(f->core, &ev);
}

#define FX_PACKET(f, ms, ...) fx_feed_packet((f), (ms), &(const struct fx_packet){ __VA_ARGS__ })

/* The kernel refuses a SYN of the load balancer: RST from the pod. */
static inline void fx_refused(struct fixture *f, int64_t ms, int n, int peer_port, int64_t isn)
{
	FX_PACKET(f, ms, .n = n, .peer_port = peer_port, .hook = DS_HOOK_SEND_RESET,
		  .scope = DS_SCOPE_POD, .flags = "SYN", .seq = isn, .reset_reason = "NO_SOCKET");
}

/* A SYN of the load balancer that died on the node. */
static inline void fx_syn_died(struct fixture *f, int64_t ms, int n, int peer_port, int64_t isn)
{
	FX_PACKET(f, ms, .n = n, .peer_port = peer_port, .hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
		  .seq = isn, .drop_reason = "NEIGH_FAILED");
}

/* A SYN of the load balancer that the tap saw. */
static inline void fx_syn_seen(struct fixture *f, int64_t ms, int n, int peer_port, int64_t isn)
{
	FX_PACKET(f, ms, .n = n, .peer_port = peer_port, .hook = DS_HOOK_TAP_RX, .flags = "SYN",
		  .seq = isn);
}

/* A connection of the load balancer at the pod's socket. */
struct fx_closing {
	int n;
	const char *peer;
	int peer_port;
	bool outstanding, by_peer;
	int64_t received;		/* bytes */
	int64_t last_payload_ms;
	int64_t age_ms;			/* 0 = older than the run */
	int hops;			/* 0 = not told */
};

static inline struct ds_event fx_socket_event(int64_t ms, int n, const char *peer, int peer_port,
					      enum ds_socket_change change)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, fx_at(ms));
	DS_SET(&ev, HOOK, hook, DS_HOOK_SET_STATE);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	DS_SET(&ev, NETNS, netns, fx_netns(n));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_pod_addr(n));
	DS_SET(&ev, SOURCE_PORT, source_port, FX_PORT);
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_addr(peer ? peer : FX_LB));
	DS_SET(&ev, DESTINATION_PORT, destination_port, peer_port);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, change);
	return ev;
}

static inline void fx_accepted(struct fixture *f, int64_t ms, int n, int peer_port)
{
	struct ds_event ev = fx_socket_event(ms, n, NULL, peer_port, DS_SOCKET_CHANGE_ACCEPTED);

	ds_core_feed(f->core, &ev);
}

static inline void fx_feed_closing(struct fixture *f, int64_t ms, const struct fx_closing *c)
{
	struct ds_event ev =
		fx_socket_event(ms, c->n, c->peer, c->peer_port, DS_SOCKET_CHANGE_CLOSING);

	DS_SET(&ev, REQUEST_OUTSTANDING, request_outstanding, c->outstanding);
	DS_SET(&ev, PEER_CLOSED_FIRST, peer_closed_first, c->by_peer);
	DS_SET(&ev, RECEIVED_BYTES, received_bytes, c->received);
	if (c->last_payload_ms)
		DS_SET(&ev, LAST_PAYLOAD_AT, last_payload_at, fx_at(c->last_payload_ms));
	if (c->hops)
		DS_SET(&ev, HOP_LIMIT, hop_limit, c->hops);
	if (c->age_ms)
		DS_SET(&ev, SOCKET_AGE, socket_age, c->age_ms * DS_NS_PER_MS);
	ds_core_feed(f->core, &ev);
}

#define FX_CLOSING(f, ms, ...) fx_feed_closing((f), (ms), &(const struct fx_closing){ __VA_ARGS__ })

/* A sample of the counters of pod n's port and one peer; 0 = that counter is not told. */
struct fx_traffic {
	int n;
	const char *peer;	/* NULL = the load balancer */
	int port;		/* 0 = FX_PORT */
	int64_t accepted, segments, empty;
	int64_t idle_close_ms;	/* 0 = absent */
};

static inline void fx_feed_traffic(struct fixture *f, int64_t ms, const struct fx_traffic *t)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TRAFFIC, fx_at(ms));
	DS_SET_ADDR(&ev, SOURCE_ADDRESS, source, fx_addr(t->peer ? t->peer : FX_LB));
	DS_SET_ADDR(&ev, DESTINATION_ADDRESS, destination, fx_pod_addr(t->n));
	DS_SET(&ev, NETNS, netns, fx_netns(t->n));
	DS_SET(&ev, TRAFFIC_PORT, traffic_port, t->port ? t->port : FX_PORT);
	if (t->accepted > 0) {
		DS_SET(&ev, TRAFFIC_ACCEPTED, traffic_accepted, t->accepted);
		DS_SET(&ev, LAST_ACCEPTED_AT, last_accepted_at, fx_at(ms));
	}
	if (t->segments > 0) {
		DS_SET(&ev, TRAFFIC_SEGMENTS, traffic_segments, t->segments);
		/* Some time ago: it moves no tail. */
		DS_SET(&ev, LAST_TRAFFIC_PAYLOAD_AT, last_traffic_payload_at, fx_at(1));
	}
	if (t->empty > 0)
		DS_SET(&ev, TRAFFIC_EMPTY, traffic_empty, t->empty);
	if (t->idle_close_ms)
		DS_SET(&ev, IDLE_CLOSE, idle_close, t->idle_close_ms * DS_NS_PER_MS);
	ds_core_feed(f->core, &ev);
}

#define FX_TRAFFIC(f, ms, ...) fx_feed_traffic((f), (ms), &(const struct fx_traffic){ __VA_ARGS__ })

static inline void fx_loss(struct fixture *f, int64_t ms, enum ds_loss_stage stage, int64_t cnt)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LOSS, fx_at(ms));
	DS_SET(&ev, LOSS_STAGE, loss_stage, stage);
	if (cnt)
		DS_SET(&ev, LOSS_COUNT, loss_count, cnt);
	ds_core_feed(f->core, &ev);
}

static inline void fx_tick(struct fixture *f, int64_t ms)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, fx_at(ms));
	ds_core_feed(f->core, &ev);
}

/* Time passes: a tick every second, as the live run gives them. */
static inline void fx_ticks(struct fixture *f, int64_t from_ms, int64_t until_ms)
{
	for (int64_t ms = from_ms; ms <= until_ms; ms += 1000)
		fx_tick(f, ms);
}

static inline void fx_final(struct fixture *f, int64_t ms)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TICK, fx_at(ms));
	DS_SET(&ev, FINAL, final, true);
	ds_core_feed(f->core, &ev);
}

/* ---- what came of it ---- */

static inline int fx_count(const struct fixture *f, enum ds_event_kind kind)
{
	int cnt = 0;

	for (int i = 0; i < f->out_cnt; i++)
		cnt += f->out[i].kind == kind;
	return cnt;
}

/* The i-th output of a kind, from 0. Fails the test when there is none. */
static inline const struct ds_event *fx_nth(const struct fixture *f, enum ds_event_kind kind, int i)
{
	for (int k = 0; k < f->out_cnt; k++)
		if (f->out[k].kind == kind && i-- == 0)
			return &f->out[k];
	fail_msg("no such %s", ds_kinds[kind].name);
	return NULL;
}

/* The only output of a kind. */
static inline const struct ds_event *fx_only(const struct fixture *f, enum ds_event_kind kind)
{
	assert_int_equal(fx_count(f, kind), 1);
	return fx_nth(f, kind, 0);
}

/* The last wish about the tap: 1 on, 0 off, -1 none. */
static inline int fx_tap(const struct fixture *f)
{
	int on = -1;

	for (int i = 0; i < f->wishes_cnt; i++)
		if (f->wishes[i].kind == DS_WISH_TAP)
			on = f->wishes[i].tap_on;
	return on;
}

/* The flags of the last wish to watch pod n's address; -1 = none, -2 = unwatched. */
static inline int fx_watch(const struct fixture *f, int n)
{
	struct ds_addr a = fx_pod_addr(n);
	int flags = -1;

	for (int i = 0; i < f->wishes_cnt; i++) {
		if (f->wishes[i].kind > DS_WISH_UNWATCH || !ds_addr_equal(&f->wishes[i].addr, &a))
			continue;
		flags = f->wishes[i].kind == DS_WISH_WATCH ? (int)f->wishes[i].watch_flags : -2;
	}
	return flags;
}

static inline int fx_setup(void **state)
{
	struct fixture *f = fx_new_bounded(0, 0);

	*state = f;
	return 0;
}

static inline int fx_teardown(void **state)
{
	fx_free(*state);
	return 0;
}

#define FX_TEST(fn) cmocka_unit_test_setup_teardown(fn, fx_setup, fx_teardown)

#endif
