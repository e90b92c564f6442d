# SPDX-License-Identifier: Apache-2.0
"""The same where the agent's state went with its pod (emptyDir): what it could not see is said, by both of them."""

from . import gaps_are_short, verdicts_tell_gaps
from .agent_restarted import AGENT, FAMILIES, mechanics, play
from .rollout import SETTINGS as FIELD

SUMMARY = "the agent is updated in mid-rollout, its state is lost: the gap is said, nothing is guessed"
SETTINGS = {**FIELD, "pods": 6}     # some of them go before, some in the gap, some after it
__all__ = ["AGENT", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]


def must_find(run):
    return gaps_are_short(run) + verdicts_tell_gaps(run, {"observation_cut", "restart_gap"})
