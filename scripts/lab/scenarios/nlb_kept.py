# SPDX-License-Identifier: Apache-2.0
"""Clients keep their connections, and an NLB leaves a flow with its target: the drain ends new flows only, and
requests go on until the pod closes. No SYN comes in the tail's second half: payload makes it."""

from drainlab.capture import ACK, SYN
from . import no_verdict_but

SUMMARY = "NLB, connections that clients keep: requests go on long after the drain, until the pod closes"
SETTINGS = {"balancer": "nlb", "kept": 8, "rate": 24.0, "lag": 2.5, "prestop": 6.0, "grace": 12.0, "delay": 8.0,
            "checks_on_traffic": True}


def mechanics(run):
    pod = run.ended[0]
    drained, ended = pod.marks["drained"][1], pod.marks["sigterm"][0]
    late = [p for p in run.sent_to(pod) if drained < p.at < ended]
    problems = []
    if len(run.truth.failures) > 2:     # SIGTERM may meet one that is being answered
        problems.append(f"{len(run.truth.failures)} requests failed, expected none")
    if sum(p.size > 0 for p in late) < 10:
        problems.append("fewer than 10 requests between the drain and SIGTERM")
    if any(p.flags & (SYN | ACK) == SYN for p in late):
        problems.append("a new flow after the drain")
    return problems


def must_find(run):
    problems = no_verdict_but(run, "dropped" if run.truth.failures else "clean")
    tail = run.verdict(run.ended[0]).get("drainsnoop.tail_ms", 0)
    return problems + ([] if tail > 5000 else [f"a tail of {tail} ms: requests went on for 6 s"])
