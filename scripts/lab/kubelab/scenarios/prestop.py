# SPDX-License-Identifier: Apache-2.0
"""The same rollout with a preStop hook that outlasts the load balancer: nothing is lost, nothing is told as lost."""

from scenarios.rollout import mechanics, must_find

from . import rolling
from .rollout import FAMILIES, SETTINGS as FIELD

SUMMARY = "the same with a preStop hook, by default the one that drainsnoop advised in a run before"
SETTINGS = {**FIELD, "prestop": 7.0}
play = rolling
__all__ = ["FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]
