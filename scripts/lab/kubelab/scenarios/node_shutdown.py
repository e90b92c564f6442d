# SPDX-License-Identifier: Apache-2.0
"""The node shuts down gracefully: the kubelet's own doing, told by (the laboratory's) logind. It ends the node's pods
without any deletion, drainsnoop's among them; what serves on is a target of another node."""

from drainlab.events import parse_rfc3339
from scenarios import at_least, not_blamed

from . import triggered
from .rollout import FAMILIES, SETTINGS as FIELD

SUMMARY = "graceful node shutdown by the real kubelet: its pods end without a deletion, nobody blames the Deployment"
SETTINGS = {**FIELD, "pods": 2}
# It ends after the pods that it watches, then: as docs/kubernetes.md says of agent.priorityClassName.
AGENT_HOW = {"priority": "system-node-critical"}
SLACK = 500 * 10**6     # from containerd's word to the signal, ns
__all__ = ["AGENT_HOW", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.kubernetes.stand_in()
    lab.start_clients()
    lab.kubernetes.shut_down()


def mechanics(run):
    problems = at_least(3, run.truth.failures, "failed requests") + at_least(2, run.ended, "pods that ended")
    return problems + [f"{pod.name} was deleted" for pod in run.ended if not pod.undeleted]


def must_find(run):
    """The kubelet's status comes with the pod's end: that it began the kernel tells, by SIGTERM."""
    problems = triggered(run, "node_shutdown") + not_blamed(run)
    for pod in run.ended:
        verdict = run.verdict(pod)
        source, t0 = (verdict.get("drainsnoop.pod." + key) for key in ("t0_source", "t0"))
        if source != "sigterm" or abs(parse_rfc3339(t0) - pod.marks["sigterm"][0]) > SLACK:
            problems.append(f"T0 of {pod.name} is {t0} by {source}")
    return problems
