/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modules of the core share: one context, passed first. Only files of user/core include
 * this. core.c owns it and decides the order; each module changes its own part.
 */
#ifndef DS_CORE_STATE_H
#define DS_CORE_STATE_H

#include "user/core/core.h"
#include "user/core/instance.h"
#include "user/core/ledger.h"
#include "user/core/peer.h"
#include "user/core/target.h"
#include "user/util/timefmt.h"

#define DS_WINDOW_ANSWERED_NS (200 * DS_NS_PER_MS)	/* after a RST, FIN or ICMP of ours */
#define DS_WINDOW_SILENT_NS (12 * DS_NS_PER_S)	/* after the first packet without an answer */
/* What follows a SIGTERM that is not explained yet waits: ending.c, asked again as often. */
#define DS_WINDOW_NEWS_NS (10 * DS_NS_PER_S)
#define DS_SILENCE_NS (120 * DS_NS_PER_S)		/* a flow this quiet is over */

#define DS_PENDING_LISTENERS_MAX 1024
#define DS_GAPS_MAX 16
#define DS_WHERE_LEN 253	/* of a node's name: an RFC 1123 subdomain */

struct ds_flows;
struct ds_cadences;
struct ds_workloads;

/* A listener whose pod is not known yet: the kernel may tell it before Kubernetes does. */
struct ds_pending_listener {
	char uid[DS_POD_UID_LEN + 1];	/* "" = only its namespace is known */
	uint64_t netns;
	uint16_t port;
	uint8_t family;
	int64_t at_ns;
};

/* A time in which nobody watched. */
struct ds_gap {
	int64_t from_ns;	/* 0 = ever since */
	int64_t until_ns;
};

struct ds_core {
	struct ds_core_options options;
	char run_id[DS_RUN_ID_LEN + 1];
	char cluster[DS_WHERE_LEN + 1], node[DS_WHERE_LEN + 1];	/* "" = not known */
	int64_t now_ns;			/* time of the latest event */
	int64_t started_ns;
	bool final;			/* the last tick: everything open is decided */

	/* options that change results, from the start event */
	int64_t settle_ns;
	int64_t tap_max_ns;
	bool tap_always;
	int64_t rate_limit;		/* drop lines a second, 0 = off */

	struct ds_ledger *ledger;
	struct ds_targets *targets;
	struct ds_peers peers;
	struct ds_instances instances;
	struct ds_flows *flows;
	struct ds_cadences *cadences;
	struct ds_workloads *workloads;
	struct ds_pending_listener pending[DS_PENDING_LISTENERS_MAX];
	unsigned pending_next;		/* a ring: the oldest is overwritten, and counted */
	int64_t pending_evictions;

	/* sums over the run */
	uint32_t drops_by[DS_CAUSE_MAX];
	uint32_t not_drops[DS_NOT_DROP_MAX];
	uint64_t rollout_drops;
	uint64_t unattributed[DS_UNATTRIBUTED_MAX];
	uint64_t next_drop_id;
	int64_t lost_events;
	int64_t lost_ringbuf;
	int64_t lost_at_ns;		/* end of the latest loss */
	struct ds_gap gaps[DS_GAPS_MAX];	/* the first is the one before this run */
	int gaps_cnt;
	int64_t emitted;
	int64_t suppressed;

	/* tap and health */
	bool tap_wished;
	bool tap_on;
	int64_t tap_on_ms;		/* ns, as the last tick told */
	int64_t probes_attached, probes_missing;
	int64_t poll_requests, poll_throttled, poll_failed;	/* 0 requests: no poller */
	bool watched;			/* somebody watches the cluster */
	bool watch_is_blind;		/* so the latest tick says: what happens is told later */
	bool watch_was_behind;		/* so the last line said */
	int64_t watch_restarts;
	int64_t watch_lag_ns;		/* the largest since the last line */
	int64_t health_at_ns;		/* of the last line */
	bool health_degraded;
	int64_t lost_at_health;
	int64_t evictions_at_health;
	int64_t poll_failed_at_health;

	/* rate limit: the current second, the lines in it */
	int64_t second;
	int64_t second_lines;
	bool folding;			/* some pod holds folded drops */
};

/* An output event at that time, with the run's id and where it is. */
void ds_core_start_event(const struct ds_core *core, struct ds_event *ev, enum ds_event_kind kind,
			 int64_t time_ns);
/* The run's id, and its cluster and node where the event names none. */
void ds_core_sign(const struct ds_core *core, struct ds_event *ev);
void ds_core_emit(struct ds_core *core, const struct ds_event *ev);
void ds_core_wish(struct ds_core *core, const struct ds_wish *wish);
void ds_core_count_lost(struct ds_core *core, int64_t cnt);
/* How long an ended pod is remembered. */
int64_t ds_core_retention_ns(const struct ds_core *core);
/* For the ledger: the pod is about to be freed. ctx is the core. */
void ds_core_forget(void *ctx, struct ds_pod *pod);

/* timeline.c: pods and what happened to them */
void ds_timeline_pod_state(struct ds_core *core, const struct ds_event *ev);
/* It tells of a pod's end by its EndpointSlice: for a run that knows nothing of the pod itself. */
bool ds_timeline_is_hearsay(const struct ds_event *ev);
/* That, of a pod that it does know, and nothing new of why the pod went. */
bool ds_timeline_is_stale(const struct ds_core *core, const struct ds_event *ev);
void ds_timeline_socket(struct ds_core *core, const struct ds_event *ev);
/* The pod of a socket or process event: by the cgroup's UID, else by the namespace. NULL = none. */
struct ds_pod *ds_timeline_pod_of(const struct ds_core *core, const struct ds_event *ev,
				  int *ret_attribution);

/* Its namespace, from the first kernel event that tells it. */
void ds_timeline_learn_netns(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev);
/* Its listener of that port and family, made when new; NULL when it has too many. */
struct ds_pod_listener *ds_timeline_listener(struct ds_pod *pod, uint16_t port, uint8_t family);

/* phase.c: what it is in. Whose phase that is: enum ds_lane. */
int ds_phase_lane(int phase);
struct ds_phase_change {
	int phase;		/* enum ds_phase */
	int64_t at_ns;
	int64_t not_before_ns;	/* 0 = the moment is exact; else at_ns is its upper bound */
	uint16_t port;		/* 0 = none */
	const char *container;	/* NULL = none */
	int killed_by;		/* of sigkill: enum ds_killed_by, -1 = not known */
};
/* The pod enters a phase: one line. */
void ds_phase_tell(struct ds_core *core, struct ds_pod *pod, const struct ds_phase_change *c);
/* The same. port 0 and container NULL = none. */
void ds_phase_enter(struct ds_core *core, struct ds_pod *pod, int phase, int64_t at_ns,
		       uint16_t port, const char *container);
/* It never was in that phase: back to the one before, which is told again. */
void ds_phase_leave(struct ds_core *core, struct ds_pod *pod, int phase, int64_t at_ns);
/* Without a line: it was told by the run before. */
void ds_phase_remember(struct ds_pod *pod, int phase, int64_t at_ns, uint16_t port);

/* identity.c: who a pod is. A nameless pod that gave its address up has its birth in its key. */
#define DS_IDENTITY_SINCE '@'
/* Key: buf of DS_POD_KEY_LEN + 1 bytes may hold it. */
const char *ds_identity_key(const struct ds_event *ev, char *buf, size_t size);
/*
 * The pod of a pod.state event, made when new, with description and ports: the one of its key, or
 * one that has its address and was told under less of a name. NULL without memory.
 */
struct ds_pod *ds_identity_announce(struct ds_core *core, const struct ds_event *ev,
				    bool *ret_is_new);
/* Told already, to the run that saved the state file. */
bool ds_identity_is_known(const struct ds_core *core, const struct ds_event *ev);
/* Calls take(item) for each item of a comma-separated list, at most `max` of them. */
void ds_identity_each_item(const char *list, int max,
			   void (*take)(void *ctx, const char *item, size_t len), void *ctx);

/* address.c: which pod has which address */
void ds_address_route(struct ds_core *core, const struct ds_event *ev);
/* What a pod.state event says of the pod's addresses. */
void ds_address_told(struct ds_core *core, struct ds_pod *pod, const struct ds_event *ev);
/* By which signs the address is gone (1 << enum ds_route_by), and one more of them. */
unsigned ds_address_signs(const struct ds_pod *pod, const struct ds_addr *a);
void ds_address_note_sign(struct ds_pod *pod, const struct ds_addr *a, const struct ds_event *ev);
/* The pod has ended: whatever it still holds it gives up. */
void ds_address_end(struct ds_core *core, struct ds_pod *pod, int64_t at_ns);

/* process.c: how containers end */
void ds_process_event(struct ds_core *core, const struct ds_event *ev);

/*
 * ending.c: the end of a pod that Kubernetes does not tell, or not yet. It is over by that moment:
 * where no T0 is known, the SIGTERM with which it began was it. True: so it is now.
 */
bool ds_ending_begin(struct ds_core *core, struct ds_pod *pod, int64_t end_ns);
/* Time has passed: a release that stays is an end. */
void ds_ending_review(struct ds_core *core);
/* Its containers got SIGTERM: whether for a restart or for the pod's end is not known then. */
bool ds_ending_is_unclear(const struct ds_core *core, const struct ds_pod *pod, int64_t at_ns);
/* The same, and it is worth waiting for. */
bool ds_ending_is_waited_for(const struct ds_core *core, const struct ds_pod *pod, int64_t at_ns);

/* restore.c: an event of the state file. */
void ds_restore(struct ds_core *core, const struct ds_event *ev);
/* A time without observation, as a loss event of stage restart tells it. */
void ds_restore_gap(struct ds_core *core, const struct ds_event *ev);

/* correlate.c: evidence becomes drops */
void ds_correlate_packet(struct ds_core *core, const struct ds_event *ev);
void ds_correlate_socket(struct ds_core *core, const struct ds_event *ev);
void ds_correlate_traffic(struct ds_core *core, const struct ds_event *ev);
void ds_correlate_advance(struct ds_core *core, int64_t now_ns);	/* closes due windows */
void ds_correlate_finish(struct ds_core *core);			/* closes all of them */
/* The pod is about to be freed. */
void ds_correlate_forget(struct ds_core *core, struct ds_pod *pod);

/*
 * host.c: the pod on the host's network to which a port of one of its addresses belongs, or NULL:
 * by the cgroup of the event's socket, else by the port at the event's time.
 */
struct ds_pod *ds_host_pod(const struct ds_core *core, const struct ds_event *ev,
			   const struct ds_addr *a, uint16_t port, int *ret_attribution);
/* A process of no pod listens on that port of the host: what is refused there later is its. */
void ds_host_port_taken(struct ds_core *core, uint16_t port, int64_t at_ns);

/* traffic_rate.c: how often each address of the load balancer sends to a pod */
#define DS_TRAFFIC_NEEDED 20	/* expected of each within a shorter preStop: DESIGN section 8 */
/* A pod.traffic event of an address of the load balancer; not `is_traffic`: its health checks. */
void ds_traffic_rate_sample(struct ds_pod *pod, const struct ds_event *ev, bool is_traffic);
/* Arrivals in 1000 s of the address that sent least often before T0; 0 = too few, or not known. */
int64_t ds_traffic_rate(const struct ds_core *core, const struct ds_pod *pod);

/* tap.c: what to watch, and when to tap */
void ds_tap_pod_changed(struct ds_core *core, struct ds_pod *pod);
void ds_tap_review(struct ds_core *core);
void ds_tap_forget(struct ds_core *core, struct ds_pod *pod);

/* poll.c: which targets are worth asking for */
void ds_poll_review(struct ds_core *core);
void ds_poll_forget(struct ds_core *core, struct ds_pod *pod);

/* drain.c: the drain of a pod's target; port 0 = any of them */
struct ds_drain ds_pod_drain(const struct ds_core *core, const struct ds_pod *pod, uint16_t port);
/* Whether a target of one of its addresses is, or was, registered for the pod. */
bool ds_target_is_of(const struct ds_core *core, const struct ds_target *target,
		     const struct ds_pod *pod);
/* Whether the load balancer may send to the port: one of its targets', or no target is known. */
bool ds_pod_serves_port(const struct ds_core *core, const struct ds_pod *pod, uint16_t port);
/*
 * The pod that had the address before `pod`, where the target was registered for that one and not
 * again since: the load balancer means it. Or NULL.
 */
struct ds_pod *ds_target_earlier_pod(const struct ds_core *core, const struct ds_target *target,
				     const struct ds_pod *pod);
/* Before a target event is taken: a new registration must not take an earlier pod's drain away. */
void ds_drain_keep(struct ds_core *core, const struct ds_event *ev);
bool ds_pod_is_draining(const struct ds_core *core, const struct ds_pod *pod);
/*
 * Its load balancer is an NLB: connections that there are stay with a target that drains, for as
 * long as the client and the pod want; only new ones cease. False where it has another one too.
 */
bool ds_pod_keeps_connections(const struct ds_core *core, const struct ds_pod *pod);

/* absence.c: a target was updated by the event; something arrived; time passes */
void ds_absence_target(struct ds_core *core, const struct ds_target *target,
		       const struct ds_event *ev);
void ds_absence_arrival(struct ds_core *core, const struct ds_addr *a, uint16_t port,
			int64_t at_ns);
void ds_absence_review(struct ds_core *core);

/* verdict.c */
void ds_verdict_review(struct ds_core *core);
/* The pod is about to be freed: with a verdict that is cut, where it has none yet. */
void ds_verdict_forget(struct ds_core *core, struct ds_pod *pod);

/* advise.c */
struct ds_flow;
struct ds_decision;
void ds_advise_judged(struct ds_core *core, struct ds_pod *pod);	/* its verdict is known */
void ds_advise_decided(struct ds_core *core, const struct ds_flow *flow,
		       const struct ds_decision *d);
/*
 * For the finding "no healthy target while the pod's workload was rolling": it began at that moment
 * and lasted so long (-1: it had not ended yet). add_readiness_gate comes of it.
 */
void ds_advise_no_healthy_target(struct ds_core *core, const struct ds_pod *pod, int64_t at_ns,
				 int64_t lasted_ns);
/*
 * By how much the preStop of a judged pod exceeds what was ever needed, 0 = not, or not known.
 * *ret_withheld: too little is known to advise a shorter one.
 */
int64_t ds_advise_oversleep(struct ds_core *core, const struct ds_pod *pod, bool *ret_withheld);
void ds_advise_review(struct ds_core *core);

#endif
