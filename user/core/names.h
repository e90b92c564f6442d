/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The closed lists of words (DESIGN sections 1 and 2, events.md): one X-macro a list, from which
 * the enum, the table of names, the schema and docs/events.md are made. A word is added here only.
 *
 * Each row: X(ENUM_SUFFIX, "word", "what it means")
 */
#ifndef DS_CORE_NAMES_H
#define DS_CORE_NAMES_H

#include <stddef.h>

#define DS_LEVEL_LIST(X) \
	X(INFO, "info", "nothing to do") \
	X(WARN, "warn", "worth a look") \
	X(ERROR, "error", "connections were lost, or something failed")

#define DS_SCOPE_LIST(X) \
	X(ROUTING, "routing", "the namespace that routes to the pods, where drainsnoop watches") \
	X(POD, "pod", "a pod's own namespace, reached from the routing namespace") \
	X(UNKNOWN, "unknown", "a namespace not yet placed: counts only where the socket's cgroup names a known pod")

#define DS_DIRECTION_LIST(X) \
	X(RECEIVE, "receive", "the packet came in") \
	X(TRANSMIT, "transmit", "the packet went out")

#define DS_HOOK_LIST(X) \
	X(SEND_RESET, "tcp_send_reset", "raw tracepoint: a RST sent; with a packet it answers that packet, without one the socket aborts") \
	X(V4_SEND_RESET, "tcp_v4_send_reset", "fentry or kprobe: a RST that answers an IPv4 packet (kernels before 6.10)") \
	X(V6_SEND_RESET, "tcp_v6_send_reset", "fentry or kprobe: a RST that answers an IPv6 packet (kernels before 6.10)") \
	X(RECEIVE_RESET, "tcp_receive_reset", "raw tracepoint: a RST received by a socket") \
	X(KFREE_SKB, "kfree_skb", "raw tracepoint: a packet dropped in the kernel") \
	X(ICMP_SEND, "icmp_send", "raw tracepoint: an ICMP error sent in answer to a packet") \
	X(TAP_RX, "netif_receive_skb", "raw tracepoint of the tap: a packet received by a device") \
	X(TAP_TX, "net_dev_queue", "raw tracepoint of the tap: a packet handed to a device") \
	X(SET_STATE, "inet_sock_set_state", "raw tracepoint: a socket changed its TCP state") \
	X(DESTROY_SOCK, "tcp_destroy_sock", "raw tracepoint: a socket is destroyed") \
	X(SIGNAL_GENERATE, "signal_generate", "raw tracepoint: a signal was sent") \
	X(PROCESS_EXIT, "sched_process_exit", "raw tracepoint: a thread ended") \
	X(MARK_VICTIM, "mark_victim", "raw tracepoint: the OOM killer chose a process")

#define DS_IFACE_LIST(X) \
	X(UPLINK, "uplink", "leads out of the node") \
	X(POD, "pod", "leads to a pod") \
	X(LOCAL, "local", "loopback, or an address of the node itself")

#define DS_SOCKET_CHANGE_LIST(X) \
	X(LISTENING, "listening", "a socket listens (also each one found at start)") \
	X(LISTENER_CLOSED, "listener_closed", "the last listener of that namespace, family and port is gone") \
	X(ACCEPTED, "accepted", "the handshake of an inbound connection is complete") \
	X(CLOSING, "closing", "the connection left ESTABLISHED (FIN sent or received, or abort)") \
	X(CLOSED, "closed", "the socket is destroyed")

#define DS_PROCESS_CHANGE_LIST(X) \
	X(SIGTERM, "sigterm", "SIGTERM was delivered") \
	X(SIGTERM_IGNORED, "sigterm_ignored", "SIGTERM was sent to a PID 1 that has no handler for it") \
	X(SIGKILL, "sigkill", "SIGKILL was sent") \
	X(OOM_KILLED, "oom_killed", "the OOM killer killed the process") \
	X(EXITED, "exited", "the last thread of the process ended")

#define DS_SIGNAL_SOURCE_LIST(X) \
	X(PROCESS, "process", "a process outside the container: the container runtime, as a rule") \
	X(CONTAINER, "container", "a process of the same container") \
	X(CGROUP_KILL, "cgroup_kill", "a write to cgroup.kill") \
	X(NAMESPACE_END, "namespace_end", "the first process of its pid namespace ended") \
	X(KERNEL, "kernel", "the kernel itself")

#define DS_ROUTE_CHANGE_LIST(X) \
	X(RELEASED, "address_released", "the node no longer routes the address to a pod") \
	X(ASSIGNED, "address_assigned", "the node routes the address to a pod")

#define DS_ROUTE_BY_LIST(X) \
	X(RULE, "rule", "a policy routing rule") \
	X(ROUTE, "route", "a route") \
	X(LINK, "link", "the network link")

/* The Kubernetes phases first (0-4), then the kernel milestones: DESIGN section 1. */
#define DS_PHASE_LIST(X) \
	X(PENDING, "pending", "created, no container ready yet") \
	X(READY, "ready", "ready to serve") \
	X(NOT_READY, "not_ready", "running, not ready") \
	X(TERMINATING, "terminating", "deletion was requested") \
	X(DELETED, "deleted", "the object is gone, or the pod succeeded or failed") \
	X(SIGTERM, "sigterm", "a container's PID 1 got SIGTERM") \
	X(SIGTERM_IGNORED, "sigterm_ignored", "a container's PID 1 has no handler for the SIGTERM that it got") \
	X(SIGKILL, "sigkill", "a container's process got SIGKILL") \
	X(LISTENER_CLOSED, "listener_closed", "nothing listens on the port any more") \
	X(EXITED, "exited", "the container's PID 1 ended") \
	X(ADDRESS_RELEASED, "address_released", "the node no longer routes the pod's address") \
	X(ADDRESS_REUSED, "address_reused", "another pod has the address")

#define DS_LANE_LIST(X) \
	X(KUBERNETES, "kubernetes", "what Kubernetes says about the pod") \
	X(KERNEL, "kernel", "what the kernel did")

#define DS_T0_SOURCE_LIST(X) \
	X(DELETION_TIMESTAMP, "deletion_timestamp", "deletionTimestamp less deletionGracePeriodSeconds") \
	X(STATUS_REASON, "status_reason", "the pod's status said that it goes (Evicted, Terminated, NodeShutdown, Preempting)") \
	X(SIGTERM, "sigterm", "SIGTERM reached its containers") \
	X(ENDPOINT_SLICE, "endpoint_slice", "its EndpointSlice, as `targets` saw it: no agent was there as the pod went")

#define DS_TRIGGER_LIST(X) \
	X(ROLLOUT, "rollout", "replaced by a newer revision") \
	X(SCALE_IN, "scale_in", "fewer replicas were asked for") \
	X(EVICTION, "eviction", "evicted") \
	X(NODE_SHUTDOWN, "node_shutdown", "the node shuts down") \
	X(PREEMPTION, "preemption", "preempted") \
	X(MANUAL, "manual", "deleted by hand or by a script: its controller wants as many as before, of the same revision") \
	X(DELETION, "deletion", "deleted; no more is known")

#define DS_TARGET_TYPE_LIST(X) \
	X(IP, "ip", "targets are pod addresses") \
	X(INSTANCE, "instance", "targets are nodes and node ports")

#define DS_LB_TYPE_LIST(X) \
	X(APPLICATION, "application", "Application Load Balancer") \
	X(NETWORK, "network", "Network Load Balancer")

/* The words of ELBv2's DescribeTargetHealth, and absent for a target that is not registered. */
#define DS_TARGET_STATE_LIST(X) \
	X(INITIAL, "initial", "being registered or checked") \
	X(HEALTHY, "healthy", "healthy") \
	X(UNHEALTHY, "unhealthy", "failed its health checks") \
	X(UNHEALTHY_DRAINING, "unhealthy.draining", "unhealthy, its connections being drained") \
	X(UNUSED, "unused", "not used by the load balancer") \
	X(DRAINING, "draining", "deregistering") \
	X(UNAVAILABLE, "unavailable", "health checks are not available") \
	X(ABSENT, "absent", "not registered")

#define DS_TARGET_SOURCE_LIST(X) \
	X(CONTROLLER_LOG, "controller_log", "the load balancer controller's log") \
	X(CLOUDTRAIL, "cloudtrail", "CloudTrail") \
	X(DESCRIBE_TARGET_HEALTH, "describe_target_health", "polling DescribeTargetHealth") \
	X(LBC_CHECKPOINT, "lbc_checkpoint", "the TargetGroupBinding's checkpoint annotation") \
	X(ENDPOINT_SLICE, "endpoint_slice", "the EndpointSlice's change") \
	X(DELETION_TIMESTAMP, "deletion_timestamp", "the pod's deletion (a lower bound)") \
	X(STATUS_REASON, "status_reason", "the pod's status (a lower bound)") \
	X(SIGTERM, "sigterm", "SIGTERM to its containers (a lower bound)") \
	X(LAST_REGISTERED, "last_registered", "the last moment at which it was known to be registered") \
	X(FILE, "file", "an event from outside that named no better source")

#define DS_TAP_CHANGE_LIST(X) \
	X(ATTACHED, "attached", "the tap is on") \
	X(DETACHED, "detached", "the tap is off") \
	X(FAILED, "failed", "the tap could not be attached")

#define DS_LOSS_STAGE_LIST(X) \
	X(RINGBUF, "ringbuf", "the kernel's ring buffer was full") \
	X(MERGE_LATE, "merge_late", "events came later than the merge stage waits") \
	X(ROUTE, "route", "route messages were lost; the tables were read again") \
	X(WATCH, "watch", "the watch of the cluster had a gap") \
	X(POLL, "poll", "a poll of the target group failed") \
	X(RESTART, "restart", "drainsnoop was not running") \
	X(TAP, "tap", "the tap was off or failed while it was needed") \
	X(QUEUE, "queue", "a queue was full") \
	X(OUTPUT, "output", "lines could not be written")

/* The closed list of causes, DESIGN section 2, in its order. */
#define DS_CAUSE_LIST(X) \
	X(LISTENER_CLOSED, "listener_closed", "the pod terminates and nothing listens any more: preStop too short") \
	X(ADDRESS_RELEASED, "address_released", "no pod holds the address any more: preStop too short") \
	X(ADDRESS_REUSED, "address_reused", "another pod has the address: cooldown shorter than the tail") \
	X(ABORTED_IN_FLIGHT, "aborted_in_flight", "the process ended with a request unanswered") \
	X(LATE_REQUEST, "late_request", "a request on a connection that the terminating pod had closed") \
	X(KEEPALIVE_RACE, "keepalive_race", "the same on a pod that is not terminating: keep-alive timeouts") \
	X(NOT_LISTENING_YET, "not_listening_yet", "the target is registered, the pod has not opened its port yet") \
	X(CONTAINER_RESTARTED, "container_restarted", "a container restarts, the pod stays") \
	X(BACKLOG_OVERFLOW, "backlog_overflow", "the accept queue is full") \
	X(REJECTED, "rejected", "a netfilter rule rejected or dropped it") \
	X(CLOSED_BY_LOAD_BALANCER, "closed_by_load_balancer", "the load balancer reset it at the end of the deregistration delay") \
	X(CLOSED_BY_PEER, "closed_by_peer", "any other reset received with a request outstanding") \
	X(UNKNOWN, "unknown", "none of these")

#define DS_OUTCOME_LIST(X) \
	X(NEIGH_FAILED, "neigh_failed", "nobody answers for the address on the link") \
	X(NO_ROUTE, "no_route", "the node has no route to the address") \
	X(RP_FILTER, "rp_filter", "dropped by the reverse path filter") \
	X(BLACKHOLE, "blackhole", "dropped by a blackhole route") \
	X(FORWARDED_OUT, "forwarded_out", "sent back out of the node") \
	X(ICMP_UNREACHABLE, "icmp_unreachable", "answered with ICMP unreachable") \
	X(DROPPED_BY_CNI, "dropped_by_cni", "dropped at TC or generic XDP") \
	X(SILENT, "silent", "no answer, and nothing on the node says why")

#define DS_SYMPTOM_LIST(X) \
	X(ALB_502, "alb_502", "ALB answers 502 at once") \
	X(ALB_502_AFTER_3S, "alb_502_after_3s", "ALB answers 502 after about 3.07 s, or 504 after 10 s") \
	X(ALB_504, "alb_504", "ALB answers 504 after 10 s, on a kept connection after its idle timeout") \
	X(NLB_REFUSED, "nlb_refused", "NLB clients see the connection refused") \
	X(RESET, "reset", "clients see a reset") \
	X(TIMEOUT, "timeout", "clients time out") \
	X(WRONG_ANSWER, "wrong_answer", "an answer of another pod, or a reset")

#define DS_CONFIDENCE_LIST(X) \
	X(LOW, "low", "a guess") \
	X(MEDIUM, "medium", "probable") \
	X(HIGH, "high", "proven by what was seen")

#define DS_PEER_LIST(X) \
	X(LOAD_BALANCER, "load_balancer", "known by its addresses") \
	X(NODE, "node", "a node's address: the kubelet's probes, or what a node forwards under policy Cluster") \
	X(POD, "pod", "the address of a known pod") \
	X(OTHER, "other", "anybody else")

#define DS_ATTRIBUTION_LIST(X) \
	X(ADDRESS, "address", "by the address, which the pod held at that time") \
	X(RELEASED_ADDRESS, "released_address", "by an address that the pod had held last") \
	X(CGROUP, "cgroup", "by the pod's UID in the name of the socket's or task's cgroup") \
	X(NETNS, "netns", "by the network namespace") \
	X(PORT, "port", "by the port, on an address that several pods share")

#define DS_RELATION_LIST(X) \
	X(BEFORE_DRAIN, "before_drain", "before the target began to drain") \
	X(DURING_DRAIN, "during_drain", "while it drained") \
	X(AFTER_DRAIN, "after_drain", "after the deregistration delay") \
	X(UNDECIDED, "undecided", "within the interval in which the drain began") \
	X(UNKNOWN, "unknown", "it is not known when the drain began")

#define DS_VERDICT_LIST(X) \
	X(CLEAN, "clean", "the pod went away and no connection was lost") \
	X(DROPPED, "dropped", "connections were lost") \
	X(INCONCLUSIVE, "inconclusive", "no loss was seen, and not everything was seen")

#define DS_VERDICT_REASON_LIST(X) \
	X(LOSS, "loss", "evidence was lost in its window") \
	X(OBSERVATION_CUT, "observation_cut", "the run ended before the verdict was due") \
	X(RESTART_GAP, "restart_gap", "drainsnoop was not running for a part of it") \
	X(LATE, "late", "events came too late") \
	X(NO_TARGET, "no_target", "no target is known")

#define DS_ENDED_BY_LIST(X) \
	X(EXIT, "exit", "its processes ended by themselves") \
	X(SIGTERM, "sigterm", "ended by SIGTERM") \
	X(SIGKILL, "sigkill", "ended by SIGKILL") \
	X(CGROUP_KILL, "cgroup_kill", "ended by cgroup.kill") \
	X(OOM_KILLED, "oom_killed", "ended by the OOM killer")

#define DS_KILLED_BY_LIST(X) \
	X(GRACE_END, "grace_end", "the grace period was over") \
	X(PROCESS, "process", "another process, before the grace period was over or without one") \
	X(CGROUP_KILL, "cgroup_kill", "cgroup.kill, before the grace period was over or without one") \
	X(OOM, "oom", "the OOM killer") \
	X(NAMESPACE_END, "namespace_end", "the first process of its pid namespace ended") \
	X(KERNEL, "kernel", "the kernel itself")

#define DS_ADVICE_LIST(X) \
	X(RAISE_PRESTOP, "raise_prestop", "keep the pod serving longer after its deletion was requested") \
	X(LOWER_PRESTOP, "lower_prestop", "preStop is longer than was ever needed") \
	X(RAISE_GRACE, "raise_grace", "the grace period does not cover preStop and the application's stop") \
	X(RAISE_DELAY, "raise_delay", "the deregistration delay is shorter than the requests") \
	X(FIX_SIGTERM, "fix_sigterm", "SIGTERM does not reach the application") \
	X(RAISE_KEEPALIVE, "raise_keepalive", "the application's keep-alive timeout is below the load balancer's idle timeout") \
	X(ADD_READINESS_GATE, "add_readiness_gate", "pods count as available before their target is healthy") \
	X(ADD_READINESS_PROBE, "add_readiness_probe", "pods are ready before they listen") \
	X(RAISE_ADDRESS_COOLDOWN, "raise_address_cooldown", "addresses are given away again within the tail") \
	X(LIMIT_CONNECTION_AGE, "limit_connection_age", "connections outlive every grace period")

#define DS_WITHHELD_LIST(X) \
	X(INSUFFICIENT_TRAFFIC, "insufficient_traffic", "too little traffic, or too few rollouts, to say how short it may be")

#define DS_HEALTH_LIST(X) \
	X(OK, "ok", "nothing was lost") \
	X(DEGRADED, "degraded", "something was lost or is missing")

/* What is counted apart and is not a drop: DESIGN section 2. */
#define DS_NOT_DROP_LIST(X) \
	X(CLOSED_IDLE, "closed_idle", "closed with no request outstanding") \
	X(HEALTH_CHECK, "health_check", "a health check of the load balancer") \
	X(PROBE, "probe", "a probe of the kubelet") \
	X(INSIDE_POD, "inside_pod", "between a pod's own addresses") \
	X(OUTBOUND, "outbound", "the pod is the client") \
	X(LONG_LIVED, "long_lived", "a connection older and quieter than the grace period") \
	X(DELAYED, "delayed", "lost once, then answered") \
	X(OTHER_PEER, "other_peer", "not the load balancer's")

/* Every list: PREFIX is the enum's prefix, name the table's. */
#define DS_ENUM_LISTS(L) \
	L(LEVEL, level) L(SCOPE, scope) L(DIRECTION, direction) L(HOOK, hook) L(IFACE, iface) \
	L(SOCKET_CHANGE, socket_change) L(PROCESS_CHANGE, process_change) \
	L(SIGNAL_SOURCE, signal_source) L(KILLED_BY, killed_by) \
	L(ROUTE_CHANGE, route_change) L(ROUTE_BY, route_by) L(PHASE, phase) L(LANE, lane) \
	L(T0_SOURCE, t0_source) L(TRIGGER, trigger) L(TARGET_TYPE, target_type) \
	L(LB_TYPE, lb_type) \
	L(TARGET_STATE, target_state) L(TARGET_SOURCE, target_source) L(TAP_CHANGE, tap_change) \
	L(LOSS_STAGE, loss_stage) L(CAUSE, cause) L(OUTCOME, outcome) L(SYMPTOM, symptom) \
	L(CONFIDENCE, confidence) L(PEER, peer) L(ATTRIBUTION, attribution) L(RELATION, relation) \
	L(VERDICT, verdict) L(VERDICT_REASON, verdict_reason) L(ENDED_BY, ended_by) \
	L(ADVICE, advice) L(WITHHELD, withheld) L(HEALTH, health) L(NOT_DROP, not_drop)

/* enum ds_cause { DS_CAUSE_LISTENER_CLOSED, ..., DS_CAUSE_MAX }; the same for every list. */
#define DS_X_LEVEL(s, w, d) DS_LEVEL_##s,
#define DS_X_SCOPE(s, w, d) DS_SCOPE_##s,
#define DS_X_DIRECTION(s, w, d) DS_DIRECTION_##s,
#define DS_X_HOOK(s, w, d) DS_HOOK_##s,
#define DS_X_IFACE(s, w, d) DS_IFACE_##s,
#define DS_X_SOCKET_CHANGE(s, w, d) DS_SOCKET_CHANGE_##s,
#define DS_X_PROCESS_CHANGE(s, w, d) DS_PROCESS_CHANGE_##s,
#define DS_X_SIGNAL_SOURCE(s, w, d) DS_SIGNAL_SOURCE_##s,
#define DS_X_KILLED_BY(s, w, d) DS_KILLED_BY_##s,
#define DS_X_ROUTE_CHANGE(s, w, d) DS_ROUTE_CHANGE_##s,
#define DS_X_ROUTE_BY(s, w, d) DS_ROUTE_BY_##s,
#define DS_X_PHASE(s, w, d) DS_PHASE_##s,
#define DS_X_LANE(s, w, d) DS_LANE_##s,
#define DS_X_T0_SOURCE(s, w, d) DS_T0_SOURCE_##s,
#define DS_X_TRIGGER(s, w, d) DS_TRIGGER_##s,
#define DS_X_TARGET_TYPE(s, w, d) DS_TARGET_TYPE_##s,
#define DS_X_LB_TYPE(s, w, d) DS_LB_TYPE_##s,
#define DS_X_TARGET_STATE(s, w, d) DS_TARGET_STATE_##s,
#define DS_X_TARGET_SOURCE(s, w, d) DS_TARGET_SOURCE_##s,
#define DS_X_TAP_CHANGE(s, w, d) DS_TAP_CHANGE_##s,
#define DS_X_LOSS_STAGE(s, w, d) DS_LOSS_STAGE_##s,
#define DS_X_CAUSE(s, w, d) DS_CAUSE_##s,
#define DS_X_OUTCOME(s, w, d) DS_OUTCOME_##s,
#define DS_X_SYMPTOM(s, w, d) DS_SYMPTOM_##s,
#define DS_X_CONFIDENCE(s, w, d) DS_CONFIDENCE_##s,
#define DS_X_PEER(s, w, d) DS_PEER_##s,
#define DS_X_ATTRIBUTION(s, w, d) DS_ATTRIBUTION_##s,
#define DS_X_RELATION(s, w, d) DS_RELATION_##s,
#define DS_X_VERDICT(s, w, d) DS_VERDICT_##s,
#define DS_X_VERDICT_REASON(s, w, d) DS_VERDICT_REASON_##s,
#define DS_X_ENDED_BY(s, w, d) DS_ENDED_BY_##s,
#define DS_X_ADVICE(s, w, d) DS_ADVICE_##s,
#define DS_X_WITHHELD(s, w, d) DS_WITHHELD_##s,
#define DS_X_HEALTH(s, w, d) DS_HEALTH_##s,
#define DS_X_NOT_DROP(s, w, d) DS_NOT_DROP_##s,
#define DS_DECLARE_ENUM(PREFIX, name) \
	enum ds_##name { DS_##PREFIX##_LIST(DS_X_##PREFIX) DS_##PREFIX##_MAX };
DS_ENUM_LISTS(DS_DECLARE_ENUM)

/* Identifies a list, for tables that refer to one. */
#define DS_NAMES_ID(PREFIX, name) DS_NAMES_##PREFIX,
enum ds_names_id { DS_ENUM_LISTS(DS_NAMES_ID) DS_NAMES_MAX, DS_NAMES_NONE = DS_NAMES_MAX };

struct ds_names {
	const char *list;		/* "cause" */
	const char *const *words;	/* by enum value */
	const char *const *docs;	/* by enum value */
	int count;
};

extern const struct ds_names ds_names[DS_NAMES_MAX];

/* The word of a value, "?" when it is out of range. Static storage. */
const char *ds_name(enum ds_names_id list, int value);

/* The value of a word of len bytes, or -1. */
int ds_name_parse(enum ds_names_id list, const char *word, size_t len);

#endif
