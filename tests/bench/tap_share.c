// SPDX-License-Identifier: Apache-2.0
/*
 * The share of time for which the tap is on, by the core's own rule, in an hour of a node's life:
 * each line is an hour of events fed to a core, and what it wished. Exit status 1 where pods that
 * serve nothing switched it on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "user/core/core.h"
#include "user/util/timefmt.h"

#define BEGIN (INT64_C(1795342500) * DS_NS_PER_S)
#define HOUR_S 3600
#define PODS 60			/* that end in the hour, one a minute */
#define TICK_NS (250 * DS_NS_PER_MS)
#define LIFE_S 20		/* of a Job's pod */

enum kind { JOB, LISTENING_JOB, SERVED };

struct hour {
	struct ds_core *core;
	const char *name;
	enum kind kind;
	bool lb_unknown;		/* nobody told the load balancer's addresses */
	int64_t delay_s;		/* deregistration delay of served pods */
	int64_t on_ns, since_ns;	/* the tap; since 0 = off */
	int64_t now_ns;
	int attached;
};

static void emit(void *ctx, const struct ds_event *ev)
{
	(void)ctx;
	(void)ev;
}

static void wish(void *ctx, const struct ds_wish *w)
{
	struct hour *h = ctx;

	if (w->kind != DS_WISH_TAP)
		return;
	h->attached += w->tap_on;
	if (h->since_ns)
		h->on_ns += h->now_ns - h->since_ns;
	h->since_ns = w->tap_on ? h->now_ns : 0;
}

/* Pod n of the hour; a quarter of a class C of addresses goes round. */
struct names {
	char uid[40], name[32], address[DS_ADDR_STRLEN], cgroup[160];
};

static struct names names_of(int n)
{
	struct names s;

	(void)snprintf(s.uid, sizeof(s.uid), "0d5f21a9-4c6e-4a36-9b39-%012d", n);
	(void)snprintf(s.name, sizeof(s.name), "pod-%d", n);
	(void)snprintf(s.address, sizeof(s.address), "10.0.3.%d", 1 + n % 64);
	(void)snprintf(s.cgroup, sizeof(s.cgroup),
		       "kubepods-pod0d5f21a9_4c6e_4a36_9b39_%012d.slice/cri-containerd-%064x.scope",
		       n, 1u);
	return s;
}

static void state(struct hour *h, int n, enum ds_phase phase)
{
	struct names s = names_of(n);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_POD_STATE, h->now_ns);
	DS_SET_STR(&ev, POD_UID, pod_uid, s.uid);
	DS_SET_STR(&ev, POD_NAME, pod_name, s.name);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, s.address);
	DS_SET(&ev, PHASE, phase, phase);
	if (h->kind == SERVED)
		DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	else
		DS_SET_STR(&ev, JOB, job, "report");
	ds_core_feed(h->core, &ev);
}

static void process(struct hour *h, int n, enum ds_process_change change)
{
	struct names s = names_of(n);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_PROCESS, h->now_ns);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, s.cgroup);
	DS_SET(&ev, PROCESS_CHANGE, process_change, change);
	DS_SET(&ev, IS_INIT, is_init, true);
	ds_core_feed(h->core, &ev);
}

static void listener(struct hour *h, int n, enum ds_socket_change change)
{
	struct names s = names_of(n);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_SOCKET, h->now_ns);
	DS_SET(&ev, SCOPE, scope, DS_SCOPE_POD);
	DS_SET_STR(&ev, NETWORK_TYPE, network_type, "ipv4");
	DS_SET(&ev, SOURCE_PORT, source_port, 8080);
	DS_SET_STR(&ev, CGROUP_PATH, cgroup_path, s.cgroup);
	DS_SET(&ev, SOCKET_CHANGE, socket_change, change);
	ds_core_feed(h->core, &ev);
}

static void target(struct hour *h, int n, enum ds_target_state to)
{
	struct names s = names_of(n);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_TARGET, h->now_ns);
	DS_SET_STR(&ev, TG_NAME, tg_name, "web");
	DS_SET_STR(&ev, TARGET_ID, target_id, s.address);
	DS_SET(&ev, TARGET_PORT, target_port, 8080);
	DS_SET(&ev, TARGET_STATE, target_state, to);
	DS_SET(&ev, TG_DELAY, tg_delay_s, h->delay_s);
	ds_core_feed(h->core, &ev);
}

static void load_balancer(struct hour *h)
{
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_LB_ADDRESS, h->now_ns);
	DS_SET_STR(&ev, ADDRESS, address, "10.0.8.1");
	ds_core_feed(h->core, &ev);
}

static void released(struct hour *h, int n)
{
	struct names s = names_of(n);
	struct ds_event ev;

	ds_event_init(&ev, DS_EVENT_ROUTE, h->now_ns);
	DS_SET(&ev, ROUTE_CHANGE, route_change, DS_ROUTE_CHANGE_RELEASED);
	DS_SET(&ev, ROUTE_BY, route_by, DS_ROUTE_BY_ROUTE);
	DS_SET_STR(&ev, ADDRESS, address, s.address);
	ds_core_feed(h->core, &ev);
}

/* A Job's pod, `age` seconds after its start: it ends by itself; every other one is cleaned up. */
static void job(struct hour *h, int n, int64_t age)
{
	bool listens = h->kind == LISTENING_JOB;

	if (age == 0)
		state(h, n, DS_PHASE_READY);
	if (age == 1 && listens)
		listener(h, n, DS_SOCKET_CHANGE_LISTENING);
	if (age == LIFE_S && listens)
		listener(h, n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	if (age == LIFE_S)
		process(h, n, DS_PROCESS_CHANGE_EXITED);
	if (age == LIFE_S + 1)
		released(h, n);
	if (age == LIFE_S + 2)
		state(h, n, n % 2 ? DS_PHASE_TERMINATING : DS_PHASE_DELETED);
	if (age == LIFE_S + 3 && n % 2)
		state(h, n, DS_PHASE_DELETED);
}

/* A served pod, `age` seconds after its start; it is deleted a minute later. */
static void served(struct hour *h, int n, int64_t age)
{
	if (age == 0) {
		state(h, n, DS_PHASE_READY);
		listener(h, n, DS_SOCKET_CHANGE_LISTENING);
		target(h, n, DS_TARGET_STATE_HEALTHY);
	}
	if (age == 60)
		state(h, n, DS_PHASE_TERMINATING);
	if (age == 61)
		target(h, n, DS_TARGET_STATE_DRAINING);
	if (age == 75) {
		process(h, n, DS_PROCESS_CHANGE_SIGTERM);
		listener(h, n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
		process(h, n, DS_PROCESS_CHANGE_EXITED);
	}
	if (age == 76) {
		released(h, n);
		state(h, n, DS_PHASE_DELETED);
	}
	if (age == 61 + h->delay_s)
		target(h, n, DS_TARGET_STATE_UNUSED);
}

static void second(struct hour *h, int64_t s)
{
	for (int n = 0; n < PODS; n++) {
		int64_t age = s - (int64_t)n * (HOUR_S / PODS);

		if (age >= 0 && h->kind == SERVED)
			served(h, n, age);
		else if (age >= 0)
			job(h, n, age);
	}
}

/* 0, or -ENOMEM. */
static int play(struct hour *h)
{
	struct ds_core_options o = { .emit = emit, .wish = wish, .ctx = h };
	struct ds_event ev;
	int r = ds_core_new(&h->core, &o);

	if (r)
		return r;
	h->now_ns = BEGIN;
	ds_event_init(&ev, DS_EVENT_START, BEGIN);
	DS_SET_STR(&ev, VERSION, version, DS_VERSION);
	ds_core_feed(h->core, &ev);
	if (!h->lb_unknown)
		load_balancer(h);
	for (int64_t i = 0; i <= HOUR_S * DS_NS_PER_S / TICK_NS; i++) {
		h->now_ns = BEGIN + i * TICK_NS;
		if (i * TICK_NS % DS_NS_PER_S == 0)
			second(h, i * TICK_NS / DS_NS_PER_S);
		ds_event_init(&ev, DS_EVENT_TICK, h->now_ns);
		ds_core_feed(h->core, &ev);
	}
	if (h->since_ns)
		h->on_ns += h->now_ns - h->since_ns;
	ds_core_free(&h->core);
	return 0;
}

int main(void)
{
	struct hour hours[] = {
		{ .name = "60 Job pods, no listener, no target", .kind = JOB },
		{ .name = "60 Job pods with a metrics port", .kind = LISTENING_JOB },
		{ .name = "the same, load balancer not known", .kind = LISTENING_JOB, .lb_unknown = true },
		{ .name = "60 served pods, delay 30 s", .kind = SERVED, .delay_s = 30 },
		{ .name = "60 served pods, delay 300 s", .kind = SERVED, .delay_s = 300 },
	};

	printf("%-40s %8s %9s %7s\n", "AN HOUR WITH", "ATTACHED", "ON", "SHARE");
	for (size_t i = 0; i < sizeof(hours) / sizeof(hours[0]); i++) {
		struct hour *h = &hours[i];

		if (play(h))
			return 1;
		printf("%-40s %8d %7.1f s %5.2f %%\n", h->name, h->attached,
		       (double)h->on_ns / DS_NS_PER_S,
		       (double)h->on_ns / DS_NS_PER_S / HOUR_S * 100);
	}
	return hours[0].attached || hours[0].on_ns || hours[1].attached || hours[1].on_ns;
}
