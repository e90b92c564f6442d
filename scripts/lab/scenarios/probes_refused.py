# SPDX-License-Identifier: Apache-2.0
"""The kubelet's readiness probes go on after the listener closed, and are refused."""

from drainlab import capture
from . import at_least, counted_apart, found, same_advice

SUMMARY = "readiness probes refused after the listener closed: counted as probes, nothing else"
SETTINGS = {"linger": 6.0, "rate": 20.0}


def refused(run):
    """Resets that the node's own probes got from the pods."""
    with open(run.lab.capture.path, "rb") as file:
        data = file.read()
    node, pods = run.lab.network.plan.node, {pod.address for pod in run.ended}
    return [at for at, kind, source, sport, target, _, flags, *_ in capture.parse(data)
            if source in pods and sport == 8080 and target == node and flags & capture.RST]


def mechanics(run):
    return at_least(10, refused(run), "probes that were refused")


def must_find(run):
    problems = found(run, "listener_closed", 5) + same_advice(run)
    number, real = counted_apart(run, "probe"), len(refused(run))
    if abs(number - real) > 1:      # one may be under way when the verdict is written
        problems.append(f"{number} probes are counted, {real} were refused")
    return problems
