# SPDX-License-Identifier: Apache-2.0
"""The negative control: preStop is longer than the load balancer goes on sending."""

from . import advises_only

SUMMARY = "preStop is long enough: nothing is lost, and the tail is still measured"
SETTINGS = {"prestop": 6.0, "grace": 12.0, "pods": 2}


def mechanics(run):
    return [f"{len(run.truth.failures)} requests failed"] if run.truth.failures else []


def must_find(run):
    problems = advises_only(run)
    for pod in run.ended:
        verdict = run.verdict(pod)
        if verdict.get("drainsnoop.verdict.code") != "clean":
            problems.append(f"the verdict on {pod.name} is {verdict.get('drainsnoop.verdict.code')}")
        if verdict.get("drainsnoop.tail_ms") is None:
            problems.append(f"no tail for {pod.name}")
    if run.truth.drops:
        problems.append(f"{len(run.truth.drops)} drops, expected none")
    return problems
