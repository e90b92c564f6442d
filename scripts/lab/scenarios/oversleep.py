# SPDX-License-Identifier: Apache-2.0
"""preStop is longer than was needed, and there is too little traffic to say how short it may be: it is told,
and nothing is advised, however many rollouts there are."""

from . import advises_only, at_least, no_verdict_but, roll_in_turn

SUMMARY = "preStop too long under little traffic: told, and no shorter one advised"
SETTINGS = {"prestop": 6.0, "lag": 1.2, "controller_lag": 0.3, "delay": 3.0, "settle": 2.0, "grace": 12.0,
            "rate": 4.0}
ROLLOUTS = 3


def play(lab):
    roll_in_turn(lab, ROLLOUTS)


def mechanics(run):
    return ([f"{len(run.truth.failures)} requests failed"] if run.truth.failures else []) + at_least(
        ROLLOUTS, run.ended, "pods went away")


def must_find(run):
    problems = no_verdict_but(run, "clean")
    for pod in run.ended:
        verdict = run.verdict(pod)
        told, tail = verdict.get("drainsnoop.oversleep_ms", 0), verdict.get("drainsnoop.tail_ms")
        if tail is None or not 0 < told <= 3000:
            problems.append(f"{pod.name} is said to oversleep by {told} ms, with a tail of {tail} ms")
        if verdict.get("drainsnoop.advice_withheld") != "insufficient_traffic":
            problems.append(f"the verdict on {pod.name} does not say that the traffic was too little")
    return problems + advises_only(run)
