/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rollout cost, as Events of Kubernetes on the workload (kubectl describe, kubectl events):
 * when they are due, and their text. One Event for all pods of a workload on this node that lost
 * connections as they went (not by eviction, preemption or their node's shutdown), once no further
 * one was judged for a while; of one workload at most one in five minutes, of all at most one in
 * ten seconds. What is not written in time is in the next one, not lost. Pure.
 */
#ifndef DS_SINK_KUBE_EVENT_H
#define DS_SINK_KUBE_EVENT_H

#include "user/core/event.h"
#include "user/util/buf.h"

#define DS_KUBE_EVENT_QUIET_NS INT64_C(30000000000)	/* no further verdict for so long */
#define DS_KUBE_EVENT_WAIT_NS INT64_C(120000000000)	/* at the longest */
#define DS_KUBE_EVENT_GAP_NS INT64_C(300000000000)	/* between two of one workload */
#define DS_KUBE_EVENT_PACE_NS INT64_C(10000000000)	/* between two of all */
#define DS_KUBE_EVENT_WORKLOADS_MAX 512
#define DS_KUBE_EVENT_MESSAGE_MAX 1024	/* bytes, Kubernetes' limit */

struct ds_kube_events;

struct ds_kube_event_options {
	const char *node;	/* where it was seen; copied */
	const char *instance;	/* of the reporter: its pod's name, "" = not known; copied */
};

/* Whom an Event is about. Borrowed until the next call that changes something. */
struct ds_kube_event_subject {
	const char *kind;	/* "Deployment" */
	const char *resource;	/* "deployments": of apps/v1 */
	const char *namespace_, *name;
};

/* 0 or -ENOMEM. */
int ds_kube_events_new(struct ds_kube_events **ret_events,
		       const struct ds_kube_event_options *options);
void ds_kube_events_free(struct ds_kube_events **events);

/*
 * An event that the core put out: verdicts of pods that lost connections, and what is advised, are
 * looked at. Verdicts for whose workload there is no room (too many wait, its name is too long) are
 * counted as left out; those of pods that no workload made are nobody's.
 */
void ds_kube_events_take(struct ds_kube_events *e, const struct ds_event *ev);

/* Whom an Event is due for at that moment; false: nobody. It stays so until it is written. */
bool ds_kube_events_due(const struct ds_kube_events *e, int64_t now_ns,
			struct ds_kube_event_subject *ret_subject);

/*
 * The Event that is due for that workload, as JSON (core/v1); uid: of the workload's object, "" =
 * not known. Appends to body.
 */
void ds_kube_events_body(struct ds_kube_events *e,
			 const struct ds_kube_event_subject *subject, const char *uid,
			 int64_t now_ns, struct ds_buf *body);

/*
 * The Event was written: what its body told is over, what came since is not. Or it could not be: it
 * is due again after a minute.
 */
void ds_kube_events_written(struct ds_kube_events *e, const struct ds_kube_event_subject *subject,
			    bool ok, int64_t now_ns);

uint64_t ds_kube_events_left_out(const struct ds_kube_events *e);

#endif
