# SPDX-License-Identifier: Apache-2.0
"""A new target gets some connections while it is still `initial`, as an NLB does (scenario 15)."""

from . import at_least, no_verdict_but

SUMMARY = "NLB, a target that serves while it is `initial`: nothing is lost"
SETTINGS = {"balancer": "nlb", "early": True, "initial": 4.0, "prestop": 5.0, "rate": 12.0, "checks_on_traffic": True}


def mechanics(run):
    early = [r for r in run.requests if r["ok"] for pod in run.pods if pod.name == r["pod"]
             and pod.marks["initial"][0] < r["start"] < pod.marks["healthy"][0] and "t0" not in pod.marks]
    return at_least(5, early, "requests served by a target that was `initial`") + \
        [f"request {f.request['id']} failed" for f in run.truth.failures[:3]]


def must_find(run):
    return no_verdict_but(run, "clean") + [f"a drop: {d['drainsnoop.drop.cause']}" for d in run.truth.drops[:3]]
