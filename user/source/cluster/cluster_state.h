/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of `struct ds_cluster`, and how its files share the work:
 *   cluster.c           objects come, change and go; questions
 *   cluster_object.c    what each kind of object is tied to
 *   cluster_table.c     services, workloads, nodes and groups by name; pods by UID and address
 *   cluster_pod.c       which targets a pod is, whether it goes or has ended
 *   cluster_trigger.c   why it goes
 *   cluster_group.c     what AWS says of groups and load balancers
 *   cluster_event.c     the events of all that
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

void ds_tie_add(struct ds_ties *ties, struct ds_tie *tie, void *of);
void ds_tie_remove(struct ds_ties *ties, struct ds_tie *tie);

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
	} of[DS_CLUSTER_OWNER_JOB];
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
	const struct ds_read_node *facts;
	size_t pods_cnt;		/* that are, or were lately, in a target group */
	size_t refs;
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
	char uid[DS_KUBE_UID_LEN + 1];
	char *namespace_, *name;	/* owned */
	const struct ds_read_pod *facts;	/* NULL = not watched, or gone */
	struct ds_tie in_namespace;	/* while it has facts */
	struct ds_ties refs;		/* struct ds_cluster_ref */
	struct ds_cluster_node_entry *node;
	bool is_counted;			/* in the node's pods_cnt */
	struct ds_cluster_workload *workload;
	struct ds_tie in_workload;		/* while it may be understood better */
	struct ds_cluster_holding holdings[DS_READ_ADDRESSES_MAX];
	int holdings_cnt;
	struct ds_cluster_member members[DS_CLUSTER_TARGETS_MAX];
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
	struct ds_cluster_node_entry *node;
	struct ds_cluster_pod_entry *pod;
	struct ds_cluster_ref *refs;		/* of a slice: owned */
	struct ds_tie in_service, in_space;
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

/* ---- cluster_table.c: find or make; NULL without memory, or where a table is full ---- */

struct ds_cluster_service *ds_cluster_service_of(struct ds_cluster *c, const char *namespace_,
						 const char *name);
void ds_cluster_service_release(struct ds_cluster *c, struct ds_cluster_service *s);
struct ds_cluster_namespace *ds_cluster_namespace_of(struct ds_cluster *c, const char *name);
void ds_cluster_namespace_release(struct ds_cluster *c, struct ds_cluster_namespace *n);
struct ds_cluster_workload *ds_cluster_workload_of(struct ds_cluster *c, const char *namespace_,
						   const char *name);
void ds_cluster_workload_release(struct ds_cluster *c, struct ds_cluster_workload *w);
/* A ReplicaSet is of that Deployment; "" = of none. */
void ds_cluster_workload_is_of(struct ds_cluster *c, struct ds_cluster_workload *w,
			       const char *namespace_, const char *deployment);
struct ds_cluster_node_entry *ds_cluster_node_of(struct ds_cluster *c, const char *name);
void ds_cluster_node_release(struct ds_cluster *c, struct ds_cluster_node_entry *n);
struct ds_cluster_group *ds_cluster_group_of(struct ds_cluster *c, const char *arn);
void ds_cluster_group_release(struct ds_cluster *c, struct ds_cluster_group *g);
struct ds_cluster_balancer *ds_cluster_balancer_of(struct ds_cluster *c, const char *name);
struct ds_cluster_pod_entry *ds_cluster_pod_of(struct ds_cluster *c, const char *uid,
					       const char *namespace_, const char *name);
/* Only looks. NULL = there is none. */
struct ds_cluster_service *ds_cluster_service_find(const struct ds_cluster *c,
						   const char *namespace_, const char *name);
struct ds_cluster_workload *ds_cluster_workload_find(const struct ds_cluster *c,
						     const char *namespace_, const char *name);
struct ds_cluster_namespace *ds_cluster_namespace_find(const struct ds_cluster *c,
						       const char *name);
struct ds_cluster_address *ds_cluster_address_find(const struct ds_cluster *c,
						   const struct ds_addr *addr);
/* The pod has these addresses, and no others. */
void ds_cluster_pod_hold(struct ds_cluster *c, struct ds_cluster_pod_entry *pod,
			 const struct ds_addr *addresses, int cnt);
/* Frees the pod, whom nothing may refer to any more. */
void ds_cluster_pod_remove(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* Frees whatever is left, once there are no objects. */
void ds_cluster_clear(struct ds_cluster *c);

/* ---- cluster_object.c ---- */

/* Reads; NULL where it makes no sense. */
void *ds_cluster_object_read(struct ds_cluster *c, enum ds_cluster_kind kind, json_object *json);
void ds_cluster_object_free(enum ds_cluster_kind kind, void *facts);
/* Its news become what is known of it; it is gone. Pods that are concerned are touched. */
void ds_cluster_object_update(struct ds_cluster *c, struct ds_cluster_object *o);
void ds_cluster_object_remove(struct ds_cluster *c, struct ds_cluster_object *o);

/* ---- cluster_pod.c ---- */

void ds_cluster_pod_touch(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* All pods that a slice of the service names, and those whom its selector may mean. */
void ds_cluster_service_touch(struct ds_cluster *c, struct ds_cluster_service *s);
/* Frees a pod that nothing names, with what it refers to. */
void ds_cluster_pod_forget(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* Looks at the touched ones anew, and tells what has become of them. */
void ds_cluster_settle(struct ds_cluster *c);
/* Its Pod object is gone, for ever. */
void ds_cluster_pod_gone(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
/* Time passes for those that go. */
void ds_cluster_pods_tick(struct ds_cluster *c);

/* ---- cluster_member.c ---- */

/* The targets that a pod is by what is known now. Returns how many; members' told is 0. */
int ds_cluster_members_of(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			  struct ds_cluster_member members[DS_CLUSTER_TARGETS_MAX]);

/* ---- cluster_trigger.c ---- */

/* Why the pod goes, by what is known now: enum ds_trigger; -1 = that is not known (yet). */
int ds_cluster_trigger(const struct ds_cluster_pod_entry *pod);
/* The workload's kind and name that own the pod; *ret_name borrowed. */
enum ds_cluster_owner ds_cluster_owner_of(const struct ds_cluster_pod_entry *pod,
					  const char **ret_name);
/* The name that its workload has, by its own name: WORKLOAD-HASH, WORKLOAD-ORDINAL. */
bool ds_cluster_owner_name(const char *pod, char ret_name[DS_KUBE_NAME_LEN + 1]);
/* The object of a workload has changed from before (NULL: it is new). */
void ds_cluster_workload_changed(struct ds_cluster *c, struct ds_cluster_workload *w,
				 const struct ds_read_workload *before,
				 const struct ds_read_workload *after);

/* ---- cluster_group.c ---- */

/* A pod of that node is in the group (again): what it is is asked, its balancer is told. */
void ds_cluster_group_meet(struct ds_cluster *c, struct ds_cluster_group *g, const char *node);

/* What a binding says of the controller's work at its group. */
void ds_cluster_group_checkpoint(struct ds_cluster *c, const struct ds_read_binding *b);

/* ---- cluster_event.c ---- */

/* What has changed of the pod since it was told last. */
void ds_cluster_pod_tell(struct ds_cluster *c, struct ds_cluster_pod_entry *pod);
void ds_cluster_address_tell(struct ds_cluster *c, const char *node, const struct ds_addr *addr,
			     const char *name, int type);
/* The controller did not deregister the pod's target before that moment. */
void ds_cluster_bound_tell(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			   const struct ds_cluster_member *m, int64_t not_before_ns);
/* A reading of the pod's target, with the pod's identity. */
void ds_cluster_reading_tell(struct ds_cluster *c, const struct ds_cluster_pod_entry *pod,
			     const struct ds_event *ev);

#endif
