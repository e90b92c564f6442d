# SPDX-License-Identifier: Apache-2.0
"""All targets are in the other zone, and the NLB does not cross zones (scenario 24): the clients of this
one are refused by the balancer, and no node sees any of it."""

from . import at_least, no_verdict_but

SUMMARY = "NLB, a zone without a target: refused by the balancer, nothing reaches a node"
SETTINGS = {"balancer": "nlb", "prestop": 5.0, "rate": 8.0, "checks_on_traffic": True}


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    lab.add_clients(address=lab.network.plan.front_b)
    lab.kubernetes.rollout()


def mechanics(run):
    other = [f for f in run.truth.failures if f.request["id"].startswith(run.lab.run_id + "-1-")]
    problems = at_least(20, other, "requests refused in the empty zone")
    return problems + [f"{f.request['id']} {f.verdict}: {f.why}" for f in run.truth.failures
                       if f not in other or f.verdict != "unobservable"][:3]


def must_find(run):
    return no_verdict_but(run, "clean") + [f"a drop: {d['drainsnoop.drop.cause']}" for d in run.truth.drops[:3]]
