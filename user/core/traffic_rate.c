/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often each address of the load balancer sends to a pod, from samples of the kernel's
 * counters. A shorter preStop needs that as evidence: whether an address that had not heard of the
 * drain would have been seen (DESIGN section 8). Counted are accepted connections that carried
 * payload, and the payload segments beyond the first of those that ended, in periods of five
 * minutes: how busy the pod was long ago says nothing of its end. Pure.
 */
#include "user/core/drop.h"
#include "user/core/state.h"

#define PERIOD_NS (300 * DS_NS_PER_S)
#define ARRIVALS_MAX (INT64_C(1) << 40)	/* counters come from outside: sums must fit */
#define NLB_CHECKERS 3	/* its nodes agree on health: each target is checked by several of them */

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t earliest(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Below 0 for a moment, where what came empty is told before that it was accepted. */
static int64_t within(int64_t arrivals)
{
	return latest(earliest(arrivals, ARRIVALS_MAX), -ARRIVALS_MAX);
}

/* Samples after T0 belong to its period: what came then must not push out what came before. */
static int64_t period_of(const struct ds_pod *pod, int64_t at_ns)
{
	return (ds_pod_is_going(pod) ? earliest(at_ns, pod->t0_ns) : at_ns) / PERIOD_NS;
}

/* ---- a sample ---- */

static struct ds_pod_balancer *balancer_of(struct ds_pod *pod, const struct ds_event *ev)
{
	struct ds_pod_balancer *b, *oldest = NULL;
	uint16_t port = (uint16_t)ev->traffic_port;

	for (int i = 0; i < pod->balancers_cnt; i++) {
		b = &pod->balancers[i];
		if (b->port == port && ds_addr_equal(&b->addr, &ev->source))
			return b;
		if (!oldest || b->period < oldest->period)
			oldest = b;
	}
	b = DS_POD_ADD(pod->balancers, pod->balancers_cnt, DS_POD_BALANCERS_MAX);
	if (!b && oldest && oldest->period < period_of(pod, ev->time_ns) - 1)
		b = oldest;	/* silent for longer than it would count */
	if (!b)
		return NULL;
	*b = (struct ds_pod_balancer){ .addr = ev->source, .port = port,
				       .period = period_of(pod, ev->time_ns),
				       .first_ns = ev->time_ns };
	if (ds_event_has(ev, DS_KEY_LAST_ACCEPTED_AT))
		b->first_ns = earliest(b->first_ns, ev->last_accepted_at);
	else
		b->first_ns = 0;	/* it has connections older than the run, and no others */
	return b;
}

/* How much a counter grew; the kernel's entry may have been made anew. */
static int64_t growth(int64_t *known, bool has, int64_t now)
{
	int64_t before = *known;

	if (!has)
		return 0;
	*known = now;
	return earliest(now >= before ? now - before : now, ARRIVALS_MAX);
}

void ds_traffic_rate_sample(struct ds_pod *pod, const struct ds_event *ev, bool is_traffic)
{
	bool has_accepted = ds_event_has(ev, DS_KEY_TRAFFIC_ACCEPTED);
	bool has_segments = ds_event_has(ev, DS_KEY_TRAFFIC_SEGMENTS);
	bool counted = has_accepted || has_segments ||
		       ds_event_has(ev, DS_KEY_LAST_TRAFFIC_PAYLOAD_AT);
	struct ds_pod_balancer *b = counted ? balancer_of(pod, ev) : NULL;
	int64_t period = period_of(pod, ev->time_ns), more;

	if (!counted)
		return;		/* only SYNs, which the tap saw */
	if (!b) {
		pod->balancers_over = true;
		return;
	}
	if (period > b->period) {
		if (period > b->period + 1)
			b->arrivals[b->period & 1] = 0;
		b->arrivals[period & 1] = 0;
		b->period = period;
	}
	more = growth(&b->accepted, has_accepted, ev->traffic_accepted) +
	       growth(&b->segments, has_segments, ev->traffic_segments) -
	       growth(&b->empty, ds_event_has(ev, DS_KEY_TRAFFIC_EMPTY), ev->traffic_empty);
	if (is_traffic)	/* a checker's address is one of the load balancer's all the same */
		b->arrivals[period & 1] = within(b->arrivals[period & 1] + more);
	if (is_traffic && ds_event_has(ev, DS_KEY_IDLE_CLOSE) && !ds_pod_is_going(pod))
		pod->idle_close_ns = latest(pod->idle_close_ns, ev->idle_close);
}

/* ---- what came of them ---- */

/* The periods that count: that of T0, and the one before it. */
struct window {
	int64_t period;		/* the later one */
	int64_t begin_ns, end_ns;
};

static struct window window_of(const struct ds_core *core, const struct ds_pod *pod)
{
	struct window w = { .period = pod->t0_ns / PERIOD_NS };

	for (int i = 0; i < pod->balancers_cnt; i++)	/* T0 may have been told late */
		w.period = latest(w.period, pod->balancers[i].period);
	w.begin_ns = latest((w.period - 1) * PERIOD_NS, latest(pod->seen_ns, core->started_ns));
	w.end_ns = latest(pod->t0_ns, pod->last_arrival_ns);
	return w;
}

static int64_t arrivals_of(const struct ds_pod_balancer *b, const struct window *w)
{
	if (b->period == w->period)
		return b->arrivals[0] + b->arrivals[1];
	return b->period == w->period - 1 ? b->arrivals[b->period & 1] : 0;
}

static bool counts(const struct ds_pod *pod, const struct ds_pod_balancer *b,
		   const struct window *w)
{
	return b->period >= w->period - 1 && b->first_ns <= pod->t0_ns + pod->t0_error_ns;
}

/*
 * What of it may have been health checks, where those have the traffic's port; -1: that cannot be
 * told, or the address is a client's, and which of the load balancer's it came by is not known.
 */
static int64_t checks_among(const struct ds_core *core, const struct ds_pod *pod, uint16_t port,
			    int64_t span_ns)
{
	int64_t most = 0;

	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address) {
			int64_t each = t->lb_type == DS_LB_TYPE_NETWORK ? NLB_CHECKERS : 1;

			if (t->port != port)
				continue;
			if (t->preserve_client_ip)
				return -1;
			if (t->health_check_port != port)
				continue;
			if (!t->health_check_interval_s)
				return -1;
			most += each * (span_ns / DS_NS_PER_S / t->health_check_interval_s + 1);
		}
	return most;
}

static bool is_target_port(const struct ds_core *core, const struct ds_pod *pod, uint16_t port)
{
	for (int i = 0; i < pod->addresses_cnt; i++)
		for (const struct ds_target *t = ds_targets_of(core->targets, &pod->addresses[i]);
		     t; t = t->same_address)
			if (t->port == port)
				return true;
	return false;
}

/* Of one address, over all ports on which the pod is a target; 0 also where it cannot be told. */
static int64_t arrivals_from(const struct ds_core *core, const struct ds_pod *pod,
			     const struct ds_addr *a, const struct window *w)
{
	int64_t sum = 0, checks;

	for (int i = 0; i < pod->balancers_cnt; i++) {
		const struct ds_pod_balancer *b = &pod->balancers[i];

		if (!ds_addr_equal(&b->addr, a) || !is_target_port(core, pod, b->port))
			continue;
		checks = checks_among(core, pod, b->port, w->end_ns - w->begin_ns);
		if (checks < 0)
			return 0;
		sum = within(sum + arrivals_of(b, w) - earliest(checks, ARRIVALS_MAX));
	}
	return latest(sum, 0);
}

int64_t ds_traffic_rate(const struct ds_core *core, const struct ds_pod *pod)
{
	struct window w = window_of(core, pod);
	int64_t span_ms = (w.end_ns - w.begin_ns) / DS_NS_PER_MS, lowest = -1;

	if (!ds_peers_know_load_balancer(&core->peers) || pod->balancers_over || span_ms <= 0)
		return 0;
	for (int i = 0; i < pod->balancers_cnt; i++) {
		int64_t arrivals, rate;

		if (!counts(pod, &pod->balancers[i], &w))
			continue;
		arrivals = arrivals_from(core, pod, &pod->balancers[i].addr, &w);
		/* A rate of fewer is none. */
		rate = arrivals >= DS_TRAFFIC_NEEDED ? arrivals * 1000000 / span_ms : 0;
		lowest = lowest < 0 ? rate : earliest(lowest, rate);
	}
	return latest(lowest, 0);
}
