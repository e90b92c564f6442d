# SPDX-License-Identifier: Apache-2.0
"""The agent's token expires while it works, and its successor comes when the rollout is through; the watch has to be
made anew in between. The API server decides what has expired: it is asked."""

import re

from drainlab.proc import wait_for

from . import begin, blind, may_lose
from .rights_revoked import SETTINGS, mechanics
from .rollout import FAMILIES, well_advised as must_find

SUMMARY = "the agent's token expires, all pods but the first go before it has the next one: nothing is lost"
AGENT, AGENT_HOW = "daemonset", {"token_seconds": 40}
__all__ = ["AGENT", "AGENT_HOW", "FAMILIES", "SETTINGS", "SUMMARY", "may_lose", "mechanics", "must_find", "play"]
ATTEMPTS = re.compile(r'^authentication_attempts\{result="(?:error|failure)"\} (\d+)', re.MULTILINE)


def refused(lab):
    """How many requests the API server did not believe, since it was started."""
    return sum(map(int, ATTEMPTS.findall(lab.kubernetes.api.request("GET", "/metrics"))))


def play(lab):
    kubernetes, account = lab.kubernetes, lab.tracer.account
    kubernetes.deploy()
    lab.start_clients()
    wait_for(lambda: not account.valid() or lab.check(), 90, "the token to expire", 0.5)
    begin(lab)
    with blind(lab, lambda: refused(lab)):
        lab.say("the agent's token has expired; its watch is cut")
    account.give(3600)
    lab.say("the agent has a new token")
