# SPDX-License-Identifier: Apache-2.0
"""Replicas, readiness probes and a rollout that keeps all of them available, and still requests fail
(scenario 32): what is available for Kubernetes is not yet healthy for the load balancer, and what is
gone for Kubernetes is not yet gone for it (M1, M2, then M9)."""

from . import at_least, found, no_healthy_target, no_verdict_but

SUMMARY = "replicas, probes and maxUnavailable 0, without preStop and readiness gate: 502, then 503"
SETTINGS = {**no_healthy_target.SETTINGS, "prestop": 0.0, "linger": 1.0, "lag": 2.5, "initial": 6.0}
play = no_healthy_target.play


def mechanics(run):
    unserved = no_healthy_target.unserved(run)
    served = [f for f in run.truth.failures if f not in unserved]
    return at_least(10, served, "requests lost on the way to a pod") + at_least(
        10, unserved, "requests without a server")


def must_find(run):
    problems = found(run, "listener_closed", 5) + no_verdict_but(run, "dropped")
    told = no_healthy_target.gaps(run)
    ready = told[0].get("drainsnoop.target_group.ready_initial") if told else None
    if ready != len(run.ended):
        problems.append(f"{ready} pods are said to be ready before their target was healthy")
    return problems
