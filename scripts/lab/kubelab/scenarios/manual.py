# SPDX-License-Identifier: Apache-2.0
"""Somebody deletes one of the pods: its ReplicaSet, which makes another one, wanted as many all the time. That no
rollout is behind it is known ten seconds later (drainsnoop targets), so the verdict has to come after that."""

from . import triggered
from .eviction import SETTINGS as FIELD, mechanics
from .rollout import well_advised

SUMMARY = "kubectl delete pod: neither a rollout nor fewer pods, and said so"
SETTINGS = {**FIELD, "settle": 15.0}
FAMILIES = ("ipv4",)
AGENT = "daemonset"     # drainsnoop targets runs beside it
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    lab.kubernetes.delete_by_hand(lab.kubernetes.running[0])


def must_find(run):
    return triggered(run, "manual") + well_advised(run)
