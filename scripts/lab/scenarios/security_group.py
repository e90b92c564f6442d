# SPDX-License-Identifier: Apache-2.0
"""The controller removes the security group's rule before the balancer has stopped sending (scenario 36):
requests time out, and nothing of them reaches the node."""

from drainlab.proc import now_ns
from . import at_least, no_verdict_but

SUMMARY = "security group rule removed before the tail ends: timeouts, nothing reaches the node"
SETTINGS = {"balancer": "nlb", "lag": 6.0, "rate": 8.0, "checks_on_traffic": True}


def play(lab):
    pod = lab.kubernetes.create()
    lab.start_clients()
    lab.kubernetes.create()
    lab.plane.forbid(pod)
    pod.mark("forbidden", now_ns())
    lab.wait_for_requests(int(lab.settings.rate))   # what was under way is through
    lab.kubernetes.delete(pod)


def mechanics(run):
    pod = run.ended[0]
    came = [p for p in run.sent_to(pod) if p.at > pod.marks["t0"][0]]
    problems = at_least(10, run.failures("sC", 9000), "connections that timed out after 10 s")
    problems += [f"{f.request['id']} {f.verdict}: {f.why}" for f in run.truth.failures if f.verdict != "unobservable"][:3]
    return problems + ([f"{len(came)} packets reached the node after T0"] if came else [])


def must_find(run):
    return no_verdict_but(run, "clean") + [f"a drop: {d['drainsnoop.drop.cause']}" for d in run.truth.drops[:3]]
