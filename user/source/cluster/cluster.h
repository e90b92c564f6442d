/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `drainsnoop targets` knows of its cluster: TargetGroupBindings, Services, EndpointSlices,
 * ReplicaSets and the other controllers, PodDisruptionBudgets, and Pods (--watch-pods). They come,
 * change and go in any order, as watches tell them. What follows for each node is told as events:
 * which pods are in which target groups, and why a pod goes. What AWS says of the targets comes in
 * the same way and is passed on to the nodes whom it concerns. Pure.
 *
 * Pods need not be watched: an EndpointSlice names its pods by UID, with node, addresses and
 * whether they go away; a pod's owner follows then from its name. Watched pods add what only they
 * tell: readiness gates, labels, DisruptionTarget, and a Service's pods before its EndpointSlice.
 */
#ifndef DS_SOURCE_CLUSTER_H
#define DS_SOURCE_CLUSTER_H

#include <json-c/json.h>

#include "user/core/event.h"
#include "user/source/kube/kube_owner.h"
#include "user/source/kube/kube_watch.h"

/* What is followed; the watches may be begun in any order, and any of them may be missing. */
enum ds_cluster_kind {
	DS_CLUSTER_BINDING,		/* of elbv2.k8s.aws/v1beta1 */
	DS_CLUSTER_BINDING_EKS,		/* of eks.amazonaws.com/v1 (Auto Mode) */
	DS_CLUSTER_SERVICE,
	DS_CLUSTER_SLICE,
	DS_CLUSTER_REPLICASET,
	DS_CLUSTER_DEPLOYMENT,
	DS_CLUSTER_STATEFULSET,
	DS_CLUSTER_DAEMONSET,
	DS_CLUSTER_PDB,
	DS_CLUSTER_POD,
	DS_CLUSTER_KIND_MAX,
};

/* How a kind is watched: goes into struct ds_kube_watch_options. All static. */
struct ds_cluster_source {
	const char *path;
	const char *what;		/* "services" */
	const char *right;		/* "list and watch services" */
	const struct ds_kube_keep *keep;
	size_t max;
	size_t kept_max;		/* bytes kept of one object; 0 = the usual */
	bool is_crd;			/* may be unknown to the API server */
	bool is_extra;			/* the rest works without: PDBs, pods */
};

const struct ds_cluster_source *ds_cluster_source(enum ds_cluster_kind kind);

struct ds_cluster;

/* A PodDisruptionBudget and a pod of a target group that it selects. Strings are borrowed. */
struct ds_cluster_budget {
	const char *namespace_, *name, *pod;
	const char *other;		/* selects the pod too; NULL = none does */
	int64_t wanted, expected;	/* pods: that must be healthy, that there ought to be */
};

struct ds_cluster_options {
	int64_t (*now)(void *ctx);	/* ns since the epoch; the only clock that it has */
	/*
	 * An event for the agent of that node: pod.state, target.state, load_balancer.address.
	 * Rank and source_seq are the caller's. Borrowed for the call.
	 */
	void (*tell)(void *ctx, const char *node, const struct ds_event *ev);
	/*
	 * Nothing of the pod is left since at_ns, but for what load balancers still send; 0: it is
	 * there again. Pods of no target group are not told.
	 */
	void (*ended)(void *ctx, const char *node, const char *uid, int64_t at_ns);
	/* A group has a pod for the first time: ask what it is, and for its load balancers. */
	void (*group)(void *ctx, const char *arn);
	/*
	 * The pod of that address goes away: ask for the target (ds_elb_watch). Instance targets
	 * are never asked for. unpoll: nobody wants to know of any target of the address any more.
	 */
	void (*poll)(void *ctx, const char *arn, const struct ds_addr *addr, uint16_t port);
	void (*unpoll)(void *ctx, const struct ds_addr *addr);
	/* A budget that lets no pod of a target group be evicted, so that no node is drained. */
	void (*budget)(void *ctx, const struct ds_cluster_budget *budget);
	void *ctx;
	size_t pods_max;		/* 0 = 65536; above it pods are left out and counted */
};

/* Functions are called from within the calls below, never else. 0 or -ENOMEM. */
int ds_cluster_new(struct ds_cluster **ret_cluster, const struct ds_cluster_options *options);
/*
 * Before it every watch must have dropped its objects (ds_kube_watch_free). From the first that is
 * dropped like that nothing is told any more. NULL is fine.
 */
void ds_cluster_free(struct ds_cluster **cluster);

/* The hooks of a watch of that kind, and their ctx. */
void *ds_cluster_feed(struct ds_cluster *c, enum ds_cluster_kind kind);
void *ds_cluster_take(void *feed, void *object, json_object *json);
void ds_cluster_tell(void *feed, void *object, enum ds_kube_told told);
void ds_cluster_drop(void *feed, void *object);

/*
 * A target.state or load_balancer.address event of the poller (ds_elb_options.deliver): what it
 * says of the group is kept, and it is told to the nodes whom it concerns, the pod's identity
 * added. Borrowed for the call.
 */
void ds_cluster_pass(struct ds_cluster *c, const struct ds_event *ev);

/* What is known of a group without a reading of any target. Strings are copied. */
struct ds_cluster_group_facts {
	int64_t delay_s;		/* -1 = not known; so are the others */
	int preserve_client_ip;
	int type;			/* enum ds_target_type */
	int check_port;			/* 0 = not known, -1 = that of the target */
	int64_t check_interval_s;	/* 0 = not known */
	int lb_type;			/* enum ds_lb_type */
	const char *lb_name;		/* NULL or "" = not known */
};
void ds_cluster_group_is(struct ds_cluster *c, const char *arn,
			 const struct ds_cluster_group_facts *facts);

/*
 * Time passes; about once a second. Pods that ended are forgotten after the longest of 10 min and
 * twice the deregistration delay.
 */
void ds_cluster_tick(struct ds_cluster *c);

/* ---- questions ---- */

/* Whether a pod of that group goes away now, or its target may still drain. */
bool ds_cluster_group_goes(const struct ds_cluster *c, const char *arn);

struct ds_cluster_target {
	const char *arn;
	int type;		/* enum ds_target_type */
	uint16_t port;		/* of the pod; of an instance: its node port */
	uint16_t pod_port;	/* the pod's own port behind it */
	bool ready;		/* the controller has it registered, or is about to */
};

/* Strings are borrowed until the next call that changes something. */
struct ds_cluster_pod_facts {
	const char *uid, *namespace_, *name, *node;	/* "" = not known */
	enum ds_kube_owner owner_kind;
	const char *owner;
	struct ds_addr addresses[8];
	int addresses_cnt;
	struct ds_cluster_target targets[16];
	int targets_cnt;
	int trigger;			/* enum ds_trigger, -1 = it does not go */
	int64_t going_ns, ended_ns;	/* when it was heard of here; 0 = not */
};

/* False: no such pod. */
bool ds_cluster_pod(const struct ds_cluster *c, const char *uid,
		    struct ds_cluster_pod_facts *ret_facts);

struct ds_cluster_stats {
	size_t bindings, services, slices, endpoints, pods, going, workloads, groups;
	uint64_t over;		/* left out: some table was full */
	uint64_t bad;		/* objects without what they must have */
	uint64_t recomputed;	/* pods that were looked at anew: what events cost */
};
struct ds_cluster_stats ds_cluster_stats(const struct ds_cluster *c);

#endif
