# SPDX-License-Identifier: Apache-2.0
"""Three rollouts under enough traffic show that preStop is longer than is ever needed; a fourth one with the
preStop that is then advised loses nothing (scenarios 27 and 31)."""

from drainlab.proc import wait_for
from . import advised, advises_only, no_verdict_but, prestop_of_capture, roll_in_turn

SUMMARY = "preStop lowered after three rollouts with enough traffic, and the lowered one loses nothing"
SETTINGS = {"prestop": 5.0, "lag": 0.8, "controller_lag": 0.3, "delay": 3.0, "settle": 2.0, "grace": 12.0,
            "rate": 30.0}
ROLLOUTS = 3


def play(lab):
    last = roll_in_turn(lab, ROLLOUTS)
    if not lab.binary:
        return
    lines = wait_for(lambda: [e for e in lab.tracer.output() if e.get("drainsnoop.advice.code") == "lower_prestop"],
                     20, "drainsnoop's advice", 0.2)
    lab.settings.prestop = float(lines[-1]["drainsnoop.advice.suggested"])
    lab.say(f"once more, with the preStop that it advises: {lab.settings.prestop:g} s")
    lab.kubernetes.create()
    lab.kubernetes.delete(last)


def mechanics(run):
    return [f"{len(run.truth.failures)} requests failed"] if run.truth.failures else []


def must_find(run):
    problems, asked = no_verdict_but(run, "clean"), run.lab.asked.prestop
    right = prestop_of_capture(run, run.ended[:ROLLOUTS])
    if advised(run, "lower_prestop") not in right:
        problems.append(f"preStop {advised(run, 'lower_prestop')} is advised, by the capture it is in {right}")
    for number, pod in enumerate(run.ended):
        verdict = run.verdict(pod)
        told, lowered = verdict.get("drainsnoop.oversleep_ms", 0), number == ROLLOUTS
        withheld = verdict.get("drainsnoop.advice_withheld")
        if (told > 0) is lowered:
            problems.append(f"rollout {number + 1} is said to oversleep by {told} ms")
        if not lowered and not 0 < told <= asked * 1000 - 2000:
            problems.append(f"rollout {number + 1} is said to oversleep by {told} ms of {asked:g} s")
        if withheld != ("insufficient_traffic" if number < ROLLOUTS - 1 else None):
            problems.append(f"in rollout {number + 1} advice_withheld is {withheld}")
    return problems + advises_only(run, "lower_prestop")
