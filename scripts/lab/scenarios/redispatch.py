# SPDX-License-Identifier: Apache-2.0
"""HAProxy tries another server after a refused connection: a drop that nobody felt is still one."""

from . import found, no_verdict_but

SUMMARY = "refused connections that the balancer sends elsewhere: drops that nobody felt"
SETTINGS = {"linger": 5.0, "retries": 3, "redispatch": True, "rate": 30.0}


def mechanics(run):
    return [f"{len(run.truth.failures)} requests failed in spite of redispatch"] if run.truth.failures else []


def must_find(run):
    return found(run, "listener_closed", 5) + no_verdict_but(run, "dropped")
