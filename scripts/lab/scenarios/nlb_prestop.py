# SPDX-License-Identifier: Apache-2.0
"""preStop is longer than the NLB's tail (scenario 27): everything is served, and the tail is still measured."""

from . import no_verdict_but

SUMMARY = "NLB, preStop longer than the tail: nothing is lost"
SETTINGS = {"balancer": "nlb", "lag": 8.0, "prestop": 10.0, "grace": 16.0, "delay": 10.0, "rate": 8.0,
            "checks_on_traffic": True}


def mechanics(run):
    return [f"request {f.request['id']} failed" for f in run.truth.failures[:3]]


def must_find(run):
    problems = no_verdict_but(run, "clean") + [f"a drop: {d['drainsnoop.drop.cause']}" for d in run.truth.drops[:3]]
    for pod in run.ended:
        tail = run.verdict(pod).get("drainsnoop.tail_ms", 0)
        if tail < 7000:
            problems.append(f"the tail of {pod.name} is {tail} ms, the balancer sent for 8 s")
    return problems
