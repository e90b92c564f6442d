# SPDX-License-Identifier: Apache-2.0
"""An NLB that keeps client addresses goes on for long after the pod has ended (scenario 12): refused
while the sandbox lives, lost in silence after. Its own addresses only check."""

from . import at_least, counted_apart, found, no_verdict_but, same_advice

SUMMARY = "NLB, client address kept: refused, then timed out, through a long tail"
SETTINGS = {"balancer": "nlb", "lag": 9.0, "linger": 4.0, "rate": 8.0, "delay": 10.0, "checks_on_traffic": True}


def mechanics(run):
    return at_least(5, run.failures("SC", slowest=500), "connections refused at once") + \
        at_least(5, run.failures("sC", 9000), "connections that timed out after 10 s")


def must_find(run):
    problems = found(run, "listener_closed", 5) + found(run, "address_released", 5) + same_advice(run)
    problems += no_verdict_but(run, "dropped")
    symptoms = {d.get("drainsnoop.drop.symptom") for d in run.truth.drops}
    if symptoms - {"nlb_refused", "timeout"}:
        problems.append(f"symptoms {sorted(symptoms, key=str)}: not those of an NLB")
    refused = [c for c in run.lab.plane.checker.log() if c["result"] == "refused"]
    return problems + at_least(len(refused), ["x"] * counted_apart(run, "health_check"), "refused checks counted apart")
