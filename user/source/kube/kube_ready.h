/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's readiness waits for, by its specification: probes and readiness gates. Pure. */
#ifndef DS_SOURCE_KUBE_READY_H
#define DS_SOURCE_KUBE_READY_H

#include <json-c/json.h>
#include <stddef.h>

/* Types of the controller's readiness gates begin so: what follows names what the pod waits for. */
#define DS_KUBE_GATE "target-health.elbv2.k8s.aws/"	/* TargetGroupBinding */
#define DS_KUBE_GATE_OLD "target-health.alb.ingress.k8s.aws/"	/* INGRESS_SERVICE_PORT */

/*
 * The probes of spec.containers with their periods in s, "startup:5,readiness:10,liveness:10", or
 * "none"; "" where there are no containers. Those that every container has that declares a TCP port
 * (every container, where none does): one without a probe is ready at once. Of several periods the
 * longest. containers: a list, or NULL; size: of buf, at least 64.
 */
void ds_kube_probes(json_object *containers, char *buf, size_t size);

/*
 * The gates of spec that wait for a load balancer's health checks: names of TargetGroupBindings,
 * for gates of the controller's first version INGRESS_SERVICE_PORT; comma-separated, or "none".
 * Names that do not fit are left out.
 */
void ds_kube_gates(json_object *spec, char *buf, size_t size);

#endif
