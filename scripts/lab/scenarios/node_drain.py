# SPDX-License-Identifier: Apache-2.0
"""A node is drained without a disruption budget: all replicas are evicted at once, their replacements come
later (scenario 22). First connections are lost, then the load balancer has nobody left (M1, M2, M9)."""

from . import at_least, found, no_verdict_but
from .no_healthy_target import gaps, unserved

SUMMARY = "all replicas evicted at once, replacements later: lost connections, then 503 by the balancer itself"
SETTINGS = {"pods": 4, "rate": 30.0, "linger": 1.0, "lag": 2.5}


def play(lab):
    leaving = [lab.kubernetes.create() for _ in range(lab.settings.pods)]
    lab.start_clients()
    for pod in leaving:
        lab.kubernetes.delete(pod, "eviction")
    lab.kubernetes.wait()
    lab.sleep(lab.settings.lag)     # they are scheduled, pulled, started: on another node
    for pod in leaving:
        lab.kubernetes.create(pod.deployment)
    lab.wait_for_requests(30)


def mechanics(run):
    served = [f for f in run.truth.failures if f.entry and f.entry["server"] != "<NOSRV>"]
    return at_least(12, served, "requests lost on the way to a pod") + at_least(
        10, unserved(run), "requests without a server")


def must_find(run):
    problems = found(run, "listener_closed", 5) + found(run, "address_released", 3) + no_verdict_but(run, "dropped")
    for pod in run.ended:
        trigger = run.verdict(pod).get("drainsnoop.pod.trigger")
        if trigger != "eviction":
            problems.append(f"the trigger of {pod.name} is {trigger}")
    whole = [e for e in gaps(run) if "drainsnoop.not_after" in e]
    if len(whole) != 1 or "drainsnoop.target_group.last_arrival_at" not in whole[0]:
        problems.append(f"{len(whole)} times without a healthy target and with arrivals in it are told, expected one")
    return problems
