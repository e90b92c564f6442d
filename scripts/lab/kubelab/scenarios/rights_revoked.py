# SPDX-License-Identifier: Apache-2.0
"""Somebody takes the agent's right away in the middle of its work, and gives it back when the rollout is through."""

from . import begin, blind, complaints, may_lose, went_unheard
from .rollout import FAMILIES, SETTINGS, mechanics as common, well_advised as judged

SUMMARY = "the right to watch pods is revoked, all pods but the first go meanwhile: told once, nothing is lost"
AGENT = "daemonset"
BINDING = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/drainsnoop-agent"
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "may_lose", "mechanics", "must_find", "play"]


def play(lab):
    api, kubernetes = lab.kubernetes.api, lab.kubernetes
    kubernetes.deploy()
    lab.start_clients()
    binding = api.get(BINDING)
    begin(lab)
    api.delete(BINDING)
    with blind(lab, lambda: complained(lab)):
        lab.say("the agent has no rights any more; its watch is cut")
    for key in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        binding["metadata"].pop(key, None)
    api.create(BINDING.rpartition("/")[0], binding)
    lab.say("the agent has its rights again")


def mechanics(run):
    return common(run) + went_unheard(run)


def complained(lab):
    return [line for line in complaints(lab) if "the right to list and watch pods is missing" in line]


def must_find(run):
    """drainsnoop asks again once a minute: what it has to know of a pod that goes, the kernel tells it as well."""
    said = len(complained(run.lab))
    return judged(run) + ([] if said == 1 else [f"the missing right is told {said} times"])
