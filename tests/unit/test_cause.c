// SPDX-License-Identifier: Apache-2.0
/* One test or more a row of cause.c's table: the row's name is what the decision says. */
#include "user/core/cause.h"

#include "tests/unit/core_fixture.h"
#include "user/core/core.h"

static struct ds_flow flow;
static struct ds_pod pod;

/* The load balancer's inbound connection to a pod that goes away; no evidence yet. */
static struct ds_case ordinary(uint32_t facts)
{
	memset(&flow, 0, sizeof(flow));
	memset(&pod, 0, sizeof(pod));
	flow.facts = facts;
	flow.key.pod = fx_pod_addr(1);
	flow.outcome = -1;
	flow.age_ns = -1;
	flow.pod = &pod;
	pod.grace_s = 30;
	return (struct ds_case){
		.flow = &flow,
		.pod = &pod,
		.peer = DS_PEER_LOAD_BALANCER,
		.counts_as_load_balancer = true,
		.load_balancer_known = true,
		.inbound = true,
		.going = true,
		.closed_while_going = true,
		.lb_type = DS_LB_TYPE_APPLICATION,
	};
}

static struct ds_decision decide(const struct ds_case *c, enum ds_decision_kind kind,
				 const char *rule)
{
	struct ds_decision d = ds_cause_decide(c);

	assert_string_equal(d.rule, rule);
	assert_int_equal(d.kind, kind);
	return d;
}

static void is_apart(const struct ds_case *c, const char *rule, int not_drop)
{
	assert_int_equal(decide(c, DS_DECISION_NOT_DROP, rule).not_drop, not_drop);
}

static struct ds_decision is_drop(const struct ds_case *c, const char *rule, int cause,
				  int confidence)
{
	struct ds_decision d = decide(c, DS_DECISION_DROP, rule);

	assert_int_equal(d.cause, cause);
	assert_int_equal(d.confidence, confidence);
	return d;
}

static void nothing_lost(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_ESTABLISHED | DS_FLOW_CLOSED | DS_FLOW_OUTSTANDING);

	(void)state;
	(void)decide(&c, DS_DECISION_NOTHING, "nothing lost");
}

static void between_the_pods_own_addresses(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.inside_pod = true;
	is_apart(&c, "between the pod's own addresses", DS_NOT_DROP_INSIDE_POD);
}

static void the_pod_is_the_client(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_RECEIVED | DS_FLOW_OUTSTANDING);

	(void)state;
	c.inbound = false;
	is_apart(&c, "the pod is the client", DS_NOT_DROP_OUTBOUND);
}

static void kubelet_probe(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.peer = DS_PEER_NODE;
	c.counts_as_load_balancer = false;
	is_apart(&c, "kubelet probe", DS_NOT_DROP_PROBE);
	/* The node's address is the balancer's where it translates addresses. */
	c.counts_as_load_balancer = true;
	(void)is_drop(&c, "refused, terminating", DS_CAUSE_LISTENER_CLOSED, DS_CONFIDENCE_HIGH);
}

static void health_check(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.health_check = true;
	is_apart(&c, "health check", DS_NOT_DROP_HEALTH_CHECK);
}

static void no_request_outstanding(void **state)
{
	static const uint32_t idle[] = {
		DS_FLOW_NO_REQUEST,
		DS_FLOW_RST_RECEIVED,
		DS_FLOW_ABORTED,
		DS_FLOW_RST_RECEIVED | DS_FLOW_CLOSED,
		DS_FLOW_NO_REQUEST | DS_FLOW_DIED,
		DS_FLOW_NO_REQUEST | DS_FLOW_ICMP,
		DS_FLOW_ABORTED | DS_FLOW_NO_REQUEST | DS_FLOW_ESTABLISHED,
		DS_FLOW_ABORTED | DS_FLOW_UNREAD | DS_FLOW_GOODBYE,
	};
	static const uint32_t busy[] = {
		DS_FLOW_NO_REQUEST | DS_FLOW_PAYLOAD, DS_FLOW_RST_RECEIVED | DS_FLOW_OUTSTANDING,
		DS_FLOW_ABORTED | DS_FLOW_UNREAD, DS_FLOW_NO_REQUEST | DS_FLOW_SYN,
		DS_FLOW_GOODBYE | DS_FLOW_RST_TO_PAYLOAD,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		struct ds_case c = ordinary(idle[i]);

		is_apart(&c, "no request outstanding", DS_NOT_DROP_CLOSED_IDLE);
	}
	for (size_t i = 0; i < sizeof(busy) / sizeof(busy[0]); i++) {
		struct ds_case c = ordinary(busy[i]);

		assert_int_equal(ds_cause_decide(&c).kind, DS_DECISION_DROP);
	}
}

static void not_the_load_balancers(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.peer = DS_PEER_OTHER;
	c.counts_as_load_balancer = false;
	is_apart(&c, "not the load balancer's", DS_NOT_DROP_OTHER_PEER);
	c.peer = DS_PEER_POD;
	is_apart(&c, "not the load balancer's", DS_NOT_DROP_OTHER_PEER);
}

static void accepted_later(void **state)
{
	struct ds_case c =
		ordinary(DS_FLOW_SYN | DS_FLOW_DIED | DS_FLOW_ICMP | DS_FLOW_ESTABLISHED);

	(void)state;
	is_apart(&c, "accepted later", DS_NOT_DROP_DELAYED);
	flow.facts |= DS_FLOW_ABORTED | DS_FLOW_OUTSTANDING;
	assert_int_equal(ds_cause_decide(&c).kind, DS_DECISION_DROP);
	/* The queue had room again in time. */
	c = ordinary(DS_FLOW_SYN | DS_FLOW_OVERFLOW | DS_FLOW_ESTABLISHED);
	is_apart(&c, "accepted later", DS_NOT_DROP_DELAYED);
}

static void reached_another_pod(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_REUSED | DS_FLOW_ESTABLISHED | DS_FLOW_RST_RECEIVED);

	(void)state;
	assert_int_equal(is_drop(&c, "reached another pod", DS_CAUSE_ADDRESS_REUSED, DS_CONFIDENCE_HIGH).symptom,
			 DS_SYMPTOM_WRONG_ANSWER);
	flow.facts = DS_FLOW_REUSED | DS_FLOW_RST_TO_SYN;
	assert_int_equal(is_drop(&c, "reached another pod", DS_CAUSE_ADDRESS_REUSED, DS_CONFIDENCE_HIGH).symptom,
			 DS_SYMPTOM_ALB_502);
	c.health_check = true;
	is_apart(&c, "health check", DS_NOT_DROP_HEALTH_CHECK);
}

static void accept_queue_full(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_OVERFLOW | DS_FLOW_NO_REQUEST);

	(void)state;
	assert_int_equal(is_drop(&c, "accept queue full", DS_CAUSE_BACKLOG_OVERFLOW,
				 DS_CONFIDENCE_HIGH)
				 .symptom,
			 DS_SYMPTOM_TIMEOUT);
}

static void got_through_later(void **state)
{
	static const uint32_t lost[] = {
		DS_FLOW_SYN, DS_FLOW_RST_TO_PAYLOAD, DS_FLOW_ABORTED, DS_FLOW_FIN_OUTSTANDING,
		DS_FLOW_RST_RECEIVED | DS_FLOW_OUTSTANDING, DS_FLOW_RST_LEFT, DS_FLOW_ICMP,
	};
	struct ds_case c = ordinary(DS_FLOW_NETFILTER | DS_FLOW_PAYLOAD);

	(void)state;
	(void)is_drop(&c, "netfilter", DS_CAUSE_REJECTED, DS_CONFIDENCE_HIGH);
	c.got_through = true;
	is_apart(&c, "got through later", DS_NOT_DROP_DELAYED);
	flow.facts = DS_FLOW_DIED | DS_FLOW_PAYLOAD | DS_FLOW_ESTABLISHED | DS_FLOW_CLOSED;
	is_apart(&c, "got through later", DS_NOT_DROP_DELAYED);
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		flow.facts = DS_FLOW_NETFILTER | DS_FLOW_PAYLOAD | lost[i];
		assert_int_equal(ds_cause_decide(&c).kind, DS_DECISION_DROP);
	}
}

static void payload_after_our_close_restarting(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_PAYLOAD);

	(void)state;
	c.going = c.closed_while_going = false;
	(void)is_drop(&c, "payload after our close", DS_CAUSE_KEEPALIVE_RACE, DS_CONFIDENCE_HIGH);
	c.restarting = true;
	(void)is_drop(&c, "payload after our close, restarting", DS_CAUSE_CONTAINER_RESTARTED,
		      DS_CONFIDENCE_MEDIUM);
	c.going = c.closed_while_going = true;
	(void)is_drop(&c, "payload after our close, terminating", DS_CAUSE_LATE_REQUEST,
		      DS_CONFIDENCE_HIGH);
}

static void netfilter(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_NETFILTER | DS_FLOW_SYN);

	(void)state;
	assert_int_equal(is_drop(&c, "netfilter", DS_CAUSE_REJECTED, DS_CONFIDENCE_HIGH).symptom,
			 DS_SYMPTOM_TIMEOUT);
	flow.facts |= DS_FLOW_RST_LEFT;
	assert_int_equal(is_drop(&c, "netfilter", DS_CAUSE_REJECTED, DS_CONFIDENCE_HIGH).symptom,
			 DS_SYMPTOM_RESET);
	flow.facts = DS_FLOW_NETFILTER | DS_FLOW_SYN | DS_FLOW_ICMP;
	assert_int_equal(is_drop(&c, "netfilter", DS_CAUSE_REJECTED, DS_CONFIDENCE_HIGH).symptom,
			 DS_SYMPTOM_RESET);
}

static void died_on_the_node(void **state)
{
	static const struct { uint32_t facts; int told, outcome, symptom;
	} cases[] = {
		{ DS_FLOW_DIED | DS_FLOW_SYN, DS_OUTCOME_NEIGH_FAILED, DS_OUTCOME_NEIGH_FAILED,
		  DS_SYMPTOM_ALB_502_AFTER_3S },
		{ DS_FLOW_DIED | DS_FLOW_SYN, DS_OUTCOME_RP_FILTER, DS_OUTCOME_RP_FILTER,
		  DS_SYMPTOM_ALB_504 },
		{ DS_FLOW_DIED | DS_FLOW_PAYLOAD, DS_OUTCOME_BLACKHOLE, DS_OUTCOME_BLACKHOLE,
		  DS_SYMPTOM_ALB_504 },
		{ DS_FLOW_LEFT_NODE | DS_FLOW_SYN, -1, DS_OUTCOME_FORWARDED_OUT,
		  DS_SYMPTOM_ALB_504 },
		{ DS_FLOW_ICMP | DS_FLOW_SYN, -1, DS_OUTCOME_ICMP_UNREACHABLE, DS_SYMPTOM_ALB_504 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_case c = ordinary(cases[i].facts);
		struct ds_decision d;

		flow.outcome = cases[i].told;
		d = is_drop(&c, "died on the node", DS_CAUSE_ADDRESS_RELEASED, DS_CONFIDENCE_HIGH);
		assert_int_equal(d.outcome, cases[i].outcome);
		assert_int_equal(d.symptom, cases[i].symptom);
		c.going = false;	/* and nobody released the address: nobody knows */
		(void)is_drop(&c, "unknown", DS_CAUSE_UNKNOWN, DS_CONFIDENCE_LOW);
		c.released = true;
		(void)is_drop(&c, "died on the node", DS_CAUSE_ADDRESS_RELEASED,
			      DS_CONFIDENCE_HIGH);
	}
}

/* AWS documents the quick 502 for ARP only: an IPv6 neighbour fails later than its client waits. */
static void an_ipv6_neighbour_is_a_timeout(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_DIED | DS_FLOW_SYN);

	(void)state;
	flow.outcome = DS_OUTCOME_NEIGH_FAILED;
	flow.key.pod = fx_addr("fd00::1");
	assert_int_equal(ds_cause_decide(&c).symptom, DS_SYMPTOM_ALB_504);
	c.lb_type = DS_LB_TYPE_NETWORK;
	assert_int_equal(ds_cause_decide(&c).symptom, DS_SYMPTOM_TIMEOUT);
}

static struct ds_case cut_case(uint32_t facts, int64_t age_s, int64_t quiet_s)
{
	struct ds_case c =
		ordinary(facts | DS_FLOW_OUTSTANDING | DS_FLOW_CLOSED | DS_FLOW_ESTABLISHED);

	flow.age_ns = age_s < 0 ? -1 : age_s * DS_NS_PER_S;
	flow.closed_ns = fx_at(0) + 1000 * DS_NS_PER_S;
	flow.last_payload_ns = flow.closed_ns - quiet_s * DS_NS_PER_S;
	return c;
}

static void outlives_every_grace_period(void **state)
{
	struct ds_case c = cut_case(DS_FLOW_FIN_OUTSTANDING, 31, 31);

	(void)state;
	is_apart(&c, "outlives every grace period", DS_NOT_DROP_LONG_LIVED);
	c = cut_case(DS_FLOW_ABORTED, 31, 31);
	is_apart(&c, "outlives every grace period", DS_NOT_DROP_LONG_LIVED);
	/* A young request on an old pooled connection is a loss. */
	c = cut_case(DS_FLOW_FIN_OUTSTANDING, 3600, 30);
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_MEDIUM);
	/* A connection younger than the grace period could have been served. */
	c = cut_case(DS_FLOW_FIN_OUTSTANDING, 30, 31);
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_MEDIUM);
	/* Older than the run: nobody knows how old. */
	c = cut_case(DS_FLOW_FIN_OUTSTANDING, -1, 31);
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_LOW);
	c = cut_case(DS_FLOW_FIN_OUTSTANDING, 31, 31);
	c.going = false;
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_MEDIUM);
	c = cut_case(DS_FLOW_FIN_OUTSTANDING, 31, 31);
	pod.grace_s = -1;	/* not told */
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_MEDIUM);
}

static void refused_terminating(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	assert_int_equal(is_drop(&c, "refused, terminating", DS_CAUSE_LISTENER_CLOSED,
				 DS_CONFIDENCE_HIGH)
				 .symptom,
			 DS_SYMPTOM_ALB_502);
	c.lb_type = DS_LB_TYPE_NETWORK;
	assert_int_equal(ds_cause_decide(&c).symptom, DS_SYMPTOM_NLB_REFUSED);
	c = ordinary(DS_FLOW_UNACCEPTED | DS_FLOW_ESTABLISHED);
	(void)is_drop(&c, "refused, terminating", DS_CAUSE_LISTENER_CLOSED, DS_CONFIDENCE_HIGH);
}

static void refused_container_restarting(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.going = false;
	c.restarting = true;
	c.never_listened = c.registered = true;	/* the restart is the better explanation */
	(void)is_drop(&c, "refused, container restarting", DS_CAUSE_CONTAINER_RESTARTED,
		      DS_CONFIDENCE_HIGH);
	c.unclear = true;	/* it may be the pod's end */
	(void)is_drop(&c, "refused, container restarting", DS_CAUSE_CONTAINER_RESTARTED,
		      DS_CONFIDENCE_LOW);
}

static void refused_not_listening_yet(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.going = false;
	c.never_listened = c.registered = true;
	(void)is_drop(&c, "refused, not listening yet", DS_CAUSE_NOT_LISTENING_YET,
		      DS_CONFIDENCE_HIGH);
	c.registered = false;
	(void)is_drop(&c, "unknown", DS_CAUSE_UNKNOWN, DS_CONFIDENCE_LOW);
	c.registered = true;
	c.never_listened = false;
	(void)is_drop(&c, "unknown", DS_CAUSE_UNKNOWN, DS_CONFIDENCE_LOW);
}

/* Health checks on the traffic's port and address: only payload tells a request. */
static void what_may_be_a_check_has_low_confidence(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.may_be_check = true;
	(void)is_drop(&c, "refused, terminating", DS_CAUSE_LISTENER_CLOSED, DS_CONFIDENCE_LOW);
	flow.facts = DS_FLOW_RST_TO_PAYLOAD;
	(void)is_drop(&c, "payload after our close, terminating", DS_CAUSE_LATE_REQUEST,
		      DS_CONFIDENCE_HIGH);
}

static void cut_container_restarting(void **state)
{
	struct ds_case c = cut_case(DS_FLOW_FIN_OUTSTANDING, 1, 1);

	(void)state;
	c.going = false;
	c.restarting = true;
	(void)is_drop(&c, "cut, container restarting", DS_CAUSE_CONTAINER_RESTARTED,
		      DS_CONFIDENCE_HIGH);
}

static void aborted_by_reset(void **state)
{
	struct ds_case c = cut_case(DS_FLOW_ABORTED, 1, 1);

	(void)state;
	assert_int_equal(is_drop(&c, "aborted by reset", DS_CAUSE_ABORTED_IN_FLIGHT,
				 DS_CONFIDENCE_HIGH)
				 .symptom,
			 DS_SYMPTOM_ALB_502);
	c = ordinary(DS_FLOW_ABORTED | DS_FLOW_UNREAD);
	c.lb_type = DS_LB_TYPE_NETWORK;
	assert_int_equal(is_drop(&c, "aborted by reset", DS_CAUSE_ABORTED_IN_FLIGHT,
				 DS_CONFIDENCE_HIGH)
				 .symptom,
			 DS_SYMPTOM_RESET);
}

static void aborted_by_fin(void **state)
{
	struct ds_case c = cut_case(DS_FLOW_FIN_OUTSTANDING, 1, 1);

	(void)state;
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_MEDIUM);
	c.load_balancer_known = false;
	(void)is_drop(&c, "aborted by FIN", DS_CAUSE_ABORTED_IN_FLIGHT, DS_CONFIDENCE_LOW);
}

static void payload_after_our_close_terminating(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_CLOSED);

	(void)state;
	(void)is_drop(&c, "payload after our close, terminating", DS_CAUSE_LATE_REQUEST,
		      DS_CONFIDENCE_HIGH);
}

static void payload_after_our_close(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_PAYLOAD | DS_FLOW_CLOSED);

	(void)state;
	c.closed_while_going = false; /* the pod began to go only after it had closed this one */
	(void)is_drop(&c, "payload after our close", DS_CAUSE_KEEPALIVE_RACE, DS_CONFIDENCE_HIGH);
	assert_false(ds_cause_is_rollout(DS_CAUSE_KEEPALIVE_RACE));
}

static void reset_by_the_load_balancer(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_RECEIVED | DS_FLOW_OUTSTANDING);

	(void)state;
	c.delay_elapsed = true;
	(void)is_drop(&c, "reset by the load balancer", DS_CAUSE_CLOSED_BY_LOAD_BALANCER,
		      DS_CONFIDENCE_HIGH);
	c.peer = DS_PEER_OTHER;
	(void)is_drop(&c, "reset by the peer", DS_CAUSE_CLOSED_BY_PEER, DS_CONFIDENCE_HIGH);
}

static void reset_by_the_peer(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_RECEIVED | DS_FLOW_OUTSTANDING);

	(void)state;
	assert_int_equal(is_drop(&c, "reset by the peer", DS_CAUSE_CLOSED_BY_PEER,
				 DS_CONFIDENCE_HIGH)
				 .symptom,
			 -1);
}

static void no_answer_at_a_released_address(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_SYN);

	(void)state;
	c.released = true;
	assert_int_equal(is_drop(&c, "no answer at a released address", DS_CAUSE_ADDRESS_RELEASED,
				 DS_CONFIDENCE_MEDIUM).outcome, DS_OUTCOME_SILENT);
	c = ordinary(DS_FLOW_PAYLOAD);
	c.released = true;
	(void)is_drop(&c, "no answer at a released address", DS_CAUSE_ADDRESS_RELEASED,
		      DS_CONFIDENCE_MEDIUM);
}

static void unknown(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_SYN);
	struct ds_decision d;

	(void)state;
	d = is_drop(&c, "unknown", DS_CAUSE_UNKNOWN, DS_CONFIDENCE_LOW);
	assert_int_equal(d.symptom, -1);
	assert_int_equal(d.outcome, -1);
}

static void the_end_of_the_run_and_an_unknown_balancer_lower_the_confidence(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_RST_TO_SYN);

	(void)state;
	c.final = true;
	(void)is_drop(&c, "refused, terminating", DS_CAUSE_LISTENER_CLOSED, DS_CONFIDENCE_LOW);
	c.final = false;
	c.load_balancer_known = false;
	(void)is_drop(&c, "refused, terminating", DS_CAUSE_LISTENER_CLOSED, DS_CONFIDENCE_LOW);
}

/* What the kernel has told stands, whatever becomes of the pod. */
static void an_unclear_end_is_no_doubt_about_other_causes(void **state)
{
	struct ds_case c = ordinary(DS_FLOW_SYN | DS_FLOW_DIED);

	(void)state;
	c.going = false;
	c.released = c.restarting = c.unclear = true;
	(void)is_drop(&c, "died on the node", DS_CAUSE_ADDRESS_RELEASED, DS_CONFIDENCE_HIGH);
}

/* DESIGN section 2: these six and no other. */
static void the_rollout_causes(void **state)
{
	static const bool want[DS_CAUSE_MAX] = {
		[DS_CAUSE_LISTENER_CLOSED] = true, [DS_CAUSE_ADDRESS_RELEASED] = true,
		[DS_CAUSE_ADDRESS_REUSED] = true, [DS_CAUSE_ABORTED_IN_FLIGHT] = true,
		[DS_CAUSE_LATE_REQUEST] = true, [DS_CAUSE_CLOSED_BY_LOAD_BALANCER] = true,
	};

	(void)state;
	for (int cause = 0; cause < DS_CAUSE_MAX; cause++)
		assert_int_equal(ds_cause_is_rollout(cause), want[cause]);
}

/* Whatever the evidence: a row applies, and its values are words of their lists. */
static void every_case_is_decided(void **state)
{
	(void)state;
	for (uint32_t facts = 0; facts < 1u << 19; facts += 7) {
		struct ds_case c = ordinary(facts);
		struct ds_decision d;

		c.going = facts & 1;
		c.released = facts & 2;
		c.restarting = facts & 4;
		d = ds_cause_decide(&c);
		assert_non_null(d.rule);
		assert_in_range(d.cause, 0, DS_CAUSE_MAX - 1);
		assert_in_range(d.not_drop, 0, DS_NOT_DROP_MAX - 1);
		assert_true(d.symptom >= -1 && d.symptom < DS_SYMPTOM_MAX);
		assert_true(d.outcome >= -1 && d.outcome < DS_OUTCOME_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_lost),
		cmocka_unit_test(between_the_pods_own_addresses),
		cmocka_unit_test(the_pod_is_the_client),
		cmocka_unit_test(kubelet_probe),
		cmocka_unit_test(health_check),
		cmocka_unit_test(no_request_outstanding),
		cmocka_unit_test(not_the_load_balancers),
		cmocka_unit_test(accepted_later),
		cmocka_unit_test(reached_another_pod),
		cmocka_unit_test(accept_queue_full),
		cmocka_unit_test(got_through_later),
		cmocka_unit_test(payload_after_our_close_restarting),
		cmocka_unit_test(netfilter),
		cmocka_unit_test(died_on_the_node),
		cmocka_unit_test(an_ipv6_neighbour_is_a_timeout),
		cmocka_unit_test(outlives_every_grace_period),
		cmocka_unit_test(refused_terminating),
		cmocka_unit_test(refused_container_restarting),
		cmocka_unit_test(refused_not_listening_yet),
		cmocka_unit_test(cut_container_restarting),
		cmocka_unit_test(aborted_by_reset),
		cmocka_unit_test(aborted_by_fin),
		cmocka_unit_test(payload_after_our_close_terminating),
		cmocka_unit_test(payload_after_our_close),
		cmocka_unit_test(reset_by_the_load_balancer),
		cmocka_unit_test(reset_by_the_peer),
		cmocka_unit_test(no_answer_at_a_released_address),
		cmocka_unit_test(unknown),
		cmocka_unit_test(what_may_be_a_check_has_low_confidence),
		cmocka_unit_test(the_end_of_the_run_and_an_unknown_balancer_lower_the_confidence),
		cmocka_unit_test(an_unclear_end_is_no_doubt_about_other_causes),
		cmocka_unit_test(the_rollout_causes),
		cmocka_unit_test(every_case_is_decided),
	};

	return cmocka_run_group_tests_name("cause", tests, NULL, NULL);
}
