# SPDX-License-Identifier: Apache-2.0
"""Health checks go to the traffic's port from the traffic's address: a refused check looks like a lost
request. Such drops have confidence low, and the truth counts them as indistinguishable."""

from . import at_least, found

SUMMARY = "health checks on the traffic's port and address: refused ones cannot be told from requests"
SETTINGS = {"linger": 6.0, "rate": 20.0, "checks_on_traffic": True}


def indistinguishable(drop):
    return drop.get("drainsnoop.drop.confidence") == "low"


def mechanics(run):
    return at_least(5, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    problems = found(run, "listener_closed", 5)
    # What the pod itself reset, as nobody had accepted it, had brought its request: no check here does.
    sure = [d for d in run.by_cause("listener_closed")
            if d["network.io.direction"] == "receive" and d.get("drainsnoop.drop.confidence") != "low"]
    if sure:
        problems.append(f"{len(sure)} refused connections may be checks, and their confidence is not low")
    return problems + at_least(3, run.truth.indistinguishable, "refused checks")
