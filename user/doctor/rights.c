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
#define BINDINGS "targetgroupbindings"
#define LEASE_NAME "drainsnoop-targets"	/* unless --lease says another */

/* Two verbs that always go together. */
#define FOLLOW(who, group, resource, scope, optional, object, without) \
	{ who, "list", group, resource, scope, optional, object, without }, \
	{ who, "watch", group, resource, scope, optional, object, without }
#define MAY(who, verb, group, resource, scope, optional, object, without) \
	{ who, verb, group, resource, scope, optional, object, without }

const struct ds_right ds_rights[] = {
	FOLLOW(AGENT, "", "pods", ALL, false, ANY, "the pods of this node"),
	FOLLOW(AGENT, "", "configmaps", OWN, false, CONFIGMAP, "the states of targets"),
	MAY(AGENT, "get", "", "configmaps", OWN, true, CONFIGMAP, "this check of it"),
	MAY(AGENT, "create", "", "events", ALL, true, ANY, "Events on workloads, if wanted"),
	FOLLOW(TARGETS, "elbv2.k8s.aws", BINDINGS, ALL, false, ANY, "which pods are targets"),
	FOLLOW(TARGETS, "eks.amazonaws.com", BINDINGS, ALL, true, ANY, "targets of EKS Auto Mode"),
	FOLLOW(TARGETS, "", "services", ALL, false, ANY, "which pods are targets"),
	FOLLOW(TARGETS, "discovery.k8s.io", "endpointslices", ALL, false, ANY,
	       "which pods are targets"),
	FOLLOW(TARGETS, "apps", "replicasets", ALL, false, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "apps", "deployments", ALL, false, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "apps", "statefulsets", ALL, true, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "apps", "daemonsets", ALL, true, ANY, "why a pod goes"),
	FOLLOW(TARGETS, "policy", "poddisruptionbudgets", ALL, true, ANY, "who holds evictions back"),
	MAY(TARGETS, "get", "", "nodes", ALL, true, ANY, "removing what is of a node that is gone"),
	FOLLOW(TARGETS, "", "pods", OWN, false, ANY, "which agents are there"),
	MAY(TARGETS, "get", "", "configmaps", OWN, false, ANY, "handing it to the agents"),
	MAY(TARGETS, "list", "", "configmaps", OWN, false, ANY, "handing it to the agents"),
	MAY(TARGETS, "create", "", "configmaps", OWN, false, ANY, "handing it to the agents"),
	MAY(TARGETS, "update", "", "configmaps", OWN, false, ANY, "handing it to the agents"),
	MAY(TARGETS, "delete", "", "configmaps", OWN, false, ANY, "removing what nobody needs"),
	MAY(TARGETS, "create", "coordination.k8s.io", "leases", OWN, false, ANY, "being elected"),
	MAY(TARGETS, "get", "coordination.k8s.io", "leases", OWN, false, LEASE, "being elected"),
	MAY(TARGETS, "update", "coordination.k8s.io", "leases", OWN, false, LEASE, "being elected"),
};
const int ds_right_cnt = (int)(sizeof(ds_rights) / sizeof(ds_rights[0]));

_Static_assert(sizeof(ds_rights) / sizeof(ds_rights[0]) <= DS_DOCTOR_RIGHTS_MAX,
	       "reviews of struct ds_doctor_cluster");

static void member(struct ds_buf *body, const char *key, const char *value)
{
	ds_buf_printf(body, ",\"%s\":", key);
	ds_json_string(body, value, strlen(value));
}

void ds_doctor_cluster_ask(struct ds_buf *body, const struct ds_right *right,
			   const char *namespace_, const char *configmap)
{
	ds_buf_puts(body, "{\"apiVersion\":\"authorization.k8s.io/v1\","
			  "\"kind\":\"SelfSubjectAccessReview\",\"spec\":{\"resourceAttributes\":{"
			  "\"version\":\"*\"");
	member(body, "verb", right->verb);
	member(body, "group", right->group);
	member(body, "resource", right->resource);
	if (right->scope == DS_RIGHT_NAMESPACE)
		member(body, "namespace", namespace_);
	if (right->object != DS_RIGHT_ANY)
		member(body, "name", right->object == DS_RIGHT_LEASE ? LEASE_NAME : configmap);
	ds_buf_puts(body, "}}}");
}
