# SPDX-License-Identifier: Apache-2.0
"""The agent's process is killed with -9; the kubelet starts the container again, and its emptyDir is still there."""

from . import begin, gaps_are_short, verdicts_tell_gaps
from .agent_restarted import AGENT, FAMILIES
from .rollout import SETTINGS, mechanics

SUMMARY = "the agent killed with -9 in mid-rollout: the kubelet starts it again, and it goes on"
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    begin(lab)
    lab.tracer.kill()
    lab.tracer.start_again()
    lab.kubernetes.rollout_status()


def must_find(run):
    return gaps_are_short(run) + verdicts_tell_gaps(run, {"restart_gap"})
