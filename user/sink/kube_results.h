/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink: results in the cluster (kube_event.h), written to the API server. Needs the right to create
 * events in every namespace; with the right to get deployments, statefulsets and daemonsets they
 * are about the very object, and `kubectl describe` shows them. A right that is missing, and
 * workloads that get none for want of room, are said once, and nothing else suffers.
 */
#ifndef DS_SINK_KUBE_RESULTS_H
#define DS_SINK_KUBE_RESULTS_H

#include "user/sink/kube_event.h"

struct ds_kube_api;
struct ds_kube_results;

/* 0, or -ENOMEM with one line logged. The API must outlive it. */
int ds_kube_results_new(struct ds_kube_results **ret_results, struct ds_kube_api *api,
			const struct ds_kube_event_options *options);

/* An event that the core put out. */
void ds_kube_results_take(struct ds_kube_results *r, const struct ds_event *ev);

/* Writes nothing any more; the loop must run once more. NULL is fine. */
void ds_kube_results_free(struct ds_kube_results **results);

#endif
