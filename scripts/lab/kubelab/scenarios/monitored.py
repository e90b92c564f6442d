# SPDX-License-Identifier: Apache-2.0
"""What others make of the agent during a rollout: a Prometheus that scrapes its pod, and a log agent that follows its
container's log."""

from . import rolling
from .rollout import FAMILIES, SETTINGS, mechanics, must_find as judged

SUMMARY = "a Prometheus scrapes the agent's pod, rsyslog follows its container's log: both have the truth's numbers"
AGENT = "daemonset"
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def play(lab):
    lab.monitor()
    rolling(lab)


def must_find(run):
    return judged(run) + run.lab.scraper.problems(run) + run.lab.log_agent.problems(run.output)
