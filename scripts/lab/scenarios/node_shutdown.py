# SPDX-License-Identifier: Apache-2.0
"""The node shuts down gracefully: all pods end at once, by status (scenario 22)."""

from . import eviction

SUMMARY = "graceful node shutdown: two pods end at once, T0 by their status reason"
SETTINGS = {**eviction.SETTINGS, "pods": 2}


def play(lab):
    leaving = [lab.kubernetes.create() for _ in range(lab.settings.pods)]
    lab.start_clients()
    lab.kubernetes.create()     # it stands for one on another node
    for pod in leaving:
        lab.kubernetes.delete(pod, "node_shutdown", "status_reason")


def must_find(run):
    return eviction.must_find(run, "node_shutdown")
