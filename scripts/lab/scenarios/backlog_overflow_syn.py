# SPDX-License-Identifier: Apache-2.0
"""The accept queue is full when the SYN comes (M11): it vanishes, and only the tap can tell."""

from drainlab.proc import now_ns
from . import at_least, found, no_rollout_cause

SUMMARY = "accept queue full when the SYN comes: timeouts after 10 s, seen with --tap always"
SETTINGS = {"server": "gate", "rate": 10.0}
TRACER = ("--tap", "always")


def play(lab):
    full, _ = (lab.kubernetes.create() for _ in range(2))
    lab.start_clients()
    begin = now_ns()
    full.tell("hold")
    full.tell("fill")
    lab.sleep(3)
    lab.plane.drain(full)
    lab.sleep(11)
    full.in_force("backlog_overflow", begin, now_ns())
    full.tell("accept")     # what waits in the queue is served after all


def mechanics(run):
    return at_least(5, run.failures("sC", 9000), "connections that timed out after 10 s")


def must_find(run):
    return found(run, "backlog_overflow", 5) + no_rollout_cause(run)
