# SPDX-License-Identifier: Apache-2.0
"""A pod is registered as healthy before its server has opened its port (M11): no readiness probe."""

from drainlab.proc import now_ns
from . import advises, advises_only, at_least, found, no_rollout_cause

SUMMARY = "a pod that gets requests before it listens: refused, and not the rollout's fault"


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    begin = now_ns()
    late = lab.kubernetes.create(server="gate", wait=False)
    lab.sleep(2.0)
    late.tell("accept")
    _, end = late.tell("listen 128")
    late.in_force("not_listening_yet", begin, end)
    lab.wait_for_requests(40)


def mechanics(run):
    return at_least(10, run.failures("SC", slowest=500), "connections refused at once")


def must_find(run):
    return (found(run, "not_listening_yet", 10) + no_rollout_cause(run) + advises_only(run, "add_readiness_probe")
            + advises(run, "add_readiness_probe", object="Deployment/default/web", confidence="high",
                      current="before it listens", suggested="port 8080",
                      evidence=f"{len(run.by_cause('not_listening_yet'))} connections to port 8080 were refused"))
