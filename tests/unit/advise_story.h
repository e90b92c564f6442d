/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of advice: whole lives of pods of one workload, one after the other.
 */
#ifndef DS_TESTS_UNIT_ADVISE_STORY_H
#define DS_TESTS_UNIT_ADVISE_STORY_H

#include "tests/unit/core_fixture.h"
#include "user/core/state.h"

#define S 1000	/* ms */

struct life {
	int n;
	int64_t begin_ms;
	int64_t tail_ms;		/* last arrival after T0; -1 = none */
	int64_t t0_error_ms;
	int64_t stop_ms;		/* from SIGTERM to exit */
	int exit_code;
	int lost;			/* connections lost, the last of them at the tail */
	int64_t arrivals;		/* of the load balancer, until T0 */
	bool target;			/* it is a target */
	bool ignores_sigterm, by_sigterm;	/* by_sigterm: only that tells T0 */
	int64_t sigterm_ms;		/* after T0 */
	int64_t sigkill_ms;		/* after T0, 0 = none */
	int64_t listens_ms;		/* until then after T0, 0 = no listener is told */
	const char *prestop;		/* NULL = none */
	int64_t grace_s;		/* 0 = 30 */
	int trigger;			/* enum ds_trigger, 0 = none is told */
};

static inline void start(struct fixture *f)
{
	fx_start_with(f, 10 * S, 900 * S, "auto", 0);
	fx_lb(f);
}

/* A pod is ready at begin, T0 comes a second later, and so on until it is gone. */
static inline int64_t live(struct fixture *f, const struct life *l)
{
	int64_t t0 = l->begin_ms + S, end = t0 + 100 * S;
	struct ds_event ev = fx_pod_event(l->begin_ms, l->n);
	char address[DS_ADDR_STRLEN];
	struct ds_addr a = fx_pod_addr(l->n);

	(void)ds_addr_format(&a, address);
	DS_SET_STR(&ev, POD_ADDRESSES, pod_addresses, address);
	DS_SET_STR(&ev, POD_PORTS, pod_ports, "8080");
	DS_SET(&ev, PHASE, phase, DS_PHASE_READY);
	DS_SET(&ev, GRACE_PERIOD, grace_period_s, l->grace_s ? l->grace_s : 30);
	DS_SET_STR(&ev, PRESTOP, prestop, l->prestop ? l->prestop : "none");
	ds_core_feed(f->core, &ev);
	if (l->target)
		fx_target(f, l->begin_ms, l->n, DS_TARGET_STATE_HEALTHY);
	if (l->listens_ms)
		fx_listener(f, l->begin_ms, l->n, DS_SOCKET_CHANGE_LISTENING);
	if (l->arrivals)
		FX_TRAFFIC(f, t0, .n = l->n, .accepted = l->arrivals);
	ev = fx_pod_event(t0, l->n);
	DS_SET(&ev, PHASE, phase, DS_PHASE_TERMINATING);
	DS_SET(&ev, T0, t0, fx_at(t0));
	DS_SET(&ev, T0_ERROR, t0_error, l->t0_error_ms * DS_NS_PER_MS);
	if (l->trigger)
		DS_SET(&ev, TRIGGER, trigger, l->trigger);
	if (l->by_sigterm)
		DS_SET(&ev, T0_SOURCE, t0_source, DS_T0_SOURCE_SIGTERM);
	ds_core_feed(f->core, &ev);
	fx_process(f, t0 + l->sigterm_ms, l->n, 1,
		   l->ignores_sigterm ? DS_PROCESS_CHANGE_SIGTERM_IGNORED :
					DS_PROCESS_CHANGE_SIGTERM,
		   0);
	for (int i = 0; i < l->lost; i++)
		fx_refused(f, t0 + l->tail_ms, l->n, 1000 + i, i);
	if (l->tail_ms >= 0 && !l->lost)
		FX_CLOSING(f, t0 + l->tail_ms, .n = l->n, .peer_port = 1, .by_peer = true,
			   .received = 9, .last_payload_ms = t0 + l->tail_ms, .age_ms = 500);
	if (l->sigkill_ms)
		fx_process(f, t0 + l->sigkill_ms, l->n, 1, DS_PROCESS_CHANGE_SIGKILL, 0);
	if (l->listens_ms)
		fx_listener(f, t0 + l->listens_ms, l->n, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	fx_process(f, t0 + l->sigterm_ms + l->stop_ms, l->n, 1, DS_PROCESS_CHANGE_EXITED,
		   l->exit_code);
	fx_phase(f, end, l->n, DS_PHASE_DELETED);
	fx_tick(f, end + 10 * S);
	return end + 11 * S;
}

#define LIVE(f, ...) live((f), &(const struct life){ __VA_ARGS__ })

static inline int advices(struct fixture *f)
{
	return fx_count(f, DS_EVENT_ADVICE);
}

static inline const struct ds_event *advice(struct fixture *f, int i)
{
	return fx_nth(f, DS_EVENT_ADVICE, i);
}

/* A rollout of one pod; pods 1, 2, 3 ... in turn. */
static inline void roll(struct fixture *f, struct life l)
{
	static int64_t begin;

	l.n = fx_count(f, DS_EVENT_VERDICT) + 1;
	l.begin_ms = begin = l.n == 1 ? 0 : begin;
	begin = live(f, &l);
}

#define ROLL(f, ...) roll((f), (struct life){ __VA_ARGS__ })

/* Some lives have a name, and a case says what is different. */
#pragma GCC diagnostic ignored "-Woverride-init"

#endif
