// SPDX-License-Identifier: Apache-2.0
/* The rights that each command needs of the API server. deploy/ grants these. Pure. */
#include <string.h>

#include "user/doctor/cluster.h"
#include "user/util/json.h"

#define AGENT DS_DOCTOR_AGENT
#define TARGETS DS_DOCTOR_TARGETS_COMMAND
#define ALL DS_RIGHT_CLUSTER
#define OWN DS_RIGHT_NAMESPACE
#define ANY DS_RIGHT_ANY
#define CONFIGMAP DS_RIGHT_OWN_CONFIGMAP
#define LEASE DS_RIGHT_LEASE
#define NEEDED DS_RIGHT_NEEDED
#define OPTIONAL DS_RIGHT_OPTIONAL
#define FOR_EVENTS DS_RIGHT_FOR_EVENTS
#define FOR_PODS DS_RIGHT_FOR_PODS
#define SHOWS_EVENTS (DS_RIGHT_FOR_EVENTS | DS_RIGHT_OPTIONAL)
#define BINDINGS "targetgroupbindings"

/* Two verbs that always go together. */
#define FOLLOW(who, group, resource, scope, need, object, without) \
	{ who, "list", group, resource, scope, need, object, without }, \
	{ who, "watch", group, resource, scope, need, object, without }
#define MAY(who, verb, group, resource, scope, need, object, without) \
	{ who, verb, group, resource, scope, need, object, without }

const struct ds_right ds_rights[] = {
	FOLLOW(AGENT, "", "pods", ALL, NEEDED, ANY, "the pods of this node"),
	FOLLOW(AGENT, "", "configmaps", OWN, NEEDED, CONFIGMAP, "the states of targets"),
	MAY(AGENT, "get", "", "configmaps", OWN, OPTIONAL, CONFIGMAP, "this check of it"),
	MAY(AGENT, "create", "", "events", ALL, FOR_EVENTS, ANY, "Events on workloads"),
	MAY(AGENT, "get", "apps", "deployments", ALL, SHOWS_EVENTS, ANY, "Events that describe shows"),
	MAY(AGENT, "get", "apps", "statefulsets", ALL, SHOWS_EVENTS, ANY, "Events that describe shows"),
	MAY(AGENT, "get", "apps", "daemonsets", ALL, SHOWS_EVENTS, ANY, "Events that describe shows"),
	FOLLOW(TARGETS, "elbv2.k8s.aws", BINDINGS, ALL, NEEDED, ANY, "which pods are targets"),
	FOLLOW(TARGETS, "eks.amazonaws.com", BINDINGS, ALL, OPTIONAL, ANY, "targets of EKS Auto Mode"),
	FOLLOW(TARGETS, "", "services", ALL, NEEDED, ANY, "which pods are targets"),
	FOLLOW(TARGETS, "discovery.k8s.io", "endpointslices", ALL, NEEDED, ANY,
	       "which pods are targets"),
	FOLLOW(TARGETS, "apps", "replicasets", ALL, NEEDED, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "apps", "deployments", ALL, NEEDED, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "apps", "statefulsets", ALL, OPTIONAL, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "apps", "daemonsets", ALL, OPTIONAL, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "policy", "poddisruptionbudgets", ALL, OPTIONAL, ANY, "who holds evictions back"),
	MAY(TARGETS, "get", "", "nodes", ALL, OPTIONAL, ANY, "removing what is of a node that is gone"),
	FOLLOW(TARGETS, "", "pods", OWN, NEEDED, ANY, "which agents are there"),
	FOLLOW(TARGETS, "", "pods", ALL, FOR_PODS, ANY, "readiness gates and owners of pods"),
	MAY(TARGETS, "get", "", "configmaps", OWN, NEEDED, ANY, "handing it to the agents"),
	MAY(TARGETS, "list", "", "configmaps", OWN, NEEDED, ANY, "handing it to the agents"),
	MAY(TARGETS, "create", "", "configmaps", OWN, NEEDED, ANY, "handing it to the agents"),
	MAY(TARGETS, "update", "", "configmaps", OWN, NEEDED, ANY, "handing it to the agents"),
	MAY(TARGETS, "delete", "", "configmaps", OWN, NEEDED, ANY, "removing what nobody needs"),
	MAY(TARGETS, "create", "coordination.k8s.io", "leases", OWN, NEEDED, ANY, "being elected"),
	MAY(TARGETS, "get", "coordination.k8s.io", "leases", OWN, NEEDED, LEASE, "being elected"),
	MAY(TARGETS, "update", "coordination.k8s.io", "leases", OWN, NEEDED, LEASE, "being elected"),
};
const int ds_right_cnt = (int)(sizeof(ds_rights) / sizeof(ds_rights[0]));

_Static_assert(sizeof(ds_rights) / sizeof(ds_rights[0]) <= DS_DOCTOR_RIGHTS_MAX,
	       "reviews of struct ds_doctor_cluster");

static void member(struct ds_buf *body, const char *key, const char *value)
{
	ds_buf_printf(body, ",\"%s\":", key);
	ds_json_string(body, value, strlen(value));
}

bool ds_doctor_cluster_wants(const struct ds_doctor_cluster *c, const struct ds_right *right)
{
	return right->who == c->who && (!(right->need & DS_RIGHT_FOR_EVENTS) || c->events) &&
	       (!(right->need & DS_RIGHT_FOR_PODS) || c->pods) &&
	       (right->object != DS_RIGHT_OWN_CONFIGMAP || !c->standalone);
}

void ds_doctor_cluster_ask(struct ds_buf *body, const struct ds_doctor_cluster *c,
			   const struct ds_right *right)
{
	ds_buf_puts(body, "{\"apiVersion\":\"authorization.k8s.io/v1\","
			  "\"kind\":\"SelfSubjectAccessReview\",\"spec\":{\"resourceAttributes\":{"
			  "\"version\":\"*\"");
	member(body, "verb", right->verb);
	member(body, "group", right->group);
	member(body, "resource", right->resource);
	if (right->scope == DS_RIGHT_NAMESPACE)
		member(body, "namespace", c->namespace_);
	if (right->object != DS_RIGHT_ANY)
		member(body, "name", right->object == DS_RIGHT_LEASE ? c->lease : c->configmap);
	ds_buf_puts(body, "}}}");
}
