# SPDX-License-Identifier: Apache-2.0
"""`kubectl rollout restart` of the agent's own DaemonSet in the middle of a rollout; its state is on the node."""

from . import begin, gaps_are_short, verdicts_tell_gaps
from .rollout import FAMILIES, SETTINGS as FIELD, mechanics as common

SUMMARY = "the agent is updated in mid-rollout, its state kept by hostPath: what it knew it knows again"
SETTINGS = {**FIELD, "state": True}
AGENT = "daemonset"
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.kubernetes.deploy()
    lab.start_clients()
    begin(lab)
    lab.tracer.restart()
    lab.kubernetes.rollout_status()


def mechanics(run):
    gaps = run.lab.tracer.between()
    during = [pod for pod in run.ended for before, after in gaps if pod.marks["t0"][0] < after]
    return common(run) + ([] if len(gaps) == 1 and during else ["the agent was not restarted in the rollout"])


def must_find(run):
    return gaps_are_short(run) + verdicts_tell_gaps(run, {"restart_gap"})
