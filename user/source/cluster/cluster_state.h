/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of `struct ds_cluster`. Its files share the work like this, and each knows only those
 * above it:
 *   cluster_table     services, workloads, nodes and groups by name; pods by UID and address
 *   cluster_touch     which pods have to be looked at anew
 *   cluster_member    which targets a pod is
 *   cluster_trigger   why it goes, and whose it is
 *   cluster_budget    which PodDisruptionBudgets let none of its like be evicted
 *   cluster_event     the events of all that
 *   cluster_group     what AWS says of groups and load balancers, and to whom that is told
 *   cluster_pod       whether a pod goes or has ended; what has become of the touched ones
 *   cluster_object    what each kind of object is tied to
 *   cluster           objects come, change and go; questions
 * An entry lives as long as something refers to it: it may be there before its object. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_STATE_H
#define DS_SOURCE_CLUSTER_STATE_H

#include "user/source/cluster/cluster.h"
#include "user/source/cluster/cluster_read.h"
#include "user/util/hash.h"
#include "user/util/timefmt.h"

#define DS_CLUSTER_PODS_MAX 65536
#define DS_CLUSTER_TARGETS_MAX 16	/* of a pod */
#define DS_CLUSTER_GROUPS_MAX 1024
#define DS_CLUSTER_BALANCERS_MAX 512
#define DS_CLUSTER_BALANCER_ADDRESSES_MAX 256
#define DS_CLUSTER_KEY_LEN (2 * DS_KUBE_NAME_LEN + 1)	/* NAMESPACE/NAME */
#define DS_CLUSTER_KEEP_NS (600 * DS_NS_PER_S)	/* a pod that has ended, at least */
#define DS_CLUSTER_REFINE_NS (10 * DS_NS_PER_S)	/* until then its trigger may become another */
#define DS_CLUSTER_LEAVE_NS (2 * DS_NS_PER_S)	/* from one EndpointSlice to another */

struct ds_cluster_object;

/* A list of what is tied to something; ties are parts of other structs. */
struct ds_tie {
	struct ds_tie *prev, *next;
	void *of;
};

/* Zeroed, it is empty. The latest comes first. */
struct ds_ties {
	struct ds_tie *first;
};

/* A Service, by NAMESPACE/NAME. */
struct ds_cluster_service {
	const struct ds_read_service *facts;	/* NULL = not told */
	struct ds_ties slices;			/* struct ds_cluster_object */
	struct ds_ties bindings;		/* the same */
	struct ds_tie with_bindings;		/* of its namespace; while it has bindings */
	size_t refs;				/* Service objects */
	UT_hash_handle hh;
	char key[];
};

/* What has a namespace: services with bindings, pods that are watched, PDBs, bindings. */
struct ds_cluster_namespace {
	struct ds_ties services, pods, pdbs, bindings;
	UT_hash_handle hh;
	char key[];
};

/* ReplicaSet, Deployment, StatefulSet, DaemonSet of one NAMESPACE/NAME. */
struct ds_cluster_workload {
	struct {
		const struct ds_read_workload *facts;	/* NULL = not told */
		int64_t seen_ns, heard_ns;	/* first and last told */
		int64_t fell_ns, rose_ns;	/* its desired count did, 0 = not seen */
	} of[DS_KUBE_OWNER_JOB];
	struct ds_cluster_workload *deployment;	/* of its ReplicaSet */
	struct ds_tie in_deployment;
	struct ds_ties replica_sets;	/* of its Deployment: struct ds_cluster_workload */
	struct ds_ties pods;		/* that go, and may be understood better */
	size_t refs;			/* pods and objects that have it */
	bool is_released;		/* at this moment */
	UT_hash_handle hh;
	char key[];
};

struct ds_cluster_node_entry {
	size_t refs;			/* pods */
	uint64_t mark;			/* of the last walk that came by */
	UT_hash_handle hh;
	char key[];
};

struct ds_cluster_group {
	struct ds_cluster_group_facts facts;
	char lb_name[DS_READ_TEXT_LEN + 1];
	size_t refs;			/* targets of pods */
	bool announced;
	bool is_settled;		/* the controller's checkpoint is not empty */
	UT_hash_handle hh;
	char key[];			/* the ARN */
};

struct ds_cluster_balancer {
	int type;
	struct ds_addr addresses[DS_CLUSTER_BALANCER_ADDRESSES_MAX];
	int addresses_cnt;
	UT_hash_handle hh;
	char key[];			/* its name */
};

/* Who has an address: the one that got it last first. */
struct ds_cluster_address {
	struct ds_addr addr;
	struct ds_ties pods;		/* struct ds_cluster_pod_entry */
	UT_hash_handle hh;
};

struct ds_cluster_holding {
	struct ds_cluster_address *address;
	struct ds_tie tie;
};

/* A pod as a target. */
struct ds_cluster_member {
	struct ds_cluster_group *group;
	int type;			/* enum ds_target_type */
	struct ds_addr addr;		/* of an instance target: not set */
	uint16_t port, pod_port;
	bool ready;			/* the controller registers it */
	bool polled;
	bool was_settled;		/* its group was as it began to go: see the checkpoint */
	const struct ds_cluster_node_entry *met_on;	/* whom the group's balancer was told */
	uint64_t told;			/* hash of what was told of it, 0 = nothing */
};

struct ds_cluster_pod_entry {
	char *namespace_, *name;	/* owned */
	const struct ds_read_pod *facts;	/* NULL = not watched, or gone */
	struct ds_tie in_namespace;	/* while it has facts */
	struct ds_ties refs;		/* struct ds_cluster_ref */
	struct ds_cluster_node_entry *node;
	struct ds_cluster_workload *workload;
	struct ds_tie in_workload;		/* while it may be understood better */
	struct ds_cluster_holding *holdings;	/* owned; at most DS_READ_ADDRESSES_MAX */
	int holdings_cnt;
	struct ds_cluster_member *members;	/* owned; at most DS_CLUSTER_TARGETS_MAX */
	int members_cnt;
	int64_t left_ns;		/* nothing names it any more since then, 0 = it does */
	int64_t going_ns, ended_ns;	/* 0 = not */
	bool was_terminating;		/* somebody said so: else it has only vanished */
	bool is_gone;			/* its Pod object was deleted: a UID does not return */
	int trigger;			/* enum ds_trigger, -1 = none */
	uint64_t told;			/* hash of its last pod.state, 0 = none */
	int64_t told_ended_ns;
	const struct ds_read_endpoint *before;	/* only within an update of a slice */
	bool dirty;
	struct ds_cluster_pod_entry *next_dirty;
	struct ds_tie in_going;		/* while it goes, or has left */
	UT_hash_handle hh;
	char key[];			/* its UID */
};

/* An endpoint of a slice that is a pod. */
struct ds_cluster_ref {
	struct ds_cluster_object *slice;
	const struct ds_read_endpoint *endpoint;
	struct ds_cluster_pod_entry *pod;
	struct ds_tie tie;
};

/*
 * An object of a watch. `news` is what was read and not yet told; `facts` what the tables refer to.
 */
struct ds_cluster_object {
	enum ds_cluster_kind kind;
	void *news, *facts;
	/* ties, while there are facts */
	struct ds_cluster_service *service;	/* of a binding, a slice, a Service */
	struct ds_cluster_namespace *space;	/* of a binding, a PDB */
	struct ds_cluster_workload *workload;
	struct ds_cluster_pod_entry *pod;
	struct ds_cluster_ref *refs;		/* of a slice: owned */
	struct ds_tie in_service, in_space;
	bool is_said;				/* of a PDB: that it lets no pod be evicted */
};

struct ds_cluster_feed {
	struct ds_cluster *cluster;
	enum ds_cluster_kind kind;
};

struct ds_cluster {
	struct ds_cluster_options options;
	struct ds_cluster_feed feeds[DS_CLUSTER_KIND_MAX];
	struct ds_cluster_service *services;
	struct ds_cluster_namespace *namespaces;
	struct ds_cluster_workload *workloads;
	struct ds_cluster_node_entry *nodes;
	struct ds_cluster_group *groups;
	struct ds_cluster_balancer *balancers;
	struct ds_cluster_address *addresses;
	struct ds_cluster_pod_entry *pods;
	struct ds_cluster_pod_entry *dirty;
	struct ds_ties going;		/* pods that go, or went lately, or have left */
	struct ds_cluster_stats stats;
	int64_t now_ns;			/* of the call at hand */
	uint64_t mark;
	bool is_closing;		/* nothing is looked at any more */
};

#endif
