// SPDX-License-Identifier: Apache-2.0
/*
 * From records of the ring buffer to events. Pure and bounded: every length, enum and string of a
 * record is checked before it is used.
 */
#include "user/source/kernel/kernel_decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/ds_record.h"
#include "user/util/cleanup.h"

/* The record's enums are those of the events, by value. */
#define SAME(rec, core) _Static_assert((int)DS_REC_##rec == (int)DS_##core, #rec)
SAME(HOOK_SEND_RESET, HOOK_SEND_RESET);
SAME(HOOK_V4_SEND_RESET, HOOK_V4_SEND_RESET);
SAME(HOOK_V6_SEND_RESET, HOOK_V6_SEND_RESET);
SAME(HOOK_RECEIVE_RESET, HOOK_RECEIVE_RESET);
SAME(HOOK_KFREE_SKB, HOOK_KFREE_SKB);
SAME(HOOK_ICMP_SEND, HOOK_ICMP_SEND);
SAME(HOOK_TAP_RX, HOOK_TAP_RX);
SAME(HOOK_TAP_TX, HOOK_TAP_TX);
SAME(HOOK_SET_STATE, HOOK_SET_STATE);
SAME(HOOK_DESTROY_SOCK, HOOK_DESTROY_SOCK);
SAME(HOOK_SIGNAL_GENERATE, HOOK_SIGNAL_GENERATE);
SAME(HOOK_PROCESS_EXIT, HOOK_PROCESS_EXIT);
SAME(HOOK_MARK_VICTIM, HOOK_MARK_VICTIM);
SAME(HOOK_MAX, HOOK_MAX);
SAME(SCOPE_ROUTING, SCOPE_ROUTING);
SAME(SCOPE_POD, SCOPE_POD);
SAME(SCOPE_UNKNOWN, SCOPE_UNKNOWN);
SAME(SCOPE_MAX, SCOPE_MAX);
SAME(SOCKET_LISTENING, SOCKET_CHANGE_LISTENING);
SAME(SOCKET_LISTENER_CLOSED, SOCKET_CHANGE_LISTENER_CLOSED);
SAME(SOCKET_ACCEPTED, SOCKET_CHANGE_ACCEPTED);
SAME(SOCKET_CLOSING, SOCKET_CHANGE_CLOSING);
SAME(SOCKET_CLOSED, SOCKET_CHANGE_CLOSED);
SAME(SOCKET_CHANGE_MAX, SOCKET_CHANGE_MAX);
SAME(PROCESS_SIGTERM, PROCESS_CHANGE_SIGTERM);
SAME(PROCESS_SIGTERM_IGNORED, PROCESS_CHANGE_SIGTERM_IGNORED);
SAME(PROCESS_SIGKILL, PROCESS_CHANGE_SIGKILL);
SAME(PROCESS_OOM_KILLED, PROCESS_CHANGE_OOM_KILLED);
SAME(PROCESS_EXITED, PROCESS_CHANGE_EXITED);
SAME(PROCESS_CHANGE_MAX, PROCESS_CHANGE_MAX);
SAME(SIGNAL_PROCESS, SIGNAL_SOURCE_PROCESS);
SAME(SIGNAL_CONTAINER, SIGNAL_SOURCE_CONTAINER);
SAME(SIGNAL_CGROUP_KILL, SIGNAL_SOURCE_CGROUP_KILL);
SAME(SIGNAL_NAMESPACE_END, SIGNAL_SOURCE_NAMESPACE_END);
SAME(SIGNAL_KERNEL, SIGNAL_SOURCE_KERNEL);
SAME(SIGNAL_SOURCE_MAX, SIGNAL_SOURCE_MAX);

#define REASONS 1024		/* the core's own: subsystems count from 0x10000, in modules */
#define LOCATIONS 2048		/* slots; the kernel side names at most 1024 */
#define IFACES 1024
#define CGROUPS 1024
#define FLAGS_LEN 40		/* all eight names and their bars are 31 */
#define PATH_LEN (DS_CGROUP_NAMES * DS_CGROUP_NAME_LEN)
#define TCP_STATE_CLOSE 7
/* A delayed ACK takes 40 ms, at most 200 (TCP_DELACK_MAX): what is later is lost. */
#define DELAYED_ACK_NS INT64_C(200000000)

struct location {
	uint32_t id;		/* 0 = free */
	char name[64];
};

struct iface {
	uint32_t ifindex;	/* 0 = free */
	enum ds_iface kind;
	char name[16];
};

struct cgroup {
	uint64_t id;		/* 0 = free */
	char *path;
};

/*
 * Tables of fixed size. Interfaces and cgroups sit at their number modulo the size, the newest one
 * in each place: numbers are given out in order, so what is pushed out is old.
 */
struct ds_decoder {
	int64_t offset_ns;
	char *reasons[DS_REASON_MAX][REASONS];
	struct location locations[LOCATIONS];
	struct iface ifaces[IFACES];
	struct cgroup cgroups[CGROUPS];
	/* texts of the event last decoded */
	char flags[FLAGS_LEN];
	char comm[17];		/* its last byte stays 0 */
	char path[PATH_LEN + 1];
};

static const char *const tcp_states[] = {
	[1] = "ESTABLISHED", [2] = "SYN_SENT", [3] = "SYN_RECV", [4] = "FIN_WAIT1",
	[5] = "FIN_WAIT2", [6] = "TIME_WAIT", [7] = "CLOSE", [8] = "CLOSE_WAIT",
	[9] = "LAST_ACK", [10] = "LISTEN", [11] = "CLOSING", [12] = "NEW_SYN_RECV",
};

int ds_decoder_new(struct ds_decoder **ret_d)
{
	struct ds_decoder *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	*ret_d = d;
	return 0;
}

void ds_decoder_free(struct ds_decoder **d)
{
	if (!*d)
		return;
	for (int list = 0; list < DS_REASON_MAX; list++)
		for (int i = 0; i < REASONS; i++)
			free((*d)->reasons[list][i]);
	for (int i = 0; i < CGROUPS; i++)
		free((*d)->cgroups[i].path);
	free(*d);
	*d = NULL;
}

void ds_decoder_set_offset(struct ds_decoder *d, int64_t boot_offset_ns)
{
	d->offset_ns = boot_offset_ns;
}

/* Time of day of a moment since boot; 0, which no line says, where that does not fit. */
static int64_t wall_ns(const struct ds_decoder *d, uint64_t boot_ns)
{
	int64_t at_ns;

	return __builtin_add_overflow(boot_ns, d->offset_ns, &at_ns) ? 0 : at_ns;
}

int ds_decoder_set_reason(struct ds_decoder *d, enum ds_reason_list list, int64_t value,
			  const char *name)
{
	char *copy;

	if (value < 0 || value >= REASONS)
		return 0;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	free(d->reasons[list][value]);
	d->reasons[list][value] = copy;
	return 0;
}

void ds_decoder_set_iface(struct ds_decoder *d, uint32_t ifindex, const char *name,
			  enum ds_iface kind)
{
	struct iface *i = &d->ifaces[ifindex % IFACES];

	if (!ifindex)
		return;
	memset(i, 0, sizeof(*i));
	i->ifindex = ifindex;
	i->kind = kind;
	strncpy(i->name, name, sizeof(i->name) - 1);
}

/* The slot of a location: its own, or the free one where it would go; NULL when all are taken. */
static struct location *location_slot(struct ds_decoder *d, uint32_t id)
{
	for (uint32_t n = 0; n < LOCATIONS; n++) {
		struct location *l = &d->locations[(id + n) % LOCATIONS];

		if (!l->id || l->id == id)
			return l;
	}
	return NULL;
}

static int decode_location(struct ds_decoder *d, const struct ds_rec_location *r)
{
	size_t len = strnlen(r->name, sizeof(r->name));
	struct location *l;

	if (!r->id || len == sizeof(r->name))
		return -EBADMSG;
	l = location_slot(d, r->id);
	if (!l)
		return 0;
	l->id = r->id;
	/* "nft_do_chain [nf_tables]": the function. Without kallsyms a number, which says nothing. */
	memcpy(l->name, r->name, len + 1);
	l->name[strcspn(l->name, " ")] = 0;
	if (l->name[0] == '0' || l->name[0] == '(')
		l->name[0] = 0;
	return 0;
}

static const char *location_name(struct ds_decoder *d, uint32_t id)
{
	const struct location *l = id ? location_slot(d, id) : NULL;

	return l && l->id == id ? l->name : NULL;
}

static const char *reason_name(const struct ds_decoder *d, enum ds_reason_list list, uint32_t value)
{
	return value < REASONS ? d->reasons[list][value] : NULL;
}

static const char *state_name(unsigned int state)
{
	return state < sizeof(tcp_states) / sizeof(tcp_states[0]) ? tcp_states[state] : NULL;
}

static const char *flags_text(struct ds_decoder *d, unsigned int flags)
{
	static const char names[8][4] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR" };
	char *at = d->flags;

	for (unsigned int i = 0; i < 8; i++) {
		if (!(flags >> i & 1))
			continue;
		if (at != d->flags)
			*at++ = '|';
		memcpy(at, names[i], 3);
		at += 3;
	}
	*at = 0;
	return d->flags;
}

/* Names joined outermost first; remembered by id, for packets that carry the id alone. */
static const char *cgroup_path(struct ds_decoder *d, const struct ds_rec_cgroup *c)
{
	struct cgroup *known = &d->cgroups[c->id % CGROUPS];
	char *at = d->path;
	int n = 0;

	while (n < DS_CGROUP_NAMES && c->names[n][0])
		n++;
	while (n--) {
		size_t len = strnlen(c->names[n], DS_CGROUP_NAME_LEN - 1);

		if (at != d->path)
			*at++ = '/';
		memcpy(at, c->names[n], len);
		at += len;
	}
	*at = 0;
	if (c->id && d->path[0] && (known->id != c->id || strcmp(known->path, d->path) != 0)) {
		char *copy = strdup(d->path);

		if (copy) {	/* without it, packets lack the path: no more */
			free(known->path);
			known->path = copy;
			known->id = c->id;
		}
	}
	return d->path;
}

static const char *cgroup_by_id(const struct ds_decoder *d, uint64_t id)
{
	const struct cgroup *known = &d->cgroups[id % CGROUPS];

	return id && known->id == id ? known->path : NULL;
}

static struct ds_addr addr_of(const __u8 bytes[16])
{
	struct ds_addr a;

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

static void set_ends(struct ds_event *ev, const __u8 saddr[16], const __u8 daddr[16],
		     uint16_t sport, uint16_t dport)
{
	DS_SET_ADDR(ev, SOURCE_ADDRESS, source, addr_of(saddr));
	DS_SET_ADDR(ev, DESTINATION_ADDRESS, destination, addr_of(daddr));
	DS_SET(ev, SOURCE_PORT, source_port, sport);
	DS_SET(ev, DESTINATION_PORT, destination_port, dport);
}

static void set_network_type(struct ds_event *ev, bool v4)
{
	DS_SET_STR(ev, NETWORK_TYPE, network_type, v4 ? "ipv4" : "ipv6");
}

static void set_iface(const struct ds_decoder *d, struct ds_event *ev, uint32_t ifindex)
{
	const struct iface *i = &d->ifaces[ifindex % IFACES];

	if (!ifindex || i->ifindex != ifindex)
		return;
	DS_SET_STR(ev, IFACE_NAME, iface_name, i->name);
	if (i->kind < DS_IFACE_MAX)
		DS_SET(ev, IFACE_KIND, iface_kind, (int)i->kind);
}

static void set_came_by(const struct ds_decoder *d, struct ds_event *ev, uint32_t ifindex)
{
	const struct iface *i = &d->ifaces[ifindex % IFACES];

	if (!ifindex)
		DS_SET(ev, IFACE_IN_KIND, iface_in_kind, DS_IFACE_LOCAL);
	else if (i->ifindex == ifindex && i->kind < DS_IFACE_MAX)
		DS_SET(ev, IFACE_IN_KIND, iface_in_kind, (int)i->kind);
}

static void set_packet_facts(struct ds_decoder *d, struct ds_event *ev,
			     const struct ds_rec_packet *r)
{
	if (r->flags & DS_REC_F_SEQ) {
		DS_SET_STR(ev, TCP_FLAGS, tcp_flags, flags_text(d, r->tcp_flags));
		DS_SET(ev, TCP_SEQ, tcp_seq, r->seq);
		DS_SET(ev, TCP_ACK, tcp_ack, r->ack);
		DS_SET(ev, TCP_PAYLOAD, tcp_payload_bytes, r->payload_bytes);
		DS_SET(ev, HOP_LIMIT, hop_limit, r->hop_limit);
	}
	if (r->flags & DS_REC_F_PAYLOAD_BYTE)
		DS_SET(ev, TCP_FIRST_BYTE, tcp_first_byte, r->first_byte);
	if (r->flags & DS_REC_F_DROP_REASON)
		DS_SET_STR(ev, DROP_REASON, drop_reason,
			   reason_name(d, DS_REASON_DROP, r->drop_reason));
	if (r->flags & DS_REC_F_RESET_REASON)
		DS_SET_STR(ev, RESET_REASON, reset_reason,
			   reason_name(d, DS_REASON_RESET, r->reset_reason));
	DS_SET_STR(ev, LOCATION, location, location_name(d, r->location));
	if (r->route_error)
		DS_SET(ev, ROUTE_ERROR, route_error, r->route_error);
	if (r->icmp_type) {	/* type 0, an echo reply, is none of ours */
		DS_SET(ev, ICMP_TYPE, icmp_type, r->icmp_type);
		DS_SET(ev, ICMP_CODE, icmp_code, r->icmp_code);
	}
}

static int decode_packet(struct ds_decoder *d, const struct ds_rec_packet *r, struct ds_event *ev)
{
	bool met = r->flags & DS_REC_F_SOCKET;

	if (r->hook >= DS_HOOK_MAX || r->scope >= DS_SCOPE_MAX)
		return -EBADMSG;
	DS_SET(ev, HOOK, hook, r->hook);
	DS_SET(ev, SCOPE, scope, r->scope);
	DS_SET(ev, DIRECTION, direction,
	       r->flags & DS_REC_F_TRANSMIT ? DS_DIRECTION_TRANSMIT : DS_DIRECTION_RECEIVE);
	set_ends(ev, r->saddr, r->daddr, r->sport, r->dport);
	/* From "::" anybody may send; that is of no connection, and no line says it. */
	if (!ds_addr_is_set(&ev->source) || !ds_addr_is_set(&ev->destination))
		return 0;
	set_network_type(ev, ds_addr_is_v4(&ev->destination));
	set_packet_facts(d, ev, r);
	if (r->came_ns)
		DS_SET(ev, CAME_AT, came_at, wall_ns(d, r->came_ns));
	if (met)
		DS_SET_STR(ev, TCP_STATE, tcp_state, state_name(r->tcp_state));
	/* Only these hooks tell that there was none. */
	if (met || r->hook == DS_HOOK_SEND_RESET || r->hook == DS_HOOK_V4_SEND_RESET ||
	    r->hook == DS_HOOK_V6_SEND_RESET)
		DS_SET(ev, SOCKET_PRESENT, socket_present, met);
	if (r->flags & DS_REC_F_FROM_SOCKET) {
		DS_SET(ev, SOCKET_UNACCEPTED, socket_unaccepted,
		       (r->flags & DS_REC_F_UNACCEPTED) != 0);
		DS_SET(ev, REQUEST_OUTSTANDING, request_outstanding,
		       (r->flags & DS_REC_F_OUTSTANDING) != 0);
	}
	if (r->netns)
		DS_SET(ev, NETNS, netns, r->netns);
	DS_SET_STR(ev, CGROUP_PATH, cgroup_path, cgroup_by_id(d, r->cgroup_id));
	if (r->scope == DS_REC_SCOPE_ROUTING)
		set_iface(d, ev, r->ifindex);
	if (r->scope == DS_REC_SCOPE_ROUTING && (r->flags & DS_REC_F_CAME_BY))
		set_came_by(d, ev, r->in_ifindex);
	return 1;
}

static bool is_outstanding(const struct ds_rec_socket *r)
{
	if ((r->flags & DS_REC_F_OUTSTANDING) || r->unsent_bytes ||
	    r->last_payload_ns > r->last_sent_ns)
		return true;
	return r->unacked_bytes && (r->new_state == TCP_STATE_CLOSE ||
				    (int64_t)(r->h.ts_ns - r->last_sent_ns) > DELAYED_ACK_NS);
}

static void set_closing(struct ds_decoder *d, struct ds_event *ev, const struct ds_rec_socket *r)
{
	DS_SET(ev, REQUEST_OUTSTANDING, request_outstanding, is_outstanding(r));
	DS_SET(ev, PEER_CLOSED_FIRST, peer_closed_first, (r->flags & DS_REC_F_PEER_CLOSED) != 0);
	DS_SET(ev, SOCKET_UNACCEPTED, socket_unaccepted, (r->flags & DS_REC_F_UNACCEPTED) != 0);
	DS_SET(ev, UNSENT_BYTES, unsent_bytes, r->unsent_bytes);
	DS_SET(ev, UNACKED_BYTES, unacked_bytes, r->unacked_bytes);
	DS_SET(ev, RECEIVED_BYTES, received_bytes, (int64_t)r->received_bytes);
	DS_SET(ev, DATA_SEGMENTS_IN, data_segments_in, r->data_segments_in);
	DS_SET(ev, UNREAD_BYTES, unread_bytes, r->unread_bytes);
	DS_SET(ev, LAST_SEGMENT, last_segment_bytes, r->last_segment_bytes);
	if (r->last_payload_ns)
		DS_SET(ev, LAST_PAYLOAD_AT, last_payload_at,
		       wall_ns(d, r->last_payload_ns));
	if (r->last_sent_ns)
		DS_SET(ev, LAST_SENT_AT, last_sent_at, wall_ns(d, r->last_sent_ns));
	if (r->flags & DS_REC_F_AGE)
		DS_SET(ev, SOCKET_AGE, socket_age, (int64_t)r->age_ns);
}

static int decode_socket(struct ds_decoder *d, const struct ds_rec_socket *r, struct ds_event *ev)
{
	bool closed = r->change == DS_REC_SOCKET_CLOSED;

	if (r->change >= DS_SOCKET_CHANGE_MAX || r->scope >= DS_SCOPE_MAX ||
	    (r->family != 4 && r->family != 6))
		return -EBADMSG;
	DS_SET(ev, HOOK, hook, closed ? DS_HOOK_DESTROY_SOCK : DS_HOOK_SET_STATE);
	DS_SET(ev, SCOPE, scope, r->scope);
	DS_SET_STR(ev, TCP_STATE, tcp_state, state_name(r->new_state));
	DS_SET(ev, SOCKET_CHANGE, socket_change, r->change);
	if (r->netns)
		DS_SET(ev, NETNS, netns, r->netns);
	DS_SET_STR(ev, CGROUP_PATH, cgroup_path, cgroup_path(d, &r->cgroup));
	if (r->change == DS_REC_SOCKET_LISTENING || r->change == DS_REC_SOCKET_LISTENER_CLOSED) {
		set_network_type(ev, r->family == 4);
		DS_SET_ADDR(ev, SOURCE_ADDRESS, source, addr_of(r->laddr));
		DS_SET(ev, SOURCE_PORT, source_port, r->lport);
		DS_SET(ev, BACKLOG, backlog, r->backlog);
		DS_SET(ev, BACKLOG_MAX, backlog_max, r->backlog_max);
		return 1;
	}
	/* A connection of a dual-stack listener is IPv4 where its addresses are. */
	set_ends(ev, r->laddr, r->raddr, r->lport, r->rport);
	set_network_type(ev, ds_addr_is_v4(&ev->source));
	if (r->hop_limit)
		DS_SET(ev, HOP_LIMIT, hop_limit, r->hop_limit);
	if (r->change == DS_REC_SOCKET_CLOSING)
		set_closing(d, ev, r);
	if (closed) {
		DS_SET(ev, UNSENT_BYTES, unsent_bytes, r->unsent_bytes);
		DS_SET(ev, UNACKED_BYTES, unacked_bytes, r->unacked_bytes);
	}
	return 1;
}

static int decode_process(struct ds_decoder *d, const struct ds_rec_process *r, struct ds_event *ev)
{
	static const int hooks[DS_PROCESS_CHANGE_MAX] = {
		[DS_PROCESS_CHANGE_SIGTERM] = DS_HOOK_SIGNAL_GENERATE,
		[DS_PROCESS_CHANGE_SIGTERM_IGNORED] = DS_HOOK_SIGNAL_GENERATE,
		[DS_PROCESS_CHANGE_SIGKILL] = DS_HOOK_SIGNAL_GENERATE,
		[DS_PROCESS_CHANGE_OOM_KILLED] = DS_HOOK_MARK_VICTIM,
		[DS_PROCESS_CHANGE_EXITED] = DS_HOOK_PROCESS_EXIT,
	};

	if (r->change >= DS_PROCESS_CHANGE_MAX)
		return -EBADMSG;
	DS_SET(ev, HOOK, hook, hooks[r->change]);
	DS_SET(ev, PROCESS_CHANGE, process_change, r->change);
	DS_SET(ev, PID, pid, r->pid);
	DS_SET(ev, IS_INIT, is_init, (r->flags & DS_REC_F_INIT) != 0);
	if (r->netns)
		DS_SET(ev, NETNS, netns, r->netns);
	memcpy(d->comm, r->comm, sizeof(r->comm));
	DS_SET_STR(ev, EXECUTABLE, executable, d->comm);
	if (r->change != DS_REC_PROCESS_EXITED && r->source < DS_REC_SIGNAL_SOURCE_MAX)
		DS_SET(ev, SIGNAL_SOURCE, signal_source, r->source);
	DS_SET_STR(ev, CGROUP_PATH, cgroup_path, cgroup_path(d, &r->cgroup));
	if (r->change == DS_REC_PROCESS_EXITED) {
		unsigned int sig = r->exit_code & 0x7f;	/* 0x80 tells of a core dump */

		DS_SET(ev, EXIT_CODE, exit_code, sig ? 128 + sig : (r->exit_code >> 8 & 0xff));
	}
	return 1;
}

int ds_decoder_decode(struct ds_decoder *d, const void *record, size_t len, struct ds_event *ret_ev)
{
	static const size_t sizes[DS_REC_MAX] = {
		[DS_REC_PACKET] = sizeof(struct ds_rec_packet),
		[DS_REC_SOCKET] = sizeof(struct ds_rec_socket),
		[DS_REC_PROCESS] = sizeof(struct ds_rec_process),
		[DS_REC_LOCATION] = sizeof(struct ds_rec_location),
	};
	static const enum ds_event_kind kinds[DS_REC_MAX] = {
		[DS_REC_PACKET] = DS_EVENT_PACKET,
		[DS_REC_SOCKET] = DS_EVENT_SOCKET,
		[DS_REC_PROCESS] = DS_EVENT_PROCESS,
	};
	struct ds_rec_hdr h;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, record, sizeof(h));
	if (h.kind >= DS_REC_MAX || !sizes[h.kind] || h.size != sizes[h.kind] ||
	    len < sizes[h.kind])
		return -EBADMSG;
	if (h.kind == DS_REC_LOCATION)
		return decode_location(d, record);
	ds_event_init(ret_ev, kinds[h.kind], wall_ns(d, h.ts_ns));
	switch (h.kind) {
	case DS_REC_PACKET:
		return decode_packet(d, record, ret_ev);
	case DS_REC_SOCKET:
		return decode_socket(d, record, ret_ev);
	default:
		return decode_process(d, record, ret_ev);
	}
}
