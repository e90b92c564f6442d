/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the API server as `drainsnoop targets` knows them, and which of their members are
 * read. A reader gives a struct that is owned by the caller and freed by its free function; -EINVAL
 * where the object lacks what makes it of use, -E2BIG where it has more than is sane, -ENOMEM.
 * Unknown members are ignored. Pure.
 */
#ifndef DS_SOURCE_CLUSTER_READ_H
#define DS_SOURCE_CLUSTER_READ_H

#include <json-c/json.h>

#include "user/source/cluster/cluster.h"
#include "user/source/cluster/cluster_labels.h"
#include "user/source/kube/kube_pod.h"
#include "user/util/addr.h"

#define DS_READ_ARN_LEN 255
#define DS_READ_PORT_NAME_LEN 63
#define DS_READ_PORTS_MAX 64		/* of a service, a slice, a pod */
#define DS_READ_ENDPOINTS_MAX 1000	/* of a slice: Kubernetes' own limit */
#define DS_READ_ADDRESSES_MAX 8		/* of a pod */
#define DS_READ_GATES_MAX 16
#define DS_READ_TEXT_LEN 63		/* of hashes and revisions */

/* Who an object is. */
struct ds_read_name {
	char namespace_[DS_KUBE_NAME_LEN + 1];
	char name[DS_KUBE_NAME_LEN + 1];
};

/* A port by number, or by name (number 0). */
struct ds_read_port {
	uint16_t number;
	char name[DS_READ_PORT_NAME_LEN + 1];
};

struct ds_read_binding {
	struct ds_read_name id;
	char arn[DS_READ_ARN_LEN + 1];
	int type;		/* enum ds_target_type */
	int family;		/* 4, 6; 0 = not told */
	char service[DS_KUBE_NAME_LEN + 1];	/* of the same namespace */
	struct ds_read_port port;		/* of that service */
	/* The controller's checkpoint: empty while it changes targets. */
	bool has_checkpoint, is_checkpoint_empty;
	int64_t checkpoint_ns;	/* floor of a second, by the controller's clock; 0 = not told */
};

struct ds_read_service_port {
	char name[DS_READ_PORT_NAME_LEN + 1];	/* "" = the only one */
	uint16_t port, node_port;		/* node_port 0 = none */
	struct ds_read_port target;		/* of the pods; neither told: as port */
};

struct ds_read_service {
	struct ds_read_name id;
	struct ds_selector selector;	/* without one its EndpointSlices are made by others */
	bool publish_not_ready;
	struct ds_read_service_port *ports;
	int ports_cnt;
};

struct ds_read_slice_port {
	char name[DS_READ_PORT_NAME_LEN + 1];
	uint16_t port;
};

struct ds_read_endpoint {
	struct ds_addr addr;
	char uid[DS_KUBE_UID_LEN + 1];	/* of the pod */
	char *name, *node;		/* "" = not told */
	bool ready, terminating;
};

struct ds_read_slice {
	struct ds_read_name id;
	char service[DS_KUBE_NAME_LEN + 1];
	int family;			/* 4, 6 */
	struct ds_read_slice_port *ports;
	int ports_cnt;
	struct ds_read_endpoint *endpoints;	/* those of pods */
	int endpoints_cnt;
};

struct ds_read_workload {
	struct ds_read_name id;
	enum ds_kube_owner kind;
	char owner[DS_KUBE_NAME_LEN + 1];	/* of a ReplicaSet: its Deployment; "" = none */
	int64_t revision;		/* of a ReplicaSet; -1 = not told */
	int64_t desired;		/* pods; -1 = not told */
	int64_t present;		/* pods that there are (status.replicas); -1 = not told */
	bool going;			/* to be deleted, once its pods are */
	bool recreates;			/* Deployment: old pods go before new ones come */
	char update_revision[DS_READ_TEXT_LEN + 1];	/* StatefulSet */
	char current_revision[DS_READ_TEXT_LEN + 1];
	int64_t partition, first_ordinal;		/* StatefulSet */
	int64_t template_generation;	/* DaemonSet; -1 = not told */
	int64_t updated;		/* pods of the newest revision; -1 = not told */
	struct ds_labels labels;	/* of its pods */
};

struct ds_read_pdb {
	struct ds_read_name id;
	struct ds_selector selector;
	int64_t allowed, healthy, wanted, expected;	/* -1 = not told */
};

struct ds_read_pod_port {
	char name[DS_READ_PORT_NAME_LEN + 1];
	uint16_t port;
};

struct ds_read_pod {
	struct ds_read_name id;
	char uid[DS_KUBE_UID_LEN + 1];
	char node[DS_KUBE_NAME_LEN + 1];
	struct ds_addr addresses[DS_READ_ADDRESSES_MAX];
	int addresses_cnt;
	bool ready, going, ended;
	int trigger;		/* enum ds_trigger that its status tells, -1 = none */
	enum ds_kube_owner owner_kind;
	char owner[DS_KUBE_NAME_LEN + 1];
	char revision[DS_READ_TEXT_LEN + 1];	/* controller-revision-hash */
	int64_t template_generation;		/* -1 = not told */
	struct ds_labels labels;
	char *gates[DS_READ_GATES_MAX];		/* condition types */
	int gates_cnt;
	struct ds_read_pod_port *ports;		/* those with a name, TCP */
	int ports_cnt;
};

/* The members that each of them reads: for the watch. */
extern const struct ds_kube_keep ds_read_binding_keep[], ds_read_service_keep[],
	ds_read_slice_keep[], ds_read_workload_keep[], ds_read_pdb_keep[], ds_read_pod_keep[];

int ds_read_binding(json_object *object, struct ds_read_binding **ret_binding);
int ds_read_service(json_object *object, struct ds_read_service **ret_service);
int ds_read_slice(json_object *object, struct ds_read_slice **ret_slice);
int ds_read_workload(json_object *object, enum ds_kube_owner kind,
		     struct ds_read_workload **ret_workload);
int ds_read_pdb(json_object *object, struct ds_read_pdb **ret_pdb);
int ds_read_pod(json_object *object, struct ds_read_pod **ret_pod);

/* Accept NULL. */
void ds_read_binding_free(struct ds_read_binding *binding);
void ds_read_service_free(struct ds_read_service *service);
void ds_read_slice_free(struct ds_read_slice *slice);
void ds_read_workload_free(struct ds_read_workload *workload);
void ds_read_pdb_free(struct ds_read_pdb *pdb);
void ds_read_pod_free(struct ds_read_pod *pod);

/* ---- pieces that the readers share ---- */

/* A whole number in [0, max], or -1. */
int64_t ds_read_number(json_object *object, const char *key, int64_t max);
/* The same, of a string: "17". */
int64_t ds_read_digits(const char *text, int64_t max);
bool ds_read_bool(json_object *object, const char *key, bool otherwise);
/* A port number, 0 = none that is sane. */
uint16_t ds_read_port_number(json_object *object, const char *key);
/* False without a name, or where one is too long. */
bool ds_read_name(json_object *object, struct ds_read_name *ret_name);
/* TCP, or not told: what load balancers of ELBv2 send to pods, for all that can be watched. */
bool ds_read_is_tcp(json_object *port);
/* How many items of a list are looked at: at most max. */
size_t ds_read_items(json_object *list, size_t max);

#endif
