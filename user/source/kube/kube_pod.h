/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Pod object of the API server as drainsnoop knows it, and the drainsnoop.pod.state event that
 * tells it. Pure. Stamps of Kubernetes are whole seconds of the clock that wrote them: floors.
 */
#ifndef DS_SOURCE_KUBE_POD_H
#define DS_SOURCE_KUBE_POD_H

#include <json-c/json.h>

#include "user/core/event.h"
#include "user/source/kube/kube_owner.h"
#include "user/source/kube/kube_split.h"
#include "user/util/addr.h"

#define DS_KUBE_LIST_LEN 255	/* of addresses and ports */
#define DS_KUBE_CONTAINERS_LEN 511

/* Which members of a Pod, and of what carries it, are read. */
extern const struct ds_kube_keep ds_kube_pod_keep[];

/* Copied with memcpy: its digest is of all its bytes. */
struct ds_kube_pod {
	char uid[DS_KUBE_UID_LEN + 1];	/* as the cgroup has it: of a static pod its config hash */
	char name[DS_KUBE_NAME_LEN + 1];
	char namespace_[DS_KUBE_NAME_LEN + 1];
	char owner[DS_KUBE_NAME_LEN + 1];
	enum ds_kube_owner owner_kind;
	char addresses[DS_KUBE_LIST_LEN + 1];	/* comma-separated */
	char ports[DS_KUBE_LIST_LEN + 1];	/* TCP ports of its containers, comma-separated */
	char prestop[32];		/* as ds_kube_prestop has it */
	char probes[64];		/* as ds_kube_probes has it */
	char gates[DS_KUBE_LIST_LEN + 1];	/* as ds_kube_gates has it */
	char containers[DS_KUBE_CONTAINERS_LEN + 1];	/* NAME=ID,..., see read_names() */
	char status_reason[64];
	int phase;			/* enum ds_phase, of the Kubernetes lane */
	int64_t grace_s;		/* -1 = not told */
	int trigger;			/* enum ds_trigger, -1 = it does not go */
	int64_t t0_ns;			/* 0 = it does not go */
	int64_t t0_error_ns;
	int t0_source;
	bool host_network;
	int64_t newest_ns;		/* newest stamp in it, 0 = none; no part of the event */
};

/*
 * Reads a Pod that was told at now_ns. 0; -EINVAL where it is no Pod, or lacks UID or name:
 * *ret_pod is untouched then.
 */
int ds_kube_pod_read(json_object *object, int64_t now_ns, struct ds_kube_pod *ret_pod);

/*
 * What stays of an earlier reading of the same pod: T0 and the grace period that went with it are
 * told once. The API server rewrites both as the pod ends.
 */
void ds_kube_pod_keep_t0(struct ds_kube_pod *pod, const struct ds_kube_pod *before);

/* The same for readings that would be told by the same event. */
uint64_t ds_kube_pod_digest(const struct ds_kube_pod *pod);

/*
 * The object is gone. A pod that had not begun to go, whose containers ran: somebody took the
 * object away at once (force), so now_ns is the earliest sign, known to a second. Where `unseen`,
 * the pod vanished while nobody watched, and when it began to go is not known.
 */
void ds_kube_pod_gone(struct ds_kube_pod *pod, int64_t now_ns, bool unseen);

/*
 * Its addresses, as its status tells them: podIPs, else podIP; what is none is left out. Returns
 * how many, at most max.
 */
int ds_kube_pod_addresses(json_object *status, struct ds_addr *addresses, int max);

/* Why it goes, as its status says (enum ds_trigger); -1 where that says nothing. */
int ds_kube_pod_trigger(json_object *status);

/* The event; its strings are borrowed of pod and node (NULL = not told). */
void ds_kube_pod_event(const struct ds_kube_pod *pod, const char *node, int64_t now_ns,
		       struct ds_event *ev);

#endif
