// SPDX-License-Identifier: Apache-2.0
#include "user/core/evidence.h"

#include "tests/unit/core_fixture.h"

static enum ds_packet_kind kind_of(const char *flags, int64_t payload, int first_byte)
{
	struct ds_event ev =
		fx_packet_event(0, &(const struct fx_packet){ .n = 1,
							      .hook = DS_HOOK_TAP_RX,
							      .flags = flags,
							      .payload = payload,
							      .first_byte = first_byte });

	return ds_evidence_packet_kind(&ev);
}

static void what_a_packet_is(void **state)
{
	(void)state;
	assert_int_equal(kind_of(NULL, 0, 0), DS_PACKET_NONE);
	assert_int_equal(kind_of("SYN", 0, 0), DS_PACKET_SYN);
	assert_int_equal(kind_of("SYN|ECE|CWR", 0, 0), DS_PACKET_SYN);
	assert_int_equal(kind_of("SYN", 100, 'G'), DS_PACKET_SYN);	/* fast open */
	assert_int_equal(kind_of("SYN|ACK", 0, 0), DS_PACKET_SYN_ACK);
	assert_int_equal(kind_of("ACK", 0, 0), DS_PACKET_ACK);
	assert_int_equal(kind_of("PSH|ACK", 100, 'G'), DS_PACKET_PAYLOAD);
	assert_int_equal(kind_of("ACK", 1, 0), DS_PACKET_NO_REQUEST);	/* a keep-alive probe */
	assert_int_equal(kind_of("ACK", 2, 0), DS_PACKET_PAYLOAD);
	assert_int_equal(kind_of("FIN|PSH|ACK", 100, 'G'),
			 DS_PACKET_PAYLOAD); /* a request and its end */
	assert_int_equal(kind_of("FIN|ACK", 0, 0), DS_PACKET_NO_REQUEST);
	assert_int_equal(kind_of("RST", 0, 0), DS_PACKET_RST);
	assert_int_equal(kind_of("RST|ACK", 0, 0), DS_PACKET_RST);
}

/* DESIGN section 2: first byte 0x15 and at most 64 bytes. */
static void a_tls_alert_is_no_request(void **state)
{
	(void)state;
	assert_int_equal(kind_of("PSH|ACK", 24, 0x15), DS_PACKET_NO_REQUEST);
	assert_int_equal(kind_of("PSH|ACK", 64, 0x15), DS_PACKET_NO_REQUEST);
	assert_int_equal(kind_of("PSH|ACK", 65, 0x15), DS_PACKET_PAYLOAD);
	/* From TLS 1.3 on it looks like data that is too short to be any. */
	assert_int_equal(kind_of("PSH|ACK", 24, 0x17), DS_PACKET_NO_REQUEST);
	assert_int_equal(kind_of("PSH|ACK", 25, 0x17), DS_PACKET_PAYLOAD);
	assert_int_equal(kind_of("PSH|ACK", 24, 'G'), DS_PACKET_PAYLOAD);
}

static void whose_end_is_the_pod(void **state)
{
	static const struct {
		enum ds_hook hook;
		const char *flags;
		bool pod_is_source;
	} cases[] = {
		{ DS_HOOK_SEND_RESET, NULL, true },      { DS_HOOK_SEND_RESET, "SYN", false },
		{ DS_HOOK_V4_SEND_RESET, "ACK", false }, { DS_HOOK_V6_SEND_RESET, NULL, true },
		{ DS_HOOK_RECEIVE_RESET, NULL, true },   { DS_HOOK_KFREE_SKB, "SYN", false },
		{ DS_HOOK_ICMP_SEND, "SYN", false },     { DS_HOOK_TAP_RX, "SYN", false },
		{ DS_HOOK_TAP_TX, "SYN", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_event ev = fx_packet_event(0, &(const struct fx_packet){
			.n = 1, .hook = cases[i].hook, .flags = cases[i].flags });

		assert_int_equal(ds_evidence_source_is_pod(&ev), cases[i].pod_is_source);
	}
}

static uint32_t facts_of(const struct fx_packet *p, int *ret_outcome)
{
	struct ds_event ev = fx_packet_event(0, p);

	return ds_evidence_facts(&ev, ds_evidence_packet_kind(&ev), ret_outcome);
}

#define FACTS(...) facts_of(&(const struct fx_packet){ .n = 1, __VA_ARGS__ }, &outcome)

static void a_reset_that_answers_tells_what_it_answered(void **state)
{
	int outcome;

	(void)state;
	for (int hook = DS_HOOK_SEND_RESET; hook <= DS_HOOK_V6_SEND_RESET; hook++) {
		assert_int_equal(FACTS(.hook = hook, .flags = "SYN"), DS_FLOW_RST_TO_SYN);
		assert_int_equal(FACTS(.hook = hook, .flags = "ACK", .payload = 9),
				 DS_FLOW_RST_TO_PAYLOAD);
		assert_int_equal(FACTS(.hook = hook, .flags = "ACK"), DS_FLOW_NO_REQUEST);
		assert_int_equal(FACTS(.hook = hook, .flags = "FIN|ACK"), DS_FLOW_NO_REQUEST);
		assert_int_equal(outcome, -1);
	}
	assert_int_equal(FACTS(.hook = DS_HOOK_SEND_RESET, .flags = "SYN",
			       .reset_reason = "INVALID_SYN"),
			 DS_FLOW_OVERFLOW | DS_FLOW_RST_TO_SYN); /* tcp_abort_on_overflow */
}

static void a_reset_without_a_packet_is_an_abort(void **state)
{
	int outcome;

	(void)state;
	assert_int_equal(FACTS(.hook = DS_HOOK_SEND_RESET), DS_FLOW_ABORTED);
	assert_int_equal(FACTS(.hook = DS_HOOK_SEND_RESET, .reset_reason = "TCP_ABORT_ON_CLOSE"),
			 DS_FLOW_ABORTED | DS_FLOW_UNREAD);
	assert_int_equal(FACTS(.hook = DS_HOOK_SEND_RESET, .unaccepted = true), DS_FLOW_UNACCEPTED);
	assert_int_equal(FACTS(.hook = DS_HOOK_RECEIVE_RESET), DS_FLOW_RST_RECEIVED);
}

static void why_a_packet_died_on_the_node(void **state)
{
	static const struct { const char *reason, *location; int outcome; } cases[] = {
		{ "NEIGH_FAILED", NULL, DS_OUTCOME_NEIGH_FAILED },
		{ "NEIGH_CREATEFAIL", NULL, DS_OUTCOME_NEIGH_FAILED },
		{ "NEIGH_QUEUEFULL", NULL, DS_OUTCOME_NEIGH_FAILED },
		{ "NEIGH_DEAD", NULL, DS_OUTCOME_NEIGH_FAILED },
		{ "IP_INNOROUTES", NULL, DS_OUTCOME_NO_ROUTE },
		{ "IP_OUTNOROUTES", NULL, DS_OUTCOME_NO_ROUTE },
		{ "IP_INADDRERRORS", NULL, DS_OUTCOME_NO_ROUTE },
		{ "IP_RPFILTER", NULL, DS_OUTCOME_RP_FILTER },
		{ "TC_INGRESS", NULL, DS_OUTCOME_DROPPED_BY_CNI },
		{ "TC_EGRESS", NULL, DS_OUTCOME_DROPPED_BY_CNI },
		{ "XDP", NULL, DS_OUTCOME_DROPPED_BY_CNI },
		/* A reason that says nothing, or a kernel without reasons: the place tells. */
		{ "NOT_SPECIFIED", "neigh_invalidate", DS_OUTCOME_NEIGH_FAILED },
		{ NULL, "neigh_invalidate", DS_OUTCOME_NEIGH_FAILED },
		/* The rest of a neighbour's queue, when its resolution begins again meanwhile. */
		{ "QUEUE_PURGE", "neigh_invalidate", DS_OUTCOME_NEIGH_FAILED },
		{ "NOT_SPECIFIED", "do_xdp_generic", DS_OUTCOME_DROPPED_BY_CNI },
		{ NULL, "netif_receive_generic_xdp", DS_OUTCOME_DROPPED_BY_CNI },
		{ NULL, "dst_discard", DS_OUTCOME_BLACKHOLE },
		{ NULL, "ip_error", DS_OUTCOME_BLACKHOLE },
		{ NULL, "ip6_pkt_drop", DS_OUTCOME_NO_ROUTE },
	};
	int outcome;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
				       .drop_reason = cases[i].reason,
				       .location = cases[i].location),
				 DS_FLOW_DIED | DS_FLOW_SYN);
		assert_int_equal(outcome, cases[i].outcome);
	}
}

/* A blackhole, an unreachable route and none end in the same function. */
static void the_error_of_the_route_tells_which_it_was(void **state)
{
	static const struct { const char *reason, *location; int error, outcome; } cases[] = {
		{ "NOT_SPECIFIED", "ip_error", 22, DS_OUTCOME_BLACKHOLE },
		{ "NOT_SPECIFIED", "ip_error", 113, DS_OUTCOME_ICMP_UNREACHABLE },
		{ "NOT_SPECIFIED", "ip_error", 13, DS_OUTCOME_ICMP_UNREACHABLE },
		{ NULL, "ip_error", 101, DS_OUTCOME_NO_ROUTE },
		{ NULL, "ip_error", 7, DS_OUTCOME_BLACKHOLE },
		{ NULL, "ip6_pkt_drop", 113, DS_OUTCOME_ICMP_UNREACHABLE },
		{ NULL, "ip6_pkt_discard", 7, DS_OUTCOME_NO_ROUTE },
		{ "IP_INNOROUTES", "ip6_pkt_drop", 113, DS_OUTCOME_ICMP_UNREACHABLE },
		{ "IP_INNOROUTES", "ip6_pkt_drop", 101, DS_OUTCOME_NO_ROUTE },
		{ "NEIGH_FAILED", "neigh_invalidate", 113, DS_OUTCOME_NEIGH_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ds_event ev = fx_packet_event(0, &(const struct fx_packet){
			.n = 1, .hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
			.drop_reason = cases[i].reason, .location = cases[i].location });
		int outcome;

		DS_SET(&ev, ROUTE_ERROR, route_error, cases[i].error);
		assert_true(ds_evidence_facts(&ev, DS_PACKET_SYN, &outcome) & DS_FLOW_DIED);
		assert_int_equal(outcome, cases[i].outcome);
	}
}

static bool goodbye(int64_t last, int64_t unread, int64_t received, int64_t unsent)
{
	struct ds_event ev = fx_socket_event(0, 1, NULL, 4001, DS_SOCKET_CHANGE_CLOSING);

	DS_SET(&ev, LAST_SEGMENT, last_segment_bytes, last);
	DS_SET(&ev, UNREAD_BYTES, unread_bytes, unread);
	DS_SET(&ev, RECEIVED_BYTES, received_bytes, received);
	DS_SET(&ev, UNSENT_BYTES, unsent_bytes, unsent);
	return ds_evidence_is_goodbye(&ev);
}

static void a_close_notify_is_known_by_its_length_alone(void **state)
{
	struct ds_event nothing = fx_socket_event(0, 1, NULL, 4001, DS_SOCKET_CHANGE_CLOSING);

	(void)state;
	assert_true(goodbye(24, 24, 700, 0));		/* TLS 1.3, nobody has read it */
	assert_true(goodbye(31, 0, 700, 0));		/* TLS 1.2, it was read */
	assert_true(goodbye(23, 23, 183, 0));
	assert_false(goodbye(23, 23, 182, 0));		/* no handshake came before it */
	for (int64_t last = 0; last < 70; last++)
		assert_int_equal(goodbye(last, last, 700, 0),
				 last == 23 || last == 24 || last == 31);
	assert_false(goodbye(24, 48, 700, 0));		/* a request lies before it */
	assert_false(goodbye(24, 24, 700, 1));		/* an answer is on its way */
	assert_false(ds_evidence_is_goodbye(&nothing));
}

static void a_packet_that_dies_of_anything_else_is_no_evidence(void **state)
{
	int outcome;

	(void)state;
	assert_int_equal(
		FACTS(.hook = DS_HOOK_KFREE_SKB, .flags = "SYN", .drop_reason = "TCP_CSUM"), 0);
	assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .flags = "SYN", .location = "tcp_v4_rcv"),
			 0);
	/* A named reason stands before the place. */
	assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .flags = "SYN", .drop_reason = "TCP_CSUM",
			       .location = "neigh_invalidate"), 0);
	/* In the pod's own namespace it is told by the RST. */
	assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .flags = "SYN",
			       .drop_reason = "NEIGH_FAILED", .scope = DS_SCOPE_POD),
			 0);
}

static void netfilter_and_the_accept_queue_count_in_the_pod_too(void **state)
{
	int outcome;

	(void)state;
	/* The handshake's last part may bring payload: what is lost is the connection. */
	assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .scope = DS_SCOPE_POD, .flags = "PSH|ACK", .payload = 9,
			       .drop_reason = "TCP_LISTEN_OVERFLOW"),
			 DS_FLOW_OVERFLOW | DS_FLOW_SYN);
	for (int scope = DS_SCOPE_ROUTING; scope <= DS_SCOPE_POD; scope++) {
		assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .scope = scope, .flags = "SYN",
				       .drop_reason = "NETFILTER_DROP"),
				 DS_FLOW_NETFILTER | DS_FLOW_SYN);
		assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .scope = scope, .flags = "ACK",
				       .drop_reason = "TCP_LISTEN_OVERFLOW"),
				 DS_FLOW_OVERFLOW | DS_FLOW_SYN);
		assert_int_equal(FACTS(.hook = DS_HOOK_KFREE_SKB, .scope = scope, .flags = "ACK",
				       .drop_reason = "NO_SOCKET", .location = "cookie_v4_check"),
				 DS_FLOW_OVERFLOW | DS_FLOW_SYN);
	}
}

static void icmp_and_what_was_lost(void **state)
{
	int outcome;

	(void)state;
	assert_int_equal(FACTS(.hook = DS_HOOK_ICMP_SEND, .flags = "SYN"),
			 DS_FLOW_ICMP | DS_FLOW_SYN);
	assert_int_equal(FACTS(.hook = DS_HOOK_ICMP_SEND, .flags = "ACK", .payload = 5),
			 DS_FLOW_ICMP | DS_FLOW_PAYLOAD);
	assert_int_equal(FACTS(.hook = DS_HOOK_TAP_RX, .flags = "SYN"), DS_FLOW_SYN);
	assert_int_equal(FACTS(.hook = DS_HOOK_TAP_RX, .flags = "FIN|ACK"), DS_FLOW_NO_REQUEST);
}

static void only_an_uplink_of_the_node_leads_out(void **state)
{
	int outcome;

	(void)state;
	assert_int_equal(FACTS(.hook = DS_HOOK_TAP_TX, .flags = "SYN", .uplink = true),
			 DS_FLOW_LEFT_NODE | DS_FLOW_SYN);
	assert_int_equal(FACTS(.hook = DS_HOOK_TAP_TX, .flags = "SYN"), 0);
	assert_int_equal(FACTS(.hook = DS_HOOK_TAP_TX, .flags = "SYN", .uplink = true,
			       .scope = DS_SCOPE_POD), 0);
	assert_int_equal(FACTS(.hook = DS_HOOK_SET_STATE, .flags = "SYN"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_packet_is),
		cmocka_unit_test(a_tls_alert_is_no_request),
		cmocka_unit_test(whose_end_is_the_pod),
		cmocka_unit_test(a_reset_that_answers_tells_what_it_answered),
		cmocka_unit_test(a_reset_without_a_packet_is_an_abort),
		cmocka_unit_test(why_a_packet_died_on_the_node),
		cmocka_unit_test(the_error_of_the_route_tells_which_it_was),
		cmocka_unit_test(a_close_notify_is_known_by_its_length_alone),
		cmocka_unit_test(a_packet_that_dies_of_anything_else_is_no_evidence),
		cmocka_unit_test(netfilter_and_the_accept_queue_count_in_the_pod_too),
		cmocka_unit_test(icmp_and_what_was_lost),
		cmocka_unit_test(only_an_uplink_of_the_node_leads_out),
	};

	return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
