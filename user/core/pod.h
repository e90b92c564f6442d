/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pod instance (UID) as the core knows it: who it is, what happened to it and when, and what
 * it cost. Owned by the ledger; timeline, correlate, verdict and advise each write the part
 * that carries their name. All times are ns since the epoch, 0 = not known or not yet.
 */
#ifndef DS_CORE_POD_H
#define DS_CORE_POD_H

#include "user/core/target.h"

#define DS_POD_ADDRESSES_MAX 8
#define DS_POD_PORTS_MAX 32
#define DS_POD_PHASES_MAX 48
#define DS_POD_UID_LEN 63
#define DS_POD_NAME_LEN 253	/* RFC 1123 subdomain, Kubernetes' limit */
#define DS_POD_KEY_LEN (DS_POD_NAME_LEN * 2 + 1)	/* UID, NAMESPACE/NAME, or addresses */
#define DS_POD_TEXT_LEN 63
#define DS_POD_LINK_LEN 15	/* IFNAMSIZ - 1 */
#define DS_POD_ID_LEN 64
#define DS_POD_CONTAINERS_MAX 16
#define DS_POD_BALANCERS_MAX 32
#define DS_WATCH_WISHED 0x80000000u	/* in watch_flags: the core said what it wants */

enum ds_owner_kind { DS_OWNER_NONE, DS_OWNER_DEPLOYMENT, DS_OWNER_STATEFULSET, DS_OWNER_DAEMONSET,
	DS_OWNER_REPLICASET, DS_OWNER_JOB, DS_OWNER_MAX };

/* One entry of the timeline: a Kubernetes phase or a kernel milestone. */
struct ds_pod_phase {
	int phase;		/* enum ds_phase */
	int64_t at_ns;
	uint16_t port;		/* 0 = none */
};

struct ds_pod_listener {
	uint16_t port;
	uint8_t family;		/* 4 or 6 */
	bool open;
	int64_t opened_ns;
	int64_t closed_ns;	/* of the last time */
	int64_t taken_ns;	/* on the host's network: a process of no pod listens there since */
};

/* One container, by its runtime's id in the last name of its cgroup's path. */
struct ds_pod_container {
	char id[DS_POD_ID_LEN + 1];
	int64_t sigterm_ns;	/* first SIGTERM to its PID 1 */
	int64_t killed_ns;	/* first SIGKILL to its PID 1 */
	int killed_by;		/* enum ds_killed_by, -1 = not told; valid with killed_ns */
	int64_t oom_ns;		/* the OOM killer took one of its processes */
	int64_t exited_ns;	/* its PID 1 ended */
	int exit_code;
};

/* Drops of one cause whose lines the rate limit held back: the first of them, and how many. */
struct ds_pod_fold {
	int64_t cnt;
	int64_t syns;		/* of them, without any packet but SYNs */
	int64_t lost_ns;
	struct ds_addr key_pod, key_peer;
	uint16_t pod_port, peer_port;
	uint32_t facts, hooks;
	int attribution, outcome, symptom, confidence;	/* as decided then */
	bool rollout;		/* all of them are a rollout's, or none is */
};

/* One address of the load balancer that sends to a port of the pod, as the samples told it. */
struct ds_pod_balancer {
	struct ds_addr addr;
	uint16_t port;		/* the pod's */
	int64_t first_ns;	/* seen then, 0 = its connections are older than the run */
	int64_t period;		/* of the latest sample: traffic_rate.c */
	int64_t arrivals[2];	/* of that period and the one before, by the period's last bit */
	int64_t accepted, segments, empty;	/* the kernel's counters, as last told */
};

struct ds_pod {
	struct ds_pod *prev, *next;	/* all pods, oldest first */
	struct ds_pod *prev_host, *next_host;	/* those on the host's network, the latest first */
	bool shares;			/* is one of them */

	/* identity */
	char uid[DS_POD_UID_LEN + 1];
	char namespace_[DS_POD_NAME_LEN + 1];
	char name[DS_POD_NAME_LEN + 1];
	char owner[DS_POD_NAME_LEN + 1];
	enum ds_owner_kind owner_kind;
	struct ds_addr addresses[DS_POD_ADDRESSES_MAX];
	uint8_t gone_by[DS_POD_ADDRESSES_MAX];	/* 1 << enum ds_route_by: signs of its release */
	int addresses_cnt;
	char gone_link[DS_POD_LINK_LEN + 1];	/* of the route that went last */
	uint16_t ports[DS_POD_PORTS_MAX];
	int ports_cnt;
	/* As pod.state tells them; owned, NULL = not told. */
	char *probes, *gates, *containers_named;
	bool host_network;
	bool by_kubernetes;	/* announced with a phase: its Kubernetes lane is told */
	uint64_t netns;		/* learned from the kernel, 0 = not yet */
	int64_t seen_ns;	/* first mention */
	int64_t told_ns;	/* latest pod.state event of it */
	int64_t stayed_ns;	/* the latest of this run by which it did not go, 0 = none */
	bool restored;		/* from the state file, and nothing newer was told since */

	/* timeline */
	struct ds_pod_phase phases[DS_POD_PHASES_MAX];	/* by time */
	int phases_cnt;
	int phase_kubernetes;	/* latest of that lane, -1 = none */
	int phase_kernel;
	struct ds_pod_listener listeners[DS_POD_PORTS_MAX];
	int listeners_cnt;
	int64_t t0_ns;		/* 0 = not going */
	int64_t t0_error_ns;
	int t0_source;
	int trigger;		/* enum ds_trigger, -1 = not told */
	int64_t grace_s;	/* -1 = not told */
	char prestop[DS_POD_TEXT_LEN + 1];
	int64_t sigterm_ns;	/* first, of its end where that is known to have begun */
	bool sigterm_ignored;
	int64_t sigkill_ns;	/* first */
	struct ds_pod_container *containers;	/* these three grow: most pods never need them */
	int containers_cnt;
	int64_t exited_ns;	/* last PID 1 that ended */
	int ended_by;		/* enum ds_ended_by, -1 = no PID 1 was seen to end */
	int64_t released_ns;	/* address */
	int64_t taken_back_ns;	/* a release that was none: its route had only been made anew */
	int64_t reused_ns;
	int64_t given_ns;	/* the node routes the address to another pod, told of or not */
	int64_t deleted_ns;

	/* correlate */
	uint32_t drops_by[DS_CAUSE_MAX];
	uint32_t rollout_drops;
	struct ds_pod_fold *folds;	/* DS_CAUSE_MAX of them, NULL = none yet */
	uint32_t not_drops[DS_NOT_DROP_MAX];
	int64_t last_arrival_ns;	/* from the load balancer, after T0 */
	int64_t last_arrival_error_ns;	/* it may have been later by up to this */
	int64_t last_begun_ns;		/* the last of them that began a connection */
	uint32_t arrivals_cnt;		/* connections that arrived after T0 */
	uint32_t open_windows;		/* connections of the load balancer not decided yet */
	uint32_t flows_cnt;		/* that are remembered */

	/* absence */
	bool ready_without_target;	/* it was ready, its target initial, and no other served */

	/* arrivals */
	struct ds_pod_balancer *balancers;
	int balancers_cnt;
	bool balancers_over;		/* there were more */
	int64_t idle_close_ns;		/* longest silence after which it closed a connection */

	/* tap */
	uint32_t watch_flags;		/* as last wished */
	int64_t tap_since_ns;		/* 0 = does not want the tap */
	bool tap_done;

	/* poll */
	int polled_cnt;			/* of its addresses: they are wished to be asked for */

	/* drain */
	struct ds_drain drain;		/* valid where its target went to another pod meanwhile */
	bool drain_kept;

	/* verdict */
	bool verdict_written;
	bool verdict_cut;		/* written as the run ended: another may do better */
	int verdict;			/* enum ds_verdict, where it is written */
	bool lost_evidence;		/* something was lost while it went away */
	bool late_evidence;
	int64_t tail_ns;		/* valid where tail_known */
	int64_t tail_error_ns;
	bool tail_known;
};

/*
 * Room for one more in a list that holds cnt elements: the list, which may have moved, or NULL
 * where it has max of them, or there is no memory. It doubles at each power of two.
 */
void *ds_pod_room(void *list, int cnt, int max, size_t size);

/* The new element, all zero, or NULL. */
#define DS_POD_ADD(list, cnt, max) \
	({ \
		__typeof__(list) moved_ = ds_pod_room((list), (cnt), (max), sizeof(*(list))); \
		if (moved_) \
			(list) = moved_; \
		moved_ ? &(list)[(cnt)++] : NULL; \
	})

/* Frees what it owns; not the pod. */
void ds_pod_clear(struct ds_pod *pod);

static inline bool ds_pod_is_going(const struct ds_pod *pod)
{
	return pod->t0_ns != 0;
}

/* Going at that moment. T0 is a floor, so anything from it on counts. */
static inline bool ds_pod_was_going(const struct ds_pod *pod, int64_t at_ns)
{
	return pod->t0_ns != 0 && at_ns >= pod->t0_ns;
}

/* Nothing of it is left: Kubernetes says so, or its processes ended and its address is released. */
static inline int64_t ds_pod_ended_ns(const struct ds_pod *pod)
{
	if (pod->deleted_ns)
		return pod->deleted_ns;
	if (pod->released_ns && (pod->exited_ns || !pod->sigterm_ns))
		return pod->exited_ns > pod->released_ns ? pod->exited_ns : pod->released_ns;
	return 0;
}

bool ds_pod_has_address(const struct ds_pod *pod, const struct ds_addr *a);

/* A port that the pod was told to have. */
bool ds_pod_declares_port(const struct ds_pod *pod, uint16_t port);

/* The same, or one on which something listened. */
bool ds_pod_has_port(const struct ds_pod *pod, uint16_t port);

/* The listener of a port of either family that was opened last, or NULL. */
const struct ds_pod_listener *ds_pod_listener_of(const struct ds_pod *pod, uint16_t port);

/* The pod goes since that moment, unless an earlier one is known. */
void ds_pod_set_t0(struct ds_pod *pod, int64_t t0_ns, int64_t error_ns, int source);

/* Why it goes: enum ds_trigger; -1 = it does not, or nobody has told even that it was deleted. */
int ds_pod_trigger(const struct ds_pod *pod);

/* From SIGTERM to exit, of the slowest container since T0; -1 = none was seen. */
int64_t ds_pod_slowest_exit(const struct ds_pod *pod);

/* The phase at a moment: the latest of either lane. NULL before the first. */
const struct ds_pod_phase *ds_pod_phase_at(const struct ds_pod *pod, int64_t at_ns);

/* Its container of that id by the name that Kubernetes has for it. False, name "": not known. */
bool ds_pod_container_name(const struct ds_pod *pod, const char *id,
			   char name[DS_POD_TEXT_LEN + 1]);

/* Sets identity, owner and first address of an output event. Strings are borrowed of the pod. */
void ds_pod_describe(const struct ds_pod *pod, struct ds_event *ev);

/* Seconds that the preStop hook sleeps ("sleep:40"), 0 for none, -1 when it is not known. */
int64_t ds_pod_prestop_s(const struct ds_pod *pod);

/*
 * The pod UID in a cgroup path (any driver: "...-pod<uid with _>.slice", "pod<uid>"), with dashes.
 * Returns true and fills uid, or false.
 */
bool ds_cgroup_pod_uid(const char *path, char uid[DS_POD_UID_LEN + 1]);

/*
 * The container's id in a cgroup path: "cri-containerd-<id>.scope", "crio-<id>.scope",
 * "docker-<id>.scope", or "<id>"; a name of any other form stands for itself, cut to the bound, ""
 * for the pod's own folder and outside of pods. False for what is no container: the runtime's own
 * monitor ("crio-conmon-<id>.scope").
 */
bool ds_cgroup_container(const char *path, char id[DS_POD_ID_LEN + 1]);

#endif
