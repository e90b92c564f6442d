# SPDX-License-Identifier: Apache-2.0
"""SIGTERM is ignored, SIGKILL comes at the end of the grace period, requests were read and not answered."""

from drainlab.capture import FIN, RST
from . import at_least, found

SUMMARY = "requests received and not answered, cut by SIGKILL: they end in FIN"
SETTINGS = {"server": "holding", "grace": 4.0, "lag": 1.5, "rate": 20.0}
CLOSE = FIN


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.create()
    lab.kubernetes.delete(lab.kubernetes.running[0])
    # After T0, while the load balancer still sends: younger than the grace period when they are cut.
    lab.sleep(lab.settings.lag / 3)
    lab.clients.burst(12, f"/slow?s={lab.settings.grace + 3:g}")


def closes(run, flags):
    """Failed requests whose connection the pod ended with that flag."""
    result = []
    for failure in run.failures("SH"):
        flow = run.flow(failure)
        ends = [p.flags for p in flow.between(failure.sent, failure.failed + 10**9)
                if not p.to_pod and p.flags & (FIN | RST)] if flow else []
        if ends and ends[0] & flags:
            result.append(failure)
    return result


def mechanics(run):
    return at_least(3, closes(run, FIN), "requests cut by FIN")


def must_find(run):
    return found(run, "aborted_in_flight", 3)
