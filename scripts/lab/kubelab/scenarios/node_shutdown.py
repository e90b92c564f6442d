# SPDX-License-Identifier: Apache-2.0
"""The node shuts down gracefully: the kubelet's own doing, told by (the laboratory's) logind. It ends the node's pods
without any deletion, drainsnoop's among them; what serves on is a target of another node."""

from scenarios import advice, at_least, phases

from . import triggered
from .rollout import FAMILIES, SETTINGS as FIELD

SUMMARY = "graceful node shutdown by the real kubelet: its pods end without a deletion, nobody blames the Deployment"
SETTINGS = {**FIELD, "pods": 2}
__all__ = ["FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.kubernetes.stand_in()
    lab.start_clients()
    lab.kubernetes.shut_down()


def mechanics(run):
    problems = at_least(3, run.truth.failures, "failed requests") + at_least(2, run.ended, "pods that ended")
    for pod in run.ended:
        reason = pod.thing["status"].get("reason")
        if pod.thing["metadata"].get("deletionTimestamp") or reason != "Terminated":
            problems.append(f"{pod.name} was deleted, or its reason is {reason}")
    return problems


def must_find(run):
    problems = triggered(run, "node_shutdown")
    for pod in run.ended:
        if "terminating" not in phases(run, pod):
            problems.append(f"{pod.name} is never told to be terminating")
        source = run.verdict(pod).get("drainsnoop.pod.t0_source")
        if source != "status_reason":
            problems.append(f"T0 of {pod.name} is by {source}")
    return problems
