# SPDX-License-Identifier: Apache-2.0
"""One pod is evicted by the API, as `kubectl drain` does it."""

from scenarios import at_least, not_blamed

from . import triggered
from .rollout import FAMILIES, SETTINGS as FIELD

SUMMARY = "one of the pods is evicted; its replacement comes meanwhile"
SETTINGS = FIELD
__all__ = ["FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    lab.kubernetes.evict(lab.kubernetes.running[0])


def mechanics(run):
    return at_least(3, run.truth.failures, "failed requests") + at_least(1, run.ended, "pods that ended")


def must_find(run):
    return triggered(run, "eviction") + not_blamed(run)
