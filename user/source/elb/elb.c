/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan's clock is CLOCK_MONOTONIC, so that a step of the wall clock neither stops it nor makes
 * it run; bounds are turned into wall clock time as they are told.
 */
#include "user/source/elb/elb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "user/core/merge.h"
#include "user/source/elb/elb_ask.h"
#include "user/source/elb/elb_facts.h"
#include "user/source/elb/elb_fault.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/log.h"
#include "user/util/timefmt.h"

#define WAIT_MAX_MS 3600000

struct ds_elb {
	struct ds_elb_options options;
	struct ds_elb_plan *plan;
	struct ds_elb_facts *facts;
	struct ds_elb_asker *asker;
	struct ds_elb_faults faults;
	struct flight *flights;
	uv_timer_t timer;
	bool refused_said;
};

/* A question on its way. */
struct flight {
	struct flight *prev, *next;
	struct ds_elb *elb;
	struct ds_elb_request request;
};

static int64_t monotonic(void)
{
	return ds_clock_ns(CLOCK_MONOTONIC);
}

static int64_t wall_clock(void)
{
	return ds_clock_ns(CLOCK_REALTIME);
}

/* ---- events ---- */

static void deliver(struct ds_elb *elb, struct ds_event *ev)
{
	ev->rank = DS_RANK_EVENTS;
	ev->source_seq = (*elb->options.seq)++;
	elb->options.deliver(elb->options.ctx, ev);
}

static void on_reading(void *ctx, const struct ds_elb_reading *reading)
{
	struct ds_elb *elb = ctx;
	int64_t ahead_ns = wall_clock() - monotonic();
	struct ds_elb_reading r = *reading;
	struct ds_elb_room room;
	struct ds_event ev;

	if (r.lo_ns)
		r.lo_ns += ahead_ns;
	r.hi_ns += ahead_ns;
	ds_elb_facts_target(elb->facts, &r, &room, &ev);
	deliver(elb, &ev);
}

/* ---- answers ---- */

/* The group's facts, or those of its load balancer, are other ones now. */
static void tell_facts(struct ds_elb *elb, const char *arn)
{
	const struct ds_elb_group_facts *group = ds_elb_facts_group(elb->facts, arn);
	struct ds_elb_group_facts copy;
	const struct ds_elb_balancer_facts *balancer = NULL;

	ds_elb_plan_again(elb->plan, arn);
	if (!elb->options.facts || !group)
		return;
	copy = *group;	/* good until the next question */
	if (copy.balancer[0])
		balancer = ds_elb_facts_balancer(elb->facts, copy.balancer);
	elb->options.facts(elb->options.ctx, arn, &copy, balancer);
}

static void take_health(struct ds_elb *elb, const struct ds_elb_request *request,
			const struct ds_elb_answer *answer, int64_t now_ns)
{
	for (size_t i = 0; i < answer->reply->health_cnt; i++) {
		const struct ds_elb_health *h = &answer->reply->healths[i];
		struct ds_elb_target_name name = { .port = h->port };

		if (!h->port || ds_addr_parse(h->id, strlen(h->id), &name.addr))
			continue;	/* an instance, or another target that is no address */
		if (h->state < 0)
			ds_elb_faults_state(&elb->faults, h->state_text);
		else
			ds_elb_plan_read(elb->plan, request, &name, h->state, h->reason,
					 answer->sent_ns, now_ns);
	}
}

static void copy_text(char *dst, size_t size, const char *src)
{
	size_t len = strnlen(src, size - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
}

static int check_port_of(const char *text)
{
	long port = strtol(text, NULL, 10);

	if (!strcmp(text, "traffic-port"))
		return DS_ELB_TRAFFIC_PORT;
	return port > 0 && port <= UINT16_MAX ? (int)port : 0;
}

/* What has changed is told with the next answer. */
static void take_group(struct ds_elb *elb, const char *arn, const struct ds_elb_reply *reply,
		       int64_t now_ns)
{
	struct ds_elb_group_facts *facts = ds_elb_facts_group(elb->facts, arn), before;
	const struct ds_elb_group *g = reply->groups;

	for (; g < reply->groups + reply->group_cnt; g++)
		if (!strcmp(g->arn, arn))
			break;
	if (!facts || g == reply->groups + reply->group_cnt)
		return;
	before = *facts;
	copy_text(facts->balancer, sizeof(facts->balancer), g->balancer_arn);
	facts->type = ds_name_parse(DS_NAMES_TARGET_TYPE, g->type, strlen(g->type));
	facts->check_port = check_port_of(g->check_port);
	facts->check_interval_s = g->check_interval_s;
	if (g->type[0] && facts->type != DS_TARGET_TYPE_IP) {
		ds_elb_plan_no_addresses(elb->plan, arn);
		ds_log_info("targets of %s are of type %.20s: they tell no pod's drain", arn,
			    g->type);
	}
	if (facts->balancer[0])
		ds_elb_plan_balancer(elb->plan, arn, facts->balancer, now_ns);
	if (memcmp(&before, facts, sizeof(before)) != 0)
		tell_facts(elb, arn);
}

static void take_attributes(struct ds_elb *elb, const char *arn, const struct ds_elb_reply *reply)
{
	const char *delay = ds_elb_reply_attribute(reply, "deregistration_delay.timeout_seconds");
	const char *preserve = ds_elb_reply_attribute(reply, "preserve_client_ip.enabled");
	struct ds_elb_group_facts *facts = ds_elb_facts_group(elb->facts, arn), before;
	long delay_s = delay && delay[0] >= '0' && delay[0] <= '9' ? strtol(delay, NULL, 10) : -1;

	if (!facts)
		return;
	before = *facts;
	if (delay_s >= 0 && delay_s <= DS_EVENT_S_MAX)
		facts->delay_s = delay_s;
	if (preserve)
		facts->preserve_client_ip = !strcmp(preserve, "true");
	ds_elb_plan_delay(elb->plan, arn, facts->delay_s);
	if (memcmp(&before, facts, sizeof(before)) != 0)
		tell_facts(elb, arn);
}

static void take_balancer(struct ds_elb *elb, const char *arn, const struct ds_elb_reply *reply)
{
	struct ds_elb_balancer_facts *facts = ds_elb_facts_balancer(elb->facts, arn);

	for (size_t i = 0; facts && i < reply->balancer_cnt; i++) {
		const struct ds_elb_balancer *b = &reply->balancers[i];
		int type = ds_name_parse(DS_NAMES_LB_TYPE, b->type, strlen(b->type));

		if (strcmp(b->arn, arn) != 0 || (facts->type == type && facts->name[0]))
			continue;
		facts->type = type;
		copy_text(facts->name, sizeof(facts->name), b->name);
		ds_elb_plan_again(elb->plan, arn);
		if (elb->options.facts)
			ds_elb_facts_each_group(elb->facts, arn, elb->options.facts,
						elb->options.ctx);
	}
}

static void take_addresses(struct ds_elb *elb, const char *arn, const struct ds_elb_reply *reply)
{
	for (size_t i = 0; i < reply->address_cnt; i++) {
		struct ds_elb_balancer_facts *facts = ds_elb_facts_balancer(elb->facts, arn);
		const char *text = reply->addresses[i].text;
		struct ds_elb_room room;
		struct ds_event ev;
		struct ds_addr a;

		if (!facts || ds_addr_parse(text, strlen(text), &a) ||
		    !ds_elb_balancer_add(facts, &a))
			continue;
		ds_elb_facts_address(elb->facts, arn, &a, wall_clock(), &room, &ev);
		deliver(elb, &ev);
	}
}

static void take_answer(struct ds_elb *elb, const struct ds_elb_request *request,
			const struct ds_elb_answer *answer, int64_t now_ns)
{
	switch (request->ask) {
	case DS_ELB_ASK_HEALTH:
		take_health(elb, request, answer, now_ns);
		break;
	case DS_ELB_ASK_GROUP:
		take_group(elb, request->arn, answer->reply, now_ns);
		break;
	case DS_ELB_ASK_ATTRIBUTES:
		take_attributes(elb, request->arn, answer->reply);
		break;
	case DS_ELB_ASK_BALANCER:
		take_balancer(elb, request->arn, answer->reply);
		break;
	case DS_ELB_ASK_ADDRESSES:
		take_addresses(elb, request->arn, answer->reply);
		break;
	case DS_ELB_ASK_MAX:
		break;
	}
}

static void land(struct flight *flight)
{
	if (flight->prev)
		flight->prev->next = flight->next;
	else
		flight->elb->flights = flight->next;
	if (flight->next)
		flight->next->prev = flight->prev;
	free(flight);
}

static void arm(struct ds_elb *elb);

static void on_answer(void *ctx, const struct ds_elb_answer *answer)
{
	struct flight *flight = ctx;
	struct ds_elb *elb = flight->elb;
	int64_t now_ns = monotonic();

	if (answer->reply)
		take_answer(elb, &flight->request, answer, now_ns);
	if (answer->outcome != DS_ELB_GONE || !ds_elb_plan_is_gone(&flight->request))
		ds_elb_faults_tell(&elb->faults, &flight->request, answer);
	ds_elb_faults_clock(&elb->faults, answer->server_ns, wall_clock());
	if (elb->options.answered)
		elb->options.answered(elb->options.ctx, flight->request.ask, flight->request.arn,
				      answer->outcome,
				      answer->sent_ns ? now_ns - answer->sent_ns : 0);
	ds_elb_plan_done(elb->plan, &flight->request, answer->outcome, answer->retry_after_ns,
			 now_ns);
	land(flight);
	arm(elb);
}

/* ---- questions ---- */

static bool ask_next(struct ds_elb *elb)
{
	struct flight *flight = calloc(1, sizeof(*flight));

	/* Out of memory: at the next turn. */
	if (!flight || !ds_elb_plan_take(elb->plan, monotonic(), &flight->request)) {
		free(flight);
		return false;
	}
	flight->elb = elb;
	flight->next = elb->flights;
	if (flight->next)
		flight->next->prev = flight;
	elb->flights = flight;
	if (ds_elb_asker_ask(elb->asker, &flight->request, on_answer, flight)) {
		ds_elb_plan_done(elb->plan, &flight->request, DS_ELB_FAILED, -1, monotonic());
		land(flight);
	}
	return true;
}

static void on_timer(uv_timer_t *timer)
{
	struct ds_elb *elb = timer->data;

	while (ask_next(elb))
		;
	arm(elb);
}

/* The timer rings when the next question is due; nothing is asked from within an answer. */
static void arm(struct ds_elb *elb)
{
	int64_t due_ns = ds_elb_plan_due(elb->plan), now_ns = monotonic();
	int64_t ms = due_ns == INT64_MAX ? WAIT_MAX_MS :
		     due_ns <= now_ns    ? 0 :
					   (due_ns - now_ns) / DS_NS_PER_MS + 1;

	uv_update_time(elb->timer.loop);
	(void)uv_timer_start(&elb->timer, on_timer,
			     (uint64_t)(ms < WAIT_MAX_MS ? ms : WAIT_MAX_MS), 0);
}

/* ---- life ---- */

static int make_plan(struct ds_elb *elb)
{
	struct ds_elb_plan_options po = {
		.interval_ns = elb->options.interval_ns, .rate = elb->options.rate,
		.addresses = elb->options.addresses, .tell = on_reading, .ctx = elb,
	};
	int r;

	if (getrandom(&po.seed, sizeof(po.seed), 0) != (ssize_t)sizeof(po.seed))
		po.seed = (uint64_t)monotonic();	/* without entropy */
	r = ds_elb_plan_new(&elb->plan, &po);
	if (r)
		return ds_log_err(r, "ask AWS");
	for (int i = 0; i < elb->options.groups_cnt; i++) {
		r = ds_elb_plan_add_group(elb->plan, elb->options.groups[i], monotonic());
		if (r)
			return ds_log_err(r, "--target-group %s", elb->options.groups[i]);
	}
	return 0;
}

int ds_elb_new(struct ds_elb **ret_elb, struct uv_loop_s *loop,
	       const struct ds_elb_options *options)
{
	ds_cleanup(ds_elb_free) struct ds_elb *elb = calloc(1, sizeof(*elb));
	int r;

	if (!elb)
		return ds_log_err(ENOMEM, "ask AWS");
	elb->options = *options;
	r = make_plan(elb);
	if (!r && ds_elb_facts_new(&elb->facts))
		r = ds_log_err(ENOMEM, "ask AWS");
	r = r ? r : ds_elb_asker_new(&elb->asker, loop);
	if (!r && uv_timer_init(loop, &elb->timer))
		r = ds_log_err(ENOMEM, "ask AWS: set up a timer");
	if (r)
		return r;
	elb->timer.data = elb;
	arm(elb);
	*ret_elb = DS_TAKE(elb);
	return 0;
}

int ds_elb_add_group(struct ds_elb *elb, const char *arn)
{
	int r = ds_elb_plan_add_group(elb->plan, arn, monotonic());

	arm(elb);
	return r;
}

void ds_elb_watch(struct ds_elb *elb, const char *group, const struct ds_addr *addr, uint16_t port)
{
	int r = ds_elb_plan_watch(elb->plan, group, addr, port, monotonic());

	if (r == -EINVAL)
		ds_log_info("%s is no target group that can be asked", group ? group : "?");
	else if (r && !elb->refused_said)
		ds_log_warn("AWS is asked for no more targets and target groups than these; the others "
			    "are left out");
	elb->refused_said = elb->refused_said || (r && r != -EINVAL);
	arm(elb);
}

void ds_elb_unwatch(struct ds_elb *elb, const struct ds_addr *addr)
{
	ds_elb_plan_unwatch(elb->plan, addr);
	arm(elb);
}

struct ds_elb_counters ds_elb_counters(const struct ds_elb *elb)
{
	return ds_elb_plan_counters(elb->plan);
}

void ds_elb_count(const struct ds_elb *elb, struct ds_event *tick)
{
	struct ds_elb_counters c = ds_elb_counters(elb);

	DS_SET(tick, POLL_REQUESTS, poll_requests, (int64_t)c.requests);
	DS_SET(tick, POLL_THROTTLED, poll_throttled, (int64_t)c.throttled);
	DS_SET(tick, POLL_FAILED, poll_failed, (int64_t)c.failed);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void ds_elb_free(struct ds_elb **ret_elb)
{
	struct ds_elb *elb = ret_elb ? *ret_elb : NULL;

	if (!elb)
		return;
	*ret_elb = NULL;
	ds_elb_asker_free(&elb->asker);
	while (elb->flights)
		land(elb->flights);
	ds_elb_plan_free(&elb->plan);
	ds_elb_facts_free(&elb->facts);
	if (elb->timer.data)
		uv_close((uv_handle_t *)&elb->timer, on_closed);
	else
		free(elb);
}
