// SPDX-License-Identifier: Apache-2.0
/*
 * user/source/kernel/kernel_decode.c: records to events, and what a broken record does.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "include/ds_record.h"
#include "user/source/kernel/kernel_decode.h"

#define OFFSET INT64_C(1700000000000000000)

static const __u8 lb[16] = { [10] = 0xff, 0xff, 10, 9, 0, 2 };
static const __u8 pod[16] = { [10] = 0xff, 0xff, 10, 8, 0, 5 };
static const __u8 lb6[16] = { 0xfd, 0, 0, 9, [15] = 2 };
static const __u8 pod6[16] = { 0xfd, 0, 0, 8, [15] = 5 };

static int setup(void **state)
{
	struct ds_decoder *d = NULL;

	assert_int_equal(ds_decoder_new(&d), 0);
	ds_decoder_set_offset(d, OFFSET);
	assert_int_equal(ds_decoder_set_reason(d, DS_REASON_DROP, 3, "NO_SOCKET"), 0);
	assert_int_equal(ds_decoder_set_reason(d, DS_REASON_RESET, 9, "TCP_TIMEWAIT_SOCKET"), 0);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct ds_decoder *d = *state;

	ds_decoder_free(&d);
	assert_null(d);
	ds_decoder_free(&d);	/* NULL is fine */
	return 0;
}

static struct ds_rec_packet packet(enum ds_rec_hook hook)
{
	struct ds_rec_packet r = { .h = { 1000, DS_REC_PACKET, sizeof(r) } };

	memcpy(r.saddr, lb, sizeof(lb));
	memcpy(r.daddr, pod, sizeof(pod));
	r.sport = 40000;
	r.dport = 8080;
	r.hook = hook;
	r.scope = DS_REC_SCOPE_POD;
	r.netns = 4026532000;
	return r;
}

static struct ds_rec_socket sock(enum ds_rec_socket_change change)
{
	struct ds_rec_socket r = { .h = { 5000000000, DS_REC_SOCKET, sizeof(r) } };

	memcpy(r.laddr, pod, sizeof(pod));
	memcpy(r.raddr, lb, sizeof(lb));
	r.lport = 8080;
	r.rport = 40000;
	r.change = change;
	r.scope = DS_REC_SCOPE_POD;
	r.family = 4;
	r.old_state = 1;
	r.new_state = 4;
	r.netns = 4026532000;
	r.cgroup.id = 77;
	strcpy(r.cgroup.names[0], "c0ffee");
	strcpy(r.cgroup.names[1], "podabc");
	strcpy(r.cgroup.names[2], "kubepods");
	return r;
}

static struct ds_rec_process process(enum ds_rec_process_change change)
{
	struct ds_rec_process r = { .h = { 1000, DS_REC_PROCESS, sizeof(r) } };

	r.pid = 42;
	r.change = change;
	strcpy(r.cgroup.names[0], "podabc");
	return r;
}

/* Anybody can send one; its line could not be read again. */
static void a_packet_from_nowhere_is_none(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_TAP_RX);
	struct ds_event ev;

	memset(r.saddr, 0, sizeof(r.saddr));
	memcpy(r.daddr, pod6, sizeof(pod6));
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 0);
	memcpy(r.saddr, lb6, sizeof(lb6));
	memset(r.daddr, 0, sizeof(r.daddr));
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 0);
}

static void a_refused_syn_becomes_a_packet_event(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_KFREE_SKB);
	struct ds_event ev;

	r.flags = DS_REC_F_SEQ | DS_REC_F_DROP_REASON | DS_REC_F_PAYLOAD_BYTE;
	r.tcp_flags = 0x02;
	r.seq = UINT32_MAX;
	r.drop_reason = 3;
	r.first_byte = 0x15;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.kind, DS_EVENT_PACKET);
	assert_int_equal(ev.time_ns, OFFSET + 1000);
	assert_int_equal(ev.hook, DS_HOOK_KFREE_SKB);
	assert_int_equal(ev.scope, DS_SCOPE_POD);
	assert_int_equal(ev.direction, DS_DIRECTION_RECEIVE);
	assert_memory_equal(ev.source.bytes, lb, 16);
	assert_memory_equal(ev.destination.bytes, pod, 16);
	assert_int_equal(ev.source_port, 40000);
	assert_int_equal(ev.destination_port, 8080);
	assert_string_equal(ev.network_type, "ipv4");
	assert_string_equal(ev.tcp_flags, "SYN");
	assert_true(ev.tcp_seq == UINT32_MAX);
	assert_int_equal(ev.tcp_first_byte, 0x15);
	assert_string_equal(ev.drop_reason, "NO_SOCKET");
	assert_true(ev.netns == 4026532000);
	assert_false(ds_event_has(&ev, DS_KEY_RESET_REASON));
	assert_false(ds_event_has(&ev, DS_KEY_LOCATION));
	assert_false(ds_event_has(&ev, DS_KEY_ICMP_TYPE));
	assert_false(ds_event_has(&ev, DS_KEY_ROUTE_ERROR));
	/* kfree_skb does not say that there was no socket. */
	assert_false(ds_event_has(&ev, DS_KEY_SOCKET_PRESENT));
}

static void the_route_of_a_packet_that_died_is_told(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_KFREE_SKB);
	struct ds_event ev;

	r.route_error = 113;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.route_error, 113);
}

static void a_packet_tells_its_hops_and_how_it_came(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_TAP_TX);
	struct ds_event ev;

	ds_decoder_set_iface(*state, 7, "ens5", DS_IFACE_UPLINK);
	r.scope = DS_REC_SCOPE_ROUTING;
	r.flags = DS_REC_F_SEQ;
	r.hop_limit = 63;
	r.in_ifindex = 7;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.hop_limit, 63);
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_IN_KIND));	/* not told */
	assert_false(ds_event_has(&ev, DS_KEY_CAME_AT));
	r.flags |= DS_REC_F_CAME_BY;
	r.came_ns = 900;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.iface_in_kind, DS_IFACE_UPLINK);
	assert_int_equal(ev.came_at, OFFSET + 900);
	r.in_ifindex = 0;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.iface_in_kind, DS_IFACE_LOCAL);
	/* An interface that nobody has named, and one of another namespace. */
	r.in_ifindex = 9;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_IN_KIND));
	r.in_ifindex = 7;
	r.scope = DS_REC_SCOPE_POD;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_IN_KIND));
}

static void flags_are_named_in_the_order_of_their_bits(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_TAP_RX);
	struct ds_event ev;

	r.flags = DS_REC_F_SEQ;
	r.tcp_flags = 0x18;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.tcp_flags, "PSH|ACK");
	r.tcp_flags = 0xff;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.tcp_flags, "FIN|SYN|RST|PSH|ACK|URG|ECE|CWR");
	r.tcp_flags = 0;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_TCP_FLAGS));
}

static void a_reset_says_whether_it_met_a_socket(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_SEND_RESET);
	struct ds_event ev;

	memcpy(r.saddr, lb6, sizeof(lb6));
	memcpy(r.daddr, pod6, sizeof(pod6));
	r.flags = DS_REC_F_SEQ | DS_REC_F_TRANSMIT;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_true(ds_event_has(&ev, DS_KEY_SOCKET_PRESENT));
	assert_false(ev.socket_present);
	assert_string_equal(ev.network_type, "ipv6");
	assert_int_equal(ev.direction, DS_DIRECTION_TRANSMIT);
	r.flags |= DS_REC_F_SOCKET | DS_REC_F_RESET_REASON;
	r.tcp_state = 6;
	r.reset_reason = 9;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_true(ev.socket_present);
	assert_string_equal(ev.tcp_state, "TIME_WAIT");
	assert_string_equal(ev.reset_reason, "TCP_TIMEWAIT_SOCKET");
	/* Only a connection's own reset knows what it leaves open. */
	assert_false(ds_event_has(&ev, DS_KEY_SOCKET_UNACCEPTED));
	r.flags |= DS_REC_F_FROM_SOCKET | DS_REC_F_UNACCEPTED | DS_REC_F_OUTSTANDING;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_true(ev.socket_unaccepted);
	assert_true(ev.request_outstanding);
}

static void numbers_without_a_name_leave_the_key_out(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_SEND_RESET);
	struct ds_event ev;

	r.flags = DS_REC_F_DROP_REASON | DS_REC_F_RESET_REASON | DS_REC_F_SOCKET;
	r.drop_reason = 0x10001;	/* a subsystem's */
	r.reset_reason = UINT32_MAX;
	r.tcp_state = 200;
	r.location = 12345;
	r.cgroup_id = 999;
	r.ifindex = 7;
	r.scope = DS_REC_SCOPE_ROUTING;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_DROP_REASON));
	assert_false(ds_event_has(&ev, DS_KEY_RESET_REASON));
	assert_false(ds_event_has(&ev, DS_KEY_TCP_STATE));
	assert_false(ds_event_has(&ev, DS_KEY_LOCATION));
	assert_false(ds_event_has(&ev, DS_KEY_CGROUP_PATH));
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_NAME));
	/* Out of the table's bounds: taken, and forgotten. */
	assert_int_equal(ds_decoder_set_reason(*state, DS_REASON_DROP, 0x10001, "X"), 0);
	assert_int_equal(ds_decoder_set_reason(*state, DS_REASON_DROP, -1, "X"), 0);
}

static void teach(struct ds_decoder *d, __u32 id, const char *name, int expected)
{
	struct ds_rec_location r = { .h = { 1, DS_REC_LOCATION, sizeof(r) }, .id = id };
	struct ds_event ev;

	memset(r.name, 0, sizeof(r.name));
	memcpy(r.name, name, strnlen(name, sizeof(r.name)));
	assert_int_equal(ds_decoder_decode(d, &r, sizeof(r), &ev), expected);
}

static void locations_are_taught_once_and_then_named(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_KFREE_SKB);
	char full[64];
	struct ds_event ev;

	teach(*state, 5, "ip_error", 0);
	teach(*state, 5 + 2048, "nft_do_chain [nf_tables]", 0);	/* the same slot */
	teach(*state, 6, "0xffffffff81234567", 0);	/* no kallsyms */
	r.location = 5;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.location, "ip_error");
	r.location = 5 + 2048;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.location, "nft_do_chain");
	r.location = 6;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_LOCATION));
	memset(full, 'x', sizeof(full));	/* no NUL: not ours */
	teach(*state, 7, full, -EBADMSG);
	teach(*state, 0, "zero", -EBADMSG);
	/* More than there is room for: no more, and nothing is overwritten. */
	for (__u32 id = 100; id < 6000; id++)
		teach(*state, id, "more", 0);
	r.location = 5;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.location, "ip_error");
}

static void an_interface_is_named_in_the_routing_namespace_only(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_TAP_TX);
	struct ds_event ev;

	ds_decoder_set_iface(*state, 3, "eth0", DS_IFACE_UPLINK);
	ds_decoder_set_iface(*state, 4, "a-name-of-more-than-fifteen", DS_IFACE_MAX);
	r.ifindex = 3;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_NAME));
	r.scope = DS_REC_SCOPE_ROUTING;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.iface_name, "eth0");
	assert_int_equal(ev.iface_kind, DS_IFACE_UPLINK);
	r.ifindex = 4;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.iface_name, "a-name-of-more-");
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_KIND));
	r.ifindex = 3 + 1024;	/* the same place, another interface */
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_IFACE_NAME));
}

static void an_icmp_error_carries_type_and_code(void **state)
{
	struct ds_rec_packet r = packet(DS_REC_HOOK_ICMP_SEND);
	struct ds_event ev;

	r.icmp_type = 3;
	r.icmp_code = 1;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.icmp_type, 3);
	assert_int_equal(ev.icmp_code, 1);
}

static void a_listener_has_a_port_and_no_remote_end(void **state)
{
	struct ds_rec_socket r = sock(DS_REC_SOCKET_LISTENER_CLOSED);
	struct ds_event ev;

	memset(r.laddr, 0, sizeof(r.laddr));
	r.family = 6;
	r.new_state = 7;
	r.backlog = 2;
	r.backlog_max = 128;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.kind, DS_EVENT_SOCKET);
	assert_int_equal(ev.socket_change, DS_SOCKET_CHANGE_LISTENER_CLOSED);
	assert_int_equal(ev.hook, DS_HOOK_SET_STATE);
	assert_int_equal(ev.source_port, 8080);
	assert_string_equal(ev.network_type, "ipv6");
	assert_string_equal(ev.cgroup_path, "kubepods/podabc/c0ffee");
	assert_int_equal(ev.backlog, 2);
	assert_int_equal(ev.backlog_max, 128);
	assert_false(ds_event_has(&ev, DS_KEY_SOURCE_ADDRESS));
	assert_false(ds_event_has(&ev, DS_KEY_DESTINATION_ADDRESS));
	assert_false(ds_event_has(&ev, DS_KEY_REQUEST_OUTSTANDING));
}

static void a_connection_of_a_dual_stack_listener_is_ipv4(void **state)
{
	struct ds_rec_socket r = sock(DS_REC_SOCKET_ACCEPTED);
	struct ds_event ev;

	r.family = 6;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.network_type, "ipv4");
	assert_memory_equal(ev.source.bytes, pod, 16);
	assert_memory_equal(ev.destination.bytes, lb, 16);
}

static bool outstanding(struct ds_decoder *d, const struct ds_rec_socket *r)
{
	struct ds_event ev;

	assert_int_equal(ds_decoder_decode(d, r, sizeof(*r), &ev), 1);
	assert_true(ds_event_has(&ev, DS_KEY_REQUEST_OUTSTANDING));
	return ev.request_outstanding;
}

static void a_request_is_outstanding_when_its_answer_is(void **state)
{
	struct ds_rec_socket r = sock(DS_REC_SOCKET_CLOSING);
	__u64 now = r.h.ts_ns;

	r.received_bytes = 10;
	r.last_payload_ns = r.last_sent_ns = now - 1000000000;
	assert_false(outstanding(*state, &r));	/* equal: within one jiffy */
	r.last_payload_ns++;
	assert_true(outstanding(*state, &r));	/* received later than sent */
	r.last_payload_ns = r.last_sent_ns;
	r.flags = DS_REC_F_OUTSTANDING;
	assert_true(outstanding(*state, &r));	/* told by sequence numbers */
	r.flags = 0;
	r.unsent_bytes = 1;
	assert_true(outstanding(*state, &r));
	r.unsent_bytes = 0;
	r.unacked_bytes = 1;
	assert_true(outstanding(*state, &r));	/* nobody acknowledged it for a second */
	r.last_payload_ns = r.last_sent_ns = now - 40000000;
	assert_false(outstanding(*state, &r));	/* a delayed ACK may still come */
	r.new_state = 7;
	assert_true(outstanding(*state, &r));	/* but not after a RST */
	r.new_state = 4;
	r.unacked_bytes = 0;
	r.last_sent_ns = 0;
	assert_true(outstanding(*state, &r));	/* never an answer */
	r.last_payload_ns = 0;
	assert_false(outstanding(*state, &r));	/* never a request */
}

static void a_closing_tells_what_it_leaves(void **state)
{
	struct ds_rec_socket r = sock(DS_REC_SOCKET_CLOSING);
	struct ds_event ev;

	r.flags = DS_REC_F_PEER_CLOSED | DS_REC_F_AGE | DS_REC_F_UNACCEPTED;
	r.age_ns = 123;
	r.last_payload_ns = 4000000000;
	r.received_bytes = 10;
	r.data_segments_in = 2;
	r.unread_bytes = 3, r.last_segment_bytes = 4, r.hop_limit = 63;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_true(ev.peer_closed_first);
	assert_true(ev.socket_unaccepted);
	assert_int_equal(ev.socket_age, 123);
	assert_true(ev.last_payload_at == OFFSET + 4000000000);
	assert_false(ds_event_has(&ev, DS_KEY_LAST_SENT_AT));
	assert_int_equal(ev.received_bytes, 10);
	assert_int_equal(ev.data_segments_in, 2);
	assert_int_equal(ev.unread_bytes, 3);
	assert_int_equal(ev.last_segment_bytes, 4);
	assert_int_equal(ev.hop_limit, 63);
	assert_string_equal(ev.tcp_state, "FIN_WAIT1");
	r.flags = 0;
	r.last_payload_ns = 0;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_SOCKET_AGE));
	assert_false(ds_event_has(&ev, DS_KEY_LAST_PAYLOAD_AT));
	r.change = DS_REC_SOCKET_CLOSED;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.hook, DS_HOOK_DESTROY_SOCK);
	assert_false(ds_event_has(&ev, DS_KEY_REQUEST_OUTSTANDING));
}

static void a_packet_learns_its_cgroup_from_an_earlier_socket(void **state)
{
	struct ds_rec_socket s = sock(DS_REC_SOCKET_LISTENING);
	struct ds_rec_packet r = packet(DS_REC_HOOK_SEND_RESET);
	struct ds_event ev;

	r.cgroup_id = s.cgroup.id;
	assert_int_equal(ds_decoder_decode(*state, &s, sizeof(s), &ev), 1);
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_string_equal(ev.cgroup_path, "kubepods/podabc/c0ffee");
	s.cgroup.id += 1024;	/* the newer one takes the place */
	assert_int_equal(ds_decoder_decode(*state, &s, sizeof(s), &ev), 1);
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_CGROUP_PATH));
}

static void cgroup_names_may_fill_their_fields(void **state)
{
	struct ds_rec_process r = process(DS_REC_PROCESS_SIGTERM);
	struct ds_event ev;

	memset(r.cgroup.names, 'x', sizeof(r.cgroup.names));	/* and have no NUL at all */
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(strlen(ev.cgroup_path),
			 DS_CGROUP_NAMES * (DS_CGROUP_NAME_LEN - 1) + DS_CGROUP_NAMES - 1);
	memset(r.cgroup.names, 0, sizeof(r.cgroup.names));
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_CGROUP_PATH));
}

static void an_exit_tells_status_or_signal(void **state)
{
	struct ds_rec_process r = process(DS_REC_PROCESS_EXITED);
	struct ds_event ev;

	r.exit_code = 3 << 8;
	r.flags = DS_REC_F_INIT;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.kind, DS_EVENT_PROCESS);
	assert_int_equal(ev.hook, DS_HOOK_PROCESS_EXIT);
	assert_int_equal(ev.pid, 42);
	assert_true(ev.is_init);
	assert_int_equal(ev.exit_code, 3);
	r.exit_code = 9;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.exit_code, 137);
	r.exit_code = 0x80 | 11;	/* with a core dump */
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.exit_code, 139);
	r.change = DS_REC_PROCESS_OOM_KILLED;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.hook, DS_HOOK_MARK_VICTIM);
	assert_false(ds_event_has(&ev, DS_KEY_EXIT_CODE));
}

static void a_signal_tells_where_it_came_from(void **state)
{
	struct ds_rec_process r = process(DS_REC_PROCESS_SIGKILL);
	struct ds_event ev;

	r.source = DS_REC_SIGNAL_CGROUP_KILL;
	memcpy(r.comm, "pause", 6);
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_int_equal(ev.signal_source, DS_SIGNAL_SOURCE_CGROUP_KILL);
	assert_string_equal(ev.executable, "pause");
	r.source = DS_REC_SIGNAL_SOURCE_MAX;
	memset(r.comm, 'x', sizeof(r.comm));	/* has no NUL at all */
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_SIGNAL_SOURCE));
	assert_string_equal(ev.executable, "xxxxxxxxxxxxxxxx");
	r.change = DS_REC_PROCESS_EXITED;
	r.source = 0;
	assert_int_equal(ds_decoder_decode(*state, &r, sizeof(r), &ev), 1);
	assert_false(ds_event_has(&ev, DS_KEY_SIGNAL_SOURCE));
}

static void records_that_cannot_be_are_refused(void **state)
{
	struct ds_rec_packet p = packet(DS_REC_HOOK_TAP_RX), good = p;
	struct ds_rec_socket s = sock(DS_REC_SOCKET_CLOSING);
	struct ds_rec_process t = process(DS_REC_PROCESS_SIGTERM);
	struct ds_event ev;

	for (size_t len = 0; len < sizeof(p); len++)
		assert_int_equal(ds_decoder_decode(*state, &p, len, &ev), -EBADMSG);
	p.h.size--;
	assert_int_equal(ds_decoder_decode(*state, &p, sizeof(p), &ev), -EBADMSG);
	p = good;
	p.h.kind = DS_REC_MAX;
	assert_int_equal(ds_decoder_decode(*state, &p, sizeof(p), &ev), -EBADMSG);
	p.h.kind = 0;
	assert_int_equal(ds_decoder_decode(*state, &p, sizeof(p), &ev), -EBADMSG);
	p.h.kind = DS_REC_SOCKET;
	assert_int_equal(ds_decoder_decode(*state, &p, sizeof(p), &ev), -EBADMSG);
	p = good;
	p.hook = DS_REC_HOOK_MAX;
	assert_int_equal(ds_decoder_decode(*state, &p, sizeof(p), &ev), -EBADMSG);
	p = good;
	p.scope = DS_REC_SCOPE_MAX;
	assert_int_equal(ds_decoder_decode(*state, &p, sizeof(p), &ev), -EBADMSG);
	s.change = DS_REC_SOCKET_CHANGE_MAX;
	assert_int_equal(ds_decoder_decode(*state, &s, sizeof(s), &ev), -EBADMSG);
	s = sock(DS_REC_SOCKET_CLOSING);
	s.family = 5;
	assert_int_equal(ds_decoder_decode(*state, &s, sizeof(s), &ev), -EBADMSG);
	t.change = DS_REC_PROCESS_CHANGE_MAX;
	assert_int_equal(ds_decoder_decode(*state, &t, sizeof(t), &ev), -EBADMSG);
}

/* Whatever the bytes are: an event, nothing, or a refusal, and no access out of bounds. */
static void random_bytes_do_no_harm(void **state)
{
	static const __u32 sizes[DS_REC_MAX] = {
		16, sizeof(struct ds_rec_packet), sizeof(struct ds_rec_socket),
		sizeof(struct ds_rec_process), sizeof(struct ds_rec_location),
	};
	__u64 seed = 1;
	struct ds_event ev;

	for (int round = 0; round < 20000; round++) {
		__u32 kind = (__u32)round % DS_REC_MAX;
		__u32 size = sizes[kind];
		char *record = malloc(size);	/* of the exact size, for the sanitizer */
		struct ds_rec_hdr h = { 1, kind, size };
		int r;

		assert_non_null(record);
		for (__u32 i = 0; i < size; i++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			record[i] = (char)(round % 3 ? seed >> 56 : (seed >> 56) % 4);
		}
		memcpy(record, &h, sizeof(h));
		r = ds_decoder_decode(*state, record, size, &ev);
		assert_true(r == 0 || r == 1 || r == -EBADMSG);
		free(record);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_packet_from_nowhere_is_none),
		TEST(a_refused_syn_becomes_a_packet_event),
		TEST(the_route_of_a_packet_that_died_is_told),
		TEST(a_packet_tells_its_hops_and_how_it_came),
		TEST(flags_are_named_in_the_order_of_their_bits),
		TEST(a_reset_says_whether_it_met_a_socket),
		TEST(numbers_without_a_name_leave_the_key_out),
		TEST(locations_are_taught_once_and_then_named),
		TEST(an_interface_is_named_in_the_routing_namespace_only),
		TEST(an_icmp_error_carries_type_and_code),
		TEST(a_listener_has_a_port_and_no_remote_end),
		TEST(a_connection_of_a_dual_stack_listener_is_ipv4),
		TEST(a_request_is_outstanding_when_its_answer_is),
		TEST(a_closing_tells_what_it_leaves),
		TEST(a_packet_learns_its_cgroup_from_an_earlier_socket),
		TEST(cgroup_names_may_fill_their_fields),
		TEST(an_exit_tells_status_or_signal),
		TEST(a_signal_tells_where_it_came_from),
		TEST(records_that_cannot_be_are_refused),
		TEST(random_bytes_do_no_harm),
	};
	return cmocka_run_group_tests_name("kernel_decode", tests, NULL, NULL);
}
