# SPDX-License-Identifier: Apache-2.0
"""The scheduler takes the place of one pod for another one that is more important."""

from scenarios import not_blamed

from . import triggered
from .eviction import FAMILIES, SETTINGS, mechanics

SUMMARY = "one of the pods is preempted, and there is no room for a replacement"
__all__ = ["FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    lab.kubernetes.preempt()


def must_find(run):
    return triggered(run, "preemption") + not_blamed(run)
