# SPDX-License-Identifier: Apache-2.0
"""A real `kubectl rollout restart` of pods without a preStop hook, behind a load balancer that hears late."""

from scenarios import advised
from scenarios.rollout import mechanics, must_find as judged

from . import rolling, triggered

SUMMARY = "kubectl rollout restart as it is found in the field; --prestop N is what saves it"
SETTINGS = {"pods": 3, "lag": 4.0, "controller_lag": 0.0, "grace": 30.0, "delay": 10.0, "initial": 1.0}
FAMILIES = ("ipv4", "ipv6")
play = rolling
__all__ = ["FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def well_advised(run):
    """Problems with verdicts and advice."""
    problems = judged(run)
    if not run.lab.settings.prestop and advised(run, "raise_prestop") is None:
        problems.append("no preStop hook is advised")
    return problems


def must_find(run):
    """drainsnoop targets knows from the ReplicaSets why pods go: the agent has that from its ConfigMap."""
    return well_advised(run) + (triggered(run, "rollout") if run.lab.agent == "daemonset" else [])
