/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event: the one thing that flows from the sources through the core to the sinks
 * (DESIGN section 3, events.md). One list of keys makes the struct, the JSON writer and reader, the
 * schema and docs/events.md. Pure: nothing here does I/O or looks at a clock.
 */
#ifndef DS_CORE_EVENT_H
#define DS_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/names.h"
#include "user/util/addr.h"

#define DS_EVENT_SCHEMA 1
#define DS_SCHEMA_URL "https://drainsnoop.dev/schema/v1/event.schema.json"
#define DS_EVENT_LINE_MAX 4096	/* a line with its newline; PIPE_BUF, so that one write is atomic */
#define DS_EVENT_READ_MAX 65536	/* bytes of a line that is read */
#define DS_RUN_ID_LEN 8
/*
 * Events come from outside: a time lies in 1970-2099, a duration within ten years. Sums and
 * differences of a few of them then fit into 64 bits of ns, and nothing in the core need ask.
 */
#define DS_EVENT_TIME_MAX INT64_C(4102444799999999999)
#define DS_EVENT_S_MAX (INT64_C(3653) * 86400)
#define DS_EVENT_NS_MAX (DS_EVENT_S_MAX * 1000000000)

/*
 * Value types. In the struct and in JSON:
 *   STR    const char *      string
 *   INT    int64_t           number (counts, ports, whole seconds)
 *   U64    uint64_t          string of digits (may pass 2^53)
 *   BOOL   bool              true, false
 *   TIME   int64_t           ns since the epoch; RFC 3339, UTC, nine digits
 *   MS     int64_t           ns; number of milliseconds with three digits
 *   REAL   double            number with three digits
 *   ENUM   int               word of a list of names.h
 *   ADDR   struct ds_addr    text form of the address
 *   COUNTS uint32_t[16]      one key KEY.WORD a value of the list; zeros are left out
 */
enum ds_type {
	DS_TYPE_STR, DS_TYPE_INT, DS_TYPE_U64, DS_TYPE_BOOL, DS_TYPE_TIME, DS_TYPE_MS, DS_TYPE_REAL,
	DS_TYPE_ENUM, DS_TYPE_ADDR, DS_TYPE_COUNTS, DS_TYPE_MAX
};

#define DS_COUNTS_MAX 16
#define DS_CTYPE_STR(m) const char *m;
#define DS_CTYPE_INT(m) int64_t m;
#define DS_CTYPE_U64(m) uint64_t m;
#define DS_CTYPE_BOOL(m) bool m;
#define DS_CTYPE_TIME(m) int64_t m;
#define DS_CTYPE_MS(m) int64_t m;
#define DS_CTYPE_REAL(m) double m;
#define DS_CTYPE_ENUM(m) int m;
#define DS_CTYPE_ADDR(m) struct ds_addr m;
#define DS_CTYPE_COUNTS(m) uint32_t m[DS_COUNTS_MAX];

/*
 * X(ID, "key", TYPE, member, LIST, "what it means"): in the order in which they are written.
 * The common keys time, level, event.name, message, drainsnoop.schema, drainsnoop.run.id and
 * drainsnoop.seq come before all of these.
 */
#define DS_KEY_LIST(X) \
	/* the subject pod */ \
	X(CLUSTER, "k8s.cluster.name", STR, cluster, NONE, "the cluster") \
	X(NODE, "k8s.node.name", STR, node, NONE, "the node") \
	X(POD_NAMESPACE, "k8s.namespace.name", STR, pod_namespace, NONE, "the subject pod's namespace") \
	X(POD_NAME, "k8s.pod.name", STR, pod_name, NONE, "the subject pod's name") \
	X(POD_UID, "k8s.pod.uid", STR, pod_uid, NONE, "the subject pod's UID") \
	X(POD_IP, "k8s.pod.ip", ADDR, pod_ip, NONE, "the subject pod's first address") \
	X(DEPLOYMENT, "k8s.deployment.name", STR, deployment, NONE, "its owner, where that is a Deployment") \
	X(STATEFULSET, "k8s.statefulset.name", STR, statefulset, NONE, "its owner, where that is a StatefulSet") \
	X(DAEMONSET, "k8s.daemonset.name", STR, daemonset, NONE, "its owner, where that is a DaemonSet") \
	X(REPLICASET, "k8s.replicaset.name", STR, replicaset, NONE, "its owner, where that is a ReplicaSet") \
	X(JOB, "k8s.job.name", STR, job, NONE, "its owner, where that is a Job") \
	X(CONTAINER, "container.id", STR, container, NONE, "the container: its runtime id, or the name of its cgroup") \
	X(CONTAINER_NAME, "k8s.container.name", STR, container_name, NONE, "its name in the pod's specification") \
	/* start */ \
	X(VERSION, "drainsnoop.version", STR, version, NONE, "version of drainsnoop") \
	X(SCHEMA_URL, "drainsnoop.schema_url", STR, schema_url, NONE, "where the schema of these lines is published") \
	X(KERNEL_RELEASE, "os.kernel.release", STR, kernel_release, NONE, "the kernel's release") \
	X(PROBES_ATTACHED, "drainsnoop.probes.attached", STR, probes_attached, NONE, "attached programs, comma-separated, sorted") \
	X(PROBES_MISSING, "drainsnoop.probes.missing", STR, probes_missing, NONE, "programs that could not be attached, comma-separated, sorted") \
	X(TIER, "drainsnoop.tier", STR, tier, NONE, "how resets are seen: raw_tp, fentry, kprobe, kfree_skb or tap") \
	X(BOOT_OFFSET, "drainsnoop.clock.boot_offset_ns", U64, boot_offset_ns, NONE, "wall clock less boot clock at the start, ns") \
	X(OPT_SETTLE, "drainsnoop.options.settle_ms", MS, opt_settle, NONE, "option --settle") \
	X(OPT_TAP, "drainsnoop.options.tap", STR, opt_tap, NONE, "option --tap") \
	X(OPT_TAP_MAX, "drainsnoop.options.tap_max_ms", MS, opt_tap_max, NONE, "option --tap-max") \
	X(OPT_RATE_LIMIT, "drainsnoop.options.rate_limit", INT, opt_rate_limit, NONE, "option --rate-limit, lines a second") \
	/* the packet, or the connection */ \
	X(HOOK, "drainsnoop.hook", ENUM, hook, HOOK, "where the kernel showed it") \
	X(SCOPE, "drainsnoop.scope", ENUM, scope, SCOPE, "in which namespace") \
	X(TRANSPORT, "network.transport", STR, transport, NONE, "tcp") \
	X(NETWORK_TYPE, "network.type", STR, network_type, NONE, "ipv4 or ipv6") \
	X(DIRECTION, "network.io.direction", ENUM, direction, DIRECTION, "as the observing host sees it") \
	X(SOURCE_ADDRESS, "source.address", ADDR, source, NONE, "the packet's source; for sockets the local end; for traffic the peer") \
	X(SOURCE_PORT, "source.port", INT, source_port, NONE, "its port") \
	X(DESTINATION_ADDRESS, "destination.address", ADDR, destination, NONE, "the packet's destination; for sockets the remote end") \
	X(DESTINATION_PORT, "destination.port", INT, destination_port, NONE, "its port") \
	X(HOP_LIMIT, "drainsnoop.ip.hop_limit", INT, hop_limit, NONE, "its TTL or hop limit where it was seen; for sockets that of the peer's ACK that made the connection") \
	X(CAME_AT, "drainsnoop.came_at", TIME, came_at, NONE, "when it came to the node, where it was for the node itself and translated there (NodePort)") \
	X(TCP_FLAGS, "drainsnoop.tcp.flags", STR, tcp_flags, NONE, "of the packet: names joined by |, as SYN|ACK") \
	X(TCP_SEQ, "drainsnoop.tcp.seq", INT, tcp_seq, NONE, "sequence number of the packet") \
	X(TCP_ACK, "drainsnoop.tcp.ack", INT, tcp_ack, NONE, "acknowledgement number of the packet") \
	X(TCP_PAYLOAD, "drainsnoop.tcp.payload_bytes", INT, tcp_payload_bytes, NONE, "payload of the packet") \
	X(TCP_FIRST_BYTE, "drainsnoop.tcp.first_byte", INT, tcp_first_byte, NONE, "first byte of that payload") \
	X(TCP_STATE, "drainsnoop.tcp.state", STR, tcp_state, NONE, "state of the socket that the packet met") \
	X(DROP_REASON, "drainsnoop.drop_reason", STR, drop_reason, NONE, "enum skb_drop_reason by name, without its prefix") \
	X(RESET_REASON, "drainsnoop.reset_reason", STR, reset_reason, NONE, "enum sk_rst_reason by name, without its prefix") \
	X(LOCATION, "drainsnoop.location", STR, location, NONE, "the kernel function that dropped the packet") \
	X(ROUTE_ERROR, "drainsnoop.route.error", INT, route_error, NONE, "errno of the route that the packet had: 22 blackhole, 101 none, 113 unreachable, 13 prohibited") \
	X(SOCKET_PRESENT, "drainsnoop.socket_present", BOOL, socket_present, NONE, "the packet met a socket") \
	X(SOCKET_UNACCEPTED, "drainsnoop.socket.unaccepted", BOOL, socket_unaccepted, NONE, "no process ever accepted the connection") \
	X(ICMP_TYPE, "drainsnoop.icmp.type", INT, icmp_type, NONE, "type of the ICMP error sent") \
	X(ICMP_CODE, "drainsnoop.icmp.code", INT, icmp_code, NONE, "code of the ICMP error sent") \
	X(NETNS, "drainsnoop.netns", U64, netns, NONE, "inode of the network namespace") \
	X(CGROUP_PATH, "drainsnoop.cgroup.path", STR, cgroup_path, NONE, "names of the cgroup and its parents, joined by /, outermost first") \
	X(IFACE_NAME, "network.interface.name", STR, iface_name, NONE, "the interface") \
	X(IFACE_KIND, "drainsnoop.interface.kind", ENUM, iface_kind, IFACE, "where it leads") \
	X(IFACE_IN_KIND, "drainsnoop.interface.in_kind", ENUM, iface_in_kind, IFACE, "by which kind the packet had come in; local: it was made on the node") \
	/* the socket */ \
	X(SOCKET_CHANGE, "drainsnoop.socket.change", ENUM, socket_change, SOCKET_CHANGE, "what happened to the socket") \
	X(REQUEST_OUTSTANDING, "drainsnoop.socket.request_outstanding", BOOL, request_outstanding, NONE, "payload was received later than sent, or sent bytes are unacknowledged") \
	X(PEER_CLOSED_FIRST, "drainsnoop.socket.peer_closed_first", BOOL, peer_closed_first, NONE, "the peer's FIN or RST ended the connection") \
	X(UNSENT_BYTES, "drainsnoop.socket.unsent_bytes", INT, unsent_bytes, NONE, "written and not sent") \
	X(UNACKED_BYTES, "drainsnoop.socket.unacked_bytes", INT, unacked_bytes, NONE, "sent and not acknowledged") \
	X(LAST_PAYLOAD_AT, "drainsnoop.socket.last_payload_at", TIME, last_payload_at, NONE, "last payload received (the kernel's jiffies: steps of 1-10 ms)") \
	X(LAST_SENT_AT, "drainsnoop.socket.last_sent_at", TIME, last_sent_at, NONE, "last payload sent") \
	X(RECEIVED_BYTES, "drainsnoop.socket.received_bytes", INT, received_bytes, NONE, "payload bytes received") \
	X(DATA_SEGMENTS_IN, "drainsnoop.socket.data_segments_in", INT, data_segments_in, NONE, "segments with payload received") \
	X(UNREAD_BYTES, "drainsnoop.socket.unread_bytes", INT, unread_bytes, NONE, "received, and never read by the process") \
	X(LAST_SEGMENT, "drainsnoop.socket.last_segment_bytes", INT, last_segment_bytes, NONE, "payload of the last segment received") \
	X(BACKLOG, "drainsnoop.socket.backlog", INT, backlog, NONE, "connections waiting to be accepted") \
	X(BACKLOG_MAX, "drainsnoop.socket.backlog_max", INT, backlog_max, NONE, "how many may wait") \
	X(SOCKET_AGE, "drainsnoop.socket.age_ms", MS, socket_age, NONE, "since the handshake; absent for connections older than the run") \
	/* the process */ \
	X(PROCESS_CHANGE, "drainsnoop.process.change", ENUM, process_change, PROCESS_CHANGE, "what happened to the process") \
	X(PID, "process.pid", INT, pid, NONE, "its process id") \
	X(IS_INIT, "drainsnoop.process.is_init", BOOL, is_init, NONE, "it is PID 1 of its pid namespace, or the first process of its container") \
	X(EXECUTABLE, "process.executable.name", STR, executable, NONE, "what the kernel calls its first thread (comm); pause is the sandbox's, not a container's") \
	X(SIGNAL_SOURCE, "drainsnoop.process.signal_source", ENUM, signal_source, SIGNAL_SOURCE, "where the signal came from") \
	X(EXIT_CODE, "process.exit.code", INT, exit_code, NONE, "exit status, or 128 + the signal that ended it") \
	/* traffic counters */ \
	X(TRAFFIC_PORT, "drainsnoop.traffic.port", INT, traffic_port, NONE, "the pod's port") \
	X(TRAFFIC_ACCEPTED, "drainsnoop.traffic.accepted", INT, traffic_accepted, NONE, "connections accepted since the start") \
	X(LAST_ACCEPTED_AT, "drainsnoop.traffic.last_accepted_at", TIME, last_accepted_at, NONE, "the last of them") \
	X(LAST_SYN_AT, "drainsnoop.traffic.last_syn_at", TIME, last_syn_at, NONE, "last SYN seen by the tap") \
	X(LAST_TRAFFIC_PAYLOAD_AT, "drainsnoop.traffic.last_payload_at", TIME, last_traffic_payload_at, NONE, "last payload, as known when a connection ended") \
	X(TRAFFIC_SEGMENTS, "drainsnoop.traffic.segments", INT, traffic_segments, NONE, "payload segments beyond the first of each connection, as known when it ended; of a long one those of its last five minutes") \
	X(TRAFFIC_EMPTY, "drainsnoop.traffic.empty", INT, traffic_empty, NONE, "accepted connections that ended without payload") \
	X(IDLE_CLOSE, "drainsnoop.traffic.idle_close_ms", MS, idle_close, NONE, "longest silence after which the pod itself closed a connection while it was not going away") \
	/* routes and addresses */ \
	X(ROUTE_CHANGE, "drainsnoop.route.change", ENUM, route_change, ROUTE_CHANGE, "what happened to the address") \
	X(ROUTE_BY, "drainsnoop.route.by", ENUM, route_by, ROUTE_BY, "by what it was told") \
	X(ADDRESS, "drainsnoop.address", STR, address, NONE, "an address, or a prefix") \
	X(NODE_OTHER, "drainsnoop.node.other", BOOL, node_other, NONE, "it is an address (or prefix) of the cluster's other nodes, not of this one") \
	X(NOT_BEFORE, "drainsnoop.not_before", TIME, not_before, NONE, "it happened at this moment or later") \
	X(NOT_AFTER, "drainsnoop.not_after", TIME, not_after, NONE, "it happened at this moment or earlier") \
	/* the pod */ \
	X(POD_ADDRESSES, "drainsnoop.pod.addresses", STR, pod_addresses, NONE, "its addresses, comma-separated") \
	X(POD_PORTS, "drainsnoop.pod.ports", STR, pod_ports, NONE, "its container ports, comma-separated") \
	X(PHASE, "drainsnoop.pod.phase", ENUM, phase, PHASE, "Kubernetes phase or kernel milestone") \
	X(PHASE_PREVIOUS, "drainsnoop.pod.phase_previous", ENUM, phase_previous, PHASE, "the one before, of the same lane; or one that it never was in after all") \
	X(PHASE_LANE, "drainsnoop.pod.phase_lane", ENUM, phase_lane, LANE, "who told it") \
	X(PHASE_AGE, "drainsnoop.pod.phase_age_ms", MS, phase_age, NONE, "how long the pod had been in that phase") \
	X(SINCE_T0, "drainsnoop.pod.since_t0_ms", MS, since_t0, NONE, "since the earliest sign that the pod goes") \
	X(PHASE_PORT, "drainsnoop.pod.phase_port", INT, phase_port, NONE, "the port, where the milestone has one") \
	X(KILLED_BY, "drainsnoop.pod.killed_by", ENUM, killed_by, KILLED_BY, "of sigkill: who or what sent it") \
	X(T0, "drainsnoop.pod.t0", TIME, t0, NONE, "the earliest sign that the pod goes") \
	X(T0_ERROR, "drainsnoop.pod.t0_error_ms", MS, t0_error, NONE, "t0 may be later by up to this") \
	X(T0_SOURCE, "drainsnoop.pod.t0_source", ENUM, t0_source, T0_SOURCE, "what told it") \
	X(TRIGGER, "drainsnoop.pod.trigger", ENUM, trigger, TRIGGER, "why the pod goes") \
	X(GRACE_PERIOD, "drainsnoop.pod.grace_period_s", INT, grace_period_s, NONE, "terminationGracePeriodSeconds") \
	X(PRESTOP, "drainsnoop.pod.prestop", STR, prestop, NONE, "its preStop hook: sleep:SECONDS, exec, http or none") \
	X(POD_PROBES, "drainsnoop.pod.probes", STR, pod_probes, NONE, "probes that all of its containers with a port have, and their periods in s: startup:5,readiness:10,liveness:10, or none") \
	X(POD_GATES, "drainsnoop.pod.readiness_gates", STR, pod_gates, NONE, "TargetGroupBindings (older gates: INGRESS_SERVICE_PORT) whose health checks its readiness waits for, comma-separated, or none") \
	X(POD_CONTAINERS, "drainsnoop.pod.containers", STR, pod_containers, NONE, "its containers: NAME=ID, comma-separated; of the id the first 12 digits") \
	X(HOST_NETWORK, "drainsnoop.pod.host_network", BOOL, host_network, NONE, "it shares the node's address") \
	X(STATUS_REASON, "drainsnoop.pod.status_reason", STR, status_reason, NONE, "status.reason") \
	X(RESTORED, "drainsnoop.restored", BOOL, restored, NONE, "loaded from the state file") \
	/* the target */ \
	X(TG_ARN, "drainsnoop.target_group.arn", STR, tg_arn, NONE, "the target group") \
	X(TG_NAME, "drainsnoop.target_group.name", STR, tg_name, NONE, "its name") \
	X(TG_DELAY, "drainsnoop.target_group.deregistration_delay_s", INT, tg_delay_s, NONE, "its deregistration delay") \
	X(TG_TYPE, "drainsnoop.target_group.target_type", ENUM, tg_type, TARGET_TYPE, "what its targets are") \
	X(TG_PRESERVE, "drainsnoop.target_group.preserve_client_ip", BOOL, tg_preserve_client_ip, NONE, "targets see the client's address") \
	X(TG_HC_PORT, "drainsnoop.target_group.health_check_port", INT, tg_health_check_port, NONE, "port of its health checks") \
	X(TG_HC_INTERVAL, "drainsnoop.target_group.health_check_interval_s", INT, tg_health_check_interval_s, NONE, "interval of its health checks") \
	X(TG_PARTIAL, "drainsnoop.target_group.partial", BOOL, tg_partial, NONE, "only some of its targets are told: those of pods that go away here") \
	X(TG_TARGETS, "drainsnoop.target_group.targets", INT, tg_targets, NONE, "how many of its targets are known") \
	X(TG_READY, "drainsnoop.target_group.ready_initial", INT, tg_ready, NONE, "of them those that are still initial while their pod is ready") \
	X(TG_NO_TARGET, "drainsnoop.target_group.no_healthy_target_ms", MS, tg_no_target, NONE, "how long none was healthy, at the least; once a gap, when it or the run is over") \
	X(TG_LAST_ARRIVAL, "drainsnoop.target_group.last_arrival_at", TIME, tg_last_arrival, NONE, "last arrival from the load balancer at one of them in that time; absent: none was seen") \
	X(LB_TYPE, "drainsnoop.load_balancer.type", ENUM, lb_type, LB_TYPE, "kind of load balancer") \
	X(LB_NAME, "drainsnoop.load_balancer.name", STR, lb_name, NONE, "its name") \
	X(TARGET_ID, "drainsnoop.target.id", STR, target_id, NONE, "the target's address or instance id") \
	X(TARGET_PORT, "drainsnoop.target.port", INT, target_port, NONE, "its port") \
	X(TARGET_STATE, "drainsnoop.target.state", ENUM, target_state, TARGET_STATE, "its state in AWS words") \
	X(TARGET_STATE_PREVIOUS, "drainsnoop.target.state_previous", ENUM, target_state_previous, TARGET_STATE, "the state before") \
	X(TARGET_STATE_REASON, "drainsnoop.target.state_reason", STR, target_state_reason, NONE, "TargetHealth.Reason") \
	X(TARGET_SOURCE, "drainsnoop.target.source", ENUM, target_source, TARGET_SOURCE, "what told it") \
	X(TARGET_REGISTERED_AT, "drainsnoop.target.registered_at", TIME, target_registered_at, NONE, "its present registration was first seen then (state file)") \
	X(CLOCK_ERROR, "drainsnoop.clock.error_ms", MS, clock_error, NONE, "the source's clock may differ from this node's by up to this, either way") \
	X(REGION, "cloud.region", STR, region, NONE, "AWS region") \
	X(ACCOUNT, "cloud.account.id", STR, account, NONE, "AWS account") \
	/* tap, tick, loss */ \
	X(TAP_CHANGE, "drainsnoop.tap.change", ENUM, tap_change, TAP_CHANGE, "what happened to the tap") \
	X(FINAL, "drainsnoop.final", BOOL, final, NONE, "true on the last line of a recording") \
	X(WATCH_RESTARTS, "drainsnoop.watch.restarts", INT, watch_restarts, NONE, "restarts of the watch") \
	X(WATCH_LAG, "drainsnoop.watch.lag_ms", MS, watch_lag, NONE, "how late the watch is") \
	X(PROBES_ATTACHED_COUNT, "drainsnoop.probes.attached_count", INT, probes_attached_count, NONE, "attached programs") \
	X(PROBES_MISSING_COUNT, "drainsnoop.probes.missing_count", INT, probes_missing_count, NONE, "programs not attached") \
	X(TAP_ON, "drainsnoop.tap.on", BOOL, tap_on, NONE, "the tap is attached") \
	X(TAP_ON_MS, "drainsnoop.tap.on_ms", MS, tap_on_ms, NONE, "how long the tap was attached in all") \
	X(POLL_REQUESTS, "drainsnoop.poll.requests", INT, poll_requests, NONE, "requests to AWS since the start (--elb)") \
	X(POLL_THROTTLED, "drainsnoop.poll.throttled", INT, poll_throttled, NONE, "of them refused because they were too many") \
	X(POLL_FAILED, "drainsnoop.poll.failed", INT, poll_failed, NONE, "of them without an answer, or with another that was of no use") \
	X(TAP_SHARE, "drainsnoop.tap.share", REAL, tap_share, NONE, "the same as a share of the run, 0-1") \
	X(LOSS_STAGE, "drainsnoop.loss.stage", ENUM, loss_stage, LOSS_STAGE, "where it was lost") \
	X(LOSS_CLASS, "drainsnoop.loss.class", STR, loss_class, NONE, "what was lost") \
	X(LOSS_COUNT, "drainsnoop.loss.count", INT, loss_count, NONE, "how many") \
	/* the drop */ \
	X(DROP_ID, "drainsnoop.drop.id", STR, drop_id, NONE, "of this drop, unique in the run") \
	X(CAUSE, "drainsnoop.drop.cause", ENUM, cause, CAUSE, "why the connection was lost") \
	X(OUTCOME, "drainsnoop.drop.outcome", ENUM, outcome, OUTCOME, "what became of the packet (address_released)") \
	X(SYMPTOM, "drainsnoop.drop.symptom", ENUM, symptom, SYMPTOM, "what a client sees: a prediction") \
	X(EVIDENCE, "drainsnoop.drop.evidence", STR, evidence, NONE, "hooks that showed it, comma-separated, sorted") \
	X(DROP_PACKETS, "drainsnoop.drop.packets", INT, drop_packets, NONE, "packets that were evidence") \
	X(DROP_SYNS, "drainsnoop.drop.syns", INT, drop_syns, NONE, "of them SYNs") \
	X(DROP_CONFIDENCE, "drainsnoop.drop.confidence", ENUM, drop_confidence, CONFIDENCE, "how sure the cause is") \
	X(PEER_KIND, "drainsnoop.peer.kind", ENUM, peer_kind, PEER, "who the peer is") \
	X(ATTRIBUTION, "drainsnoop.attribution.method", ENUM, attribution, ATTRIBUTION, "how the pod was found") \
	X(RELATION, "drainsnoop.drain.relation", ENUM, relation, RELATION, "set against the drain") \
	X(OFFSET_MIN, "drainsnoop.drain.offset_min_ms", MS, offset_min, NONE, "least time since the drain began") \
	X(OFFSET_MAX, "drainsnoop.drain.offset_max_ms", MS, offset_max, NONE, "most time since the drain began") \
	X(REPEAT, "drainsnoop.repeat", INT, repeat, NONE, "how many events this line stands for") \
	/* the verdict */ \
	X(VERDICT, "drainsnoop.verdict.code", ENUM, verdict, VERDICT, "the verdict") \
	X(VERDICT_REASON, "drainsnoop.verdict.reason", ENUM, verdict_reason, VERDICT_REASON, "why it is inconclusive, or incomplete") \
	X(VERDICT_CONFIDENCE, "drainsnoop.verdict.confidence", ENUM, verdict_confidence, CONFIDENCE, "how sure it is") \
	X(VERDICT_DROPS, "drainsnoop.verdict.drops", INT, verdict_drops, NONE, "connections lost by rollout causes") \
	X(DROPS_BY, "drainsnoop.verdict.drops_by", COUNTS, drops_by, CAUSE, "connections lost, by cause (every cause)") \
	X(SIGTERM_TO_EXIT, "drainsnoop.pod.sigterm_to_exit_ms", MS, sigterm_to_exit, NONE, "from the first SIGTERM to the last exit") \
	X(ENDED_BY, "drainsnoop.pod.ended_by", ENUM, ended_by, ENDED_BY, "what ended its processes") \
	X(OVERSLEEP, "drainsnoop.oversleep_ms", MS, oversleep, NONE, "preStop beyond what was needed") \
	X(NOT_OBSERVED, "drainsnoop.not_observed_ms", MS, not_observed, NONE, "how much of its end was not observed") \
	X(ADVICE_WITHHELD, "drainsnoop.advice_withheld", ENUM, advice_withheld, WITHHELD, "why a shorter preStop is not advised") \
	X(TAIL, "drainsnoop.tail_ms", MS, tail, NONE, "last arrival from the load balancer less t0: a lower bound") \
	X(TAIL_ERROR, "drainsnoop.tail_error_ms", MS, tail_error, NONE, "its error") \
	X(TAIL_BEGUN, "drainsnoop.tail_begun_ms", MS, tail_begun, NONE, "last new connection less t0, where the load balancer leaves those that there are with a target that drains; 0 = none came") \
	X(EXPOSED_FROM, "drainsnoop.exposed_from", TIME, exposed_from, NONE, "listener closed or address released") \
	X(EXPOSED_UNTIL, "drainsnoop.exposed_until", TIME, exposed_until, NONE, "last arrival") \
	X(DRAIN_NOT_BEFORE, "drainsnoop.drain.not_before", TIME, drain_not_before, NONE, "the target began to drain at this moment or later") \
	X(DRAIN_NOT_AFTER, "drainsnoop.drain.not_after", TIME, drain_not_after, NONE, "the target began to drain at this moment or earlier") \
	X(DRAIN_NOT_BEFORE_SOURCE, "drainsnoop.drain.not_before_source", ENUM, drain_not_before_source, TARGET_SOURCE, "what told the lower bound") \
	X(DRAIN_NOT_AFTER_SOURCE, "drainsnoop.drain.not_after_source", ENUM, drain_not_after_source, TARGET_SOURCE, "what told the upper bound") \
	X(DRAIN_CONFLICT, "drainsnoop.drain.conflict", BOOL, drain_conflict, NONE, "the sources contradict each other, here or where they tell of other targets: the interval is widened to hold what they may mean") \
	X(NOT_DROPS, "drainsnoop.not_drops", COUNTS, not_drops, NOT_DROP, "counted apart: not drops") \
	X(LOST_EVENTS, "drainsnoop.lost.events", INT, lost_events, NONE, "evidence lost, all stages") \
	/* the advice */ \
	X(ADVICE, "drainsnoop.advice.code", ENUM, advice, ADVICE, "what to do") \
	X(ADVICE_OBJECT, "drainsnoop.advice.object", STR, advice_object, NONE, "KIND/NAMESPACE/NAME") \
	X(ADVICE_FIELD, "drainsnoop.advice.field", STR, advice_field, NONE, "the field to change") \
	X(ADVICE_CURRENT, "drainsnoop.advice.current", STR, advice_current, NONE, "its value now") \
	X(ADVICE_SUGGESTED, "drainsnoop.advice.suggested", STR, advice_suggested, NONE, "the value proposed") \
	X(ADVICE_EVIDENCE, "drainsnoop.advice.evidence", STR, advice_evidence, NONE, "what was measured") \
	X(ADVICE_CONFIDENCE, "drainsnoop.advice.confidence", ENUM, advice_confidence, CONFIDENCE, "how sure it is") \
	X(ADVICE_PODS, "drainsnoop.advice.pods", INT, advice_pods, NONE, "pods behind it") \
	X(ADVICE_ROLLOUTS, "drainsnoop.advice.rollouts", INT, advice_rollouts, NONE, "rollouts behind it") \
	/* the workload, in a state file */ \
	X(WORKLOAD_KILLED, "drainsnoop.workload.killed", INT, workload_killed, NONE, "pods that SIGKILL ended") \
	X(WORKLOAD_RATES, "drainsnoop.workload.rates", STR, workload_rates, NONE, "arrivals in 1000 s from the load balancer's address that sent least, of the rollouts in which that was highest, comma-separated") \
	/* health */ \
	X(HEALTH, "drainsnoop.health.status", ENUM, health, HEALTH, "whether all is seen") \
	X(WINDOW, "drainsnoop.window_s", INT, window_s, NONE, "the time that it speaks of") \
	X(LOST_RINGBUF, "drainsnoop.lost.ringbuf", INT, lost_ringbuf, NONE, "lost in the kernel's ring buffer") \
	X(LOST_USERSPACE, "drainsnoop.lost.userspace", INT, lost_userspace, NONE, "lost after it") \
	X(SUPPRESSED, "drainsnoop.suppressed.events", INT, suppressed_events, NONE, "lines not printed because of the rate limit") \
	X(EMITTED, "drainsnoop.emitted.events", INT, emitted_events, NONE, "lines printed") \
	X(CACHE_PODS, "drainsnoop.cache.pods", INT, cache_pods, NONE, "pods in the ledger") \
	X(CACHE_PODS_DELETED, "drainsnoop.cache.pods_deleted", INT, cache_pods_deleted, NONE, "of them ended ones") \
	X(CACHE_EVICTIONS, "drainsnoop.cache.evictions", INT, cache_evictions, NONE, "entries given up because a table was full")

#define DS_KEY_ENUM_(id, key, type, member, list, doc) DS_KEY_##id,
enum ds_key { DS_KEY_LIST(DS_KEY_ENUM_) DS_KEY_MAX };

#define DS_KEY_WORDS ((DS_KEY_MAX + 63) / 64)

/* X(ID, "event.name", INPUT (1 input, 0 output), default LEVEL, "what it means") */
#define DS_KIND_LIST(X) \
	X(START, "drainsnoop.start", 1, INFO, "first line of every recording and stream; its time is the moment at which all was attached, from which on packets are observed") \
	X(PACKET, "drainsnoop.kernel.packet", 1, INFO, "evidence about one packet") \
	X(SOCKET, "drainsnoop.kernel.socket", 1, INFO, "a socket of a pod changed") \
	X(PROCESS, "drainsnoop.kernel.process", 1, INFO, "a process of a pod was signalled or ended") \
	X(TRAFFIC, "drainsnoop.pod.traffic", 1, INFO, "counters of one pod, local port and source address") \
	X(ROUTE, "drainsnoop.route", 1, INFO, "the node's routing of an address changed") \
	X(POD_STATE, "drainsnoop.pod.state", 1, INFO, "announces or updates a pod") \
	X(TARGET, "drainsnoop.target.state", 1, INFO, "a target's state") \
	X(LB_ADDRESS, "drainsnoop.load_balancer.address", 1, INFO, "an address of the load balancer") \
	X(NODE_ADDRESS, "drainsnoop.node.address", 1, INFO, "an address of the node") \
	X(TAP, "drainsnoop.tap", 1, INFO, "the tap was attached or detached") \
	X(TICK, "drainsnoop.tick", 1, INFO, "time passes; recordings only") \
	X(LOSS, "drainsnoop.loss", 1, WARN, "something was lost") \
	X(WORKLOAD, "drainsnoop.workload", 1, INFO, "what earlier runs measured of a workload; state files only") \
	X(DROP, "drainsnoop.drop", 0, INFO, "one connection lost") \
	X(PHASE, "drainsnoop.pod.phase", 0, INFO, "a pod entered a phase") \
	X(VERDICT, "drainsnoop.pod.verdict", 0, INFO, "the pod has gone: what it cost") \
	X(NO_TARGET, "drainsnoop.target_group.no_healthy_target", 0, WARN, "no target of a group could be sent to, between not_before and not_after (absent while it lasts); the load balancer answers by itself (503)") \
	X(ADVICE, "drainsnoop.advice", 0, WARN, "which setting must become what") \
	X(HEALTH, "drainsnoop.health", 0, INFO, "whether drainsnoop sees everything") \
	X(STOP, "drainsnoop.stop", 0, INFO, "the end of the run, with its sums")

#define DS_KIND_ENUM_(id, name, input, level, doc) DS_EVENT_##id,
enum ds_event_kind { DS_KIND_LIST(DS_KIND_ENUM_) DS_EVENT_MAX };

/*
 * One event. A member counts only where its presence bit is set (ds_event_has); set both with
 * DS_SET. Strings are borrowed: they live in `text` (owned, freed by ds_event_clear), or in
 * something that outlives the event (a literal, a source's table).
 */
struct ds_event {
	enum ds_event_kind kind;
	int level;			/* enum ds_level */
	bool late;			/* came after the merge stage had passed its time */
	uint8_t rank;			/* of its source, for the order within one instant */
	uint64_t source_seq;		/* number within its source */
	int64_t time_ns;		/* of the event, ns since the epoch */
	char run_id[DS_RUN_ID_LEN + 1];
	uint64_t present[DS_KEY_WORDS];
	char *text;
#define DS_KEY_MEMBER_(id, key, type, member, list, doc) DS_CTYPE_##type(member)
	DS_KEY_LIST(DS_KEY_MEMBER_)
};

static inline bool ds_event_has(const struct ds_event *ev, enum ds_key key)
{
	return ev->present[key / 64] >> (key % 64) & 1;
}

static inline void ds_event_mark(struct ds_event *ev, enum ds_key key)
{
	ev->present[key / 64] |= UINT64_C(1) << (key % 64);
}

/* DS_SET(ev, TCP_SEQ, tcp_seq, 17): sets the member and its presence bit. */
#define DS_SET(ev, ID, member, value) \
	((ev)->member = (value), ds_event_mark((ev), DS_KEY_##ID))
/* The same for strings: NULL and "" mean absent. */
#define DS_SET_STR(ev, ID, member, value) \
	((ev)->member = (value), \
	 (ev)->member && (ev)->member[0] ? ds_event_mark((ev), DS_KEY_##ID) : (void)0)
/* The same for addresses: all zero means absent. */
#define DS_SET_ADDR(ev, ID, member, value) \
	((ev)->member = (value), \
	 ds_addr_is_set(&(ev)->member) ? ds_event_mark((ev), DS_KEY_##ID) : (void)0)

struct ds_key_info {
	const char *key;
	size_t key_len;
	enum ds_type type;
	size_t offset;			/* of the member in struct ds_event */
	enum ds_names_id names;		/* ENUM and COUNTS */
	const char *doc;
};

struct ds_kind_info {
	const char *name;		/* event.name */
	bool input;
	int level;
	const char *doc;
	const enum ds_key *keys;	/* which it may have, ended by DS_KEY_MAX */
	const enum ds_key *required;	/* which it must have, ended by DS_KEY_MAX */
	const enum ds_key *any_of;	/* of which it must have one, if any; ended by DS_KEY_MAX */
};

extern const struct ds_key_info ds_keys[DS_KEY_MAX];
extern const struct ds_kind_info ds_kinds[DS_EVENT_MAX];

/*
 * The largest value of an INT key: 65535 for ports, ten years for seconds, ...; the least is 0 for
 * all of them. Of a MS key, in ns: ten years, or what lies between two times; the least is its
 * negative.
 */
int64_t ds_key_max(enum ds_key key);

/* The kind of an event.name of len bytes, or -1. */
int ds_kind_parse(const char *name, size_t len);

/* Sets up a zeroed event of that kind at that time, with the kind's level. */
void ds_event_init(struct ds_event *ev, enum ds_event_kind kind, int64_t time_ns);

/* The time that a line can say: within 1970-2099. */
int64_t ds_event_time(int64_t time_ns);

/*
 * Makes the event what reading its own line would give back: MS values rounded to microseconds,
 * REAL to three digits, times and numbers within what a line may hold, words outside their list,
 * empty strings, unset addresses and keys that its kind has not absent. The merge stage does this
 * to every event, so that the replay of a recording is exact. The second form is for those who have
 * its kind's keys (ds_kind_keys) at hand.
 */
void ds_event_canonical(struct ds_event *ev);
void ds_event_canonical_among(struct ds_event *ev, const uint64_t allowed[DS_KEY_WORDS]);

/* The keys that a kind may have, as presence bits. */
void ds_kind_keys(enum ds_event_kind kind, uint64_t ret_keys[DS_KEY_WORDS]);

/* Frees what the event owns and zeroes it. NULL is accepted. */
void ds_event_clear(struct ds_event *ev);

/*
 * One sentence for people about the event, cut to size - 1 bytes; returns its length. Text from
 * outside in it is not escaped: the writer does that.
 */
size_t ds_event_message(const struct ds_event *ev, char *buf, size_t size);

#endif
