# SPDX-License-Identifier: Apache-2.0
"""The agent's token expires while it works, and its successor comes some seconds late; the watch has to be made anew
in between. The API server decides what has expired: it is asked."""

import re

from drainlab.proc import wait_for

from . import begin
from .rights_revoked import SETTINGS, mechanics
from .rollout import FAMILIES, well_advised as must_find

SUMMARY = "the agent's token expires in mid-rollout, the next one comes late: nothing is lost"
AGENT, AGENT_HOW = "daemonset", {"token_seconds": 40}
__all__ = ["AGENT", "AGENT_HOW", "FAMILIES", "SETTINGS", "SUMMARY", "mechanics", "must_find", "play"]
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
    with lab.control_plane.away("apiserver"):
        lab.say("the agent's token has expired; its watch is cut")
    kubernetes.wait_for_api()
    wait_for(lambda: refused(lab) or lab.check(), 30, "the agent to be refused", 0.1)
    wait_for(lambda: any(pod.gone for pod in kubernetes.pods) or lab.check(), 60, "the end of the pod")
    account.give(3600)
    lab.say("the agent has a new token")
    kubernetes.rollout_status()
