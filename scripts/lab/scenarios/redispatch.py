# SPDX-License-Identifier: Apache-2.0
"""HAProxy tries another server after a refused connection: a drop that nobody felt is still one."""

from . import found, no_verdict_but

SUMMARY = "refused connections that the balancer sends elsewhere: drops that nobody felt"
SETTINGS = {"linger": 5.0, "retries": 3, "redispatch": True, "rate": 30.0}
FEW = 5


def mechanics(run):
    """What is refused goes elsewhere. A connection that was in the listener's queue as it closed, or whose
    request came too late, is not tried again: HAProxy cannot know what the pod did with it."""
    failed = len(run.truth.failures)
    return [f"{failed} requests failed in spite of redispatch"] if failed > FEW else []


def must_find(run):
    unfelt = len(run.truth.drops) - len(run.truth.failures)
    problems = [] if unfelt >= FEW else [f"{unfelt} drops that nobody felt, fewer than {FEW}"]
    return problems + found(run, "listener_closed", FEW) + no_verdict_but(run, "dropped")
