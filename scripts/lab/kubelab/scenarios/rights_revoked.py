# SPDX-License-Identifier: Apache-2.0
"""Somebody takes the agent's right away in the middle of its work, and gives it back half a rollout later."""

from drainlab.proc import wait_for

from . import begin, complaints
from .rollout import FAMILIES, SETTINGS as FIELD, well_advised as judged

SUMMARY = "the right to watch pods is revoked in mid-rollout and given back: told once, nothing is lost"
# One pod: of a deletion that is asked for meanwhile drainsnoop cannot hear before it has its right again.
SETTINGS = {**FIELD, "pods": 1}
AGENT = "daemonset"
BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/drainsnoop-agent"
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    api, kubernetes = lab.kubernetes.api, lab.kubernetes
    kubernetes.deploy()
    lab.start_clients()
    binding = api.get(BINDING)
    begin(lab)
    api.delete(BINDING)
    # A watch that there is goes on: rights are asked for when it begins.
    with lab.control_plane.away("apiserver"):
        lab.say("the agent has no rights any more; its watch is cut")
    kubernetes.wait_for_api()
    wait_for(lambda: complained(lab) or lab.check(), 60, "the agent to tell that a right is missing", 0.1)
    wait_for(lambda: any(pod.gone for pod in kubernetes.pods) or lab.check(), 60, "the end of the pod")
    for key in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        binding["metadata"].pop(key, None)
    api.create(BINDING.rpartition("/")[0], binding)
    lab.say("the agent has its rights again")
    kubernetes.rollout_status()


def mechanics(run):
    pods = run.lab.settings.pods
    return [] if len(run.ended) == pods else [f"{len(run.ended)} pods ended, not {pods}"]


def complained(lab):
    return [line for line in complaints(lab) if "the right to list and watch pods is missing" in line]


def must_find(run):
    """drainsnoop asks again once a minute: what the rollout needed it knew, what it missed it finds then."""
    said = len(complained(run.lab))
    return judged(run) + ([] if said == 1 else [f"the missing right is told {said} times"])
